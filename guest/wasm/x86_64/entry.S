/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways into and out of compiled code, which keeps its instance in %r14 and linear memory 0 in %r15; see
 * DESIGN.md for its calling convention.
 */
	/* with what else a call from the host or to it runs: a VM costs what its guest touches */
	.section .text.hot, "ax", @progbits

/*
 * void wasm_enter(struct entry_frame *): the SysV world calls compiled code.
 *   0 code   8 instance   16 integer arguments [5]   56 stack words   64 their count
 *   72 result: rax in and out   80 xmm0..xmm7 [8 * 16], xmm0 also out
 */
	.globl wasm_enter
	.type wasm_enter, @function
wasm_enter:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rdi
	movq %rdi, %r11
	movq 56(%r11), %rsi
	movq 64(%r11), %rcx
1:	testq %rcx, %rcx
	jz 2f
	decq %rcx
	pushq (%rsi, %rcx, 8)
	jmp 1b
2:	movq 8(%r11), %r14
	xorl %r15d, %r15d
	testq %r14, %r14
	jz 3f
	movq 0(%r14), %r15
3:	movq 16(%r11), %rsi
	movq 24(%r11), %rdx
	movq 32(%r11), %rcx
	movq 40(%r11), %r8
	movq 48(%r11), %r9
	movq 72(%r11), %rax
	movups 80(%r11), %xmm0
	movups 96(%r11), %xmm1
	movups 112(%r11), %xmm2
	movups 128(%r11), %xmm3
	movups 144(%r11), %xmm4
	movups 160(%r11), %xmm5
	movups 176(%r11), %xmm6
	movups 192(%r11), %xmm7
	movq 0(%r11), %r10
	movq 208(%r11), %r11
	callq *%r10
	.globl wasm_enter_return
wasm_enter_return:
	popq %rdi
	movq %rax, 72(%rdi)
	movups %xmm0, 80(%rdi)
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret
	.size wasm_enter, . - wasm_enter

/*
 * Compiled code calls a host function: %r11 is its struct wasm_func, integer arguments are where SysV has
 * its second to sixth. What compiled code expects to survive and C does not keep is %rdi.
 */
	.globl wasm_host_glue
	.type wasm_host_glue, @function
wasm_host_glue:
	movq 40(%r14), %r10 /* the store, and its exit_sp */
	movq %rsp, (%r10)
	pushq %rdi
	pushq %rbx
	pushq %rbp
	movq %rsp, %rbx
	movq %r11, %rbp
	movl 40(%r11), %r10d
	testl %r10d, %r10d
	jz 2f
	/* Arguments on the stack: copied, so that the callee may write to them, and 16-byte aligned. */
	leaq (, %r10, 8), %rax
	subq %rax, %rsp
	andq $-16, %rsp
	xorl %eax, %eax
1:	movq 32(%rbx, %rax, 8), %rdi
	movq %rdi, (%rsp, %rax, 8)
	incq %rax
	cmpq %r10, %rax
	jb 1b
2:	andq $-16, %rsp
	movq 16(%r11), %rdi
	movl $8, %eax
	callq *24(%r11)
	cmpl $0, 44(%rbp)
	je 3f
	movl %eax, %eax
3:	movl 40(%rbp), %ecx
	movq %rbx, %rsp
	popq %rbp
	popq %rbx
	popq %rdi
	testl %ecx, %ecx
	jnz 4f
	ret
4:	popq %rdx
	leaq (%rsp, %rcx, 8), %rsp
	jmpq *%rdx
	.size wasm_host_glue, . - wasm_host_glue

/*
 * What wasm_host_glue calls for a function of words: saves the registers that can have arguments, and
 * says where those on the stack are. The result goes to both kinds of registers.
 */
	.globl wasm_words_entry
	.type wasm_words_entry, @function
wasm_words_entry:
	leaq 8(%rsp), %rdi
	subq $120, %rsp
	movq %rsi, 0(%rsp)
	movq %rdx, 8(%rsp)
	movq %rcx, 16(%rsp)
	movq %r8, 24(%rsp)
	movq %r9, 32(%rsp)
	movq %xmm0, 40(%rsp)
	movq %xmm1, 48(%rsp)
	movq %xmm2, 56(%rsp)
	movq %xmm3, 64(%rsp)
	movq %xmm4, 72(%rsp)
	movq %xmm5, 80(%rsp)
	movq %xmm6, 88(%rsp)
	movq %xmm7, 96(%rsp)
	movq %rdi, %rdx
	movq %r11, %rdi
	movq %rsp, %rsi
	callq words_called
	movq %rax, %xmm0
	addq $120, %rsp
	ret
	.size wasm_words_entry, . - wasm_words_entry

