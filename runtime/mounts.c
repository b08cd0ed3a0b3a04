/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounting by descriptors: where a mount goes is looked up once, inside the container's root, and
 * cannot be moved elsewhere by a symbolic link of the image.
 */
#include "runtime/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define PATH_BYTES     4096
#define MOUNT_DATA_MAX 4095 /* mount(2) takes one page */

bool mounts_is_of_the_host(const struct oci_mount *m)
{
	static const char *const types[] = {"proc",    "sysfs",  "cgroup",
					    "cgroup2", "mqueue", "devpts"};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(m->type, types[i]) == 0)
			return true;
	return false;
}

int mounts_is_directory(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode);
}

/* With an empty path: of the tree behind a descriptor. */
static int set_mount_attr(int tree, struct mount_attr *attr, bool recursive)
{
	unsigned flags = AT_EMPTY_PATH;
	if (recursive)
		flags |= AT_RECURSIVE;
	if (mount_setattr(tree, "", flags, attr, sizeof(*attr)) < 0)
		return -errno;
	return 0;
}

static int set_attributes(int tree, uint64_t set, uint64_t clear, uint64_t propagation,
			  bool recursive)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
	if (!set && !clear && !propagation)
		return 0;
	return set_mount_attr(tree, &attr, recursive);
}

static int set_propagation(int tree, const struct oci_mount *m)
{
	return set_attributes(tree, 0, 0, m->propagation, m->propagation_recursive);
}

static unsigned clone_flags(const struct oci_mount *m)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	if (m->bind_recursive)
		flags |= AT_RECURSIVE;
	return flags;
}

/* The kernel requires that it is not attached anywhere yet. */
static int map_ids(int tree, bool recursive, int userns)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
	return set_mount_attr(tree, &attr, recursive);
}

int mounts_can_map(int dir_fd, const struct oci_mount *m, int userns)
{
	cleanup_close int tree = open_tree(dir_fd, m->source, clone_flags(m));
	if (tree < 0)
		return -errno;
	return map_ids(tree, m->bind_recursive, userns);
}

