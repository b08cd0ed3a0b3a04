/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount points inside a container's root, made if they are missing, also at the end of an image's
 * symbolic links to what is not there: /etc/resolv.conf -> ../run/resolv.conf. The image's author
 * controls every name and link, so each step opens one name and follows nothing: a link's text is
 * walked here, with the root as the highest directory there is.
 */
#include "runtime/mounts.h"

#include "oci/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = PATH_MAX, LINKS_MAX = 40 };

struct walk {
	int root;                  /* borrowed */
	int at;                    /* owned: what `done` names, O_PATH */
	char done[PATH_BYTES];     /* from the root, "/a/b"; "" for itself; without links */
	char todo[2 * PATH_BYTES]; /* what is still to be walked begins at `next` */
	const char *next;
	unsigned links;
	bool made; /* the last name was */
};

/* The next component, or one of length 0 at the end. */
static size_t component(const char **at)
{
	*at += strspn(*at, "/");
	return strcspn(*at, "/");
}

static bool is_parent(const char *name, size_t len)
{
	return len == 2 && name[0] == '.' && name[1] == '.';
}

static bool is_here(const char *name, size_t len)
{
	return len == 1 && name[0] == '.';
}

static void drop_last(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
}

static int append(char *to, const char *name, size_t len)
{
	size_t at = strlen(to);
	if (len + 2 > PATH_BYTES - at)
		return -ENAMETOOLONG;
	to[at++] = '/';
	memcpy(to + at, name, len);
	to[at + len] = '\0';
	return 0;
}

/*
 * The config's own path goes by its text: "/data/../app" is /app, whatever /data is or will be, and
 * one without '/' begins at the root. So it is with other runtimes.
 */
int mounts_clean_path(const char *path, char *to)
{
	to[0] = '\0';
	for (size_t len; (len = component(&path)); path += len) {
		int rc = 0;
		if (is_parent(path, len))
			drop_last(to);
		else if (!is_here(path, len))
			rc = append(to, path, len);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int stand_at(struct walk *w, int fd)
{
	if (fd < 0)
		return fd;
	cleanup_closep(&w->at);
	w->at = fd;
	return 0;
}

static int stand_at_done(struct walk *w)
{
	return stand_at(w, oci_open_in_root(w->root, *w->done ? w->done : "/", O_PATH));
}

static int follow(struct walk *w, int link)
{
	char text[PATH_BYTES], rest[2 * PATH_BYTES];
	ssize_t n = readlinkat(link, "", text, sizeof(text));
	if (n < 0)
		return -errno;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	size_t left = strlen(w->next);
	if (n == 0)
		return -ENOENT;
	if ((size_t)n + 1 + left + 1 > sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(rest, text, (size_t)n);
	rest[n] = '/';
	memcpy(rest + n + 1, w->next, left + 1);
	memcpy(w->todo, rest, (size_t)n + 1 + left + 1);
	w->next = w->todo;
	if (text[0] != '/')
		return 0;
	w->done[0] = '\0';
	return stand_at_done(w);
}

static int make(const struct walk *w, const char *name, bool directory)
{
	if (directory && mkdirat(w->at, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (directory)
		return 0;
	/* A FIFO that a guest which shares the volume has just put there is not opened. */
	int fd = openat(w->at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno != EEXIST)
		return -errno;
	close_fd(&fd);
	return 0;
}

/* A name in the directory where the walk stands; all but the last are directories. */
static int step(struct walk *w, const char *name, bool directory)
{
	const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	const char *after = w->next;
	directory |= component(&after) > 0;
	cleanup_close int fd = openat(w->at, name, flags);
	w->made = fd < 0 && errno == ENOENT;
	if (w->made) {
		int rc = make(w, name, directory);
		if (rc < 0)
			return rc;
		fd = openat(w->at, name, flags);
	}
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return follow(w, fd);
	int rc = append(w->done, name, strlen(name));
	if (rc < 0)
		return rc;
	return stand_at(w, take_fd(&fd));
}

static int walk(struct walk *w, bool directory)
{
	char name[NAME_MAX + 1];
	int rc = 0;
	for (size_t len; rc == 0 && (len = component(&w->next));) {
		const char *at = w->next;
		w->next += len;
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, at, len);
		name[len] = '\0';
		if (is_parent(name, len)) {
			drop_last(w->done);
			rc = stand_at_done(w);
		} else if (!is_here(name, len)) {
			rc = step(w, name, directory);
		}
	}
	return rc;
}

int mounts_make_in(int root_fd, const char *path, bool directory, bool *made, struct err *e)
{
	struct walk w = {.root = root_fd, .at = -1};
	w.next = w.todo;
	int rc = mounts_clean_path(path, w.todo);
	if (rc == 0)
		rc = stand_at_done(&w);
	if (rc == 0)
		rc = walk(&w, directory);
	if (made)
		*made = w.made;
	if (rc == 0)
		return w.at;
	cleanup_closep(&w.at);
	return err_sys(e, -rc, "mount point %s in the container", path);
}
