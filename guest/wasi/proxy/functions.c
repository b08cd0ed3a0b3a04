/* SPDX-License-Identifier: Apache-2.0 */
/* Imports that are answered in the guest: log, time, maps, buffers, and changes of the stream. */
#include "guest/wasi/proxy/internal.h"
#include "guest/wasi/state.h"

#define NS_PER_S 1000000000UL

enum { REALTIME = 0 }; /* CLOCK_REALTIME */

typedef const struct wasm_instance *instance_in;
typedef struct wasm_instance *instance;

static uint32_t change(instance inst, const struct mote_proxy_item *item)
{
	return proxy_change(inst, item);
}

/* --- log and time --- */

static uint32_t import_log(instance inst, uint32_t level, uint32_t at, uint32_t len)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_LOG, .a = level};
	if (level > 5)
		return MOTE_PROXY_BAD_ARGUMENT;
	if (!proxy_bytes_at(inst, at, len, &item.x))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	if (level < proxy.log_level)
		return MOTE_PROXY_OK;
	/* What a module says before it traps must not wait for the event's end. */
	if (level >= 4) {
		struct proxy_answer answer;
		(void)change(inst, &item);
		proxy_ask(inst, &(struct mote_proxy_item){.kind = MOTE_PROXY_ITEM_FLUSH}, &answer);
		return answer.status;
	}
	return change(inst, &item);
}

static uint32_t import_get_log_level(instance_in inst, uint32_t at)
{
	return proxy_return_u32(inst, at, proxy.log_level);
}

static uint32_t import_get_current_time(instance_in inst, uint32_t at)
{
	struct mote_time now = {0};
	if (lib_clock_get(mote_area(), REALTIME, &now) < 0)
		return MOTE_PROXY_INTERNAL_FAILURE;
	return proxy_return_u64(inst, at, now.sec * NS_PER_S + now.nsec);
}

static uint32_t import_set_tick_period(instance inst, uint32_t ms)
{
	return change(inst,
		      &(struct mote_proxy_item){.kind = MOTE_PROXY_ITEM_TICK_PERIOD, .a = ms});
}

/* --- buffers --- */

static uint32_t import_get_buffer_bytes(instance inst, uint32_t number, uint32_t start,
					uint32_t len, uint32_t at, uint32_t size)
{
	const struct proxy_buffer *b;
	if (number >= MOTE_PROXY_BUFFERS || start > UINT32_MAX - len)
		return MOTE_PROXY_BAD_ARGUMENT;
	b = proxy_buffer_get(inst, number);
	if (!b)
		return MOTE_PROXY_NOT_FOUND;
	struct mote_proxy_bytes part = {.at = b->bytes.at, .len = 0};
	if (start < b->bytes.len) {
		part.at = b->bytes.at + start;
		part.len = b->bytes.len - start;
	}
	if (part.len > len)
		part.len = len;
	return proxy_return(inst, &part, at, size);
}

static uint32_t import_get_buffer_status(instance inst, uint32_t number, uint32_t len,
					 uint32_t flags)
{
	const struct proxy_buffer *b;
	if (number >= MOTE_PROXY_BUFFERS)
		return MOTE_PROXY_BAD_ARGUMENT;
	b = proxy_buffer_get(inst, number);
	if (!b)
		return MOTE_PROXY_NOT_FOUND;
	const uint32_t status = proxy_return_u32(inst, len, (uint32_t)b->bytes.len);
	if (status != MOTE_PROXY_OK)
		return status;
	return proxy_return_u32(inst, flags, 0);
}

/* What a module may write to: the rest is the host's. */
static bool is_writable(uint32_t number)
{
	return number <= MOTE_PROXY_BUFFER_UPSTREAM;
}

/* Replaces [start, start + len) by the bytes, as far as it is inside; beyond the end: appends. */
static bool splice(struct proxy_buffer *b, uint64_t start, uint64_t len,
		   const struct mote_proxy_bytes *by)
{
	if (start > b->bytes.len)
		start = b->bytes.len;
	if (len > b->bytes.len - start)
		len = b->bytes.len - start;
	const uint64_t behind = b->bytes.len - start - len;
	uint8_t *to = region_take(&proxy.arena, start + by->len + behind + 1);
	if (!to)
		return false;
	memcpy(to, b->bytes.at, start);
	memcpy(to + start, by->at, by->len);
	memcpy(to + start + by->len, b->bytes.at + start + len, behind);
	b->bytes = (struct mote_proxy_bytes){.at = to, .len = start + by->len + behind};
	return true;
}

