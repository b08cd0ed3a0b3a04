/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes of what a module says, whose author may want all of them to be the same. What is said is a
 * polynomial, and its hash the value at a point that is drawn at random for each process, in the
 * field of 2^61 - 1 elements: two that differ, of n numbers at most, agree for n points at most.
 */
#ifndef MOTE_GUEST_WASM_MODULE_HASH_H
#define MOTE_GUEST_WASM_MODULE_HASH_H

#include <stdint.h>

#define HASH_PRIME ((1ull << 61) - 1)

extern uint64_t hash_point; /* 0: not drawn yet */
void hash_draw_point(void);

static inline uint64_t hash_fold(uint64_t h)
{
	return (h & HASH_PRIME) + (h >> 61);
}

static inline uint64_t hash_begin(void)
{
	if (!hash_point)
		hash_draw_point();
	return 1; /* so that zeroes in front count */
}

static inline uint64_t hash_add(uint64_t h, uint32_t number)
{
	const unsigned __int128 product = (unsigned __int128)h * hash_point;
	return hash_fold(((uint64_t)product & HASH_PRIME) + (uint64_t)(product >> 61) + number);
}

/* Its low bits are as good as all. */
static inline uint32_t hash_end(uint64_t h)
{
	if (h >= HASH_PRIME)
		h -= HASH_PRIME;
	return (uint32_t)(h * 0x9e3779b97f4a7c15ull >> 32);
}

#endif
