/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files a guest may use and change: what lies below its directories and what it made itself.
 * What the operator handed in (standard streams, listeners) it may read, write and wait for, and
 * device nodes stay as they are, whichever way it got them.
 */
#ifndef MOTE_VM_HOSTCALL_PERMIT_H
#define MOTE_VM_HOSTCALL_PERMIT_H

#include "vm/hostcall/fdtable.h"

#include <sys/stat.h>

struct vm;

/*
 * The host descriptor of a directory of the guest's, for that path below it, and the same for a
 * call that changes something below it; *entry is its entry. Or -errno: -EROFS, -EPERM.
 */
int permit_dir(struct vm *vm, int32_t fd, const char *path,
	       const struct fd_entry **entry) must_check;
int permit_dir_change(struct vm *vm, int32_t fd, const char *path,
		      const struct fd_entry **entry) must_check;

/* All others return 0 or -errno; descriptors may be O_PATH ones. */

/* A file that a path led to: whether it may be opened. -EACCES. */
int permit_open(int fd, const struct stat *st) must_check;
/* The same: whether its mode, owner and times may be changed. -EACCES, -EPERM. */
int permit_change(int fd, const struct stat *st) must_check;
/* Whether the mode, owner and times of an open file may be changed. -EROFS, -EPERM. */
int permit_change_open(const struct fd_entry *entry) must_check;
/*
 * Whether an open file's size and allocation may be changed, as far as the kernel would do it: of
 * what was handed in only regular files that were not opened to be appended to. -EPERM.
 */
int permit_resize(const struct fd_entry *entry) must_check;

#endif
