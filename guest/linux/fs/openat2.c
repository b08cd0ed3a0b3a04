/* SPDX-License-Identifier: Apache-2.0 */
/* openat2: paths that are to stay below a directory, or to go by no link. */
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/lookup.h"
#include "guest/linux/fs/open.h"
#include "guest/linux/fs/user_path.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>
#include <linux/openat2.h>

enum { CONFINED = RESOLVE_BENEATH | RESOLVE_IN_ROOT, CREATES_UNNAMED = O_TMPFILE & ~O_DIRECTORY };

/* The program's struct open_how, which may be a later one if nothing is in what that has more. */
static int64_t get_how(struct open_how *how, uint64_t from, uint64_t size)
{
	uint64_t more;
	if (size < sizeof(*how))
		return -EINVAL;
	if (size > MOTE_PAGE)
		return -E2BIG;
	if (get_user(how, from, sizeof(*how)) < 0)
		return -EFAULT;
	for (uint64_t at = sizeof(*how), step; at < size; at += step) {
		step = min_u64(size - at, sizeof(more));
		more = 0;
		if (get_user(&more, from + at, step) < 0)
			return -EFAULT;
		if (more)
			return -E2BIG;
	}
	return 0;
}

static int64_t check_flags(const struct open_how *how)
{
	const uint64_t for_paths = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	const uint64_t known = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
			       O_NONBLOCK | O_SYNC | FASYNC | O_DIRECT | O_LARGEFILE | O_NOATIME |
			       for_paths | O_TMPFILE;
	const bool makes = how->flags & (O_CREAT | CREATES_UNNAMED);
	if (how->flags & ~known || (how->mode & ~07777UL) || (how->mode && !makes))
		return -EINVAL;
	if ((how->flags & O_PATH) && (how->flags & ~for_paths))
		return -EINVAL;
	if ((how->flags & CREATES_UNNAMED) && !(how->flags & O_DIRECTORY))
		return -EINVAL;
	return 0;
}

static int64_t check_how(const struct open_how *how)
{
	const uint64_t known = CONFINED | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			       RESOLVE_NO_XDEV | RESOLVE_CACHED;
	if ((how->resolve & ~known) || (how->resolve & CONFINED) == CONFINED)
		return -EINVAL;
	int64_t rc = check_flags(how);
	if (rc < 0)
		return rc;
	/* To make or empty a file is not a look into a cache. All else the host may have there. */
	if ((how->resolve & RESOLVE_CACHED) && (how->flags & (O_CREAT | O_TRUNC | CREATES_UNNAMED)))
		return -EAGAIN;
	if (how->resolve & RESOLVE_NO_XDEV) {
		lib_log("openat2: RESOLVE_NO_XDEV is not implemented");
		return -ENOSYS;
	}
	return 0;
}

static bool leads_up(const char *path)
{
	for (; *path; path++)
		if (path[0] == '.' && path[1] == '.')
			return true;
	return false;
}

/* From a directory of the runtime's own tree: nothing leads upwards, and no link is followed. */
static int64_t open_in_tree(int32_t dirfd, uint64_t path, const struct open_how *how)
{
	char text[PATH_MAX];
	struct resolved_path p;
	int64_t rc = user_path(text, path);
	if (rc < 0)
		return rc;
	if (text[0] == '/' || leads_up(text))
		return -EXDEV;
	rc = lookup_walk(&p, dirfd, path, !(how->flags & O_NOFOLLOW));
	if (rc == 0 && (p.own >= 0 || p.links > 0) && (how->resolve & RESOLVE_NO_SYMLINKS))
		return -ELOOP;
	if (rc == 0 && (p.own >= 0 || p.links > 0))
		return -EXDEV;
	if (rc < 0)
		return rc;
	return sys_openat(dirfd, path, (uint32_t)how->flags, (uint32_t)how->mode);
}

static uint32_t resolve_of(const struct open_how *how)
{
	uint32_t resolve = MOTE_RESOLVE_BENEATH;
	if (how->resolve & RESOLVE_IN_ROOT)
		resolve = MOTE_RESOLVE_IN_ROOT;
	if (how->resolve & RESOLVE_NO_SYMLINKS)
		resolve |= MOTE_RESOLVE_NO_SYMLINKS;
	if (how->flags & O_NOFOLLOW)
		resolve |= MOTE_RESOLVE_NOFOLLOW;
	return resolve;
}

/* A path that begins at the root, which is its own parent, as one that begins in it. */
static const char *from_the_root(const char *path)
{
	for (;;) {
		while (*path == '/')
			path++;
		if (path[0] != '.' || path[1] != '.' || (path[2] && path[2] != '/'))
			break;
		path += 2;
	}
	if (!*path)
		return ".";
	return path;
}

/* The host's way: the directory's descriptor takes the place of the root. */
static int64_t open_confined(int32_t dirfd, uint64_t path, const struct open_how *how)
{
	char text[PATH_MAX];
	int64_t len = user_path(text, path);
	if (len < 0)
		return len;
	if (len == 0)
		return -ENOENT;
	int64_t dir = dirfd;
	if (dirfd == AT_FDCWD)
		dir = open_cwd();
	if (dir < 0)
		return dir;
	const char *rest = text;
	if ((how->resolve & RESOLVE_IN_ROOT) && (how->resolve & RESOLVE_NO_SYMLINKS)) {
		rest = from_the_root(rest);
	}
	int64_t rc = open_below((int32_t)dir, rest, resolve_of(how), (uint32_t)how->flags,
				(uint32_t)how->mode);
	if (dirfd == AT_FDCWD)
		(void)!sys_close((int)dir);
	if (rc == -ENOLINK)
		return -ENOENT;
	return rc;
}

/*
 * Whether a path goes by no link that must not be followed. The program is the only one that looks:
 * what others change in its directories meanwhile it does not see.
 */
static int64_t check_links(int32_t dirfd, uint64_t path, const struct open_how *how)
{
	const bool exclusive = (how->flags & O_CREAT) && (how->flags & O_EXCL);
	struct resolved_path p = {.links = 0};
	int64_t rc = lookup_walk(&p, dirfd, path, !(how->flags & O_NOFOLLOW) && !exclusive);
	if ((p.links > 0 && (how->resolve & RESOLVE_NO_SYMLINKS)) || (rc == 0 && p.own >= 0))
		return -ELOOP;
	if (rc == -ENOENT && (how->flags & O_CREAT))
		return 0;
	return rc;
}

int64_t sys_openat2(int dirfd, uint64_t path, uint64_t how_at, uint64_t size)
{
	struct open_how how;
	int64_t rc = get_how(&how, how_at, size);
	if (rc == 0)
		rc = check_how(&how);
	if (rc < 0)
		return rc;
	if ((how.resolve & CONFINED) && proc_file(dirfd))
		return open_in_tree(dirfd, path, &how);
	if (how.resolve & CONFINED)
		return open_confined(dirfd, path, &how);
	if (how.resolve & (RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS))
		rc = check_links(dirfd, path, &how);
	if (rc < 0)
		return rc;
	return sys_openat(dirfd, path, (uint32_t)how.flags, (uint32_t)how.mode);
}
