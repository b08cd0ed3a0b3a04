/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a path; see walk.h. */
#include "guest/lib/walk.h"

#include "guest/lib/lib.h"

#include <linux/errno.h>

enum { LINKS_MAX = 40 };

/* What is done, and what is still to be walked. */
struct walk {
	char *done; /* [PATH_MAX], without a slash at its end: the root is empty */
	size_t done_len;
	char todo[PATH_MAX];
	bool follow;
	const struct walk_files *files;
	struct walk_end *end;
};

static void walk_up(struct walk *w)
{
	while (w->done_len > 0 && w->done[w->done_len - 1] != '/')
		w->done_len--;
	if (w->done_len > 0)
		w->done_len--;
	w->done[w->done_len] = '\0';
}

static bool nothing_follows(const char *at)
{
	while (*at == '/')
		at++;
	return *at == '\0';
}

/* Puts a link's target before what follows it in todo. */
static int64_t walk_link(struct walk *w, const char *target, size_t target_len, const char *after)
{
	size_t after_len = strlen(after);
	if (++w->end->links > LINKS_MAX)
		return -ELOOP;
	if (target_len + after_len + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	if (target[0] == '/')
		w->done_len = 0;
	w->done[w->done_len] = '\0';
	memmove(w->todo + target_len, after, after_len + 1);
	memcpy(w->todo, target, target_len);
	return 0;
}

/* A link of /proc/self/fd: the descriptor at the path's end, or the directory that it is. */
static int64_t walk_descriptor(struct walk *w, int32_t fd, const char *after)
{
	if (*after == '\0') {
		w->end->own = fd;
		return 0;
	}
	const char *path = w->files->directory(w->files, fd);
	if (!path)
		return -ENOTDIR;
	return walk_link(w, path, strlen(path), after);
}

/* A name; *at moves to what is to be walked next. */
static int64_t walk_name(struct walk *w, const char **at, size_t len)
{
	char target[PATH_MAX];
	const size_t before = w->done_len;
	const char *after = *at + len;
	if (len > NAME_MAX || before + 1 + len + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	w->done[before] = '/';
	memcpy(w->done + before + 1, *at, len);
	w->done[before + 1 + len] = '\0';
	const bool taken_as_it_is = !w->follow && *after == '\0';
	int32_t own = taken_as_it_is ? -1 : w->files->descriptor(w->files, w->done);
	int64_t target_len = 0;
	if (!taken_as_it_is && own < 0)
		target_len = w->files->read_link(w->files, w->done, target);
	if (target_len == -ENOENT && nothing_follows(after))
		target_len = 0;
	if (target_len < 0)
		return target_len;
	if (own < 0 && target_len == 0) {
		w->done_len += 1 + len;
		*at = after;
		return 0;
	}
	w->done_len = before;
	int64_t rc = own >= 0 ? walk_descriptor(w, own, after)
			      : walk_link(w, target, (size_t)target_len, after);
	*at = w->end->own >= 0 ? after : w->todo;
	return rc;
}

static size_t component_len(const char *at)
{
	size_t n = 0;
	while (at[n] && at[n] != '/')
		n++;
	return n;
}

/* One component or the slashes before it. */
static int64_t walk_step(struct walk *w, const char **at)
{
	const size_t n = component_len(*at);
	w->end->directory = true;
	if (n == 0) {
		while (**at == '/')
			++*at;
		return 0;
	}
	const bool up = n == 2 && (*at)[0] == '.' && (*at)[1] == '.';
	if (up || (n == 1 && (*at)[0] == '.')) {
		int64_t rc = w->done_len > 0 ? w->files->check(w->files, w->done) : 0;
		if (up)
			walk_up(w);
		*at += n;
		return rc;
	}
	w->end->directory = false;
	return walk_name(w, at, n);
}

int64_t walk_path(const struct walk_files *files, const char *path, size_t known, bool follow,
		  char out[PATH_MAX], struct walk_end *end)
{
	struct walk w = {
		.done = out,
		.done_len = known,
		.follow = follow,
		.files = files,
		.end = end,
	};
	*end = (struct walk_end){.own = -1};
	if (known == 1) /* "/" */
		w.done_len = 0;
	memcpy(out, path, w.done_len);
	out[w.done_len] = '\0';
	memcpy(w.todo, path + w.done_len, strlen(path + w.done_len) + 1);
	for (const char *at = w.todo; *at;) {
		int64_t rc = walk_step(&w, &at);
		if (rc < 0)
			return rc;
	}
	if (w.done_len == 0)
		memcpy(out, "/", 2);
	return 0;
}

int32_t walk_number(const char *text)
{
	int32_t n = 0;
	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || n > 100000)
			return -1;
		n = n * 10 + (*text - '0');
	}
	return n;
}
