/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machine code of the SIMD instructions, in VEX encodings: a case for each way of doing one.
 * Destinations are written when the sources are read, so that they may be the same registers.
 */
#include "simd.h"

#include "wasm.h"

enum { T0 = XMM15, T1 = XMM14 };

#define P(byte) X64_OP(1, 1, byte)
#define P38(byte) X64_OP(1, 2, byte)
#define P3A(byte) X64_OP(1, 3, byte)
#define NP(byte) X64_OP(0, 1, byte)

enum vex {
	PAND = P(0xdb),
	PANDN = P(0xdf),
	POR = P(0xeb),
	PXOR = P(0xef),
	PADDB = P(0xfc),
	PADDD = P(0xfe),
	PADDQ = P(0xd4),
	PSUBD = P(0xfa),
	PSUBQ = P(0xfb),
	PMINUB = P(0xda),
	PADDUSB = P(0xdc),
	PCMPEQD = P(0x76),
	PSHUFB = P38(0x00),
	PSHUFD = P(0x70),
	PSHUFLW = X64_OP(3, 1, 0x70),
	PUNPCKLQDQ = P(0x6c),
	PUNPCKHQDQ = P(0x6d),
	PUNPCKLBW = P(0x60),
	PUNPCKHBW = P(0x68),
	PUNPCKLWD = P(0x61),
	PUNPCKHWD = P(0x69),
	PACKUSWB = P(0x67),
	PACKSSWB = P(0x63),
	PBLENDW = P3A(0x0e),
	PALIGNR = P3A(0x0f),
	PTEST = P38(0x17),
	PMOVMSKB = P(0xd7),
	PMADDUBSW = P38(0x04),
	PMADDWD = P(0xf5),
	PMULUDQ = P(0xf4),
	PMULDQ = P38(0x28),
	PMULLW = P(0xd5),
	PMULHW = P(0xe5),
	PMULHUW = P(0xe4),
	PMULHRSW = P38(0x0b),
	PMAXSD = P38(0x3d),
	PABSB = P38(0x1c),
	PSRAW = P(0xe1),
	PSRLW = P(0xd1),
	PSLLW = P(0xf1),
	PSRLQ = P(0xd3),
	BLENDVPD = P3A(0x4b),
	VMOVD_TO = P(0x6e),
	VMOVD_FROM = P(0x7e),
	MOVDDUP = X64_OP(3, 1, 0x12),
	SHUFPS = NP(0xc6),
	MOVAPS = NP(0x28),
	VPBROADCASTB = P38(0x78),
	VPBROADCASTW = P38(0x79),
	VBROADCASTSS = P38(0x18),
	PINSRB = P3A(0x20),
	PINSRW = P(0xc4),
	PINSRD = P3A(0x22),
	PEXTRB = P3A(0x14),
	PEXTRW = P3A(0x15),
	PEXTRD = P3A(0x16),
	INSERTPS = P3A(0x21),
	MOVSD_MERGE = X64_OP(3, 1, 0x10),
	MOVLHPS = NP(0x16),
	CVTDQ2PS = NP(0x5b),
	CVTTPS2DQ = X64_OP(2, 1, 0x5b),
	CVTTPD2DQ = P(0xe6),
	ROUNDPD = P3A(0x09),
	MINPD = P(0x5d),
	MAXPD = P(0x5f),
	ADDPD = P(0x58),
	SUBPD = P(0x5c),
	ADDPS = NP(0x58),
	SUBPS = NP(0x5c),
	MAXPS = NP(0x5f),
	CMPPS = NP(0xc2),
	UNPCKLPS = NP(0x14),
};

enum { CMP_EQ = 0, CMP_LE = 2, CMP_UNORDERED = 3 };
/* Shifts by an immediate: their group (opcodes 71 words, 72 doublewords, 73 quadwords) and the
 * number in it. */
enum { SRL = 2, SRA = 4, SLL = 6, SRL_BYTES = 3 };

static void vvv(struct x64 *x, uint32_t op, unsigned dst, unsigned a, unsigned b)
{
	x64_vex_rrr(x, op, 0, dst, a, b);
}

static void vvv_imm(struct x64 *x, uint32_t op, unsigned dst, unsigned a, unsigned b, unsigned imm)
{
	x64_vex_rrr(x, op, 0, dst, a, b);
	x64_u8(x, imm);
}

static void vv(struct x64 *x, uint32_t op, unsigned dst, unsigned a)
{
	x64_vex_rrr(x, op, 0, dst, 0, a);
}

