/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties: Envoy's attributes by their paths, request and response headers, and what plugins
 * have set, which Envoy keeps as filter state. The plugin controls the paths.
 */
#include "envoy/envoy.h"

#include <stdlib.h>
#include <string.h>

enum kind { TEXT, NUMBER, TRUTH };

/* Numbers are envoy_dynamic_module_type_attribute_id's. */
static const struct attribute {
	const char *path; /* with dots */
	uint32_t id;
	enum kind kind;
} attributes[] = {
	{"request.path", 0, TEXT},
	{"request.url_path", 1, TEXT},
	{"request.host", 2, TEXT},
	{"request.scheme", 3, TEXT},
	{"request.method", 4, TEXT},
	{"request.referer", 6, TEXT},
	{"request.useragent", 7, TEXT},
	{"request.id", 9, TEXT},
	{"request.protocol", 10, TEXT},
	{"request.query", 11, TEXT},
	{"request.size", 13, NUMBER},
	{"request.total_size", 14, NUMBER},
	{"response.code", 15, NUMBER},
	{"response.code_details", 16, TEXT},
	{"response.flags", 17, NUMBER},
	{"response.grpc_status", 18, NUMBER},
	{"response.size", 21, NUMBER},
	{"response.total_size", 22, NUMBER},
	{"source.address", 24, TEXT},
	{"source.port", 25, NUMBER},
	{"destination.address", 26, TEXT},
	{"destination.port", 27, NUMBER},
	{"connection.id", ENVOY_CONNECTION_ID, NUMBER},
	{"connection.mtls", 29, TRUTH},
	{"connection.requested_server_name", 30, TEXT},
	{"connection.tls_version", 31, TEXT},
	{"connection.subject_local_certificate", 32, TEXT},
	{"connection.subject_peer_certificate", 33, TEXT},
	{"connection.dns_san_local_certificate", 34, TEXT},
	{"connection.dns_san_peer_certificate", 35, TEXT},
	{"connection.uri_san_local_certificate", 36, TEXT},
	{"connection.uri_san_peer_certificate", 37, TEXT},
	{"connection.sha256_peer_certificate_digest", 38, TEXT},
	{"connection.transport_failure_reason", 39, TEXT},
	{"connection.termination_details", 40, TEXT},
	{"upstream.address", 41, TEXT},
	{"upstream.port", 42, NUMBER},
	{"upstream.tls_version", 43, TEXT},
	{"upstream.local_address", 51, TEXT},
	{"upstream.transport_failure_reason", 52, TEXT},
	{"upstream.request_attempt_count", 53, NUMBER},
	{"xds.cluster_name", 57, TEXT},
	{"xds.route_name", 61, TEXT},
	{"xds.virtual_host_name", 63, TEXT},
	{"xds.filter_chain_name", 66, TEXT},
	{"cluster_name", 57, TEXT},
	{"route_name", 61, TEXT},
};

/* The ABI's path, parts with NULs between, perhaps one at the end. */
static bool path_is(const struct mote_proxy_bytes *path, const char *name)
{
	size_t len = path->len;
	if (len && path->at[len - 1] == 0)
		len--;
	if (strlen(name) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (path->at[i] != (name[i] == '.' ? 0 : (uint8_t)name[i]))
			return false;
	return true;
}

static uint32_t put(struct buf *to, const void *bytes, size_t len)
{
	if (buf_put(to, bytes, len) < 0)
		return MOTE_PROXY_INTERNAL_FAILURE;
	return MOTE_PROXY_OK;
}

static uint32_t get_attribute(const struct envoy_attributes *of, void *filter,
			      const struct attribute *a, struct buf *to)
{
	struct envoy_buffer text;
	uint64_t number;
	bool truth;
	switch (a->kind) {
	case TEXT:
		if (!of->text(filter, a->id, &text))
			return MOTE_PROXY_NOT_FOUND;
		return put(to, text.at, text.len);
	case NUMBER:
		if (!of->number(filter, a->id, &number))
			return MOTE_PROXY_NOT_FOUND;
		return put(to, &number, sizeof(number));
	case TRUTH:
		break;
	}
	if (!of->truth(filter, a->id, &truth))
		return MOTE_PROXY_NOT_FOUND;
	return put(to, &truth, sizeof(truth));
}

/* What a plugin has set, by the name that Envoy's own host uses. NULL: no memory. */
static char *state_key(const struct mote_proxy_bytes *path, size_t *len)
{
	char *key = malloc(5 + path->len + 1);
	if (!key)
		return NULL;
	memcpy(key, "wasm.", 5);
	memcpy(key + 5, path->at, path->len);
	*len = 5 + path->len;
	return key;
}

static uint32_t get_state(void *filter, const struct mote_proxy_bytes *path, struct buf *to)
{
	struct envoy_buffer value;
	size_t len;
	cleanup_free char *key = state_key(path, &len);
	if (!key)
		return MOTE_PROXY_INTERNAL_FAILURE;
	if (!CB(http_get_filter_state_bytes)(filter, (struct envoy_buffer){key, len}, &value))
		return MOTE_PROXY_NOT_FOUND;
	return put(to, value.at, value.len);
}

/* "request\0headers\0NAME" and the same of responses. */
static bool is_header(const struct mote_proxy_bytes *path, const char *prefix,
		      struct mote_proxy_bytes *name)
{
	const size_t len = strlen(prefix);
	const struct mote_proxy_bytes head = {path->at, len};
	if (path->len <= len + 1 || path->at[len] != 0 || !path_is(&head, prefix))
		return false;
	*name = (struct mote_proxy_bytes){path->at + len + 1, path->len - len - 1};
	return true;
}

static uint32_t get_header(void *filter, int map, const struct mote_proxy_bytes *name,
			   struct buf *to)
{
	const size_t count = CB(http_get_headers_size)(filter, map);
	cleanup_free struct envoy_header *headers = calloc(count + 1, sizeof(*headers));
	if (!headers || !CB(http_get_headers)(filter, map, headers))
		return MOTE_PROXY_NOT_FOUND;
	for (size_t i = 0; i < count; i++) {
		const struct mote_proxy_bytes key = {(const uint8_t *)headers[i].key,
						     headers[i].key_len};
		if (mote_proxy_key_is(&key, name))
			return put(to, headers[i].value, headers[i].value_len);
	}
	return MOTE_PROXY_NOT_FOUND;
}

uint32_t envoy_get_property(const struct envoy_attributes *of, void *filter,
			    const struct mote_proxy_bytes *path, struct buf *to)
{
	struct mote_proxy_bytes name;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (path_is(path, attributes[i].path))
			return get_attribute(of, filter, &attributes[i], to);
	if (!of->is_http)
		return MOTE_PROXY_NOT_FOUND;
	if (is_header(path, "request.headers", &name))
		return get_header(filter, ENVOY_REQUEST_HEADERS, &name, to);
	if (is_header(path, "response.headers", &name))
		return get_header(filter, ENVOY_RESPONSE_HEADERS, &name, to);
	return get_state(filter, path, to);
}

uint32_t envoy_set_property(void *filter, const struct mote_proxy_bytes *path,
			    const struct mote_proxy_bytes *value)
{
	size_t len;
	cleanup_free char *key = state_key(path, &len);
	if (!key)
		return MOTE_PROXY_INTERNAL_FAILURE;
	if (path->len == 0 || path->len > 4096 ||
	    !CB(http_set_filter_state_bytes)(filter, (struct envoy_buffer){key, len},
					     envoy_bytes(value)))
		return MOTE_PROXY_BAD_ARGUMENT;
	return MOTE_PROXY_OK;
}
