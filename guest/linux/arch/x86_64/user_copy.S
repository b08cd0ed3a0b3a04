/* SPDX-License-Identifier: Apache-2.0 */
/* Copying from and to the program's memory, where a page may not be there. */
#include <asm/errno.h>

	.section .text.hot, "ax", @progbits

/*
 * int user_copy(to, from, bytes): 0, or -EFAULT: linux_fault sends faults of its body to the end.
 */
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
