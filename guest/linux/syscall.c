/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls: a table of handlers by number. Pointers of the program go on to the host as they are, which
 * checks them; what is read or written here goes through user_copy. A call that is not in the table is
 * ENOSYS and one line in the log.
 */
#include "guest/linux/linux.h"

struct args {
	uint64_t a, b, c, d, e, f;
};

#define SYSCALL(name) static int64_t sys_##name(struct mote_context *x, const struct args *s)
#define UNUSED (void)x, (void)s

enum { SMALL_WRITE = 512 }; /* bytes */
enum { AT_SYMLINK_NOFOLLOW_ = 0x100, AT_REMOVEDIR_ = 0x200, AT_SYMLINK_FOLLOW_ = 0x400, AT_EMPTY_PATH_ = 0x1000 };
enum { O_CREAT_ = 0100, O_NOFOLLOW_ = 0400000, O_CLOEXEC_ = 02000000, O_NONBLOCK_ = 04000, O_DIRECTORY_ = 0200000,
       O_PATH_ = 010000000, O_TMPFILE_ = 020000000 };

static char path_a[PATH_MAX_BYTES], path_b[PATH_MAX_BYTES], rest_a[PATH_MAX_BYTES];

/* Where each directory stream stands: the host is asked by cookie. */
enum { DIRS_MAX = 1024 };
static int64_t dir_cookie[DIRS_MAX];

/* A path argument, resolved to a directory that the guest holds. */
struct place {
	int32_t base;
	const char *rest;
	uint32_t resolve;
};

static int64_t place_of(int32_t dirfd, uint64_t path, bool nofollow, struct place *p)
{
	int64_t rc = get_path(path_a, path);
	if (rc < 0)
		return rc;
	p->resolve = nofollow ? MOTE_RESOLVE_NOFOLLOW : 0;
	rc = path_resolve(dirfd, path_a, &p->base, &p->rest, &p->resolve);
	return rc;
}

/* The host says EXDEV where a path leaves its directory; to a program there is nothing beyond. */
static int64_t outside(int64_t rc)
{
	return rc == -E_XDEV ? -E_NOENT : rc;
}

/* --- descriptors --- */

/*
 * Small writes to standard output wait in the area while the host keeps its timer running. The host may
 * write them out and empty the buffer between any two instructions here, so the length is changed only
 * from the value that the bytes were put behind. 0: not for the buffer.
 */
static int64_t buffer_output(struct mote_area *area, uint32_t fd, const struct mote_iovec *v)
{
	uint32_t len;
	do {
		len = __atomic_load_n(&area->output_len, __ATOMIC_ACQUIRE);
		if (!__atomic_load_n(&area->output_armed, __ATOMIC_ACQUIRE) || (len > 0 && area->output_fd != fd) ||
		    len > MOTE_OUTPUT_BYTES || v->len > MOTE_OUTPUT_BYTES - len)
			return 0;
		if (get_user(area->output + len, v->base, v->len) < 0)
			return -E_FAULT;
		area->output_fd = fd;
	} while (!__atomic_compare_exchange_n(&area->output_len, &len, len + (uint32_t)v->len, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	/* The timer may have ended meanwhile: any host call writes out what waits. */
	if (!__atomic_load_n(&area->output_armed, __ATOMIC_ACQUIRE))
		(void)mote_yield(area);
	return (int64_t)v->len;
}

static int64_t write_vectors(int32_t fd, const struct mote_iovec *v, uint64_t count)
{
	if ((fd == 1 || fd == 2) && count == 1 && v->len <= SMALL_WRITE) {
		int64_t rc = buffer_output(L.area, (uint32_t)fd, v);
		if (rc != 0)
			return rc;
	}
	return mote_writev(L.area, fd, v, count);
}

SYSCALL(read)
{
	(void)x;
	struct mote_iovec v = {.base = s->b, .len = s->c};
	return mote_readv(L.area, (int32_t)s->a, &v, 1);
}

SYSCALL(write)
{
	(void)x;
	struct mote_iovec v = {.base = s->b, .len = s->c};
	return write_vectors((int32_t)s->a, &v, 1);
}

SYSCALL(readv)
{
	(void)x;
	return mote_readv(L.area, (int32_t)s->a, (const void *)s->b, s->c);
}

SYSCALL(writev)
{
	(void)x;
	return mote_writev(L.area, (int32_t)s->a, (const void *)s->b, s->c);
}

SYSCALL(pread64)
{
	(void)x;
	struct mote_iovec v = {.base = s->b, .len = s->c};
	return mote_preadv(L.area, (int32_t)s->a, &v, 1, s->d);
}

SYSCALL(pwrite64)
{
	(void)x;
	struct mote_iovec v = {.base = s->b, .len = s->c};
	return mote_pwritev(L.area, (int32_t)s->a, &v, 1, s->d);
}

SYSCALL(preadv)
{
	(void)x;
	return mote_preadv(L.area, (int32_t)s->a, (const void *)s->b, s->c, s->d);
}

SYSCALL(pwritev)
{
	(void)x;
	return mote_pwritev(L.area, (int32_t)s->a, (const void *)s->b, s->c, s->d);
}

static int64_t open_at(int32_t dirfd, uint64_t path, uint32_t flags, uint32_t mode)
{
	struct place p;
	int64_t rc = place_of(dirfd, path, flags & O_NOFOLLOW_, &p);
	if (rc < 0)
		return rc;
	if (flags & O_TMPFILE_)
		return -E_NOTSUP;
	flags &= ~(uint32_t)O_PATH_;
	return outside(mote_open(L.area, p.base, p.rest, strlen(p.rest), p.resolve, flags, mode & ~L.umask));
}

SYSCALL(open)
{
	(void)x;
	return open_at(AT_FDCWD_, s->a, (uint32_t)s->b, (uint32_t)s->c);
}

SYSCALL(creat)
{
	(void)x;
	return open_at(AT_FDCWD_, s->a, 01101, (uint32_t)s->b);
}

SYSCALL(openat)
{
	(void)x;
	return open_at((int32_t)s->a, s->b, (uint32_t)s->c, (uint32_t)s->d);
}

SYSCALL(close)
{
	(void)x;
	return mote_close(L.area, (int32_t)s->a);
}

SYSCALL(lseek)
{
	(void)x;
	int32_t fd = (int32_t)s->a;
	int64_t rc = mote_lseek(L.area, fd, (int64_t)s->b, (uint32_t)s->c);
	if (rc >= 0 && fd >= 0 && fd < DIRS_MAX && (uint32_t)s->c == 0)
		dir_cookie[fd] = rc;
	return rc;
}

struct linux_stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	uint64_t atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	int64_t unused[3];
};

static int64_t put_stat(uint64_t to, const struct mote_stat *m)
{
	struct linux_stat st = {
		.dev = m->dev, .ino = m->ino, .nlink = m->nlink, .mode = m->mode, .uid = m->uid, .gid = m->gid,
		.rdev = m->rdev, .size = (int64_t)m->size, .blksize = (int64_t)m->blksize, .blocks = (int64_t)m->blocks,
		.atime = (uint64_t)m->atim.sec, .atime_ns = (uint64_t)m->atim.nsec,
		.mtime = (uint64_t)m->mtim.sec, .mtime_ns = (uint64_t)m->mtim.nsec,
		.ctime = (uint64_t)m->ctim.sec, .ctime_ns = (uint64_t)m->ctim.nsec,
	};
	return put_user(to, &st, sizeof(st));
}

static int64_t stat_at(int32_t dirfd, uint64_t path, uint32_t flags, struct mote_stat *m)
{
	struct place p;
	char first;
	if (flags & AT_EMPTY_PATH_) {
		if (get_user(&first, path, 1) < 0)
			return -E_FAULT;
		if (!first && dirfd != AT_FDCWD_)
			return mote_fstat(L.area, dirfd, m);
	}
	int64_t rc = place_of(dirfd, path, flags & AT_SYMLINK_NOFOLLOW_, &p);
	return rc < 0 ? rc : outside(mote_stat(L.area, p.base, p.rest, strlen(p.rest), p.resolve, m));
}

SYSCALL(stat)
{
	(void)x;
	struct mote_stat m;
	int64_t rc = stat_at(AT_FDCWD_, s->a, 0, &m);
	return rc < 0 ? rc : put_stat(s->b, &m);
}

SYSCALL(lstat)
{
	(void)x;
	struct mote_stat m;
	int64_t rc = stat_at(AT_FDCWD_, s->a, AT_SYMLINK_NOFOLLOW_, &m);
	return rc < 0 ? rc : put_stat(s->b, &m);
}

SYSCALL(fstat)
{
	(void)x;
	struct mote_stat m;
	int64_t rc = mote_fstat(L.area, (int32_t)s->a, &m);
	return rc < 0 ? rc : put_stat(s->b, &m);
}

SYSCALL(newfstatat)
{
	(void)x;
	struct mote_stat m;
	int64_t rc = stat_at((int32_t)s->a, s->b, (uint32_t)s->d, &m);
	return rc < 0 ? rc : put_stat(s->c, &m);
}

struct statx_time {
	int64_t sec;
	uint32_t nsec;
	int32_t pad;
};

struct linux_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t spare[14];
};
_Static_assert(sizeof(struct linux_statx) == 256, "struct statx");

