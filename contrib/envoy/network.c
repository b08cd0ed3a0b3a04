/* SPDX-License-Identifier: Apache-2.0 */
/* Network (L4) filters: bytes of a connection, downstream and upstream, as events of the plugin. */
#include "envoy/envoy.h"

#include <stdlib.h>

/* Stream types of the ABI. */
enum { DOWNSTREAM = 2, UPSTREAM = 3 };

struct network_filter {
	struct envoy_config *config;
	void *envoy;
	struct pw_stream *stream;
	struct envoy_call *calls;
	bool is_paused, is_closed;
};

/* --- what the host asks of Envoy --- */

static const struct envoy_attributes attributes = {
	.text = CB(network_filter_get_attribute_string),
	.number = CB(network_filter_get_attribute_int),
	.truth = CB(network_filter_get_attribute_bool),
};

static uint32_t get_property(void *stream, const struct mote_proxy_bytes *path, struct buf *to)
{
	return envoy_get_property(&attributes, ((const struct network_filter *)stream)->envoy, path,
				  to);
}

static const struct direction {
	size_t (*count)(void *filter);
	bool (*get)(void *filter, struct envoy_buffer *to);
	bool (*drain)(void *filter, size_t bytes);
	bool (*append)(void *filter, struct envoy_buffer data);
} downstream =
	{
		.count = CB(network_filter_get_read_buffer_chunks_size),
		.get = CB(network_filter_get_read_buffer_chunks),
		.drain = CB(network_filter_drain_read_buffer),
		.append = CB(network_filter_append_read_buffer),
},
  upstream = {
	  .count = CB(network_filter_get_write_buffer_chunks_size),
	  .get = CB(network_filter_get_write_buffer_chunks),
	  .drain = CB(network_filter_drain_write_buffer),
	  .append = CB(network_filter_append_write_buffer),
};

static const struct direction *direction_of(uint32_t buffer)
{
	if (buffer == MOTE_PROXY_BUFFER_DOWNSTREAM)
		return &downstream;
	if (buffer == MOTE_PROXY_BUFFER_UPSTREAM)
		return &upstream;
	return NULL;
}

static uint32_t get_buffer(void *stream, uint32_t buffer, struct buf *to)
{
	const struct network_filter *f = stream;
	const struct direction *d = direction_of(buffer);
	if (!d)
		return MOTE_PROXY_NOT_FOUND;
	const size_t count = d->count(f->envoy);
	cleanup_free struct envoy_buffer *chunks = calloc(count + 1, sizeof(*chunks));
	if (!chunks)
		return MOTE_PROXY_INTERNAL_FAILURE;
	if (count == 0 || !d->get(f->envoy, chunks))
		return MOTE_PROXY_OK;
	for (size_t i = 0; i < count; i++)
		if (buf_put(to, chunks[i].at, chunks[i].len) < 0)
			return MOTE_PROXY_INTERNAL_FAILURE;
	return MOTE_PROXY_OK;
}

/* Of what is there, as Envoy gives it away by the size alone. */
static size_t size_of(const struct network_filter *f, const struct direction *d)
{
	const size_t count = d->count(f->envoy);
	cleanup_free struct envoy_buffer *chunks = calloc(count + 1, sizeof(*chunks));
	size_t size = 0;
	if (chunks && count && d->get(f->envoy, chunks))
		for (size_t i = 0; i < count; i++)
			size += chunks[i].len;
	return size;
}

static uint32_t set_buffer(void *stream, uint32_t buffer, const struct mote_proxy_bytes *bytes)
{
	const struct network_filter *f = stream;
	const struct direction *d = direction_of(buffer);
	if (!d)
		return MOTE_PROXY_NOT_FOUND;
	const size_t size = size_of(f, d);
	if (size)
		(void)d->drain(f->envoy, size);
	if (bytes->len && !d->append(f->envoy, envoy_bytes(bytes)))
		return MOTE_PROXY_INTERNAL_FAILURE;
	return MOTE_PROXY_OK;
}

