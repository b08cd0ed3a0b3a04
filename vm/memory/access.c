/* SPDX-License-Identifier: Apache-2.0 */
/* Access by the host to the guest's memory, at addresses of the guest's choice. */
#include "abi/layout.h"
#include "vm/memory/commit.h"
#include "vm/memory/guest_copy.h"
#include "vm/memory/private.h"
#include "vm/memory/shared_file.h"

#include <string.h>

/*
 * A step over memory that may be accessed so. What is reserved gets memory for it, as if the guest
 * had accessed it. 0 or -EFAULT.
 */
static int access_step(struct memory *m, uint64_t at, uint64_t end, unsigned access,
		       struct memory_step *s)
{
	for (;;) {
		*s = memory_step_at(m, at, end);
		if (!s->entry)
			return -EFAULT;
		if (page_entry_allows(*s->entry, access))
			return 0;
		int rc = memory_commit(m, gva(at), access);
		if (rc < 0 && rc != -ENOENT)
			m->uncommitted = rc;
		if (rc < 0)
			return -EFAULT;
	}
}

/* Where a step's memory is; NULL if its frame is not of this memory. */
static uint8_t *step_host(const struct memory *m, const struct memory_step *s, uint64_t va)
{
	uint64_t page = page_entry_address(*s->entry), size = memory_level_bytes(s->level);
	uint8_t *host = m->hva + page;
	if (page > m->next || size > m->next - page)
		host = memory_shared_host(m, page, size);
	if (!host)
		return NULL;
	return host + (va & (size - 1));
}

int memory_span(struct memory *m, gva_t at, uint64_t bytes, unsigned access, struct iovec *spans,
		int capacity)
{
	if (at.v > MOTE_VA_END || bytes > MOTE_VA_END - at.v)
		return -EFAULT;
	int count = 0;
	for (uint64_t va = at.v, end = at.v + bytes; va < end;) {
		struct memory_step s;
		if (access_step(m, va, end, access, &s) < 0)
			return -EFAULT;
		uint8_t *host = step_host(m, &s, va);
		if (!host)
			return -EFAULT;
		if (count &&
		    (uint8_t *)spans[count - 1].iov_base + spans[count - 1].iov_len == host) {
			spans[count - 1].iov_len += s.bytes;
		} else {
			if (count == capacity)
				return -E2BIG;
			spans[count++] = (struct iovec){.iov_base = host, .iov_len = s.bytes};
		}
		va += s.bytes;
	}
	return count;
}

bool memory_is_mapped(const struct memory *m, gva_t at)
{
	return at.v < MOTE_VA_END && memory_step_at(m, at.v, at.v + 1).entry;
}

enum copy_way { COPY_OUT, COPY_IN };

/* One piece within a page, which may be of a file that somebody truncates. */
static int copy_piece(const struct memory *m, uint8_t *guest, uint8_t *host, uint64_t bytes,
		      enum copy_way way)
{
	void *to = host;
	const void *from = guest;
	if (way == COPY_IN) {
		to = guest;
		from = host;
	}
	if (m->may_vanish)
		return guest_copy(to, from, bytes);
	memcpy(to, from, bytes);
	return 0;
}

static int copy(struct memory *m, uint64_t va, uint8_t *host, uint64_t bytes, enum copy_way way)
{
	if (va > MOTE_VA_END || bytes > MOTE_VA_END - va)
		return -EFAULT;
	unsigned access = MEMORY_READ;
	if (way == COPY_IN)
		access = MEMORY_WRITE;
	for (int pass = 0; pass < 2; pass++) { /* check all of it, then copy */
		uint8_t *at = host;
		for (uint64_t p = va, end = va + bytes; p < end;) {
			struct memory_step s;
			if (access_step(m, p, end, access, &s) < 0)
				return -EFAULT;
			uint8_t *guest = step_host(m, &s, p);
			if (!guest)
				return -EFAULT;
			if (pass == 1 && copy_piece(m, guest, at, s.bytes, way) < 0)
				return -EFAULT;
			at += s.bytes;
			p += s.bytes;
		}
	}
	return 0;
}

int memory_read(struct memory *m, gva_t from, void *to, uint64_t bytes)
{
	return copy(m, from.v, to, bytes, COPY_OUT);
}

int memory_write(struct memory *m, gva_t to, const void *from, uint64_t bytes)
{
	return copy(m, to.v, (uint8_t *)(uintptr_t)from, bytes, COPY_IN);
}