static uint32_t dev_major(uint64_t d)
{
	return (uint32_t)((d >> 8 & 0xfff) | (d >> 32 & ~0xfffUL));
}

static uint32_t dev_minor(uint64_t d)
{
	return (uint32_t)((d & 0xff) | (d >> 12 & ~0xffUL));
}

static struct statx_time statx_time(struct mote_time t)
{
	return (struct statx_time){.sec = t.sec, .nsec = (uint32_t)t.nsec};
}

SYSCALL(statx)
{
	(void)x;
	struct mote_stat m;
	int64_t rc = stat_at((int32_t)s->a, s->b, (uint32_t)s->c, &m);
	if (rc < 0)
		return rc;
	struct linux_statx st = {
		.mask = 0x7ff, .blksize = (uint32_t)m.blksize, .nlink = (uint32_t)m.nlink, .uid = m.uid, .gid = m.gid,
		.mode = (uint16_t)m.mode, .ino = m.ino, .size = m.size, .blocks = m.blocks,
		.atime = statx_time(m.atim), .ctime = statx_time(m.ctim), .mtime = statx_time(m.mtim),
		.rdev_major = dev_major(m.rdev), .rdev_minor = dev_minor(m.rdev),
		.dev_major = dev_major(m.dev), .dev_minor = dev_minor(m.dev),
	};
	return put_user(s->e, &st, sizeof(st));
}

struct linux_dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

SYSCALL(getdents64)
{
	(void)x;
	static uint8_t buffer[16384] __attribute__((aligned(8))), entry[sizeof(struct linux_dirent64) + 264];
	int32_t fd = (int32_t)s->a;
	uint64_t room = s->c & 0xffffffff, used = 0;
	if (fd < 0 || fd >= DIRS_MAX)
		return -E_BADF;
	int64_t got = mote_readdir(L.area, fd, dir_cookie[fd], buffer, room < sizeof(buffer) ? room : sizeof(buffer));
	if (got <= 0)
		return got;
	for (int64_t at = 0; at < got;) {
		const struct mote_dirent *d = (const void *)(buffer + at);
		uint64_t name = strlen(d->name) + 1, len = (offsetof(struct linux_dirent64, name) + name + 7) & ~7UL;
		struct linux_dirent64 *e = (void *)entry;
		if (len > room - used)
			break;
		memset(entry, 0, sizeof(entry));
		e->ino = d->ino;
		e->off = d->cookie;
		e->reclen = (uint16_t)len;
		e->type = d->type;
		memcpy(e->name, d->name, name);
		if (put_user(s->b + used, entry, len) < 0)
			return -E_FAULT;
		used += len;
		dir_cookie[fd] = d->cookie;
		at += d->reclen;
	}
	return used ? (int64_t)used : -E_INVAL;
}

static int64_t dup_from(int32_t fd, uint32_t at_least)
{
	return mote_dup(L.area, fd, at_least);
}

SYSCALL(dup)
{
	(void)x;
	return dup_from((int32_t)s->a, 0);
}

SYSCALL(dup2)
{
	(void)x;
	return mote_dup_to(L.area, (int32_t)s->a, (int32_t)s->b);
}

SYSCALL(dup3)
{
	(void)x;
	return s->a == s->b ? -E_INVAL : mote_dup_to(L.area, (int32_t)s->a, (int32_t)s->b);
}

SYSCALL(fcntl)
{
	(void)x;
	int32_t fd = (int32_t)s->a;
	int64_t flags;
	switch ((uint32_t)s->b) {
	case 0:	   /* F_DUPFD */
	case 1030: /* F_DUPFD_CLOEXEC */
		return dup_from(fd, (uint32_t)s->c);
	case 1: /* F_GETFD */
	case 2: /* F_SETFD: nothing is ever executed */
		flags = mote_get_flags(L.area, fd);
		return flags < 0 ? flags : s->b == 1 ? 1 : 0;
	case 3: /* F_GETFL */
		return mote_get_flags(L.area, fd);
	case 4: /* F_SETFL */
		return mote_set_flags(L.area, fd, (uint32_t)s->c & 06000);
	case 5: /* F_GETLK: no other process is there; F_UNLCK says so */
		flags = mote_get_flags(L.area, fd);
		return flags < 0 ? flags : put_user(s->c, &(const int16_t){2}, sizeof(int16_t));
	case 6: /* F_SETLK */
	case 7: /* F_SETLKW */
		flags = mote_get_flags(L.area, fd);
		return flags < 0 ? flags : 0;
	default:
		return -E_INVAL;
	}
}

SYSCALL(pipe2)
{
	(void)x;
	return mote_pipe(L.area, (void *)s->a, 8, (uint32_t)s->b & O_NONBLOCK_);
}

SYSCALL(pipe)
{
	(void)x;
	return mote_pipe(L.area, (void *)s->a, 8, 0);
}

