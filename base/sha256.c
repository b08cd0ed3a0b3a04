/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4, 6.2). */
#include "base/sha256.h"

#include <cpuid.h>
#include <immintrin.h>
#include <stdio.h>
#include <string.h>

static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t v, int n)
{
	return v >> n | v << (32 - n);
}

/* One round; instead of moving the eight words on, the next round names them differently. */
#define ROUND(a, b, c, d, e, f, g, h, i)                                                           \
	do {                                                                                       \
		uint32_t t = (h) + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +                \
			     (((e) & (f)) ^ (~(e) & (g))) + k[i] + w[i];                           \
		(d) += t;                                                                          \
		(h) = t + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +                         \
		      (((a) & (b)) ^ ((a) & (c)) ^ ((b) & (c)));                                   \
	} while (0)

static void block(uint32_t h[8], const uint8_t *bytes)
{
	uint32_t w[64];
	for (int i = 0; i < 16; i++) {
		memcpy(&w[i], bytes + 4 * i, 4);
		w[i] = __builtin_bswap32(w[i]);
	}
	for (int i = 16; i < 64; i++) {
		uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	uint32_t s[8];
	memcpy(s, h, sizeof(s));
	for (int i = 0; i < 64; i += 8) {
		ROUND(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], i);
		ROUND(s[7], s[0], s[1], s[2], s[3], s[4], s[5], s[6], i + 1);
		ROUND(s[6], s[7], s[0], s[1], s[2], s[3], s[4], s[5], i + 2);
		ROUND(s[5], s[6], s[7], s[0], s[1], s[2], s[3], s[4], i + 3);
		ROUND(s[4], s[5], s[6], s[7], s[0], s[1], s[2], s[3], i + 4);
		ROUND(s[3], s[4], s[5], s[6], s[7], s[0], s[1], s[2], i + 5);
		ROUND(s[2], s[3], s[4], s[5], s[6], s[7], s[0], s[1], i + 6);
		ROUND(s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[0], i + 7);
	}
	for (int i = 0; i < 8; i++)
		h[i] += s[i];
}

/* With the CPU's own instructions, which take the state in another order (Intel's manual, SHA256RNDS2). */
__attribute__((target("sha,sse4.1"))) static void blocks_by_cpu(uint32_t h[8], const uint8_t *at, size_t count)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i_u *)h), 0xb1);
	__m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i_u *)(h + 4)), 0x1b);
	__m128i abef = _mm_alignr_epi8(abcd, efgh, 8), cdgh = _mm_blend_epi16(efgh, abcd, 0xf0);
	for (; count; count--, at += 64) {
		const __m128i abef_before = abef, cdgh_before = cdgh;
		__m128i w[4];
		for (int i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i_u *)(at + 16 * i)), swap);
		for (int i = 0; i < 16; i++) {
			if (i >= 4) {
				const __m128i older = w[(i + 2) & 3], last = w[(i + 3) & 3];
				__m128i next = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
				next = _mm_add_epi32(next, _mm_alignr_epi8(last, older, 4));
				w[i & 3] = _mm_sha256msg2_epu32(next, last);
			}
			const __m128i v = _mm_add_epi32(w[i & 3], _mm_loadu_si128((const __m128i_u *)(k + 4 * i)));
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, v);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(v, 0x0e));
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	abcd = _mm_shuffle_epi32(abef, 0x1b);
	efgh = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i_u *)h, _mm_blend_epi16(abcd, efgh, 0xf0));
	_mm_storeu_si128((__m128i_u *)(h + 4), _mm_alignr_epi8(efgh, abcd, 8));
}

bool sha256_by_hand;

static bool cpu_can(void)
{
	unsigned a, b, c, d;
	return !sha256_by_hand && __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA;
}

static void blocks(uint32_t h[8], const uint8_t *at, size_t count)
{
	if (count >= 4 && cpu_can()) { /* to ask is worth it for more than a few blocks */
		blocks_by_cpu(h, at, count);
		return;
	}
	for (; count; count--, at += 64)
		block(h, at);
}

void sha256_begin(struct sha256 *s)
{
	*s = (struct sha256){
		.h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *s, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	size_t held = s->bytes % 64;
	s->bytes += len;
	if (held) {
		size_t n = len < 64 - held ? len : 64 - held;
		memcpy(s->rest + held, at, n);
		at += n;
		len -= n;
		if (held + n < 64)
			return;
		blocks(s->h, s->rest, 1);
	}
	blocks(s->h, at, len / 64);
	if (len % 64)
		memcpy(s->rest, at + len / 64 * 64, len % 64);
}

void sha256_end(struct sha256 *s, char out[65])
{
	uint8_t tail[128] = {0};
	size_t held = s->bytes % 64, padded = held < 56 ? 64 : 128;
	uint64_t bits = __builtin_bswap64(s->bytes * 8);
	memcpy(tail, s->rest, held);
	tail[held] = 0x80;
	memcpy(tail + padded - 8, &bits, 8);
	blocks(s->h, tail, padded / 64);
	for (int i = 0; i < 8; i++)
		snprintf(out + 8 * i, 9, "%08x", s->h[i]);
}

void sha256_hex(const void *bytes, size_t len, char out[65])
{
	struct sha256 s;
	sha256_begin(&s);
	sha256_add(&s, bytes, len);
	sha256_end(&s, out);
}
