/* SPDX-License-Identifier: Apache-2.0 */
/* The test suite's runner as a Linux program, for sanitizers: runs one packed script. */
#include "spectest.h"

#include "guest/wasm/store.h"
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

static bool set_option(const char *option)
{
	if (strcmp(option, "--avx") == 0)
		spectest_cpu = WASM_CPU_AVX;
	else if (strcmp(option, "--v2") == 0)
		spectest_cpu = 0;
	else if (strcmp(option, "--collect") == 0)
		spectest_stress = WASM_STRESS_COLLECT;
	else if (strcmp(option, "--mark") == 0)
		spectest_stress = WASM_STRESS_MARK;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	if (argc == 3 && set_option(argv[1]))
		argv++;
	else if (argc != 2) {
		fprintf(stderr, "usage: spectest_hosted [OPTION] PACKED-SCRIPT\n"
				"  --avx      nothing of the CPU that came after AVX is used\n"
				"  --v2       nothing that x86-64-v2 does not have\n"
				"  --collect  garbage is collected at each allocation\n"
				"  --mark     each allocation is a step of a collection\n");
		return 2;
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
