/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest knows of its descriptors beyond the host's table: the absolute paths of
 * directories, FD_CLOEXEC, and how far directories have been read. Each function accepts any
 * number.
 */
#ifndef MOTE_GUEST_LINUX_FS_FD_PATHS_H
#define MOTE_GUEST_LINUX_FS_FD_PATHS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Descriptors of the program are below this. The runtime's own, which paths are resolved by, begin
 * at the second: the host gives the program no number that is in use, and lookup_holds() tells.
 */
#define DESCRIPTORS_MAX 65536
#define DESCRIPTORS_OWN 1024

void fd_set_path(int32_t fd, const char *path);
const char *fd_path(int32_t fd); /* NULL: not known; valid until the next fd_set_path */
/* Whether the name is a component of one of the paths. */
bool fd_paths_mention(const char *name);
/* What `from` names is at `to` now, and with `exchange` the reverse. Both are absolute. */
void fd_paths_follow(const char *from, const char *to, bool exchange);
/* The same for one path, of PATH_MAX bytes: whether it has changed. */
bool path_follow(char *path, const char *from, const char *to, bool exchange);
/* Whether the name is one of the path's components. */
bool path_mentions(const char *path, const char *name);
/* The paths are as seen from that directory now; others are forgotten. */
void fd_paths_change_root(const char *root);
/* The descriptor that a path like /dev/stdout or /proc/self/fd/3 stands for, or -1. */
int32_t fd_of_path(const char *path);

/* Forgets what was known of a descriptor. */
void fd_forget(int32_t fd);
/* Hands on the result of a dup, which has what the original had. */
int64_t fd_copied(int32_t from, int64_t to);
/*
 * FD_CLOEXEC of a descriptor, or of the error that a call gave instead of one; returns its
 * argument.
 */
int64_t fd_set_close_on_exec(int64_t fd, bool set);
bool fd_closes_on_exec(int32_t fd);
/* The lowest descriptor from `from` on that closes on exec, or -1. */
int32_t fd_next_on_exec(int32_t from);

#endif
