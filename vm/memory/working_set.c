/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/memory/working_set.h"

#include "base/io.h"
#include "vm/memory/pagemap.h"
#include "vm/memory/private.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
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

/* --- recording --- */

static int record_page(void *arg, uint64_t gpa)
{
	struct working_set *w = arg;
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

void working_set_record(struct memory_image *i, const struct memory *m, bool large)
{
	struct working_set *none = NULL;
	/* Of copies the page map says nothing. */
	if (atomic_load(&i->working_set) || m->copies || !pagemap_is_open())
		return;
	struct working_set *w = calloc(1, sizeof(*w));
	if (!w)
		return;
	int rc = pagemap_each_private(m, MEMORY_SYSTEM_BYTES, i->shape.next, record_page, w);
	if (large)
		record_large(i, m, w);
	if ((rc < 0 && rc != -E2BIG) || !atomic_compare_exchange_strong(&i->working_set, &none, w))
		free(w);
}

/* --- from elsewhere --- */

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
	/* One call for adjacent pages is cheaper than the guest's fault for each. */
	for (uint32_t k = 0; k < w->count; k++) {
		const struct memory_extent *x = &w->extents[k];
		if (madvise(m->hva + x->gpa, x->bytes, MADV_POPULATE_WRITE) < 0)
			break; /* it costs time alone */
	}
	return 0;
}
