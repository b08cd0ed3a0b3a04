/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of page tables (AMD64 Architecture Programmer's Manual, volume 2, 5.3 and 5.4). */
#ifndef MOTE_VM_ARCH_X86_64_PAGE_ENTRY_H
#define MOTE_VM_ARCH_X86_64_PAGE_ENTRY_H

#include "vm/memory/memory.h"

enum {
	PTE_PRESENT = 1 << 0,
	PTE_WRITE = 1 << 1,
	PTE_USER = 1 << 2,
	PTE_ACCESSED = 1 << 5,
	PTE_DIRTY = 1 << 6,
	PTE_LARGE = 1 << 7,
	PTE_HIDDEN = 1 << 9, /* ours: mapped with no access at present */
	PTE_FIXED = 1 << 10, /* ours: the page behind it is not freed */
	PTE_LOST = 1 << 11,  /* ours: hidden since the file behind it has no such page now */
};
/* ours: mapped, but no page is behind it yet; not present, so the CPU does not look at it */
#define PTE_RESERVED (1UL << 58)
#define PTE_NX       (1UL << 63)
#define PTE_ADDR     0x000ffffffffff000UL

static inline uint64_t page_entry(uint64_t page, unsigned access, unsigned kind)
{
	uint64_t entry = page | PTE_ACCESSED | PTE_DIRTY;
	if (kind & PAGE_RESERVED)
		entry |= PTE_RESERVED;
	else if (access)
		entry |= PTE_PRESENT;
	if (!access)
		entry |= PTE_HIDDEN;
	if (access & MEMORY_WRITE)
		entry |= PTE_WRITE;
	if (!(access & MEMORY_EXEC))
		entry |= PTE_NX;
	if (!(access & MEMORY_KERNEL))
		entry |= PTE_USER;
	if (kind & PAGE_LARGE)
		entry |= PTE_LARGE;
	if (kind & PAGE_FIXED)
		entry |= PTE_FIXED;
	return entry;
}

static inline uint64_t page_entry_table(uint64_t table)
{
	return table | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED;
}

static inline bool page_entry_is_used(uint64_t entry)
{
	return entry & (PTE_PRESENT | PTE_HIDDEN | PTE_RESERVED);
}

static inline bool page_entry_is_present(uint64_t entry)
{
	return entry & PTE_PRESENT;
}

static inline bool page_entry_is_reserved(uint64_t entry)
{
	return entry & PTE_RESERVED;
}

static inline bool page_entry_is_large(uint64_t entry)
{
	return entry & PTE_LARGE;
}

static inline uint64_t page_entry_address(uint64_t entry)
{
	return entry & PTE_ADDR;
}

static inline unsigned page_entry_kind(uint64_t entry)
{
	unsigned kind = 0;
	if (entry & PTE_LARGE)
		kind |= PAGE_LARGE;
	if (entry & PTE_FIXED)
		kind |= PAGE_FIXED;
	if (entry & PTE_RESERVED)
		kind |= PAGE_RESERVED;
	return kind;
}

static inline unsigned page_entry_access(uint64_t entry)
{
	unsigned access = MEMORY_READ;
	if (!(entry & (PTE_PRESENT | PTE_RESERVED)) || entry & PTE_HIDDEN)
		return 0;
	if (entry & PTE_WRITE)
		access |= MEMORY_WRITE;
	if (!(entry & PTE_NX))
		access |= MEMORY_EXEC;
	if (!(entry & PTE_USER))
		access |= MEMORY_KERNEL;
	return access;
}

static inline uint64_t page_entry_lose(uint64_t entry)
{
	return (entry & ~(uint64_t)PTE_PRESENT) | PTE_HIDDEN | PTE_LOST;
}

static inline bool page_entry_is_lost(uint64_t entry)
{
	return entry & PTE_LOST;
}

static inline uint64_t page_entry_find(uint64_t entry)
{
	return (entry & ~(uint64_t)(PTE_HIDDEN | PTE_LOST)) | PTE_PRESENT;
}

static inline uint64_t page_entry_unmarked(uint64_t entry)
{
	return entry & ~(uint64_t)PTE_ACCESSED;
}

static inline bool page_entry_is_marked(uint64_t entry)
{
	return entry & PTE_ACCESSED;
}

static inline bool page_entry_allows(uint64_t entry, unsigned access)
{
	if (!(entry & PTE_PRESENT) || !(entry & PTE_USER))
		return false;
	return !(access & MEMORY_WRITE) || entry & PTE_WRITE;
}

#endif
