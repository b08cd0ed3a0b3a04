/* SPDX-License-Identifier: Apache-2.0 */
/* The directories that the guest holds. */
#include "guest/linux/fs/roots.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/net/sockets.h"

enum { PREOPENS_MAX = 64 };

/* The preopened directories, and where their descriptors were moved; chroot changes both. */
static struct root {
	const char *path; /* in the boot information */
	uint32_t kind;    /* enum mote_preopen_kind */
	int32_t fd;
} roots[PREOPENS_MAX];
static uint32_t root_count;
static bool root_changed; /* it is not the VM's any more: the runtime's tree is outside of it */
static int32_t held = -1; /* the working directory, if it has no path */
static int32_t kept = -1; /* of no directory */

static const struct mote_preopen *preopens(void)
{
	return (const void *)boot_string(process.boot->preopens);
}

/*
 * A copy of a directory's descriptor, above all numbers that the program's own can have, or as high
 * as a host that gives fewer allows: the program counts its descriptors from 3.
 */
static int64_t move_away(int32_t fd)
{
	int64_t to = -1;
	for (uint32_t at = DESCRIPTORS_OWN; to < 0 && at >= 64; at -= 64)
		to = mote_dup(mote_area(), fd, at);
	return to;
}

void lookup_start(void)
{
	const struct mote_preopen *p = preopens();
	root_count = 0;
	for (uint32_t i = 0; i < process.boot->preopenc && root_count < PREOPENS_MAX; i++) {
		if (p[i].kind == MOTE_PREOPEN_LISTENER)
			continue; /* stays where the program expects it */
		struct root *r = &roots[root_count++];
		*r = (struct root){boot_string(p[i].path), p[i].kind, (int32_t)p[i].fd};
		int64_t to = move_away(r->fd);
		if (to >= 0) {
			(void)!mote_close(mote_area(), r->fd);
			r->fd = (int32_t)to;
		}
	}
}

void lookup_hold(int32_t fd)
{
	if (held >= 0)
		(void)!mote_close(mote_area(), held);
	held = fd;
	int64_t to = fd >= 0 ? move_away(fd) : -1;
	if (to < 0)
		return;
	(void)!mote_close(mote_area(), fd);
	held = (int32_t)to;
}

int32_t lookup_held(void)
{
	return held;
}

int64_t lookup_move_away(int32_t fd)
{
	int64_t to = move_away(fd);
	(void)!mote_close(mote_area(), fd);
	return to;
}

int64_t lookup_keep(int32_t fd)
{
	int64_t to = lookup_move_away(fd);
	if (to >= 0)
		kept = (int32_t)to;
	return to;
}

bool lookup_holds(int32_t fd)
{
	if (fd >= 0 && (fd == held || fd == kept || netlink_holds(fd)))
		return true;
	for (uint32_t i = 0; i < root_count; i++)
		if (roots[i].fd == fd)
			return true;
	return false;
}

bool lookup_mount(uint32_t index, const char **path, bool *readonly)
{
	if (index >= root_count)
		return false;
	const struct root *r = &roots[index];
	*path = r->kind == MOTE_PREOPEN_DEVICES ? NULL : r->path;
	*readonly = r->kind == MOTE_PREOPEN_DIR_READONLY;
	return true;
}

bool lookup_has_devices(void)
{
	for (uint32_t i = 0; i < root_count; i++)
		if (roots[i].kind == MOTE_PREOPEN_DEVICES)
			return true;
	return false;
}

bool lookup_has_tree(void)
{
	return !root_changed;
}

/*
 * The directory's kind is that of the one that it is in; those below it have what is left of their
 * paths.
 */
int64_t lookup_change_root(const char *path, int32_t fd)
{
	size_t len;
	int32_t within = lookup_root(path, &len);
	int64_t to = move_away(fd);
	uint32_t kept_roots = 1;
	struct root first = {"/", MOTE_PREOPEN_DIR, (int32_t)to};
	if (to < 0)
		return to;
	for (uint32_t i = 0; i < root_count; i++)
		if (roots[i].fd == within)
			first.kind = roots[i].kind;
	struct root next[PREOPENS_MAX];
	for (uint32_t i = 0; i < root_count; i++) {
		const bool below = path_covers(path, roots[i].path, &len) && roots[i].path[len];
		if (below && kept_roots < PREOPENS_MAX) {
			next[kept_roots] = roots[i];
			next[kept_roots++].path += len;
		} else {
			(void)!mote_close(mote_area(), roots[i].fd);
		}
	}
	next[0] = first;
	memcpy(roots, next, kept_roots * sizeof(roots[0]));
	root_count = kept_roots;
	root_changed = true;
	return 0;
}

static size_t component_len(const char *path)
{
	size_t n = 0;
	while (path[n] && path[n] != '/')
		n++;
	return n;
}

bool path_covers(const char *dir, const char *path, size_t *len)
{
	size_t at = 0;
	for (;;) {
		while (*dir == '/')
			dir++;
		size_t n = component_len(dir);
		if (n == 0)
			break;
		while (path[at] == '/')
			at++;
		if (component_len(path + at) != n || strncmp(dir, path + at, n) != 0)
			return false;
		dir += n;
		at += n;
	}
	*len = at;
	return true;
}

/* Whether the path begins with the name of a device that every program has. */
static bool is_device(const char *path)
{
	static const char *const names[] = {MOTE_DEVICES};
	while (*path == '/')
		path++;
	size_t len = component_len(path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && strncmp(path, names[i], len) == 0)
			return true;
	return false;
}

int32_t lookup_root(const char *path, size_t *root_len)
{
	int32_t found = -ENOENT;
	*root_len = 0;
	for (uint32_t i = 0; i < root_count; i++) {
		size_t len;
		if (!path_covers(roots[i].path, path, &len))
			continue;
		if (roots[i].kind == MOTE_PREOPEN_DEVICES && !is_device(path + len))
			continue;
		if (found < 0 || len >= *root_len) {
			found = roots[i].fd;
			*root_len = len;
		}
	}
	return found;
}

const char *lookup_below_root(const char *path, size_t root_len)
{
	const char *rest = path + root_len;
	while (*rest == '/')
		rest++;
	return *rest ? rest : ".";
}
