/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instances and what they are made of: memories, tables, globals, function records, segments
 * (WebAssembly specification, 4.5). Sizes come from the module and have caps.
 */
#include "guest/wasm/runtime/heap.h"

#include <errno.h>

#define ARENA_BYTES   0x20000000ull
#define TABLE_CELL    sizeof(void *)
#define OBJECTS_BYTES 0x4000000ull

/* --- things that belong to no instance --- */

void *store_object(struct wasm_store *s, uint64_t bytes)
{
	if (!s->objects.base && !arena_open(&s->objects, OBJECTS_BYTES))
		return NULL;
	return arena_take(&s->objects, bytes);
}

/* The largest size: the type's or, if that is larger or not there, a cap. */
static uint64_t maximum(struct wasm_limits limits, uint64_t cap)
{
	if (!limits.has_max || limits.max > cap)
		return cap;
	return limits.max;
}

/* The same of a memory, in its own pages; the cap is in pages of 64 KiB. */
static uint64_t maximum_pages(struct wasm_limits limits, uint64_t cap)
{
	if (!limits.is_64 && cap > WASM_MAX_MEMORY_PAGES)
		cap = WASM_MAX_MEMORY_PAGES;
	if (limits.byte_pages)
		cap *= WASM_PAGE64K;
	if (!limits.is_64 && cap > UINT32_MAX) /* its size must be a number */
		cap = UINT32_MAX;
	return maximum(limits, cap);
}

uint64_t memory_reserved_bytes(const struct wasm_memory *memory)
{
	return memory->type.is_64 ? WASM_MEMORY64_RESERVE_BYTES : WASM_MEMORY_RESERVE_BYTES;
}

static bool memory_make(struct wasm_memory *mem, struct wasm_limits limits, uint64_t cap)
{
	*mem = (struct wasm_memory){
		.type = limits,
		.max_pages = maximum_pages(limits, cap),
		.page_bytes = limits.byte_pages ? 1 : WASM_PAGE64K,
	};
	if (limits.min > mem->max_pages)
		return false;
	mem->base = platform_reserve(memory_reserved_bytes(mem));
	if (!mem->base)
		return false;
	if (wasm_memory_grow(mem, limits.min) < 0) {
		platform_free(mem->base, memory_reserved_bytes(mem));
		return false;
	}
	return true;
}

static bool table_make(struct wasm_table *t, uint32_t type, struct wasm_limits limits, uint64_t cap)
{
	*t = (struct wasm_table){
		.type = type,
		.limits = limits,
		.max = maximum(limits, cap),
	};
	if (limits.min > cap)
		return false;
	t->reserved_bytes = platform_page_up((t->max ? t->max : 1) * TABLE_CELL);
	t->elems = platform_reserve(t->reserved_bytes);
	if (!t->elems)
		return false;
	if (limits.min && table_grow(t, limits.min, NULL) < 0) {
		platform_free(t->elems, t->reserved_bytes);
		return false;
	}
	return true;
}

int64_t table_grow(struct wasm_table *t, uint64_t delta, void *value)
{
	uint64_t old = t->size;
	if (delta > t->max - old)
		return -1;
	uint64_t need = platform_page_up((old + delta) * TABLE_CELL);
	if (need > t->committed_bytes) {
		if (!platform_commit((uint8_t *)t->elems + t->committed_bytes,
				     need - t->committed_bytes))
			return -1;
		t->committed_bytes = need;
	}
	for (uint64_t i = 0; value && i < delta; i++)
		t->elems[old + i] = value;
	t->size = old + delta;
	return (int64_t)old;
}

int64_t wasm_memory_grow(struct wasm_memory *mem, uint64_t pages)
{
	uint64_t old = mem->pages;
	if (pages > mem->max_pages - old)
		return -1;
	uint64_t from = platform_page_up(old * mem->page_bytes),
		 to = platform_page_up((old + pages) * mem->page_bytes);
	if (to > from && !platform_commit(mem->base + from, to - from))
		return -1;
	mem->pages = old + pages;
	return (int64_t)old;
}

struct wasm_global *wasm_global_new(struct wasm_store *store, uint32_t type, bool is_mutable,
				    union wasm_value value)
{
	struct wasm_global *g = store_object(store, sizeof *g);
	if (!g)
		return NULL;
	*g = (struct wasm_global){
		.value = value,
		.type = type,
		.is_mutable = is_mutable,
		.next = store->globals,
	};
	store->globals = g;
	return g;
}

