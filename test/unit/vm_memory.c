/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory and page tables, without KVM. */
#include "vm/memory/memory.h"

#include "abi/layout.h"
#include "vm/memory/commit.h"
#include "vm/memory/pagemap.h"
#include "vm/memory/shared_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RW = MEMORY_READ | MEMORY_WRITE };
#define AT    0x400000UL
#define LARGE 0x200000UL

static struct memory m;

static void setup(void)
{
	struct err e = {0};
	cr_assert(memory_init(&m, -1, 64 << 20, &e) == 0, "%s", e.text);
}

static void teardown(void)
{
	memory_destroy(&m);
}

TestSuite(vm_memory, .init = setup, .fini = teardown);

Test(vm_memory, copies_cross_pages)
{
	char out[100], in[100];
	memset(in, 7, sizeof(in));
	cr_assert(memory_map(&m, gva(AT), 0x2000, RW) == 0);
	cr_expect(memory_write(&m, gva(AT + 0xfd0), in, sizeof(in)) == 0);
	cr_expect(memory_read(&m, gva(AT + 0xfd0), out, sizeof(out)) == 0);
	cr_expect_arr_eq(in, out, sizeof(in));
}

Test(vm_memory, a_copy_that_does_not_fit_writes_nothing)
{
	char in[100], out[0x20];
	memset(in, 7, sizeof(in));
	cr_assert(memory_map(&m, gva(AT), 0x1000, RW) == 0);
	cr_expect(memory_write(&m, gva(AT + 0xff0), in, sizeof(in)) == -EFAULT);
	cr_assert(memory_read(&m, gva(AT + 0xfe0), out, sizeof(out)) == 0);
	for (size_t i = 0; i < sizeof(out); i++)
		cr_expect(out[i] == 0);
	cr_expect(memory_read(&m, gva(AT - 8), out, sizeof(out)) == -EFAULT);
	cr_expect(memory_read(&m, gva(~0UL - 8), out, sizeof(out)) == -EFAULT);
	cr_expect(memory_read(&m, gva(1UL << 47), out, sizeof(out)) == -EFAULT);
}

Test(vm_memory, protection_counts_for_the_host_too)
{
	char byte = 1;
	cr_assert(memory_map(&m, gva(AT), 0x1000, MEMORY_READ) == 0);
	cr_expect(memory_read(&m, gva(AT), &byte, 1) == 0);
	cr_expect(memory_write(&m, gva(AT), &byte, 1) == -EFAULT);
	cr_assert(memory_protect(&m, gva(AT), 0x1000, 0) == 0);
	cr_expect(memory_read(&m, gva(AT), &byte, 1) == -EFAULT);
}

Test(vm_memory, supervisor_pages_are_not_the_guests)
{
	gpa_t page;
	char byte;
	cr_assert(memory_take(&m, 0x1000, &page) == 0);
	cr_assert(memory_map_fixed(&m, gva(MOTE_KERNEL), page, 0x1000, RW | MEMORY_KERNEL) == 0);
	cr_expect(memory_read(&m, gva(MOTE_KERNEL), &byte, 1) == -EFAULT);
	cr_expect(memory_unmap(&m, gva(MOTE_KERNEL), 0x1000) == -EINVAL);
	cr_expect(memory_map_fixed(&m, gva(MOTE_KERNEL + 0x1000), page, 0x1000, RW) == -EINVAL);
}

Test(vm_memory, spans_join_what_is_contiguous)
{
	struct iovec spans[4];
	cr_assert(memory_map(&m, gva(2 * LARGE), LARGE, RW) == 0);
	int n = memory_span(&m, gva(2 * LARGE + 5), LARGE - 5, MEMORY_WRITE, spans, 4);
	cr_expect(n == 1 && spans[0].iov_len == LARGE - 5);
	cr_expect(memory_span(&m, gva(2 * LARGE + 5), LARGE, MEMORY_WRITE, spans, 4) == -EFAULT);
	cr_expect(memory_span(&m, gva(2 * LARGE), 0, MEMORY_WRITE, spans, 4) == 0);
}

Test(vm_memory, freed_memory_is_used_again_and_zeroed)
{
	for (int round = 0; round < 200; round++) {
		cr_assert(memory_map(&m, gva(AT), 5 * LARGE + 0x3000, RW) == 0, "round %d", round);
		for (uint64_t at = 0; at < 5 * LARGE + 0x3000; at += 0x1000) {
			uint64_t v = 1;
			cr_assert(memory_read(&m, gva(AT + at), &v, 8) == 0 && v == 0,
				  "round %d, %#lx", round, at);
			v = at + 1;
			cr_assert(memory_write(&m, gva(AT + at), &v, 8) == 0);
		}
		/* A part first, so that large pages are split. */
		cr_assert(memory_unmap(&m, gva(AT + LARGE + 0x5000), LARGE) == 0);
		cr_assert(memory_unmap(&m, gva(AT), 5 * LARGE + 0x3000) == 0);
	}
}

