/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 in the form that names and digests have. */
#ifndef MOTE_BASE_SHA256_H
#define MOTE_BASE_SHA256_H

#include <nettle/sha2.h>
#include <stddef.h>

/* What sha256_update was given (nettle's; sha256_init begins) as 64 lower-case hexadecimal digits and a NUL. */
void sha256_end(struct sha256_ctx *s, char out[65]);
/* The same of len bytes. Any thread. */
void sha256_hex(const void *bytes, size_t len, char out[65]);

#endif
