/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the Linux image, of system calls and of faults, and the one way back into the program. */
#include "guest/lib/x86_64/resume.h"

#include <asm/errno.h>

	/* struct thread */
	.set AREA_RESUMING, MOTE_AREA_PERSONALITY
	.set AREA_NOT_BUSY, MOTE_AREA_PERSONALITY + 8

	.section .text.hot, "ax", @progbits
	.balign 1024 /* on one page with linux_syscall, syscall_run and its dispatch */

/* RDI: boot information, RSI: the area, on the initial stack, which stays the runtime's. */
	.globl mote_guest_entry
mote_guest_entry:
	jmp start

/*
 * A system call of the program, from one of the stubs: RCX has the return address, R11 is lost, RSP is the program's.
 * Its registers become a struct mote_context on the runtime's stack.
 */
	.org mote_guest_entry + MOTE_ENTRY_SYSCALL, 0xcc
	movq %rsp, %gs:MOTE_AREA_SAVED_RSP
	movq %gs:MOTE_AREA_STACK_TOP, %rsp
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
	pushq %gs:MOTE_AREA_SAVED_RSP
	pushq %rbp
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %rbx
	pushq %rax
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

/* From the host, with RDI = the area, on the fault stack. */
	.globl linux_fault_entry
linux_fault_entry:
	cld
	xorl %ebp, %ebp
	andq $-16, %rsp
	call linux_fault
	ud2

/*
 * linux_resume(context, busy): loads all registers from the context, after it has set *busy to 0. From
 * linux_resume_from to linux_resume_to an event may arrive, whose handler takes the context from the
 * area; a signal that came before is found in pending_signals.
 */
	.globl linux_resume, linux_resume_unasked, linux_resume_from, linux_resume_to
linux_resume:
	movl $0, (%rsi)
	movq %rdi, %gs:AREA_RESUMING
linux_resume_from:
	movq %gs:MOTE_AREA_BLOCKED, %rax
	notq %rax
	testq %rax, %gs:MOTE_AREA_PENDING
	jnz 2f
1:	resume_frame
	resume_registers
2:	movl $1, (%rsi) /* no event during what follows */
linux_resume_to:
	andq $-16, %rsp
	call linux_signals
	ud2
/* Without that check: for a context of the runtime's own, which cannot take a signal. */
linux_resume_unasked:
	movl $0, (%rsi)
	movq %rdi, %gs:AREA_RESUMING
	jmp 1b

/* int user_copy(to, from, bytes): 0, or -EFAULT: linux_fault sends faults of its body to the end. */
	.globl user_copy, user_copy_fault
user_copy:
	movq %rdx, %rcx
	rep movsb
	xorl %eax, %eax
	ret
user_copy_fault:
	movl $-EFAULT, %eax
	ret

	.section .note.GNU-stack, "", @progbits