Test(vm_memory, freed_memory_comes_back_in_order)
{
	struct iovec spans[16];
	cr_assert(memory_map(&m, gva(AT), 16 * MOTE_PAGE, RW) == 0);
	cr_assert(memory_span(&m, gva(AT), 16 * MOTE_PAGE, MEMORY_WRITE, spans, 16) == 1);
	cr_assert(memory_unmap(&m, gva(AT), 16 * MOTE_PAGE) == 0);
	cr_assert(memory_map(&m, gva(AT), 16 * MOTE_PAGE, RW) == 0);
	cr_expect(memory_span(&m, gva(AT), 16 * MOTE_PAGE, MEMORY_WRITE, spans, 16) == 1);
}

/* How many of the 64 pages at AT the host backs. */
static unsigned backed(void)
{
	struct iovec spans[64];
	unsigned n = 0;
	int count = memory_span(&m, gva(AT), 64 * MOTE_PAGE, MEMORY_WRITE, spans, 64);
	cr_assert(count > 0);
	for (int i = 0; i < count; i++) {
		unsigned char here[64];
		cr_assert(mincore(spans[i].iov_base, spans[i].iov_len, here) == 0);
		for (size_t page = 0; page < spans[i].iov_len / MOTE_PAGE; page++)
			n += here[page] & 1;
	}
	return n;
}

Test(vm_memory, what_is_filled_is_backed_and_zero)
{
	char byte = 1;
	cr_assert(memory_map(&m, gva(AT + 16 * LARGE), 0x8000, RW) == 0);
	cr_assert(memory_map(&m, gva(AT + 17 * LARGE), 0x1000, RW) == 0);
	cr_assert(memory_write(&m, gva(AT + 16 * LARGE), &byte, 1) == 0);
	/* so that the pages lie in two places */
	cr_assert(memory_unmap(&m, gva(AT + 16 * LARGE), 0x8000) == 0);
	cr_assert(memory_map(&m, gva(AT), 64 * MOTE_PAGE, RW) == 0);
	cr_expect(backed() == 0);
	memory_fill(&m, gva(AT), 64 * MOTE_PAGE);
	cr_expect(backed() == 64);
	for (unsigned i = 0; i < 64; i++) {
		cr_assert(memory_read(&m, gva(AT + i * MOTE_PAGE), &byte, 1) == 0);
		cr_expect(byte == 0);
	}
	memory_fill(&m, gva(AT + 32 * LARGE), 0x1000); /* nothing there: nothing done */
}

Test(vm_memory, more_than_there_is_is_refused_and_undone)
{
	uint64_t used = m.used_bytes;
	cr_expect(memory_map(&m, gva(AT), 128 << 20, RW) == -ENOMEM);
	/* Fits by its size, not with the page tables that it takes. */
	cr_expect(memory_map(&m, gva(AT + 0x1000), (64 << 20) - used, RW) == -ENOMEM);
	cr_assert(memory_map(&m, gva(AT), 40 << 20, RW) == 0);
	cr_expect(memory_unmap(&m, gva(AT), 40 << 20) == 0);
}

Test(vm_memory, protection_keeps_contents_across_a_split)
{
	cr_assert(memory_map(&m, gva(2 * LARGE), LARGE, RW) == 0);
	for (uint64_t at = 0; at < LARGE; at += 0x1000)
		cr_assert(memory_write(&m, gva(2 * LARGE + at), &at, 8) == 0);
	cr_assert(memory_protect(&m, gva(2 * LARGE + 0x7000), 0x2000, MEMORY_READ) == 0);
	for (uint64_t at = 0; at < LARGE; at += 0x1000) {
		uint64_t v;
		cr_assert(memory_read(&m, gva(2 * LARGE + at), &v, 8) == 0 && v == at);
		cr_expect(memory_write(&m, gva(2 * LARGE + at), &v, 8) ==
			  (at == 0x7000 || at == 0x8000 ? -EFAULT : 0));
	}
}

Test(vm_memory, a_truncated_file_is_an_error)
{
	int fd = memfd_create("program", MFD_CLOEXEC);
	cr_assert(fd >= 0 && ftruncate(fd, 0x3000) == 0 && pwrite(fd, "x", 1, 0x2000) == 1);
	gpa_t at;
	char byte;
	cr_assert(memory_take_file(&m, fd, 0x3000, &at) == 0);
	cr_assert(memory_map_fixed(&m, gva(AT), at, 0x3000, RW) == 0);
	cr_expect(memory_read(&m, gva(AT + 0x2000), &byte, 1) == 0 && byte == 'x');
	cr_assert(ftruncate(fd, 0x1000) == 0);
	cr_expect(memory_read(&m, gva(AT + 0x2000), &byte, 1) == -EFAULT);
	cr_expect(memory_write(&m, gva(AT + 0x2000), "y", 1) == -EFAULT);
	cr_expect(memory_read(&m, gva(AT), &byte, 1) == 0 && byte == 0);
}

