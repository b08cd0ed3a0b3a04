/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types that modules have defined, and matching. Two recursion groups that are equal, in
 * whatever modules, are one here, and their types have the same ids: so types are equal if the
 * numbers are, and an indirect call compares one. Groups are found by a hash of what they say,
 * in which their own types are counted from the group's first. The table lives as long as the
 * process.
 */
#include "guest/wasm/module/types.h"

#include "guest/wasm/arena.h"
#include "guest/wasm/bytes.h"
#include "guest/wasm/module/features.h"
#include "guest/wasm/module/hash.h"
#include "guest/wasm/module/limits.h"
#include "guest/wasm/module/reader.h"

#define TYPES_MAX         4000000u
#define TYPES_ARENA_BYTES 0x40000000ull

enum { FIRST_TYPES = 128, FIRST_BUCKETS = 256 };

_Static_assert(TYPES_MAX < TYPE_ID_BITS, "ids fit");

/* What most programs need is in the program's own memory: no call for a first module's types. */
static _Alignas(16) uint8_t first_bytes[0x3800];
static const struct deftype *first_types[FIRST_TYPES];
static uint32_t first_buckets[FIRST_BUCKETS];

static struct {
	struct arena arena;
	uint8_t *kept_base; /* of the arena, when the last group was kept */
	uint64_t kept;      /* and of it what is used */
	const struct deftype **of_id;
	uint32_t capacity;
	uint32_t *bucket; /* open addressing by group_hash: the id of a group's first type, or 0 */
	uint32_t buckets; /* a power of two */
	uint32_t count, groups;
} known = {
	.arena = {.base = first_bytes,
		  .committed = sizeof(first_bytes),
		  .reserved = sizeof(first_bytes),
		  .more = TYPES_ARENA_BYTES},
	.kept_base = first_bytes,
	.of_id = first_types,
	.capacity = FIRST_TYPES,
	.bucket = first_buckets,
	.buckets = FIRST_BUCKETS,
};

const struct deftype *type_of_id(uint32_t type)
{
	return known.of_id[type & TYPE_ID_BITS];
}

const struct deftype *const *const *types_by_id(void)
{
	return (const struct deftype *const *const *)&known.of_id;
}

/* --- matching --- */

/* What a defined type is of, if one asks for no other defined type. */
static uint32_t form_heap(const struct deftype *t)
{
	if (t->form == TYPE_FORM_FUNC)
		return TYPE_FUNC;
	return t->form == TYPE_FORM_STRUCT ? TYPE_STRUCT : TYPE_ARRAY;
}

/* The next larger one, or 0. */
static uint32_t heap_above(uint32_t heap)
{
	switch (heap) {
	case TYPE_I31:
	case TYPE_STRUCT:
	case TYPE_ARRAY:
		return TYPE_EQ;
	case TYPE_EQ:
		return TYPE_ANY;
	}
	return 0;
}

/* The largest of all that it can be compared with. */
static uint32_t heap_top(uint32_t heap)
{
	if (heap & WASM_TYPE_DEFINED)
		heap = form_heap(type_of_id(heap));
	switch (heap) {
	case TYPE_FUNC:
	case TYPE_NOFUNC:
		return TYPE_FUNC;
	case TYPE_EXTERN:
	case TYPE_NOEXTERN:
		return TYPE_EXTERN;
	case TYPE_EXN:
	case TYPE_NOEXN:
		return TYPE_EXN;
	}
	return TYPE_ANY;
}

uint32_t type_top(uint32_t ref)
{
	return heap_top(type_heap(ref));
}

bool type_is_collected(uint32_t type)
{
	return type_is_ref(type) && type_top(type) != TYPE_FUNC;
}

static bool is_heap_bottom(uint32_t heap)
{
	return heap == TYPE_NOFUNC || heap == TYPE_NOEXTERN || heap == TYPE_NOEXN ||
	       heap == TYPE_NONE;
}