static uint32_t import_set_buffer_bytes(instance inst, uint32_t number, uint32_t start,
					uint32_t len, uint32_t at, uint32_t size)
{
	struct proxy_buffer *b;
	struct mote_proxy_bytes by;
	if (!is_writable(number))
		return MOTE_PROXY_BAD_ARGUMENT;
	if (!proxy_bytes_at(inst, at, size, &by))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	b = proxy_buffer_get(inst, number);
	if (!b)
		return MOTE_PROXY_NOT_FOUND;
	if (!splice(b, start, len, &by))
		return MOTE_PROXY_INTERNAL_FAILURE;
	if (proxy.context != proxy.event_context)
		return change(inst, &(struct mote_proxy_item){.kind = MOTE_PROXY_ITEM_SET_BUFFER,
							      .a = number,
							      .x = b->bytes});
	b->changed = true;
	return MOTE_PROXY_OK;
}

/* --- maps --- */

/* Bytes of all pairs, as the ABI counts them: without the lengths. */
static uint32_t import_get_header_map_size(instance inst, uint32_t number, uint32_t at)
{
	const struct proxy_map *map = proxy_map_get(inst, number);
	uint64_t bytes = 0;
	if (!map)
		return MOTE_PROXY_BAD_ARGUMENT;
	for (uint32_t i = 0; i < map->count; i++)
		bytes += map->pairs[i].key.len + map->pairs[i].value.len;
	return proxy_return_u32(inst, at, (uint32_t)bytes);
}

static uint32_t import_get_header_map_pairs(instance inst, uint32_t number, uint32_t at,
					    uint32_t size)
{
	const struct proxy_map *map = proxy_map_get(inst, number);
	struct mote_out o = {0};
	uint32_t address;
	if (!map)
		return MOTE_PROXY_BAD_ARGUMENT;
	if (!wasi_span(inst, at, 4) || !wasi_span(inst, size, 4))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	mote_proxy_put_map(&o, map->pairs, map->count);
	if (o.len > INT32_MAX)
		return MOTE_PROXY_SERIALIZATION_FAILURE;
	uint8_t *to = proxy_allocate(inst, (uint32_t)o.len, &address);
	if (!to)
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	o = (struct mote_out){.at = to, .capacity = o.len};
	mote_proxy_put_map(&o, map->pairs, map->count);
	(void)proxy_return_u32(inst, at, address);
	return proxy_return_u32(inst, size, (uint32_t)o.len);
}

/* Headers and trailers of the stream; what a call has returned is only to be read. */
static struct proxy_map *writable_map(instance inst, uint32_t number)
{
	if (number > MOTE_PROXY_MAP_RESPONSE_TRAILERS)
		return NULL;
	return proxy_map_get(inst, number);
}

static uint32_t import_set_header_map_pairs(instance inst, uint32_t number, uint32_t at,
					    uint32_t len)
{
	struct proxy_map *map = writable_map(inst, number), fresh;
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_SET_PAIRS, .a = number};
	struct mote_proxy_bytes given;
	if (!map)
		return MOTE_PROXY_BAD_ARGUMENT;
	if (!proxy_bytes_at(inst, at, len, &given))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	if (!proxy_copy(&given, &item.x))
		return MOTE_PROXY_INTERNAL_FAILURE;
	if (!proxy_map_read(&fresh, &item.x))
		return MOTE_PROXY_PARSE_FAILURE;
	*map = fresh;
	return change(inst, &item);
}

static uint32_t import_get_header_map_value(instance inst, uint32_t number, uint32_t key,
					    uint32_t key_len, uint32_t at, uint32_t size)
{
	struct mote_proxy_bytes name;
	const struct proxy_map *map;
	if (!proxy_bytes_at(inst, key, key_len, &name))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	map = proxy_map_get(inst, number);
	if (!map)
		return MOTE_PROXY_BAD_ARGUMENT;
	for (uint32_t i = 0; i < map->count; i++)
		if (mote_proxy_key_is(&map->pairs[i].key, &name))
			return proxy_return(inst, &map->pairs[i].value, at, size);
	return MOTE_PROXY_NOT_FOUND;
}

