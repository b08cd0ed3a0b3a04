/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types' bytes, and ids of function types: two types get the same id exactly when they are equal,
 * in whatever modules, so that an indirect call compares one number. The table lives as long as the
 * process.
 */
#include "guest/wasm/module/types.h"

#include "guest/wasm/arena.h"
#include "guest/wasm/bytes.h"
#include "guest/wasm/module/features.h"

const struct wasm_type_row wasm_types[256] = {
#define TYPE(byte, name, kind, feature) [byte] = {TYPE_KIND_##kind, FEATURE_##feature},
#include "guest/wasm/module/types.def"
};

#define TYPES_MAX         4000000u
#define TYPES_ARENA_BYTES 0x40000000ull

enum { FIRST_BUCKETS = 256 };

/* What most programs need is in the program's own memory: no call for a first module's types. */
static _Alignas(16) uint8_t first_bytes[0x1800];
static struct wasm_functype *first_buckets[FIRST_BUCKETS];

static struct {
	struct arena arena;
	struct wasm_functype **bucket; /* open addressing, by hash */
	uint32_t buckets;              /* a power of two */
	uint32_t count;
} known = {
	.arena = {.base = first_bytes,
		  .committed = sizeof(first_bytes),
		  .reserved = sizeof(first_bytes),
		  .more = TYPES_ARENA_BYTES},
	.bucket = first_buckets,
	.buckets = FIRST_BUCKETS,
};

static uint32_t hash_type(const struct wasm_functype *t)
{
	uint32_t h = 2166136261u ^ t->param_count;
	for (uint32_t i = 0; i < t->param_count + t->result_count; i++)
		h = (h ^ t->params[i]) * 16777619u;
	return h ^ h >> 15;
}

static bool same_type(const struct wasm_functype *a, const struct wasm_functype *b)
{
	return a->param_count == b->param_count && a->result_count == b->result_count &&
	       memcmp(a->params, b->params, a->param_count + a->result_count) == 0;
}

static bool grow_buckets(void)
{
	uint32_t n = known.buckets * 4;
	struct wasm_functype **bucket = arena_take(&known.arena, n * sizeof *bucket);
	if (!bucket)
		return false;
	for (uint32_t i = 0; i < known.buckets; i++) {
		struct wasm_functype *t = known.bucket[i];
		if (!t)
			continue;
		uint32_t at = hash_type(t) & (n - 1);
		while (bucket[at])
			at = (at + 1) & (n - 1);
		bucket[at] = t;
	}
	known.bucket = bucket;
	known.buckets = n;
	return true;
}

bool functype_intern(struct wasm_functype *type)
{
	if (known.count * 2 >= known.buckets && (known.count >= TYPES_MAX || !grow_buckets()))
		return false;
	uint32_t at = hash_type(type) & (known.buckets - 1);
	for (; known.bucket[at]; at = (at + 1) & (known.buckets - 1)) {
		if (same_type(known.bucket[at], type)) {
			type->id = known.bucket[at]->id;
			return true;
		}
	}
	uint32_t values = type->param_count + type->result_count;
	struct wasm_functype *copy = arena_take(&known.arena, sizeof *copy + values);
	if (!copy)
		return false;
	uint8_t *bytes = (uint8_t *)(copy + 1);
	memcpy(bytes, type->params, values);
	*copy = *type;
	copy->params = bytes;
	copy->results = bytes + type->param_count;
	copy->id = ++known.count;
	known.bucket[at] = copy;
	type->id = copy->id;
	return true;
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
