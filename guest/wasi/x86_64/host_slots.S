/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C functions for imports whose types are known at run time only. The engine calls function i with the
 * SysV ABI of the import's own type; each comes down to host_slots_called(i, registers, stack).
 */
	.text

	.balign 16
	.globl host_slots
host_slots:
	.set slot, 0
	.rept 256
	.balign 16
	movl $slot, %eax
	jmp common
	.set slot, slot + 1
	.endr

/* struct host_registers: 6 integer and 8 vector registers' low halves. The result goes to both kinds. */
	.balign 16
	.type common, @function
common:
	pushq %rbp
	movq %rsp, %rbp
	subq $112, %rsp
	movq %rdi, 0(%rsp)
	movq %rsi, 8(%rsp)
	movq %rdx, 16(%rsp)
	movq %rcx, 24(%rsp)
	movq %r8, 32(%rsp)
	movq %r9, 40(%rsp)
	movq %xmm0, 48(%rsp)
	movq %xmm1, 56(%rsp)
	movq %xmm2, 64(%rsp)
	movq %xmm3, 72(%rsp)
	movq %xmm4, 80(%rsp)
	movq %xmm5, 88(%rsp)
	movq %xmm6, 96(%rsp)
	movq %xmm7, 104(%rsp)
	movl %eax, %edi
	movq %rsp, %rsi
	leaq 16(%rbp), %rdx
	call *host_slots_called(%rip)
	movq %rax, %xmm0
	leave
	ret
	.size common, . - common

	.bss
	.balign 8
	.globl host_slots_called
host_slots_called:
	.quad 0

	.section .note.GNU-stack, "", @progbits
