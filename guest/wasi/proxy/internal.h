/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the proxy-wasm host in the guest share. */
#ifndef MOTE_WASI_PROXY_INTERNAL_H
#define MOTE_WASI_PROXY_INTERNAL_H

#include "guest/wasi/memory.h"
#include "guest/wasi/proxy/proxy.h"

/* --- memory (region.c) --- */

/* Memory that grows at its end and does not move. */
struct region {
	uint8_t *base;
	uint64_t used, committed;
};

/* NULL: none is left. At 8 bytes' alignment. */
void *region_take(struct region *r, uint64_t bytes);

/* --- the state of an event --- */

struct proxy_map {
	bool present;
	struct mote_proxy_pair *pairs;
	uint32_t count, capacity;
};

struct proxy_buffer {
	bool present, changed;
	struct mote_proxy_bytes bytes;
};

struct proxy_state {
	uint32_t context;       /* that imports act for */
	uint32_t event_context; /* whose maps and buffers are here */
	uint8_t log_level;
	bool in_event;
	struct region arena; /* emptied by each event */
	struct region items; /* encoded; changes that the host does not know of yet */
	struct proxy_map maps[MOTE_PROXY_MAPS];
	struct proxy_buffer buffers[MOTE_PROXY_BUFFERS];
};
extern struct proxy_state proxy;

/* --- changes and requests (changes.c) --- */

struct proxy_answer {
	uint32_t status; /* enum mote_proxy_status */
	uint64_t number;
	struct mote_proxy_bytes bytes; /* until the next request */
};

/* Adds an item for the effective context. A status: no memory is an internal failure. */
uint32_t proxy_change(struct wasm_instance *inst, const struct mote_proxy_item *item);
/* Asks the host, which gets all changes before. */
void proxy_ask(struct wasm_instance *inst, const struct mote_proxy_item *item,
	       struct proxy_answer *answer);
/* Buffers that have changed become changes. */
uint32_t proxy_change_buffers(struct wasm_instance *inst);

/* --- maps and buffers (maps.c) --- */

/* One of the effective context, fetched if it is not here. NULL: it is not available. */
struct proxy_map *proxy_map_get(struct wasm_instance *inst, uint32_t number);
struct proxy_buffer *proxy_buffer_get(struct wasm_instance *inst, uint32_t number);
/* Reads pairs into a map; false: damaged, or no memory. */
bool proxy_map_read(struct proxy_map *map, const struct mote_proxy_bytes *from);
/* Appends a copy. */
bool proxy_map_append(struct proxy_map *map, const struct mote_proxy_bytes *key,
		      const struct mote_proxy_bytes *value);
void proxy_map_remove(struct proxy_map *map, const struct mote_proxy_bytes *key);
/* A copy in the arena. */
bool proxy_copy(const struct mote_proxy_bytes *from, struct mote_proxy_bytes *to);

/* --- the module's memory (memory.c) --- */

/* Bytes that the module names, borrowed until it runs. False: outside its memory. */
bool proxy_bytes_at(const struct wasm_instance *inst, uint32_t at, uint32_t len,
		    struct mote_proxy_bytes *out);
/* Memory that the module allocates; its address at *address. NULL: it has none. */
uint8_t *proxy_allocate(struct wasm_instance *inst, uint32_t bytes, uint32_t *address);
/* Copies bytes to memory that the module allocates; their address and length are stored. */
uint32_t proxy_return(struct wasm_instance *inst, const struct mote_proxy_bytes *bytes, uint32_t at,
		      uint32_t len);
uint32_t proxy_return_u32(const struct wasm_instance *inst, uint32_t at, uint32_t v);
uint32_t proxy_return_u64(const struct wasm_instance *inst, uint32_t at, uint64_t v);

/* --- the imports (functions.c, services.c) --- */

extern const struct import_function proxy_functions[];
extern const uint32_t proxy_function_count;
extern const struct import_function proxy_services[];
extern const uint32_t proxy_service_count;

#endif
