/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from a type's parts: its size and alignment, its flat form (CanonicalABI.md,
 * "Alignment", "Element Size", "Flattening"), and what it refers to.
 */
#include "guest/component/layout.h"

const struct ctype ctype_primitive[CTYPE_PRIMITIVES] = {
#define TYPE(byte, name, text)
#define PRIMITIVE(byte, name, text, size, size64, to, to64, letters)         \
	[CTYPE_##name] = {.kind = CTYPE_##name,                              \
			  .bytes = size,                                     \
			  .bytes64 = size64,                                 \
			  .align = to,                                       \
			  .align64 = to64,                                   \
			  .flat = {sizeof(letters) - 1, letters},            \
			  .points = CTYPE_##name == CTYPE_STRING,            \
			  .has_stream = CTYPE_##name == CTYPE_ERROR_CONTEXT, \
			  .lowest = COMPONENT_NONE,                          \
			  .first = COMPONENT_NONE},
#include "guest/component/types.def"
};

const char *ctype_name(const struct ctype *t)
{
	static const char *const names[] = {
#define TYPE(byte, name, text) text,
#include "guest/component/types.def"
	};
	return names[t->kind];
}

enum ctype_kind ctype_kind_of(uint8_t byte)
{
	switch (byte) {
#define TYPE(byte, name, text) \
	case byte:             \
		return CTYPE_##name;
#include "guest/component/types.def"
	}
	return CTYPE_KINDS;
}

/* --- what it refers to --- */

static void gather(struct ctype *t, const struct ctype *part)
{
	if (!part)
		return;
	t->borrows |= part->borrows;
	t->has_handle |= part->has_handle;
	t->has_stream |= part->has_stream;
	t->has_map |= part->has_map;
	t->points |= part->points;
	t->is_open |= part->is_open;
	if (part->depth >= t->depth)
		t->depth = (uint8_t)(part->depth + 1);
	if (ctype_has_free_resource(part) && part->lowest < t->lowest)
		t->lowest = part->lowest;
}

static void gather_items(struct ctype *t, const struct externs *items)
{
	for (uint32_t i = 0; i < items->count; i++)
		if (items->list[i].item.sort != SORT_CORE_MODULE)
			gather(t, items->list[i].item.type);
}

void ctype_gather(struct ctype *t)
{
	t->lowest = COMPONENT_NONE;
	if (t->kind == CTYPE_RESOURCE) {
		t->lowest = t->resource;
		t->is_open = true;
	}
	for (uint32_t i = 0; i < t->count; i++)
		gather(t, t->members[i].type);
	gather(t, t->of);
	gather_items(t, &t->imports);
	gather_items(t, &t->exports);
	t->borrows |= t->kind == CTYPE_BORROW;
	t->has_handle |= t->kind == CTYPE_OWN || t->kind == CTYPE_BORROW;
	t->has_stream |= t->kind == CTYPE_STREAM || t->kind == CTYPE_FUTURE;
	t->has_map |= t->kind == CTYPE_MAP;
	t->points |= t->kind == CTYPE_LIST || t->kind == CTYPE_MAP;
}

/* --- sizes --- */

struct layout {
	uint64_t bytes;
	uint32_t align;
};

static struct layout layout_of(const struct ctype *t, bool wide)
{
	if (!t)
		return (struct layout){0, 1};
	if (wide)
		return (struct layout){t->bytes64, t->align64};
	return (struct layout){t->bytes, t->align};
}

/* One part after the other. */
static struct layout sequence(const struct ctype *t, bool wide)
{
	struct layout all = {0, 1};
	for (uint32_t i = 0; i < t->count; i++) {
		struct layout part = layout_of(t->members[i].type, wide);
		all.bytes = layout_align(all.bytes, part.align) + part.bytes;
		if (part.align > all.align)
			all.align = part.align;
	}
	all.bytes = layout_align(all.bytes, all.align);
	return all;
}