static uint32_t http_call(void *owner, void *stream, uint32_t token,
			  const struct mote_proxy_bytes *cluster,
			  const struct mote_proxy_pair *headers, size_t count,
			  const struct mote_proxy_bytes *body, uint32_t timeout_ms)
{
	struct network_filter *f = stream;
	if (!f)
		return envoy_root_call(owner, token, cluster, headers, count, body, timeout_ms);
	return envoy_call_begin(CB(network_filter_http_callout), f->envoy, &f->calls, token,
				cluster, headers, count, body, timeout_ms);
}

static const struct pw_server server = {
	.log = envoy_log_line,
	.log_level = envoy_log_level,
	.define_metric = envoy_define_metric,
	.change_metric = envoy_change_metric,
	.set_metric = envoy_set_metric,
	.get_buffer = get_buffer,
	.set_buffer = set_buffer,
	.get_property = get_property,
	.http_call = http_call,
	.root_tick = envoy_root_tick,
	.root_queue = envoy_root_queue,
};

/* --- what the plugin wants --- */

static void close_connection(struct network_filter *f, enum envoy_network_close how)
{
	if (f->is_closed)
		return;
	f->is_closed = true;
	CB(network_filter_close)(f->envoy, how);
}

/* Whether the data goes on. A failure ends the connection, or it goes on without the plugin. */
static bool run(struct network_filter *f, const struct pw_event *event, bool is_phase)
{
	struct pw_effects e cleanup_effects = {0};
	if (!f->stream || f->is_closed)
		return true;
	pw_stream_call(f->stream, event, &e);
	const bool may_pass = pw_plugin_config(f->config->plugin)->fail_open;
	if (e.failed && !may_pass) {
		close_connection(f, ENVOY_CLOSE_NOW);
		return false;
	}
	if (e.close & (1u << DOWNSTREAM | 1u << UPSTREAM)) {
		close_connection(f, ENVOY_CLOSE_FLUSH);
		return false;
	}
	const bool goes_on = e.failed || e.action == 0 || e.resume & (1u << DOWNSTREAM);
	if (!is_phase && f->is_paused && (e.failed || e.resume & (1u << DOWNSTREAM))) {
		f->is_paused = false;
		CB(network_filter_continue_reading)(f->envoy);
	}
	return goes_on;
}

static bool wants(const struct network_filter *f, enum mote_proxy_step step)
{
	return f->stream && pw_plugin_has(f->config->plugin, step) && !pw_stream_failed(f->stream);
}

static bool run_data(struct network_filter *f, enum mote_proxy_step step, uint32_t buffer, bool end)
{
	cleanup_buf struct buf data = {.cap = ENVOY_BODY_MAX};
	if (!wants(f, step))
		return true;
	if (get_buffer(f, buffer, &data) != MOTE_PROXY_OK) {
		close_connection(f, ENVOY_CLOSE_NOW);
		return false;
	}
	const struct pw_event event = {
		.step = step,
		.args = {(uint32_t)data.len, end},
		.parts = {{.is_buffer = true,
			   .number = (uint8_t)buffer,
			   .bytes = {data.data, data.len}}},
		.part_count = 1,
	};
	return run(f, &event, true);
}

/* --- hooks --- */

HOOK void *ON(network_filter_new)(void *config, void *envoy);
HOOK void ON(network_filter_destroy)(void *filter);
HOOK int ON(network_filter_new_connection)(void *envoy, void *filter);
HOOK int ON(network_filter_read)(void *envoy, void *filter, size_t len, bool end);
HOOK int ON(network_filter_write)(void *envoy, void *filter, size_t len, bool end);
HOOK void ON(network_filter_event)(void *envoy, void *filter, int event);
HOOK void ON(network_filter_http_callout_done)(void *envoy, void *filter, uint64_t id,
					       uint32_t result, struct envoy_header *headers,
					       size_t header_count, struct envoy_buffer *chunks,
					       size_t chunk_count);

HOOK void *ON(network_filter_new)(void *config, void *envoy)
{
	struct network_filter *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->config = config;
	f->envoy = envoy;
	f->stream = pw_stream_new(f->config->plugin, CB(network_filter_get_worker_index)(envoy),
				  CB(network_filter_get_connection_id)(envoy), f);
	if (!f->stream) {
		free(f);
		return NULL;
	}
	return f;
}

HOOK void ON(network_filter_destroy)(void *filter)
{
	struct network_filter *f = filter;
	pw_stream_end(f->stream);
	envoy_calls_free(&f->calls);
	free(f);
}

