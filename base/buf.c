/* SPDX-License-Identifier: Apache-2.0 */
/* The growable byte buffer. */
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->room = 0;
}

uint8_t *buf_reserve(struct buf *b, size_t len)
{
	if (b->len > b->cap || len > b->cap - b->len) {
		errno = E2BIG;
		return NULL;
	}
	if (len > b->room - b->len) {
		size_t room = b->room ? b->room : 256;
		while (room - b->len < len)
			room *= 2;
		if (room > b->cap)
			room = b->cap;
		uint8_t *data = realloc(b->data, room);
		if (!data) {
			errno = ENOMEM;
			return NULL;
		}
		b->data = data;
		b->room = room;
	}
	return b->data ? b->data + b->len : NULL;
}

int buf_put(struct buf *b, const void *bytes, size_t len)
{
	if (len == 0)
		return 0;
	uint8_t *at = buf_reserve(b, len);
	if (!at)
		return -errno;
	memcpy(at, bytes, len);
	b->len += len;
	return 0;
}

int buf_put_be32(struct buf *b, uint32_t v)
{
	v = __builtin_bswap32(v);
	return buf_put(b, &v, sizeof(v));
}

int buf_put_le32(struct buf *b, uint32_t v)
{
	return buf_put(b, &v, sizeof(v));
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}
