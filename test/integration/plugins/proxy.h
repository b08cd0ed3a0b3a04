/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proxy-wasm ABI for plugins of tests in C, without a C library: clang --target=wasm32
 * -nostdlib -Wl,--no-entry.
 */
#ifndef MOTE_TEST_PROXY_H
#define MOTE_TEST_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))

enum { OK, NOT_FOUND, BAD_ARGUMENT, PARSE_FAILURE = 4, CAS_MISMATCH = 8, UNIMPLEMENTED = 12 };
enum { CONTINUE, PAUSE };
enum { REQUEST_HEADERS, REQUEST_TRAILERS, RESPONSE_HEADERS, RESPONSE_TRAILERS, CALL_HEADERS = 6 };
enum { REQUEST_BODY, RESPONSE_BODY, DOWNSTREAM, UPSTREAM, CALL_BODY, VM_CONFIG = 6, PLUGIN_CONFIG };

IMPORT(proxy_log) int proxy_log(int level, const char *text, size_t len);
IMPORT(proxy_get_header_map_value)
int proxy_get_header_map_value(int map, const char *key, size_t key_len, char **value, size_t *len);
IMPORT(proxy_get_header_map_pairs) int proxy_get_header_map_pairs(int map, char **at, size_t *len);
IMPORT(proxy_set_header_map_pairs)
int proxy_set_header_map_pairs(int map, const char *at, size_t len);
IMPORT(proxy_add_header_map_value)
int proxy_add_header_map_value(int map, const char *key, size_t key_len, const char *value,
			       size_t len);
IMPORT(proxy_replace_header_map_value)
int proxy_replace_header_map_value(int map, const char *key, size_t key_len, const char *value,
				   size_t len);
IMPORT(proxy_remove_header_map_value)
int proxy_remove_header_map_value(int map, const char *key, size_t key_len);
IMPORT(proxy_get_buffer_bytes)
int proxy_get_buffer_bytes(int buffer, size_t start, size_t max, char **at, size_t *len);
IMPORT(proxy_set_buffer_bytes)
int proxy_set_buffer_bytes(int buffer, size_t start, size_t len, const char *by, size_t by_len);
IMPORT(proxy_send_local_response)
int proxy_send_local_response(int status, const char *details, size_t details_len, const char *body,
			      size_t body_len, const char *headers, size_t headers_len, int grpc);
IMPORT(proxy_continue_stream) int proxy_continue_stream(int type);
IMPORT(proxy_http_call)
int proxy_http_call(const char *upstream, size_t upstream_len, const char *headers,
		    size_t headers_len, const char *body, size_t body_len, const char *trailers,
		    size_t trailers_len, int ms, uint32_t *token);
IMPORT(proxy_get_shared_data)
int proxy_get_shared_data(const char *key, size_t key_len, char **value, size_t *len,
			  uint32_t *cas);
IMPORT(proxy_set_shared_data)
int proxy_set_shared_data(const char *key, size_t key_len, const char *value, size_t len,
			  uint32_t cas);
IMPORT(proxy_register_shared_queue)
int proxy_register_shared_queue(const char *name, size_t len, uint32_t *id);
IMPORT(proxy_resolve_shared_queue)
int proxy_resolve_shared_queue(const char *vm, size_t vm_len, const char *name, size_t len,
			       uint32_t *id);
IMPORT(proxy_enqueue_shared_queue)
int proxy_enqueue_shared_queue(uint32_t id, const char *value, size_t len);
IMPORT(proxy_dequeue_shared_queue)
int proxy_dequeue_shared_queue(uint32_t id, char **value, size_t *len);
IMPORT(proxy_define_metric)
int proxy_define_metric(int type, const char *n, size_t len, uint32_t *id);
IMPORT(proxy_increment_metric) int proxy_increment_metric(uint32_t id, int64_t by);
IMPORT(proxy_record_metric) int proxy_record_metric(uint32_t id, uint64_t value);
IMPORT(proxy_get_metric) int proxy_get_metric(uint32_t id, uint64_t *value);
IMPORT(proxy_get_property)
int proxy_get_property(const char *path, size_t path_len, char **value, size_t *len);
IMPORT(proxy_set_property)
int proxy_set_property(const char *path, size_t path_len, const char *value, size_t len);
IMPORT(proxy_set_tick_period_milliseconds) int proxy_set_tick_period_milliseconds(uint32_t ms);
IMPORT(proxy_set_effective_context) int proxy_set_effective_context(uint32_t context);
IMPORT(proxy_get_current_time_nanoseconds) int proxy_get_current_time_nanoseconds(uint64_t *ns);

#define S(text) text, sizeof(text) - 1

EXPORT(proxy_abi_version_0_2_1) void proxy_abi_version_0_2_1(void)
{
}

/* Memory that the host asks for: nothing of it is used beyond a callback, so it begins again. */
EXPORT(malloc) void *malloc(size_t bytes)
{
	static char memory[1 << 20];
	static size_t used;
	if (bytes > sizeof(memory))
		return NULL;
	if (bytes > sizeof(memory) - used)
		used = 0;
	void *at = memory + used;
	used += (bytes + 7) & ~(size_t)7;
	return at;
}

static inline bool same(const char *a, size_t len, const char *text, size_t text_len)
{
	if (len != text_len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (a[i] != text[i])
			return false;
	return true;
}

static inline size_t put_number(char *to, uint64_t n)
{
	char digits[20];
	size_t count = 0, len = 0;
	do
		digits[count++] = (char)('0' + n % 10);
	while (n /= 10);
	while (count)
		to[len++] = digits[--count];
	return len;
}

/* A header of the request, or an empty text. */
static inline const char *request_header(const char *key, size_t key_len, size_t *len)
{
	char *value = NULL;
	*len = 0;
	if (proxy_get_header_map_value(REQUEST_HEADERS, key, key_len, &value, len) != OK)
		return "";
	return value;
}

/* Sets a header of the response or request to a number. */
static inline void set_number(int map, const char *key, size_t key_len, uint64_t n)
{
	char text[20];
	proxy_replace_header_map_value(map, key, key_len, text, put_number(text, n));
}

#endif
