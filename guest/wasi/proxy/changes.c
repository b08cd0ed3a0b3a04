/* SPDX-License-Identifier: Apache-2.0 */
/* What the module changes, kept until the event ends, and what only the host can answer. */
#include "guest/wasi/proxy/internal.h"
#include "guest/wasi/rpc/internal.h"

#define ITEMS_FLUSHED (1UL << 20) /* bytes of changes that are kept at most, about */

static bool put(const struct mote_proxy_item *item)
{
	struct mote_out o = {0};
	mote_proxy_put_item(&o, item);
	/* Items follow each other without gaps, whatever region_take rounds to. */
	const uint64_t at = proxy.items.used, bytes = o.len;
	if (bytes > INT32_MAX || !region_take(&proxy.items, bytes))
		return false;
	proxy.items.used = at + bytes;
	o = (struct mote_out){.at = proxy.items.base + at, .capacity = bytes};
	mote_proxy_put_item(&o, item);
	return true;
}

/* Calls the host function with all items there are. */
static void send(struct wasm_instance *inst, struct proxy_answer *answer)
{
	uint8_t *end = region_take(&proxy.items, 1);
	struct mote_value result, arg;
	uint64_t len;
	if (!end)
		wasm_trap(inst, WASM_TRAP_HOST, "no memory for a request to the host");
	*end = 0;
	len = (uint64_t)(end - proxy.items.base) + 1;
	arg = mote_bytes(proxy.items.base, len);
	proxy.items.used = 0;
	rpc_ask_host(inst, MOTE_PROXY_HOST, MOTE_BYTES, &arg, 1, &result);
	struct mote_in in = {.at = result.of.bytes.data, .left = result.of.bytes.len};
	if (!mote_get_u32(&in, &answer->status) ||
	    !mote_get(&in, &answer->number, sizeof(answer->number)) ||
	    !mote_proxy_get_bytes(&in, &answer->bytes) || in.left)
		wasm_trap(inst, WASM_TRAP_HOST, "the host sent a damaged answer");
}

void proxy_ask(struct wasm_instance *inst, const struct mote_proxy_item *item,
	       struct proxy_answer *answer)
{
	struct mote_proxy_item request = *item;
	request.context = proxy.context;
	*answer = (struct proxy_answer){.status = MOTE_PROXY_INTERNAL_FAILURE};
	if (put(&request))
		send(inst, answer);
}

uint32_t proxy_change(struct wasm_instance *inst, const struct mote_proxy_item *item)
{
	struct mote_proxy_item change = *item;
	struct proxy_answer answer;
	change.context = proxy.context;
	if (proxy.items.used > ITEMS_FLUSHED)
		proxy_ask(inst, &(struct mote_proxy_item){.kind = MOTE_PROXY_ITEM_FLUSH}, &answer);
	if (!put(&change))
		return MOTE_PROXY_INTERNAL_FAILURE;
	return MOTE_PROXY_OK;
}

uint32_t proxy_change_buffers(struct wasm_instance *inst)
{
	uint32_t status = MOTE_PROXY_OK;
	for (uint32_t i = 0; i < MOTE_PROXY_BUFFERS && status == MOTE_PROXY_OK; i++) {
		struct proxy_buffer *b = &proxy.buffers[i];
		if (b->changed)
			status = proxy_change(
				inst, &(struct mote_proxy_item){.kind = MOTE_PROXY_ITEM_SET_BUFFER,
								.a = i,
								.x = b->bytes});
		b->changed = false;
	}
	return status;
}
