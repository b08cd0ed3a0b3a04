/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that report what a file is. */
#include "guest/linux/fs/stat.h"

#include "guest/linux/fs/lookup.h"
#include "guest/linux/fs/user_path.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/syscall.h"

#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

/* Of a descriptor. A synthetic file's own has no type. */
static int64_t stat_descriptor(int32_t fd, struct mote_stat *to)
{
	int64_t rc = mote_fstat(mote_area(), fd, to);
	if (rc == 0 && !(to->mode & S_IFMT) && proc_file(fd))
		proc_stat(proc_file(fd)->path, to);
	return rc;
}

static int64_t stat_here(const struct resolved_path *p, struct mote_stat *to)
{
	if (p->own >= 0)
		return stat_descriptor(p->own, to);
	if (!p->proc[0])
		return mote_stat(mote_area(), p->base, p->rest, rest_len(p), p->resolve, to);
	proc_stat(p->proc, to);
	return 0;
}

int64_t stat_path(int32_t dirfd, uint64_t path, uint32_t flags, struct mote_stat *to)
{
	struct resolved_path p;
	const uint32_t kinds = AT_STATX_SYNC_TYPE | AT_NO_AUTOMOUNT;
	if (!path && (flags & AT_EMPTY_PATH) && dirfd >= 0)
		return stat_descriptor(dirfd, to);
	int64_t rc = lookup_with_flags(&p, dirfd, path, flags & ~kinds);
	if (rc < 0)
		return rc;
	do
		rc = stat_here(&p, to);
	while (lookup_retry(&p, rc));
	return lookup_result(&p, rc);
}

static int64_t put_stat(uint64_t to, const struct mote_stat *m)
{
	const struct stat st = {
		.st_dev = m->dev,
		.st_ino = m->ino,
		.st_nlink = (__typeof__(st.st_nlink))
				    m->nlink, /* of different types by architecture, as blksize */
		.st_mode = m->mode,
		.st_uid = m->uid,
		.st_gid = m->gid,
		.st_rdev = m->rdev,
		.st_size = (int64_t)m->size,
		.st_blksize = (__typeof__(st.st_blksize))m->blksize,
		.st_blocks = (int64_t)m->blocks,
		.st_atime = (__typeof__(st.st_atime))m->atim.sec,
		.st_atime_nsec = (__typeof__(st.st_atime_nsec))m->atim.nsec,
		.st_mtime = (__typeof__(st.st_atime))m->mtim.sec,
		.st_mtime_nsec = (__typeof__(st.st_atime_nsec))m->mtim.nsec,
		.st_ctime = (__typeof__(st.st_atime))m->ctim.sec,
		.st_ctime_nsec = (__typeof__(st.st_atime_nsec))m->ctim.nsec,
	};
	return put_user(to, &st, sizeof(st));
}

int64_t sys_fstat(int fd, uint64_t to)
{
	struct mote_stat m;
	int64_t rc = stat_descriptor(fd, &m);
	if (rc < 0)
		return rc;
	return put_stat(to, &m);
}

int64_t sys_newfstatat(int dirfd, uint64_t path, uint64_t to, uint32_t flags)
{
	struct mote_stat m;
	int64_t rc = stat_path(dirfd, path, flags, &m);
	if (rc < 0)
		return rc;
	return put_stat(to, &m);
}

/* A device number as the host gives it, in the two halves of statx. */
static uint32_t dev_major(uint64_t dev)
{
	return (uint32_t)((dev >> 8 & 0xfff) | (dev >> 32 & ~0xfffUL));
}

static uint32_t dev_minor(uint64_t dev)
{
	return (uint32_t)((dev & 0xff) | (dev >> 12 & ~0xffUL));
}

static struct statx_timestamp statx_time(const struct mote_time *t)
{
	return (struct statx_timestamp){.tv_sec = t->sec, .tv_nsec = (uint32_t)t->nsec};
}

int64_t sys_statx(int dirfd, uint64_t path, uint32_t flags, uint32_t mask, uint64_t to)
{
	struct mote_stat m;
	const uint32_t known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
	/* Of the mask: all that there is costs the same. */
	if ((flags & ~(known | AT_STATX_SYNC_TYPE)) || (mask & STATX__RESERVED) ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	int64_t rc = stat_path(dirfd, path, flags, &m);
	if (rc < 0)
		return rc;
	const struct statx st = {
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = (uint32_t)m.blksize,
		.stx_nlink = (uint32_t)m.nlink,
		.stx_uid = m.uid,
		.stx_gid = m.gid,
		.stx_mode = (uint16_t)m.mode,
		.stx_ino = m.ino,
		.stx_size = m.size,
		.stx_blocks = m.blocks,
		.stx_atime = statx_time(&m.atim),
		.stx_ctime = statx_time(&m.ctim),
		.stx_mtime = statx_time(&m.mtim),
		.stx_rdev_major = dev_major(m.rdev),
		.stx_rdev_minor = dev_minor(m.rdev),
		.stx_dev_major = dev_major(m.dev),
		.stx_dev_minor = dev_minor(m.dev),
	};
	return put_user(to, &st, sizeof(st));
}
