/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions of the CPU as the signals that Linux makes of them (Intel SDM volume 3, 6.3 to 6.15).
 */
#include "guest/linux/arch/arch.h"

#include <asm/vsyscall.h>
#include <linux/signal.h>

enum {
	VECTOR_BREAKPOINT = 3,
	VECTOR_OVERFLOW = 4,
	VECTOR_INVALID_OPCODE = 6,
	VECTOR_STACK = 12,
	VECTOR_GENERAL_PROTECTION = 13,
	VECTOR_PAGE_FAULT = 14,
	VECTOR_X87 = 16,
	VECTOR_ALIGNMENT = 17,
	VECTOR_SIMD = 19,
};
/* Error code of a page fault. */
enum { FAULT_PROTECTION = 1, FAULT_WRITE = 2, FAULT_FETCH = 16 };
enum { OPCODE_INT = 0xcd };

static const struct {
	uint8_t vector;
	uint8_t signo;
	uint8_t code;
	const char *what;
} exceptions[] = {
	{0, SIGFPE, FPE_INTDIV, "integer divide by zero"},
	{1, SIGTRAP, TRAP_TRACE, "trace trap"},
	{VECTOR_BREAKPOINT, SIGTRAP, SI_KERNEL, "breakpoint"},
	{VECTOR_OVERFLOW, SIGSEGV, SI_KERNEL, "overflow"},
	{VECTOR_INVALID_OPCODE, SIGILL, ILL_ILLOPN, "illegal instruction"},
	{VECTOR_STACK, SIGBUS, SI_KERNEL, "stack fault"},
	{VECTOR_GENERAL_PROTECTION, SIGSEGV, SI_KERNEL, "general protection fault"},
	{VECTOR_PAGE_FAULT, SIGSEGV, SEGV_MAPERR, "segmentation fault"},
	{VECTOR_X87, SIGFPE, FPE_FLTINV, "floating-point exception"},
	{VECTOR_ALIGNMENT, SIGBUS, BUS_ADRALN, "unaligned access"},
	{VECTOR_SIMD, SIGFPE, FPE_FLTINV, "floating-point exception"},
};

bool fault_is_page_fault(const struct mote_fault *f)
{
	return f->vector == VECTOR_PAGE_FAULT;
}

const char *fault_access(const struct mote_fault *f)
{
	if (f->error_code & FAULT_FETCH)
		return "executing";
	return f->error_code & FAULT_WRITE ? "writing" : "reading";
}

static uint64_t fault_address(const struct mote_fault *f)
{
	switch (f->vector) {
	case VECTOR_PAGE_FAULT:
		return f->address;
	case VECTOR_BREAKPOINT: /* these are not about an address, or any may be at fault */
	case VECTOR_OVERFLOW:
	case VECTOR_STACK:
	case VECTOR_GENERAL_PROTECTION:
	case VECTOR_ALIGNMENT:
		return 0;
	default:
		return f->context.rip;
	}
}

/* Which floating-point exception it was: the first that is flagged and not masked. */
static int32_t float_code(uint64_t vector)
{
	static const struct {
		uint16_t flags;
		int16_t code;
	} codes[] = {
		{0x01, FPE_FLTINV}, {0x04, FPE_FLTDIV}, {0x08, FPE_FLTOVF},
		{0x12, FPE_FLTUND}, {0x20, FPE_FLTRES},
	};
	uint16_t control = 0, status = 0;
	uint32_t mxcsr = 0;
	if (vector == VECTOR_X87) {
		__asm__ volatile("fnstcw %0\n\tfnstsw %1" : "=m"(control), "=m"(status));
	} else {
		__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
		control = (uint16_t)(mxcsr >> 7);
		status = (uint16_t)mxcsr;
	}
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (status & ~control & codes[i].flags)
			return codes[i].code;
	return FPE_FLTINV;
}

/*
 * INT with a vector that a program may not use is a general protection fault; a KVM that interprets
 * it says that there is no such instruction. So is a call to the vsyscall page that is not of one
 * of its functions.
 */
static uint64_t vector_of(const struct mote_fault *f)
{
	uint8_t opcode = 0;
	if (f->vector == VECTOR_INVALID_OPCODE && f->context.rip < MOTE_VA_END &&
	    user_copy(&opcode, (const void *)f->context.rip, 1) == 0 && opcode == OPCODE_INT)
		return VECTOR_GENERAL_PROTECTION;
	if (fault_is_page_fault(f) && f->address == f->context.rip &&
	    f->address - VSYSCALL_ADDR < MOTE_PAGE)
		return VECTOR_GENERAL_PROTECTION;
	return f->vector;
}

bool fault_to_signal(const struct mote_fault *f, struct fault_signal *to)
{
	const uint64_t vector = vector_of(f);
	for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
		if (exceptions[i].vector != vector)
			continue;
		*to = (struct fault_signal){
			.signo = exceptions[i].signo,
			.code = exceptions[i].code,
			.address = vector == f->vector ? fault_address(f) : 0,
			.what = exceptions[i].what,
		};
		if (fault_is_page_fault(f) && (f->error_code & FAULT_PROTECTION))
			to->code = SEGV_ACCERR;
		if (f->vector == VECTOR_X87 || f->vector == VECTOR_SIMD)
			to->code = float_code(f->vector);
		return true;
	}
	return false;
}

void fault_denied(struct fault_signal *s)
{
	s->code = SEGV_ACCERR;
}

void fault_behind_file(struct fault_signal *s)
{
	s->signo = SIGBUS;
	s->code = BUS_ADRERR;
	s->what = "bus error";
}
