/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_copy() and guest_zero() (memory/guest_copy.h). Every access to memory that may be gone is
 * between guest_copy_begin and guest_copy_end, and the stack is as at the entry all the time: so
 * the handler of SIGBUS sends any of these instructions to guest_copy_failed, which returns to the
 * caller.
 *
 * Up to 64 bytes go by a few loads that overlap, which are all done before the first store; more by
 * `rep movsq`, which is quick on all processors, with the last 8 bytes first.
 */
#ifndef __x86_64__
#error "guest copies are written for x86-64"
#endif
#include <errno.h>

	.text
	.globl guest_copy_begin, guest_copy_end, guest_copy_failed
	.hidden guest_copy_begin, guest_copy_end, guest_copy_failed

	.macro function name
	.globl \name
	.hidden \name
	.type \name, @function
	.balign 32
\name:
	.cfi_startproc
	endbr64
	.endm
	.macro end_function name
	.cfi_endproc
	.size \name, . - \name
	.endm

guest_copy_begin:
/* int copy(void *to (rdi), const void *from (rsi), size_t bytes (rdx)) */
	function guest_copy_unchecked
	xorl %eax, %eax
	cmpq $16, %rdx
	ja 3f
	cmpl $8, %edx
	jae 2f
	cmpl $4, %edx
	jae 1f
	cmpl $2, %edx
	jae 0f
	testl %edx, %edx
	jz 9f
	movb (%rsi), %cl
	movb %cl, (%rdi)
9:	ret
0:	movzwl (%rsi), %ecx
	movzwl -2(%rsi, %rdx), %r8d
	movw %cx, (%rdi)
	movw %r8w, -2(%rdi, %rdx)
	ret
1:	movl (%rsi), %ecx
	movl -4(%rsi, %rdx), %r8d
	movl %ecx, (%rdi)
	movl %r8d, -4(%rdi, %rdx)
	ret
2:	movq (%rsi), %rcx
	movq -8(%rsi, %rdx), %r8
	movq %rcx, (%rdi)
	movq %r8, -8(%rdi, %rdx)
	ret
3:	cmpq $32, %rdx
	ja 4f
	movups (%rsi), %xmm0
	movups -16(%rsi, %rdx), %xmm1
	movups %xmm0, (%rdi)
	movups %xmm1, -16(%rdi, %rdx)
	ret
4:	cmpq $64, %rdx
	ja 5f
	movups (%rsi), %xmm0
	movups 16(%rsi), %xmm1
	movups -32(%rsi, %rdx), %xmm2
	movups -16(%rsi, %rdx), %xmm3
	movups %xmm0, (%rdi)
	movups %xmm1, 16(%rdi)
	movups %xmm2, -32(%rdi, %rdx)
	movups %xmm3, -16(%rdi, %rdx)
	ret
5:	movq -8(%rsi, %rdx), %r8
	movq %r8, -8(%rdi, %rdx)
	movq %rdx, %rcx
	shrq $3, %rcx
	rep movsq
	ret
	end_function guest_copy_unchecked

/* int zero(void *to (rdi), size_t bytes (rsi)) */
	function guest_zero_unchecked
	xorl %eax, %eax
	movq %rsi, %rcx
	cmpq $8, %rsi
	jb 1f
	movq %rax, -8(%rdi, %rsi)
	shrq $3, %rcx
	rep stosq
	ret
1:	rep stosb
	ret
	end_function guest_zero_unchecked
guest_copy_end:

	.balign 16
	.type guest_copy_failed, @function
guest_copy_failed:
	.cfi_startproc
	movl $-EFAULT, %eax
	ret
	.cfi_endproc
	.size guest_copy_failed, . - guest_copy_failed

	.section .note.GNU-stack, "", @progbits
