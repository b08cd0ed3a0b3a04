/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_VM_ARCH_X86_64_TYPES_H
#define MOTE_VM_ARCH_X86_64_TYPES_H

#include <linux/kvm.h>
#include <stdint.h>

/* What is the same for all guests of this host. */
struct arch_vcpu {
	uint64_t xcr0;        /* extended state that the guest may use */
	uint32_t xsave_bytes; /* and what XSAVE needs for it */
	uint64_t cr4;
};

/* All that a guest can have changed in a vCPU. */
struct arch_vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint32_t xsave[1024]; /* struct kvm_xsave, as far as XCR0 of guests goes */
};

#endif
