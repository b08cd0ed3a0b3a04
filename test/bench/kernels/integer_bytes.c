/* SPDX-License-Identifier: Apache-2.0 */
/* Integer kernels, second half: bytes and strings, an interpreter, calls. And the table of all. */
#include "integer.h"

#define DATA_BYTES 49152

static uint8_t data[DATA_BYTES], packed[2 * DATA_BYTES], unpacked[DATA_BYTES];

/* Words of a small vocabulary: it compresses, and searches find something. */
static void data_make(uint32_t seed)
{
	/* clang-format off */
	static const char words[16][8] = {"the ",    "micro ", "vm ",	 "runs ",   "code ", "in ",
					  "a ",	     "slice ", "of ",	 "memory ", "and ",  "no ",
					  "system ", "is ",    "below ", "it\n"};
	/* clang-format on */
	uint32_t at = 0;
	while (at < DATA_BYTES) {
		uint32_t r = kernel_random(&seed);
		if (r % 11 == 0)
			data[at++] = (uint8_t)(r >> 16);
		const char *w = words[r >> 8 & 15];
		for (int i = 0; i < 8 && w[i] && at < DATA_BYTES; i++)
			data[at++] = (uint8_t)w[i];
	}
}

static uint64_t fold_bytes(uint64_t sum, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i + 4 <= n; i += 4)
		sum = kernel_mix(sum, p[i] | (uint32_t)p[i + 1] << 8 | (uint32_t)p[i + 2] << 16 |
					      (uint32_t)p[i + 3] << 24);
	return sum;
}

/* SHA-256 (FIPS 180-4). */

static const uint32_t sha_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2};

static uint32_t ror(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static void sha_block(uint32_t h[8], const uint8_t *p)
{
	uint32_t w[64], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6],
			last = h[7];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
		       (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t s0 = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t s1 = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	for (int i = 0; i < 64; i++) {
		uint32_t t1 = last + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & f) ^ (~e & g)) +
			      sha_k[i] + w[i];
		uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
		last = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	const uint32_t add[8] = {a, b, c, d, e, f, g, last};
	for (int i = 0; i < 8; i++)
		h[i] += add[i];
}

static uint64_t kernel_sha256(uint32_t seed)
{
	uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	uint64_t sum = seed;
	data_make(seed);
	for (int round = 0; round < 24; round++)
		for (uint32_t at = 0; at < DATA_BYTES; at += 64)
			sha_block(h, data + at);
	for (int i = 0; i < 8; i++)
		sum = kernel_mix(sum, h[i]);
	return sum;
}

/* Base64, there and back. */

static const char base64_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint32_t base64_encode(uint8_t *to, const uint8_t *from, uint32_t n)
{
	uint8_t *start = to;
	for (uint32_t i = 0; i + 3 <= n; i += 3) {
		uint32_t v = (uint32_t)from[i] << 16 | (uint32_t)from[i + 1] << 8 | from[i + 2];
		*to++ = (uint8_t)base64_letters[v >> 18];
		*to++ = (uint8_t)base64_letters[v >> 12 & 63];
		*to++ = (uint8_t)base64_letters[v >> 6 & 63];
		*to++ = (uint8_t)base64_letters[v & 63];
	}
	return (uint32_t)(to - start);
}

static uint32_t base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26u;
	if (c >= '0' && c <= '9')
		return c - '0' + 52u;
	return c == '+' ? 62 : 63;
}

static uint32_t base64_decode(uint8_t *to, const uint8_t *from, uint32_t n)
{
	uint8_t *start = to;
	for (uint32_t i = 0; i < n; i += 4) {
		uint32_t v = 0;
		for (uint32_t k = 0; k < 4; k++)
			v = v << 6 | base64_value(from[i + k]);
		*to++ = (uint8_t)(v >> 16);
		*to++ = (uint8_t)(v >> 8);
		*to++ = (uint8_t)v;
	}
	return (uint32_t)(to - start);
}

static uint64_t kernel_base64(uint32_t seed)
{
	uint64_t sum = seed;
	data_make(seed);
	for (int round = 0; round < 20; round++) {
		uint32_t n = base64_encode(packed, data, DATA_BYTES);
		sum = fold_bytes(sum, packed, n);
		n = base64_decode(unpacked, packed, n);
		sum = fold_bytes(sum, unpacked, n);
		data[(uint32_t)round * 977] ^= 0x55;
	}
	return sum;
}

/* A byte-wise LZ: literals and matches of 4 to 67 bytes within 16 KiB, found by a hash of 4 bytes.
 */

#define LZ_HASH   4096u
#define LZ_WINDOW 16384u