struct wasm_memory *wasm_memory_new(struct wasm_store *store, struct wasm_limits limits)
{
	struct wasm_memory *mem = store_object(store, sizeof *mem);
	if (!mem || !memory_make(mem, limits, WASM_MAX_MEMORY64_PAGES))
		return NULL;
	mem->next = store->memories;
	store->memories = mem;
	return mem;
}

struct wasm_table *wasm_table_new(struct wasm_store *store, uint32_t type,
				  struct wasm_limits limits)
{
	struct wasm_table *t = store_object(store, sizeof *t);
	if (!t || !table_make(t, type, limits, WASM_MAX_TABLE_ELEMENTS))
		return NULL;
	t->next = store->tables;
	store->tables = t;
	return t;
}

void memory_free(struct wasm_memory *memory)
{
	if (memory->base)
		platform_free(memory->base, memory_reserved_bytes(memory));
}

void table_free(struct wasm_table *table)
{
	if (table->elems)
		platform_free(table->elems, table->reserved_bytes);
}

union wasm_value wasm_global_get(const struct wasm_global *global)
{
	return global->value;
}

void wasm_global_set(struct wasm_global *global, union wasm_value value)
{
	global->value = value;
}

const struct wasm_functype *wasm_func_type(const struct wasm_func *func)
{
	return func->type;
}

__attribute__((hot)) uint8_t *wasm_memory_base(const struct wasm_memory *memory)
{
	return memory->base;
}

__attribute__((hot)) uint64_t wasm_memory_bytes(const struct wasm_memory *memory)
{
	return memory->pages * memory->page_bytes;
}

/* --- parts of an instance --- */

void instance_lay_out(struct wasm_module *m)
{
	uint32_t at = (uint32_t)(sizeof(struct wasm_instance) + 15) & ~15u;
	m->memory_cells = at;
	at += m->memory_count * (uint32_t)sizeof(struct memory_cell);
	m->table_cells = at;
	at += m->table_count * (uint32_t)sizeof(struct table_cell);
	m->func_cells = at;
	at += (m->imported_funcs * (uint32_t)sizeof(void *) + 15) & ~15u;
	m->tag_cells = at;
	at += m->tag_count * (uint32_t)sizeof(void *);
	m->global_cells = at = (at + 31) & ~31u;
	m->instance_bytes = at + m->global_count * GLOBAL_STRIDE;
}

struct wasm_global *instance_global(struct wasm_instance *i, uint32_t index)
{
	uint8_t *cell = (uint8_t *)i + i->module->global_cells + (uint64_t)GLOBAL_STRIDE * index;
	if (index < i->module->imported_globals)
		return *(struct wasm_global **)(void *)cell;
	return (struct wasm_global *)(void *)cell;
}

struct wasm_func *instance_func(struct wasm_instance *i, uint32_t index)
{
	const struct wasm_module *m = i->module;
	if (index < m->imported_funcs)
		return *instance_import(i, index);
	struct wasm_func *f = &i->funcs[index - m->imported_funcs];
	if (!f->code)
		*f = (struct wasm_func){
			.code = m->code + m->func_entry[index - m->imported_funcs],
			.type = module_func_type(m, index),
			.type_id = module_func_type(m, index)->id,
			.index = index,
			.instance = i,
		};
	return f;
}

__attribute__((hot)) struct wasm_memory *wasm_instance_memory(const struct wasm_instance *i)
{
	const struct wasm_module *m = i->module;
	return m->memory_count ? instance_memory(i, m->main_memory)->memory : NULL;
}

void *wasm_env(const struct wasm_instance *i)
{
	return i->env;
}

struct wasm_module *wasm_instance_module(const struct wasm_instance *i)
{
	return i->module;
}

int wasm_instance_export(struct wasm_instance *i, const char *name, size_t bytes,
			 struct wasm_extern *out)
{
	struct wasm_export e;
	if (!wasm_module_export_find(i->module, name, bytes, &e))
		return -ENOENT;
	*out = (struct wasm_extern){.kind = e.type.kind};
	switch (e.type.kind) {
	case WASM_KIND_FUNC:
		out->func = instance_func(i, e.index);
		break;
	case WASM_KIND_TABLE:
		out->table = instance_table(i, e.index)->table;
		break;
	case WASM_KIND_MEMORY:
		out->memory = instance_memory(i, e.index)->memory;
		break;
	case WASM_KIND_GLOBAL:
		out->global = instance_global(i, e.index);
		break;
	case WASM_KIND_TAG:
		out->tag = *instance_tag(i, e.index);
		break;
	}
	return 0;
}

