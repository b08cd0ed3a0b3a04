/* SPDX-License-Identifier: Apache-2.0 */
/* A growable byte buffer with a cap, for what is written out or collected from outside. */
#ifndef MOTE_BASE_BUF_H
#define MOTE_BASE_BUF_H

#include "base/cleanup.h"

#include <stddef.h>
#include <stdint.h>

/* Zero-initialised with a cap: `struct buf b = {.cap = LIMIT}`. Not shared between threads. */
struct buf {
	uint8_t *data; /* owned */
	size_t len;
	size_t capacity; /* allocated bytes */
	size_t cap;      /* never grows past this many bytes */
};

void buf_free(struct buf *b); /* accepts an empty one; leaves it empty, cap kept */
#define cleanup_buf cleanup_(buf_free)

/* Each appends whole or not at all: 0, -E2BIG past the cap, -ENOMEM. */
int buf_put(struct buf *b, const void *bytes, size_t len) must_check;
int buf_put_be32(struct buf *b, uint32_t v) must_check;
int buf_put_le32(struct buf *b, uint32_t v) must_check;
/* Allocates len more bytes and returns their address, or NULL. Does not change b->len. */
uint8_t *buf_reserve(struct buf *b, size_t len) must_check;
/* Drops the first n bytes, n <= b->len. */
void buf_consume(struct buf *b, size_t n);

#endif
