/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest's addresses mean: mapping, unmapping, protection. Addresses and lengths come from
 * the guest: ranges are checked before use.
 */
#include "abi/layout.h"
#include "vm/memory/guest_copy.h"
#include "vm/memory/private.h"
#include "vm/memory/shared_file.h"

#include <assert.h>

int memory_split(struct memory *m, uint64_t *entry)
{
	uint64_t table;
	int rc = memory_take_table(m, &table);
	if (rc < 0)
		return rc;
	bool reserved = page_entry_is_reserved(*entry);
	uint64_t page = page_entry_address(*entry), step = SMALL;
	const bool lost = page_entry_is_lost(*entry);
	uint64_t whole = *entry;
	if (lost)
		whole = page_entry_find(whole);
	uint64_t first =
		page_entry(page, page_entry_access(whole), page_entry_kind(whole) & ~PAGE_LARGE);
	if (lost)
		first = page_entry_lose(first);
	if (reserved)
		step = 0;
	for (unsigned i = 0; i < ENTRIES; i++)
		memory_set_entry(m, memory_table(m, table) + i, first + i * step);
	memory_set_entry(m, entry, page_entry_table(table));
	if (!reserved)
		memory_invalidate(m, page, LARGE);
	return 0;
}

static bool range_ok(uint64_t at, uint64_t bytes)
{
	if ((at | bytes) & (SMALL - 1) || bytes == 0)
		return false;
	if (at < SMALL || at > MOTE_VA_END || bytes > MOTE_VA_END - at)
		return false;
	return at >= MOTE_KERNEL_END || at + bytes <= MOTE_KERNEL;
}

/*
 * Whether a range is as a call wants it, all of it mapped or nothing: 0, `rc` if it is not, -EINTR.
 */
static int expect(struct memory *m, uint64_t at, uint64_t end, bool mapped, int rc)
{
	unsigned steps = 0;
	while (at < end) {
		if (memory_is_ending(m, &steps))
			return -EINTR;
		const struct memory_step s = memory_step_at(m, at, end);
		if (!s.entry == mapped)
			return rc;
		at += s.bytes;
	}
	return 0;
}

/*
 * Calls one entry's change for each whole page in the range, large pages split where the range cuts
 * them.
 */
typedef void entry_change(struct memory *m, uint64_t *entry, uint64_t bytes, unsigned access,
			  struct memory_batch *batch);

static int change_range(struct memory *m, uint64_t at, uint64_t bytes, unsigned access,
			entry_change *change)
{
	struct memory_batch batch = {.m = m};
	unsigned steps = 0;
	m->changed = true;
	int rc = 0;
	for (uint64_t end = at + bytes; at < end;) {
		if (memory_is_ending(m, &steps)) {
			rc = -EINTR;
			break;
		}
		const struct memory_step s = memory_step_at(m, at, end);
		if (s.entry && s.bytes < memory_level_bytes(s.level)) {
			rc = memory_split(m, s.entry);
			if (rc < 0)
				break;
			continue;
		}
		if (s.entry)
			change(m, s.entry, s.bytes, access, &batch);
		at += s.bytes;
	}
	memory_batch_end(&batch);
	memory_shared_release(m);
	return rc;
}

static void entry_unmap(struct memory *m, uint64_t *entry, uint64_t bytes, unsigned access,
			struct memory_batch *batch)
{
	(void)access;
	uint64_t page = page_entry_address(*entry);
	bool fixed = page_entry_kind(*entry) & PAGE_FIXED,
	     reserved = page_entry_is_reserved(*entry);
	memory_set_entry(m, entry, 0);
	if (reserved)
		return;
	memory_batch_add(batch, page, bytes, !fixed);
	if (fixed) {
		memory_shared_unmapped(m, page, bytes);
		return;
	}
	memory_give(m, page, bytes);
}

