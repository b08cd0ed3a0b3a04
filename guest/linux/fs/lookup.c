/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths: the working directory, and which of the directories that the guest holds a path begins at.
 * Each of those acts as the root of what is below it. A path relative to a descriptor is first
 * resolved beneath that; where it leads above, it is resolved again from the name by which the
 * directory was opened.
 */
#include "guest/linux/syscall.h"

enum { LINKS_MAX = 40 };

/*
 * A copy of a directory's descriptor out of the way: the program counts its descriptors from 3. Above all numbers that it
 * can have, or as high as a host that gives fewer allows.
 */
static int64_t move_away(int32_t fd)
{
	int64_t to = -1;
	for (uint32_t at = DESCRIPTORS_MAX; to < 0 && at >= 64; at -= 64)
		to = mote_dup(L.area, fd, at);
	return to;
}

void place_start(void)
{
	const struct mote_preopen *p = (const void *)boot_string(L.boot->preopens);
	for (uint32_t i = 0; i < L.boot->preopenc && i < 64; i++) {
		if (p[i].kind == MOTE_PREOPEN_LISTENER)
			continue; /* stays where the program looks for it */
		int64_t to = move_away((int32_t)p[i].fd);
		L.preopen_fd[i] = to < 0 ? (int32_t)p[i].fd : (int32_t)to;
		if (to >= 0)
			mote_close(L.area, (int32_t)p[i].fd);
	}
}