bool deftype_matches(const struct deftype *t, const struct deftype *of)
{
	return of->depth <= t->depth && t->supers[of->depth] == of->func.id;
}

static bool heap_matches(uint32_t heap, uint32_t of)
{
	if (heap == of || heap == type_heap(TYPE_BOTTOM_REF))
		return true;
	if (is_heap_bottom(heap))
		return heap_top(heap) == heap_top(of);
	if (heap & WASM_TYPE_DEFINED) {
		const struct deftype *t = type_of_id(heap);
		if (of & WASM_TYPE_DEFINED)
			return deftype_matches(t, type_of_id(of));
		heap = form_heap(t);
	}
	while (heap && heap != of)
		heap = heap_above(heap);
	return heap;
}

bool type_differs_but_matches(uint32_t type, uint32_t of)
{
	if (!type_is_ref(type) || !type_is_ref(of) || (type & TYPE_UNSET))
		return false;
	if ((of & WASM_TYPE_NON_NULL) && !(type & WASM_TYPE_NON_NULL))
		return false;
	return heap_matches(type_heap(type), type_heap(of));
}

bool wasm_type_matches(uint32_t type, uint32_t of)
{
	return type_matches(type, of);
}

static bool fields_match(const struct deftype *t, const struct deftype *of)
{
	if (t->field_count < of->field_count)
		return false;
	for (uint32_t i = 0; i < of->field_count; i++) {
		const struct field *a = &t->fields[i], *b = &of->fields[i];
		if (a->is_mutable != b->is_mutable ||
		    (a->type != b->type && (a->is_mutable || !type_matches(a->type, b->type))))
			return false;
	}
	return true;
}

bool types_match(const uint32_t *types, uint32_t count, const uint32_t *of, uint32_t of_count)
{
	if (count != of_count)
		return false;
	/* Mostly they are the same, and clauses of a few bytes ask for a thousand. */
	if (count && memcmp(types, of, count * sizeof(*types)) == 0)
		return true;
	for (uint32_t i = 0; i < count; i++)
		if (!type_matches(types[i], of[i]))
			return false;
	return true;
}

static bool functypes_match(const struct wasm_functype *t, const struct wasm_functype *of)
{
	return types_match(of->params, of->param_count, t->params, t->param_count) &&
	       types_match(t->results, t->result_count, of->results, of->result_count);
}

/* Whether it may say that it is of its supertype. */
static bool may_extend(const struct deftype *t)
{
	const struct deftype *of = type_of_id(t->super);
	return !of->is_final && of->form == t->form && fields_match(t, of) &&
	       functypes_match(&t->func, &of->func);
}

/* --- equality --- */

static uint32_t hash_group(const struct deftype *group, uint32_t count)
{
	uint64_t h = hash_add(hash_begin(), count);
	for (const struct deftype *t = group; t < group + count; t++) {
		h = hash_add(h, (uint32_t)t->form << 1 | t->is_final);
		h = hash_add(h, t->super);
		h = hash_add(hash_add(h, t->func.param_count), t->func.result_count);
		for (uint32_t i = 0; i < t->func.param_count + t->func.result_count; i++)
			h = hash_add(h, t->func.params[i]);
		h = hash_add(h, t->field_count);
		for (uint32_t i = 0; i < t->field_count; i++)
			h = hash_add(hash_add(h, t->fields[i].type), t->fields[i].is_mutable);
	}
	return hash_end(h);
}

/* A type of the group that is being decoded, and what stands for it in the one that is known. */
static bool same_value(uint32_t a, uint32_t b, const struct deftype *first)
{
	if (a & TYPE_IN_GROUP)
		return (a & ~TYPE_IN_GROUP) + first->func.id == b;
	/* What the group itself defines is not what another one has defined. */
	return a == b && !((b & WASM_TYPE_DEFINED) &&
			   (b & TYPE_ID_BITS) - first->func.id < first->group_types);
}

