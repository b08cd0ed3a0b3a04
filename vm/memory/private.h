/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of memory/ share besides page tables (arch). */
#ifndef MOTE_VM_MEMORY_PRIVATE_H
#define MOTE_VM_MEMORY_PRIVATE_H

#include "vm/memory/page_table.h"

/* Zeroed memory of this process alone in place of what is at [from, end). 0 or -errno. */
int memory_map_anonymous(const struct memory *m, uint64_t from, uint64_t end) must_check;
/*
 * Maps guest-physical pages that are there at `at`, never to be freed by an unmap. 0, -EINVAL,
 * -EEXIST, -ENOMEM. -EINTR: the guest is to end, and some are mapped.
 */
int memory_map_pages(struct memory *m, gva_t at, uint64_t gpa, uint64_t bytes,
		     unsigned access) must_check;
/* Marks the pages of a range that are present as lost; how many there were, or -errno. */
int64_t memory_lose(struct memory *m, gva_t at, uint64_t bytes) must_check;
/* Gives KVM guest-physical memory, or takes it away (0 bytes), by a slot's number. 0 or -errno. */
int memory_set_slot(const struct memory *m, uint32_t number, uint64_t gpa, uint64_t bytes,
		    const uint8_t *host) must_check;
/* The first slot number that memory.c does not use. */
enum { MEMORY_SLOTS_OWN = 32 };
/*
 * Whether another guest can have this memory: tables and kernel pages are as the host has made
 * them, and no guest at CPL 0 has written where the next tables will be. 0, or -EAGAIN.
 */
int memory_check_intact(struct memory *m) must_check;
/* The system block in memory of this memory's own: what lies in a snapshot's file keeps that file.
 */
int memory_unshare_block(struct memory *m) must_check;

#endif
