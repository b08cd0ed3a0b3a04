/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory system calls. Which addresses a mapping gets is decided here; the mappings themselves are
 * the host's work.
 */
#include "guest/linux/mm/memory.h"

#include "guest/linux/mm/layout.h"
#include "guest/linux/mm/ranges.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/limits.h"

#include <linux/mman.h>
#include <linux/resource.h>

enum { LARGE_PAGE = 2 << 20, LARGE_HEAP = 4 << 20, BRK_STEP = 128 << 10 };
enum { READ_WRITE = MOTE_PROT_READ | MOTE_PROT_WRITE, PROT_ALL = READ_WRITE | MOTE_PROT_EXEC };
_Static_assert(PROT_READ == MOTE_PROT_READ && PROT_WRITE == MOTE_PROT_WRITE &&
		       PROT_EXEC == MOTE_PROT_EXEC,
	       "protections go to the host as they are");

int64_t memory_map_anon(uint64_t addr, uint64_t bytes, uint32_t prot)
{
	return mote_mem_map(mote_area(), addr, bytes, prot | MOTE_MAP_LAZY);
}

/* Where the stack ends by RLIMIT_STACK. */
static uint64_t stack_lowest(void)
{
	return page_up(LINUX_STACK_TOP - min_u64(limits_soft(RLIMIT_STACK), LINUX_STACK_MAX));
}

bool memory_stack_grow_whole(void)
{
	const uint64_t usual = LINUX_STACK_TOP - LINUX_STACK_BYTES, lowest = stack_lowest();
	return memory_stack_grow(lowest > usual ? lowest : usual);
}

bool memory_stack_grow(uint64_t address)
{
	const uint64_t lowest = stack_lowest();
	if (address >= process.stack_low || address < lowest)
		return false;
	uint64_t low = address & ~(uint64_t)(LINUX_STACK_STEP - 1);
	if (low < lowest)
		low = lowest;
	const uint32_t prot = READ_WRITE | process.stack_exec;
	if (memory_map_anon(low, process.stack_low - low, prot) < 0) {
		lib_log("the memory limit leaves no room for the program's stack");
		return false;
	}
	process.stack_low = low;
	return true;
}

void memory_take_away(void)
{
	/* Only a guest that is to end is interrupted here. */
	while (mote_mem_unmap(mote_area(), MOTE_PAGE, MOTE_WINDOW - MOTE_PAGE) == -EINTR)
		;
	while (mote_mem_unmap(mote_area(), MOTE_WINDOW_END, MOTE_VA_END - MOTE_WINDOW_END) ==
	       -EINTR)
		;
	ranges_give(0, MOTE_VA_END);
	ranges_unshare(0, MOTE_VA_END);
	ranges_unreserve(0, MOTE_VA_END);
	arch_forget_program();
}

/* --- RLIMIT_AS and RLIMIT_DATA --- */

uint64_t memory_mapped_bytes(void)
{
	uint64_t bytes = process.brk - process.brk_start + (LINUX_STACK_TOP - process.stack_low);
	for (uint64_t start = 0, end; ranges_next_used(&start, &end); start = end)
		bytes += end - start;
	return bytes;
}

/* Both count heap and mappings; what the program's file has is little. */
static bool exceeds_limits(uint64_t more, bool data)
{
	uint64_t most = limits_soft(RLIMIT_AS);
	if (data)
		most = min_u64(most, limits_soft(RLIMIT_DATA));
	if (most == RLIM64_INFINITY)
		return false;
	const uint64_t now = memory_mapped_bytes();
	return more > most || now > most - more;
}

/* --- the heap --- */

static uint64_t round_up(uint64_t v, uint64_t step)
{
	return (v + step - 1) & ~(step - 1);
}

/*
 * In steps, since each is an exit: of 128 KiB, and in a large heap of large pages. Near the memory
 * limit only what is asked for.
 */
