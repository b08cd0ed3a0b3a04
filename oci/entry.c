/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the entrypoint. The image's author controls the root file system, the user args[0]. */
#include "oci/entry.h"

#include "oci/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A regular file at path: a descriptor, or -errno; -ENODEV: it is there and is not a regular file. */
static int try_path(int root_fd, const char *path)
{
	/* O_NONBLOCK: a FIFO in the image must not stop us. */
	cleanup_close int fd = oci_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? take_fd(&fd) : S_ISDIR(st.st_mode) ? -EISDIR : -ENODEV;
}

static int join(char *to, size_t room, const char *dir, size_t dir_len, const char *name)
{
	int n = *name == '/' ? snprintf(to, room, "%s", name)
			     : snprintf(to, room, "%.*s/%s", (int)dir_len, dir, name);
	return n < 0 || (size_t)n >= room ? -ENAMETOOLONG : 0;
}

/* Searches as execvp(3) does: what is there and cannot be used is remembered, the search goes on.
 */
static int search(int root_fd, const char *cwd, const char *path, const char *name, char *found,
		  size_t room)
{
	int rc = -ENOENT;
	for (;;) {
		size_t n = strcspn(path, ":");
		int one = n == 0 ? join(found, room, cwd, strlen(cwd), name)
				 : join(found, room, path, n, name);
		if (one == 0)
			one = try_path(root_fd, found);
		if (one >= 0)
			return one;
		if (one != -ENOENT && one != -ENOTDIR)
			rc = one;
		if (!path[n])
			return rc;
		path += n + 1;
	}
}

static int find(int root_fd, const char *cwd, const char *path, const char *name, char *found,
		size_t room)
{
	if (!strchr(name, '/'))
		return search(root_fd, cwd, path && *path ? path : DEFAULT_PATH, name, found, room);
	int rc = join(found, room, cwd, strcmp(cwd, "/") == 0 ? 0 : strlen(cwd), name);
	return rc < 0 ? rc : try_path(root_fd, found);
}

#define WHAT_RUNS "Mote runs WebAssembly modules and static x86-64 ELF programs"

static bool is_text(const unsigned char *head, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (head[i] < ' ' && !strchr("\t\n\r\f\033", head[i]))
			return false;
	return true;
}

/* What cannot be run, by its first bytes: what is taken for a program most often. */
static const char *what_it_is(const char *head, size_t n)
{
	static const struct {
		const char *bytes, *what;
	} known[] = {
		{"MZ", "is a program for Windows"},
		{"\xcf\xfa\xed\xfe", "is a program for macOS"},
		{"\x1f\x8b", "is packed with gzip"},
		{"(module", "is a WebAssembly module's text, which wat2wasm translates"},
	};
	if (n == 0)
		return "is empty";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (n >= strlen(known[i].bytes) && memcmp(head, known[i].bytes, strlen(known[i].bytes)) == 0)
			return known[i].what;
	return is_text((const unsigned char *)head, n)
		       ? "is a text file"
		       : "is neither a WebAssembly module nor an ELF program";
}

/* By the rights of the calling thread at this moment, as execve(2) would have it. */
static bool may_execute(int fd)
{
	return faccessat(fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) == 0;
}

/* Tells by the first bytes whether it can run; the sentence names what it is instead. */
static int check_kind(int fd, const char *path, bool has_function, struct err *e)
{
	char head[128];
	ssize_t n = pread(fd, head, sizeof(head) - 1, 0);
	if (n < 0)
		return err_sys(e, errno, "%s", path);
	head[n] = '\0';
	if (n >= 4 && memcmp(head, "\0asm", 4) == 0)
		return 0;
	if (n >= 4 && memcmp(head, "\177ELF", 4) == 0) {
		if (has_function)
			return err_set(e, ERR_CONFIG, ENOEXEC,
				       "%.200s is an ELF program; PATH#FUNCTION is for modules",
				       path);
		return may_execute(fd)
			       ? 0
			       : err_set(e, ERR_CONFIG, EACCES,
					 "%.200s: permission denied: the container's user may not "
					 "execute it",
					 path);
	}
	if (n >= 2 && memcmp(head, "#!", 2) == 0) {
		char *line = head + 2;
		line += strspn(line, " \t");
		line[strcspn(line, " \t\r\n")] = '\0';
		return err_set(e, ERR_CONFIG, ENOEXEC,
			       "%.200s is a script for %.64s; " WHAT_RUNS ": start the interpreter itself",
			       path, line);
	}
	return err_set(e, ERR_CONFIG, ENOEXEC, "%.200s %s; " WHAT_RUNS, path, what_it_is(head, (size_t)n));
}

static int not_found(int rc, const char *arg0, struct err *e)
{
	if (rc == -ENOENT || rc == -ENOTDIR)
		return err_set(e, ERR_CONFIG, ENOENT,
			       "process.args[0]: %.200s: not found in the container's root file "
			       "system%s",
			       arg0, strchr(arg0, '/') ? "" : " along PATH");
	if (rc == -EISDIR)
		return err_set(e, ERR_CONFIG, EACCES, "process.args[0]: %.200s is a directory, not a program",
			       arg0);
	if (rc == -ENODEV)
		return err_set(e, ERR_CONFIG, EACCES,
			       "process.args[0]: %.200s is not a regular file", arg0);
	if (rc == -EACCES)
		return err_set(e, ERR_CONFIG, EACCES,
			       "process.args[0]: %.200s: permission denied: the container's user "
			       "may not read it",
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
	bool split = fd == -ENOENT && hash && hash != arg0 && hash[1];
	if (split) {
		snprintf(name, sizeof(name), "%.*s", (int)(hash - arg0), arg0);
		fd = find(root_fd, cwd, path, name, found, sizeof(found));
	}
	if (fd < 0)
		return not_found(fd, arg0, e);
	int rc = check_kind(fd, found, split, e);
	if (rc < 0)
		return rc;
	cleanup_free char *copy = strdup(found), *function = split ? strdup(hash + 1) : NULL;
	if (!copy || (split && !function))
		return err_sys(e, ENOMEM, "the entrypoint");
	*out = (struct oci_entry){
		.fd = take_fd(&fd), .path = take_ptr(copy), .function = take_ptr(function)};
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