Test(vm_memory, ranges_are_checked)
{
	cr_expect(memory_map(&m, gva(0), 0x1000, RW) == -EINVAL);
	cr_expect(memory_map(&m, gva(AT + 1), 0x1000, RW) == -EINVAL);
	cr_expect(memory_map(&m, gva(AT), 0x1001, RW) == -EINVAL);
	cr_expect(memory_map(&m, gva(AT), 0, RW) == -EINVAL);
	cr_expect(memory_map(&m, gva(AT), 0x1000, 0) == -EINVAL);
	cr_expect(memory_map(&m, gva(MOTE_KERNEL - 0x1000), 0x2000, RW) == -EINVAL);
	cr_expect(memory_map(&m, gva(MOTE_VA_END - 0x1000), 0x2000, RW) == -EINVAL);
	cr_expect(memory_map(&m, gva(0x1000), ~0xfffUL, RW) == -EINVAL);
	cr_expect(memory_map(&m, gva(MOTE_VA_END - 0x1000), 0x1000, RW) == 0);
	cr_expect(memory_map(&m, gva(MOTE_VA_END - 0x1000), 0x1000, RW) == -EEXIST);
}

static unsigned asked;

static bool ends_at_the_third(void *arg)
{
	return arg == &asked && ++asked >= 3;
}

/* A guest chooses how much a call has to do; a limit ends it all the same. */
Test(vm_memory, long_changes_end_with_the_guest)
{
	const uint64_t at = 1UL << 30, small = 0x1000, bytes = 8000 * small;
	unsigned char byte;
	for (uint64_t k = 0; k < 8000; k++)
		cr_assert(memory_map(&m, gva(at + k * small), small, RW) == 0);
	m.ending = ends_at_the_third;
	m.ending_arg = &asked;
	cr_expect(memory_protect(&m, gva(at), bytes, MEMORY_READ) == -EINTR && asked == 3);
	asked = 2; /* at once: whether all of it is mapped is still unknown */
	cr_expect(memory_zero(&m, gva(at), bytes) == -EINTR && asked == 3);
	asked = 0;
	cr_expect(memory_unmap(&m, gva(at), bytes) == -EINTR && asked == 3);
	cr_expect(memory_read(&m, gva(at), &byte, 1) == -EFAULT &&
		  memory_read(&m, gva(at + bytes - 1), &byte, 1) == 0);
	m.ending = NULL;
	cr_assert(memory_unmap(&m, gva(at), bytes) == 0);
	cr_expect(m.used_bytes == m.tables_next + m.spill_next);
}

/* Much memory is given back in steps; after one, a guest that is to end never runs again. */
Test(vm_memory, giving_back_much_memory_ends_with_the_guest)
{
	const uint64_t bytes = 1UL << 30;
	struct err e = {0};
	memory_destroy(&m);
	cr_assert(memory_init(&m, -1, 2 * bytes, &e) == 0, "%s", e.text);
	cr_assert(memory_map(&m, gva(bytes), bytes, RW) == 0);
	m.ending = ends_at_the_third;
	m.ending_arg = &asked;
	asked = 0;
	(void)!memory_unmap(&m, gva(bytes), bytes);
	cr_expect(asked == 3 && m.broken && !memory_intact(&m), "asked %u times", asked);
}

/* --- shared files --- */

static int file_of(off_t bytes)
{
	int fd = memfd_create("shared", MFD_CLOEXEC);
	cr_assert(fd >= 0 && ftruncate(fd, bytes) == 0);
	return fd;
}

/* It is looked for pages of each file that was mapped in the range, and has one left behind it. */
Test(vm_memory, looking_for_files_ends_with_the_guest)
{
	const uint64_t bytes = 3000 * 0x1000UL, at = AT + 0x1000;
	int fd = file_of((off_t)bytes + 0x4000);
	char byte = 1;
	for (uint64_t more = 0x3000; more; more -= 0x1000) {
		cr_assert(memory_share(&m, gva(at), bytes + more, MEMORY_READ, fd, 0, false) == 0);
		cr_assert(memory_unmap(&m, gva(at), bytes + more - 0x1000) == 0);
	}
	cr_assert(memory_share(&m, gva(at), bytes, MEMORY_READ, fd, 0, true) == 0);
	m.ending = ends_at_the_third;
	m.ending_arg = &asked;
	asked = 0; /* twice while it is asked whether all of it is mapped */
	cr_expect(memory_protect(&m, gva(at), bytes, RW) == -EINTR && asked == 3);
	cr_expect(memory_write(&m, gva(at), &byte, 1) == -EFAULT);
	m.ending = NULL;
	cr_expect(memory_protect(&m, gva(at), bytes, RW) == 0 &&
		  memory_write(&m, gva(at), &byte, 1) == 0);
	close(fd);
}

