/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An overlay over id-mapped layers (Linux 5.19). An overlay itself cannot be id-mapped; its layers
 * can, and it takes its owners from them and writes to them by its mounter's and caller's ids. The
 * directory that all layers share is cloned once, mapped, and put on a directory of the bundle's for
 * the time of the call, since the kernel takes layers from attached mounts only.
 */
#include "runtime/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define PATH_BYTES 4096
#define MOUNT_DATA_MAX 4095 /* mount(2) takes one page */

struct layers {
	const char *data;
	char directory[PATH_BYTES]; /* what all paths begin with, up to and with the last '/' */
	size_t len;
	uint64_t mount;
};

typedef int path_fn(struct layers *l, const char *path, size_t len);

/* Length of the key of an option that holds paths, or 0. */
static size_t path_key(const char *option)
{
	static const char *const keys[] = {"lowerdir=", "upperdir=", "workdir="};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strncmp(option, keys[i], strlen(keys[i])) == 0)
			return strlen(keys[i]);
	return 0;
}

static int each_path(struct layers *l, path_fn *fn)
{
	for (const char *at = l->data; *at;) {
		size_t option = strcspn(at, ","), key = path_key(at);
		const char *end = at + option;
		for (const char *path = at + key; key && path <= end;) {
			size_t len = strcspn(path, ":,");
			int rc = fn(l, path, len);
			if (rc < 0)
				return rc;
			path += len + 1;
		}
		at = *end ? end + 1 : end;
	}
	return 0;
}

/* A path that is not plain (relative, escaped, empty as before a layer of data only) is not ours. */
static int share(struct layers *l, const char *path, size_t len)
{
	if (len < 2 || *path != '/' || len >= sizeof(l->directory) || memchr(path, '\\', len))
		return -ENOTSUP;
	size_t same = 0, last = 0, room = l->len ? l->len : len;
	while (same < room && same < len && (!l->len || l->directory[same] == path[same]))
		if (path[same++] == '/')
			last = same;
	if (!l->len)
		memcpy(l->directory, path, len);
	l->len = last;
	l->directory[last] = '\0';
	return last > 1 ? 0 : -ENOTSUP;
}

static int mount_of(const char *path, uint64_t *id)
{
	struct statx st;
	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &st) < 0)
		return -errno;
	*id = st.stx_mnt_id;
	return st.stx_mask & STATX_MNT_ID ? 0 : -ENOTSUP;
}

/* A clone of one mount shows nothing of those below it. */
static int is_on_the_same_mount(struct layers *l, const char *path, size_t len)
{
	char copy[PATH_BYTES];
	uint64_t id;
	memcpy(copy, path, len);
	copy[len] = '\0';
	int rc = mount_of(copy, &id);
	return rc < 0 ? rc : id == l->mount ? 0 : -EXDEV;
}

/* The options with paths relative to the shared directory; out has room for l->data. */
static void shorten(const struct layers *l, char *out)
{
	const char *at = l->data;
	bool paths = false, begins = true;
	while (*at) {
		size_t key = begins ? path_key(at) : 0;
		if (begins) {
			paths = key > 0;
			memcpy(out, at, key);
			out += key;
			at += key;
		}
		if (paths && (key || at[-1] == ':'))
			at += l->len;
		begins = *at == ',';
		if (*at)
			*out++ = *at++;
	}
	*out = '\0';
}

static int mount_from(int tree, const struct oci_mount *m, int target_fd, const char *data,
		      const struct userns *u, struct err *e)
{
	char target[32];
	snprintf(target, sizeof(target), "/proc/self/fd/%d", target_fd);
	cleanup_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (here < 0 || fchdir(tree) < 0)
		return err_sys(e, errno, "the layers of the root file system");
	/* What the overlay makes of its own, it makes as its mounter: on disk as root. */
	int rc = userns_set_fs_ids(u->base, u->base, e);
	if (rc == 0 && mount(m->source, target, "overlay", m->flags, data) < 0)
		rc = err_sys(e, errno, "an overlay over id-mapped layers");
	struct err again = {0};
	if ((userns_set_fs_ids(0, 0, &again) < 0 || fchdir(here) < 0) && rc == 0)
		rc = err_sys(e, EPERM, "being root again");
	return rc;
}

static int attach_tree(const struct layers *l, const char *way, const struct userns *u, int *tree, struct err *e)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP,
				  .propagation = MS_PRIVATE,
				  .userns_fd = (uint64_t)u->fd};
	*tree = open_tree(AT_FDCWD, l->directory, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (*tree < 0)
		return err_sys(e, errno, "%s", l->directory);
	if (mount_setattr(*tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_sys(e, errno, "id-mapping %s%s", l->directory,
			       errno == EINVAL ? ", whose file system has no id-mapped mounts" : "");
	return move_mount(*tree, "", AT_FDCWD, way, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? err_sys(e, errno, "%s", way) : 0;
}

int mounts_attach_mapped_overlay(const struct oci_mount *m, int target_fd, const char *way,
				 const struct userns *u, struct err *e)
{
	struct layers l = {.data = m->data};
	int rc = each_path(&l, share);
	if (rc == 0)
		rc = l.len ? mount_of(l.directory, &l.mount) : -ENOTSUP;
	if (rc == 0)
		rc = each_path(&l, is_on_the_same_mount);
	if (rc == -ENOTSUP || rc == -EXDEV)
		return err_set(e, ERR_HOST, -rc, "the layers of the root file system are not below one directory of one mount");
	if (rc < 0)
		return err_sys(e, -rc, "the layers of the root file system");
	cleanup_free char *data = malloc(strlen(m->data) + 1);
	if (!data)
		return err_sys(e, ENOMEM, "the root file system");
	shorten(&l, data);
	if (strlen(data) > MOUNT_DATA_MAX)
		return err_sys(e, E2BIG, "the layers of the root file system");
	cleanup_close int tree = -1;
	rc = attach_tree(&l, way, u, &tree, e);
	if (rc < 0)
		return rc;
	rc = mount_from(tree, m, target_fd, data, u, e);
	if (umount2(way, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && rc == 0)
		rc = err_sys(e, errno, "%s", way);
	return rc;
}
