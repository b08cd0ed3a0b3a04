/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoder of x86-64 instructions: knows encodings and nothing of WebAssembly. Writes at x->p; the
 * caller has reserved the bytes. AMD64 Architecture Programmer's Manual volume 3 (legacy and VEX
 * encodings).
 */
#ifndef MOTE_GUEST_WASM_X64_H
#define MOTE_GUEST_WASM_X64_H

#include <stdbool.h>
#include <stdint.h>

#include "guest/wasm/bytes.h"

/* clang-format off */
enum x64_reg {
	RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15,
	XMM0, XMM1, XMM2, XMM3, XMM4, XMM5, XMM6, XMM7,
	XMM8, XMM9, XMM10, XMM11, XMM12, XMM13, XMM14, XMM15,
	X64_NONE = 0xff,
};
/* clang-format on */

/* clang-format off */
enum x64_cc {
	CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE,
	CC_LE, CC_G,
};
/* clang-format on */

/*
 * An opcode: its byte, the map (0 none, 1 0F, 2 0F38, 3 0F3A), the prefix (0 none, 1 66, 2 F3, 3
 * F2).
 */
#define X64_OP(prefix, map, byte)                                             \
	((uint32_t)(byte) | (uint32_t)(map) << 8 | (uint32_t)(prefix) << 12 | \
	 X64_PREFIX_BYTE(prefix) << 24)
#define X64_PREFIX_BYTE(prefix) (0xf2f36600u >> 8 * (prefix)&0xff)
#define X64_BYTE_REG            (1u << 16) /* the reg operand is an 8-bit register */
#define X64_BYTE_RM             (1u << 17) /* the rm operand is, when it is a register */

enum x64_alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
enum x64_shift { SHIFT_ROL = 0, SHIFT_ROR = 1, SHIFT_SHL = 4, SHIFT_SHR = 5, SHIFT_SAR = 7 };

#define OP_MOV_LOAD         X64_OP(0, 0, 0x8b)
#define OP_MOV_STORE        X64_OP(0, 0, 0x89)
#define OP_MOV_STORE8       (X64_OP(0, 0, 0x88) | X64_BYTE_REG)
#define OP_MOV_STORE16      X64_OP(1, 0, 0x89)
#define OP_MOVZX8           (X64_OP(0, 1, 0xb6) | X64_BYTE_RM)
#define OP_MOVZX16          X64_OP(0, 1, 0xb7)
#define OP_MOVSX8           (X64_OP(0, 1, 0xbe) | X64_BYTE_RM)
#define OP_MOVSX16          X64_OP(0, 1, 0xbf)
#define OP_MOVSXD           X64_OP(0, 0, 0x63)
#define OP_LEA              X64_OP(0, 0, 0x8d)
#define OP_TEST             X64_OP(0, 0, 0x85)
#define OP_XCHG             X64_OP(0, 0, 0x87)
#define OP_IMUL             X64_OP(0, 1, 0xaf)
#define OP_IMUL_IMM8        X64_OP(0, 0, 0x6b)
#define OP_IMUL_IMM32       X64_OP(0, 0, 0x69)
#define OP_POPCNT           X64_OP(2, 1, 0xb8)
#define OP_LZCNT            X64_OP(2, 1, 0xbd)
#define OP_TZCNT            X64_OP(2, 1, 0xbc)
#define OP_BSF              X64_OP(0, 1, 0xbc)
#define OP_BSR              X64_OP(0, 1, 0xbd)
#define OP_CMOV(cc)         X64_OP(0, 1, 0x40 + (cc))
#define OP_SETCC(cc)        (X64_OP(0, 1, 0x90 + (cc)) | X64_BYTE_RM)
#define OP_ALU(alu)         X64_OP(0, 0, ((alu) << 3) | 3) /* reg, rm */
#define OP_ALU_STORE(alu)   X64_OP(0, 0, ((alu) << 3) | 1) /* rm, reg */
#define OP_ALU_STORE16(alu) X64_OP(1, 0, ((alu) << 3) | 1)
#define OP_ALU_STORE8(alu)  (X64_OP(0, 0, (alu) << 3) | X64_BYTE_REG)
#define OP_MOVAPS           X64_OP(0, 1, 0x28)
#define OP_MOVUPS_LOAD      X64_OP(0, 1, 0x10)
#define OP_MOVUPS_STORE     X64_OP(0, 1, 0x11)
#define OP_MOVSS_LOAD       X64_OP(2, 1, 0x10)
#define OP_MOVSS_STORE      X64_OP(2, 1, 0x11)
#define OP_MOVSD_LOAD       X64_OP(3, 1, 0x10)
#define OP_MOVSD_STORE      X64_OP(3, 1, 0x11)
#define OP_MOVD_TO_XMM      X64_OP(1, 1, 0x6e)
#define OP_MOVD_FROM_XMM    X64_OP(1, 1, 0x7e)
#define OP_MOVQ_LOAD        X64_OP(2, 1, 0x7e)
#define OP_XORPS            X64_OP(0, 1, 0x57)
#define OP_ANDPS            X64_OP(0, 1, 0x54)
#define OP_ANDNPS           X64_OP(0, 1, 0x55)
#define OP_ORPS             X64_OP(0, 1, 0x56)
#define OP_UCOMISS          X64_OP(0, 1, 0x2e)
#define OP_UCOMISD          X64_OP(1, 1, 0x2e)

