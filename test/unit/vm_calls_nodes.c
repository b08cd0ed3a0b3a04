/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls that make nodes, and those on extended attributes. */
#include "vm_calls.h"

#include <sys/wait.h>

Test(vm_calls, nodes_are_files_fifos_and_sockets)
{
	struct stat st;
	EXPECT(-EPERM, mote_mknod(&area, RW, P("device"), 0, S_IFCHR | 0600));
	EXPECT(-EPERM, mote_mknod(&area, RW, P("device"), 0, S_IFBLK | 0600));
	EXPECT(-EINVAL, mote_mknod(&area, RW, P("link"), 0, S_IFLNK | 0600));
	EXPECT(-EXDEV, mote_mknod(&area, RW, P("../x"), 0, S_IFREG | 0600));
	EXPECT(-EROFS, mote_mknod(&area, DIR_RO, P("x"), 0, S_IFREG | 0600));
	EXPECT(0, mote_mknod(&area, RW, P("plain"), 0, S_IFREG | 06755));
	cr_expect(stat("rw/plain", &st) == 0 && st.st_mode == (S_IFREG | 0755));
	EXPECT(0, mote_mknod(&area, RW, P("fifo"), 0, S_IFIFO | 0600));
	/* Nothing makes a socket's file one that can be opened, so that is not waited for. */
	EXPECT(0, mote_mknod(&area, RW, P("socket"), 0, S_IFSOCK | 0600));
	EXPECT(-ENXIO, open_at(RW, "socket", 0, O_WRONLY));
	EXPECT(-ENXIO, open_at(RW, "socket", 0, O_RDONLY));
	/* On the poller nothing waits. */
	vm.vcpus[0].on_poller = true;
	(void)!open_at(RW, "fifo", 0, O_RDONLY);
	vm.vcpus[0].on_poller = false;
}

/* The other end of a FIFO, in a process of its own: opens, writes and goes, as a shell's echo. */
static pid_t fifo_writer(const char *text, useconds_t before, useconds_t between)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	usleep(before);
	int fd = open("rw/fifo", O_WRONLY);
	usleep(between);
	_exit(write(fd, text, strlen(text)) != (ssize_t)strlen(text));
}

static void expect_written(int64_t fd, pid_t writer, const char *text)
{
	int status;
	struct mote_iovec v = {.base = GUEST_AT, .len = 10};
	cr_assert(fd >= 0, "%ld", (long)fd);
	EXPECT((int64_t)strlen(text), mote_readv(&area, (int32_t)fd, put(&v, sizeof(v)), 1));
	EXPECT(0, mote_readv(&area, (int32_t)fd, put(&v, sizeof(v)), 1));
	EXPECT(0, mote_close(&area, (int32_t)fd));
	cr_expect(waitpid(writer, &status, 0) == writer && status == 0);
}

Test(vm_calls, a_fifo_waits_for_its_writer)
{
	EXPECT(0, mote_mknod(&area, RW, P("fifo"), 0, S_IFIFO | 0600));
	/* Many that come, write and go at once: in some rounds before the reader looks again. */
	for (int round = 0; round < 300; round++) {
		pid_t writer = fifo_writer("x", 0, 0);
		expect_written(open_at(RW, "fifo", 0, O_RDONLY), writer, "x");
	}
	/* One that comes late, and one that is silent at first. */
	pid_t writer = fifo_writer("late", 30000, 0);
	expect_written(open_at(RW, "fifo", 0, O_RDONLY), writer, "late");
	writer = fifo_writer("silent", 0, 30000);
	expect_written(open_at(RW, "fifo", 0, O_RDONLY), writer, "silent");
}

/* Removed meanwhile, it is found by nobody, who would be the reader of a writer that waits. */
Test(vm_calls, a_fifo_that_the_poller_has_opened_does_not_stay_open)
{
	EXPECT(0, mote_mknod(&area, RW, P("fifo"), 0, S_IFIFO | 0600));
	vm.vcpus[0].on_poller = true;
	(void)!open_at(RW, "fifo", 0, O_RDONLY);
	vm.vcpus[0].on_poller = false;
	int writer = open("rw/fifo", O_WRONLY | O_NONBLOCK);
	cr_expect(writer >= 0, "the poller has not opened it");
	close(writer);
	cr_assert(rename("rw/fifo", "rw/gone") == 0);
	EXPECT(-ENOENT, open_at(RW, "fifo", 0, O_RDONLY));
	writer = open("rw/gone", O_WRONLY | O_NONBLOCK);
	cr_expect(writer < 0 && errno == ENXIO, "it has a reader: %d %s", writer, strerror(errno));
}

Test(vm_calls, attributes_are_the_users)
{
	int64_t fd = open_at(RW, "file", 0, O_RDWR), ro = open_at(DIR_RO, "file", 0, O_RDONLY);
	cr_assert(fd >= 0 && ro >= 0);
	const int32_t f = (int32_t)fd;
	EXPECT(0, mote_xattr_set(&area, f, P("user.k"), P("value"), 0));
	EXPECT(5, mote_xattr_get(&area, f, P("user.k"), (void *)GUEST_AT, 9));
	EXPECT(5, mote_xattr_get(&area, f, P("user.k"), (void *)GUEST_AT, 0));
	EXPECT(-ERANGE, mote_xattr_get(&area, f, P("user.k"), (void *)GUEST_AT, 4));
	EXPECT(7, mote_xattr_list(&area, f, (void *)GUEST_AT, 100));
	EXPECT(-EROFS, mote_xattr_set(&area, (int32_t)ro, P("user.k"), P("value"), 0));
	EXPECT(-EPERM, mote_xattr_set(&area, f, P("trusted.k"), P("v"), 0));
	EXPECT(-EPERM, mote_xattr_set(&area, f, P("security.capability"), P("v"), 0));
	EXPECT(-EOPNOTSUPP, mote_xattr_set(&area, f, P("system.posix_acl_access"), P("v"), 0));
	EXPECT(-ENODATA, mote_xattr_get(&area, f, P("security.capability"), (void *)GUEST_AT, 9));
	EXPECT(-EPERM, mote_xattr_remove(&area, f, P("security.capability")));
	EXPECT(0, mote_xattr_remove(&area, f, P("user.k")));
	EXPECT(0, mote_xattr_list(&area, f, (void *)GUEST_AT, 100));
}
