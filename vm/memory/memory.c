/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest-physical memory, its allocation, and four-level page tables (AMD64 Architecture
 * Programmer's Manual, volume 2, 5.3). Addresses and lengths come from the guest: ranges are
 * checked before use.
 */
#include "abi/layout.h"
#include "vm/kvm/ioctl.h"
#include "vm/memory/guest_copy.h"
#include "vm/memory/private.h"
#include "vm/memory/shared_file.h"

#include <assert.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* a slot costs by its size, and much less before the vCPU has run */
#define FIRST_SLOT (16UL << 20)
enum { SLOTS_MAX = MEMORY_SLOTS_OWN - 1, SPILL_SLOT = SLOTS_MAX };

/* --- guest-physical pages --- */

/* As large as all before it together, or as `end` needs: slots stay few. */
static uint64_t slot_bytes(const struct memory *m, uint64_t end)
{
	uint64_t total = FIRST_SLOT;
	if (m->slot_end)
		total = m->slot_end * 2;
	while (total < end)
		total *= 2;
	if (total > m->end)
		total = m->end;
	return total - m->slot_end;
}

int memory_set_slot(const struct memory *m, uint32_t number, uint64_t gpa, uint64_t bytes,
		    const uint8_t *host)
{
	struct kvm_userspace_memory_region slot = {
		.slot = number,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.userspace_addr = (uintptr_t)host,
	};
	if (m->vm_fd < 0)
		return 0;
	return kvm_ioctl(m->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot);
}

static int add_slot(const struct memory *m, uint32_t number, uint64_t gpa, uint64_t bytes)
{
	return memory_set_slot(m, number, gpa, bytes, m->hva + gpa);
}

int memory_extend(struct memory *m, uint64_t end)
{
	if (end <= m->slot_end)
		return 0;
	if (end > m->end || m->slots == SLOTS_MAX)
		return -ENOMEM;
	uint64_t bytes = slot_bytes(m, end);
	int rc = add_slot(m, m->slots, m->slot_end, bytes);
	if (rc < 0)
		return rc;
	m->slots++;
	m->slot_end += bytes;
	return 0;
}

/* Never-used memory, aligned, from the end of what was used so far. */
static int take_fresh(struct memory *m, uint64_t bytes, uint64_t align, uint64_t *out)
{
	uint64_t at = (m->next + align - 1) & ~(align - 1);
	if (at > m->end || bytes > m->end - at)
		return -ENOMEM;
	int rc = memory_extend(m, at + bytes);
	if (rc < 0)
		return rc;
	m->next = at + bytes;
	*out = at;
	return 0;
}

/*
 * A guest that has taken this much is asked no more whether it will touch all of a large page: the
 * host backs whole ones at once, which costs a tenth of doing so page by page. Smaller guests stay
 * as small as they are.
 */
#define HUGE_FROM (8UL << 20)

/*
 * Host mappings are counted in a process (vm.max_map_count), and other sandboxes need some too:
 * each part of this memory that becomes a mapping of its own is counted, and there is a limit.
 */
static bool may_split(struct memory *m)
{
	if (m->splits >= MEMORY_SPLITS_MAX)
		return false;
	m->splits++;
	return true;
}

static void back_large(struct memory *m, uint64_t block)
{
	if (m->used_bytes < HUGE_FROM || block & (LARGE - 1) || block < m->backed_end)
		return;
	if (block != m->huge_end && !may_split(m))
		return;
	m->huge_end = block + LARGE;
	madvise(m->hva + block, LARGE, MADV_HUGEPAGE); /* without it, it is slower */
}

static bool stack_pop(struct page_stack *s, uint64_t *page)
{
	if (s->len == 0)
		return false;
	*page = (uint64_t)s->frames[--s->len] * SMALL;
	return true;
}

static void stack_push(struct page_stack *s, uint64_t page)
{
	if (s->len == s->capacity && memory_grow_frames(&s->frames, &s->capacity) < 0)
		return; /* the page stays unused: a loss for the guest, no danger */
	s->frames[s->len++] = (uint32_t)(page / SMALL);
}

static int take_small(struct memory *m, uint64_t *page)
{
	if (!stack_pop(&m->free_small, page)) {
		if (m->small_next == m->small_end) {
			uint64_t block, bytes = LARGE;
			if (!stack_pop(&m->free_large, &block)) {
				int rc = take_fresh(m, bytes, SMALL, &block);
				if (rc < 0) {
					bytes = SMALL; /* the last pages of the memory */
					rc = take_fresh(m, bytes, SMALL, &block);
				}
				if (rc < 0)
					return rc;
			}
			if (bytes == LARGE)
				back_large(m, block);
			m->small_next = block;
			m->small_end = block + bytes;
		}
		*page = m->small_next;
		m->small_next += SMALL;
	}
	m->used_bytes += SMALL;
	return 0;
}

/* Tables that do not fit the system block. Their memslot is there from the first one on. */
static int spill_table(struct memory *m, uint64_t *page)
{
	if (m->spill_next == m->spill_bytes)
		return -ENOMEM;
	if (m->spill_next == 0) {
		int rc = add_slot(m, SPILL_SLOT, m->end, m->spill_bytes);
		if (rc < 0)
			return rc;
	}
	*page = m->end + m->spill_next;
	m->spill_next += SMALL;
	m->used_bytes += SMALL;
	return 0;
}

static int take_table(struct memory *m, uint64_t *page)
{
	if (m->tables_next == MEMORY_SYSTEM_BYTES)
		return spill_table(m, page);
	*page = m->tables_next;
	m->tables_next += SMALL;
	m->used_bytes += SMALL;
	return 0;
}

static int take_large(struct memory *m, uint64_t *page)
{
	if (!stack_pop(&m->free_large, page)) {
		int rc = take_fresh(m, LARGE, LARGE, page);
		if (rc < 0)
			return rc;
	}
	back_large(m, *page);
	m->used_bytes += LARGE;
	return 0;
}

int memory_take(struct memory *m, uint64_t bytes, gpa_t *out)
{
	uint64_t align = SMALL;
	bytes = (bytes + SMALL - 1) & ~(SMALL - 1);
	if (bytes >= LARGE)
		align = LARGE;
	int rc = take_fresh(m, bytes, align, &out->v);
	if (rc == 0)
		m->used_bytes += bytes;
	return rc;
}

int memory_back(struct memory *m, gpa_t at, uint64_t bytes, int fd, uint64_t from)
{
	if (m->copies)
		return memory_copy(m, at.v, bytes, fd, from);
	if (m->file_count == MEMORY_FILES_MAX)
		return -E2BIG;
	m->files[m->file_count++] = (struct memory_extent){.gpa = at.v, .bytes = bytes};
	m->may_vanish = true;
	void *to = mmap(m->hva + at.v, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, (off_t)from);
	if (to == MAP_FAILED)
		return -errno;
	return 0;
}

int memory_take_file(struct memory *m, int fd, uint64_t bytes, gpa_t *out)
{
	bytes = (bytes + SMALL - 1) & ~(SMALL - 1);
	int rc = memory_take(m, bytes, out);
	if (rc < 0)
		return rc;
	return memory_back(m, *out, bytes, fd, 0);
}

uint8_t *memory_at(const struct memory *m, gpa_t at, uint64_t bytes)
{
	if (at.v > m->next || bytes > m->next - at.v)
		return NULL;
	return m->hva + at.v;
}

void memory_publish(struct memory *m, gpa_t at, const void *bytes, uint64_t len)
{
	assert(at.v <= MEMORY_KERNEL_PAGES_BYTES && len <= MEMORY_KERNEL_PAGES_BYTES - at.v);
	memcpy(m->mirror + at.v, bytes, len);
	memcpy(m->hva + at.v, bytes, len);
}

const uint8_t *memory_published(const struct memory *m, gpa_t at)
{
	return m->mirror + at.v;
}

/* Page tables for a guest that spreads its pages widely; more of them than that are refused. */
static uint64_t spill_bytes(uint64_t max_bytes)
{
	return (max_bytes / 64 + MEMORY_SYSTEM_BYTES) & ~(SMALL - 1);
}

int memory_init(struct memory *m, int vm_fd, uint64_t max_bytes, struct err *e)
{
	*m = (struct memory){
		.vm_fd = vm_fd,
		.max_bytes = max_bytes & ~(SMALL - 1),
		.next = MEMORY_SYSTEM_BYTES,
		.tables_next = MEMORY_KERNEL_PAGES_BYTES,
		.used_bytes = MEMORY_KERNEL_PAGES_BYTES,
	};
	int rc = guest_copy_prepare();
	if (rc < 0)
		return err_sys(e, -rc, "handler for SIGBUS");
	m->end = m->max_bytes + MEMORY_SYSTEM_BYTES;
	m->spill_bytes = spill_bytes(m->max_bytes);
	/* One large page more, so that guest-physical 0 can be aligned as large pages are. */
	uint64_t guest = m->end + m->spill_bytes;
	m->reserved_bytes = LARGE + guest + MEMORY_SYSTEM_BYTES + m->spill_bytes;
	m->reserved = mmap(NULL, m->reserved_bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->reserved == MAP_FAILED) {
		m->reserved = NULL;
		return err_sys(e, errno, "cannot reserve %lu bytes for guest memory", m->max_bytes);
	}
	m->hva = (uint8_t *)(((uintptr_t)m->reserved + LARGE - 1) & ~(LARGE - 1));
	m->mirror = m->hva + guest;
	/* KVM gets memory when some is taken: as much as is needed then, at once. */
	return take_table(m, &m->root);
}

void memory_destroy(struct memory *m)
{
	memory_shared_free(m);
	if (m->reserved)
		munmap(m->reserved, m->reserved_bytes);
	free(m->free_small.frames);
	free(m->free_large.frames);
	dirty_free(&m->dirty);
	*m = (struct memory){.vm_fd = -1};
}

/* --- dropping translations and contents --- */

static bool take_away_and_give_back(uint8_t *at, uint64_t bytes)
{
	return mprotect(at, bytes, PROT_READ) == 0 &&
	       mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0;
}

/*
 * Takes host memory away from KVM and gives it back with its contents: whatever translates to it,
 * on shadow page tables or nested ones, is dropped and looked up again. If the process may have no
 * more mappings, all of the guest's memory at once, which splits none.
 */
static void memory_invalidate(struct memory *m, uint64_t gpa, uint64_t bytes)
{
	if (gpa >= m->end + m->spill_bytes) {
		m->broken |= !memory_shared_invalidate(m, gpa, bytes);
		return;
	}
	if (m->vm_fd < 0 || take_away_and_give_back(m->hva + gpa, bytes))
		return;
	m->broken |= !take_away_and_give_back(m->hva, m->slot_end);
}

static void memory_invalidate_all(struct memory *m)
{
	memory_invalidate(m, 0, m->slot_end);
	m->broken |= !memory_shared_invalidate_all(m);
}

/*
 * Makes memory read as zero and gives it back. If a snapshot lies under it, that is replaced:
 * dropping the guest's copy would bring the snapshot's contents up again.
 */
static void discard(struct memory *m, uint64_t gpa, uint64_t bytes)
{
	if (gpa >= m->backed_end) {
		madvise(m->hva + gpa, bytes, MADV_DONTNEED);
		return;
	}
	if (may_split(m) &&
	    mmap(m->hva + gpa, bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED)
		return;
	/* of a file that has become shorter: the guest ends when it uses it */
	(void)!guest_zero(m->hva + gpa, bytes);
	memory_invalidate(m, gpa, bytes);
}

/*
 * A guest decides how its pages are scattered: from so many runs on, all of its memory is
 * invalidated at once instead.
 */
enum { INVALIDATIONS_MAX = 64 };

/* A run of physically contiguous pages that changed together: one invalidation, or one
   discard, for all. */
struct run {
	struct memory *m;
	bool discard;
	uint64_t gpa, bytes;
	unsigned invalidations;
};

static void run_end(struct run *r)
{
	if (r->bytes && r->discard)
		discard(r->m, r->gpa, r->bytes);
	else if (r->bytes && ++r->invalidations <= INVALIDATIONS_MAX)
		memory_invalidate(r->m, r->gpa, r->bytes);
	r->bytes = 0;
}

/* After the last one. */
static void runs_end(struct run *r)
{
	run_end(r);
	if (r->invalidations > INVALIDATIONS_MAX)
		memory_invalidate_all(r->m);
}

static void run_add(struct run *r, uint64_t gpa, uint64_t bytes, bool discard)
{
	if (r->bytes && (r->discard != discard || r->gpa + r->bytes != gpa))
		run_end(r);
	if (!r->bytes)
		r->gpa = gpa;
	r->discard = discard;
	r->bytes += bytes;
}

/* --- page tables --- */

int memory_walk(struct memory *m, uint64_t va, int stop, bool make, uint64_t **entry, int *level)
{
	uint64_t table = m->root;
	for (int l = 4;; l--) {
		uint64_t *at = memory_table(m, table) + memory_index(va, l);
		if (l == stop || (l == 2 && page_entry_is_large(*at))) {
			*entry = at;
			*level = l;
			return 0;
		}
		if (!page_entry_is_present(*at)) {
			if (!make) {
				*entry = NULL;
				*level = l;
				return 0;
			}
			uint64_t page;
			int rc = take_table(m, &page);
			if (rc < 0)
				return rc;
			memory_set_entry(m, at, page_entry_table(page));
		}
		table = page_entry_address(*at);
	}
}

/* --- what the guest may have changed --- */

static_assert(MOTE_KERNEL % (1UL << 30) == 0 && MOTE_KERNEL_END - MOTE_KERNEL == 1UL << 30,
	      "the kernel window is one entry of a table of level 3");

static void clear_table(struct memory *m, uint64_t table, int level, uint64_t va)
{
	uint64_t *entries = memory_table(m, table);
	if (level == 1) {
		memset(entries, 0, SMALL);
		memset(m->hva + table, 0, SMALL);
		return;
	}
	for (unsigned k = 0; k < ENTRIES; k++) {
		uint64_t at = va + k * memory_level_bytes(level);
		if (!entries[k] || (level == 3 && at == MOTE_KERNEL))
			continue;
		if (page_entry_is_large(entries[k]))
			memory_set_entry(m, &entries[k], 0);
		else
			clear_table(m, page_entry_address(entries[k]), level - 1, at);
	}
}

void memory_clear_tables(struct memory *m)
{
	clear_table(m, m->root, 4, 0);
}

bool memory_intact(const struct memory *m)
{
	const uint64_t stacks = MEMORY_STACKS_AT, behind = MEMORY_KERNEL_PAGES_BYTES;
	if (m->broken || memcmp(m->hva, m->mirror, stacks) != 0 ||
	    memcmp(m->hva + behind, m->mirror + behind, m->tables_next - behind) != 0)
		return false;
	if (m->spill_next &&
	    memcmp(m->hva + m->end, m->mirror + MEMORY_SYSTEM_BYTES, m->spill_next) != 0)
		return false;
	if (memcmp(m->hva + stacks, m->mirror + stacks, MEMORY_STACKS_BYTES) != 0)
		memcpy(m->hva + stacks, m->mirror + stacks, MEMORY_STACKS_BYTES);
	return true;
}

/* Turns a large page's entry into a table of small ones with the same access. */
static int split(struct memory *m, uint64_t *entry)
{
	uint64_t table;
	int rc = take_table(m, &table);
	if (rc < 0)
		return rc;
	uint64_t page = page_entry_address(*entry);
	uint64_t first =
		page_entry(page, page_entry_access(*entry), page_entry_kind(*entry) & ~PAGE_LARGE);
	for (unsigned i = 0; i < ENTRIES; i++)
		memory_set_entry(m, memory_table(m, table) + i, first + i * SMALL);
	memory_set_entry(m, entry, page_entry_table(table));
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

/* One step of a walk over a range: the entry that covers `at`, and how far the step goes. */
struct step {
	uint64_t *entry; /* NULL: nothing is mapped for `bytes` */
	int level;
	uint64_t bytes;
};

static int step_at(struct memory *m, uint64_t at, uint64_t end, struct step *s)
{
	int rc = memory_walk(m, at, 1, false, &s->entry, &s->level);
	if (rc < 0)
		return rc;
	uint64_t size = memory_level_bytes(s->level);
	s->bytes = size - (at & (size - 1));
	if (s->bytes > end - at)
		s->bytes = end - at;
	if (s->entry && !page_entry_is_used(*s->entry))
		s->entry = NULL;
	return 0;
}

static bool any_mapped(struct memory *m, uint64_t at, uint64_t end)
{
	while (at < end) {
		struct step s;
		if (step_at(m, at, end, &s) < 0 || s.entry)
			return true;
		at += s.bytes;
	}
	return false;
}

/*
 * Calls one entry's change for each whole page in the range, large pages split where the range cuts
 * them.
 */
typedef void entry_change(struct memory *m, uint64_t *entry, uint64_t bytes, unsigned access,
			  struct run *run);

/*
 * Whether the guest is to end, asked now and then: how long a change takes is the guest's choice.
 */
static bool is_ending(const struct memory *m, unsigned *steps)
{
	enum { STEPS = 1024 };
	return ++*steps % STEPS == 0 && m->ending && m->ending(m->ending_arg);
}

static int change_range(struct memory *m, uint64_t at, uint64_t bytes, unsigned access,
			entry_change *change)
{
	struct run run = {.m = m};
	unsigned steps = 0;
	m->changed = true;
	int rc = 0;
	for (uint64_t end = at + bytes; at < end;) {
		struct step s;
		rc = -EINTR;
		if (!is_ending(m, &steps))
			rc = step_at(m, at, end, &s);
		if (rc == 0 && s.entry && s.level == 2 && s.bytes < LARGE) {
			rc = split(m, s.entry);
			if (rc == 0)
				continue;
		}
		if (rc < 0)
			break;
		if (s.entry)
			change(m, s.entry, s.bytes, access, &run);
		at += s.bytes;
	}
	runs_end(&run);
	memory_shared_release(m);
	return rc;
}

static void entry_unmap(struct memory *m, uint64_t *entry, uint64_t bytes, unsigned access,
			struct run *run)
{
	(void)access;
	uint64_t page = page_entry_address(*entry);
	bool fixed = page_entry_kind(*entry) & PAGE_FIXED;
	memory_set_entry(m, entry, 0);
	run_add(run, page, bytes, !fixed);
	if (fixed) {
		memory_shared_unmapped(m, page, bytes);
		return;
	}
	m->used_bytes -= bytes;
	if (bytes == LARGE)
		stack_push(&m->free_large, page);
	else
		stack_push(&m->free_small, page);
}

static void entry_protect(struct memory *m, uint64_t *entry, uint64_t bytes, unsigned access,
			  struct run *run)
{
	uint64_t page = page_entry_address(*entry);
	memory_set_entry(m, entry, page_entry(page, access, page_entry_kind(*entry)));
	run_add(run, page, bytes, false);
}

static void entry_zero(struct memory *m, uint64_t *entry, uint64_t bytes, unsigned access,
		       struct run *run)
{
	(void)access;
	uint64_t page = page_entry_address(*entry);
	if (memory_shared_host(m, page, bytes))
		return; /* the file's bytes are not the guest's alone */
	if (page_entry_kind(*entry) & PAGE_FIXED)
		(void)!guest_zero(m->hva + page, bytes); /* as in discard */
	else
		run_add(run, page, bytes, true);
}

static int map_one(struct memory *m, uint64_t at, uint64_t left, unsigned access, uint64_t *done)
{
	uint64_t *entry, page = 0;
	int level, rc;
	if (!(at & (LARGE - 1)) && left >= LARGE) {
		rc = memory_walk(m, at, 2, true, &entry, &level);
		if (rc < 0)
			return rc;
		if (*entry == 0 && take_large(m, &page) == 0) {
			memory_set_entry(m, entry, page_entry(page, access, PAGE_LARGE));
			*done = LARGE;
			return 0;
		}
	}
	rc = memory_walk(m, at, 1, true, &entry, &level);
	if (rc == 0)
		rc = take_small(m, &page);
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

static int map_range(struct memory *m, uint64_t at, uint64_t bytes, unsigned access)
{
	uint64_t from = at, end = at + bytes;
	unsigned steps = 0;
	m->changed = true;
	while (at < end) {
		uint64_t done;
		if (is_ending(m, &steps))
			return -EINTR;
		int rc = map_one(m, at, end - at, access, &done);
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
	if (bytes > m->max_bytes - m->used_bytes)
		return -ENOMEM;
	if (any_mapped(m, at.v, at.v + bytes))
		return -EEXIST;
	return map_range(m, at.v, bytes, access);
}

/*
 * What was freed in rising order is used again in rising order, so that ranges stay contiguous for
 * the host: a transfer then takes one vector, not one a page.
 */
static void reverse_from(struct page_stack *s, uint32_t from)
{
	for (uint32_t to = s->len; from + 1 < to; from++) {
		uint32_t frame = s->frames[from];
		s->frames[from] = s->frames[--to];
		s->frames[to] = frame;
	}
}

int memory_unmap(struct memory *m, gva_t at, uint64_t bytes)
{
	if (!range_ok(at.v, bytes))
		return -EINVAL;
	uint32_t before = m->free_small.len;
	int rc = change_range(m, at.v, bytes, 0, entry_unmap);
	reverse_from(&m->free_small, before);
	return rc;
}

static bool all_mapped(struct memory *m, uint64_t at, uint64_t end)
{
	while (at < end) {
		struct step s;
		if (step_at(m, at, end, &s) < 0 || !s.entry)
			return false;
		at += s.bytes;
	}
	return true;
}

int memory_protect(struct memory *m, gva_t at, uint64_t bytes, unsigned access)
{
	if (!range_ok(at.v, bytes))
		return -EINVAL;
	if (!all_mapped(m, at.v, at.v + bytes))
		return -ENOMEM;
	if (!memory_shared_allows(m, at, bytes, access))
		return -EACCES;
	return change_range(m, at.v, bytes, access, entry_protect);
}

static void entry_lose(struct memory *m, uint64_t *entry, uint64_t bytes, unsigned access,
		       struct run *run)
{
	(void)access;
	uint64_t page = page_entry_address(*entry);
	if (!page_entry_is_present(*entry) || !memory_shared_host(m, page, bytes))
		return;
	memory_set_entry(m, entry, page_entry_lose(*entry));
	run_add(run, page, bytes, false);
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
	if (!all_mapped(m, at.v, at.v + bytes))
		return -ENOMEM;
	return change_range(m, at.v, bytes, 0, entry_zero);
}

/* A guest cannot keep its host busy with it for long. */
#define FILL_MAX_BYTES (32UL << 20)

void memory_fill(struct memory *m, gva_t at, uint64_t bytes)
{
	if (bytes > FILL_MAX_BYTES)
		bytes = FILL_MAX_BYTES;
	uint64_t gpa = 0, run = 0;
	struct step s;
	for (uint64_t va = at.v, end = va + bytes; va < end; va += s.bytes) {
		if (step_at(m, va, end, &s) < 0 || !s.entry)
			return;
		uint64_t page = page_entry_address(*s.entry);
		if (page != gpa + run) {
			if (run && madvise(m->hva + gpa, run, MADV_POPULATE_WRITE) < 0)
				return;
			gpa = page;
			run = 0;
		}
		run += s.bytes;
	}
	if (run)
		(void)madvise(m->hva + gpa, run, MADV_POPULATE_WRITE);
}

int memory_map_pages(struct memory *m, gva_t at, uint64_t gpa, uint64_t bytes, unsigned access)
{
	bool kernel = access & (MEMORY_KERNEL | MEMORY_SHARED_KERNEL);
	if (!kernel && !range_ok(at.v, bytes))
		return -EINVAL;
	if (any_mapped(m, at.v, at.v + bytes))
		return -EEXIST;
	m->changed = true;
	unsigned steps = 0;
	for (uint64_t done = 0; done < bytes;) {
		uint64_t *entry, va = at.v + done, page = gpa + done, size = SMALL;
		unsigned large = 0;
		if (is_ending(m, &steps))
			return -EINTR;
		int level, stop = 1;
		if (!((va | page) & (LARGE - 1)) && bytes - done >= LARGE) {
			stop = 2;
			size = LARGE;
			large = PAGE_LARGE;
		}
		int rc = memory_walk(m, va, stop, true, &entry, &level);
		if (rc == 0 && stop == 2 && *entry) { /* a table left by earlier small mappings */
			size = SMALL;
			large = 0;
			rc = memory_walk(m, va, 1, true, &entry, &level);
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

/* --- access by the host --- */

static bool step_allows(const struct step *s, unsigned access)
{
	return s->entry && page_entry_allows(*s->entry, access);
}

/* Where a step's memory is; NULL if its frame is none of this memory. */
static uint8_t *step_host(const struct memory *m, const struct step *s, uint64_t va)
{
	uint64_t page = page_entry_address(*s->entry), size = memory_level_bytes(s->level);
	uint8_t *host = m->hva + page;
	if (page > m->next || size > m->next - page)
		host = memory_shared_host(m, page, size);
	if (!host)
		return NULL;
	return host + (va & (size - 1));
}

int memory_span(struct memory *m, gva_t at, uint64_t bytes, unsigned access, struct iovec *spans,
		int capacity)
{
	if (at.v > MOTE_VA_END || bytes > MOTE_VA_END - at.v)
		return -EFAULT;
	int count = 0;
	for (uint64_t va = at.v, end = at.v + bytes; va < end;) {
		struct step s;
		int rc = step_at(m, va, end, &s);
		if (rc < 0 || !step_allows(&s, access))
			return -EFAULT;
		uint8_t *host = step_host(m, &s, va);
		if (!host)
			return -EFAULT;
		if (count &&
		    (uint8_t *)spans[count - 1].iov_base + spans[count - 1].iov_len == host) {
			spans[count - 1].iov_len += s.bytes;
		} else {
			if (count == capacity)
				return -E2BIG;
			spans[count++] = (struct iovec){.iov_base = host, .iov_len = s.bytes};
		}
		va += s.bytes;
	}
	return count;
}

enum copy_way { COPY_OUT, COPY_IN };

/* One piece within a page, which may be of a file that somebody truncates. */
static int copy_piece(const struct memory *m, uint8_t *guest, uint8_t *host, uint64_t bytes,
		      enum copy_way way)
{
	void *to = host;
	const void *from = guest;
	if (way == COPY_IN) {
		to = guest;
		from = host;
	}
	if (m->may_vanish)
		return guest_copy(to, from, bytes);
	memcpy(to, from, bytes);
	return 0;
}

static int copy(struct memory *m, uint64_t va, uint8_t *host, uint64_t bytes, enum copy_way way)
{
	if (va > MOTE_VA_END || bytes > MOTE_VA_END - va)
		return -EFAULT;
	unsigned access = MEMORY_READ;
	if (way == COPY_IN)
		access = MEMORY_WRITE;
	for (int pass = 0; pass < 2; pass++) { /* check all of it, then copy */
		uint8_t *at = host;
		for (uint64_t p = va, end = va + bytes; p < end;) {
			struct step s;
			int rc = step_at(m, p, end, &s);
			if (rc < 0 || !step_allows(&s, access))
				return -EFAULT;
			uint8_t *guest = step_host(m, &s, p);
			if (!guest)
				return -EFAULT;
			if (pass == 1 && copy_piece(m, guest, at, s.bytes, way) < 0)
				return -EFAULT;
			at += s.bytes;
			p += s.bytes;
		}
	}
	return 0;
}

int memory_read(struct memory *m, gva_t from, void *to, uint64_t bytes)
{
	return copy(m, from.v, to, bytes, COPY_OUT);
}

int memory_write(struct memory *m, gva_t to, const void *from, uint64_t bytes)
{
	return copy(m, to.v, (uint8_t *)(uintptr_t)from, bytes, COPY_IN);
}

int memory_map_anonymous(const struct memory *m, uint64_t from, uint64_t end)
{
	void *at = mmap(m->hva + from, end - from, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	return 0;
}
