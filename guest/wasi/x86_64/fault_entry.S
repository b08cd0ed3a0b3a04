/* SPDX-License-Identifier: Apache-2.0 */
/* Where faults arrive. */
	.text

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

	.section .note.GNU-stack, "", @progbits
