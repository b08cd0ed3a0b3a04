/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file system of a monitor. What the kernel shows of the host (proc, sysfs, cgroup,
 * devpts, mqueue) is not mounted, whatever the config says: the guest runtime has its own, and
 * nothing of the host's may be in reach.
 */
#include "runtime/monitor/monitor.h"

#include "oci/rootfs.h"
#include "runtime/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* --- mounts --- */

/*
 * With ids as they are on the host, and a tmpfs with the mode of the directory that it covers,
 * unless it has one of its own: of two, the kernel takes the later. *data: owned.
 */
static int adapt(const struct oci_mount *m, const struct userns *u, const struct stat *covered,
		 struct oci_mount *out, char **data, struct err *e)
{
	cleanup_free char *shifted = NULL;
	int rc = 0;
	*out = *m;
	if (m->bind)
		return 0;
	out->propagation = 0;
	if (u->base)
		rc = userns_shift_options(u, m->data, &shifted);
	const char *own = shifted ? shifted : m->data;
	if (rc == 0 && covered && strcmp(m->type, "tmpfs") == 0) {
		if (asprintf(data, "mode=%o%s%s", covered->st_mode & 07777, *own ? "," : "", own) <
		    0)
			rc = -ENOMEM;
	} else {
		*data = take_ptr(shifted);
	}
	if (rc < 0)
		return err_sys(e, -rc, "mount on %s", m->destination);
	if (*data)
		out->data = *data;
	return 0;
}

/*
 * A new file system of which more is asked than to be mounted. `covered`, the directory below it,
 * was looked up once: a guest that shares the volume it is in may move it and its parents.
 */
static int attach_made(const struct oci_mount *m, const struct oci_mount *config, int covered,
		       struct err *e)
{
	struct oci_mount filled = *m;
	if (config->copy_up) /* read-only is what it becomes */
		filled.flags &= ~(unsigned long)MS_RDONLY;
	cleanup_close int tree = mounts_make(&filled, config->destination, e);
	if (tree < 0)
		return tree;
	int rc = 0;
	if (config->copy_up)
		rc = mounts_copy_up(covered, tree, config->destination, e);
	if (rc == 0 && filled.flags != m->flags)
		rc = mounts_set_readonly(tree, config->destination, e);
	if (rc == 0)
		rc = mounts_move(tree, covered, config->destination, e);
	if (rc < 0)
		return rc;
	/* Last, as it becomes shared if it is mounted below what is. */
	return mounts_set_propagation(tree, config, e);
}

/* What is mounted on the root itself would not be seen: this process's root is what lies below. */
static int check_place(const struct oci_mount *m, int root_fd, const struct stat *target,
		       struct err *e)
{
	struct stat root;
	if (fstat(root_fd, &root) < 0)
		return err_sys(e, errno, "mount on %s", m->destination);
	if (root.st_dev != target->st_dev || root.st_ino != target->st_ino)
		return 0;
	return err_set(e, ERR_CONFIG, EINVAL,
		       "mount on %s: it is the container's root, which root.path names",
		       m->destination);
}

static int check_kind(const struct oci_mount *m, bool directory, const struct stat *target,
		      struct err *e)
{
	if (S_ISDIR(target->st_mode) == directory)
		return 0;
	if (!m->bind)
		return err_set(e, ERR_CONFIG, ENOTDIR,
			       "mount on %s: it is a file in the container, and a file system is "
			       "mounted on a directory",
			       m->destination);
	if (directory)
		return err_set(e, ERR_CONFIG, ENOTDIR,
			       "mount on %s: it is a file in the container, and the source %s is a "
			       "directory",
			       m->destination, m->source);
	return err_set(e, ERR_CONFIG, EISDIR,
		       "mount on %s: it is a directory in the container, and the source %s is a "
		       "file",
		       m->destination, m->source);
}

static int attach(const struct oci_mount *config, int root_fd, const struct userns *u,
		  struct err *e)
{
	cleanup_free char *data = NULL;
	struct oci_mount m;
	struct stat st;
	bool made;
	if (mounts_is_of_the_host(config))
		return 0;
	int directory = true;
	if (config->bind)
		directory = mounts_is_directory(config->source);
	if (directory < 0)
		return err_set(e, ERR_CONFIG, -directory, "mount on %s: source %s: %s",
			       config->destination, config->source, strerror(-directory));
	cleanup_close int target =
		mounts_make_in(root_fd, config->destination, directory, &made, e);
	if (target < 0)
		return target;
	if (fstat(target, &st) < 0)
		return err_sys(e, errno, "mount on %s", config->destination);
	int rc = check_place(config, root_fd, &st, e);
	if (rc == 0)
		rc = check_kind(config, directory, &st, e);
	if (rc < 0)
		return rc;
	rc = adapt(config, u, made ? NULL : &st, &m, &data, e);
	if (rc < 0)
		return rc;
	if (!config->bind && (config->propagation || config->copy_up))
		return attach_made(&m, config, target, e);
	return mounts_attach(&m, target, config->destination, u->fd, e);
}

