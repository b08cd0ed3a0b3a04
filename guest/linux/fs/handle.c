/* SPDX-License-Identifier: Apache-2.0 */
/* File handles, which guests have none of. */
#include "guest/linux/fs/stat.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>

/* As on a file system that cannot be exported, such as a container's overlay. */
int64_t sys_name_to_handle_at(int dirfd, uint64_t path, uint64_t handle, uint64_t mount,
			      uint32_t flags)
{
	const uint32_t known = AT_SYMLINK_FOLLOW | AT_EMPTY_PATH;
	struct mote_stat st;
	(void)handle;
	(void)mount;
	if (flags & ~known)
		return -EINVAL;
	uint32_t how = flags & AT_EMPTY_PATH;
	if (!(flags & AT_SYMLINK_FOLLOW))
		how |= AT_SYMLINK_NOFOLLOW;
	int64_t rc = stat_path(dirfd, path, how, &st);
	return rc < 0 ? rc : -EOPNOTSUPP;
}

/* A capability that no container has, for handles that do not exist. */
int64_t sys_open_by_handle_at(int mount, uint64_t handle, uint32_t flags)
{
	enum { HANDLE_MAX = 128 };
	uint32_t bytes;
	(void)flags;
	if (get_user(&bytes, handle, sizeof(bytes)) < 0)
		return -EFAULT;
	if (bytes == 0 || bytes > HANDLE_MAX)
		return -EINVAL;
	if (mount != AT_FDCWD && mote_get_flags(mote_area(), mount) < 0)
		return -EBADF;
	return -EPERM;
}
