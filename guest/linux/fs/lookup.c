/* SPDX-License-Identifier: Apache-2.0 */
/* Paths to the host's form of them; see lookup.h. */
#include "guest/linux/fs/lookup.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/user_path.h"
#include "guest/linux/fs/walk.h"
#include "guest/linux/proc/proc.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

/* p->absolute becomes dir + "/" + p->path; dir is "" for an absolute path. */
static int64_t join(struct resolved_path *p, const char *dir)
{
	size_t dir_len = strlen(dir), len = strlen(p->path);
	if (dir_len + 1 + len + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(p->absolute, dir, dir_len);
	if (dir_len && p->absolute[dir_len - 1] != '/')
		p->absolute[dir_len++] = '/';
	memcpy(p->absolute + dir_len, p->path, len + 1);
	return 0;
}

/* The host's directory that p->absolute is in; false: the runtime serves the path. */
static bool begin_at_root(struct resolved_path *p)
{
	size_t root_len;
	p->base = lookup_root(p->absolute, &root_len);
	if (p->base < 0 || proc_hides(p->absolute, root_len))
		return false;
	p->rest = lookup_below_root(p->absolute, root_len);
	p->dirfd = -1;
	/* Elsewhere absolute links and `..` lead out, and may lead to another directory. */
	if (root_len == 0)
		p->resolve |= MOTE_RESOLVE_IN_ROOT;
	return true;
}

static bool is_dot(const char *name, size_t len)
{
	return (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.');
}

static size_t last_len(const char *path)
{
	size_t len = strlen(path), n = 0;
	while (n < len && path[len - 1 - n] != '/')
		n++;
	return n;
}

/*
 * Puts the canonical form of p->absolute in its place. The last component of a name is kept as it
 * is, with the slashes after it.
 */
static int64_t walk(struct resolved_path *p, struct walk_end *end)
{
	char out[PATH_MAX], name[PATH_MAX] = "";
	size_t len = strlen(p->absolute);
	if (p->lookup == LOOKUP_NAME) {
		size_t start = len;
		while (start > 0 && p->absolute[start - 1] == '/')
			start--;
		while (start > 0 && p->absolute[start - 1] != '/')
			start--;
		memcpy(name, p->absolute + start, len - start + 1);
		p->absolute[start] = '\0';
	}
	size_t known = p->known <= strlen(p->absolute) ? p->known : 0;
	bool follow = p->lookup != LOOKUP_NOFOLLOW ||
		      is_dot(p->absolute + len - last_len(p->absolute), last_len(p->absolute));
	int64_t rc = fs_walk(p->absolute, known, follow, out, end);
	if (rc < 0)
		return rc;
	size_t out_len = strlen(out);
	const bool slash = p->lookup == LOOKUP_NAME ? out_len > 1 : end->directory && out_len > 1;
	if (out_len + slash + strlen(name) + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(p->absolute, out, out_len);
	if (slash)
		p->absolute[out_len++] = '/';
	memcpy(p->absolute + out_len, name, strlen(name) + 1);
	return 0;
}

/* A masked file is /dev/null, as a mount of that shows it; without one it is an empty file. */
static int64_t find_null(struct resolved_path *p)
{
	static const char null[] = "/dev/null";
	struct mote_stat st;
	size_t root_len;
	const int32_t base = lookup_root(null, &root_len);
	const char *rest = lookup_below_root(null, root_len);
	if (base < 0 ||
	    mote_stat(mote_area(), base, rest, strlen(rest), MOTE_RESOLVE_BENEATH, &st) < 0)
		return 0;
	p->proc[0] = '\0';
	memcpy(p->absolute, null, sizeof(null));
	(void)begin_at_root(p);
	return 0;
}

/* p->absolute is of the runtime's tree. */
static int64_t find_synthetic(struct resolved_path *p)
{
	size_t len = strlen(p->absolute);
	const bool slash = len > 1 && p->absolute[len - 1] == '/';
	while (len > 1 && p->absolute[len - 1] == '/')
		p->absolute[--len] = '\0';
	if (len >= PROC_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(p->proc, p->absolute, len + 1);
	int64_t rc = proc_lookup(p->proc);
	if (p->lookup != LOOKUP_NAME && !slash && proc_is_masked_file(p->proc))
		return find_null(p);
	if (rc == 0 && slash && p->lookup != LOOKUP_NAME && !proc_is_directory(p->proc))
		return -ENOTDIR;
	if (rc == -ENOENT && p->lookup == LOOKUP_NAME)
		return 0;
	return rc;
}

static int64_t resolve_by_walking(struct resolved_path *p)
{
	struct walk_end end = {.own = -1};
	p->walked = true;
	p->dirfd = -1;
	int64_t rc = walk(p, &end);
	p->links = end.links;
	if (rc < 0)
		return rc;
	p->own = end.own;
	if (p->own >= 0 || begin_at_root(p))
		return 0;
	return find_synthetic(p);
}

/* What a path is relative to: "" for an absolute one, NULL for one below a descriptor. */
static const char *beginning(const struct resolved_path *p, int32_t dirfd)
{
	if (p->path[0] == '/')
		return "";
	if (dirfd == AT_FDCWD)
		return lookup_held() >= 0 ? NULL : process.cwd;
	const struct proc_open *directory = proc_file(dirfd);
	return directory ? directory->path : NULL;
}

/* Resolves p->path, as the program gave it. */
static int64_t resolve(struct resolved_path *p, int32_t dirfd, enum lookup lookup)
{
	p->resolve = lookup == LOOKUP_NOFOLLOW ? MOTE_RESOLVE_NOFOLLOW : 0;
	p->lookup = (uint8_t)lookup;
	p->walked = p->is_descriptor = false;
	p->error = 0;
	p->links = 0;
	p->known = 0;
	p->proc[0] = '\0';
	p->own = -1;
	if (lookup == LOOKUP_FILE)
		p->own = fd_of_path(p->path);
	if (p->own >= 0)
		return 0;
	const char *dir = beginning(p, dirfd);
	if (!dir) {
		p->base = p->dirfd = dirfd == AT_FDCWD ? lookup_held() : dirfd;
		p->rest = p->path;
		return 0;
	}
	int64_t rc = join(p, dir);
	if (rc < 0)
		return rc;
	p->known = strlen(dir);
	if (begin_at_root(p))
		return 0;
	return resolve_by_walking(p);
}

int64_t lookup_user(struct resolved_path *p, int32_t dirfd, uint64_t path, enum lookup lookup)
{
	p->path[0] = p->proc[0] = '\0';
	int64_t len = user_path(p->path, path);
	if (len <= 0)
		return len < 0 ? len : -ENOENT;
	return resolve(p, dirfd, lookup);
}

int64_t lookup_path(struct resolved_path *p, int32_t dirfd, const char *path, enum lookup lookup)
{
	memcpy(p->path, path, strlen(path) + 1);
	return resolve(p, dirfd, lookup);
}

/* AT_EMPTY_PATH: the descriptor itself. */
static int64_t resolve_empty(struct resolved_path *p, int32_t dirfd)
{
	int64_t rc = lookup_path(p, AT_FDCWD, ".", LOOKUP_FILE);
	if (dirfd == AT_FDCWD)
		return rc;
	if (dirfd < 0)
		return -EBADF;
	p->own = dirfd;
	p->is_descriptor = true;
	return 0;
}

int64_t lookup_with_flags(struct resolved_path *p, int32_t dirfd, uint64_t path, uint32_t flags)
{
	if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH) {
		int empty = user_path_empty(path);
		if (empty)
			return empty < 0 ? empty : resolve_empty(p, dirfd);
	}
	return lookup_user(p, dirfd, path,
			   flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NOFOLLOW : LOOKUP_FILE);
}

/* The path from the root of one that is relative to a descriptor, if that is known. */
static bool join_directory(struct resolved_path *p)
{
	const char *path = fd_path(p->dirfd);
	return path && lookup_still_names(path, p->dirfd) && join(p, path) == 0;
}

int64_t lookup_walk(struct resolved_path *p, int32_t dirfd, uint64_t path, bool follow)
{
	int64_t rc = lookup_user(p, dirfd, path, follow ? LOOKUP_FILE : LOOKUP_NOFOLLOW);
	if (rc < 0 || p->own >= 0 || p->proc[0])
		return rc;
	if (!p->walked && p->dirfd >= 0 && !join_directory(p))
		return -ENOENT;
	if (!p->walked)
		rc = resolve_by_walking(p);
	p->lookup = LOOKUP_NAME;
	return rc;
}

bool lookup_still_names(const char *path, int32_t fd)
{
	struct mote_stat held, found;
	struct resolved_path p;
	if (mote_fstat(mote_area(), fd, &held) < 0 ||
	    lookup_path(&p, AT_FDCWD, path, S_ISLNK(held.mode) ? LOOKUP_NOFOLLOW : LOOKUP_FILE) <
		    0 ||
	    p.own >= 0 || p.proc[0])
		return false;
	if (mote_stat(mote_area(), p.base, p.rest, rest_len(&p), p.resolve, &found) < 0)
		return false;
	return held.dev == found.dev && held.ino == found.ino;
}

/* "/x/../proc": the host finds nothing there, and no link. */
static bool has_dots(const char *path)
{
	for (; *path; path++)
		if (path[0] == '/' && path[1] == '.')
			return true;
	return false;
}

/*
 * The host says EXDEV of a path that leads out of its directory, ENOLINK if a symlink led to where
 * there is nothing, ELOOP or EACCES of what it refuses: links and files of its own /proc. It says
 * EROFS before it has resolved anything.
 */
static bool may_be_elsewhere(const struct resolved_path *p, int64_t rc)
{
	if (p->walked || p->own >= 0 || p->proc[0])
		return false;
	return rc == -EXDEV || rc == -ENOLINK || rc == -ELOOP || rc == -EACCES || rc == -EROFS ||
	       (rc == -ENOENT && has_dots(p->dirfd >= 0 ? p->path : p->absolute));
}

/*
 * A descriptor opened with O_PATH: what it names may be changed by way of /proc/self/fd, though not
 * by the descriptor.
 */
static bool retry_by_path(struct resolved_path *p)
{
	const int32_t own = p->own;
	const bool is_descriptor = p->is_descriptor;
	const char *path = fd_path(own);
	const int64_t flags = mote_get_flags(mote_area(), own);
	if (flags < 0 || !(flags & O_PATH) || !path || !lookup_still_names(path, own) ||
	    lookup_path(p, AT_FDCWD, path, LOOKUP_NOFOLLOW) < 0)
		return false;
	p->is_descriptor = is_descriptor;
	return true;
}

int64_t lookup_link(struct resolved_path *p)
{
	return retry_by_path(p) ? 0 : -ENOENT;
}

bool lookup_retry(struct resolved_path *p, int64_t rc)
{
	if (p->own >= 0 && rc == -EBADF)
		return retry_by_path(p);
	if (!may_be_elsewhere(p, rc))
		return false;
	if (p->dirfd >= 0 && !join_directory(p))
		return false;
	p->error = (int32_t)resolve_by_walking(p);
	return p->error == 0;
}

bool lookup_retry_both(struct resolved_path *p, struct resolved_path *q, int64_t rc)
{
	bool first = lookup_retry(p, rc), second = lookup_retry(q, rc);
	return (first || second) && !p->error && !q->error;
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

int64_t lookup_result(const struct resolved_path *p, int64_t rc)
{
	if (p->error)
		return p->error;
	if (p->own >= 0 && rc == -EBADF && !p->is_descriptor)
		return -ENOENT; /* a link of /proc/self/fd that is not there */
	if (rc == -ENOLINK || (rc == -EXDEV && !p->walked))
		return -ENOENT; /* out of a directory whose path is not known: nothing is there */
	return rc;
}
