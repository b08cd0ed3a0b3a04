/* SPDX-License-Identifier: Apache-2.0 */
/* Backing reserved memory. The guest chooses the order of its accesses; see commit.h. */
#include "vm/memory/commit.h"

#include "vm/memory/pagemap.h"
#include "vm/memory/private.h"

/* --- backing --- */

#define WINDOW_MIN SMALL
#define WINDOW_MAX (64UL << 20)

static bool is_backed(const struct memory *m, uint64_t va)
{
	const struct memory_step s = memory_step_at(m, va, va + SMALL);
	return s.entry && page_entry_is_present(*s.entry);
}

/*
 * How much is backed at once: more, if what lies that far before it is backed, too. Never most of
 * what is left; and the least for a guest that is to end, which may have a host call do this a
 * thousand times.
 */
static uint64_t window_at(struct memory *m, uint64_t va)
{
	uint64_t window = WINDOW_MIN, most = memory_left(m) / 4 & ~(SMALL - 1);
	if (memory_ends_now(m))
		return SMALL;
	while (window < WINDOW_MAX && va > window && is_backed(m, va - window))
		window *= 4;
	if (window > most)
		window = most;
	if (window < SMALL)
		return SMALL;
	return window;
}

/*
 * Backs a page at va, which is reserved: a large one if all of it is in [va, end). How large, or
 * -ENOMEM.
 */
static int64_t commit_one(struct memory *m, uint64_t va, uint64_t end)
{
	for (;;) {
		uint64_t page, *entry;
		const struct memory_step s = memory_step_at(m, va, end);
		if (!s.entry || !page_entry_is_reserved(*s.entry))
			return 0;
		entry = s.entry;
		const unsigned access = page_entry_access(*entry);
		if (s.level == 2 && s.bytes == LARGE && memory_left(m) >= LARGE &&
		    memory_take_large(m, &page) == 0) {
			memory_set_entry(m, entry, page_entry(page, access, PAGE_LARGE));
			return LARGE;
		}
		if (s.level == 1) {
			int rc = -ENOMEM;
			if (memory_left(m) >= SMALL)
				rc = memory_take_small(m, &page);
			if (rc < 0)
				return rc;
			memory_set_entry(m, entry, page_entry(page, access, 0));
			return SMALL;
		}
		int rc = memory_split(m, entry);
		if (rc < 0)
			return rc;
	}
}

/* What an access needs is there: all of it but what only lacks memory. */
static bool allows(uint64_t entry, unsigned access)
{
	return page_entry_is_reserved(entry) && (page_entry_access(entry) & access) == access;
}

int memory_commit(struct memory *m, gva_t at, unsigned access)
{
	uint64_t va = at.v & ~(SMALL - 1);
	if (va >= MOTE_VA_END)
		return -ENOENT;
	const struct memory_step s = memory_step_at(m, va, va + SMALL);
	if (!s.entry || !allows(*s.entry, access))
		return -ENOENT;
	if (m->no_commits)
		return -EAGAIN;
	const uint64_t window = window_at(m, va);
	uint64_t end = va + window, unit = SMALL;
	if (window >= LARGE)
		unit = LARGE;
	end = (end + unit - 1) & ~(unit - 1);
	if (end > MOTE_VA_END)
		end = MOTE_VA_END;
	m->changed = true;
	int64_t done = commit_one(m, va, end);
	if (done < 0)
		return (int)done;
	while (done > 0 && va + (uint64_t)done < end) {
		va += (uint64_t)done;
		done = commit_one(m, va, end);
	}
	return 0;
}

/* --- taking back --- */

struct reclaim {
	struct memory *m;
	struct memory_batch batch;
	uint64_t freed;
	uint64_t block; /* of 2 MiB, that `untouched` is of; 0: none */
	bool untouched[ENTRIES];
	unsigned count; /* of those */
	bool ending;    /* the guest is to end */
	unsigned steps;
};

/* A table costs memory, too: it has to be worth it. */
enum { WORTH_A_TABLE = 64 };

/* It takes long next to a step, and the guest says how often: so each of them is asked before. */
static bool read_block(struct reclaim *r, uint64_t block)
{
	const struct memory *m = r->m;
	if (r->block == block)
		return true;
	r->block = 0;
	r->count = 0;
	r->ending = memory_ends_now(m);
	if (r->ending || !pagemap_untouched(m, block, r->untouched, ENTRIES))
		return false;
	for (unsigned k = 0; k < ENTRIES; k++)
		r->count += r->untouched[k];
	r->block = block;
	return true;
}

/* Of a page that can be given back if nobody has used it. */
static bool is_own(const struct memory *m, uint64_t entry)
{
	return page_entry_is_present(entry) && !(page_entry_kind(entry) & PAGE_FIXED) &&
	       page_entry_address(entry) >= m->backed_end;
}

/* False: it has been split, and is to be looked at again. */
static bool reclaim_one(struct reclaim *r, const struct memory_step *s)
{
	struct memory *m = r->m;
	if (!s->entry || !is_own(m, *s->entry))
		return true;
	const uint64_t page = page_entry_address(*s->entry), block = page & ~(LARGE - 1);
	const uint64_t size = memory_level_bytes(s->level);
	if (!read_block(r, block))
		return true;
	bool unused = r->count == ENTRIES;
	if (size == SMALL)
		unused = r->untouched[(page - block) / SMALL];
	if (!unused)
		return size == SMALL || r->count < WORTH_A_TABLE || memory_split(m, s->entry) < 0;
	const unsigned access = page_entry_access(*s->entry);
	memory_set_entry(m, s->entry, page_entry(0, access, PAGE_RESERVED));
	memory_batch_add(&r->batch, page, size, true);
	memory_give(m, page, size);
	r->freed += size;
	return true;
}

static int reclaim_range(struct reclaim *r, uint64_t va, uint64_t end)
{
	while (va < end) {
		if (memory_is_ending(r->m, &r->steps))
			return -EINTR;
		const struct memory_step s = memory_step_at(r->m, va, end);
		if (reclaim_one(r, &s))
			va += s.bytes;
		if (r->ending)
			return -EINTR;
	}
	return 0;
}

int64_t memory_reclaim(struct memory *m)
{
	struct reclaim r = {.m = m, .batch = {.m = m}};
	if (!pagemap_is_open())
		return 0;
	m->changed = true;
	int rc = reclaim_range(&r, SMALL, MOTE_KERNEL);
	if (rc == 0)
		rc = reclaim_range(&r, MOTE_KERNEL_END, MOTE_VA_END);
	memory_batch_end(&r.batch);
	if (rc < 0)
		return rc;
	return (int64_t)r.freed;
}
