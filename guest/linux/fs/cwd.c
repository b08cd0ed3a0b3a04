/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The working directory: kept as the absolute path that Linux would report, without ".", ".." and
 * symlinks.
 */
#include "guest/linux/fs/cwd.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/lookup.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

enum { LINKS_MAX = 40, X_OK = 1 };

/* The directory was removed: it has no path any more. */
static bool gone;

int64_t sys_getcwd(uint64_t to, uint64_t size)
{
	if (gone)
		return -ENOENT;
	uint64_t len = strlen(process.cwd) + 1;
	if (len > size)
		return -ERANGE;
	if (put_user(to, process.cwd, len) < 0)
		return -EFAULT;
	return (int64_t)len;
}

/*
 * Reads the symlink that an absolute path without links names into target: its length, 0 if it is
 * not one.
 */
static int64_t read_link(const char *path, char target[PATH_MAX])
{
	size_t root_len;
	int32_t base = lookup_root(path, &root_len);
	const char *rest = path + root_len;
	if (base < 0 || !*rest) /* above every directory that the guest holds, or one of them */
		return 0;
	int64_t rc = mote_readlink(mote_area(), base, rest + 1, strlen(rest + 1),
				   MOTE_RESOLVE_IN_ROOT, target, PATH_MAX - 1);
	if (rc == -EINVAL)
		return 0;
	return rc;
}

/*
 * An absolute path on its way to its canonical form: what is done, and what is still to be walked.
 */
struct walk {
	char *done; /* [PATH_MAX], without a slash at its end */
	size_t done_len;
	char todo[PATH_MAX];
	unsigned links;
};

/* "..": but not above the directory that acts as the root. */
static void walk_up(struct walk *w)
{
	size_t root_len;
	(void)!lookup_root(w->done, &root_len);
	while (w->done_len > root_len && w->done[w->done_len - 1] != '/')
		w->done_len--;
	if (w->done_len > root_len)
		w->done_len--;
	w->done[w->done_len] = '\0';
}

