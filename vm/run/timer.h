/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers of a vCPU. They are kicks (kick.h) of the thread that set them, and exist only while it is
 * in vm_resume.
 */
#ifndef MOTE_VM_RUN_TIMER_H
#define MOTE_VM_RUN_TIMER_H

#include "base/cleanup.h"

#include <stdint.h>

struct vcpu;
struct vcpu_timer;

/* Makes a timer that kicks the calling thread, if it is not made yet. 0 or -errno. */
int vcpu_timer_make(struct vcpu_timer *t) must_check;
/* first_ns 0 stops it; an interval is at least 1 ms. 0 or -errno. */
int vcpu_timer_set(struct vcpu *vcpu, struct vcpu_timer *t, uint64_t first_ns,
		   uint64_t interval_ns) must_check;
/* What is left until it fires; 0 if it is not set. */
uint64_t vcpu_timer_left(const struct vcpu_timer *t, uint64_t *interval_ns);
/*
 * At the end of a thread's run: no kick comes of it any more. Those of a thread in a seccomp filter
 * stay for its next run, as it can make no others.
 */
void vcpu_timer_end(const struct vcpu *vcpu, struct vcpu_timer *t);

#endif
