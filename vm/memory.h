/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's memory: guest-physical pages, and the page tables that map them. Only the host writes page
 * tables; the guest never sees them. One thread uses a memory at a time, while its vCPU is stopped.
 *
 * KVM with shadow paging does not see that the host writes a guest's page tables. What was not mapped
 * and is mapped now needs nothing; where a mapping is taken away, restricted or split, the host memory
 * behind it is taken from KVM (see memory_zap), which drops every translation on either kind of KVM.
 */
#ifndef MOTE_VM_MEMORY_H
#define MOTE_VM_MEMORY_H

#include "base/cleanup.h"
#include "base/err.h"

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

enum memory_access {
	MEMORY_READ = 1,
	MEMORY_WRITE = 2,
	MEMORY_EXEC = 4,
	MEMORY_KERNEL = 8, /* supervisor only, and may be in the kernel window; for the host's own mappings */
	MEMORY_SHARED_KERNEL = 16, /* in the kernel window, but for CPL 3 too */
};

/*
 * Page tables are at the beginning of guest-physical memory, beside what the guest may use. A table keeps
 * its place, the range of addresses that it serves, as long as the VM lives: KVM with shadow paging
 * follows the links between tables only once.
 */
#define MEMORY_TABLES_BYTES (1UL << 20)
#define MEMORY_FILES_MAX 16

struct memory_extent {
	uint64_t gpa, bytes;
};

struct memory {
	int vm_fd;         /* borrowed from the machine; -1 where there is no KVM (tests) */
	void *reserved;    /* owned: address space, a large page more than `end` */
	uint64_t reserved_bytes;
	uint8_t *hva;      /* in it, aligned as large pages are: guest-physical 0 on */
	uint64_t max_bytes; /* what the guest may use */
	uint64_t end;       /* of guest-physical addresses: max_bytes and the tables' block */
	uint64_t slot_end; /* guest-physical memory given to KVM so far */
	uint32_t slots;
	uint64_t next;       /* pages from here to `end` were never used */
	uint64_t tables_next; /* of the tables' block */
	bool tables_spilled;  /* the block was too small: tables are elsewhere too */
	bool changed;         /* a mapping changed since memory_image_take or memory_image_put */
	bool holes;           /* discarded pages have replaced parts of a snapshot */
	uint64_t backed_end;  /* a snapshot's file lies under the pages from the tables' block to here */
	struct memory_extent files[MEMORY_FILES_MAX]; /* what memory_back mapped */
	unsigned file_count;
	uint64_t small_next, small_end; /* the block that single pages come from */
	struct page_stack {
		uint32_t *frames; /* owned */
		uint32_t len, room;
	} free_small, free_large; /* freed pages of 4 KiB and 2 MiB, all zero */
	struct page_stack written; /* since a snapshot was put: the pages that are this process's own... */
	bool written_known;        /* ...when memory_image_reset last looked */
	uint64_t file_gpa, file_bytes; /* what memory_take_file mapped */
	uint64_t root;            /* guest-physical address of the top page table */
	uint64_t used_bytes;      /* allocated and not freed */
};

int memory_init(struct memory *m, int vm_fd, uint64_t max_bytes, struct err *e) must_check;
void memory_destroy(struct memory *m); /* accepts a zeroed one */

/*
 * Guest mappings, page-aligned, inside the lower half and outside the kernel window: the host calls of
 * the same names. 0 or -errno (EINVAL, EEXIST, ENOMEM).
 */
int memory_map(struct memory *m, gva_t at, uint64_t bytes, unsigned access) must_check;
int memory_unmap(struct memory *m, gva_t at, uint64_t bytes) must_check;
int memory_protect(struct memory *m, gva_t at, uint64_t bytes, unsigned access) must_check;
int memory_zero(struct memory *m, gva_t at, uint64_t bytes) must_check;
/* Has the host back what was just mapped, 32 MiB at most: one call for pages beside each other, not a fault for each. */
void memory_fill(struct memory *m, gva_t at, uint64_t bytes);
/* Maps existing guest-physical pages (the payload's), which are never freed by an unmap. */
int memory_map_fixed(struct memory *m, gva_t at, gpa_t from, uint64_t bytes, unsigned access) must_check;
/* Takes page-aligned guest-physical memory that backs no mapping yet, contiguous and zeroed. */
int memory_take(struct memory *m, uint64_t bytes, gpa_t *out) must_check;
/* Puts a private mapping of a trusted file's pages over memory that was taken. */
int memory_back(struct memory *m, gpa_t at, uint64_t bytes, int fd, uint64_t from) must_check;
/* As memory_take, as a private mapping of a file from its beginning; once for each memory. */
int memory_take_file(struct memory *m, int fd, uint64_t bytes, gpa_t *out) must_check;
/* Host address of guest-physical memory that was taken; NULL outside. */
uint8_t *memory_at(struct memory *m, gpa_t at, uint64_t bytes);

/*
 * Spans: the host memory behind guest-virtual memory. Fails with -EFAULT unless all of it is mapped for
 * user access with `access` (MEMORY_READ or MEMORY_WRITE). Fills in at most `room` entries, the count
 * is returned; -E2BIG when it takes more. The spans hold until the next change of a mapping.
 */
int memory_span(struct memory *m, gva_t at, uint64_t bytes, unsigned access, struct iovec *spans, int room) must_check;
/* Copies out of and into guest memory: 0 or -EFAULT with nothing written. */
int memory_read(struct memory *m, gva_t from, void *to, uint64_t bytes) must_check;
int memory_write(struct memory *m, gva_t to, const void *from, uint64_t bytes) must_check;

#endif
