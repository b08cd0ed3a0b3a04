/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), for names and digests. */
#ifndef MOTE_BASE_SHA256_H
#define MOTE_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of bytes that come in pieces: begin, add, end. */
struct sha256 {
	uint32_t h[8];
	uint64_t bytes;
	uint8_t rest[64]; /* of a block that is not complete */
};
void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *bytes, size_t len);
/* 64 lower-case hexadecimal digits and a NUL. */
void sha256_end(struct sha256 *s, char out[65]);

/* Digest of len bytes as 64 lower-case hexadecimal digits and a NUL. Any thread. */
void sha256_hex(const void *bytes, size_t len, char out[65]);
/* For tests: true leaves the CPU's own instructions for it out. Not while others hash. */
extern bool sha256_by_hand;

#endif