/* --- instantiation --- */

static void set_memory(struct wasm_instance *i, uint32_t n, struct wasm_memory *memory)
{
	struct memory_cell *cells = (void *)((uint8_t *)i + i->module->memory_cells);
	cells[n] = (struct memory_cell){memory->base, memory};
}

static void set_table(struct wasm_instance *i, uint32_t n, struct wasm_table *table)
{
	struct table_cell *cells = (void *)((uint8_t *)i + i->module->table_cells);
	cells[n] = (struct table_cell){table->elems, table};
}

struct making {
	struct wasm_module *m;
	struct wasm_instance *i;
	const struct wasm_link *link;
	struct failure fail;
};

static bool limits_fit(uint64_t size, const struct wasm_limits *have,
		       const struct wasm_limits *want)
{
	return size >= want->min && have->is_64 == want->is_64 &&
	       have->byte_pages == want->byte_pages &&
	       (!want->has_max || (have->has_max && have->max <= want->max));
}

static bool same_functype(const struct wasm_functype *a, const struct wasm_functype *b)
{
	return a->id == b->id;
}

_Noreturn static void import_fails(struct making *k, const struct wasm_import *im, uint32_t offset,
				   const char *why)
{
	wasm_fail(&k->fail, WASM_ERROR_LINK, offset, "%s: %N.%N", why, &im->module, &im->name);
}

static struct wasm_func *host_func(struct making *k, const struct wasm_functype *t,
				   wasm_host_fn host, uint32_t index)
{
	struct wasm_func *f = arena_need(&k->i->arena, &k->fail, 1, sizeof *f);
	host_func_init(f, k->i, t, host);
	f->index = index;
	return f;
}

static void take_import(struct making *k, uint32_t n)
{
	struct wasm_module *m = k->m;
	const struct import *own = &m->imports[n];
	struct wasm_import im;
	struct wasm_extern e = {0};
	wasm_module_import(m, n, &im);
	if (!k->link || !k->link->resolve ||
	    k->link->resolve(k->link->resolve_context, &im, &e) < 0)
		import_fails(k, &im, own->offset, "unknown import");
	if (e.kind != own->kind)
		import_fails(k, &im, own->offset, "incompatible import type");
	bool fits = false;
	switch (own->kind) {
	case WASM_KIND_FUNC:
		if (e.host) {
			fits = host_func_can(im.type.func);
			e.func = fits ? host_func(k, im.type.func, e.host, own->index) : NULL;
		} else {
			fits = deftype_matches(functype_def(e.func->type),
					       functype_def(im.type.func));
		}
		if (fits)
			*instance_import(k->i, own->index) = e.func;
		break;
	case WASM_KIND_TABLE:
		fits = e.table->type == im.type.type &&
		       limits_fit(e.table->size, &e.table->limits, &im.type.limits);
		set_table(k->i, own->index, e.table);
		break;
	case WASM_KIND_MEMORY:
		fits = limits_fit(e.memory->pages, &e.memory->type, &im.type.limits);
		set_memory(k->i, own->index, e.memory);
		break;
	case WASM_KIND_GLOBAL:
		fits = e.global->is_mutable == im.type.is_mutable &&
		       (e.global->type == im.type.type ||
			(!im.type.is_mutable && type_matches(e.global->type, im.type.type)));
		*(struct wasm_global **)(void *)((uint8_t *)k->i + m->global_cells +
						 (uint64_t)GLOBAL_STRIDE * own->index) = e.global;
		break;
	case WASM_KIND_TAG:
		fits = same_functype(e.tag->type, im.type.func);
		*instance_tag(k->i, own->index) = e.tag;
		break;
	}
	if (!fits)
		import_fails(k, &im, own->offset, "incompatible import type");
}

static union wasm_value evaluate(struct making *k, const uint8_t *expr)
{
	const struct wasm_module *m = k->m;
	struct reader r = {expr, m->bytes + m->size, m->bytes, &k->fail};
	return const_eval(&r, k->i);
}

