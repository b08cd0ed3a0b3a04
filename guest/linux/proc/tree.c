/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of synthetic files: which paths there are, what each is, and what a directory lists. Its
 * paths are canonical, but that the list of files has PID for the process's number.
 */
#include "guest/linux/proc/tree.h"
#include "guest/linux/socket_rights.h"

#include "guest/lib/walk.h"
#include "guest/linux/event_file.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/fs/roots.h"
#include "guest/linux/net/files.h"
#include "guest/linux/proc/rules.h"
#include "guest/linux/proc/text.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

/* DT_* of <dirent.h> */
enum { TYPE_UNKNOWN = 0, TYPE_DEVICE = 2, TYPE_DIRECTORY = 4, TYPE_REGULAR = 8, TYPE_LINK = 10 };
enum { MOUNTS_MAX = 64 };

#define PROCESS         "/proc/PID"
#define OWN_DESCRIPTORS PROCESS "/fd"
#define OWN_TASKS       PROCESS "/task"

static const struct proc_node nodes[] = {
#define PROC_FILE(at, maker) {.kind = PROC_IS_FILE, .path = (at), .make = proc_make_##maker},
#define PROC_TEXT(at, says)  {.kind = PROC_IS_FILE, .path = (at), .text = (says)},
#define PROC_MEMORY(at, start, end) \
	{.kind = PROC_IS_FILE, .path = (at), .from = &process.text.start, .to = &process.text.end},
#define PROC_NETWORK(at, which) {.kind = PROC_IS_NETWORK, .path = (at), .file = MOTE_NET_##which},
#define PROC_LINK(at, maker)    {.kind = PROC_IS_LINK, .path = (at), .make = proc_make_##maker},
#define PROC_LINK_TO(at, says)  {.kind = PROC_IS_LINK, .path = (at), .text = (says)},
#define PROC_DIRECTORY(at)      {.kind = PROC_IS_DIRECTORY, .path = (at)},
#include "guest/linux/proc/proc.def"
};
enum { NODES = sizeof(nodes) / sizeof(nodes[0]) };

static const char *const devices[] = {MOTE_DEVICES};
enum { DEVICES = sizeof(devices) / sizeof(devices[0]) };

/* --- paths --- */

static size_t component_len(const char *at)
{
	size_t n = 0;
	while (at[n] && at[n] != '/')
		n++;
	return n;
}

static const struct proc_node *node_of(const char *listed)
{
	for (unsigned i = 0; i < NODES; i++)
		if (strcmp(nodes[i].path, listed) == 0)
			return &nodes[i];
	return NULL;
}

const struct proc_node *proc_node(const char *path)
{
	static const struct proc_node empty = {.kind = PROC_IS_FILE, .path = "", .text = ""};
	char name[PROC_PATH_MAX];
	const struct proc_node *n = node_of(proc_listed_name(path, name));
	if (n && n->kind == PROC_IS_NETWORK && !net_file_is_there(n->file))
		n = NULL;
	switch (proc_masking(path)) {
	case PROC_NOT_MASKED:
		return n;
	case PROC_MASKED:
		return n && n->kind != PROC_IS_DIRECTORY ? &empty : n;
	case PROC_BELOW_MASKED:
		return NULL;
	}
	return NULL;
}

/* The part of a path below a directory; NULL if it is not below it. */
static const char *below(const char *path, const char *directory)
{
	size_t len;
	if (!path_covers(directory, path, &len))
		return NULL;
	while (path[len] == '/')
		len++;
	return path[len] ? path + len : NULL;
}

/* Where one of the three trees begins that hide what the directories below "/" have there. */
static size_t tree_len(const char *path)
{
	size_t len;
	const char *at = path;
	while (*at == '/')
		at++;
	if (!lookup_has_tree())
		return 0;
	if (*at != 'p' && *at != 's' && *at != 'd') /* every path comes here */
		return 0;
	if (!path_covers("/proc", path, &len) && !path_covers("/sys", path, &len) &&
	    (!path_covers("/dev", path, &len) || !lookup_has_devices()))
		return 0;
	return proc_is_mounted(path) ? 0 : len;
}

bool proc_hides(const char *path, size_t root_len)
{
	const size_t len = tree_len(path);
	return len > 0 && root_len < len;
}

bool proc_serves(const char *path)
{
	size_t root_len;
	return lookup_root(path, &root_len) < 0 || proc_hides(path, root_len);
}

/* The directories that the guest holds, which devices are not (*path is NULL), and the mounts. */
static bool mount_at(uint32_t index, const char **path)
{
	bool readonly;
	uint32_t held = 0;
	if (lookup_mount(index, path, &readonly))
		return true;
	while (lookup_mount(held, path, &readonly))
		held++;
	*path = proc_mount(index - held);
	return *path;
}

static bool is_above_mounts(const char *path)
{
	const char *mount;
	for (uint32_t i = 0; mount_at(i, &mount); i++)
		if (mount && below(mount, path))
			return true;
	return false;
}

