/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector: finds which objects are alive. It marks what was alive when it began: from the
 * stack, whose words are taken for references if they are addresses of objects (it is not known
 * what else they could be), and from what has types: tables, globals and segments. It goes on in
 * steps, as the program allocates. What compiled code overwrites meanwhile it marks first, what it
 * allocates is marked from the beginning. Objects that are marked and have not been looked at are
 * grey: a bit for each and a list of the blocks that have some, so marking neither recurses nor
 * needs memory.
 */
#include "guest/wasm/runtime/heap.h"

enum {
	FIRST_THRESHOLD = 4 << 20,
	PACE_MIN = 4,
	PACE_MAX = 64,
	STEP_MIN = 16 << 10, /* bytes */
	STEP_MAX = 2 << 20,
	SWEEP_STEP = 16, /* blocks */
	STRESS_STEP = 64
};

/* --- marking --- */

static void mark_object(struct heap *h, uint32_t block, uint32_t index)
{
	struct block *b = &h->blocks[block];
	struct block_bits *bits = &h->bits[block];
	uint32_t word = index / 64;
	uint64_t bit = 1ull << index % 64;
	if (bits->mark[word] & bit)
		return;
	bits->mark[word] |= bit;
	bits->grey[word] |= bit;
	b->live++;
	b->grey_words |= 1ull << word;
	if (!b->is_queued) {
		b->is_queued = true;
		b->next_grey = h->grey;
		h->grey = block;
	}
}

/* A reference: to an object, or none of the heap's. */
static void mark(struct heap *h, uint64_t ref)
{
	uint64_t at = ref - h->cells.base;
	if (at >= (uint64_t)h->used << BLOCK_SHIFT)
		return;
	uint32_t block = (uint32_t)(at >> BLOCK_SHIFT);
	mark_object(h, block, block_index(&h->blocks[block], at % BLOCK_BYTES));
}

/* Any word: whether it is the address of an object is what is asked. */
static void mark_word(struct heap *h, uint64_t word)
{
	uint64_t at = word - h->cells.base;
	if (at >= (uint64_t)h->used << BLOCK_SHIFT)
		return;
	uint32_t block = (uint32_t)(at >> BLOCK_SHIFT);
	const struct block *b = &h->blocks[block];
	if (b->state != BLOCK_OBJECTS && b->state != BLOCK_LARGE)
		return;
	uint32_t index = block_index(b, at % BLOCK_BYTES);
	const struct object *o = block_object(h, block, index);
	if (b->state == BLOCK_OBJECTS && index >= block_objects(b))
		return;
	if ((uint64_t)o == word && o->type_id)
		mark_object(h, block, index);
}

/* Not by AddressSanitizer's rules: it reads frames of functions that are still running. */
static __attribute__((no_sanitize_address)) void mark_words(struct heap *h, const uint64_t *words,
							    uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		mark_word(h, words[i]);
}

void heap_barrier(struct heap *h, uint64_t ref)
{
	mark(h, ref);
}

static void mark_far_refs(struct heap *h, const struct object *o, const struct deftype *t)
{
	const uint8_t *base = (const uint8_t *)o;
	uint64_t ref;
	for (uint32_t i = 0; i < t->field_count; i++)
		if (type_is_collected(t->fields[i].type)) {
			memcpy(&ref, base + t->fields[i].offset, sizeof(ref));
			mark(h, ref);
		}
	for (uint32_t i = 0, at = 1; t->form == TYPE_FORM_FUNC && i < t->func.param_count; i++) {
		if (type_is_collected(t->func.params[i]))
			mark(h, o->words[at]);
		at += 1u + (t->func.params[i] == WASM_V128);
	}
}

/* What an object refers to; an array is only begun. Returns the bytes that were looked at. */
static uint64_t look_at(struct heap *h, struct object *o)
{
	const struct deftype *t = type_of_id(o->type_id);
	if (t->form == TYPE_FORM_ARRAY) {
		if (t->ref_map) {
			h->scanned = o;
			h->scanned_at = 0;
		}
		return HEAP_OBJECT_MIN;
	}
	for (uint64_t map = t->ref_map; map; map &= map - 1)
		mark(h, o->words[__builtin_ctzll(map)]);
	if (t->has_far_refs)
		mark_far_refs(h, o, t);
	return t->object_bytes;
}

