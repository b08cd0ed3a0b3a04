/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the kernels that it is linked with and prints a line for each: its name, the least time of a
 * run in nanoseconds, and its answer. One source for WebAssembly and for the machine itself.
 */
#include "kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile uint32_t seed =
	0x2545f491; /* volatile: no answer can be computed at compile time */

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Returns 0, or 1 when two runs gave different answers. */
static int measure(const struct kernel *k, int runs)
{
	uint64_t answer = 0, least = UINT64_MAX;
	for (int i = 0; i < runs; i++) {
		uint64_t since = now_ns();
		uint64_t got = k->run(seed);
		uint64_t took = now_ns() - since;
		if (i && got != answer) {
			fprintf(stderr, "%s: another answer in run %d\n", k->name, i + 1);
			return 1;
		}
		answer = got;
		least = took < least ? took : least;
	}
	printf("%s %llu %016llx\n", k->name, (unsigned long long)least, (unsigned long long)answer);
	return 0;
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 3;
	const char *only = argc > 2 ? argv[2] : NULL;
	int bad = 0, ran = 0;
	if (runs < 1) {
		fprintf(stderr, "usage: kernels [RUNS [NAME]]\n");
		return 2;
	}
	for (size_t i = 0; i < kernel_count; i++) {
		if (only && strcmp(only, kernels[i].name) != 0)
			continue;
		bad |= measure(&kernels[i], runs);
		ran++;
	}
	if (!ran) {
		fprintf(stderr, "no kernel is called %s\n", only ? only : "anything");
		return 2;
	}
	return bad;
}
