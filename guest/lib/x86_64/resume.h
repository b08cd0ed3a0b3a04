/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * For assembly: the way from a guest runtime's handler into the program, with all registers of a
 * struct mote_context.
 */
#ifndef MOTE_GUEST_RESUME_H
#define MOTE_GUEST_RESUME_H

#include "abi/layout.h"

/*
 * Pushes what IRETQ pops, from the context in RDI; it also pops RSP and SS at the same privilege
 * level.
 */
.macro resume_frame
	pushq $MOTE_USER_DS
	pushq 0x38(%rdi) /* rsp */
	pushq 0x88(%rdi) /* rflags */
	pushq $MOTE_USER_CS
	pushq 0x80(%rdi) /* rip */
.endm

/* After resume_frame: all other registers of the context in RDI, and the way out. */
.macro resume_registers
	movq 0x00(%rdi), %rax
	movq 0x08(%rdi), %rbx
	movq 0x10(%rdi), %rcx
	movq 0x18(%rdi), %rdx
	movq 0x20(%rdi), %rsi
	movq 0x30(%rdi), %rbp
	movq 0x40(%rdi), %r8
	movq 0x48(%rdi), %r9
	movq 0x50(%rdi), %r10
	movq 0x58(%rdi), %r11
	movq 0x60(%rdi), %r12
	movq 0x68(%rdi), %r13
	movq 0x70(%rdi), %r14
	movq 0x78(%rdi), %r15
	movq 0x28(%rdi), %rdi
	iretq
.endm

#endif