static void vv_imm(struct x64 *x, uint32_t op, unsigned dst, unsigned a, unsigned imm)
{
	vv(x, op, dst, a);
	x64_u8(x, imm);
}

static void ones(struct x64 *x, unsigned r)
{
	vvv(x, PCMPEQD, r, r, r);
}

static void zeroes(struct x64 *x, unsigned r)
{
	vvv(x, PXOR, r, r, r);
}

/* size: log2 of the lanes' bytes, 1 to 3 */
static void shift_imm(struct x64 *x, unsigned n, unsigned size, unsigned dst, unsigned a,
		      unsigned count)
{
	x64_vex_rrr(x, P(0x70u + size), 0, n, dst, a);
	x64_u8(x, count);
}

static void from_gpr(struct x64 *x, unsigned wide, unsigned xmm, unsigned gpr)
{
	x64_vex_rrr(x, VMOVD_TO, wide, xmm, 0, gpr);
}

static void both_halves(struct x64 *x, unsigned xmm, uint64_t bits)
{
	x64_mov_imm(x, RAX, bits);
	from_gpr(x, 1, xmm, RAX);
	vv(x, MOVDDUP, xmm, xmm);
}

void simd_const(struct x64 *x, unsigned xmm, uint64_t low, uint64_t high)
{
	if (low == 0 && high == 0) {
		zeroes(x, xmm);
	} else if (low == UINT64_MAX && high == UINT64_MAX) {
		ones(x, xmm);
	} else if (low == high) {
		both_halves(x, xmm, low);
	} else {
		x64_mov_imm(x, RAX, low);
		from_gpr(x, 1, xmm, RAX);
		if (high == 0)
			return;
		x64_mov_imm(x, RAX, high);
		x64_vex_rrr(x, PINSRD, 1, xmm, xmm, RAX);
		x64_u8(x, 1);
	}
}

static void constant_bytes(struct x64 *x, unsigned xmm, const uint8_t *bytes)
{
	uint64_t halves[2];
	memcpy(halves, bytes, 16);
	simd_const(x, xmm, halves[0], halves[1]);
}

/* --- lanes --- */

/* Lanes of the two operands; those of the second are numbered from 16. */
static void shuffle(struct x64 *x, const struct simd_args *g)
{
	uint8_t first[16], second[16];
	bool from_a = false, from_b = false;
	for (unsigned i = 0; i < 16; i++) {
		bool is_a = g->bytes[i] < 16;
		first[i] = is_a ? g->bytes[i] : 0x80;
		second[i] = is_a ? 0x80 : g->bytes[i] & 15;
		from_a |= is_a;
		from_b |= !is_a;
	}
	if (!from_b || !from_a) {
		constant_bytes(x, T0, from_a ? first : second);
		vvv(x, PSHUFB, g->dst, from_a ? g->a : g->b, T0);
		return;
	}
	constant_bytes(x, T0, first);
	vvv(x, PSHUFB, T0, g->a, T0);
	constant_bytes(x, T1, second);
	vvv(x, PSHUFB, T1, g->b, T1);
	vvv(x, POR, g->dst, T0, T1);
}

/* Shuffles that one instruction does. False: this is none of them. */
static bool shuffle_short(struct x64 *x, const struct simd_args *g)
{
	static const struct {
		uint8_t op, step;
		uint8_t from;
	} interleaves[] = {{0x60, 1, 0}, {0x68, 1, 8}, {0x61, 2, 0}, {0x69, 2, 8},
			   {0x62, 4, 0}, {0x6a, 4, 8}, {0x6c, 8, 0}, {0x6d, 8, 8}};
	const uint8_t *s = g->bytes;
	for (unsigned k = 0; k < sizeof(interleaves) / sizeof(*interleaves); k++) {
		unsigned step = interleaves[k].step;
		bool same = true;
		for (unsigned i = 0; i < 16 && same; i++) {
			unsigned pair = i / (2 * step), half = i / step & 1;
			same = s[i] == interleaves[k].from + pair * step + i % step + 16 * half;
		}
		if (same) {
			vvv(x, P(interleaves[k].op), g->dst, g->a, g->b);
			return true;
		}
	}
	bool run = true, words = true;
	for (unsigned i = 0; i < 16; i++) {
		run = run && s[i] == s[0] + i;
		words = words && s[i] < 16 && (s[i & ~3u] & 3) == 0 && s[i] == s[i & ~3u] + (i & 3);
	}
	if (run) { /* bytes in a row of both: the second operand above the first */
		vvv_imm(x, PALIGNR, g->dst, g->b, g->a, s[0]);
		return true;
	}
	if (words)
		vv_imm(x, PSHUFD, g->dst, g->a,
		       s[0] / 4u | s[4] / 4u << 2 | s[8] / 4u << 4 | s[12] / 4u << 6);
	return words;
}

