/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sha256.h"

#include <nettle/base16.h>

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
