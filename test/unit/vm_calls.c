/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls: waits, events, buffers, the end, and which calls and memory a kind of guest has. */
#include "vm_calls.h"

#include <sys/epoll.h>

/* --- waits --- */

static int32_t pipe_ends[2];

static void make_pipe(void)
{
	cr_assert(mote_pipe(&area, (void *)GUEST_AT, 8, 0) == 0);
	get(GUEST_AT, pipe_ends, sizeof(pipe_ends));
}

Test(vm_calls, a_signal_ends_every_wait)
{
	struct mote_iovec one = {.base = GUEST_AT, .len = MOTE_PAGE};
	const struct mote_iovec *v = put(&one, sizeof(one));
	struct mote_time day = {.sec = 86400};
	make_pipe();
	for (int i = 0; i < 16; i++) /* the pipe is full */
		EXPECT(MOTE_PAGE, mote_writev(&area, pipe_ends[1], v, 1));
	int32_t held = (int32_t)open_at(RW, "file", 0, O_RDWR),
		other = (int32_t)open_at(RW, "file", 0, O_RDWR);
	EXPECT(0, mote_flock(&area, held, 2));
	int empty[2];
	cr_assert(pipe2(empty, O_CLOEXEC) == 0 && fdtable_put(&vm.fds, empty[0], 0, 50) == 0);
	atomic_store(&vm.pending, 1UL << (SIGTERM - 1));
	EXPECT(-EINTR, mote_readv(&area, 50, v, 1));
	EXPECT(-EINTR, mote_writev(&area, pipe_ends[1], v, 1));
	EXPECT(-EINTR, mote_poll(&area, 0, 0, NULL));
	EXPECT(-EINTR, mote_sleep(&area, CLOCK_MONOTONIC, 0, put(&day, sizeof(day))));
	EXPECT(-EINTR, mote_flock(&area, other, 2));
	EXPECT(0, mote_mkdir(&area, RW, P("fifo-dir"), 0, 0700));
	int32_t epoll = (int32_t)mote_epoll_create(&area),
		event = (int32_t)mote_eventfd(&area, 0, 0);
	EXPECT(-EINTR, mote_epoll_wait(&area, epoll, (void *)GUEST_AT, 120, NULL));
	EXPECT(-EINTR, mote_readv(&area, event, v, 1));
	cr_assert(mkfifo("rw/fifo-dir/fifo", 0600) == 0);
	EXPECT(-EINTR, open_at(RW, "fifo-dir/fifo", 0, O_WRONLY));
	EXPECT(0, mote_socketpair(&area, AF_UNIX, SOCK_STREAM, (void *)GUEST_AT, 8));
	int32_t pair[2];
	get(GUEST_AT, pair, sizeof(pair));
	EXPECT(-EINTR, mote_recv(&area, pair[0], v, 1, 0, NULL));
	/* A signal that the program has blocked ends none. */
	area.blocked_signals = 1UL << (SIGTERM - 1);
	struct mote_time soon = {.nsec = 1000000};
	EXPECT(0, mote_poll(&area, 0, 0, put(&soon, sizeof(soon))));
	EXPECT(0, mote_sleep(&area, CLOCK_MONOTONIC, 0, put(&soon, sizeof(soon))));
}

/*
 * A snapshot whose guest wrote to a file, and a guest of it whose output is a pipe that nobody
 * reads.
 */
Test(vm_calls, what_a_descriptor_is_does_not_come_from_a_snapshot)
{
	static char full[65536];
	int ends[2];
	cr_assert(pipe(ends) == 0 && write(ends[1], full, sizeof(full)) == sizeof(full));
	cr_assert(fdtable_give(&vm.fds, ends[1], FD_FIXED_STATE, 1) == 0);
	const struct fd_wanted wanted = {
		.at = 1,
		.flags = FD_FIXED_STATE | FD_GIVEN | FD_PLAIN,
		.origin = 2,
	};
	cr_assert(fdtable_reset(&vm.fds, &wanted, 1) == 0);
	struct mote_iovec v = {.base = GUEST_AT, .len = 1};
	atomic_store(&vm.pending, 1UL << (SIGKILL - 1));
	EXPECT(-EINTR, mote_writev(&area, 1, put(&v, sizeof(v)), 1));
}

/*
 * A snapshot from anybody names descriptors; that one was given for reading, or is standard output,
 * is not its to say.
 */
