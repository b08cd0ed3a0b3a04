/* SPDX-License-Identifier: Apache-2.0 */
/* Paths to the host's form of them; see lookup.h. */
#include "guest/linux/fs/lookup.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/user_path.h"
#include "guest/linux/proc/proc.h"

#include <linux/fcntl.h>

/* Resolves dir + "/" + p->path; dir is "" for an absolute path. */
static int64_t resolve_from(struct resolved_path *p, const char *dir)
{
	size_t dir_len = strlen(dir), len = strlen(p->path), root_len;
	if (dir_len + 1 + len + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(p->absolute, dir, dir_len);
	if (dir_len && p->absolute[dir_len - 1] != '/')
		p->absolute[dir_len++] = '/';
	memcpy(p->absolute + dir_len, p->path, len + 1);
	int32_t base = lookup_root(p->absolute, &root_len);
	if (base < 0)
		return base;
	p->base = base;
	p->rest = lookup_below_root(p->absolute, root_len);
	p->dirfd = -1;
	p->resolve |= MOTE_RESOLVE_IN_ROOT;
	return 0;
}

static int64_t read_path(struct resolved_path *p, uint64_t path)
{
	p->path[0] = '\0';
	int64_t len = user_path(p->path, path);
	if (len == 0)
		return -ENOENT;
	return len;
}

/* Resolves p->path, as the program gave it. */
static int64_t resolve(struct resolved_path *p, int32_t dirfd, bool nofollow)
{
	p->resolve = 0;
	if (nofollow)
		p->resolve = MOTE_RESOLVE_NOFOLLOW;
	p->own = -1;
	p->proc[0] = '\0';
	if (p->path[0] == '/')
		return resolve_from(p, "");
	if (dirfd == AT_FDCWD)
		return resolve_from(p, process.cwd);
	p->base = p->dirfd = dirfd;
	p->rest = p->path;
	return 0;
}

int64_t lookup_user(struct resolved_path *p, int32_t dirfd, uint64_t path, bool nofollow)
{
	int64_t rc = read_path(p, path);
	if (rc < 0)
		return rc;
	return resolve(p, dirfd, nofollow);
}

/*
 * 1 for a synthetic file; 0 for others, also if it is a symlink to be followed, to which p->path
 * has changed; or a negative errno.
 */
static int64_t resolve_synthetic(struct resolved_path *p, int32_t dirfd, bool nofollow)
{
	int64_t rc = proc_find(dirfd, p->path, p->proc);
	bool found = rc > 0;
	if (found && !nofollow && strcmp(p->proc, "/proc/self") != 0 && proc_link(p->proc, p->path))
		rc = 0;
	if (rc <= 0)
		p->proc[0] = '\0';
	return rc;
}

int64_t lookup_user_file(struct resolved_path *p, int32_t dirfd, uint64_t path, bool nofollow)
{
	int64_t rc = read_path(p, path);
	if (rc < 0)
		return rc;
	p->proc[0] = '\0';
	p->own = fd_of_path(p->path);
	if (p->own >= 0)
		return 0;
	rc = resolve_synthetic(p, dirfd, nofollow);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return resolve(p, dirfd, nofollow);
}

int64_t lookup_from_cwd(struct resolved_path *p)
{
	return resolve(p, AT_FDCWD, false);
}

bool lookup_still_names(const char *path, int32_t fd)
{
	struct mote_stat held, found;
	size_t root_len;
	int32_t base = lookup_root(path, &root_len);
	if (base < 0 || mote_fstat(mote_area(), fd, &held) < 0)
		return false;
	const char *rest = lookup_below_root(path, root_len);
	if (mote_stat(mote_area(), base, rest, strlen(rest), MOTE_RESOLVE_IN_ROOT, &found) < 0)
		return false;
	return held.dev == found.dev && held.ino == found.ino;
}

bool lookup_retry(struct resolved_path *p, int64_t rc)
{
	if (rc != -EXDEV || p->dirfd < 0)
		return false;
	const char *path = fd_path(p->dirfd);
	return path && lookup_still_names(path, p->dirfd) && resolve_from(p, path) == 0;
}

bool lookup_retry_both(struct resolved_path *p, struct resolved_path *q, int64_t rc)
{
	bool first = lookup_retry(p, rc), second = lookup_retry(q, rc);
	return first || second;
}

bool lookup_absolute(const struct resolved_path *p, char to[PATH_MAX])
{
	if (p->dirfd < 0) {
		memcpy(to, p->absolute, strlen(p->absolute) + 1);
		return true;
	}
	const char *dir = fd_path(p->dirfd);
	if (!dir)
		return false;
	size_t dir_len = strlen(dir), len = strlen(p->path);
	if (dir_len + 1 + len + 1 > PATH_MAX)
		return false;
	memcpy(to, dir, dir_len);
	to[dir_len] = '/';
	memcpy(to + dir_len + 1, p->path, len + 1);
	return true;
}

int64_t lookup_result(int64_t rc)
{
	if (rc == -EXDEV)
		return -ENOENT;
	return rc;
}