/* Puts a link's target before what follows it in todo. */
static int64_t walk_link(struct walk *w, const char *target, size_t target_len, const char *after)
{
	size_t after_len = strlen(after);
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (target_len + after_len + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	if (target[0] == '/')
		(void)!lookup_root(w->done, &w->done_len);
	w->done[w->done_len] = '\0';
	memmove(w->todo + target_len, after, after_len + 1);
	memcpy(w->todo, target, target_len);
	return 0;
}

/* One component; *at moves to what is to be walked next. */
static int64_t walk_component(struct walk *w, const char **at, size_t len)
{
	char target[PATH_MAX];
	if (w->done_len + 1 + len + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	w->done[w->done_len] = '/';
	memcpy(w->done + w->done_len + 1, *at, len);
	w->done[w->done_len + 1 + len] = '\0';
	int64_t target_len = read_link(w->done, target);
	if (target_len < 0)
		return target_len;
	*at += len;
	if (target_len == 0) {
		w->done_len += 1 + len;
		return 0;
	}
	int64_t rc = walk_link(w, target, (size_t)target_len, *at);
	*at = w->todo;
	return rc;
}

static size_t component_len(const char *at)
{
	size_t n = 0;
	while (at[n] && at[n] != '/')
		n++;
	return n;
}

int64_t cwd_canonical(const char *path, char out[PATH_MAX])
{
	struct walk w = {.done = out};
	memcpy(w.todo, path, strlen(path) + 1);
	out[0] = '\0';
	for (const char *at = w.todo; *at;) {
		size_t n = component_len(at);
		if (n == 0) {
			at++;
		} else if (n == 1 && at[0] == '.') {
			at += n;
		} else if (n == 2 && at[0] == '.' && at[1] == '.') {
			walk_up(&w);
			at += n;
		} else {
			int64_t rc = walk_component(&w, &at, n);
			if (rc < 0)
				return rc;
		}
	}
	if (w.done_len == 0)
		memcpy(out, "/", 2);
	return 0;
}

/* Changes to the directory that an absolute path leads to, if it may be searched. */
static int64_t change_to(const char *path)
{
	char next[PATH_MAX];
	size_t root_len;
	int64_t rc = cwd_canonical(path, next);
	if (rc < 0)
		return rc;
	int32_t base = lookup_root(next, &root_len);
	if (base < 0)
		return base;
	size_t len = strlen(next);
	if (len + 3 > sizeof(next))
		return -ENAMETOOLONG;
	memcpy(next + len, "/.", 3); /* a directory, or ENOTDIR */
	const char *rest = lookup_below_root(next, root_len);
	rc = mote_access(mote_area(), base, rest, strlen(rest), MOTE_RESOLVE_IN_ROOT, X_OK);
	if (rc < 0)
		return rc;
	memcpy(process.cwd, next, len);
	process.cwd[len] = '\0';
	gone = false;
	return 0;
}

static int64_t change_to_synthetic(const char *path)
{
	struct mote_stat st;
	proc_stat(path, &st);
	if (!S_ISDIR(st.mode))
		return -ENOTDIR;
	memcpy(process.cwd, path, strlen(path) + 1);
	return 0;
}

int64_t sys_fchdir(int fd)
{
	if (proc_file(fd))
		return change_to_synthetic(proc_file(fd)->path);
	struct mote_stat st;
	int64_t rc = mote_fstat(mote_area(), fd, &st);
	if (rc < 0)
		return rc;
	if (!S_ISDIR(st.mode))
		return -ENOTDIR;
	const char *path = fd_path(fd);
	if (!path || !lookup_still_names(path, fd)) {
		lib_log("fchdir: the directory was moved, or its path is not known any more");
		return -ENOENT;
	}
	return change_to(path);
}

int64_t sys_chdir(uint64_t path)
{
	struct resolved_path p;
	int64_t rc = lookup_user_file(&p, AT_FDCWD, path, false);
	if (rc < 0)
		return rc;
	if (p.own >= 0)
		return sys_fchdir(p.own);
	if (p.proc[0])
		return change_to_synthetic(p.proc);
	return change_to(p.absolute);
}

/* --- what the program does to directories --- */

/* The last component of a path that names something in a directory; cuts slashes off its end. */
static char *last_name(char *path)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	while (len > 0 && path[len - 1] != '/')
		len--;
	return path + len;
}

/* The canonical form of an absolute path whose last component is taken as it is. */
static bool canonical_name(char path[PATH_MAX])
{
	char out[PATH_MAX], *name = last_name(path);
	if (name < path + 1)
		return false;
	size_t name_len = strlen(name);
	name[-1] = '\0';
	int64_t rc = cwd_canonical(path, out);
	size_t len = strlen(out);
	if (rc < 0)
		return false;
	if (len == 1) /* "/" */
		len = 0;
	if (len + 1 + name_len + 1 > PATH_MAX)
		return false;
	memmove(path + len + 1, name, name_len + 1);
	memcpy(path, out, len);
	path[len] = '/';
	return true;
}

static bool is_known(char *path)
{
	const char *name = last_name(path);
	return path_mentions(process.cwd, name) || fd_paths_mention(name);
}

/* Few renames are of directories that are in use: those that cannot be cost no host call. */
void cwd_renamed(const struct resolved_path *from, const struct resolved_path *to, bool exchange)
{
	char a[PATH_MAX], b[PATH_MAX];
	if (!lookup_absolute(from, a) || !lookup_absolute(to, b))
		return;
	if (!is_known(a) && !(exchange && is_known(b)))
		return;
	if (!canonical_name(a) || !canonical_name(b))
		return;
	(void)!path_follow(process.cwd, a, b, exchange);
	fd_paths_follow(a, b, exchange);
}

void cwd_removed(const struct resolved_path *p)
{
	char path[PATH_MAX];
	if (lookup_absolute(p, path) && path_mentions(process.cwd, last_name(path)) &&
	    canonical_name(path) && strcmp(path, process.cwd) == 0)
		gone = true;
}