bool proc_is_directory(const char *path)
{
	char name[PROC_PATH_MAX];
	const char *listed = proc_listed_name(path, name);
	const struct proc_node *n = node_of(listed);
	if (proc_masking(path) == PROC_BELOW_MASKED)
		return false;
	if (n)
		return n->kind == PROC_IS_DIRECTORY;
	for (unsigned i = 0; i < NODES; i++)
		if (below(nodes[i].path, listed))
			return true;
	return is_above_mounts(path);
}

int32_t proc_descriptor(const char *path)
{
	char name[PROC_PATH_MAX];
	if (strncmp(path, "/proc/", 6) != 0 || strlen(path) >= PROC_PATH_MAX ||
	    !proc_serves(path) || proc_masking(path) != PROC_NOT_MASKED)
		return -1;
	const char *number = below(proc_listed_name(path, name), OWN_DESCRIPTORS);
	int32_t fd = number ? walk_number(number) : -1;
	return fd >= 0 && !lookup_holds(fd) && !rights_hold(fd) &&
			       mote_get_flags(mote_area(), fd) >= 0
		       ? fd
		       : -1;
}

/* How the network is set up is the host's to know: a program that looks for it is named once. */
static void note_network(const char *path)
{
	static const char *const trees[] = {"/proc/sys/net", "/sys/class/net"};
	static bool noted;
	char name[PROC_PATH_MAX];
	const char *listed = proc_listed_name(path, name);
	size_t len;
	for (size_t i = 0; !noted && i < sizeof(trees) / sizeof(trees[0]); i++) {
		if (!path_covers(trees[i], listed, &len))
			continue;
		noted = true;
		lib_log("%s is not there: of the network /proc/net tells alone", path);
	}
}

int64_t proc_lookup(const char *path)
{
	char above[PROC_PATH_MAX];
	if (strlen(path) >= PROC_PATH_MAX)
		return -ENOENT;
	if (proc_node(path) || proc_is_directory(path) || proc_descriptor(path) >= 0)
		return 0;
	note_network(path);
	memcpy(above, path, strlen(path) + 1);
	char *slash = strrchr(above, '/');
	if (slash)
		*slash = '\0';
	return above[0] == '\0' || proc_is_directory(above) ? -ENOENT : -ENOTDIR;
}

int64_t proc_create_error(const char *path)
{
	if (proc_is_readonly(path))
		return -EROFS;
	if (strncmp(path, "/proc/", 6) == 0)
		return -ENOENT;
	if (strncmp(path, "/sys/", 5) == 0)
		return -EPERM;
	return -EROFS;
}

bool proc_is_masked_file(const char *path)
{
	return proc_masking(path) == PROC_MASKED && !proc_is_directory(path) && proc_node(path);
}

int64_t proc_change_error(const char *path)
{
	return proc_is_readonly(path) ? -EROFS : -EPERM;
}

/* --- links --- */

/* What the link of a descriptor says; empty: nothing is known. */
static size_t descriptor_target(int32_t fd, char to[PATH_MAX])
{
	struct mote_stat st;
	const char *path = fd_path(fd);
	if (path)
		return lib_format(to, PATH_MAX, "%s", path);
	if (event_file(fd))
		return lib_format(to, PATH_MAX, "%s", event_file_name(event_file(fd)));
	if (mote_fstat(mote_area(), fd, &st) < 0)
		return 0;
	const unsigned long ino = st.ino;
	switch (st.mode & S_IFMT) {
	case S_IFIFO:
		return lib_format(to, PATH_MAX, "pipe:[%lu]", ino);
	case S_IFSOCK:
		return lib_format(to, PATH_MAX, "socket:[%lu]", ino);
	case 0:
		return lib_format(to, PATH_MAX, "anon_inode:[%lu]", ino);
	default:
		return 0;
	}
}

bool proc_is_own_program(const char *path)
{
	char name[PROC_PATH_MAX];
	return strcmp(proc_listed_name(path, name), PROCESS "/exe") == 0;
}

bool proc_is_link(const char *path)
{
	const struct proc_node *n = proc_node(path);
	return n ? n->kind == PROC_IS_LINK : proc_descriptor(path) >= 0;
}

size_t proc_link(const char *path, char to[PATH_MAX])
{
	const struct proc_node *n = proc_node(path);
	struct proc_text *t = (void *)this_thread()->scratch->copy;
	int32_t fd = n ? -1 : proc_descriptor(path);
	if (fd >= 0)
		return descriptor_target(fd, to);
	if (!n || n->kind != PROC_IS_LINK)
		return 0;
	if (n->text)
		return lib_format(to, PATH_MAX, "%s", n->text);
	t->len = 0;
	n->make(t);
	memcpy(to, t->bytes, t->len + 1);
	return t->len;
}

/* --- attributes --- */