/* Whether `dir` is `path` or above it; how many bytes of path it covers. */
static bool covers(const char *dir, const char *path, size_t *len)
{
	size_t n = strlen(dir);
	while (n > 0 && dir[n - 1] == '/')
		n--;
	if (strncmp(dir, path, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return false;
	*len = n;
	return true;
}

/* The directory that an absolute path is in, and where in the path its own part begins; -E_NOENT:
 * none. */
static int32_t root_of(const char *path, size_t *own)
{
	const struct mote_preopen *p = (const void *)boot_string(L.boot->preopens);
	int32_t found = -E_NOENT;
	*own = 0;
	for (uint32_t i = 0; i < L.boot->preopenc && i < 64; i++) {
		size_t len;
		if (p[i].kind != MOTE_PREOPEN_LISTENER &&
		    covers(boot_string(p[i].path), path, &len) && (found < 0 || len >= *own)) {
			found = L.preopen_fd[i];
			*own = len;
		}
	}
	return found;
}

/* Resolves dir + "/" + the place's path, where dir is "" for an absolute one. */
static int64_t place_below(struct place *p, const char *dir)
{
	size_t dir_len = strlen(dir), len = strlen(p->path), own;
	if (dir_len + 1 + len + 1 > PATH_MAX_BYTES)
		return -E_NAMETOOLONG;
	memcpy(p->whole, dir, dir_len);
	if (dir_len && p->whole[dir_len - 1] != '/')
		p->whole[dir_len++] = '/';
	memcpy(p->whole + dir_len, p->path, len + 1);
	int32_t base = root_of(p->whole, &own);
	if (base < 0)
		return base;
	p->base = base;
	p->rest = p->whole + own;
	while (*p->rest == '/')
		p->rest++;
	if (!*p->rest)
		p->rest = ".";
	p->dirfd = -1;
	p->resolve |= MOTE_RESOLVE_IN_ROOT;
	return 0;
}

int64_t place_of(struct place *p, int32_t dirfd, uint64_t path, bool nofollow)
{
	p->path[0] = '\0';
	int64_t rc = get_path(p->path, path);
	if (rc <= 0)
		return rc < 0 ? rc : -E_NOENT;
	p->resolve = nofollow ? MOTE_RESOLVE_NOFOLLOW : 0;
	p->own = p->path[0] == '/' ? descriptor_of_path(p->path) : -1;
	p->base = p->dirfd = -1;
	if (p->own >= 0)
		return 0;
	if (p->path[0] == '/')
		return place_below(p, "");
	if (dirfd == AT_FDCWD_)
		return place_below(p, L.cwd);
	p->base = p->dirfd = dirfd;
	p->rest = p->path;
	return 0;
}

int64_t place_here(struct place *p)
{
	p->resolve = 0;
	p->own = -1;
	return place_below(p, L.cwd);
}

/* Whether the directory that was opened by this name still has it. */
static bool still_named(const char *name, int32_t fd)
{
	struct mote_stat held, found;
	size_t own;
	int32_t base = root_of(name, &own);
	const char *rest = name + own;
	while (*rest == '/')
		rest++;
	if (!*rest)
		rest = ".";
	return base >= 0 && mote_fstat(L.area, fd, &held) == 0 &&
	       mote_stat(L.area, base, rest, strlen(rest), MOTE_RESOLVE_IN_ROOT, &found) == 0 &&
	       held.dev == found.dev && held.ino == found.ino;
}

bool place_again(struct place *p, int64_t rc)
{
	if (rc != -E_XDEV || p->dirfd < 0)
		return false;
	const char *name = descriptor_name(p->dirfd);
	return name && still_named(name, p->dirfd) && place_below(p, name) == 0;
}

bool places_again(struct place *p, struct place *q, int64_t rc)
{
	bool first = place_again(p, rc), second = place_again(q, rc);
	return first || second;
}

bool place_name(const struct place *p, char *name)
{
	const char *dir = p->dirfd < 0 ? NULL : descriptor_name(p->dirfd);
	if (p->dirfd < 0) {
		memcpy(name, p->whole, strlen(p->whole) + 1);
		return true;
	}
	if (!dir || strlen(dir) + 1 + strlen(p->path) + 1 > PATH_MAX_BYTES)
		return false;
	size_t len = strlen(dir);
	memcpy(name, dir, len);
	name[len] = '/';
	memcpy(name + len + 1, p->path, strlen(p->path) + 1);
	return true;
}

int64_t outside(int64_t rc)
{
	return rc == -E_XDEV ? -E_NOENT : rc;
}

/* --- the working directory --- */

SYSCALL(getcwd)
{
	uint64_t len = strlen(L.cwd) + 1;
	if (len > s->b)
		return -E_RANGE;
	return put_user(s->a, L.cwd, len) < 0 ? -E_FAULT : (int64_t)len;
}

/* Reads the symlink that an absolute path without links names into target: its length, 0 where it
 * is none. */
static int64_t read_link(const char *path, char *target)
{
	size_t own;
	int32_t base = root_of(path, &own);
	const char *rest = path + own;
	if (base < 0 || !*rest) /* above every directory that the guest holds, or one of them */
		return 0;
	int64_t rc = mote_readlink(L.area, base, rest + 1, strlen(rest + 1), MOTE_RESOLVE_IN_ROOT,
				   target, PATH_MAX_BYTES - 1);
	return rc == -E_INVAL ? 0 : rc;
}

/* Without its last component, but not above the directory that acts as its root. */
static size_t parent_of(const char *path, size_t len)
{
	size_t own;
	(void)root_of(path, &own);
	while (len > own && path[len - 1] != '/')
		len--;
	return len > own ? len - 1 : len;
}

/* An absolute path as the kernel walks it: without ".", ".." and symlinks. */
static int64_t canonical(const char *path, char *out)
{
	static char todo[PATH_MAX_BYTES], target[PATH_MAX_BYTES];
	size_t len = 0, n;
	unsigned links = 0;
	memcpy(todo, path, strlen(path) + 1);
	out[0] = '\0';
	for (const char *at = todo; *at; at += n) {
		for (n = 0; at[n] && at[n] != '/'; n++)
			;
		if (n == 0 || (n == 1 && at[0] == '.')) {
			n += n == 0;
			continue;
		}
		if (n == 2 && at[0] == '.' && at[1] == '.') {
			len = parent_of(out, len);
			out[len] = '\0';
			continue;
		}
		if (len + 1 + n + 1 > PATH_MAX_BYTES)
			return -E_NAMETOOLONG;
		out[len] = '/';
		memcpy(out + len + 1, at, n);
		out[len + 1 + n] = '\0';
		int64_t link = read_link(out, target);
		if (link < 0)
			return link;
		if (link == 0) {
			len += 1 + n;
			continue;
		}
		size_t rest = strlen(at + n);
		if (++links > LINKS_MAX)
			return -E_LOOP;
		if ((size_t)link + rest + 1 > PATH_MAX_BYTES)
			return -E_NAMETOOLONG;
		if (target[0] == '/')
			(void)root_of(out, &len);
		out[len] = '\0';
		memmove(todo + link, at + n, rest + 1);
		memcpy(todo, target, (size_t)link);
		at = todo;
		n = 0;
	}
	if (len == 0)
		memcpy(out, "/", 2);
	return 0;
}

/* Goes where an absolute path leads, if that is a directory that may be searched. */
static int64_t change_to(const char *path)
{
	static char next[PATH_MAX_BYTES];
	size_t own;
	int64_t rc = canonical(path, next);
	if (rc < 0)
		return rc;
	int32_t base = root_of(next, &own);
	size_t len = strlen(next + own);
	if (base < 0)
		return base;
	if (own + len + 3 > sizeof(next))
		return -E_NAMETOOLONG;
	char *end = next + own + len, *rest = next + own;
	memcpy(end, "/.", 3);
	while (*rest == '/')
		rest++;
	rc = mote_access(L.area, base, rest, strlen(rest), MOTE_RESOLVE_IN_ROOT, 1 /* X_OK */);
	if (rc < 0)
		return rc;
	*end = '\0';
	memcpy(L.cwd, next, strlen(next) + 1);
	return 0;
}

SYSCALL(chdir)
{
	static struct place p;
	int64_t rc = place_of(&p, AT_FDCWD_, s->a, false);
	return rc < 0 ? rc : change_to(p.whole);
}

SYSCALL(fchdir)
{
	struct mote_stat st;
	int64_t rc = mote_fstat(L.area, (int32_t)s->a, &st);
	if (rc < 0)
		return rc;
	if ((st.mode & 0170000) != 0040000)
		return -E_NOTDIR;
	const char *name = descriptor_name((int32_t)s->a);
	if (!name || !still_named(name, (int32_t)s->a)) {
		lib_log("fchdir: the directory was moved, or its name is not known any more");
		return -E_NOENT;
	}
	return change_to(name);
}