struct x64 {
	uint8_t *p;
};

/*
 * [base + index << scale + disp] or [rip + disp], disp counted from the instruction's end. Kept as
 * it is encoded, which is mostly known when the engine is compiled.
 */
struct x64_mem {
	uint8_t rex;  /* its bits for base and index */
	uint8_t form; /* ModRM's rm, and the bits below */
	uint8_t sib;
	uint8_t index; /* the register, or X64_NONE */
	int32_t disp;
};
enum { X64_HAS_SIB = 8, X64_HAS_DISP = 16, X64_IS_RIP = 32 };
#define X64_RIP                                           \
	{                                                 \
		.form = 5 | X64_IS_RIP, .index = X64_NONE \
	}

static inline struct x64_mem x64_at(unsigned base, int32_t disp)
{
	unsigned b = base & 7;
	return (struct x64_mem){
		.rex = (uint8_t)(base >> 3 & 1),
		.form = (uint8_t)(b | X64_HAS_SIB * (b == 4) | X64_HAS_DISP * (b == 5)),
		.sib = 0x24, /* no index */
		.index = X64_NONE,
		.disp = disp,
	};
}

static inline struct x64_mem x64_at_index(unsigned base, unsigned index, unsigned scale,
					  int32_t disp)
{
	unsigned b = base & 7;
	return (struct x64_mem){
		.rex = (uint8_t)((base >> 3 & 1) | (index >> 2 & 2)),
		.form = (uint8_t)(4 | X64_HAS_SIB | X64_HAS_DISP * (b == 5)),
		.sib = (uint8_t)(scale << 6 | (index & 7) << 3 | b),
		.index = (uint8_t)index,
		.disp = disp,
	};
}

/* X64_NONE: RIP */
static inline unsigned x64_mem_base(struct x64_mem m)
{
	unsigned low = m.form & X64_HAS_SIB ? m.sib & 7u : m.form & 7u;
	return m.form & X64_IS_RIP ? (unsigned)X64_NONE : low | (m.rex & 1u) << 3;
}

static inline void x64_u8(struct x64 *x, unsigned v)
{
	*x->p++ = (uint8_t)v;
}

static inline void x64_u32(struct x64 *x, uint32_t v)
{
	memcpy(x->p, &v, 4);
	x->p += 4;
}

static inline void x64_u64(struct x64 *x, uint64_t v)
{
	memcpy(x->p, &v, 8);
	x->p += 8;
}

/*
 * Emitters store an instruction's optional bytes at p in any case and advance p only if it has
 * them: an unneeded store is cheaper than a mispredicted branch. They keep p in a register
 * meanwhile, since char stores may alias.
 */
