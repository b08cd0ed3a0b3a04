/* SPDX-License-Identifier: Apache-2.0 */
/* The growable byte buffer. */
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->capacity = 0;
}

/* Doubles the capacity, within the cap, until len more bytes fit. */
static bool grow(struct buf *b, size_t len)
{
	size_t capacity = b->capacity ? b->capacity : 256;
	while (capacity - b->len < len)
		capacity *= 2;
	if (capacity > b->cap)
		capacity = b->cap;
	uint8_t *data = realloc(b->data, capacity);
	if (!data)
		return false;
	b->data = data;
	b->capacity = capacity;
	return true;
}

uint8_t *buf_reserve(struct buf *b, size_t len)
{
	if (b->len > b->cap || len > b->cap - b->len) {
		errno = E2BIG;
		return NULL;
	}
	if (len > b->capacity - b->len && !grow(b, len)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!b->data)
		return NULL;
	return b->data + b->len;
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
