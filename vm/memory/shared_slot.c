/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory slots of shared files, and what is behind guest-physical addresses and in page tables
 * of them. See shared_file.h.
 */
#include "vm/memory/shared_slot.h"

#include "vm/memory/private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* --- slots --- */

static uint64_t window_start(const struct memory *m)
{
	return (m->end + m->spill_bytes + LARGE - 1) & ~(LARGE - 1);
}

static uint32_t slot_number(const struct memory *m, const struct memory_shared_file *s)
{
	return MEMORY_SLOTS_OWN + (uint32_t)(s - m->shared);
}

/* Address space without access in place of what is there: nothing of a file can be reached. */
static void *reserve(uint8_t *at, uint64_t bytes)
{
	int fixed = 0;
	if (at)
		fixed = MAP_FIXED;
	return mmap(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1,
		    0);
}

static const struct memory_shared_file *overlapping(const struct memory *m, uint64_t at,
						    uint64_t bytes)
{
	for (unsigned i = 0; i < m->shared_count; i++) {
		const struct memory_shared_file *s = &m->shared[i];
		if (s->capacity && s->gpa < at + bytes && at < s->gpa + s->capacity)
			return s;
	}
	return NULL;
}

/* Guest-physical addresses that no slot has: the first that are enough. 0: none. */
static uint64_t find_addresses(const struct memory *m, uint64_t bytes)
{
	uint64_t at = window_start(m), end = at + MEMORY_SHARED_BYTES;
	const struct memory_shared_file *s;
	while ((s = overlapping(m, at, bytes)) != NULL)
		at = s->gpa + s->capacity;
	if (at > end || bytes > end - at)
		return 0;
	return at;
}

static uint64_t capacity_for(uint64_t bytes)
{
	uint64_t capacity = LARGE;
	while (capacity < bytes)
		capacity *= 2;
	return capacity;
}

/* An entry without a slot, the last one made if there is none. NULL: no more. */
static struct memory_shared_file *empty_entry(struct memory *m)
{
	for (unsigned i = 0; i < m->shared_count; i++)
		if (!m->shared[i].capacity)
			return &m->shared[i];
	if (!m->shared)
		m->shared = calloc(MEMORY_SHARED_MAX, sizeof(*m->shared));
	if (!m->shared || m->shared_count == MEMORY_SHARED_MAX)
		return NULL;
	return &m->shared[m->shared_count++];
}

/* What KVM allocates for a slot: 10 bytes a page with shadow page tables, 8 with nested ones. */
static uint64_t slot_cost(uint64_t capacity)
{
	return capacity / SMALL * 10;
}

static int make_slot(struct memory *m, uint64_t bytes, struct memory_shared_file **out)
{
	struct memory_shared_file *s = empty_entry(m);
	uint64_t capacity = capacity_for(bytes), gpa = find_addresses(m, capacity);
	if (!s || !gpa || slot_cost(capacity) > memory_left(m))
		return -ENOMEM;
	uint8_t *host = reserve(NULL, capacity);
	if (host == MAP_FAILED)
		return -errno;
	int rc = memory_set_slot(m, slot_number(m, s), gpa, capacity, host);
	if (rc < 0) {
		munmap(host, capacity);
		return rc;
	}
	*s = (struct memory_shared_file){.gpa = gpa, .capacity = capacity, .host = host};
	m->used_bytes += slot_cost(capacity);
	*out = s;
	return 0;
}

static void remove_slot(struct memory *m, struct memory_shared_file *s)
{
	if (!s->capacity)
		return;
	if (memory_set_slot(m, slot_number(m, s), s->gpa, 0, s->host) < 0)
		m->broken = true;
	munmap(s->host, s->capacity);
	m->used_bytes -= slot_cost(s->capacity);
	*s = (struct memory_shared_file){0};
}

/* The smallest unused slot that is large enough. */
static struct memory_shared_file *unused_slot(const struct memory *m, uint64_t bytes)
{
	struct memory_shared_file *found = NULL;
	for (unsigned i = 0; i < m->shared_count; i++) {
		struct memory_shared_file *s = &m->shared[i];
		if (!s->bytes && s->capacity >= bytes && (!found || s->capacity < found->capacity))
			found = s;
	}
	return found;
}

