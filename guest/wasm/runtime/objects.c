/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structures, arrays and casts, as far as compiled code does not do them in line (WebAssembly
 * specification, 4.4: instructions on structures and arrays). Lengths and indices are the
 * program's.
 */
#include "guest/wasm/runtime/objects.h"

#include "guest/wasm/runtime/heap.h"

static uint8_t *elements(struct object *o)
{
	return (uint8_t *)o->words;
}

static uint32_t element_bytes(uint64_t type)
{
	return type_bytes(type_of_id((uint32_t)type)->fields[0].type);
}

static bool has_refs(uint64_t type)
{
	return type_of_id((uint32_t)type)->ref_map;
}

static bool outside(uint64_t at, uint64_t n, uint64_t size)
{
	return at > size || n > size - at;
}

static struct object *need(const struct wasm_instance *i, struct object *o)
{
	if (!o)
		trap_raise(i, WASM_TRAP_HEAP_MEMORY);
	return o;
}

static struct heap *heap(const struct wasm_instance *i)
{
	return (struct heap *)i->heap;
}

/* --- making --- */

static struct object *new_array(struct wasm_instance *i, uint64_t type, uint64_t length)
{
	uint64_t bytes = OBJECT_WORDS + (uint32_t)length * (uint64_t)element_bytes(type);
	struct object *o = need(i, heap_new(heap(i), bytes));
	o->type_id = (uint32_t)type;
	o->length = (uint32_t)length;
	return o;
}

/* The bytes doubled again and again: memcpy does what is to be done. */
static void fill(uint8_t *to, uint64_t n, const void *value, uint32_t bytes)
{
	uint64_t all = n * bytes, done = bytes;
	if (!n)
		return;
	if (bytes == 1) {
		memset(to, *(const uint8_t *)value, n);
		return;
	}
	memcpy(to, value, bytes);
	for (; done <= all / 2; done *= 2)
		memcpy(to + done, to, done);
	memcpy(to + done, to, all - done);
}

struct object *array_new(struct wasm_instance *i, const uint64_t *cells, uint64_t type)
{
	uint32_t bytes = element_bytes(type);
	uint64_t length = (uint32_t)cells[1 + (bytes == 16)];
	struct object *o = new_array(i, type, length);
	fill(elements(o), length, cells, bytes);
	return o;
}

struct object *array_new_zero(struct wasm_instance *i, const uint64_t *cells, uint64_t type)
{
	return new_array(i, type, cells[0]);
}

/* --- segments --- */

static const uint8_t *segment_data(const struct wasm_instance *i, uint64_t segment, uint64_t from,
				   uint64_t bytes)
{
	if (outside(from, bytes, i->data_bytes[segment]))
		trap_raise(i, WASM_TRAP_MEMORY);
	return i->module->datas[segment].data + from;
}

static void *const *segment_values(const struct wasm_instance *i, uint64_t segment, uint64_t from,
				   uint64_t n)
{
	const struct passive_elem *e = &i->elems[segment];
	if (outside(from, n, e->count))
		trap_raise(i, WASM_TRAP_TABLE);
	return e->values + from;
}

struct object *array_new_data(struct wasm_instance *i, const uint64_t *cells, uint64_t type,
			      uint64_t segment)
{
	uint64_t from = (uint32_t)cells[0], n = (uint32_t)cells[1];
	uint64_t bytes = n * element_bytes(type);
	const uint8_t *data = segment_data(i, segment, from, bytes);
	struct object *o = new_array(i, type, n);
	memcpy(elements(o), data, bytes);
	return o;
}

struct object *array_new_elem(struct wasm_instance *i, const uint64_t *cells, uint64_t type,
			      uint64_t segment)
{
	uint64_t from = (uint32_t)cells[0], n = (uint32_t)cells[1];
	void *const *values = segment_values(i, segment, from, n);
	struct object *o = new_array(i, type, n);
	memcpy(elements(o), values, n * sizeof(*values));
	return o;
}

/* --- pieces of arrays --- */

/* The array in a cell, of which there is this piece. */
static struct object *piece(const struct wasm_instance *i, uint64_t cell, uint64_t at, uint64_t n)
{
	struct object *o = (struct object *)cell;
	if (!o)
		trap_raise(i, WASM_TRAP_NULL_ARRAY);
	if (outside(at, n, o->length))
		trap_raise(i, WASM_TRAP_ARRAY);
	return o;
}

/* These references go. */
static void overwrite(const struct wasm_instance *i, const struct object *o, uint64_t type,
		      uint64_t at, uint64_t n)
{
	if (!heap_is_marking(heap(i)) || !has_refs(type))
		return;
	for (uint64_t k = 0; k < n; k++)
		heap_barrier(heap(i), o->words[at + k]);
}

