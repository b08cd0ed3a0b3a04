/* SPDX-License-Identifier: Apache-2.0 */
/* Divisions by constants, which the compiler turns into multiplications, compared with the CPU's.
 */
#include <stdint.h>
#include <stdio.h>

static uint64_t state = 1, wrong;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Numbers of all sizes, and those next to powers of two. */
static uint64_t number(unsigned i)
{
	uint64_t r = next_random();
	switch (i % 8) {
	case 0:
		return r >> (r & 63);
	case 1:
		return -(r >> (r & 63));
	case 2:
		return ~0ull >> (r & 63);
	case 3:
		return 1ull << (r & 63);
	case 4:
		return (1ull << (r & 63)) - 1;
	case 5:
		return 0x80000000u + (r & 3) - 2;
	case 6:
		return r & 255;
	default:
		return r;
	}
}

#define CHECK(type, n, d)                                         \
	do {                                                      \
		volatile type by = (d);                           \
		wrong += (type)(n) / (type)(d) != (type)(n) / by; \
		wrong += (type)(n) % (type)(d) != (type)(n) % by; \
	} while (0)
#define SIGNED(d)   CHECK(int32_t, n, d)
#define UNSIGNED(d) CHECK(uint32_t, n, d)
#define WIDE(d)     CHECK(uint64_t, n, d)
#define SMALL(X)       \
	X(2);          \
	X(3);          \
	X(4);          \
	X(5);          \
	X(6);          \
	X(7);          \
	X(9);          \
	X(10);         \
	X(11);         \
	X(12);         \
	X(13);         \
	X(25);         \
	X(60);         \
	X(64);         \
	X(100);        \
	X(125);        \
	X(625);        \
	X(641);        \
	X(1000);       \
	X(3600);       \
	X(10000);      \
	X(30000);      \
	X(65535);      \
	X(65536);      \
	X(65537);      \
	X(1000000);    \
	X(0x40000001); \
	X(0x55555555); \
	X(0x7ffffffe); \
	X(0x7fffffff);
#define LARGE(X)        \
	X(0x80000000u); \
	X(0x80000001u); \
	X(0xaaaaaaabu); \
	X(0xfffffffeu); \
	X(0xffffffffu);
#define HUGE(X)                 \
	X(10000000000);         \
	X(1000000000000000000); \
	X(0x123456789abcdef);   \
	X(0x7fffffffffffffff);  \
	X(0x8000000000000000);  \
	X(0x8000000000000001);  \
	X(0xfffffffffffffffe);  \
	X(0xffffffffffffffff);

int main(void)
{
	for (unsigned i = 0; i < 5000; i++) {
		uint64_t n = number(i);
		SMALL(SIGNED)
		SMALL(UNSIGNED)
		SMALL(WIDE)
		LARGE(UNSIGNED)
		LARGE(WIDE)
		HUGE(WIDE)
	}
	printf("%llu wrong\n", (unsigned long long)wrong);
	return wrong != 0;
}