static int64_t brk_map(uint64_t end)
{
	uint64_t mapped = process.brk_mapped, next = mapped + round_up(end - mapped, BRK_STEP);
	if (mapped - process.brk_start >= LARGE_HEAP)
		next = round_up(end, LARGE_PAGE);
	int64_t rc = memory_map_anon(mapped, next - mapped, READ_WRITE);
	if (rc < 0) {
		next = end;
		rc = memory_map_anon(mapped, next - mapped, READ_WRITE);
	}
	if (rc == 0)
		process.brk_mapped = next;
	return rc;
}

/* Whole pages behind the new break are gone; the rest of its page stays as it is. */
static int64_t brk_shrink(uint64_t end)
{
	int64_t rc = 0;
	if (end < process.brk_mapped)
		rc = mote_mem_unmap(mote_area(), end, process.brk_mapped - end);
	if (rc == 0)
		process.brk_mapped = end;
	return rc;
}

/* As Linux has it, the break is the result, unchanged if it cannot be moved. */
int64_t sys_brk(uint64_t to)
{
	int64_t rc = 0;
	if (to < process.brk_start || to - process.brk_start > LINUX_MMAP_TOP)
		return (int64_t)process.brk;
	if (to > process.brk && exceeds_limits(to - process.brk, true))
		return (int64_t)process.brk;
	if (page_up(to) > process.brk_mapped)
		rc = brk_map(page_up(to));
	else if (to < process.brk)
		rc = brk_shrink(page_up(to));
	if (rc == 0)
		process.brk = to;
	return (int64_t)process.brk;
}

/* --- mappings --- */

/* What is mapped without access is only kept free of others: nothing is mapped. */
static int64_t map_at(uint64_t addr, uint64_t bytes, uint32_t prot)
{
	if (!prot && ranges_reserve(addr, bytes))
		return 0;
	if (!prot)
		return -ENOMEM;
	return memory_map_anon(addr, bytes, prot);
}

/* What is mapped at first: a file's copy has to be written. */
static uint32_t map_prot(uint32_t prot, uint32_t flags)
{
	if (!(flags & MAP_ANONYMOUS))
		return prot | MOTE_PROT_WRITE;
	if (prot && (flags & MAP_NORESERVE))
		return prot | MOTE_MAP_NORESERVE;
	return prot;
}

/* How many bytes the file has of it, or a negative errno. */
static int64_t fill_from(uint64_t addr, uint64_t bytes, int32_t fd, uint64_t offset)
{
	uint64_t done = 0;
	while (done < bytes) {
		const struct mote_iovec v = {.base = addr + done, .len = bytes - done};
		int64_t n = mote_preadv(mote_area(), fd, &v, 1, offset + done);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (uint64_t)n;
	}
	return (int64_t)done;
}

/* Whole pages past the file's end are SIGBUS. */
static int64_t leave_out(uint64_t addr, uint64_t bytes)
{
	if (bytes == 0)
		return 0;
	if (!ranges_leave_out(addr, bytes))
		return -ENOMEM;
	return mote_mem_unmap(mote_area(), addr, bytes);
}

/* A private copy of a part of the file, mapped at addr. */
static int64_t map_file(uint64_t addr, uint64_t bytes, uint32_t prot, int32_t fd, uint64_t offset)
{
	int64_t rc = fill_from(addr, bytes, fd, offset);
	if (rc < 0)
		return rc;
	const uint64_t there = page_up((uint64_t)rc);
	rc = leave_out(addr + there, bytes - there);
	if (rc < 0 || there == 0 || (prot & MOTE_PROT_WRITE))
		return rc;
	return mote_mem_protect(mote_area(), addr, there, prot);
}

/* MAP_SHARED and MAP_SHARED_VALIDATE, of a file. */
static bool shares_file(uint32_t flags)
{
	return !(flags & MAP_ANONYMOUS) && (flags & MAP_SHARED);
}