Test(vm_memory, a_shared_file_is_the_file)
{
	int fd = file_of(0x5000);
	char byte = 0;
	uint64_t used = m.used_bytes;
	cr_assert(memory_share(&m, gva(AT), 0x3000, RW, fd, 0x1000, true) == 0);
	cr_expect(memory_write(&m, gva(AT + 0x1ff0), "shared", 7) == 0);
	cr_expect(pread(fd, &byte, 1, 0x2ff0) == 1 && byte == 's');
	cr_expect(pwrite(fd, "X", 1, 0x1000) == 1 && memory_read(&m, gva(AT), &byte, 1) == 0 &&
		  byte == 'X');
	cr_expect(memory_zero(&m, gva(AT), 0x3000) == 0 &&
			  memory_read(&m, gva(AT), &byte, 1) == 0 && byte == 'X',
		  "the file keeps its bytes");
	cr_expect(memory_shares(&m));
	cr_expect(memory_map(&m, gva(AT + 0x2000), 0x1000, RW) == -EEXIST);
	cr_expect(memory_unmap(&m, gva(AT), 0x2000) == 0 && memory_shares(&m));
	cr_expect(memory_unmap(&m, gva(AT + 0x2000), 0x1000) == 0 && !memory_shares(&m));
	cr_expect(m.used_bytes - used <= 4 * 0x1000 + LARGE / 0x1000 * 10,
		  "tables and KVM's slot alone: %lu", m.used_bytes - used);
	close(fd);
}

Test(vm_memory, a_shared_file_gives_what_the_descriptor_has)
{
	int fd = file_of(0x2000), p[2];
	cr_expect(memory_share(&m, gva(AT), 0x2000, RW, fd, 0, false) == -EACCES);
	cr_assert(memory_share(&m, gva(AT), 0x2000, MEMORY_READ, fd, 0, false) == 0);
	cr_expect(memory_protect(&m, gva(AT + 0x1000), 0x1000, RW) == -EACCES);
	cr_expect(memory_write(&m, gva(AT), "x", 1) == -EFAULT);
	/* Where the file is not any more, other memory is as it always is. */
	cr_expect(memory_unmap(&m, gva(AT + 0x1000), 0x1000) == 0 &&
		  memory_map(&m, gva(AT + 0x1000), 0x1000, MEMORY_READ) == 0 &&
		  memory_protect(&m, gva(AT + 0x1000), 0x1000, RW) == 0);
	cr_expect(memory_share(&m, gva(AT), 0x1000, RW, fd, 0, true) == -EEXIST);
	cr_expect(memory_share(&m, gva(LARGE), 0, RW, fd, 0, true) == -EINVAL &&
		  memory_share(&m, gva(LARGE), 0x1000, RW, fd, 1, true) == -EINVAL &&
		  memory_share(&m, gva(LARGE), 0x1000, RW, fd, 1UL << 63, true) == -EINVAL &&
		  memory_share(&m, gva(MOTE_KERNEL), 0x1000, RW, fd, 0, true) == -EINVAL);
	cr_assert(pipe(p) == 0);
	cr_expect(memory_share(&m, gva(LARGE), 0x1000, MEMORY_READ, p[0], 0, false) == -ENODEV);
}

Test(vm_memory, pages_behind_a_shared_file_are_lost_and_found)
{
	int fd = file_of(0x1800);
	char byte;
	cr_assert(memory_share(&m, gva(LARGE), 2 * LARGE, RW, fd, 0, true) == 0);
	cr_expect(memory_read(&m, gva(LARGE + 0x1fff), &byte, 1) == 0 &&
		  memory_read(&m, gva(LARGE + 0x2000), &byte, 1) == -EFAULT);
	cr_expect(memory_shared_lose(&m) == 0 && memory_shared_lose(&m) == -ENOENT, "once");
	cr_expect(memory_read(&m, gva(LARGE + 0x1000), &byte, 1) == 0);
	cr_expect(memory_shared_find(&m, gva(LARGE + 0x2000)) == -EFAULT &&
		  memory_shared_find(&m, gva(LARGE)) == -ENOENT &&
		  memory_shared_find(&m, gva(64 * LARGE)) == -ENOENT);
	cr_assert(ftruncate(fd, 0x4000) == 0);
	cr_expect(memory_shared_find(&m, gva(LARGE + 0x2000)) == 0);
	cr_expect(memory_write(&m, gva(LARGE + 0x3fff), "x", 1) == 0, "and those behind it");
	cr_expect(memory_shared_find(&m, gva(LARGE + 0x4000)) == -EFAULT);
	cr_expect(memory_unmap(&m, gva(LARGE), 2 * LARGE) == 0 && !memory_shares(&m));
}

