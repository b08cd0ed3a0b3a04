/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_RUNTIME_ROOTFS_H
#define MOTE_RUNTIME_ROOTFS_H

#include "runtime/container.h"

/*
 * Mounts what Create names as the root file system at c->rootfs, id-mapped if c has a user
 * namespace; if that cannot be, c goes without one. c->rootfs_mounted: it has anything mounted.
 */
int rootfs_mount(struct container *c, const struct container_config *config,
		 struct err *e) must_check;
/* Gives c a user namespace if its root, mounts, hooks and ids allow it; else logs why not. */
void container_choose_userns(struct container *c, const struct oci_spec *s,
			     const struct container_config *config);

#endif
