/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flat values (CanonicalABI.md, "Flat Lifting" and "Flat Lowering"): words from or for a core
 * function, to and from the layout that they would have in memory. A word that stands for values of
 * several types has the bits of the one that it is, with zeroes above: nothing is converted.
 */
#include "guest/component/call.h"

static uint64_t next(struct words *w)
{
	return w->in[w->at++];
}

static void put(struct words *w, uint64_t v)
{
	w->out[w->at++] = v;
}

/* --- to memory --- */

static void flat_to_choice(struct words *w, const struct ctype *t, uint8_t *to)
{
	const uint32_t start = w->at, cases = layout_cases(t);
	const uint32_t n = (uint32_t)next(w);
	if (n >= cases)
		component_trap(w->of, "invalid variant discriminant");
	layout_store(to, layout_number_bytes(cases), n);
	const struct ctype *payload = layout_case(t, n);
	if (payload)
		flat_to_memory(w, payload, to + layout_payload(t));
	w->at = start + t->flat.count; /* others have more */
}

void flat_to_tuple(struct words *w, const struct ctype *t, uint8_t *to)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < t->count; i++) {
		const struct ctype *part = t->members[i].type;
		at = layout_align(at, part->align);
		flat_to_memory(w, part, to + at);
		at += part->bytes;
	}
}

void flat_to_memory(struct words *w, const struct ctype *t, uint8_t *to)
{
	uint64_t v;
	switch (t->kind) {
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
		flat_to_tuple(w, t, to);
		return;
	case CTYPE_VARIANT:
	case CTYPE_ENUM:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		flat_to_choice(w, t, to);
		return;
	case CTYPE_FIXED_LIST:
		for (uint32_t i = 0; i < t->length; i++)
			flat_to_memory(w, t->members[0].type, to + i * t->members[0].type->bytes);
		return;
	case CTYPE_STRING:
	case CTYPE_LIST:
	case CTYPE_MAP:
		layout_store(to, 4, next(w));
		layout_store(to + 4, 4, next(w));
		return;
	case CTYPE_BOOL:
		v = (uint32_t)next(w);
		layout_store(to, 1, v != 0);
		return;
	default: /* a number or a handle */
		layout_store(to, t->bytes, next(w));
	}
}

/* --- from memory --- */

static void choice_to_flat(struct words *w, const struct ctype *t, const uint8_t *from)
{
	const uint32_t start = w->at, cases = layout_cases(t);
	const uint32_t n = (uint32_t)layout_load(from, layout_number_bytes(cases));
	put(w, n);
	const struct ctype *payload = layout_case(t, n);
	if (payload)
		memory_to_flat(w, payload, from + layout_payload(t));
	while (w->at < start + t->flat.count)
		put(w, 0);
}

void tuple_to_flat(struct words *w, const struct ctype *t, const uint8_t *from)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < t->count; i++) {
		const struct ctype *part = t->members[i].type;
		at = layout_align(at, part->align);
		memory_to_flat(w, part, from + at);
		at += part->bytes;
	}
}

/* Numbers with a sign fill an i32. */
static uint64_t load_signed(const uint8_t *from, uint32_t bytes)
{
	const unsigned unused = 32 - 8 * bytes;
	const int32_t v = (int32_t)((uint32_t)layout_load(from, bytes) << unused);
	return (uint32_t)(v >> unused);
}

void memory_to_flat(struct words *w, const struct ctype *t, const uint8_t *from)
{
	switch (t->kind) {
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
		tuple_to_flat(w, t, from);
		return;
	case CTYPE_VARIANT:
	case CTYPE_ENUM:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		choice_to_flat(w, t, from);
		return;
	case CTYPE_FIXED_LIST:
		for (uint32_t i = 0; i < t->length; i++)
			memory_to_flat(w, t->members[0].type, from + i * t->members[0].type->bytes);
		return;
	case CTYPE_STRING:
	case CTYPE_LIST:
	case CTYPE_MAP:
		put(w, layout_load(from, 4));
		put(w, layout_load(from + 4, 4));
		return;
	case CTYPE_S8:
	case CTYPE_S16:
		put(w, load_signed(from, t->bytes));
		return;
	default:
		put(w, layout_load(from, t->bytes));
	}
}
