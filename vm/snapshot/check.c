/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consistency of a snapshot that was read from a file. Anybody may have made it, and VMs made from
 * it allocate by its lists: so each frame of guest-physical memory has one owner, which is a
 * mapping of the guest's own memory, a free list, the rest of the block that single pages come
 * from, or what was taken for good (the image, boot information, the area, the program), which may
 * be mapped several times or not at all.
 */
#include "vm/boot.h"
#include "vm/memory/page_table.h"
#include "vm/snapshot/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BITS = 64 };

/* A set of frames. */
struct frames {
	uint64_t *words; /* owned */
	uint64_t count;  /* frames that there are */
};

struct owners {
	/*
	 * frames with one owner: mappings of the guest's own memory, free lists, the block's rest
	 */
	struct frames one;
	struct frames kept;                /* taken for good */
	uint64_t mapped_bytes, free_bytes; /* of `one` */
	uint64_t kept_bytes;
};

static int frames_init(struct frames *f, uint64_t count)
{
	f->count = count;
	f->words = calloc(count / WORD_BITS + 1, sizeof(*f->words));
	if (f->words)
		return 0;
	return -ENOMEM;
}

/* The bits of `word` that are in [at, end). */
static uint64_t mask_of(uint64_t word, uint64_t at, uint64_t end)
{
	uint64_t first = word * WORD_BITS, mask = ~0UL;
	if (at > first)
		mask &= ~0UL << (at - first);
	if (end < first + WORD_BITS)
		mask &= (1UL << (end - first)) - 1;
	return mask;
}

static bool frames_any(const struct frames *f, uint64_t at, uint64_t end)
{
	for (uint64_t w = at / WORD_BITS; w * WORD_BITS < end; w++)
		if (f->words[w] & mask_of(w, at, end))
			return true;
	return false;
}

/* Adds a range; how many frames of it were not there yet. */
static uint64_t frames_add(struct frames *f, uint64_t at, uint64_t end)
{
	uint64_t added = 0;
	for (uint64_t w = at / WORD_BITS; w * WORD_BITS < end; w++) {
		uint64_t fresh = mask_of(w, at, end) & ~f->words[w];
		added += (uint64_t)__builtin_popcountl(fresh);
		f->words[w] |= fresh;
	}
	return added;
}

/* Whole pages within the guest's memory, which the system block is not part of. */
static bool inside(const struct frames *f, uint64_t at, uint64_t bytes)
{
	uint64_t end = f->count * SMALL;
	return !((at | bytes) & (SMALL - 1)) && bytes && at >= MEMORY_SYSTEM_BYTES && at <= end &&
	       bytes <= end - at;
}

/* For an owner that shares with nobody. */
static bool own(struct owners *o, uint64_t at, uint64_t bytes)
{
	uint64_t from = at / SMALL, end = from + bytes / SMALL;
	if (!inside(&o->one, at, bytes) || frames_any(&o->one, from, end) ||
	    frames_any(&o->kept, from, end))
		return false;
	(void)frames_add(&o->one, from, end);
	return true;
}

/* Before or after others of its kind. */
static bool keep(struct owners *o, uint64_t at, uint64_t bytes)
{
	uint64_t from = at / SMALL, end = from + bytes / SMALL;
	if (!inside(&o->one, at, bytes) || frames_any(&o->one, from, end))
		return false;
	o->kept_bytes += frames_add(&o->kept, from, end) * SMALL;
	return true;
}

/* What a guest can have, of pages that are not the host's. */
static bool rights_good(const struct memory_run *r)
{
	const uint32_t access = MEMORY_READ | MEMORY_WRITE | MEMORY_EXEC,
		       kind = PAGE_LARGE | PAGE_FIXED;
	if (r->access & ~access || (r->kind & ~kind && r->kind != PAGE_RESERVED))
		return false;
	if (r->kind == PAGE_RESERVED && r->gpa != 0)
		return false;
	return r->access == 0 || r->access & MEMORY_READ;
}

static bool own_run(struct owners *o, const struct memory_run *r)
{
	if (r->kind & PAGE_RESERVED)
		return true;
	if (r->kind & PAGE_FIXED)
		return keep(o, r->gpa, r->bytes);
	o->mapped_bytes += r->bytes;
	return own(o, r->gpa, r->bytes);
}

/*
 * In order of addresses, none over another, of whole pages of their size, outside the kernel
 * window.
 */
