/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a guest shares; see shared_file.h. Sizes and offsets are the guest's. */
#include "vm/memory/shared_file.h"

#include "vm/memory/guest_copy.h"
#include "vm/memory/private.h"
#include "vm/memory/shared_slot.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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
	memory_shared_leave(m, s);
	return rc;
}

int memory_share(struct memory *m, gva_t at, uint64_t bytes, unsigned access, int fd, uint64_t from,
		 bool writable)
{
	struct memory_shared_file *s;
	struct stat st;
	if (bytes == 0 || bytes & (SMALL - 1) || from & (SMALL - 1) ||
	    from > (uint64_t)INT64_MAX - bytes)
		return -EINVAL;
	if (bytes > MEMORY_SHARED_BYTES)
		return -ENOMEM;
	if ((access & MEMORY_WRITE) && !writable)
		return -EACCES;
	if (syscall(SYS_fstat, fd, &st) < 0) /* the C library's is another system call */
		return -errno;
	int rc = memory_shared_take(m, bytes, &s);
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
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	rc = memory_map_pages(m, at, s->gpa, bytes, access);
	if (rc < 0 && rc != -EINTR)
		memory_shared_leave(m, s);
	return rc;
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

int memory_shared_lose(struct memory *m)
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
			return (int)n;
		lost += n;
	}
	if (lost == 0)
		return -ENOENT;
	return 0;
}

int memory_shared_find(struct memory *m, gva_t at)
{
	enum { PAGES = 512 }; /* a file that grows is read on */
	for (unsigned i = 0; i < PAGES; i++) {
		int level;
		uint64_t *entry = memory_find_entry(m, at.v + i * SMALL, 1, &level);
		int nothing = 0;
		if (i == 0)
			nothing = -ENOENT;
		if (!entry || !page_entry_is_lost(*entry))
			return nothing;
		uint64_t within = (at.v + i * SMALL) & (memory_level_bytes(level) - 1);
		uint64_t gpa = page_entry_address(*entry) + within;
		const struct memory_shared_file *s = memory_shared_at(m, gpa);
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
