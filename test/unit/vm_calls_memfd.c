/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls on files in memory and names for open files, tee, and watched signals. */
#include "vm_calls.h"

#include "gen/hostcall_numbers.h"
#include "vm/hostcall/memfd.h"
#include "vm/run/output.h"
#include "vm/run/signals.h"

#include <signal.h>
#include <sys/mman.h>

enum { MIB = 1 << 20 };

static void end(void)
{
	memfds_free(&vm);
	teardown();
}

TestSuite(vm_calls_memfd, .init = setup, .fini = end);

/* --- files in memory --- */

static int32_t memfd(void)
{
	int64_t fd = mote_memfd(&area, MFD_ALLOW_SEALING);
	cr_assert(fd >= 0, "%ld", (long)fd);
	return (int32_t)fd;
}

/* Written like any other, if the guest makes one of them its standard output. */
Test(vm_calls_memfd, output_that_waits_is_within_the_limit)
{
	const int32_t fd = memfd();
	struct stat st;
	EXPECT(1, mote_dup_to(&area, fd, 1));
	for (int i = 0; i < 3000; i++) {
		area.output_fd = 1;
		area.output_len = sizeof(area.output);
		vcpu_flush_output(&vm.vcpus[0]);
		EXPECT(0, area.output_len);
	}
	cr_assert(fstat(fdtable_host(&vm.fds, fd), &st) == 0);
	cr_expect((uint64_t)st.st_size <= vm.memory.max_bytes &&
			  (uint64_t)st.st_size + sizeof(area.output) > vm.memory.max_bytes,
		  "%lu bytes", (unsigned long)st.st_size);
}

Test(vm_calls_memfd, flags_that_are_the_hosts_are_refused)
{
	static const uint32_t refused[] = {MFD_CLOEXEC, MFD_HUGETLB, 1U << 26, 0x80000000};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		EXPECT(-EINVAL, mote_memfd(&area, refused[i]));
	/* Without MFD_ALLOW_SEALING the kernel seals it against seals. */
	const int32_t fd = (int32_t)mote_memfd(&area, 0);
	EXPECT(F_SEAL_SEAL, mote_get_seals(&area, fd));
	EXPECT(-EPERM, mote_add_seals(&area, fd, F_SEAL_WRITE));
}

Test(vm_calls_memfd, seals)
{
	const int32_t fd = memfd(), file = (int32_t)open_at(RW, "file", 0, O_RDWR);
	EXPECT(0, mote_ftruncate(&area, fd, 100));
	EXPECT(0, mote_get_seals(&area, fd));
	EXPECT(-EINVAL, mote_add_seals(&area, fd, 0x40));
	EXPECT(-EINVAL, mote_add_seals(&area, fd, F_SEAL_SHRINK | 0x80000000));
	EXPECT(0, mote_add_seals(&area, fd, F_SEAL_SHRINK));
	EXPECT(F_SEAL_SHRINK, mote_get_seals(&area, fd));
	EXPECT(-EPERM, mote_ftruncate(&area, fd, 99));
	EXPECT(0, mote_ftruncate(&area, fd, 101));
	/* Nobody's file but the guest's own is sealed, whatever its file system is. */
	cr_expect(mote_add_seals(&area, file, F_SEAL_WRITE) < 0);
	EXPECT(0, mote_ftruncate(&area, file, 5));
	EXPECT(-EBADF, mote_get_seals(&area, CLOSED));
	EXPECT(-EBADF, mote_add_seals(&area, CLOSED, 0));
	EXPECT(-EBADF, mote_get_seals(&area, -1));
}

static int64_t write_one(int32_t fd, uint64_t at)
{
	const struct mote_iovec v = {.base = GUEST_AT, .len = 1};
	return mote_pwritev(&area, fd, put(&v, sizeof(v)), 1, at);
}

