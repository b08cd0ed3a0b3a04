/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machine code of the SIMD instructions that compute: sequences where x86-64 has no instruction for
 * them.
 */
#include "guest/wasm/x86_64/simd_emit.h"

/* --- integers --- */

/* A shift's count, modulo the lanes' bits, plus something, into the low half of an XMM register. */
static void count_to(const struct simd_emitter *e, unsigned xmm, unsigned bits, unsigned plus,
		     const struct simd_args *g)
{
	from_gpr(e, 0, xmm, g->b);
	simd_with_constant(e, PAND, xmm, xmm, bits - 1, 0);
	if (plus)
		simd_with_constant(e, PADDD, xmm, xmm, plus, 0);
}

static void shift(const struct simd_emitter *e, const struct simd_code *op,
		  const struct simd_args *g)
{
	unsigned bits = 8u << op->imm, kind = op->x64 >> 4 & 15;
	if (g->count_known) {
		enum shift_kind how = SRL;
		if (kind == 0xf)
			how = SLL;
		else if (kind == 0xe)
			how = SRA;
		shift_imm(e, how, op->imm, g->dst, g->a, g->count & (bits - 1));
		return;
	}
	count_to(e, T0, bits, 0, g);
	vvv(e, op->x64, g->dst, g->a, T0);
}

/* Bytes are shifted as words; what crosses over between the bytes of a word is masked off. */
static void shift8(const struct simd_emitter *e, unsigned what, const struct simd_args *g)
{
	if (what != 1 && g->count_known) {
		unsigned n = g->count & 7;
		uint64_t kept = 0xffu >> n;
		if (what == 0)
			kept = 0xffu << n & 0xff;
		shift_imm(e, what == 0 ? SLL : SRL, 1, T0, g->a, n);
		vvcc(e, PAND, g->dst, T0, ONES8 * kept);
		return;
	}
	if (what == 1 && g->count_known) {
		vvv(e, PUNPCKHBW, T0, g->a, g->a);
		shift_imm(e, SRA, 1, T0, T0, 8 + (g->count & 7));
		vvv(e, PUNPCKLBW, g->dst, g->a, g->a);
		shift_imm(e, SRA, 1, g->dst, g->dst, 8 + (g->count & 7));
		vvv(e, PACKSSWB, g->dst, g->dst, T0);
		return;
	}
	if (what == 1) {
		count_to(e, T1, 8, 8, g);
		vvv(e, PUNPCKHBW, T0, g->a, g->a);
		vvv(e, PSRAW, T0, T0, T1);
		vvv(e, PUNPCKLBW, g->dst, g->a, g->a);
		vvv(e, PSRAW, g->dst, g->dst, T1);
		vvv(e, PACKSSWB, g->dst, g->dst, T0);
		return;
	}
	count_to(e, T1, 8, 8, g);
	ones(e, T0);
	vvv(e, PSRLW, T0, T0, T1);
	vvv(e, PACKUSWB, T0, T0, T0); /* 0xff >> count in each byte */
	simd_with_constant(e, PSUBD, T1, T1, 8, 0);
	if (what == 0) {
		vvv(e, PAND, T0, g->a, T0);
		vvv(e, PSLLW, g->dst, T0, T1);
	} else {
		vvv(e, PSRLW, T1, g->a, T1);
		vvv(e, PAND, g->dst, T0, T1);
	}
}

/* There is no arithmetic shift of quadwords: the sign is extended by xor and subtraction of its
 * bit. */
static void sar64(const struct simd_emitter *e, const struct simd_args *g)
{
	if (g->count_known) {
		both_to(e, T1, 1ull << 63 >> (g->count & 63));
		shift_imm(e, SRL, 3, T0, g->a, g->count & 63);
	} else {
		both_to(e, T1, 1ull << 63);
		count_to(e, T0, 64, 0, g);
		vvv(e, PSRLQ, T1, T1, T0);
		vvv(e, PSRLQ, T0, g->a, T0);
	}
	vvv(e, PXOR, T0, T0, T1);
	vvv(e, PSUBQ, g->dst, T0, T1);
}