Test(vm_calls, what_may_be_done_with_a_descriptor_does_not_come_from_a_snapshot)
{
	int ends[2], ro = open("ro", O_RDONLY | O_DIRECTORY);
	cr_assert(pipe(ends) == 0 && fdtable_give(&vm.fds, ends[1], FD_FIXED_STATE, 1) == 0);
	cr_assert(fdtable_give(&vm.fds, ro, FD_DIR | FD_READONLY, DIR_RO) == 0);
	vm.fds.keep = true;
	const struct fd_wanted wanted[] = {
		{.at = 1, .flags = FD_GIVEN, .origin = 2},
		{.at = 2, .flags = FD_NONBLOCK, .origin = 2},
		{.at = DIR_RO, .flags = FD_DIR | FD_GIVEN, .origin = DIR_RO + 1},
		{.at = 8, .flags = FD_DIR, .origin = DIR_RO + 1}};
	/* those that are there, and those that were parked */
	for (int round = 0; round < 2; round++) {
		cr_assert(fdtable_reset(&vm.fds, wanted, 4) == 0);
		EXPECT(-EPERM, mote_fchmod(&area, 1, 0));
		EXPECT(-EPERM, mote_fchmod(&area, 2, 0));
		EXPECT(O_WRONLY, mote_get_flags(&area, 1));
		EXPECT(O_WRONLY | O_NONBLOCK, mote_get_flags(&area, 2));
		EXPECT(-EROFS, mote_mkdir(&area, DIR_RO, P("x"), 0, 0700));
		EXPECT(-EROFS, mote_mkdir(&area, 8, P("x"), 0, 0700));
		EXPECT(0, mote_close(&area, 1));
		EXPECT(0, mote_close(&area, 2));
		EXPECT(0, mote_close(&area, DIR_RO));
		EXPECT(0, mote_close(&area, 8));
	}
	close(ends[0]);
}

Test(vm_calls, what_is_no_wait)
{
	struct mote_time wrong[] = {{.sec = -1}, {.nsec = -1}, {.nsec = 1000000000}};
	for (size_t i = 0; i < 3; i++) {
		EXPECT(-EINVAL,
		       mote_sleep(&area, CLOCK_MONOTONIC, 0, put(&wrong[i], sizeof(wrong[i]))));
		EXPECT(-EINVAL, mote_poll(&area, 0, 0, put(&wrong[i], sizeof(wrong[i]))));
	}
	EXPECT(-EINVAL, mote_sleep(&area, CLOCK_MONOTONIC, 0, NULL));
	EXPECT(-EINVAL, mote_sleep(&area, 77, 0, put(&wrong[0], sizeof(wrong[0]))));
	EXPECT(-EINVAL, mote_clock_get(&area, 77, NULL));
	EXPECT(-EINVAL, mote_clock_get(&area, (uint32_t)-6, NULL));
	EXPECT(-EINVAL, mote_poll(&area, GUEST_AT, 4097, NULL));
	EXPECT(-EFAULT, mote_poll(&area, AT_PAGE(9), 1, NULL));
	/*
	 * Closed descriptors are reported, negative ones skipped, and neither makes anybody wait.
	 */
	struct mote_pollfd fds[3] = {{.fd = CLOSED, .events = POLLIN},
				     {.fd = -1, .events = POLLIN},
				     {.fd = RW, .events = 0}};
	void *at = put(fds, sizeof(fds));
	EXPECT(1, mote_poll(&area, (uint64_t)at, 3, NULL));
	get((uint64_t)at, fds, sizeof(fds));
	cr_expect(fds[0].revents == POLLNVAL && fds[1].revents == 0 && fds[2].revents == 0);
	/* A descriptor that does not wait says so. */
	struct mote_iovec one = {.base = GUEST_AT, .len = 1};
	make_pipe();
	EXPECT(0, mote_set_flags(&area, pipe_ends[0], O_NONBLOCK));
	EXPECT(-EAGAIN, mote_readv(&area, pipe_ends[0], put(&one, sizeof(one)), 1));
	EXPECT(0, mote_close(&area, pipe_ends[1]));
	EXPECT(0, mote_readv(&area, pipe_ends[0], put(&one, sizeof(one)), 1));
}

/* --- events and locks --- */

