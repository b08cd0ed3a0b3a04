/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on paths: opening, making, moving, removing, and who may. */
#include "guest/linux/syscall.h"

/*
 * What /dev/stdout and /proc/self/fd name: a duplicate, which for pipes, terminals and sockets is
 * what Linux makes of it. A file keeps the offset and the access that it was opened with.
 */
static int64_t open_own(int32_t fd)
{
	int64_t rc = descriptor_copied(fd, mote_dup(L.area, fd, 0));
	return rc == -E_BADF ? -E_NOENT : rc;
}

static int64_t open_place(struct place *p, uint32_t flags, uint32_t mode)
{
	enum { ACCESS_MODE = 3 };
	char name[PATH_MAX_BYTES];
	int64_t rc;
	if (p->own >= 0)
		return open_own(p->own);
	if ((flags & O_TMPFILE_) == O_TMPFILE_)
		return -E_NOTSUP;
	flags &= ~(uint32_t)O_PATH_;
	do
		rc = mote_open(L.area, p->base, p->rest, strlen(p->rest), p->resolve, flags,
			       mode & ~L.umask);
	while (place_again(p, rc));
	if (rc >= 0 && !(flags & (ACCESS_MODE | O_CREAT_)) && place_name(p, name))
		descriptor_named((int32_t)rc, name);
	return descriptor_close_on_exec(outside(rc), flags & O_CLOEXEC_);
}

