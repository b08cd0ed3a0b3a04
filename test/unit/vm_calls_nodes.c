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
	/* A reader waits for its writer, and finds what that wrote and its end. */
	pid_t writer = fork();
	if (writer == 0)
		_exit(write(open("rw/fifo", O_WRONLY), "x", 1) != 1);
	int64_t fd = open_at(RW, "fifo", 0, O_RDONLY);
	cr_assert(fd >= 0, "%ld", (long)fd);
	struct mote_iovec v = {.base = GUEST_AT, .len = 10};
	EXPECT(1, mote_readv(&area, (int32_t)fd, put(&v, sizeof(v)), 1));
	EXPECT(0, mote_readv(&area, (int32_t)fd, put(&v, sizeof(v)), 1));
	int status;
	cr_expect(waitpid(writer, &status, 0) == writer && status == 0);
	/* Nothing makes a socket's file one that can be opened, so that is not waited for. */
	EXPECT(0, mote_mknod(&area, RW, P("socket"), 0, S_IFSOCK | 0600));
	EXPECT(-ENXIO, open_at(RW, "socket", 0, O_WRONLY));
	EXPECT(-ENXIO, open_at(RW, "socket", 0, O_RDONLY));
	/* On the poller nothing waits. */
	vm.vcpus[0].on_poller = true;
	(void)!open_at(RW, "fifo", 0, O_RDONLY);
	vm.vcpus[0].on_poller = false;
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
