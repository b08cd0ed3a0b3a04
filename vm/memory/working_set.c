/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/memory/working_set.h"

#include "base/io.h"
#include "vm/memory/pagemap.h"
#include "vm/memory/private.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	GAP_MAX = 2 * SMALL, /* to over-populate so much is cheaper than a second call */
	/* Linux maps up to 64 KiB of a file at one fault, so this is what tells much from little.
	 */
	CHUNK_PAGES = 16,
	CHUNKS_MIN = 20,
};
/* bytes; beyond this it is no longer a start-up working set */
#define PREFETCH_MAX (64UL << 20)

/* --- sampling --- */

typedef void visit_page(void *arg, uint64_t va, uint64_t gpa, const uint64_t *entry);

/* Each page of 4 KiB that the image maps, in order of addresses, if it is still mapped there. */
static void each_small_page(const struct memory_image *i, const struct memory *m, visit_page *visit,
			    void *arg)
{
	for (uint32_t k = 0; k < i->run_count; k++) {
		const struct memory_run *r = &i->runs[k];
		for (uint64_t at = 0; !(r->kind & (PAGE_LARGE | PAGE_RESERVED)) && at < r->bytes;
		     at += SMALL) {
			int level;
			const uint64_t *entry = memory_find_entry(m, r->va + at, 1, &level);
			if (entry && level == 1 && page_entry_is_present(*entry) &&
			    page_entry_address(*entry) == r->gpa + at)
				visit(arg, r->va + at, r->gpa + at, entry);
		}
	}
}

static void unmark(void *arg, uint64_t va, uint64_t gpa, const uint64_t *entry)
{
	const struct memory *m = arg;
	__atomic_store_n(memory_guest_entry(m, entry), page_entry_unmarked(*entry),
			 __ATOMIC_RELAXED);
	(void)va;
	(void)gpa;
}

void working_set_sample(const struct memory_image *i, struct memory *m)
{
	if (atomic_load(&i->working_set) || m->copies || !pagemap_is_open())
		return;
	m->sampled = true;
	each_small_page(i, m, unmark, m);
}

/* Entries that differ from the host's by the mark alone; what else a guest wrote stays. */
static void mark_again(const struct memory *m, uint64_t from, uint64_t end)
{
	for (uint64_t at = from; at < end; at += sizeof(uint64_t)) {
		const uint64_t *own = (const uint64_t *)(const void *)(m->mirror + at);
		uint64_t *copy = memory_guest_entry(m, own);
		uint64_t entry = __atomic_load_n(copy, __ATOMIC_RELAXED);
		if (entry != *own && entry == page_entry_unmarked(*own))
			__atomic_store_n(copy, *own, __ATOMIC_RELAXED);
	}
}

void working_set_end_sample(struct memory *m)
{
	if (!m->sampled)
		return;
	m->sampled = false;
	mark_again(m, MEMORY_KERNEL_PAGES_BYTES, m->tables_next);
	mark_again(m, MEMORY_SYSTEM_BYTES, MEMORY_SYSTEM_BYTES + m->spill_next);
	/*
	 * What is as in the image's file is that again, so that no reset has to look at these
	 * pages. Not those behind: what a guest has written there must be found.
	 */
	if (m->shared_block && !m->changed && memory_intact(m))
		(void)madvise(m->hva + MEMORY_KERNEL_PAGES_BYTES,
			      m->tables_next - MEMORY_KERNEL_PAGES_BYTES, MADV_DONTNEED);
}

/* --- recording --- */

enum {
	GROUP_PAGES = 8, /* that KVM maps at one fault, aligned in the guest's addresses */
	/* copies that cost as much as one fault of a guest, at most */
	COPIES_A_FAULT = 8,
};

/* What is collected: a bit for each page of the image, by its number. */
struct hot_pages {
	const struct memory_image *i;
	const struct memory *m;
	uint8_t *bits; /* owned */
	/* the group that is being looked at */
	uint64_t group;              /* va / (GROUP_PAGES * SMALL) */
	uint64_t pages[GROUP_PAGES]; /* guest-physical; 0: not mapped */
	bool used[GROUP_PAGES];
};