/* The file itself: see vm/memory/shared_file.h. */
static int64_t share_file(uint64_t addr, uint64_t bytes, uint32_t prot, int32_t fd, uint64_t offset)
{
	int64_t rc = mote_mem_share(mote_area(), addr, bytes, prot, fd, offset);
	if (rc < 0)
		return rc;
	if (ranges_share(addr, bytes))
		return 0;
	(void)!mote_mem_unmap(mote_area(), addr, bytes);
	return -ENOMEM;
}

bool memory_file_grew(uint64_t address)
{
	return ranges_shared(address, 1) && mote_mem_find(mote_area(), address) == 0;
}

bool memory_behind_file(uint64_t address)
{
	uint64_t end = address + 1;
	if (ranges_kind(address, &end) == RANGE_LEFT_OUT)
		return true;
	return ranges_shared(address, 1) && mote_mem_find(mote_area(), address) == -EFAULT;
}

bool memory_is_denied(uint64_t address)
{
	uint64_t end = address + 1;
	return ranges_kind(address, &end) == RANGE_RESERVED;
}

/* What was unmapped is neither a reservation nor a file any more. */
static void forget(uint64_t addr, uint64_t bytes)
{
	ranges_unshare(addr, bytes);
	ranges_unreserve(addr, bytes);
}

/* Free addresses: those that the program would like, if nothing is there. 0: there are none. */
static uint64_t find_address(uint64_t hint, uint64_t bytes)
{
	hint = page_down(hint);
	if (hint && ranges_free(hint, bytes))
		return hint;
	/* Large ones are aligned so that large pages serve them. */
	return ranges_find(bytes, bytes >= LARGE_PAGE ? LARGE_PAGE : MOTE_PAGE);
}

/*
 * Makes the addresses free for a new mapping: those that the program asked for, or some. 0 or a
 * negative errno.
 */
static int64_t choose_address(uint64_t *addr, uint64_t bytes, uint32_t flags)
{
	if (flags & MAP_FIXED_NOREPLACE) {
		if (ranges_in_zone(*addr, bytes) && !ranges_free(*addr, bytes))
			return -EEXIST;
		return 0;
	}
	if (flags & MAP_FIXED) {
		int64_t rc = mote_mem_unmap(mote_area(), *addr, bytes);
		if (rc == 0)
			forget(*addr, bytes);
		return rc;
	}
	*addr = find_address(*addr, bytes);
	return *addr ? 0 : -ENOMEM;
}

int64_t memory_map_new(uint64_t addr, uint64_t bytes, uint32_t prot, uint32_t flags, int fd,
		       uint64_t offset)
{
	int64_t rc;
	const bool anonymous = flags & MAP_ANONYMOUS;
	bytes = page_up(bytes);
	prot &= PROT_ALL; /* Linux does not look at the rest */
	if (exceeds_limits(bytes, (prot & PROT_WRITE) && !shares_file(flags)))
		return -ENOMEM;
	rc = choose_address(&addr, bytes, flags);
	if (rc < 0)
		return rc;
	if (shares_file(flags))
		rc = share_file(addr, bytes, prot, fd, offset);
	else
		rc = map_at(addr, bytes, map_prot(prot, flags));
	if (rc < 0) {
		if (flags & MAP_FIXED) /* what was there is gone */
			ranges_give(addr, bytes);
		return rc;
	}
	ranges_take(addr, bytes);
	if (anonymous && (flags & MAP_NORESERVE))
		ranges_overcommit(addr, bytes);
	if (anonymous && (flags & MAP_SHARED))
		ranges_share_anonymous(addr, bytes);
	if (!anonymous && !shares_file(flags))
		rc = map_file(addr, bytes, prot, fd, offset);
	if (rc < 0) {
		(void)!sys_munmap(addr, bytes);
		return rc;
	}
	return (int64_t)addr;
}