/* Indices above 15 get their highest bit set, which PSHUFB takes for zero. */
static void swizzle(struct x64 *x, const struct simd_args *g)
{
	both_halves(x, T0, 0x7070707070707070);
	vvv(x, PADDUSB, T0, T0, g->b);
	vvv(x, PSHUFB, g->dst, g->a, T0);
}

/* The lowest lane of T0 into all; size: log2 of its bytes. */
static void spread(struct x64 *x, uint32_t cpu, unsigned size, unsigned dst)
{
	switch (size) {
	case 0:
		if (cpu & WASM_CPU_AVX2) {
			vv(x, VPBROADCASTB, dst, T0);
		} else {
			zeroes(x, T1);
			vvv(x, PSHUFB, dst, T0, T1);
		}
		return;
	case 1:
		if (cpu & WASM_CPU_AVX2) {
			vv(x, VPBROADCASTW, dst, T0);
		} else {
			vv_imm(x, PSHUFLW, dst, T0, 0);
			vv_imm(x, PSHUFD, dst, dst, 0);
		}
		return;
	case 2:
		vv_imm(x, PSHUFD, dst, T0, 0);
		return;
	default:
		vvv(x, PUNPCKLQDQ, dst, T0, T0);
	}
}

static void splat(struct x64 *x, uint32_t cpu, unsigned what, const struct simd_args *g)
{
	if (what == 4) {
		vvv_imm(x, SHUFPS, g->dst, g->a, g->a, 0);
	} else if (what == 5) {
		vv(x, MOVDDUP, g->dst, g->a);
	} else {
		from_gpr(x, what == 3, T0, g->a);
		spread(x, cpu, what, g->dst);
	}
}

static void load_splat(struct x64 *x, uint32_t cpu, unsigned size, const struct simd_args *g)
{
	if (size == 2) {
		x64_vex_rrm(x, VBROADCASTSS, 0, g->dst, 0, g->mem);
	} else if (size == 3) {
		x64_vex_rrm(x, MOVDDUP, 0, g->dst, 0, g->mem);
	} else if (cpu & WASM_CPU_AVX2) {
		x64_vex_rrm(x, size ? VPBROADCASTW : VPBROADCASTB, 0, g->dst, 0, g->mem);
	} else {
		x64_vex_rrm(x, size ? PINSRW : PINSRB, 0, T0, T0, g->mem);
		x64_u8(x, 0);
		spread(x, cpu, size, g->dst);
	}
}

static void extract(struct x64 *x, unsigned imm, const struct simd_args *g)
{
	static const uint32_t ops[] = {PEXTRB, PEXTRW, PEXTRD, PEXTRD};
	unsigned size = imm & 3;
	if (size >= 2 && g->lane == 0) {
		x64_vex_rrr(x, VMOVD_FROM, size == 3, g->a, 0, g->dst);
	} else {
		x64_vex_rrr(x, ops[size], size == 3, g->a, 0, g->dst);
		x64_u8(x, g->lane);
	}
	if (imm & 0x80)
		x64_rr(x, size ? OP_MOVSX16 : OP_MOVSX8, 0, g->dst, g->dst);
}

static void replace(struct x64 *x, unsigned size, const struct simd_args *g)
{
	static const uint32_t ops[] = {PINSRB, PINSRW, PINSRD, PINSRD};
	x64_vex_rrr(x, ops[size], size == 3, g->dst, g->a, g->b);
	x64_u8(x, g->lane);
}

static void float_lane(struct x64 *x, const struct simd_op *op, const struct simd_args *g)
{
	bool wide = op->imm == 3;
	if (op->shape == SIMD_EXTRACT) {
		if (g->lane == 0)
			vv(x, MOVAPS, g->dst, g->a);
		else
			vv_imm(x, PSHUFD, g->dst, g->a, wide ? 0xee : g->lane);
	} else if (!wide) {
		vvv_imm(x, INSERTPS, g->dst, g->a, g->b, (unsigned)g->lane << 4);
	} else {
		vvv(x, g->lane ? MOVLHPS : MOVSD_MERGE, g->dst, g->a, g->b);
	}
}

static void memory_lane(struct x64 *x, const struct simd_op *op, const struct simd_args *g)
{
	static const uint32_t in[] = {PINSRB, PINSRW, PINSRD, PINSRD},
			      out[] = {PEXTRB, PEXTRW, PEXTRD, PEXTRD};
	if (op->shape == SIMD_LOAD_LANE)
		x64_vex_rrm(x, in[op->imm], op->imm == 3, g->dst, g->a, g->mem);
	else
		x64_vex_rrm(x, out[op->imm], op->imm == 3, g->a, 0, g->mem);
	x64_u8(x, g->lane);
}

