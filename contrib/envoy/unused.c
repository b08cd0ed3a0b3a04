/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks that Envoy asks a module to have and that Mote's has no use for. */
#include "envoy/abi.h"

#define UNUSED_HOOK(name, ...)           \
	HOOK void ON(name)(__VA_ARGS__); \
	HOOK void ON(name)(__VA_ARGS__)  \
	{                                \
	}
#pragma GCC diagnostic ignored "-Wunused-parameter"

UNUSED_HOOK(http_filter_http_stream_headers, void *envoy, void *filter, uint64_t id,
	    struct envoy_header *headers, size_t count, bool end)
UNUSED_HOOK(http_filter_http_stream_data, void *envoy, void *filter, uint64_t id,
	    const struct envoy_buffer *data, size_t count, bool end)
UNUSED_HOOK(http_filter_http_stream_trailers, void *envoy, void *filter, uint64_t id,
	    struct envoy_header *trailers, size_t count)
UNUSED_HOOK(http_filter_http_stream_complete, void *envoy, void *filter, uint64_t id)
UNUSED_HOOK(http_filter_http_stream_reset, void *envoy, void *filter, uint64_t id, int reason)
UNUSED_HOOK(http_filter_scheduled, void *envoy, void *filter, uint64_t event)
UNUSED_HOOK(http_filter_downstream_above_write_buffer_high_watermark, void *envoy, void *filter)
UNUSED_HOOK(http_filter_downstream_below_write_buffer_low_watermark, void *envoy, void *filter)

HOOK int ON(http_filter_local_reply)(void *envoy, void *filter, uint32_t status,
				     struct envoy_buffer details, bool reset);
/* 0: the reply is sent. */
HOOK int ON(http_filter_local_reply)(void *envoy, void *filter, uint32_t status,
				     struct envoy_buffer details, bool reset)
{
	return 0;
}
