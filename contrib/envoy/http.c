/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP filters: hooks become events of the plugin, and what it wants becomes callbacks of Envoy. */
#include "envoy/envoy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum way { REQUEST, RESPONSE };

struct http_filter {
	struct envoy_config *config;
	void *envoy;
	struct pw_stream *stream;
	struct envoy_call *calls;
	bool is_paused[2];
	bool in_body[2];   /* a body hook: what was received can be changed */
	bool has_answered; /* a response of ours is on its way */
	/* Hooks of it under way: a callback can have Envoy destroy it inside of one. */
	unsigned entered;
	bool is_destroyed; /* so that `envoy` is not there any more */
};

static const struct envoy_buffer no_bytes;

/* --- its lifetime --- */

static struct http_filter *enter(void *filter)
{
	struct http_filter *f = filter;
	f->entered++;
	return f;
}

static void leave(struct http_filter *const *f)
{
	if (--(*f)->entered == 0 && (*f)->is_destroyed)
		free(*f);
}
#define ENTER(filter) struct http_filter *f cleanup_(leave) = enter(filter)

/* --- what the host asks of Envoy --- */

/* The header maps of the ABI and of Envoy have the same numbers. False: no memory. */
static bool get_headers(void *envoy, uint32_t map, struct envoy_header **headers, size_t *count)
{
	*count = CB(http_get_headers_size)(envoy, (int)map);
	*headers = calloc(*count + 1, sizeof(**headers));
	if (!*headers)
		return false;
	if (*count && !CB(http_get_headers)(envoy, (int)map, *headers))
		*count = 0;
	return true;
}

static uint32_t get_map(void *stream, uint32_t map, struct buf *to)
{
	const struct http_filter *f = stream;
	cleanup_free struct envoy_header *headers = NULL;
	struct mote_out o = {0};
	size_t count;
	if (map > MOTE_PROXY_MAP_RESPONSE_TRAILERS)
		return MOTE_PROXY_BAD_ARGUMENT;
	if (!get_headers(f->envoy, map, &headers, &count))
		return MOTE_PROXY_INTERNAL_FAILURE;
	/* Envoy does not say whether there is an empty map or none. */
	if (count == 0)
		return MOTE_PROXY_BAD_ARGUMENT;
	const struct mote_proxy_pair *pairs = (const struct mote_proxy_pair *)headers;
	mote_proxy_put_map(&o, pairs, count);
	uint8_t *at = buf_reserve(to, o.len);
	if (!at)
		return MOTE_PROXY_INTERNAL_FAILURE;
	o = (struct mote_out){.at = at, .capacity = o.len};
	mote_proxy_put_map(&o, pairs, count);
	to->len += o.len;
	return MOTE_PROXY_OK;
}

static uint32_t change_map(void *stream, uint32_t kind, uint32_t map,
			   const struct mote_proxy_bytes *key, const struct mote_proxy_bytes *value)
{
	const struct http_filter *f = stream;
	bool done = false;
	if (kind == MOTE_PROXY_ITEM_ADD)
		done = CB(http_add_header)(f->envoy, (int)map, envoy_bytes(key),
					   envoy_bytes(value));
	else if (kind == MOTE_PROXY_ITEM_REPLACE)
		done = CB(http_set_header)(f->envoy, (int)map, envoy_bytes(key),
					   envoy_bytes(value));
	else
		done = CB(http_set_header)(f->envoy, (int)map, envoy_bytes(key), no_bytes);
	return done ? MOTE_PROXY_OK : MOTE_PROXY_NOT_FOUND;
}

/* --- bodies --- */

static int received_body(enum way way)
{
	return way == REQUEST ? ENVOY_RECEIVED_REQUEST : ENVOY_RECEIVED_RESPONSE;
}

static int buffered_body(enum way way)
{
	return way == REQUEST ? ENVOY_BUFFERED_REQUEST : ENVOY_BUFFERED_RESPONSE;
}

/* Whether what was received now is what had been buffered before: one and the same. */
static bool is_received_again(const struct http_filter *f, enum way way)
{
	return way == REQUEST ? CB(http_received_buffered_request_body)(f->envoy)
			      : CB(http_received_buffered_response_body)(f->envoy);
}

