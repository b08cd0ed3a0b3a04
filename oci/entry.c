/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the entrypoint. The image's author controls the root file system, the user args[0]. */
#include "oci/entry.h"

#include "base/program.h"
#include "oci/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Where it is looked for, and how it is opened. */
struct lookup {
	int root_fd, flags;
	const char *cwd, *path; /* PATH's value, or NULL */
	char found[PATH_MAX];
};

/*
 * A regular file at l->found: a descriptor, or -errno; -ENODEV: it is there and is not a regular
 * file.
 */
static int try_path(const struct lookup *l)
{
	cleanup_close int fd = oci_open_in_root(l->root_fd, l->found, l->flags);
	if (fd < 0)
		return fd;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -ENODEV;
	return take_fd(&fd);
}

static int try_in(struct lookup *l, const char *dir, size_t dir_len, const char *name)
{
	int n;
	if (*name == '/')
		n = snprintf(l->found, sizeof(l->found), "%s", name);
	else
		n = snprintf(l->found, sizeof(l->found), "%.*s/%s", (int)dir_len, dir, name);
	if (n < 0 || (size_t)n >= sizeof(l->found))
		return -ENAMETOOLONG;
	return try_path(l);
}

/* In one directory of PATH; an empty one stands for the working directory. */
static int try_directory(struct lookup *l, const char *dir, size_t dir_len, const char *name)
{
	if (dir_len == 0)
		return try_in(l, l->cwd, strlen(l->cwd), name);
	return try_in(l, dir, dir_len, name);
}

/* By the rights of the calling thread at this moment, as execve(2) would have it. */
static bool may_execute(int fd)
{
	return faccessat(fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) == 0;
}

/* Whether execvp(3) would go on with the search, as of a file that is not executable. */
static bool is_passed(int fd)
{
	enum program_kind kind;
	struct err e = {0};
	if (program_identify(fd, "", &kind, &e) < 0)
		return true;
	return kind != PROGRAM_WASM && !may_execute(fd);
}

/*
 * Searches as execvp(3) does: what is there and cannot be used is remembered, the search goes on.
 * If all is of that kind, the first of the files is the result, whose fault is then reported.
 */
static int search(struct lookup *l, const char *name)
{
	cleanup_close int passed = -1;
	cleanup_free char *passed_path = NULL;
	const char *path = l->path;
	if (!path || !*path)
		path = DEFAULT_PATH;
	int rc = -ENOENT;
	for (;; path++) {
		size_t n = strcspn(path, ":");
		cleanup_close int fd = try_directory(l, path, n, name);
		if (fd >= 0 && !is_passed(fd))
			return take_fd(&fd);
		if (fd >= 0 && passed < 0) {
			passed_path = strdup(l->found);
			passed = take_fd(&fd);
		} else if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR) {
			rc = fd;
		}
		path += n;
		if (!*path)
			break;
	}
	if (!passed_path)
		return rc;
	snprintf(l->found, sizeof(l->found), "%s", passed_path);
	return take_fd(&passed);
}

static int find(struct lookup *l, const char *name)
{
	if (!strchr(name, '/'))
		return search(l, name);
	size_t cwd_len = strlen(l->cwd);
	if (strcmp(l->cwd, "/") == 0)
		cwd_len = 0;
	return try_in(l, l->cwd, cwd_len, name);
}

/* *function: what follows the '#' that a file's name ends at, NULL: it is the whole of arg0. */
static int find_split(struct lookup *l, const char *arg0, const char **function)
{
	char name[PATH_MAX];
	*function = NULL;
	if (strlen(arg0) >= sizeof(name))
		return -ENAMETOOLONG;
	const char *hash = strrchr(arg0, '#');
	int fd = find(l, arg0);
	if (fd != -ENOENT || !hash || hash == arg0)
		return fd;
	snprintf(name, sizeof(name), "%.*s", (int)(hash - arg0), arg0);
	*function = hash + 1;
	return find(l, name);
}

