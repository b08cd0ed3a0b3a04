/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches of epoll. The kernel keeps one as long as its file and its epoll instance are open, also
 * when the number that it was made by is another file's: two descriptors are enough for any number
 * of them. So in a VM whose descriptors are few (mote_options.descriptors_max) they are bounded
 * here. Others have a cgroup, or are their user's own programs.
 */
#ifndef MOTE_VM_HOSTCALL_EPOLL_WATCH_H
#define MOTE_VM_HOSTCALL_EPOLL_WATCH_H

#include "base/cleanup.h"
#include "vm/hostcall/fdtable.h"

struct vm;

/* Whether there may be one more: 0, -ENOSPC as Linux has it, or -ENOMEM. */
int epoll_watch_admit(struct vm *vm) must_check;
/* That there is one of `e` now in `epoll`, after it was admitted; that it has gone. */
void epoll_watch_added(struct vm *vm, const struct fd_entry *epoll, const struct fd_entry *e);
void epoll_watch_removed(struct vm *vm, const struct fd_entry *epoll, const struct fd_entry *e);
/* Forgets all, when the VM has no epoll instance. */
void epoll_watches_free(struct vm *vm);

#endif