static void entry_protect(struct memory *m, uint64_t *entry, uint64_t bytes, unsigned access,
			  struct memory_batch *batch)
{
	uint64_t page = page_entry_address(*entry);
	memory_set_entry(m, entry, page_entry(page, access, page_entry_kind(*entry)));
	if (page_entry_is_reserved(*entry))
		return;
	memory_batch_add(batch, page, bytes, false);
}

static void entry_zero(struct memory *m, uint64_t *entry, uint64_t bytes, unsigned access,
		       struct memory_batch *batch)
{
	(void)access;
	uint64_t page = page_entry_address(*entry);
	if (page_entry_is_reserved(*entry) || memory_shared_host(m, page, bytes))
		return; /* the file's bytes are not the guest's alone */
	if (page_entry_kind(*entry) & PAGE_FIXED)
		(void)!guest_zero(m->hva + page, bytes); /* as in discard */
	else
		memory_batch_add(batch, page, bytes, true);
}

/* Maps some of what is left to be mapped, and says how much. */
typedef int map_step(struct memory *m, uint64_t at, uint64_t left, unsigned access, uint64_t *done);

static int map_one(struct memory *m, uint64_t at, uint64_t left, unsigned access, uint64_t *done)
{
	uint64_t *entry, page = 0;
	int level, rc;
	if (!(at & (LARGE - 1)) && left >= LARGE) {
		rc = memory_make_entry(m, at, 2, &entry, &level);
		if (rc < 0)
			return rc;
		if (*entry == 0 && memory_take_large(m, &page) == 0) {
			memory_set_entry(m, entry, page_entry(page, access, PAGE_LARGE));
			*done = LARGE;
			return 0;
		}
	}
	rc = memory_make_entry(m, at, 1, &entry, &level);
	if (rc == 0)
		rc = memory_take_small(m, &page);
	if (rc < 0)
		return rc;
	memory_set_entry(m, entry, page_entry(page, access, 0));
	*done = SMALL;
	return 0;
}

/* Takes back what a call has mapped before it failed: unmapping whole pages takes no memory. */
static void unmap_again(struct memory *m, uint64_t at, uint64_t bytes)
{
	int rc = change_range(m, at, bytes, 0, entry_unmap);
	assert(rc == 0 || rc == -EINTR);
}

/* The largest entry of which nothing else is in use. */
static int largest_entry(struct memory *m, uint64_t at, uint64_t left, uint64_t **entry,
			 uint64_t *bytes)
{
	for (int level = 4;; level--) {
		uint64_t size = memory_level_bytes(level);
		int reached;
		if (level > 1 && ((at & (size - 1)) || left < size))
			continue;
		int rc = memory_make_entry(m, at, level, entry, &reached);
		if (rc < 0)
			return rc;
		if (level > 1 && **entry)
			continue; /* a table: it stays */
		*bytes = size;
		return 0;
	}
}

static int reserve_one(struct memory *m, uint64_t at, uint64_t left, unsigned access,
		       uint64_t *done)
{
	uint64_t *entry;
	int rc = largest_entry(m, at, left, &entry, done);
	if (rc < 0)
		return rc;
	memory_set_entry(m, entry, page_entry(0, access, PAGE_RESERVED));
	return 0;
}

static int map_range(struct memory *m, uint64_t at, uint64_t bytes, unsigned access, map_step *map)
{
	uint64_t from = at, end = at + bytes;
	unsigned steps = 0;
	m->changed = true;
	while (at < end) {
		uint64_t done;
		if (memory_is_ending(m, &steps))
			return -EINTR;
		int rc = map(m, at, end - at, access, &done);
		if (rc < 0) {
			unmap_again(m, from, at - from);
			return rc;
		}
		at += done;
	}
	return 0;
}

int memory_map(struct memory *m, gva_t at, uint64_t bytes, unsigned access)
{
	bool kernel = access & (MEMORY_KERNEL | MEMORY_SHARED_KERNEL);
	if (!access || (!kernel && !range_ok(at.v, bytes)))
		return -EINVAL;
	if (bytes > memory_left(m))
		return -ENOMEM;
	int rc = expect(m, at.v, at.v + bytes, false, -EEXIST);
	if (rc < 0)
		return rc;
	return map_range(m, at.v, bytes, access, map_one);
}

