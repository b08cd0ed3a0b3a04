/* SPDX-License-Identifier: Apache-2.0 */
/* Record locks: how many there may be, and that as many are counted as the kernel has. */
#include "vm_calls.h"

#include "vm/hostcall/memfd.h"
#include "vm/hostcall/record_locks.h"

#include <sys/wait.h>

enum { MOST = 4096 };

static void end(void)
{
	record_locks_free(&vm);
	memfds_free(&vm);
	teardown();
}

TestSuite(vm_calls_locks, .init = setup, .fini = end);

static int64_t set(int32_t fd, uint32_t command, int type, int64_t start, int64_t length)
{
	const struct mote_lock lock = {.type = (int16_t)type, .start = start, .length = length};
	return mote_lock(&area, fd, command, put(&lock, sizeof(lock)), NULL);
}

static int32_t opened(const char *name)
{
	const int64_t fd = open_at(RW, name, 0, O_RDWR | O_CREAT);
	cr_assert(fd >= 0, "%s: %ld", name, (long)fd);
	return (int32_t)fd;
}

/* Locks of every second byte until there can be no more: how many. */
static int fill(int32_t fd, uint32_t command)
{
	int64_t rc = 0;
	int n = 0;
	for (; rc == 0 && n <= MOST; n++)
		rc = set(fd, command, F_WRLCK, 2L * n, 1);
	cr_expect(rc == -ENOLCK, "%ld after %d locks", (long)rc, n);
	return n - 1;
}

/* What the kernel has of a file, as another process meets it: one after the other. */
static int count_locks(const char *path)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	int n = 0;
	for (int64_t at = 0;; n++) {
		struct flock lock = {.l_type = F_WRLCK, .l_start = at};
		if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0)
			return -1;
		if (lock.l_type == F_UNLCK)
			return n;
		if (lock.l_len == 0 || lock.l_start + lock.l_len - 1 == INT64_MAX)
			return n + 1;
		at = lock.l_start + lock.l_len;
	}
}

static int locks_of(const char *path)
{
	int n = -1, ends[2], status;
	cr_assert(pipe2(ends, O_CLOEXEC) == 0);
	const pid_t child = fork();
	if (child == 0) {
		n = count_locks(path);
		_exit(write(ends[1], &n, sizeof(n)) != sizeof(n));
	}
	cr_assert(child > 0 && read(ends[0], &n, sizeof(n)) == sizeof(n));
	cr_assert(waitpid(child, &status, 0) == child && status == 0);
	close(ends[0]);
	close(ends[1]);
	return n;
}

Test(vm_calls_locks, there_are_so_many)
{
	const int32_t fd = opened("file"), other = opened("other");
	cr_expect(fill(fd, F_SETLK) == MOST);
	EXPECT(MOST, locks_of("rw/file"));
	EXPECT(-ENOLCK, set(other, F_SETLK, F_RDLCK, 0, 1));
	/* What takes no more is done: the same again, one less, one that joins others. */
	EXPECT(0, set(fd, F_SETLK, F_WRLCK, 0, 1));
	EXPECT(0, set(fd, F_SETLK, F_UNLCK, 0, 1));
	EXPECT(0, set(other, F_SETLK, F_RDLCK, 0, 1));
	EXPECT(-ENOLCK, set(other, F_SETLK, F_RDLCK, 2, 1));
	EXPECT(0, set(fd, F_SETLK, F_WRLCK, 2, 5));
	EXPECT(MOST - 2, locks_of("rw/file") + locks_of("rw/other"));
	EXPECT(0, set(other, F_SETLK, F_RDLCK, 2, 1));
	EXPECT(0, set(other, F_SETLK, F_RDLCK, 4, 1));
	EXPECT(-ENOLCK, set(other, F_SETLK, F_RDLCK, 6, 1));
	/* A part of one cannot be unlocked: that makes two. */
	EXPECT(-ENOLCK, set(fd, F_SETLK, F_UNLCK, 4, 1));
	EXPECT(0, set(fd, F_SETLK, F_UNLCK, 0, 0));
	EXPECT(0, locks_of("rw/file"));
	cr_expect(fill(fd, F_SETLK) == MOST - 3);
}

