/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on paths: opening, making, moving, removing, and what a path's file allows. */
#include "guest/linux/fs/path.h"

#include "guest/linux/fs/cwd.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/fs/lookup.h"
#include "guest/linux/fs/stat.h"
#include "guest/linux/fs/user_path.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

/* From <unistd.h> and <sys/stat.h>; the kernel's headers for programs have none of them. */
enum { R_OK = 4, W_OK = 2, X_OK = 1, UTIME_NOW = (1 << 30) - 1 };

/* --- opening --- */

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

/* A name that the runtime's tree does not have cannot be made there. */
static int64_t create_error(const struct resolved_path *p)
{
	if (strncmp(p->proc, "/proc/", 6) == 0)
		return -ENOENT;
	if (strncmp(p->proc, "/sys/", 5) == 0)
		return -EPERM;
	return -EROFS;
}

int64_t path_open_below(int32_t dir, const char *path, uint32_t resolve, uint32_t flags,
			uint32_t mode)
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
	if (!unnamed && lookup_absolute(p, absolute))
		fd_set_path((int32_t)rc, absolute);
	return fd_set_close_on_exec(rc, flags & O_CLOEXEC);
}

int64_t sys_openat(int dirfd, uint64_t path, uint32_t flags, uint32_t mode)
{
	struct resolved_path p;
	const bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);
	int64_t rc = lookup_user(&p, dirfd, path,
				 (flags & O_NOFOLLOW) || exclusive ? LOOKUP_NOFOLLOW : LOOKUP_FILE);
	if (rc == -ENOENT && p.proc[0] && (flags & O_CREAT))
		return create_error(&p);
	if (rc < 0)
		return rc;
	return open_resolved(&p, flags, mode);
}

int64_t path_open_cwd(void)
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

/* --- access --- */

/* What the mode bits of a file allow this process's user of that kind. */
static uint32_t allowed(const struct mote_stat *st, enum id_kind kind)
{
	const struct credentials *c = &process.credentials;
	if (c->uid[kind] == 0) {
		bool executable = (st->mode & (S_IXUSR | S_IXGRP | S_IXOTH)) || S_ISDIR(st->mode);
		return R_OK | W_OK | (executable ? X_OK : 0);
	}
	if (st->uid == c->uid[kind])
		return st->mode >> 6 & 7;
	if (st->gid == c->gid[kind] || credentials_in_group(st->gid))
		return st->mode >> 3 & 7;
	return st->mode & 7;
}

/* An open descriptor's own file, by its mode bits: the host is asked by path only. */
static int64_t access_own(int32_t fd, uint32_t mode, enum id_kind kind)
{
	struct mote_stat st;
	int64_t rc = mote_fstat(mote_area(), fd, &st);
	if (rc < 0)
		return rc;
	if (mode & ~allowed(&st, kind))
		return -EACCES;
	return 0;
}

static int64_t access_synthetic(const char *path, uint32_t mode)
{
	struct mote_stat st;
	proc_stat(path, &st);
	return mode & ~(st.mode & 7) ? -EACCES : 0;
}

/* The host goes by what the user may do, unless it is asked about the real one. */
static uint32_t access_of(enum id_kind kind)
{
	const struct credentials *c = &process.credentials;
	const bool same = c->uid[kind] == c->uid[ID_FILES] && c->gid[kind] == c->gid[ID_FILES];
	return kind == ID_REAL && !same ? MOTE_ACCESS_REAL : 0;
}

static int64_t access_here(const struct resolved_path *p, uint32_t mode, enum id_kind kind)
{
	if (p->own >= 0)
		return access_own(p->own, mode, kind);
	if (p->proc[0])
		return access_synthetic(p->proc, mode);
	return mote_access(mote_area(), p->base, p->rest, rest_len(p), p->resolve,
			   mode | access_of(kind));
}

