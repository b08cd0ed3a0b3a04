/* SPDX-License-Identifier: Apache-2.0 */
/* What a compiler does for the engine. There is one, singlepass/. */
#ifndef MOTE_GUEST_WASM_TIER_H
#define MOTE_GUEST_WASM_TIER_H

#include "guest/wasm/module/module.h"

/* How a function's frame is left: what a walk of the stack needs of it. */
struct code_frame {
	uint32_t func;
	uint32_t bytes; /* from the stack pointer to the return address */
	uint32_t kept;  /* registers of its caller that it has saved: bits for arch_leave() */
};

struct code_location {
	struct code_frame frame;
	uint32_t offset; /* in the module's bytes */
};

/* Checks all function bodies, and compiles them to the module's machine code, which is sealed. */
void tier_compile(struct wasm_module *m, struct failure *fail);

/* The function that a code address of the module belongs to, and its frame. False: none. */
bool tier_frame(const struct wasm_module *m, const uint8_t *code, struct code_frame *frame);

/*
 * What a code address of the module belongs to; recompiles that function. False: no function's
 * code.
 */
bool tier_locate(const struct wasm_module *m, const uint8_t *code, struct code_location *location);

#endif