static uint32_t put_chunks(const struct http_filter *f, int body, struct buf *to)
{
	const size_t count = CB(http_get_body_chunks_size)(f->envoy, body);
	cleanup_free struct envoy_buffer *chunks = calloc(count + 1, sizeof(*chunks));
	if (!chunks)
		return MOTE_PROXY_INTERNAL_FAILURE;
	if (count == 0 || !CB(http_get_body_chunks)(f->envoy, body, chunks))
		return MOTE_PROXY_OK;
	for (size_t i = 0; i < count; i++)
		if (buf_put(to, chunks[i].at, chunks[i].len) < 0)
			return MOTE_PROXY_INTERNAL_FAILURE;
	return MOTE_PROXY_OK;
}

static uint32_t put_body(const struct http_filter *f, enum way way, struct buf *to)
{
	uint32_t status = MOTE_PROXY_OK;
	if (!f->in_body[way] || !is_received_again(f, way))
		status = put_chunks(f, buffered_body(way), to);
	if (status == MOTE_PROXY_OK && f->in_body[way])
		status = put_chunks(f, received_body(way), to);
	return status;
}

static uint32_t get_buffer(void *stream, uint32_t buffer, struct buf *to)
{
	if (buffer > MOTE_PROXY_BUFFER_RESPONSE_BODY)
		return MOTE_PROXY_NOT_FOUND;
	return put_body(stream, (enum way)buffer, to);
}

static uint32_t set_buffer(void *stream, uint32_t buffer, const struct mote_proxy_bytes *bytes)
{
	const struct http_filter *f = stream;
	if (buffer > MOTE_PROXY_BUFFER_RESPONSE_BODY)
		return MOTE_PROXY_NOT_FOUND;
	const enum way way = (enum way)buffer;
	int to = buffered_body(way);
	if (!f->in_body[way] || !is_received_again(f, way))
		(void)CB(http_drain_body)(f->envoy, to, SIZE_MAX);
	if (f->in_body[way]) {
		to = received_body(way);
		(void)CB(http_drain_body)(f->envoy, to, SIZE_MAX);
	}
	if (bytes->len && !CB(http_append_body)(f->envoy, to, envoy_bytes(bytes)))
		return MOTE_PROXY_INTERNAL_FAILURE;
	return MOTE_PROXY_OK;
}

/* --- properties, routes, calls --- */

static const struct envoy_attributes attributes = {
	.text = CB(http_filter_get_attribute_string),
	.number = CB(http_filter_get_attribute_int),
	.truth = CB(http_filter_get_attribute_bool),
	.is_http = true,
};

static uint32_t get_property(void *stream, const struct mote_proxy_bytes *path, struct buf *to)
{
	return envoy_get_property(&attributes, ((const struct http_filter *)stream)->envoy, path,
				  to);
}

static uint32_t set_property(void *stream, const struct mote_proxy_bytes *path,
			     const struct mote_proxy_bytes *value)
{
	return envoy_set_property(((const struct http_filter *)stream)->envoy, path, value);
}

static void clear_route(void *stream)
{
	CB(http_clear_route_cache)(((const struct http_filter *)stream)->envoy);
}

static uint32_t http_call(void *owner, void *stream, uint32_t token,
			  const struct mote_proxy_bytes *cluster,
			  const struct mote_proxy_pair *headers, size_t count,
			  const struct mote_proxy_bytes *body, uint32_t timeout_ms)
{
	struct http_filter *f = stream;
	if (!f)
		return envoy_root_call(owner, token, cluster, headers, count, body, timeout_ms);
	return envoy_call_begin(CB(http_filter_http_callout), f->envoy, &f->calls, token, cluster,
				headers, count, body, timeout_ms);
}

static const struct pw_server server = {
	.log = envoy_log_line,
	.log_level = envoy_log_level,
	.define_metric = envoy_define_metric,
	.change_metric = envoy_change_metric,
	.set_metric = envoy_set_metric,
	.get_map = get_map,
	.get_buffer = get_buffer,
	.change_map = change_map,
	.set_buffer = set_buffer,
	.get_property = get_property,
	.set_property = set_property,
	.clear_route = clear_route,
	.http_call = http_call,
	.root_tick = envoy_root_tick,
	.root_queue = envoy_root_queue,
};

