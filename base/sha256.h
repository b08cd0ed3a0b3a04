/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 in the form that names and digests have. */
#ifndef MOTE_BASE_SHA256_H
#define MOTE_BASE_SHA256_H

#include "base/cleanup.h"

#include <nettle/sha2.h>
#include <stddef.h>

/*
 * The digest of what sha256_update got (nettle's; sha256_init begins): 64 lower-case hexadecimal
 * digits and a NUL.
 */
void sha256_end(struct sha256_ctx *s, char out[65]);
/* The same of len bytes. Any thread. */
void sha256_hex(const void *bytes, size_t len, char out[65]);
/*
 * The same of a file's bytes, which are also written to `copy` unless that is -1: digest and copy
 * are of the same bytes, whatever happens to the file meanwhile. 0 or -errno. Any thread.
 */
int sha256_file(int fd, int copy, char out[65]) must_check;

#endif