HOOK int ON(network_filter_new_connection)(void *envoy, void *filter)
{
	struct network_filter *f = filter;
	const struct pw_event event = {.step = MOTE_PROXY_NEW_CONNECTION};
	(void)envoy;
	if (!wants(f, event.step) || run(f, &event, true))
		return ENVOY_NETWORK_CONTINUE;
	f->is_paused = true;
	return ENVOY_NETWORK_STOP;
}

HOOK int ON(network_filter_read)(void *envoy, void *filter, size_t len, bool end)
{
	struct network_filter *f = filter;
	(void)envoy, (void)len;
	f->is_paused = !run_data(f, MOTE_PROXY_DOWNSTREAM_DATA, MOTE_PROXY_BUFFER_DOWNSTREAM, end);
	return f->is_paused ? ENVOY_NETWORK_STOP : ENVOY_NETWORK_CONTINUE;
}

HOOK int ON(network_filter_write)(void *envoy, void *filter, size_t len, bool end)
{
	(void)envoy, (void)len;
	return run_data(filter, MOTE_PROXY_UPSTREAM_DATA, MOTE_PROXY_BUFFER_UPSTREAM, end)
		       ? ENVOY_NETWORK_CONTINUE
		       : ENVOY_NETWORK_STOP;
}

/* Who has closed: 1 is us, 2 the peer. */
HOOK void ON(network_filter_event)(void *envoy, void *filter, int event)
{
	struct network_filter *f = filter;
	const struct pw_event closed = {.step = MOTE_PROXY_DOWNSTREAM_CLOSE,
					.args = {event == ENVOY_REMOTE_CLOSE ? 2 : 1}};
	(void)envoy;
	if (event != ENVOY_REMOTE_CLOSE && event != ENVOY_LOCAL_CLOSE)
		return;
	if (wants(f, closed.step) && !pw_stream_busy(f->stream))
		(void)run(f, &closed, true);
	f->is_closed = true;
}

HOOK void ON(network_filter_http_callout_done)(void *envoy, void *filter, uint64_t id,
					       uint32_t result, struct envoy_header *headers,
					       size_t header_count, struct envoy_buffer *chunks,
					       size_t chunk_count)
{
	struct network_filter *f = filter;
	cleanup_buf struct buf body = {.cap = ENVOY_BODY_MAX};
	cleanup_free struct envoy_call *call = envoy_call_take(&f->calls, id);
	struct pw_event event;
	(void)envoy;
	if (result != ENVOY_CALLOUT_SUCCEEDED)
		header_count = chunk_count = 0;
	if (call && envoy_call_event(&event, call->token, headers, header_count, chunks,
				     chunk_count, &body) == 0)
		(void)run(f, &event, false);
}

/* --- configuration --- */

static const struct envoy_kind kind = {
	.server = &server,
	.define = {CB(network_filter_config_define_counter), CB(network_filter_config_define_gauge),
		   CB(network_filter_config_define_histogram)},
	.increment_counter = CB(network_filter_config_increment_counter),
	.increment_gauge = CB(network_filter_config_increment_gauge),
	.decrement_gauge = CB(network_filter_config_decrement_gauge),
	.set_gauge = CB(network_filter_config_set_gauge),
	.record_histogram = CB(network_filter_config_record_histogram_value),
	.scheduler_new = CB(network_filter_config_scheduler_new),
	.scheduler_commit = CB(network_filter_config_scheduler_commit),
	.scheduler_delete = CB(network_filter_config_scheduler_delete),
};

HOOK void *ON(network_filter_config_new)(void *envoy, struct envoy_buffer name,
					 struct envoy_buffer text);
HOOK void ON(network_filter_config_destroy)(void *config);
HOOK void ON(network_filter_config_scheduled)(void *config, uint64_t event);

HOOK void *ON(network_filter_config_new)(void *envoy, struct envoy_buffer name,
					 struct envoy_buffer text)
{
	return envoy_config_new(&kind, envoy, &name, &text);
}

HOOK void ON(network_filter_config_destroy)(void *config)
{
	envoy_config_free(config);
}

HOOK void ON(network_filter_config_scheduled)(void *config, uint64_t event)
{
	envoy_root_scheduled(config, event);
}
