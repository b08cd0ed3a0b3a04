/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin can do to its host, by the request's path. */
#include "proxy.h"

static char *config;
static size_t config_len;

static void trap_here(void)
{
	__builtin_trap();
}

static volatile uint32_t sink;

static uint32_t recurse(uint32_t n);
static uint32_t (*volatile again)(uint32_t) = recurse;

static uint32_t recurse(uint32_t n)
{
	return again(n + 1) + n;
}

static void grow(void)
{
	while (__builtin_wasm_memory_grow(0, 16) != (size_t)-1)
		for (char *at = (char *)((__builtin_wasm_memory_size(0) - 16) << 16),
			  *end = at + (16 << 16);
		     at != end; at += 4096)
			*at = 1;
	__builtin_trap();
}

__attribute__((import_module("wasi_snapshot_preview1"), import_name("poll_oneoff"))) int
poll_oneoff(const void *in, void *out, size_t count, size_t *done);

/* An hour, without CPU time. */
static void sleep_long(void)
{
	static uint64_t subscription[6] = {[3] = 3600000000000UL}, event[4];
	size_t done;
	poll_oneoff(subscription, event, 1, &done);
}

static void bad_arguments(void)
{
	char *value;
	size_t len;
	proxy_get_header_map_value(0, (const char *)0xfffffff0, 32, &value, &len);
	proxy_get_header_map_value(99, S("k"), &value, &len);
	proxy_get_header_map_value(0, S(":path"), (char **)0xfffffffd, (size_t *)0xfffffffd);
	proxy_set_header_map_pairs(0, S("\377\377\377\377\0\0\0\0"));
	proxy_set_header_map_pairs(0, S("\2\0\0\0\1\0\0\0\1\0\0\0k\0v"));
	proxy_set_buffer_bytes(7, 0, 1, S("configuration"));
	proxy_set_buffer_bytes(0, 0xffffffff, 0xffffffff, S("body"));
	proxy_send_local_response(42, "", 0, "", 0, S("\1\0\0\0"), -1);
	proxy_send_local_response(200, "", 0, "", 0, S("\7\0\0\0xx"), -1);
	proxy_set_effective_context(4711);
	proxy_enqueue_shared_queue(99999, S("m"));
	proxy_increment_metric(99999, 1);
	for (uint32_t own = 1; own <= 4; own++) /* the host's counters of this plugin */
		proxy_increment_metric(own, 1000);
	proxy_continue_stream(17);
	proxy_log(17, S("level"));
	proxy_log(2, (const char *)0xffffffff, 4);
}

/* Fields as no server may send them. */
static void bad_fields(void)
{
	static char large[1 << 16];
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = 'x';
	proxy_replace_header_map_value(REQUEST_HEADERS, S("a b"), S("c"));
	proxy_replace_header_map_value(REQUEST_HEADERS, S(""), S("c"));
	proxy_replace_header_map_value(REQUEST_HEADERS, S("x-nul"), S("a\0b"));
	proxy_replace_header_map_value(REQUEST_HEADERS, S("x\r\ny"), S("c"));
	proxy_remove_header_map_value(REQUEST_HEADERS, S(":method"));
	proxy_remove_header_map_value(REQUEST_HEADERS, S(":path"));
	proxy_replace_header_map_value(REQUEST_HEADERS, S(":status"), S("abc"));
	for (int i = 0; i < 4; i++)
		proxy_add_header_map_value(REQUEST_HEADERS, S("x-large"), large, sizeof(large));
}

static void many_fields(void)
{
	for (int i = 0; i < 5000; i++)
		proxy_add_header_map_value(REQUEST_HEADERS, S("x-more"), S("again"));
}

/* In the name of the root context, whose calls are the main thread's. */
static void call_as_root(uint32_t context)
{
	uint32_t token;
	proxy_set_effective_context(1);
	const int status = proxy_http_call(S("echo"),
					   S("\3\0\0\0"
					     "\7\0\0\0\3\0\0\0\5\0\0\0\1\0\0\0\12\0\0\0\1\0\0\0"
					     ":method\0GET\0:path\0/\0:authority\0a\0"),
					   "", 0, "", 0, 1000, &token);
	proxy_set_effective_context(context);
	set_number(REQUEST_HEADERS, S("x-root-call"), (uint64_t)status);
}