int memory_shared_take(struct memory *m, uint64_t bytes, struct memory_shared_file **out)
{
	*out = unused_slot(m, bytes);
	if (*out)
		return 0;
	int rc = make_slot(m, bytes, out);
	if (rc != -ENOMEM)
		return rc;
	for (unsigned i = 0; i < m->shared_count; i++)
		if (!m->shared[i].bytes)
			remove_slot(m, &m->shared[i]);
	return make_slot(m, bytes, out);
}

void memory_shared_leave(struct memory *m, struct memory_shared_file *s)
{
	/* What KVM has of it may be anything afterwards if this fails. */
	if (reserve(s->host, s->capacity) == MAP_FAILED)
		m->broken = true;
	s->bytes = s->mapped = s->va = 0;
}

bool memory_shares(const struct memory *m)
{
	for (unsigned i = 0; i < m->shared_count; i++)
		if (m->shared[i].bytes)
			return true;
	return false;
}

bool memory_shares_file(const struct memory *m, uint64_t dev, uint64_t ino)
{
	for (unsigned i = 0; i < m->shared_count; i++)
		if (m->shared[i].bytes && m->shared[i].dev == dev && m->shared[i].ino == ino)
			return true;
	return false;
}

void memory_shared_release(struct memory *m)
{
	for (unsigned i = 0; i < m->shared_count; i++)
		if (m->shared[i].bytes && !m->shared[i].mapped)
			memory_shared_leave(m, &m->shared[i]);
}

void memory_shared_free(struct memory *m)
{
	for (unsigned i = 0; i < m->shared_count; i++)
		if (m->shared[i].capacity)
			munmap(m->shared[i].host, m->shared[i].capacity);
	free(m->shared);
	m->shared = NULL;
	m->shared_count = 0;
}

void memory_shared_drop(struct memory *m)
{
	for (unsigned i = 0; i < m->shared_count; i++)
		remove_slot(m, &m->shared[i]);
	memory_shared_free(m);
}

/* --- by guest-physical address --- */

struct memory_shared_file *memory_shared_at(const struct memory *m, uint64_t gpa)
{
	for (unsigned i = 0; i < m->shared_count; i++) {
		struct memory_shared_file *s = &m->shared[i];
		if (gpa >= s->gpa && gpa - s->gpa < s->bytes)
			return s;
	}
	return NULL;
}

uint8_t *memory_shared_host(const struct memory *m, uint64_t gpa, uint64_t bytes)
{
	const struct memory_shared_file *s = memory_shared_at(m, gpa);
	if (!s || bytes > s->bytes - (gpa - s->gpa))
		return NULL;
	return s->host + (gpa - s->gpa);
}

void memory_shared_unmapped(struct memory *m, uint64_t gpa, uint64_t bytes)
{
	struct memory_shared_file *s = memory_shared_at(m, gpa);
	if (s)
		s->mapped -= bytes;
}

/* What a guest that is to end still has does not matter: it does not run again. */
static bool invalidate(struct memory *m, const struct memory_shared_file *s, uint64_t at,
		       uint64_t bytes)
{
	for (uint64_t done = 0, step; done < bytes; done += step) {
		step = memory_step_bytes(bytes - done);
		if (done > 0 && memory_ends_now(m)) {
			m->broken = true;
			return true;
		}
		uint8_t *host = s->host + at + done;
		if (mprotect(host, step, PROT_NONE) < 0 || mprotect(host, step, s->prot) < 0)
			return false;
	}
	return true;
}

bool memory_shared_invalidate(struct memory *m, uint64_t gpa, uint64_t bytes)
{
	const struct memory_shared_file *s = memory_shared_at(m, gpa);
	if (!s)
		return true;
	uint64_t at = gpa - s->gpa, left = s->bytes - at;
	if (bytes > left)
		bytes = left;
	return invalidate(m, s, at, bytes) || invalidate(m, s, 0, s->bytes);
}