static uint32_t load32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t lz_pack(uint8_t *to, const uint8_t *from, uint32_t n)
{
	static uint32_t last[LZ_HASH];
	uint8_t *start = to;
	for (uint32_t i = 0; i < LZ_HASH; i++)
		last[i] = ~0u;
	for (uint32_t at = 0; at < n;) {
		uint32_t length = 0, seen = ~0u;
		if (at + 4 <= n) {
			uint32_t *h = &last[load32(from + at) * 2654435761u >> 20];
			seen = *h;
			*h = at;
		}
		if (seen != ~0u && at - seen < LZ_WINDOW)
			while (length < 67 && at + length < n &&
			       from[seen + length] == from[at + length])
				length++;
		if (length < 4) {
			*to++ = 0;
			*to++ = from[at++];
			continue;
		}
		*to++ = (uint8_t)(0x80 | (length - 4));
		*to++ = (uint8_t)(at - seen);
		*to++ = (uint8_t)((at - seen) >> 8);
		at += length;
	}
	return (uint32_t)(to - start);
}

static uint32_t lz_unpack(uint8_t *to, const uint8_t *from, uint32_t n)
{
	uint8_t *start = to;
	for (uint32_t i = 0; i < n;) {
		if (!(from[i] & 0x80)) {
			*to++ = from[i + 1];
			i += 2;
			continue;
		}
		uint32_t length = (from[i] & 0x7fu) + 4,
			 back = from[i + 1] | (uint32_t)from[i + 2] << 8;
		for (; length; length--, to++)
			*to = *(to - back);
		i += 3;
	}
	return (uint32_t)(to - start);
}

static uint64_t kernel_lz(uint32_t seed)
{
	uint64_t sum = seed;
	for (uint32_t round = 0; round < 8; round++) {
		data_make(seed + round);
		uint32_t n = lz_pack(packed, data, DATA_BYTES);
		sum = kernel_mix(fold_bytes(sum, packed, n), n);
		n = lz_unpack(unpacked, packed, n);
		sum = kernel_mix(fold_bytes(sum, unpacked, n), n);
	}
	return sum;
}

/* String search: Horspool's, and a plain one. */

static uint32_t find_horspool(const uint8_t *in, uint32_t n, const uint8_t *what, uint32_t length)
{
	uint32_t skip[256], found = 0;
	for (int i = 0; i < 256; i++)
		skip[i] = length;
	for (uint32_t i = 0; i + 1 < length; i++)
		skip[what[i]] = length - 1 - i;
	for (uint32_t at = 0; at + length <= n;) {
		uint32_t k = length;
		while (k && in[at + k - 1] == what[k - 1])
			k--;
		found = k ? found : found * 31 + at;
		at += skip[in[at + length - 1]];
	}
	return found;
}

static uint32_t find_plain(const uint8_t *in, uint32_t n, const uint8_t *what, uint32_t length)
{
	uint32_t found = 0;
	for (uint32_t at = 0; at + length <= n; at++) {
		uint32_t k = 0;
		while (k < length && in[at + k] == what[k])
			k++;
		found = k < length ? found : found * 31 + at;
	}
	return found;
}

static uint64_t kernel_search(uint32_t seed)
{
	uint64_t sum = seed;
	data_make(seed);
	for (uint32_t round = 0; round < 24; round++) {
		uint32_t length = 3 + round % 9, at = kernel_random(&seed) % (DATA_BYTES - 16);
		sum = kernel_mix(sum, find_horspool(data, DATA_BYTES, data + at, length));
		sum = kernel_mix(sum, find_plain(data, DATA_BYTES, data + at, length));
	}
	return sum;
}

/* An interpreter of a register machine: it sums the lengths of Collatz sequences and stores into a
 * ring. */

enum op {
	OP_SET,
	OP_ADD,
	OP_ADDI,
	OP_MULI,
	OP_HALVE,
	OP_ODD,
	OP_STORE,
	OP_LOAD,
	OP_JUMP,
	OP_ZERO,
	OP_LESS,
	OP_END
};

struct insn {
	uint8_t op, a, b, pad;
	int32_t imm;
};

