/* SPDX-License-Identifier: Apache-2.0 */
/* Paths: the working directory, and which of the directories that the guest holds a path begins at. */
#include "guest/linux/linux.h"

enum { PREOPEN_AT = 1000 }; /* the program counts its descriptors from 3 */

void file_start(void)
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

int64_t path_resolve(int32_t dirfd, const char *path, int32_t *base, const char **rest, uint32_t *resolve)
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
