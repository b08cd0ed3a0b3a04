/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's memory: guest-physical pages, and what the guest's addresses mean. One thread uses a
 * memory at a time, while its vCPU is stopped.
 *
 * The guest may write all of its memory at any time, its page tables included. So the host keeps
 * page tables of its own (the mirror), decides by them alone, and writes the guest's as a copy that
 * it never reads back but to see whether the guest has changed it (memory_intact).
 *
 * KVM with shadow paging does not see that the host writes a guest's page tables. What was not
 * mapped and is mapped now needs nothing; if a mapping is taken away, restricted or split, the host
 * memory behind it is taken from KVM (see memory_invalidate), which drops every translation on
 * either kind of KVM.
 */
#ifndef MOTE_VM_MEMORY_MEMORY_H
#define MOTE_VM_MEMORY_MEMORY_H

#include "abi/layout.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "vm/memory/dirty_tracker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Addresses that must not be mixed up. */
typedef struct {
	uint64_t v;
} gpa_t; /* guest-physical */
typedef struct {
	uint64_t v;
} gva_t; /* guest-virtual */

static inline gva_t gva(uint64_t v)
{
	return (gva_t){v};
}

/* The beginning of the next page, or v if it is one. */
static inline uint64_t memory_page_up(uint64_t v)
{
	return (v + MOTE_PAGE - 1) & ~(uint64_t)(MOTE_PAGE - 1);
}

enum memory_access {
	MEMORY_READ = 1,
	MEMORY_WRITE = 2,
	MEMORY_EXEC = 4,
	/* supervisor only, and may be in the kernel window; for the host's own mappings */
	MEMORY_KERNEL = 8,
	MEMORY_SHARED_KERNEL = 16, /* in the kernel window, but for CPL 3 too */
};

/*
 * What a mapping is, beyond its access. Snapshot files hold this and the access, not entries of
 * page tables.
 */
enum page_kind {
	PAGE_LARGE = 1, /* of 2 MiB */
	PAGE_FIXED = 2, /* the memory behind it is not freed with it */
	PAGE_RESERVED =
		4, /* none is behind it: it comes with the first access; alone, of any size */
};

/*
 * The system block, at the beginning of guest-physical memory and not counted to what the guest may
 * use: pages of Mote's own (kernel_window_map() in arch/arch.h), at the same places in every VM,
 * and behind them page tables. A table keeps its place, the range of addresses that it serves, as
 * long as the VM lives: KVM with shadow paging follows the links between tables only once. A guest
 * with more tables than fit has them after all other memory, and cannot be frozen.
 */
#define MEMORY_SYSTEM_BYTES (1UL << 20)
/* kernel pages that the guest writes: its vCPUs' stacks */
#define MEMORY_STACKS_AT          0x4000UL
#define MEMORY_STACKS_BYTES       0x1000UL /* one page */
#define MEMORY_KERNEL_PAGES_BYTES (MEMORY_STACKS_AT + MEMORY_STACKS_BYTES)
#define MEMORY_MAX_BYTES          (1UL << 40)
#define MEMORY_FILES_MAX          16
#define MEMORY_SLOTS_OWN          32 /* memory slots but for shared files (vm/memory/frames.c) */
#define MEMORY_SPLITS_MAX         1024

struct memory_extent {
	uint64_t gpa, bytes;
};

struct memory_shared_file; /* vm/memory/shared_file.h */

struct memory {
	int vm_fd;      /* borrowed from the machine; -1: no KVM (tests) */
	void *reserved; /* owned: address space, a large page more than `end` */
	uint64_t reserved_bytes;
	uint8_t *hva;         /* in it, aligned as large pages are: guest-physical 0 on */
	uint64_t max_bytes;   /* what the guest may use */
	uint64_t end;         /* of what the guest may use: the system block and max_bytes */
	uint64_t spill_bytes; /* from `end` on, for tables that do not fit the system block */
	uint64_t slot_end;    /* guest-physical memory given to KVM so far */
	uint64_t slot_ends[MEMORY_SLOTS_OWN]; /* of each slot, which begins at the last one's end */
	uint32_t slots;
	uint64_t next; /* pages from here to `end` were never used */
	/*
	 * in `reserved`: the host's own copy of the system block and, behind it, of the spilled
	 * tables
	 */
	uint8_t *mirror;
	uint64_t tables_next; /* of the system block */
	uint64_t spill_next;  /* bytes of spilled tables */
	bool window_ready;    /* the kernel window is mapped */
	bool shared_block;    /* the system block lies in a snapshot's file, as that has it */
	bool sampled;         /* entries of the guest's copy are unmarked (working_set.h) */
	bool broken;          /* a translation could not be dropped: the guest must not run again */
	bool changed; /* a mapping changed since memory_image_take or memory_image_restore */
	/* a snapshot's file lies under the pages from the system block to here */
	uint64_t backed_end;
	/* host mappings that this memory was split into, at most MEMORY_SPLITS_MAX */
	unsigned splits;
	uint64_t huge_end; /* end of the last range that MADV_HUGEPAGE was said of */
	bool copies; /* files are copied, not mapped: no page is shared with other processes */
	struct memory_extent files[MEMORY_FILES_MAX]; /* what memory_back mapped */
	unsigned file_count;
	struct memory_shared_file *shared; /* owned; NULL: no file was ever shared */
	unsigned shared_count;
	uint64_t lost_pages; /* so far; shared_file.h */
	/* a host access found reserved memory: -ENOMEM, or -EAGAIN if it may not be backed now */
	int uncommitted;
	bool no_commits; /* another thread than the vCPU's has the memory */
	bool may_vanish; /* some of it lies in a file that others may shorten (guest_copy.h) */
	uint64_t small_next, small_end; /* the block that single pages come from */
	struct page_stack {
		uint32_t *frames; /* owned */
		uint32_t len, capacity;
	} free_small, free_large; /* freed pages of 4 KiB and 2 MiB, all zero */
	/* which pages differ from the snapshot that it was last set to */
	struct dirty_tracker dirty;
	uint64_t root;       /* guest-physical address of the top page table */
	uint64_t used_bytes; /* allocated and not freed, tables and kernel pages included */
	/*
	 * Asked in long changes of mappings, which it ends with -EINTR and half done: the guest is
	 * to end. NULL: never.
	 */
	bool (*ending)(void *arg);
	void *ending_arg;
};

