/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), for names and digests. */
#ifndef MOTE_BASE_SHA256_H
#define MOTE_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* Digest of len bytes as 64 lower-case hexadecimal digits and a NUL. Any thread. */
void sha256_hex(const void *bytes, size_t len, char out[65]);

#endif