/* A case's number, and what one case has. */
static struct layout choice(const struct ctype *t, uint32_t cases, bool wide)
{
	uint32_t number = layout_number_bytes(cases);
	struct layout all = {0, number};
	uint64_t largest = 0;
	uint32_t to = 1;
	for (uint32_t i = 0; i < t->count; i++) {
		struct layout part = layout_of(t->members[i].type, wide);
		if (part.bytes > largest)
			largest = part.bytes;
		if (part.align > to)
			to = part.align;
	}
	if (to > all.align)
		all.align = to;
	all.bytes = layout_align(layout_align(number, to) + largest, all.align);
	return all;
}

static struct layout pointer_and_length(bool wide)
{
	return wide ? (struct layout){16, 8} : (struct layout){8, 4};
}

static struct layout measure(const struct ctype *t, bool wide)
{
	switch (t->kind) {
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
		return sequence(t, wide);
	case CTYPE_VARIANT:
	case CTYPE_ENUM:
		return choice(t, t->count, wide);
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		return choice(t, 2, wide);
	case CTYPE_FLAGS: {
		uint32_t bytes = layout_flags_bytes(t->count);
		return (struct layout){bytes, bytes};
	}
	case CTYPE_LIST:
	case CTYPE_MAP:
		return pointer_and_length(wide);
	case CTYPE_FIXED_LIST: {
		struct layout part = layout_of(t->members[0].type, wide);
		return (struct layout){part.bytes * t->length, part.align};
	}
	case CTYPE_OWN:
	case CTYPE_BORROW:
	case CTYPE_STREAM:
	case CTYPE_FUTURE:
	default: /* primitive ones have theirs in the table; others are not values */
		return (struct layout){4, 4};
	}
}

/* --- flat form --- */

static void add(struct flat *f, char letter)
{
	if (f->count <= FLAT_MAX)
		f->letter[f->count++] = letter;
}

void flat_add(struct flat *f, const struct ctype *t)
{
	for (uint32_t i = 0; t && i < t->flat.count; i++)
		add(f, t->flat.letter[i]);
}

uint32_t flat_core_type(char letter)
{
	switch (letter) {
	case 'i':
		return WASM_I32;
	case 'I':
		return WASM_I64;
	case 'f':
		return WASM_F32;
	default:
		return WASM_F64;
	}
}

/* What holds a value of either. */
static char join(char a, char b)
{
	if (a == b)
		return a;
	if ((a == 'i' && b == 'f') || (a == 'f' && b == 'i'))
		return 'i';
	return 'I';
}

/* A case's number, and one case's values where those of the others are. */
static void flatten_cases(const struct ctype *t, struct flat *f)
{
	add(f, 'i');
	for (uint32_t i = 0; i < t->count; i++) {
		const struct ctype *payload = t->members[i].type;
		for (uint32_t k = 0; payload && k < payload->flat.count; k++) {
			if (1 + k == f->count)
				add(f, payload->flat.letter[k]);
			else if (1 + k < f->count)
				f->letter[1 + k] = join(f->letter[1 + k], payload->flat.letter[k]);
		}
	}
}

static void flatten(const struct ctype *t, struct flat *f)
{
	switch (t->kind) {
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
		for (uint32_t i = 0; i < t->count; i++)
			flat_add(f, t->members[i].type);
		break;
	case CTYPE_VARIANT:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		flatten_cases(t, f);
		break;
	case CTYPE_FIXED_LIST:
		for (uint32_t i = 0; i < t->length && f->count <= FLAT_MAX; i++)
			flat_add(f, t->members[0].type);
		break;
	case CTYPE_LIST:
	case CTYPE_MAP:
		add(f, 'i'); /* a pointer, and the length */
		add(f, 'i');
		break;
	default: /* a number */
		add(f, 'i');
	}
}

bool ctype_complete(struct ctype *t)
{
	struct layout narrow = measure(t, false), wide = measure(t, true);
	ctype_gather(t);
	flatten(t, &t->flat);
	t->bytes = (uint32_t)narrow.bytes;
	t->align = (uint8_t)narrow.align;
	t->bytes64 = (uint32_t)wide.bytes;
	t->align64 = (uint8_t)wide.align;
	return wide.bytes < COMPONENT_MAX_VALUE_BYTES;
}