/* Messages of queues of another VM id. */
static void steal(void)
{
	uint64_t found = 0;
	char *value;
	size_t len;
	for (uint32_t id = 1; id <= 256; id++)
		if (proxy_dequeue_shared_queue(id, &value, &len) != NOT_FOUND)
			found++;
	set_number(REQUEST_HEADERS, S("x-stolen"), found);
}

EXPORT(proxy_on_configure) int proxy_on_configure(uint32_t context, uint32_t size)
{
	(void)context;
	proxy_get_buffer_bytes(PLUGIN_CONFIG, 0, size, &config, &config_len);
	if (same(config, config_len, S("trap")))
		trap_here();
	if (same(config, config_len, S("loop")))
		for (;;)
			sink++;
	return !same(config, config_len, S("no"));
}

EXPORT(proxy_on_request_headers)
int proxy_on_request_headers(uint32_t context, uint32_t count, int end)
{
	size_t len;
	const char *path = request_header(S(":path"), &len);
	(void)count, (void)end;
	if (same(path, len, S("/many-fields")))
		many_fields();
	if (same(path, len, S("/call-as-root")))
		call_as_root(context);
	if (same(path, len, S("/steal")))
		steal();
	if (same(path, len, S("/two-statuses")))
		proxy_send_local_response(403, "", 0, "", 0,
					  S("\1\0\0\0\7\0\0\0\3\0\0\0:status\0"
					    "200\0"),
					  -1);
	if (same(path, len, S("/trap"))) {
		proxy_log(4, S("about to trap\nforged line"));
		trap_here();
	}
	if (same(path, len, S("/loop")))
		for (;;)
			sink++;
	if (same(path, len, S("/sleep")))
		sleep_long();
	if (same(path, len, S("/recursion")))
		sink = recurse(0);
	if (same(path, len, S("/memory")))
		grow();
	if (same(path, len, S("/logs")))
		for (int i = 0; i < 20000; i++)
			proxy_log(2, S("again and again"));
	if (same(path, len, S("/arguments")))
		bad_arguments();
	if (same(path, len, S("/fields")))
		bad_fields();
	return CONTINUE;
}

EXPORT(proxy_on_response_headers)
int proxy_on_response_headers(uint32_t context, uint32_t count, int end)
{
	size_t len;
	const char *path = request_header(S(":path"), &len);
	(void)context, (void)count, (void)end;
	if (same(path, len, S("/trap-in-response")))
		trap_here();
	if (same(path, len, S("/status")))
		proxy_replace_header_map_value(RESPONSE_HEADERS, S(":status"), S("999"));
	if (same(path, len, S("/no-status")))
		proxy_remove_header_map_value(RESPONSE_HEADERS, S(":status"));
	if (same(path, len, S("/add-status")))
		proxy_add_header_map_value(RESPONSE_HEADERS, S(":status"), S("404"));
	if (same(path, len, S("/same-pairs"))) {
		char *all;
		size_t size;
		if (proxy_get_header_map_pairs(RESPONSE_HEADERS, &all, &size) == OK)
			proxy_set_header_map_pairs(RESPONSE_HEADERS, all, size);
	}
	return CONTINUE;
}

EXPORT(proxy_on_response_body)
int proxy_on_response_body(uint32_t context, uint32_t size, int end)
{
	size_t len;
	const char *path = request_header(S(":path"), &len);
	(void)context, (void)size, (void)end;
	if (same(path, len, S("/trap-in-body")))
		trap_here();
	if (same(path, len, S("/large-body"))) {
		static char large[1 << 19];
		proxy_set_buffer_bytes(RESPONSE_BODY, 0, 0xffffffff, large, sizeof(large));
		if (!end)
			return PAUSE;
		for (int i = 0; i < 20; i++)
			proxy_set_buffer_bytes(RESPONSE_BODY, 0, 0, large, sizeof(large));
		trap_here();
	}
	return CONTINUE;
}
