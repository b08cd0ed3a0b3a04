/* SPDX-License-Identifier: Apache-2.0 */
/* The directories that the guest holds, each the root of what is below it. */
#ifndef MOTE_GUEST_LINUX_FS_ROOTS_H
#define MOTE_GUEST_LINUX_FS_ROOTS_H

#include "guest/linux/state.h"

/* Takes the preopened directories' descriptors out of the program's way. */
void lookup_start(void);
/* Whether it is the runtime's own: a number that the program must not close. */
bool lookup_holds(int32_t fd);
/*
 * Keeps a working directory that has no path: a descriptor of it, taken, which is moved out of the
 * program's way; -1: it has one again.
 */
void lookup_hold(int32_t fd);
int32_t lookup_held(void);
/* Takes a descriptor that the runtime needs for itself out of the program's way: its number now. */
int64_t lookup_keep(int32_t fd);
/* The same of one for which net/sockets.h tells lookup_holds of it. */
int64_t lookup_move_away(int32_t fd);
/*
 * For absolute paths: the descriptor of the directory that the path is in, and the length of that
 * directory's own path; -ENOENT: none.
 */
int32_t lookup_root(const char *path, size_t *root_len);
/*
 * The directories that the guest holds, by index; false: there are no more. *path is NULL for
 * a listener and for devices.
 */
bool lookup_mount(uint32_t index, const char **path, bool *readonly);
/*
 * Whether a directory is a path or above it, and how many bytes of the path it covers. Both are
 * absolute.
 */
bool path_covers(const char *dir, const char *path, size_t *len);
/*
 * Makes a directory, of which that is the absolute path without links and an open descriptor, the
 * root: what is not below it is gone.
 */
int64_t lookup_change_root(const char *path, int32_t fd);
/* Whether the program's root is the one that has the runtime's own /proc, /sys and /dev. */
bool lookup_has_tree(void);
/* Whether the devices that every program has are the runtime's to show in /dev. */
bool lookup_has_devices(void);
/* What follows the root's own path, never empty: "." for the root itself. */
const char *lookup_below_root(const char *path, size_t root_len);

#endif
