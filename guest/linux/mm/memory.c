/* SPDX-License-Identifier: Apache-2.0 */
/* Memory system calls. Placement is decided here; the mappings themselves are the host's work. */
#include "guest/linux/syscall.h"

enum {
	MAP_SHARED_ = 1,
	MAP_PRIVATE_ = 2,
	MAP_FIXED_ = 0x10,
	MAP_ANONYMOUS_ = 0x20,
	MAP_FIXED_NOREPLACE_ = 0x100000
};
enum { MREMAP_MAYMOVE_ = 1, MREMAP_FIXED_ = 2, MADV_DONTNEED_ = 4, MADV_FREE_ = 8 };
enum { LARGE_PAGE = 2 << 20, LARGE_HEAP = 4 << 20 };
enum { PROT_ALL = MOTE_PROT_READ | MOTE_PROT_WRITE | MOTE_PROT_EXEC };

static int64_t memory_munmap(uint64_t addr, uint64_t bytes);

static uint64_t up(uint64_t v)
{
	return (v + MOTE_PAGE - 1) & ~(uint64_t)(MOTE_PAGE - 1);
}

bool memory_stack_reach(uint64_t address)
{
	if (address >= L.stack_low || address < LINUX_STACK_TOP - LINUX_STACK_BYTES)
		return false;
	uint64_t low = address & ~(uint64_t)(LINUX_STACK_STEP - 1);
	if (mote_mem_map(L.area, low, L.stack_low - low, MOTE_PROT_READ | MOTE_PROT_WRITE) < 0) {
		lib_log("the memory limit leaves no room for the program's stack");
		return false;
	}
	L.stack_low = low;
	return true;
}

static int64_t memory_brk(uint64_t to)
{
	if (to < L.brk_start)
		return (int64_t)L.brk;
	uint64_t end = up(to);
	if (end > L.brk_mapped) {
		/* In steps, since each is an exit: of 128 KiB, and in a large heap of large pages.
		 */
		uint64_t more = (end - L.brk_mapped + 0x1ffff) & ~0x1ffffUL;
		if (L.brk_mapped - L.brk_start >= LARGE_HEAP)
			more = ((end + LARGE_PAGE - 1) & ~(uint64_t)(LARGE_PAGE - 1)) -
			       L.brk_mapped;
		if (mote_mem_map(L.area, L.brk_mapped, more, MOTE_PROT_READ | MOTE_PROT_WRITE) <
		    0) {
			more = end -
			       L.brk_mapped; /* near the limit: what is asked for, and no more */
			if (mote_mem_map(L.area, L.brk_mapped, more,
					 MOTE_PROT_READ | MOTE_PROT_WRITE) < 0)
				return (int64_t)L.brk;
		}
		L.brk_mapped += more;
	} else if (to < L.brk) {
		/* What is given back reads as zero when it is taken again. */
		memset((void *)to, 0, (up(to) < L.brk ? up(to) : L.brk) - to);
		if (up(L.brk) > end && mote_mem_zero(L.area, end, up(L.brk) - end) < 0)
			return (int64_t)L.brk;
	}
	L.brk = to;
	return (int64_t)to;
}

/* Maps without access: nothing is mapped, the addresses are only kept apart. */
static int64_t map_at(uint64_t addr, uint64_t bytes, uint32_t prot)
{
	return prot ? mote_mem_map(L.area, addr, bytes, prot) : 0;
}

static int64_t fill_from(uint64_t addr, uint64_t bytes, int32_t fd, uint64_t offset)
{
	for (uint64_t done = 0; done < bytes;) {
		struct mote_iovec v = {.base = addr + done, .len = bytes - done};
		int64_t n = mote_preadv(L.area, fd, &v, 1, offset + done);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (uint64_t)n;
	}
	return 0;
}

static bool in_zone(uint64_t addr, uint64_t bytes)
{
	return addr >= MOTE_WINDOW_END && addr <= LINUX_MMAP_TOP && bytes <= LINUX_MMAP_TOP - addr;
}

static int64_t memory_mmap(uint64_t addr, uint64_t bytes, uint32_t prot, uint32_t flags, int32_t fd,
			   uint64_t offset)
{
	bool anonymous = flags & MAP_ANONYMOUS_,
	     fixed = flags & (MAP_FIXED_ | MAP_FIXED_NOREPLACE_);
	if (bytes == 0 || (prot & ~(uint32_t)PROT_ALL) || offset % MOTE_PAGE ||
	    (fixed && addr % MOTE_PAGE))
		return -E_INVAL;
	if (!(flags & (MAP_SHARED_ | MAP_PRIVATE_)))
		return -E_INVAL;
	if (!anonymous && (flags & 3) == MAP_SHARED_ && (prot & MOTE_PROT_WRITE)) {
		lib_log("mmap: writable shared mappings of files are not implemented");
		return -E_NOTSUP;
	}
	bytes = up(bytes);
	if (bytes == 0 || bytes > LINUX_MMAP_TOP)
		return -E_NOMEM;
	if (!fixed) {
		/* Large ones are aligned so that large pages serve them. */
		addr = ranges_find(bytes, bytes >= LARGE_PAGE ? LARGE_PAGE : MOTE_PAGE);
		if (!addr)
			return -E_NOMEM;
	} else if (!(flags & MAP_FIXED_) && in_zone(addr, bytes) && !ranges_free(addr, bytes)) {
		return -E_EXIST;
	} else if (flags & MAP_FIXED_) {
		int64_t rc = mote_mem_unmap(L.area, addr, bytes);
		if (rc < 0)
			return rc;
	}
	int64_t rc = map_at(addr, bytes, anonymous ? prot : prot | MOTE_PROT_WRITE);
	if (rc < 0) {
		if (flags & MAP_FIXED_)
			ranges_give(addr, bytes);
		return rc;
	}
	ranges_take(addr, bytes);
	if (!anonymous) {
		rc = fill_from(addr, bytes, fd, offset);
		if (rc == 0 && prot != (prot | MOTE_PROT_WRITE))
			rc = mote_mem_protect(L.area, addr, bytes, prot);
	}
	if (rc < 0) {
		(void)memory_munmap(addr, bytes);
		return rc;
	}
	return (int64_t)addr;
}