/* Watches of one file by many numbers, which are others' then: how many were made. */
static int watch_often(int32_t epoll, int32_t file, int64_t *rc)
{
	enum { NUMBERS = 130 };
	int32_t copies[NUMBERS];
	int made = 0;
	for (int i = 0; i < NUMBERS; i++)
		copies[i] = (int32_t)mote_dup(&area, file, 0);
	for (int i = 0; i < NUMBERS && *rc == 0; i++) {
		*rc = mote_epoll_control(&area, epoll, EPOLL_CTL_ADD, copies[i], POLLIN, 7);
		made += *rc == 0;
	}
	for (int i = 0; i < NUMBERS; i++)
		EXPECT(0, mote_close(&area, copies[i]));
	return made;
}

/*
 * A watch stays as long as its file is open, whatever its number is by now. In a VM that may have
 * few descriptors they are counted.
 */
Test(vm_calls, watches_of_epoll_are_few)
{
	enum { WATCHES = 8192, FILES = 64 };
	int32_t event[FILES], epoll = (int32_t)mote_epoll_create(&area);
	int64_t rc = 0;
	int made = 0;
	vm.fds.max = 1024;
	for (int i = 0; i < FILES; i++) {
		event[i] = (int32_t)mote_eventfd(&area, 0, 0);
		cr_assert(epoll >= 0 && event[i] >= 0);
		made += watch_often(epoll, event[i], &rc);
	}
	EXPECT(-ENOSPC, rc);
	EXPECT(WATCHES, made);
	/* Those of a file that is closed are gone; one that is removed makes place for one. */
	const int32_t one = event[1];
	EXPECT(0, mote_close(&area, event[0]));
	EXPECT(0, mote_epoll_control(&area, epoll, EPOLL_CTL_ADD, one, POLLIN, 7));
	EXPECT(-EEXIST, mote_epoll_control(&area, epoll, EPOLL_CTL_ADD, one, POLLIN, 7));
	EXPECT(0, mote_epoll_control(&area, epoll, EPOLL_CTL_DEL, one, POLLIN, 7));
	EXPECT(-ENOENT, mote_epoll_control(&area, epoll, EPOLL_CTL_DEL, one, POLLIN, 7));
	rc = 0;
	EXPECT(130, watch_often(epoll, (int32_t)mote_eventfd(&area, 0, 0), &rc));
	EXPECT(0, rc);
	EXPECT(-ENOSPC, mote_epoll_control(&area, epoll, EPOLL_CTL_ADD, one, POLLIN, 7));
	/* An instance that is closed has none. */
	const int32_t other = (int32_t)mote_epoll_create(&area);
	EXPECT(0, mote_close(&area, epoll));
	EXPECT(0, mote_epoll_control(&area, other, EPOLL_CTL_ADD, one, POLLIN, 7));
}

Test(vm_calls, events_that_are_none)
{
	int32_t epoll = (int32_t)mote_epoll_create(&area),
		event = (int32_t)mote_eventfd(&area, 1, O_NONBLOCK);
	struct mote_timer timer = {.value = {.nsec = -1}};
	struct mote_lock lock = {.type = 0, .length = 1};
	struct mote_time wrong = {.nsec = -1};
	cr_assert(epoll >= 0 && event >= 0);
	EXPECT(-EINVAL, mote_eventfd(&area, 0, O_APPEND));
	EXPECT(-EINVAL, mote_epoll_control(&area, epoll, 0, event, 1, 0));
	EXPECT(-EINVAL, mote_epoll_control(&area, epoll, 4, event, 1, 0));
	EXPECT(-EINVAL, mote_epoll_control(&area, epoll, 1, epoll, 1, 0));
	/* a directory has no events */
	EXPECT(-EPERM, mote_epoll_control(&area, epoll, 1, RW, 1, 0));
	EXPECT(0, mote_epoll_control(&area, epoll, 1, event, POLLIN, 77));
	EXPECT(-EINVAL, mote_epoll_wait(&area, epoll, (void *)GUEST_AT, 11, NULL));
	EXPECT(-EINVAL,
	       mote_epoll_wait(&area, epoll, (void *)GUEST_AT, 120, put(&wrong, sizeof(wrong))));
	EXPECT(-EFAULT, mote_epoll_wait(&area, epoll, (void *)AT_PAGE(8), 120, NULL));
	EXPECT(1, mote_epoll_wait(&area, epoll, (void *)GUEST_AT, ~0UL >> 20, NULL) == -EFAULT);
	EXPECT(1, mote_epoll_wait(&area, epoll, (void *)GUEST_AT, 12, NULL));
	struct mote_epoll_event got;
	get(GUEST_AT, &got, sizeof(got));
	cr_expect(got.events == POLLIN && got.data == 77);
	EXPECT(-EINVAL, mote_timerfd_create(&area, CLOCK_PROCESS_CPUTIME_ID, 0));
	EXPECT(-EINVAL, mote_timerfd_set(&area, event, 0, put(&timer, sizeof(timer)), NULL));
	int32_t fd = (int32_t)mote_timerfd_create(&area, CLOCK_MONOTONIC, 0);
	EXPECT(-EINVAL, mote_timerfd_set(&area, fd, 0, put(&timer, sizeof(timer)), NULL));
	EXPECT(-EINVAL, mote_timerfd_set(&area, fd, 4, put(&timer, sizeof(timer)), NULL));
	EXPECT(-EINVAL, mote_timerfd_set(&area, fd, 0, NULL, NULL));
	EXPECT(-EINVAL, mote_lock(&area, RW, F_GETFL, put(&lock, sizeof(lock)), NULL));
	EXPECT(-EINVAL, mote_lock(&area, RW, F_SETLK, NULL, NULL));
	int32_t reader = (int32_t)open_at(DIR_RO, "file", 0, O_RDONLY);
	lock.type = F_WRLCK;
	EXPECT(-EBADF, mote_lock(&area, reader, F_SETLK, put(&lock, sizeof(lock)), NULL));
}

