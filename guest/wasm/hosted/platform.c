/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's platform over Linux, for tests, fuzzing and sanitizers: mmap, and signals as faults. */
#include "guest/wasm/platform.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>

void *platform_reserve(uint64_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

bool platform_commit(void *addr, uint64_t bytes)
{
	return bytes <= 1ull << 32 && mprotect(addr, bytes, PROT_READ | PROT_WRITE) == 0;
}

bool platform_commit_all(void *addr, uint64_t bytes)
{
	return platform_commit(addr, bytes);
}

void platform_decommit(void *addr, uint64_t bytes)
{
	if (mmap(addr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		abort();
}

bool platform_seal(void *addr, uint64_t bytes)
{
	return mprotect(addr, bytes, PROT_READ | PROT_EXEC) == 0;
}

void platform_free(void *addr, uint64_t bytes)
{
	munmap(addr, bytes);
}

uintptr_t platform_stack_limit(void)
{
	static uintptr_t limit;
	if (!limit) {
		/* The main thread's stack ends a limit below where it is now; half of it is for compiled code. */
		struct rlimit r;
		uintptr_t here = (uintptr_t)__builtin_frame_address(0);
		uint64_t bytes = getrlimit(RLIMIT_STACK, &r) == 0 && r.rlim_cur != RLIM_INFINITY ? r.rlim_cur : 8 << 20;
		limit = here - bytes / 2;
	}
	return limit;
}

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
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	if (sigaltstack(&alt, NULL) < 0)
		abort();
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (sigaction(signals[i], &sa, NULL) < 0)
			abort();
}
