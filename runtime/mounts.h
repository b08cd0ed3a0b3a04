/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting, for the shim (a container's root file system) and its monitors (all the rest). */
#ifndef MOTE_RUNTIME_MOUNTS_H
#define MOTE_RUNTIME_MOUNTS_H

#include "base/cleanup.h"
#include "base/err.h"
#include "oci/spec.h"

/*
 * Opens path (O_PATH) inside root_fd's tree, as oci_open_in_root, and makes what is missing:
 * directories, and at the end a directory or an empty file. Errors with the path.
 */
int mounts_make_in(int root_fd, const char *path, bool directory, struct err *e) must_check;
/* Mounts m on what target_fd (O_PATH) stands for. where: for messages. */
int mounts_attach(const struct oci_mount *m, int target_fd, const char *where,
		  struct err *e) must_check;
/* Mounts the same tree that is at source over target_fd; attributes (MOUNT_ATTR_*) are added to it.
 */
int mounts_bind(const char *source, int target_fd, uint64_t attributes, struct err *e) must_check;
/* Takes away whatever is mounted on path; nothing there is no error. */
int mounts_detach(const char *path, struct err *e) must_check;
/* True when a bind mount's source is a directory. -errno. */
int mounts_is_directory(const char *path) must_check;

#endif
