/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The synthetic /proc, /sys and /dev: files of the guest runtime's own, which tell of the guest
 * alone. proc.def lists them.
 */
#ifndef MOTE_GUEST_LINUX_PROC_PROC_H
#define MOTE_GUEST_LINUX_PROC_PROC_H

#include "guest/linux/proc/files.h"
#include "guest/linux/state.h"

/*
 * Whether a path is of the runtime's tree: /proc, /sys, without a directory of the guest's there
 * /dev, and whatever is above all of the guest's directories. Paths here are canonical.
 */
bool proc_serves(const char *path);
/* The same for a path that is below a directory of the guest's, whose own path is that long. */
bool proc_hides(const char *path, size_t root_len);
/* Of that tree: 0 if the file is there, else -ENOENT or -ENOTDIR. */
int64_t proc_lookup(const char *path);
/* Why a name that this tree does not have cannot be made in it: a negative errno. */
int64_t proc_create_error(const char *path);
/* Why mode, owner and times of what it has cannot be changed. */
int64_t proc_change_error(const char *path);
bool proc_is_directory(const char *path);
/* Whether it is a file that is masked: /dev/null is seen there. */
bool proc_is_masked_file(const char *path);
/* The target of a symlink: its length; 0 if it is not one, or says nothing. */
size_t proc_link(const char *path, char to[PATH_MAX]);
/* The open descriptor whose link in /proc/PID/fd it is, or -1. */
int32_t proc_descriptor(const char *path);
/* Whether it is the link /proc/PID/exe. */
bool proc_is_own_program(const char *path);
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
