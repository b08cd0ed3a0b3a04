/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled code's frames, as the walk of a trap sees them: `call` has pushed the return address. */
#include "guest/wasm/arch.h"

#include <stddef.h>

/* entry.S has these by number. */
_Static_assert(offsetof(struct entry_frame, ints) == 16 &&
		       offsetof(struct entry_frame, stack) == 56 &&
		       offsetof(struct entry_frame, result) == 72 &&
		       offsetof(struct entry_frame, floats) == 80 &&
		       offsetof(struct entry_frame, func) == 208,
	       "entry.S");
_Static_assert(offsetof(struct unwind, sp) == 8 && offsetof(struct unwind, kept) == 16, "entry.S");

/* Behind ud2. */
uint8_t arch_trap_code(uint64_t pc)
{
	return ((const uint8_t *)pc)[2];
}

void arch_caller(uint64_t sp, uint64_t frame_bytes, uint64_t *pc, uint64_t *caller_sp)
{
	uint64_t at = sp + frame_bytes;
	*pc = *(const uint64_t *)at - 1; /* in the call, not behind it */
	*caller_sp = at + 8;
}

/* What the glue of throws has pushed, from its stack pointer upward. */
struct thrown_registers {
	uint64_t rbp, r12, r13;
};
/* And the glue of helpers before, below its return address. */
enum { GLUE_RDI = -8, GLUE_RBX = -16 };

static uint64_t word_at(uint64_t address)
{
	return *(const uint64_t *)address;
}

_Static_assert(KEPT_REGS == 5, "RBX RBP RDI R12 R13");

struct unwind arch_thrown(uint64_t exit_sp, const struct thrown_registers *saved)
{
	struct unwind u = {
		.kept = {word_at(exit_sp + (uint64_t)GLUE_RBX), saved->rbp,
			 word_at(exit_sp + (uint64_t)GLUE_RDI), saved->r12, saved->r13},
	};
	arch_caller(exit_sp, 0, &u.pc, &u.sp);
	return u;
}

struct wasm_instance *arch_frame_instance(const struct unwind *u)
{
	return (struct wasm_instance *)word_at(u->sp);
}

void arch_leave(struct unwind *u, uint64_t frame_bytes, uint32_t kept)
{
	uint64_t at = u->sp + 8 * FRAME_FIXED_SLOTS;
	for (uint32_t i = 0; i < KEPT_REGS; i++) {
		if (!(kept >> i & 1))
			continue;
		u->kept[i] = word_at(at);
		at += 8;
	}
	arch_caller(u->sp, frame_bytes, &u->pc, &u->sp);
}
