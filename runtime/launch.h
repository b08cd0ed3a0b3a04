/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a monitor process, and the shim's side of the talk with it. */
#ifndef MOTE_RUNTIME_LAUNCH_H
#define MOTE_RUNTIME_LAUNCH_H

#include "base/cleanup.h"
#include "base/err.h"

#include <sys/types.h>

#include "runtime/wire.h"

/*
 * Starts /proc/self/exe as a monitor with `streams` (three descriptors, borrowed) as 0, 1, 2 and an
 * open /dev/kvm. userns_fd: a user namespace to be given, or -1. cgroup_fd: a directory of cgroup version 2 to be born in, or -1. beside: a pidfd of
 * the process whose PID namespace it is born into; -1: the first process of a new one. *pid: its
 * number in our namespace. *control: the socket to it, the caller's. Its working directory is ours.
 * -EBUSY, ERR_PEER: that process has ended.
 */
int launch_monitor(const char *id, const int streams[3], int kvm_fd, int userns_fd, int cgroup_fd,
		   int beside, pid_t *pid, int *control, struct err *e) must_check;
/*
 * Takes a message of this type, without a body, from a socket that is readable. HOOKS may come
 * before READY: *type is what came. If the monitor says FAILED instead, or ends, *e has the reason.
 */
int launch_expect(int control, enum wire_type *type, struct err *e) must_check;

#endif
