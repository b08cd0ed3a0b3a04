/* SPDX-License-Identifier: Apache-2.0 */
/* mkdir -p and openat2(2). */
#include "base/path.h"

#include "base/time.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/*
 * Whoever renames directories in a loop must not keep the caller here: neither by many tries nor by
 * links that take the kernel milliseconds each time.
 */
enum { OPENAT2_TRIES_MIN = 8, OPENAT2_TRIES_MAX = 64 };
#define OPENAT2_RETRIES_NS (20UL * TIME_NS_PER_MS)

static int make_one(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int path_make_parents(const char *path, mode_t mode)
{
	char prefix[PATH_MAX];
	size_t len = strlen(path);
	if (len == 0)
		return -ENOENT;
	if (len >= sizeof(prefix))
		return -ENAMETOOLONG;
	memcpy(prefix, path, len + 1);
	for (char *slash = strchr(prefix + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int rc = make_one(prefix, mode);
		if (rc < 0)
			return rc;
		*slash = '/';
	}
	return 0;
}

/* Without its last component; "" is the root. */
static size_t parent_len(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	if (len > 0)
		len--;
	return len;
}

int path_normalise(const char *path, char to[PATH_MAX])
{
	size_t len = 0;
	for (size_t n; *path; path += n) {
		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 0 || (n == 1 && path[0] == '.'))
			continue;
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			len = parent_len(to, len);
			continue;
		}
		if (len + 1 + n >= PATH_MAX)
			return -ENAMETOOLONG;
		to[len] = '/';
		memcpy(to + len + 1, path, n);
		len += 1 + n;
	}
	if (len == 0)
		to[len++] = '/';
	to[len] = '\0';
	return 0;
}

const char *path_below(const char *dir, const char *path)
{
	size_t len = strlen(dir);
	if (strcmp(dir, "/") == 0)
		return path + 1;
	if (strncmp(dir, path, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	return path[len] ? path + len + 1 : path + len;
}

int path_openat2(int dir_fd, const char *path, const struct open_how *how)
{
	uint64_t began_ns = 0;
	for (int tries = 0; tries < OPENAT2_TRIES_MAX; tries++) {
		long fd = syscall(SYS_openat2, dir_fd, path, how, sizeof(*how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN)
			return -errno;
		const uint64_t now_ns = time_monotonic_ns();
		if (tries == 0)
			began_ns = now_ns;
		if (tries >= OPENAT2_TRIES_MIN && now_ns - began_ns > OPENAT2_RETRIES_NS)
			break;
	}
	return -EAGAIN;
}
