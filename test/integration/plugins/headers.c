/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and changes headers of request and response, and counts what its memory has seen. */
#include "proxy.h"

static uint32_t requests;

EXPORT(proxy_on_request_headers)
int proxy_on_request_headers(uint32_t context, uint32_t count, int end)
{
	size_t len;
	const char *path = request_header(S(":path"), &len);
	(void)context, (void)end;
	requests++;
	set_number(REQUEST_HEADERS, S("x-count"), requests);
	set_number(REQUEST_HEADERS, S("x-headers"), count);
	proxy_add_header_map_value(REQUEST_HEADERS, S("x-seen-path"), path, len);
	proxy_add_header_map_value(REQUEST_HEADERS, S("x-seen-path"), S("twice"));
	proxy_remove_header_map_value(REQUEST_HEADERS, S("X-Remove"));
	if (same(path, len, S("/denied")))
		proxy_send_local_response(403, S("denied"), S("no\n"),
					  S("\1\0\0\0\5\0\0\0\4\0\0\0x-why\0rule\0"), -1);
	if (same(path, len, S("/split")))
		proxy_add_header_map_value(REQUEST_HEADERS, S("x-split"), S("a\r\nx-forged: 1"));
	return same(path, len, S("/denied")) ? PAUSE : CONTINUE;
}

EXPORT(proxy_on_response_headers)
int proxy_on_response_headers(uint32_t context, uint32_t count, int end)
{
	char *pairs;
	size_t len;
	(void)context, (void)count, (void)end;
	set_number(RESPONSE_HEADERS, S("x-count-after"), requests);
	if (proxy_get_header_map_pairs(RESPONSE_HEADERS, &pairs, &len) == OK)
		set_number(RESPONSE_HEADERS, S("x-pairs"), *(uint32_t *)pairs);
	return CONTINUE;
}
