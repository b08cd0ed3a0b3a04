/* SPDX-License-Identifier: Apache-2.0 */
/* What the test programs for native guests share. argv[1] names what to do; status 98: there is no such thing. */
#ifndef MOTE_TEST_GUEST_LINUX_CHECK_H
#define MOTE_TEST_GUEST_LINUX_CHECK_H

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Says what was not as Linux has it and ends the program with 1. */
#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);              \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

#define FAILS(call, error) CHECK((call) == -1 && errno == (error))

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
	return 98;
}

#endif
