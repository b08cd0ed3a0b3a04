/* SPDX-License-Identifier: Apache-2.0 */
/* Making and destroying a guest's memory, and what the guest may have changed in it. */
#include "abi/layout.h"
#include "vm/memory/guest_copy.h"
#include "vm/memory/private.h"
#include "vm/memory/shared_file.h"

#include <assert.h>
#include <string.h>

/*
 * Page tables for a guest that spreads its pages widely, one for each 2 MiB that it touches; more
 * of them than that are refused.
 */
static uint64_t spill_bytes(uint64_t max_bytes)
{
	uint64_t bytes = max_bytes / 32;
	if (bytes > 1UL << 30)
		bytes = 1UL << 30;
	return (bytes + 16 * MEMORY_SYSTEM_BYTES) & ~(SMALL - 1);
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
	return memory_take_table(m, &m->root);
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

/* Of a memory whose marks are sampled. */
static bool is_same_but_marks(const struct memory *m, uint64_t gpa)
{
	const uint64_t *own = (const uint64_t *)(const void *)(m->mirror + gpa);
	const uint64_t *copy = (const uint64_t *)(const void *)(m->hva + gpa);
	bool same = gpa >= MEMORY_KERNEL_PAGES_BYTES;
	for (unsigned k = 0; k < ENTRIES && same; k++) {
		uint64_t entry = __atomic_load_n(&copy[k], __ATOMIC_RELAXED);
		same = entry == own[k] || entry == page_entry_unmarked(own[k]);
	}
	return same;
}

bool memory_page_is_intact(const struct memory *m, uint64_t gpa)
{
	bool same = memcmp(m->hva + gpa, m->mirror + gpa, SMALL) == 0 ||
		    (m->sampled && is_same_but_marks(m, gpa));
	if (same || gpa != MEMORY_STACKS_AT)
		return same;
	memcpy(m->hva + gpa, m->mirror + gpa, SMALL);
	return true;
}

bool memory_intact(const struct memory *m)
{
	bool intact = !m->broken;
	for (uint64_t at = 0; at < m->tables_next && intact; at += SMALL)
		intact = memory_page_is_intact(m, at);
	if (!intact || !m->spill_next)
		return intact;
	return memcmp(m->hva + m->end, m->mirror + MEMORY_SYSTEM_BYTES, m->spill_next) == 0;
}
