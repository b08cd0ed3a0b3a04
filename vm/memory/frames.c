/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest-physical memory: what of it KVM has, and who has which page of it. How much the guest takes
 * is its choice, within the limit.
 */
#include "vm/kvm/ioctl.h"
#include "vm/memory/private.h"

#include <linux/kvm.h>

/* a slot costs by its size, and much less before the vCPU has run */
#define FIRST_SLOT (16UL << 20)
enum { SLOTS_MAX = MEMORY_SLOTS_OWN - 1, SPILL_SLOT = SLOTS_MAX };

/* --- slots --- */

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
	m->slot_end += bytes;
	m->slot_ends[m->slots++] = m->slot_end;
	return 0;
}

static bool renew_slot(const struct memory *m, uint32_t number, uint64_t gpa, uint64_t bytes)
{
	if (memory_ends_now(m) || memory_set_slot(m, number, gpa, 0, m->hva + gpa) < 0)
		return false;
	return add_slot(m, number, gpa, bytes) == 0;
}

bool memory_renew_slots(const struct memory *m)
{
	uint64_t from = 0;
	for (uint32_t i = 0; i < m->slots; i++) {
		if (!renew_slot(m, i, from, m->slot_ends[i] - from))
			return false;
		from = m->slot_ends[i];
	}
	return !m->spill_next || renew_slot(m, SPILL_SLOT, m->end, m->spill_bytes);
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

bool memory_may_split(struct memory *m)
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
	if (block != m->huge_end && !memory_may_split(m))
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

int memory_take_small(struct memory *m, uint64_t *page)
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

int memory_take_table(struct memory *m, uint64_t *page)
{
	if (m->tables_next == MEMORY_SYSTEM_BYTES)
		return spill_table(m, page);
	*page = m->tables_next;
	m->tables_next += SMALL;
	m->used_bytes += SMALL;
	return 0;
}

int memory_take_large(struct memory *m, uint64_t *page)
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

void memory_give(struct memory *m, uint64_t page, uint64_t bytes)
{
	m->used_bytes -= bytes;
	if (bytes == LARGE)
		stack_push(&m->free_large, page);
	else
		stack_push(&m->free_small, page);
}

void memory_freed_in_order(struct memory *m, uint32_t from)
{
	struct page_stack *s = &m->free_small;
	for (uint32_t to = s->len; from + 1 < to; from++) {
		uint32_t frame = s->frames[from];
		s->frames[from] = s->frames[--to];
		s->frames[to] = frame;
	}
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

int memory_map_anonymous(const struct memory *m, uint64_t from, uint64_t end)
{
	void *at = mmap(m->hva + from, end - from, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	return 0;
}
