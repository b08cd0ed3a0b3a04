/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image of a memory: its contents in a sealed file, its mappings as a list. A memory is
 * restored from it, be it new, another guest's or the one that the image was taken of; the one that
 * it was last restored to is reset to it, which costs less.
 */
#ifndef MOTE_VM_MEMORY_IMAGE_H
#define MOTE_VM_MEMORY_IMAGE_H

#include "vm/memory/memory.h"

struct working_set;

/* Pages of one size that follow each other in both address spaces, with the same access. */
struct memory_run {
	uint64_t va, gpa, bytes;
	uint32_t access, kind; /* enum memory_access, enum page_kind */
};

/* Of a memory, as in struct memory; snapshot files hold it as it is. */
struct memory_shape {
	uint64_t next, small_next, small_end, used_bytes, max_bytes; /* used: tables not counted */
	/* bytes of the system block that the image has, 0 in files: made from the runs */
	uint64_t tables_next;
};

/* Immutable once taken, but for its working set: may be used by any number of threads. */
struct memory_image {
	int fd;           /* owned: guest-physical contents, never written again; holes are zero */
	uint64_t file_at; /* where in it guest-physical 0 is; whole pages */
	const uint8_t *view; /* owned mapping of it, `shape.next` bytes */
	bool may_vanish;     /* others may shorten that file */
	struct memory_shape shape;
	struct memory_run *runs; /* owned */
	uint32_t run_count, run_capacity;
	uint32_t *free_small, *free_large; /* owned */
	uint32_t free_small_len, free_large_len;
	/* owned; NULL until it is recorded or installed */
	_Atomic(struct working_set *) working_set;
};

/*
 * Takes the image of a memory whose vCPU is stopped. Errors name what is wrong: ERR_HOST (no
 * memory, no memfd), ERR_CONFIG (a mapped file has become shorter).
 */
int memory_image_take(struct memory *m, struct memory_image *out, struct err *e) must_check;
/*
 * In two steps for a file of the caller's: first all but the contents, with fd -1; then the
 * contents from byte file_at of fd on.
 */
int memory_image_list(struct memory *m, struct memory_image *out, struct err *e) must_check;
int memory_image_save(struct memory *m, const struct memory_image *i, int fd, uint64_t file_at,
		      struct err *e) must_check;
/* Maps what lies in i->fd from file_at on. 0 or -errno. */
int memory_image_view(struct memory_image *i) must_check;
void memory_image_free(struct memory_image *i); /* accepts a zeroed one with fd -1 */
/*
 * Makes a memory be what the image is, whatever it was before. Kernel pages are the image's only in
 * a new memory and if it has a system block (m->shared_block); else the memory's own, or none yet.
 * -ENOMEM: it is smaller than what the image uses; -EAGAIN: a guest has changed its page tables or
 * kernel pages, so it cannot be used again.
 */
int memory_image_restore(const struct memory_image *i, struct memory *m) must_check;
/*
 * The same if the image was the last that was restored to this memory and no mapping has changed
 * since (m->changed): only what the guest has written is copied back. -EAGAIN as above; -EFAULT:
 * the image's file has become shorter.
 */
int memory_image_reset(struct memory_image *i, struct memory *m) must_check;

/*
 * Makes a memory as empty as memory_init made it, for another guest; the kernel window stays.
 * -EAGAIN as above.
 */
int memory_empty(struct memory *m) must_check;

#endif