void array_fill(struct wasm_instance *i, const uint64_t *cells, uint64_t type)
{
	uint32_t bytes = element_bytes(type);
	uint64_t at = (uint32_t)cells[1], n = (uint32_t)cells[3 + (bytes == 16)];
	struct object *o = piece(i, cells[0], at, n);
	overwrite(i, o, type, at, n);
	fill(elements(o) + at * bytes, n, &cells[2], bytes);
}

void array_copy(struct wasm_instance *i, const uint64_t *cells, uint64_t type)
{
	uint32_t bytes = element_bytes(type);
	uint64_t to = (uint32_t)cells[1], from = (uint32_t)cells[3], n = (uint32_t)cells[4];
	struct object *a = (struct object *)cells[0];
	struct object *b = (struct object *)cells[2];
	if (!a || !b)
		trap_raise(i, WASM_TRAP_NULL_ARRAY);
	(void)piece(i, cells[0], to, n);
	(void)piece(i, cells[2], from, n);
	overwrite(i, a, type, to, n);
	memmove(elements(a) + to * bytes, elements(b) + from * bytes, n * bytes);
}

void array_init_data(struct wasm_instance *i, const uint64_t *cells, uint64_t type,
		     uint64_t segment)
{
	uint32_t bytes = element_bytes(type);
	uint64_t at = (uint32_t)cells[1], from = (uint32_t)cells[2], n = (uint32_t)cells[3];
	struct object *o = piece(i, cells[0], at, n);
	const uint8_t *data = segment_data(i, segment, from, n * bytes);
	memcpy(elements(o) + at * bytes, data, n * bytes);
}

void array_init_elem(struct wasm_instance *i, const uint64_t *cells, uint64_t type,
		     uint64_t segment)
{
	uint64_t at = (uint32_t)cells[1], from = (uint32_t)cells[2], n = (uint32_t)cells[3];
	struct object *o = piece(i, cells[0], at, n);
	void *const *values = segment_values(i, segment, from, n);
	overwrite(i, o, type, at, n);
	memcpy(o->words + at, values, n * sizeof(*values));
}

/* --- constant expressions --- */

struct object *constant_struct(struct wasm_instance *i, const struct deftype *t,
			       const union wasm_value *fields)
{
	struct object *o = heap_new_quietly(heap(i), t->object_bytes);
	if (!o)
		return NULL;
	o->type_id = t->func.id;
	for (uint32_t n = 0; fields && n < t->field_count; n++)
		memcpy((uint8_t *)o + t->fields[n].offset, &fields[n],
		       type_bytes(t->fields[n].type));
	return o;
}

struct object *constant_array(struct wasm_instance *i, const struct deftype *t, uint32_t length,
			      const union wasm_value *values, bool all_alike)
{
	uint32_t bytes = type_bytes(t->fields[0].type);
	struct object *o = heap_new_quietly(heap(i), OBJECT_WORDS + (uint64_t)length * bytes);
	if (!o)
		return NULL;
	o->type_id = t->func.id;
	o->length = length;
	if (all_alike)
		fill(elements(o), length, values, bytes);
	for (uint32_t n = 0; values && !all_alike && n < length; n++)
		memcpy(elements(o) + (uint64_t)n * bytes, &values[n], bytes);
	return o;
}

/* --- casts --- */

/* The type of the object that a reference is to; NULL: it is to none. */
static const struct deftype *object_type(const struct wasm_store *s, uint64_t ref)
{
	if (!s->heap || ref - s->heap->cells.base >= WASM_HEAP_BYTES)
		return NULL;
	return type_of_id(((const struct object *)ref)->type_id);
}

/* A reference of the types below any that is not null. */
static bool is_any_of(const struct wasm_store *s, uint64_t ref, uint32_t heap)
{
	if (ref & I31_BIT)
		return type_matches(TYPE_I31, heap);
	const struct deftype *t = object_type(s, ref);
	if (!t)
		return heap == TYPE_ANY;
	return type_matches(WASM_TYPE_DEFINED | t->func.id, heap);
}

bool ref_is_of(const struct wasm_store *s, uint64_t ref, uint32_t type)
{
	uint32_t heap = type_heap(type), top = type_top(type);
	if (!ref)
		return !(type & WASM_TYPE_NON_NULL);
	if (top == TYPE_ANY)
		return is_any_of(s, ref, heap);
	if (top == TYPE_FUNC && (heap & WASM_TYPE_DEFINED)) {
		const struct wasm_func *f = (const struct wasm_func *)ref;
		return deftype_matches(functype_def(f->type), type_of_id(heap));
	}
	return heap == top;
}

bool ref_is(const struct wasm_instance *i, uint64_t ref, uint32_t type)
{
	return ref_is_of(i->store, ref, type);
}

bool wasm_ref_is(const struct wasm_store *store, union wasm_value value, uint32_t type)
{
	return ref_is_of(store, value.i64, type);
}
