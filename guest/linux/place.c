/* SPDX-License-Identifier: Apache-2.0 */
/* Paths: the working directory, and which of the directories that the guest holds a path begins at. */
#include "guest/linux/syscall.h"

char path_a[PATH_MAX_BYTES], path_b[PATH_MAX_BYTES];
static char rest_a[PATH_MAX_BYTES];

enum { PREOPEN_AT = 1000 }; /* the program counts its descriptors from 3 */

void place_start(void)
{
	const struct mote_preopen *p = (const void *)boot_string(L.boot->preopens);
	for (uint32_t i = 0; i < L.boot->preopenc && i < 64; i++) {
		int64_t to = mote_dup(L.area, (int32_t)p[i].fd, PREOPEN_AT);
		L.preopen_fd[i] = to < 0 ? (int32_t)p[i].fd : (int32_t)to;
		if (to >= 0 && p[i].kind != MOTE_PREOPEN_LISTENER)
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

/* An absolute path in one static buffer: the working directory before a relative one. */
static int64_t absolute(const char *path, char *out)
{
	size_t cwd = path[0] == '/' ? 0 : strlen(L.cwd), len = strlen(path);
	if (cwd + 1 + len + 1 > PATH_MAX_BYTES)
		return -E_NAMETOOLONG;
	memcpy(out, L.cwd, cwd);
	if (cwd && out[cwd - 1] != '/')
		out[cwd++] = '/';
	memcpy(out + cwd, path, len + 1);
	return 0;
}

static int64_t path_resolve(int32_t dirfd, const char *path, int32_t *base, const char **rest, uint32_t *resolve)
{
	static char whole[PATH_MAX_BYTES];
	if (path[0] == '\0')
		return -E_NOENT;
	if (path[0] != '/' && dirfd != AT_FDCWD_) {
		*base = dirfd;
		*rest = path;
		return 0;
	}
	int64_t rc = absolute(path, whole);
	if (rc < 0)
		return rc;
	const struct mote_preopen *p = (const void *)boot_string(L.boot->preopens);
	size_t best = 0;
	int32_t found = -1;
	for (uint32_t i = 0; i < L.boot->preopenc && i < 64; i++) {
		size_t len;
		if (p[i].kind != MOTE_PREOPEN_LISTENER && covers(boot_string(p[i].path), whole, &len) &&
		    (found < 0 || len >= best)) {
			found = L.preopen_fd[i];
			best = len;
		}
	}
	if (found < 0)
		return -E_NOENT;
	const char *below = whole + best;
	while (*below == '/')
		below++;
	*base = found;
	*rest = *below ? below : ".";
	*resolve |= MOTE_RESOLVE_IN_ROOT;
	return 0;
}

int64_t place_of(int32_t dirfd, uint64_t path, bool nofollow, struct place *p)
{
	int64_t rc = get_path(path_a, path);
	if (rc < 0)
		return rc;
	p->resolve = nofollow ? MOTE_RESOLVE_NOFOLLOW : 0;
	rc = path_resolve(dirfd, path_a, &p->base, &p->rest, &p->resolve);
	return rc;
}

int64_t outside(int64_t rc)
{
	return rc == -E_XDEV ? -E_NOENT : rc;
}

int64_t two_places(int32_t from_dir, uint64_t from, int32_t to_dir, uint64_t to, struct place *p, struct place *q)
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

SYSCALL(getcwd)
{
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
