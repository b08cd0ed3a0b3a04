/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the dynamic module share. */
#ifndef MOTE_ENVOY_ENVOY_H
#define MOTE_ENVOY_ENVOY_H

#include "envoy/abi.h"
#include "proxy-wasm/host.h"

#include <pthread.h>

/* A filter's configuration: one plugin. */
struct envoy_config {
	struct pw_plugin *plugin;
	void *envoy;     /* Envoy's own */
	void *scheduler; /* to the main thread; NULL: this Envoy has none */
	/* The thread that asks for ticks. */
	pthread_t ticker;
	bool is_ticking;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	uint32_t period_ms; /* 0: no ticks */
	bool tick_pending, is_ending;
	/* Calls of the root context; the main thread's alone. */
	struct envoy_call *calls;
};

/* A call of a plugin's whose end has not come. */
struct envoy_call {
	struct envoy_call *next;
	uint64_t id;
	uint32_t token;
};

static inline struct envoy_buffer envoy_text(const char *text)
{
	struct envoy_buffer b = {text, __builtin_strlen(text)};
	return b;
}

static inline struct envoy_buffer envoy_bytes(const struct mote_proxy_bytes *bytes)
{
	return (struct envoy_buffer){(const char *)bytes->at, bytes->len};
}

void envoy_log(unsigned level, const char *text);

/* --- calls (calls.c) --- */

struct envoy_call *envoy_call_take(struct envoy_call **list, uint64_t id);
void envoy_calls_free(struct envoy_call **list);
/* A status of the ABI for what Envoy says of a call's beginning. */
uint32_t envoy_call_status(uint32_t result);
/* The event of a call's end; its parts are borrowed, `pairs` and `body` hold what they point to. */
int envoy_call_event(struct pw_event *event, uint32_t token, const struct envoy_header *headers,
		     size_t header_count, const struct envoy_buffer *chunks, size_t chunk_count,
		     struct buf *body);

/* --- the root context (root.c) --- */

void envoy_root_begin(struct envoy_config *config);
void envoy_root_end(struct envoy_config *config);
void envoy_root_tick(void *owner, uint32_t period_ms);
void envoy_root_queue(void *owner, uint32_t queue);
uint32_t envoy_root_call(struct envoy_config *config, uint32_t token,
			 const struct envoy_buffer *cluster, struct envoy_header *headers,
			 size_t count, const struct envoy_buffer *body, uint32_t timeout_ms);

/* --- properties (properties.c) --- */

uint32_t envoy_get_property(void *filter, const struct mote_proxy_bytes *path, struct buf *to);
uint32_t envoy_set_property(void *filter, const struct mote_proxy_bytes *path,
			    const struct mote_proxy_bytes *value);

/* Number of the attribute connection.id. */
#define ENVOY_CONNECTION_ID 28

/* --- HTTP (http.c) --- */

extern const struct pw_server envoy_http_server;

#endif
