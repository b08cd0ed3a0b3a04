/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All code that runs at CPL 0, and two stubs for CPL 3. No instruction here reads or writes memory
 * at an address that CPL 3 can choose: only the vCPU's stack page and the pages behind this one, at
 * fixed addresses.
 *
 * Exception stubs hand the vector to the host and never go on: the host reads the frame from the
 * vCPU's stack page and sets the registers again. KVM without hardware virtualisation interprets
 * CPL 0 code instruction by instruction, so a stub is three instructions long.
 */
#include "abi/layout.h"

	/* Where stubs.ld links them. */
	.globl stubs_va
	.set stubs_va, MOTE_KERNEL_STUBS

	.text
	.globl stubs
stubs:
	.set vector, 0
	.rept MOTE_VECTORS
	.balign MOTE_KERNEL_STUB_BYTES
	/* The CPU pushes an error code for these itself (AMD64 APM volume 2, 8.2). */
	.if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
	.else
	pushq $0
	.endif
	pushq $vector
	outb %al, $MOTE_PORT_FAULT
1:	jmp 1b
	.set vector, vector + 1
	.endr

/*
 * SYSCALL at CPL 0. The host has laid out a frame that returns to the guest runtime's entry at CPL
 * 3; the program's stack pointer goes into it. RCX keeps the program's return address and R11 its
 * flags. IRETQ and not SYSRETQ, which needs both of these registers, so that the return address
 * would have to go through memory that CPL 3 can write.
 */
	.org stubs + MOTE_KERNEL_SYSCALL_AT
	.set frame, stubs + MOTE_KERNEL_STACKS - MOTE_KERNEL_STUBS + MOTE_KERNEL_FRAME_AT
syscall:
	movq %rsp, frame + MOTE_KERNEL_FRAME_RSP_AT(%rip)
	leaq frame(%rip), %rsp
	iretq

/* What follows runs at CPL 3 only. */
	.org stubs + MOTE_KERNEL_USER_STUBS - MOTE_KERNEL_STUBS
user_stubs:
	.set state, stubs + MOTE_KERNEL_STATE - MOTE_KERNEL_STUBS
user_syscall:
	jmpq *state + MOTE_STATE_SYSCALL(%rip)

/*
 * Where a guest that is reset goes on: loads every component of the extended state, whatever the
 * guest had in them before, and continues where the guest was frozen. The host sets all other
 * registers. XRSTOR leaves the x87's pointers alone on some CPUs (AMD64 APM volume 2, 11.4.4): a
 * load sets them. A guest at CPL 0 may have taken components out of XCR0, which XRSTOR would skip:
 * then the host is asked, by #UD, to do all of this.
 */
	.org user_stubs + MOTE_KERNEL_LOAD_AT
load:
	fnclex
	emms
	fildl state + MOTE_STATE_MASK(%rip)
	/* No instruction that changes flags, which are the guest's already. */
	movl $0, %ecx
	xgetbv
	movl state + MOTE_STATE_MASK(%rip), %ecx
	notq %rax
	leaq 1(%rcx, %rax), %rcx
	jrcxz 1f
	ud2
1:	movl state + MOTE_STATE_MASK(%rip), %eax
	xrstor64 state(%rip)
	movq state + MOTE_STATE_RCX(%rip), %rcx
	movq state + MOTE_STATE_RAX(%rip), %rax
	movq state + MOTE_STATE_RDX(%rip), %rdx
	jmpq *state + MOTE_STATE_RIP(%rip)
