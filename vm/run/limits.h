/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers and limits of a run. Timers are kicks (kick.h) of the thread that set them, and exist only
 * while it is in vm_resume; the limits of function calls go by the deadline thread (watchdog.h),
 * vm_run's by a timer.
 */
#ifndef MOTE_VM_RUN_LIMITS_H
#define MOTE_VM_RUN_LIMITS_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct vcpu;
struct vcpu_timer;

/* Makes a timer that kicks the calling thread, if it is not made yet. 0 or -errno. */
int vcpu_timer_make(struct vcpu_timer *t) must_check;
/* first_ns 0 stops it; an interval is at least 1 ms. 0 or -errno. */
int vcpu_timer_set(struct vcpu *vcpu, struct vcpu_timer *t, uint64_t first_ns,
		   uint64_t interval_ns) must_check;
/*
 * At the beginning and end of a thread's run. Timers belong to the thread, as CPU time does: what
 * the guest's alarm and the CPU limit have left is kept for the next one. 0 or -errno.
 */
int vcpu_timers_start(struct vcpu *vcpu) must_check;
void vcpu_timers_stop(struct vcpu *vcpu);
/* Whether a limit is over. The vCPU's thread asks, after kicks at the latest. */
bool vcpu_limit_over(struct vcpu *vcpu);

#endif
