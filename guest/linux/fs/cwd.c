/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The working directory: kept as the absolute path that Linux would report, without ".", ".." and
 * symlinks.
 */
#include "guest/linux/fs/cwd.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/lookup.h"
#include "guest/linux/fs/walk.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"

#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

enum { X_OK = 1 };

int64_t sys_getcwd(uint64_t to, uint64_t size)
{
	if (lookup_held() >= 0)
		return -ENOENT; /* it was removed */
	uint64_t len = strlen(process.cwd) + 1;
	if (len > size)
		return -ERANGE;
	if (put_user(to, process.cwd, len) < 0)
		return -EFAULT;
	return (int64_t)len;
}

/* Changes to the directory that an absolute path leads to, if it may be searched. */
static int64_t change_to(const char *path, size_t known)
{
	char next[PATH_MAX];
	struct walk_end end;
	struct resolved_path p;
	int64_t rc = fs_walk(path, known, true, next, &end);
	if (rc < 0)
		return rc;
	if (end.own >= 0)
		return sys_fchdir(end.own);
	size_t len = strlen(next);
	if (len + 3 > sizeof(next))
		return -ENAMETOOLONG;
	memcpy(next + len, "/.", 3); /* a directory, or ENOTDIR */
	rc = lookup_path(&p, AT_FDCWD, next, LOOKUP_FILE);
	if (rc == 0 && !p.proc[0])
		rc = mote_access(mote_area(), p.base, p.rest, rest_len(&p), p.resolve, X_OK);
	if (rc < 0)
		return lookup_result(&p, rc);
	memcpy(process.cwd, next, len);
	process.cwd[len] = '\0';
	lookup_hold(-1);
	return 0;
}

/* To a directory whose path is not known, or which has none any more. */
static int64_t change_to_place(int32_t base, const char *rest)
{
	int64_t fd = mote_open(mote_area(), base, rest, strlen(rest), MOTE_RESOLVE_BENEATH,
			       O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd == -EXDEV || fd == -ENOLINK ? -ENOENT : fd;
	int64_t rc = mote_access(mote_area(), (int32_t)fd, ".", 1, MOTE_RESOLVE_BENEATH, X_OK);
	if (rc == 0)
		lookup_hold((int32_t)fd);
	else
		(void)!mote_close(mote_area(), (int32_t)fd);
	return rc;
}

int64_t sys_fchdir(int fd)
{
	if (proc_file(fd))
		return change_to(proc_file(fd)->path, 0);
	struct mote_stat st;
	int64_t rc = mote_fstat(mote_area(), fd, &st);
	if (rc < 0)
		return rc;
	if (!S_ISDIR(st.mode))
		return -ENOTDIR;
	const char *path = fd_path(fd);
	if (!path || !lookup_still_names(path, fd))
		return change_to_place(fd, ".");
	return change_to(path, 0);
}

int64_t sys_chdir(uint64_t path)
{
	struct resolved_path p;
	int64_t rc = lookup_user(&p, AT_FDCWD, path, LOOKUP_FILE);
	if (rc < 0)
		return rc;
	if (p.own >= 0)
		return sys_fchdir(p.own);
	if (p.proc[0])
		return change_to(p.proc, 0);
	if (p.dirfd >= 0)
		return change_to_place(p.base, p.rest);
	return change_to(p.absolute, p.known);
}

/* --- the root --- */

/* A path as it is seen from a new root; false: it is not below it. */
static bool rebase(char path[PATH_MAX], const char *root)
{
	size_t len;
	if (!path_covers(root, path, &len))
		return false;
	memmove(path, path + len, strlen(path + len) + 1);
	if (!path[0])
		memcpy(path, "/", 2);
	return true;
}

static int64_t change_root(const char *path, int32_t fd)
{
	/* As on Linux, the working directory stays where it is, even outside. */
	struct resolved_path cwd;
	int64_t held = -1, rc = lookup_path(&cwd, AT_FDCWD, ".", LOOKUP_FILE);
	size_t len;
	if (rc == 0 && lookup_held() < 0 && !path_covers(path, process.cwd, &len) && !cwd.proc[0])
		held = mote_open(mote_area(), cwd.base, cwd.rest, rest_len(&cwd), cwd.resolve,
				 O_PATH | O_DIRECTORY, 0);
	rc = lookup_change_root(path, fd);
	if (rc < 0)
		return rc;
	if (lookup_held() < 0 && !rebase(process.cwd, path))
		memcpy(process.cwd, "/", 2);
	if (held >= 0)
		lookup_hold((int32_t)held);
	if (process.exe[0])
		(void)!rebase(process.exe, path);
	fd_paths_change_root(path);
	return 0;
}

int64_t sys_chroot(uint64_t path)
{
	struct resolved_path p;
	char root[PATH_MAX];
	struct walk_end end;
	int64_t rc = lookup_user(&p, AT_FDCWD, path, LOOKUP_FILE);
	if (rc < 0)
		return rc;
	if (p.own >= 0 || (p.dirfd >= 0 && !p.walked))
		return -ENOENT;
	rc = fs_walk(p.proc[0] ? p.proc : p.absolute, 0, true, root, &end);
	if (rc == 0)
		rc = lookup_path(&p, AT_FDCWD, root, LOOKUP_FILE);
	if (rc < 0)
		return rc;
	if (p.proc[0])
		rc = proc_is_directory(p.proc) ? 0 : -ENOTDIR;
	else
		rc = mote_open(mote_area(), p.base, p.rest, rest_len(&p), p.resolve,
			       O_PATH | O_DIRECTORY, 0);
	if (rc < 0)
		return lookup_result(&p, rc);
	const int32_t fd = p.proc[0] ? -1 : (int32_t)rc;
	rc = fd < 0 ? 0 : mote_access(mote_area(), fd, ".", 1, MOTE_RESOLVE_BENEATH, X_OK);
	if (rc == 0 && !capable(CAP_SYS_CHROOT))
		rc = -EPERM;
	if (rc == 0 && strcmp(root, "/") != 0)
		rc = fd < 0 ? -EACCES : change_root(root, fd);
	if (fd >= 0)
		(void)!mote_close(mote_area(), fd);
	return rc;
}

/* --- what the program does to directories --- */

/* The last component of a path that names something in a directory; cuts slashes off its end. */
static char *last_name(char *path)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	while (len > 0 && path[len - 1] != '/')
		len--;
	return path + len;
}

