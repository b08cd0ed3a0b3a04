/* SPDX-License-Identifier: Apache-2.0 */
/* Paths to the host's form of them; see lookup.h. */
#include "guest/linux/fs/lookup.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/user_path.h"

#include <linux/fcntl.h>

enum { PREOPENS_MAX = 64 };

static int32_t preopen_fd[PREOPENS_MAX]; /* where the preopened directories were moved */

static const struct mote_preopen *preopens(void)
{
	return (const void *)boot_string(process.boot->preopens);
}

static uint32_t preopen_count(void)
{
	return process.boot->preopenc < PREOPENS_MAX ? process.boot->preopenc : PREOPENS_MAX;
}

/*
 * A copy of a directory's descriptor, above all numbers that the program's own can have, or as high
 * as a host that gives fewer allows: the program counts its descriptors from 3.
 */
static int64_t move_away(int32_t fd)
{
	int64_t to = -1;
	for (uint32_t at = DESCRIPTORS_MAX; to < 0 && at >= 64; at -= 64)
		to = mote_dup(mote_area(), fd, at);
	return to;
}

void lookup_start(void)
{
	const struct mote_preopen *p = preopens();
	for (uint32_t i = 0; i < preopen_count(); i++) {
		if (p[i].kind == MOTE_PREOPEN_LISTENER)
			continue; /* stays where the program expects it */
		preopen_fd[i] = (int32_t)p[i].fd;
		int64_t to = move_away((int32_t)p[i].fd);
		if (to >= 0) {
			preopen_fd[i] = (int32_t)to;
			(void)!mote_close(mote_area(), (int32_t)p[i].fd);
		}
	}
}

bool lookup_holds(int32_t fd)
{
	for (uint32_t i = 0; i < preopen_count(); i++)
		if (preopens()[i].kind != MOTE_PREOPEN_LISTENER && preopen_fd[i] == fd)
			return true;
	return false;
}

static size_t component_len(const char *path)
{
	size_t n = 0;
	while (path[n] && path[n] != '/')
		n++;
	return n;
}

/* Whether `dir` is `path` or above it; how many bytes of the path it covers. Both are absolute. */
static bool covers(const char *dir, const char *path, size_t *len)
{
	size_t at = 0;
	for (;;) {
		while (*dir == '/')
			dir++;
		size_t n = component_len(dir);
		if (n == 0)
			break;
		while (path[at] == '/')
			at++;
		if (component_len(path + at) != n || strncmp(dir, path + at, n) != 0)
			return false;
		dir += n;
		at += n;
	}
	*len = at;
	return true;
}

int32_t lookup_root(const char *path, size_t *root_len)
{
	const struct mote_preopen *p = preopens();
	int32_t found = -ENOENT;
	*root_len = 0;
	for (uint32_t i = 0; i < preopen_count(); i++) {
		size_t len;
		if (p[i].kind == MOTE_PREOPEN_LISTENER ||
		    !covers(boot_string(p[i].path), path, &len))
			continue;
		if (found < 0 || len >= *root_len) {
			found = preopen_fd[i];
			*root_len = len;
		}
	}
	return found;
}

const char *lookup_below_root(const char *path, size_t root_len)
{
	const char *rest = path + root_len;
	while (*rest == '/')
		rest++;
	return *rest ? rest : ".";
}

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

int64_t lookup_user_file(struct resolved_path *p, int32_t dirfd, uint64_t path, bool nofollow)
{
	int64_t rc = read_path(p, path);
	if (rc < 0)
		return rc;
	p->own = fd_of_path(p->path);
	if (p->own >= 0)
		return 0;
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
