/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that make, drive and clean up a container share. */
#ifndef MOTE_RUNTIME_CONTAINER_H
#define MOTE_RUNTIME_CONTAINER_H

#include "runtime/cgroup.h"
#include "runtime/runtime.h"
#include "runtime/state.h"
#include "runtime/streams.h"

struct container {
	char *id, *bundle, *paths[3]; /* owned */
	bool terminal;
	int bundle_fd; /* owned: the bundle may be moved or removed meanwhile */
	char *rootfs;  /* owned: where the root file system is mounted */
	bool rootfs_mounted;
	struct cgroup *cgroup; /* owned */
	struct streams streams;
	pid_t pid;
	int control; /* owned: the socket to the monitor */
	enum container_state state;
	uint32_t exit_status;
	struct timespec exited_at;
	bool reaped;	   /* the process is gone; pid may be another's */
	bool exit_due;	   /* the end has not been told of yet */
	int drain_timer;   /* owned: readable when to look again whether the client has read all */
	uint64_t drain_ns; /* how long to wait next; 0: the end is not waiting for that */
	bool oom;	   /* not told of yet */
};

/* Frees the structure and closes what is open. Accepts NULL and half-built ones (descriptors -1).
 */
void container_free(struct container *c);

#endif
