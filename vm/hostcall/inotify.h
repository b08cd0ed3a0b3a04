/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches of a guest's files (inotify). The kernel that has the files reports what becomes of them,
 * so an instance is one of the host's. What is watched is found below the guest's directories, as
 * every path (resolve.h), and by events the guest gets to know no more than it could list and stat
 * there.
 *
 * Instances and watches are kernel memory, and count against what the host's user may have; so both
 * are few (INSTANCES_MAX, WATCHES_MAX). The events that wait are bounded by the kernel.
 */
#ifndef MOTE_VM_HOSTCALL_INOTIFY_H
#define MOTE_VM_HOSTCALL_INOTIFY_H

#include "vm/internal.h"

/* Reads events from an entry with FD_INOTIFY, and waits for the first. */
int64_t inotify_read(struct vcpu *vcpu, const struct fd_entry *e, const struct call_iov *iov);
/* Forgets the VM's instances, when it has no descriptor of one. */
void inotify_free(struct vm *vm);

#endif