static bool same_type(const struct deftype *a, const struct deftype *b, const struct deftype *first)
{
	if (a->form != b->form || a->is_final != b->is_final ||
	    !same_value(a->super, b->super, first) || a->field_count != b->field_count ||
	    a->func.param_count != b->func.param_count ||
	    a->func.result_count != b->func.result_count)
		return false;
	for (uint32_t i = 0; i < a->func.param_count + a->func.result_count; i++)
		if (!same_value(a->func.params[i], b->func.params[i], first))
			return false;
	for (uint32_t i = 0; i < a->field_count; i++)
		if (a->fields[i].is_mutable != b->fields[i].is_mutable ||
		    !same_value(a->fields[i].type, b->fields[i].type, first))
			return false;
	return true;
}

static bool same_group(const struct deftype *group, uint32_t count, const struct deftype *first)
{
	if (first->group_types != count)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!same_type(&group[i], &first[i], first))
			return false;
	return true;
}

/* --- the table --- */

void *types_take(const struct reader *r, uint64_t bytes)
{
	void *p = arena_take(&known.arena, bytes);
	if (!p)
		reader_fail(r, WASM_ERROR_MEMORY, "out of memory for types");
	return p;
}

static void grow_buckets(const struct reader *r)
{
	uint32_t n = known.buckets * 4, *bucket = types_take(r, n * sizeof(*bucket));
	for (uint32_t i = 0; i < known.buckets; i++) {
		if (!known.bucket[i])
			continue;
		uint32_t at = type_of_id(known.bucket[i])->group_hash & (n - 1);
		while (bucket[at])
			at = (at + 1) & (n - 1);
		bucket[at] = known.bucket[i];
	}
	known.bucket = bucket;
	known.buckets = n;
}

static void grow_ids(const struct reader *r, uint32_t count)
{
	uint32_t n = known.capacity;
	while (n <= known.count + count)
		n *= 2;
	const struct deftype **of_id = types_take(r, n * sizeof(*of_id));
	memcpy(of_id, known.of_id, known.capacity * sizeof(*of_id));
	known.of_id = of_id;
	known.capacity = n;
}

/* All that has been taken stays. */
static void keep(void)
{
	known.kept_base = known.arena.base;
	known.kept = known.arena.used;
}

struct deftype *types_open(const struct reader *r, uint32_t count)
{
	if (known.kept_base != known.arena.base) /* what it holds from before is for nobody */
		keep();
	memset(known.arena.base + known.kept, 0, known.arena.used - known.kept);
	known.arena.used = known.kept;
	if (count > TYPES_MAX - known.count)
		reader_fail(r, WASM_ERROR_LIMIT, "too many different types");
	if (known.groups * 2 >= known.buckets)
		grow_buckets(r);
	if (known.count + count >= known.capacity)
		grow_ids(r, count);
	keep();
	return types_take(r, count * sizeof(struct deftype));
}

static uint32_t resolved(uint32_t type, uint32_t first)
{
	return type & TYPE_IN_GROUP ? (type & ~TYPE_IN_GROUP) + first : type;
}

/* The group's own types get their ids, and those that name them. */
static void resolve(struct deftype *group, uint32_t count)
{
	uint32_t first = known.count + 1;
	for (uint32_t k = 0; k < count; k++) {
		struct deftype *t = &group[k];
		uint32_t *values = (uint32_t *)t->func.params;
		struct field *fields = (struct field *)t->fields;
		for (uint32_t i = 0; i < t->func.param_count + t->func.result_count; i++)
			values[i] = resolved(values[i], first);
		for (uint32_t i = 0; i < t->field_count; i++)
			fields[i].type = resolved(fields[i].type, first);
		t->super = resolved(t->super, first);
		t->func.id = first + k;
		known.of_id[first + k] = t;
	}
}

