/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the test programs for native guests share. argv[1] names the check; status NO_SUCH_CHECK:
 * there is none.
 */
#ifndef MOTE_TEST_GUEST_LINUX_CHECK_H
#define MOTE_TEST_GUEST_LINUX_CHECK_H

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK_FAILED = 1, NO_SUCH_CHECK = 98 };

/* Reports what was not as Linux has it, with file and line, and ends the program. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s (errno: %s)\n", __FILE__, __LINE__, #condition, \
				strerror(errno));                                                  \
			exit(CHECK_FAILED);                                                        \
		}                                                                                  \
	} while (0)

/* The same of two integers, whose values it reports. */
#define CHECK_EQ(got, wanted)                                                                      \
	do {                                                                                       \
		long long got_ = (long long)(got), wanted_ = (long long)(wanted);                  \
		if (got_ != wanted_) {                                                             \
			fprintf(stderr, "%s:%d: %s is %lld (0x%llx), not %s, %lld (errno: %s)\n",  \
				__FILE__, __LINE__, #got, got_, (unsigned long long)got_, #wanted, \
				wanted_, strerror(errno));                                         \
			exit(CHECK_FAILED);                                                        \
		}                                                                                  \
	} while (0)

/* A call that fails in the way of the C library. */
#define FAILS(call, error)              \
	do {                            \
		CHECK_EQ(call, -1);     \
		CHECK_EQ(errno, error); \
	} while (0)

struct check {
	const char *name;
	void (*run)(void);
};

static inline int run_check(const struct check *checks, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(checks[i].name, name) == 0) {
			checks[i].run();
			return 0;
		}
	return NO_SUCH_CHECK;
}

#endif
