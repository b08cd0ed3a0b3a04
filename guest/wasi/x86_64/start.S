/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the WebAssembly image, and the way onto the large stack. */
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

	.section .note.GNU-stack, "", @progbits