SYSCALL(ioctl)
{
	(void)x;
	struct mote_area *area = L.area;
	int32_t fd = (int32_t)s->a;
	struct mote_termios t;
	int64_t rc;
	int32_t value;
	switch ((uint32_t)s->b) {
	case 0x5401: /* TCGETS */
		rc = mote_tty_get(area, fd, &t);
		return rc < 0 ? rc : put_user(s->c, &t, 36);
	case 0x5402:
	case 0x5403:
	case 0x5404: /* TCSETS, TCSETSW, TCSETSF */
		if (get_user(&t, s->c, 36) < 0)
			return -E_FAULT;
		return mote_tty_set(area, fd, (uint32_t)s->b - 0x5402, &t);
	case 0x5413: /* TIOCGWINSZ */
		return mote_tty_size(area, fd, (void *)s->c);
	case 0x541b: /* FIONREAD */
		rc = mote_readable_bytes(area, fd);
		value = (int32_t)rc;
		return rc < 0 ? rc : put_user(s->c, &value, sizeof(value));
	case 0x5421: /* FIONBIO */
		if (get_user(&value, s->c, sizeof(value)) < 0)
			return -E_FAULT;
		rc = mote_get_flags(area, fd);
		if (rc < 0)
			return rc;
		return mote_set_flags(area, fd, value ? (uint32_t)rc | O_NONBLOCK_ : (uint32_t)rc & ~(uint32_t)O_NONBLOCK_);
	case 0x540f: /* TIOCGPGRP */
		value = (int32_t)L.boot->pid;
		return put_user(s->c, &value, sizeof(value));
	case 0x5410: /* TIOCSPGRP */
		return 0;
	default:
		return -E_NOTTY;
	}
}

SYSCALL(ftruncate)
{
	(void)x;
	return mote_ftruncate(L.area, (int32_t)s->a, s->b);
}

SYSCALL(truncate)
{
	(void)x;
	int64_t fd = open_at(AT_FDCWD_, s->a, 1, 0);
	if (fd < 0)
		return fd;
	int64_t rc = mote_ftruncate(L.area, (int32_t)fd, s->b);
	mote_close(L.area, (int32_t)fd);
	return rc;
}

SYSCALL(fsync)
{
	(void)x;
	return mote_fsync(L.area, (int32_t)s->a, 0);
}

SYSCALL(fdatasync)
{
	(void)x;
	return mote_fsync(L.area, (int32_t)s->a, 1);
}

SYSCALL(fallocate)
{
	(void)x;
	return mote_fallocate(L.area, (int32_t)s->a, (uint32_t)s->b, s->c, s->d);
}

SYSCALL(fadvise64)
{
	(void)x;
	return mote_fadvise(L.area, (int32_t)s->a, s->b, s->c, (uint32_t)s->d);
}

SYSCALL(flock)
{
	(void)x;
	return mote_flock(L.area, (int32_t)s->a, (uint32_t)s->b);
}

static int64_t copy_between(int32_t out, int32_t in, uint64_t offset_at, uint64_t out_offset_at, uint64_t count)
{
	static uint8_t buffer[65536];
	uint64_t done = 0, in_at = 0, out_at = 0;
	if ((offset_at && get_user(&in_at, offset_at, 8) < 0) || (out_offset_at && get_user(&out_at, out_offset_at, 8) < 0))
		return -E_FAULT;
	while (done < count) {
		struct mote_iovec v = {.base = (uint64_t)buffer, .len = count - done < sizeof(buffer) ? count - done : sizeof(buffer)};
		int64_t n = offset_at ? mote_preadv(L.area, in, &v, 1, in_at + done) : mote_readv(L.area, in, &v, 1);
		if (n < 0)
			return done ? (int64_t)done : n;
		if (n == 0)
			break;
		for (int64_t sent = 0; sent < n;) {
			struct mote_iovec w = {.base = (uint64_t)buffer + (uint64_t)sent, .len = (uint64_t)(n - sent)};
			int64_t m = out_offset_at ? mote_pwritev(L.area, out, &w, 1, out_at + done + (uint64_t)sent)
						  : mote_writev(L.area, out, &w, 1);
			if (m < 0)
				return done ? (int64_t)done : m;
			sent += m;
		}
		done += (uint64_t)n;
		if ((uint64_t)n < v.len)
			break;
	}
	in_at += done;
	out_at += done;
	if ((offset_at && put_user(offset_at, &in_at, 8) < 0) || (out_offset_at && put_user(out_offset_at, &out_at, 8) < 0))
		return -E_FAULT;
	return (int64_t)done;
}

SYSCALL(sendfile)
{
	(void)x;
	return copy_between((int32_t)s->a, (int32_t)s->b, s->c, 0, s->d);
}

SYSCALL(copy_file_range)
{
	(void)x;
	return copy_between((int32_t)s->c, (int32_t)s->a, s->b, s->d, s->e);
}

/* --- paths --- */

static int64_t access_at(int32_t dirfd, uint64_t path, uint32_t mode)
{
	struct place p;
	int64_t rc = place_of(dirfd, path, false, &p);
	return rc < 0 ? rc : outside(mote_access(L.area, p.base, p.rest, strlen(p.rest), p.resolve, mode));
}

SYSCALL(access)
{
	(void)x;
	return access_at(AT_FDCWD_, s->a, (uint32_t)s->b);
}

SYSCALL(faccessat)
{
	(void)x;
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
	(void)x;
	return mkdir_at(AT_FDCWD_, s->a, (uint32_t)s->b);
}

SYSCALL(mkdirat)
{
	(void)x;
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
	(void)x;
	return unlink_at(AT_FDCWD_, s->a, 0);
}

SYSCALL(rmdir)
{
	(void)x;
	return unlink_at(AT_FDCWD_, s->a, AT_REMOVEDIR_);
}

SYSCALL(unlinkat)
{
	(void)x;
	return unlink_at((int32_t)s->a, s->b, (uint32_t)s->c);
}

/* Two paths: the first one's rest is kept while the second is resolved. */
static int64_t two_places(int32_t from_dir, uint64_t from, int32_t to_dir, uint64_t to, struct place *p, struct place *q)
{
	int64_t rc = place_of(from_dir, from, true, p);
	if (rc < 0)
		return rc;
	memcpy(rest_a, p->rest, strlen(p->rest) + 1);
	p->rest = rest_a;
	rc = get_path(path_b, to);
	if (rc < 0)
		return rc;
	q->resolve = 0;
	return path_resolve(to_dir, path_b, &q->base, &q->rest, &q->resolve);
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
	(void)x;
	return rename_at(AT_FDCWD_, s->a, AT_FDCWD_, s->b, 0);
}

SYSCALL(renameat)
{
	(void)x;
	return rename_at((int32_t)s->a, s->b, (int32_t)s->c, s->d, 0);
}

SYSCALL(renameat2)
{
	(void)x;
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
	(void)x;
	return link_at(AT_FDCWD_, s->a, AT_FDCWD_, s->b);
}

SYSCALL(linkat)
{
	(void)x;
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
	(void)x;
	return symlink_at(s->a, AT_FDCWD_, s->b);
}

SYSCALL(symlinkat)
{
	(void)x;
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
	(void)x;
	return readlink_at(AT_FDCWD_, s->a, s->b, s->c);
}

SYSCALL(readlinkat)
{
	(void)x;
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
	(void)x;
	return chmod_at(AT_FDCWD_, s->a, (uint32_t)s->b);
}

SYSCALL(fchmodat)
{
	(void)x;
	return chmod_at((int32_t)s->a, s->b, (uint32_t)s->c);
}

SYSCALL(fchmod)
{
	(void)x;
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
	(void)x;
	return chown_at(AT_FDCWD_, s->a, (uint32_t)s->b, (uint32_t)s->c, 0);
}

SYSCALL(lchown)
{
	(void)x;
	return chown_at(AT_FDCWD_, s->a, (uint32_t)s->b, (uint32_t)s->c, AT_SYMLINK_NOFOLLOW_);
}

