/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an embedder and the guest runtime say to each other about a proxy-wasm module (ABI 0.1.0 to
 * 0.2.1). Freestanding; contrib/proxy-wasm and guest/wasi/proxy use this one encoder and decoder.
 * Each side treats what it receives as untrusted.
 *
 * The guest runtime exports MOTE_PROXY_EVENT, y:y, if the module has a marker proxy_abi_version_*.
 * An event has all that the module is likely to ask for, and its result all that the module has
 * changed, so that an event takes one exit. What cannot be answered in the guest is a call of the
 * host function MOTE_PROXY_HOST, y:y.
 *
 *   event      u8 log level, u32 count, count x step, u32 count, count x part
 *   step       u8 enum mote_proxy_step, u32 context, 4 x u32 argument
 *   part       u8 0: a map, 1: a buffer; u8 its number in the ABI; bytes
 *   result     items (changes), u8 0, u32 count, count x u32: what each step returned
 *   request    items (changes; the last one is the request), u8 0
 *   answer     u32 status (enum mote_proxy_status), u64 number, bytes
 *   item       u8 enum mote_proxy_item_kind, u32 context, u64 a, u64 b, bytes x, bytes y, bytes z
 *
 * Numbers and bytes are encoded as in message.h; the bytes of a map are proxy-wasm's own:
 *
 *   map        u32 count, count x (u32 key length, u32 value length), count x (key NUL value NUL)
 */
#ifndef MOTE_ABI_PROXY_WASM_H
#define MOTE_ABI_PROXY_WASM_H

#include "abi/message.h"

#define MOTE_PROXY_EVENT "proxy_wasm_event"
#define MOTE_PROXY_HOST  "proxy_wasm_host"

enum {
	MOTE_PROXY_STEPS_MAX = 8,
	MOTE_PROXY_ARGS = 4,
	MOTE_PROXY_MAPS = 8,    /* enum proxy_map */
	MOTE_PROXY_BUFFERS = 9, /* enum proxy_buffer */
	MOTE_PROXY_PAIRS_MAX = 16384,
};

enum mote_proxy_status {
	MOTE_PROXY_OK = 0,
	MOTE_PROXY_NOT_FOUND = 1,
	MOTE_PROXY_BAD_ARGUMENT = 2,
	MOTE_PROXY_SERIALIZATION_FAILURE = 3,
	MOTE_PROXY_PARSE_FAILURE = 4,
	MOTE_PROXY_INVALID_MEMORY_ACCESS = 6,
	MOTE_PROXY_EMPTY = 7,
	MOTE_PROXY_CAS_MISMATCH = 8,
	MOTE_PROXY_INTERNAL_FAILURE = 10,
	MOTE_PROXY_UNIMPLEMENTED = 12,
};

/*
 * What the module is called for. If VM_START, CONFIGURE or DONE returns false, the steps after it
 * are left out.
 */
enum mote_proxy_step {
	MOTE_PROXY_START = 1, /* main or _start */
	MOTE_PROXY_CONTEXT_CREATE,
	MOTE_PROXY_VM_START,
	MOTE_PROXY_CONFIGURE,
	MOTE_PROXY_REQUEST_HEADERS,
	MOTE_PROXY_REQUEST_BODY,
	MOTE_PROXY_REQUEST_TRAILERS,
	MOTE_PROXY_RESPONSE_HEADERS,
	MOTE_PROXY_RESPONSE_BODY,
	MOTE_PROXY_RESPONSE_TRAILERS,
	MOTE_PROXY_DONE,
	MOTE_PROXY_LOG,
	MOTE_PROXY_DELETE,
	MOTE_PROXY_TICK,
	MOTE_PROXY_HTTP_CALL_RESPONSE,
	MOTE_PROXY_QUEUE_READY,
	MOTE_PROXY_NEW_CONNECTION,
	MOTE_PROXY_DOWNSTREAM_DATA,
	MOTE_PROXY_UPSTREAM_DATA,
	MOTE_PROXY_DOWNSTREAM_CLOSE,
	MOTE_PROXY_UPSTREAM_CLOSE,
	MOTE_PROXY_STEP_KINDS,
};

enum mote_proxy_map {
	MOTE_PROXY_MAP_REQUEST_HEADERS,
	MOTE_PROXY_MAP_REQUEST_TRAILERS,
	MOTE_PROXY_MAP_RESPONSE_HEADERS,
	MOTE_PROXY_MAP_RESPONSE_TRAILERS,
	MOTE_PROXY_MAP_GRPC_INITIAL,
	MOTE_PROXY_MAP_GRPC_TRAILING,
	MOTE_PROXY_MAP_CALL_HEADERS,
	MOTE_PROXY_MAP_CALL_TRAILERS,
};

