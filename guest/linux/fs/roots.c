/* SPDX-License-Identifier: Apache-2.0 */
/* The directories that the guest holds. */
#include "guest/linux/fs/roots.h"

#include "guest/linux/fs/fd_paths.h"

enum { PREOPENS_MAX = 64 };

static int32_t preopen_fd[PREOPENS_MAX]; /* where the preopened directories were moved */
static int32_t held = -1;                /* the working directory, if it has no path */

static const struct mote_preopen *preopens(void)
{
	return (const void *)boot_string(process.boot->preopens);
}

static uint32_t preopen_count(void)
{
	return process.boot->preopenc < PREOPENS_MAX ? process.boot->preopenc : PREOPENS_MAX;
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
	for (uint32_t i = 0; i < preopen_count(); i++) {
		if (p[i].kind == MOTE_PREOPEN_LISTENER)
			continue; /* stays where the program expects it */
		preopen_fd[i] = (int32_t)p[i].fd;
		int64_t to = move_away((int32_t)p[i].fd);
		if (to >= 0) {
			preopen_fd[i] = (int32_t)to;
			(void)!mote_close(mote_area(), (int32_t)p[i].fd);
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

bool lookup_holds(int32_t fd)
{
	if (fd >= 0 && fd == held)
		return true;
	for (uint32_t i = 0; i < preopen_count(); i++)
		if (preopens()[i].kind != MOTE_PREOPEN_LISTENER && preopen_fd[i] == fd)
			return true;
	return false;
}

bool lookup_mount(uint32_t index, const char **path, bool *readonly)
{
	if (index >= preopen_count())
		return false;
	const struct mote_preopen *p = preopens() + index;
	const bool directory = p->kind == MOTE_PREOPEN_DIR || p->kind == MOTE_PREOPEN_DIR_READONLY;
	*path = directory ? boot_string(p->path) : NULL;
	*readonly = p->kind == MOTE_PREOPEN_DIR_READONLY;
	return true;
}

bool lookup_has_devices(void)
{
	for (uint32_t i = 0; i < preopen_count(); i++)
		if (preopens()[i].kind == MOTE_PREOPEN_DEVICES)
			return true;
	return false;
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
	const struct mote_preopen *p = preopens();
	int32_t found = -ENOENT;
	*root_len = 0;
	for (uint32_t i = 0; i < preopen_count(); i++) {
		size_t len;
		if (p[i].kind == MOTE_PREOPEN_LISTENER ||
		    !path_covers(boot_string(p[i].path), path, &len))
			continue;
		if (p[i].kind == MOTE_PREOPEN_DEVICES && !is_device(path + len))
			continue;
		if (found < 0 || len >= *root_len) {
			found = preopen_fd[i];
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
