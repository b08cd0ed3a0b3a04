/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory functions. Short lengths by two overlapping words, long ones by string instructions, which
 * CPUs of the last ten years carry out in whole cache lines.
 */
#include "guest/lib/lib.h"

/* Words at any address, of any type. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word64;
typedef uint32_t __attribute__((may_alias, aligned(1))) word32;
typedef uint16_t __attribute__((may_alias, aligned(1))) word16;

/* At most 16 bytes. All is loaded before the first store, so the two may overlap. */
static inline void move_short(uint8_t *to, const uint8_t *from, size_t bytes)
{
	if (bytes >= 8) {
		uint64_t head = *(const word64 *)from, tail = *(const word64 *)(from + bytes - 8);
		*(word64 *)to = head;
		*(word64 *)(to + bytes - 8) = tail;
	} else if (bytes >= 4) {
		uint32_t head = *(const word32 *)from, tail = *(const word32 *)(from + bytes - 4);
		*(word32 *)to = head;
		*(word32 *)(to + bytes - 4) = tail;
	} else if (bytes >= 2) {
		uint16_t head = *(const word16 *)from, tail = *(const word16 *)(from + bytes - 2);
		*(word16 *)to = head;
		*(word16 *)(to + bytes - 2) = tail;
	} else if (bytes == 1) {
		*to = *from;
	}
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	void *d = to;
	const void *s = from;
	if (bytes <= 16)
		move_short(to, from, bytes);
	else
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(bytes) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	if (bytes <= 16) {
		move_short(to, from, bytes);
		return to;
	}
	if ((uintptr_t)to - (uintptr_t)from >= bytes)
		return memcpy(to, from, bytes);
	/* to lies inside from's bytes: from the end, word by word, the first word last. */
	uint8_t *d = to;
	const uint8_t *s = from;
	uint64_t first = *(const word64 *)s;
	while (bytes > 8) {
		bytes -= 8;
		*(word64 *)(d + bytes) = *(const word64 *)(s + bytes);
	}
	*(word64 *)d = first;
	return to;
}

void *memset(void *at, int value, size_t bytes)
{
	void *d = at;
	uint64_t word = (uint8_t)value * 0x0101010101010101UL;
	uint8_t *b = at;
	if (bytes > 16) {
		__asm__ volatile("rep stosb" : "+D"(d), "+c"(bytes) : "a"(value) : "memory");
	} else if (bytes >= 8) {
		*(word64 *)b = word;
		*(word64 *)(b + bytes - 8) = word;
	} else {
		while (bytes)
			b[--bytes] = (uint8_t)value;
	}
	return at;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const uint8_t *p = a, *q = b;
	while (bytes >= 8 && *(const word64 *)p == *(const word64 *)q) {
		p += 8;
		q += 8;
		bytes -= 8;
	}
	for (; bytes; bytes--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *at, int value, size_t bytes)
{
	const uint8_t *p = at;
	for (; bytes; bytes--, p++)
		if (*p == (uint8_t)value)
			return (void *)(uintptr_t)p;
	return NULL;
}
