/* SPDX-License-Identifier: Apache-2.0 */
/* Random valid modules for the differential check: what the generator and its user share. */
#ifndef MOTE_TEST_WASM_DIFFERENTIAL_H
#define MOTE_TEST_WASM_DIFFERENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state;
};
uint64_t random_next(struct random *r);
/* Below n, which is not 0. */
uint32_t random_below(struct random *r, uint32_t n);

struct bytes {
	uint8_t *p;
	size_t n, capacity;
};
/* All end the program when memory is exhausted. */
void bytes_put(struct bytes *b, const void *from, size_t n);
void bytes_u8(struct bytes *b, uint32_t v);
void bytes_uleb(struct bytes *b, uint64_t v);
void bytes_sleb(struct bytes *b, int64_t v);

/*
 * Writes the module of a seed, always the same, to *out. It imports the function "h" "h" (i32, f64)
 * -> i32, and exports functions "w0", "w1", … () -> i64, which run its code on chosen arguments,
 * "reset" () -> (), to be called before each, "state" () -> i64, and its memories "m0", "m1". Every
 * run ends, and no NaN's payload depends on the engine. Returns the number of the functions w;
 * *vectors says whether there is a v128 in it.
 */
uint32_t generate_module(uint64_t seed, struct bytes *out, bool *vectors);

#endif
