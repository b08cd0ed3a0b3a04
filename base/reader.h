/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one reader for bytes from outside. Every read checks the bounds first; a read that fails
 * consumes nothing. The bytes are borrowed: they must outlive the reader.
 */
#ifndef MOTE_BASE_READER_H
#define MOTE_BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
	const uint8_t *at;
	size_t left; /* bytes */
};

static inline struct reader reader_of(const void *bytes, size_t len)
{
	return (struct reader){.at = (const uint8_t *)bytes, .left = len};
}

/* Takes len bytes; *out is borrowed from the underlying memory. */
static inline bool reader_bytes(struct reader *r, size_t len, const uint8_t **out)
{
	if (len > r->left)
		return false;
	*out = r->at;
	r->at += len;
	r->left -= len;
	return true;
}

/* Splits off a reader over the next len bytes. */
static inline bool reader_sub(struct reader *r, size_t len, struct reader *out)
{
	const uint8_t *at;
	if (!reader_bytes(r, len, &at))
		return false;
	*out = reader_of(at, len);
	return true;
}

static inline bool reader_copy(struct reader *r, void *to, size_t len)
{
	const uint8_t *at;
	if (!reader_bytes(r, len, &at))
		return false;
	memcpy(to, at, len);
	return true;
}

static inline bool reader_u8(struct reader *r, uint8_t *out)
{
	return reader_copy(r, out, 1);
}

/* Little-endian, as the host is. */
static inline bool reader_le32(struct reader *r, uint32_t *out)
{
	return reader_copy(r, out, sizeof(*out));
}

static inline bool reader_le64(struct reader *r, uint64_t *out)
{
	return reader_copy(r, out, sizeof(*out));
}

static inline bool reader_be32(struct reader *r, uint32_t *out)
{
	uint32_t v;
	if (!reader_copy(r, &v, sizeof(v)))
		return false;
	*out = __builtin_bswap32(v);
	return true;
}

#endif
