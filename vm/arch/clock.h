/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock that a guest reads without asking the host, and the CPU's counter that it and the
 * poller go by.
 */
#ifndef MOTE_VM_ARCH_CLOCK_H
#define MOTE_VM_ARCH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

struct vm_clock {
	uint64_t khz;  /* of the counter; 0: not known yet */
	bool exact;    /* as KVM says it */
	bool measured; /* `base` is set */
	uint32_t seq;
	uint64_t epoch; /* 0: no guest has asked for the time yet */
	uint64_t rate, base_tsc, base_ns, renewed;
};

/* Once a process, while it still sees /sys: whether the counter is good enough. */
void clock_prepare(void);
/* Before a thread takes up the vCPU. */
void clock_enter(struct vcpu *vcpu);
/* At the guest's own question; and at every exit, which keeps it once there was one. */
void clock_renew(struct vcpu *vcpu);
void clock_keep(struct vcpu *vcpu);
/* Asks KVM for the counter's rate, once; on the vCPU's thread. */
void clock_know_rate(struct vcpu *vcpu);
uint64_t clock_cycles(const struct vm_clock *c, uint64_t us);

#endif
