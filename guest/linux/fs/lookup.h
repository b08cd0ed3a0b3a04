/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the directories that the guest holds a path begins at. Each of those acts as the root of
 * what is below it. A path relative to a descriptor is first resolved beneath that; if it leads
 * above, it is resolved again from the path by which the directory was opened.
 */
#ifndef MOTE_GUEST_LINUX_FS_LOOKUP_H
#define MOTE_GUEST_LINUX_FS_LOOKUP_H

#include "guest/linux/fs/roots.h"
#include "guest/linux/proc/files.h"
#include "guest/linux/state.h"

/* What a host call takes for a path: a descriptor, the path from it, and how it is resolved. */
struct resolved_path {
	int32_t base;
	uint32_t resolve; /* enum mote_resolve */
	const char *rest; /* into absolute or path */
	int32_t dirfd;    /* the program's descriptor that path is relative to, else -1 */
	int32_t own;      /* the descriptor that a path like /dev/stdout stands for, else -1 */
	char proc[PROC_PATH_MAX]; /* the synthetic file that it is; empty: it is not one */
	char path[PATH_MAX], absolute[PATH_MAX];
};

/* Resolves a path argument of the program: 0, or a negative errno. */
int64_t lookup_user(struct resolved_path *p, int32_t dirfd, uint64_t path, bool nofollow);
/*
 * The same for calls on the file behind the path: one like /dev/stdout or /proc/self/fd/3 gives
 * p->own, a synthetic one p->proc, and nothing else is to be used then.
 */
int64_t lookup_user_file(struct resolved_path *p, int32_t dirfd, uint64_t path, bool nofollow);
/* Resolves p->path, which is absolute, or relative to the working directory. */
int64_t lookup_from_cwd(struct resolved_path *p);
/*
 * Whether a host call on the path that returned rc is to be made again: the path begins elsewhere
 * now.
 */
bool lookup_retry(struct resolved_path *p, int64_t rc);
bool lookup_retry_both(struct resolved_path *p, struct resolved_path *q, int64_t rc);
/* The host says EXDEV of a path that leaves its directory; for the program nothing is there. */
int64_t lookup_result(int64_t rc);
/* The absolute path, if it is known. */
bool lookup_absolute(const struct resolved_path *p, char to[PATH_MAX]);

/* Whether the directory that was opened by this path still is there. */
bool lookup_still_names(const char *path, int32_t fd);

static inline uint64_t rest_len(const struct resolved_path *p)
{
	return strlen(p->rest);
}

#endif
