/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs in a directory blobs/sha256, as image layouts and containerd's content store have it, by
 * their digests.
 */
#ifndef MOTE_OCI_CONTENT_H
#define MOTE_OCI_CONTENT_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define CONTENT_BLOBS        "blobs/sha256"
#define CONTENT_DIGEST_CHARS 64 /* in hexadecimal */

/* "sha256:" and its digits. */
static inline bool content_is_digest(const char *text)
{
	return strncmp(text, "sha256:", 7) == 0 && strlen(text) == 7 + CONTENT_DIGEST_CHARS &&
	       strspn(text + 7, "0123456789abcdef") == CONTENT_DIGEST_CHARS;
}

/*
 * Opens the blob of a digest for reading, in `store`, an open directory: a descriptor, the
 * caller's. ERR_CONFIG: ENOENT it is not there; EINVAL the digest is not a sha256 one, or the blob
 * not a regular file. Its bytes have not been checked.
 */
int content_open(int store, const char *digest, struct err *e) must_check;
/* ERR_CONFIG, EBADMSG: the blob's bytes are not of its digest. */
int content_check(int fd, const char *digest, struct err *e) must_check;
/*
 * Reads a blob of at most max_bytes, checked against its digest. *out: NUL-terminated, the
 * caller's. ERR_CONFIG, EFBIG: it has more.
 */
int content_read(int store, const char *digest, size_t max_bytes, char **out, size_t *len,
		 struct err *e) must_check;

#endif
