/* SPDX-License-Identifier: Apache-2.0 */
/* The test suite's runner as a Linux program, for sanitizers: runs one packed script. */
#include "spectest.h"

#include "guest/wasm/wasm.h"
#include "guest/wasm/x86_64/cpu.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Copies that modules borrow, until the end: a list, so that the leak check finds them. */
struct kept {
	struct kept *next;
	uint8_t *bytes;
};
static struct kept *all_kept;

void spectest_out(const char *line, size_t bytes)
{
	fwrite(line, 1, bytes, stdout);
	fflush(stdout);
}

const uint8_t *spectest_keep(const uint8_t *module, uint32_t bytes)
{
	struct kept *k = malloc(sizeof(*k));
	uint8_t *copy = malloc(bytes ? bytes : 1);
	if (!k || !copy) {
		free(k);
		free(copy);
		return NULL;
	}
	memcpy(copy, module, bytes);
	*k = (struct kept){all_kept, copy};
	all_kept = k;
	return copy;
}

int main(int argc, char **argv)
{
	bool is_avx = argc == 3 && strcmp(argv[1], "--avx") == 0,
	     is_v2 = argc == 3 && strcmp(argv[1], "--v2") == 0;
	if (argc != 2 && !is_avx && !is_v2) {
		fprintf(stderr, "usage: spectest_hosted [--avx | --v2] PACKED-SCRIPT\n"
				"  --avx  nothing of the CPU that came after AVX is used\n"
				"  --v2   nothing that x86-64-v2 does not have\n");
		return 2;
	}
	if (is_avx || is_v2) {
		spectest_cpu = is_avx ? WASM_CPU_AVX : 0;
		argv++;
	}
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		perror(argv[1]);
		return 2;
	}
	size_t size = (size_t)st.st_size;
	void *packed = mmap(NULL, size ? size : 1, PROT_READ, MAP_PRIVATE, fd, 0);
	if (packed == MAP_FAILED) {
		perror(argv[1]);
		return 2;
	}
	return spectest_run(packed, size);
}