static uint64_t look_at_elements(struct heap *h, uint64_t budget)
{
	const struct object *o = h->scanned;
	uint64_t n = o->length - h->scanned_at, some = budget / sizeof(uint64_t) + 1;
	n = least(n, some);
	for (uint64_t i = 0; i < n; i++)
		mark(h, o->words[h->scanned_at + i]);
	h->scanned_at += n;
	if (h->scanned_at == o->length)
		h->scanned = NULL;
	return n * sizeof(uint64_t);
}

/* One grey object of a block is not grey any more. */
static struct object *take_grey(struct heap *h, uint32_t block)
{
	struct block *b = &h->blocks[block];
	uint32_t word = (uint32_t)__builtin_ctzll(b->grey_words);
	uint64_t *grey = &h->bits[block].grey[word];
	uint32_t bit = (uint32_t)__builtin_ctzll(*grey);
	*grey &= *grey - 1;
	if (!*grey)
		b->grey_words &= b->grey_words - 1;
	return block_object(h, block, word * 64 + bit);
}

/* Marks for so many bytes; true: nothing is grey any more. */
static bool mark_some(struct heap *h, uint64_t budget)
{
	for (uint64_t done = 0; done < budget;) {
		struct block *b = &h->blocks[h->grey];
		if (h->scanned) {
			done += look_at_elements(h, budget - done);
		} else if (!h->grey) {
			return true;
		} else if (b->grey_words) {
			done += look_at(h, take_grey(h, h->grey));
		} else {
			b->is_queued = false;
			h->grey = b->next_grey;
		}
	}
	return false;
}

/* --- roots --- */

static void mark_table(struct heap *h, const struct wasm_table *t)
{
	if (type_is_collected(t->type))
		for (uint64_t i = 0; i < t->size; i++)
			mark(h, (uint64_t)t->elems[i]);
}

static void mark_instance(struct heap *h, struct wasm_instance *i)
{
	const struct wasm_module *m = i->module;
	for (uint32_t n = m->imported_globals; n < m->global_count; n++)
		if (type_is_collected(m->globals[n].type))
			mark(h, instance_global(i, n)->value.i64);
	for (uint32_t n = 0; n < instance_own_tables(i); n++)
		mark_table(h, instance_own_table(i, n));
	for (uint32_t n = 0; n < m->elem_count; n++)
		for (uint32_t k = 0; type_is_collected(m->elems[n].type) && k < i->elems[n].count;
		     k++)
			mark(h, (uint64_t)i->elems[n].values[k]);
}

/*
 * From this frame on, which is not its caller's: the registers that the caller has saved for its
 * own use lie below the address of its frame.
 */
static __attribute__((noinline)) void mark_stack(struct heap *h)
{
	const struct wasm_store *s = h->store;
	const uint64_t *stack = __builtin_frame_address(0);
	if (s->armed)
		mark_words(h, stack, (s->base_sp - (uint64_t)stack) / sizeof(uint64_t));
}

/* What runs has its references on the stack and in registers, which the jump's buffer has. */
static __attribute__((noinline)) void mark_roots(struct heap *h)
{
	const struct wasm_store *s = h->store;
	struct wasm_jump registers;
	(void)wasm_jump_set(&registers);
	mark_words(h, registers.saved, JUMP_WORDS);
	mark_stack(h);
	for (struct wasm_instance *i = s->instances; i; i = i->next)
		mark_instance(h, i);
	for (const struct wasm_table *t = s->tables; t; t = t->next)
		mark_table(h, t);
	for (const struct wasm_global *g = s->globals; g; g = g->next)
		if (type_is_collected(g->type))
			mark(h, g->value.i64);
}

/* --- a collection --- */

static void keep_list(struct heap *h, const struct object *o)
{
	for (; o; o = (const struct object *)o->words[0]) {
		uint64_t at = (uint64_t)o - h->cells.base;
		uint32_t block = (uint32_t)(at >> BLOCK_SHIFT);
		struct block *b = &h->blocks[block];
		uint32_t index = block_index(b, at % BLOCK_BYTES);
		h->bits[block].mark[index / 64] |= 1ull << index % 64;
		b->live++;
		b->has_kept = true;
	}
}

void collector_keep_free(struct heap *h, uint32_t block)
{
	keep_list(h, (const struct object *)h->blocks[block].free);
}

