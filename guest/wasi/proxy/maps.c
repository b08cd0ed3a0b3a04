/* SPDX-License-Identifier: Apache-2.0 */
/* Maps and buffers of the effective context, as the module has changed them. */
#include "guest/wasi/proxy/internal.h"

#define PAIRS_FIRST 32

bool proxy_copy(const struct mote_proxy_bytes *from, struct mote_proxy_bytes *to)
{
	uint8_t *copy = region_take(&proxy.arena, from->len + 1);
	if (!copy)
		return false;
	memcpy(copy, from->at, from->len);
	*to = (struct mote_proxy_bytes){.at = copy, .len = from->len};
	return true;
}

static bool reserve_pair(struct proxy_map *map)
{
	if (map->count < map->capacity)
		return true;
	if (map->count >= MOTE_PROXY_PAIRS_MAX)
		return false;
	const uint32_t capacity = map->capacity ? map->capacity * 2 : PAIRS_FIRST;
	struct mote_proxy_pair *pairs = region_take(&proxy.arena, capacity * sizeof(pairs[0]));
	if (!pairs)
		return false;
	memcpy(pairs, map->pairs, map->count * sizeof(pairs[0]));
	map->pairs = pairs;
	map->capacity = capacity;
	return true;
}

bool proxy_map_read(struct proxy_map *map, const struct mote_proxy_bytes *from)
{
	struct mote_proxy_pairs p;
	*map = (struct proxy_map){.present = true};
	if (!mote_proxy_pairs_begin(&p, from))
		return false;
	while (p.left) {
		if (!reserve_pair(map) || !mote_proxy_pairs_next(&p, &map->pairs[map->count]))
			return false;
		map->count++;
	}
	return true;
}

bool proxy_map_append(struct proxy_map *map, const struct mote_proxy_bytes *key,
		      const struct mote_proxy_bytes *value)
{
	struct mote_proxy_pair pair;
	if (!reserve_pair(map) || !proxy_copy(key, &pair.key) || !proxy_copy(value, &pair.value))
		return false;
	map->pairs[map->count++] = pair;
	return true;
}

void proxy_map_remove(struct proxy_map *map, const struct mote_proxy_bytes *key)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < map->count; i++)
		if (!mote_proxy_key_is(&map->pairs[i].key, key))
			map->pairs[kept++] = map->pairs[i];
	map->count = kept;
}

/* Another context's are not kept: they would be out of date at its next event. */
static bool is_here(bool present)
{
	return present && proxy.context == proxy.event_context;
}

static bool fetch(struct wasm_instance *inst, uint8_t kind, uint32_t number,
		  struct mote_proxy_bytes *bytes)
{
	struct proxy_answer answer;
	if (!proxy.in_event)
		return false;
	proxy_ask(inst, &(struct mote_proxy_item){.kind = kind, .a = number}, &answer);
	return answer.status == MOTE_PROXY_OK && proxy_copy(&answer.bytes, bytes);
}

struct proxy_map *proxy_map_get(struct wasm_instance *inst, uint32_t number)
{
	static struct proxy_map other;
	struct mote_proxy_bytes bytes;
	if (number >= MOTE_PROXY_MAPS)
		return NULL;
	struct proxy_map *map = &proxy.maps[number];
	if (is_here(map->present))
		return map;
	if (!fetch(inst, MOTE_PROXY_ITEM_GET_MAP, number, &bytes))
		return NULL;
	if (proxy.context != proxy.event_context)
		map = &other;
	if (proxy_map_read(map, &bytes))
		return map;
	map->present = false;
	return NULL;
}

struct proxy_buffer *proxy_buffer_get(struct wasm_instance *inst, uint32_t number)
{
	static struct proxy_buffer other;
	struct mote_proxy_bytes bytes;
	if (number >= MOTE_PROXY_BUFFERS)
		return NULL;
	struct proxy_buffer *buffer = &proxy.buffers[number];
	if (is_here(buffer->present))
		return buffer;
	if (!fetch(inst, MOTE_PROXY_ITEM_GET_BUFFER, number, &bytes))
		return NULL;
	if (proxy.context != proxy.event_context)
		buffer = &other;
	*buffer = (struct proxy_buffer){.present = true, .bytes = bytes};
	return buffer;
}
