/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP calls that plugins make: which end belongs to which, and the event of an end. */
#include "envoy/envoy.h"

#include <stdlib.h>

struct envoy_call *envoy_call_take(struct envoy_call **list, uint64_t id)
{
	while (*list && (*list)->id != id)
		list = &(*list)->next;
	struct envoy_call *found = *list;
	if (found)
		*list = found->next;
	return found;
}

void envoy_calls_free(struct envoy_call **list)
{
	while (*list) {
		struct envoy_call *gone = *list;
		*list = gone->next;
		free(gone);
	}
}

static uint32_t status_of(uint32_t result)
{
	switch (result) {
	case ENVOY_CALLOUT_STARTED:
		return MOTE_PROXY_OK;
	case ENVOY_CALLOUT_HEADERS_MISSING:
	case ENVOY_CALLOUT_NO_CLUSTER:
		return MOTE_PROXY_BAD_ARGUMENT;
	default:
		return MOTE_PROXY_INTERNAL_FAILURE;
	}
}

/* What the calls that have not ended hold of Envoy's memory is bounded. */
static bool may_call(const struct envoy_call *list, size_t body_len)
{
	size_t count = 1, bytes = body_len;
	for (; list; list = list->next) {
		count++;
		bytes += list->body_len;
	}
	return count <= ENVOY_CALLS_MAX && bytes <= ENVOY_BODY_MAX;
}

_Static_assert(sizeof(struct envoy_header) == sizeof(struct mote_proxy_pair) &&
		       offsetof(struct envoy_header, key_len) ==
			       offsetof(struct mote_proxy_pair, key.len) &&
		       offsetof(struct envoy_header, value) ==
			       offsetof(struct mote_proxy_pair, value.at) &&
		       offsetof(struct envoy_header, value_len) ==
			       offsetof(struct mote_proxy_pair, value.len),
	       "a header of Envoy's is a pair");

/* A call that Envoy ends while it is begun is not in the list: its beginning has failed. */
uint32_t envoy_call_begin(envoy_callout_fn *callout, void *of, struct envoy_call **list,
			  uint32_t token, const struct mote_proxy_bytes *cluster,
			  const struct mote_proxy_pair *headers, size_t count,
			  const struct mote_proxy_bytes *body, uint32_t timeout_ms)
{
	struct envoy_call *call = NULL;
	if (may_call(*list, body->len))
		call = calloc(1, sizeof(*call));
	if (!call)
		return MOTE_PROXY_INTERNAL_FAILURE;
	const uint32_t status = status_of(callout(of, &call->id, envoy_bytes(cluster),
						  (struct envoy_header *)headers, count,
						  envoy_bytes(body), timeout_ms));
	if (status != MOTE_PROXY_OK) {
		free(call);
		return status;
	}
	call->token = token;
	call->body_len = body->len;
	call->next = *list;
	*list = call;
	return MOTE_PROXY_OK;
}

int envoy_call_event(struct pw_event *event, uint32_t token, const struct envoy_header *headers,
		     size_t header_count, const struct envoy_buffer *chunks, size_t chunk_count,
		     struct buf *body)
{
	for (size_t i = 0; i < chunk_count; i++)
		if (buf_put(body, chunks[i].at, chunks[i].len) < 0)
			return -ENOMEM;
	*event = (struct pw_event){
		.step = MOTE_PROXY_HTTP_CALL_RESPONSE,
		.args = {token, (uint32_t)header_count, (uint32_t)body->len, 0},
		.parts = {{.number = MOTE_PROXY_MAP_CALL_HEADERS,
			   .pairs = (const struct mote_proxy_pair *)headers,
			   .count = header_count},
			  {.number = MOTE_PROXY_MAP_CALL_TRAILERS},
			  {.is_buffer = true,
			   .number = MOTE_PROXY_BUFFER_CALL_BODY,
			   .bytes = {body->data, body->len}}},
		.part_count = 3,
	};
	return 0;
}