bool memory_shared_invalidate_all(struct memory *m)
{
	bool all = true;
	for (unsigned i = 0; i < m->shared_count; i++)
		if (m->shared[i].bytes)
			all &= invalidate(m, &m->shared[i], 0, m->shared[i].bytes);
	return all;
}

/* --- what page tables have --- */

/* What is mapped at an address: a file, and where in its mapping; NULL: none. */
struct mapped_part {
	const struct memory_shared_file *file;
	uint64_t at;
	uint64_t left; /* bytes to the end of the page or of what is not mapped */
};

static struct mapped_part part_at(struct memory *m, uint64_t va)
{
	int level;
	const uint64_t *entry = memory_find_entry(m, va, 1, &level);
	const uint64_t size = memory_level_bytes(level), within = va & (size - 1);
	struct mapped_part p = {.left = size - within};
	if (!entry || !page_entry_is_used(*entry) || page_entry_is_reserved(*entry))
		return p;
	p.at = page_entry_address(*entry) + within;
	p.file = memory_shared_at(m, p.at);
	if (p.file)
		p.at -= p.file->gpa;
	return p;
}

/* All pages of the range may be those of another file, once for each file that was mapped there. */
int memory_shared_check_access(struct memory *m, gva_t at, uint64_t bytes, unsigned access)
{
	unsigned steps = 0;
	if (!(access & MEMORY_WRITE))
		return 0;
	for (unsigned i = 0; i < m->shared_count; i++) {
		const struct memory_shared_file *s = &m->shared[i];
		if (s->prot & PROT_WRITE)
			continue;
		uint64_t va = s->va, end = s->va + s->bytes;
		if (va < at.v)
			va = at.v;
		if (end > at.v + bytes)
			end = at.v + bytes;
		while (va < end) {
			const struct mapped_part p = part_at(m, va);
			if (p.file == s)
				return -EACCES;
			if (memory_is_ending(m, &steps))
				return -EINTR;
			va += p.left;
		}
	}
	return 0;
}

/* Whether a range has pages of a file's mapping: 1, 0 or -EINTR. */
static int has_part(struct memory *m, const struct memory_shared_file *s, uint64_t at, uint64_t end)
{
	unsigned steps = 0;
	while (at < end) {
		const struct mapped_part p = part_at(m, at);
		if (p.file == s)
			return 1;
		if (memory_is_ending(m, &steps))
			return -EINTR;
		at += p.left;
	}
	return 0;
}

int memory_shared_check_move(struct memory *m, gva_t at, uint64_t bytes, bool keep)
{
	const uint64_t end = at.v + bytes;
	for (unsigned i = 0; i < m->shared_count; i++) {
		struct memory_shared_file *s = &m->shared[i];
		uint64_t from = s->va, to = s->va + s->bytes;
		const bool whole = from >= at.v && to <= end;
		s->moves = false;
		if (to <= at.v || end <= from)
			continue;
		if (from < at.v)
			from = at.v;
		if (to > end)
			to = end;
		int has = has_part(m, s, from, to);
		if (has < 0)
			return has;
		if (has && (keep || !whole))
			return -EOPNOTSUPP;
		s->moves = has;
	}
	return 0;
}

void memory_shared_moved(struct memory *m, gva_t at, gva_t to)
{
	for (unsigned i = 0; i < m->shared_count; i++)
		if (m->shared[i].moves)
			m->shared[i].va += to.v - at.v;
}

int64_t memory_shared_sync(struct memory *m, gva_t at, uint64_t bytes)
{
	const struct mapped_part first = part_at(m, at.v);
	uint64_t done = first.left;
	while (done < bytes) {
		const struct mapped_part p = part_at(m, at.v + done);
		if (p.file != first.file || (p.file && p.at != first.at + done))
			break;
		done += p.left;
	}
	if (first.file && done > bytes)
		done = bytes;
	if (first.file && msync(first.file->host + first.at, done, MS_SYNC) < 0)
		return -errno;
	return (int64_t)done;
}
