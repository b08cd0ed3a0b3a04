/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that report what a file system is. */
#include "guest/linux/syscall.h"

#include <asm/statfs.h>
#include <linux/fcntl.h>

int64_t sys_fstatfs(int fd, uint64_t to)
{
	struct mote_statfs m;
	int64_t rc = mote_statfs(mote_area(), fd, &m);
	if (rc < 0)
		return rc;
	const struct statfs st = {
		.f_type = (int64_t)m.type,
		.f_bsize = (int64_t)m.bsize,
		.f_blocks = (int64_t)m.blocks,
		.f_bfree = (int64_t)m.bfree,
		.f_bavail = (int64_t)m.bavail,
		.f_files = (int64_t)m.files,
		.f_ffree = (int64_t)m.ffree,
		.f_namelen = (int64_t)m.namelen,
		.f_frsize = (int64_t)m.frsize,
		.f_flags = (int64_t)m.flags,
	};
	return put_user(to, &st, sizeof(st));
}

int64_t sys_statfs(uint64_t path, uint64_t to)
{
	int64_t fd = sys_openat(AT_FDCWD, path, O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	int64_t rc = sys_fstatfs((int)fd, to);
	(void)!sys_close((int)fd);
	return rc;
}
