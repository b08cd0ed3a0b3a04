/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the WebAssembly image, the way onto the large stack, entry and exit of faults. */
#include "guest/lib/x86_64/resume.h"
#include "guest/wasi/space.h"

	.text

/* RDI: boot information, RSI: the area, on the small initial stack. */
	.globl mote_guest_entry
	.type mote_guest_entry, @function
mote_guest_entry:
	jmp 1f
	/* A module makes no system calls. */
	.org mote_guest_entry + MOTE_ENTRY_SYSCALL, 0xcc
	ud2
1:	xorl %ebp, %ebp
	andq $-16, %rsp
	call wasi_start
	/* The large stack is there now. */
	movabsq $SPACE_STACK_TOP, %rsp
	call wasi_main
	ud2
	.size mote_guest_entry, . - mote_guest_entry

/* From the host, with RDI = the area and an aligned RSP at the top of the fault stack. */
	.globl wasi_fault_entry
	.type wasi_fault_entry, @function
wasi_fault_entry:
	cld
	xorl %ebp, %ebp
	andq $-16, %rsp
	call wasi_fault
	ud2
	.size wasi_fault_entry, . - wasi_fault_entry

/*
 * wasi_resume(context, busy): goes on with all registers as struct mote_context (RDI) has them, and
 * clears *busy (RSI) just before. IRETQ to the same privilege level also takes RSP and SS.
 */
	.globl wasi_resume
	.type wasi_resume, @function
wasi_resume:
	resume_frame
	movl $0, (%rsi)
	resume_registers
	.size wasi_resume, . - wasi_resume

	.section .note.GNU-stack, "", @progbits
