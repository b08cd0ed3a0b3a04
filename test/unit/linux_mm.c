/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of Linux programs: which addresses mappings get, and what the host is asked for
 * (linux_double.h).
 */
#include "linux_double.h"

#include "guest/linux/mm/memory.h"
#include "guest/linux/mm/ranges.h"

#define ZONE      MOTE_WINDOW_END
#define RW        (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static void start(void)
{
	boot_start("/");
	process.stack_low = LINUX_STACK_TOP - LINUX_STACK_STEP;
}

TestSuite(linux_mm, .init = start);

Test(linux_mm, ranges_are_given_from_the_top_and_taken_back)
{
	cr_expect(ranges_find(0x1000, 0x1000) == LINUX_MMAP_TOP - 0x1000);
	ranges_take(LINUX_MMAP_TOP - 0x3000, 0x1000);
	cr_expect(ranges_find(0x1000, 0x1000) == LINUX_MMAP_TOP - 0x1000);
	cr_expect(ranges_find(0x3000, 0x1000) == LINUX_MMAP_TOP - 0x6000);
	cr_expect(!ranges_free(LINUX_MMAP_TOP - 0x4000, 0x2000) &&
		  ranges_free(LINUX_MMAP_TOP - 0x4000, 0x1000));
	cr_expect(ranges_find(0x1000, 0x200000) % 0x200000 == 0);
	ranges_give(LINUX_MMAP_TOP - 0x3000, 0x1000);
	cr_expect(ranges_find(0x3000, 0x1000) == LINUX_MMAP_TOP - 0x3000);
	/* Overlaps, and addresses outside the zone. */
	ranges_take(0, UINT64_MAX);
	cr_expect(ranges_find(0x1000, 0x1000) == 0);
	ranges_give(ZONE - 0x5000, 0x6000);
	ranges_give(ZONE, 0x3000);
	cr_expect(ranges_find(0x3000, 0x1000) == ZONE && ranges_find(0x4000, 0x1000) == 0);
	cr_expect(!ranges_in_zone(ZONE - 0x1000, 0x1000) && ranges_in_zone(ZONE, 0x1000) &&
		  !ranges_in_zone(LINUX_MMAP_TOP, 1));
}

/* More holes than there is room for: addresses are lost, never given twice. */
Test(linux_mm, ranges_that_do_not_fit_are_forgotten)
{
	for (uint64_t i = 0; i < 3000; i++)
		ranges_take(ZONE + i * 0x2000, 0x1000);
	for (uint64_t i = 0; i < 3000; i++)
		cr_expect(!ranges_free(ZONE + i * 0x2000, 0x1000));
	ranges_give(ZONE, 3000 * 0x2000);
	cr_expect(ranges_free(ZONE, 3000 * 0x2000));
}

Test(linux_mm, mappings_are_zeroed_apart_and_used_again)
{
	int64_t one = sys_mmap(0, 5000, RW, ANONYMOUS, -1, 0),
		two = sys_mmap(0, 4096, RW, ANONYMOUS, -1, 0);
	cr_expect(one == (int64_t)LINUX_MMAP_TOP - 0x2000 && two == one - 0x1000 &&
		  page_count == 3);
	cr_expect(sys_munmap((uint64_t)one, 5000) == 0 && page_count == 1);
	cr_expect(sys_mmap(0, 8192, RW, ANONYMOUS, -1, 0) == one);
	cr_expect(sys_mmap(0, 3 << 20, RW, ANONYMOUS, -1, 0) % (2 << 20) == 0);
	cr_expect(sys_munmap(1, 4096) == -EINVAL && sys_munmap((uint64_t)one, 0) == -EINVAL);
}

Test(linux_mm, bad_mappings_are_refused)
{
	cr_expect(sys_mmap(0, 0, RW, ANONYMOUS, -1, 0) == -EINVAL);
	cr_expect(sys_mmap(0, 4096, RW, MAP_ANONYMOUS, -1, 0) == -EINVAL);
	cr_expect(sys_mmap(1, 4096, RW, ANONYMOUS | MAP_FIXED, -1, 0) == -EINVAL);
	cr_expect(sys_mmap(0, 4096, PROT_READ, MAP_PRIVATE, 3, 1) == -EINVAL);
	cr_expect(sys_mmap(0, UINT64_MAX, RW, ANONYMOUS, -1, 0) == -ENOMEM);
	cr_expect(sys_mmap(0, 1UL << 47, RW, ANONYMOUS, -1, 0) == -ENOMEM);
	memory_limit_pages = 2;
	uint64_t before = ranges_find(4096, 4096);
	cr_expect(sys_mmap(0, 3 * 4096, RW, ANONYMOUS, -1, 0) == -ENOMEM &&
		  ranges_find(4096, 4096) == before);
}

