/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The synthetic /proc and /sys: files of the guest runtime's own, which tell of the guest alone.
 * proc.def lists them.
 */
#ifndef MOTE_GUEST_LINUX_PROC_PROC_H
#define MOTE_GUEST_LINUX_PROC_PROC_H

#include "guest/linux/proc/files.h"
#include "guest/linux/state.h"

/*
 * 1 if a path, as the program gave it, is one of a synthetic file or directory, and *to is then
 * what proc.def calls it; 0 if it is elsewhere; -ENOENT or -ENOTDIR if it would be one.
 */
int64_t proc_find(int32_t dirfd, const char *path, char to[PROC_PATH_MAX]);
/* The target of a symlink: its length; 0 if it is not one. */
size_t proc_link(const char *path, char to[PATH_MAX]);
void proc_stat(const char *path, struct mote_stat *to);
/* A new descriptor, or a negative errno. */
int64_t proc_open(const char *path, uint32_t flags);

/* Of a synthetic file. */
int64_t proc_seek(int32_t fd, int64_t offset, uint32_t whence);
/* After the host has refused a call on a descriptor: what it is for a synthetic file, or rc. */
int64_t proc_read(int64_t rc, int32_t fd, const struct mote_iovec *v, uint64_t count,
		  const uint64_t *offset);
int64_t proc_list(int64_t rc, int32_t fd, uint64_t to, uint64_t capacity);

#endif
