/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest sees of the CPU: chosen leaves and features, not all that the host has. */
#ifndef MOTE_VM_ARCH_X86_64_CPUID_H
#define MOTE_VM_ARCH_X86_64_CPUID_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* What of a guest's CPU the host has to set up. */
struct cpuid_features {
	uint64_t xcr0;        /* extended state that guests may use */
	uint32_t state_bytes; /* what XSAVE needs for it */
	bool smep, smap, umip;
};

/*
 * Gives the vCPU its CPUID leaves and says what goes with them. The host's leaves are asked for
 * once a process and kept. Any thread.
 */
int cpuid_apply(int kvm_fd, int vcpu_fd, struct cpuid_features *out, struct err *e) must_check;

/* 64 hexadecimal digits that differ where guests are shown other features. */
int cpuid_digest(int kvm_fd, char out[65], struct err *e) must_check;

#endif
