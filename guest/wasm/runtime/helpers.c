/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What compiled code calls: each takes the instance and cells, and traps by trap_raise(). An i32
 * has no bits above its 32, so one function is for memories and tables of either kind.
 */
#include "guest/wasm/runtime/objects.h"

static bool outside(uint64_t at, uint64_t n, uint64_t size)
{
	return at > size || n > size - at;
}

static struct wasm_memory *memory_of(const struct wasm_instance *i, uint64_t n)
{
	return instance_memory(i, (uint32_t)n)->memory;
}

/* What growth answers: a size, or -1, in the type of sizes. */
static uint64_t as_size(int64_t size, const struct wasm_limits *limits)
{
	return limits->is_64 ? (uint64_t)size : (uint32_t)size;
}

static uint64_t memory_grow(const struct wasm_instance *i, uint64_t memory, uint64_t delta)
{
	struct wasm_memory *m = memory_of(i, memory);
	return as_size(wasm_memory_grow(m, delta), &m->type);
}

static void memory_copy(const struct wasm_instance *i, uint64_t to, uint64_t from, uint64_t n,
			uint64_t to_memory, uint64_t from_memory)
{
	struct wasm_memory *a = memory_of(i, to_memory), *b = memory_of(i, from_memory);
	if (outside(to, n, wasm_memory_bytes(a)) || outside(from, n, wasm_memory_bytes(b)))
		trap_raise(i, WASM_TRAP_MEMORY);
	memmove(a->base + to, b->base + from, n);
}

static void memory_fill(const struct wasm_instance *i, uint64_t to, uint64_t value, uint64_t n,
			uint64_t memory)
{
	struct wasm_memory *m = memory_of(i, memory);
	if (outside(to, n, wasm_memory_bytes(m)))
		trap_raise(i, WASM_TRAP_MEMORY);
	memset(m->base + to, (uint8_t)value, n);
}

static void memory_init(const struct wasm_instance *i, uint64_t to, uint64_t from, uint64_t n,
			uint64_t segment, uint64_t memory)
{
	struct wasm_memory *m = memory_of(i, memory);
	if (outside(to, n, wasm_memory_bytes(m)) || outside(from, n, i->data_bytes[segment]))
		trap_raise(i, WASM_TRAP_MEMORY);
	memcpy(m->base + to, i->module->datas[segment].data + from, n);
}

static void data_drop(const struct wasm_instance *i, uint64_t segment)
{
	i->data_bytes[segment] = 0;
}

static struct wasm_table *table_of(const struct wasm_instance *i, uint64_t n)
{
	return instance_table(i, (uint32_t)n)->table;
}

static void *table_get(const struct wasm_instance *i, uint64_t table, uint64_t at)
{
	struct wasm_table *t = table_of(i, table);
	if (at >= t->size)
		trap_raise(i, WASM_TRAP_TABLE);
	return t->elems[at];
}

static void table_set(const struct wasm_instance *i, uint64_t table, uint64_t at, void *value)
{
	struct wasm_table *t = table_of(i, table);
	if (at >= t->size)
		trap_raise(i, WASM_TRAP_TABLE);
	t->elems[at] = value;
}

static uint64_t helper_table_grow(const struct wasm_instance *i, void *value, uint64_t delta,
				  uint64_t table)
{
	struct wasm_table *t = table_of(i, table);
	return as_size(table_grow(t, delta, value), &t->limits);
}

static void table_fill(const struct wasm_instance *i, uint64_t at, void *value, uint64_t n,
		       uint64_t table)
{
	struct wasm_table *t = table_of(i, table);
	if (outside(at, n, t->size))
		trap_raise(i, WASM_TRAP_TABLE);
	for (uint64_t k = 0; k < n; k++)
		t->elems[at + k] = value;
}

static void table_copy(const struct wasm_instance *i, uint64_t to, uint64_t from, uint64_t n,
		       uint64_t to_table, uint64_t from_table)
{
	struct wasm_table *a = table_of(i, to_table), *b = table_of(i, from_table);
	if (outside(to, n, a->size) || outside(from, n, b->size))
		trap_raise(i, WASM_TRAP_TABLE);
	memmove(a->elems + to, b->elems + from, n * sizeof(void *));
}

