/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a monitor process, and receiving its messages until it runs. */
#ifndef MOTE_RUNTIME_LAUNCH_H
#define MOTE_RUNTIME_LAUNCH_H

#include "base/cleanup.h"
#include "base/err.h"
#include "runtime/wire.h"

#include <linux/sched.h>
#include <sys/types.h>

/* Borrowed. */
struct launch {
	const char *id;     /* the container's; what ps(1) shows */
	const int *streams; /* three descriptors: its 0, 1 and 2 */
	int kvm_fd;         /* /dev/kvm, open */
	int userns_fd;      /* a user namespace that it may join; -1: none */
	int cgroup_fd;      /* a directory of cgroup version 2 to be born in; -1: none */
	/* a pidfd of a process whose PID namespace it is born into; -1: a new one */
	int namespace_of;
};

/* The caller's. */
struct launched {
	pid_t pid; /* in our namespace; to be reaped */
	int pidfd;
	int control; /* the socket to it */
};

/* Starts /proc/self/exe as a monitor. Its working directory is ours. */
int launch_monitor(const struct launch *launch, struct launched *out, struct err *e) must_check;
/*
 * Receives a message of this type, without a body. HOOKS may come before READY: *type is what came.
 * timeout_ms is for each piece of it. If the monitor sent FAILED instead, or ended, *e has the
 * reason.
 */
int launch_expect(int control, int timeout_ms, enum wire_type *type, struct err *e) must_check;

/*
 * As clone3(2); the child calls fn(arg) and never returns. Of each architecture: the child may run
 * in the parent's memory, which waits until it executes another program or exits (vfork(2)), or in
 * a copy of it. So fn writes to no memory but its own stack, takes no lock and allocates nothing:
 * system calls, and of the C library what may be called in a handler of signals, or formats text.
 * The child's pid, or -errno.
 */
long launch_clone(const struct clone_args *args, void (*fn)(const void *arg),
		  const void *arg) must_check;

#endif