static uint32_t put_value(instance inst, uint8_t kind, uint32_t number,
			  const struct mote_proxy_bytes *key, const struct mote_proxy_bytes *value)
{
	struct proxy_map *map = writable_map(inst, number);
	if (!map)
		return MOTE_PROXY_BAD_ARGUMENT;
	if (kind == MOTE_PROXY_ITEM_REPLACE)
		proxy_map_remove(map, key);
	if (!proxy_map_append(map, key, value))
		return MOTE_PROXY_INTERNAL_FAILURE;
	return change(inst,
		      &(struct mote_proxy_item){.kind = kind, .a = number, .x = *key, .y = *value});
}

static uint32_t import_add_header_map_value(instance inst, uint32_t number, uint32_t key,
					    uint32_t key_len, uint32_t at, uint32_t len)
{
	struct mote_proxy_bytes name, value;
	if (!proxy_bytes_at(inst, key, key_len, &name) || !proxy_bytes_at(inst, at, len, &value))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	return put_value(inst, MOTE_PROXY_ITEM_ADD, number, &name, &value);
}

static uint32_t import_replace_header_map_value(instance inst, uint32_t number, uint32_t key,
						uint32_t key_len, uint32_t at, uint32_t len)
{
	struct mote_proxy_bytes name, value;
	if (!proxy_bytes_at(inst, key, key_len, &name) || !proxy_bytes_at(inst, at, len, &value))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	return put_value(inst, MOTE_PROXY_ITEM_REPLACE, number, &name, &value);
}

static uint32_t import_remove_header_map_value(instance inst, uint32_t number, uint32_t key,
					       uint32_t key_len)
{
	struct mote_proxy_item item = {.kind = MOTE_PROXY_ITEM_REMOVE, .a = number};
	struct proxy_map *map = writable_map(inst, number);
	if (!proxy_bytes_at(inst, key, key_len, &item.x))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	if (!map)
		return MOTE_PROXY_BAD_ARGUMENT;
	proxy_map_remove(map, &item.x);
	return change(inst, &item);
}

/* --- the stream --- */

static uint32_t of_stream(instance inst, uint8_t kind, uint32_t type)
{
	if (type > 3)
		return MOTE_PROXY_BAD_ARGUMENT;
	return change(inst, &(struct mote_proxy_item){.kind = kind, .a = type});
}

static uint32_t import_continue_stream(instance inst, uint32_t type)
{
	return of_stream(inst, MOTE_PROXY_ITEM_CONTINUE, type);
}

static uint32_t import_close_stream(instance inst, uint32_t type)
{
	return of_stream(inst, MOTE_PROXY_ITEM_CLOSE, type);
}

static uint32_t import_continue_request(instance inst)
{
	return of_stream(inst, MOTE_PROXY_ITEM_CONTINUE, 0);
}

static uint32_t import_continue_response(instance inst)
{
	return of_stream(inst, MOTE_PROXY_ITEM_CONTINUE, 1);
}

static uint32_t import_clear_route_cache(instance inst)
{
	return change(inst, &(struct mote_proxy_item){.kind = MOTE_PROXY_ITEM_CLEAR_ROUTE});
}

static uint32_t import_send_local_response(instance inst, uint32_t status, uint32_t details,
					   uint32_t details_len, uint32_t body, uint32_t body_len,
					   uint32_t headers, uint32_t headers_len, uint32_t grpc)
{
	struct mote_proxy_item item = {
		.kind = MOTE_PROXY_ITEM_LOCAL_RESPONSE, .a = status, .b = grpc};
	if (!proxy_bytes_at(inst, details, details_len, &item.z) ||
	    !proxy_bytes_at(inst, body, body_len, &item.y) ||
	    !proxy_bytes_at(inst, headers, headers_len, &item.x))
		return MOTE_PROXY_INVALID_MEMORY_ACCESS;
	if (status < 200 || status > 599 || !mote_proxy_map_valid(&item.x))
		return MOTE_PROXY_BAD_ARGUMENT;
	return change(inst, &item);
}

static uint32_t import_done(instance inst)
{
	return change(inst, &(struct mote_proxy_item){.kind = MOTE_PROXY_ITEM_DONE});
}