/* --- what the plugin wants --- */

static void answer(struct http_filter *f, const struct pw_effects *e)
{
	f->has_answered = true;
	f->is_paused[REQUEST] = f->is_paused[RESPONSE] = false;
	CB(http_send_response)
	(f->envoy, e->status, (struct envoy_header *)e->headers.data, e->header_count,
	 (struct envoy_buffer){(const char *)e->body.data, e->body.len},
	 (struct envoy_buffer){(const char *)e->details.data, e->details.len});
}

static void answer_failure(struct http_filter *f)
{
	f->has_answered = true;
	f->is_paused[REQUEST] = f->is_paused[RESPONSE] = false;
	CB(http_send_response)
	(f->envoy, 503, NULL, 0, envoy_text("a plugin failed\n"), envoy_text("mote_plugin_failed"));
}

static void resume(struct http_filter *f, enum way way)
{
	if (f->is_destroyed || !f->is_paused[way])
		return;
	f->is_paused[way] = false;
	if (way == REQUEST)
		CB(http_filter_continue_decoding)(f->envoy);
	else
		CB(http_filter_continue_encoding)(f->envoy);
}

/*
 * Calls the plugin in a phase of one way. Whether Envoy goes on with it: what the plugin wants of
 * the other way is done here.
 */
static bool run_phase(struct http_filter *f, enum way way, const struct pw_event *event)
{
	struct pw_effects e cleanup_effects = {0};
	pw_stream_call(f->stream, event, &e);
	if (!f->stream) /* a change has had Envoy end it */
		return false;
	if (e.failed && !pw_plugin_config(f->config->plugin)->fail_open) {
		answer_failure(f);
		return false;
	}
	if (e.failed)
		return true;
	if (e.local_response && !f->has_answered) {
		answer(f, &e);
		return false;
	}
	if (e.resume & (1u << !way))
		resume(f, (enum way) !way);
	if (!f->stream)
		return false;
	f->is_paused[way] = e.action != 0 && !(e.resume & (1u << way));
	return !f->is_paused[way];
}

/* The same outside of a phase: a call has ended. */
static void run_between(struct http_filter *f, const struct pw_event *event)
{
	struct pw_effects e cleanup_effects = {0};
	pw_stream_call(f->stream, event, &e);
	if (!f->stream)
		return;
	if (e.failed && !pw_plugin_config(f->config->plugin)->fail_open) {
		if (!f->has_answered)
			answer_failure(f);
		return;
	}
	if (e.local_response && !f->has_answered) {
		answer(f, &e);
		return;
	}
	for (int way = REQUEST; way <= RESPONSE; way++)
		if (e.failed || e.resume & (1u << way))
			resume(f, (enum way)way);
}

static bool wants(const struct http_filter *f, enum mote_proxy_step step)
{
	return f->stream && pw_plugin_has(f->config->plugin, step) && !pw_stream_failed(f->stream);
}

/* --- hooks --- */

HOOK void *ON(http_filter_new)(void *config, void *envoy);
HOOK void ON(http_filter_destroy)(void *filter);
HOOK int ON(http_filter_request_headers)(void *envoy, void *filter, bool end);
HOOK int ON(http_filter_request_body)(void *envoy, void *filter, bool end);
HOOK int ON(http_filter_request_trailers)(void *envoy, void *filter);
HOOK int ON(http_filter_response_headers)(void *envoy, void *filter, bool end);
HOOK int ON(http_filter_response_body)(void *envoy, void *filter, bool end);
HOOK int ON(http_filter_response_trailers)(void *envoy, void *filter);
HOOK void ON(http_filter_stream_complete)(void *envoy, void *filter);
HOOK void ON(http_filter_http_callout_done)(void *envoy, void *filter, uint64_t id, uint32_t result,
					    struct envoy_header *headers, size_t header_count,
					    struct envoy_buffer *chunks, size_t chunk_count);

HOOK void *ON(http_filter_new)(void *config, void *envoy)
{
	struct http_filter *f = calloc(1, sizeof(*f));
	uint64_t connection = 0;
	if (!f)
		return NULL;
	f->config = config;
	f->envoy = envoy;
	(void)CB(http_filter_get_attribute_int)(envoy, ENVOY_CONNECTION_ID, &connection);
	f->stream = pw_stream_new(f->config->plugin, CB(http_filter_get_worker_index)(envoy),
				  connection, f);
	if (!f->stream) {
		free(f);
		return NULL;
	}
	return f;
}

