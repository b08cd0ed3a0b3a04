/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memories that are used again: reset to the image that they were last restored to, or emptied for
 * another guest. The last guest may have owned CPL 0 and written any page, also those that nobody
 * has allocated; nothing of it may be found by the next one.
 */
#include "vm/memory/image.h"

#include "vm/memory/guest_copy.h"
#include "vm/memory/pagemap.h"
#include "vm/memory/private.h"
#include "vm/memory/shared_file.h"
#include "vm/memory/working_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* --- whether a memory can be used again --- */

bool memory_page_is_zero(const uint8_t *page)
{
	const uint64_t *w = (const uint64_t *)(const void *)page;
	uint64_t any = 0;
	for (unsigned k = 0; k < SMALL / sizeof(*w) && !any; k += 8)
		any = w[k] | w[k + 1] | w[k + 2] | w[k + 3] | w[k + 4] | w[k + 5] | w[k + 6] |
		      w[k + 7];
	return !any;
}

static int expect_zero(void *arg, uint64_t gpa)
{
	const struct memory *m = arg;
	if (memory_page_is_zero(m->hva + gpa))
		return 0;
	return -EAGAIN;
}

/* Without the page map a look leaves pages in the memory, which are dropped. */
static int expect_unused_by_looking(const struct memory *m, uint64_t from, uint64_t end)
{
	for (uint64_t at = from; at < end; at += SMALL)
		if (!memory_page_is_zero(m->hva + at))
			return -EAGAIN;
	if (madvise(m->hva + from, end - from, MADV_DONTNEED) < 0)
		return -errno;
	return 0;
}

/* Memory that page tables are taken from later. */
static int expect_unused(struct memory *m, uint64_t from, uint64_t end)
{
	if (from == end)
		return 0;
	if (pagemap_is_open()) {
		int rc = pagemap_each_private(m, from, end, expect_zero, m);
		if (rc == 0 || rc == -EAGAIN)
			return rc;
	}
	return expect_unused_by_looking(m, from, end);
}

int memory_check_intact(struct memory *m)
{
	if (!memory_intact(m))
		return -EAGAIN;
	int rc = expect_unused(m, m->tables_next, MEMORY_SYSTEM_BYTES);
	if (rc < 0 || !m->spill_next)
		return rc;
	return expect_unused(m, m->end + m->spill_next, m->end + m->spill_bytes);
}

int memory_unshare_block(struct memory *m)
{
	if (!m->shared_block)
		return 0;
	cleanup_free uint8_t *copy = malloc(m->tables_next);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, m->mirror, m->tables_next);
	void *mirror = mmap(m->mirror, MEMORY_SYSTEM_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	if (mirror == MAP_FAILED)
		return -errno;
	int rc = memory_map_anonymous(m, 0, MEMORY_SYSTEM_BYTES);
	if (rc < 0)
		return rc;
	memcpy(m->mirror, copy, m->tables_next);
	memcpy(m->hva, copy, m->tables_next);
	m->shared_block = false;
	return 0;
}

int memory_empty(struct memory *m)
{
	memory_shared_drop(m);
	working_set_end_sample(m);
	int rc = memory_check_intact(m);
	if (rc == 0)
		rc = memory_unshare_block(m);
	if (rc == 0)
		rc = memory_map_anonymous(m, MEMORY_SYSTEM_BYTES, m->end);
	if (rc < 0)
		return rc;
	memory_clear_tables(m);
	m->next = MEMORY_SYSTEM_BYTES;
	m->small_next = m->small_end = 0;
	m->free_small.len = m->free_large.len = 0;
	m->backed_end = 0;
	m->splits = 0;
	m->huge_end = 0;
	m->file_count = 0;
	m->may_vanish = false;
	m->used_bytes = m->tables_next + m->spill_next;
	m->changed = false;
	dirty_forget(&m->dirty);
	return 0;
}

/* --- resetting --- */

/* -EFAULT: the image's file has become shorter. */
static int copy_back(const struct memory_image *i, const struct memory *m)
{
	const struct dirty_tracker *d = &m->dirty;
	int rc = 0;
	for (uint32_t k = 0; k < d->count && rc == 0; k++) {
		uint64_t gpa = (uint64_t)d->frames[k] * SMALL;
		if (i->may_vanish)
			rc = guest_copy(m->hva + gpa, i->view + gpa, SMALL);
		else
			memcpy(m->hva + gpa, i->view + gpa, SMALL);
	}
	return rc;
}

/* Of the system block, which no page is copied back to. */
static int check_block(struct memory *m)
{
	if (!m->dirty.complete)
		return memory_check_intact(m);
	if (m->broken)
		return -EAGAIN;
	for (uint64_t at = 0; at < m->tables_next; at += SMALL) {
		uint64_t page = at / SMALL;
		if (m->dirty.system_pages[page / 64] & 1UL << (page % 64) &&
		    !memory_page_is_intact(m, at))
			return -EAGAIN;
	}
	return 0;
}

/* What a guest at CPL 0 has written behind all that was allocated. */
static int drop_rest(const struct memory *m, uint64_t from)
{
	if (from >= m->slot_end)
		return 0;
	if (madvise(m->hva + from, m->slot_end - from, MADV_DONTNEED) < 0)
		return -errno;
	return 0;
}

/* All pages that are not the file's: too many to copy, or unknown which. */
static int drop_all(const struct memory_image *i, const struct memory *m)
{
	uint64_t bytes = i->shape.next - MEMORY_SYSTEM_BYTES;
	if (madvise(m->hva + MEMORY_SYSTEM_BYTES, bytes, MADV_DONTNEED) < 0)
		return -errno;
	return 0;
}

/* After a look, whose result it is given. */
static int reset_found(const struct memory_image *i, struct memory *m, int found)
{
	int rc = 0;
	if (found >= 0)
		rc = copy_back(i, m);
	if (rc == 0)
		rc = check_block(m);
	if (rc == 0)
		rc = drop_rest(m, i->shape.next);
	if (rc == 0 && found < 0)
		rc = drop_all(i, m);
	return rc;
}

int memory_image_reset(struct memory_image *i, struct memory *m)
{
	if (!dirty_may_be(&m->dirty)) {
		int rc = copy_back(i, m);
		if (rc < 0)
			return rc;
		return check_block(m);
	}
	working_set_record(i, m, false);
	working_set_end_sample(m);
	int rc = reset_found(i, m, dirty_collect(&m->dirty, m, i->shape.next));
	if (rc < 0)
		dirty_forget(&m->dirty);
	else
		dirty_begin(&m->dirty);
	return rc;
}
