/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /dev of a container (OCI runtime specification, "Default Devices"). On a tmpfs of its own there
 * are device nodes. The root file system is nodev, and its nodes are none: there the host's are
 * bound on files, which are made, as other runtimes make theirs, if the root can be written. In a
 * volume nothing is made, neither one that is bound on /dev nor one into which a link of the image
 * leads: it is somebody else's.
 */
#include "runtime/monitor/monitor.h"

#include "runtime/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

static const struct device {
	const char *name;
	unsigned major, minor;
} devices[] = {
	{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
	{"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

/* Links that programs expect there; the guest runtime resolves them. */
static const char *const links[][2] = {
	{"/proc/self/fd", "fd"},
	{"/proc/self/fd/0", "stdin"},
	{"/proc/self/fd/1", "stdout"},
	{"/proc/self/fd/2", "stderr"},
};

static int device_error(struct err *e, int code, const char *name)
{
	return err_sys(e, code, "/dev/%s in the container", name);
}

/* On a file of that name; what the config has mounted there, and a link of the image, stays. */
static int bind_device(int dev_fd, const char *name, struct err *e)
{
	char source[32];
	struct statx st;
	snprintf(source, sizeof(source), "/dev/%s", name);
	if (mknodat(dev_fd, name, S_IFREG | 0666, 0) < 0 && errno != EEXIST)
		return device_error(e, errno, name);
	cleanup_close int target = openat(dev_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0 || statx(target, "", AT_EMPTY_PATH, STATX_TYPE, &st) < 0)
		return device_error(e, errno, name);
	if (S_ISLNK(st.stx_mode) || S_ISDIR(st.stx_mode) ||
	    st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return 0;
	return mounts_bind(source, target, 0, e);
}

/* If mknod is refused (no CAP_MKNOD in this user namespace), the host's own is shown. */
static int make_device(int dev_fd, const struct device *d, bool nodes, struct err *e)
{
	if (nodes && (mknodat(dev_fd, d->name, S_IFCHR | 0666, makedev(d->major, d->minor)) == 0 ||
		      errno == EEXIST))
		return 0;
	if (nodes && errno != EPERM)
		return device_error(e, errno, d->name);
	return bind_device(dev_fd, d->name, e);
}

static int make_links(int dev_fd, struct err *e)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlinkat(links[i][0], dev_fd, links[i][1]) < 0 && errno != EEXIST)
			return device_error(e, errno, links[i][1]);
	return 0;
}

/* What /dev is. */
struct dev {
	bool of_root; /* on the root's own mount, which is going to be nodev */
	bool nodev;
};

static int look_at_dev(int root_fd, int dev_fd, struct dev *d, struct err *e)
{
	struct statx root, dev;
	struct statvfs fs;
	if (statx(root_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &root) < 0 ||
	    statx(dev_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &dev) < 0 || fstatvfs(dev_fd, &fs) < 0)
		return err_sys(e, errno, "/dev in the container");
	*d = (struct dev){
		.of_root = root.stx_mnt_id == dev.stx_mnt_id,
		.nodev = fs.f_flag & ST_NODEV,
	};
	return 0;
}

/* What the config mounts on /dev, the last of several; NULL if it is nothing. */
static const struct oci_mount *mount_on_dev(const struct oci_spec *s)
{
	char path[PATH_MAX];
	for (size_t i = s->mounts_count; i-- > 0;)
		if (!mounts_is_of_the_host(&s->mounts[i]) &&
		    mounts_clean_path(s->mounts[i].destination, path) == 0 &&
		    strcmp(path, "/dev") == 0)
			return &s->mounts[i];
	return NULL;
}

static int make_all(int dev_fd, bool nodes, struct err *e)
{
	int rc = 0;
	mode_t mask = umask(0);
	for (size_t i = 0; rc == 0 && i < sizeof(devices) / sizeof(devices[0]); i++)
		rc = make_device(dev_fd, &devices[i], nodes, e);
	if (rc == 0)
		rc = make_links(dev_fd, e);
	umask(mask);
	return rc;
}

int monitor_make_devices(const struct oci_spec *s, int root_fd, struct err *e)
{
	const struct oci_mount *mounted = mount_on_dev(s);
	if (mounted && mounted->bind)
		return 0;
	cleanup_close int dev = mounts_make_in(root_fd, "/dev", true, NULL, e);
	if (dev == -EROFS)
		return 0;
	if (dev < 0)
		return dev;
	cleanup_close int fd = openat(dev, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "/dev in the container");
	struct dev d;
	int rc = look_at_dev(root_fd, fd, &d, e);
	if (rc < 0)
		return rc;
	if (!d.of_root && !mounted)
		return 0;
	rc = make_all(fd, !d.of_root && !d.nodev, e);
	/* Nothing can be added to a root file system that cannot be written. */
	if (rc == -EROFS)
		return 0;
	return rc;
}
