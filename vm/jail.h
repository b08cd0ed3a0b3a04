/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filters: of a thread that runs a vCPU, and of the poller beside it. */
#ifndef MOTE_VM_JAIL_H
#define MOTE_VM_JAIL_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>

/*
 * From now on this thread may only make the system calls of vm/jail_syscalls.def. Sets no_new_privs. A
 * call outside the list ends the process: status 159 (128 + SIGSYS) and a line on descriptor 2 that
 * names thread and call. Not undoable.
 */
int jail_enter(struct err *e) must_check;
/* The same with vm/jail_poller_syscalls.def, on top of what the thread was started with. */
int jail_enter_poller(struct err *e) must_check;
/* Whether this thread has entered one by itself. */
bool jail_entered(void);

#endif
