/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the dynamic module share. */
#ifndef MOTE_ENVOY_ENVOY_H
#define MOTE_ENVOY_ENVOY_H

#include "envoy/abi.h"
#include "proxy-wasm/host.h"

#include <pthread.h>

#define ENVOY_BODY_MAX  (16UL << 20) /* that a plugin sees of a body at once */
#define ENVOY_CALLS_MAX 64           /* of a stream or the root context, at once */

/* What Envoy offers to the configuration of one kind of filters. */
struct envoy_kind {
	const struct pw_server *server;
	envoy_define_fn *define[3]; /* by enum pw_metric */
	envoy_change_fn *increment_counter, *increment_gauge, *decrement_gauge, *set_gauge,
		*record_histogram;
	envoy_scheduler_fn *scheduler_new;
	envoy_commit_fn *scheduler_commit;
	envoy_delete_fn *scheduler_delete;
	envoy_callout_fn *callout; /* NULL: there is none */
};

/* A filter's configuration: one plugin. */
struct envoy_config {
	const struct envoy_kind *kind;
	struct pw_plugin *plugin;
	void *envoy;     /* Envoy's own */
	void *scheduler; /* to the main thread */
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
	size_t body_len;
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

/* --- configuration (config.c) --- */

/* NULL: refused, and the log has the reason. */
struct envoy_config *envoy_config_new(const struct envoy_kind *kind, void *envoy,
				      const struct envoy_buffer *name,
				      const struct envoy_buffer *text);
void envoy_config_free(struct envoy_config *c);

/* --- log and metrics (metrics.c): members of struct pw_server --- */

void envoy_log(unsigned level, const char *text);
void envoy_log_line(void *owner, unsigned level, const char *text);
unsigned envoy_log_level(void *owner);
bool envoy_define_metric(void *owner, enum pw_metric type, const char *name, size_t *id);
void envoy_change_metric(void *owner, enum pw_metric type, size_t id, int64_t by);
void envoy_set_metric(void *owner, enum pw_metric type, size_t id, uint64_t value);

/* --- calls (calls.c) --- */

struct envoy_call *envoy_call_take(struct envoy_call **list, uint64_t id);
void envoy_calls_free(struct envoy_call **list);
/* Begins a call and puts it in the list: a status of the ABI. */
uint32_t envoy_call_begin(envoy_callout_fn *callout, void *of, struct envoy_call **list,
			  uint32_t token, const struct mote_proxy_bytes *cluster,
			  const struct mote_proxy_pair *headers, size_t count,
			  const struct mote_proxy_bytes *body, uint32_t timeout_ms);
/* The event of a call's end, which points to the headers and to the body. */
int envoy_call_event(struct pw_event *event, uint32_t token, const struct envoy_header *headers,
		     size_t header_count, const struct envoy_buffer *chunks, size_t chunk_count,
		     struct buf *body);

/* --- the root context (root.c) --- */

void envoy_root_begin(struct envoy_config *config);
void envoy_root_end(struct envoy_config *config);
void envoy_root_tick(void *owner, uint32_t period_ms);
void envoy_root_queue(void *owner, uint32_t queue);
uint32_t envoy_root_call(struct envoy_config *config, uint32_t token,
			 const struct mote_proxy_bytes *cluster,
			 const struct mote_proxy_pair *headers, size_t count,
			 const struct mote_proxy_bytes *body, uint32_t timeout_ms);
void envoy_root_scheduled(struct envoy_config *c, uint64_t event);
void envoy_root_call_done(struct envoy_config *c, uint64_t id, const struct envoy_header *headers,
			  size_t header_count, const struct envoy_buffer *chunks,
			  size_t chunk_count);

/* --- properties (properties.c) --- */

/* A kind of filter's attributes; HTTP has headers and filter state as well. */
struct envoy_attributes {
	bool (*text)(void *filter, uint32_t attribute, struct envoy_buffer *to);
	bool (*number)(void *filter, uint32_t attribute, uint64_t *to);
	bool (*truth)(void *filter, uint32_t attribute, bool *to);
	bool is_http;
};
uint32_t envoy_get_property(const struct envoy_attributes *of, void *filter,
			    const struct mote_proxy_bytes *path, struct buf *to);
uint32_t envoy_set_property(void *filter, const struct mote_proxy_bytes *path,
			    const struct mote_proxy_bytes *value);

/* Number of the attribute connection.id. */
#define ENVOY_CONNECTION_ID 28

#endif
