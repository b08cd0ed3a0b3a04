/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that open a path. */
#include "guest/linux/fs/open.h"

#include "guest/linux/fs/descriptor.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/fs/lookup.h"
#include "guest/linux/fs/stat.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

static int64_t open_resolved(struct resolved_path *p, uint32_t flags, uint32_t mode);

/* Opens an open file by its path, if that is known and still is the file's. */
static int64_t open_again(int32_t fd, uint32_t flags)
{
	struct resolved_path p;
	const char *path = fd_path(fd);
	if (!path || !lookup_still_names(path, fd))
		return -ENOENT;
	int64_t rc = lookup_path(&p, AT_FDCWD, path, LOOKUP_FILE);
	if (rc < 0)
		return rc;
	return open_resolved(&p, flags & ~(uint32_t)O_CREAT, 0);
}

/*
 * A duplicate, which for pipes and terminals is what Linux makes of it. A file of which nothing
 * more is known, such as standard output, keeps its offset.
 */
static int64_t open_duplicate(int32_t fd, const struct mote_stat *st, uint32_t flags)
{
	const uint32_t wanted = flags & O_ACCMODE;
	int64_t has = mote_get_flags(mote_area(), fd);
	if (has < 0)
		return has;
	has &= O_ACCMODE;
	if (has != O_RDWR && has != wanted && !(S_ISFIFO(st->mode) && wanted == O_RDWR))
		return -EACCES;
	int64_t copy = fd_copied(fd, descriptor_admit(mote_dup(mote_area(), fd, 0)));
	if (copy < 0 || !(flags & O_TRUNC) || !S_ISREG(st->mode))
		return copy;
	int64_t rc = mote_ftruncate(mote_area(), (int32_t)copy, 0);
	if (rc == 0)
		return copy;
	(void)!sys_close((int)copy);
	return rc;
}

/*
 * O_DIRECT is about how the host's kernel goes about it, as on file systems that take it and do
 * nothing; files send no SIGIO.
 */
enum { IGNORED_FLAGS = O_DIRECT | FASYNC };

/* What /dev/stdout and /proc/self/fd name. */
static int64_t open_own(int32_t fd, uint32_t flags)
{
	struct mote_stat st;
	int64_t rc = mote_fstat(mote_area(), fd, &st);
	if (rc < 0)
		return rc == -EBADF ? -ENOENT : rc;
	if (proc_file(fd))
		return proc_open(proc_file(fd)->path, flags);
	if ((flags & O_DIRECTORY) && !S_ISDIR(st.mode))
		return -ENOTDIR;
	if (S_ISSOCK(st.mode) || !(st.mode & S_IFMT))
		return -ENXIO;
	rc = open_again(fd, flags);
	if (rc == -ENOENT)
		rc = open_duplicate(fd, &st, flags);
	return fd_set_close_on_exec(rc, flags & O_CLOEXEC);
}

int64_t open_below(int32_t dir, const char *path, uint32_t resolve, uint32_t flags, uint32_t mode)
{
	int64_t rc = mote_open(mote_area(), dir, path, strlen(path), resolve,
			       flags & ~(uint32_t)IGNORED_FLAGS, mode & ~process.umask);
	return fd_set_close_on_exec(descriptor_admit(rc), flags & O_CLOEXEC);
}

static int64_t open_here(const struct resolved_path *p, uint32_t flags, uint32_t mode)
{
	if (p->own >= 0)
		return open_own(p->own, flags);
	if (p->proc[0] && (flags & O_TMPFILE) == O_TMPFILE)
		return proc_is_directory(p->proc) ? -EOPNOTSUPP : -ENOTDIR;
	if (p->proc[0])
		return proc_open(p->proc, flags);
	return descriptor_admit(mote_open(mote_area(), p->base, p->rest, rest_len(p), p->resolve,
					  flags & ~(uint32_t)IGNORED_FLAGS, mode & ~process.umask));
}

static int64_t open_resolved(struct resolved_path *p, uint32_t flags, uint32_t mode)
{
	char absolute[PATH_MAX];
	int64_t rc;
	const bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;
	if (unnamed && ((flags & O_CREAT) || (flags & O_ACCMODE) == O_RDONLY))
		return -EINVAL;
	do
		rc = open_here(p, flags, mode);
	while (lookup_retry(p, rc));
	if (rc < 0 || p->own >= 0 || p->proc[0])
		return lookup_result(p, rc);
	if (flags & O_PATH)
		descriptor_note_place();
	if (!unnamed && lookup_absolute(p, absolute))
		fd_set_path((int32_t)rc, absolute);
	return fd_set_close_on_exec(rc, flags & O_CLOEXEC);
}

/* O_TRUNC of what is opened to be read: a descriptor that may write does it. */
static int64_t open_truncated(struct resolved_path *p, uint32_t flags, uint32_t mode)
{
	const int64_t rc = open_resolved(p, flags | O_RDWR, mode);
	if (rc < 0)
		return rc;
	(void)!sys_close((int)rc);
	return open_resolved(p, flags & ~(uint32_t)(O_TRUNC | O_CREAT | O_EXCL), mode);
}

int64_t sys_openat(int dirfd, uint64_t path, uint32_t flags, uint32_t mode)
{
	struct resolved_path p;
	const bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);
	int64_t rc = lookup_user(&p, dirfd, path,
				 (flags & O_NOFOLLOW) || exclusive ? LOOKUP_NOFOLLOW : LOOKUP_FILE);
	if (rc == -ENOENT && p.proc[0] && (flags & O_CREAT))
		return proc_create_error(p.proc);
	if (rc < 0)
		return rc;
	if ((flags & (O_ACCMODE | O_TRUNC | O_PATH)) == O_TRUNC)
		return open_truncated(&p, flags, mode);
	return open_resolved(&p, flags, mode);
}

int64_t open_cwd(void)
{
	struct resolved_path p;
	int64_t rc = lookup_path(&p, AT_FDCWD, ".", LOOKUP_FILE);
	if (rc < 0)
		return rc;
	return open_resolved(&p, O_DIRECTORY, 0);
}

int64_t sys_truncate(uint64_t path, uint64_t size)
{
	struct mote_stat st;
	if (size > INT64_MAX)
		return -EINVAL;
	int64_t fd = stat_path(AT_FDCWD, path, 0, &st);
	if (fd == 0 && S_ISDIR(st.mode))
		return -EISDIR;
	if (fd == 0 && !S_ISREG(st.mode))
		return -EINVAL;
	if (fd == 0)
		fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	int64_t rc = sys_ftruncate((int)fd, size);
	(void)!sys_close((int)fd);
	return rc;
}
