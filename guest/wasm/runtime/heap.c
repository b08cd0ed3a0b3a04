/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap's memory: blocks of objects of one size, and large objects of several blocks, in one
 * reservation that is committed as it is needed. Compiled code takes objects from lists; whoever
 * finds a list empty comes here for the next block's, sweeping it first if the last collection has
 * left that undone. Sizes come from the program; what they need beyond the container's memory is
 * refused.
 */
#include "guest/wasm/runtime/heap.h"

enum {
	DESCRIBED_STEP = 64,
	GROWTH_BLOCKS = 16, /* are committed at once, or an eighth of the heap */
	HEAP_BLOCKS = WASM_HEAP_BYTES / BLOCK_BYTES
};

_Static_assert(sizeof(struct block) == 64 &&
		       DESCRIBED_STEP * sizeof(struct block) % WASM_PAGE_BYTES == 0 &&
		       DESCRIBED_STEP * sizeof(struct block_bits) % WASM_PAGE_BYTES == 0 &&
		       HEAP_BLOCKS % DESCRIBED_STEP == 0,
	       "pages");
_Static_assert(HEAP_CLASSED_MAX == BLOCK_BYTES / 2 && BLOCK_WORDS <= 64,
	       "a bit of grey_words for each");

static uint32_t class_bytes(uint32_t class)
{
	if (class < HEAP_SMALL_CLASSES)
		return (class + 2) * 8;
	uint32_t power = (class - HEAP_SMALL_CLASSES) / 4,
		 quarter = (class - HEAP_SMALL_CLASSES) % 4;
	return (5 + quarter) << (5 + power);
}

/* --- blocks --- */

static uint8_t *block_address(const struct heap *h, uint32_t block)
{
	return (uint8_t *)h->cells.base + ((uint64_t)block << BLOCK_SHIFT);
}

static bool describe(struct heap *h, uint32_t blocks)
{
	while (h->described < blocks) {
		if (!platform_commit(&h->blocks[h->described],
				     DESCRIBED_STEP * sizeof(struct block)) ||
		    !platform_commit(&h->bits[h->described],
				     DESCRIBED_STEP * sizeof(struct block_bits)))
			return false;
		h->described += DESCRIBED_STEP;
	}
	return true;
}

static bool commit(struct heap *h, uint32_t at, uint32_t n)
{
	if (!platform_commit_all(block_address(h, at), (uint64_t)n << BLOCK_SHIFT))
		return false;
	for (uint32_t i = at; i < at + n; i++)
		h->blocks[i] = (struct block){.state = BLOCK_FREE};
	h->committed += n;
	h->free_blocks += n;
	return true;
}

/* So many in a row that are in the state, from a block on; BLOCK_NONE: there are none. */
static uint32_t find_run(const struct heap *h, uint32_t from, uint32_t n, enum block_state state)
{
	uint32_t run = 0;
	for (uint32_t i = from; i < h->used; i++) {
		run++;
		if (h->blocks[i].state != state)
			run = 0;
		if (run == n)
			return i + 1 - n;
	}
	return BLOCK_NONE;
}

/* Memory that has been given back is taken again. */
static bool revive(struct heap *h, uint32_t n)
{
	if (h->used - 1 - h->committed < n)
		return false;
	uint32_t at = find_run(h, 1, n, BLOCK_AWAY);
	return at && commit(h, at, n);
}

/* Some more than what is needed now, if there is so much. */
static bool extend(struct heap *h, uint32_t n)
{
	uint32_t more = (uint32_t)most(n, most(h->committed / 8, GROWTH_BLOCKS));
	for (;; more = n) {
		if (more <= HEAP_BLOCKS - h->used && describe(h, h->used + more) &&
		    commit(h, h->used, more)) {
			h->used += more;
			return true;
		}
		if (more == n)
			return false;
	}
}

static uint32_t find_free(const struct heap *h, uint32_t n)
{
	if (h->free_blocks < n)
		return BLOCK_NONE;
	uint32_t at = find_run(h, h->rover, n, BLOCK_FREE);
	if (!at)
		at = find_run(h, 1, n, BLOCK_FREE);
	return at;
}

static uint32_t take_blocks(struct heap *h, uint32_t n)
{
	uint32_t at = find_free(h, n);
	if (!at && (extend(h, n) || revive(h, n)))
		at = find_free(h, n);
	if (at) {
		h->free_blocks -= n;
		h->rover = at + n;
	}
	return at;
}

