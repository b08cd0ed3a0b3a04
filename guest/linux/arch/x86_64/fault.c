/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions of the CPU as the signals that Linux makes of them (Intel SDM volume 3, 6.3 to 6.15).
 */
#include "guest/linux/arch/arch.h"

#include <linux/signal.h>

enum { VECTOR_GENERAL_PROTECTION = 13, VECTOR_PAGE_FAULT = 14 };
/* Error code of a page fault. */
enum { FAULT_PROTECTION = 1, FAULT_WRITE = 2, FAULT_FETCH = 16 };

static const struct {
	uint8_t vector;
	uint8_t signo;
	uint8_t code;
	const char *what;
} exceptions[] = {
	{0, SIGFPE, FPE_INTDIV, "integer divide by zero"},
	{1, SIGTRAP, TRAP_TRACE, "trace trap"},
	{3, SIGTRAP, TRAP_BRKPT, "breakpoint"},
	{4, SIGSEGV, SI_KERNEL, "overflow"},
	{6, SIGILL, ILL_ILLOPN, "illegal instruction"},
	{12, SIGBUS, SI_KERNEL, "stack fault"},
	{VECTOR_GENERAL_PROTECTION, SIGSEGV, SI_KERNEL, "general protection fault"},
	{VECTOR_PAGE_FAULT, SIGSEGV, SEGV_MAPERR, "segmentation fault"},
	{16, SIGFPE, FPE_FLTINV, "floating-point exception"},
	{17, SIGBUS, BUS_ADRALN, "unaligned access"},
	{19, SIGFPE, FPE_FLTINV, "floating-point exception"},
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
	if (f->vector == VECTOR_PAGE_FAULT)
		return f->address;
	if (f->vector == VECTOR_GENERAL_PROTECTION) /* any address may be at fault */
		return 0;
	return f->context.rip;
}

bool fault_to_signal(const struct mote_fault *f, struct fault_signal *to)
{
	for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
		if (exceptions[i].vector != f->vector)
			continue;
		*to = (struct fault_signal){
			.signo = exceptions[i].signo,
			.code = exceptions[i].code,
			.address = fault_address(f),
			.what = exceptions[i].what,
		};
		if (fault_is_page_fault(f) && (f->error_code & FAULT_PROTECTION))
			to->code = SEGV_ACCERR;
		return true;
	}
	return false;
}

void fault_behind_file(struct fault_signal *s)
{
	s->signo = SIGBUS;
	s->code = BUS_ADRERR;
	s->what = "bus error";
}
