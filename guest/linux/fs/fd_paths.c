/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths by which directories were opened: `..` above one of them, fchdir and /proc/self/fd need
 * them. What does not fit is forgotten.
 */
#include "guest/linux/fs/fd_paths.h"

#include "guest/lib/lib.h"
#include "guest/lib/walk.h"
#include "guest/linux/event_file.h"
#include "guest/linux/fs/dir_cookie.h"
#include "guest/linux/fs/roots.h"
#include "guest/linux/net/sockets.h"
#include "guest/linux/proc/files.h"
#include "guest/linux/socket_pairs.h"

#include <linux/limits.h>

enum { POOL_BYTES = 32768 };

/* Strings of two pools: when one is full, those still in use move to the other. Offset 0: none. */
static char pools[2][POOL_BYTES];
static char *pool = pools[0];
static uint16_t path_at[DESCRIPTORS_MAX];
static int32_t path_end; /* above all that have a path */
static uint32_t pool_used = 1;
static uint64_t on_exec[DESCRIPTORS_MAX / 64]; /* FD_CLOEXEC */

static bool known(int32_t fd)
{
	return fd >= 0 && fd < DESCRIPTORS_MAX && path_at[fd];
}

static void collect(void)
{
	char *other = pool == pools[0] ? pools[1] : pools[0];
	pool_used = 1;
	for (int32_t fd = 0; fd < path_end; fd++) {
		if (!path_at[fd])
			continue;
		size_t bytes = strlen(pool + path_at[fd]) + 1;
		memcpy(other + pool_used, pool + path_at[fd], bytes);
		path_at[fd] = (uint16_t)pool_used;
		pool_used += (uint32_t)bytes;
	}
	pool = other;
}

static void set_path(int32_t fd, const char *path)
{
	size_t bytes = strlen(path) + 1;
	path_at[fd] = 0;
	if (bytes > POOL_BYTES / 4)
		return;
	if (bytes > POOL_BYTES - pool_used)
		collect();
	if (bytes > POOL_BYTES - pool_used)
		return;
	memcpy(pool + pool_used, path, bytes);
	path_at[fd] = (uint16_t)pool_used;
	pool_used += (uint32_t)bytes;
	if (fd >= path_end)
		path_end = fd + 1;
}

void fd_set_path(int32_t fd, const char *path)
{
	fd_forget(fd);
	if (fd >= 0 && fd < DESCRIPTORS_MAX)
		set_path(fd, path);
}

const char *fd_path(int32_t fd)
{
	if (!known(fd))
		return NULL;
	return pool + path_at[fd];
}

void fd_forget(int32_t fd)
{
	if (known(fd))
		path_at[fd] = 0;
	if (dir_cookie(fd))
		dir_cookie_set(fd, 0);
	proc_file_forget(fd);
	event_file_forget(fd);
	socket_end_forget(fd);
	netlink_forget(fd);
	(void)!fd_set_close_on_exec(fd, false);
}

int64_t fd_set_close_on_exec(int64_t fd, bool set)
{
	if (fd < 0 || fd >= DESCRIPTORS_MAX)
		return fd;
	if (set)
		on_exec[fd / 64] |= 1UL << fd % 64;
	else if (fd_closes_on_exec((int32_t)fd))
		on_exec[fd / 64] &= ~(1UL << fd % 64);
	return fd;
}

bool fd_closes_on_exec(int32_t fd)
{
	return fd >= 0 && fd < DESCRIPTORS_MAX && (on_exec[fd / 64] >> fd % 64 & 1);
}

int32_t fd_next_on_exec(int32_t from)
{
	for (int32_t fd = from; fd < DESCRIPTORS_MAX; fd++) {
		if (fd % 64 == 0 && !on_exec[fd / 64])
			fd += 63;
		else if (fd_closes_on_exec(fd))
			return fd;
	}
	return -1;
}

int64_t fd_copied(int32_t from, int64_t to)
{
	if (to < 0 || to == from)
		return to;
	fd_forget((int32_t)to);
	if (known(from)) {
		char path[PATH_MAX]; /* the pool may move */
		memcpy(path, pool + path_at[from], strlen(pool + path_at[from]) + 1);
		fd_set_path((int32_t)to, path);
	}
	if (dir_cookie(from))
		dir_cookie_set((int32_t)to, dir_cookie(from));
	proc_file_copied(from, (int32_t)to);
	event_file_copied(from, (int32_t)to);
	socket_end_copied(from, (int32_t)to);
	netlink_copied(from, (int32_t)to);
	return to;
}

/* --- renamed directories --- */

bool path_mentions(const char *path, const char *name)
{
	size_t len = strlen(name);
	for (; *path; path++)
		if (path[0] == '/' && strncmp(path + 1, name, len) == 0 &&
		    (path[1 + len] == '/' || !path[1 + len]))
			return true;
	return false;
}

bool fd_paths_mention(const char *name)
{
	for (int32_t fd = 0; fd < path_end; fd++)
		if (path_at[fd] && path_mentions(pool + path_at[fd], name))
			return true;
	return false;
}

static bool replace_beginning(char *path, const char *from, const char *to)
{
	size_t from_len = strlen(from), to_len = strlen(to), len = strlen(path);
	if (strncmp(path, from, from_len) != 0 || (path[from_len] && path[from_len] != '/') ||
	    len - from_len + to_len >= PATH_MAX)
		return false;
	memmove(path + to_len, path + from_len, len - from_len + 1);
	memcpy(path, to, to_len);
	return true;
}

bool path_follow(char *path, const char *from, const char *to, bool exchange)
{
	return replace_beginning(path, from, to) || (exchange && replace_beginning(path, to, from));
}

void fd_paths_follow(const char *from, const char *to, bool exchange)
{
	char path[PATH_MAX];
	for (int32_t fd = 0; fd < path_end; fd++) {
		if (!path_at[fd])
			continue;
		memcpy(path, pool + path_at[fd], strlen(pool + path_at[fd]) + 1);
		if (path_follow(path, from, to, exchange))
			set_path(fd, path);
	}
}

void fd_paths_change_root(const char *root)
{
	size_t len;
	for (int32_t fd = 0; fd < path_end; fd++) {
		if (!path_at[fd])
			continue;
		char *path = pool + path_at[fd];
		if (!path_covers(root, path, &len))
			path_at[fd] = 0;
		else if (path[len])
			path_at[fd] += (uint16_t)len;
		else
			set_path(fd, "/");
	}
}

int32_t fd_of_path(const char *path)
{
	static const char *const streams[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
	if (strncmp(path, "/dev/", 5) != 0 && strncmp(path, "/proc/", 6) != 0)
		return -1;
	if (!lookup_has_tree())
		return -1;
	for (int32_t i = 0; i < 3; i++)
		if (strcmp(path, streams[i]) == 0)
			return i;
	if (strncmp(path, "/dev/fd/", 8) == 0)
		return walk_number(path + 8);
	if (strncmp(path, "/proc/self/fd/", 14) == 0)
		return walk_number(path + 14);
	return -1;
}
