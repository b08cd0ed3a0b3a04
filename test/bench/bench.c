/* SPDX-License-Identifier: Apache-2.0 */
/* main of the benchmark programs: bench.h. */
#include "bench.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

int kvm_fd;
static const char *guests;
static int most_runs = INT_MAX;

int open_guest(const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", guests, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

int bench_runs(int most)
{
	return most < most_runs ? most : most_runs;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s GUESTS_DIR [PATTERN [RUNS]]\n", argv[0]);
		return 2;
	}
	guests = argv[1];
	const char *pattern = argc > 2 ? argv[2] : "*";
	if (argc > 3)
		most_runs = atoi(argv[3]);
	if (most_runs < 1) {
		fprintf(stderr, "RUNS is not a positive number: %s\n", argv[3]);
		return 2;
	}
	kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0) {
		perror("/dev/kvm");
		return 1;
	}
	for (const struct bench *b = benches; b->name; b++)
		if (fnmatch(pattern, b->name, 0) == 0) {
			b->run(b->name, b->guest);
			fflush(stdout);
		}
	return 0;
}
