/* SPDX-License-Identifier: Apache-2.0 */
/* The way of such a symlink; see link.h. The directory is the root of what is walked. */
#include "guest/wasi/p1/link.h"

#include "guest/lib/walk.h"

#include <linux/errno.h>

struct tree {
	struct walk_files files;
	int32_t dir;
	bool is_root; /* the directory is the program's "/" */
	int32_t own;  /* what an absolute link out of another one led to */
};

/* The descriptor that an absolute path names, or -1. */
static int32_t descriptor_of(const char *path)
{
	char process[40];
	static const char *const streams[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
	const char *const directories[] = {"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/",
					   process};
	lib_format(process, sizeof(process), "/proc/%u/fd/", wasi.boot->pid);
	for (int32_t i = 0; i < 3; i++)
		if (strcmp(path, streams[i]) == 0)
			return i;
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (strncmp(path, directories[i], strlen(directories[i])) == 0)
			return walk_number(path + strlen(directories[i]));
	return -1;
}

static int32_t descriptor(const struct walk_files *f, const char *path)
{
	return ((const struct tree *)f)->is_root ? descriptor_of(path) : -1;
}

/* What is above the descriptors' names need not be there. */
static bool is_above_descriptors(const char *path)
{
	return strcmp(path, "/dev") == 0 || strncmp(path, "/dev/fd", 7) == 0 ||
	       strncmp(path, "/proc", 5) == 0;
}

static int64_t read_link(const struct walk_files *f, const char *path, char target[PATH_MAX])
{
	struct tree *t = (struct tree *)f;
	int64_t rc = mote_readlink(mote_area(), t->dir, path + 1, strlen(path + 1),
				   MOTE_RESOLVE_BENEATH, target, PATH_MAX - 1);
	if (rc == -EINVAL || (rc == -ENOENT && t->is_root && is_above_descriptors(path)))
		return 0;
	if (rc <= 0 || t->is_root || target[0] != '/')
		return rc;
	target[rc] = '\0';
	t->own = descriptor_of(target);
	return -EXDEV;
}

static int64_t check(const struct walk_files *f, const char *path)
{
	const struct tree *t = (const struct tree *)f;
	char inside[PATH_MAX];
	struct mote_stat st;
	size_t len = strlen(path + 1);
	if (len + 3 > sizeof(inside))
		return -ENAMETOOLONG;
	memcpy(inside, path + 1, len);
	memcpy(inside + len, "/.", 3);
	return mote_stat(mote_area(), t->dir, inside, len + 2, MOTE_RESOLVE_BENEATH, &st);
}

static const char *directory(const struct walk_files *f, int32_t fd)
{
	(void)f;
	(void)fd;
	return NULL; /* their paths are not known */
}

int64_t link_follow(const struct p1_path *p, int64_t rc, struct link_end *end)
{
	char absolute[PATH_MAX];
	struct walk_end walked;
	struct tree t = {
		.files = {read_link, check, descriptor, directory},
		.dir = (int32_t)p->fd,
		.is_root = p->resolve & MOTE_RESOLVE_IN_ROOT,
		.own = -1,
	};
	end->own = -1;
	if ((rc != -ENOLINK && rc != -EXDEV && rc != -ENOENT) || p->len + 2 > sizeof(absolute))
		return rc;
	absolute[0] = '/';
	memcpy(absolute + 1, p->at, p->len);
	absolute[1 + p->len] = '\0';
	if (rc == -ENOENT) {
		end->own = t.is_root ? descriptor_of(absolute) : -1;
		return resource_get((uint32_t)end->own) ? 0 : rc;
	}
	int64_t walk = walk_path(&t.files, absolute, 0, true, end->path, &walked);
	end->own = walked.own >= 0 ? walked.own : t.own;
	if (end->own >= 0)
		return resource_get((uint32_t)end->own) ? 0 : -ENOENT;
	if (rc == -EXDEV || walk < 0)
		return rc == -EXDEV ? rc : walk;
	memmove(end->path, end->path + 1, strlen(end->path)); /* with its NUL */
	return end->path[0] ? 0 : -ENOENT;
}