/* Where in a memory or a table a segment goes. */
static uint64_t evaluate_offset(struct making *k, const uint8_t *expr,
				const struct wasm_limits *limits)
{
	const union wasm_value v = evaluate(k, expr);
	return limits->is_64 ? v.i64 : v.i32;
}

static void make_spaces(struct making *k)
{
	struct wasm_module *m = k->m;
	struct wasm_instance *i = k->i;
	const uint32_t memories = instance_own_memories(i), tables = instance_own_tables(i);
	i->memory_storage = arena_need(&i->arena, &k->fail, 1,
				       memories * sizeof(struct wasm_memory) +
					       tables * sizeof(struct wasm_table));
	for (uint32_t n = 0; n < memories; n++) {
		struct wasm_memory *mem = &i->memory_storage[n];
		if (!memory_make(mem, m->memories[m->imported_memories + n],
				 m->options.max_memory_pages))
			wasm_fail(&k->fail, WASM_ERROR_MEMORY, 0,
				  "linear memory of %U pages: the memory limit is too small",
				  m->memories[m->imported_memories + n].min);
		set_memory(i, m->imported_memories + n, mem);
	}
	for (uint32_t n = 0; n < tables; n++) {
		struct wasm_table *t = instance_own_table(i, n);
		const struct table_type *type = &m->tables[m->imported_tables + n];
		if (!table_make(t, type->type, type->limits, m->options.max_table_elements))
			wasm_fail(&k->fail, WASM_ERROR_MEMORY, 0,
				  "table of %U elements: the memory limit is too small",
				  type->limits.min);
		set_table(i, m->imported_tables + n, t);
	}
	if (m->memory_count)
		i->memory0 = instance_memory(i, 0)->base;
}

static void make_tags(struct making *k)
{
	const struct wasm_module *m = k->m;
	uint32_t own = m->tag_count - m->imported_tags;
	struct wasm_tag *tags = arena_need(&k->i->arena, &k->fail, own, sizeof(*tags));
	for (uint32_t n = 0; n < own; n++) {
		uint32_t index = m->imported_tags + n;
		tags[n] = (struct wasm_tag){module_tag_type(m, index), m, index};
		*instance_tag(k->i, index) = &tags[n];
	}
}

static void make_globals(struct making *k)
{
	struct wasm_module *m = k->m;
	for (uint32_t n = m->imported_globals; n < m->global_count; n++) {
		struct wasm_global *g = instance_global(k->i, n);
		*g = (struct wasm_global){
			.type = m->globals[n].type,
			.is_mutable = m->globals[n].is_mutable,
			.value = evaluate(k, m->globals[n].init),
		};
	}
	for (uint32_t n = 0; n < instance_own_tables(k->i); n++) {
		const struct table_type *type = &m->tables[m->imported_tables + n];
		struct wasm_table *t = instance_own_table(k->i, n);
		void *value = NULL;
		if (type->init)
			value = evaluate(k, type->init).external;
		for (uint64_t at = 0; value && at < t->size; at++)
			t->elems[at] = value;
	}
}

/* Values of every element segment: passive ones are kept, active ones copied and dropped. */
static void make_segments(struct making *k)
{
	struct wasm_module *m = k->m;
	struct wasm_instance *i = k->i;
	i->elems = arena_need(&i->arena, &k->fail, m->elem_count, sizeof *i->elems);
	i->data_bytes = arena_need(&i->arena, &k->fail, m->data_count, sizeof *i->data_bytes);
	for (uint32_t n = 0; n < m->elem_count; n++) {
		const struct elem_segment *e = &m->elems[n];
		struct reader r = {e->items, m->bytes + m->size, m->bytes, &k->fail};
		i->elems[n].values = arena_need(&i->arena, &k->fail, e->count, sizeof(void *));
		for (uint32_t v = 0; v < e->count; v++) {
			if (e->expressions) {
				i->elems[n].values[v] = const_eval(&r, i).external;
			} else {
				i->elems[n].values[v] = instance_func(i, read_u32(&r));
			}
		}
		if (e->mode != SEGMENT_DECLARATIVE)
			i->elems[n].count = e->count;
	}
	for (uint32_t n = 0; n < m->data_count; n++)
		i->data_bytes[n] = m->datas[n].bytes;
}

