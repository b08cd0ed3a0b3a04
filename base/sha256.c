/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sha256.h"

#include "base/io.h"

#include <errno.h>
#include <nettle/base16.h>

#define PIECE_BYTES 262144

void sha256_end(struct sha256_ctx *s, char out[65])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	sha256_digest(s, sizeof(digest), digest);
	base16_encode_update(out, sizeof(digest), digest);
	out[64] = 0;
}

void sha256_hex(const void *bytes, size_t len, char out[65])
{
	struct sha256_ctx s;
	sha256_init(&s);
	sha256_update(&s, len, bytes);
	sha256_end(&s, out);
}

/* By reading, not by a mapping: the file may be truncated, and its holes stay holes. */
int sha256_file(int fd, int copy, char out[65])
{
	cleanup_free uint8_t *piece = malloc(PIECE_BYTES);
	struct sha256_ctx s;
	if (!piece)
		return -ENOMEM;
	sha256_init(&s);
	for (off_t at = 0;;) {
		ssize_t n = io_pread_full(fd, piece, PIECE_BYTES, at);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		if (copy >= 0) {
			int rc = io_write_all(copy, piece, (size_t)n);
			if (rc < 0)
				return rc;
		}
		sha256_update(&s, (size_t)n, piece);
		at += n;
	}
	sha256_end(&s, out);
	return 0;
}
