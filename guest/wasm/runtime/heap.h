/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap of a store: structures, arrays and exceptions. heap.c has its memory, allocation and
 * sweeping, collector.c finds what is alive. DESIGN.md ("Heap") explains both.
 */
#ifndef MOTE_GUEST_WASM_RUNTIME_HEAP_H
#define MOTE_GUEST_WASM_RUNTIME_HEAP_H

#include "guest/wasm/runtime/runtime.h"

enum {
	BLOCK_SHIFT = 16,
	BLOCK_BYTES = 1 << BLOCK_SHIFT,
	BLOCK_WORDS = BLOCK_BYTES / HEAP_OBJECT_MIN / 64, /* of bits, one for each object */
	BLOCK_NONE = 0 /* the first is never used, so 0 ends lists of blocks */
};

enum block_state {
	BLOCK_AWAY, /* it has no memory */
	BLOCK_FREE,
	BLOCK_OBJECTS, /* of one size */
	BLOCK_LARGE,   /* the first one of an object's blocks */
	BLOCK_INSIDE,  /* the others */
};

struct block {
	uint32_t next; /* in the list of its class: unswept or with free objects */
	uint32_t next_grey;
	uint32_t live; /* marked objects */
	uint32_t size; /* of its objects; of a large one its number of blocks */
	uint32_t reciprocal;
	uint32_t free_count;
	uint8_t state;
	uint8_t class;
	bool is_queued;      /* in the list of those with grey objects */
	bool has_kept;       /* free objects among the marked ones */
	uint64_t grey_words; /* which words of `grey` are not 0 */
	uint64_t free;       /* objects that nobody has taken yet: a list, 0 ends it */
	uint64_t unused[2];
};

struct block_bits {
	uint64_t mark[BLOCK_WORDS];
	uint64_t grey[BLOCK_WORDS]; /* marked, and what it refers to is not looked at yet */
};

enum heap_phase {
	HEAP_IDLE,
	HEAP_SWEEPING, /* what the last collection has left, before the next one begins */
	HEAP_MARKING,
};

struct heap {
	struct heap_cells cells; /* what compiled code reads */
	struct wasm_store *store;
	uint64_t space_bytes;
	struct block *blocks;
	struct block_bits *bits;
	uint32_t used;      /* blocks up to the last that was ever used, the first included */
	uint32_t described; /* those that have memory for struct block and struct block_bits */
	uint32_t committed, free_blocks;
	uint32_t rover; /* where the search for free blocks goes on */
	bool is_full;   /* there was no more memory, and nothing has been given back since */
	enum heap_phase phase;
	uint32_t unswept[HEAP_CLASSES];         /* lists of blocks */
	uint32_t available[HEAP_CLASSES];       /* swept, with free objects */
	uint64_t allocated, threshold, stepped; /* bytes since the last collection and step */
	uint32_t pace; /* bytes that are marked for a byte that is allocated */
	/* Marking. */
	uint32_t grey;          /* list of blocks with grey objects */
	struct object *scanned; /* an array that is looked at in several steps, or NULL */
	uint64_t scanned_at;    /* its next element */
	uint64_t collections;
};

/* heap.c */
struct heap *heap_of(struct wasm_store *s); /* made when first asked for; NULL: out of memory */
void heap_close(struct wasm_store *s);
/*
 * Of so many bytes, all of them zero but the header's, which the caller sets at once. It may
 * collect. NULL: out of memory.
 */
struct object *heap_new(struct heap *h, uint64_t bytes);
/* The same without a collection: what the caller holds need not be found. */
struct object *heap_new_quietly(struct heap *h, uint64_t bytes);
uint32_t heap_sweep_block(struct heap *h, uint32_t block); /* how many objects are free */

void heap_release(struct heap *h, uint32_t block, uint32_t n);
/* Blocks that are free, but for so many, to the platform. */
void heap_give_back(struct heap *h, uint32_t keep);
/* What compiled code calls when it finds a class's list empty. It traps if there is no memory. */
void heap_refill(struct wasm_instance *i, struct object **list);

/* collector.c */
/* When the next collection begins, and how fast it goes, with so many bytes alive. */
void collector_set_pace(struct heap *h, uint64_t live);
/* Work that is due for what has been allocated since the last time. */
void collector_step(struct heap *h);
/* A collection from beginning to end, and what is left of one that goes on. */
void collector_run(struct heap *h);
void collector_finish(struct heap *h);
/* Objects that are free, but may be taken while marking goes on, are alive. */
void collector_keep_free(struct heap *h, uint32_t block);
/* While marking goes on: a reference that is about to be overwritten. */
void heap_barrier(struct heap *h, uint64_t ref);

static inline uint64_t least(uint64_t a, uint64_t b)
{
	if (a < b)
		return a;
	return b;
}

static inline uint64_t most(uint64_t a, uint64_t b)
{
	if (a > b)
		return a;
	return b;
}

static inline bool heap_is_marking(const struct heap *h)
{
	return h->cells.marking;
}

/* Which object of its block this one is. */
static inline uint32_t block_index(const struct block *b, uint64_t offset)
{
	return (uint32_t)(offset * b->reciprocal >> 32);
}

static inline uint32_t block_objects(const struct block *b)
{
	return BLOCK_BYTES / b->size;
}

static inline struct object *block_object(const struct heap *h, uint32_t block, uint32_t index)
{
	uint64_t at = ((uint64_t)block << BLOCK_SHIFT) + (uint64_t)h->blocks[block].size * index;
	return (struct object *)(void *)((uint8_t *)h->cells.base + at);
}

#endif
