/* SPDX-License-Identifier: Apache-2.0 */
/* Imports that the host answers: properties, shared data and queues, metrics, calls. */
#include "guest/wasi/proxy/internal.h"

typedef struct wasm_instance *instance;

/* --- properties --- */

static uint32_t import_get_property(instance inst, uint32_t path, uint32_t path_len, uint32_t at,
				    uint32_t size)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_GET_PROPERTY};
	struct proxy_answer answer;
	if (!proxy_bytes_at(inst, path, path_len, &item.x))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	proxy_ask(inst, &item, &answer);
	if (answer.status != MOTE_PROXY_OK)
		return answer.status;
	return proxy_return(inst, &answer.bytes, at, size);
}

static uint32_t import_set_property(instance inst, uint32_t path, uint32_t path_len, uint32_t at,
				    uint32_t len)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_SET_PROPERTY};
	struct proxy_answer answer;
	if (!proxy_bytes_at(inst, path, path_len, &item.x) ||
	    !proxy_bytes_at(inst, at, len, &item.y))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	proxy_ask(inst, &item, &answer);
	return answer.status;
}

/* Of the module's root context, in 0.1.0. */
static uint32_t import_get_configuration(instance inst, uint32_t at, uint32_t size)
{
	const struct proxy_buffer *b = proxy_buffer_get(inst, MOTE_PROXY_BUFFER_PLUGIN_CONFIG);
	if (!b)
		return MOTE_PROXY_NOT_FOUND;
	return proxy_return(inst, &b->bytes, at, size);
}

/* --- shared data --- */

static uint32_t import_get_shared_data(instance inst, uint32_t key, uint32_t key_len, uint32_t at,
				       uint32_t size, uint32_t cas)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_GET_SHARED};
	struct proxy_answer answer;
	if (!proxy_bytes_at(inst, key, key_len, &item.x) || !wasi_span(inst, cas, 4))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	proxy_ask(inst, &item, &answer);
	if (answer.status != MOTE_PROXY_OK)
		return answer.status;
	const uint32_t status = proxy_return(inst, &answer.bytes, at, size);
	if (status != MOTE_PROXY_OK)
		return status;
	return proxy_return_u32(inst, cas, (uint32_t)answer.number);
}

static uint32_t import_set_shared_data(instance inst, uint32_t key, uint32_t key_len, uint32_t at,
				       uint32_t len, uint32_t cas)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_SET_SHARED, .a = cas};
	struct proxy_answer answer;
	if (!proxy_bytes_at(inst, key, key_len, &item.x) || !proxy_bytes_at(inst, at, len, &item.y))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	proxy_ask(inst, &item, &answer);
	return answer.status;
}

/* --- what is answered with a number --- */

static uint32_t ask_number(instance inst, const struct mote_proxy_item *item, uint32_t at)
{
	struct proxy_answer answer;
	if (!wasi_span(inst, at, 4))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	proxy_ask(inst, item, &answer);
	if (answer.status != MOTE_PROXY_OK)
		return answer.status;
	return proxy_return_u32(inst, at, (uint32_t)answer.number);
}

static uint32_t import_register_shared_queue(instance inst, uint32_t name, uint32_t len,
					     uint32_t at)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_REGISTER_QUEUE};
	if (!proxy_bytes_at(inst, name, len, &item.x))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	return ask_number(inst, &item, at);
}

static uint32_t import_resolve_shared_queue(instance inst, uint32_t vm, uint32_t vm_len,
					    uint32_t name, uint32_t len, uint32_t at)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_RESOLVE_QUEUE};
	if (!proxy_bytes_at(inst, vm, vm_len, &item.x) || !proxy_bytes_at(inst, name, len, &item.y))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	return ask_number(inst, &item, at);
}

static uint32_t import_enqueue_shared_queue(instance inst, uint32_t id, uint32_t at, uint32_t len)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_ENQUEUE, .a = id};
	struct proxy_answer answer;
	if (!proxy_bytes_at(inst, at, len, &item.x))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	proxy_ask(inst, &item, &answer);
	return answer.status;
}

static uint32_t import_dequeue_shared_queue(instance inst, uint32_t id, uint32_t at, uint32_t size)
{
	struct proxy_answer answer;
	proxy_ask(inst, &(struct mote_proxy_item){.kind = MOTE_PROXY_ITEM_DEQUEUE, .a = id},
		  &answer);
	if (answer.status != MOTE_PROXY_OK)
		return answer.status;
	return proxy_return(inst, &answer.bytes, at, size);
}

