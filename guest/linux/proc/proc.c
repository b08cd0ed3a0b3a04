/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/proc/proc.h"

#include "guest/linux/fs/dir_entry.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/roots.h"
#include "guest/linux/proc/text.h"
#include "guest/linux/user.h"

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/stat.h>

enum { TYPE_DIRECTORY = 4, TYPE_REGULAR = 8, TYPE_LINK = 10 }; /* DT_* of <dirent.h> */
#define OWN_DESCRIPTORS "/proc/self/fd"

struct node {
	const char *path;
	void (*make)(struct proc_text *t);
	const char *text;
	const uint64_t *from, *to;
	bool link;
};

static const struct node nodes[] = {
#define PROC_FILE(path, maker)      {path, proc_make_##maker, NULL, NULL, NULL, false},
#define PROC_TEXT(path, text)       {path, NULL, text, NULL, NULL, false},
#define PROC_MEMORY(path, from, to) {path, NULL, NULL, &process.text.from, &process.text.to, false},
#define PROC_LINK(path, maker)      {path, proc_make_##maker, NULL, NULL, NULL, true},
#include "guest/linux/proc/proc.def"
};
enum { NODES = sizeof(nodes) / sizeof(nodes[0]) };

static const struct node *node_of(const char *path)
{
	for (unsigned i = 0; i < NODES; i++)
		if (strcmp(nodes[i].path, path) == 0)
			return &nodes[i];
	return NULL;
}

/* The component of a node's path that follows a directory's; NULL if the node is not below it. */
static const char *below(const struct node *n, const char *directory)
{
	size_t len = strlen(directory);
	if (strncmp(n->path, directory, len) != 0 || n->path[len] != '/')
		return NULL;
	return n->path + len + 1;
}

static bool is_directory(const char *path)
{
	if (strcmp(path, OWN_DESCRIPTORS) == 0)
		return true;
	for (unsigned i = 0; i < NODES; i++)
		if (below(&nodes[i], path))
			return true;
	return false;
}

/* --- paths --- */

static size_t component_len(const char *at)
{
	size_t n = 0;
	while (at[n] && at[n] != '/')
		n++;
	return n;
}

static bool is(const char *at, size_t len, const char *name)
{
	return strlen(name) == len && strncmp(at, name, len) == 0;
}

static bool is_own_number(const char *at, size_t len)
{
	char number[16];
	lib_format(number, sizeof(number), "%u", process.boot->pid);
	return is(at, len, number);
}

/* Appends a component, by the names that proc.def has. False: it does not fit. */
static bool append(char to[PROC_PATH_MAX], const char *at, size_t len)
{
	size_t n = strlen(to);
	if (len == 1 && at[0] == '.')
		return true;
	if (is(at, len, "..")) {
		char *slash = strrchr(to, '/');
		if (slash)
			*slash = '\0';
		return true;
	}
	bool own =
		strcmp(to, "/proc") == 0 && (is(at, len, "thread-self") || is_own_number(at, len));
	if (own) {
		at = "self";
		len = 4;
	}
	if (strcmp(to, "/proc/self/task") == 0 && is_own_number(at, len)) {
		memcpy(to, "/proc/self", 11);
		return true;
	}
	if (n + 1 + len + 1 > PROC_PATH_MAX)
		return false;
	to[n] = '/';
	memcpy(to + n + 1, at, len);
	to[n + 1 + len] = '\0';
	return true;
}

static bool walk(char to[PROC_PATH_MAX], const char *path)
{
	for (const char *at = path; *at;) {
		size_t len = component_len(at);
		if (len > 0 && !append(to, at, len))
			return false;
		at += len + (at[len] == '/');
	}
	return true;
}

/* Whether a path is /proc or /sys or below it, and not of a directory that was mounted there. */
static bool is_synthetic(const char *path)
{
	size_t len = 0, root_len;
	if (strncmp(path, "/proc", 5) == 0)
		len = 5;
	else if (strncmp(path, "/sys", 4) == 0)
		len = 4;
	if (len == 0 || (path[len] && path[len] != '/'))
		return false;
	return lookup_root(path, &root_len) < 0 || root_len < len;
}

static const char *whole_path(int32_t dirfd, const char *path)
{
	if (path[0] == '/')
		return "";
	if (dirfd == AT_FDCWD)
		return process.cwd;
	return fd_path(dirfd);
}

