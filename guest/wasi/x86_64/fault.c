/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of x86-64: the engine's view of them, and the way back into the module. */
#include "guest/wasi/start.h"
#include "guest/wasi/state.h"
#include "guest/wasm/platform.h"

enum {
	LX_SIGABRT = 6,
	LX_SIGSEGV = 11,
	VECTOR_DIVIDE = 0,
	VECTOR_INVALID_OPCODE = 6,
	VECTOR_PAGE_FAULT = 14,
	PAGE_FAULT_WRITE = 1 << 1, /* of its error code */
	RFLAGS_DIRECTION = 1 << 10,
};

static bool fault_kind(const struct mote_fault *f, enum wasm_fault_kind *kind)
{
	switch (f->vector) {
	case VECTOR_DIVIDE:
		*kind = WASM_FAULT_DIVIDE;
		return true;
	case VECTOR_INVALID_OPCODE:
		*kind = WASM_FAULT_ILLEGAL;
		return true;
	case VECTOR_PAGE_FAULT:
		*kind = WASM_FAULT_PAGE;
		return true;
	}
	return false;
}

/* Names that a module made so that reading them fails end it as the trap would have. */
static _Noreturn void end_report(void)
{
	lib_write(2, "   ... (no more of it can be shown)\n", 35);
	for (;;)
		(void)mote_exit_signal(mote_area(), LX_SIGABRT);
}

/* A fault that no Wasm code has caused is a bug of the engine or of this runtime. */
static _Noreturn void fatal(const struct mote_fault *f)
{
	if (wasi.reporting)
		end_report();
	lib_error("internal error: exception %u (error code 0x%x, address 0x%lx) at 0x%lx, stack "
		  "0x%lx",
		  f->vector, f->error_code, f->address, f->context.rip, f->context.rsp);
	for (;;)
		(void)mote_exit_signal(mote_area(), LX_SIGSEGV);
}

_Noreturn void wasi_fault(struct mote_area *area)
{
	struct mote_fault *f = &area->fault;
	struct wasm_fault w = {
		.write = f->vector == VECTOR_PAGE_FAULT && f->error_code & PAGE_FAULT_WRITE,
		.address = f->address,
		.pc = f->context.rip,
		.sp = f->context.rsp,
		.fp = f->context.rbp,
		.instance = f->context.r14,
	};
	if (!fault_kind(f, &w.kind) || !wasm_fault(&w))
		fatal(f);
	f->context.rip = w.pc;
	f->context.rsp = w.sp;
	f->context.rbp = w.fp;
	f->context.rflags &= ~(uint64_t)RFLAGS_DIRECTION; /* clear, as the ABI wants it */
	wasi_resume(&f->context, &area->fault_busy);
}