/* By a table of the bits in each nibble. */
static void popcnt(const struct simd_emitter *e, const struct simd_args *g)
{
	vvcc(e, PAND, T0, g->a, 0x0f0f0f0f0f0f0f0f);
	shift_imm(e, SRL, 1, g->dst, g->a, 4);
	vvcc(e, PAND, g->dst, g->dst, 0x0f0f0f0f0f0f0f0f);
	simd_constant_to(e, T1, 0x0302020102010100, 0x0403030203020201);
	vvv(e, PSHUFB, T0, T1, T0);
	vvv(e, PSHUFB, g->dst, T1, g->dst);
	vvv(e, PADDB, g->dst, g->dst, T0);
}

static void extadd16(const struct simd_emitter *e, bool is_signed, const struct simd_args *g)
{
	if (is_signed) {
		vvcc(e, PMADDWD, g->dst, g->a, ONES16);
		return;
	}
	zeroes(e, T1);
	shift_imm(e, SRL, 2, T0, g->a, 16);
	vvv_imm(e, PBLENDW, T1, g->a, T1, 0xaa);
	vvv(e, PADDD, g->dst, T0, T1);
}

/* PMULHRSW but for 0x8000 * 0x8000, whose product does not fit: 0x7fff. */
static void q15mulr(const struct simd_emitter *e, const struct simd_args *g)
{
	vvv(e, PMULHRSW, T0, g->a, g->b);
	vvcc(e, P(0x75), T1, T0, 0x8000800080008000); /* pcmpeqw */
	vvv(e, PXOR, g->dst, T0, T1);
}

static void mul64(const struct simd_emitter *e, const struct simd_args *g)
{
	shift_imm(e, SRL, 3, T0, g->a, 32);
	vvv(e, PMULUDQ, T0, T0, g->b);
	shift_imm(e, SRL, 3, T1, g->b, 32);
	vvv(e, PMULUDQ, T1, T1, g->a);
	vvv(e, PADDQ, T0, T0, T1);
	shift_imm(e, SLL, 3, T0, T0, 32);
	vvv(e, PMULUDQ, g->dst, g->a, g->b);
	vvv(e, PADDQ, g->dst, g->dst, T0);
}

static void extmul(const struct simd_emitter *e, unsigned imm, const struct simd_args *g)
{
	bool is_signed = imm & 0x80, high = imm & 0x40;
	unsigned size = imm & 3;
	if (size == 2) {
		unsigned lanes = high ? 0xfa : 0x50;
		vv_imm(e, PSHUFD, T0, g->a, lanes);
		vv_imm(e, PSHUFD, T1, g->b, lanes);
		vvv(e, is_signed ? PMULDQ : PMULUDQ, g->dst, T0, T1);
	} else if (size == 1) {
		vvv(e, PMULLW, T0, g->a, g->b);
		vvv(e, is_signed ? PMULHW : PMULHUW, T1, g->a, g->b);
		vvv(e, high ? PUNPCKHWD : PUNPCKLWD, g->dst, T0, T1);
	} else if (high) {
		/* Each byte in the upper half of its word, then down again, by the kind of shift
		 * that extends it. */
		enum shift_kind down = is_signed ? SRA : SRL;
		vvv(e, PUNPCKHBW, T0, g->a, g->a);
		shift_imm(e, down, 1, T0, T0, 8);
		vvv(e, PUNPCKHBW, T1, g->b, g->b);
		shift_imm(e, down, 1, T1, T1, 8);
		vvv(e, PMULLW, g->dst, T0, T1);
	} else {
		uint32_t extend = is_signed ? P38(0x20) : P38(0x30); /* pmovsxbw, pmovzxbw */
		vv(e, extend, T0, g->a);
		vv(e, extend, T1, g->b);
		vvv(e, PMULLW, g->dst, T0, T1);
	}
}

