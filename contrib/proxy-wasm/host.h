/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proxy-wasm host (ABI 0.1.0 to 0.2.1) whose plugins run in micro-VMs. It knows nothing of the
 * server that embeds it: that is an adapter's, such as contrib/envoy. DESIGN.md says what lives
 * where.
 *
 * Ownership and errors are as in mote/mote.h, with base/err.h's errors. Threads: a plugin may be
 * used by several, each with a worker number of its own; a stream by the thread that made it.
 * Callbacks run on the thread that called the host, and may not call it for the same stream.
 */
#ifndef MOTE_PROXY_WASM_HOST_H
#define MOTE_PROXY_WASM_HOST_H

#include "abi/proxy_wasm.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

enum {
	PW_WORKERS_MAX = 256,
	PW_ROOT = 1, /* the root context's id */
	PW_PARTS_MAX = 4,
};

enum pw_isolation {
	PW_PER_REQUEST,    /* a VM is reset for each request or connection */
	PW_PER_CONNECTION, /* and for each client connection: "stream" */
	PW_PER_WORKER,     /* only after a failure */
};

/* What the operator sets (config.c); texts are owned. */
struct pw_config {
	char *name, *module, *vm_id, *root_id;
	char *vm_configuration, *configuration;
	char **environment; /* NULL-terminated; NAME=VALUE */
	char **upstreams;   /* NULL-terminated: what http_call may reach; "*" is all */
	enum pw_isolation isolation;
	uint64_t memory_bytes;
	uint64_t call_ns;        /* limit of an event: CPU time */
	uint64_t wall_ns;        /* and wall clock; 0 until read: a multiple */
	uint64_t start_ns;       /* wall clock of each part of the start */
	unsigned idle_max;       /* VMs that wait for work, for each worker */
	unsigned failures_per_s; /* above it the policy applies without running the plugin */
	bool fail_open;
	bool stop_headers_only; /* PAUSE in a headers callback lets the body go on */
};

/*
 * Reads JSON; `name` is what the plugin is called if it does not say. EINVAL names the member that
 * is wrong.
 */
int pw_config_read(struct pw_config *config, const char *text, size_t len, const char *name,
		   struct err *e) must_check;
void pw_config_free(struct pw_config *config);

/* --- what the server does for plugins --- */

enum pw_metric { PW_COUNTER, PW_GAUGE, PW_HISTOGRAM };

/*
 * `owner` is the adapter's of the plugin, `stream` of the stream; NULL for the root context. Those
 * that return a status return an enum mote_proxy_status. A NULL member: UNIMPLEMENTED.
 */
struct pw_server {
	void (*log)(void *owner, unsigned level, const char *text);
	unsigned (*log_level)(void *owner); /* the lowest that is logged */
	/* Server's own id of the metric at *id. False: it has none. */
	bool (*define_metric)(void *owner, enum pw_metric type, const char *name, size_t *id);
	void (*change_metric)(void *owner, enum pw_metric type, size_t id, int64_t by);
	void (*set_metric)(void *owner, enum pw_metric type, size_t id, uint64_t value);
	/* Appends the map as proxy-wasm encodes it, or the bytes. */
	uint32_t (*get_map)(void *stream, uint32_t map, struct buf *to);
	uint32_t (*get_buffer)(void *stream, uint32_t buffer, struct buf *to);
	/* ADD, REPLACE, REMOVE with checked bytes. */
	uint32_t (*change_map)(void *stream, uint32_t kind, uint32_t map,
			       const struct mote_proxy_bytes *key,
			       const struct mote_proxy_bytes *value);
	uint32_t (*set_buffer)(void *stream, uint32_t buffer, const struct mote_proxy_bytes *bytes);
	uint32_t (*get_property)(void *stream, const struct mote_proxy_bytes *path, struct buf *to);
	uint32_t (*set_property)(void *stream, const struct mote_proxy_bytes *path,
				 const struct mote_proxy_bytes *value);
	void (*clear_route)(void *stream);
	/* Begins a call; its end is an event HTTP_CALL_RESPONSE with the token. */
	uint32_t (*http_call)(void *owner, void *stream, uint32_t token,
			      const struct mote_proxy_bytes *upstream,
			      const struct mote_proxy_pair *headers, size_t count,
			      const struct mote_proxy_bytes *body, uint32_t timeout_ms);
	/* The root context has a new tick period; a message waits in a queue of it. Any thread. */
	void (*root_tick)(void *owner, uint32_t period_ms);
	void (*root_queue)(void *owner, uint32_t queue);
};

/* --- plugins --- */

struct pw_plugin;
struct pw_stream;

/*
 * Starts the plugin up to proxy_on_configure and takes the snapshot that all VMs are made of.
 * *config is taken in any case. Release with pw_plugin_free.
 */
int pw_plugin_new(struct pw_config *config, const struct pw_server *server, void *owner,
		  struct pw_plugin **plugin, struct err *e) must_check;
/* All its streams have ended. Accepts NULL. */
void pw_plugin_free(struct pw_plugin *plugin);
const struct pw_config *pw_plugin_config(const struct pw_plugin *plugin);
/* Whether the module has the callback. */
bool pw_plugin_has(const struct pw_plugin *plugin, enum mote_proxy_step step);

/* --- events --- */

/* A map or a buffer that goes along with an event; borrowed. */
struct pw_part {
	bool is_buffer;
	uint8_t number;
	const struct mote_proxy_pair *pairs; /* of a map */
	size_t count;
	struct mote_proxy_bytes bytes; /* of a buffer */
};

struct pw_event {
	enum mote_proxy_step step;
	uint32_t args[MOTE_PROXY_ARGS];
	struct pw_part parts[PW_PARTS_MAX];
	size_t part_count;
};

/* What the plugin wants of the stream, to be done by the adapter when the event has ended. */
struct pw_effects {
	bool failed;            /* the plugin did not get to its end: the failure policy applies */
	uint32_t action;        /* 0 continue, 1 pause */
	unsigned resume, close; /* bits 1 << stream type */
	bool local_response;
	uint32_t status, grpc_status;
	struct buf body, details;
	struct buf headers; /* array of struct mote_proxy_pair that point into texts */
	struct buf texts;
	size_t header_count;
};
void pw_effects_free(struct pw_effects *effects);
#define cleanup_effects cleanup_(pw_effects_free)

/*
 * A context of one request or connection. `connection` is equal for streams of one client
 * connection. NULL: no memory.
 */
struct pw_stream *pw_stream_new(struct pw_plugin *plugin, unsigned worker, uint64_t connection,
				void *stream);
/*
 * Calls the plugin. Whatever it does, this returns; *effects, zeroed before, is the caller's. A
 * stream whose plugin has failed is not called again: `failed` is then false, and nothing is asked.
 * Nor is one that an event is being carried out for, if a callback leads back to here.
 */
void pw_stream_call(struct pw_stream *stream, const struct pw_event *event,
		    struct pw_effects *effects);
/* Whether an event of it is being carried out. */
bool pw_stream_busy(const struct pw_stream *stream);
bool pw_stream_failed(const struct pw_stream *stream);
/*
 * proxy_on_done, _log and _delete; the VM is reset. Accepts NULL. During an event of the stream,
 * because the server has ended it: as soon as the event is over, without the server's stream.
 */
void pw_stream_end(struct pw_stream *stream);

/* The same for the root context, in a VM of its own, by one thread at a time. */
void pw_root_call(struct pw_plugin *plugin, const struct pw_event *event,
		  struct pw_effects *effects);

#endif
