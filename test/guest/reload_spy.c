/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that tells by flush and reload which lines of its own program file another process reads.
 * For each byte on its standard input it says '1' if a line of the page was read since the byte
 * before, else '0'; the first flushes it. The page is the last whole one of the file, as the
 * micro-VM has it.
 */
#include "abi/layout.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <x86intrin.h>

enum { LINE = 64, TRIES = 201 };

/* So that there is a page that nothing else reads. */
__attribute__((aligned(4096))) static const volatile uint8_t page[2 * 4096] = {0xa5, 1};

static uint64_t reload(const volatile uint8_t *at)
{
	unsigned aux;
	_mm_mfence();
	uint64_t from = __rdtscp(&aux);
	_mm_lfence();
	(void)*at;
	uint64_t to = __rdtscp(&aux);
	_mm_lfence();
	return to - from;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static uint64_t median(const volatile uint8_t *at, int flush)
{
	static uint64_t t[TRIES];
	for (int i = 0; i < TRIES; i++) {
		if (flush)
			_mm_clflush((const void *)(uintptr_t)at);
		t[i] = reload(at);
	}
	qsort(t, TRIES, sizeof(*t), by_value);
	return t[TRIES / 2];
}

/* argv[1]: the page's offset in the file. */
int main(int argc, char **argv)
{
	const volatile uint8_t *at =
		(const volatile uint8_t *)(uintptr_t)(MOTE_PROGRAM_VA +
						      (argc > 1 ? strtoul(argv[1], NULL, 0) : 0));
	uint64_t slow = median(at, 1), quick = median(at, 0), limit = (slow + quick) / 2;
	char byte;
	(void)page[1];
	fprintf(stderr, "%lu %lu\n", (unsigned long)quick, (unsigned long)slow);
	_mm_clflush((const void *)(uintptr_t)at);
	while (read(0, &byte, 1) == 1) {
		(void)at[2048]; /* a walk of page tables would look like a line from memory */
		char bit = reload(at) < limit ? '1' : '0';
		_mm_clflush((const void *)(uintptr_t)at);
		_mm_mfence();
		if (write(1, &bit, 1) != 1)
			return 1;
	}
	return 0;
}
