/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on paths: opening, making, moving, removing, and who may. */
#include "guest/linux/syscall.h"

int64_t open_at(int32_t dirfd, uint64_t path, uint32_t flags, uint32_t mode)
{
	struct place p;
	int64_t rc = place_of(dirfd, path, flags & O_NOFOLLOW_, &p);
	if (rc < 0)
		return rc;
	if (flags & O_TMPFILE_)
		return -E_NOTSUP;
	flags &= ~(uint32_t)O_PATH_;
	rc = outside(mote_open(L.area, p.base, p.rest, strlen(p.rest), p.resolve, flags, mode & ~L.umask));
	if (rc >= 0) /* getdents64 of a descriptor that is used anew begins anew */
		directory_seek((int32_t)rc, 0);
	return rc;
}

SYSCALL(open)
{
	return open_at(AT_FDCWD_, s->a, (uint32_t)s->b, (uint32_t)s->c);
}

SYSCALL(creat)
{
	return open_at(AT_FDCWD_, s->a, 01101, (uint32_t)s->b);
}

SYSCALL(openat)
{
	return open_at((int32_t)s->a, s->b, (uint32_t)s->c, (uint32_t)s->d);
}

SYSCALL(truncate)
{
	int64_t fd = open_at(AT_FDCWD_, s->a, 1, 0);
	if (fd < 0)
		return fd;
	int64_t rc = mote_ftruncate(L.area, (int32_t)fd, s->b);
	mote_close(L.area, (int32_t)fd);
	return rc;
}

static int64_t access_at(int32_t dirfd, uint64_t path, uint32_t mode)
{
	struct place p;
	int64_t rc = place_of(dirfd, path, false, &p);
	return rc < 0 ? rc : outside(mote_access(L.area, p.base, p.rest, strlen(p.rest), p.resolve, mode));
}

SYSCALL(access)
{
	return access_at(AT_FDCWD_, s->a, (uint32_t)s->b);
}

SYSCALL(faccessat)
{
	return access_at((int32_t)s->a, s->b, (uint32_t)s->c);
}

static int64_t mkdir_at(int32_t dirfd, uint64_t path, uint32_t mode)
{
	struct place p;
	int64_t rc = place_of(dirfd, path, false, &p);
	return rc < 0 ? rc : outside(mote_mkdir(L.area, p.base, p.rest, strlen(p.rest), p.resolve, mode & ~L.umask));
}

SYSCALL(mkdir)
{
	return mkdir_at(AT_FDCWD_, s->a, (uint32_t)s->b);
}

SYSCALL(mkdirat)
{
	return mkdir_at((int32_t)s->a, s->b, (uint32_t)s->c);
}

static int64_t unlink_at(int32_t dirfd, uint64_t path, uint32_t flags)
{
	struct place p;
	int64_t rc = place_of(dirfd, path, true, &p);
	return rc < 0 ? rc : outside(mote_unlink(L.area, p.base, p.rest, strlen(p.rest), p.resolve & 1, flags));
}

SYSCALL(unlink)
{
	return unlink_at(AT_FDCWD_, s->a, 0);
}

SYSCALL(rmdir)
{
	return unlink_at(AT_FDCWD_, s->a, AT_REMOVEDIR_);
}

SYSCALL(unlinkat)
{
	return unlink_at((int32_t)s->a, s->b, (uint32_t)s->c);
}

static int64_t rename_at(int32_t from_dir, uint64_t from, int32_t to_dir, uint64_t to, uint32_t flags)
{
	struct place p, q;
	int64_t rc = two_places(from_dir, from, to_dir, to, &p, &q);
	return rc < 0 ? rc : outside(mote_rename(L.area, p.base, p.rest, strlen(p.rest), q.base, q.rest, strlen(q.rest),
						 p.resolve & q.resolve & 1, flags));
}

SYSCALL(rename)
{
	return rename_at(AT_FDCWD_, s->a, AT_FDCWD_, s->b, 0);
}

SYSCALL(renameat)
{
	return rename_at((int32_t)s->a, s->b, (int32_t)s->c, s->d, 0);
}

SYSCALL(renameat2)
{
	return rename_at((int32_t)s->a, s->b, (int32_t)s->c, s->d, (uint32_t)s->e);
}

static int64_t link_at(int32_t from_dir, uint64_t from, int32_t to_dir, uint64_t to)
{
	struct place p, q;
	int64_t rc = two_places(from_dir, from, to_dir, to, &p, &q);
	return rc < 0 ? rc : outside(mote_link(L.area, p.base, p.rest, strlen(p.rest), q.base, q.rest, strlen(q.rest),
					       p.resolve & q.resolve & 1));
}

SYSCALL(link)
{
	return link_at(AT_FDCWD_, s->a, AT_FDCWD_, s->b);
}

SYSCALL(linkat)
{
	return link_at((int32_t)s->a, s->b, (int32_t)s->c, s->d);
}