/* --- buffers --- */

Test(vm_calls, vectors_that_wrap_or_lead_over_holes)
{
	int32_t fd = (int32_t)open_at(RW, "file", 0, O_RDWR);
	struct mote_iovec v[4] = {{.base = ~0UL - 3, .len = 100}};
	EXPECT(-EFAULT, mote_readv(&area, fd, put(v, sizeof(v)), 1));
	v[0] = (struct mote_iovec){.base = 1UL << 47, .len = 1};
	EXPECT(-EFAULT, mote_readv(&area, fd, put(v, sizeof(v)), 1));
	v[0] = (struct mote_iovec){.base = AT_PAGE(9) - 1, .len = 1};
	EXPECT(-EFAULT, mote_readv(&area, fd, put(v, sizeof(v)), 1)); /* for reading only */
	EXPECT(1, mote_pwritev(&area, fd, put(v, sizeof(v)), 1, 0));
	v[0] = (struct mote_iovec){.base = AT_PAGE(8) - 4, .len = 8};
	EXPECT(-EFAULT, mote_readv(&area, fd, put(v, sizeof(v)), 1));
	EXPECT(0, mote_lseek(&area, fd, 0, SEEK_CUR)); /* nothing was taken from the file */
	/* What comes before the bad one is transferred, as readv does. */
	v[0] = (struct mote_iovec){.base = AT_PAGE(1) - 3, .len = 6};
	v[1] = (struct mote_iovec){.base = 12345, .len = 0};
	v[2] = (struct mote_iovec){.base = AT_PAGE(9), .len = 2};
	EXPECT(6, mote_readv(&area, fd, put(v, sizeof(v)), 3));
	char text[6];
	get(AT_PAGE(1) - 3, text, 6);
	cr_expect(memcmp(text + 1, "12345", 5) == 0);
	/* The vectors themselves. */
	EXPECT(-EFAULT, mote_readv(&area, fd, (void *)(AT_PAGE(9) - 8), 1));
	EXPECT(-EFAULT, mote_readv(&area, fd, (void *)(~0UL - 7), 2));
	EXPECT(-EINVAL, mote_readv(&area, fd, (void *)GUEST_AT, 1025));
	EXPECT(0, mote_readv(&area, fd, (void *)GUEST_AT, MOTE_IOV_ONE | 0));
	EXPECT(2, mote_preadv(&area, fd, (void *)GUEST_AT, MOTE_IOV_ONE | 2, 0));
	EXPECT(-EFAULT, mote_readv(&area, fd, (void *)AT_PAGE(9), MOTE_IOV_ONE | 1));
	EXPECT(-EFAULT, mote_readv(&area, fd, (void *)GUEST_AT, MOTE_IOV_ONE | INT64_MAX));
	EXPECT(-EFAULT, mote_readv(&area, fd, (void *)~0UL, MOTE_IOV_ONE | 8));
	EXPECT(-EINVAL, mote_readv(&area, fd, (void *)GUEST_AT, 1UL << 60));
	EXPECT(0, mote_readv(&area, fd, (void *)~0UL, 0));
	EXPECT(-EINVAL, mote_preadv(&area, fd, put(v, sizeof(v)), 1, 1UL << 63));
}