int64_t proc_find(int32_t dirfd, const char *path, char to[PROC_PATH_MAX])
{
	const char *base = whole_path(dirfd, path);
	if (!base || !is_synthetic(base[0] ? base : path))
		return 0;
	to[0] = '\0';
	if (!walk(to, base) || !walk(to, path))
		return -ENOENT;
	if (!is_synthetic(to))
		return 0;
	if (node_of(to) || is_directory(to))
		return 1;
	for (char *slash = strrchr(to, '/'); slash && slash != to; slash = strrchr(to, '/')) {
		*slash = '\0';
		if (node_of(to))
			return -ENOTDIR;
	}
	return -ENOENT;
}

size_t proc_link(const char *path, char to[PATH_MAX])
{
	const struct node *n = node_of(path);
	struct proc_text *t = (void *)this_thread()->scratch->copy;
	if (strcmp(path, "/proc/self") == 0)
		return lib_format(to, PATH_MAX, "%u", process.boot->pid);
	if (!n || !n->link)
		return 0;
	t->len = 0;
	n->make(t);
	memcpy(to, t->bytes, t->len + 1);
	return t->len;
}

void proc_stat(const char *path, struct mote_stat *to)
{
	const struct node *n = node_of(path);
	uint64_t ino = 0x10000;
	for (const char *at = path; *at; at++)
		ino = ino * 31 + (uint8_t)*at;
	*to = (struct mote_stat){
		.dev = 0x15,
		.ino = ino & 0x7fffffff,
		.nlink = 1,
		.mode = S_IFREG | S_IRUSR | S_IRGRP | S_IROTH,
		.uid = process.credentials.uid[ID_EFFECTIVE],
		.gid = process.credentials.gid[ID_EFFECTIVE],
		.blksize = 1024,
	};
	if (!n)
		to->mode = S_IFDIR | 0555;
	else if (n->link)
		to->mode = S_IFLNK | 0777;
}

/* --- descriptors --- */

int64_t proc_open(const char *path, uint32_t flags)
{
	const bool directory = !node_of(path);
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (flags & O_ACCMODE)
		return directory ? -EISDIR : -EACCES;
	if (!directory && (flags & O_DIRECTORY))
		return -ENOTDIR;
	int64_t fd = mote_epoll_create(mote_area());
	if (fd < 0)
		return fd;
	fd_set_path((int32_t)fd, path);
	int64_t rc = mote_set_flags(mote_area(), (int32_t)fd, O_NONBLOCK);
	if (rc == 0)
		rc = proc_file_set((int32_t)fd, path);
	if (rc < 0) {
		(void)!mote_close(mote_area(), (int32_t)fd);
		return rc;
	}
	return fd_set_close_on_exec(fd, flags & O_CLOEXEC);
}

/* A part of the content: where it is and how much there is from an offset on. */
static uint64_t content(const struct node *n, uint64_t offset, const char **at)
{
	struct proc_text *t = (void *)this_thread()->scratch->copy;
	uint64_t bytes;
	_Static_assert(sizeof(*t) <= sizeof(((struct scratch *)0)->copy), "a text fits");
	if (n->from) {
		*at = (const char *)*n->from + offset;
		bytes = *n->to - *n->from;
	} else if (n->text) {
		*at = n->text + offset;
		bytes = strlen(n->text);
	} else {
		t->len = 0;
		n->make(t);
		*at = t->bytes + offset;
		bytes = t->len;
	}
	return offset < bytes ? bytes - offset : 0;
}

static int64_t copy_out(const char *at, uint64_t left, const struct mote_iovec *v, uint64_t count)
{
	uint64_t done = 0;
	for (uint64_t i = 0; i < count && done < left; i++) {
		struct mote_iovec piece;
		if (get_user(&piece, (uint64_t)&v[i], sizeof(piece)) < 0)
			return -EFAULT;
		uint64_t bytes = min_u64(piece.len, left - done);
		if (put_user(piece.base, at + done, bytes) < 0)
			return done ? (int64_t)done : -EFAULT;
		done += bytes;
	}
	return (int64_t)done;
}

int64_t proc_read(int64_t rc, int32_t fd, const struct mote_iovec *v, uint64_t count,
		  const uint64_t *offset)
{
	struct proc_open *file = proc_file(fd);
	const char *at;
	if (!file || rc >= 0)
		return rc;
	const struct node *n = node_of(file->path);
	if (!n)
		return -EISDIR;
	uint64_t left = content(n, offset ? *offset : file->offset, &at);
	rc = copy_out(at, left, v, count);
	if (rc > 0 && !offset)
		file->offset += (uint64_t)rc;
	return rc;
}