static void set_supers(const struct reader *r, struct deftype *t)
{
	const struct deftype *of = t->super ? type_of_id(t->super) : NULL;
	if (!of) {
		t->supers = &t->func.id;
		return;
	}
	t->depth = of->depth + 1;
	if (t->depth > WASM_MAX_SUBTYPE_DEPTH)
		reader_fail(r, WASM_ERROR_LIMIT, "sub types are nested too deep");
	uint32_t *supers = types_take(r, (t->depth + 1) * sizeof(*supers));
	memcpy(supers, of->supers, t->depth * sizeof(*supers));
	supers[t->depth] = t->func.id;
	t->supers = supers;
}

uint32_t type_bytes(uint32_t type)
{
	switch (type) {
	case TYPE_I8:
		return 1;
	case TYPE_I16:
		return 2;
	case TYPE_I32:
	case TYPE_F32:
		return 4;
	case TYPE_V128:
		return 16;
	}
	return 8;
}

static void note_ref(struct deftype *t, uint32_t type, uint32_t word)
{
	if (!type_is_collected(type))
		return;
	if (word < 64)
		t->ref_map |= 1ull << word;
	else
		t->has_far_refs = true;
}

enum { OBJECT_HEADER_BYTES = 8 };

/*
 * Fields in their order, each at a multiple of its size or of 8: so a subtype's begin as its
 * supertype's do. An exception has its tag in the first word and then values of the tag's type.
 */
static void lay_out(struct deftype *t)
{
	struct field *fields = (struct field *)t->fields;
	uint32_t at = OBJECT_HEADER_BYTES, word = 1;
	for (uint32_t i = 0; i < t->field_count; i++) {
		uint32_t bytes = type_bytes(fields[i].type), align = 8;
		if (bytes < align)
			align = bytes;
		at = (at + align - 1) & ~(align - 1);
		fields[i].offset = at & INT32_MAX;
		note_ref(t, fields[i].type, (at - OBJECT_HEADER_BYTES) / 8);
		at += bytes;
	}
	t->object_bytes = (at + 7) & ~7u;
	for (uint32_t i = 0; i < t->func.param_count; i++) {
		note_ref(t, t->func.params[i], word);
		word += 1u + (t->func.params[i] == WASM_V128);
	}
}

static void check_group(const struct reader *r, struct deftype *group, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		set_supers(r, &group[i]);
	for (uint32_t i = 0; i < count; i++)
		lay_out(&group[i]);
	for (uint32_t i = 0; i < count; i++)
		if (group[i].super && !may_extend(&group[i]))
			reader_fail(r, WASM_ERROR_INVALID,
				    "sub type does not match its super type");
}

const struct deftype *types_close(const struct reader *r, struct deftype *group, uint32_t count)
{
	uint32_t hash = hash_group(group, count), at = hash & (known.buckets - 1);
	for (; known.bucket[at]; at = (at + 1) & (known.buckets - 1)) {
		const struct deftype *first = type_of_id(known.bucket[at]);
		if (first->group_hash == hash && same_group(group, count, first))
			return first;
	}
	resolve(group, count);
	check_group(r, group, count);
	group->group_types = count;
	group->group_hash = hash;
	known.bucket[at] = known.count + 1;
	known.count += count;
	known.groups++;
	keep();
	return group;
}

bool wasm_functype_is(const struct wasm_functype *type, const char *signature)
{
	static const struct {
		char letter;
		uint8_t type;
	} letters[] = {{'i', WASM_I32},
		       {'I', WASM_I64},
		       {'f', WASM_F32},
		       {'F', WASM_F64},
		       {'v', WASM_V128}};
	uint32_t i = 0, all = type->param_count + type->result_count;
	for (const char *s = signature; *s; s++) {
		if (*s == ':') {
			if (i != type->param_count)
				return false;
			continue;
		}
		uint8_t t = 0;
		for (size_t k = 0; k < sizeof letters / sizeof *letters; k++)
			if (letters[k].letter == *s)
				t = letters[k].type;
		if (i == all || type->params[i++] != t)
			return false;
	}
	return i == all;
}