Test(vm_memory, shared_files_are_bounded_and_their_slots_used_again)
{
	int fd = file_of(0x1000);
	int rc = 0;
	unsigned count = 0;
	for (; count <= MEMORY_SHARED_MAX && rc == 0; count++)
		rc = memory_share(&m, gva((1 + count) * LARGE), 0x1000, MEMORY_READ, fd, 0, true);
	cr_expect(rc == -ENOMEM && count == MEMORY_SHARED_MAX + 1, "%d after %u", rc, count);
	/* One that is larger takes the place of one that is gone. */
	cr_expect(memory_unmap(&m, gva(LARGE), 0x1000) == 0);
	cr_expect(memory_share(&m, gva(1024 * LARGE), 2 * LARGE, MEMORY_READ, fd, 0, true) == 0);
	cr_expect(memory_share(&m, gva(LARGE), 0x1000, MEMORY_READ, fd, 0, true) == -ENOMEM);
	memory_shared_drop(&m);
	/* KVM's own memory for a slot counts: 10 bytes a page. */
	cr_expect(memory_share(&m, gva(4096 * LARGE), 32UL << 30, MEMORY_READ, fd, 0, true) ==
		  -ENOMEM);
	uint64_t used = m.used_bytes;
	cr_expect(memory_share(&m, gva(4096 * LARGE), 1UL << 30, MEMORY_READ, fd, 0, true) == 0 &&
		  m.used_bytes - used >= (1UL << 30) / 0x1000 * 10);
	memory_shared_drop(&m);
	cr_expect(!memory_shares(&m) &&
		  memory_share(&m, gva(4096 * LARGE), MEMORY_SHARED_BYTES + 0x1000, MEMORY_READ, fd,
			       0, true) == -ENOMEM);
}

/* The same of a file, whose pages cost the guest nothing: it is not at a large page's address. */
Test(vm_memory, sharing_a_large_file_ends_with_the_guest)
{
	int fd = file_of(8000 * 0x1000);
	const uint64_t at = (1UL << 30) + 0x1000, bytes = 8000 * 0x1000UL;
	unsigned char byte;
	m.ending = ends_at_the_third;
	m.ending_arg = &asked;
	cr_expect(memory_share(&m, gva(at), bytes, RW, fd, 0, true) == -EINTR && asked == 3);
	cr_expect(memory_read(&m, gva(at), &byte, 1) == 0 &&
		  memory_read(&m, gva(at + bytes - 1), &byte, 1) == -EFAULT);
	m.ending = NULL;
	cr_expect(memory_unmap(&m, gva(at), bytes) == 0);
	close(fd);
}

/* --- moving --- */

#define TIB (1UL << 40)

static void mark(uint64_t at, uint64_t bytes)
{
	for (uint64_t k = 0; k < bytes; k += 0x1000) {
		const uint64_t v = k + 1;
		cr_assert(memory_write(&m, gva(at + k), &v, 8) == 0);
	}
}

static void expect_marked(uint64_t at, uint64_t bytes)
{
	for (uint64_t k = 0, v; k < bytes; k += 0x1000)
		cr_expect(memory_read(&m, gva(at + k), &v, 8) == 0 && v == k + 1, "%#lx", at + k);
}

/* To addresses where large pages fit, and to others; back and forth, in part and as a whole. */
Test(vm_memory, moved_pages_keep_their_contents)
{
	const uint64_t bytes = 3 * LARGE + 0x5000, shifts[] = {0, 0x3000, LARGE, LARGE - 0x1000, 0};
	uint64_t at = AT;
	cr_assert(memory_map(&m, gva(at), bytes, RW) == 0);
	mark(at, bytes);
	for (size_t i = 0; i < sizeof(shifts) / sizeof(*shifts); i++) {
		const uint64_t to = TIB + i * 64 * LARGE + shifts[i];
		cr_expect(memory_move(&m, gva(at), bytes, gva(to), false) == 0);
		expect_marked(to, bytes);
		cr_expect(!memory_is_mapped(&m, gva(at)) && !memory_is_mapped(&m, gva(to + bytes)));
		at = to;
	}
	cr_expect(memory_move(&m, gva(at + LARGE + 0x1000), LARGE, gva(AT), false) == 0);
	cr_expect(memory_move(&m, gva(AT), LARGE, gva(at + LARGE + 0x1000), false) == 0);
	expect_marked(at, bytes);
	cr_expect(memory_unmap(&m, gva(at), bytes) == 0);
	cr_expect(m.used_bytes == m.tables_next + m.spill_next, "only tables stay");
}

Test(vm_memory, moving_keeps_holes_and_protection)
{
	cr_assert(memory_map(&m, gva(AT), 0x4000, RW) == 0);
	mark(AT, 0x4000);
	cr_assert(memory_unmap(&m, gva(AT + 0x1000), 0x1000) == 0 &&
		  memory_protect(&m, gva(AT + 0x2000), 0x1000, MEMORY_READ) == 0 &&
		  memory_protect(&m, gva(AT + 0x3000), 0x1000, 0) == 0);
	cr_expect(memory_move(&m, gva(AT), 0x4000, gva(TIB), true) == 0);
	const unsigned access[] = {RW, 0, MEMORY_READ, 0};
	uint64_t v;
	for (uint64_t k = 0; k < 4; k++)
		cr_expect(memory_access_at(&m, gva(TIB + k * 0x1000)) == access[k] &&
				  memory_access_at(&m, gva(AT + k * 0x1000)) == access[k],
			  "%lu", k);
	cr_expect(!memory_is_mapped(&m, gva(AT + 0x1000)) &&
		  memory_is_mapped(&m, gva(AT + 0x3000)));
	cr_expect(memory_read(&m, gva(TIB), &v, 8) == 0 && v == 1);
	cr_expect(memory_read(&m, gva(AT), &v, 8) == 0 && v == 0, "what is kept is zero");
	cr_assert(memory_protect(&m, gva(TIB + 0x3000), 0x1000, RW) == 0);
	cr_expect(memory_read(&m, gva(TIB + 0x3000), &v, 8) == 0 && v == 0x3001);
	cr_expect(memory_access_at(&m, gva(0)) == 0 && memory_access_at(&m, gva(~0UL)) == 0 &&
		  memory_access_at(&m, gva(MOTE_KERNEL)) == 0);
}