/* Whether it can run: a module by being readable, a native program by being executable, too. */
static int check_kind(int fd, const char *path, bool has_function, struct err *e)
{
	enum program_kind kind;
	int rc = program_identify(fd, path, &kind, e);
	if (rc < 0 || kind == PROGRAM_WASM)
		return rc;
	if (has_function)
		return err_set(e, ERR_CONFIG, ENOEXEC,
			       "%.200s is not a module; PATH#FUNCTION is for modules", path);
	if (!may_execute(fd))
		return err_set(e, ERR_CONFIG, EACCES,
			       "%.200s: permission denied: the container's user may not execute it",
			       path);
	if (kind == PROGRAM_ELF && program_is_dynamic(fd))
		return err_set(e, ERR_CONFIG, ENOEXEC,
			       "%.200s is dynamically linked; Mote runs static programs: link it "
			       "with -static",
			       path);
	return 0;
}

static int not_found(int rc, const char *arg0, struct err *e)
{
	const char *along = strchr(arg0, '/') ? "" : " along PATH";
	if (rc == -ENOENT || rc == -ENOTDIR)
		return err_set(
			e, ERR_CONFIG, ENOENT,
			"process.args[0]: %.200s: not found in the container's root file system%s",
			arg0, along);
	if (rc == -EISDIR)
		return err_set(e, ERR_CONFIG, EACCES,
			       "process.args[0]: %.200s is a directory, not a program", arg0);
	if (rc == -ENODEV)
		return err_set(e, ERR_CONFIG, EACCES,
			       "process.args[0]: %.200s is not a regular file", arg0);
	if (rc == -EACCES)
		return err_set(
			e, ERR_CONFIG, EACCES,
			"process.args[0]: %.200s: permission denied: the container's user may not "
			"read it",
			arg0);
	return err_set(e, ERR_CONFIG, -rc, "process.args[0]: %.200s: %s", arg0, strerror(-rc));
}

int oci_entry_open(int root_fd, const char *cwd, const char *path, const char *arg0,
		   struct oci_entry *out, struct err *e)
{
	/* O_NONBLOCK: a FIFO in the image must not stop us. */
	struct lookup l = {
		.root_fd = root_fd,
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY,
		.cwd = cwd,
		.path = path,
	};
	const char *after;
	cleanup_close int fd = find_split(&l, arg0, &after);
	if (fd < 0)
		return not_found(fd, arg0, e);
	int rc = check_kind(fd, l.found, after, e);
	if (rc < 0)
		return rc;
	cleanup_free char *copy = strdup(l.found), *function = NULL;
	if (after)
		function = strdup(after);
	if (!copy || (after && !function))
		return err_sys(e, ENOMEM, "the entrypoint");
	*out = (struct oci_entry){
		.fd = take_fd(&fd),
		.path = take_ptr(copy),
		.function = take_ptr(function),
	};
	return 0;
}

bool oci_entry_is_there(int root_fd, const char *cwd, const char *path, const char *arg0)
{
	struct lookup l = {.root_fd = root_fd, .flags = O_PATH, .cwd = cwd, .path = path};
	const char *after;
	cleanup_close int fd = find_split(&l, arg0, &after);
	return fd >= 0;
}

/* The interpreter that a script names: what follows "#!", up to a blank. -errno. */
static int open_interpreter(int root_fd, int script)
{
	char line[PATH_MAX];
	ssize_t n = pread(script, line, sizeof(line) - 1, 0);
	if (n < 2)
		return -ENOEXEC;
	line[n] = '\0';
	char *name = line + 2 + strspn(line + 2, " \t");
	name[strcspn(name, " \t\r\n")] = '\0';
	return oci_open_in_root(root_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

bool oci_entry_is_dynamic(int root_fd, const char *cwd, const char *path, const char *arg0)
{
	enum { SCRIPTS_MAX = 5 }; /* that are each other's interpreters, as execve(2) has it */
	struct lookup l = {
		.root_fd = root_fd,
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY,
		.cwd = cwd,
		.path = path,
	};
	const char *after;
	enum program_kind kind;
	struct err e = {0};
	cleanup_close int fd = find_split(&l, arg0, &after);
	for (int i = 0; i < SCRIPTS_MAX && fd >= 0; i++) {
		if (program_identify(fd, "", &kind, &e) < 0 || kind == PROGRAM_WASM)
			return false;
		if (kind == PROGRAM_ELF)
			return program_is_dynamic(fd);
		const int interpreter = open_interpreter(root_fd, fd);
		close_fd(&fd);
		fd = interpreter;
	}
	return false;
}

void oci_entry_free(struct oci_entry *entry)
{
	if (entry->fd >= 0)
		close(entry->fd);
	free(entry->path);
	free(entry->function);
	*entry = (struct oci_entry){.fd = -1};
}
