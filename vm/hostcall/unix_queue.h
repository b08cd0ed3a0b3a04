/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits in the queues of AF_UNIX sockets: connections that nobody has accepted, messages whose
 * sender is closed. No descriptor of the guest's stands for it, so in a VM whose descriptors are
 * few (mote_options.descriptors_max) it is bounded here. Others have a cgroup, or are their user's
 * own programs.
 */
#ifndef MOTE_VM_HOSTCALL_UNIX_QUEUE_H
#define MOTE_VM_HOSTCALL_UNIX_QUEUE_H

#include "base/cleanup.h"
#include "vm/hostcall/fdtable.h"

struct vm;

/*
 * The backlog for a socket that listens, of those that it asks for: for all listeners together
 * there are so many. -ENOMEM: none is left.
 */
int unix_queue_listen(struct vm *vm, const struct fd_entry *e, uint32_t backlog) must_check;
/* Whether a socket may get a name: 0, or -ENOMEM of a datagram socket; and that it has got one. */
int unix_queue_check_bind(const struct vm *vm, const struct fd_entry *e) must_check;
void unix_queue_bound(struct vm *vm, const struct fd_entry *e);
/* The kernel's SO_SNDBUF for what the guest asks for: what a message can hold. */
int unix_queue_send_buffer(const struct vm *vm, const struct fd_entry *e, int asked);

#endif