enum mote_proxy_buffer {
	MOTE_PROXY_BUFFER_REQUEST_BODY,
	MOTE_PROXY_BUFFER_RESPONSE_BODY,
	MOTE_PROXY_BUFFER_DOWNSTREAM,
	MOTE_PROXY_BUFFER_UPSTREAM,
	MOTE_PROXY_BUFFER_CALL_BODY,
	MOTE_PROXY_BUFFER_GRPC,
	MOTE_PROXY_BUFFER_VM_CONFIG,
	MOTE_PROXY_BUFFER_PLUGIN_CONFIG,
	MOTE_PROXY_BUFFER_ARGUMENTS,
};

enum mote_proxy_item_kind {
	/* Changes: to the module they have succeeded. */
	MOTE_PROXY_ITEM_LOG = 1,        /* a: level, x: text */
	MOTE_PROXY_ITEM_ADD,            /* a: map, x: key, y: value */
	MOTE_PROXY_ITEM_REPLACE,        /* the same */
	MOTE_PROXY_ITEM_REMOVE,         /* a: map, x: key */
	MOTE_PROXY_ITEM_SET_PAIRS,      /* a: map, x: all of it */
	MOTE_PROXY_ITEM_SET_BUFFER,     /* a: buffer, x: all of it */
	MOTE_PROXY_ITEM_CONTINUE,       /* a: stream type */
	MOTE_PROXY_ITEM_CLOSE,          /* a: stream type */
	MOTE_PROXY_ITEM_LOCAL_RESPONSE, /* a: status, b: gRPC, x: headers, y: body, z: details */
	MOTE_PROXY_ITEM_INCREMENT,      /* a: metric, b: signed offset */
	MOTE_PROXY_ITEM_RECORD,         /* a: metric, b: value */
	MOTE_PROXY_ITEM_TICK_PERIOD,    /* a: milliseconds */
	MOTE_PROXY_ITEM_CLEAR_ROUTE,    /* the cached choice of a route */
	MOTE_PROXY_ITEM_DONE,           /* the context is done after all */
	MOTE_PROXY_ITEM_CHANGES,
	/* Requests. */
	MOTE_PROXY_ITEM_FLUSH = 64,     /* nothing: the changes before it alone */
	MOTE_PROXY_ITEM_GET_MAP,        /* a: map; bytes: all of it */
	MOTE_PROXY_ITEM_GET_BUFFER,     /* a: buffer; bytes: all of it */
	MOTE_PROXY_ITEM_GET_PROPERTY,   /* x: path; bytes: value */
	MOTE_PROXY_ITEM_SET_PROPERTY,   /* x: path, y: value */
	MOTE_PROXY_ITEM_GET_SHARED,     /* x: key; bytes: value, number: cas */
	MOTE_PROXY_ITEM_SET_SHARED,     /* x: key, y: value, a: cas */
	MOTE_PROXY_ITEM_REGISTER_QUEUE, /* x: name; number: id */
	MOTE_PROXY_ITEM_RESOLVE_QUEUE,  /* x: VM id, y: name; number: id */
	MOTE_PROXY_ITEM_ENQUEUE,        /* a: id, x: value */
	MOTE_PROXY_ITEM_DEQUEUE,        /* a: id; bytes: value */
	MOTE_PROXY_ITEM_DEFINE_METRIC,  /* a: type, x: name; number: id */
	MOTE_PROXY_ITEM_GET_METRIC,     /* a: id; number: value */
	MOTE_PROXY_ITEM_HTTP_CALL,      /* x: upstream, y: headers, z: body, a: ms; number: token */
	MOTE_PROXY_ITEM_FUNCTION,       /* x: name, y: arguments; bytes: results */
	MOTE_PROXY_ITEM_SET_CONTEXT,    /* whether there is such a context in this VM */
	MOTE_PROXY_ITEM_REQUESTS,
};

struct mote_proxy_bytes {
	const uint8_t *at;
	size_t len;
};

struct mote_proxy_item {
	uint8_t kind;
	uint32_t context;
	uint64_t a, b;
	struct mote_proxy_bytes x, y, z;
};

static inline void mote_proxy_put_bytes(struct mote_out *o, const struct mote_proxy_bytes *b)
{
	mote_put_len(o, b->len);
	mote_put(o, b->at, b->len);
}

static inline void mote_proxy_put_item(struct mote_out *o, const struct mote_proxy_item *item)
{
	mote_put_u8(o, item->kind);
	mote_put_u32(o, item->context);
	mote_put(o, &item->a, sizeof(item->a));
	mote_put(o, &item->b, sizeof(item->b));
	mote_proxy_put_bytes(o, &item->x);
	mote_proxy_put_bytes(o, &item->y);
	mote_proxy_put_bytes(o, &item->z);
}

