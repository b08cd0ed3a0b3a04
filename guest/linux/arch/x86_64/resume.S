/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of faults, and the one way back into the program. */
#include "guest/lib/x86_64/resume.h"

	/* struct thread */
	.set AREA_RESUMING, MOTE_AREA_PERSONALITY
	.set AREA_PROGRAM_GS, MOTE_AREA_PERSONALITY + 16
	/* The runtime is one aligned block of this many bits: MOTE_IMAGE_VA to MOTE_BOOT_VA. */
	.set RUNTIME_SHIFT, 36

	.section .text.hot, "ax", @progbits

/*
 * From the host, with RDI = the area, on the fault stack. GS is the program's, if it was the
 * program that was interrupted, or the way back to it.
 */
	.globl linux_fault_entry
linux_fault_entry:
	rdgsbase %rax
	cmpq %rax, %rdi
	je 1f
	movq %rax, AREA_PROGRAM_GS(%rdi)
	wrgsbase %rdi
1:	cld
	xorl %ebp, %ebp
	andq $-16, %rsp
	call linux_fault
	ud2

/*
 * linux_resume(context, busy): loads all registers from the context, after it has set *busy to 0.
 * From linux_resume_from to linux_resume_to an event may arrive, whose handler takes the context
 * from the area; a signal that came before is found in pending_signals.
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
1:	movq 0x80(%rdi), %rax /* rip: the runtime keeps its GS, after a fault of its own */
	shrq $RUNTIME_SHIFT, %rax
	cmpl $(MOTE_IMAGE_VA >> RUNTIME_SHIFT), %eax
	je 3f
	movq %gs:AREA_PROGRAM_GS, %rax
	wrgsbase %rax
3:	resume_frame
	resume_registers
2:	movl $1, (%rsi) /* no event during what follows */
linux_resume_to:
	movq %rdi, %rbx
	movq %rsi, %rbp
	movq %rsp, %r12 /* however often signals come, the stack is the same */
	andq $-16, %rsp
	call linux_signals
	movq %rbx, %rdi
	movq %rbp, %rsi
	movq %r12, %rsp
	jmp linux_resume
/* Without that check: for a context of the runtime's own, which cannot take a signal. */
linux_resume_unasked:
	movl $0, (%rsi)
	movq %rdi, %gs:AREA_RESUMING
	jmp 1b

	.section .note.GNU-stack, "", @progbits
