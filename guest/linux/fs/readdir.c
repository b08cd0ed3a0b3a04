/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading directories: the host reads from a cookie on, the program from where its descriptor is.
 */
#include "guest/linux/fs/descriptor.h"
#include "guest/linux/fs/dir_cookie.h"
#include "guest/linux/fs/dir_entry.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>

int64_t sys_getdents64(int fd, uint64_t to, uint32_t capacity)
{
	struct scratch *scratch = this_thread()->scratch;
	uint64_t bytes = sizeof(scratch->entries), used = 0;
	if (fd < 0 || fd >= DESCRIPTORS_MAX)
		return -EBADF;
	if (bytes > capacity)
		bytes = capacity;
	int64_t got = mote_readdir(mote_area(), fd, dir_cookie(fd), scratch->entries, bytes);
	if (got == -ENOTDIR && descriptor_check(fd, O_RDWR) < 0)
		return -EBADF;
	if (got <= 0)
		return proc_list(got, fd, to, capacity);
	if (capacity > INT32_MAX)
		return -EINVAL;
	for (int64_t at = 0; at < got;) {
		const struct mote_dirent *d = (const void *)(scratch->entries + at);
		int64_t len = dir_entry_put(to + used, capacity - used, d);
		if (len < 0)
			return len;
		if (len == 0)
			break;
		used += (uint64_t)len;
		dir_cookie_set(fd, d->cookie);
		at += d->reclen;
	}
	if (used == 0)
		return -EINVAL;
	return (int64_t)used;
}