static inline uint8_t *x64_put_opcode(uint8_t *p, uint32_t op, unsigned rex)
{
	*p = (uint8_t)(op >> 24);
	p += op >> 24 != 0;
	*p = (uint8_t)(0x40 | rex);
	p += rex != 0;
	*p = 0x0f;
	p += (op >> 8 & 3) != 0;
	if (__builtin_expect(op >> 9 & 1, 0))
		*p++ = op >> 8 & 1 ? 0x3a : 0x38;
	*p = (uint8_t)op;
	return p + 1;
}

static inline void x64_opcode(struct x64 *x, uint32_t op, unsigned rex)
{
	x->p = x64_put_opcode(x->p, op, rex);
}

/* ModRM, SIB and displacement of a memory operand. */
static inline uint8_t *x64_put_mem(uint8_t *p, unsigned reg, struct x64_mem m)
{
	unsigned mod = 2, bytes = 4;
	if (m.disp == (int8_t)m.disp)
		mod = bytes = (m.disp != 0) | (m.form / X64_HAS_DISP & 1u);
	if (__builtin_expect(m.form & X64_IS_RIP, 0)) {
		mod = 0;
		bytes = 4;
	}
	*p = (uint8_t)(mod << 6 | (reg & 7) << 3 | (m.form & 7));
	p[1] = m.sib;
	p += 1 + (m.form / X64_HAS_SIB & 1u);
	memcpy(p, &m.disp, 4);
	return p + bytes;
}

static inline void x64_modrm_mem(struct x64 *x, unsigned reg, struct x64_mem m)
{
	x->p = x64_put_mem(x->p, reg, m);
}

/* op reg, rm with registers; w is 1 for 64-bit operands. */
static inline void x64_rr(struct x64 *x, uint32_t op, unsigned w, unsigned reg, unsigned rm)
{
	unsigned rex = w << 3 | (reg >> 1 & 4) | (rm >> 3 & 1);
	unsigned force = 0;
	if (((op & X64_BYTE_REG) && reg >= 4) || ((op & X64_BYTE_RM) && rm >= 4))
		force = 0x40; /* else 4 to 7 were AH to BH */
	uint8_t *p = x64_put_opcode(x->p, op, rex | force);
	*p = (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7));
	x->p = p + 1;
}

static inline unsigned x64_rex_mem(unsigned w, unsigned reg, struct x64_mem m)
{
	return w << 3 | (reg >> 1 & 4) | m.rex;
}

static inline void x64_rm(struct x64 *x, uint32_t op, unsigned w, unsigned reg, struct x64_mem m)
{
	unsigned force = 0;
	if ((op & X64_BYTE_REG) && reg >= 4 && reg < 16)
		force = 0x40;
	uint8_t *p = x64_put_opcode(x->p, op, x64_rex_mem(w, reg, m) | force);
	x->p = x64_put_mem(p, reg, m);
}

/* VEX.128: op reg, v, rm. */
static inline void x64_vex(struct x64 *x, uint32_t op, unsigned w, unsigned reg, unsigned v,
			   unsigned not_xb)
{
	unsigned map = op >> 8 & 3, prefix = op >> 12 & 3;
	unsigned tail = (~v & 15) << 3 | prefix;
	unsigned not_r = ~reg >> 3 & 1;
	if (map == 1 && !w && not_xb == 3) {
		x64_u8(x, 0xc5);
		x64_u8(x, not_r << 7 | tail);
	} else {
		x64_u8(x, 0xc4);
		x64_u8(x, not_r << 7 | not_xb << 5 | map);
		x64_u8(x, w << 7 | tail);
	}
	x64_u8(x, op & 0xff);
}

