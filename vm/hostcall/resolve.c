/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving guest paths with openat2(2). */
#include "vm/hostcall/resolve.h"

#include "vm/hostcall/hostcall.h"

#include "abi/types.h"
#include "base/path.h"
#include "vm/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int resolve_missing(int dir, const char *path, uint32_t resolve)
{
	struct open_how own, *how = jail_how(JAIL_NO_SYMLINKS, &own);
	while (*path == '/')
		path++;
	if (!*path)
		return -ENOENT;
	how->flags = O_PATH | O_CLOEXEC;
	if (resolve & MOTE_RESOLVE_NOFOLLOW)
		how->flags |= O_NOFOLLOW;
	how->mode = 0;
	cleanup_close int fd = path_openat2(dir, path, how);
	return fd == -ELOOP ? -ENOLINK : -ENOENT;
}

int resolve_try(int dir, const char *path, uint32_t resolve, uint64_t flags, uint32_t mode)
{
	const uint32_t known =
		MOTE_RESOLVE_IN_ROOT | MOTE_RESOLVE_NOFOLLOW | MOTE_RESOLVE_NO_SYMLINKS;
	enum jail_resolving resolving = JAIL_BENEATH;
	if (resolve & ~known)
		return -EINVAL;
	if (resolve & MOTE_RESOLVE_NO_SYMLINKS)
		resolving = JAIL_NO_SYMLINKS;
	else if (resolve & MOTE_RESOLVE_IN_ROOT)
		resolving = JAIL_IN_ROOT;
	struct open_how own, *how = jail_how(resolving, &own);
	how->flags = flags | O_CLOEXEC;
	if (resolve & MOTE_RESOLVE_NOFOLLOW)
		how->flags |= O_NOFOLLOW;
	how->mode = 0;
	if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
		how->mode = mode & 07777;
	return path_openat2(dir, path, how);
}

int resolve_open(int dir, const char *path, uint32_t resolve, uint64_t flags, uint32_t mode)
{
	int fd = resolve_try(dir, path, resolve, flags, mode);
	if (fd == -ENOENT)
		return resolve_missing(dir, path, resolve);
	return fd;
}

int resolve_stat(int fd, struct stat *st)
{
	return sys_status(syscall(SYS_fstat, fd, st));
}

int resolve_parent(int dir, const char *path, uint32_t resolve, struct resolve_parent *out)
{
	char parent[4097];
	size_t len = strlen(path);
	bool slash = len > 0 && path[len - 1] == '/';
	while (len > 0 && path[len - 1] == '/')
		len--;
	size_t start = len;
	while (start > 0 && path[start - 1] != '/')
		start--;
	size_t name = len - start;
	const bool dots = (name == 1 && path[start] == '.') ||
			  (name == 2 && path[start] == '.' && path[start + 1] == '.');
	if (name == 0)
		return -EINVAL;
	if (name > 255)
		return -ENAMETOOLONG;
	if (start == 0) {
		strcpy(parent, ".");
	} else {
		memcpy(parent, path, start);
		parent[start] = '\0';
	}
	cleanup_close int fd = resolve_open(dir, parent, resolve & ~(uint32_t)MOTE_RESOLVE_NOFOLLOW,
					    O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	if (dots)
		return name == 1 ? -EINVAL : -ENOTEMPTY;
	out->fd = take_fd(&fd);
	out->slash = slash;
	memcpy(out->name, path + start, name);
	out->name[name] = '\0';
	return 0;
}

int resolve_stat_name(int dir, const char *name, struct stat *st)
{
	return sys_status(fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT));
}
