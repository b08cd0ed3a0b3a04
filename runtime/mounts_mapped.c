/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An overlay over id-mapped layers (Linux 5.19). An overlay itself cannot be id-mapped; its layers
 * can, and it takes its owners from them and writes to them by its mounter's and caller's ids. The
 * directory that all layers share is cloned once, mapped, and mounted on a directory of the bundle
 * for the time of the call, since the kernel takes layers from attached mounts only.
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

struct layers {
	const char *data;
	/* the common beginning of all paths, up to and with the last '/' */
	char directory[PATH_BYTES];
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
		at = end;
		if (*at)
			at++;
	}
	return 0;
}

/*
 * A path that is not plain (relative, escaped, empty as before a data-only layer) is not supported.
 */
static int share(struct layers *l, const char *path, size_t len)
{
	if (len < 2 || *path != '/' || len >= sizeof(l->directory) || memchr(path, '\\', len))
		return -ENOTSUP;
	size_t same = 0, last = 0, most = l->len ? l->len : len;
	while (same < most && same < len && (!l->len || l->directory[same] == path[same]))
		if (path[same++] == '/')
			last = same;
	if (!l->len)
		memcpy(l->directory, path, len);
	l->len = last;
	l->directory[last] = '\0';
	if (last > 1)
		return 0;
	return -ENOTSUP;
}

static int mount_of(const char *path, uint64_t *id)
{
	struct statx st;
	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &st) < 0)
		return -errno;
	*id = st.stx_mnt_id;
	if (st.stx_mask & STATX_MNT_ID)
		return 0;
	return -ENOTSUP;
}

/* A clone of one mount shows nothing of those below it. */
static int is_on_the_same_mount(struct layers *l, const char *path, size_t len)
{
	char copy[PATH_BYTES];
	uint64_t id;
	memcpy(copy, path, len);
	copy[len] = '\0';
	int rc = mount_of(copy, &id);
	if (rc < 0)
		return rc;
	if (id == l->mount)
		return 0;
	return -EXDEV;
}

/* The options with paths relative to the shared directory; out is as large as l->data. */
static void shorten(const struct layers *l, char *out)
{
	const char *at = l->data;
	bool paths = false, begins = true;
	while (*at) {
		size_t key = 0;
		if (begins) {
			key = path_key(at);
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
	/* The overlay's own files are made with its mounter's ids: on disk as root. */
	int rc = userns_set_fs_ids(u->base, u->base, e);
	if (rc == 0 && mount(m->source, target, "overlay", m->flags, data) < 0)
		rc = err_sys(e, errno, "an overlay over id-mapped layers");
	struct err again = {0};
	if ((userns_set_fs_ids(0, 0, &again) < 0 || fchdir(here) < 0) && rc == 0)
		rc = err_sys(e, EPERM, "being root again");
	return rc;
}

static int attach_tree(const struct layers *l, const char *where, const struct userns *u, int *tree,
		       struct err *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.propagation = MS_PRIVATE,
		.userns_fd = (uint64_t)u->fd,
	};
	*tree = open_tree(AT_FDCWD, l->directory, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (*tree < 0)
		return err_sys(e, errno, "%s", l->directory);
	if (mount_setattr(*tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0) {
		const char *why = errno == EINVAL ? ", whose file system does not support it" : "";
		return err_sys(e, errno, "id-mapping %s%s", l->directory, why);
	}
	if (move_mount(*tree, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, errno, "%s", where);
	return 0;
}

int mounts_attach_mapped_overlay(const struct oci_mount *m, int target_fd, const char *layers,
				 const struct userns *u, struct err *e)
{
	struct layers l = {.data = m->data};
	int rc = each_path(&l, share);
	if (rc == 0 && l.len == 0)
		rc = -ENOTSUP;
	if (rc == 0)
		rc = mount_of(l.directory, &l.mount);
	if (rc == 0)
		rc = each_path(&l, is_on_the_same_mount);
	if (rc == -ENOTSUP || rc == -EXDEV)
		return err_set(
			e, ERR_HOST, -rc,
			"the layers of the root file system are not below one directory of one "
			"mount");
	if (rc < 0)
		return err_sys(e, -rc, "the layers of the root file system");
	cleanup_free char *data = malloc(strlen(m->data) + 1);
	if (!data)
		return err_sys(e, ENOMEM, "the root file system");
	shorten(&l, data);
	if (strlen(data) > MOUNT_DATA_MAX)
		return err_sys(e, E2BIG, "the layers of the root file system");
	cleanup_close int tree = -1;
	rc = attach_tree(&l, layers, u, &tree, e);
	if (rc < 0)
		return rc;
	rc = mount_from(tree, m, target_fd, data, u, e);
	if (umount2(layers, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && rc == 0)
		rc = err_sys(e, errno, "%s", layers);
	return rc;
}