SYSCALL(fchownat)
{
	(void)x;
	return chown_at((int32_t)s->a, s->b, (uint32_t)s->c, (uint32_t)s->d, (uint32_t)s->e);
}

SYSCALL(fchown)
{
	(void)x;
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
	(void)x;
	struct mote_time t[2] = {{.nsec = 0x3fffffff}, {.nsec = 0x3fffffff}}; /* UTIME_NOW */
	if (s->c && get_user(t, s->c, sizeof(t)) < 0)
		return -E_FAULT;
	return set_times((int32_t)s->a, s->b, t, (uint32_t)s->d);
}

SYSCALL(utimes)
{
	(void)x;
	struct mote_time t[2] = {{.nsec = 0x3fffffff}, {.nsec = 0x3fffffff}};
	if (s->b) {
		if (get_user(t, s->b, sizeof(t)) < 0)
			return -E_FAULT;
		t[0].nsec *= 1000;
		t[1].nsec *= 1000;
	}
	return set_times(AT_FDCWD_, s->a, t, 0);
}

SYSCALL(getcwd)
{
	(void)x;
	uint64_t len = strlen(L.cwd) + 1;
	if (len > s->b)
		return -E_RANGE;
	return put_user(s->a, L.cwd, len) < 0 ? -E_FAULT : (int64_t)len;
}

