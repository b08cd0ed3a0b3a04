/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up inside a container's root file system. */
#ifndef MOTE_OCI_ROOTFS_H
#define MOTE_OCI_ROOTFS_H

#include "base/cleanup.h"

/*
 * Opens path as a process with that root would: no symbolic link and no ".." leads out of root_fd's
 * tree. flags: O_*, O_CLOEXEC is added. The caller's, or -errno.
 */
int oci_open_in_root(int root_fd, const char *path, int flags) must_check;

#endif