int64_t sys_faccessat2(int dirfd, uint64_t path, uint32_t mode, uint32_t flags)
{
	const enum id_kind kind = flags & AT_EACCESS ? ID_FILES : ID_REAL;
	struct resolved_path p;
	if ((mode & ~(uint32_t)(R_OK | W_OK | X_OK)) ||
	    (flags & ~(uint32_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	int64_t rc = lookup_with_flags(&p, dirfd, path, flags & ~(uint32_t)AT_EACCESS);
	if (rc < 0)
		return rc;
	do
		rc = access_here(&p, mode, kind);
	while (lookup_retry(&p, rc));
	return lookup_result(&p, rc);
}

int64_t sys_faccessat(int dirfd, uint64_t path, uint32_t mode)
{
	return sys_faccessat2(dirfd, path, mode, 0);
}

/* --- making, removing and moving names --- */

/* What the runtime's tree says to a name that is to be made in it. */
static int64_t make_synthetic(const struct resolved_path *p)
{
	return proc_lookup(p->proc) == 0 ? -EEXIST : create_error(p);
}

/* The same to one that is to go. */
static int64_t remove_synthetic(const struct resolved_path *p, bool directory)
{
	int64_t rc = proc_lookup(p->proc);
	if (rc < 0)
		return rc;
	if (directory && !proc_is_directory(p->proc))
		return -ENOTDIR;
	if (!directory && proc_is_directory(p->proc))
		return -EISDIR;
	if (strncmp(p->proc, "/proc/", 6) == 0 || strncmp(p->proc, "/sys/", 5) == 0)
		return -EPERM;
	return directory ? -EBUSY : -EROFS;
}

static int64_t mkdir_here(const struct resolved_path *p, uint32_t mode)
{
	if (p->proc[0])
		return make_synthetic(p);
	return mote_mkdir(mote_area(), p->base, p->rest, rest_len(p), p->resolve, mode);
}

int64_t sys_mkdirat(int dirfd, uint64_t path, uint32_t mode)
{
	struct resolved_path p;
	int64_t rc = lookup_user(&p, dirfd, path, LOOKUP_NAME);
	if (rc < 0)
		return rc;
	do
		rc = mkdir_here(&p, mode & ~process.umask);
	while (lookup_retry(&p, rc));
	return lookup_result(&p, rc);
}

static int64_t mknod_here(const struct resolved_path *p, uint32_t mode)
{
	if (p->proc[0])
		return make_synthetic(p);
	return mote_mknod(mote_area(), p->base, p->rest, rest_len(p), p->resolve, mode);
}

/* No devices: what their numbers mean is the host's to decide. */
int64_t sys_mknodat(int dirfd, uint64_t path, uint32_t mode, uint64_t device)
{
	struct resolved_path p;
	(void)device;
	int64_t rc = lookup_user(&p, dirfd, path, LOOKUP_NAME);
	if (rc < 0)
		return rc;
	do
		rc = mknod_here(&p, mode & ~process.umask);
	while (lookup_retry(&p, rc));
	return lookup_result(&p, rc);
}

/* The path of a directory that the guest holds, not one that ends with ".". */
static bool names_root(const struct resolved_path *p)
{
	size_t len = strlen(p->path);
	return p->dirfd < 0 && strcmp(p->rest, ".") == 0 && len > 0 && p->path[len - 1] != '.';
}

static int64_t unlink_here(const struct resolved_path *p, uint32_t flags)
{
	if (p->proc[0])
		return remove_synthetic(p, flags & AT_REMOVEDIR);
	return mote_unlink(mote_area(), p->base, p->rest, rest_len(p), p->resolve, flags);
}

int64_t sys_unlinkat(int dirfd, uint64_t path, uint32_t flags)
{
	struct resolved_path p;
	if (flags & ~(uint32_t)AT_REMOVEDIR)
		return -EINVAL;
	int64_t rc = lookup_user(&p, dirfd, path, LOOKUP_NAME);
	if (rc < 0)
		return rc;
	if (flags == AT_REMOVEDIR && names_root(&p))
		return -EBUSY;
	int64_t cwd = flags & AT_REMOVEDIR && !p.proc[0] ? cwd_before_removal(&p) : -1;
	do
		rc = unlink_here(&p, flags);
	while (lookup_retry(&p, rc));
	if (cwd >= 0 && rc == 0)
		lookup_hold((int32_t)cwd);
	else if (cwd >= 0)
		(void)!mote_close(mote_area(), (int32_t)cwd);
	return lookup_result(&p, rc);
}

/* Two paths of one call; names are taken as they are, links at their end are not followed. */
struct path_pair {
	struct resolved_path from, to;
};

static int64_t lookup_pair(struct path_pair *p, int32_t from_dir, uint64_t from, int32_t to_dir,
			   uint64_t to)
{
	int64_t rc = lookup_user(&p->from, from_dir, from, LOOKUP_NAME);
	if (rc < 0)
		return rc;
	return lookup_user(&p->to, to_dir, to, LOOKUP_NAME);
}

/* The host resolves both in the same way. */
static uint32_t pair_resolve(const struct path_pair *p)
{
	return p->from.resolve & p->to.resolve & MOTE_RESOLVE_IN_ROOT;
}

static int64_t pair_result(const struct path_pair *p, int64_t rc)
{
	if (p->from.error || p->to.error)
		return p->from.error ? p->from.error : p->to.error;
	if (rc == -ENOLINK)
		return -ENOENT;
	/* From their roots the paths cannot leave: EXDEV then means another device. */
	if (pair_resolve(p) || (p->from.walked && p->to.walked))
		return rc;
	return lookup_result(&p->from, lookup_result(&p->to, rc));
}

static int64_t rename_synthetic(const struct path_pair *p)
{
	if (!p->from.proc[0] || !p->to.proc[0])
		return -EXDEV;
	int64_t rc = proc_lookup(p->from.proc);
	if (rc < 0 || strcmp(p->from.proc, p->to.proc) == 0)
		return rc;
	return proc_lookup(p->to.proc) == 0 ? -EPERM : create_error(&p->to);
}

static int64_t rename_here(const struct path_pair *p, uint32_t flags)
{
	if (p->from.proc[0] || p->to.proc[0])
		return rename_synthetic(p);
	return mote_rename(mote_area(), p->from.base, p->from.rest, rest_len(&p->from), p->to.base,
			   p->to.rest, rest_len(&p->to), pair_resolve(p), flags);
}

int64_t sys_renameat2(int from_dir, uint64_t from, int to_dir, uint64_t to, uint32_t flags)
{
	struct path_pair p;
	int64_t rc = lookup_pair(&p, from_dir, from, to_dir, to);
	if (rc < 0)
		return rc;
	do
		rc = rename_here(&p, flags);
	while (lookup_retry_both(&p.from, &p.to, rc));
	if (rc == 0)
		cwd_renamed(&p.from, &p.to, flags & RENAME_EXCHANGE);
	return pair_result(&p, rc);
}

int64_t sys_renameat(int from_dir, uint64_t from, int to_dir, uint64_t to)
{
	return sys_renameat2(from_dir, from, to_dir, to, 0);
}

/* Of two paths one of which is of the runtime's tree. */
static int64_t link_synthetic(const struct path_pair *p)
{
	struct mote_stat st;
	int64_t rc = p->from.proc[0] ? proc_lookup(p->from.proc)
				     : mote_stat(mote_area(), p->from.base, p->from.rest,
						 rest_len(&p->from), p->from.resolve, &st);
	if (rc < 0)
		return rc;
	if (p->to.proc[0])
		rc = proc_lookup(p->to.proc);
	else
		rc = mote_stat(mote_area(), p->to.base, p->to.rest, rest_len(&p->to),
			       p->to.resolve | MOTE_RESOLVE_NOFOLLOW, &st);
	return rc == 0 ? -EEXIST : -EXDEV;
}

static int64_t link_here(const struct path_pair *p)
{
	if (p->from.proc[0] || p->to.proc[0])
		return link_synthetic(p);
	return mote_link(mote_area(), p->from.base, p->from.rest, rest_len(&p->from), p->to.base,
			 p->to.rest, rest_len(&p->to), pair_resolve(p));
}

/* The file behind a path, by its name. */
static int64_t follow_link(struct resolved_path *p, int32_t dirfd, uint64_t path)
{
	struct mote_stat st;
	if (stat_path(dirfd, path, AT_SYMLINK_NOFOLLOW, &st) < 0 || !S_ISLNK(st.mode))
		return 0;
	return lookup_walk(p, dirfd, path, true);
}

static int64_t link_file_here(int32_t fd, const struct resolved_path *to)
{
	if (to->proc[0])
		return proc_lookup(to->proc) == 0 ? -EEXIST : -EXDEV;
	return mote_link_file(mote_area(), fd, to->base, to->rest, rest_len(to),
			      to->resolve & MOTE_RESOLVE_IN_ROOT);
}

/* Another name for an open file. */
static int64_t link_descriptor(int32_t fd, int to_dir, uint64_t to)
{
	struct resolved_path p;
	int64_t rc = lookup_user(&p, to_dir, to, LOOKUP_NAME);
	if (rc < 0)
		return rc;
	do
		rc = link_file_here(fd, &p);
	while (lookup_retry(&p, rc));
	return lookup_result(&p, rc);
}

/* The descriptor that linkat is about, by itself or by its link in /proc; INT32_MAX: a path. */
static int64_t linked_descriptor(int from_dir, uint64_t from, uint32_t flags)
{
	struct resolved_path p;
	const int empty = flags & AT_EMPTY_PATH ? user_path_empty(from) : 0;
	if (empty < 0)
		return empty;
	if (empty && from_dir == AT_FDCWD)
		return -EPERM; /* a directory */
	if (empty)
		return mote_get_flags(mote_area(), from_dir) < 0 ? -EBADF : from_dir;
	if (flags & AT_SYMLINK_FOLLOW && lookup_walk(&p, from_dir, from, true) == 0 && p.own >= 0)
		return mote_get_flags(mote_area(), p.own) < 0 ? -ENOENT : p.own;
	return INT32_MAX;
}

int64_t sys_linkat(int from_dir, uint64_t from, int to_dir, uint64_t to, uint32_t flags)
{
	struct path_pair p;
	if (flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	int64_t rc = linked_descriptor(from_dir, from, flags);
	if (rc < 0)
		return rc;
	if (rc < INT32_MAX)
		return link_descriptor((int32_t)rc, to_dir, to);
	rc = lookup_pair(&p, from_dir, from, to_dir, to);
	/* The host links the name itself, which is the same unless it is a symlink. */
	if (rc == 0 && (flags & AT_SYMLINK_FOLLOW))
		rc = follow_link(&p.from, from_dir, from);
	if (rc < 0)
		return rc;
	do
		rc = link_here(&p);
	while (lookup_retry_both(&p.from, &p.to, rc));
	return pair_result(&p, rc);
}

static int64_t symlink_here(const struct resolved_path *p, const char *text, uint64_t len)
{
	if (p->proc[0])
		return make_synthetic(p);
	return mote_symlink(mote_area(), text, len, p->base, p->rest, rest_len(p), p->resolve);
}

int64_t sys_symlinkat(uint64_t target, int dirfd, uint64_t path)
{
	char text[PATH_MAX];
	struct resolved_path p;
	int64_t len = user_path(text, target);
	if (len <= 0)
		return len < 0 ? len : -ENOENT;
	int64_t rc = lookup_user(&p, dirfd, path, LOOKUP_NAME);
	if (rc < 0)
		return rc;
	do
		rc = symlink_here(&p, text, (uint64_t)len);
	while (lookup_retry(&p, rc));
	return lookup_result(&p, rc);
}

/* --- reading links --- */

/* As much of a text as fits: its length. */
static int64_t put_text(uint64_t to, uint64_t capacity, const char *text)
{
	uint64_t len = strnlen(text, capacity);
	if (put_user(to, text, len) < 0)
		return -EFAULT;
	return (int64_t)len;
}

static int64_t put_link(uint64_t to, uint64_t capacity, const char *synthetic)
{
	char target[PATH_MAX];
	if (proc_link(synthetic, target))
		return put_text(to, capacity, target);
	return proc_descriptor(synthetic) >= 0 ? -ENOENT : -EINVAL;
}

static int64_t readlink_here(const struct resolved_path *p, uint64_t to, uint64_t capacity)
{
	if (p->proc[0])
		return put_link(to, capacity, p->proc);
	return mote_readlink(mote_area(), p->base, p->rest, rest_len(p),
			     p->resolve & MOTE_RESOLVE_IN_ROOT, (void *)to, capacity);
}

int64_t sys_readlinkat(int dirfd, uint64_t path, uint64_t to, uint64_t capacity)
{
	struct resolved_path p;
	if (capacity == 0 || capacity > INT32_MAX)
		return -EINVAL;
	const uint32_t empty = dirfd == AT_FDCWD ? 0 : AT_EMPTY_PATH;
	int64_t rc = lookup_with_flags(&p, dirfd, path, AT_SYMLINK_NOFOLLOW | empty);
	const bool itself = rc == 0 && p.own >= 0 && p.is_descriptor;
	if (rc == 0 && p.own >= 0)
		rc = lookup_link(&p);
	if (rc < 0)
		return rc;
	do
		rc = readlink_here(&p, to, capacity);
	while (lookup_retry(&p, rc));
	rc = lookup_result(&p, rc);
	return itself && rc == -EINVAL ? -ENOENT : rc;
}

/* --- handles --- */

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

/* A capability that no container has, for handles that there are none of. */
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

/* --- attributes --- */

int64_t sys_fchmod(int fd, uint32_t mode)
{
	return mote_fchmod(mote_area(), fd, mode);
}

static int64_t chmod_here(const struct resolved_path *p, uint32_t mode)
{
	if (p->own >= 0)
		return sys_fchmod(p->own, mode);
	if (p->proc[0])
		return -EPERM;
	return mote_chmod(mote_area(), p->base, p->rest, rest_len(p), p->resolve, mode);
}

int64_t sys_fchmodat(int dirfd, uint64_t path, uint32_t mode)
{
	struct resolved_path p;
	int64_t rc = lookup_user(&p, dirfd, path, LOOKUP_FILE);
	if (rc < 0)
		return rc;
	do
		rc = chmod_here(&p, mode);
	while (lookup_retry(&p, rc));
	return lookup_result(&p, rc);
}

int64_t sys_fchown(int fd, uint32_t uid, uint32_t gid)
{
	return mote_fchown(mote_area(), fd, uid, gid);
}

static int64_t chown_here(const struct resolved_path *p, uint32_t uid, uint32_t gid)
{
	if (p->own >= 0)
		return sys_fchown(p->own, uid, gid);
	if (p->proc[0])
		return -EPERM;
	return mote_chown(mote_area(), p->base, p->rest, rest_len(p), p->resolve, uid, gid);
}

int64_t sys_fchownat(int dirfd, uint64_t path, uint32_t uid, uint32_t gid, uint32_t flags)
{
	struct resolved_path p;
	int64_t rc = lookup_with_flags(&p, dirfd, path, flags);
	if (rc < 0)
		return rc;
	do
		rc = chown_here(&p, uid, gid);
	while (lookup_retry(&p, rc));
	return lookup_result(&p, rc);
}

static int64_t utimens_here(const struct resolved_path *p, const struct mote_time times[2])
{
	if (p->own >= 0)
		return mote_futimens(mote_area(), p->own, &times[0], &times[1]);
	if (p->proc[0])
		return -EPERM;
	return mote_utimens(mote_area(), p->base, p->rest, rest_len(p), p->resolve, &times[0],
			    &times[1]);
}

int64_t path_set_times(int32_t dirfd, uint64_t path, const struct mote_time times[2],
		       uint32_t flags)
{
	struct resolved_path p;
	if (!path)
		return mote_futimens(mote_area(), dirfd, &times[0], &times[1]);
	int64_t rc = lookup_with_flags(&p, dirfd, path, flags);
	if (rc < 0)
		return rc;
	do
		rc = utimens_here(&p, times);
	while (lookup_retry(&p, rc));
	return lookup_result(&p, rc);
}

int64_t sys_utimensat(int dirfd, uint64_t path, uint64_t times, uint32_t flags)
{
	struct mote_time t[2] = {{.nsec = UTIME_NOW}, {.nsec = UTIME_NOW}};
	if (times && get_user(t, times, sizeof(t)) < 0)
		return -EFAULT;
	return path_set_times(dirfd, path, t, flags);
}

int64_t sys_umask(uint32_t mask)
{
	uint32_t before = process.umask;
	process.umask = mask & (S_IRWXU | S_IRWXG | S_IRWXO);
	return before;
}
