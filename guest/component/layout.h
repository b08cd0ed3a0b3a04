/* SPDX-License-Identifier: Apache-2.0 */
/* Where the parts of a value lie in memory (CanonicalABI.md, "Alignment" and "Element Size"). */
#ifndef MOTE_GUEST_COMPONENT_LAYOUT_H
#define MOTE_GUEST_COMPONENT_LAYOUT_H

#include "guest/component/types.h"

static inline uint64_t layout_align(uint64_t at, uint32_t align)
{
	return (at + align - 1) & ~(uint64_t)(align - 1);
}

/* Of a case's number. */
static inline uint32_t layout_number_bytes(uint32_t cases)
{
	if (cases <= 0x100)
		return 1;
	return cases <= 0x10000 ? 2 : 4;
}

static inline uint32_t layout_flags_bytes(uint32_t flags)
{
	if (flags <= 8)
		return 1;
	return flags <= 16 ? 2 : 4;
}

/* Options, results, variants and enums: how many cases, and what one of them has, or NULL. */
static inline uint32_t layout_cases(const struct ctype *t)
{
	return t->kind == CTYPE_OPTION ? 2 : t->count;
}

static inline const struct ctype *layout_case(const struct ctype *t, uint32_t n)
{
	if (t->kind == CTYPE_OPTION)
		return n ? t->members[0].type : NULL;
	return t->members[n].type;
}

/* Where what a case has begins, whichever it is: behind the number, by the largest alignment. */
static inline uint32_t layout_payload(const struct ctype *t)
{
	uint32_t to = 1;
	for (uint32_t i = 0; i < t->count; i++)
		if (t->members[i].type && t->members[i].type->align > to)
			to = t->members[i].type->align;
	return (uint32_t)layout_align(layout_number_bytes(layout_cases(t)), to);
}

/* Of a function's parameters or a map's entries: one after the other. */
struct layout_tuple {
	uint64_t bytes;
	uint32_t align;
};
static inline struct layout_tuple layout_tuple(const struct ctype *t)
{
	struct layout_tuple all = {0, 1};
	for (uint32_t i = 0; i < t->count; i++) {
		const struct ctype *part = t->members[i].type;
		all.bytes = layout_align(all.bytes, part->align) + part->bytes;
		if (part->align > all.align)
			all.align = part->align;
	}
	all.bytes = layout_align(all.bytes, all.align);
	return all;
}

/* Numbers of 1, 2, 4 or 8 bytes, of which the memory of a guest need not be aligned. */
static inline uint64_t layout_load(const uint8_t *from, uint32_t bytes)
{
	uint64_t v = 0;
	memcpy(&v, from, bytes);
	return v;
}

static inline void layout_store(uint8_t *to, uint32_t bytes, uint64_t v)
{
	memcpy(to, &v, bytes);
}

#endif