Test(linux_mm, reservations_keep_others_away)
{
	uint64_t at = (uint64_t)sys_mmap(0, 16 << 20, PROT_NONE, ANONYMOUS, -1, 0);
	cr_expect(page_count == 0 && !ranges_free(at, 4096));
	cr_expect(sys_mmap(at, 4096, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == -EEXIST);
	cr_expect(sys_mmap(at + 4096, 4096, RW, ANONYMOUS | MAP_FIXED, -1, 0) ==
		  (int64_t)at + 4096);
	/* Some of the pages are there: each gets what it needs. */
	cr_expect(sys_mprotect(at, 3 * 4096, PROT_READ) == 0 && page_count == 3);
	for (int i = 0; i < 3; i++)
		cr_expect(page_at(at + (uint64_t)i * 4096)->prot == PROT_READ);
	cr_expect(sys_mprotect(at + (8 << 20), 4096, PROT_NONE) == 0 && page_count == 3);
	cr_expect(sys_mprotect(at + 1, 4096, PROT_READ) == -EINVAL &&
		  sys_mprotect(at, 4096, 64) == -EINVAL);
	cr_expect(sys_mprotect(at, 0, PROT_READ) == 0);
}

static bool reads_into_pages(uint32_t nr, const uint64_t *arg, int64_t *rc)
{
	if (nr != HOSTCALL_preadv)
		return false;
	const struct iovec *v = (const void *)arg[1];
	struct page *p = page_at((uint64_t)v->iov_base);
	cr_assert(p && (p->prot & PROT_WRITE));
	*rc = result(pread((int)arg[0], p->bytes, 4096, (off_t)arg[3]));
	return true;
}

Test(linux_mm, files_are_copied_in)
{
	char name[] = "/tmp/mote-mm-XXXXXX", got[6] = "";
	int fd = mkstemp(name);
	cr_assert(fd >= 0 && unlink(name) == 0 && pwrite(fd, "abcdef", 6, 4096) == 6);
	host_answer = reads_into_pages;
	int64_t at = sys_mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 4096);
	cr_assert(at > 0, "%ld", (long)at);
	cr_expect(page_at((uint64_t)at)->prot == PROT_READ && get_user(got, (uint64_t)at, 6) == 0);
	cr_expect(memcmp(got, "abcdef", 6) == 0);
	cr_expect(sys_mmap(0, 4096, PROT_READ, MAP_PRIVATE, 99, 0) == -EBADF && page_count == 1);
}

static uint64_t shared_at;

static bool shares(uint32_t nr, const uint64_t *arg, int64_t *rc)
{
	*rc = 0;
	if (nr == HOSTCALL_mem_share) {
		shared_at = arg[0];
		if (arg[3] == 99)
			*rc = -EBADF;
	}
	return nr == HOSTCALL_mem_share || nr == HOSTCALL_mem_sync;
}

Test(linux_mm, files_are_shared_by_the_host)
{
	char name[] = "/tmp/mote-mm-XXXXXX";
	int fd = mkstemp(name);
	cr_assert(fd >= 0 && unlink(name) == 0);
	host_answer = shares;
	uint64_t at = (uint64_t)sys_mmap(0, 5000, RW, MAP_SHARED, fd, 4096);
	cr_expect(at == shared_at && page_count == 0 && ranges_shared(at + 8191, 1) &&
		  !ranges_free(at, 1));
	cr_expect(sys_msync(at, 4096, MS_SYNC) == 0 && calls_made[HOSTCALL_mem_sync] == 1);
	cr_expect(sys_msync(at - 4096, 4096, MS_SYNC) == -ENOMEM &&
		  calls_made[HOSTCALL_mem_sync] == 1);
	cr_expect(sys_msync(at, 4096, MS_SYNC | MS_ASYNC) == -EINVAL &&
		  sys_msync(at + 1, 1, MS_SYNC) == -EINVAL &&
		  sys_msync(at, UINT64_MAX, MS_SYNC) == 0); /* as Linux rounds it */
	/* Neither would be the file any more. */
	cr_expect(sys_mremap(at, 8192, 16384, MREMAP_MAYMOVE, 0) == -ENOMEM &&
		  strstr(host_log, "mremap"));
	cr_expect(sys_mremap(at, 8192, 8192, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0) == -ENOMEM);
	const uint64_t to = at - (1 << 20);
	cr_expect(sys_mremap(at, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, to) == (int64_t)to &&
		  ranges_shared(to + 4096, 1) && !ranges_shared(at, 8192) && ranges_free(at, 1));
	at = to;
	cr_expect(sys_mremap(at, 8192, 4096, 0, 0) == (int64_t)at && ranges_shared(at, 1) &&
		  !ranges_shared(at + 4096, 1));
	cr_expect(sys_mmap(at, 4096, RW, ANONYMOUS | MAP_FIXED, -1, 0) == (int64_t)at &&
		  !ranges_shared(at, 4096));
	uint64_t before = ranges_find(4096, 4096);
	cr_expect(sys_mmap(0, 4096, RW, MAP_SHARED_VALIDATE, 99, 0) == -EBADF &&
		  ranges_find(4096, 4096) == before && !ranges_shared(before, 4096));
}

