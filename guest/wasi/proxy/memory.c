/* SPDX-License-Identifier: Apache-2.0 */
/* Strings and results in the module's linear memory. */
#include "guest/wasi/proxy/internal.h"
#include "guest/wasi/rpc/internal.h"
#include "guest/wasi/state.h"

bool proxy_bytes_at(const struct wasm_instance *inst, uint32_t at, uint32_t len,
		    struct mote_proxy_bytes *out)
{
	const uint8_t *from = wasi_span(inst, at, len);
	*out = (struct mote_proxy_bytes){.at = from, .len = len};
	return from;
}

/* The 0.2.1 name, else what every SDK exports. */
static struct wasm_func *find_allocator(struct wasm_instance *inst)
{
	static struct wasm_func *found;
	if (!found)
		found = rpc_find_export(inst, "proxy_on_memory_allocate", "i:i");
	if (!found)
		found = rpc_find_export(inst, "malloc", "i:i");
	return found;
}

uint8_t *proxy_allocate(struct wasm_instance *inst, uint32_t bytes, uint32_t *address)
{
	const union wasm_value size = {.i32 = bytes};
	union wasm_value at = {0};
	struct wasm_func *allocator = find_allocator(inst);
	if (!allocator)
		wasm_trap(inst, WASM_TRAP_HOST,
			  "the module exports neither proxy_on_memory_allocate nor malloc");
	if (wasm_call(allocator, &size, &at, &wasi.stop) != WASM_RETURNED || at.i32 == 0)
		return NULL;
	*address = at.i32;
	return wasi_span(inst, at.i32, bytes);
}

uint32_t proxy_return_u32(const struct wasm_instance *inst, uint32_t at, uint32_t v)
{
	void *to = wasi_span(inst, at, sizeof(v));
	if (!to)
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	wasi_store32(to, v);
	return MOTE_PROXY_OK;
}

uint32_t proxy_return_u64(const struct wasm_instance *inst, uint32_t at, uint64_t v)
{
	void *to = wasi_span(inst, at, sizeof(v));
	if (!to)
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	wasi_store64(to, v);
	return MOTE_PROXY_OK;
}

uint32_t proxy_return(struct wasm_instance *inst, const struct mote_proxy_bytes *bytes, uint32_t at,
		      uint32_t len)
{
	uint32_t address = 0;
	if (bytes->len > INT32_MAX)
		return MOTE_PROXY_INTERNAL_FAILURE;
	if (!wasi_span(inst, at, 4) || !wasi_span(inst, len, 4))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	if (bytes->len) {
		uint8_t *to = proxy_allocate(inst, (uint32_t)bytes->len, &address);
		if (!to)
			return MOTE_PROXY_INVALID_MEMORY_ACCESS;
		memcpy(to, bytes->at, bytes->len);
	}
	(void)proxy_return_u32(inst, at, address);
	return proxy_return_u32(inst, len, (uint32_t)bytes->len);
}
