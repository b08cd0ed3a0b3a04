/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the directories that the guest holds a path begins at. At first its text alone decides:
 * nearly all paths are one host call. One that leads out of that directory, or by a symlink to
 * where the directory has nothing, is walked (guest/lib/walk.h) and may turn out to be of another
 * directory, of the runtime's own tree (proc.h), or one of the program's descriptors. A path
 * relative to a descriptor is resolved beneath that, and walked from the path by which the
 * directory was opened.
 */
#ifndef MOTE_GUEST_LINUX_FS_LOOKUP_H
#define MOTE_GUEST_LINUX_FS_LOOKUP_H

#include "guest/linux/fs/roots.h"
#include "guest/linux/proc/files.h"
#include "guest/linux/state.h"

/* What becomes of the last component. */
enum lookup {
	LOOKUP_FILE,     /* the file that it leads to */
	LOOKUP_NOFOLLOW, /* the file that it is: a symlink itself */
	LOOKUP_NAME,     /* a name in a directory, which is to be made, removed or moved */
};

/*
 * What a path is: one of the program's descriptors (own), a file of the runtime's tree (proc), or
 * what a host call takes: a descriptor, the path from it, and how it is resolved.
 */
struct resolved_path {
	int32_t base;
	uint32_t resolve; /* enum mote_resolve */
	const char *rest; /* into absolute or path */
	int32_t dirfd;    /* the program's descriptor that path is relative to, else -1 */
	int32_t own;      /* the descriptor that a path like /dev/stdout stands for, else -1 */
	bool walked;
	bool is_descriptor;       /* own was given as such, not by a path */
	uint8_t lookup;           /* enum lookup */
	unsigned links;           /* followed in walking it */
	int32_t error;            /* of that */
	size_t known;             /* bytes of absolute that are canonical */
	char proc[PROC_PATH_MAX]; /* the synthetic file that it is; empty: it is not one */
	char path[PATH_MAX], absolute[PATH_MAX];
};

/*
 * Resolves a path argument of the program: 0, or a negative errno. A name that the runtime's tree
 * does not have is given as p->proc as well; so it is with -ENOENT for a file.
 */
int64_t lookup_user(struct resolved_path *p, int32_t dirfd, uint64_t path, enum lookup lookup);
/*
 * The same for calls on files that take AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH; -EINVAL for other
 * flags.
 */
int64_t lookup_with_flags(struct resolved_path *p, int32_t dirfd, uint64_t path, uint32_t flags);
/* The same for a path of the runtime's own. */
int64_t lookup_path(struct resolved_path *p, int32_t dirfd, const char *path, enum lookup lookup);
/* The symlink that p->own, a descriptor opened with O_PATH, is; -ENOENT: it is not one. */
int64_t lookup_link(struct resolved_path *p);
/* The name of the file that a path argument leads to, at last if links are followed, or p->own. */
int64_t lookup_walk(struct resolved_path *p, int32_t dirfd, uint64_t path, bool follow);
/*
 * Whether a call on the path that returned rc is to be made again: the path is something else now.
 */
bool lookup_retry(struct resolved_path *p, int64_t rc);
bool lookup_retry_both(struct resolved_path *p, struct resolved_path *q, int64_t rc);
/* The result of a call that is not to be made again. */
int64_t lookup_result(const struct resolved_path *p, int64_t rc);
/* The absolute path, if it is known. */
bool lookup_absolute(const struct resolved_path *p, char to[PATH_MAX]);

/* Whether the directory that was opened by this path still is there. */
bool lookup_still_names(const char *path, int32_t fd);

static inline uint64_t rest_len(const struct resolved_path *p)
{
	return strlen(p->rest);
}

#endif
