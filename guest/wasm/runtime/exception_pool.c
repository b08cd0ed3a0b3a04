/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where exceptions are kept: blocks of objects of one size, in a reservation that is committed as
 * it is needed. When as much has been allocated as makes it worth while, those that nothing refers
 * to are freed: marked from the stack, whose words are taken for references if they are addresses
 * of exceptions (it is not known what else they could be), and from the tables and globals of type
 * exnref; then swept. Nothing moves. Work and memory are bounded by what the program keeps alive:
 * a collection comes only after allocations of half of what it looks at.
 */
#include "guest/wasm/runtime/exception.h"

enum { SIZE_MIN_SHIFT = 5, SIZES = 11 }; /* 32 bytes to 32 KiB */
enum { MARKED = 1 };                     /* in an exception's tag */
enum {
	BLOCK_BYTES = WASM_EXCEPTION_BLOCK_BYTES,
	BLOCKS_MAX = WASM_EXCEPTION_POOL_BYTES / BLOCK_BYTES
};

_Static_assert(16 + 16 * WASM_MAX_PARAMS <= 1u << (SIZE_MIN_SHIFT + SIZES - 1) &&
		       BLOCK_BYTES >= 1u << (SIZE_MIN_SHIFT + SIZES - 1),
	       "every exception has a size");

/* Instances that have tables or globals of exceptions; each lies in its instance's memory. */
struct exception_roots {
	struct wasm_instance *instance;
	struct exception_roots *next;
};

struct exception_pool {
	uint8_t *base;
	uint32_t blocks;
	uint64_t allocated, threshold; /* since the last collection; when the next one is */
	struct wasm_exception *free[SIZES];
	struct wasm_exception *marked; /* whose values have not been looked at */
	uint8_t block_size[BLOCKS_MAX];
};

/* How large an object of a size is, and what of it is for values. */
static uint64_t object_bytes(uint32_t size)
{
	return 1ull << (SIZE_MIN_SHIFT + size);
}

static uint64_t value_bytes(uint32_t size)
{
	return object_bytes(size) - sizeof(struct wasm_exception);
}

static uint32_t object_size(const struct exception_pool *p, const struct wasm_exception *e)
{
	return p->block_size[((uint64_t)e - (uint64_t)p->base) / BLOCK_BYTES];
}

static uint32_t size_for(uint64_t bytes)
{
	uint32_t size = 0;
	while (bytes > value_bytes(size))
		size++;
	return size;
}

/* --- collecting --- */

static void mark(struct exception_pool *p, uint64_t word)
{
	uint64_t at = word - (uint64_t)p->base;
	if (at >= (uint64_t)p->blocks * BLOCK_BYTES)
		return;
	uint64_t object = object_bytes(p->block_size[at / BLOCK_BYTES]);
	struct wasm_exception *e = (struct wasm_exception *)word;
	if (at & (object - 1) || !e->tag || e->tag & MARKED)
		return;
	e->tag |= MARKED;
	e->link = p->marked;
	p->marked = e;
}

/* Not by AddressSanitizer's rules: it reads frames of functions that are still running. */
static __attribute__((no_sanitize_address)) void mark_words(struct exception_pool *p,
							    const uint64_t *words, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		mark(p, words[i]);
}

static void mark_instance(struct exception_pool *p, struct wasm_instance *i)
{
	const struct wasm_module *m = i->module;
	for (uint32_t n = m->imported_globals; n < m->global_count; n++)
		if (type_is_exception(m->globals[n].type))
			mark(p, (uint64_t)instance_global(i, n)->value.exception);
	for (uint32_t n = 0; n < instance_own_tables(i); n++)
		if (type_is_exception(i->table_storage[n].type))
			mark_words(p, (const uint64_t *)i->table_storage[n].elems,
				   i->table_storage[n].size);
}

/* What marked ones hold, until nothing is found any more. */
static void mark_values(struct exception_pool *p)
{
	while (p->marked) {
		struct wasm_exception *e = p->marked;
		p->marked = e->link;
		mark_words(p, e->values, value_bytes(object_size(p, e)) / sizeof(uint64_t));
	}
}

static void sweep(struct exception_pool *p)
{
	for (uint32_t b = 0; b < p->blocks; b++) {
		uint64_t object = object_bytes(p->block_size[b]);
		uint8_t *block = p->base + (uint64_t)b * BLOCK_BYTES;
		struct wasm_exception **list = &p->free[p->block_size[b]];
		for (uint64_t at = 0; at < BLOCK_BYTES; at += object) {
			struct wasm_exception *e = (struct wasm_exception *)(void *)(block + at);
			if (e->tag & MARKED) {
				e->tag &= ~(uint64_t)MARKED;
			} else if (e->tag) {
				e->tag = 0;
				e->link = *list;
				*list = e;
			}
		}
	}
}

