/* SPDX-License-Identifier: Apache-2.0 */
/* inotify: the kernel behind the host calls watches; here is what a path is. */
#include "guest/linux/fs/descriptor.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/fs/lookup.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/stat.h>

int64_t sys_inotify_init1(uint32_t flags)
{
	if (flags & ~(uint32_t)(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	int64_t fd = descriptor_admit(mote_inotify_create(mote_area(), flags & IN_NONBLOCK));
	return fd_set_close_on_exec(fd, flags & IN_CLOEXEC);
}

/* Nothing happens to the runtime's own files. */
static int64_t add_here(int32_t fd, const struct resolved_path *p, uint32_t mask)
{
	if (p->own >= 0 || p->proc[0])
		return -EACCES;
	return mote_inotify_add(mote_area(), fd, p->base, p->rest, rest_len(p), p->resolve, mask);
}

static int64_t add_resolved(int32_t fd, struct resolved_path *p, uint32_t mask)
{
	int64_t rc;
	do
		rc = add_here(fd, p, mask);
	while (lookup_retry(p, rc));
	return lookup_result(p, rc);
}

/* /proc/self/fd/N: the file, if the path by which the program opened it still is its. */
static int64_t add_open_file(int32_t fd, int32_t file, uint32_t mask)
{
	struct resolved_path p;
	const char *path = fd_path(file);
	if (!path || !lookup_still_names(path, file))
		return -EACCES;
	int64_t rc = lookup_path(&p, AT_FDCWD, path, LOOKUP_FILE);
	if (rc < 0)
		return rc;
	return add_resolved(fd, &p, mask);
}

int64_t sys_inotify_add_watch(int fd, uint64_t path, uint32_t mask)
{
	const uint32_t known = IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED |
			       IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE |
			       IN_MASK_ADD | IN_ISDIR | IN_ONESHOT;
	struct resolved_path p;
	struct mote_stat st;
	if (!(mask & known))
		return -EINVAL;
	if (descriptor_check(fd, O_RDWR) < 0 || mote_fstat(mote_area(), fd, &st) < 0)
		return -EBADF;
	if (((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE)) || (st.mode & S_IFMT))
		return -EINVAL;
	/* How the last component is followed is for the path to say. */
	int64_t rc = lookup_user(&p, AT_FDCWD, path,
				 mask & IN_DONT_FOLLOW ? LOOKUP_NOFOLLOW : LOOKUP_FILE);
	mask = (mask & ~(uint32_t)IN_DONT_FOLLOW) | IN_ISDIR;
	if (rc < 0)
		return rc;
	rc = add_resolved(fd, &p, mask);
	if (p.own >= 0)
		return add_open_file(fd, p.own, mask);
	return rc;
}

int64_t sys_inotify_rm_watch(int fd, int watch)
{
	if (descriptor_check(fd, O_RDWR) < 0)
		return -EBADF;
	return mote_inotify_remove(mote_area(), fd, watch);
}
