/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog: one thread a process that has VMs look at their limits when these may be over. A
 * call with a limit so costs no system call: it stores a time, and the watchdog, which sleeps until
 * the earliest, sees a later one when it wakes.
 */
#ifndef MOTE_VM_RUN_WATCHDOG_H
#define MOTE_VM_RUN_WATCHDOG_H

#include "base/cleanup.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct vm;

/* A VM's place in it. */
struct vm_watchdog {
	struct vm *next;      /* guarded by the watchdog's lock */
	bool joined;          /* the VM's own */
	_Atomic uint64_t due; /* CLOCK_MONOTONIC, ns; WATCHDOG_NEVER: nothing to look at */
	_Atomic bool look;    /* set by the watchdog, which then kicks the VM */
};

#define WATCHDOG_NEVER UINT64_MAX

/* From now on the watchdog knows the VM; starts its thread. 0 or -errno. */
int watchdog_join(struct vm *vm) must_check;
void watchdog_leave(struct vm *vm);
/* Has the VM kicked once this time has come, and not by an earlier call's. */
void watchdog_at(struct vm *vm, uint64_t due_ns);

#endif