Test(linux_mm, mremap_moves_what_cannot_grow)
{
	uint64_t at = (uint64_t)sys_mmap(0, 2 * 4096, RW, ANONYMOUS, -1, 0);
	char got[4];
	cr_assert(put_user(at, "old", 4) == 0);
	cr_expect(sys_mremap(at, 2 * 4096, 4 * 4096, 0, 0) == -ENOMEM); /* the zone ends there */
	uint64_t moved = (uint64_t)sys_mremap(at, 2 * 4096, 4 * 4096, MREMAP_MAYMOVE, 0);
	cr_expect(moved == at - 4 * 4096 && get_user(got, moved, 4) == 0 &&
		  strcmp(got, "old") == 0 && !page_at(at));
	cr_expect(sys_mremap(moved, 4 * 4096, 6 * 4096, 0, 0) == (int64_t)moved && page_count == 6);
	cr_expect(sys_mremap(moved, 6 * 4096, 4096, 0, 0) == (int64_t)moved && page_count == 1);
	uint64_t to = moved - (1 << 20);
	cr_expect(sys_mremap(moved, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to) == (int64_t)to);
	cr_expect(get_user(got, to, 4) == 0 && strcmp(got, "old") == 0 && page_count == 1);
	cr_expect(sys_mremap(to, 4096, 4096, MREMAP_FIXED, at) == -EINVAL);
	cr_expect(sys_mremap(to, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, to + 4096) == -EINVAL);
	cr_expect(sys_mremap(to, 0, 4096, 0, 0) == -EINVAL &&
		  sys_mremap(to, 4096, 4096, 64, 0) == -EINVAL);
	cr_expect(calls_made[HOSTCALL_preadv] == 0 && calls_made[HOSTCALL_mem_move] == 2,
		  "nothing is copied");
}

Test(linux_mm, mremap_keeps_what_it_should)
{
	const uint32_t keep = MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
	uint64_t at = (uint64_t)sys_mmap(0, 2 * 4096, RW, ANONYMOUS, -1, 0);
	char got[4];
	cr_assert(put_user(at, "old", 4) == 0);
	uint64_t to = (uint64_t)sys_mremap(at, 2 * 4096, 2 * 4096, keep, 0);
	cr_expect(to == at - 2 * 4096 && page_count == 4 && !ranges_free(at, 1));
	cr_expect(get_user(got, to, 4) == 0 && strcmp(got, "old") == 0);
	cr_expect(get_user(got, at, 4) == 0 && got[0] == 0);
	cr_expect(sys_mremap(at, 4096, 8192, keep, 0) == -EINVAL &&
		  sys_mremap(at, 4096, 4096, MREMAP_DONTUNMAP, 0) == -EINVAL);
}

static bool has_no_tables(uint32_t nr, const uint64_t *arg, int64_t *rc)
{
	(void)arg;
	*rc = -ENOMEM;
	return nr == HOSTCALL_mem_move;
}

Test(linux_mm, mremap_that_fails_changes_nothing)
{
	uint64_t none = (uint64_t)sys_mmap(0, 4 * 4096, PROT_NONE, ANONYMOUS, -1, 0);
	uint64_t at = (uint64_t)sys_mmap(0, 4 * 4096, RW, ANONYMOUS, -1, 0);
	uint64_t before = ranges_find(16 * 4096, 4096), end = none + 4096;
	host_answer = has_no_tables;
	cr_expect(sys_mremap(at, 4 * 4096, 16 * 4096, MREMAP_MAYMOVE, 0) == -ENOMEM &&
		  page_count == 4 && page_at(at));
	cr_expect(sys_mremap(none, 4 * 4096, 16 * 4096, MREMAP_MAYMOVE, 0) == -ENOMEM &&
		  ranges_kind(none, &end) == RANGE_RESERVED);
	end = before + 4096;
	cr_expect(ranges_find(16 * 4096, 4096) == before &&
		  ranges_kind(before, &end) == RANGE_FREE);
}

