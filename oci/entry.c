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

/*
 * A regular file at path: a descriptor, or -errno; -ENODEV: it is there and is not a regular file.
 */
static int try_path(int root_fd, const char *path)
{
	/* O_NONBLOCK: a FIFO in the image must not stop us. */
	cleanup_close int fd = oci_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
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

static int join(char *to, size_t size, const char *dir, size_t dir_len, const char *name)
{
	int n;
	if (*name == '/')
		n = snprintf(to, size, "%s", name);
	else
		n = snprintf(to, size, "%.*s/%s", (int)dir_len, dir, name);
	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	return 0;
}

/* In one directory of PATH; an empty one stands for the working directory. */
static int try_directory(int root_fd, const char *cwd, const char *dir, size_t dir_len,
			 const char *name, char *found, size_t size)
{
	if (dir_len == 0) {
		dir = cwd;
		dir_len = strlen(cwd);
	}
	int rc = join(found, size, dir, dir_len, name);
	if (rc < 0)
		return rc;
	return try_path(root_fd, found);
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
static int search(int root_fd, const char *cwd, const char *path, const char *name, char *found,
		  size_t size)
{
	cleanup_close int passed = -1;
	cleanup_free char *passed_path = NULL;
	int rc = -ENOENT;
	for (;; path++) {
		size_t n = strcspn(path, ":");
		cleanup_close int fd = try_directory(root_fd, cwd, path, n, name, found, size);
		if (fd >= 0 && !is_passed(fd))
			return take_fd(&fd);
		if (fd >= 0 && passed < 0) {
			passed_path = strdup(found);
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
	snprintf(found, size, "%s", passed_path);
	return take_fd(&passed);
}

static int find(int root_fd, const char *cwd, const char *path, const char *name, char *found,
		size_t size)
{
	if (!strchr(name, '/')) {
		if (!path || !*path)
			path = DEFAULT_PATH;
		return search(root_fd, cwd, path, name, found, size);
	}
	size_t cwd_len = strlen(cwd);
	if (strcmp(cwd, "/") == 0)
		cwd_len = 0;
	int rc = join(found, size, cwd, cwd_len, name);
	if (rc < 0)
		return rc;
	return try_path(root_fd, found);
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
	char found[PATH_MAX], name[PATH_MAX];
	if (strlen(arg0) >= sizeof(name))
		return not_found(-ENAMETOOLONG, arg0, e);
	const char *hash = strrchr(arg0, '#');
	cleanup_close int fd = find(root_fd, cwd, path, arg0, found, sizeof(found));
	bool split = fd == -ENOENT && hash && hash != arg0;
	if (split) {
		snprintf(name, sizeof(name), "%.*s", (int)(hash - arg0), arg0);
		fd = find(root_fd, cwd, path, name, found, sizeof(found));
	}
	if (fd < 0)
		return not_found(fd, arg0, e);
	int rc = check_kind(fd, found, split, e);
	if (rc < 0)
		return rc;
	cleanup_free char *copy = strdup(found), *function = NULL;
	if (split)
		function = strdup(hash + 1);
	if (!copy || (split && !function))
		return err_sys(e, ENOMEM, "the entrypoint");
	*out = (struct oci_entry){
		.fd = take_fd(&fd),
		.path = take_ptr(copy),
		.function = take_ptr(function),
	};
	return 0;
}

void oci_entry_free(struct oci_entry *entry)
{
	if (entry->fd >= 0)
		close(entry->fd);
	free(entry->path);
	free(entry->function);
	*entry = (struct oci_entry){.fd = -1};
}
