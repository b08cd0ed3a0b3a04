/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a second cluster, whose name is its configuration, whether a request may pass: 200 with a
 * header x-user says yes.
 */
#include "proxy.h"

static char *upstream;
static size_t upstream_len;

EXPORT(proxy_on_configure) int proxy_on_configure(uint32_t context, uint32_t size)
{
	(void)context;
	return proxy_get_buffer_bytes(PLUGIN_CONFIG, 0, size, &upstream, &upstream_len) == OK;
}

EXPORT(proxy_on_request_headers)
int proxy_on_request_headers(uint32_t context, uint32_t count, int end)
{
	static const char headers[] = "\3\0\0\0\7\0\0\0\3\0\0\0\5\0\0\0\6\0\0\0\12\0\0\0\4\0\0\0"
				      ":method\0GET\0:path\0/check\0:authority\0auth";
	uint32_t token;
	(void)context, (void)count, (void)end;
	const int status = proxy_http_call(upstream, upstream_len, headers, sizeof(headers), "", 0,
					   "", 0, 2000, &token);
	if (status == OK)
		return PAUSE;
	set_number(REQUEST_HEADERS, S("x-call-status"), (uint64_t)status);
	return CONTINUE;
}

EXPORT(proxy_on_http_call_response)
void proxy_on_http_call_response(uint32_t context, uint32_t token, uint32_t count, uint32_t size,
				 uint32_t trailers)
{
	char *status, *user, *body;
	size_t status_len, user_len, body_len;
	(void)context, (void)token, (void)trailers;
	set_number(REQUEST_HEADERS, S("x-call-headers"), count);
	if (proxy_get_header_map_value(CALL_HEADERS, S(":status"), &status, &status_len) != OK) {
		proxy_send_local_response(502, S("auth"), S("no answer\n"), "", 0, -1);
		return;
	}
	if (!same(status, status_len, S("200"))) {
		proxy_get_buffer_bytes(CALL_BODY, 0, size, &body, &body_len);
		proxy_send_local_response(403, S("auth"), body, body_len, "", 0, -1);
		return;
	}
	if (proxy_get_header_map_value(CALL_HEADERS, S("x-user"), &user, &user_len) == OK)
		proxy_replace_header_map_value(REQUEST_HEADERS, S("x-user"), user, user_len);
	proxy_continue_stream(0);
}
