/* SPDX-License-Identifier: Apache-2.0 */
/* What a compiler does for the engine. There is one, singlepass/. */
#ifndef MOTE_GUEST_WASM_TIER_H
#define MOTE_GUEST_WASM_TIER_H

#include "guest/wasm/module/module.h"

struct code_location {
	uint32_t func;
	uint32_t offset;      /* in the module's bytes */
	uint32_t frame_bytes; /* from the stack pointer to the return address at this place */
};

/* Checks all function bodies, and compiles them to the module's machine code, which is sealed. */
void tier_compile(struct wasm_module *m, struct failure *fail);

/*
 * What a code address of the module belongs to; recompiles that function. False: no function's
 * code.
 */
bool tier_locate(const struct wasm_module *m, const uint8_t *code, struct code_location *location);

#endif