Test(vm_calls_memfd, sizes_count_together)
{
	const struct mote_iovec one = {.base = GUEST_AT, .len = 1};
	const int32_t a = memfd(), b = memfd();
	cr_assert(vm.memory.max_bytes == 16 * MIB);
	EXPECT(0, mote_ftruncate(&area, a, 10 * MIB));
	EXPECT(-ENOSPC, mote_ftruncate(&area, b, 6 * MIB + 1));
	EXPECT(0, mote_ftruncate(&area, b, 6 * MIB));
	/* Each way to make one larger. */
	EXPECT(-ENOSPC, write_one(b, 6 * MIB));
	EXPECT(6 * MIB, mote_lseek(&area, b, 0, SEEK_END));
	EXPECT(-ENOSPC, mote_writev(&area, b, put(&one, sizeof(one)), 1));
	EXPECT(-ENOSPC, mote_fallocate(&area, b, 0, 6 * MIB, 1));
	EXPECT(-ENOSPC, mote_fallocate(&area, b, FALLOC_FL_KEEP_SIZE, 6 * MIB, 1));
	EXPECT(-ENOSPC, mote_ftruncate(&area, b, INT64_MAX));
	EXPECT(-EINVAL, mote_ftruncate(&area, b, 1UL << 63));
	EXPECT(1, write_one(b, 6 * MIB - 1));
	/* What is kept past the end counts until the file is cut. */
	EXPECT(0, mote_ftruncate(&area, a, 0));
	EXPECT(0, mote_fallocate(&area, b, FALLOC_FL_KEEP_SIZE, 0, 12 * MIB));
	EXPECT(-ENOSPC, mote_ftruncate(&area, a, 5 * MIB));
	EXPECT(0, mote_ftruncate(&area, b, 6 * MIB));
	EXPECT(0, mote_ftruncate(&area, a, 5 * MIB));
}

Test(vm_calls_memfd, what_no_descriptor_has_counts_no_more)
{
	const int32_t a = memfd(), b = memfd();
	EXPECT(0, mote_ftruncate(&area, a, 16 * MIB));
	const int32_t copy = (int32_t)mote_dup(&area, a, 0);
	EXPECT(0, mote_close(&area, a));
	EXPECT(-ENOSPC, mote_ftruncate(&area, b, 1));
	EXPECT(0, mote_close(&area, copy));
	EXPECT(0, mote_ftruncate(&area, b, 16 * MIB));
}

Test(vm_calls_memfd, there_are_so_many)
{
	enum { MOST = 256 };
	int32_t last = -1;
	for (int i = 0; i < MOST; i++)
		last = memfd();
	EXPECT(-ENFILE, mote_memfd(&area, 0));
	EXPECT(0, mote_close(&area, last));
	EXPECT(last, mote_memfd(&area, 0));
	EXPECT(-ENFILE, mote_memfd(&area, 0));
}

/* --- names for open files --- */

Test(vm_calls_memfd, open_files_get_names_where_both_may_be_changed)
{
	const int32_t file = (int32_t)open_at(RW, "file", 0, O_RDONLY),
		      fixed = (int32_t)open_at(DIR_RO, "file", 0, O_RDONLY),
		      sub = (int32_t)open_at(RW, "sub", 0, O_RDONLY | O_DIRECTORY);
	struct mote_stat st;
	int32_t ends[2];
	EXPECT(0, mote_link_file(&area, file, RW, P("name"), 0));
	EXPECT(0, mote_fstat(&area, file, (void *)GUEST_AT));
	get(GUEST_AT, &st, sizeof(st));
	cr_expect(st.nlink == 2, "%lu", (unsigned long)st.nlink);
	EXPECT(-EEXIST, mote_link_file(&area, file, RW, P("name"), 0));
	EXPECT(-EROFS, mote_link_file(&area, file, DIR_RO, P("name"), 0));
	EXPECT(-EXDEV, mote_link_file(&area, fixed, RW, P("other"), 0));
	EXPECT(-EPERM, mote_link_file(&area, sub, RW, P("other"), 0));
	EXPECT(-EPERM, mote_link_file(&area, RW, RW, P("other"), 0));
	EXPECT(-EXDEV, mote_link_file(&area, memfd(), RW, P("other"), 0));
	EXPECT(0, mote_pipe(&area, (void *)GUEST_AT, sizeof(ends), 0));
	get(GUEST_AT, ends, sizeof(ends));
	EXPECT(-EXDEV, mote_link_file(&area, ends[0], RW, P("other"), 0));
	EXPECT(-EBADF, mote_link_file(&area, CLOSED, RW, P("other"), 0));
	EXPECT(-EBADF, mote_link_file(&area, file, CLOSED, P("other"), 0));
	EXPECT(-ENOTDIR, mote_link_file(&area, file, file, P("other"), 0));
	EXPECT(-ENOENT, mote_link_file(&area, file, RW, P("missing/other"), 0));
	EXPECT(-EXDEV, mote_link_file(&area, file, RW, P("../other"), 0));
	EXPECT(-EXDEV, mote_link_file(&area, file, RW, P("sub/out/other"), 0));
	cr_expect(access("other", F_OK) < 0 && access("rw/other", F_OK) < 0);
}