static inline bool mote_proxy_get_bytes(struct mote_in *in, struct mote_proxy_bytes *b)
{
	return mote_get_bytes(in, &b->at, &b->len);
}

/* The next item; its kind is 0 at their end. False: damaged. */
static inline bool mote_proxy_get_item(struct mote_in *in, struct mote_proxy_item *item)
{
	*item = (struct mote_proxy_item){0};
	if (!mote_get_u8(in, &item->kind))
		return false;
	if (item->kind == 0)
		return true;
	return mote_get_u32(in, &item->context) && mote_get(in, &item->a, sizeof(item->a)) &&
	       mote_get(in, &item->b, sizeof(item->b)) && mote_proxy_get_bytes(in, &item->x) &&
	       mote_proxy_get_bytes(in, &item->y) && mote_proxy_get_bytes(in, &item->z);
}

static inline bool mote_proxy_is_change(const struct mote_proxy_item *item)
{
	return item->kind < MOTE_PROXY_ITEM_CHANGES;
}

/* --- maps --- */

struct mote_proxy_pair {
	struct mote_proxy_bytes key, value;
};

struct mote_proxy_pairs {
	struct mote_in lengths, data;
	uint32_t left;
};

/*
 * Begins to read a map. No bytes are an empty one. False: what follows cannot be `count` pairs.
 */
static inline bool mote_proxy_pairs_begin(struct mote_proxy_pairs *p,
					  const struct mote_proxy_bytes *map)
{
	struct mote_in in = {.at = map->at, .left = map->len};
	*p = (struct mote_proxy_pairs){0};
	if (map->len == 0)
		return true;
	if (!mote_get_u32(&in, &p->left) || p->left > MOTE_PROXY_PAIRS_MAX || in.left / 8 < p->left)
		return false;
	p->lengths = (struct mote_in){.at = in.at, .left = (size_t)p->left * 8};
	p->data =
		(struct mote_in){.at = in.at + p->lengths.left, .left = in.left - p->lengths.left};
	return p->left || p->data.left == 0;
}

static inline bool mote_proxy_take_text(struct mote_in *data, uint32_t len,
					struct mote_proxy_bytes *out)
{
	if (len >= data->left || data->at[len] != 0)
		return false;
	*out = (struct mote_proxy_bytes){.at = data->at, .len = len};
	data->at += len + 1;
	data->left -= len + 1;
	return true;
}

/* The next of p->left pairs, borrowed from the map. False: damaged; nothing may be left over. */
static inline bool mote_proxy_pairs_next(struct mote_proxy_pairs *p, struct mote_proxy_pair *pair)
{
	uint32_t key, value;
	if (p->left == 0 || !mote_get_u32(&p->lengths, &key) ||
	    !mote_get_u32(&p->lengths, &value) ||
	    !mote_proxy_take_text(&p->data, key, &pair->key) ||
	    !mote_proxy_take_text(&p->data, value, &pair->value))
		return false;
	p->left--;
	return p->left || p->data.left == 0;
}

/* Whether all of a map can be read. */
static inline bool mote_proxy_map_valid(const struct mote_proxy_bytes *map)
{
	struct mote_proxy_pairs p;
	struct mote_proxy_pair pair;
	if (!mote_proxy_pairs_begin(&p, map))
		return false;
	while (p.left)
		if (!mote_proxy_pairs_next(&p, &pair))
			return false;
	return true;
}

static inline void mote_proxy_put_map(struct mote_out *o, const struct mote_proxy_pair *pairs,
				      size_t count)
{
	mote_put_u32(o, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		mote_put_len(o, pairs[i].key.len);
		mote_put_len(o, pairs[i].value.len);
	}
	for (size_t i = 0; i < count; i++) {
		mote_put(o, pairs[i].key.at, pairs[i].key.len);
		mote_put_u8(o, 0);
		mote_put(o, pairs[i].value.at, pairs[i].value.len);
		mote_put_u8(o, 0);
	}
}

/* Keys of maps are ASCII and compared without case. */
static inline bool mote_proxy_key_is(const struct mote_proxy_bytes *a,
				     const struct mote_proxy_bytes *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		uint8_t x = a->at[i], y = b->at[i];
		if (x >= 'A' && x <= 'Z')
			x = (uint8_t)(x + 32);
		if (y >= 'A' && y <= 'Z')
			y = (uint8_t)(y + 32);
		if (x != y)
			return false;
	}
	return true;
}

#endif