static inline void x64_vex_rrr(struct x64 *x, uint32_t op, unsigned w, unsigned reg, unsigned v,
			       unsigned rm)
{
	x64_vex(x, op, w, reg, v, 2 | (~rm >> 3 & 1));
	x64_u8(x, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

static inline void x64_vex_rrm(struct x64 *x, uint32_t op, unsigned w, unsigned reg, unsigned v,
			       struct x64_mem m)
{
	unsigned rex = x64_rex_mem(0, 0, m);
	x64_vex(x, op, w, reg, v, (~rex & 3));
	x64_modrm_mem(x, reg, m);
}

static inline void x64_alu_imm(struct x64 *x, enum x64_alu alu, unsigned w, unsigned rm,
			       int32_t imm)
{
	unsigned rex = w << 3 | (rm >> 3 & 1);
	bool is_short = imm == (int8_t)imm;
	uint8_t *p = x->p;
	*p = (uint8_t)(0x40 | rex);
	p += rex != 0;
	if (rm == RAX && !is_short) {
		*p++ = (uint8_t)((unsigned)alu << 3 | 5);
	} else {
		*p++ = is_short ? 0x83 : 0x81;
		*p++ = (uint8_t)(0xc0 | (unsigned)alu << 3 | (rm & 7));
	}
	memcpy(p, &imm, 4);
	x->p = p + (is_short ? 1 : 4);
}

static inline void x64_alu_mem_imm(struct x64 *x, enum x64_alu alu, unsigned w, struct x64_mem m,
				   int32_t imm)
{
	x64_opcode(x, X64_OP(0, 0, imm == (int8_t)imm ? 0x83 : 0x81), x64_rex_mem(w, 0, m));
	x64_modrm_mem(x, alu, m);
	if (imm == (int8_t)imm)
		x64_u8(x, (uint8_t)imm);
	else
		x64_u32(x, (uint32_t)imm);
}

static inline void x64_test_imm(struct x64 *x, unsigned w, unsigned rm, int32_t imm)
{
	x64_rr(x, X64_OP(0, 0, 0xf7), w, 0, rm);
	x64_u32(x, (uint32_t)imm);
}

/* Group 3 (F7): 2 not, 3 neg, 4 mul, 5 imul, 6 div, 7 idiv. */
static inline void x64_group3(struct x64 *x, unsigned n, unsigned w, unsigned rm)
{
	x64_rr(x, X64_OP(0, 0, 0xf7), w, n, rm);
}

static inline void x64_shift_imm(struct x64 *x, enum x64_shift s, unsigned w, unsigned rm,
				 unsigned count)
{
	x64_rr(x, X64_OP(0, 0, 0xc1), w, s, rm);
	x64_u8(x, count);
}

static inline void x64_shift_cl(struct x64 *x, enum x64_shift s, unsigned w, unsigned rm)
{
	x64_rr(x, X64_OP(0, 0, 0xd3), w, s, rm);
}

/* shlx, shrx, sarx (BMI2) dst, src, count */
static inline void x64_shiftx(struct x64 *x, enum x64_shift s, unsigned w, unsigned dst,
			      unsigned src, unsigned count)
{
	unsigned prefix = 2;
	if (s == SHIFT_SHL)
		prefix = 1;
	else if (s == SHIFT_SHR)
		prefix = 3;
	x64_vex_rrr(x, X64_OP(prefix, 2, 0xf7), w, dst, count, src);
}

static inline void x64_rorx(struct x64 *x, unsigned w, unsigned dst, unsigned src, unsigned count)
{
	x64_vex_rrr(x, X64_OP(3, 3, 0xf0), w, dst, 0, src);
	x64_u8(x, count);
}

static inline void x64_mov_rr(struct x64 *x, unsigned w, unsigned dst, unsigned src)
{
	x64_rr(x, OP_MOV_LOAD, w, dst, src);
}

/* Sets all 64 bits; leaves the flags alone. */
static inline void x64_mov_imm(struct x64 *x, unsigned dst, uint64_t imm)
{
	if (imm == (uint32_t)imm) {
		uint8_t *p = x->p;
		*p = 0x41;
		p += dst >= 8;
		*p = (uint8_t)(0xb8 | (dst & 7));
		memcpy(p + 1, &imm, 4);
		x->p = p + 5;
	} else if (imm == (uint64_t)(int64_t)(int32_t)imm) {
		x64_rr(x, X64_OP(0, 0, 0xc7), 1, 0, dst);
		x64_u32(x, (uint32_t)imm);
	} else {
		x64_u8(x, 0x48 | (dst >> 3 & 1));
		x64_u8(x, 0xb8 | (dst & 7));
		x64_u64(x, imm);
	}
}

static inline void x64_zero(struct x64 *x, unsigned dst)
{
	x64_rr(x, OP_ALU(ALU_XOR), 0, dst, dst);
}

/* Stores a sign-extended 32-bit immediate of 1, 2, 4 or 8 bytes. */
static inline void x64_mov_mem_imm(struct x64 *x, unsigned bytes, struct x64_mem m, int32_t imm)
{
	x64_opcode(x, X64_OP(bytes == 2, 0, bytes == 1 ? 0xc6 : 0xc7),
		   x64_rex_mem(bytes == 8, 0, m));
	x64_modrm_mem(x, 0, m);
	if (bytes == 1)
		x64_u8(x, (uint8_t)imm);
	else if (bytes == 2) {
		x64_u8(x, (uint8_t)imm);
		x64_u8(x, (uint8_t)(imm >> 8));
	} else
		x64_u32(x, (uint32_t)imm);
}

static inline void x64_lea(struct x64 *x, unsigned w, unsigned dst, struct x64_mem m)
{
	x64_rm(x, OP_LEA, w, dst, m);
}

static inline void x64_push(struct x64 *x, unsigned r)
{
	if (r >= 8)
		x64_u8(x, 0x41);
	x64_u8(x, 0x50 | (r & 7));
}

static inline void x64_pop(struct x64 *x, unsigned r)
{
	if (r >= 8)
		x64_u8(x, 0x41);
	x64_u8(x, 0x58 | (r & 7));
}

static inline void x64_cqo(struct x64 *x, unsigned w)
{
	if (w)
		x64_u8(x, 0x48);
	x64_u8(x, 0x99);
}

/* Indirect jump and call: group 5 (FF). */
static inline void x64_jmp_reg(struct x64 *x, unsigned r)
{
	x64_rr(x, X64_OP(0, 0, 0xff), 0, 4, r);
}

static inline void x64_jmp_mem(struct x64 *x, struct x64_mem m)
{
	x64_rm(x, X64_OP(0, 0, 0xff), 0, 4, m);
}

static inline void x64_call_mem(struct x64 *x, struct x64_mem m)
{
	x64_rm(x, X64_OP(0, 0, 0xff), 0, 2, m);
}

/* Jumps with a 32-bit distance, which is the last thing emitted. */
static inline void x64_jmp32(struct x64 *x, uint32_t rel)
{
	uint8_t *p = x->p;
	*p = 0xe9;
	memcpy(p + 1, &rel, 4);
	x->p = p + 5;
}

static inline void x64_jcc32(struct x64 *x, enum x64_cc cc, uint32_t rel)
{
	uint8_t *p = x->p;
	p[0] = 0x0f;
	p[1] = (uint8_t)(0x80u | cc);
	memcpy(p + 2, &rel, 4);
	x->p = p + 6;
}

static inline void x64_call32(struct x64 *x, uint32_t rel)
{
	uint8_t *p = x->p;
	*p = 0xe8;
	memcpy(p + 1, &rel, 4);
	x->p = p + 5;
}

/*
 * A short forward jump inside one instruction sequence: x64_short() returns what x64_here()
 * patches.
 */
static inline uint8_t *x64_short_jcc(struct x64 *x, enum x64_cc cc)
{
	x64_u8(x, 0x70u | cc);
	x64_u8(x, 0);
	return x->p;
}

static inline uint8_t *x64_short_jmp(struct x64 *x)
{
	x64_u8(x, 0xeb);
	x64_u8(x, 0);
	return x->p;
}

static inline void x64_here(struct x64 *x, uint8_t *from)
{
	from[-1] = (uint8_t)(x->p - from);
}

/* ud2 and a byte that says why: the fault handler reads it. */
static inline void x64_ud2(struct x64 *x, unsigned why)
{
	x64_u8(x, 0x0f);
	x64_u8(x, 0x0b);
	x64_u8(x, why);
}

static inline void x64_ret(struct x64 *x, unsigned pop_bytes)
{
	if (pop_bytes) {
		x64_u8(x, 0xc2);
		x64_u8(x, pop_bytes & 0xff);
		x64_u8(x, pop_bytes >> 8);
	} else {
		x64_u8(x, 0xc3);
	}
}

#endif