Test(vm_calls_memfd, what_was_handed_in_gets_no_name)
{
	const int host = open("rw/file", O_RDONLY | O_CLOEXEC);
	cr_assert(host >= 0 && fdtable_give(&vm.fds, host, FD_FIXED_STATE, 0) == 0);
	EXPECT(-EXDEV, mote_link_file(&area, 0, RW, P("other"), 0));
	EXPECT(-EXDEV, mote_link_file(&area, (int32_t)mote_dup(&area, 0, 5), RW, P("other"), 0));
	cr_expect(access("rw/other", F_OK) < 0);
}

/* --- tee --- */

static void make_pipe(int32_t ends[2])
{
	EXPECT(0, mote_pipe(&area, (void *)GUEST_AT, 2 * sizeof(ends[0]), 0));
	get(GUEST_AT, ends, 2 * sizeof(ends[0]));
}

static int64_t write_text(int32_t fd, const char *text)
{
	const struct mote_iovec v = {.base = (uint64_t)put(text, strlen(text)),
				     .len = strlen(text)};
	return mote_writev(&area, fd, put(&v, sizeof(v)), 1);
}

static void expect_text(int32_t fd, const char *text)
{
	const struct mote_iovec v = {.base = GUEST_AT, .len = 100};
	char got[100] = {0};
	EXPECT((int64_t)strlen(text), mote_readv(&area, fd, put(&v, sizeof(v)), 1));
	get(GUEST_AT, got, strlen(text));
	cr_expect(strcmp(got, text) == 0, "%s, not %s", got, text);
}

Test(vm_calls_memfd, tee)
{
	const uint32_t nonblock = 2; /* SPLICE_F_NONBLOCK */
	const int32_t file = (int32_t)open_at(RW, "file", 0, O_RDWR);
	int32_t from[2], to[2];
	make_pipe(from);
	make_pipe(to);
	EXPECT(-EAGAIN, mote_tee(&area, from[0], to[1], 100, nonblock));
	EXPECT(3, write_text(from[1], "abc"));
	EXPECT(2, mote_tee(&area, from[0], to[1], 2, 0));
	EXPECT(3, mote_tee(&area, from[0], to[1], UINT64_MAX, nonblock));
	expect_text(to[0], "ababc");
	expect_text(from[0], "abc");
	EXPECT(-EINVAL, mote_tee(&area, from[0], to[1], 1, 1));
	EXPECT(-EINVAL, mote_tee(&area, from[0], to[1], 1, 0x80000000));
	EXPECT(-EINVAL, mote_tee(&area, file, to[1], 1, nonblock));
	EXPECT(-EINVAL, mote_tee(&area, from[0], file, 1, nonblock));
	EXPECT(-EINVAL, mote_tee(&area, from[0], from[1], 1, nonblock));
	EXPECT(-EBADF, mote_tee(&area, from[1], to[1], 1, nonblock));
	EXPECT(-EBADF, mote_tee(&area, CLOSED, to[1], 1, 0));
	EXPECT(-EBADF, mote_tee(&area, from[0], CLOSED, 1, 0));
	/* Nobody writes any more. */
	EXPECT(0, mote_close(&area, from[1]));
	EXPECT(0, mote_tee(&area, from[0], to[1], 1, 0));
}

/* --- who serves them --- */

Test(vm_calls_memfd, the_poller_leaves_them_to_the_vcpu)
{
	static const uint32_t calls[] = {HOSTCALL_memfd, HOSTCALL_get_seals, HOSTCALL_add_seals,
					 HOSTCALL_link_file, HOSTCALL_tee};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		area.frame.nr = calls[i];
		cr_expect(!hostcall_serve_polled(&vm.vcpus[0]), "host call %u", calls[i]);
	}
	cr_expect(!vm.memfds);
}

/* signalfd: of blocked signals those that it is for end a wait. */
Test(vm_calls_memfd, watched_signals_end_waits)
{
	const uint64_t bit = 1UL << (SIGUSR1 - 1);
	const int32_t epoll = (int32_t)mote_epoll_create(&area);
	const struct mote_time none = {0};
	area.blocked_signals = bit;
	atomic_store(&vm.pending, bit);
	EXPECT(0, mote_epoll_wait(&area, epoll, (void *)GUEST_AT, 120, put(&none, sizeof(none))));
	cr_expect(!vcpu_interrupted(&vm.vcpus[0]));
	area.watched_signals = bit;
	cr_expect(vcpu_interrupted(&vm.vcpus[0]));
	EXPECT(-EINTR, mote_epoll_wait(&area, epoll, (void *)GUEST_AT, 120, NULL));
	EXPECT(-EINTR, mote_poll(&area, 0, 0, NULL));
}
