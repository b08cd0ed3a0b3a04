/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of page tables of four levels with 512 entries each and pages of 4 KiB and 2 MiB. An
 * entry's address can be added to, which moves what it maps.
 */
#ifndef MOTE_VM_ARCH_PAGE_ENTRY_H
#define MOTE_VM_ARCH_PAGE_ENTRY_H

#if defined(__x86_64__)
#include "vm/arch/x86_64/page_entry.h"
#elif defined(MOTE_ARCH_INTERFACE)
#include "vm/memory/memory.h"

/* For a page with `access` (enum memory_access; 0: none at present) of `kind` (enum page_kind). */
uint64_t page_entry(uint64_t page, unsigned access, unsigned kind);
/* For a table of the level below. */
uint64_t page_entry_table(uint64_t table);
/* Whether it maps something, with or without access. */
bool page_entry_is_used(uint64_t entry);
bool page_entry_is_present(uint64_t entry);
/* Whether no page is behind it yet: it is not present, and its address is 0. */
bool page_entry_is_reserved(uint64_t entry);
bool page_entry_is_large(uint64_t entry);
/* Of the page or table. */
uint64_t page_entry_address(uint64_t entry);
/* What page_entry() was given. */
unsigned page_entry_kind(uint64_t entry);
unsigned page_entry_access(uint64_t entry);
/* Makes a present entry inaccessible with its access kept; whether it is that; undoes it. */
uint64_t page_entry_lose(uint64_t entry);
bool page_entry_is_lost(uint64_t entry);
uint64_t page_entry_find(uint64_t entry);
/* Without the mark that the processor makes when it uses the entry, and whether it has it. */
uint64_t page_entry_unmarked(uint64_t entry);
bool page_entry_is_marked(uint64_t entry);
/* Whether code at user privilege has this access. */
bool page_entry_allows(uint64_t entry, unsigned access);
#else
#error "no port to this architecture: vm/arch/ has no directory for it"
#endif

#endif