Test(linux_mm, the_heap_grows_in_steps)
{
	uint64_t start_at = 0x600000000000;
	process.brk_start = process.brk = process.brk_mapped = start_at;
	cr_expect(sys_brk(0) == (int64_t)start_at);
	cr_expect(sys_brk(start_at + 1) == (int64_t)start_at + 1 && page_count == 32); /* 128 KiB */
	cr_expect(sys_brk(start_at + (100 << 10)) == (int64_t)start_at + (100 << 10) &&
		  calls_made[HOSTCALL_mem_map] == 1);
	cr_expect(sys_brk(start_at + (8 << 20)) == (int64_t)start_at + (8 << 20) &&
		  page_count == 2048);
	cr_expect(sys_brk(start_at + (8 << 20) + 1) == (int64_t)start_at + (8 << 20) + 1 &&
		  page_count == 2560);
	/* Near the limit: what is asked for, and no more. */
	memory_limit_pages = 2561;
	cr_expect(sys_brk(start_at + (10 << 20) + 4096) == (int64_t)start_at + (10 << 20) + 4096 &&
		  page_count == 2561);
	cr_expect(sys_brk(start_at + (12 << 20)) == (int64_t)start_at + (10 << 20) + 4096);
}

Test(linux_mm, a_smaller_heap_gives_its_pages_back)
{
	const uint64_t heap = LINUX_MMAP_TOP + (1 << 20);
	char got[2] = "";
	process.brk_start = process.brk = process.brk_mapped = heap;
	cr_expect(sys_brk(heap + 4 * MOTE_PAGE) == (int64_t)(heap + 4 * MOTE_PAGE) &&
		  put_user(heap + 200, "ab", 2) == 0 &&
		  put_user(heap + 2 * MOTE_PAGE, "c", 1) == 0);
	cr_expect(sys_brk(heap + 100) == (int64_t)heap + 100 && page_count == 1, "%u",
		  (unsigned)page_count);
	cr_expect(sys_brk(heap + 4 * MOTE_PAGE) == (int64_t)(heap + 4 * MOTE_PAGE));
	/* The page that the break was in is as it was, as on Linux. */
	cr_expect(get_user(got, heap + 200, 2) == 0 && got[0] == 'a' && got[1] == 'b');
	cr_expect(get_user(got, heap + 2 * MOTE_PAGE, 1) == 0 && got[0] == 0);
	cr_expect(sys_brk(heap) == (int64_t)heap && page_count == 0);
}

Test(linux_mm, madvise_zeroes_what_is_there)
{
	uint64_t at = (uint64_t)sys_mmap(0, 4096, RW, ANONYMOUS, -1, 0);
	char got = 'x';
	cr_assert(put_user(at, &got, 1) == 0);
	cr_expect(sys_madvise(at, 4096, MADV_FREE) == 0 && page_at(at)->bytes[0] == 'x');
	cr_expect(sys_madvise(at, 4096, MADV_DONTNEED) == 0 && page_at(at)->bytes[0] == 0);
	cr_expect(sys_madvise(at - 4096, 8192, MADV_DONTNEED) == -ENOMEM &&
		  sys_madvise(at + 1, 1, MADV_DONTNEED) == -EINVAL);
}

static bool writes_once_mapped(uint32_t nr, const uint64_t *arg, int64_t *rc)
{
	(void)arg;
	if (nr != HOSTCALL_writev)
		return false;
	*rc = calls_made[HOSTCALL_mem_map] ? 1 : -EFAULT;
	return true;
}

/*
 * The host does not know that the stack grows: a buffer on it is mapped, and the call made once
 * more.
 */
Test(linux_mm, a_buffer_on_the_stack_to_be_is_mapped)
{
	const struct syscall write_it = {
		.nr = SYS_write,
		.arg = {1, LINUX_STACK_TOP - (7UL << 20), 1},
	};
	host_answer = writes_once_mapped;
	cr_expect(syscall_run(&write_it) == 1 && calls_made[HOSTCALL_writev] == 2);
	cr_expect(process.stack_low == LINUX_STACK_TOP - LINUX_STACK_BYTES);
	cr_expect(!memory_stack_grow(LINUX_STACK_TOP - 1) && !memory_stack_grow(8));
}

Test(linux_mm, a_stack_beyond_the_memory_limit_is_reported)
{
	memory_limit_pages = 10;
	cr_expect(!memory_stack_grow(LINUX_STACK_TOP - (4UL << 20)) && strstr(host_log, "stack"));
	cr_expect(process.stack_low == LINUX_STACK_TOP - LINUX_STACK_STEP);
}