Test(vm_memory, moving_what_is_reserved_costs_little)
{
	const uint64_t used = m.used_bytes;
	cr_assert(memory_map_lazily(&m, gva(TIB), 4 * TIB, RW) == 0);
	cr_assert(memory_write(&m, gva(2 * TIB + 77), "here", 5) == 0);
	cr_expect(memory_move(&m, gva(TIB), 4 * TIB, gva(8 * TIB + 0x7000), false) == 0);
	char text[5];
	cr_expect(memory_read(&m, gva(9 * TIB + 0x7000 + 77), text, 5) == 0 &&
		  strcmp(text, "here") == 0);
	cr_expect(!memory_is_mapped(&m, gva(TIB)) && memory_is_mapped(&m, gva(12 * TIB)));
	cr_expect(m.used_bytes - used < 4 << 20, "%lu bytes", m.used_bytes - used);
}

Test(vm_memory, moves_that_are_refused_change_nothing)
{
	cr_assert(memory_map(&m, gva(AT), 0x3000, RW) == 0);
	cr_assert(memory_map(&m, gva(AT + 0x10000), 0x1000, RW) == 0);
	mark(AT, 0x3000);
	cr_expect(memory_move(&m, gva(AT), 0x3000, gva(AT + 0xf000), false) == -EEXIST);
	cr_expect(memory_move(&m, gva(AT), 0x3000, gva(AT + 0x2000), false) == -EINVAL &&
		  memory_move(&m, gva(AT), 0x3000, gva(AT), false) == -EINVAL &&
		  memory_move(&m, gva(AT), 0x3000, gva(TIB + 1), false) == -EINVAL &&
		  memory_move(&m, gva(AT), 0, gva(TIB), false) == -EINVAL &&
		  memory_move(&m, gva(AT), 0x3000, gva(MOTE_KERNEL - 0x1000), false) == -EINVAL &&
		  memory_move(&m, gva(MOTE_KERNEL), 0x1000, gva(TIB), false) == -EINVAL &&
		  memory_move(&m, gva(AT), 0x3000, gva(MOTE_VA_END - 0x1000), false) == -EINVAL);
	m.tables_next = MEMORY_SYSTEM_BYTES; /* all are in use */
	m.spill_next = m.spill_bytes;
	cr_expect(memory_move(&m, gva(AT), 0x3000, gva(TIB), false) == -ENOMEM, "no tables");
	expect_marked(AT, 0x3000);
	cr_expect(!memory_is_mapped(&m, gva(TIB)));
}

Test(vm_memory, a_shared_file_moves_as_a_whole)
{
	int fd = file_of(0x4000);
	char byte = 0;
	cr_assert(memory_share(&m, gva(LARGE), 0x4000, RW, fd, 0, true) == 0);
	cr_expect(memory_move(&m, gva(LARGE), 0x2000, gva(AT), false) == -EOPNOTSUPP &&
		  memory_move(&m, gva(LARGE), 0x4000, gva(AT), true) == -EOPNOTSUPP);
	cr_expect(memory_move(&m, gva(LARGE), 0x5000, gva(AT), false) == 0);
	cr_expect(memory_write(&m, gva(AT + 0x3000), "moved", 5) == 0 &&
		  pread(fd, &byte, 1, 0x3000) == 1 && byte == 'm');
	/* The file's end is looked for at the new place. */
	cr_assert(ftruncate(fd, 0x1000) == 0);
	cr_expect(memory_shared_lose(&m) == 0 && memory_shared_lose(&m) == -ENOENT);
	cr_expect(memory_shared_find(&m, gva(AT + 0x1000)) == -EFAULT);
	cr_expect(memory_unmap(&m, gva(AT), 0x4000) == 0 && !memory_shares(&m));
	close(fd);
}

/* A large page that the file does not have is found again, wherever its parts are then. */
Test(vm_memory, parts_of_a_lost_page_are_lost)
{
	const int fd = file_of(2 * LARGE);
	const uint64_t at = 8 * LARGE, to = 64 * LARGE + 0x3000;
	cr_assert(memory_share(&m, gva(at), 2 * LARGE, RW, fd, 0, true) == 0);
	cr_assert(ftruncate(fd, 0) == 0 && memory_shared_lose(&m) == 0);
	cr_expect(memory_move(&m, gva(at), 2 * LARGE, gva(to), false) == 0);
	cr_expect(memory_unmap(&m, gva(to + LARGE), 0x1000) == 0);
	cr_expect(memory_shared_find(&m, gva(to + 0x5000)) == -EFAULT);
	cr_assert(ftruncate(fd, 2 * LARGE) == 0);
	for (uint64_t k = 0; k < 2 * LARGE; k += 0x1000) {
		const int want = k == LARGE ? -ENOENT : 0;
		if (memory_access_at(&m, gva(to + k)) == 0)
			cr_expect(memory_shared_find(&m, gva(to + k)) == want, "%#lx", k);
	}
	cr_expect(memory_access_at(&m, gva(to + LARGE - 0x1000)) == RW &&
		  memory_write(&m, gva(to + 2 * LARGE - 1), "x", 1) == 0);
	close(fd);
}

