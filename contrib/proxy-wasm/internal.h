/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the proxy-wasm host share. */
#ifndef MOTE_PROXY_WASM_INTERNAL_H
#define MOTE_PROXY_WASM_INTERNAL_H

#include "proxy-wasm/host.h"

#include <mote/call.h>
#include <mote/snapshot.h>

#include <pthread.h>
#include <stdatomic.h>

enum {
	PW_METRICS_MAX = 1024,
	PW_METRIC_NAME_MAX = 255,
	PW_LOGS_MAX = 100,       /* lines of one event */
	PW_LOG_BYTES_MAX = 8192, /* of a line */
	/* Fields of headers and properties that one stream may set, and their bytes. */
	PW_CHANGES_MAX = 4096,
	PW_CHANGE_BYTES_MAX = 1 << 20,
	PW_ANSWER_BYTES_MAX = 16 << 20,
	PW_EVENT_BYTES_MAX = 16 << 20,
};

/* --- shared data and queues, of all plugins with one VM id (shared.c); any thread --- */

struct pw_shared;
struct pw_shared *pw_shared_get(const char *vm_id);
void pw_shared_drop(struct pw_shared *shared);
uint32_t pw_shared_read(struct pw_shared *s, const struct mote_proxy_bytes *key, struct buf *to,
			uint64_t *cas);
uint32_t pw_shared_write(struct pw_shared *s, const struct mote_proxy_bytes *key,
			 const struct mote_proxy_bytes *value, uint32_t cas);
/* A queue's messages are announced to the plugin that registered it last. */
uint32_t pw_queue_register(struct pw_shared *s, struct pw_plugin *plugin,
			   const struct mote_proxy_bytes *name, uint64_t *id);
uint32_t pw_queue_resolve(const struct mote_proxy_bytes *vm_id, const struct mote_proxy_bytes *name,
			  uint64_t *id);
uint32_t pw_queue_put(uint32_t id, const struct mote_proxy_bytes *value);
/* A queue of the same VM id alone, whose messages these are. */
uint32_t pw_queue_take(const struct pw_shared *s, uint32_t id, struct buf *to);
/* The reader was called for a message of it: the next one is announced. */
void pw_queue_noticed(const struct pw_plugin *plugin, uint32_t id);
/* No queue calls it any more. */
void pw_queues_forget(const struct pw_plugin *plugin);

/* --- plugins --- */

struct pw_own_metric {
	enum pw_metric type;
	char *name;
	size_t server_id;
	bool is_served; /* the server has it */
	_Atomic int64_t value;
};

struct pw_worker {
	struct pw_vm *idle; /* a list; reset */
	unsigned idle_count;
	struct pw_vm
		*running; /* PER_WORKER: the one; PER_CONNECTION: of connections that may go on */
	uint64_t tokens_at_ns; /* failures: a bucket */
	double tokens;
	struct buf event;
};

struct pw_plugin {
	struct pw_config config;
	const struct pw_server *server;
	void *owner;
	struct pw_shared *shared;
	struct mote_snapshot *snapshot;
	int output[2][2]; /* pipes of stdout and stderr, both ends non-blocking */
	_Atomic uint32_t next_context, next_token;
	bool has[MOTE_PROXY_STEP_KINDS];
	pthread_mutex_t metrics_lock; /* adding to metrics */
	struct pw_own_metric metrics[PW_METRICS_MAX];
	_Atomic uint32_t metric_count;
	size_t failures, refusals, events, exits; /* ids of own metrics, 1 on */
	struct pw_worker *_Atomic workers[PW_WORKERS_MAX];
	struct pw_vm *root;
	struct pw_worker root_worker;
};

uint32_t pw_metric_define(struct pw_plugin *p, enum pw_metric type, const char *name, size_t len,
			  uint64_t *id);
void pw_metric_change(struct pw_plugin *p, uint64_t id, int64_t by);
void pw_metric_record(struct pw_plugin *p, uint64_t id, uint64_t value);
uint32_t pw_metric_read(const struct pw_plugin *p, uint64_t id, uint64_t *value);

/* One line, what could forge another escaped. */
void pw_log(const struct pw_plugin *p, unsigned level, const char *text, size_t len);
/* What the plugin has written to stdout and stderr; the latter to *to instead, if that is set. */
void pw_log_output(struct pw_plugin *p, struct buf *to);

/* --- VMs --- */

struct pw_vm {
	struct pw_vm *next;
	struct pw_plugin *plugin;
	struct mote_sandbox *sandbox;
	struct pw_stream *streams;  /* contexts that live in it */
	uint64_t connection;        /* PER_CONNECTION: whose it is */
	bool is_root;               /* the root context's own, on the main thread */
	bool failed;                /* nothing of it can be relied on */
	bool is_over;               /* the event has changed more than PW_CHANGES_MAX allows */
	unsigned busy, logs;        /* events under way; lines of this one */
	uint64_t exits;             /* counted already */
	struct pw_effects *effects; /* of the event under way */
	struct pw_stream *current;  /* whose event it is; NULL: the root context's */
};

struct pw_stream {
	struct pw_stream *next;
	struct pw_plugin *plugin;
	struct pw_worker *worker;
	struct pw_vm *vm;
	uint32_t context;
	uint64_t connection;
	bool created, failed;
	bool in_call, is_ending; /* pw_stream_end during an event: when that is over */
	size_t changes, change_bytes;
	void *server_stream;
};

int pw_vm_start(struct pw_plugin *p, struct pw_vm **vm, struct err *e);
/* Of the snapshot. */
struct pw_vm *pw_vm_make(struct pw_plugin *p, struct err *e);
struct pw_vm *pw_vm_take(struct pw_worker *w, struct pw_plugin *p, uint64_t connection,
			 struct err *e);
/* The stream has left it. */
void pw_vm_leave(struct pw_worker *w, struct pw_vm *vm);
void pw_vm_free(struct pw_vm *vm);
int pw_vm_reset(struct pw_vm *vm, struct err *e);
void pw_worker_clear(struct pw_worker *w);
/* Whether a VM may be used after failures of late, and that another happened. */
bool pw_worker_may_run(struct pw_worker *w, const struct pw_plugin *p);
void pw_worker_failed(struct pw_worker *w);

/* --- events (event.c) and what plugins ask (items.c) --- */

/* Steps of a context as one event; `results` gets what each returned. 0, or a negative errno. */
int pw_vm_call(struct pw_vm *vm, const struct pw_event *event, const enum mote_proxy_step *more,
	       uint32_t context, struct buf *scratch, uint32_t results[MOTE_PROXY_STEPS_MAX],
	       uint32_t *count, struct err *e);
/* A mote_host_function; arg is the VM. */
int pw_host_function(void *arg, struct mote_sandbox *sandbox, const struct mote_value *args,
		     size_t count, struct mote_value *result, struct mote_error *error);
/* Applies the changes at the beginning of *in. False: damaged, or a request. */
bool pw_apply_changes(struct pw_vm *vm, struct mote_in *in, struct mote_proxy_item *last);

/* --- fields of headers (fields.c) --- */

/* Whether a server may have them in a message. */
bool pw_field_valid(const struct mote_proxy_bytes *key, const struct mote_proxy_bytes *value);

#endif