static int64_t symlink_at(uint64_t target, int32_t dirfd, uint64_t path)
{
	struct place p;
	int64_t len = get_path(path_b, target), rc = place_of(dirfd, path, true, &p);
	if (len < 0 || rc < 0)
		return len < 0 ? len : rc;
	return outside(mote_symlink(L.area, path_b, (uint64_t)len, p.base, p.rest, strlen(p.rest), p.resolve & 1));
}

SYSCALL(symlink)
{
	return symlink_at(s->a, AT_FDCWD_, s->b);
}

SYSCALL(symlinkat)
{
	return symlink_at(s->a, (int32_t)s->b, s->c);
}

static int64_t readlink_at(int32_t dirfd, uint64_t path, uint64_t to, uint64_t room)
{
	struct place p;
	int64_t rc = get_path(path_a, path);
	if (rc < 0)
		return rc;
	if (strcmp(path_a, "/proc/self/exe") == 0) {
		const char *exe = boot_string(L.boot->payload_path);
		uint64_t len = strlen(exe) < room ? strlen(exe) : room;
		return put_user(to, exe, len) < 0 ? -E_FAULT : (int64_t)len;
	}
	rc = place_of(dirfd, path, true, &p);
	return rc < 0 ? rc : outside(mote_readlink(L.area, p.base, p.rest, strlen(p.rest), p.resolve & 1, (void *)to, room));
}

SYSCALL(readlink)
{
	return readlink_at(AT_FDCWD_, s->a, s->b, s->c);
}

SYSCALL(readlinkat)
{
	return readlink_at((int32_t)s->a, s->b, s->c, s->d);
}

static int64_t chmod_at(int32_t dirfd, uint64_t path, uint32_t mode)
{
	struct place p;
	int64_t rc = place_of(dirfd, path, false, &p);
	return rc < 0 ? rc : outside(mote_chmod(L.area, p.base, p.rest, strlen(p.rest), p.resolve, mode));
}

SYSCALL(chmod)
{
	return chmod_at(AT_FDCWD_, s->a, (uint32_t)s->b);
}

SYSCALL(fchmodat)
{
	return chmod_at((int32_t)s->a, s->b, (uint32_t)s->c);
}

SYSCALL(fchmod)
{
	return mote_fchmod(L.area, (int32_t)s->a, (uint32_t)s->b);
}

static int64_t chown_at(int32_t dirfd, uint64_t path, uint32_t uid, uint32_t gid, uint32_t flags)
{
	struct place p;
	int64_t rc = place_of(dirfd, path, flags & AT_SYMLINK_NOFOLLOW_, &p);
	return rc < 0 ? rc : outside(mote_chown(L.area, p.base, p.rest, strlen(p.rest), p.resolve, uid, gid));
}

SYSCALL(chown)
{
	return chown_at(AT_FDCWD_, s->a, (uint32_t)s->b, (uint32_t)s->c, 0);
}

SYSCALL(lchown)
{
	return chown_at(AT_FDCWD_, s->a, (uint32_t)s->b, (uint32_t)s->c, AT_SYMLINK_NOFOLLOW_);
}

SYSCALL(fchownat)
{
	return chown_at((int32_t)s->a, s->b, (uint32_t)s->c, (uint32_t)s->d, (uint32_t)s->e);
}

SYSCALL(fchown)
{
	return mote_fchown(L.area, (int32_t)s->a, (uint32_t)s->b, (uint32_t)s->c);
}

static int64_t set_times(int32_t dirfd, uint64_t path, const struct mote_time t[2], uint32_t flags)
{
	struct place p;
	if (!path)
		return mote_futimens(L.area, dirfd, &t[0], &t[1]);
	int64_t rc = place_of(dirfd, path, flags & AT_SYMLINK_NOFOLLOW_, &p);
	return rc < 0 ? rc : outside(mote_utimens(L.area, p.base, p.rest, strlen(p.rest), p.resolve, &t[0], &t[1]));
}

SYSCALL(utimensat)
{
	struct mote_time t[2] = {{.nsec = 0x3fffffff}, {.nsec = 0x3fffffff}}; /* UTIME_NOW */
	if (s->c && get_user(t, s->c, sizeof(t)) < 0)
		return -E_FAULT;
	return set_times((int32_t)s->a, s->b, t, (uint32_t)s->d);
}

SYSCALL(utimes)
{
	struct mote_time t[2] = {{.nsec = 0x3fffffff}, {.nsec = 0x3fffffff}};
	if (s->b) {
		if (get_user(t, s->b, sizeof(t)) < 0)
			return -E_FAULT;
		t[0].nsec *= 1000;
		t[1].nsec *= 1000;
	}
	return set_times(AT_FDCWD_, s->a, t, 0);
}

SYSCALL(umask)
{
	uint32_t before = L.umask;
	L.umask = (uint32_t)s->a & 0777;
	return before;
}
