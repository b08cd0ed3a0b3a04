/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User namespaces of monitors: the container's ids are nobody's on the host. Files keep the owners
 * that they have on disk, as all that a container sees of them is id-mapped mounts: a process that
 * left its namespaces would own nothing.
 */
#ifndef MOTE_RUNTIME_USERNS_H
#define MOTE_RUNTIME_USERNS_H

#include "base/cleanup.h"
#include "base/err.h"
#include "oci/spec.h"

#include <stdint.h>
#include <sys/types.h>

/*
 * The container's ids below 65536 are base, base + 1, … on the host, all of a pod's containers the
 * same; those above are one range for all. base 0: no user namespace, ids are what they are.
 */
struct userns {
	int fd; /* borrowed; -1: none */
	uint32_t base;
};
#define USERNS_NONE ((struct userns){.fd = -1})

/* What a process needs that holds a new namespace until its ids are mapped. */
struct userns_holder {
	_Alignas(16) char stack[4096];
	pid_t parent;
};
/*
 * Of each architecture: starts such a process; -1 with errno. It waits to be killed, and ends with
 * its parent, whenever that is killed: it has the shim's listener, by which a shim that is gone
 * would still seem to answer. holder stays until it has been reaped.
 */
pid_t userns_clone_holder(struct userns_holder *holder) must_check;

/*
 * This process's, made once and kept. The namespace has no process in it; the mapping is of this
 * process's number. On an error *e says what the kernel refuses.
 */
int userns_get(struct userns *out, struct err *e) must_check;
/* The host's number of a container's id. */
uint32_t userns_host_id(const struct userns *u, uint32_t id);
/* -ERANGE: the spec has ids that are not mapped. */
int userns_maps(const struct oci_spec *spec, struct err *e) must_check;
/* A file system's own options (mount(2)'s data) with uid= and gid= as the host has them; owned. */
int userns_shift_options(const struct userns *u, const char *data, char **out) must_check;

/* Files are opened and made with these ids from now on, and with all permitted capabilities. */
int userns_set_fs_ids(uint32_t uid, uint32_t gid, struct err *e) must_check;
/* The permitted ones of `set` (1 << CAP_*) become effective, and no others. */
int userns_set_effective(uint64_t set, struct err *e) must_check;

#endif
