/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls on what is mapped, over ranges that may have holes: mprotect, madvise, msync. As on
 * Linux mprotect stops at the first hole, the others go on behind it and say ENOMEM at the end.
 */
#include "guest/linux/mm/layout.h"
#include "guest/linux/mm/memory.h"
#include "guest/linux/mm/ranges.h"
#include "guest/linux/state.h"
#include "guest/linux/syscall.h"

#include <linux/mman.h>

enum {
	PROT_ALL = MOTE_PROT_READ | MOTE_PROT_WRITE | MOTE_PROT_EXEC,
	PROT_ACCEPTED = PROT_ALL | PROT_SEM,
};

/* Of what the host may know. Page by page if it has holes: up to the first. */
static int64_t protect_mapped(uint64_t addr, uint64_t bytes, uint32_t prot)
{
	int64_t rc = mote_mem_protect(mote_area(), addr, bytes, prot);
	for (uint64_t at = addr; rc == -ENOMEM && at < addr + bytes; at += MOTE_PAGE) {
		int64_t one = mote_mem_protect(mote_area(), at, MOTE_PAGE, prot);
		if (one < 0)
			return one;
	}
	return rc;
}

/* What was only reserved is mapped now. */
static int64_t map_reserved(uint64_t addr, uint64_t bytes, uint32_t prot)
{
	if (!prot)
		return 0;
	int64_t rc = memory_map_anon(addr, bytes, prot);
	if (rc == 0)
		ranges_unreserve(addr, bytes);
	return rc;
}

static int64_t protect_run(enum range_kind kind, uint64_t addr, uint64_t bytes, uint32_t prot)
{
	switch (kind) {
	case RANGE_FREE:
		return -ENOMEM;
	case RANGE_RESERVED:
		return map_reserved(addr, bytes, prot);
	case RANGE_LEFT_OUT: /* whatever the access, the file has no such page */
		return 0;
	case RANGE_OTHER:
		break;
	}
	return protect_mapped(addr, bytes, prot);
}

/* With PROT_GROWSDOWN from where the stack begins: nothing else grows. */
static int64_t protect_growing(uint64_t addr, uint64_t end, uint32_t prot, uint32_t grows)
{
	uint64_t same = end;
	if (ranges_kind(addr, &same) == RANGE_FREE && same == end)
		return -ENOMEM;
	if (grows == PROT_GROWSUP || addr < process.stack_low || end > LINUX_STACK_TOP)
		return -EINVAL;
	return protect_mapped(process.stack_low, end - process.stack_low, prot);
}

int64_t sys_mprotect(uint64_t addr, uint64_t bytes, uint32_t prot)
{
	const uint32_t grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || addr % MOTE_PAGE)
		return -EINVAL;
	if (bytes == 0)
		return 0;
	bytes = page_up(bytes);
	if (bytes == 0 || addr + bytes <= addr)
		return -ENOMEM;
	prot &= ~grows;
	if (prot & ~(uint32_t)PROT_ACCEPTED)
		return -EINVAL;
	if (addr > MOTE_VA_END)
		return -ENOMEM;
	if (grows)
		return protect_growing(addr, addr + bytes, prot & PROT_ALL, grows);
	const uint64_t last = min_u64(addr + bytes, MOTE_VA_END);
	for (uint64_t at = addr, end; at < last; at = end) {
		end = last;
		enum range_kind kind = ranges_kind(at, &end);
		int64_t rc = protect_run(kind, at, end - at, prot & PROT_ALL);
		if (rc < 0)
			return rc;
	}
	return last < addr + bytes ? -ENOMEM : 0;
}

/* --- madvise --- */

static bool is_advice(uint32_t advice)
{
	return advice <= MADV_WILLNEED || advice == MADV_DONTNEED || advice == MADV_FREE ||
	       (advice >= MADV_DONTFORK && advice <= MADV_DONTNEED_LOCKED);
}

/* Makes it read as zero but for holes, of which it tells. */
static int64_t zero_mapped(uint64_t addr, uint64_t bytes)
{
	int64_t rc = mote_mem_zero(mote_area(), addr, bytes);
	if (rc != -ENOMEM || bytes == MOTE_PAGE)
		return rc;
	for (uint64_t at = addr; at < addr + bytes; at += MOTE_PAGE) {
		int64_t one = mote_mem_zero(mote_area(), at, MOTE_PAGE);
		if (one < 0 && one != -ENOMEM)
			return one;
	}
	return rc;
}