static int add_hot(void *arg, uint64_t gpa)
{
	struct hot_pages *h = arg;
	h->bits[gpa / SMALL / 8] |= (uint8_t)(1U << (gpa / SMALL % 8));
	return 0;
}

static bool is_hot(const struct hot_pages *h, uint64_t gpa)
{
	return h->bits[gpa / SMALL / 8] & 1U << (gpa / SMALL % 8);
}

/* KVM stops at the first page of a group that it cannot map. */
static void end_group(struct hot_pages *h)
{
	unsigned count = 0, used = 0, copies = 0;
	for (unsigned k = 0; k < GROUP_PAGES && h->pages[k]; k++) {
		if (!h->used[k])
			continue;
		used++;
		count = k + 1;
	}
	for (unsigned k = 0; k < count; k++)
		copies += !is_hot(h, h->pages[k]);
	if (used >= 2 && copies <= COPIES_A_FAULT * (used - 1))
		for (unsigned k = 0; k < count; k++)
			add_hot(h, h->pages[k]);
	memset(h->pages, 0, sizeof(h->pages));
	memset(h->used, 0, sizeof(h->used));
}

static void see_page(void *arg, uint64_t va, uint64_t gpa, const uint64_t *entry)
{
	struct hot_pages *h = arg;
	const uint64_t *copy = memory_guest_entry(h->m, entry);
	unsigned k = (unsigned)(va / SMALL % GROUP_PAGES);
	if (va / SMALL / GROUP_PAGES != h->group)
		end_group(h);
	h->group = va / SMALL / GROUP_PAGES;
	if (gpa < MEMORY_SYSTEM_BYTES || gpa >= h->i->shape.next)
		return;
	h->pages[k] = gpa;
	h->used[k] = page_entry_is_marked(__atomic_load_n(copy, __ATOMIC_RELAXED));
}

static int record_page(struct working_set *w, uint64_t gpa)
{
	struct memory_extent *last = NULL;
	if (w->count)
		last = &w->extents[w->count - 1];
	if (last && gpa - (last->gpa + last->bytes) <= GAP_MAX) {
		last->bytes = gpa + SMALL - last->gpa;
		return 0;
	}
	if (w->count == WORKING_SET_EXTENTS_MAX)
		return -E2BIG;
	w->extents[w->count++] = (struct memory_extent){.gpa = gpa, .bytes = SMALL};
	return 0;
}

static int record_hot(struct hot_pages *h, struct working_set *w)
{
	int rc = 0;
	w->count = 0;
	for (uint64_t gpa = MEMORY_SYSTEM_BYTES; gpa < h->i->shape.next && rc == 0; gpa += SMALL)
		if (is_hot(h, gpa))
			rc = record_page(w, gpa);
	return rc;
}

/* What is written goes before what is read, if there is too much of both. */
static int record_small(const struct memory_image *i, const struct memory *m, struct working_set *w)
{
	cleanup_free uint8_t *bits = calloc(1, i->shape.next / SMALL / 8 + 1);
	struct hot_pages h = {.i = i, .m = m, .bits = bits};
	if (!bits)
		return -ENOMEM;
	int rc = pagemap_each_private(m, MEMORY_SYSTEM_BYTES, i->shape.next, add_hot, &h);
	if (rc < 0)
		return rc;
	rc = record_hot(&h, w);
	if (rc == -E2BIG || !m->sampled)
		return 0;
	struct working_set written = *w;
	each_small_page(i, m, see_page, &h);
	end_group(&h);
	if (record_hot(&h, w) < 0)
		*w = written;
	return 0;
}

/* Whether so much of a large page was read that copying it is cheaper than that many faults. */
static bool much_read(const struct memory *m, uint64_t gpa)
{
	bool present[ENTRIES];
	unsigned chunks = 0;
	if (!pagemap_present(m, gpa, present, ENTRIES))
		return false;
	for (unsigned c = 0; c < ENTRIES; c += CHUNK_PAGES) {
		bool any = false;
		for (unsigned k = c; k < c + CHUNK_PAGES; k++)
			any |= present[k];
		chunks += any;
	}
	return chunks >= CHUNKS_MIN;
}

