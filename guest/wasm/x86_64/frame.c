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
