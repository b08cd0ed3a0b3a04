/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers that the node's OCI runtime runs, runc or crun, next to those in VMs: ordinary Linux
 * programs, with a dynamic linker or children of their own. The shim keeps what it does for all
 * containers (streams, cgroup, root file system, exits); the runtime's commands make and end
 * processes, as children of the shim.
 */
#ifndef MOTE_RUNTIME_SIDECAR_H
#define MOTE_RUNTIME_SIDECAR_H

#include "runtime/container.h"

/*
 * In the bundle, once the container's cgroup is its own: the runtime's config.json and state, and
 * of each process its number and the log of its last command.
 */
#define SIDECAR_DIR "mote-oci"

extern const struct process_kind sidecar_kind;

/*
 * Begins the container's first process, whose streams are open, in a cgroup that was made and a
 * root file system that is mounted. How that ends, process_reaped finds.
 */
int sidecar_create(struct container *c, const struct oci_spec *s, struct err *e) must_check;

#endif