static uint64_t table_words(const struct wasm_store *s)
{
	uint64_t words = 0;
	for (const struct exception_roots *r = s->roots; r; r = r->next)
		for (uint32_t n = 0; n < instance_own_tables(r->instance); n++)
			if (type_is_exception(r->instance->table_storage[n].type))
				words += r->instance->table_storage[n].size;
	return words;
}

static void collect(const struct wasm_store *s, struct exception_pool *p)
{
	const uint64_t *stack = __builtin_frame_address(0);
	uint64_t words = (s->base_sp - (uint64_t)stack) / sizeof(uint64_t);
	mark_words(p, stack, words);
	for (const struct exception_roots *r = s->roots; r; r = r->next)
		mark_instance(p, r->instance);
	mark_values(p);
	sweep(p);
	p->allocated = 0;
	p->threshold = BLOCK_BYTES / 2 + (uint64_t)p->blocks * BLOCK_BYTES / 2 +
		       (words + table_words(s)) * sizeof(uint64_t) / 2;
}

/* --- allocating --- */

enum {
	HEAD_BYTES = (sizeof(struct exception_pool) + WASM_PAGE_BYTES - 1) / WASM_PAGE_BYTES *
		     WASM_PAGE_BYTES
};

static struct exception_pool *open_pool(struct wasm_store *s)
{
	uint8_t *space = platform_reserve(HEAD_BYTES + WASM_EXCEPTION_POOL_BYTES);
	if (!space)
		return NULL;
	if (!platform_commit(space, HEAD_BYTES)) {
		platform_free(space, HEAD_BYTES + WASM_EXCEPTION_POOL_BYTES);
		return NULL;
	}
	s->exceptions = (struct exception_pool *)(void *)space;
	s->exceptions->base = space + HEAD_BYTES;
	s->exceptions->threshold = BLOCK_BYTES;
	return s->exceptions;
}

void exception_close_pool(struct wasm_store *s)
{
	if (s->exceptions)
		platform_free(s->exceptions, HEAD_BYTES + WASM_EXCEPTION_POOL_BYTES);
	s->exceptions = NULL;
}

/* One more block, all of it free. */
static bool add_block(struct exception_pool *p, uint32_t size)
{
	uint8_t *block = p->base + (uint64_t)p->blocks * BLOCK_BYTES;
	uint64_t object = object_bytes(size);
	if (p->blocks == BLOCKS_MAX || !platform_commit(block, BLOCK_BYTES))
		return false;
	p->block_size[p->blocks++] = (uint8_t)size;
	for (uint64_t at = BLOCK_BYTES; at > 0; at -= object) {
		struct wasm_exception *e = (struct wasm_exception *)(void *)(block + at - object);
		e->link = p->free[size];
		p->free[size] = e;
	}
	return true;
}

static bool refill(const struct wasm_store *s, struct exception_pool *p, uint32_t size)
{
	if (p->allocated >= p->threshold)
		collect(s, p);
	if (p->free[size] || add_block(p, size))
		return true;
	collect(s, p); /* there is no more memory: whatever it costs */
	return p->free[size];
}

struct wasm_exception *exception_new(struct wasm_store *s, uint64_t bytes)
{
	struct exception_pool *p = s->exceptions ? s->exceptions : open_pool(s);
	uint32_t size = size_for(bytes);
	if (!p || (!p->free[size] && !refill(s, p, size)))
		return NULL;
	struct wasm_exception *e = p->free[size];
	p->free[size] = e->link;
	p->allocated += object_bytes(size);
	memset(e->values, 0, value_bytes(size)); /* what it held is not looked at again */
	return e;
}

/* --- roots --- */

void exception_add_roots(struct wasm_instance *i, struct failure *fail)
{
	const struct wasm_module *m = i->module;
	bool any = false;
	for (uint32_t n = m->imported_globals; n < m->global_count; n++)
		any |= type_is_exception(m->globals[n].type);
	for (uint32_t n = m->imported_tables; n < m->table_count; n++)
		any |= type_is_exception(m->tables[n].type);
	if (!any)
		return;
	struct exception_roots *r = arena_need(&i->arena, fail, 1, sizeof(*r));
	*r = (struct exception_roots){i, i->store->roots};
	i->store->roots = r;
}

void exception_remove_roots(const struct wasm_instance *i)
{
	for (struct exception_roots **at = &i->store->roots; *at; at = &(*at)->next)
		if ((*at)->instance == i) {
			*at = (*at)->next;
			return;
		}
}