int64_t open_at(int32_t dirfd, uint64_t path, uint32_t flags, uint32_t mode)
{
	struct place p;
	int64_t rc = place_of(&p, dirfd, path, flags & O_NOFOLLOW_);
	return rc < 0 ? rc : open_place(&p, flags, mode);
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

/* openat2 with a resolution of its own: the directory's descriptor takes the place of the root. */
static int64_t open_resolved(int32_t dirfd, uint64_t path, const uint64_t how[3])
{
	static char rest[PATH_MAX_BYTES];
	enum { BENEATH = 8, IN_ROOT = 0x10 };
	static const char here[] = ".";
	int64_t dir = dirfd, len = get_path(rest, path);
	if (len <= 0)
		return len < 0 ? len : -E_NOENT;
	if (dirfd == AT_FDCWD_) {
		struct place p;
		memcpy(p.path, here, sizeof(here));
		dir = place_here(&p);
		if (dir >= 0)
			dir = mote_open(L.area, p.base, p.rest, strlen(p.rest), p.resolve,
					O_DIRECTORY_, 0);
	}
	if (dir < 0)
		return dir;
	uint32_t resolve = how[2] & IN_ROOT ? MOTE_RESOLVE_IN_ROOT : MOTE_RESOLVE_BENEATH;
	int64_t rc = mote_open(L.area, (int32_t)dir, rest, (uint64_t)len,
			       resolve | (how[0] & O_NOFOLLOW_ ? MOTE_RESOLVE_NOFOLLOW : 0),
			       (uint32_t)how[0] & ~(uint32_t)O_PATH_, (uint32_t)how[1] & ~L.umask);
	if (dirfd == AT_FDCWD_)
		(void)mote_close(L.area, (int32_t)dir);
	return rc;
}

SYSCALL(openat2)
{
	enum { NO_MAGICLINKS = 2, BENEATH = 8, IN_ROOT = 0x10, KNOWN = 0x3f };
	uint64_t how[3]; /* flags, mode, resolve */
	if (s->d != sizeof(how))
		return s->d < sizeof(how) ? -E_INVAL : -E_2BIG;
	if (get_user(how, s->c, sizeof(how)) < 0)
		return -E_FAULT;
	if ((how[0] | how[1]) >> 32 || (how[2] & ~(uint64_t)KNOWN) ||
	    (how[2] & (BENEATH | IN_ROOT)) == (BENEATH | IN_ROOT))
		return -E_INVAL;
	if (how[2] & ~(uint64_t)(NO_MAGICLINKS | BENEATH | IN_ROOT)) {
		lib_log("openat2: resolve flags %lx are not implemented", how[2]);
		return -E_NOSYS;
	}
	if (how[2] & (BENEATH | IN_ROOT))
		return open_resolved((int32_t)s->a, s->b, how);
	return open_at((int32_t)s->a, s->b, (uint32_t)how[0], (uint32_t)how[1]);
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

/* An open descriptor's own file, by its mode bits: the host is asked by path only. */
static int64_t access_of(int32_t fd, uint32_t mode)
{
	struct mote_stat st;
	int64_t rc = mote_fstat(L.area, fd, &st);
	if (rc < 0 || mode == 0)
		return rc;
	uint32_t bits = st.uid == L.boot->uid	? st.mode >> 6
			: st.gid == L.boot->gid ? st.mode >> 3
						: st.mode;
	if (L.boot->uid == 0)
		bits = 6 | ((st.mode & 0111) || (st.mode & 0170000) == 0040000 ? 1 : 0);
	return mode & ~bits & 7 ? -E_ACCES : 0;
}

static int64_t access_at(int32_t dirfd, uint64_t path, uint32_t mode, uint32_t flags)
{
	struct place p;
	char first;
	if (mode > 7 || (flags & ~(uint32_t)(AT_EACCESS_ | AT_SYMLINK_NOFOLLOW_ | AT_EMPTY_PATH_)))
		return -E_INVAL;
	if ((flags & AT_EMPTY_PATH_) && dirfd != AT_FDCWD_) {
		if (get_user(&first, path, 1) < 0)
			return -E_FAULT;
		if (!first)
			return access_of(dirfd, mode);
	}
	int64_t rc = place_of(&p, dirfd, path, flags & AT_SYMLINK_NOFOLLOW_);
	if (rc < 0)
		return rc;
	if (p.own >= 0)
		return access_of(p.own, mode);
	do
		rc = mote_access(L.area, p.base, p.rest, strlen(p.rest), p.resolve, mode);
	while (place_again(&p, rc));
	return outside(rc);
}

SYSCALL(access)
{
	return access_at(AT_FDCWD_, s->a, (uint32_t)s->b, 0);
}

SYSCALL(faccessat)
{
	return access_at((int32_t)s->a, s->b, (uint32_t)s->c, 0);
}

SYSCALL(faccessat2)
{
	return access_at((int32_t)s->a, s->b, (uint32_t)s->c, (uint32_t)s->d);
}

static int64_t mkdir_at(int32_t dirfd, uint64_t path, uint32_t mode)
{
	struct place p;
	int64_t rc = place_of(&p, dirfd, path, false);
	if (rc < 0)
		return rc;
	do
		rc = mote_mkdir(L.area, p.base, p.rest, strlen(p.rest), p.resolve, mode & ~L.umask);
	while (place_again(&p, rc));
	return outside(rc);
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
	int64_t rc = place_of(&p, dirfd, path, true);
	if (rc < 0)
		return rc;
	do
		rc = mote_unlink(L.area, p.base, p.rest, strlen(p.rest), p.resolve & 1, flags);
	while (place_again(&p, rc));
	return outside(rc);
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

static int64_t two_places(struct place *p, int32_t from_dir, uint64_t from, struct place *q,
			  int32_t to_dir, uint64_t to)
{
	int64_t rc = place_of(p, from_dir, from, true);
	if (rc == 0)
		rc = place_of(q, to_dir, to, true);
	return rc;
}

/* How both of two paths are resolved. From their roots they cannot leave: there -E_XDEV means
 * another device. */
static uint32_t resolve_both(const struct place *p, const struct place *q)
{
	return p->resolve & q->resolve & MOTE_RESOLVE_IN_ROOT;
}

static int64_t outside_both(const struct place *p, const struct place *q, int64_t rc)
{
	return resolve_both(p, q) ? rc : outside(rc);
}

static int64_t rename_at(int32_t from_dir, uint64_t from, int32_t to_dir, uint64_t to,
			 uint32_t flags)
{
	struct place p, q;
	int64_t rc = two_places(&p, from_dir, from, &q, to_dir, to);
	if (rc < 0)
		return rc;
	do
		rc = mote_rename(L.area, p.base, p.rest, strlen(p.rest), q.base, q.rest,
				 strlen(q.rest), resolve_both(&p, &q), flags);
	while (places_again(&p, &q, rc));
	return outside_both(&p, &q, rc);
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

static int64_t link_at(int32_t from_dir, uint64_t from, int32_t to_dir, uint64_t to, uint32_t flags)
{
	struct place p, q;
	struct mote_stat st;
	if (flags & ~(uint32_t)AT_SYMLINK_FOLLOW_)
		return -E_INVAL;
	/* The host's link is of the name itself, which is the same unless it is a symlink. */
	if ((flags & AT_SYMLINK_FOLLOW_) &&
	    stat_at(from_dir, from, AT_SYMLINK_NOFOLLOW_, &st) == 0 &&
	    (st.mode & 0170000) == 0120000)
		return -E_NOTSUP;
	int64_t rc = two_places(&p, from_dir, from, &q, to_dir, to);
	if (rc < 0)
		return rc;
	do
		rc = mote_link(L.area, p.base, p.rest, strlen(p.rest), q.base, q.rest,
			       strlen(q.rest), resolve_both(&p, &q));
	while (places_again(&p, &q, rc));
	return outside_both(&p, &q, rc);
}

SYSCALL(link)
{
	return link_at(AT_FDCWD_, s->a, AT_FDCWD_, s->b, 0);
}

SYSCALL(linkat)
{
	return link_at((int32_t)s->a, s->b, (int32_t)s->c, s->d, (uint32_t)s->e);
}

static int64_t symlink_at(uint64_t target, int32_t dirfd, uint64_t path)
{
	static char text[PATH_MAX_BYTES];
	struct place p;
	int64_t len = get_path(text, target), rc = place_of(&p, dirfd, path, true);
	if (len < 0 || rc < 0)
		return len < 0 ? len : rc;
	do
		rc = mote_symlink(L.area, text, (uint64_t)len, p.base, p.rest, strlen(p.rest),
				  p.resolve & 1);
	while (place_again(&p, rc));
	return outside(rc);
}

SYSCALL(symlink)
{
	return symlink_at(s->a, AT_FDCWD_, s->b);
}

SYSCALL(symlinkat)
{
	return symlink_at(s->a, (int32_t)s->b, s->c);
}

static int64_t put_text(uint64_t to, uint64_t room, const char *text)
{
	uint64_t len = strlen(text);
	if (len > room)
		len = room;
	return put_user(to, text, len) < 0 ? -E_FAULT : (int64_t)len;
}

/* The program's own name, absolute whatever it was called by: glibc's start-up insists on it. */
static int64_t put_own_name(uint64_t to, uint64_t room)
{
	static char name[PATH_MAX_BYTES];
	const char *called = boot_string(L.boot->payload_path);
	while (called[0] == '.' && called[1] == '/')
		called += 2;
	name[0] = '/';
	size_t len = strnlen(called, sizeof(name) - 2), at = called[0] != '/';
	memcpy(name + at, called, len);
	name[at + len] = '\0';
	return put_text(to, room, name);
}

static int64_t readlink_at(int32_t dirfd, uint64_t path, uint64_t to, uint64_t room)
{
	struct place p;
	int64_t rc = place_of(&p, dirfd, path, true);
	if (room == 0 || room > INT32_MAX)
		return -E_INVAL;
	if (strcmp(p.path, "/proc/self/exe") ==
	    0) /* though there may be no directory to find it in */
		return put_own_name(to, room);
	if (rc < 0)
		return rc;
	if (p.own >= 0)
		return descriptor_name(p.own) ? put_text(to, room, descriptor_name(p.own))
					      : -E_NOENT;
	do
		rc = mote_readlink(L.area, p.base, p.rest, strlen(p.rest), p.resolve & 1,
				   (void *)to, room);
	while (place_again(&p, rc));
	return outside(rc);
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
	int64_t rc = place_of(&p, dirfd, path, false);
	if (rc < 0)
		return rc;
	do
		rc = mote_chmod(L.area, p.base, p.rest, strlen(p.rest), p.resolve, mode);
	while (place_again(&p, rc));
	return outside(rc);
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
	int64_t rc = place_of(&p, dirfd, path, flags & AT_SYMLINK_NOFOLLOW_);
	if (rc < 0)
		return rc;
	do
		rc = mote_chown(L.area, p.base, p.rest, strlen(p.rest), p.resolve, uid, gid);
	while (place_again(&p, rc));
	return outside(rc);
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
	int64_t rc = place_of(&p, dirfd, path, flags & AT_SYMLINK_NOFOLLOW_);
	if (rc < 0)
		return rc;
	do
		rc = mote_utimens(L.area, p.base, p.rest, strlen(p.rest), p.resolve, &t[0], &t[1]);
	while (place_again(&p, rc));
	return outside(rc);
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