/* --- answers in an integer register --- */

static void set_by_flags(struct x64 *x, enum x64_cc cc, unsigned dst)
{
	x64_rr(x, OP_SETCC(cc), 0, 0, RAX);
	x64_rr(x, OP_MOVZX8, 0, dst, RAX);
}

static void test(struct x64 *x, const struct simd_op *op, const struct simd_args *g)
{
	switch (op->how) {
	case HOW_ANY_TRUE:
		vv(x, PTEST, g->a, g->a);
		set_by_flags(x, CC_NE, g->dst);
		return;
	case HOW_ALL_TRUE:
		zeroes(x, T0);
		vvv(x, op->x64, T0, T0, g->a);
		vv(x, PTEST, T0, T0);
		set_by_flags(x, CC_E, g->dst);
		return;
	default:
		break;
	}
	if (op->imm == 0) {
		vv(x, PMOVMSKB, g->dst, g->a);
	} else if (op->imm == 1) {
		zeroes(x, T0);
		vvv(x, PACKSSWB, T0, g->a, T0);
		vv(x, PMOVMSKB, g->dst, T0);
	} else {
		vv(x, op->imm == 2 ? NP(0x50) : P(0x50), g->dst, g->a); /* movmskps, movmskpd */
	}
}

/* --- integers --- */

/* A shift's count, modulo the lanes' bits, plus something, into the low half of an XMM register. */
static void count_to(struct x64 *x, unsigned xmm, unsigned bits, unsigned plus,
		     const struct simd_args *g)
{
	if (g->count_known) {
		x64_mov_imm(x, RCX, (g->count & (bits - 1)) + plus);
	} else {
		if (g->b != RCX)
			x64_mov_rr(x, 0, RCX, g->b);
		x64_alu_imm(x, ALU_AND, 0, RCX, (int32_t)(bits - 1));
		if (plus)
			x64_alu_imm(x, ALU_ADD, 0, RCX, (int32_t)plus);
	}
	from_gpr(x, 0, xmm, RCX);
}

static void shift(struct x64 *x, const struct simd_op *op, const struct simd_args *g)
{
	unsigned bits = 8u << op->imm, kind = op->x64 >> 4 & 15;
	if (g->count_known) {
		shift_imm(x,
			  kind == 0xf	? SLL
			  : kind == 0xe ? SRA
					: SRL,
			  op->imm, g->dst, g->a, g->count & (bits - 1));
		return;
	}
	count_to(x, T0, bits, 0, g);
	vvv(x, op->x64, g->dst, g->a, T0);
}

/* Bytes are shifted as words; what crosses over between the bytes of a word is masked off. */
static void shift8(struct x64 *x, unsigned what, const struct simd_args *g)
{
	if (what == 1) {
		count_to(x, T1, 8, 8, g);
		vvv(x, PUNPCKHBW, T0, g->a, g->a);
		vvv(x, PSRAW, T0, T0, T1);
		vvv(x, PUNPCKLBW, g->dst, g->a, g->a);
		vvv(x, PSRAW, g->dst, g->dst, T1);
		vvv(x, PACKSSWB, g->dst, g->dst, T0);
		return;
	}
	count_to(x, T1, 8, 8, g);
	ones(x, T0);
	vvv(x, PSRLW, T0, T0, T1);
	vvv(x, PACKUSWB, T0, T0, T0); /* 0xff >> count in each byte */
	x64_alu_imm(x, ALU_SUB, 0, RCX, 8);
	from_gpr(x, 0, T1, RCX);
	if (what == 0) {
		vvv(x, PAND, T0, g->a, T0);
		vvv(x, PSLLW, g->dst, T0, T1);
	} else {
		vvv(x, PSRLW, T1, g->a, T1);
		vvv(x, PAND, g->dst, T0, T1);
	}
}

/* There is no arithmetic shift of quadwords: the sign is extended by xor and subtraction of its
 * bit. */
static void sar64(struct x64 *x, const struct simd_args *g)
{
	ones(x, T1);
	shift_imm(x, SLL, 3, T1, T1, 63);
	if (g->count_known) {
		shift_imm(x, SRL, 3, T1, T1, g->count & 63);
		shift_imm(x, SRL, 3, T0, g->a, g->count & 63);
	} else {
		count_to(x, T0, 64, 0, g);
		vvv(x, PSRLQ, T1, T1, T0);
		vvv(x, PSRLQ, T0, g->a, T0);
	}
	vvv(x, PXOR, T0, T0, T1);
	vvv(x, PSUBQ, g->dst, T0, T1);
}

