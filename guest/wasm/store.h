/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store: all that may refer to each other (WebAssembly specification, 4.2.3), and the call under
 * way in it. Its memory is the embedder's, so that a first one costs no allocation; zeroes are an
 * empty store. Everything in here is the engine's.
 */
#ifndef MOTE_GUEST_WASM_STORE_H
#define MOTE_GUEST_WASM_STORE_H

#include "guest/wasm/arch.h"
#include "guest/wasm/arena.h"
#include "guest/wasm/wasm.h"

/* Tests collect when they can, not when it is worth while. */
enum wasm_stress {
	WASM_STRESS_NONE,
	WASM_STRESS_COLLECT, /* at each allocation */
	WASM_STRESS_MARK,    /* always a step of a collection */
};

struct wasm_store {
	uint64_t exit_sp; /* where compiled code left for C, or 0 */
	/* What it owns; each is a list. */
	struct wasm_module *modules; /* whose code a fault may be in */
	struct wasm_instance *instances;
	struct wasm_memory *memories; /* that belong to no instance, as those below */
	struct wasm_table *tables;
	struct wasm_global *globals;
	struct arena objects; /* where what belongs to no instance lies */
	/* what functions of no instance are of: the store, and nothing else */
	struct wasm_instance *host;
	struct wasm_store *outer; /* while armed: the store whose host function called in here */
	bool armed;               /* a call is under way, and what is below is its */
	struct wasm_jump jump;
	struct wasm_stop *stop;
	uint64_t base_sp;  /* of the outermost wasm_enter: frames end there */
	struct heap *heap; /* NULL: nothing has been allocated */
	uint8_t stress;    /* enum wasm_stress */
	/* A fault under way. */
	enum wasm_trap_code code;
	uint64_t pc, sp;
	struct wasm_access access;
};
_Static_assert(offsetof(struct wasm_store, exit_sp) == 0, "entry.S");

#endif
