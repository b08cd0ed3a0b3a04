/* SPDX-License-Identifier: Apache-2.0 */
/* What the WASI test programs share: a check that names its line, and cases chosen by argv[1]. */
#ifndef MOTE_TEST_WASI_CHECK_H
#define MOTE_TEST_WASI_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                          \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, \
				errno);                                                           \
			exit(1);                                                                  \
		}                                                                                 \
	} while (0)

struct test_case {
	const char *name;
	void (*run)(int argc, char **argv);
};

/* Runs the case that argv[1] names; 99 if there is none. */
static inline int run_case(const struct test_case *cases, int argc, char **argv)
{
	for (; cases->name; cases++) {
		if (argc > 1 && strcmp(cases->name, argv[1]) == 0) {
			cases->run(argc, argv);
			return 0;
		}
	}
	fprintf(stderr, "no such case\n");
	return 99;
}

#endif
