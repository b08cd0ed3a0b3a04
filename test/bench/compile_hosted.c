/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler's timing as a program of this machine: compile_hosted MODULE RUNS. The times are the
 * process's own, so that a busy machine changes them little. A last line, `peak BYTES`, is the most
 * memory that it had.
 */
#include "compile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

uint64_t compile_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void compile_out(const char *line, size_t bytes)
{
	fwrite(line, 1, bytes, stdout);
	fflush(stdout);
}

static unsigned long peak_bytes(void)
{
	unsigned long kilobytes = 0;
	char line[256];
	FILE *status = fopen("/proc/self/status", "re");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %lu", &kilobytes) == 1)
			break;
	if (status)
		fclose(status);
	return kilobytes << 10;
}

int main(int argc, char **argv)
{
	struct stat st;
	if (argc != 3) {
		fprintf(stderr, "usage: compile_hosted MODULE RUNS\n");
		return 2;
	}
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0) {
		perror(argv[1]);
		return 2;
	}
	size_t size = (size_t)st.st_size;
	void *module = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (module == MAP_FAILED) {
		perror(argv[1]);
		return 2;
	}
	int status = compile_bench(module, size, (unsigned)strtoul(argv[2], NULL, 10));
	printf("peak %lu\n", peak_bytes());
	return status;
}
