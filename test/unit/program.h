/* SPDX-License-Identifier: Apache-2.0 */
/* One program in a VM, from its options to its exit status. */
#ifndef MOTE_TEST_PROGRAM_H
#define MOTE_TEST_PROGRAM_H

#include <mote/mote.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A new file in memory with these bytes, at its beginning. */
static inline int program_memory_file(const void *bytes, size_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	cr_assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size &&
		  lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* What a program has printed into a file, as text of less than `capacity` bytes; closes it. */
static inline void program_take_output(int fd, char *to, size_t capacity)
{
	ssize_t n = pread(fd, to, capacity - 1, 0);
	cr_assert(n >= 0);
	to[n] = '\0';
	close(fd);
}

/*
 * Closes the program's file and the directories. With MOTE_TEST_ISOLATION in the environment its
 * memory is private.
 */
static inline int program_run(const struct mote_options *options)
{
	struct mote_options copy = *options, *o = &copy;
	if (getenv("MOTE_TEST_ISOLATION"))
		o->isolation = MOTE_ISOLATION_PRIVATE;
	struct mote_sandbox *sandbox;
	struct mote_result result;
	struct mote_error e;
	cr_assert(o->program_fd >= 0, "%s: is it there? hack/setup installs what is needed",
		  o->program_path);
	int rc = mote_sandbox_new(o, &sandbox, &e);
	cr_assert(rc == 0, "%s", e.text);
	rc = mote_sandbox_run(sandbox, &result, &e);
	cr_assert(rc == 0, "%s", e.text);
	mote_sandbox_free(sandbox);
	close(o->program_fd);
	for (size_t i = 0; i < o->dir_count; i++)
		close(o->dirs[i].fd);
	return mote_exit_status(&result);
}

#endif
