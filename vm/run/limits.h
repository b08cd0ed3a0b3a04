/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits of a run. Those of function calls go by the deadline thread (watchdog.h), vm_run's by a
 * timer (timer.h).
 */
#ifndef MOTE_VM_RUN_LIMITS_H
#define MOTE_VM_RUN_LIMITS_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/*
 * At the beginning and end of a thread's run. Timers belong to the thread, as CPU time does: what
 * the guest's alarm and the CPU limit have left is kept for the next one. 0 or -errno.
 */
int vcpu_timers_start(struct vcpu *vcpu) must_check;
void vcpu_timers_stop(struct vcpu *vcpu);
/* Whether a limit is over. The vCPU's thread asks, after kicks at the latest. */
bool vcpu_limit_over(struct vcpu *vcpu);

#endif
