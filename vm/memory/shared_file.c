/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a guest shares; see shared_file.h. Sizes and offsets are the guest's. */
#include "vm/memory/shared_file.h"

#include "vm/memory/guest_copy.h"
#include "vm/memory/private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

struct memory_shared_file {
	uint64_t gpa, capacity; /* of the slot; 0 capacity: none */
	uint8_t *host;          /* owned, of `capacity` bytes */
	uint64_t va, bytes;     /* where the guest asked for it; 0 bytes: the slot is unused */
	uint64_t mapped;        /* bytes that page tables still have */
	int prot;               /* the host's own */
};

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

static int make_slot(struct memory *m, uint64_t bytes, struct memory_shared_file **out)
{
	struct memory_shared_file *s = empty_entry(m);
	uint64_t capacity = capacity_for(bytes), gpa = find_addresses(m, capacity);
	if (!s || !gpa)
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

static int take_slot(struct memory *m, uint64_t bytes, struct memory_shared_file **out)
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

static void release(struct memory *m, struct memory_shared_file *s)
{
	/* What KVM has of it may be anything afterwards if this fails. */
	if (reserve(s->host, s->capacity) == MAP_FAILED)
		m->broken = true;
	s->bytes = s->mapped = s->va = 0;
}

/* --- mapping --- */

/*
 * First anywhere, which says whether the file can be mapped, and only then over the slot's address
 * space: a mapping in place that fails may leave nothing there, under KVM's slot.
 */
static int map_host(struct memory *m, struct memory_shared_file *s, uint64_t bytes, int fd,
		    uint64_t from)
{
	void *trial = mmap(NULL, bytes, s->prot, MAP_SHARED, fd, (off_t)from);
	if (trial == MAP_FAILED)
		return -errno;
	munmap(trial, bytes);
	if (mmap(s->host, bytes, s->prot, MAP_SHARED | MAP_FIXED, fd, (off_t)from) != MAP_FAILED)
		return 0;
	int rc = -errno;
	release(m, s);
	return rc;
}

int memory_share(struct memory *m, gva_t at, uint64_t bytes, unsigned access, int fd, uint64_t from,
		 bool writable)
{
	struct memory_shared_file *s;
	if (bytes == 0 || bytes & (SMALL - 1) || from & (SMALL - 1) ||
	    from > (uint64_t)INT64_MAX - bytes)
		return -EINVAL;
	if (bytes > MEMORY_SHARED_BYTES)
		return -ENOMEM;
	if ((access & MEMORY_WRITE) && !writable)
		return -EACCES;
	int rc = take_slot(m, bytes, &s);
	if (rc < 0)
		return rc;
	s->prot = PROT_READ;
	if (writable)
		s->prot |= PROT_WRITE;
	rc = map_host(m, s, bytes, fd, from);
	if (rc < 0)
		return rc;
	m->may_vanish = true;
	s->va = at.v;
	s->bytes = s->mapped = bytes;
	rc = memory_map_pages(m, at, s->gpa, bytes, access);
	if (rc < 0 && rc != -EINTR)
		release(m, s);
	return rc;
}

bool memory_shares(const struct memory *m)
{
	for (unsigned i = 0; i < m->shared_count; i++)
		if (m->shared[i].bytes)
			return true;
	return false;
}

void memory_shared_release(struct memory *m)
{
	for (unsigned i = 0; i < m->shared_count; i++)
		if (m->shared[i].bytes && !m->shared[i].mapped)
			release(m, &m->shared[i]);
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

static struct memory_shared_file *find(const struct memory *m, uint64_t gpa)
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
	const struct memory_shared_file *s = find(m, gpa);
	if (!s || bytes > s->bytes - (gpa - s->gpa))
		return NULL;
	return s->host + (gpa - s->gpa);
}

void memory_shared_unmapped(struct memory *m, uint64_t gpa, uint64_t bytes)
{
	struct memory_shared_file *s = find(m, gpa);
	if (s)
		s->mapped -= bytes;
}

static bool invalidate(const struct memory_shared_file *s, uint64_t at, uint64_t bytes)
{
	return mprotect(s->host + at, bytes, PROT_NONE) == 0 &&
	       mprotect(s->host + at, bytes, s->prot) == 0;
}

bool memory_shared_invalidate(const struct memory *m, uint64_t gpa, uint64_t bytes)
{
	const struct memory_shared_file *s = find(m, gpa);
	if (!s)
		return true;
	uint64_t at = gpa - s->gpa, left = s->bytes - at;
	if (bytes > left)
		bytes = left;
	return invalidate(s, at, bytes) || invalidate(s, 0, s->bytes);
}

bool memory_shared_invalidate_all(const struct memory *m)
{
	bool all = true;
	for (unsigned i = 0; i < m->shared_count; i++)
		if (m->shared[i].bytes)
			all &= invalidate(&m->shared[i], 0, m->shared[i].bytes);
	return all;
}

/* --- the file's end --- */

static bool page_is_there(const struct memory_shared_file *s, uint64_t at)
{
	uint8_t byte;
	return guest_copy(&byte, s->host + at, 1) == 0;
}

/* The first byte of the mapping whose page the file does not have. */
static uint64_t file_end(const struct memory_shared_file *s)
{
	uint64_t there = 0, gone = s->bytes; /* pages below `there` are, at `gone` and beyond not */
	while (there < gone) {
		uint64_t middle = (there + (gone - there) / 2) & ~(SMALL - 1);
		if (page_is_there(s, middle))
			there = middle + SMALL;
		else
			gone = middle;
	}
	return there;
}

bool memory_shared_lose(struct memory *m)
{
	int64_t lost = 0;
	for (unsigned i = 0; i < m->shared_count; i++) {
		const struct memory_shared_file *s = &m->shared[i];
		uint64_t end = 0;
		if (s->bytes)
			end = file_end(s);
		if (end == s->bytes)
			continue;
		int64_t n = memory_lose(m, gva(s->va + end), s->bytes - end);
		if (n < 0)
			return false;
		lost += n;
	}
	return lost > 0;
}

int memory_shared_find(struct memory *m, gva_t at)
{
	enum { PAGES = 512 }; /* a file that grows is read on */
	for (unsigned i = 0; i < PAGES; i++) {
		uint64_t *entry;
		int level, rc = memory_walk(m, at.v + i * SMALL, 1, false, &entry, &level);
		int nothing = 0;
		if (i == 0)
			nothing = -ENOENT;
		if (rc < 0)
			return rc;
		if (!entry || !page_entry_is_lost(*entry))
			return nothing;
		uint64_t within = (at.v + i * SMALL) & (memory_level_bytes(level) - 1);
		uint64_t gpa = page_entry_address(*entry) + within;
		const struct memory_shared_file *s = find(m, gpa);
		if (!s)
			return nothing;
		if (!page_is_there(s, gpa - s->gpa)) {
			if (i == 0)
				return -EFAULT;
			return 0;
		}
		memory_set_entry(m, entry, page_entry_find(*entry));
		if (level > 1)
			return 0; /* what of it the file has not is lost again when it is used */
	}
	return 0;
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
	uint64_t *entry;
	int level;
	if (memory_walk(m, va, 1, false, &entry, &level) < 0)
		return (struct mapped_part){.left = SMALL};
	const uint64_t size = memory_level_bytes(level), within = va & (size - 1);
	struct mapped_part p = {.left = size - within};
	if (!entry || !page_entry_is_used(*entry))
		return p;
	p.at = page_entry_address(*entry) + within;
	p.file = find(m, p.at);
	if (p.file)
		p.at -= p.file->gpa;
	return p;
}

bool memory_shared_allows(struct memory *m, gva_t at, uint64_t bytes, unsigned access)
{
	if (!(access & MEMORY_WRITE))
		return true;
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
				return false;
			va += p.left;
		}
	}
	return true;
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
	if (done > bytes)
		done = bytes;
	if (first.file && msync(first.file->host + first.at, done, MS_SYNC) < 0)
		return -errno;
	return (int64_t)done;
}
