/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls on descriptors: their numbers, and files that were handed in. */
#include "vm_calls.h"

#include <netinet/tcp.h>

/* --- descriptors --- */

Test(vm_calls, closed_and_impossible_descriptors)
{
	static const int32_t bad[] = {-1, CLOSED, INT32_MIN, INT32_MAX};
	struct mote_iovec one = {.base = GUEST_AT, .len = 1};
	const struct mote_iovec *v = put(&one, sizeof(one));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int32_t fd = bad[i];
		expect_all(fd, "file", 0, -EBADF);
		expect_names(fd, "file", 0, -EBADF);
		EXPECT(-EBADF, mote_close(&area, fd));
		EXPECT(-EBADF, mote_readv(&area, fd, v, 1));
		EXPECT(-EBADF, mote_writev(&area, fd, v, 1));
		EXPECT(-EBADF, mote_preadv(&area, fd, v, 1, 0));
		EXPECT(-EBADF, mote_pwritev(&area, fd, v, 1, 0));
		EXPECT(-EBADF, mote_lseek(&area, fd, 0, 0));
		EXPECT(-EBADF, mote_fstat(&area, fd, NULL));
		EXPECT(-EBADF, mote_readdir(&area, fd, 0, (void *)GUEST_AT, 1000));
		EXPECT(-EBADF, mote_ftruncate(&area, fd, 0));
		EXPECT(-EBADF, mote_fallocate(&area, fd, 0, 0, 1));
		EXPECT(-EBADF, mote_fsync(&area, fd, 0));
		EXPECT(-EBADF, mote_fadvise(&area, fd, 0, 0, 0));
		EXPECT(-EBADF, mote_futimens(&area, fd, NULL, NULL));
		EXPECT(-EBADF, mote_fchmod(&area, fd, 0));
		EXPECT(-EBADF, mote_fchown(&area, fd, 0, 0));
		EXPECT(-EBADF, mote_statfs(&area, fd, NULL));
		EXPECT(-EBADF, mote_get_flags(&area, fd));
		EXPECT(-EBADF, mote_set_flags(&area, fd, 0));
		EXPECT(-EBADF, mote_dup(&area, fd, 0));
		EXPECT(-EBADF, mote_dup_to(&area, fd, 7));
		EXPECT(-EBADF, mote_flock(&area, fd, 1));
		EXPECT(-EBADF, mote_lock(&area, fd, F_SETLK, NULL, NULL));
		EXPECT(-EBADF, mote_epoll_control(&area, fd, 1, RW, 0, 0));
		EXPECT(-EBADF, mote_epoll_control(&area, RW, 1, fd, 0, 0));
		EXPECT(-EBADF, mote_epoll_wait(&area, fd, (void *)GUEST_AT, 120, NULL));
		EXPECT(-EBADF, mote_timerfd_set(&area, fd, 0, NULL, NULL));
		EXPECT(-EBADF, mote_timerfd_get(&area, fd, NULL));
		EXPECT(-EBADF, mote_tty_size(&area, fd, NULL));
		EXPECT(-EBADF, mote_readable_bytes(&area, fd));
		EXPECT(-EBADF, mote_accept(&area, fd, 0, NULL));
		EXPECT(-EBADF, mote_shutdown(&area, fd, 0));
	}
	EXPECT(-EBADF, mote_dup_to(&area, RW, -1));
	EXPECT(-EBADF, mote_dup_to(&area, RW, INT32_MAX));
	/* A cell with more than 32 bits is not a descriptor of whatever its lower half says. */
	area.frame.nr = 17;
	area.frame.arg[0] = RW | 1UL << 32;
	EXPECT(-EBADF, mote_hostcall(&area));
	EXPECT(0, mote_fstat(&area, RW, NULL));
	area.frame.nr = 200;
	EXPECT(-ENOSYS, mote_hostcall(&area));
	EXPECT(-ENOTDIR, open_at((int32_t)open_at(RW, "file", 0, O_RDONLY), "x", 0, O_RDONLY));
}

