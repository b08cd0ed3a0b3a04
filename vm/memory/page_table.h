/* SPDX-License-Identifier: Apache-2.0 */
/* Page tables: what the files of memory share. */
#ifndef MOTE_VM_MEMORY_PAGE_TABLE_H
#define MOTE_VM_MEMORY_PAGE_TABLE_H

#include "vm/arch/page_entry.h"
#include "vm/memory/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
/* Linux 5.14; older ones refuse it, and nothing is lost but time */
#define MADV_POPULATE_WRITE 23
#endif

#define SMALL   4096UL
#define LARGE   (2UL << 20)
#define ENTRIES 512

/* The host's own table; `gpa` is where the guest's copy is. */
static inline uint64_t *memory_table(const struct memory *m, uint64_t gpa)
{
	uint64_t at = gpa < MEMORY_SYSTEM_BYTES ? gpa : gpa - m->end + MEMORY_SYSTEM_BYTES;
	return (uint64_t *)(void *)(m->mirror + at);
}

/* The guest's copy of an entry of the host's own table. */
static inline uint64_t *memory_guest_entry(const struct memory *m, const uint64_t *entry)
{
	uint64_t at = (uint64_t)((const uint8_t *)entry - m->mirror);
	uint64_t gpa = at < MEMORY_SYSTEM_BYTES ? at : at - MEMORY_SYSTEM_BYTES + m->end;
	return (uint64_t *)(void *)(m->hva + gpa);
}

/* Changes an entry of the host's own table, and the guest's copy. */
static inline void memory_set_entry(struct memory *m, uint64_t *entry, uint64_t value)
{
	*entry = value;
	__atomic_store_n(memory_guest_entry(m, entry), value, __ATOMIC_RELAXED);
}

static inline unsigned memory_index(uint64_t va, int level) /* level 4: top, 1: pages of 4 KiB */
{
	return (unsigned)(va >> (12 + 9 * (level - 1))) & (ENTRIES - 1);
}

static inline uint64_t memory_level_bytes(int level)
{
	return SMALL << (9 * (level - 1));
}

/* Makes an array of page numbers twice as large. 0; -ENOMEM, and it is as before. */
must_check static inline int memory_grow_frames(uint32_t **frames, uint32_t *capacity)
{
	uint32_t more = *capacity * 2;
	if (more == 0)
		more = 64;
	uint32_t *grown = reallocarray(*frames, more, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*frames = grown;
	*capacity = more;
	return 0;
}

/*
 * The host's entry for va and its level, at most `stop` (1, 2 for a large page) or above it: large
 * pages and reserved memory. NULL if there is none; *level is that at which the tables end.
 */
uint64_t *memory_find_entry(const struct memory *m, uint64_t va, int stop, int *level) must_check;
/* The same, with tables made on the way. 0 or -ENOMEM. */
int memory_make_entry(struct memory *m, uint64_t va, int stop, uint64_t **entry,
		      int *level) must_check;
/* All guest mappings away, the kernel window's aside; all tables stay at their places. */
void memory_clear_tables(struct memory *m);
/* Of 4 KiB. */
bool memory_page_is_zero(const uint8_t *page);
/* Gives KVM memory up to `end`. 0 or -errno. */
int memory_extend(struct memory *m, uint64_t end) must_check;
/* memory/file_copy.c: reads bytes of a file into guest-physical memory. 0 or -errno. */
int memory_copy(const struct memory *m, uint64_t gpa, uint64_t bytes, int fd,
		uint64_t from) must_check;
/* The same into memory that is zero, without the file's holes; moves the file's position. */
int memory_copy_sparse(const struct memory *m, uint64_t gpa, uint64_t bytes, int fd,
		       uint64_t from) must_check;

#endif