HOOK void ON(http_filter_destroy)(void *filter)
{
	ENTER(filter);
	f->is_destroyed = f->has_answered = true;
	pw_stream_end(f->stream);
	f->stream = NULL;
	envoy_calls_free(&f->calls);
}

HOOK void ON(http_filter_stream_complete)(void *envoy, void *filter)
{
	ENTER(filter);
	(void)envoy;
	f->has_answered = true; /* too late for one */
	f->is_paused[REQUEST] = f->is_paused[RESPONSE] = false;
	pw_stream_end(f->stream);
	f->stream = NULL;
}

static bool run_map(struct http_filter *f, enum way way, enum mote_proxy_step step, uint32_t map,
		    bool end)
{
	cleanup_free struct envoy_header *headers = NULL;
	size_t count;
	if (!wants(f, step))
		return true;
	if (!get_headers(f->envoy, map, &headers, &count))
		return true;
	const struct pw_event event = {
		.step = step,
		.args = {(uint32_t)count, end},
		.parts = {{.number = (uint8_t)map,
			   .pairs = (const struct mote_proxy_pair *)headers,
			   .count = count}},
		.part_count = 1,
	};
	return run_phase(f, way, &event);
}

static int headers_status(const struct http_filter *f, bool goes_on)
{
	if (goes_on)
		return ENVOY_CONTINUE;
	if (f->has_answered || pw_plugin_config(f->config->plugin)->stop_headers_only)
		return ENVOY_STOP;
	return ENVOY_STOP_WATERMARK;
}

HOOK int ON(http_filter_request_headers)(void *envoy, void *filter, bool end)
{
	ENTER(filter);
	(void)envoy;
	return headers_status(f, run_map(f, REQUEST, MOTE_PROXY_REQUEST_HEADERS,
					 MOTE_PROXY_MAP_REQUEST_HEADERS, end));
}

HOOK int ON(http_filter_response_headers)(void *envoy, void *filter, bool end)
{
	ENTER(filter);
	(void)envoy;
	return headers_status(f, run_map(f, RESPONSE, MOTE_PROXY_RESPONSE_HEADERS,
					 MOTE_PROXY_MAP_RESPONSE_HEADERS, end));
}

HOOK int ON(http_filter_request_trailers)(void *envoy, void *filter)
{
	ENTER(filter);
	(void)envoy;
	return run_map(f, REQUEST, MOTE_PROXY_REQUEST_TRAILERS, MOTE_PROXY_MAP_REQUEST_TRAILERS,
		       true)
		       ? ENVOY_TRAILERS_CONTINUE
		       : ENVOY_TRAILERS_STOP;
}

HOOK int ON(http_filter_response_trailers)(void *envoy, void *filter)
{
	ENTER(filter);
	(void)envoy;
	return run_map(f, RESPONSE, MOTE_PROXY_RESPONSE_TRAILERS, MOTE_PROXY_MAP_RESPONSE_TRAILERS,
		       true)
		       ? ENVOY_TRAILERS_CONTINUE
		       : ENVOY_TRAILERS_STOP;
}

static int run_body(struct http_filter *f, enum way way, enum mote_proxy_step step, bool end)
{
	cleanup_buf struct buf body = {.cap = ENVOY_BODY_MAX};
	if (!wants(f, step))
		return ENVOY_BODY_CONTINUE;
	f->in_body[way] = true;
	const uint32_t status = put_body(f, way, &body);
	const struct pw_event event = {
		.step = step,
		.args = {(uint32_t)body.len, end},
		.parts = {{.is_buffer = true,
			   .number = (uint8_t)way,
			   .bytes = {body.data, body.len}}},
		.part_count = 1,
	};
	bool goes_on = false;
	if (status == MOTE_PROXY_OK)
		goes_on = run_phase(f, way, &event);
	else
		answer_failure(f);
	f->in_body[way] = false;
	if (goes_on)
		return ENVOY_BODY_CONTINUE;
	return f->has_answered ? ENVOY_BODY_STOP_NO_BUFFER : ENVOY_BODY_STOP_BUFFER;
}