void simd_integer(const struct simd_emitter *e, const struct simd_code *op,
		  const struct simd_args *g)
{
	switch (op->how) {
	case HOW_SHIFT:
		shift(e, op, g);
		return;
	case HOW_SHIFT8:
		shift8(e, op->imm, g);
		return;
	case HOW_SAR64:
		sar64(e, g);
		return;
	case HOW_Q15:
		q15mulr(e, g);
		return;
	case HOW_MUL64:
		mul64(e, g);
		return;
	case HOW_EXTMUL:
		extmul(e, op->imm, g);
		return;
	case HOW_NEGATE:
		zeroes(e, T0);
		vvv(e, op->x64, g->dst, T0, g->a);
		return;
	case HOW_ABS64:
		zeroes(e, T0);
		vvv(e, PSUBQ, T0, T0, g->a);
		vvv_imm(e, BLENDVPD, g->dst, g->a, T0, (g->a & 15u) << 4);
		return;
	case HOW_POPCNT:
		popcnt(e, g);
		return;
	case HOW_EXTADD8: /* PMADDUBSW takes its first operand as unsigned */
		if (op->imm) {
			both_to(e, T0, ONES8);
			vvv(e, PMADDUBSW, g->dst, T0, g->a);
		} else {
			vvcc(e, PMADDUBSW, g->dst, g->a, ONES8);
		}
		return;
	case HOW_EXTADD16:
		extadd16(e, op->imm, g);
		return;
	case HOW_EXTEND_HIGH:
		if (op->imm) {
			vv_imm(e, PSHUFD, T0, g->a, 0xee);
			vv(e, op->x64, g->dst, T0);
		} else {
			zeroes(e, T0);
			vvv(e, op->x64, g->dst, g->a, T0);
		}
		return;
	case HOW_DOT8_ADD:
		vvv(e, PMADDUBSW, T0, g->b, g->a);
		vvcc(e, PMADDWD, T0, T0, ONES16);
		vvv(e, PADDD, g->dst, T0, g->c);
		return;
	default:
		break;
	}
}

/* --- floats --- */

static void float_sign(const struct simd_emitter *e, unsigned imm, const struct simd_args *g)
{
	uint64_t sign = imm & 2 ? 1ull << 63 : 1ull << 63 | 1ull << 31;
	if (imm & 1)
		vvcc(e, PXOR, g->dst, g->a, sign);
	else
		vvcc(e, PAND, g->dst, g->a, ~sign);
}

/*
 * MINPS and MAXPS give their second operand for a NaN and for two zeroes, so both orders are taken.
 * Their OR is the lesser zero and some NaN; for the greater one, a difference of signs is
 * subtracted. Then NaNs lose their payload.
 */
static void min_max(const struct simd_emitter *e, const struct simd_code *op,
		    const struct simd_args *g)
{
	bool wide = op->imm;
	uint32_t prefix = wide ? P(0) : NP(0);
	vvv(e, op->x64, T0, g->a, g->b);
	vvv(e, op->x64, T1, g->b, g->a);
	if (op->how == HOW_FLOAT_MIN) {
		vvv(e, POR, T0, T0, T1);
	} else {
		vvv(e, PXOR, T1, T1, T0);
		vvv(e, POR, T0, T0, T1);
		vvv(e, prefix | 0x5c, T0, T0, T1);
	}
	vvv_imm(e, prefix | 0xc2, T1, T0, T0, CMP_UNORDERED);
	if (op->how == HOW_FLOAT_MIN)
		vvv(e, POR, T0, T0, T1);
	/* 12 and 9 bits of sign and exponent, and the first of the mantissa. */
	if (wide)
		shift_imm(e, SRL, 3, T1, T1, 13);
	else
		shift_imm(e, SRL, 2, T1, T1, 10);
	vvv(e, PANDN, g->dst, T1, T0);
}

/*
 * CVTTPS2DQ gives 0x80000000 for all that does not fit: its complement for what is too large, 0 for
 * NaN.
 */
static void trunc_f32_s(const struct simd_emitter *e, const struct simd_args *g)
{
	simd_constant_to(e, T0, 0x4f0000004f000000, 0x4f0000004f000000); /* 2^31 */
	vvv_imm(e, CMPPS, T0, T0, g->a, CMP_LE);
	vv(e, CVTTPS2DQ, T1, g->a);
	vvv(e, PXOR, T0, T0, T1);
	vvv_imm(e, CMPPS, T1, g->a, g->a, CMP_EQ);
	vvv(e, PAND, g->dst, T0, T1);
}

/* What exceeds 2^31 is converted apart, as its difference to it, and added. */
static void trunc_f32_u(const struct simd_emitter *e, const struct simd_args *g)
{
	zeroes(e, T0);
	vvv(e, MAXPS, g->dst, g->a, T0);    /* NaN: 0 */
	both_to(e, T0, 0x4f0000004f000000); /* 2^31 */
	vvv(e, SUBPS, T1, g->dst, T0);
	vvv_imm(e, CMPPS, T0, T0, T1, CMP_LE);
	vv(e, CVTTPS2DQ, T1, T1);
	vvv(e, PXOR, T1, T1, T0); /* too large still: 0x7fffffff */
	zeroes(e, T0);
	vvv(e, PMAXSD, T1, T1, T0);
	vv(e, CVTTPS2DQ, g->dst, g->dst);
	vvv(e, PADDD, g->dst, g->dst, T1);
}