static void table_init(const struct wasm_instance *i, uint64_t to, uint64_t from, uint64_t n,
		       uint64_t segment, uint64_t table)
{
	struct wasm_table *t = table_of(i, table);
	const struct passive_elem *e = &i->elems[segment];
	if (outside(to, n, t->size) || outside(from, n, e->count))
		trap_raise(i, WASM_TRAP_TABLE);
	memcpy(t->elems + to, e->values + from, n * sizeof(void *));
}

static void elem_drop(const struct wasm_instance *i, uint64_t segment)
{
	i->elems[segment].count = 0;
}

static void *ref_func(struct wasm_instance *i, uint64_t index)
{
	return instance_func(i, (uint32_t)index);
}

/* --- conversions: what they do is in enum truncation --- */

static double value_of(uint64_t what, uint64_t bits)
{
	double d;
	float f;
	if (what & TRUNC_FROM_F64) {
		memcpy(&d, &bits, 8);
		return d;
	}
	memcpy(&f, &bits, 4);
	return f;
}

/* The open interval of doubles whose whole part fits. */
static void range_of(uint64_t what, double *low, double *high)
{
	static const double highs[2][2] = {{2147483648.0, 9223372036854775808.0},
					   {4294967296.0, 18446744073709551616.0}};
	static const double lows[2] = {-2147483649.0, -9223372036854777856.0};
	bool wide = what & TRUNC_TO_I64, is_unsigned = what & TRUNC_UNSIGNED;
	*high = highs[is_unsigned][wide];
	*low = is_unsigned ? -1.0 : lows[wide];
}

static uint64_t whole_part(uint64_t what, double d)
{
	const double half = 9223372036854775808.0;
	if (!(what & TRUNC_TO_I64))
		return (uint32_t)(int64_t)d;
	if ((what & TRUNC_UNSIGNED) && d >= half)
		return (uint64_t)(int64_t)(d - half) ^ 1ull << 63;
	return (uint64_t)(int64_t)d;
}

static uint64_t trunc_checked(const struct wasm_instance *i, uint64_t what, uint64_t bits)
{
	double d = value_of(what, bits), low, high;
	range_of(what, &low, &high);
	if (d != d)
		trap_raise(i, WASM_TRAP_INVALID_CONVERSION);
	if (!(d > low && d < high))
		trap_raise(i, WASM_TRAP_INTEGER_OVERFLOW);
	return whole_part(what, d);
}

const void *const wasm_helpers[HELPER_COUNT] = {
	[HELPER_MEMORY_GROW] = memory_grow,
	[HELPER_MEMORY_COPY] = memory_copy,
	[HELPER_MEMORY_FILL] = memory_fill,
	[HELPER_MEMORY_INIT] = memory_init,
	[HELPER_DATA_DROP] = data_drop,
	[HELPER_TABLE_GET] = table_get,
	[HELPER_TABLE_SET] = table_set,
	[HELPER_TABLE_GROW] = helper_table_grow,
	[HELPER_TABLE_FILL] = table_fill,
	[HELPER_TABLE_COPY] = table_copy,
	[HELPER_TABLE_INIT] = table_init,
	[HELPER_ELEM_DROP] = elem_drop,
	[HELPER_REF_FUNC] = ref_func,
	[HELPER_TRUNC] = trunc_checked,
	[HELPER_REF_IS] = wasm_cast_glue,
	[HELPER_THROW] = wasm_throw_glue,
	[HELPER_THROW_REF] = wasm_throw_ref_glue,
	[HELPER_ARRAY_NEW] = array_new,
	[HELPER_ARRAY_NEW_ZERO] = array_new_zero,
	[HELPER_ARRAY_NEW_DATA] = array_new_data,
	[HELPER_ARRAY_NEW_ELEM] = array_new_elem,
	[HELPER_ARRAY_FILL] = array_fill,
	[HELPER_ARRAY_COPY] = array_copy,
	[HELPER_ARRAY_INIT_DATA] = array_init_data,
	[HELPER_ARRAY_INIT_ELEM] = array_init_elem,
};