Test(vm_calls, numbers_of_duplicates)
{
	EXPECT(0, mote_dup(&area, RW, 0));
	EXPECT(10, mote_dup(&area, RW, 10));
	EXPECT(1, mote_dup(&area, RW, 0));
	EXPECT(0, mote_close(&area, 0));
	EXPECT(0, mote_dup(&area, RW, 0));
	EXPECT(RW, mote_dup_to(&area, RW, RW));
	EXPECT(10, mote_dup_to(&area, DIR_RO, 10));
	EXPECT(-EROFS, mote_mkdir(&area, 10, P("x"), 0, 0700));
	EXPECT(-EMFILE, mote_dup(&area, RW, FDTABLE_MAX));
	EXPECT(-EMFILE, mote_dup(&area, RW, UINT32_MAX));
	EXPECT(-EBADF, mote_dup_to(&area, RW, FDTABLE_MAX));
}

/* --- what stands behind descriptors, in the host's kernel --- */

static int64_t new_pipe(void)
{
	return mote_pipe(&area, (void *)GUEST_AT, 8, O_NONBLOCK);
}

static int64_t new_pair(void)
{
	return mote_socketpair(&area, AF_UNIX, SOCK_STREAM, (void *)GUEST_AT, 8);
}

static int64_t new_eventfd(void)
{
	return mote_eventfd(&area, 0, 0);
}

static int64_t new_timerfd(void)
{
	return mote_timerfd_create(&area, CLOCK_MONOTONIC, 0);
}

static int64_t new_epoll(void)
{
	return mote_epoll_create(&area);
}

static int64_t new_tcp(void)
{
	return mote_socket(&area, AF_INET, SOCK_STREAM, 0);
}

static int64_t new_udp(void)
{
	return mote_socket(&area, AF_INET6, SOCK_DGRAM, 0);
}

static int64_t new_open(void)
{
	return open_at(RW, "file", 0, O_RDONLY);
}

static int64_t new_copy(void)
{
	return mote_dup(&area, RW, 0);
}

static int host_descriptors(void)
{
	int open = 0;
	for (int fd = 0; fd < 4096; fd++)
		open += fcntl(fd, F_GETFD) >= 0;
	return open;
}

/* No call makes more than the table has places, nor leaves behind what found none. */
Test(vm_calls, each_kind_of_descriptor_is_bounded_by_the_table)
{
	static int64_t (*const makers[])(void) = {
		new_pipe, new_pair, new_eventfd, new_timerfd, new_epoll,
		new_tcp,  new_udp,  new_open,    new_copy,
	};
	enum { MOST = 63 }; /* odd: the second of a pair finds no place */
	vm.fds.max = MOST;
	vm.network = true;
	const int before = host_descriptors();
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		int64_t rc = 0;
		for (int n = 0; n <= MOST && rc >= 0; n++)
			rc = makers[i]();
		cr_expect(rc == -EMFILE, "%zu: %ld", i, (long)rc);
		for (int again = 0; again < 100; again++)
			EXPECT(-EMFILE, makers[i]());
		cr_expect(host_descriptors() - before <= MOST - 2);
		for (int32_t fd = 0; fd < MOST; fd++)
			if (fd != RW && fd != DIR_RO)
				(void)mote_close(&area, fd);
		cr_expect(host_descriptors() == before, "%zu leaves something", i);
	}
}

Test(vm_calls, a_pipe_holds_what_the_kernel_gives_every_pipe)
{
	int32_t fds[2];
	int64_t all = 0, n;
	EXPECT(0, new_pipe());
	get(GUEST_AT, fds, sizeof(fds));
	const struct mote_iovec v = {.base = GUEST_AT, .len = 4096};
	const void *vector = put(&v, sizeof(v));
	while ((n = mote_writev(&area, fds[1], vector, 1)) > 0)
		all += n;
	cr_expect(n == -EAGAIN && all == 65536, "%ld after %ld", (long)n, (long)all);
	cr_expect(fcntl(fdtable_host(&vm.fds, fds[1]), F_GETPIPE_SZ) == 65536);
}

