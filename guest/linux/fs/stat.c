/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that say what a file, a directory or a file system is. */
#include "guest/linux/syscall.h"

static int64_t dir_cookie[DESCRIPTORS_MAX];

void directory_seek(int32_t fd, int64_t cookie)
{
	if (fd >= 0 && fd < DESCRIPTORS_MAX)
		dir_cookie[fd] = cookie;
}

int64_t directory_at(int32_t fd)
{
	return fd >= 0 && fd < DESCRIPTORS_MAX ? dir_cookie[fd] : 0;
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

int64_t stat_at(int32_t dirfd, uint64_t path, uint32_t flags, struct mote_stat *m)
{
	struct place p;
	char first;
	if (flags & AT_EMPTY_PATH_) {
		if (get_user(&first, path, 1) < 0)
			return -E_FAULT;
		if (!first && dirfd != AT_FDCWD_)
			return mote_fstat(L.area, dirfd, m);
	}
	int64_t rc = place_of(&p, dirfd, path, flags & AT_SYMLINK_NOFOLLOW_);
	if (rc < 0)
		return rc;
	if (p.own >= 0)
		return mote_fstat(L.area, p.own, m);
	do
		rc = mote_stat(L.area, p.base, p.rest, strlen(p.rest), p.resolve, m);
	while (place_again(&p, rc));
	return outside(rc);
}

SYSCALL(stat)
{
	struct mote_stat m;
	int64_t rc = stat_at(AT_FDCWD_, s->a, 0, &m);
	return rc < 0 ? rc : put_stat(s->b, &m);
}

SYSCALL(lstat)
{
	struct mote_stat m;
	int64_t rc = stat_at(AT_FDCWD_, s->a, AT_SYMLINK_NOFOLLOW_, &m);
	return rc < 0 ? rc : put_stat(s->b, &m);
}

SYSCALL(fstat)
{
	struct mote_stat m;
	int64_t rc = mote_fstat(L.area, (int32_t)s->a, &m);
	return rc < 0 ? rc : put_stat(s->b, &m);
}

SYSCALL(newfstatat)
{
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
	static uint8_t buffer[16384] __attribute__((aligned(8))), entry[sizeof(struct linux_dirent64) + 264];
	int32_t fd = (int32_t)s->a;
	uint64_t room = s->c & 0xffffffff, used = 0;
	if (fd < 0 || fd >= DESCRIPTORS_MAX)
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
	return fstatfs_to((int32_t)s->a, s->b);
}

SYSCALL(statfs)
{
	int64_t fd = open_at(AT_FDCWD_, s->a, O_NONBLOCK_, 0);
	if (fd < 0)
		return fd;
	int64_t rc = fstatfs_to((int32_t)fd, s->b);
	mote_close(L.area, (int32_t)fd);
	return rc;
}
