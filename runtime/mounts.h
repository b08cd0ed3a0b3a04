/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting, for the shim (a container's root file system) and its monitors (all the rest). */
#ifndef MOTE_RUNTIME_MOUNTS_H
#define MOTE_RUNTIME_MOUNTS_H

#include "base/cleanup.h"
#include "base/err.h"
#include "oci/spec.h"
#include "runtime/userns.h"

/*
 * Opens path (O_PATH) inside root_fd's tree and makes what is missing: directories, and at the end
 * a directory or an empty file, also behind symbolic links that lead nowhere. "." and ".." go by
 * the path's text; a relative one begins at the root. *made, unless NULL: nothing was there. Errors
 * with the path.
 */
int mounts_make_in(int root_fd, const char *path, bool directory, bool *made,
		   struct err *e) must_check;
/*
 * path, as of the config, to its normal form in to, PATH_MAX bytes: "/a/b", "" for the root.
 * -ENAMETOOLONG.
 */
int mounts_clean_path(const char *path, char *to) must_check;
/*
 * A new file system, as m says, that is mounted nowhere yet: its root (O_PATH). The caller's mount
 * namespace is its own. mounts_move mounts it on what target_fd (O_PATH) stands for.
 */
int mounts_make(const struct oci_mount *m, const char *where, struct err *e) must_check;
int mounts_move(int tree, int target_fd, const char *where, struct err *e) must_check;
/*
 * Mounts m on what target_fd (O_PATH) stands for. where: for messages. userns: -1, or a user
 * namespace by which the ids of a bind mount are mapped. A new file system's propagation is not
 * set: mounts_set_propagation does it, with the new mount's root.
 */
int mounts_attach(const struct oci_mount *m, int target_fd, const char *where, int userns,
		  struct err *e) must_check;
int mounts_set_propagation(int mount_fd, const struct oci_mount *m, struct err *e) must_check;
int mounts_set_readonly(int mount_fd, const char *where, struct err *e) must_check;
/*
 * A loop device of a file: its path in device, 32 bytes, and *fd, which keeps it until it is
 * mounted.
 */
int mounts_open_loop(const char *file, bool readonly, int *fd, char *device,
		     struct err *e) must_check;
/*
 * Copies what is in the directory `from` to the directory `to`, with owners, modes and symbolic
 * links; no mount below it is entered. where: for messages.
 */
int mounts_copy_up(int from, int to, const char *where, struct err *e) must_check;
/* True for what the kernel shows of the host (proc, sysfs, …): a container gets none of it. */
bool mounts_is_of_the_host(const struct oci_mount *m);
/* 0 if the ids of a bind mount can be mapped; its source may be relative to dir_fd. -errno. */
int mounts_can_map(int dir_fd, const struct oci_mount *m, int userns) must_check;
/*
 * Mounts an overlay whose layers are id-mapped, so that it shows and keeps the owners that its
 * files have on disk. layers: a directory of the caller's, on which the layers are mounted
 * meanwhile. An error other than of the mount itself says why they cannot be mapped.
 */
int mounts_attach_mapped_overlay(const struct oci_mount *m, int target_fd, const char *layers,
				 const struct userns *u, struct err *e) must_check;
/* Mounts the tree at source on target_fd too; attributes (MOUNT_ATTR_*) are added to it. */
int mounts_bind(const char *source, int target_fd, uint64_t attributes, struct err *e) must_check;
/* Unmounts whatever is mounted on path; it is not an error if nothing is. */
int mounts_detach(const char *path, struct err *e) must_check;
/* True if a bind mount's source is a directory. -errno. */
int mounts_is_directory(const char *path) must_check;

#endif