void heap_release(struct heap *h, uint32_t block, uint32_t n)
{
	for (uint32_t i = block; i < block + n; i++)
		h->blocks[i] = (struct block){.state = BLOCK_FREE};
	h->free_blocks += n;
	if (block < h->rover)
		h->rover = block;
}

void heap_give_back(struct heap *h, uint32_t keep)
{
	for (uint32_t at = h->used; at > 1 && h->free_blocks > keep;) {
		uint32_t end = at;
		while (at > 1 && h->blocks[at - 1].state == BLOCK_FREE)
			at--;
		uint32_t n = end - at, surplus = h->free_blocks - keep;
		n = (uint32_t)least(n, surplus);
		if (n < GROWTH_BLOCKS) {
			at -= at > 1 && at == end;
			continue;
		}
		platform_decommit(block_address(h, end - n), (uint64_t)n << BLOCK_SHIFT);
		for (uint32_t i = end - n; i < end; i++)
			h->blocks[i].state = BLOCK_AWAY;
		h->committed -= n;
		h->free_blocks -= n;
		h->is_full = false;
	}
}

/* --- objects of one size --- */

static void poison(const struct heap *h, struct object *o, uint32_t bytes)
{
	if (h->store->stress)
		memset(o->words + 1, 0xdb, bytes - HEAP_OBJECT_MIN);
}

/*
 * Those that are not marked become the block's list, in the order of their addresses. An object
 * that was free while others were marked is marked too, so that it could be taken.
 */
uint32_t heap_sweep_block(struct heap *h, uint32_t block)
{
	struct block *b = &h->blocks[block];
	struct block_bits *bits = &h->bits[block];
	uint32_t objects = block_objects(b), count = 0;
	uint64_t *tail = &b->free;
	for (uint32_t w = 0; w * 64 < objects; w++) {
		uint64_t left = objects - w * 64, look = UINT64_MAX;
		if (!b->has_kept)
			look = ~bits->mark[w];
		if (left < 64)
			look &= (1ull << left) - 1;
		for (; look; look &= look - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(look);
			struct object *o = block_object(h, block, w * 64 + bit);
			if (o->type_id && bits->mark[w] >> bit & 1)
				continue;
			o->type_id = 0;
			poison(h, o, b->size);
			*tail = (uint64_t)o;
			tail = &o->words[0];
			count++;
		}
		bits->mark[w] = 0;
	}
	*tail = 0;
	b->live = 0;
	b->has_kept = false;
	b->free_count = count;
	return count;
}

static bool carve(struct heap *h, uint32_t class)
{
	uint32_t at = take_blocks(h, 1);
	if (!at)
		return false;
	struct block *b = &h->blocks[at];
	*b = (struct block){
		.size = class_bytes(class),
		.reciprocal = (uint32_t)((1ull << 32) / class_bytes(class) + 1),
		.state = BLOCK_OBJECTS,
		.class = (uint8_t) class,
	};
	heap_sweep_block(h, at); /* nothing is marked */
	b->next = h->available[class];
	h->available[class] = at;
	return true;
}

/* A list of free objects for compiled code; of one object if each is to come here. */
static void hand_out(struct heap *h, uint32_t block)
{
	struct block *b = &h->blocks[block];
	uint32_t count = b->free_count;
	if (heap_is_marking(h))
		collector_keep_free(h, block);
	h->cells.free[b->class] = (struct object *)b->free;
	b->free = 0;
	b->free_count = 0;
	if (h->store->stress && count > 1) {
		b->free = h->cells.free[b->class]->words[0];
		h->cells.free[b->class]->words[0] = 0;
		b->free_count = count - 1;
		count = 1;
		b->next = h->available[b->class];
		h->available[b->class] = block;
	}
	h->allocated += (uint64_t)count * b->size;
}

static bool take_list(struct heap *h, uint32_t class)
{
	uint32_t at = h->available[class];
	if (at)
		h->available[class] = h->blocks[at].next;
	while (!at && h->unswept[class]) {
		uint32_t next = h->unswept[class];
		h->unswept[class] = h->blocks[next].next;
		if (heap_sweep_block(h, next))
			at = next;
	}
	if (at)
		hand_out(h, at);
	return at;
}

/* --- allocating --- */

/*
 * There is no more memory: a collection, whatever it costs, and after one that had begun already
 * another one. False: nothing is left to do.
 */