static void trunc_f64_s(const struct simd_emitter *e, const struct simd_args *g)
{
	vvv_imm(e, P(0xc2), T0, g->a, g->a, CMP_EQ);
	vvcc(e, PAND, T0, T0, 0x41dfffffffc00000); /* 2147483647 */
	vvv(e, MINPD, T0, g->a, T0);               /* NaN: 0 */
	vv(e, CVTTPD2DQ, g->dst, T0);
}

/* Added to 2^52, a whole number's bits are the low ones of the sum. */
static void trunc_f64_u(const struct simd_emitter *e, const struct simd_args *g)
{
	zeroes(e, T0);
	vvv(e, MAXPD, T0, g->a, T0);                /* NaN: 0 */
	vvcc(e, MINPD, T0, T0, 0x41efffffffe00000); /* 4294967295 */
	vv_imm(e, ROUNDPD, T0, T0, 8 | 3);
	vvcc(e, ADDPD, T0, T0, 0x4330000000000000);
	zeroes(e, T1);
	vvv_imm(e, SHUFPS, g->dst, T0, T1, 0x88);
}

/* In halves of 16 bits; the upper one is exact when halved and doubled, so the sum is rounded once.
 */
static void convert_u32_f32(const struct simd_emitter *e, const struct simd_args *g)
{
	zeroes(e, T0);
	vvv_imm(e, PBLENDW, T0, T0, g->a, 0x55);
	vvv(e, PSUBD, T1, g->a, T0);
	vv(e, CVTDQ2PS, T0, T0);
	shift_imm(e, SRL, 2, T1, T1, 1);
	vv(e, CVTDQ2PS, T1, T1);
	vvv(e, ADDPS, T1, T1, T1);
	vvv(e, ADDPS, g->dst, T0, T1);
}

static void convert_u32_f64(const struct simd_emitter *e, const struct simd_args *g)
{
	vvcc(e, UNPCKLPS, T0, g->a, 0x4330000043300000);
	vvcc(e, SUBPD, g->dst, T0, 0x4330000000000000);
}

/* dst = ± a * b + c, in one rounding where the CPU has FMA. */
static void madd(const struct simd_emitter *e, unsigned imm, const struct simd_args *g)
{
	bool negate = imm & 1, wide = imm & 2;
	if (e->cpu & WASM_CPU_FMA) {
		vv(e, MOVAPS, T0, g->a);
		x64_vex_rrr(e->x, negate ? P38(0xac) : P38(0xa8), wide, T0, g->b,
			    g->c); /* vfnmadd213, vfmadd213 */
		vv(e, MOVAPS, g->dst, T0);
		return;
	}
	uint32_t prefix = wide ? P(0) : NP(0);
	vvv(e, prefix | 0x59, T0, g->a, g->b);
	if (negate)
		vvv(e, prefix | 0x5c, g->dst, g->c, T0);
	else
		vvv(e, prefix | 0x58, g->dst, T0, g->c);
}

void simd_floating(const struct simd_emitter *e, const struct simd_code *op,
		   const struct simd_args *g)
{
	switch (op->how) {
	case HOW_MADD:
		madd(e, op->imm, g);
		return;
	case HOW_FLOAT_SIGN:
		float_sign(e, op->imm, g);
		return;
	case HOW_FLOAT_MIN:
	case HOW_FLOAT_MAX:
		min_max(e, op, g);
		return;
	case HOW_TRUNC_F32_S:
		trunc_f32_s(e, g);
		return;
	case HOW_TRUNC_F32_U:
		trunc_f32_u(e, g);
		return;
	case HOW_TRUNC_F64_S:
		trunc_f64_s(e, g);
		return;
	case HOW_TRUNC_F64_U:
		trunc_f64_u(e, g);
		return;
	case HOW_CONVERT_U32_F32:
		convert_u32_f32(e, g);
		return;
	case HOW_CONVERT_U32_F64:
		convert_u32_f64(e, g);
		return;
	default:
		break;
	}
}