int memory_reserve(struct memory *m, gva_t at, uint64_t bytes, unsigned access)
{
	if (!range_ok(at.v, bytes))
		return -EINVAL;
	int rc = expect(m, at.v, at.v + bytes, false, -EEXIST);
	if (rc < 0)
		return rc;
	return map_range(m, at.v, bytes, access, reserve_one);
}

/*
 * What is smaller is used soon, most of it, and an access that finds no memory costs an exit. As
 * long as it is a small part of what is left, that goes for larger mappings, too.
 */
#define EAGER_BYTES     (64UL << 20)
#define EAGER_MAX_BYTES (256UL << 20)

static bool is_eager(const struct memory *m, uint64_t bytes)
{
	return bytes <= EAGER_BYTES || (bytes <= EAGER_MAX_BYTES && bytes <= memory_left(m) / 4);
}

int memory_map_lazily(struct memory *m, gva_t at, uint64_t bytes, unsigned access)
{
	int rc = -ENOMEM;
	if (!access)
		return -EINVAL;
	if (is_eager(m, bytes))
		rc = memory_map(m, at, bytes, access);
	if (rc == -ENOMEM)
		rc = memory_reserve(m, at, bytes, access);
	return rc;
}

int memory_unmap(struct memory *m, gva_t at, uint64_t bytes)
{
	if (!range_ok(at.v, bytes))
		return -EINVAL;
	uint32_t before = m->free_small.len;
	int rc = change_range(m, at.v, bytes, 0, entry_unmap);
	memory_freed_in_order(m, before);
	return rc;
}

int memory_protect(struct memory *m, gva_t at, uint64_t bytes, unsigned access)
{
	if (!range_ok(at.v, bytes))
		return -EINVAL;
	int rc = expect(m, at.v, at.v + bytes, true, -ENOMEM);
	if (rc < 0)
		return rc;
	rc = memory_shared_check_access(m, at, bytes, access);
	if (rc < 0)
		return rc;
	return change_range(m, at.v, bytes, access, entry_protect);
}

static void entry_lose(struct memory *m, uint64_t *entry, uint64_t bytes, unsigned access,
		       struct memory_batch *batch)
{
	(void)access;
	uint64_t page = page_entry_address(*entry);
	if (!page_entry_is_present(*entry) || !memory_shared_host(m, page, bytes))
		return;
	memory_set_entry(m, entry, page_entry_lose(*entry));
	memory_batch_add(batch, page, bytes, false);
	m->lost_pages += bytes / SMALL;
}

int64_t memory_lose(struct memory *m, gva_t at, uint64_t bytes)
{
	uint64_t before = m->lost_pages;
	int rc = change_range(m, at.v, bytes, 0, entry_lose);
	if (rc < 0)
		return rc;
	return (int64_t)(m->lost_pages - before);
}

int memory_zero(struct memory *m, gva_t at, uint64_t bytes)
{
	if (!range_ok(at.v, bytes))
		return -EINVAL;
	int rc = expect(m, at.v, at.v + bytes, true, -ENOMEM);
	if (rc < 0)
		return rc;
	return change_range(m, at.v, bytes, 0, entry_zero);
}

/* --- moving --- */

/*
 * How much from `at` on is reserved memory of one access, in whole entries; *bytes is 0 if there is
 * none. Together they need fewer entries where those of this size do not fit.
 */
static int reserved_run(struct memory *m, uint64_t at, uint64_t end, unsigned *access,
			uint64_t *bytes)
{
	struct memory_step s;
	unsigned steps = 0;
	for (*bytes = 0; at + *bytes < end; *bytes += s.bytes) {
		if (memory_is_ending(m, &steps))
			return -EINTR;
		s = memory_step_at(m, at + *bytes, end);
		if (!s.entry || !page_entry_is_reserved(*s.entry) ||
		    s.bytes < memory_level_bytes(s.level) ||
		    (*bytes > 0 && page_entry_access(*s.entry) != *access))
			break;
		*access = page_entry_access(*s.entry);
	}
	return 0;
}