int64_t proc_seek(int32_t fd, int64_t offset, uint32_t whence)
{
	struct proc_open *file = proc_file(fd);
	int64_t to = offset;
	if (!file)
		return -EBADF;
	if (whence == SEEK_CUR)
		to += (int64_t)file->offset;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (to < 0)
		return -EINVAL;
	file->offset = (uint64_t)to;
	return to;
}

/* --- directories --- */

union entry {
	struct mote_dirent d;
	uint8_t bytes[sizeof(struct mote_dirent) + PROC_PATH_MAX];
};

static void set_entry(union entry *e, const char *name, size_t len, uint8_t type)
{
	char *to = (char *)e->bytes + offsetof(struct mote_dirent, name);
	memcpy(to, name, len);
	to[len] = '\0';
	e->d.type = type;
}

/* The first node below the directory with that component: others only repeat it. */
static bool is_first(const char *directory, unsigned index, const char *name, size_t len)
{
	for (unsigned i = 0; i < index; i++) {
		const char *other = below(&nodes[i], directory);
		if (other && component_len(other) == len && strncmp(other, name, len) == 0)
			return false;
	}
	return true;
}

static bool node_entry(const char *directory, unsigned index, union entry *e)
{
	const char *name = below(&nodes[index], directory);
	size_t len = name ? component_len(name) : 0;
	if (!name || !is_first(directory, index, name, len))
		return false;
	uint8_t type = TYPE_REGULAR;
	if (name[len])
		type = TYPE_DIRECTORY;
	else if (nodes[index].link)
		type = TYPE_LINK;
	set_entry(e, name, len, type);
	return true;
}

static bool number_entry(union entry *e, uint32_t number, uint8_t type)
{
	char name[16];
	set_entry(e, name, lib_format(name, sizeof(name), "%u", number), type);
	return true;
}

/*
 * What is at a position of a directory: ".", "..", the process's number, "fd", then the nodes.
 * False: nothing is.
 */
static bool entry_at(const char *directory, uint64_t position, union entry *e)
{
	const bool top = strcmp(directory, "/proc") == 0,
		   self = strcmp(directory, "/proc/self") == 0;
	if (position < 2) {
		set_entry(e, "..", position + 1, TYPE_DIRECTORY);
		return true;
	}
	if (position == 2)
		return top && number_entry(e, process.boot->pid, TYPE_DIRECTORY);
	if (position == 3 && self)
		set_entry(e, "fd", 2, TYPE_DIRECTORY);
	if (position == 3)
		return self;
	if (position - 4 < NODES)
		return node_entry(directory, (unsigned)position - 4, e);
	return false;
}

static bool descriptor_at(uint64_t position, union entry *e)
{
	if (position < 2)
		return entry_at("", position, e);
	uint32_t fd = (uint32_t)position - 2;
	return mote_get_flags(mote_area(), (int32_t)fd) >= 0 && number_entry(e, fd, TYPE_LINK);
}

/* No position behind it is of the directory. */
static uint64_t end_of(const char *directory)
{
	if (strcmp(directory, OWN_DESCRIPTORS) == 0)
		return DESCRIPTORS_MAX + 2;
	return NODES + 4;
}

int64_t proc_list(int64_t rc, int32_t fd, uint64_t to, uint64_t capacity)
{
	struct proc_open *file = proc_file(fd);
	uint64_t used = 0;
	if (!file)
		return rc;
	if (node_of(file->path))
		return -ENOTDIR;
	const bool own = strcmp(file->path, OWN_DESCRIPTORS) == 0;
	for (; file->offset < end_of(file->path); file->offset++) {
		union entry e = {.d = {.ino = 0x10000 + file->offset}};
		bool there = own ? descriptor_at(file->offset, &e)
				 : entry_at(file->path, file->offset, &e);
		if (!there)
			continue;
		e.d.cookie = (int64_t)file->offset + 1;
		int64_t len = dir_entry_put(to + used, capacity - used, &e.d);
		if (len < 0)
			return len;
		if (len == 0)
			return used ? (int64_t)used : -EINVAL;
		used += (uint64_t)len;
	}
	return (int64_t)used;
}
