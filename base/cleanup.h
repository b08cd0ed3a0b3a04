/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound ownership: cleanup attributes for memory, descriptors and files, and moves out of
 * them.
 */
#ifndef MOTE_BASE_CLEANUP_H
#define MOTE_BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

/* Closes *fd if it is one; keeps errno. */
static inline void cleanup_closep(const int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
	}
}

/* Closes *fd if there is one, and leaves -1. */
static inline void close_fd(int *fd)
{
	cleanup_closep(fd);
	*fd = -1;
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define cleanup_(fn)   __attribute__((cleanup(fn)))
#define cleanup_free   cleanup_(cleanup_freep)
#define cleanup_close  cleanup_(cleanup_closep)
#define cleanup_fclose cleanup_(cleanup_fclosep)

/*
 * Moves the pointer out of a variable that carries a cleanup attribute: the caller owns the result.
 */
#define take_ptr(p)                               \
	({                                        \
		__typeof__(p) *take_at_ = &(p);   \
		__typeof__(p) taken_ = *take_at_; \
		*take_at_ = NULL;                 \
		taken_;                           \
	})

/* Moves the descriptor out of *fd: the caller owns the result. */
static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

#define must_check __attribute__((warn_unused_result))

#endif
