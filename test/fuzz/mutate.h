/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What targets with mutators of their own share. A mutator knows the form of its input, and changes
 * a part of it.
 */
#ifndef MOTE_TEST_FUZZ_MUTATE_H
#define MOTE_TEST_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's own; not there in replay programs, which call no mutator. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

struct mutate {
	uint64_t state;
};

struct mutate mutate_from(unsigned seed);
/* Below n, which is not 0. */
uint32_t mutate_below(struct mutate *m, uint32_t n);
/* Small, at an edge of some type, a bit, a size of pages, or anything. */
uint64_t mutate_number(struct mutate *m);
/* A number changed a little, or another one. */
uint64_t mutate_near(struct mutate *m, uint64_t v);

#endif
