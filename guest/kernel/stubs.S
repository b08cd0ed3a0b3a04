/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All code that runs at CPL 0, and one stub for CPL 3. Exception stubs hand the vector to the host and never go on: the host
 * reads the frame from the kernel stack and sets the registers anew. Some KVMs interpret CPL 0 code
 * instruction by instruction, so a stub is three instructions long.
 *
 * The system-call stub is reached at CPL 0 where the CPU does what SYSCALL says, and at CPL 3 on KVMs
 * without hardware virtualisation, and where a program jumps here with its return address in %rcx. In both cases it goes on at CPL 3 at the personality's entry, with
 * the program's return address in the area; %r11 and %rcx are lost, as after any SYSCALL.
 */
#include "abi/layout.h"

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

	.balign MOTE_KERNEL_STUB_BYTES
	.org stubs + MOTE_KERNEL_LSTAR_AT
lstar:
	movq %rcx, %gs:MOTE_AREA_SAVED_RCX
	movq %gs:MOTE_AREA_SYSCALL_ENTRY, %rcx
	movl %cs, %r11d
	testb $3, %r11b
	jnz 1f
	movl $0x202, %r11d /* RFLAGS after SYSRET */
	sysretq
1:	jmpq *%rcx

/*
 * At CPL 3, where a guest goes on that was set back: every component of the extended state is loaded, whatever the
 * guest had in them before, and then the guest goes on where it was frozen. The host sets all other registers.
 * The x87's pointers are left alone by XRSTOR on some CPUs (AMD APM volume 2, 11.4.4): a load sets them.
 */
	.balign MOTE_KERNEL_STUB_BYTES
	.org stubs + MOTE_KERNEL_LOAD_AT
	.set state, stubs + MOTE_KERNEL_STATE - MOTE_KERNEL_STUBS
load:
	fnclex
	emms
	fildl state + MOTE_STATE_MASK(%rip)
	movl state + MOTE_STATE_MASK(%rip), %eax
	movl state + MOTE_STATE_MASK + 4(%rip), %edx
	xrstor64 state(%rip)
	movq state + MOTE_STATE_RAX(%rip), %rax
	movq state + MOTE_STATE_RDX(%rip), %rdx
	jmpq *state + MOTE_STATE_RIP(%rip)
