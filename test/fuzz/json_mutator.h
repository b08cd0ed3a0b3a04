/* SPDX-License-Identifier: Apache-2.0 */
/* Changes JSON documents by their values, so that what a target sees is a document still. */
#ifndef MOTE_TEST_FUZZ_JSON_MUTATOR_H
#define MOTE_TEST_FUZZ_JSON_MUTATOR_H

#include <stddef.h>
#include <stdint.h>

/*
 * Words that the documents are made of, NULL-terminated: keys and texts. For
 * LLVMFuzzerCustomMutator.
 */
size_t json_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed,
		   const char *const *words);

#endif
