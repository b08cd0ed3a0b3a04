/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mount option tmpcopyup: a tmpfs begins with what the image has in the directory. The image's
 * author controls it, so that names are opened one by one, no link is followed and nothing waits.
 */
#include "runtime/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

/* Each level has three descriptors open. */
enum { DEPTH_MAX = 128 };

static int copy_tree(int from, int to, unsigned depth, dev_t device);

static int copy_bytes(int from, int to, const struct stat *st)
{
	off_t left = st->st_size;
	while (left > 0) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		left -= n;
	}
	return 0;
}

/* The mode comes last: changing the owner takes the set-ID bits away. */
static int set_owner(int fd, const struct stat *st)
{
	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0)
		return -errno;
	return 0;
}

static int copy_file(int from, int to, const char *name)
{
	struct stat st;
	cleanup_close int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0 || fstat(in, &st) < 0)
		return -errno;
	cleanup_close int out =
		openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	int rc = copy_bytes(in, out, &st);
	if (rc < 0)
		return rc;
	return set_owner(out, &st);
}

static int copy_directory(int from, int to, const char *name, unsigned depth, dev_t device)
{
	struct stat st;
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if (depth == 0)
		return -ELOOP;
	if (mkdirat(to, name, 0700) < 0)
		return -errno;
	cleanup_close int in = openat(from, name, flags), out = openat(to, name, flags);
	if (in < 0 || out < 0 || fstat(in, &st) < 0)
		return -errno;
	int rc = 0;
	if (st.st_dev == device)
		rc = copy_tree(in, out, depth - 1, device);
	if (rc < 0)
		return rc;
	return set_owner(out, &st);
}

static int copy_link(int from, int to, const char *name, const struct stat *st)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(from, name, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (symlinkat(text, to, name) < 0 ||
	    fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/*
 * A FIFO, a socket. Device nodes of an image are none: where they lie the root is nodev, which the
 * tmpfs need not be.
 */
static int copy_node(int to, const char *name, const struct stat *st)
{
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		return 0;
	if (mknodat(to, name, st->st_mode, st->st_rdev) < 0 ||
	    fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_entry(int from, int to, const char *name, unsigned depth, dev_t device)
{
	struct stat st;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name);
	if (S_ISDIR(st.st_mode))
		return copy_directory(from, to, name, depth, device);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name, &st);
	return copy_node(to, name, &st);
}

static int copy_tree(int from, int to, unsigned depth, dev_t device)
{
	DIR *d = fdopendir(dup(from));
	if (!d)
		return -errno;
	int rc = 0;
	for (const struct dirent *entry; rc == 0 && (entry = readdir(d));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = copy_entry(from, to, entry->d_name, depth, device);
	closedir(d);
	return rc;
}

int mounts_copy_up(int from, int to, const char *where, struct err *e)
{
	struct stat st;
	cleanup_close int in = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int out = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (in < 0 || out < 0 || fstat(in, &st) < 0)
		return err_sys(e, errno, "mount on %s: tmpcopyup", where);
	mode_t mask = umask(0);
	int rc = copy_tree(in, out, DEPTH_MAX, st.st_dev);
	umask(mask);
	if (rc < 0)
		return err_sys(e, -rc, "mount on %s: copying the image's directory", where);
	return 0;
}