static unsigned long setting(const char *path)
{
	unsigned long value = 0;
	FILE *f = fopen(path, "r");
	cr_assert(f && fscanf(f, "%lu", &value) == 1, "%s", path);
	fclose(f);
	return value;
}

static int option_of(int32_t fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);
	cr_assert(getsockopt(fdtable_host(&vm.fds, fd), SOL_SOCKET, name, &value, &len) == 0);
	return value;
}

/* Not even root's guest gets past the machine's settings. */
Test(vm_calls, buffers_of_sockets_are_as_large_as_the_machine_lets_them)
{
	static const int forcing[] = {SO_SNDBUFFORCE, SO_RCVBUFFORCE};
	const unsigned long send_max = setting("/proc/sys/net/core/wmem_max"),
			    receive_max = setting("/proc/sys/net/core/rmem_max");
	const int huge = INT32_MAX / 2;
	vm.network = true;
	const int32_t fds[] = {(int32_t)new_tcp(), (int32_t)new_udp()};
	for (size_t i = 0; i < 2; i++) {
		EXPECT(0, mote_sock_setopt(&area, fds[i], SOL_SOCKET, SO_SNDBUF, put(&huge, 4), 4));
		EXPECT(0, mote_sock_setopt(&area, fds[i], SOL_SOCKET, SO_RCVBUF, put(&huge, 4), 4));
		for (size_t k = 0; k < 2; k++)
			EXPECT(-ENOPROTOOPT,
			       mote_sock_setopt(&area, fds[i], SOL_SOCKET, (uint32_t)forcing[k],
						put(&huge, 4), 4));
		cr_expect((unsigned long)option_of(fds[i], SO_SNDBUF) <= 2 * send_max);
		cr_expect((unsigned long)option_of(fds[i], SO_RCVBUF) <= 2 * receive_max);
	}
}