/* In the module's order, as the standard has it: what came before a trap stays. */
static void copy_active(void *arg)
{
	struct making *k = arg;
	struct wasm_module *m = k->m;
	struct wasm_instance *i = k->i;
	for (uint32_t n = 0; n < m->elem_count; n++) {
		const struct elem_segment *e = &m->elems[n];
		if (e->mode != SEGMENT_ACTIVE)
			continue;
		uint64_t at = evaluate_offset(k, e->offset, &m->tables[e->table].limits);
		struct wasm_table *t = instance_table(i, e->table)->table;
		if (at > t->size || e->count > t->size - at)
			trap_raise(i, WASM_TRAP_TABLE);
		memcpy(t->elems + at, i->elems[n].values, e->count * sizeof(void *));
		i->elems[n].count = 0;
	}
	for (uint32_t n = 0; n < m->data_count; n++) {
		const struct data_segment *d = &m->datas[n];
		if (d->mode != SEGMENT_ACTIVE)
			continue;
		uint64_t at = evaluate_offset(k, d->offset, &m->memories[d->memory]);
		struct wasm_memory *mem = instance_memory(i, d->memory)->memory;
		if (at > wasm_memory_bytes(mem) || d->bytes > wasm_memory_bytes(mem) - at)
			trap_raise(i, WASM_TRAP_MEMORY);
		memcpy(mem->base + at, d->data, d->bytes);
		i->data_bytes[n] = 0;
	}
	if (m->start != WASM_NONE)
		(void)wasm_call(instance_func(i, m->start), NULL, NULL, NULL);
}

void instance_close(struct wasm_instance *i)
{
	for (uint32_t n = 0; i->memory_storage && n < instance_own_memories(i); n++)
		memory_free(&i->memory_storage[n]);
	for (uint32_t n = 0; i->memory_storage && n < instance_own_tables(i); n++)
		table_free(instance_own_table(i, n));
	struct arena arena = i->arena; /* it holds *i */
	arena_close(&arena);
}

int wasm_instantiate(struct wasm_module *m, const struct wasm_link *link,
		     struct wasm_instance **instance, struct wasm_error *error,
		     struct wasm_stop *stop)
{
	struct wasm_stop own_stop;
	struct making k = {.m = m, .link = link, .fail.error = error};
	struct arena arena;
	memset(error, 0, sizeof *error);
	uint64_t funcs = (uint64_t)(m->func_count - m->imported_funcs) * sizeof(struct wasm_func);
	if (!arena_open(&arena, ARENA_BYTES + platform_page_up(funcs)) ||
	    !(k.i = arena_take(&arena, m->instance_bytes))) {
		error->kind = WASM_ERROR_MEMORY;
		wasm_format(error->message, sizeof error->message, "out of memory");
		return -ENOMEM;
	}
	struct wasm_instance *i = k.i;
	i->arena = arena;
	if (wasm_jump_set(&k.fail.jump) != 0) {
		instance_close(i);
		return error->kind == WASM_ERROR_MEMORY ? -ENOMEM : -EINVAL;
	}
	i->module = m;
	i->store = m->store;
	if (link)
		i->env = link->env;
	i->stack_limit = platform_stack_limit() + WASM_STACK_RESERVE_BYTES;
	i->helper_glue = wasm_helper_glue;
	i->helpers = wasm_helpers;
	i->memory64_end = WASM_MEMORY64_END_BYTES;
	i->funcs =
		arena_need(&i->arena, &k.fail, m->func_count - m->imported_funcs, sizeof *i->funcs);
	if (m->has_objects && !(i->heap = (struct heap_cells *)heap_of(i->store)))
		wasm_fail(&k.fail, WASM_ERROR_MEMORY, 0, "out of memory for a heap");
	for (uint32_t n = 0; n < m->import_count; n++)
		take_import(&k, n);
	make_spaces(&k);
	make_tags(&k);
	make_globals(&k);
	make_segments(&k);
	store_add_instance(m->store, i);
	struct wasm_stop *s = stop ? stop : &own_stop;
	if (wasm_run(i->store, copy_active, &k, s) != WASM_RETURNED) {
		/* It stays: others may have its functions in their tables by now. */
		error->kind = WASM_ERROR_TRAP;
		wasm_format(error->message, sizeof error->message, "%s", wasm_trap_text(s->code));
		return -EINVAL;
	}
	*instance = i;
	return 0;
}