int64_t sys_munmap(uint64_t addr, uint64_t bytes)
{
	if (addr % MOTE_PAGE || bytes == 0)
		return -EINVAL;
	bytes = page_up(bytes);
	const uint64_t low = addr < MOTE_PAGE ? MOTE_PAGE - addr : 0; /* where nothing is */
	if (bytes == 0 || addr > MOTE_VA_END || bytes > MOTE_VA_END - addr)
		return -EINVAL;
	if (bytes == low)
		return 0;
	int64_t rc = mote_mem_unmap(mote_area(), addr + low, bytes - low);
	if (rc < 0)
		return rc;
	ranges_give(addr, bytes);
	forget(addr, bytes);
	return 0;
}

/* --- mremap --- */

/* What follows a mapping becomes as its last page is. */
static int64_t extend(uint64_t addr, uint64_t bytes, uint64_t last)
{
	uint64_t end = last + MOTE_PAGE;
	if (ranges_kind(last, &end) == RANGE_LEFT_OUT) {
		if (!ranges_leave_out(addr, bytes))
			return -ENOMEM;
		return 0;
	}
	int64_t prot = mote_mem_access(mote_area(), last);
	if (prot > 0 && ranges_overcommitted(last)) {
		ranges_overcommit(addr, bytes);
		prot |= MOTE_MAP_NORESERVE;
	}
	if (prot < 0)
		return prot;
	return map_at(addr, bytes, (uint32_t)prot);
}

static void drop(uint64_t addr, uint64_t bytes)
{
	if (bytes > 0)
		(void)!mote_mem_unmap(mote_area(), addr, bytes);
	forget(addr, bytes);
}

/* To addresses at which nothing is. Pages move: nothing is copied, and none is touched. */
static int64_t move_to(uint64_t addr, uint64_t old_bytes, uint64_t new_bytes, uint64_t to,
		       bool keep)
{
	const uint64_t more = new_bytes - old_bytes;
	uint32_t flags = 0;
	int64_t rc = 0;
	if (keep)
		flags = MOTE_MOVE_KEEP;
	if (more > 0)
		rc = extend(to + old_bytes, more, addr + old_bytes - MOTE_PAGE);
	if (rc == 0 && !ranges_copy(addr, old_bytes, to))
		rc = -ENOMEM;
	if (rc == 0)
		rc = mote_mem_move(mote_area(), addr, old_bytes, to, flags);
	if (rc == -EOPNOTSUPP) {
		lib_log("mremap: part of a shared mapping of a file is not moved");
		rc = -ENOMEM;
	}
	if (rc < 0) {
		drop(to + old_bytes, more);
		forget(to, old_bytes);
		return rc;
	}
	ranges_take(to, new_bytes);
	if (!keep) {
		ranges_give(addr, old_bytes);
		forget(addr, old_bytes);
	}
	return (int64_t)to;
}

static int64_t move_anywhere(uint64_t addr, uint64_t old_bytes, uint64_t new_bytes, uint64_t hint,
			     bool keep)
{
	const uint64_t to = find_address(hint, new_bytes);
	if (!to)
		return -ENOMEM;
	return move_to(addr, old_bytes, new_bytes, to, keep);
}

static int64_t remap_fixed(uint64_t addr, uint64_t old_bytes, uint64_t new_bytes, uint64_t to,
			   bool keep)
{
	if (to == 0)
		return -EPERM;
	int64_t rc = sys_munmap(to, new_bytes);
	if (rc == 0 && new_bytes < old_bytes)
		rc = sys_munmap(addr + new_bytes, old_bytes - new_bytes);
	if (rc < 0)
		return rc;
	return move_to(addr, min_u64(old_bytes, new_bytes), new_bytes, to, keep);
}

