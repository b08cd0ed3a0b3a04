/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies: /upper replaces each chunk of both ways by itself in upper case; /whole waits for the
 * whole request body and puts its length in front; /patch changes the middle; /drop empties it.
 */
#include "proxy.h"

static const char *path;
static size_t path_len;

EXPORT(proxy_on_request_headers)
int proxy_on_request_headers(uint32_t context, uint32_t count, int end)
{
	(void)context, (void)count, (void)end;
	path = request_header(S(":path"), &path_len);
	proxy_remove_header_map_value(REQUEST_HEADERS, S("content-length"));
	return CONTINUE;
}

EXPORT(proxy_on_response_headers)
int proxy_on_response_headers(uint32_t context, uint32_t count, int end)
{
	(void)context, (void)count, (void)end;
	proxy_remove_header_map_value(RESPONSE_HEADERS, S("content-length"));
	return CONTINUE;
}

static void to_upper(int buffer)
{
	char *at;
	size_t len;
	if (proxy_get_buffer_bytes(buffer, 0, 1 << 20, &at, &len) != OK)
		return;
	for (size_t i = 0; i < len; i++)
		if (at[i] >= 'a' && at[i] <= 'z')
			at[i] = (char)(at[i] - 32);
	proxy_set_buffer_bytes(buffer, 0, len, at, len);
}

EXPORT(proxy_on_request_body) int proxy_on_request_body(uint32_t context, uint32_t size, int end)
{
	char text[24];
	(void)context;
	if (same(path, path_len, S("/upper")))
		to_upper(REQUEST_BODY);
	if (same(path, path_len, S("/drop")))
		proxy_set_buffer_bytes(REQUEST_BODY, 0, size, "", 0);
	if (same(path, path_len, S("/patch")) && size >= 4) {
		proxy_set_buffer_bytes(REQUEST_BODY, 1, 2, S("<patched>"));
		proxy_set_buffer_bytes(REQUEST_BODY, 1 << 20, 0, S("!"));
	}
	if (!same(path, path_len, S("/whole")))
		return CONTINUE;
	if (!end)
		return PAUSE;
	size_t n = put_number(text, size);
	text[n++] = ':';
	proxy_set_buffer_bytes(REQUEST_BODY, 0, 0, text, n);
	return CONTINUE;
}

EXPORT(proxy_on_response_body) int proxy_on_response_body(uint32_t context, uint32_t size, int end)
{
	(void)context, (void)size, (void)end;
	if (same(path, path_len, S("/upper")))
		to_upper(RESPONSE_BODY);
	return CONTINUE;
}