/* A descriptor's link has the rights that the descriptor was opened with. */
static void stat_descriptor_link(int32_t fd, struct mote_stat *to)
{
	const uint32_t access = (uint32_t)mote_get_flags(mote_area(), fd) & O_ACCMODE;
	to->mode = S_IFLNK | S_IXUSR;
	if (access != O_WRONLY)
		to->mode |= S_IRUSR;
	if (access != O_RDONLY)
		to->mode |= S_IWUSR;
	to->size = 64;
}

void proc_stat(const char *path, struct mote_stat *to)
{
	const struct proc_node *n = proc_node(path);
	const int32_t fd = n ? -1 : proc_descriptor(path);
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
	if (fd >= 0)
		stat_descriptor_link(fd, to);
	else if (!n || n->kind == PROC_IS_DIRECTORY)
		to->mode = S_IFDIR | 0555;
	else if (n->kind == PROC_IS_LINK)
		to->mode = S_IFLNK | 0777;
}

/* --- directories --- */

static void set_entry(union proc_entry *e, const char *name, size_t len, uint8_t type)
{
	char *to = (char *)e->bytes + offsetof(struct mote_dirent, name);
	if (len > NAME_MAX)
		len = NAME_MAX;
	memcpy(to, name, len);
	to[len] = '\0';
	e->d.type = type;
}

static bool number_entry(union proc_entry *e, uint32_t number, uint8_t type)
{
	char name[16];
	set_entry(e, name, lib_format(name, sizeof(name), "%u", number), type);
	return true;
}

/* What a directory lists is the first component of these paths, those that are below it. */
static const char *listed_path(uint32_t index)
{
	const char *mount;
	if (index < NODES)
		return nodes[index].path;
	return mount_at(index - NODES, &mount) ? mount : NULL;
}

/* Whether an earlier path has the same component. */
static bool is_repeated(const char *directory, uint32_t index, const char *name, size_t len)
{
	for (uint32_t i = 0; i < index; i++) {
		const char *path = listed_path(i), *other = path ? below(path, directory) : NULL;
		if (other && component_len(other) == len && strncmp(other, name, len) == 0)
			return true;
	}
	return false;
}

static bool is_file(const struct proc_node *n)
{
	return n->kind == PROC_IS_FILE || n->kind == PROC_IS_NETWORK;
}

static bool path_entry(const char *directory, uint32_t index, union proc_entry *e)
{
	const char *path = listed_path(index), *name = path ? below(path, directory) : NULL;
	size_t len = name ? component_len(name) : 0;
	if (!name || is_repeated(directory, index, name, len))
		return false;
	if (strcmp(directory, "/proc") == 0 && len == 3 && strncmp(name, "PID", len) == 0)
		return number_entry(e, process.boot->pid, TYPE_DIRECTORY);
	uint8_t type = TYPE_DIRECTORY;
	if (index < NODES && nodes[index].kind == PROC_IS_NETWORK && !name[len] &&
	    !net_file_is_there(nodes[index].file))
		return false;
	if (index >= NODES && !name[len])
		type = TYPE_UNKNOWN;
	if (index < NODES && !name[len] && is_file(&nodes[index]))
		type = TYPE_REGULAR;
	if (index < NODES && !name[len] && nodes[index].kind == PROC_IS_LINK)
		type = TYPE_LINK;
	set_entry(e, name, len, type);
	return true;
}

static bool descriptor_entry(uint64_t fd, union proc_entry *e)
{
	return !lookup_holds((int32_t)fd) && !rights_hold((int32_t)fd) &&
	       mote_get_flags(mote_area(), (int32_t)fd) >= 0 &&
	       number_entry(e, (uint32_t)fd, TYPE_LINK);
}

/* Positions: ".", "..", then the devices, then what paths are below the directory. */
bool proc_entry_at(const char *path, uint64_t position, union proc_entry *e)
{
	char name[PROC_PATH_MAX];
	const char *directory = proc_listed_name(path, name);
	if (position < 2) {
		set_entry(e, "..", position + 1, TYPE_DIRECTORY);
		return true;
	}
	position -= 2;
	if (proc_masking(path) != PROC_NOT_MASKED)
		return false;
	if (strcmp(directory, OWN_DESCRIPTORS) == 0)
		return descriptor_entry(position, e);
	if (strcmp(directory, OWN_TASKS) == 0)
		return position == 0 && number_entry(e, process.boot->pid, TYPE_DIRECTORY);
	if (position >= DEVICES)
		return path_entry(directory, (uint32_t)position - DEVICES, e);
	if (strcmp(directory, "/dev") != 0)
		return false;
	set_entry(e, devices[position], strlen(devices[position]), TYPE_DEVICE);
	return true;
}

uint64_t proc_entries_end(const char *path)
{
	char name[PROC_PATH_MAX];
	if (strcmp(proc_listed_name(path, name), OWN_DESCRIPTORS) == 0)
		return 3 + (uint64_t)descriptor_highest();
	return 2 + DEVICES + NODES + MOUNTS_MAX + process.boot->pathc[MOTE_PATH_MOUNTED];
}
