/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a path leads, found component by component. The host resolves below one directory at a
 * time and refuses what leads out of it; what a guest runtime serves itself it does not know. Such
 * paths, few of all, are walked.
 */
#ifndef MOTE_GUEST_LIB_WALK_H
#define MOTE_GUEST_LIB_WALK_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The tree that is walked. Paths are canonical: absolute, without ".", ".." and symlinks. */
struct walk_files {
	/* The target of a symlink: its length, 0 if the file is not one; or a negative errno. */
	int64_t (*read_link)(const struct walk_files *f, const char *path, char target[PATH_MAX]);
	/* Whether it is a directory that may be searched, as "." and ".." follow: 0 or -errno. */
	int64_t (*check)(const struct walk_files *f, const char *path);
	/* The open descriptor whose link in /proc/self/fd it is, or -1. */
	int32_t (*descriptor)(const struct walk_files *f, const char *path);
	/* The path of a descriptor that is a directory, or NULL. */
	const char *(*directory)(const struct walk_files *f, int32_t fd);
};

struct walk_end {
	int32_t own;    /* the descriptor that a link of /proc/self/fd led to, else -1 */
	bool directory; /* the path demands one: it ended with a slash or "." */
	unsigned links; /* that were followed */
};

/*
 * Writes the canonical form of an absolute path to out; its last component is not followed if
 * `follow` is false. Its first `known` bytes are canonical already. The last component need not
 * exist. 0 or a negative errno.
 */
int64_t walk_path(const struct walk_files *files, const char *path, size_t known, bool follow,
		  char out[PATH_MAX], struct walk_end *end);

/* The descriptor that a name below /proc/self/fd is: nothing but digits, up to seven; or -1. */
int32_t walk_number(const char *text);

#endif