Test(vm_calls, a_listener_keeps_as_many_connections_as_the_machine_lets_it)
{
	const unsigned long most = setting("/proc/sys/net/core/somaxconn");
	vm.network = true;
	const int32_t fd = (int32_t)new_tcp();
	EXPECT(0, mote_listen(&area, fd, INT32_MAX));
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	cr_assert(getsockopt(fdtable_host(&vm.fds, fd), IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	/* of a listener: how many may wait */
	cr_expect(info.tcpi_sacked > 0 && info.tcpi_sacked <= most, "%u", info.tcpi_sacked);
}

Test(vm_calls, epolls_in_one_another_are_few)
{
	int32_t fd = (int32_t)new_eventfd();
	int64_t rc = 0;
	int deep = 0;
	while (deep < 60 && rc == 0) {
		const int32_t outer = (int32_t)new_epoll();
		rc = mote_epoll_control(&area, outer, 1, fd, 1, 0);
		deep += rc == 0;
		if (rc == 0)
			EXPECT(-EEXIST, mote_epoll_control(&area, outer, 1, fd, 1, 0));
		fd = outer;
	}
	cr_expect(rc == -ELOOP && deep <= 6, "%d deep: %ld", deep, (long)rc);
}

static int locks_in_all(void)
{
	int lines = 0;
	FILE *f = fopen("/proc/locks", "r");
	char needle[32], line[200];
	snprintf(needle, sizeof(needle), " %d ", getpid());
	while (f && fgets(line, sizeof(line), f))
		lines += strstr(line, needle) && strstr(line, "FLOCK");
	cr_assert(f);
	fclose(f);
	return lines;
}

Test(vm_calls, an_open_file_has_one_lock_of_flock)
{
	const int32_t fd = (int32_t)new_open(), copy = (int32_t)mote_dup(&area, fd, 0);
	for (int i = 0; i < 100; i++) {
		EXPECT(0, mote_flock(&area, fd, 1 + 4));   /* LOCK_SH | LOCK_NB */
		EXPECT(0, mote_flock(&area, copy, 2 + 4)); /* LOCK_EX | LOCK_NB */
	}
	cr_expect(locks_in_all() == 1, "%d", locks_in_all());
	EXPECT(0, mote_close(&area, fd));
	EXPECT(0, mote_close(&area, copy));
	cr_expect(locks_in_all() == 0);
}

/* --- what was handed in --- */

/* A descriptor of the operator's, as standard input. */
static void give(int host)
{
	cr_assert(host >= 0 && fdtable_give(&vm.fds, host, FD_FIXED_STATE, 0) == 0);
}

static struct stat look_at(int host)
{
	struct stat st;
	cr_assert(fstat(host, &st) == 0);
	return st;
}

/* All calls that change attributes of guest descriptor fd, whose file is `host` too. */
static void expect_kept(int32_t fd, int host)
{
	struct mote_time past = {.sec = 1000};
	const struct stat before = look_at(host);
	EXPECT(-EPERM, mote_fchmod(&area, fd, 0777));
	EXPECT(-EPERM, mote_fchown(&area, fd, 1, 1));
	EXPECT(-EPERM,
	       mote_futimens(&area, fd, put(&past, sizeof(past)), put(&past, sizeof(past))));
	const struct stat after = look_at(host);
	cr_expect(before.st_mode == after.st_mode && before.st_uid == after.st_uid &&
		  before.st_gid == after.st_gid && before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
		  before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
		  before.st_ctim.tv_nsec == after.st_ctim.tv_nsec &&
		  before.st_size == after.st_size);
}

Test(vm_calls, a_terminal_that_was_handed_in_stays_as_it_is)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	give(dup(terminal));
	expect_kept(0, terminal);
	EXPECT(5, mote_dup(&area, 0, 5));
	expect_kept(5, terminal);
	EXPECT(6, mote_dup_to(&area, 5, 6));
	expect_kept(6, terminal);
	EXPECT(-EINVAL, mote_ftruncate(&area, 0, 0));
	EXPECT(-ENODEV, mote_fallocate(&area, 0, 0, 0, 1));
	/*
	 * Its settings are a program's to change, but not which code of the kernel's it goes
	 * through.
	 */
	struct mote_termios t;
	EXPECT(0, mote_tty_get(&area, 0, (void *)GUEST_AT));
	get(GUEST_AT, &t, sizeof(t));
	t.line = 3;
	t.lflag ^= 8; /* ECHO */
	EXPECT(0, mote_tty_set(&area, 0, 0, put(&t, sizeof(t))));
	EXPECT(0, mote_tty_get(&area, 0, (void *)(GUEST_AT + 128)));
	struct mote_termios now;
	get(GUEST_AT + 128, &now, sizeof(now));
	cr_expect(now.line == 0 && now.lflag == t.lflag);
	close(terminal);
	close(master);
}

Test(vm_calls, pipes_and_sockets_that_were_handed_in_stay_as_they_are)
{
	int ends[2], pair[2];
	cr_assert(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	give(dup(ends[1]));
	expect_kept(0, ends[1]);
	EXPECT(-EINVAL, mote_ftruncate(&area, 0, 0));
	EXPECT(-ESPIPE, mote_fallocate(&area, 0, 0, 0, 1));
	give(dup(pair[1]));
	expect_kept(0, pair[1]);
	EXPECT(-ENOTSOCK, mote_shutdown(&area, 0, 2));
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(pair[i]);
	}
}

Test(vm_calls, a_file_that_was_handed_in_keeps_its_attributes)
{
	write_file("log", "0123456789");
	int file = open("log", O_RDWR);
	give(dup(file));
	expect_kept(0, file);
	/* Its contents are the program's, as `> file` means it... */
	EXPECT(0, mote_ftruncate(&area, 0, 5));
	EXPECT(0, mote_fallocate(&area, 0, 0, 0, 100));
	EXPECT(0, mote_fadvise(&area, 0, 0, 0, 4));
	cr_expect(look_at(file).st_size == 100);
	close(file);
	/* ...and what is appended to keeps what it had. */
	file = open("log", O_WRONLY | O_APPEND);
	give(dup(file));
	expect_kept(0, file);
	EXPECT(-EPERM, mote_ftruncate(&area, 0, 0));
	EXPECT(-EPERM, mote_fallocate(&area, 0, 3 /* a hole, the size stays */, 0, 50));
	EXPECT(0, mote_set_flags(&area, 0, 0)); /* does not get rid of it */
	EXPECT(-EPERM, mote_ftruncate(&area, 0, 0));
	struct mote_iovec one = {.base = GUEST_AT, .len = 1};
	EXPECT(1, mote_pwritev(&area, 0, put(&one, sizeof(one)), 1, 0));
	char first;
	int reader = open("log", O_RDONLY);
	cr_expect(pread(reader, &first, 1, 0) == 1 && first == '0' &&
		  look_at(reader).st_size == 101);
	close(reader);
	close(file);
}

Test(vm_calls, a_shared_file_gives_what_its_descriptor_may)
{
	const uint64_t at = AT_PAGE(30);
	write_file("log", "0123456789");
	write_file("own", "0123456789");
	int file = open("log", O_RDWR | O_APPEND), pipes[2];
	give(dup(file));
	/* What is appended to could be overwritten by mmap(2). */
	EXPECT(-EACCES,
	       mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ | MOTE_PROT_WRITE, 0, 0));
	EXPECT(0, mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ, 0, 0));
	EXPECT(-EACCES, mote_mem_protect(&area, at, MOTE_PAGE, MOTE_PROT_READ | MOTE_PROT_WRITE));
	EXPECT(0, mote_mem_unmap(&area, at, MOTE_PAGE));
	close(file);
	file = fdtable_add(&vm.fds, open("own", O_RDWR), 0, 0);
	EXPECT(-EINVAL, mote_mem_share(&area, at, MOTE_PAGE, 64, file, 0));
	EXPECT(-EINVAL, mote_mem_share(&area, at, 0, MOTE_PROT_READ, file, 0));
	EXPECT(0, mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ | MOTE_PROT_WRITE, file, 0));
	EXPECT(-EEXIST,
	       mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ | MOTE_PROT_WRITE, file, 0));
	EXPECT(-EINVAL, mote_mem_sync(&area, at + 1, MOTE_PAGE));
	EXPECT(-EINVAL, mote_mem_sync(&area, at, UINT64_MAX & ~4095UL));
	EXPECT(0, mote_mem_sync(&area, at, MOTE_PAGE));
	EXPECT(-ENOENT, mote_mem_find(&area, at));
	EXPECT(-ENOENT, mote_mem_find(&area, UINT64_MAX));
	EXPECT(0, mote_mem_unmap(&area, at, MOTE_PAGE));
	cr_assert(pipe(pipes) == 0);
	int32_t end = fdtable_add(&vm.fds, pipes[0], 0, 0);
	EXPECT(-ENODEV, mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ, end, 0));
	EXPECT(-EBADF, mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ, 99, 0));
	end = fdtable_add(&vm.fds, open("own", O_WRONLY), 0, 0);
	EXPECT(-EACCES, mote_mem_share(&area, at, MOTE_PAGE, MOTE_PROT_READ, end, 0));
	close(pipes[1]);
}