/* By a table of the bits in each nibble. */
static void popcnt(struct x64 *x, const struct simd_args *g)
{
	both_halves(x, T1, 0x0f0f0f0f0f0f0f0f);
	vvv(x, PAND, T0, g->a, T1);
	shift_imm(x, SRL, 1, g->dst, g->a, 4);
	vvv(x, PAND, g->dst, g->dst, T1);
	simd_const(x, T1, 0x0302020102010100, 0x0403030203020201);
	vvv(x, PSHUFB, T0, T1, T0);
	vvv(x, PSHUFB, g->dst, T1, g->dst);
	vvv(x, PADDB, g->dst, g->dst, T0);
}

static void extadd16(struct x64 *x, bool is_signed, const struct simd_args *g)
{
	if (is_signed) {
		ones(x, T0);
		shift_imm(x, SRL, 1, T0, T0, 15);
		vvv(x, PMADDWD, g->dst, g->a, T0);
		return;
	}
	zeroes(x, T1);
	shift_imm(x, SRL, 2, T0, g->a, 16);
	vvv_imm(x, PBLENDW, T1, g->a, T1, 0xaa);
	vvv(x, PADDD, g->dst, T0, T1);
}

/* PMULHRSW but for 0x8000 * 0x8000, whose product does not fit: 0x7fff. */
static void q15mulr(struct x64 *x, const struct simd_args *g)
{
	vvv(x, PMULHRSW, T0, g->a, g->b);
	ones(x, T1);
	shift_imm(x, SLL, 1, T1, T1, 15);
	vvv(x, P(0x75), T1, T1, T0); /* pcmpeqw */
	vvv(x, PXOR, g->dst, T0, T1);
}

static void mul64(struct x64 *x, const struct simd_args *g)
{
	shift_imm(x, SRL, 3, T0, g->a, 32);
	vvv(x, PMULUDQ, T0, T0, g->b);
	shift_imm(x, SRL, 3, T1, g->b, 32);
	vvv(x, PMULUDQ, T1, T1, g->a);
	vvv(x, PADDQ, T0, T0, T1);
	shift_imm(x, SLL, 3, T0, T0, 32);
	vvv(x, PMULUDQ, g->dst, g->a, g->b);
	vvv(x, PADDQ, g->dst, g->dst, T0);
}

static void extmul(struct x64 *x, unsigned imm, const struct simd_args *g)
{
	bool is_signed = imm & 0x80, high = imm & 0x40;
	unsigned size = imm & 3;
	if (size == 2) {
		vv_imm(x, PSHUFD, T0, g->a, high ? 0xfa : 0x50);
		vv_imm(x, PSHUFD, T1, g->b, high ? 0xfa : 0x50);
		vvv(x, is_signed ? PMULDQ : PMULUDQ, g->dst, T0, T1);
	} else if (size == 1) {
		vvv(x, PMULLW, T0, g->a, g->b);
		vvv(x, is_signed ? PMULHW : PMULHUW, T1, g->a, g->b);
		vvv(x, high ? PUNPCKHWD : PUNPCKLWD, g->dst, T0, T1);
	} else if (high) {
		/* Each byte in the upper half of its word, then down again, by the kind of shift
		 * that extends it. */
		vvv(x, PUNPCKHBW, T0, g->a, g->a);
		shift_imm(x, is_signed ? SRA : SRL, 1, T0, T0, 8);
		vvv(x, PUNPCKHBW, T1, g->b, g->b);
		shift_imm(x, is_signed ? SRA : SRL, 1, T1, T1, 8);
		vvv(x, PMULLW, g->dst, T0, T1);
	} else {
		vv(x, is_signed ? P38(0x20) : P38(0x30), T0, g->a); /* pmovsxbw, pmovzxbw */
		vv(x, is_signed ? P38(0x20) : P38(0x30), T1, g->b);
		vvv(x, PMULLW, g->dst, T0, T1);
	}
}

