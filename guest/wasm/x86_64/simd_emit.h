/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the SIMD emitter share: scratch registers, opcodes, forms of instructions,
 * constants.
 */
#ifndef MOTE_GUEST_WASM_SIMD_EMIT_H
#define MOTE_GUEST_WASM_SIMD_EMIT_H

#include "guest/wasm/wasm.h"
#include "guest/wasm/x86_64/simd.h"

enum { T0 = XMM15, T1 = XMM14 };

#define P(byte)   X64_OP(1, 1, byte)
#define P38(byte) X64_OP(1, 2, byte)
#define P3A(byte) X64_OP(1, 3, byte)
#define NP(byte)  X64_OP(0, 1, byte)

/* clang-format off */
enum vex {
	PAND = P(0xdb), PANDN = P(0xdf), POR = P(0xeb), PXOR = P(0xef), PADDB = P(0xfc),
	PADDD = P(0xfe), PADDQ = P(0xd4), PSUBD = P(0xfa), PSUBQ = P(0xfb), PADDUSB = P(0xdc),
	PCMPEQD = P(0x76), PSHUFB = P38(0x00), PSHUFD = P(0x70), PSHUFLW = X64_OP(3, 1, 0x70),
	PUNPCKLQDQ = P(0x6c), PUNPCKLBW = P(0x60), PUNPCKHBW = P(0x68), PUNPCKLWD = P(0x61),
	PUNPCKHWD = P(0x69), PACKUSWB = P(0x67), PACKSSWB = P(0x63), PBLENDW = P3A(0x0e),
	PALIGNR = P3A(0x0f), PTEST = P38(0x17), PMOVMSKB = P(0xd7), PMADDUBSW = P38(0x04),
	PMADDWD = P(0xf5), PMULUDQ = P(0xf4), PMULDQ = P38(0x28), PMULLW = P(0xd5),
	PMULHW = P(0xe5), PMULHUW = P(0xe4), PMULHRSW = P38(0x0b), PMAXSD = P38(0x3d),
	PSRAW = P(0xe1), PSRLW = P(0xd1), PSLLW = P(0xf1), PSRLQ = P(0xd3), BLENDVPD = P3A(0x4b),
	VMOVD_TO = P(0x6e), VMOVD_FROM = P(0x7e), MOVDDUP = X64_OP(3, 1, 0x12),
	SHUFPS = NP(0xc6), MOVAPS = NP(0x28), VPBROADCASTB = P38(0x78), VPBROADCASTW = P38(0x79),
	VBROADCASTSS = P38(0x18), PINSRB = P3A(0x20), PINSRW = P(0xc4), PINSRD = P3A(0x22),
	PEXTRB = P3A(0x14), PEXTRW = P3A(0x15), PEXTRD = P3A(0x16), INSERTPS = P3A(0x21),
	MOVSD_MERGE = X64_OP(3, 1, 0x10), MOVLHPS = NP(0x16), CVTDQ2PS = NP(0x5b),
	CVTTPS2DQ = X64_OP(2, 1, 0x5b), CVTTPD2DQ = P(0xe6), ROUNDPD = P3A(0x09),
	MINPD = P(0x5d), MAXPD = P(0x5f), ADDPD = P(0x58), SUBPD = P(0x5c), ADDPS = NP(0x58),
	SUBPS = NP(0x5c), MAXPS = NP(0x5f), CMPPS = NP(0xc2), UNPCKLPS = NP(0x14),
};
/* clang-format on */

enum { CMP_EQ = 0, CMP_LE = 2, CMP_UNORDERED = 3 };
/* Shifts by an immediate: their group (opcodes 71 words, 72 doublewords, 73 quadwords) and the
 * number in it. */
enum shift_kind { SRL = 2, SRA = 4, SLL = 6 };

#define ONES8  0x0101010101010101ull
#define ONES16 0x0001000100010001ull

static inline void vvv(const struct simd_emitter *e, uint32_t op, unsigned dst, unsigned a,
		       unsigned b)
{
	x64_vex_rrr(e->x, op, 0, dst, a, b);
}

static inline void vvv_imm(const struct simd_emitter *e, uint32_t op, unsigned dst, unsigned a,
			   unsigned b, unsigned imm)
{
	x64_vex_rrr(e->x, op, 0, dst, a, b);
	x64_u8(e->x, imm);
}

static inline void vv(const struct simd_emitter *e, uint32_t op, unsigned dst, unsigned a)
{
	x64_vex_rrr(e->x, op, 0, dst, 0, a);
}

static inline void vv_imm(const struct simd_emitter *e, uint32_t op, unsigned dst, unsigned a,
			  unsigned imm)
{
	vv(e, op, dst, a);
	x64_u8(e->x, imm);
}

static inline void ones(const struct simd_emitter *e, unsigned r)
{
	vvv(e, PCMPEQD, r, r, r);
}

static inline void zeroes(const struct simd_emitter *e, unsigned r)
{
	vvv(e, PXOR, r, r, r);
}

/* size: log2 of the lanes' bytes, 1 to 3 */
static inline void shift_imm(const struct simd_emitter *e, unsigned n, unsigned size, unsigned dst,
			     unsigned a, unsigned count)
{
	x64_vex_rrr(e->x, P(0x70u + size), 0, n, dst, a);
	x64_u8(e->x, count);
}

static inline void from_gpr(const struct simd_emitter *e, unsigned wide, unsigned xmm, unsigned gpr)
{
	x64_vex_rrr(e->x, VMOVD_TO, wide, xmm, 0, gpr);
}

/* simd_constants.c. Before an instruction: has room for the constants of any one. */
void simd_flush_full(const struct simd_emitter *e);
/* op dst, a, constant */
void simd_with_constant(const struct simd_emitter *e, uint32_t op, unsigned dst, unsigned a,
			uint64_t low, uint64_t high);
void simd_constant_to(const struct simd_emitter *e, unsigned xmm, uint64_t low, uint64_t high);

static inline void vvcc(const struct simd_emitter *e, uint32_t op, unsigned dst, unsigned a,
			uint64_t both)
{
	simd_with_constant(e, op, dst, a, both, both);
}

static inline void both_to(const struct simd_emitter *e, unsigned xmm, uint64_t both)
{
	simd_constant_to(e, xmm, both, both);
}

/* simd_arith.c: integer and floating-point instructions of the ways that are theirs. */
void simd_integer(const struct simd_emitter *e, const struct simd_code *op,
		  const struct simd_args *g);
void simd_floating(const struct simd_emitter *e, const struct simd_code *op,
		   const struct simd_args *g);

#endif