static int64_t memory_munmap(uint64_t addr, uint64_t bytes)
{
	if (addr % MOTE_PAGE || bytes == 0)
		return -E_INVAL;
	bytes = up(bytes);
	int64_t rc = mote_mem_unmap(L.area, addr, bytes);
	if (rc == 0)
		ranges_give(addr, bytes);
	return rc;
}

/* Pages that were mapped without access are not there yet: they are mapped now. */
static int64_t memory_mprotect(uint64_t addr, uint64_t bytes, uint32_t prot)
{
	if (addr % MOTE_PAGE || (prot & ~(uint32_t)PROT_ALL))
		return -E_INVAL;
	bytes = up(bytes);
	if (bytes == 0)
		return 0;
	int64_t rc = mote_mem_protect(L.area, addr, bytes, prot);
	if (rc != -E_NOMEM || !prot)
		return rc == -E_NOMEM ? 0 : rc;
	rc = mote_mem_map(L.area, addr, bytes, prot);
	if (rc != -E_EXIST)
		return rc;
	for (uint64_t at = addr; at < addr + bytes; at += MOTE_PAGE) { /* partly there */
		rc = mote_mem_protect(L.area, at, MOTE_PAGE, prot);
		if (rc == -E_NOMEM)
			rc = mote_mem_map(L.area, at, MOTE_PAGE, prot);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Copies into a new mapping at `to` (0: anywhere) and gives the old one back. */
static int64_t move_mapping(uint64_t addr, uint64_t old_bytes, uint64_t new_bytes, uint64_t to)
{
	uint32_t flags = MAP_PRIVATE_ | MAP_ANONYMOUS_ | (to ? MAP_FIXED_ : 0);
	int64_t at = memory_mmap(to, new_bytes, MOTE_PROT_READ | MOTE_PROT_WRITE, flags, -1, 0);
	if (at < 0)
		return at;
	if (user_copy((void *)at, (const void *)addr,
		      old_bytes < new_bytes ? old_bytes : new_bytes) < 0) {
		(void)memory_munmap((uint64_t)at, new_bytes);
		return -E_FAULT;
	}
	(void)memory_munmap(addr, old_bytes);
	return at;
}

static int64_t memory_mremap(uint64_t addr, uint64_t old_bytes, uint64_t new_bytes, uint32_t flags,
			     uint64_t to)
{
	if (addr % MOTE_PAGE || new_bytes == 0 || old_bytes == 0 ||
	    (flags & ~(uint32_t)(MREMAP_MAYMOVE_ | MREMAP_FIXED_)))
		return -E_INVAL;
	old_bytes = up(old_bytes);
	new_bytes = up(new_bytes);
	if (flags & MREMAP_FIXED_) {
		bool apart = addr + old_bytes <= to || to + new_bytes <= addr;
		if (!(flags & MREMAP_MAYMOVE_) || to == 0 || to % MOTE_PAGE || !apart)
			return -E_INVAL;
		return move_mapping(addr, old_bytes, new_bytes, to);
	}
	if (new_bytes <= old_bytes) {
		int64_t rc = new_bytes < old_bytes
				     ? memory_munmap(addr + new_bytes, old_bytes - new_bytes)
				     : 0;
		return rc < 0 ? rc : (int64_t)addr;
	}
	uint64_t more = new_bytes - old_bytes;
	if (ranges_free(addr + old_bytes, more) &&
	    mote_mem_map(L.area, addr + old_bytes, more, MOTE_PROT_READ | MOTE_PROT_WRITE) == 0) {
		ranges_take(addr + old_bytes, more);
		return (int64_t)addr;
	}
	if (!(flags & MREMAP_MAYMOVE_))
		return -E_NOMEM;
	return move_mapping(addr, old_bytes, new_bytes, 0);
}

static int64_t memory_madvise(uint64_t addr, uint64_t bytes, uint32_t advice)
{
	if (addr % MOTE_PAGE)
		return -E_INVAL;
	if (advice == MADV_DONTNEED_ && bytes > 0) {
		int64_t rc = mote_mem_zero(L.area, addr, up(bytes));
		return rc == -E_NOMEM ? 0 : rc; /* pages that are not there are zero anyway */
	}
	return 0;
}

SYSCALL(brk)
{
	return memory_brk(s->a);
}

SYSCALL(mmap)
{
	return memory_mmap(s->a, s->b, (uint32_t)s->c, (uint32_t)s->d, (int32_t)s->e, s->f);
}

SYSCALL(munmap)
{
	return memory_munmap(s->a, s->b);
}

SYSCALL(mprotect)
{
	return memory_mprotect(s->a, s->b, (uint32_t)s->c);
}

SYSCALL(mremap)
{
	return memory_mremap(s->a, s->b, s->c, (uint32_t)s->d, s->e);
}

SYSCALL(madvise)
{
	return memory_madvise(s->a, s->b, (uint32_t)s->c);
}
