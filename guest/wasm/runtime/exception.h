/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions: throwing them. They are objects of the heap. */
#ifndef MOTE_GUEST_WASM_RUNTIME_EXCEPTION_H
#define MOTE_GUEST_WASM_RUNTIME_EXCEPTION_H

#include "guest/wasm/runtime/runtime.h"

/* What compiled code calls by the glue of throws (arch.h). */
_Noreturn void exception_throw(struct wasm_instance *i, uint64_t tag, const uint64_t *values,
			       const struct thrown_registers *saved);
_Noreturn void exception_throw_ref(const struct wasm_instance *i, struct wasm_exception *e,
				   const struct thrown_registers *saved);

#endif