static uint32_t import_define_metric(instance inst, uint32_t type, uint32_t name, uint32_t len,
				     uint32_t at)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_DEFINE_METRIC, .a = type};
	if (!proxy_bytes_at(inst, name, len, &item.x))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	if (type > 2)
		return MOTE_PROXY_BAD_ARGUMENT;
	return ask_number(inst, &item, at);
}

static uint32_t import_get_metric(instance inst, uint32_t id, uint32_t at)
{
	struct proxy_answer answer;
	proxy_ask(inst, &(struct mote_proxy_item){.kind = MOTE_PROXY_ITEM_GET_METRIC, .a = id},
		  &answer);
	if (answer.status != MOTE_PROXY_OK)
		return answer.status;
	return proxy_return_u64(inst, at, answer.number);
}

/* --- calls --- */

static uint32_t import_http_call(instance inst, uint32_t upstream, uint32_t upstream_len,
				 uint32_t headers, uint32_t headers_len, uint32_t body,
				 uint32_t body_len, uint32_t trailers, uint32_t trailers_len,
				 uint32_t timeout_ms, uint32_t token)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_HTTP_CALL, .a = timeout_ms};
	struct mote_proxy_bytes end;
	struct mote_proxy_pairs pairs;
	if (!proxy_bytes_at(inst, upstream, upstream_len, &item.x) ||
	    !proxy_bytes_at(inst, headers, headers_len, &item.y) ||
	    !proxy_bytes_at(inst, body, body_len, &item.z) ||
	    !proxy_bytes_at(inst, trailers, trailers_len, &end))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	if (!mote_proxy_map_valid(&item.y) || !mote_proxy_map_valid(&end))
		return MOTE_PROXY_BAD_ARGUMENT;
	if (mote_proxy_pairs_begin(&pairs, &end) && pairs.left)
		return MOTE_PROXY_UNIMPLEMENTED; /* a call with trailers */
	return ask_number(inst, &item, token);
}

static uint32_t import_call_function(instance inst, uint32_t name, uint32_t name_len, uint32_t args,
				     uint32_t args_len, uint32_t at, uint32_t size)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_FUNCTION};
	struct proxy_answer answer;
	if (!proxy_bytes_at(inst, name, name_len, &item.x) ||
	    !proxy_bytes_at(inst, args, args_len, &item.y))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	proxy_ask(inst, &item, &answer);
	if (answer.status != MOTE_PROXY_OK)
		return answer.status;
	return proxy_return(inst, &answer.bytes, at, size);
}

/* gRPC has no counterpart in the hosts that there are. */
static uint32_t import_grpc(const struct wasm_instance *inst)
{
	(void)inst;
	return MOTE_PROXY_UNIMPLEMENTED;
}

#define FUNCTION(name, type, function)             \
	{                                          \
		name, type, (wasm_host_fn)function \
	}
const struct import_function proxy_services[] = {
	FUNCTION("proxy_get_property", "iiii:i", import_get_property),
	FUNCTION("proxy_set_property", "iiii:i", import_set_property),
	FUNCTION("proxy_get_configuration", "ii:i", import_get_configuration),
	FUNCTION("proxy_get_shared_data", "iiiii:i", import_get_shared_data),
	FUNCTION("proxy_set_shared_data", "iiiii:i", import_set_shared_data),
	FUNCTION("proxy_register_shared_queue", "iii:i", import_register_shared_queue),
	FUNCTION("proxy_resolve_shared_queue", "iiiii:i", import_resolve_shared_queue),
	FUNCTION("proxy_enqueue_shared_queue", "iii:i", import_enqueue_shared_queue),
	FUNCTION("proxy_dequeue_shared_queue", "iii:i", import_dequeue_shared_queue),
	FUNCTION("proxy_define_metric", "iiii:i", import_define_metric),
	FUNCTION("proxy_get_metric", "ii:i", import_get_metric),
	FUNCTION("proxy_http_call", "iiiiiiiiii:i", import_http_call),
	FUNCTION("proxy_call_foreign_function", "iiiiii:i", import_call_function),
	FUNCTION("proxy_grpc_call", "iiiiiiiiiiii:i", import_grpc),
	FUNCTION("proxy_grpc_stream", "iiiiiiiii:i", import_grpc),
	FUNCTION("proxy_grpc_send", "iiii:i", import_grpc),
	FUNCTION("proxy_grpc_cancel", "i:i", import_grpc),
	FUNCTION("proxy_grpc_close", "i:i", import_grpc),
};
const uint32_t proxy_service_count = sizeof(proxy_services) / sizeof(proxy_services[0]);
