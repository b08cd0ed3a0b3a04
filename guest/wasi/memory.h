/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access to the module's linear memory. Every address that a module hands over goes through
 * wasi_span(), whichever interface takes it.
 */
#ifndef MOTE_WASI_MEMORY_H
#define MOTE_WASI_MEMORY_H

#include "guest/lib/lib.h"
#include "guest/wasm/wasm.h"

/*
 * The bytes at [at, at + len), or NULL if not all of them are in linear memory. No bytes may
 * be anywhere: the address of an empty slice means nothing in some languages.
 */
static inline void *wasi_span(const struct wasm_instance *inst, uint32_t at, uint64_t len)
{
	struct wasm_memory *memory = wasm_instance_memory(inst);
	if (!memory)
		return NULL;
	if (len == 0)
		return wasm_memory_base(memory);
	const uint64_t size = wasm_memory_bytes(memory);
	if (at > size || len > size - at)
		return NULL;
	return wasm_memory_base(memory) + at;
}

/* Addresses in linear memory need not be aligned. */
static inline void wasi_store16(void *to, uint16_t v)
{
	memcpy(to, &v, sizeof(v));
}

static inline void wasi_store32(void *to, uint32_t v)
{
	memcpy(to, &v, sizeof(v));
}

static inline void wasi_store64(void *to, uint64_t v)
{
	memcpy(to, &v, sizeof(v));
}

#endif