Test(vm_memory, a_long_move_ends_with_the_guest)
{
	const uint64_t at = 1UL << 30, small = 0x1000, bytes = 8000 * small;
	for (uint64_t k = 0; k < 8000; k++)
		cr_assert(memory_map(&m, gva(at + k * small), small, RW) == 0);
	m.ending = ends_at_the_third;
	m.ending_arg = &asked;
	for (unsigned first = 0; first < 3; first++) {
		asked = first;
		cr_expect(memory_move(&m, gva(at), bytes, gva(TIB + small), false) == -EINTR &&
			  asked == 3);
	}
	m.ending = NULL;
	cr_expect(memory_is_mapped(&m, gva(at)), "nothing is half there before all is prepared");
}

/* --- reserved memory (commit.h) --- */

Test(vm_memory, what_is_reserved_costs_nothing)
{
	const uint64_t tables = m.tables_next, used = m.used_bytes;
	cr_assert(memory_map_lazily(&m, gva(TIB + 0x1000), 90 * TIB, RW) == 0);
	cr_expect(m.next == MEMORY_SYSTEM_BYTES && m.tables_next - tables <= 6 * 0x1000,
		  "%lu bytes of tables", m.tables_next - tables);
	cr_expect(memory_map(&m, gva(2 * TIB), 0x1000, RW) == -EEXIST);
	cr_expect(memory_is_mapped(&m, gva(9 * TIB + 5)) && !memory_is_mapped(&m, gva(TIB)));
	cr_expect(memory_protect(&m, gva(3 * TIB), TIB, MEMORY_READ) == 0);
	cr_expect(memory_zero(&m, gva(TIB + 0x1000), 90 * TIB) == 0);
	cr_expect(memory_unmap(&m, gva(TIB), 91 * TIB) == 0);
	cr_expect(m.used_bytes - used == m.tables_next - tables, "only tables stay");
	cr_expect(!memory_is_mapped(&m, gva(9 * TIB)));
}

Test(vm_memory, reserved_memory_comes_with_the_first_access)
{
	const uint64_t at = TIB + 0x1000;
	char in[10000], out[10000];
	struct iovec v[8];
	cr_assert(memory_map_lazily(&m, gva(at), TIB, RW) == 0);
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)(i * 7);
	cr_expect(memory_write(&m, gva(at + (1UL << 39) + 77), in, sizeof(in)) == 0 &&
		  memory_read(&m, gva(at + (1UL << 39) + 77), out, sizeof(out)) == 0 &&
		  memcmp(in, out, sizeof(in)) == 0);
	cr_expect(memory_read(&m, gva(at + 5), out, 100) == 0 && out[0] == 0 && out[99] == 0);
	cr_expect(memory_span(&m, gva(at + LARGE), 3 * 0x1000, MEMORY_WRITE, v, 8) >= 1);
	cr_expect(memory_commit(&m, gva(at + (7UL << 30)), MEMORY_WRITE) == 0 &&
			  memory_commit(&m, gva(at + (7UL << 30)), MEMORY_WRITE) == -ENOENT,
		  "once");
	cr_expect(m.used_bytes < 2 << 20, "%lu bytes", m.used_bytes);
}

Test(vm_memory, reserved_memory_has_the_rights_that_it_was_given)
{
	char byte = 1;
	cr_assert(memory_map_lazily(&m, gva(TIB), TIB, MEMORY_READ) == 0);
	cr_expect(memory_write(&m, gva(TIB), &byte, 1) == -EFAULT && !m.uncommitted);
	cr_expect(memory_commit(&m, gva(TIB), MEMORY_WRITE) == -ENOENT);
	cr_expect(memory_commit(&m, gva(TIB), MEMORY_READ | MEMORY_EXEC) == -ENOENT);
	cr_expect(memory_commit(&m, gva(2 * TIB), MEMORY_READ) == -ENOENT);
	cr_expect(memory_commit(&m, gva(UINT64_MAX), MEMORY_READ) == -ENOENT);
	cr_assert(memory_protect(&m, gva(TIB + 0x1000), 0x1000, 0) == 0);
	cr_expect(memory_read(&m, gva(TIB + 0x1000), &byte, 1) == -EFAULT &&
		  memory_is_mapped(&m, gva(TIB + 0x1000)));
	cr_expect(memory_read(&m, gva(TIB), &byte, 1) == 0 && byte == 0 &&
		  memory_read(&m, gva(TIB + 0x2000), &byte, 1) == 0);
	cr_assert(memory_protect(&m, gva(TIB), 0x3000, RW) == 0);
	cr_expect(memory_write(&m, gva(TIB), "abc", 4) == 0 &&
		  memory_write(&m, gva(TIB + 0x1ffe), "abc", 4) == 0);
}