/* The canonical form of an absolute path whose last component is taken as it is. */
static bool canonical_name(char path[PATH_MAX])
{
	char out[PATH_MAX], *name = last_name(path);
	if (name < path + 1)
		return false;
	size_t name_len = strlen(name);
	name[-1] = '\0';
	struct walk_end end;
	int64_t rc = fs_walk(path, 0, true, out, &end);
	size_t len = strlen(out);
	if (rc < 0)
		return false;
	if (len == 1) /* "/" */
		len = 0;
	if (len + 1 + name_len + 1 > PATH_MAX)
		return false;
	memmove(path + len + 1, name, name_len + 1);
	memcpy(path, out, len);
	path[len] = '/';
	return true;
}

static bool is_known(char *path)
{
	const char *name = last_name(path);
	return path_mentions(process.cwd, name) || fd_paths_mention(name);
}

/* Few renames are of directories that are in use: those that cannot be cost no host call. */
void cwd_renamed(const struct resolved_path *from, const struct resolved_path *to, bool exchange)
{
	char a[PATH_MAX], b[PATH_MAX];
	if (!lookup_absolute(from, a) || !lookup_absolute(to, b))
		return;
	if (!is_known(a) && !(exchange && is_known(b)))
		return;
	if (!canonical_name(a) || !canonical_name(b))
		return;
	(void)!path_follow(process.cwd, a, b, exchange);
	fd_paths_follow(a, b, exchange);
}

int64_t cwd_before_removal(const struct resolved_path *p)
{
	char path[PATH_MAX];
	if (lookup_held() >= 0 || !lookup_absolute(p, path) ||
	    !path_mentions(process.cwd, last_name(path)) || !canonical_name(path) ||
	    strcmp(path, process.cwd) != 0)
		return -1;
	struct resolved_path cwd;
	int64_t rc = lookup_path(&cwd, AT_FDCWD, ".", LOOKUP_FILE);
	if (rc < 0)
		return rc;
	return mote_open(mote_area(), cwd.base, cwd.rest, rest_len(&cwd), cwd.resolve,
			 O_PATH | O_DIRECTORY, 0);
}
