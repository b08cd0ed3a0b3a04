/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kicks: a signal, VM_KICK_SIGNAL or what vm_use_signal() has chosen, which interrupts what a
 * vCPU's thread does.
 *
 * It is blocked in that thread but for the moments when it may interrupt: inside KVM_RUN
 * (KVM_SET_SIGNAL_MASK), inside the waits of host calls (ppoll with wait_mask) and inside system
 * calls that may wait (blocking.h). So a kick is never lost between a check and a wait. Timers are
 * kicks too; their siginfo says which flag to set.
 */
#ifndef MOTE_VM_RUN_KICK_H
#define MOTE_VM_RUN_KICK_H

#include "base/cleanup.h"
#include "base/err.h"
#include "vm/run/kick_signal.h"

#include <signal.h>

struct vcpu;
struct vm;

/*
 * Installs the handlers of the vCPU's thread, once a process. Before anything else here. EBUSY: the
 * embedding program has a handler for the signal, and has not chosen that.
 */
int kick_prepare(struct err *e) must_check;
/* Wakes the threads of all vCPUs that are in vm_resume. Any thread, and signal handlers. */
void vm_kick(struct vm *vm);
/* KVM_RUN leaves the kick pending: takes it, and what a timer has to say. */
void vcpu_take_kicks(void);

#endif
