/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's own long jump. */
	.text

/* int wasm_jump_set(struct wasm_jump *) */
	.globl wasm_jump_set
	.type wasm_jump_set, @function
wasm_jump_set:
	movq %rbx, 0(%rdi)
	movq %rbp, 8(%rdi)
	movq %r12, 16(%rdi)
	movq %r13, 24(%rdi)
	movq %r14, 32(%rdi)
	movq %r15, 40(%rdi)
	leaq 8(%rsp), %rax
	movq %rax, 48(%rdi)
	movq (%rsp), %rax
	movq %rax, 56(%rdi)
	xorl %eax, %eax
	ret
	.size wasm_jump_set, . - wasm_jump_set

/* void wasm_jump_to(struct wasm_jump *): wasm_jump_set returns 1 */
	.globl wasm_jump_to
	.type wasm_jump_to, @function
wasm_jump_to:
	movq 0(%rdi), %rbx
	movq 8(%rdi), %rbp
	movq 16(%rdi), %r12
	movq 24(%rdi), %r13
	movq 32(%rdi), %r14
	movq 40(%rdi), %r15
	movq 48(%rdi), %rsp
	movl $1, %eax
	jmpq *56(%rdi)
	.size wasm_jump_to, . - wasm_jump_to

	.section .note.GNU-stack, "", @progbits
