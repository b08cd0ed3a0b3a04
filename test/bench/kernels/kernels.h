/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels: pieces of computing that are compiled twice from the same source, to WebAssembly and
 * natively. Each returns a number that depends on all that it computed, so that both can be
 * compared and nothing is left out.
 */
#ifndef MOTE_TEST_BENCH_KERNELS_H
#define MOTE_TEST_BENCH_KERNELS_H

#include <stddef.h>
#include <stdint.h>

struct kernel {
	const char *name;
	/* The same answer for the same seed, call after call. */
	uint64_t (*run)(uint32_t seed);
};

extern const struct kernel kernels[];
extern const size_t kernel_count;

/* xorshift32; the state is never 0. */
static inline uint32_t kernel_random(uint32_t *state)
{
	uint32_t x = *state;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

/* Folds a value into a checksum. */
static inline uint64_t kernel_mix(uint64_t sum, uint64_t value)
{
	return (sum ^ value) * 0x9e3779b97f4a7c15u + (sum >> 29);
}

#endif
