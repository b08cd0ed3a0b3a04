/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine needs from below: address space, memory, a stack limit and faults. The guest
 * implements it over host calls, hosted/platform.c over Linux for tests. Sizes and addresses are
 * multiples of WASM_PAGE_BYTES. In a guest every call here costs an exit, so the engine makes few
 * and large ones.
 */
#ifndef MOTE_GUEST_WASM_PLATFORM_H
#define MOTE_GUEST_WASM_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#define WASM_PAGE_BYTES 4096u

static inline uint64_t platform_page_up(uint64_t bytes)
{
	return (bytes + WASM_PAGE_BYTES - 1) & ~(uint64_t)(WASM_PAGE_BYTES - 1);
}

/*
 * Address space below 2^47 that nothing else uses and that faults when touched; NULL if there is
 * none. A 32-bit linear memory takes 8 GiB and a guard; code and tables take less. Address 0 is
 * never inside.
 */
void *platform_reserve(uint64_t bytes);

/*
 * Makes inaccessible pages of a reservation readable and writable, reading as zero. False: out of
 * memory.
 */
bool platform_commit(void *addr, uint64_t bytes);

/* The same for pages that will all be written soon: prefaults them. */
bool platform_commit_all(void *addr, uint64_t bytes);

/* Frees committed pages; they are inaccessible again. */
void platform_decommit(void *addr, uint64_t bytes);

/* Committed pages become readable and executable and never writable again until they are freed. */
bool platform_seal(void *addr, uint64_t bytes);

/*
 * Ends a reservation, whatever its pages are: exactly what platform_reserve returned and was asked
 * for.
 */
void platform_free(void *addr, uint64_t bytes);

/*
 * Lowest usable address of the stack that the caller runs on. Compiled code stops
 * WASM_STACK_RESERVE_BYTES above it, which host functions and the engine itself then still have.
 */
uintptr_t platform_stack_limit(void);
#define WASM_STACK_RESERVE_BYTES 0x18000u

/* A number that nobody who made a module knows. */
uint64_t platform_random(void);

enum wasm_fault_kind {
	WASM_FAULT_PAGE,    /* page fault, also SIGBUS-like refusals of a committed page */
	WASM_FAULT_DIVIDE,  /* a division without a result */
	WASM_FAULT_ILLEGAL, /* an illegal instruction */
};

/*
 * A CPU exception in the engine's own program, delivered on a stack of its own (4 KiB are enough).
 */
struct wasm_fault {
	enum wasm_fault_kind kind;
	bool write;       /* page fault: a store */
	uint64_t address; /* page fault: what was accessed */
	uint64_t pc, sp, fp;
	uint64_t instance; /* the register that has the instance in compiled code */
};

/*
 * The platform calls it for each fault. True: the engine has changed pc, sp and fp, and execution
 * goes on there with all other registers as they were (flags: direction flag clear). False: not the
 * engine's. It only looks at `fault` and the engine's tables: no allocation, no platform call.
 */
bool wasm_fault(struct wasm_fault *fault);

#endif
