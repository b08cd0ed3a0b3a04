/* SPDX-License-Identifier: Apache-2.0 */
/* Zeroed memory that is given back all at once; grows in steps inside its own reservation. */
#ifndef MOTE_GUEST_WASM_ARENA_H
#define MOTE_GUEST_WASM_ARENA_H

#include <stdbool.h>
#include <stdint.h>

#include "guest/wasm/format.h"

struct arena {
	uint8_t *base;
	uint64_t used, committed, reserved, step;
	/* while it lies in another's reservation: how large the one is that comes next */
	uint64_t more;
};
bool arena_open(struct arena *arena, uint64_t reserve_bytes);
void arena_close(struct arena *arena);
/* 16-byte aligned; NULL when memory or the reservation is exhausted. */
void *arena_take(struct arena *arena, uint64_t bytes);
/* The same, and fails with WASM_ERROR_MEMORY. */
void *arena_need(struct arena *arena, struct failure *fail, uint64_t count, uint64_t bytes);

#endif
