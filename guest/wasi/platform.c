/* SPDX-License-Identifier: Apache-2.0 */
/* What guest/wasm/platform.h asks for, over host calls: address space, memory, the stack, faults.
 */
#include "guest/wasm/platform.h"

#include "guest/wasi/space.h"
#include "guest/wasi/start.h"
#include "guest/wasi/wasi.h"

#define LX_SIGSEGV 11

/* --- address space and memory --- */

static uint64_t small_next = SPACE_SMALL, large_next = SPACE_LARGE;

void *platform_reserve(uint64_t bytes)
{
	bool small = bytes <= SPACE_SMALL_MAX && bytes <= SPACE_SMALL_END - small_next;
	uint64_t *next = small ? &small_next : &large_next;
	if (!small)
		bytes = (bytes + SPACE_LARGE_ALIGN - 1) & ~(uint64_t)(SPACE_LARGE_ALIGN - 1);
	if (bytes == 0 || bytes > (small ? SPACE_SMALL_END : SPACE_LARGE_END) - *next)
		return NULL;
	uint64_t at = *next;
	*next += bytes;
	return (void *)at;
}

bool platform_commit(void *addr, uint64_t bytes)
{
	return mote_mem_map(wasi_area, (uint64_t)addr, bytes, MOTE_PROT_READ | MOTE_PROT_WRITE) >=
	       0;
}

bool platform_commit_all(void *addr, uint64_t bytes)
{
	return mote_mem_map(wasi_area, (uint64_t)addr, bytes,
			    MOTE_PROT_READ | MOTE_PROT_WRITE | MOTE_MAP_FILL) >= 0;
}

void platform_decommit(void *addr, uint64_t bytes)
{
	(void)mote_mem_unmap(wasi_area, (uint64_t)addr, bytes);
}

bool platform_seal(void *addr, uint64_t bytes)
{
	return mote_mem_protect(wasi_area, (uint64_t)addr, bytes,
				MOTE_PROT_READ | MOTE_PROT_EXEC) >= 0;
}

/* The last reservation's addresses are used again; there is room for thousands of others. */
void platform_free(void *addr, uint64_t bytes)
{
	platform_decommit(addr, bytes);
	if ((uint64_t)addr + bytes == small_next)
		small_next = (uint64_t)addr;
}

uintptr_t platform_stack_limit(void)
{
	return SPACE_STACK;
}

/* --- faults --- */

static uint8_t fault_stack[16384] __attribute__((aligned(16)));

void platform_start(void)
{
	wasi_area->fault_stack_top = (uint64_t)(fault_stack + sizeof(fault_stack));
	wasi_area->fault_entry = (uint64_t)wasi_fault_entry;
}

static bool fault_kind(const struct mote_fault *f, enum wasm_fault_kind *kind)
{
	switch (f->vector) {
	case 0:
		*kind = WASM_FAULT_DIVIDE;
		return true;
	case 6:
		*kind = WASM_FAULT_ILLEGAL;
		return true;
	case 14:
		*kind = WASM_FAULT_PAGE;
		return true;
	}
	return false;
}

/* A fault that no Wasm code has made is a mistake of the engine's or WASI's own. */
static _Noreturn void fatal(const struct mote_fault *f)
{
	lib_error("internal error: exception %u (error code 0x%x, address 0x%lx) at 0x%lx, stack "
		  "0x%lx",
		  f->vector, f->error_code, f->address, f->context.rip, f->context.rsp);
	for (;;)
		(void)mote_exit_signal(wasi_area, LX_SIGSEGV);
}

_Noreturn void wasi_fault(struct mote_area *area)
{
	struct mote_fault *f = &area->fault;
	struct wasm_fault w = {
		.write = f->vector == 14 && f->error_code & 2,
		.address = f->address,
		.pc = f->context.rip,
		.sp = f->context.rsp,
		.fp = f->context.rbp,
	};
	if (!fault_kind(f, &w.kind) || !wasm_fault(&w))
		fatal(f);
	f->context.rip = w.pc;
	f->context.rsp = w.sp;
	f->context.rbp = w.fp;
	f->context.rflags &= ~(uint64_t)0x400; /* direction flag clear, as the ABI has it */
	wasi_resume(&f->context, &area->fault_busy);
}