int64_t sys_madvise(uint64_t addr, uint64_t bytes, uint32_t advice)
{
	const uint64_t size = page_up(bytes);
	const bool zero = advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED;
	int64_t result = 0;
	if (!is_advice(advice) || addr % MOTE_PAGE || (bytes && !size) || addr + size < addr)
		return -EINVAL;
	if (size == 0)
		return 0;
	if (addr > MOTE_VA_END || size > MOTE_VA_END - addr)
		return -ENOMEM;
	if ((advice == MADV_FREE || advice == MADV_WIPEONFORK) &&
	    (ranges_shared(addr, size) || ranges_shared_anonymous(addr, size)))
		return -EINVAL;
	for (uint64_t at = addr, end; at < addr + size; at = end) {
		int64_t rc = 0;
		end = addr + size;
		enum range_kind kind = ranges_kind(at, &end);
		if (kind == RANGE_FREE)
			rc = -ENOMEM;
		else if (kind == RANGE_OTHER && zero && !ranges_keep_contents(at, &end))
			rc = zero_mapped(at, end - at);
		if (rc < 0 && rc != -ENOMEM)
			return rc;
		if (rc < 0)
			result = rc;
	}
	return result;
}

/* --- msync --- */

static bool has_hole(uint64_t addr, uint64_t bytes)
{
	for (uint64_t at = addr, end; at < addr + bytes; at = end) {
		end = addr + bytes;
		if (ranges_kind(at, &end) == RANGE_FREE)
			return true;
	}
	return false;
}

int64_t sys_msync(uint64_t addr, uint64_t bytes, uint32_t flags)
{
	if (addr % MOTE_PAGE || (flags & ~(uint32_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	const uint64_t size = page_up(bytes); /* of the last page's numbers 0, as on Linux */
	if (size == 0)
		return 0;
	if (addr > MOTE_VA_END || size > MOTE_VA_END - addr)
		return -ENOMEM;
	int64_t rc = 0;
	/* Without MS_SYNC it is the kernel's time to write them. */
	if ((flags & MS_SYNC) && ranges_shared(addr, size))
		rc = mote_mem_sync(mote_area(), addr, size);
	if (rc == 0 && has_hole(addr, size))
		rc = -ENOMEM;
	return rc;
}

/* --- mlock --- */

static int64_t check_lock(uint64_t addr, uint64_t bytes)
{
	const uint64_t size = page_up(bytes + addr % MOTE_PAGE);
	addr = page_down(addr);
	if (addr + size < addr)
		return -EINVAL;
	if (size == 0)
		return 0;
	if (addr > MOTE_VA_END || size > MOTE_VA_END - addr || has_hole(addr, size))
		return -ENOMEM;
	return 0;
}

int64_t sys_munlock(uint64_t addr, uint64_t bytes)
{
	return check_lock(addr, bytes);
}

/* Without MLOCK_ONFAULT every page is to be in memory: those that cannot be are none. */
int64_t sys_mlock2(uint64_t addr, uint64_t bytes, uint32_t flags)
{
	if (flags & ~(uint32_t)MLOCK_ONFAULT)
		return -EINVAL;
	int64_t rc = check_lock(addr, bytes);
	if (rc < 0 || (flags & MLOCK_ONFAULT) || bytes == 0)
		return rc;
	const uint64_t end_of_all = page_up(addr + bytes);
	for (uint64_t at = page_down(addr), end; at < end_of_all; at = end) {
		end = end_of_all;
		const enum range_kind kind = ranges_kind(at, &end);
		if (kind == RANGE_RESERVED || kind == RANGE_LEFT_OUT)
			return -ENOMEM;
	}
	return 0;
}

int64_t sys_mlock(uint64_t addr, uint64_t bytes)
{
	return sys_mlock2(addr, bytes, 0);
}

/* --- mincore --- */

/*
 * Whether a page is mapped: 1, or 0 if nothing is behind it; -ENOMEM: it is not. Which pages are in
 * memory is the host's to know.
 */
static int64_t page_state(uint64_t at)
{
	uint64_t end = at + MOTE_PAGE;
	switch (ranges_kind(at, &end)) {
	case RANGE_FREE:
		return -ENOMEM;
	case RANGE_RESERVED:
	case RANGE_LEFT_OUT:
		return 0;
	case RANGE_OTHER:
		break;
	}
	if (ranges_in_zone(at, MOTE_PAGE))
		return 1;
	return mote_mem_access(mote_area(), at) > 0 ? 1 : -ENOMEM;
}

int64_t sys_mincore(uint64_t addr, uint64_t bytes, uint64_t to)
{
	const uint64_t size = page_up(bytes);
	if (addr % MOTE_PAGE)
		return -EINVAL;
	if (size < bytes || addr > MOTE_VA_END || size > MOTE_VA_END - addr)
		return -ENOMEM;
	for (uint64_t at = 0; at < size; at += MOTE_PAGE) {
		const int64_t state = page_state(addr + at);
		const uint8_t answer = (uint8_t)state;
		if (state < 0)
			return state;
		if (put_user(to + at / MOTE_PAGE, &answer, 1) < 0)
			return -EFAULT;
	}
	return 0;
}