static bool free_memory(struct heap *h, uint32_t *tries)
{
	h->is_full = true;
	if (++*tries > 2)
		return false;
	if (heap_is_marking(h)) {
		collector_finish(h);
	} else {
		collector_run(h);
		*tries = 2;
	}
	return true;
}

static bool refill(struct heap *h, uint32_t class, bool may_collect)
{
	uint32_t tries = 0;
	if (may_collect)
		collector_step(h);
	while (!take_list(h, class) && (!carve(h, class) || !take_list(h, class)))
		if (!may_collect || !free_memory(h, &tries))
			return false;
	return true;
}

static struct object *new_large(struct heap *h, uint64_t bytes, bool may_collect)
{
	if (bytes > WASM_HEAP_BYTES - BLOCK_BYTES)
		return NULL;
	uint32_t n = (uint32_t)((bytes + BLOCK_BYTES - 1) >> BLOCK_SHIFT), at, tries = 0;
	h->allocated += (uint64_t)n << BLOCK_SHIFT;
	if (may_collect)
		collector_step(h);
	while (!(at = take_blocks(h, n)))
		if (!may_collect || !free_memory(h, &tries))
			return NULL;
	struct block *b = &h->blocks[at];
	*b = (struct block){
		.size = n,
		.reciprocal = (1u << BLOCK_SHIFT) + 1, /* of any offset in the block: 0 */
		.state = BLOCK_LARGE,
	};
	for (uint32_t i = 1; i < n; i++)
		b[i].state = BLOCK_INSIDE;
	if (heap_is_marking(h)) {
		h->bits[at].mark[0] = 1;
		b->live = 1;
	}
	return memset(block_address(h, at), 0, bytes);
}

static struct object *allocate(struct heap *h, uint64_t bytes, bool may_collect)
{
	uint32_t class = heap_class(bytes);
	if (class == HEAP_CLASSES)
		return new_large(h, bytes, may_collect);
	if (!h->cells.free[class] && !refill(h, class, may_collect))
		return NULL;
	struct object *o = h->cells.free[class];
	h->cells.free[class] = (struct object *)o->words[0];
	return memset(o, 0, (bytes + 7) & ~7ull);
}

struct object *heap_new(struct heap *h, uint64_t bytes)
{
	return allocate(h, bytes, true);
}

struct object *heap_new_quietly(struct heap *h, uint64_t bytes)
{
	return allocate(h, bytes, false);
}

void heap_refill(struct wasm_instance *i, struct object **list)
{
	struct heap *h = (struct heap *)i->heap;
	uint32_t class = (uint32_t)(list - h->cells.free);
	bool filled;
	if (class == HEAP_CLASSES)
		filled = (*list = new_large(h, h->cells.large_bytes, true));
	else
		filled = refill(h, class, true);
	if (!filled)
		trap_raise(i, WASM_TRAP_HEAP_MEMORY);
}

/* --- the whole --- */

struct heap *heap_of(struct wasm_store *s)
{
	const uint64_t head = platform_page_up(sizeof(struct heap)),
		       blocks = HEAP_BLOCKS * sizeof(struct block),
		       bits = HEAP_BLOCKS * sizeof(struct block_bits),
		       all = head + blocks + bits + WASM_HEAP_BYTES + BLOCK_BYTES;
	if (s->heap)
		return s->heap;
	uint8_t *space = platform_reserve(all);
	if (!space)
		return NULL;
	if (!platform_commit(space, head)) {
		platform_free(space, all);
		return NULL;
	}
	struct heap *h = (struct heap *)(void *)space;
	uint64_t base = (uint64_t)space + head + blocks + bits;
	*h = (struct heap){
		.cells = {.refill = wasm_refill_glue,
			  .barrier = wasm_barrier_glue,
			  .types = types_by_id(),
			  .base = (base + BLOCK_BYTES - 1) & ~(uint64_t)(BLOCK_BYTES - 1)},
		.store = s,
		.space_bytes = all,
		.blocks = (struct block *)(void *)(space + head),
		.bits = (struct block_bits *)(void *)(space + head + blocks),
		.used = 1,
		.rover = 1,
	};
	collector_set_pace(h, 0);
	s->heap = h;
	return h;
}

void heap_close(struct wasm_store *s)
{
	if (s->heap)
		platform_free(s->heap, s->heap->space_bytes);
	s->heap = NULL;
}
