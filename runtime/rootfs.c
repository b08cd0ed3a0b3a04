/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounting a container's root file system, and whether the container has a user namespace: if all
 * that it would see can be mounted with its ids.
 */
#include "runtime/rootfs.h"

#include "runtime/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void go_without_userns(struct container *c, const struct err *why)
{
	dprintf(2, "mote: container %s: its processes have no user namespace: %s\n", c->id,
		why->text);
	c->userns = USERNS_NONE;
}

/*
 * If its layers cannot be mapped, it is mounted as it is, and the container's ids are the host's.
 */
static int mount_root(struct container *c, const struct oci_mount *m, int root, struct err *e)
{
	struct err why = {0};
	char layers[PATH_MAX];
	if (!c->userns.base || m->bind)
		return mounts_attach(m, root, c->rootfs, -1, e);
	snprintf(layers, sizeof(layers), "%s/" LAYERS_DIR, c->bundle);
	if (mkdirat(c->bundle_fd, LAYERS_DIR, 0700) < 0 && errno != EEXIST)
		err_sys(&why, errno, "%s", layers);
	else if (mounts_attach_mapped_overlay(m, root, layers, &c->userns, &why) == 0)
		c->root_mapped = true;
	unlinkat(c->bundle_fd, LAYERS_DIR, AT_REMOVEDIR);
	if (c->root_mapped)
		return 0;
	go_without_userns(c, &why);
	return mounts_attach(m, root, c->rootfs, -1, e);
}

static int mount_at(struct container *c, const struct oci_mount *m, const char *target_path,
		    struct err *e)
{
	cleanup_close int root = open(c->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, errno, "%s", c->rootfs);
	if (!target_path || !*target_path)
		return mount_root(c, m, root, e);
	cleanup_free char *path = NULL;
	if (asprintf(&path, "/%s", target_path) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "root file system");
	}
	cleanup_close int target = mounts_make_in(root, path, true, NULL, e);
	if (target < 0)
		return target;
	return mounts_attach(m, target, path, -1, e);
}

static int mount_one(struct container *c, const struct container_mount *from, struct err *e)
{
	struct oci_mount m = {.type = or_empty(from->type), .source = or_empty(from->source)};
	const char *bad = "";
	int rc = oci_mount_options(from->options, &m, &bad);
	if (rc == -ENOSYS)
		return err_set(e, ERR_CONFIG, ENOSYS,
			       "root file system: Mote does not support the option '%.100s'", bad);
	if (rc < 0)
		return err_sys(e, -rc, "options of the root file system");
	if (strcmp(m.type, "bind") == 0 || strcmp(m.type, "rbind") == 0) {
		m.bind = true;
		m.bind_recursive |= *m.type == 'r';
	}
	if (m.propagation && !m.bind) { /* nobody sets it later, as a monitor does of its mounts */
		free(m.data);
		return err_set(e, ERR_CONFIG, ENOSYS,
			       "root file system: Mote does not support the propagation of a new "
			       "file system's mount");
	}
	rc = mount_at(c, &m, from->target, e);
	free(m.data);
	return rc;
}

int rootfs_mount(struct container *c, const struct container_config *config, struct err *e)
{
	if (config->rootfs_count && mkdirat(c->bundle_fd, "rootfs", 0711) < 0 && errno != EEXIST)
		return err_sys(e, errno, "%s", c->rootfs);
	for (size_t i = 0; i < config->rootfs_count; i++) {
		int rc = mount_one(c, &config->rootfs[i], e);
		if (rc < 0)
			return rc;
		c->rootfs_mounted = true;
	}
	return 0;
}

/* --- whether it has a user namespace --- */

static int can_map(const struct container *c, int dir_fd, const struct oci_mount *m, struct err *e)
{
	int rc = mounts_can_map(dir_fd, m, c->userns.fd);
	if (rc == 0 || rc == -ENOENT || rc == -ENOTDIR) /* the monitor reports it */
		return 0;
	if (rc == -EINVAL)
		return err_set(e, ERR_HOST, EINVAL,
			       "mount on %s: the file system of %s, or one below it, does not "
			       "support id-mapped mounts",
			       m->destination, m->source);
	return err_sys(e, -rc, "mount on %s: id-mapping %s", m->destination, m->source);
}

/* All but the layers of an overlay, which are tried when it is mounted. */
static int can_map_root(const struct container *c, const struct oci_spec *s,
			const struct container_config *config, struct err *e)
{
	const struct container_mount *from = config->rootfs;
	struct oci_mount m = {
		.destination = "/",
		.source = s->root_path,
		.bind = true,
		.bind_recursive = true,
	};
	if (config->rootfs_count == 0)
		return can_map(c, c->bundle_fd, &m, e);
	const char *type = or_empty(from->type);
	bool binds = strcmp(type, "bind") == 0 || strcmp(type, "rbind") == 0;
	if (config->rootfs_count > 1 || (!binds && strcmp(type, "overlay") != 0))
		return err_set(e, ERR_HOST, ENOTSUP, "the root file system is of type %.50s", type);
	m.source = or_empty(from->source);
	if (binds)
		return can_map(c, AT_FDCWD, &m, e);
	return 0;
}

static int can_map_mount(const struct container *c, const struct oci_mount *m, struct err *e)
{
	/* What the host mounts there later comes with the host's ids. */
	if (m->propagation & (MS_SLAVE | MS_SHARED))
		return err_set(e, ERR_HOST, ENOTSUP,
			       "mount on %s: the host's later mounts below it reach the container",
			       m->destination);
	if (m->bind)
		return can_map(c, c->bundle_fd, m, e);
	if (strcmp(m->type, "tmpfs") == 0 || mounts_is_of_the_host(m))
		return 0;
	return err_set(e, ERR_HOST, ENOTSUP, "mount on %s: of type %.50s", m->destination, m->type);
}

static int can_have_userns(struct container *c, const struct oci_spec *s,
			   const struct container_config *config, struct err *e)
{
	int rc = userns_maps(s, e);
	if (rc < 0)
		return rc;
	/* They run as the host's root, and may put files into the root that are not mapped. */
	if (s->hooks.count[OCI_HOOK_CREATE_RUNTIME] || s->hooks.count[OCI_HOOK_CREATE_CONTAINER])
		return err_set(e, ERR_HOST, ENOTSUP,
			       "config.json has hooks that run at its creation");
	rc = userns_get(&c->userns, e);
	if (rc < 0)
		return rc;
	rc = can_map_root(c, s, config, e);
	for (size_t i = 0; rc == 0 && i < s->mounts_count; i++)
		rc = can_map_mount(c, &s->mounts[i], e);
	return rc;
}

void container_choose_userns(struct container *c, const struct oci_spec *s,
			     const struct container_config *config)
{
	struct err why = {0};
	if (can_have_userns(c, s, config, &why) < 0)
		go_without_userns(c, &why);
}
