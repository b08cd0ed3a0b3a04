/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memory frozen: its contents in a sealed file, its mappings as a list. Other memories are made from it,
 * or the one that it was taken of is set back to it.
 */
#ifndef MOTE_VM_MEMORY_IMAGE_H
#define MOTE_VM_MEMORY_IMAGE_H

#include "vm/memory/memory.h"

/* Pages of one size that follow each other in both address spaces, with the same access. */
struct memory_run {
	uint64_t va, gpa, bytes;
	uint64_t bits; /* of the page-table entry, its address aside */
};

/*
 * What guests use at once when they go on from an image: worth having before they fault. Pages that are written,
 * and large pages of which much is read, whose contents are copied to where the host has large pages too.
 */
struct memory_working_set {
	uint32_t count, large_count;
	struct memory_extent extents[64];
	uint64_t large[16]; /* guest-physical */
};

/* Of a memory, as in struct memory; snapshot files hold it as it is. */
struct memory_shape {
	uint64_t next, small_next, small_end, used_bytes, max_bytes; /* used: tables not counted */
	uint64_t tables_next; /* bytes of the system block that the image has, 0 in files: made from the runs */
};

/* Immutable once taken, but for what is learnt about it: may be used by any number of threads. */
struct memory_image {
	int fd;              /* owned: guest-physical contents, never written again; holes are zero */
	uint64_t file_at;    /* where in it guest-physical 0 is; whole pages */
	const uint8_t *view; /* owned mapping of it, `shape.next` bytes */
	bool may_vanish;     /* others may shorten that file */
	struct memory_shape shape;
	struct memory_run *runs; /* owned */
	uint32_t run_count, run_room;
	uint32_t *free_small, *free_large; /* owned */
	uint32_t free_small_len, free_large_len;
	_Atomic(struct memory_working_set *) working_set; /* owned; NULL until memory_image_learn */
};

/*
 * Takes the image of a memory whose vCPU is stopped. Errors name what is wrong: ERR_HOST (no memory, no
 * memfd), ERR_CONFIG (a mapped file has become shorter).
 */
int memory_image_take(struct memory *m, struct memory_image *out, struct err *e) must_check;
/*
 * Notes what a memory that the image was put into has written since, if it is not known yet; with `large`, what
 * large pages it has read too, for a memory that is never reset to the image.
 */
void memory_image_learn(struct memory_image *i, struct memory *m, bool large);
/* Takes a working set from elsewhere, unchecked (copied). False where it leads out of the image, or is too large. */
bool memory_image_expect(struct memory_image *i, const struct memory_working_set *w) must_check;
/*
 * In two steps for a file of the caller's: first all but the contents, with fd -1; then the contents from
 * byte file_at of fd on.
 */
int memory_image_list(struct memory *m, struct memory_image *out, struct err *e) must_check;
int memory_image_save(struct memory *m, const struct memory_image *i, int fd, uint64_t file_at, struct err *e) must_check;
/* Maps what lies in i->fd from file_at on. 0 or -errno. */
int memory_image_view(struct memory_image *i) must_check;
/* Opens what memory_image_take and memory_image_save need of /proc. */
void memory_image_prepare(void);
/* The descriptor that it opened, borrowed, or -1. */
int memory_image_pagemap(void);
void memory_image_free(struct memory_image *i); /* accepts a zeroed one with fd -1 */
/*
 * Makes a memory be what the image is. It may be a new one (memory_init), one that was used for anything else, or the
 * one that the image was taken of. Kernel pages are the image's only in a new memory and if it has a system block
 * (m->shared_block); else the memory's own, or none yet. -ENOMEM: it is smaller than what the image uses; -EAGAIN: a
 * guest has changed its page tables or kernel pages, so it cannot be used again.
 */
int memory_image_put(const struct memory_image *i, struct memory *m) must_check;
/*
 * The same where the image was the last that was put and no mapping has changed since (m->changed): only
 * pages that the guest has written are set back. no_new_pages: since this was last called no page of the memory has
 * become this process's own, so that they are the same ones. -EAGAIN as above.
 */
int memory_image_reset(struct memory_image *i, struct memory *m, bool no_new_pages) must_check;

/*
 * Makes a memory as empty as memory_init made it, for another guest; the kernel window stays. -EAGAIN as above.
 */
int memory_empty(struct memory *m) must_check;

#endif