Test(vm_calls, results_go_only_where_the_guest_may_write)
{
	static const uint64_t bad[] = {8,          AT_PAGE(8),      AT_PAGE(8) - 8,
				       AT_PAGE(9), AT_PAGE(10) - 8, ~0UL - 8,
				       1UL << 47,  MOTE_KERNEL};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT(-EFAULT, mote_fstat(&area, RW, (void *)bad[i]));
		EXPECT(-EFAULT, mote_stat(&area, RW, P("file"), 0, (void *)bad[i]));
		EXPECT(-EFAULT, mote_clock_get(&area, 0, (void *)bad[i]));
		EXPECT(-EFAULT, mote_random(&area, (void *)bad[i], 64));
		EXPECT(-EFAULT, mote_pipe(&area, (void *)(bad[i] + 4), 16, 0));
		EXPECT(-EFAULT, mote_readlink(&area, RW, P("link"), 0, (void *)bad[i], 64));
	}
	EXPECT(-EINVAL, mote_pipe(&area, (void *)GUEST_AT, 4, 0));
	EXPECT(-EINVAL, mote_pipe(&area, (void *)GUEST_AT, 8, O_APPEND));
	EXPECT(-E2BIG, mote_sock_setopt(&area, RW, 1, 2, (void *)GUEST_AT, MOTE_IN_MAX + 1));
	EXPECT(4, mote_readlink(&area, RW, P("link"), 0, (void *)(AT_PAGE(1) - 2), 64));
	EXPECT(2, mote_readlink(&area, RW, P("link"), 0, (void *)GUEST_AT, 2));
	EXPECT(-EINVAL, mote_readlink(&area, RW, P("file"), 0, (void *)GUEST_AT, 2));
}

/* --- the end --- */

Test(vm_calls, endings)
{
	EXPECT(-EINVAL, mote_exit_signal(&area, 0));
	EXPECT(-EINVAL, mote_exit_signal(&area, 65));
	cr_expect(vm.state == VM_RUNNING);
	EXPECT(0, mote_exit(&area, 300));
	cr_expect(vm.state == VM_ENDED && vm.outcome.end == VM_EXITED && vm.outcome.code == 44);
	EXPECT(0, mote_exit_signal(&area, 9)); /* the first one counts */
	cr_expect(vm.outcome.end == VM_EXITED);
}

/* --- what runs, and what a module's VM may ask for --- */

enum { R = 1, W = 2, X = 4 };

static void set_kind(bool wasm, bool sealed)
{
	vm.wasm = wasm;
	vm.exec_sealed = sealed;
}

Test(vm_calls, memory_of_a_module_is_written_or_executed)
{
	const uint64_t at = AT_PAGE(20);
	set_kind(true, false);
	EXPECT(-EACCES, mote_mem_map(&area, at, MOTE_PAGE, R | W | X));
	EXPECT(-EACCES, mote_mem_map(&area, at, MOTE_PAGE, W | X));
	EXPECT(-EINVAL, mote_mem_map(&area, at, MOTE_PAGE, R | W | MOTE_MAP_LAZY));
	EXPECT(0, mote_mem_map(&area, at, MOTE_PAGE, R | W));
	EXPECT(-EACCES, mote_mem_protect(&area, at, MOTE_PAGE, R | W | X));
	EXPECT(0, mote_mem_protect(&area, at, MOTE_PAGE, R | X));
	struct iovec span;
	cr_expect(memory_span(&vm.memory, gva(at), 1, MEMORY_WRITE, &span, 1) < 0);
	struct mote_mapping both = {
		.addr = AT_PAGE(21),
		.bytes = MOTE_PAGE,
		.from = MOTE_MAP_ZEROED,
		.prot = R | W | X,
	};
	EXPECT(-EACCES, mote_mem_map_many(&area, put(&both, sizeof(both)), sizeof(both)));
	/* A page of the guest program could be mapped at two addresses. */
	vm.program_bytes = MOTE_PAGE;
	EXPECT(-EACCES, mote_mem_map_program(&area, AT_PAGE(22), MOTE_PAGE, 0, R | X));
	both = (struct mote_mapping){
		.addr = AT_PAGE(22),
		.bytes = MOTE_PAGE,
		.from = 0,
		.prot = R | X,
	};
	EXPECT(-EACCES, mote_mem_map_many(&area, put(&both, sizeof(both)), sizeof(both)));
	vm.program_bytes = 0;
	EXPECT(0, mote_mem_unmap(&area, at, MOTE_PAGE));
	set_kind(false, false);
}