Test(vm_calls_locks, what_is_closed_counts_no_more)
{
	const int32_t fd = opened("file"), other = opened("other");
	cr_expect(fill(fd, F_SETLK) == MOST);
	EXPECT(0, mote_close(&area, fd));
	cr_expect(fill(other, F_OFD_SETLK) == MOST);
	const int32_t copy = (int32_t)mote_dup(&area, other, 0);
	EXPECT(0, mote_close(&area, other));
	const int32_t again = opened("file");
	EXPECT(MOST, locks_of("rw/other")); /* the copy has them */
	EXPECT(-ENOLCK, set(again, F_SETLK, F_WRLCK, 0, 1));
	EXPECT(0, mote_close(&area, copy));
	EXPECT(0, set(again, F_SETLK, F_WRLCK, 0, 1));
	cr_expect(fill(again, F_SETLK) == MOST);
}

/*
 * When any descriptor of a file is closed the kernel drops the process's locks of it: the one that
 * is noted still covers all that come then, which are many.
 */
Test(vm_calls_locks, what_the_kernel_dropped_hides_nothing)
{
	const int32_t fd = opened("file");
	EXPECT(0, set(fd, F_SETLK, F_WRLCK, 0, 0));
	EXPECT(0, mote_close(&area, opened("file")));
	EXPECT(0, locks_of("rw/file"));
	const int n = fill(fd, F_SETLK);
	cr_expect(n <= MOST && n > MOST - 3, "%d", n);
	EXPECT(n, locks_of("rw/file"));
}

/* What the kernel has as one lock is one, however many made it. */
Test(vm_calls_locks, neighbours_are_one)
{
	const int32_t fd = opened("file");
	for (int64_t at = 0; at <= 3L * MOST; at++)
		EXPECT(0, set(fd, F_SETLK, F_WRLCK, at, 1));
	EXPECT(1, locks_of("rw/file"));
	EXPECT(0, set(fd, F_SETLK, F_UNLCK, 0, 0));
	cr_expect(fill(fd, F_SETLK) == MOST);
}

/* Of an open file each its own, also of the same bytes. */
Test(vm_calls_locks, open_files_count_by_themselves)
{
	int64_t rc = 0;
	int n = 0;
	for (; rc == 0 && n <= MOST; n++)
		rc = set(opened("file"), F_OFD_SETLK, F_RDLCK, 0, 0);
	cr_expect(rc == -ENOLCK && n == MOST + 1, "%ld after %d", (long)rc, n);
}

/* A file in memory is kept by the host itself while it counts. */
Test(vm_calls_locks, those_of_files_in_memory)
{
	const int32_t fd = (int32_t)mote_memfd(&area, 0), other = opened("other");
	cr_expect(fill(fd, F_OFD_SETLK) == MOST);
	EXPECT(0, mote_close(&area, fd));
	EXPECT(-ENOLCK, set(other, F_SETLK, F_WRLCK, 0, 1));
	memfds_free(&vm);
	EXPECT(0, set(other, F_SETLK, F_WRLCK, 0, 1));
}

/* Any order of locks: what is left of the number is what the kernel has not. */
static void lock_at_random(uint32_t command, const int32_t fds[2])
{
	static const int types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
	static const int64_t ends[] = {0, 1, INT64_MAX - 1, INT64_MAX};
	const int32_t more = opened("more");
	unsigned seed = command;
	int most = 0;
	for (int i = 0; i < 1500; i++) {
		int64_t from = rand_r(&seed) % 200, length = rand_r(&seed) % 20;
		if (i % 50 == 0)
			from = ends[rand_r(&seed) % 4];
		const int type = types[rand_r(&seed) % 3];
		const int64_t rc = set(fds[i % 2], command, type, from, length);
		cr_assert(rc == 0 || rc == -EOVERFLOW, "%d: %ld", i, (long)rc);
		if (i % 500 != 499)
			continue;
		const int there = locks_of("rw/file");
		most = there > most ? there : most;
		cr_expect(fill(more, F_OFD_SETLK) == MOST - there, "%d: %d are there", i, there);
		EXPECT(0, set(more, F_OFD_SETLK, F_UNLCK, 0, 0));
	}
	cr_expect(most > 5, "%d", most);
}

Test(vm_calls_locks, as_many_are_counted_as_a_process_has)
{
	lock_at_random(F_SETLK, (const int32_t[]){opened("file"), opened("file")});
}

Test(vm_calls_locks, as_many_are_counted_as_an_open_file_has)
{
	const int32_t fd = opened("file");
	lock_at_random(F_OFD_SETLK, (const int32_t[]){fd, (int32_t)mote_dup(&area, fd, 0)});
}
