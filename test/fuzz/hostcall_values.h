/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program would hand to host calls, by the names of calls.def: numbers, names, structures,
 * and calls that belong together.
 */
#ifndef MOTE_TEST_FUZZ_HOSTCALL_VALUES_H
#define MOTE_TEST_FUZZ_HOSTCALL_VALUES_H

#include "mutate.h"

#include <stdbool.h>

enum { HOSTCALL_CHAIN_MAX = 10, HOSTCALL_STRUCTURE_BYTES = 128 };

/* One for this argument of this call; false: nothing is known of it. */
bool hostcall_value(struct mutate *m, uint32_t nr, const char *argument, uint64_t *value);
/* Likewise of bytes that the host reads, at most HOSTCALL_STRUCTURE_BYTES: how many, or 0. */
uint32_t hostcall_bytes(struct mutate *m, uint32_t nr, const char *argument, void *to);
/* A structure of abi/types.h by its name; false: nothing is known of it. */
bool hostcall_structure(struct mutate *m, const char *type, void *to);
/* A path below the directories that the target hands in. */
const char *hostcall_path(struct mutate *m);
/* Calls that work on what the first of them make; 0 ends them. */
const uint16_t *hostcall_chain(struct mutate *m);
/* How many descriptors a call adds if it succeeds. */
unsigned hostcall_makes(uint32_t nr);

#endif