int memory_init(struct memory *m, int vm_fd, uint64_t max_bytes, struct err *e) must_check;
void memory_destroy(struct memory *m); /* accepts a zeroed one */

/*
 * Guest mappings, page-aligned, inside the lower half and outside the kernel window: the host calls
 * of the same names. 0 or -errno (EINVAL, EEXIST, ENOMEM; EINTR: m->ending).
 */
int memory_map(struct memory *m, gva_t at, uint64_t bytes, unsigned access) must_check;
/*
 * The same for memory that may never be used: what is large, or does not fit, is only reserved
 * (vm/memory/commit.h). -ENOMEM: there are too many page tables.
 */
int memory_map_lazily(struct memory *m, gva_t at, uint64_t bytes, unsigned access) must_check;
int memory_unmap(struct memory *m, gva_t at, uint64_t bytes) must_check;
int memory_protect(struct memory *m, gva_t at, uint64_t bytes, unsigned access) must_check;
int memory_zero(struct memory *m, gva_t at, uint64_t bytes) must_check;
/*
 * Moves what is mapped in a range, holes included, to addresses where nothing is: pages stay and
 * keep their contents. keep: the range stays mapped, with the same access, and reads as zero.
 * -EOPNOTSUPP: a file that is shared is in it in part, or is to be kept. On an error but -EINTR all
 * is where it was.
 */
int memory_move(struct memory *m, gva_t at, uint64_t bytes, gva_t to, bool keep) must_check;
/* Of the page at an address; 0: it has none, or nothing is mapped. */
unsigned memory_access_at(struct memory *m, gva_t at);
/*
 * Prefaults what was just mapped, 32 MiB at most: one call for adjacent pages, not a fault for
 * each.
 */
void memory_fill(struct memory *m, gva_t at, uint64_t bytes);
/* Maps existing guest-physical pages (the guest program's), which are never freed by an unmap. */
int memory_map_fixed(struct memory *m, gva_t at, gpa_t from, uint64_t bytes,
		     unsigned access) must_check;
/* Takes page-aligned guest-physical memory that backs no mapping yet, contiguous and zeroed. */
int memory_take(struct memory *m, uint64_t bytes, gpa_t *out) must_check;
/* Puts a private mapping of a trusted file's pages over memory that was taken. */
int memory_back(struct memory *m, gpa_t at, uint64_t bytes, int fd, uint64_t from) must_check;
/* As memory_take, as a private mapping of a file from its beginning; once for each memory. */
int memory_take_file(struct memory *m, int fd, uint64_t bytes, gpa_t *out) must_check;
/* Host address of guest-physical memory that was taken; NULL outside. */
uint8_t *memory_at(const struct memory *m, gpa_t at, uint64_t bytes);
/*
 * Writes to a kernel page, and to the host's copy of it. at + bytes: below
 * MEMORY_KERNEL_PAGES_BYTES.
 */
void memory_publish(struct memory *m, gpa_t at, const void *bytes, uint64_t len);
/* The host's copy of a kernel page. */
const uint8_t *memory_published(const struct memory *m, gpa_t at);
/*
 * Whether page tables and kernel pages are still what the host has made them, for a VM that shall
 * run another guest. The vCPUs' stack pages, which guests use, are restored by it.
 */
bool memory_intact(const struct memory *m) must_check;
/* The same of one page of the system block, below tables_next. */
bool memory_page_is_intact(const struct memory *m, uint64_t gpa) must_check;

/*
 * Spans: the host memory behind guest-virtual memory. Fails with -EFAULT unless all of it is mapped
 * for user access with `access` (MEMORY_READ or MEMORY_WRITE); m->uncommitted then says whether
 * only memory was lacking for what is reserved. Fills in at most `capacity` entries,
 * the count is returned; -E2BIG when it takes more. The spans hold until the next change of a
 * mapping.
 */
int memory_span(struct memory *m, gva_t at, uint64_t bytes, unsigned access, struct iovec *spans,
		int capacity) must_check;
/* Whether something is mapped at an address, with whatever access. */
bool memory_is_mapped(const struct memory *m, gva_t at) must_check;
/* Copies out of and into guest memory: 0 or -EFAULT with nothing written. */
int memory_read(struct memory *m, gva_t from, void *to, uint64_t bytes) must_check;
int memory_write(struct memory *m, gva_t to, const void *from, uint64_t bytes) must_check;

#endif
