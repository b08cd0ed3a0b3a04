/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes that bring a procfs. Its links lead to other processes' roots, directories and files
 * whatever their paths are. Paths of the guest follow none of them (vm/hostcall/resolve.h), but the
 * address of an AF_UNIX socket is resolved by the kernel alone, below the monitor's own root: so
 * none of these mounts has links that anybody follows. The operator controls what is mounted, other
 * containers the directories of shared volumes.
 */
#include "runtime/monitor/monitor.h"

#include "base/io.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MOUNTINFO_MAX = 16 << 20 };

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* mountinfo has \ooo for space, tab, newline and backslash. */
static void unescape(char *path)
{
	char *to = path;
	for (const char *at = path; *at; at++, to++) {
		*to = *at;
		if (*at != '\\' || strspn(at + 1, "01234567") < 3)
			continue;
		*to = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
		at += 3;
	}
	*to = '\0';
}

/*
 * The path of a procfs of mountinfo (proc(5): "id parent dev root mountpoint options optional... -
 * type source super"); NULL: the line is another file system's.
 */
static char *procfs_at(char *line)
{
	char *mountpoint = NULL, *at = line;
	const char *dash = strstr(line, " - ");
	if (!dash || strncmp(dash, " - proc ", strlen(" - proc ")) != 0)
		return NULL;
	for (int field = 0; at && field < 5; field++)
		mountpoint = strsep(&at, " ");
	if (mountpoint)
		unescape(mountpoint);
	return mountpoint;
}

/* By a path below the root. One that is covered by another mount cannot be reached at all. */
static int follow_no_links(int root, const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
	};
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSYMFOLLOW};
	struct statfs fs;
	cleanup_close int fd = path_openat2(root, path, &how);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return fd;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != PROC_SUPER_MAGIC)
		return 0;
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
		return -errno;
	return 0;
}

int monitor_restrict_procfs(int root, struct err *e)
{
	cleanup_free char *text = NULL;
	char name[32], top[PATH_MAX];
	size_t len;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", root);
	const ssize_t n = readlink(name, top, sizeof(top) - 1);
	if (n < 0)
		return err_sys(e, errno, "the path of the container's root");
	top[n] = '\0';
	int rc = io_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, &len);
	if (rc < 0)
		return err_sys(e, -rc, "/proc/self/mountinfo");
	for (char *line, *rest = text; (line = strsep(&rest, "\n"));) {
		const char *path = procfs_at(line);
		if (!path || strncmp(path, top, (size_t)n) != 0 || path[n] != '/')
			continue;
		rc = follow_no_links(root, path + n);
		if (rc < 0)
			return err_sys(e, -rc, "%.300s: a procfs without links to follow",
				       path + n);
	}
	return 0;
}
