/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on what is noted of a path's file: what its mode allows, and changes of that. */
#include "guest/linux/fs/attributes.h"

#include "guest/linux/fs/lookup.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

/* From <unistd.h> and <sys/stat.h>; the kernel's headers for programs have none of them. */
enum { R_OK = 4, W_OK = 2, X_OK = 1, UTIME_NOW = (1 << 30) - 1 };

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
	if ((mode & W_OK) && proc_change_error(path) == -EROFS)
		return -EROFS;
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

/* --- mode, owner, times --- */

int64_t sys_fchmod(int fd, uint32_t mode)
{
	return mote_fchmod(mote_area(), fd, mode);
}

static int64_t chmod_here(const struct resolved_path *p, uint32_t mode)
{
	if (p->own >= 0)
		return sys_fchmod(p->own, mode);
	if (p->proc[0])
		return proc_change_error(p->proc);
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
		return proc_change_error(p->proc);
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
		return proc_change_error(p->proc);
	return mote_utimens(mote_area(), p->base, p->rest, rest_len(p), p->resolve, &times[0],
			    &times[1]);
}

int64_t attributes_set_times(int32_t dirfd, uint64_t path, const struct mote_time times[2],
			     uint32_t flags)
{
	struct resolved_path p;
	if (!path && dirfd == AT_FDCWD)
		return flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) ? -EINVAL : -EFAULT;
	if (!path && flags)
		return -EINVAL;
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
	return attributes_set_times(dirfd, path, t, flags);
}

int64_t sys_umask(uint32_t mask)
{
	uint32_t before = process.umask;
	process.umask = mask & (S_IRWXU | S_IRWXG | S_IRWXO);
	return before;
}