/* Makes the tables for entries that are found, or sets those. */
static int place_reserved(struct memory *m, uint64_t to, uint64_t bytes, bool set, unsigned access)
{
	unsigned steps = 0;
	for (uint64_t done, *entry; bytes > 0; bytes -= done, to += done) {
		if (memory_is_ending(m, &steps))
			return -EINTR;
		int rc = largest_entry(m, to, bytes, &entry, &done);
		if (rc < 0)
			return rc;
		if (set)
			memory_set_entry(m, entry, page_entry(0, access, PAGE_RESERVED));
	}
	return 0;
}

/*
 * All that can fail: tables for a part of the range at its new address; *done is 0 if its entry was
 * split, since it is not to be moved as a whole, or cannot be.
 */
static int prepare_to_move(struct memory *m, uint64_t at, uint64_t end, uint64_t to, uint64_t *done)
{
	uint64_t *entry;
	unsigned access;
	int level, rc = reserved_run(m, at, end, &access, done);
	if (rc < 0)
		return rc;
	if (*done > 0)
		return place_reserved(m, to, *done, false, 0);
	const struct memory_step s = memory_step_at(m, at, end);
	*done = s.bytes;
	if (!s.entry)
		return 0;
	if (s.bytes == memory_level_bytes(s.level) && !(to & (s.bytes - 1))) {
		rc = memory_make_entry(m, to, s.level, &entry, &level);
		if (rc < 0 || !*entry) /* else a table */
			return rc;
	}
	*done = 0;
	return memory_split(m, s.entry);
}

/* Takes entries away, but not what is behind them. */
static int clear_moved(struct memory *m, uint64_t at, uint64_t bytes, bool keep)
{
	struct memory_step s;
	unsigned steps = 0;
	for (uint64_t end = at + bytes; at < end; at += s.bytes) {
		if (memory_is_ending(m, &steps))
			return -EINTR;
		s = memory_step_at(m, at, end);
		if (!s.entry)
			continue;
		uint64_t value = 0;
		if (keep)
			value = page_entry(0, page_entry_access(*s.entry), PAGE_RESERVED);
		memory_set_entry(m, s.entry, value);
	}
	return 0;
}

/* One entry, or a run of reserved ones. */
static int move_one(struct memory *m, uint64_t at, uint64_t end, uint64_t to, bool keep,
		    struct memory_batch *batch, uint64_t *done)
{
	uint64_t *entry;
	unsigned access;
	int level, rc = reserved_run(m, at, end, &access, done);
	if (rc < 0)
		return rc;
	if (*done > 0) {
		rc = place_reserved(m, to, *done, true, access);
		if (rc == 0 && !keep)
			rc = clear_moved(m, at, *done, false);
		return rc;
	}
	const struct memory_step s = memory_step_at(m, at, end);
	*done = s.bytes;
	if (!s.entry)
		return 0;
	rc = memory_make_entry(m, to, s.level, &entry, &level);
	if (rc < 0)
		return rc;
	memory_batch_add(batch, page_entry_address(*s.entry), s.bytes, false);
	memory_set_entry(m, entry, *s.entry);
	return clear_moved(m, at, s.bytes, keep);
}

