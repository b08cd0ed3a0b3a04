/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a port defines in vm/arch/ARCHITECTURE/types.h, for compiling portable code without a port:
 * `-fsyntax-only -DMOTE_ARCH_INTERFACE` (test/rules) shows that it needs nothing else. Nothing that
 * is linked may use it.
 */
#ifndef MOTE_VM_ARCH_INTERFACE_H
#define MOTE_VM_ARCH_INTERFACE_H

struct arch_vcpu {
	int constants;
};
struct arch_vcpu_state {
	int registers;
};

#endif
