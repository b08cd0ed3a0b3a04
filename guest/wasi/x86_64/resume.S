/* SPDX-License-Identifier: Apache-2.0 */
/* The way from a fault back to the code that it happened in. */
#include "guest/lib/x86_64/resume.h"

	.text

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