static bool own_runs(struct owners *o, const struct memory_image *m)
{
	uint64_t last = SMALL;
	for (uint32_t k = 0; k < m->run_count; k++) {
		const struct memory_run *r = &m->runs[k];
		uint64_t page = SMALL;
		if (r->kind & PAGE_LARGE)
			page = LARGE;
		if (!rights_good(r) || !r->bytes || (r->va | r->gpa | r->bytes) & (page - 1))
			return false;
		if (r->va < last || r->va >= MOTE_VA_END || r->bytes > MOTE_VA_END - r->va)
			return false;
		last = r->va + r->bytes;
		if (r->va < MOTE_KERNEL_END && last > MOTE_KERNEL)
			return false;
		if (!own_run(o, r))
			return false;
	}
	return true;
}

static bool own_list(struct owners *o, const uint32_t *frames, uint32_t count, uint64_t bytes)
{
	for (uint32_t k = 0; k < count; k++) {
		uint64_t at = (uint64_t)frames[k] * SMALL;
		if (at & (bytes - 1) || !own(o, at, bytes))
			return false;
		o->free_bytes += bytes;
	}
	return true;
}

static bool own_block(struct owners *o, const struct memory_shape *is)
{
	if (is->small_next == is->small_end)
		return true;
	if (is->small_next > is->small_end || is->small_end - is->small_next > LARGE)
		return false;
	o->free_bytes += is->small_end - is->small_next;
	return own(o, is->small_next, is->small_end - is->small_next);
}

/* Whether [va, va + bytes) is mapped, to [gpa, …) and by what was taken for good. */
static bool maps(const struct memory_image *m, uint64_t va, uint64_t gpa, uint64_t bytes)
{
	for (uint32_t k = 0; k < m->run_count && bytes; k++) {
		const struct memory_run *r = &m->runs[k];
		if (va < r->va || va >= r->va + r->bytes)
			continue;
		uint64_t offset = va - r->va, n = r->bytes - offset;
		if (n > bytes)
			n = bytes;
		if (!(r->kind & PAGE_FIXED) || r->gpa + offset != gpa)
			return false;
		va += n;
		gpa += n;
		bytes -= n;
	}
	return bytes == 0;
}

/* What the host finds its way by. */
static bool own_places(struct owners *o, const struct vm_snapshot *s)
{
	const struct snapshot_state *is = &s->state;
	if (is->given < 3 || is->given >= 1024 || is->stopped < VM_IN_EXCHANGE ||
	    is->stopped > VM_BEFORE_CALL)
		return false;
	if (is->wasm > 1 || is->exec_sealed > 1)
		return false;
	if (is->area_va.v != MOTE_AREAS_VA ||
	    !maps(&s->memory, MOTE_AREAS_VA, is->area, MOTE_AREA_BYTES))
		return false;
	if (is->boot_bytes < MOTE_PAGE || is->boot_bytes > BOOT_INFO_MAX ||
	    !keep(o, is->boot, is->boot_bytes))
		return false;
	if (is->entry.v < MOTE_IMAGE_VA || is->entry.v >= MOTE_BOOT_VA ||
	    is->channel_max > UINT32_MAX)
		return false;
	return is->program_bytes <= MOTE_PROGRAM_MAX && is->program_bytes &&
	       keep(o, is->program.v, memory_page_up(is->program_bytes));
}

/*
 * What is used is at least what is owned, and at most what no list has: pages that were left out
 * when memory was taken in larger units belong to nobody.
 */
static bool sums_good(const struct owners *o, const struct memory_shape *is)
{
	uint64_t all = is->next - MEMORY_SYSTEM_BYTES;
	return is->used_bytes >= o->mapped_bytes + o->kept_bytes &&
	       is->used_bytes <= all - o->free_bytes && is->used_bytes <= is->max_bytes &&
	       is->max_bytes <= MEMORY_MAX_BYTES;
}

static bool consistent(struct owners *o, const struct vm_snapshot *s)
{
	const struct memory_image *m = &s->memory;
	return own_runs(o, m) && own_list(o, m->free_small, m->free_small_len, SMALL) &&
	       own_list(o, m->free_large, m->free_large_len, LARGE) && own_block(o, &m->shape) &&
	       own_places(o, s) && sums_good(o, &m->shape);
}

int snapshot_check(const struct vm_snapshot *s)
{
	const struct memory_shape *is = &s->memory.shape;
	struct owners o = {0};
	if (is->next <= MEMORY_SYSTEM_BYTES || is->next % SMALL || is->tables_next ||
	    is->next - MEMORY_SYSTEM_BYTES > MEMORY_MAX_BYTES)
		return -EINVAL;
	int rc = frames_init(&o.one, is->next / SMALL);
	if (rc == 0)
		rc = frames_init(&o.kept, is->next / SMALL);
	if (rc == 0 && !consistent(&o, s))
		rc = -EINVAL;
	free(o.one.words);
	free(o.kept.words);
	return rc;
}
