/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of a guest, resolved below a directory descriptor. The guest controls the path and the
 * tree; the kernel (openat2) sees to it that no `..`, symlink or race leads out of the directory.
 */
#ifndef MOTE_VM_HOSTCALL_RESOLVE_H
#define MOTE_VM_HOSTCALL_RESOLVE_H

#include "base/cleanup.h"
#include "vm/hostcall/fdtable.h"

#include <stdint.h>
#include <sys/stat.h>

/*
 * `resolve` is enum mote_resolve with its flag. A host descriptor (the caller's), or -errno:
 * ENOLINK if a symlink led to where there is nothing, ENOENT if none did.
 */
int resolve_open(int dir, const char *path, uint32_t resolve, uint64_t flags,
		 uint32_t mode) must_check;
/* The two halves of it: with ENOENT for both, and which of them it is. */
int resolve_try(int dir, const char *path, uint32_t resolve, uint64_t flags,
		uint32_t mode) must_check;
int resolve_missing(int dir, const char *path, uint32_t resolve) must_check;

/*
 * fstat(2), as which some C libraries call newfstatat, whose path no filter can see. 0 or -errno.
 */
int resolve_stat(int fd, struct stat *st) must_check;
/* Of a name in a directory, not followed if it is a symlink's. 0 or -errno. */
int resolve_stat_name(int dir, const char *name, struct stat *st) must_check;

/*
 * Where an operation on a name acts: its directory, and the last component as *at() calls want it.
 */
struct resolve_parent {
	int fd;         /* owned */
	char name[258]; /* without trailing slashes */
	bool slash;     /* there was a trailing slash */
};
static inline void cleanup_parentp(const struct resolve_parent *p)
{
	cleanup_closep(&p->fd);
}
#define cleanup_parent cleanup_(cleanup_parentp)
/*
 * -EINVAL if the last component is ".", or the path is the directory itself, -ENOTEMPTY if it is
 * "..": what rmdir says.
 */
int resolve_parent(int dir, const char *path, uint32_t resolve,
		   struct resolve_parent *out) must_check;

#endif
