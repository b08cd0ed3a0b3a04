/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's page tables (AMD64 Architecture Programmer's Manual, volume 2, 5.3), and the copy of
 * them in the guest.
 */
#include "abi/layout.h"
#include "vm/memory/private.h"

#include <assert.h>
#include <string.h>

/* Whether a walk ends at this entry: as far down as it is to go, or at what is not a table. */
static bool ends_walk(uint64_t entry, int level, int stop)
{
	return level == stop || page_entry_is_reserved(entry) ||
	       (level == 2 && page_entry_is_large(entry));
}

uint64_t *memory_find_entry(const struct memory *m, uint64_t va, int stop, int *level)
{
	uint64_t table = m->root;
	for (*level = 4;; --*level) {
		uint64_t *at = memory_table(m, table) + memory_index(va, *level);
		if (ends_walk(*at, *level, stop))
			return at;
		if (!page_entry_is_present(*at))
			return NULL;
		table = page_entry_address(*at);
	}
}

int memory_make_entry(struct memory *m, uint64_t va, int stop, uint64_t **entry, int *level)
{
	uint64_t table = m->root;
	for (*level = 4;; --*level) {
		uint64_t *at = memory_table(m, table) + memory_index(va, *level);
		if (ends_walk(*at, *level, stop)) {
			*entry = at;
			return 0;
		}
		if (!page_entry_is_present(*at)) {
			uint64_t page;
			int rc = memory_take_table(m, &page);
			if (rc < 0)
				return rc;
			memory_set_entry(m, at, page_entry_table(page));
		}
		table = page_entry_address(*at);
	}
}

struct memory_step memory_step_at(const struct memory *m, uint64_t at, uint64_t end)
{
	struct memory_step s;
	s.entry = memory_find_entry(m, at, 1, &s.level);
	uint64_t size = memory_level_bytes(s.level);
	s.bytes = size - (at & (size - 1));
	if (s.bytes > end - at)
		s.bytes = end - at;
	if (s.entry && !page_entry_is_used(*s.entry))
		s.entry = NULL;
	return s;
}

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
		if (page_entry_is_large(entries[k]) || page_entry_is_reserved(entries[k]))
			memory_set_entry(m, &entries[k], 0);
		else
			clear_table(m, page_entry_address(entries[k]), level - 1, at);
	}
}

void memory_clear_tables(struct memory *m)
{
	clear_table(m, m->root, 4, 0);
}
