/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the Linux image and of system calls. */
#include "abi/layout.h"

	/* struct thread */
	.set AREA_NOT_BUSY, MOTE_AREA_PERSONALITY + 8
	.set AREA_PROGRAM_GS, MOTE_AREA_PERSONALITY + 16

	.section .text.hot, "ax", @progbits
	.balign 64

/* RDI: boot information, RSI: the area, on the initial stack, which stays the runtime's. */
	.globl mote_guest_entry
mote_guest_entry:
	jmp start

/*
 * A system call of the program, from one of the stubs: RCX has the return address, R11 is lost, RSP
 * is the program's. Its registers become a struct mote_context on the runtime's stack. GS is the
 * program's, too, and may hold anything: the area is where the only vCPU's always is.
 */
	.org mote_guest_entry + MOTE_ENTRY_SYSCALL, 0xcc
	movabsq $MOTE_AREAS_VA, %r11
	movq %rsp, MOTE_AREA_SAVED_RSP(%r11)
	movq MOTE_AREA_STACK_TOP(%r11), %rsp
	pushq $0x202
	pushq %rcx
	pushq %r15
	pushq %r14
	pushq %r13
	pushq %r12
	pushq $0x202 /* r11: RFLAGS, as after any SYSCALL */
	pushq %r10
	pushq %r9
	pushq %r8
	pushq MOTE_AREA_SAVED_RSP(%r11)
	pushq %rbp
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %rbx
	pushq %rax
	rdgsbase %rax
	movq %rax, AREA_PROGRAM_GS(%r11)
	wrgsbase %r11
	cld
	movq %rsp, %rdi
	call linux_syscall
	movq %rsp, %rdi
	movq %gs:MOTE_AREA_SELF, %rsi
	addq $AREA_NOT_BUSY, %rsi
	jmp linux_resume

start:
	xorl %ebp, %ebp
	movq %rsp, %gs:MOTE_AREA_STACK_TOP
	call linux_start
	ud2

	.section .note.GNU-stack, "", @progbits