/* Compiled code calls one of the engine's helpers, %r11, in the same way. */
	.globl wasm_helper_glue
	.type wasm_helper_glue, @function
wasm_helper_glue:
	movq 40(%r14), %r10 /* the store, and its exit_sp */
	movq %rsp, (%r10)
	pushq %rdi
	pushq %rbx
	movq %rsp, %rbx
	andq $-16, %rsp
	movq %r14, %rdi
	callq *%r11
	movq %rbx, %rsp
	popq %rbx
	popq %rdi
	ret
	.size wasm_helper_glue, . - wasm_helper_glue

/* All registers but R11, R14, R15 and XMM14, XMM15; RBX has the stack pointer, which is aligned then. */
	.macro save_registers
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %rbx
	subq $224, %rsp
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
	movups %xmm\n, 16 * \n(%rsp)
	.endr
	movq %rsp, %rbx
	andq $-16, %rsp
	.endm
	.macro restore_registers
	movq %rbx, %rsp
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
	movups 16 * \n(%rsp), %xmm\n
	.endr
	addq $224, %rsp
	popq %rbx
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rax
	.endm

/* A list of free objects is empty: %r11 has its address, and the instance's heap afterwards. */
	.globl wasm_refill_glue
	.type wasm_refill_glue, @function
wasm_refill_glue:
	save_registers
	leaq 296(%rbx), %rax
	movq 40(%r14), %r10 /* the store, and its exit_sp */
	movq %rax, (%r10)
	movq %r14, %rdi
	movq %r11, %rsi
	callq heap_refill
	movq 96(%r14), %r11
	restore_registers
	ret
	.size wasm_refill_glue, . - wasm_refill_glue

/* The reference in the low half of %xmm15 is about to be overwritten. */
	.globl wasm_barrier_glue
	.type wasm_barrier_glue, @function
wasm_barrier_glue:
	save_registers
	movq 96(%r14), %rdi
	movq %xmm15, %rsi
	callq heap_barrier
	restore_registers
	ret
	.size wasm_barrier_glue, . - wasm_barrier_glue

/* Whether the reference in %xmm15 is of the type in %xmm14: %r11. */
	.globl wasm_cast_glue
	.type wasm_cast_glue, @function
wasm_cast_glue:
	save_registers
	movq %r14, %rdi
	movq %xmm15, %rsi
	movd %xmm14, %edx
	callq ref_is
	movzbl %al, %r11d
	restore_registers
	ret
	.size wasm_cast_glue, . - wasm_cast_glue

/*
 * Helpers that throw. Their C functions do not return, and what they need of the registers that
 * compiled code keeps is below: struct thrown_registers, the last argument.
 */
	.globl wasm_throw_glue
	.type wasm_throw_glue, @function
wasm_throw_glue:
	pushq %r13
	pushq %r12
	pushq %rbp
	movq %rsp, %rcx
	callq exception_throw
	ud2
	.size wasm_throw_glue, . - wasm_throw_glue

	.globl wasm_throw_ref_glue
	.type wasm_throw_ref_glue, @function
wasm_throw_ref_glue:
	pushq %r13
	pushq %r12
	pushq %rbp
	movq %rsp, %rdx
	callq exception_throw_ref
	ud2
	.size wasm_throw_ref_glue, . - wasm_throw_ref_glue

/* void arch_land(const struct unwind *, void *exception): pc, sp, rbx, rbp, rdi, r12, r13 */
	.globl arch_land
	.type arch_land, @function
arch_land:
	movq %rsi, %rax
	movq 0(%rdi), %r11
	movq 8(%rdi), %rcx
	movq 16(%rdi), %rbx
	movq 24(%rdi), %rbp
	movq 40(%rdi), %r12
	movq 48(%rdi), %r13
	movq 32(%rdi), %rdi
	movq %rcx, %rsp
	jmpq *%r11
	.size arch_land, . - arch_land

/* Where the fault handler sends a trap: on the stack of the trapped code, below it. */
	.globl wasm_trap_landing
	.type wasm_trap_landing, @function
wasm_trap_landing:
	subq $256, %rsp
	andq $-16, %rsp
	cld
	callq trap_landed
	ud2
	.size wasm_trap_landing, . - wasm_trap_landing

	.section .note.GNU-stack, "", @progbits
