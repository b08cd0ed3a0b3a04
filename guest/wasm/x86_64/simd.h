/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIMD and relaxed SIMD: the machine code of each instruction. Knows registers and nothing of the
 * compiler's frame or stack; what the instructions take and give is in module/opcodes.def.
 */
#ifndef MOTE_GUEST_WASM_SIMD_H
#define MOTE_GUEST_WASM_SIMD_H

#include <stdbool.h>
#include <stdint.h>

#include "guest/wasm/module/opcodes.h"
#include "guest/wasm/x86_64/cpu.h"
#include "guest/wasm/x86_64/x64.h"

/* Ways of doing an instruction. */
enum how {
	HOW_AB,      /* op dst, a, b */
	HOW_BA,      /* op dst, b, a */
	HOW_A,       /* op dst, a */
	HOW_AB_IMM,  /* op dst, a, b, imm */
	HOW_A_IMM,   /* op dst, a, imm */
	HOW_AB_NOT,  /* ~(op a, b) */
	HOW_BA_NOT,  /* ~(op b, a) */
	HOW_SAME,    /* (op a, b) == a; imm: the log2 of the lanes' bytes */
	HOW_DIFFER,  /* (op a, b) != a */
	HOW_MEM,     /* op dst, mem */
	HOW_MEM_OUT, /* op mem, a */
	HOW_NOT,
	HOW_BITSELECT,
	HOW_ANY_TRUE,
	HOW_ALL_TRUE, /* imm: log2 of the lanes' bytes, as below */
	HOW_BITMASK,
	HOW_CONST,
	HOW_SHUFFLE,
	HOW_SWIZZLE,
	HOW_SPLAT,
	HOW_LOAD_SPLAT,
	HOW_EXTRACT, /* imm bit 7: signed */
	HOW_REPLACE,
	HOW_LOAD_LANE,
	HOW_STORE_LANE,
	HOW_FLOAT_EXTRACT,
	HOW_FLOAT_REPLACE,
	HOW_SHIFT,
	HOW_SHIFT8, /* imm: 0 shl, 1 shr_s, 2 shr_u */
	HOW_SAR64,
	HOW_NEGATE,
	HOW_ABS64,
	HOW_POPCNT,
	HOW_EXTADD8,
	HOW_EXTADD16,
	HOW_Q15,
	HOW_EXTEND_HIGH, /* imm bit 7: signed */
	HOW_MUL64,
	HOW_EXTMUL,     /* imm bit 7 signed, bit 6 high; log2 of the bytes of the source's lanes */
	HOW_FLOAT_SIGN, /* imm bit 0: negate; bit 1: f64 */
	HOW_FLOAT_MIN,
	HOW_FLOAT_MAX,
	HOW_TRUNC_F32_S,
	HOW_TRUNC_F32_U,
	HOW_TRUNC_F64_S,
	HOW_TRUNC_F64_U,
	HOW_CONVERT_U32_F32,
	HOW_CONVERT_U32_F64,
	HOW_MADD, /* imm bit 0: negate the product */
	HOW_LANESELECT,
	HOW_DOT8_ADD,
};

/* The machine code of an instruction after the prefix 0xfd. */
struct simd_code {
	uint8_t how;  /* enum how */
	uint8_t imm;  /* immediate or parameter of the emission */
	uint32_t x64; /* opcode of the instruction that does the work */
};

/* Of an instruction that there is. */
const struct simd_code *simd_code(enum wasm_op_fd op);

/*
 * Registers as in enum x64_reg. Vectors, f32 and f64 are in XMM0 to XMM13, others in any integer
 * register. Destinations may equal sources. Scratch: XMM14, XMM15 and the flags, no integer
 * register.
 */
struct simd_args {
	uint8_t dst;          /* TEST and EXTRACT of integers: an integer register, else XMM */
	uint8_t a, b, c;      /* operands in order, addresses left out */
	uint8_t lane;         /* EXTRACT, REPLACE, LOAD_LANE, STORE_LANE */
	bool count_known;     /* SHIFT: by count, not by b */
	uint32_t count;       /* taken modulo the lanes' bits */
	const uint8_t *bytes; /* CONST, SHUFFLE: 16 of them */
	bool b_in_memory;     /* b is at mem: where simd_takes_memory says so */
	struct x64_mem mem;   /* memory accesses; any registers */
};

static inline bool simd_takes_memory(const struct simd_code *op)
{
	return op->how == HOW_AB || op->how == HOW_AB_IMM;
}

/*
 * Of those: the two operands may be swapped. Which payload a NaN has is then the other one's, if
 * both are NaN.
 */
bool simd_commutes(const struct simd_code *op);

/* Tests that answer in the flags when the destination is X64_NONE; simd_condition() says how. */
static inline bool simd_answers_in_flags(const struct simd_code *op)
{
	return op->how == HOW_ANY_TRUE || op->how == HOW_ALL_TRUE;
}

static inline enum x64_cc simd_condition(const struct simd_code *op)
{
	return op->how == HOW_ANY_TRUE ? CC_NE : CC_E;
}

#define SIMD_CONSTANTS_MAX 32u

/* Constants that code loads: they stand behind it, addressed from RIP. */
struct simd_constants {
	uint32_t count;
	struct {
		uint64_t low, high;
		uint32_t uses; /* a list through the distances, 0 ends it */
	} of[SIMD_CONSTANTS_MAX];
};

/* Where code and its constants go, and for which CPU: set once. All borrowed. */
struct simd_emitter {
	struct x64 *x;
	struct simd_constants *constants;
	uint8_t *code; /* distances count from here, and no code of the emitter's begins here */
	uint32_t cpu;  /* enum wasm_cpu, with WASM_CPU_AVX */
};

/* Emits at most WASM_CODE_INSN_BYTES, including earlier constants if there are too many. */
void simd_emit(const struct simd_emitter *e, const struct simd_code *op,
	       const struct simd_args *args);

/* A vector of these 16 bytes into an XMM register. */
void simd_const(const struct simd_emitter *e, unsigned xmm, const uint8_t *bytes);
/* Writes the constants that the code so far uses: where nothing falls through to, behind a
 * function. */
void simd_flush(const struct simd_emitter *e);

#endif