HOOK int ON(http_filter_request_body)(void *envoy, void *filter, bool end)
{
	ENTER(filter);
	(void)envoy;
	return run_body(f, REQUEST, MOTE_PROXY_REQUEST_BODY, end);
}

HOOK int ON(http_filter_response_body)(void *envoy, void *filter, bool end)
{
	ENTER(filter);
	(void)envoy;
	return run_body(f, RESPONSE, MOTE_PROXY_RESPONSE_BODY, end);
}

HOOK void ON(http_filter_http_callout_done)(void *envoy, void *filter, uint64_t id, uint32_t result,
					    struct envoy_header *headers, size_t header_count,
					    struct envoy_buffer *chunks, size_t chunk_count)
{
	ENTER(filter);
	cleanup_buf struct buf body = {.cap = ENVOY_BODY_MAX};
	cleanup_free struct envoy_call *call = envoy_call_take(&f->calls, id);
	struct pw_event event;
	(void)envoy;
	if (!call || !f->stream)
		return;
	if (result != ENVOY_CALLOUT_SUCCEEDED)
		header_count = chunk_count = 0;
	if (envoy_call_event(&event, call->token, headers, header_count, chunks, chunk_count,
			     &body) == 0)
		run_between(f, &event);
}

/* --- configuration --- */

/* Metrics without labels. */
#define DEFINE(name)                                                             \
	static uint32_t name(void *config, struct envoy_buffer text, size_t *id) \
	{                                                                        \
		return CB(http_filter_config_##name)(config, text, NULL, 0, id); \
	}
#define CHANGE(name)                                                              \
	static uint32_t name(void *config, size_t id, uint64_t value)             \
	{                                                                         \
		return CB(http_filter_config_##name)(config, id, NULL, 0, value); \
	}
DEFINE(define_counter)
DEFINE(define_gauge)
DEFINE(define_histogram)
CHANGE(increment_counter)
CHANGE(increment_gauge)
CHANGE(decrement_gauge)
CHANGE(set_gauge)
CHANGE(record_histogram_value)

static const struct envoy_kind kind = {
	.server = &server,
	.define = {define_counter, define_gauge, define_histogram},
	.increment_counter = increment_counter,
	.increment_gauge = increment_gauge,
	.decrement_gauge = decrement_gauge,
	.set_gauge = set_gauge,
	.record_histogram = record_histogram_value,
	.scheduler_new = CB(http_filter_config_scheduler_new),
	.scheduler_commit = CB(http_filter_config_scheduler_commit),
	.scheduler_delete = CB(http_filter_config_scheduler_delete),
	.callout = CB(http_filter_config_http_callout),
};

HOOK void *ON(http_filter_config_new)(void *envoy, struct envoy_buffer name,
				      struct envoy_buffer text);
HOOK void ON(http_filter_config_destroy)(void *config);
HOOK void ON(http_filter_config_scheduled)(void *envoy, void *config, uint64_t event);
HOOK void ON(http_filter_config_http_callout_done)(void *envoy, void *config, uint64_t id,
						   uint32_t result, struct envoy_header *headers,
						   size_t header_count, struct envoy_buffer *chunks,
						   size_t chunk_count);

HOOK void *ON(http_filter_config_new)(void *envoy, struct envoy_buffer name,
				      struct envoy_buffer text)
{
	return envoy_config_new(&kind, envoy, &name, &text);
}

HOOK void ON(http_filter_config_destroy)(void *config)
{
	envoy_config_free(config);
}

HOOK void ON(http_filter_config_scheduled)(void *envoy, void *config, uint64_t event)
{
	(void)envoy;
	envoy_root_scheduled(config, event);
}

HOOK void ON(http_filter_config_http_callout_done)(void *envoy, void *config, uint64_t id,
						   uint32_t result, struct envoy_header *headers,
						   size_t header_count, struct envoy_buffer *chunks,
						   size_t chunk_count)
{
	(void)envoy;
	if (result != ENVOY_CALLOUT_SUCCEEDED)
		header_count = chunk_count = 0;
	envoy_root_call_done(config, id, headers, header_count, chunks, chunk_count);
}
