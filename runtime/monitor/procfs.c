/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes that bring a procfs. Its links lead to other processes' roots, directories and files
 * whatever their paths are. Paths of the guest follow none of them (vm/hostcall/resolve.h), but the
 * address of an AF_UNIX socket is resolved by the kernel alone, below the monitor's own root: so
 * none of these mounts has links that anybody follows. The operator controls what is mounted, other
 * containers the directories of shared volumes, which they may rename meanwhile.
 *
 * No path leads to a mount for certain, then. So the kernel takes the links of all mounts at once,
 * and each mount of another file system gets them back by a descriptor of it: one that is not
 * found where it was stays without, and a procfs never has them.
 */
#include "runtime/monitor/monitor.h"

#include "base/io.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOUNTINFO_MAX = 16 << 20, ROUNDS = 3 };

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* What is to be known of a line of mountinfo. */
struct mount_line {
	uint64_t id;
	char *path; /* below the root: "", or it begins with a slash */
	bool procfs, no_links;
};

/* mountinfo has \ooo for space, tab, newline and backslash. */
static void unescape(char *path)
{
	char *to = path;
	for (const char *at = path; *at; at++, to++) {
		*to = *at;
		if (*at != '\\' || strspn(at + 1, "01234567") < 3)
			continue;
		*to = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
		at += 3;
	}
	*to = '\0';
}

/*
 * proc(5): "id parent dev root mountpoint options optional... - type source super". False: not
 * below a root whose own path is `top`.
 */
static bool parse_line(char *line, const char *top, struct mount_line *out)
{
	const char *fields[6] = {0}, *dash = strstr(line, " - ");
	const size_t len = strlen(top);
	char *at = line;
	if (!dash)
		return false;
	out->procfs = strncmp(dash, " - proc ", strlen(" - proc ")) == 0;
	for (size_t i = 0; at && i < sizeof(fields) / sizeof(fields[0]); i++)
		fields[i] = strsep(&at, " ");
	if (!fields[5])
		return false;
	out->id = strtoull(fields[0], NULL, 10);
	out->no_links = strstr(fields[5], "nosymfollow");
	out->path = (char *)(uintptr_t)fields[4];
	unescape(out->path);
	if (strncmp(out->path, top, len) != 0)
		return false;
	out->path += len;
	return !*out->path || *out->path == '/';
}

/* The mounts below a root, as they are now. */
struct mounts_list {
	char *text; /* of mountinfo, owned; the lines point into it */
	struct mount_line *lines;
	size_t count;
};

static void list_free(struct mounts_list *l)
{
	free(l->text);
	free(l->lines);
}
#define cleanup_list __attribute__((cleanup(list_free)))

static int list_read(struct mounts_list *l, const char *top)
{
	size_t len, most = 1;
	int rc = io_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &l->text, &len);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < len; i++)
		most += l->text[i] == '\n';
	l->lines = calloc(most, sizeof(*l->lines));
	if (!l->lines)
		return -ENOMEM;
	for (char *line, *rest = l->text; (line = strsep(&rest, "\n"));)
		if (parse_line(line, top, &l->lines[l->count]))
			l->count++;
	return 0;
}

static bool any_procfs(const struct mounts_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->lines[i].procfs)
			return true;
	return false;
}

/* Whether the operator mounted it so. */
static bool had_no_links(const struct mounts_list *before, uint64_t id)
{
	for (size_t i = 0; i < before->count; i++)
		if (before->lines[i].id == id)
			return before->lines[i].no_links;
	return false;
}

/* If it is where it was: nothing else is changed. */
static bool follow_links_again(int root, const struct mount_line *m)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
	};
	struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_NOSYMFOLLOW};
	struct statx st;
	cleanup_close int fd = path_openat2(root, *m->path ? m->path : "/", &how);
	return fd >= 0 && statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) == 0 &&
	       st.stx_mask & STATX_MNT_ID && st.stx_mnt_id == m->id &&
	       mount_setattr(fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) == 0;
}

/* One that is covered cannot be reached, and needs none; one that somebody moved may come back. */
static int restore_links(int root, const char *top, const struct mounts_list *before)
{
	bool all = false;
	for (int round = 0; !all && round < ROUNDS; round++) {
		cleanup_list struct mounts_list now = {0};
		int rc = list_read(&now, top);
		if (rc < 0)
			return rc;
		all = true;
		for (size_t i = 0; i < now.count; i++) {
			const struct mount_line *m = &now.lines[i];
			if (!m->procfs && m->no_links && !had_no_links(before, m->id))
				all &= follow_links_again(root, m);
		}
	}
	return 0;
}

int monitor_restrict_procfs(int root, struct err *e)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSYMFOLLOW};
	cleanup_list struct mounts_list before = {0};
	char name[32], top[PATH_MAX];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", root);
	const ssize_t n = readlink(name, top, sizeof(top) - 1);
	if (n < 0)
		return err_sys(e, errno, "the path of the container's root");
	top[n] = '\0';
	int rc = list_read(&before, top);
	if (rc < 0)
		return err_sys(e, -rc, "/proc/self/mountinfo");
	if (!any_procfs(&before))
		return 0;
	if (mount_setattr(root, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) <
	    0)
		return err_sys(e, errno, "a procfs without links to follow");
	rc = restore_links(root, top, &before);
	if (rc < 0)
		return err_sys(e, -rc, "/proc/self/mountinfo");
	return 0;
}