/* Takes "." and ".." and doubled slashes out of an absolute path, in place. */
static void normalise(char *path)
{
	char *to = path;
	for (const char *at = path; *at;) {
		while (*at == '/')
			at++;
		size_t n = 0;
		while (at[n] && at[n] != '/')
			n++;
		if (n == 2 && at[0] == '.' && at[1] == '.') {
			while (to > path && *--to != '/')
				;
		} else if (n > 0 && !(n == 1 && at[0] == '.')) {
			*to++ = '/';
			memmove(to, at, n);
			to += n;
		}
		at += n;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

SYSCALL(chdir)
{
	(void)x;
	static char next[PATH_MAX_BYTES];
	struct mote_stat m;
	int64_t rc = stat_at(AT_FDCWD_, s->a, 0, &m);
	if (rc < 0)
		return rc;
	if ((m.mode & 0170000) != 0040000)
		return -E_NOTDIR;
	rc = get_path(path_b, s->a);
	if (rc < 0)
		return rc;
	uint64_t len = path_b[0] == '/' ? 0 : strlen(L.cwd), rest = strlen(path_b);
	if (len + rest + 2 > sizeof(next))
		return -E_NAMETOOLONG;
	memcpy(next, L.cwd, len);
	if (len)
		next[len++] = '/';
	memcpy(next + len, path_b, rest + 1);
	normalise(next);
	memcpy(L.cwd, next, strlen(next) + 1);
	return 0;
}

SYSCALL(umask)
{
	(void)x;
	uint32_t before = L.umask;
	L.umask = (uint32_t)s->a & 0777;
	return before;
}

struct linux_statfs {
	uint64_t type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags, spare[4];
};

static int64_t fstatfs_to(int32_t fd, uint64_t to)
{
	struct mote_statfs m;
	int64_t rc = mote_statfs(L.area, fd, &m);
	if (rc < 0)
		return rc;
	struct linux_statfs st = {.type = m.type, .bsize = m.bsize, .blocks = m.blocks, .bfree = m.bfree, .bavail = m.bavail,
				  .files = m.files, .ffree = m.ffree, .namelen = m.namelen, .frsize = m.frsize, .flags = m.flags};
	return put_user(to, &st, sizeof(st));
}

SYSCALL(fstatfs)
{
	(void)x;
	return fstatfs_to((int32_t)s->a, s->b);
}

SYSCALL(statfs)
{
	(void)x;
	int64_t fd = open_at(AT_FDCWD_, s->a, O_NONBLOCK_, 0);
	if (fd < 0)
		return fd;
	int64_t rc = fstatfs_to((int32_t)fd, s->b);
	mote_close(L.area, (int32_t)fd);
	return rc;
}

/* --- waiting and time --- */

enum { NS = 1000000000 };

static int64_t now_ns(void)
{
	struct mote_time t = {0};
	(void)mote_clock_get(L.area, 1, &t);
	return t.sec * NS + t.nsec;
}

static struct mote_time time_of(int64_t ns)
{
	if (ns < 0)
		ns = 0;
	return (struct mote_time){.sec = ns / NS, .nsec = ns % NS};
}

/* What of a relative time is left `since` its beginning. */
static struct mote_time time_left(const struct mote_time *t, int64_t since)
{
	int64_t passed = now_ns() - since, whole;
	if (__builtin_mul_overflow(t->sec, (int64_t)NS, &whole) || __builtin_add_overflow(whole, t->nsec, &whole))
		return *t;
	return time_of(whole - passed);
}

/* Signals that mean nothing to the program neither end the wait nor prolong it. */
static int64_t poll_for(uint64_t fds, uint64_t count, const struct mote_time *timeout)
{
	bool timed = timeout && (timeout->sec || timeout->nsec) && L.area->handled_signals;
	int64_t since = timed ? now_ns() : 0, rc;
	struct mote_time left = timeout ? *timeout : (struct mote_time){0};
	while ((rc = mote_poll(L.area, fds, (uint32_t)count, timeout ? &left : NULL)) == -E_INTR && !signal_waiting())
		if (timed)
			left = time_left(timeout, since);
	return rc;
}

SYSCALL(poll)
{
	(void)x;
	int32_t ms = (int32_t)s->c;
	struct mote_time t = {.sec = ms / 1000, .nsec = (int64_t)(ms % 1000) * 1000000};
	return poll_for(s->a, s->b, ms < 0 ? NULL : &t);
}

SYSCALL(ppoll)
{
	(void)x;
	struct mote_time t;
	if (s->c && get_user(&t, s->c, sizeof(t)) < 0)
		return -E_FAULT;
	int64_t rc = signal_mask_for_wait(s->d);
	return rc < 0 ? rc : poll_for(s->a, s->b, s->c ? &t : NULL);
}

static int64_t select_for(const struct args *s, const struct mote_time *timeout)
{
	static struct mote_pollfd fds[1024];
	uint64_t sets[3][16] = {{0}}, out[3][16] = {{0}}, at[3] = {s->b, s->c, s->d};
	uint32_t n = (uint32_t)s->a, count = 0;
	if (n > 1024)
		return -E_INVAL;
	uint64_t bytes = (n + 63) / 64 * 8;
	for (int i = 0; i < 3; i++)
		if (at[i] && get_user(sets[i], at[i], bytes) < 0)
			return -E_FAULT;
	for (uint32_t fd = 0; fd < n; fd++) {
		int16_t events = 0;
		for (int i = 0; i < 3; i++)
			if (sets[i][fd / 64] >> fd % 64 & 1)
				events |= (int16_t)(i == 0 ? 1 : i == 1 ? 4 : 2);
		if (events)
			fds[count++] = (struct mote_pollfd){.fd = (int32_t)fd, .events = events};
	}
	int64_t rc = poll_for((uint64_t)fds, count, timeout), ready = 0;
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t fd = (uint32_t)fds[i].fd;
		int16_t r = fds[i].revents;
		if (r & 0x20)
			return -E_BADF;
		const int16_t means[3] = {1 | 0x10 | 8, 4 | 8, 2};
		for (int k = 0; k < 3; k++)
			if ((r & means[k]) && (sets[k][fd / 64] >> fd % 64 & 1)) {
				out[k][fd / 64] |= 1UL << fd % 64;
				ready++;
			}
	}
	for (int i = 0; i < 3; i++)
		if (at[i] && put_user(at[i], out[i], bytes) < 0)
			return -E_FAULT;
	return ready;
}

SYSCALL(select)
{
	(void)x;
	struct mote_time t;
	if (s->e && get_user(&t, s->e, sizeof(t)) < 0)
		return -E_FAULT;
	t.nsec *= s->e ? 1000 : 0;
	return select_for(s, s->e ? &t : NULL);
}

SYSCALL(pselect6)
{
	(void)x;
	struct mote_time t;
	uint64_t mask[2] = {0, 0}; /* where it is, its size */
	if ((s->e && get_user(&t, s->e, sizeof(t)) < 0) || (s->f && get_user(mask, s->f, sizeof(mask)) < 0))
		return -E_FAULT;
	int64_t rc = signal_mask_for_wait(mask[0]);
	if (rc < 0)
		return rc;
	return select_for(s, s->e ? &t : NULL);
}

SYSCALL(clock_gettime)
{
	(void)x;
	return mote_clock_get(L.area, (uint32_t)s->a, (void *)s->b);
}

SYSCALL(clock_getres)
{
	(void)x;
	return mote_clock_resolution(L.area, (uint32_t)s->a, (void *)s->b);
}

SYSCALL(gettimeofday)
{
	(void)x;
	struct mote_time t;
	mote_clock_get(L.area, 0, &t);
	t.nsec /= 1000;
	return s->a ? put_user(s->a, &t, sizeof(t)) : 0;
}

SYSCALL(time)
{
	(void)x;
	struct mote_time t;
	mote_clock_get(L.area, 0, &t);
	if (s->a && put_user(s->a, &t.sec, 8) < 0)
		return -E_FAULT;
	return t.sec;
}

static int64_t sleep_for(uint32_t clock, uint32_t absolute, uint64_t request, uint64_t remaining)
{
	struct mote_time t, left;
	if (get_user(&t, request, sizeof(t)) < 0)
		return -E_FAULT;
	int64_t since = now_ns(), rc;
	left = t;
	while ((rc = mote_sleep(L.area, clock, absolute, &left)) == -E_INTR && !signal_waiting())
		if (!absolute)
			left = time_left(&t, since);
	if (rc == -E_INTR && remaining && !absolute) {
		left = time_left(&t, since);
		if (put_user(remaining, &left, sizeof(left)) < 0)
			return -E_FAULT;
	}
	return rc;
}

SYSCALL(nanosleep)
{
	(void)x;
	return sleep_for(1, 0, s->a, s->b);
}

SYSCALL(clock_nanosleep)
{
	(void)x;
	return sleep_for((uint32_t)s->a, (uint32_t)s->b & 1, s->c, s->d);
}

static int64_t timer_left(void)
{
	if (!L.timer_end_ns)
		return 0;
	int64_t left = L.timer_end_ns - now_ns();
	if (left <= 0 && L.timer_interval_ns)
		left = L.timer_interval_ns - -left % L.timer_interval_ns;
	return left > 0 ? left : 0;
}

static int64_t timer_set(int64_t value_ns, int64_t interval_ns)
{
	const struct mote_time value = time_of(value_ns), interval = time_of(interval_ns);
	int64_t rc = mote_alarm(L.area, &value, &interval);
	if (rc == 0) {
		L.timer_end_ns = value_ns ? now_ns() + value_ns : 0;
		L.timer_interval_ns = value_ns ? interval_ns : 0;
	}
	return rc;
}

SYSCALL(alarm)
{
	(void)x;
	int64_t left = timer_left(), rc = timer_set((int64_t)(uint32_t)s->a * NS, 0);
	return rc < 0 ? rc : (left + NS - 1) / NS;
}

static int64_t put_timer(uint64_t to)
{
	int64_t left = timer_left(), interval = L.timer_interval_ns;
	const int64_t t[4] = {interval / NS, interval % NS / 1000, left / NS, left % NS / 1000};
	return put_user(to, t, sizeof(t));
}

SYSCALL(getitimer)
{
	(void)x;
	return (uint32_t)s->a == 0 ? put_timer(s->b) : -E_INVAL;
}

SYSCALL(setitimer)
{
	(void)x;
	int64_t t[4] = {0}; /* interval, value: seconds and microseconds */
	const int64_t far = 1L << 32; /* seconds; keeps nanoseconds within 63 bits */
	if ((uint32_t)s->a != 0)
		return -E_INVAL;
	if (s->b && get_user(t, s->b, sizeof(t)) < 0)
		return -E_FAULT;
	for (int i = 0; i < 4; i += 2) {
		if (t[i] < 0 || t[i + 1] < 0 || t[i + 1] >= 1000000)
			return -E_INVAL;
		t[i] = t[i] > far ? far : t[i];
	}
	if (s->c && put_timer(s->c) < 0)
		return -E_FAULT;
	return timer_set(t[2] * NS + t[3] * 1000, t[0] * NS + t[1] * 1000);
}

/* --- processes --- */

SYSCALL(exit)
{
	(void)x;
	return mote_exit(L.area, (int32_t)s->a);
}

SYSCALL(kill)
{
	(void)x;
	int32_t pid = (int32_t)s->a;
	if (pid != (int32_t)L.boot->pid && pid != 0 && pid != -1 && pid != -(int32_t)L.boot->pid)
		return -E_SRCH;
	return signal_raise((int)s->b);
}

SYSCALL(tkill)
{
	(void)x;
	return (int32_t)s->a == (int32_t)L.boot->pid ? signal_raise((int)s->b) : -E_SRCH;
}

SYSCALL(tgkill)
{
	(void)x;
	return (int32_t)s->b == (int32_t)L.boot->pid ? signal_raise((int)s->c) : -E_SRCH;
}

SYSCALL(rt_sigaction)
{
	(void)x;
	return signal_action((int)s->a, s->b, s->c);
}

SYSCALL(rt_sigprocmask)
{
	(void)x;
	return signal_mask((uint32_t)s->a, s->b, s->c);
}

SYSCALL(rt_sigpending)
{
	(void)x;
	uint64_t set = L.area->pending_signals & L.area->blocked_signals;
	return put_user(s->a, &set, sizeof(set));
}

SYSCALL(rt_sigtimedwait)
{
	(void)x;
	uint64_t set, blocked = L.area->blocked_signals, handled = L.area->handled_signals;
	struct mote_time t = {0};
	int signo;
	if (get_user(&set, s->a, sizeof(set)) < 0 || (s->c && get_user(&t, s->c, sizeof(t)) < 0))
		return -E_FAULT;
	/* What is waited for must end the wait: it is let through, and taken before anybody else sees it. */
	L.area->handled_signals = handled | set;
	L.area->blocked_signals = blocked & ~set;
	int64_t rc;
	do {
		rc = signal_take(set, &signo);
		if (rc == -E_AGAIN && signal_waiting())
			rc = -E_INTR;
		else if (rc == -E_AGAIN)
			rc = mote_poll(L.area, 0, 0, s->c ? &t : NULL) == -E_INTR ? 1 : -E_AGAIN;
	} while (rc == 1);
	if (rc == -E_AGAIN)
		rc = signal_take(set, &signo);
	L.area->blocked_signals = blocked;
	L.area->handled_signals = handled;
	if (rc < 0)
		return rc;
	uint8_t info[128] = {0};
	memcpy(info, &signo, sizeof(signo));
	return s->b && put_user(s->b, info, sizeof(info)) < 0 ? -E_FAULT : signo;
}

SYSCALL(rt_sigsuspend)
{
	(void)x;
	return signal_suspend(s->a);
}

SYSCALL(pause)
{
	UNUSED;
	return signal_suspend(0);
}

SYSCALL(sigaltstack)
{
	(void)x;
	return signal_altstack(s->a, s->b);
}

SYSCALL(getpid)
{
	UNUSED;
	return L.boot->pid;
}

SYSCALL(getppid)
{
	UNUSED;
	return 0;
}

SYSCALL(getuid)
{
	UNUSED;
	return L.boot->uid;
}

SYSCALL(getgid)
{
	UNUSED;
	return L.boot->gid;
}

SYSCALL(zero)
{
	UNUSED;
	return 0;
}

SYSCALL(getresuid)
{
	(void)x;
	uint32_t id = L.boot->uid;
	return put_user(s->a, &id, 4) < 0 || put_user(s->b, &id, 4) < 0 || put_user(s->c, &id, 4) < 0 ? -E_FAULT : 0;
}

SYSCALL(getresgid)
{
	(void)x;
	uint32_t id = L.boot->gid;
	return put_user(s->a, &id, 4) < 0 || put_user(s->b, &id, 4) < 0 || put_user(s->c, &id, 4) < 0 ? -E_FAULT : 0;
}

/* Becoming who one is already is allowed; anybody else is not. */
SYSCALL(setuid)
{
	(void)x;
	return (uint32_t)s->a == L.boot->uid ? 0 : -E_PERM;
}

SYSCALL(setgid)
{
	(void)x;
	return (uint32_t)s->a == L.boot->gid ? 0 : -E_PERM;
}

SYSCALL(uname)
{
	(void)x;
	static char u[6][65];
	const char *const fields[6] = {"Linux", boot_string(L.boot->hostname), "6.1.0-mote", "#1 Mote " MOTE_VERSION, "x86_64",
				       "(none)"};
	memset(u, 0, sizeof(u));
	for (int i = 0; i < 6; i++)
		memcpy(u[i], fields[i], strnlen(fields[i], 64));
	return put_user(s->a, u, sizeof(u));
}

struct linux_sysinfo {
	int64_t uptime;
	uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit;
};

SYSCALL(sysinfo)
{
	(void)x;
	struct mote_time t;
	mote_clock_get(L.area, 7, &t);
	struct linux_sysinfo info = {.uptime = t.sec, .totalram = L.boot->memory_bytes,
				     .freeram = L.boot->memory_bytes / 2, .procs = 1, .mem_unit = 1};
	return put_user(s->a, &info, sizeof(info));
}

SYSCALL(prlimit64)
{
	(void)x;
	uint64_t limit[2] = {~0UL, ~0UL};
	if ((uint32_t)s->b == 7)
		limit[0] = limit[1] = 1024;
	if ((uint32_t)s->b == 3)
		limit[0] = LINUX_STACK_BYTES;
	return s->d ? put_user(s->d, limit, sizeof(limit)) : 0;
}

SYSCALL(getrlimit)
{
	struct args same = {.b = s->a, .d = s->b};
	return sys_prlimit64(x, &same);
}

SYSCALL(getrusage)
{
	(void)x;
	struct mote_time t;
	int64_t usage[18] = {0};
	mote_clock_get(L.area, 3, &t);
	usage[0] = t.sec;
	usage[1] = t.nsec / 1000;
	return put_user(s->b, usage, sizeof(usage));
}

SYSCALL(times)
{
	(void)x;
	struct mote_time t;
	mote_clock_get(L.area, 3, &t);
	int64_t ticks[4] = {t.sec * 100 + t.nsec / 10000000, 0, 0, 0};
	if (s->a && put_user(s->a, ticks, sizeof(ticks)) < 0)
		return -E_FAULT;
	mote_clock_get(L.area, 1, &t);
	return t.sec * 100 + t.nsec / 10000000;
}

SYSCALL(sched_yield)
{
	UNUSED;
	return mote_yield(L.area);
}

SYSCALL(sched_getaffinity)
{
	(void)x;
	uint64_t one = 1;
	if (s->b < 8)
		return -E_INVAL;
	return put_user(s->c, &one, 8) < 0 ? -E_FAULT : 8;
}

SYSCALL(getrandom)
{
	(void)x;
	return mote_random(L.area, (void *)s->a, s->b);
}

SYSCALL(arch_prctl)
{
	(void)x;
	switch ((uint32_t)s->a) {
	case 0x1002: /* ARCH_SET_FS */
		__asm__ volatile("wrfsbase %0" : : "r"(s->b));
		return 0;
	case 0x1003: { /* ARCH_GET_FS */
		uint64_t base;
		__asm__ volatile("rdfsbase %0" : "=r"(base));
		return put_user(s->b, &base, 8);
	}
	case 0x1001: /* ARCH_SET_GS: the personality's */
		lib_log("arch_prctl(ARCH_SET_GS) is not implemented");
		return -E_PERM;
	default:
		return -E_INVAL;
	}
}

SYSCALL(prctl)
{
	(void)x;
	switch ((uint32_t)s->a) {
	case 15: /* PR_SET_NAME */
		return get_user(L.name, s->b, 15) < 0 ? -E_FAULT : 0;
	case 16: /* PR_GET_NAME */
		return put_user(s->b, L.name, 16);
	case 4:	 /* PR_SET_DUMPABLE */
	case 38: /* PR_SET_NO_NEW_PRIVS */
		return 0;
	default:
		return -E_INVAL;
	}
}

/* With one thread nobody can wake a waiter: what would wait for ever is an error. */
SYSCALL(futex)
{
	(void)x;
	uint32_t op = (uint32_t)s->b & 0x7f, value;
	struct mote_time t;
	if (op == 1 || op == 10) /* FUTEX_WAKE, FUTEX_WAKE_BITSET */
		return 0;
	if (op != 0 && op != 9)
		return -E_NOSYS;
	if (get_user(&value, s->a, 4) < 0)
		return -E_FAULT;
	if (value != (uint32_t)s->c)
		return -E_AGAIN;
	if (!s->d) {
		lib_error("%s: deadlock: its only thread waits for another one", boot_string(L.boot->payload_path));
		mote_exit_signal(L.area, 6);
	}
	if (get_user(&t, s->d, sizeof(t)) < 0)
		return -E_FAULT;
	int64_t rc = mote_sleep(L.area, (uint32_t)s->b & 256 ? 0 : 1, op == 9, &t);
	return rc < 0 ? rc : -110; /* ETIMEDOUT */
}

static bool told[3];

static int64_t refuse_once(int which, const char *what)
{
	if (!told[which])
		lib_error("%s: %s", boot_string(L.boot->payload_path), what);
	told[which] = true;
	return -E_NOSYS;
}

SYSCALL(fork)
{
	UNUSED;
	return refuse_once(0, "fork is not implemented: a guest is one process; start the other program in a container of its own");
}

SYSCALL(clone)
{
	if ((x->rax == 56 && (s->a & 0x100)) || x->rax == 435)
		return refuse_once(1, "threads are not implemented: a guest has one; build the program without them");
	return sys_fork(x, s);
}

SYSCALL(execve)
{
	UNUSED;
	return refuse_once(2, "execve is not implemented: name the program itself as the container's entrypoint");
}

SYSCALL(wait4)
{
	UNUSED;
	return -E_CHILD;
}

/* --- memory --- */

SYSCALL(brk)
{
	(void)x;
	return memory_brk(s->a);
}

SYSCALL(mmap)
{
	(void)x;
	return memory_mmap(s->a, s->b, (uint32_t)s->c, (uint32_t)s->d, (int32_t)s->e, s->f);
}

SYSCALL(munmap)
{
	(void)x;
	return memory_munmap(s->a, s->b);
}

SYSCALL(mprotect)
{
	(void)x;
	return memory_mprotect(s->a, s->b, (uint32_t)s->c);
}

SYSCALL(mremap)
{
	(void)x;
	return memory_mremap(s->a, s->b, s->c, (uint32_t)s->d, s->e);
}

SYSCALL(madvise)
{
	(void)x;
	return memory_madvise(s->a, s->b, (uint32_t)s->c);
}

/* --- sockets --- */

static int64_t get_address(struct mote_sockaddr *a, uint64_t from, uint64_t len)
{
	if (len > sizeof(a->data))
		return -E_INVAL;
	a->len = (uint32_t)len;
	return get_user(a->data, from, len);
}

static int64_t put_address(const struct mote_sockaddr *a, uint64_t to, uint64_t len_at)
{
	uint32_t room;
	if (!to)
		return 0;
	if (get_user(&room, len_at, 4) < 0 || put_user(to, a->data, a->len < room ? a->len : room) < 0 ||
	    put_user(len_at, &a->len, 4) < 0)
		return -E_FAULT;
	return 0;
}

SYSCALL(socket)
{
	(void)x;
	return mote_socket(L.area, (uint32_t)s->a, (uint32_t)s->b, (uint32_t)s->c);
}

SYSCALL(socketpair)
{
	(void)x;
	return mote_socketpair(L.area, (uint32_t)s->a, (uint32_t)s->b, (void *)s->d, 8);
}

SYSCALL(bind)
{
	(void)x;
	struct mote_sockaddr a;
	int64_t rc = get_address(&a, s->b, s->c);
	return rc < 0 ? rc : mote_bind(L.area, (int32_t)s->a, &a);
}

SYSCALL(connect)
{
	(void)x;
	struct mote_sockaddr a;
	int64_t rc = get_address(&a, s->b, s->c);
	return rc < 0 ? rc : mote_connect(L.area, (int32_t)s->a, &a);
}

SYSCALL(listen)
{
	(void)x;
	return mote_listen(L.area, (int32_t)s->a, (uint32_t)s->b);
}

static int64_t accept_on(int32_t fd, uint64_t to, uint64_t len_at, uint32_t flags)
{
	struct mote_sockaddr a;
	int64_t rc = mote_accept(L.area, fd, flags, &a);
	if (rc < 0)
		return rc;
	return put_address(&a, to, len_at) < 0 ? -E_FAULT : rc;
}

SYSCALL(accept)
{
	(void)x;
	return accept_on((int32_t)s->a, s->b, s->c, 0);
}

SYSCALL(accept4)
{
	(void)x;
	return accept_on((int32_t)s->a, s->b, s->c, (uint32_t)s->d);
}

SYSCALL(sendto)
{
	(void)x;
	struct mote_sockaddr a;
	struct mote_iovec v = {.base = s->b, .len = s->c};
	int64_t rc = s->e ? get_address(&a, s->e, s->f) : 0;
	return rc < 0 ? rc : mote_send(L.area, (int32_t)s->a, &v, 1, (uint32_t)s->d, s->e ? &a : NULL);
}

SYSCALL(recvfrom)
{
	(void)x;
	struct mote_sockaddr a;
	struct mote_iovec v = {.base = s->b, .len = s->c};
	int64_t rc = mote_recv(L.area, (int32_t)s->a, &v, 1, (uint32_t)s->d, &a);
	if (rc < 0)
		return rc;
	return put_address(&a, s->e, s->f) < 0 ? -E_FAULT : rc;
}

struct linux_msghdr {
	uint64_t name;
	uint32_t namelen, pad;
	uint64_t iov, iovlen, control, controllen;
	uint32_t flags, pad2;
};

SYSCALL(sendmsg)
{
	(void)x;
	struct linux_msghdr m;
	struct mote_sockaddr a;
	if (get_user(&m, s->b, sizeof(m)) < 0)
		return -E_FAULT;
	int64_t rc = m.name ? get_address(&a, m.name, m.namelen) : 0;
	if (rc < 0)
		return rc;
	return mote_send(L.area, (int32_t)s->a, (const void *)m.iov, m.iovlen, (uint32_t)s->c, m.name ? &a : NULL);
}

SYSCALL(recvmsg)
{
	(void)x;
	struct linux_msghdr m;
	struct mote_sockaddr a;
	if (get_user(&m, s->b, sizeof(m)) < 0)
		return -E_FAULT;
	int64_t rc = mote_recv(L.area, (int32_t)s->a, (const void *)m.iov, m.iovlen, (uint32_t)s->c, &a);
	if (rc < 0)
		return rc;
	if (m.name && put_user(m.name, a.data, a.len < m.namelen ? a.len : m.namelen) < 0)
		return -E_FAULT;
	m.namelen = a.len;
	m.controllen = 0;
	m.flags = 0;
	return put_user(s->b, &m, sizeof(m)) < 0 ? -E_FAULT : rc;
}

SYSCALL(shutdown)
{
	(void)x;
	return mote_shutdown(L.area, (int32_t)s->a, (uint32_t)s->b);
}

static int64_t name_of(const struct args *s, uint32_t peer)
{
	struct mote_sockaddr a;
	int64_t rc = mote_sock_name(L.area, (int32_t)s->a, peer, &a);
	return rc < 0 ? rc : put_address(&a, s->b, s->c);
}

SYSCALL(getsockname)
{
	(void)x;
	return name_of(s, 0);
}

SYSCALL(getpeername)
{
	(void)x;
	return name_of(s, 1);
}

SYSCALL(setsockopt)
{
	(void)x;
	return mote_sock_setopt(L.area, (int32_t)s->a, (uint32_t)s->b, (uint32_t)s->c, (const void *)s->d, s->e);
}

SYSCALL(getsockopt)
{
	(void)x;
	uint32_t len;
	if (get_user(&len, s->e, 4) < 0)
		return -E_FAULT;
	int64_t rc = mote_sock_getopt(L.area, (int32_t)s->a, (uint32_t)s->b, (uint32_t)s->c, (void *)s->d, len);
	if (rc < 0)
		return rc;
	len = (uint32_t)rc;
	return put_user(s->e, &len, 4);
}

/* --- the table --- */

typedef int64_t handler(struct mote_context *x, const struct args *s);

static handler *const handlers[] = {
	[0] = sys_read, [1] = sys_write, [2] = sys_open, [3] = sys_close, [4] = sys_stat, [5] = sys_fstat, [6] = sys_lstat,
	[7] = sys_poll, [8] = sys_lseek, [9] = sys_mmap, [10] = sys_mprotect, [11] = sys_munmap, [12] = sys_brk,
	[13] = sys_rt_sigaction, [14] = sys_rt_sigprocmask, [16] = sys_ioctl, [17] = sys_pread64, [18] = sys_pwrite64,
	[19] = sys_readv, [20] = sys_writev, [21] = sys_access, [22] = sys_pipe, [23] = sys_select, [24] = sys_sched_yield,
	[25] = sys_mremap, [26] = sys_zero /* msync */, [28] = sys_madvise, [32] = sys_dup, [33] = sys_dup2, [34] = sys_pause,
	[35] = sys_nanosleep, [36] = sys_getitimer, [37] = sys_alarm, [38] = sys_setitimer, [39] = sys_getpid, [40] = sys_sendfile, [41] = sys_socket,
	[42] = sys_connect, [43] = sys_accept, [44] = sys_sendto, [45] = sys_recvfrom, [46] = sys_sendmsg, [47] = sys_recvmsg,
	[48] = sys_shutdown, [49] = sys_bind, [50] = sys_listen, [51] = sys_getsockname, [52] = sys_getpeername,
	[53] = sys_socketpair, [54] = sys_setsockopt, [55] = sys_getsockopt, [56] = sys_clone, [57] = sys_fork, [58] = sys_fork,
	[59] = sys_execve, [60] = sys_exit, [61] = sys_wait4, [62] = sys_kill, [63] = sys_uname, [72] = sys_fcntl,
	[73] = sys_flock, [74] = sys_fsync, [75] = sys_fdatasync, [76] = sys_truncate, [77] = sys_ftruncate, [79] = sys_getcwd,
	[80] = sys_chdir, [82] = sys_rename, [83] = sys_mkdir, [84] = sys_rmdir, [85] = sys_creat, [86] = sys_link,
	[87] = sys_unlink, [88] = sys_symlink, [89] = sys_readlink, [90] = sys_chmod, [91] = sys_fchmod, [92] = sys_chown,
	[93] = sys_fchown, [94] = sys_lchown, [95] = sys_umask, [96] = sys_gettimeofday, [97] = sys_getrlimit,
	[98] = sys_getrusage, [99] = sys_sysinfo, [100] = sys_times, [102] = sys_getuid, [104] = sys_getgid, [105] = sys_setuid,
	[106] = sys_setgid, [107] = sys_getuid, [108] = sys_getgid, [110] = sys_getppid, [111] = sys_getpid /* getpgrp */,
	[112] = sys_getpid /* setsid */, [115] = sys_zero /* getgroups */, [118] = sys_getresuid, [120] = sys_getresgid,
	[121] = sys_getpid /* getpgid */, [124] = sys_getpid /* getsid */, [127] = sys_rt_sigpending, [128] = sys_rt_sigtimedwait, [130] = sys_rt_sigsuspend,
	[131] = sys_sigaltstack, [137] = sys_statfs, [138] = sys_fstatfs, [157] = sys_prctl, [158] = sys_arch_prctl,
	[162] = sys_zero /* sync */, [186] = sys_getpid /* gettid */, [200] = sys_tkill, [201] = sys_time, [202] = sys_futex,
	[204] = sys_sched_getaffinity, [217] = sys_getdents64, [218] = sys_getpid /* set_tid_address */, [221] = sys_fadvise64,
	[228] = sys_clock_gettime, [229] = sys_clock_getres, [230] = sys_clock_nanosleep, [231] = sys_exit /* exit_group */,
	[234] = sys_tgkill, [235] = sys_utimes, [257] = sys_openat, [258] = sys_mkdirat, [260] = sys_fchownat,
	[262] = sys_newfstatat, [263] = sys_unlinkat, [264] = sys_renameat, [265] = sys_linkat, [266] = sys_symlinkat,
	[267] = sys_readlinkat, [268] = sys_fchmodat, [269] = sys_faccessat, [270] = sys_pselect6, [271] = sys_ppoll,
	[273] = sys_zero /* set_robust_list */, [280] = sys_utimensat, [285] = sys_fallocate, [288] = sys_accept4,
	[292] = sys_dup3, [293] = sys_pipe2, [295] = sys_preadv, [296] = sys_pwritev, [302] = sys_prlimit64,
	[316] = sys_renameat2, [318] = sys_getrandom, [326] = sys_copy_file_range, [332] = sys_statx, [435] = sys_clone,
	[439] = sys_faccessat /* faccessat2 */,
};

static const char *name_of_call(uint64_t nr)
{
	switch (nr) {
#define NAME(number, name)                                                                                             \
	case number:                                                                                                   \
		return #name;
#include "guest/linux/names.def"
#undef NAME
	default:
		return "unknown";
	}
}

enum { NR_RT_SIGRETURN = 15, NR_RSEQ = 334, SEEN_WORDS = 8 };

static int64_t not_there(uint64_t nr)
{
	static uint64_t seen[SEEN_WORDS];
	if (nr == NR_RSEQ) /* every libc asks, and does without */
		return -E_NOSYS;
	if (nr < 64 * SEEN_WORDS && (seen[nr / 64] >> nr % 64 & 1))
		return -E_NOSYS;
	if (nr < 64 * SEEN_WORDS)
		seen[nr / 64] |= 1UL << nr % 64;
	lib_log("system call %lu (%s) is not implemented", nr, name_of_call(nr));
	return -E_NOSYS;
}

/* Waits that Linux does not begin again after a handler, whatever SA_RESTART says (signal(7)). */
static enum restart restart_of(uint64_t nr)
{
	switch (nr) {
	case 7:	  /* poll */
	case 23:  /* select */
	case 34:  /* pause */
	case 35:  /* nanosleep */
	case 128: /* rt_sigtimedwait */
	case 130: /* rt_sigsuspend */
	case 230: /* clock_nanosleep */
	case 270: /* pselect6 */
	case 271: /* ppoll */
		return RESTART_IDLE;
	default:
		return RESTART_AS_ASKED;
	}
}

/* A write to where nobody reads any more is a signal too. */
static bool broken_pipe(uint64_t nr, const struct args *s)
{
	enum { MSG_NOSIGNAL_ = 0x4000 };
	switch (nr) {
	case 1:	  /* write */
	case 20:  /* writev */
	case 40:  /* sendfile */
	case 326: /* copy_file_range */
		return true;
	case 44: /* sendto */
		return !(s->d & MSG_NOSIGNAL_);
	case 46: /* sendmsg */
		return !(s->c & MSG_NOSIGNAL_);
	default:
		return false;
	}
}

void linux_syscall(struct mote_context *c)
{
	enum { SIG_PIPE = 13 };
	uint64_t nr = c->rax;
	const struct args s = {.a = c->rdi, .b = c->rsi, .c = c->rdx, .d = c->r10, .e = c->r8, .f = c->r9};
	if (nr == NR_RT_SIGRETURN) {
		signal_return(c);
		signal_deliver(c, RESTART_NEVER, nr);
		return;
	}
	handler *h = nr < sizeof(handlers) / sizeof(handlers[0]) ? handlers[nr] : NULL;
	int64_t rc = h ? h(c, &s) : not_there(nr);
	/* getdents64 of a descriptor that is used anew begins anew. */
	if ((h == sys_openat || h == sys_open) && rc >= 0 && rc < DIRS_MAX)
		dir_cookie[rc] = 0;
	if (rc == -E_PIPE && broken_pipe(nr, &s))
		(void)signal_raise(SIG_PIPE);
	c->rax = (uint64_t)rc;
	signal_deliver(c, rc == -E_INTR ? restart_of(nr) : RESTART_NEVER, nr);
}
