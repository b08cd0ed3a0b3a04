/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what a proxy-wasm plugin changes and asks, all of which the plugin controls. The
 * first byte says whether the input is the end of an event or a request during one; its server
 * checks what reaches it.
 */
#include "proxy-wasm/internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Reads all of it, for a sanitizer. */
static void touch(const struct mote_proxy_bytes *b)
{
	static volatile uint8_t sum;
	for (size_t i = 0; i < b->len; i++)
		sum = (uint8_t)(sum + b->at[i]);
}

static void log_line(void *owner, unsigned level, const char *text)
{
	(void)owner;
	require(level <= 5 && strlen(text) < 3 * PW_LOG_BYTES_MAX);
	for (; *text; text++)
		require((uint8_t)*text >= 0x20 && *text != 0x7f);
}

static uint32_t get_map(void *stream, uint32_t map, struct buf *to)
{
	static const uint8_t one[] = "\1\0\0\0\1\0\0\0\1\0\0\0k\0v";
	(void)stream;
	if (map > MOTE_PROXY_MAP_RESPONSE_TRAILERS)
		return MOTE_PROXY_BAD_ARGUMENT;
	return buf_put(to, one, sizeof(one)) < 0 ? MOTE_PROXY_INTERNAL_FAILURE : MOTE_PROXY_OK;
}

static uint32_t get_bytes(void *stream, uint32_t buffer, struct buf *to)
{
	(void)stream, (void)buffer;
	return buf_put(to, "body", 4) < 0 ? MOTE_PROXY_INTERNAL_FAILURE : MOTE_PROXY_OK;
}

static uint32_t change_map(void *stream, uint32_t kind, uint32_t map,
			   const struct mote_proxy_bytes *key, const struct mote_proxy_bytes *value)
{
	(void)stream;
	require(kind >= MOTE_PROXY_ITEM_ADD && kind <= MOTE_PROXY_ITEM_SET_PAIRS &&
		map <= MOTE_PROXY_MAP_RESPONSE_TRAILERS && key->len);
	require(!value->len ||
		(!memchr(value->at, '\n', value->len) && !memchr(value->at, '\r', value->len) &&
		 !memchr(value->at, 0, value->len)));
	require(!memchr(key->at, '\n', key->len) && !memchr(key->at, ' ', key->len));
	return MOTE_PROXY_OK;
}

static uint32_t set_bytes(void *stream, uint32_t buffer, const struct mote_proxy_bytes *bytes)
{
	(void)stream;
	require(buffer <= MOTE_PROXY_BUFFER_UPSTREAM);
	touch(bytes);
	return MOTE_PROXY_OK;
}

static uint32_t get_property(void *stream, const struct mote_proxy_bytes *path, struct buf *to)
{
	(void)stream, (void)to;
	touch(path);
	return MOTE_PROXY_NOT_FOUND;
}

static uint32_t set_property(void *stream, const struct mote_proxy_bytes *path,
			     const struct mote_proxy_bytes *value)
{
	(void)stream;
	touch(path);
	touch(value);
	return MOTE_PROXY_OK;
}

static uint32_t http_call(void *owner, void *stream, uint32_t token,
			  const struct mote_proxy_bytes *upstream,
			  const struct mote_proxy_pair *headers, size_t count,
			  const struct mote_proxy_bytes *body, uint32_t timeout_ms)
{
	(void)owner, (void)token, (void)timeout_ms;
	require(stream);
	require(upstream->len == 4 && memcmp(upstream->at, "auth", 4) == 0);
	for (size_t i = 0; i < count; i++)
		require(pw_field_valid(&headers[i].key, &headers[i].value));
	touch(body);
	return MOTE_PROXY_OK;
}

static const struct pw_server server = {
	.log = log_line,
	.get_map = get_map,
	.get_buffer = get_bytes,
	.change_map = change_map,
	.set_buffer = set_bytes,
	.get_property = get_property,
	.set_property = set_property,
	.http_call = http_call,
};

static struct pw_plugin *plugin(void)
{
	static struct pw_plugin *p;
	static char *upstreams[] = {(char *)"auth", NULL};
	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	require(p);
	p->config = (struct pw_config){
		.name = (char *)"fuzz",
		.root_id = (char *)"",
		.vm_id = (char *)"vm",
		.vm_configuration = (char *)"",
		.configuration = (char *)"c",
		.upstreams = upstreams,
	};
	p->server = &server;
	p->output[0][0] = p->output[1][0] = -1;
	pthread_mutex_init(&p->metrics_lock, NULL);
	return p;
}

/* Memory for one answer, in libmote's place. */
static uint8_t *answer;

void *mote_call_memory(struct mote_sandbox *sandbox, size_t bytes)
{
	(void)sandbox;
	require(!answer);
	answer = malloc(bytes);
	return answer;
}

static void request(struct pw_vm *vm, const uint8_t *data, size_t size)
{
	const struct mote_value arg = mote_bytes(data, size);
	struct mote_value result = {0};
	struct mote_proxy_bytes bytes = {0};
	uint64_t number = 0;
	uint32_t status = 0;
	if (pw_host_function(vm, NULL, &arg, 1, &result, NULL) == 0) {
		struct mote_in in = {.at = result.of.bytes.data, .left = result.of.bytes.len};
		require(mote_get_u32(&in, &status) && mote_get(&in, &number, sizeof(number)) &&
			mote_proxy_get_bytes(&in, &bytes) && in.left == 0);
		require(status == MOTE_PROXY_OK || bytes.len == 0);
	}
	free(answer);
	answer = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int stream_of_server;
	struct pw_effects effects cleanup_effects = {0};
	struct pw_plugin *p = plugin();
	struct pw_stream stream = {.plugin = p, .context = 2, .server_stream = &stream_of_server};
	struct pw_vm vm = {
		.plugin = p, .streams = &stream, .effects = &effects, .current = &stream};
	struct mote_proxy_item last;
	if (size == 0)
		return 0;
	p->shared = pw_shared_get("vm");
	require(p->shared);
	struct mote_in in = {.at = data + 1, .left = size - 1};
	if (data[0] & 1)
		request(&vm, data + 1, size - 1);
	else if (pw_apply_changes(&vm, &in, &last))
		require(!mote_proxy_is_change(&last) || last.kind == 0);
	if (effects.local_response)
		require(effects.status >= 200 && effects.status <= 599);
	pw_queues_forget(p);
	pw_shared_drop(p->shared);
	return 0;
}
