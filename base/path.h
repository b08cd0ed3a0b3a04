/* SPDX-License-Identifier: Apache-2.0 */
/* Making directories, paths as text, resolving paths that somebody else may change meanwhile. */
#ifndef MOTE_BASE_PATH_H
#define MOTE_BASE_PATH_H

#include "base/cleanup.h"

#include <limits.h>
#include <linux/openat2.h>
#include <sys/types.h>

/*
 * As mkdir -p, for the parents of `path` only. Directories that exist are left as they are. 0 or
 * -errno.
 */
int path_make_parents(const char *path, mode_t mode) must_check;

/*
 * The absolute form of a path by its text alone: from the root if it is relative, without ".", ".."
 * and slashes that say nothing. -ENAMETOOLONG, and *to is then undefined.
 */
int path_normalise(const char *path, char to[PATH_MAX]) must_check;

/*
 * What of a path follows that of a directory, both normalised: "" for the directory itself. NULL if
 * it is not in there.
 */
const char *path_below(const char *dir, const char *path);

/*
 * openat2(2) with *how as it is (it must include O_CLOEXEC). The kernel answers EAGAIN if a rename
 * elsewhere made it unsure whether `..` stayed inside; that is tried again a bounded number of
 * times, for a short time. Descriptor or -errno.
 */
int path_openat2(int dir_fd, const char *path, const struct open_how *how) must_check;

#endif
