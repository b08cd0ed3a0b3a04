/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on names in directories: making, removing, moving and linking them. */
#include "guest/linux/fs/cwd.h"
#include "guest/linux/fs/lookup.h"
#include "guest/linux/fs/stat.h"
#include "guest/linux/fs/user_path.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

/* What the runtime's tree says to a name that is to be made in it. */
static int64_t make_synthetic(const struct resolved_path *p)
{
	return proc_lookup(p->proc) == 0 ? -EEXIST : proc_create_error(p->proc);
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
		return proc_change_error(p->proc);
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
	if (S_ISDIR(mode))
		return -EPERM;
	if (S_ISLNK(mode) || (mode & S_IFMT) == S_IFMT)
		return -EINVAL;
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
	return proc_lookup(p->to.proc) == 0 ? -EPERM : proc_create_error(p->to.proc);
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
	const uint32_t known = RENAME_NOREPLACE | RENAME_EXCHANGE;
	struct path_pair p;
	if ((flags & ~known) || flags == known)
		return -EINVAL;
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
