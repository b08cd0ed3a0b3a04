/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Components (WebAssembly component model, binary format version 0x0d): whether bytes are a valid
 * one. Everything in them is untrusted. Nothing of a component is executed yet; what will be is in
 * DESIGN.md.
 */
#ifndef MOTE_GUEST_COMPONENT_COMPONENT_H
#define MOTE_GUEST_COMPONENT_COMPONENT_H

#include "guest/wasm/wasm.h"

/* Whether bytes begin as a component does: a module's preamble with another "layer". */
bool component_is(const void *bytes, size_t size);

/*
 * Decodes and validates a component with all that is nested in it; its core modules are compiled.
 * 0, or a negative errno with *error filled in: WASM_ERROR_UNSUPPORTED names what is not supported.
 */
int component_validate(const void *bytes, size_t size, const struct wasm_options *options,
		       struct wasm_error *error);

#endif