static void integer(struct x64 *x, const struct simd_op *op, const struct simd_args *g)
{
	switch (op->how) {
	case HOW_NEGATE:
		zeroes(x, T0);
		vvv(x, op->x64, g->dst, T0, g->a);
		return;
	case HOW_ABS64:
		zeroes(x, T0);
		vvv(x, PSUBQ, T0, T0, g->a);
		vvv_imm(x, BLENDVPD, g->dst, g->a, T0, (g->a & 15u) << 4);
		return;
	case HOW_POPCNT:
		popcnt(x, g);
		return;
	case HOW_EXTADD8: /* PMADDUBSW takes its first operand as unsigned */
		ones(x, T0);
		vv(x, PABSB, T0, T0);
		vvv(x, PMADDUBSW, g->dst, op->imm ? (unsigned)T0 : g->a,
		    op->imm ? g->a : (unsigned)T0);
		return;
	case HOW_EXTADD16:
		extadd16(x, op->imm, g);
		return;
	case HOW_EXTEND_HIGH:
		if (op->imm) {
			vv_imm(x, PSHUFD, T0, g->a, 0xee);
			vv(x, op->x64, g->dst, T0);
		} else {
			zeroes(x, T0);
			vvv(x, op->x64, g->dst, g->a, T0);
		}
		return;
	case HOW_DOT8_ADD:
		vvv(x, PMADDUBSW, T0, g->b, g->a);
		ones(x, T1);
		shift_imm(x, SRL, 1, T1, T1, 15);
		vvv(x, PMADDWD, T0, T0, T1);
		vvv(x, PADDD, g->dst, T0, g->c);
		return;
	default:
		break;
	}
}

/* --- floats --- */

static void float_sign(struct x64 *x, unsigned imm, const struct simd_args *g)
{
	unsigned size = imm & 2 ? 3 : 2;
	ones(x, T0);
	if (imm & 1)
		shift_imm(x, SLL, size, T0, T0, size == 3 ? 63 : 31);
	else
		shift_imm(x, SRL, size, T0, T0, 1);
	vvv(x, imm & 1 ? PXOR : PAND, g->dst, g->a, T0);
}

/*
 * MINPS and MAXPS give their second operand for a NaN and for two zeroes, so both orders are taken.
 * Their OR is the lesser zero and some NaN; for the greater one, a difference of signs is
 * subtracted. Then NaNs lose their payload.
 */
static void min_max(struct x64 *x, const struct simd_op *op, const struct simd_args *g)
{
	bool wide = op->imm;
	uint32_t prefix = wide ? P(0) : NP(0);
	vvv(x, op->x64, T0, g->a, g->b);
	vvv(x, op->x64, T1, g->b, g->a);
	if (op->how == HOW_FLOAT_MIN) {
		vvv(x, POR, T0, T0, T1);
	} else {
		vvv(x, PXOR, T1, T1, T0);
		vvv(x, POR, T0, T0, T1);
		vvv(x, prefix | 0x5c, T0, T0, T1);
	}
	vvv_imm(x, prefix | 0xc2, T1, T0, T0, CMP_UNORDERED);
	if (op->how == HOW_FLOAT_MIN)
		vvv(x, POR, T0, T0, T1);
	shift_imm(x, SRL, wide ? 3 : 2, T1, T1, wide ? 13 : 10);
	vvv(x, PANDN, g->dst, T1, T0);
}

/* CVTTPS2DQ gives 0x80000000 for all that does not fit: NaNs are made 0 before, positive ones
 * 0x7fffffff after. */
static void trunc_f32_s(struct x64 *x, const struct simd_args *g)
{
	vvv_imm(x, CMPPS, T0, g->a, g->a, CMP_EQ);
	vvv(x, PAND, T1, g->a, T0);
	vvv(x, PXOR, T0, T0, T1); /* the sign bit: set where the operand is positive */
	vv(x, CVTTPS2DQ, T1, T1);
	vvv(x, PAND, T0, T0, T1);
	shift_imm(x, SRA, 2, T0, T0, 31);
	vvv(x, PXOR, g->dst, T0, T1);
}

/* What exceeds 2^31 is converted apart, as its difference to it, and added. */
static void trunc_f32_u(struct x64 *x, const struct simd_args *g)
{
	zeroes(x, T0);
	vvv(x, MAXPS, g->dst, g->a, T0); /* NaN: 0 */
	ones(x, T0);
	shift_imm(x, SRL, 2, T0, T0, 1);
	vv(x, CVTDQ2PS, T0, T0); /* 2^31 */
	vvv(x, SUBPS, T1, g->dst, T0);
	vvv_imm(x, CMPPS, T0, T0, T1, CMP_LE);
	vv(x, CVTTPS2DQ, T1, T1);
	vvv(x, PXOR, T1, T1, T0); /* too large still: 0x7fffffff */
	zeroes(x, T0);
	vvv(x, PMAXSD, T1, T1, T0);
	vv(x, CVTTPS2DQ, g->dst, g->dst);
	vvv(x, PADDD, g->dst, g->dst, T1);
}