/* eventfd and its like have one inode for the whole machine. */
Test(vm_calls, descriptors_of_events_have_nothing_to_change)
{
	const int32_t fds[] = {(int32_t)mote_eventfd(&area, 0, 0),
			       (int32_t)mote_epoll_create(&area),
			       (int32_t)mote_timerfd_create(&area, CLOCK_MONOTONIC, 0)};
	for (size_t i = 0; i < 3; i++)
		expect_kept(fds[i], fdtable_get(&vm.fds, fds[i])->host);
}

/* Nodes that the operator put below a directory of the guest's. */
Test(vm_calls, devices_below_a_directory_stay_as_they_are)
{
	struct mote_time past = {.sec = 1000};
	cr_assert(mknod("rw/null", S_IFCHR | 0666, makedev(1, 3)) == 0 &&
			  chmod("rw/null", 0666) == 0,
		  "needs root");
	cr_assert(mknod("rw/block", S_IFBLK | 0660, makedev(7, 200)) == 0);
	static const char *const names[] = {"null", "block"};
	for (size_t i = 0; i < 2; i++) {
		char path[16];
		struct stat before, after;
		snprintf(path, sizeof(path), "rw/%s", names[i]);
		cr_assert(stat(path, &before) == 0);
		EXPECT(-EPERM, mote_chmod(&area, RW, P(names[i]), 0, 0777));
		EXPECT(-EPERM, mote_chown(&area, RW, P(names[i]), 0, 1, 1));
		EXPECT(-EPERM, mote_utimens(&area, RW, P(names[i]), 0, put(&past, sizeof(past)),
					    put(&past, sizeof(past))));
		cr_assert(stat(path, &after) == 0);
		cr_expect(before.st_mode == after.st_mode && before.st_uid == after.st_uid &&
			  before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
			  before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
	}
	int null = open("/dev/null", O_RDWR);
	/* as one that open() gave */
	cr_assert(null >= 0 && fdtable_put(&vm.fds, dup(null), 0, 7) == 0);
	expect_kept(7, null);
	close(null);
}

/* Of files that are there, and of its own pipes, a guest may change what it likes. */
Test(vm_calls, files_below_a_directory_are_the_guests)
{
	struct mote_time past = {.sec = 1000};
	int32_t fd = (int32_t)open_at(RW, "file", 0, O_RDWR);
	EXPECT(0, mote_fchmod(&area, fd, 0600));
	EXPECT(0, mote_fchown(&area, fd, 0, 0));
	EXPECT(0, mote_ftruncate(&area, fd, 3));
	EXPECT(0, mote_futimens(&area, fd, put(&past, sizeof(past)), put(&past, sizeof(past))));
	EXPECT(0, mote_fchmod(&area, RW, 0700));
	EXPECT(0, mote_chmod(&area, RW, P("sub"), 0, 0711));
	struct stat st;
	cr_assert(stat("rw/file", &st) == 0);
	cr_expect((st.st_mode & 07777) == 0600 && st.st_mtim.tv_sec == 1000 && st.st_size == 3);
	EXPECT(0, mote_pipe(&area, (void *)GUEST_AT, 8, 0));
	get(GUEST_AT, &fd, sizeof(fd));
	EXPECT(0, mote_fchmod(&area, fd, 0600));
}

Test(vm_calls, a_listener_that_was_handed_in_stays_as_it_is)
{
	const struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct mote_sockaddr a = {.len = sizeof(any)}, b = {.len = sizeof(none)};
	memcpy(a.data, &any, sizeof(any));
	memcpy(b.data, &none, sizeof(none));
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 0;
	socklen_t len = sizeof(on);
	cr_assert(bind(listener, (const struct sockaddr *)&any, sizeof(any)) == 0 &&
		  listen(listener, 7) == 0);
	cr_assert(fdtable_give(&vm.fds, dup(listener), FD_SOCKET | FD_LISTENER | FD_FIXED_STATE,
			       5) == 0);
	EXPECT(6, mote_dup(&area, 5, 6));
	for (int i = 0; i < 2; i++)
		for (int32_t fd = 5; fd <= 6; fd++) {
			vm.network = i;
			EXPECT(-EPERM, mote_shutdown(&area, fd, 2));
			EXPECT(-EPERM, mote_bind(&area, fd, put(&a, sizeof(a))));
			/* would end its listening */
			EXPECT(-EPERM, mote_connect(&area, fd, put(&b, sizeof(b))));
			EXPECT(-EPERM, mote_sock_setopt(&area, fd, SOL_SOCKET, SO_KEEPALIVE,
							put("\1\0\0\0", 4), 4));
			EXPECT(0, mote_listen(&area, fd, 1));
			expect_kept(fd, listener);
		}
	cr_expect(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on == 1);
	cr_expect(getsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &on, &len) == 0 && on == 0);
	close(listener);
}