Test(vm_calls, many_mappings_end_with_the_guest)
{
	struct mote_mapping two[2];
	for (int i = 0; i < 2; i++)
		two[i] = (struct mote_mapping){
			.addr = AT_PAGE(20 + i),
			.bytes = MOTE_PAGE,
			.from = MOTE_MAP_ZEROED,
			.prot = R | W,
		};
	void *at = put(two, sizeof(two));
	atomic_store(&vm.pending, 1UL << (SIGKILL - 1));
	EXPECT(-EINTR, mote_mem_map_many(&area, at, sizeof(two)));
	atomic_store(&vm.pending, 0);
	cr_expect(memory_is_mapped(&vm.memory, gva(AT_PAGE(20))) &&
		  !memory_is_mapped(&vm.memory, gva(AT_PAGE(21))));
	EXPECT(0, mote_mem_unmap(&area, AT_PAGE(20), MOTE_PAGE));
}

Test(vm_calls, nothing_becomes_executable_once_sealed)
{
	const uint64_t at = AT_PAGE(20);
	EXPECT(0, mote_mem_map(&area, at, MOTE_PAGE, R | W));
	EXPECT(0, mote_mem_map(&area, AT_PAGE(21), MOTE_PAGE, R | X));
	EXPECT(0, mote_mem_seal(&area));
	for (uint32_t prot = 0; prot < 8; prot++) {
		int64_t want = prot & X ? -EACCES : 0;
		EXPECT(want, mote_mem_protect(&area, at, MOTE_PAGE, prot));
		EXPECT(prot ? want : -EINVAL, mote_mem_map(&area, AT_PAGE(22), MOTE_PAGE, prot));
		EXPECT(0, mote_mem_unmap(&area, AT_PAGE(22), MOTE_PAGE));
	}
	/* What was executable may stop to be, and does not become it again. */
	EXPECT(0, mote_mem_protect(&area, AT_PAGE(21), MOTE_PAGE, R | W));
	EXPECT(-EACCES, mote_mem_protect(&area, AT_PAGE(21), MOTE_PAGE, R | X));
	EXPECT(0, mote_mem_seal(&area));
	set_kind(false, false);
}

Test(vm_calls, native_guests_write_and_execute_where_they_ask)
{
	EXPECT(0, mote_mem_map(&area, AT_PAGE(20), MOTE_PAGE, R | W | X));
	EXPECT(0, mote_mem_map(&area, AT_PAGE(21), MOTE_PAGE, R | W));
	EXPECT(0, mote_mem_protect(&area, AT_PAGE(21), MOTE_PAGE, R | W | X));
}

/* What its thread's filter would end the process for is not there. */
Test(vm_calls, a_modules_vm_has_the_host_calls_of_its_personality)
{
	int32_t *pair = (int32_t *)AT_PAGE(4);
	set_kind(true, false);
	EXPECT(-EPERM, mote_socket(&area, AF_INET, SOCK_STREAM, 0));
	vm.network = true;
	EXPECT(-ENOSYS, mote_socketpair(&area, AF_UNIX, SOCK_STREAM, pair, 8));
	EXPECT(-ENOSYS, mote_pipe(&area, pair, 8, 0));
	EXPECT(-ENOSYS, mote_eventfd(&area, 0, 0));
	EXPECT(-ENOSYS, mote_epoll_create(&area));
	EXPECT(-ENOSYS, mote_timerfd_create(&area, CLOCK_MONOTONIC, 0));
	EXPECT(-ENOSYS, mote_fchmod(&area, RW, 0700));
	EXPECT(-ENOSYS, mote_chmod(&area, RW, P("file"), 0, 0600));
	EXPECT(-ENOSYS, mote_fchown(&area, RW, 0, 0));
	EXPECT(-ENOSYS, mote_chown(&area, RW, P("file"), 0, 0, 0));
	EXPECT(-ENOSYS, mote_flock(&area, RW, 2));
	EXPECT(-ENOSYS, mote_alarm(&area, NULL, NULL));
	EXPECT(-ENOSYS, mote_tty_set(&area, 0, 0, NULL));
	EXPECT(-ENOSYS, mote_statfs(&area, RW, NULL));
	EXPECT(0, mote_stat(&area, RW, P("file"), 0, NULL));
	set_kind(false, false);
	vm.network = false;
}