static void trunc_f64_s(struct x64 *x, const struct simd_args *g)
{
	both_halves(x, T1, 0x41dfffffffc00000); /* 2147483647 */
	vvv_imm(x, P(0xc2), T0, g->a, g->a, CMP_EQ);
	vvv(x, PAND, T0, T0, T1);
	vvv(x, MINPD, T0, g->a, T0); /* NaN: 0 */
	vv(x, CVTTPD2DQ, g->dst, T0);
}

/* Added to 2^52, a whole number's bits are the low ones of the sum. */
static void trunc_f64_u(struct x64 *x, const struct simd_args *g)
{
	zeroes(x, T0);
	vvv(x, MAXPD, T0, g->a, T0);		/* NaN: 0 */
	both_halves(x, T1, 0x41efffffffe00000); /* 4294967295 */
	vvv(x, MINPD, T0, T0, T1);
	vv_imm(x, ROUNDPD, T0, T0, 8 | 3);
	both_halves(x, T1, 0x4330000000000000);
	vvv(x, ADDPD, T0, T0, T1);
	zeroes(x, T1);
	vvv_imm(x, SHUFPS, g->dst, T0, T1, 0x88);
}

/* In halves of 16 bits; the upper one is exact when halved and doubled, so the sum is rounded once.
 */
static void convert_u32_f32(struct x64 *x, const struct simd_args *g)
{
	zeroes(x, T0);
	vvv_imm(x, PBLENDW, T0, T0, g->a, 0x55);
	vvv(x, PSUBD, T1, g->a, T0);
	vv(x, CVTDQ2PS, T0, T0);
	shift_imm(x, SRL, 2, T1, T1, 1);
	vv(x, CVTDQ2PS, T1, T1);
	vvv(x, ADDPS, T1, T1, T1);
	vvv(x, ADDPS, g->dst, T0, T1);
}

static void convert_u32_f64(struct x64 *x, const struct simd_args *g)
{
	both_halves(x, T1, 0x4330000043300000);
	vvv(x, UNPCKLPS, T0, g->a, T1);
	both_halves(x, T1, 0x4330000000000000);
	vvv(x, SUBPD, g->dst, T0, T1);
}

/* dst = ± a * b + c, in one rounding where the CPU has FMA. */
static void madd(struct x64 *x, uint32_t cpu, unsigned imm, const struct simd_args *g)
{
	bool negate = imm & 1, wide = imm & 2;
	if (cpu & WASM_CPU_FMA) {
		vv(x, MOVAPS, T0, g->a);
		x64_vex_rrr(x, negate ? P38(0xac) : P38(0xa8), wide, T0, g->b,
			    g->c); /* vfnmadd213, vfmadd213 */
		vv(x, MOVAPS, g->dst, T0);
		return;
	}
	uint32_t prefix = wide ? P(0) : NP(0);
	vvv(x, prefix | 0x59, T0, g->a, g->b);
	if (negate)
		vvv(x, prefix | 0x5c, g->dst, g->c, T0);
	else
		vvv(x, prefix | 0x58, g->dst, T0, g->c);
}

static void floating(struct x64 *x, const struct simd_op *op, const struct simd_args *g)
{
	switch (op->how) {
	case HOW_FLOAT_SIGN:
		float_sign(x, op->imm, g);
		return;
	case HOW_FLOAT_MIN:
	case HOW_FLOAT_MAX:
		min_max(x, op, g);
		return;
	case HOW_TRUNC_F32_S:
		trunc_f32_s(x, g);
		return;
	case HOW_TRUNC_F32_U:
		trunc_f32_u(x, g);
		return;
	case HOW_TRUNC_F64_S:
		trunc_f64_s(x, g);
		return;
	case HOW_TRUNC_F64_U:
		trunc_f64_u(x, g);
		return;
	case HOW_CONVERT_U32_F32:
		convert_u32_f32(x, g);
		return;
	case HOW_CONVERT_U32_F64:
		convert_u32_f64(x, g);
		return;
	default:
		break;
	}
}

/* --- all --- */

static void compare_extreme(struct x64 *x, const struct simd_op *op, const struct simd_args *g)
{
	static const uint32_t equal[] = {P(0x74), P(0x75), P(0x76)};
	vvv(x, op->x64, T0, g->a, g->b);
	vvv(x, equal[op->imm], op->how == HOW_SAME ? g->dst : (unsigned)T0, T0, g->a);
	if (op->how == HOW_SAME)
		return;
	ones(x, T1);
	vvv(x, PXOR, g->dst, T0, T1);
}

