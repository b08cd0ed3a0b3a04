/* SPDX-License-Identifier: Apache-2.0 */
/* Strings and bytes of function calls in the module's memory. */
#include "guest/wasi/memory.h"
#include "guest/wasi/rpc/internal.h"
#include "guest/wasi/state.h"

static bool allocating;

bool rpc_is_allocating(void)
{
	return allocating;
}

/* Calls the module's allocator; *at is 0 if it has no memory. NULL, or why not. */
static const char *allocate(struct wasm_instance *inst, uint32_t bytes, uint32_t *at)
{
	union wasm_value args[4] = {0}, result = {0};
	struct wasm_func *allocator = rpc_find_export(inst, "cabi_realloc", "iiii:i");
	if (allocator) {
		args[2].i32 = 1; /* alignment */
		args[3].i32 = bytes;
	} else {
		allocator = rpc_find_export(inst, "mote_alloc", "i:i");
		args[0].i32 = bytes;
	}
	if (!allocator)
		return "the module exports neither cabi_realloc nor mote_alloc, so it takes no "
		       "strings and bytes";
	allocating = true;
	const enum wasm_outcome outcome = wasm_call(allocator, args, &result, &wasi.stop);
	allocating = false;
	if (outcome != WASM_RETURNED)
		return "the module's allocator trapped";
	*at = result.i32;
	return NULL;
}

/* Copies bytes to memory that the module allocates; pair: address, length. NULL, or why not. */
static const char *pass_bytes(struct wasm_instance *inst, const void *bytes, size_t len,
			      uint32_t pair[2])
{
	uint32_t at;
	if (len > INT32_MAX)
		return "more bytes than the module's memory can hold";
	const char *why = allocate(inst, (uint32_t)len, &at);
	if (why)
		return why;
	void *to = wasi_span(inst, at, len);
	if (!to || (at == 0 && len))
		return "the module's allocator has no memory";
	memcpy(to, bytes, len);
	pair[0] = at;
	pair[1] = (uint32_t)len;
	return NULL;
}

const char *rpc_pass_value(struct wasm_instance *inst, const struct mote_value *v, uint32_t pair[2])
{
	if (v->type == MOTE_STRING)
		return pass_bytes(inst, v->of.string.text, v->of.string.len, pair);
	return pass_bytes(inst, v->of.bytes.data, v->of.bytes.len, pair);
}

const char *rpc_borrow_bytes(const struct wasm_instance *inst, enum mote_type type, uint32_t at,
			     uint32_t len, struct mote_value *v)
{
	const void *from = wasi_span(inst, at, len);
	if (!from)
		return "a string or bytes outside the module's memory";
	*v = mote_bytes(from, len);
	if (type != MOTE_STRING)
		return NULL;
	if (memchr(from, 0, len))
		return "a string with a NUL inside";
	*v = (struct mote_value){.type = MOTE_STRING, .of.string = {from, len}};
	return NULL;
}