static int64_t remap_larger(uint64_t addr, uint64_t old_bytes, uint64_t new_bytes, uint32_t flags)
{
	const uint64_t end = addr + old_bytes, more = new_bytes - old_bytes;
	if (ranges_free(end, more) && extend(end, more, end - MOTE_PAGE) == 0) {
		ranges_take(end, more);
		return (int64_t)addr;
	}
	if (!(flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	return move_anywhere(addr, old_bytes, new_bytes, 0, false);
}

/* Linux's rules for flags, in its order. */
static int64_t check_mremap(uint64_t addr, uint64_t old_bytes, uint64_t new_bytes, uint32_t flags,
			    uint64_t to)
{
	const uint32_t known = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
	if (flags & ~known || addr % MOTE_PAGE || new_bytes == 0 || new_bytes > LINUX_MMAP_TOP)
		return -EINVAL;
	if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && old_bytes != new_bytes)
		return -EINVAL;
	if ((flags & MREMAP_FIXED) &&
	    (to % MOTE_PAGE || to > LINUX_MMAP_TOP || new_bytes > LINUX_MMAP_TOP - to ||
	     (addr < to + new_bytes && to < addr + old_bytes)))
		return -EINVAL;
	if (addr > LINUX_MMAP_TOP || old_bytes > LINUX_MMAP_TOP - addr)
		return -EFAULT;
	return 0;
}

/* Outside the zone only the host knows, of each page. */
static bool is_mapped(uint64_t at)
{
	uint64_t end = at + MOTE_PAGE;
	const enum range_kind kind = ranges_kind(at, &end);
	if (kind != RANGE_OTHER || ranges_in_zone(at, MOTE_PAGE))
		return kind != RANGE_FREE;
	return mote_mem_access(mote_area(), at) > 0;
}

static bool has_hole(uint64_t addr, uint64_t bytes)
{
	const uint64_t end = addr + bytes;
	for (uint64_t at = addr, next; at < end; at = next) {
		next = end;
		if (ranges_kind(at, &next) == RANGE_FREE)
			return true;
	}
	return false;
}

/* Of no bytes a shared mapping's pages are mapped a second time. */
static int64_t map_again(uint64_t addr)
{
	if (!ranges_shared(addr, MOTE_PAGE) && !ranges_shared_anonymous(addr, MOTE_PAGE))
		return -EINVAL;
	lib_log("mremap: shared memory is not mapped a second time");
	return -ENOMEM;
}

int64_t sys_mremap(uint64_t addr, uint64_t old_bytes, uint64_t new_bytes, uint32_t flags,
		   uint64_t to)
{
	const bool keep = flags & MREMAP_DONTUNMAP;
	old_bytes = page_up(old_bytes);
	new_bytes = page_up(new_bytes);
	int64_t rc = check_mremap(addr, old_bytes, new_bytes, flags, to);
	if (rc < 0)
		return rc;
	if (!is_mapped(addr))
		return -EFAULT;
	if (old_bytes == 0)
		return map_again(addr);
	/* What is taken away may have holes, and so may what stays where it is. */
	if ((new_bytes > old_bytes || (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))) &&
	    has_hole(addr, min_u64(old_bytes, new_bytes)))
		return -EFAULT;
	if (keep && ranges_shared_anonymous(addr, old_bytes)) {
		lib_log("mremap: shared memory is not mapped a second time");
		return -ENOMEM;
	}
	if (new_bytes > old_bytes &&
	    ranges_shared(addr, 1) != ranges_shared(addr + old_bytes - 1, 1))
		return -EFAULT; /* two mappings */
	if (ranges_shared(addr, old_bytes) && (new_bytes > old_bytes || keep)) {
		lib_log("mremap: a shared mapping of a file is not enlarged or kept");
		return -ENOMEM;
	}
	uint64_t more = 0;
	if (keep)
		more = new_bytes;
	else if (new_bytes > old_bytes)
		more = new_bytes - old_bytes;
	if (more > 0 && exceeds_limits(more, true))
		return -ENOMEM;
	if (flags & MREMAP_FIXED)
		return remap_fixed(addr, old_bytes, new_bytes, to, keep);
	if (keep)
		return move_anywhere(addr, old_bytes, new_bytes, to, true);
	if (new_bytes > old_bytes)
		return remap_larger(addr, old_bytes, new_bytes, flags);
	if (new_bytes < old_bytes)
		rc = sys_munmap(addr + new_bytes, old_bytes - new_bytes);
	if (rc < 0)
		return rc;
	return (int64_t)addr;
}