/* r0 n, r1 limit, r2 x, r3 steps, r4 total, r5 scratch */
static const struct insn program[] = {
	{OP_SET, 0, 0, 0, 1},    {OP_ADD, 2, 0, 0, 0},   {OP_ODD, 5, 2, 0, 0},
	{OP_ZERO, 5, 0, 0, 3},   {OP_MULI, 2, 2, 0, 3},  {OP_ADDI, 2, 2, 0, 1},
	{OP_JUMP, 0, 0, 0, 1},   {OP_HALVE, 2, 2, 0, 0}, {OP_ADDI, 3, 3, 0, 1},
	{OP_STORE, 3, 2, 0, 0},  {OP_ADDI, 5, 2, 0, -1}, {OP_ZERO, 5, 0, 0, 1},
	{OP_JUMP, 0, 0, 0, -11}, {OP_LOAD, 5, 3, 0, 0},  {OP_ADD, 4, 3, 0, 1},
	{OP_ADD, 4, 5, 0, 1},    {OP_SET, 3, 0, 0, 0},   {OP_ADDI, 0, 0, 0, 1},
	{OP_LESS, 0, 1, 0, -18}, {OP_END, 4, 0, 0, 0},
};

static uint32_t interpret(const struct insn *code, uint32_t limit)
{
	static uint32_t window[1024];
	uint32_t r[8] = {0, limit}, pc = 0;
	for (;;) {
		const struct insn *i = &code[pc++];
		switch ((enum op)i->op) {
		case OP_SET:
			r[i->a] = (uint32_t)i->imm;
			break;
		case OP_ADD:
			r[i->a] = (i->imm ? r[i->a] : 0) + r[i->b];
			break;
		case OP_ADDI:
			r[i->a] = r[i->b] + (uint32_t)i->imm;
			break;
		case OP_MULI:
			r[i->a] = r[i->b] * (uint32_t)i->imm;
			break;
		case OP_HALVE:
			r[i->a] = r[i->b] >> 1;
			break;
		case OP_ODD:
			r[i->a] = r[i->b] & 1;
			break;
		case OP_STORE:
			window[r[i->a] % 1024] = r[i->b];
			break;
		case OP_LOAD:
			r[i->a] = window[r[i->b] % 1024];
			break;
		case OP_JUMP:
			pc += (uint32_t)i->imm;
			break;
		case OP_ZERO:
			pc += r[i->a] ? 0 : (uint32_t)i->imm;
			break;
		case OP_LESS:
			pc += r[i->a] < r[i->b] ? (uint32_t)i->imm : 0;
			break;
		case OP_END:
			return r[i->a];
		}
	}
}

static uint64_t kernel_interpreter(uint32_t seed)
{
	static struct insn code[sizeof(program) / sizeof(program[0])];
	for (size_t i = 0; i < sizeof(program) / sizeof(program[0]); i++)
		code[i] = program[i];
	return kernel_mix(seed, interpret(code, 4000 + seed % 7));
}

/* Calls: recursion, and functions by pointer. */

static uint32_t queens(uint32_t all, uint32_t columns, uint32_t left, uint32_t right)
{
	uint32_t solutions = 0;
	if (columns == all)
		return 1;
	for (uint32_t open = all & ~(columns | left | right); open; open &= open - 1) {
		uint32_t bit = open & -open;
		solutions += queens(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
	}
	return solutions;
}

static __attribute__((noinline)) uint32_t fibonacci(uint32_t n)
{
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t kernel_recursion(uint32_t seed)
{
	return kernel_mix(kernel_mix(seed, queens(0x3ff, seed & 0, 0, 0)),
			  fibonacci(29 + (seed & 1)));
}

static uint32_t by_add(uint32_t a, uint32_t b)
{
	return a + b;
}

static uint32_t by_xor(uint32_t a, uint32_t b)
{
	return a ^ b << 3;
}

static uint32_t by_mul(uint32_t a, uint32_t b)
{
	return a * (b | 1);
}

static uint32_t by_rotate(uint32_t a, uint32_t b)
{
	return ror(a, (b & 15) + 1) + b;
}

static uint64_t kernel_pointers(uint32_t seed)
{
	static uint32_t (*volatile const functions[4])(uint32_t, uint32_t) = {by_add, by_xor,
									      by_mul, by_rotate};
	uint32_t (*f[4])(uint32_t, uint32_t) = {functions[0], functions[1], functions[2],
						functions[3]};
	uint32_t x = seed;
	for (uint32_t i = 0; i < 2000000; i++)
		x = f[(i ^ i >> 3) & 3](x, i);
	return x;
}

const struct kernel kernels[] = {
	{"list", kernel_list},
	{"matrix-small", kernel_matrix_small},
	{"state-machine", kernel_state_machine},
	{"crc", kernel_crc},
	{"sort", kernel_sort},
	{"hash-table", kernel_hash_table},
	{"sha256", kernel_sha256},
	{"base64", kernel_base64},
	{"lz", kernel_lz},
	{"search", kernel_search},
	{"interpreter", kernel_interpreter},
	{"recursion", kernel_recursion},
	{"pointers", kernel_pointers},
};
const size_t kernel_count = sizeof(kernels) / sizeof(kernels[0]);