static int attach_bind(const struct oci_mount *m, int target_fd, const char *where, int userns,
		       struct err *e)
{
	cleanup_close int tree = open_tree(AT_FDCWD, m->source, clone_flags(m));
	if (tree < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return err_set(e, ERR_CONFIG, errno, "mount on %s: source %s: %s", where, m->source,
			       strerror(errno));
	if (tree < 0)
		return err_sys(e, errno, "mount on %s: source %s", where, m->source);
	int rc = 0;
	if (userns >= 0)
		rc = map_ids(tree, m->bind_recursive, userns);
	if (rc == 0)
		rc = set_attributes(tree, m->recursive_set, m->recursive_clear, 0, true);
	if (rc == 0)
		rc = set_attributes(tree, m->attr_set, m->attr_clear, 0, false);
	if (rc == 0)
		rc = set_propagation(tree, m);
	if (rc < 0)
		return err_sys(e, -rc, "mount on %s: options of %s", where, m->source);
	return mounts_move(tree, target_fd, where, e);
}

int mounts_move(int tree, int target_fd, const char *where, struct err *e)
{
	const unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
	if (move_mount(tree, "", target_fd, "", flags) < 0)
		return err_sys(e, errno, "mount on %s", where);
	return 0;
}

/* The longest directory that all paths of an overlay's lowerdir= are in; its length, with the last
 * '/'. */
static size_t common_directory(const char *lower, size_t len)
{
	size_t common = 0;
	for (size_t i = 0; i < len && lower[i] != ':'; i++)
		if (lower[i] == '/')
			common = i + 1;
	for (const char *at = lower; (at = memchr(at, ':', (size_t)(lower + len - at)));) {
		at++;
		size_t same = 0, last = 0;
		while (same < common && at + same < lower + len && at[same] == lower[same])
			if (lower[same++] == '/')
				last = same;
		common = last;
	}
	return common;
}

/*
 * Many layers make an overlay's data larger than a page. Its lower directories are shortened to
 * paths relative to a directory that they share, which the caller makes current. data is rewritten
 * in place.
 */
static bool shorten_lower(char *data, char *directory, size_t size)
{
	static const char key[] = "lowerdir=";
	char *lower = strstr(data, key);
	while (lower && lower != data && lower[-1] != ',')
		lower = strstr(lower + 1, key);
	if (!lower || strchr(data, '\\'))
		return false;
	lower += sizeof(key) - 1;
	size_t len = strcspn(lower, ","), common = common_directory(lower, len);
	if (*lower != '/' || common < 2 || common >= size)
		return false;
	memcpy(directory, lower, common);
	directory[common] = '\0';
	char *to = lower;
	const char *from = lower, *end = lower + len;
	while (from < end) {
		from += common;
		while (from < end && *from != ':')
			*to++ = *from++;
		if (from < end)
			*to++ = *from++;
	}
	memmove(to, end, strlen(end) + 1);
	return true;
}

static int mount_long(const struct oci_mount *m, const char *target)
{
	char directory[PATH_BYTES];
	cleanup_free char *data = strdup(m->data);
	if (!data)
		return -ENOMEM;
	if (!shorten_lower(data, directory, sizeof(directory)) || strlen(data) > MOUNT_DATA_MAX)
		return -E2BIG;
	cleanup_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (here < 0 || chdir(directory) < 0)
		return -errno;
	int rc = 0;
	if (mount(m->source, target, m->type, m->flags, data) < 0)
		rc = -errno;
	if (fchdir(here) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int attach_new(const struct oci_mount *m, int target_fd, const char *where, struct err *e)
{
	char target[32], device[32];
	const char *source = *m->source ? m->source : m->type;
	cleanup_close int loop = -1; /* the device is freed when nobody has it open or mounted */
	int rc = 0;
	if (m->loop) {
		rc = mounts_open_loop(m->source, m->flags & MS_RDONLY, &loop, device, e);
		source = device;
	}
	if (rc < 0)
		return rc;
	snprintf(target, sizeof(target), "/proc/self/fd/%d", target_fd);
	if (strlen(m->data) > MOUNT_DATA_MAX)
		rc = mount_long(m, target);
	else if (mount(source, target, m->type, m->flags, m->data) < 0)
		rc = -errno;
	if (rc == -ENODEV)
		return err_set(e, ERR_CONFIG, ENODEV, "mount on %s: unknown file system '%s'",
			       where, m->type);
	if (rc < 0)
		return err_sys(e, -rc, "mount of %s (%s) on %s", m->source, m->type, where);
	return 0;
}

/*
 * mount(2) gives no descriptor, and to open what it has mounted is to look the path up again: so it
 * mounts on a directory that no container can change, in this process's own mount namespace.
 */
int mounts_make(const struct oci_mount *m, const char *where, struct err *e)
{
	static const char stage[] = "/proc";
	cleanup_close int fd = open(stage, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "%s", stage);
	int rc = attach_new(m, fd, where, e);
	if (rc < 0)
		return rc;
	cleanup_close int tree = open_tree(AT_FDCWD, stage, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		rc = err_sys(e, errno, "mount on %s", where);
	if (umount2(stage, MNT_DETACH) < 0 && rc == 0)
		rc = err_sys(e, errno, "unmounting %s", stage);
	if (rc < 0)
		return rc;
	return take_fd(&tree);
}

int mounts_set_propagation(int mount_fd, const struct oci_mount *m, struct err *e)
{
	int rc = set_propagation(mount_fd, m);
	if (rc < 0)
		return err_sys(e, -rc, "mount on %s: propagation", m->destination);
	return 0;
}

int mounts_set_readonly(int mount_fd, const char *where, struct err *e)
{
	int rc = set_attributes(mount_fd, MOUNT_ATTR_RDONLY, 0, 0, false);
	if (rc < 0)
		return err_sys(e, -rc, "mount on %s: read-only", where);
	return 0;
}

int mounts_attach(const struct oci_mount *m, int target_fd, const char *where, int userns,
		  struct err *e)
{
	if (m->bind)
		return attach_bind(m, target_fd, where, userns, e);
	return attach_new(m, target_fd, where, e);
}

int mounts_bind(const char *source, int target_fd, uint64_t attributes, struct err *e)
{
	const struct oci_mount m = {
		.source = source,
		.bind = true,
		.bind_recursive = true,
		.attr_set = attributes,
	};
	return attach_bind(&m, target_fd, source, -1, e);
}

int mounts_detach(const char *path, struct err *e)
{
	for (int i = 0; i < 64; i++) {
		if (umount2(path, UMOUNT_NOFOLLOW) == 0)
			continue;
		if (errno == EBUSY && umount2(path, UMOUNT_NOFOLLOW | MNT_DETACH) == 0)
			continue;
		if (errno == EINVAL || errno == ENOENT || errno == ENOTDIR)
			return 0;
		return err_sys(e, errno, "unmounting %s", path);
	}
	return err_set(e, ERR_HOST, EBUSY, "%s: too many mounts on top of each other", path);
}
