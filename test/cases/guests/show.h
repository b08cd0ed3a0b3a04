/* SPDX-License-Identifier: Apache-2.0 */
/* What cases print: a call as it is written, and its result or the negative of its errno. */
#ifndef MOTE_CASES_SHOW_H
#define MOTE_CASES_SHOW_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RESULT(x)                                \
	({                                       \
		errno = 0;                       \
		long r_ = (long)(x);             \
		r_ == -1 && errno ? -errno : r_; \
	})
/* A line of its own: a name, and what printf makes of the rest. */
#define PRINT(name, ...)                \
	do {                            \
		printf("%s: ", (name)); \
		printf(__VA_ARGS__);    \
		puts("");               \
		fflush(stdout);         \
	} while (0)
#define SHOW(x) printf("%s: %ld\n", #x, RESULT(x))

/* With the error's name. Needs _GNU_SOURCE. */
#define SAY(call) say(#call, (long)(call))

static inline void say(const char *what, long rc)
{
	int error = errno;
	printf("%s: %ld", what, rc);
	if (rc < 0)
		printf(" %s", strerrorname_np(error));
	printf("\n");
}

#endif