static void begin_marking(struct heap *h)
{
	h->phase = HEAP_MARKING;
	h->cells.marking = 1;
	h->grey = BLOCK_NONE;
	h->scanned = NULL;
	for (uint32_t class = 0; class < HEAP_CLASSES; class ++)
		keep_list(h, h->cells.free[class]);
	mark_roots(h);
}

/* A block whose list is in compiled code's hands, or that others may take objects of. */
static void end_block(struct heap *h, uint32_t at, uint64_t *live)
{
	struct block *b = &h->blocks[at];
	b->free = 0;
	if (!b->live) {
		heap_release(h, at, 1);
		return;
	}
	*live += (uint64_t)b->live * b->size;
	b->next = h->unswept[b->class];
	h->unswept[b->class] = at;
}

static void end_large(struct heap *h, uint32_t at, uint64_t *live)
{
	struct block *b = &h->blocks[at];
	if (b->live)
		*live += (uint64_t)b->size << BLOCK_SHIFT;
	else
		heap_release(h, at, b->size);
	h->bits[at].mark[0] = 0;
	b->live = 0;
}

void collector_set_pace(struct heap *h, uint64_t live)
{
	uint64_t bytes = most(live, FIRST_THRESHOLD), pace = PACE_MIN;
	uint64_t all = (uint64_t)h->committed << BLOCK_SHIFT, left = all - least(all, live);
	if (h->is_full && bytes > left / 2) {
		bytes = left / 2; /* and the rest while marking goes on */
		pace = least(2 * live / most(bytes, 1), PACE_MAX);
	}
	h->threshold = bytes;
	h->pace = (uint32_t)most(pace, PACE_MIN);
}

static void end_marking(struct heap *h)
{
	uint64_t live = 0;
	h->phase = HEAP_IDLE;
	h->cells.marking = 0;
	for (uint32_t class = 0; class < HEAP_CLASSES; class ++) {
		h->cells.free[class] = NULL;
		h->available[class] = h->unswept[class] = BLOCK_NONE;
	}
	for (uint32_t at = h->used - 1; at > 0; at--) {
		if (h->blocks[at].state == BLOCK_OBJECTS)
			end_block(h, at, &live);
		else if (h->blocks[at].state == BLOCK_LARGE)
			end_large(h, at, &live);
	}
	h->allocated = h->stepped = 0;
	h->collections++;
	heap_give_back(h, (uint32_t)((live + FIRST_THRESHOLD) >> BLOCK_SHIFT));
	collector_set_pace(h, live);
}

/* Some of the blocks that nobody has asked for; true: there are none any more. */
static bool sweep_some(struct heap *h, uint32_t blocks)
{
	for (uint32_t class = 0; class < HEAP_CLASSES; class ++)
		while (h->unswept[class]) {
			if (blocks-- == 0)
				return false;
			uint32_t at = h->unswept[class];
			struct block *b = &h->blocks[at];
			h->unswept[class] = b->next;
			uint32_t count = heap_sweep_block(h, at);
			if (count == block_objects(b)) {
				heap_release(h, at, 1);
			} else if (count) {
				b->next = h->available[class];
				h->available[class] = at;
			}
		}
	return true;
}

void collector_finish(struct heap *h)
{
	while (!mark_some(h, UINT64_MAX))
		;
	end_marking(h);
}

void collector_run(struct heap *h)
{
	(void)sweep_some(h, UINT32_MAX);
	begin_marking(h);
	collector_finish(h);
}

/* A test's: all that can go wrong at an allocation does. */
static void stress(struct heap *h)
{
	if (h->store->stress == WASM_STRESS_COLLECT) {
		collector_run(h);
	} else if (!heap_is_marking(h)) {
		(void)sweep_some(h, UINT32_MAX);
		begin_marking(h);
	} else if (mark_some(h, STRESS_STEP)) {
		end_marking(h);
	}
}

void collector_step(struct heap *h)
{
	uint64_t due = (h->allocated - h->stepped) * h->pace + STEP_MIN;
	h->stepped = h->allocated;
	if (h->store->stress) {
		stress(h);
		return;
	}
	switch (h->phase) {
	case HEAP_IDLE:
		if (h->allocated >= h->threshold)
			h->phase = HEAP_SWEEPING;
		return;
	case HEAP_SWEEPING:
		if (sweep_some(h, SWEEP_STEP))
			begin_marking(h);
		return;
	case HEAP_MARKING:
		if (mark_some(h, least(due, STEP_MAX)))
			end_marking(h);
		return;
	}
}
