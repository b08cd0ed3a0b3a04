/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/proc/rules.h"

#include "guest/linux/fs/roots.h"

static size_t own_number(char to[16])
{
	return lib_format(to, 16, "%u", process.boot->pid);
}

/* What follows a process's number at the beginning of a path; NULL: another one's, or none. */
static const char *after_number(const char *path)
{
	char number[16];
	const size_t len = own_number(number);
	if (strncmp(path, number, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	return path + len;
}

const char *proc_listed_name(const char *path, char to[PROC_PATH_MAX])
{
	const char *rest = strncmp(path, "/proc/", 6) == 0 ? after_number(path + 6) : NULL;
	if (!rest)
		return path;
	const char *thread = strncmp(rest, "/task/", 6) == 0 ? after_number(rest + 6) : NULL;
	lib_format(to, PROC_PATH_MAX, "/proc/PID%s", thread ? thread : rest);
	return to;
}

static const char *rule(enum mote_path_kind kind, uint32_t index)
{
	const struct mote_boot *b = process.boot;
	const uint32_t *offsets = (const void *)boot_string(b->paths[kind]);
	if (index >= b->pathc[kind])
		return NULL;
	return boot_string(offsets[index]);
}

/* A rule's path as the list of files has it: /proc/self and the process's number are PID. */
static const char *listed_rule(const char *path, char to[PROC_PATH_MAX])
{
	size_t len;
	if (path_covers("/proc/self", path, &len) && strlen(path + len) < PROC_PATH_MAX - 16) {
		lib_format(to, PROC_PATH_MAX, "/proc/PID%s", path + len);
		return to;
	}
	return strlen(path) < PROC_PATH_MAX ? proc_listed_name(path, to) : path;
}

/* The bytes of a path that the shortest of the rules which cover it takes; 0: none does. */
static size_t covered(enum mote_path_kind kind, const char *path)
{
	char name[PROC_PATH_MAX], rule_name[PROC_PATH_MAX];
	const char *listed = strlen(path) < PROC_PATH_MAX ? proc_listed_name(path, name) : path;
	size_t shortest = 0;
	for (uint32_t i = 0; i < process.boot->pathc[kind]; i++) {
		size_t len;
		if (!path_covers(listed_rule(rule(kind, i), rule_name), listed, &len))
			continue;
		if (shortest == 0 || len < shortest)
			shortest = len;
	}
	return shortest;
}

enum proc_masking proc_masking(const char *path)
{
	const size_t len = covered(MOTE_PATH_MASKED, path);
	if (len == 0)
		return PROC_NOT_MASKED;
	char name[PROC_PATH_MAX];
	const char *listed = strlen(path) < PROC_PATH_MAX ? proc_listed_name(path, name) : path;
	return listed[len] ? PROC_BELOW_MASKED : PROC_MASKED;
}

bool proc_is_readonly(const char *path)
{
	return covered(MOTE_PATH_READONLY, path) > 0;
}

bool proc_is_mounted(const char *path)
{
	if (!process.boot->pathc[MOTE_PATH_MOUNTED])
		return false;
	const size_t mounted = covered(MOTE_PATH_MOUNTED, path);
	const size_t masked = covered(MOTE_PATH_MASKED, path);
	/* What is masked at the mount or below it is masked in the root, too. */
	return mounted > 0 && (masked == 0 || masked >= mounted);
}

const char *proc_mount(uint32_t index)
{
	return rule(MOTE_PATH_MOUNTED, index);
}