/* Hides what is at path: a directory under an empty one, a file under /dev/null. */
static int mask(int root_fd, const char *path, struct err *e)
{
	cleanup_close int target = oci_open_in_root(root_fd, path, O_PATH);
	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return err_sys(e, -target, "masked path %s", path);
	struct stat st;
	if (fstat(target, &st) < 0)
		return err_sys(e, errno, "masked path %s", path);
	if (!S_ISDIR(st.st_mode))
		return mounts_bind("/dev/null", target, MOUNT_ATTR_RDONLY, e);
	char data[] = "size=0k,nr_inodes=2,mode=755";
	const struct oci_mount empty = {
		.type = "tmpfs",
		.source = "tmpfs",
		.flags = MS_RDONLY,
		.data = data,
	};
	return mounts_attach(&empty, target, path, -1, e);
}

static int make_readonly(int root_fd, const char *path, struct err *e)
{
	cleanup_close int target = oci_open_in_root(root_fd, path, O_PATH);
	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return err_sys(e, -target, "read-only path %s", path);
	char source[32];
	snprintf(source, sizeof(source), "/proc/self/fd/%d", target);
	return mounts_bind(source, target, MOUNT_ATTR_RDONLY, e);
}

static bool is_mount(int fd)
{
	struct statx st;
	return statx(fd, "", AT_EMPTY_PATH, 0, &st) == 0 &&
	       st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/*
 * The root must be a mount of its own for pivot_root(2), its read-only flag and its mapping of ids.
 */
static int open_root(const char *rootfs, const struct userns *u, struct err *e)
{
	cleanup_close int fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_CONFIG, errno, "root.path: %s: %s", rootfs, strerror(errno));
	if (!u->base && is_mount(fd))
		return take_fd(&fd);
	const struct oci_mount m = {.source = rootfs, .bind = true, .bind_recursive = true};
	int rc = mounts_attach(&m, fd, rootfs, u->fd, e);
	if (rc < 0)
		return rc;
	int on_top = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (on_top < 0)
		return err_sys(e, errno, "root.path: %s", rootfs);
	return on_top;
}

static int pivot(int root_fd, struct err *e)
{
	if (fchdir(root_fd) < 0)
		return err_sys(e, errno, "the container's root");
	/* The old root comes to lie on the new one, and is taken from there. */
	if (syscall(SYS_pivot_root, ".", ".") < 0) {
		if (errno != EINVAL)
			return err_sys(e, errno, "pivot_root");
		/* A machine that runs from its initramfs cannot pivot: the new root covers the old
		 * one. */
		if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
			return err_sys(e, errno, "covering the host's root");
		return 0;
	}
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(e, errno, "leaving the host's root");
	return 0;
}

static int prepare_root(const struct oci_spec *s, int root, const struct userns *u, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < s->mounts_count; i++)
		rc = attach(&s->mounts[i], root, u, e);
	if (rc == 0)
		rc = monitor_make_devices(s, root, e);
	for (size_t i = 0; rc == 0 && i < s->readonly_count; i++)
		rc = make_readonly(root, s->readonly[i], e);
	for (size_t i = 0; rc == 0 && i < s->masked_count; i++)
		rc = mask(root, s->masked[i], e);
	if (rc < 0)
		return rc;
	/* An image may have device nodes, and opening one can do harm (a watchdog starts). */
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NODEV};
	if (s->root_readonly)
		attributes.attr_set |= MOUNT_ATTR_RDONLY;
	if (mount_setattr(root, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
		return err_sys(e, errno, "mount attributes of the root (nodev, read-only)");
	return 0;
}

int monitor_enter_root(const struct oci_spec *s, const char *rootfs, bool root_mapped,
		       const struct userns *u, const struct monitor_hooks *hooks, int *root_fd,
		       struct err *e)
{
	const struct userns none = USERNS_NONE;
	/*
	 * What is mounted here must not reach the host; what the host mounts later may still come
	 * in.
	 */
	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return err_sys(e, errno, "propagation of the mount namespace");
	cleanup_close int root = open_root(rootfs, root_mapped ? &none : u, e);
	if (root < 0)
		return root;
	int rc = prepare_root(s, root, u, e);
	if (rc == 0 && hooks)
		rc = hooks_run(&hooks->hooks, OCI_HOOK_CREATE_CONTAINER, &hooks->state, e);
	if (rc == 0)
		rc = monitor_restrict_procfs(root, e);
	if (rc == 0)
		rc = pivot(root, e);
	if (rc == 0 && s->propagation &&
	    mount(NULL, "/", NULL, (unsigned long)s->propagation, NULL) < 0)
		rc = err_sys(e, errno, "linux.rootfsPropagation");
	if (rc < 0)
		return rc;
	*root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*root_fd < 0)
		return err_sys(e, errno, "the container's root");
	return 0;
}