static void negated(struct x64 *x, uint32_t op, unsigned dst, unsigned a, unsigned b)
{
	vvv(x, op, T0, a, b);
	ones(x, T1);
	vvv(x, PXOR, dst, T0, T1);
}

static void ternary(struct x64 *x, uint32_t cpu, const struct simd_op *op,
		    const struct simd_args *g)
{
	if (op->how == HOW_MADD) {
		madd(x, cpu, op->imm, g);
	} else if (op->how == HOW_LANESELECT) { /* the second where the mask's sign is not set */
		vvv_imm(x, op->x64, g->dst, g->b, g->a, (g->c & 15u) << 4);
	} else {
		vvv(x, PAND, T0, g->a, g->c);
		vvv(x, PANDN, T1, g->c, g->b);
		vvv(x, POR, g->dst, T0, T1);
	}
}

void simd_emit(struct x64 *x, uint32_t cpu, const struct simd_op *op, const struct simd_args *g)
{
	switch ((enum how)op->how) {
	case HOW_AB:
		vvv(x, op->x64, g->dst, g->a, g->b);
		return;
	case HOW_BA:
		vvv(x, op->x64, g->dst, g->b, g->a);
		return;
	case HOW_A:
		vv(x, op->x64, g->dst, g->a);
		return;
	case HOW_AB_IMM:
		vvv_imm(x, op->x64, g->dst, g->a, g->b, op->imm);
		return;
	case HOW_A_IMM:
		vv_imm(x, op->x64, g->dst, g->a, op->imm);
		return;
	case HOW_AB_NOT:
		negated(x, op->x64, g->dst, g->a, g->b);
		return;
	case HOW_BA_NOT:
		negated(x, op->x64, g->dst, g->b, g->a);
		return;
	case HOW_SAME:
	case HOW_DIFFER:
		compare_extreme(x, op, g);
		return;
	case HOW_MEM:
		x64_vex_rrm(x, op->x64, 0, g->dst, 0, g->mem);
		return;
	case HOW_MEM_OUT:
		x64_vex_rrm(x, op->x64, 0, g->a, 0, g->mem);
		return;
	case HOW_NOT:
		ones(x, T0);
		vvv(x, PXOR, g->dst, g->a, T0);
		return;
	case HOW_BITSELECT:
	case HOW_MADD:
	case HOW_LANESELECT:
		ternary(x, cpu, op, g);
		return;
	case HOW_ANY_TRUE:
	case HOW_ALL_TRUE:
	case HOW_BITMASK:
		test(x, op, g);
		return;
	case HOW_CONST:
		constant_bytes(x, g->dst, g->bytes);
		return;
	case HOW_SHUFFLE:
		if (!shuffle_short(x, g))
			shuffle(x, g);
		return;
	case HOW_SWIZZLE:
		swizzle(x, g);
		return;
	case HOW_SPLAT:
		splat(x, cpu, op->imm, g);
		return;
	case HOW_LOAD_SPLAT:
		load_splat(x, cpu, op->imm, g);
		return;
	case HOW_EXTRACT:
		extract(x, op->imm, g);
		return;
	case HOW_REPLACE:
		replace(x, op->imm, g);
		return;
	case HOW_LOAD_LANE:
	case HOW_STORE_LANE:
		memory_lane(x, op, g);
		return;
	case HOW_FLOAT_LANE:
		float_lane(x, op, g);
		return;
	case HOW_SHIFT:
		shift(x, op, g);
		return;
	case HOW_SHIFT8:
		shift8(x, op->imm, g);
		return;
	case HOW_SAR64:
		sar64(x, g);
		return;
	case HOW_Q15:
		q15mulr(x, g);
		return;
	case HOW_MUL64:
		mul64(x, g);
		return;
	case HOW_EXTMUL:
		extmul(x, op->imm, g);
		return;
	case HOW_NEGATE:
	case HOW_ABS64:
	case HOW_POPCNT:
	case HOW_EXTADD8:
	case HOW_EXTADD16:
	case HOW_EXTEND_HIGH:
	case HOW_DOT8_ADD:
		integer(x, op, g);
		return;
	case HOW_FLOAT_SIGN:
	case HOW_FLOAT_MIN:
	case HOW_FLOAT_MAX:
	case HOW_TRUNC_F32_S:
	case HOW_TRUNC_F32_U:
	case HOW_TRUNC_F64_S:
	case HOW_TRUNC_F64_U:
	case HOW_CONVERT_U32_F32:
	case HOW_CONVERT_U32_F64:
		floating(x, op, g);
		return;
	}
}
