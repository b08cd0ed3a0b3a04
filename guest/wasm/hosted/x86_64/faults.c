/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's faults over Linux, for tests, fuzzing and sanitizers: signals. */
#include "guest/wasm/platform.h"

#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>

static enum wasm_fault_kind fault_kind(int signo)
{
	if (signo == SIGFPE)
		return WASM_FAULT_DIVIDE;
	return signo == SIGILL ? WASM_FAULT_ILLEGAL : WASM_FAULT_PAGE;
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	struct wasm_fault f = {
		.kind = fault_kind(signo),
		.write = regs[REG_ERR] & 2,
		.address = (uint64_t)info->si_addr,
		.pc = (uint64_t)regs[REG_RIP],
		.sp = (uint64_t)regs[REG_RSP],
		.fp = (uint64_t)regs[REG_RBP],
		.instance = (uint64_t)regs[REG_R14],
	};
	if (!wasm_fault(&f)) {
		signal(signo, SIG_DFL); /* not the engine's: as without this handler */
		return;
	}
	regs[REG_RIP] = (greg_t)f.pc;
	regs[REG_RSP] = (greg_t)f.sp;
	regs[REG_RBP] = (greg_t)f.fp;
}

__attribute__((constructor)) static void catch_faults(void)
{
	static uint8_t stack[64 << 10];
	const stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
	struct sigaction sa = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	if (sigaltstack(&alt, NULL) < 0)
		abort();
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (sigaction(signals[i], &sa, NULL) < 0)
			abort();
}
