/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the portable part of the engine knows of the architecture. A port adds a directory with
 * abi.h and what is declared here.
 */
#ifndef MOTE_GUEST_WASM_ARCH_H
#define MOTE_GUEST_WASM_ARCH_H

#include <stdint.h>

#if defined(__x86_64__)
#include "guest/wasm/x86_64/abi.h"
#elif defined(MOTE_ARCH_INTERFACE) /* portable code is only checked (test/rules) */
enum { ARG_INTS = 5, ARG_FLOATS = 8, JUMP_WORDS = 8, KEPT_REGS = 5, FRAME_FIXED_SLOTS = 2 };
#else
#error "no port to this architecture: guest/wasm/ has no directory for it"
#endif

/*
 * Where decoding, compiling and calls go back to when they fail: registers that a C function keeps.
 */
struct wasm_jump {
	uint64_t saved[JUMP_WORDS];
};
int wasm_jump_set(struct wasm_jump *jump) __attribute__((returns_twice));
_Noreturn void wasm_jump_to(struct wasm_jump *jump); /* wasm_jump_set returns 1 */

struct wasm_instance;
struct wasm_func;

/* What wasm_enter takes: C calls compiled code. */
struct entry_frame {
	const void *code;
	struct wasm_instance *instance;
	uint64_t ints[ARG_INTS];
	const uint64_t *stack; /* arguments that found no register */
	uint64_t stack_words;
	uint64_t result;                /* in: where several results go; out: an integer */
	uint8_t floats[ARG_FLOATS][16]; /* out: the first is a float or vector */
	struct wasm_func *func;
};
void wasm_enter(struct entry_frame *f);

/* A place in compiled code while the stack is walked: what its registers are there. */
struct unwind {
	uint64_t pc, sp;
	uint64_t kept[KEPT_REGS]; /* registers that callees keep */
};

/* Compiled code calls a host function, one of the engine's helpers; where a fault in it goes on. */
extern const uint8_t wasm_host_glue[], wasm_helper_glue[], wasm_trap_landing[];

/*
 * The C function of a host function of words (runtime/host.c), which gets the struct wasm_func, the
 * registers of its arguments, and those on the stack.
 */
void wasm_words_entry(void);
struct word_registers {
	uint64_t ints[ARG_INTS], floats[ARG_FLOATS]; /* low halves */
};

/*
 * Compiled code calls these as if they were one instruction: they keep all registers but the
 * scratch ones. They call heap_refill(), heap_barrier() and ref_is().
 */
extern const uint8_t wasm_refill_glue[], wasm_barrier_glue[], wasm_cast_glue[];

/* The reason that compiled code gives behind the instruction that traps at `pc`. */
uint8_t arch_trap_code(uint64_t pc);

/*
 * The frame that compiled code at `sp`, `frame_bytes` below its return address, returns to: an
 * address in the call there, and its `sp`, whose arguments on the stack are not popped yet.
 */
void arch_caller(uint64_t sp, uint64_t frame_bytes, uint64_t *pc, uint64_t *caller_sp);

/*
 * Throwing. Compiled code calls these as helpers; they call exception_throw() and
 * exception_throw_ref() with where the registers are, so that nothing is lost of what callees keep.
 */
extern const uint8_t wasm_throw_glue[], wasm_throw_ref_glue[];
struct thrown_registers;
/* What is known at the call: `exit_sp` is the stack pointer in the helper's glue. */
struct unwind arch_thrown(uint64_t exit_sp, const struct thrown_registers *saved);
/* The instance that the frame's function is of; it must call something. */
struct wasm_instance *arch_frame_instance(const struct unwind *u);
/* The same of a frame's caller, with what the frame has saved of its registers (code_frame). */
void arch_leave(struct unwind *u, uint64_t frame_bytes, uint32_t kept);
/* Goes on at u->pc, at a handler of exceptions, which takes this one. */
_Noreturn void arch_land(const struct unwind *u, void *exception);

#endif
