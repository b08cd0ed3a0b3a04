/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest may do with a file, by the file's kind and by how the guest got it. */
#include "vm/hostcall/permit.h"

#include "vm/hostcall/resolve.h"
#include "vm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* Of a directory of devices: 0 if the path is the name of one, else -errno. */
static int check_device(const char *path)
{
	static const char *const names[] = {MOTE_DEVICES};
	size_t len = strcspn(path, "/");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && memcmp(path, names[i], len) == 0)
			return path[len] ? -ENOTDIR : 0;
	return -ENOENT;
}

int permit_dir(struct vm *vm, int32_t fd, const char *path, const struct fd_entry **entry)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, fd);
	if (!e)
		return -EBADF;
	if (!(e->flags & FD_DIR))
		return -ENOTDIR;
	int rc = 0;
	if (e->flags & FD_DEVICES)
		rc = check_device(path);
	if (rc < 0)
		return rc;
	*entry = e;
	return e->host;
}

int permit_dir_change(struct vm *vm, int32_t fd, const char *path, const struct fd_entry **entry)
{
	int host = permit_dir(vm, fd, path, entry);
	if (host >= 0 && ((*entry)->flags & FD_DEVICES))
		return -EPERM;
	if (host >= 0 && ((*entry)->flags & FD_READONLY))
		return -EROFS;
	return host;
}

static bool is_device(const struct stat *st)
{
	return S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode);
}

/* null, zero, full, random, urandom, tty */
static bool device_allowed(dev_t dev)
{
	unsigned minor = minor(dev);
	return (major(dev) == 1 &&
		(minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9)) ||
	       (major(dev) == 5 && minor == 0);
}

/*
 * They speak about the process that asks, which is the monitor, or about the machine, and change
 * both.
 */
static int check_filesystem(int fd)
{
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	switch (fs.f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case SECURITYFS_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
		return -EACCES;
	default:
		return 0;
	}
}

int permit_open(int fd, const struct stat *st)
{
	int rc = check_filesystem(fd);
	if (rc < 0)
		return rc;
	bool allowed = !is_device(st) || (S_ISCHR(st->st_mode) && device_allowed(st->st_rdev));
	if (allowed)
		return 0;
	return -EACCES;
}

int permit_change(int fd, const struct stat *st)
{
	if (is_device(st))
		return -EPERM;
	return check_filesystem(fd);
}

int permit_change_open(const struct fd_entry *entry)
{
	struct stat st;
	if (entry->flags & FD_READONLY)
		return -EROFS;
	if (entry->flags & (FD_FIXED_STATE | FD_DEVICES))
		return -EPERM;
	int rc = resolve_stat(entry->host, &st);
	if (rc < 0)
		return rc;
	/*
	 * Everything else is a device, or has one inode for the whole machine (eventfd, epoll,
	 * timerfd).
	 */
	bool own = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISFIFO(st.st_mode);
	if (own)
		return 0;
	return -EPERM;
}

int permit_resize(const struct fd_entry *entry)
{
	struct stat st;
	if (!(entry->flags & FD_FIXED_STATE))
		return 0;
	int rc = resolve_stat(entry->host, &st);
	if (rc < 0)
		return rc;
	if (S_ISBLK(st.st_mode))
		return -EPERM;
	if (!S_ISREG(st.st_mode))
		return 0; /* the kernel knows no size of it, and says so */
	int flags = fcntl(entry->host, F_GETFL);
	if (flags < 0)
		return -errno;
	if (flags & O_APPEND)
		return -EPERM;
	return 0;
}