/* Accesses in rising order get more and more at a time. */
Test(vm_memory, reserved_memory_is_backed_in_growing_steps)
{
	unsigned steps = 0;
	uint64_t at = TIB + 3 * 0x1000, end = at + (40UL << 20);
	cr_assert(memory_map_lazily(&m, gva(at), TIB / 2, RW) == 0);
	for (uint64_t va = at; va < end; va += 0x1000) {
		int rc = memory_commit(&m, gva(va), RW);
		cr_assert(rc == 0 || rc == -ENOENT, "%d at %lx", rc, va);
		steps += rc == 0;
	}
	cr_expect(steps <= 16, "%u steps for 40 MiB of 64", steps);
	/* A guest that is to end gets the page alone. */
	const uint64_t used = m.used_bytes;
	m.ending = ends_at_the_third;
	m.ending_arg = &asked;
	asked = 2;
	while (memory_commit(&m, gva(end), RW) == -ENOENT)
		end += 0x1000;
	cr_expect(asked == 3 && m.used_bytes - used <= 2 * 0x1000, "%lu", m.used_bytes - used);
}

Test(vm_memory, no_memory_for_what_is_reserved_is_an_error)
{
	char byte = 1;
	int rc = 0;
	uint64_t k = 0;
	cr_assert(memory_map_lazily(&m, gva(TIB), TIB, RW) == 0);
	for (; k < 100000 && rc == 0; k++)
		rc = memory_write(&m, gva(TIB + k * 0x1000), &byte, 1);
	cr_expect(rc == -EFAULT && m.uncommitted == -ENOMEM && k > (60UL << 20) / 0x1000 &&
			  m.used_bytes <= 64 << 20,
		  "%d after %lu pages", rc, k);
	m.no_commits = true;
	cr_expect(memory_read(&m, gva(2 * TIB - 0x1000), &byte, 1) == -EFAULT &&
		  m.uncommitted == -EAGAIN);
}

Test(vm_memory, what_was_never_used_is_taken_back)
{
	char byte = 7;
	pagemap_prepare();
	cr_assert(memory_map(&m, gva(AT), 20 * LARGE, RW) == 0);
	cr_assert(memory_map(&m, gva(AT + 64 * LARGE), 0x300000, RW) == 0);
	cr_assert(memory_map_lazily(&m, gva(TIB), TIB, RW) == 0);
	for (uint64_t k = 0; k < 5; k++)
		cr_assert(memory_write(&m, gva(AT + k * 3 * LARGE + k * 0x1000), &byte, 1) == 0);
	cr_assert(memory_write(&m, gva(AT + 64 * LARGE + 0x2ff000), &byte, 1) == 0);
	const uint64_t used = m.used_bytes;
	int64_t got = memory_reclaim(&m);
	/* The host may have backed the six large pages that were touched as a whole. */
	cr_expect(got >= (31L << 20) && m.used_bytes <= used - (uint64_t)got + (64UL << 10),
		  "%ld bytes; %lu, then %lu", got, used, m.used_bytes);
	for (uint64_t k = 0; k < 5; k++)
		cr_expect(memory_read(&m, gva(AT + k * 3 * LARGE + k * 0x1000), &byte, 1) == 0 &&
				  byte == 7,
			  "%lu", k);
	cr_expect(memory_read(&m, gva(AT + 64 * LARGE + 0x2ff000), &byte, 1) == 0 && byte == 7);
	cr_expect(memory_read(&m, gva(AT + LARGE), &byte, 1) == 0 && byte == 0);
	for (uint64_t k = 0; k < (50UL << 20); k += 0x1000)
		cr_assert(memory_write(&m, gva(TIB + k), &byte, 1) == 0, "at %lu", k);
}

Test(vm_memory, reserving_and_taking_back_end_with_the_guest)
{
	for (uint64_t k = 0; k < 4000; k++)
		cr_assert(memory_map(&m, gva(AT + k * 0x1000), 0x1000, RW) == 0);
	pagemap_prepare();
	m.ending = ends_at_the_third;
	m.ending_arg = &asked;
	asked = 0;
	cr_expect(memory_reclaim(&m) == -EINTR && asked == 3);
	asked = 0;
	cr_assert(memory_map(&m, gva(AT + 64 * LARGE), 16 * LARGE, RW) == 0 && asked == 0);
	memory_fill(&m, gva(AT + 64 * LARGE), 16 * LARGE);
	struct iovec last;
	unsigned char here = 1;
	cr_assert(memory_span(&m, gva(AT + 79 * LARGE), 0x1000, MEMORY_WRITE, &last, 1) == 1 &&
		  mincore(last.iov_base, last.iov_len, &here) == 0);
	cr_expect(asked == 3 && !(here & 1));
	asked = 0;
	cr_expect(memory_map_lazily(&m, gva(TIB + 0x1000), 1000UL << 30, RW) == 0 || asked >= 3);
}
