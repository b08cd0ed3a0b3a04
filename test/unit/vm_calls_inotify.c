/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls on inotify: what can be watched, and how much. */
#include "vm_calls.h"

#include "vm/hostcall/inotify.h"

#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

enum { INSTANCES = 32, WATCHES = 8192, DEV = 5 };

static void end(void)
{
	inotify_free(&vm);
	teardown();
}

TestSuite(vm_calls_inotify, .init = setup, .fini = end);

static int32_t instance(void)
{
	int64_t fd = mote_inotify_create(&area, IN_NONBLOCK);
	cr_assert(fd >= 0, "%ld", (long)fd);
	return (int32_t)fd;
}

/* Reads into the guest's memory: the bytes. */
static int64_t read_events(int32_t fd, uint64_t capacity)
{
	const struct mote_iovec v = {.base = GUEST_AT, .len = capacity};
	return mote_readv(&area, fd, put(&v, sizeof(v)), 1);
}

static int64_t watch(int32_t fd, int32_t dir, const char *path, uint32_t mask)
{
	return mote_inotify_add(&area, fd, dir, P(path), 0, mask);
}

Test(vm_calls_inotify, flags_and_descriptors)
{
	const int32_t fd = instance(), file = (int32_t)open_at(RW, "file", 0, O_RDONLY);
	static const uint32_t refused[] = {IN_CLOEXEC, 1, 0x80000000};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		EXPECT(-EINVAL, mote_inotify_create(&area, refused[i]));
	EXPECT(-EINVAL, watch(file, RW, "file", IN_OPEN));
	EXPECT(-EBADF, watch(CLOSED, RW, "file", IN_OPEN));
	EXPECT(-EBADF, watch(fd, CLOSED, "file", IN_OPEN));
	EXPECT(-ENOTDIR, watch(fd, file, "file", IN_OPEN));
	EXPECT(-EINVAL, watch(fd, RW, "file", 0));
	EXPECT(-ENOTDIR, watch(fd, RW, "file", IN_OPEN | IN_ONLYDIR));
	EXPECT(-EINVAL, mote_inotify_remove(&area, file, 1));
	EXPECT(-EBADF, mote_inotify_remove(&area, CLOSED, 1));
	EXPECT(-EINVAL, mote_inotify_remove(&area, fd, 1));
	EXPECT(1, watch(fd, RW, "sub", IN_CREATE | IN_ONLYDIR));
	EXPECT(0, mote_inotify_remove(&area, fd, 1));
}

