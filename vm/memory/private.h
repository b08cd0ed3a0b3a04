/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of memory/ share besides page tables (arch). */
#ifndef MOTE_VM_MEMORY_PRIVATE_H
#define MOTE_VM_MEMORY_PRIVATE_H

#include "vm/memory/page_table.h"

/* --- frames.c --- */

/* What the guest may still have. */
static inline uint64_t memory_left(const struct memory *m)
{
	if (m->used_bytes > m->max_bytes)
		return 0;
	return m->max_bytes - m->used_bytes;
}

/* A page of 4 KiB, one of 2 MiB, a table. 0 or -ENOMEM, or what KVM said. */
int memory_take_small(struct memory *m, uint64_t *page) must_check;
int memory_take_large(struct memory *m, uint64_t *page) must_check;
int memory_take_table(struct memory *m, uint64_t *page) must_check;
/* A page of one of both sizes is free again; it reads as zero. */
void memory_give(struct memory *m, uint64_t page, uint64_t bytes);
/*
 * What was freed in rising order since free_small.len was `from` is used again in rising order, so
 * that ranges stay contiguous for the host: a transfer then takes one vector, not one a page.
 */
void memory_freed_in_order(struct memory *m, uint32_t from);
/*
 * Host mappings are counted in a process (vm.max_map_count), and other sandboxes need some too:
 * each part of this memory that becomes a mapping of its own is counted, and there is a limit.
 */
bool memory_may_split(struct memory *m) must_check;
/* Gives KVM guest-physical memory, or takes it away (0 bytes), by a slot's number. 0 or -errno. */
int memory_set_slot(const struct memory *m, uint32_t number, uint64_t gpa, uint64_t bytes,
		    const uint8_t *host) must_check;
/*
 * Takes all memory from KVM and gives it back, which drops whatever translates to it, needs no host
 * mapping, and takes by the size of the memory, not by how much of it is in use. Not the slots of
 * shared files. False if KVM refused, or the guest is to end: it must not run again then.
 */
bool memory_renew_slots(const struct memory *m) must_check;
/* Zeroed memory of this process alone in place of what is at [from, end). 0 or -errno. */
int memory_map_anonymous(const struct memory *m, uint64_t from, uint64_t end) must_check;
/* --- page_table.c --- */

/* One step of a walk over a range: the entry that covers `at`, and how far the step goes. */
struct memory_step {
	uint64_t *entry; /* NULL: nothing is mapped for `bytes` */
	int level;
	uint64_t bytes;
};
/* `end`: of the range. */
struct memory_step memory_step_at(const struct memory *m, uint64_t at, uint64_t end) must_check;

/* --- invalidate.c --- */

/*
 * Takes host memory away from KVM and gives it back with its contents: whatever translates to it,
 * on shadow page tables or nested ones, is dropped and looked up again. If the process may have no
 * more mappings, that is done by the memory's slots (memory_renew_slots).
 */
void memory_invalidate(struct memory *m, uint64_t gpa, uint64_t bytes);
/* Pages that change together: one invalidation, or one discard, for each contiguous run. */
struct memory_batch {
	struct memory *m;
	bool discard; /* of the run: its contents are dropped, too, and it reads as zero */
	uint64_t gpa, bytes;
	unsigned invalidations;
};
void memory_batch_add(struct memory_batch *b, uint64_t gpa, uint64_t bytes, bool discard);
void memory_batch_end(struct memory_batch *b); /* after the last one */

/* --- mapping.c --- */

/*
 * Maps guest-physical pages that are there at `at`, never to be freed by an unmap. 0, -EINVAL,
 * -EEXIST, -ENOMEM. -EINTR: the guest is to end, and some are mapped.
 */
int memory_map_pages(struct memory *m, gva_t at, uint64_t gpa, uint64_t bytes,
		     unsigned access) must_check;
/*
 * Turns the entry of a large page, or of reserved memory at any level but the lowest, into a table
 * of the level below that maps the same. 0 or -ENOMEM.
 */
int memory_split(struct memory *m, uint64_t *entry) must_check;
/* Maps a range, with or without access, of which each page gets memory when it is used first. */
int memory_reserve(struct memory *m, gva_t at, uint64_t bytes, unsigned access) must_check;
/* Whether the guest is to end; asked before what no signal ends and takes milliseconds. */
static inline bool memory_ends_now(const struct memory *m)
{
	return m->ending && m->ending(m->ending_arg);
}
/* The same, asked at one of many steps: how long a change takes is the guest's choice. */
static inline bool memory_is_ending(const struct memory *m, unsigned *steps)
{
	enum { STEPS = 1024 };
	return ++*steps % STEPS == 0 && memory_ends_now(m);
}
/* Of what is given to mprotect(2) or madvise(2) at once, which take long for many small pages. */
#define MEMORY_STEP_BYTES (128UL << 20)
static inline uint64_t memory_step_bytes(uint64_t left)
{
	if (left > MEMORY_STEP_BYTES)
		return MEMORY_STEP_BYTES;
	return left;
}
/* Marks the pages of a range that are present as lost; how many there were, or -errno. */
int64_t memory_lose(struct memory *m, gva_t at, uint64_t bytes) must_check;

/* --- image_reset.c --- */

/*
 * Whether another guest can have this memory: tables and kernel pages are as the host has made
 * them, and no guest at CPL 0 has written where the next tables will be. 0, or -EAGAIN.
 */
int memory_check_intact(struct memory *m) must_check;
/* The system block in memory of this memory's own: what lies in a snapshot's file keeps that file.
 */
int memory_unshare_block(struct memory *m) must_check;

#endif
