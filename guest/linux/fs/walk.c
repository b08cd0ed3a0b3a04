/* SPDX-License-Identifier: Apache-2.0 */
/* The program's tree, as it is walked: the host's directories and the runtime's own files. */
#include "guest/linux/fs/walk.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/roots.h"
#include "guest/linux/proc/proc.h"

/* The host's part of a canonical path below one of its directories. */
static const char *below_directory(const char *path, int32_t *base)
{
	size_t root_len;
	*base = lookup_root(path, &root_len);
	return lookup_below_root(path, root_len);
}

/* The target of the symlink that a canonical path names: its length, 0 if it is not one. */
static int64_t read_link(const struct walk_files *f, const char *path, char target[PATH_MAX])
{
	int32_t base;
	(void)f;
	if (proc_serves(path)) {
		int64_t rc = proc_lookup(path);
		return rc < 0 ? rc : (int64_t)proc_link(path, target);
	}
	const char *rest = below_directory(path, &base);
	int64_t rc = mote_readlink(mote_area(), base, rest, strlen(rest), MOTE_RESOLVE_BENEATH,
				   target, PATH_MAX - 1);
	if (rc == -EINVAL)
		return 0;
	return rc;
}

static int64_t check(const struct walk_files *f, const char *path)
{
	int32_t base;
	char inside[PATH_MAX];
	(void)f;
	if (proc_serves(path))
		return proc_is_directory(path) ? 0 : -ENOTDIR;
	const char *rest = below_directory(path, &base);
	size_t len = strlen(rest);
	if (len + 3 > sizeof(inside))
		return -ENAMETOOLONG;
	memcpy(inside, rest, len);
	memcpy(inside + len, "/.", 3);
	return mote_access(mote_area(), base, inside, len + 2, MOTE_RESOLVE_BENEATH, 0);
}

static int32_t descriptor(const struct walk_files *f, const char *path)
{
	(void)f;
	return proc_descriptor(path);
}

static const char *directory(const struct walk_files *f, int32_t fd)
{
	(void)f;
	return fd_path(fd);
}

int64_t fs_walk(const char *path, size_t known, bool follow, char out[PATH_MAX],
		struct walk_end *end)
{
	static const struct walk_files files = {
		.read_link = read_link,
		.check = check,
		.descriptor = descriptor,
		.directory = directory,
	};
	return walk_path(&files, path, known, follow, out, end);
}