/* Nothing outside, whatever leads there; nor a device, which is the host's own. */
Test(vm_calls_inotify, what_is_not_the_guests)
{
	static const char *const outside[] = {"../canary",        "..",           "up",
					      "absolute",         "chain",        "sub/out",
					      "sub/../../canary", "sub/parent/.."};
	const int32_t fd = instance();
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		int64_t rc = watch(fd, RW, outside[i], IN_ALL_EVENTS);
		cr_expect(rc == -EXDEV || rc == -ENOLINK || rc == -ELOOP, "%s: %ld", outside[i],
			  (long)rc);
	}
	EXPECT(-ELOOP, watch(fd, RW, "loop", IN_ALL_EVENTS));
	cr_assert(mkdir("dev", 0755) == 0 && mknod("dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	cr_assert(mknod("rw/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	give_dir("dev", FD_DEVICES, DEV);
	EXPECT(-EACCES, watch(fd, DEV, "null", IN_ALL_EVENTS));
	EXPECT(-ENOENT, watch(fd, DEV, ".", IN_ALL_EVENTS));
	EXPECT(-EACCES, watch(fd, RW, "null", IN_ALL_EVENTS));
	give_dir("/proc", 0, DEV + 1);
	EXPECT(-EACCES, watch(fd, DEV + 1, "version", IN_ALL_EVENTS));
	/* Of a directory for reading all that happens can be seen. */
	EXPECT(1, watch(fd, DIR_RO, "sub", IN_ALL_EVENTS));
	EXPECT(2, watch(fd, DIR_RO, "file", IN_ALL_EVENTS));
	write_file("ro/sub/new", "x");
	cr_expect(read_events(fd, 4096) > 0);
}

/* A container has no /proc; its process does not stay in a directory that it has watched. */
Test(vm_calls_inotify, in_a_container)
{
	const int32_t fd = instance();
	vm.container_key = 1;
	EXPECT(1, watch(fd, RW, "file", IN_DELETE_SELF));
	EXPECT(2, watch(fd, RW, "sub", IN_DELETE_SELF));
	EXPECT(1, watch(fd, RW, "link", IN_DELETE_SELF));
	EXPECT(3,
	       mote_inotify_add(&area, fd, RW, P("link"), MOTE_RESOLVE_NOFOLLOW, IN_DELETE_SELF));
	EXPECT(-EXDEV, watch(fd, RW, "../canary", IN_OPEN));
	EXPECT(-EXDEV, watch(fd, RW, "chain", IN_OPEN));
	EXPECT(-ELOOP, watch(fd, RW, "loop", IN_OPEN));
	EXPECT(0, mote_symlink(&area, P("parent/link"), RW, P("sub/links"), 0));
	EXPECT(1, watch(fd, RW, "sub/links", IN_DELETE_SELF));
	EXPECT(0, mote_symlink(&area, P("/sub/links"), RW, P("from_root"), 0));
	EXPECT(1, mote_inotify_add(&area, fd, RW, P("from_root"), MOTE_RESOLVE_IN_ROOT,
				   IN_DELETE_SELF));
	EXPECT(0, mote_unlink(&area, RW, P("sub/links"), 0, 0));
	EXPECT(0, mote_unlink(&area, RW, P("sub/parent"), 0, 0));
	EXPECT(0, mote_unlink(&area, RW, P("sub/out"), 0, 0));
	EXPECT(0, mote_unlink(&area, RW, P("sub"), 0, AT_REMOVEDIR));
	EXPECT(32, read_events(fd, 4096));
	EXPECT(0, mote_unlink(&area, RW, P("link"), 0, 0));
	EXPECT(0, mote_unlink(&area, RW, P("file"), 0, 0));
	EXPECT(64, read_events(fd, 4096));
	cr_assert(chdir(top) == 0);
}

struct exchange {
	int dir;
	atomic_bool end;
};

/* What two names stand for, again and again, as another container that has the volume may. */
static void *exchange(void *arg)
{
	struct exchange *x = arg;
	while (!atomic_load(&x->end)) {
		syscall(SYS_renameat2, x->dir, "file", x->dir, "device", RENAME_EXCHANGE);
		syscall(SYS_renameat2, x->dir, "sub", x->dir, "devices", RENAME_EXCHANGE);
	}
	return NULL;
}

/* A name is a device's, or leads to one, when it is watched, and was none when it was looked at. */
Test(vm_calls_inotify, no_device_by_names_that_are_exchanged)
{
	static const char *const paths[] = {"file", "sub/null"};
	const int32_t fd = instance();
	struct exchange x = {.dir = open("rw", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	pthread_t thread;
	unsigned watched = 0, refused = 0;
	cr_assert(mkdir("rw/nodes", 0755) == 0 && symlink("nodes/null", "rw/device") == 0 &&
		  symlink("nodes", "rw/devices") == 0);
	cr_assert(mknod("rw/nodes/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	write_file("rw/sub/null", "none");
	write_file("rw/nodes/other", "none");
	vm.container_key = 1;
	cr_assert(pthread_create(&thread, NULL, exchange, &x) == 0);
	for (int i = 0; i < 20000; i++) {
		const int64_t wd = watch(fd, RW, paths[i % 2], IN_OPEN);
		watched += wd > 0;
		refused += wd == -EACCES;
	}
	atomic_store(&x.end, true);
	pthread_join(thread, NULL);
	close(x.dir);
	cr_assert(chdir(top) == 0);
	cr_expect(watched > 100 && refused > 100, "%u watched, %u refused", watched, refused);
	const int null = open("rw/nodes/null", O_RDONLY);
	cr_assert(null >= 0);
	close(null);
	EXPECT(-EAGAIN, read_events(fd, 4096));
	vm.container_key = 0;
}

/* A duplicate is the same instance; it is free when the last is closed. */
Test(vm_calls_inotify, instances_are_few)
{
	int32_t fds[INSTANCES];
	for (int i = 0; i < INSTANCES; i++)
		fds[i] = instance();
	EXPECT(-EMFILE, mote_inotify_create(&area, 0));
	int64_t copy = mote_dup(&area, fds[7], 0);
	EXPECT(0, mote_close(&area, fds[7]));
	EXPECT(-EMFILE, mote_inotify_create(&area, 0));
	EXPECT(1, watch((int32_t)copy, RW, "file", IN_OPEN));
	EXPECT(0, mote_close(&area, (int32_t)copy));
	cr_expect(mote_inotify_create(&area, 0) >= 0);
	EXPECT(-EMFILE, mote_inotify_create(&area, 0));
}

static int64_t watch_number(int32_t fd, int i)
{
	char name[32];
	snprintf(name, sizeof(name), "rw/sub/%d", i);
	if (mknod(name, S_IFREG | 0600, 0) < 0)
		cr_assert(errno == EEXIST);
	return watch(fd, RW, name + strlen("rw/"), IN_MODIFY);
}

/* Together, and as long as the guest has not read of their end. */
Test(vm_calls_inotify, watches_are_few)
{
	const int32_t fd = instance(), other = instance();
	for (int i = 0; i < WATCHES - 1; i++)
		cr_assert(watch_number(fd, i) == i + 1);
	EXPECT(1, watch_number(fd, 0)); /* is there already */
	EXPECT(1, watch(other, RW, "file", IN_MODIFY));
	EXPECT(-ENOSPC, watch(other, RW, "sub", IN_MODIFY));
	EXPECT(-ENOSPC, watch(fd, RW, "sub", IN_MODIFY));
	EXPECT(0, mote_inotify_remove(&area, fd, 5));
	EXPECT(-ENOSPC, watch(other, RW, "sub", IN_MODIFY));
	EXPECT(16, read_events(fd, 100));
	EXPECT(2, watch(other, RW, "sub", IN_MODIFY));
	EXPECT(-ENOSPC, watch(fd, RW, "sub", IN_MODIFY));
	EXPECT(0, mote_close(&area, other));
	EXPECT(WATCHES, watch(fd, RW, "sub", IN_MODIFY)); /* finds out that it is closed */
	const int32_t again = instance();
	EXPECT(1, watch(again, RW, "sub", IN_MODIFY));
	EXPECT(-ENOSPC, watch(again, RW, "file", IN_MODIFY));
}

static int32_t numbers_from; /* 0: the kernel's */

/* In place of the C library's: numbers that begin again soon, as the kernel's do. */
int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	const long wd = syscall(SYS_inotify_add_watch, fd, path, mask);
	if (wd < 0 || !numbers_from)
		return (int)wd;
	return (int)((wd + numbers_from - 1) % INT32_MAX + 1);
}

Test(vm_calls_inotify, numbers_begin_again)
{
	const int32_t fd = instance();
	int n = 0;
	int64_t wd;
	numbers_from = INT32_MAX - 3;
	while (n <= WATCHES && (wd = watch_number(fd, n)) > 0)
		n++;
	cr_expect(n == WATCHES && wd == -ENOSPC, "%ld after %d", (long)wd, n);
}

/* Memory of the guest's that is not there is the guest's error. */
Test(vm_calls_inotify, reading)
{
	const int32_t fd = instance();
	EXPECT(-EAGAIN, read_events(fd, 100));
	EXPECT(1, watch(fd, RW, "file", IN_MODIFY));
	write_file("rw/file", "text");
	const struct mote_iovec v = {.base = AT_PAGE(9), .len = 100};
	EXPECT(-EFAULT, mote_readv(&area, fd, put(&v, sizeof(v)), 1));
	EXPECT(-EINVAL, read_events(fd, 15));
	EXPECT(16, read_events(fd, 16));
	EXPECT(-EAGAIN, read_events(fd, 100));
}
