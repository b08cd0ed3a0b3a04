/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel window (abi/layout.h): descriptor tables, stubs and the vCPU's stack page. They are
 * Mote's own in every VM, never from a snapshot's file, at the same places of the system block
 * (memory/memory.h).
 */
#ifndef MOTE_VM_ARCH_X86_64_KERNEL_WINDOW_H
#define MOTE_VM_ARCH_X86_64_KERNEL_WINDOW_H

#include "abi/layout.h"
#include "vm/arch/arch.h"
#include "vm/memory/memory.h"

/* Guest-physical places. */
#define KERNEL_TABLES_AT ((gpa_t){0x0000})
#define KERNEL_STUBS_AT  ((gpa_t){0x1000}) /* and the page for CPL 3 behind it */
/* Of each vCPU its own, by its index. */
static inline gpa_t kernel_state_at(unsigned vcpu)
{
	return (gpa_t){0x3000 + vcpu * (uint64_t)MOTE_PAGE};
}
static inline gpa_t kernel_stack_at(unsigned vcpu)
{
	return (gpa_t){MEMORY_STACKS_AT + vcpu * (uint64_t)MOTE_PAGE};
}
/* Their addresses in the guest. */
static inline uint64_t kernel_state_va(unsigned vcpu)
{
	return MOTE_KERNEL_STATE + vcpu * (uint64_t)MOTE_PAGE;
}
static inline uint64_t kernel_stack_va(unsigned vcpu)
{
	return MOTE_KERNEL_STACKS + vcpu * (uint64_t)MOTE_PAGE;
}

enum {
	KERNEL_TSS_BYTES = 104,
	KERNEL_TSS_LIMIT = KERNEL_TSS_BYTES + MOTE_IO_BITMAP_BYTES,
	KERNEL_TSS_SELECTOR = 0x40,
};

#endif