int memory_move(struct memory *m, gva_t at, uint64_t bytes, gva_t to, bool keep)
{
	struct memory_batch batch = {.m = m};
	unsigned steps = 0;
	if (!range_ok(at.v, bytes) || !range_ok(to.v, bytes) ||
	    (at.v < to.v + bytes && to.v < at.v + bytes))
		return -EINVAL;
	int rc = expect(m, to.v, to.v + bytes, false, -EEXIST);
	if (rc == 0)
		rc = memory_shared_check_move(m, at, bytes, keep);
	m->changed = true;
	for (uint64_t d = 0, done; rc == 0 && d < bytes; d += done) {
		rc = -EINTR;
		if (!memory_is_ending(m, &steps))
			rc = prepare_to_move(m, at.v + d, at.v + bytes, to.v + d, &done);
	}
	if (rc < 0)
		return rc;
	for (uint64_t d = 0, done; rc == 0 && d < bytes; d += done) {
		rc = -EINTR;
		if (!memory_is_ending(m, &steps))
			rc = move_one(m, at.v + d, at.v + bytes, to.v + d, keep, &batch, &done);
	}
	assert(rc == 0 || rc == -EINTR); /* of a guest that is to end */
	memory_batch_end(&batch);
	memory_shared_moved(m, at, to);
	return rc;
}

unsigned memory_access_at(struct memory *m, gva_t at)
{
	if (!range_ok(at.v, SMALL))
		return 0;
	const struct memory_step s = memory_step_at(m, at.v, at.v + SMALL);
	if (!s.entry)
		return 0;
	return page_entry_access(*s.entry);
}

/* A guest cannot keep its host busy with it for long. */
#define FILL_MAX_BYTES  (32UL << 20)
#define FILL_STEP_BYTES (2UL << 20)

/* No signal ends it. False: there is no more memory, or the guest is to end. */
static bool populate(struct memory *m, uint64_t gpa, uint64_t bytes)
{
	if (memory_ends_now(m))
		return false;
	return madvise(m->hva + gpa, bytes, MADV_POPULATE_WRITE) == 0;
}

void memory_fill(struct memory *m, gva_t at, uint64_t bytes)
{
	if (bytes > FILL_MAX_BYTES)
		bytes = FILL_MAX_BYTES;
	uint64_t gpa = 0, run = 0;
	struct memory_step s;
	for (uint64_t va = at.v, end = va + bytes; va < end; va += s.bytes) {
		s = memory_step_at(m, va, end);
		if (!s.entry || page_entry_is_reserved(*s.entry))
			return;
		uint64_t page = page_entry_address(*s.entry);
		if (page != gpa + run || run >= FILL_STEP_BYTES) {
			if (run && !populate(m, gpa, run))
				return;
			gpa = page;
			run = 0;
		}
		run += s.bytes;
	}
	if (run)
		(void)populate(m, gpa, run);
}

int memory_map_pages(struct memory *m, gva_t at, uint64_t gpa, uint64_t bytes, unsigned access)
{
	bool kernel = access & (MEMORY_KERNEL | MEMORY_SHARED_KERNEL);
	if (!kernel && !range_ok(at.v, bytes))
		return -EINVAL;
	int rc = expect(m, at.v, at.v + bytes, false, -EEXIST);
	if (rc < 0)
		return rc;
	m->changed = true;
	unsigned steps = 0;
	for (uint64_t done = 0; done < bytes;) {
		uint64_t *entry, va = at.v + done, page = gpa + done, size = SMALL;
		unsigned large = 0;
		if (memory_is_ending(m, &steps))
			return -EINTR;
		int level, stop = 1;
		if (!((va | page) & (LARGE - 1)) && bytes - done >= LARGE) {
			stop = 2;
			size = LARGE;
			large = PAGE_LARGE;
		}
		rc = memory_make_entry(m, va, stop, &entry, &level);
		if (rc == 0 && stop == 2 && *entry) { /* a table left by earlier small mappings */
			size = SMALL;
			large = 0;
			rc = memory_make_entry(m, va, 1, &entry, &level);
		}
		if (rc < 0) {
			unmap_again(m, at.v, done);
			return rc;
		}
		memory_set_entry(m, entry, page_entry(page, access, PAGE_FIXED | large));
		done += size;
	}
	return 0;
}

int memory_map_fixed(struct memory *m, gva_t at, gpa_t from, uint64_t bytes, unsigned access)
{
	if (!access || from.v & (SMALL - 1) || !memory_at(m, from, bytes))
		return -EINVAL;
	return memory_map_pages(m, at, from.v, bytes, access);
}
