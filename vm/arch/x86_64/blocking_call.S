/* SPDX-License-Identifier: Apache-2.0 */
/*
 * long blocking_call_raw(const uint64_t *kick, long nr, const long arg[6]): unblocks the kick
 * signal, makes the system call, blocks the signal again. Kicks are delivered from
 * blocking_call_open on. From there to blocking_call_done, exclusive, the call has not begun, or is
 * to be begun again: the kick's handler sends a thread that it finds there to blocking_call_stopped
 * (run/blocking.c).
 */
#define SYS_rt_sigprocmask 14
#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define EINTR 4

	.text
	.hidden blocking_call_raw, blocking_call_open, blocking_call_done
	.hidden blocking_call_stopped, blocking_call_end
	.globl blocking_call_raw, blocking_call_open, blocking_call_done
	.globl blocking_call_stopped, blocking_call_end

	.macro SIGNAL_MASK how
	movl $SYS_rt_sigprocmask, %eax
	movl $\how, %edi
	movq %rbx, %rsi
	xorl %edx, %edx
	movl $8, %r10d
	syscall
	.endm

	.type blocking_call_raw, @function
blocking_call_raw:
	.cfi_startproc
	pushq %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq %r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq %r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	movq %rdi, %rbx
	movq %rsi, %r12
	movq %rdx, %r13
	SIGNAL_MASK SIG_UNBLOCK
blocking_call_open:
	movq %r12, %rax
	movq 0(%r13), %rdi
	movq 8(%r13), %rsi
	movq 16(%r13), %rdx
	movq 24(%r13), %r10
	movq 32(%r13), %r8
	movq 40(%r13), %r9
	syscall
blocking_call_done:
	movq %rax, %r12
	SIGNAL_MASK SIG_BLOCK
	movq %r12, %rax
	popq %r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq %r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
	.cfi_adjust_cfa_offset 24
	.cfi_rel_offset %rbx, 16
	.cfi_rel_offset %r12, 8
	.cfi_rel_offset %r13, 0
blocking_call_stopped:
	movq $-EINTR, %rax
	jmp blocking_call_done
blocking_call_end:
	.cfi_endproc
	.size blocking_call_raw, . - blocking_call_raw
	.section .note.GNU-stack, "", @progbits