static void record_large(const struct memory_image *i, const struct memory *m,
			 struct working_set *w)
{
	for (uint32_t k = 0; k < i->run_count; k++) {
		const struct memory_run *r = &i->runs[k];
		for (uint64_t at = 0; r->kind & PAGE_LARGE && at < r->bytes; at += LARGE) {
			if (w->large_count == WORKING_SET_LARGE_MAX)
				return;
			if (much_read(m, r->gpa + at))
				w->large[w->large_count++] = r->gpa + at;
		}
	}
}

/* Whole pages of `size` within the guest's memory that the image has. */
static bool is_inside(const struct memory_image *i, uint64_t gpa, uint64_t bytes, uint64_t size)
{
	uint64_t end = i->shape.next;
	return gpa >= MEMORY_SYSTEM_BYTES && gpa <= end && bytes <= end - gpa &&
	       !((gpa | bytes) & (size - 1));
}

static bool is_good(const struct memory_image *i, const struct working_set *w)
{
	uint64_t sum = 0;
	if (w->count > WORKING_SET_EXTENTS_MAX || w->large_count > WORKING_SET_LARGE_MAX)
		return false;
	for (uint32_t k = 0; k < w->count; k++) {
		if (!is_inside(i, w->extents[k].gpa, w->extents[k].bytes, SMALL))
			return false;
		sum += w->extents[k].bytes;
	}
	for (uint32_t k = 0; k < w->large_count; k++)
		if (!is_inside(i, w->large[k], LARGE, LARGE))
			return false;
	return sum <= PREFETCH_MAX;
}

void working_set_record(struct memory_image *i, const struct memory *m, bool large)
{
	struct working_set *none = NULL;
	/* Of copies the page map says nothing. */
	if (atomic_load(&i->working_set) || m->copies || !pagemap_is_open())
		return;
	struct working_set *w = calloc(1, sizeof(*w));
	if (!w)
		return;
	int rc = record_small(i, m, w);
	if (large)
		record_large(i, m, w);
	if (rc < 0 || !is_good(i, w) || !atomic_compare_exchange_strong(&i->working_set, &none, w))
		free(w);
}

/* --- from elsewhere --- */

bool working_set_install(struct memory_image *i, const struct working_set *w)
{
	struct working_set *none = NULL;
	if (!is_good(i, w))
		return false;
	struct working_set *copy = malloc(sizeof(*copy));
	if (!copy)
		return false;
	*copy = *w;
	if (!atomic_compare_exchange_strong(&i->working_set, &none, copy))
		free(copy);
	return true;
}

/* --- prefetching --- */

/* The image's contents, copied. If the host has no large page, it is as good as what was there. */
static int copy_large(const struct memory_image *i, struct memory *m, uint64_t gpa)
{
	int rc = memory_map_anonymous(m, gpa, gpa + LARGE);
	m->changed = true; /* what is dropped here does not come back from the file */
	if (rc < 0)
		return rc;
	(void)!madvise(m->hva + gpa, LARGE, MADV_HUGEPAGE); /* without it, it is slower */
	ssize_t n = io_pread_full(i->fd, m->hva + gpa, LARGE, (off_t)(i->file_at + gpa));
	if (n < 0)
		return (int)n;
	return n == (ssize_t)LARGE ? 0 : -EIO;
}

int working_set_prefetch(const struct memory_image *i, struct memory *m)
{
	const struct working_set *w = atomic_load(&i->working_set);
	if (!w || m->copies) /* all of a copy is there */
		return 0;
	for (uint32_t k = 0; k < w->large_count; k++) {
		int rc = copy_large(i, m, w->large[k]);
		if (rc < 0)
			return rc;
	}
	/* What every guest enters and leaves by: one group of pages, one fault. */
	if (m->shared_block)
		(void)madvise(m->hva, MEMORY_STACKS_AT, MADV_POPULATE_WRITE);
	/* One call for adjacent pages is cheaper than the guest's fault for each. */
	for (uint32_t k = 0; k < w->count; k++) {
		const struct memory_extent *x = &w->extents[k];
		if (madvise(m->hva + x->gpa, x->bytes, MADV_POPULATE_WRITE) < 0)
			break; /* it costs time alone */
	}
	return 0;
}