static uint32_t import_set_effective_context(instance inst, uint32_t context)
{
	struct proxy_answer answer;
	const uint32_t before = proxy.context;
	uint32_t status = proxy_change_buffers(inst);
	if (status != MOTE_PROXY_OK || context == before)
		return status;
	proxy.context = context;
	proxy_ask(inst, &(struct mote_proxy_item){.kind = MOTE_PROXY_ITEM_SET_CONTEXT}, &answer);
	if (answer.status != MOTE_PROXY_OK)
		proxy.context = before;
	return answer.status;
}

static uint32_t import_get_status(instance inst, uint32_t code, uint32_t at, uint32_t size)
{
	const uint32_t status = proxy_return_u32(inst, code, 0);
	if (status != MOTE_PROXY_OK)
		return status;
	return proxy_return(inst, &(struct mote_proxy_bytes){.at = NULL, .len = 0}, at, size);
}

/* --- metrics --- */

static uint32_t import_increment_metric(instance inst, uint32_t id, int64_t by)
{
	return change(inst, &(struct mote_proxy_item){
				    .kind = MOTE_PROXY_ITEM_INCREMENT, .a = id, .b = (uint64_t)by});
}

static uint32_t import_record_metric(instance inst, uint32_t id, uint64_t value)
{
	return change(inst, &(struct mote_proxy_item){
				    .kind = MOTE_PROXY_ITEM_RECORD, .a = id, .b = value});
}

/* What C++ modules call when their memory has grown: nothing depends on it here. */
static void import_memory_growth(instance_in inst, uint32_t memory)
{
	(void)inst;
	(void)memory;
}

#define FUNCTION(name, type, function)             \
	{                                          \
		name, type, (wasm_host_fn)function \
	}
const struct import_function proxy_functions[] = {
	FUNCTION("proxy_log", "iii:i", import_log),
	FUNCTION("proxy_get_log_level", "i:i", import_get_log_level),
	FUNCTION("proxy_get_current_time_nanoseconds", "i:i", import_get_current_time),
	FUNCTION("proxy_set_tick_period_milliseconds", "i:i", import_set_tick_period),
	FUNCTION("proxy_get_buffer_bytes", "iiiii:i", import_get_buffer_bytes),
	FUNCTION("proxy_get_buffer_status", "iii:i", import_get_buffer_status),
	FUNCTION("proxy_set_buffer_bytes", "iiiii:i", import_set_buffer_bytes),
	FUNCTION("proxy_get_header_map_size", "ii:i", import_get_header_map_size),
	FUNCTION("proxy_get_header_map_pairs", "iii:i", import_get_header_map_pairs),
	FUNCTION("proxy_set_header_map_pairs", "iii:i", import_set_header_map_pairs),
	FUNCTION("proxy_get_header_map_value", "iiiii:i", import_get_header_map_value),
	FUNCTION("proxy_add_header_map_value", "iiiii:i", import_add_header_map_value),
	FUNCTION("proxy_replace_header_map_value", "iiiii:i", import_replace_header_map_value),
	FUNCTION("proxy_remove_header_map_value", "iii:i", import_remove_header_map_value),
	FUNCTION("proxy_continue_stream", "i:i", import_continue_stream),
	FUNCTION("proxy_close_stream", "i:i", import_close_stream),
	FUNCTION("proxy_continue_request", ":i", import_continue_request),
	FUNCTION("proxy_continue_response", ":i", import_continue_response),
	FUNCTION("proxy_clear_route_cache", ":i", import_clear_route_cache),
	FUNCTION("proxy_send_local_response", "iiiiiiii:i", import_send_local_response),
	FUNCTION("proxy_done", ":i", import_done),
	FUNCTION("proxy_set_effective_context", "i:i", import_set_effective_context),
	FUNCTION("proxy_get_status", "iii:i", import_get_status),
	FUNCTION("proxy_increment_metric", "iI:i", import_increment_metric),
	FUNCTION("proxy_record_metric", "iI:i", import_record_metric),
	FUNCTION("emscripten_notify_memory_growth", "i:", import_memory_growth),
};
const uint32_t proxy_function_count = sizeof(proxy_functions) / sizeof(proxy_functions[0]);
