/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machine code of the SIMD instructions, in VEX encodings: lanes, tests, and the choice
 * of the code. Destinations are written when the sources are read, so that they may be the same
 * registers.
 */
#include "guest/wasm/x86_64/simd_emit.h"

void simd_const(const struct simd_emitter *e, unsigned xmm, const uint8_t *bytes)
{
	uint64_t halves[2];
	memcpy(halves, bytes, 16);
	simd_flush_full(e);
	simd_constant_to(e, xmm, halves[0], halves[1]);
}

/* --- lanes --- */

/*
 * Bytes of the two operands; those of the second are numbered from 16. One PSHUFB each, whose 0x80
 * gives 0.
 */
static void shuffle_any(const struct simd_emitter *e, unsigned dst, unsigned a, unsigned b,
			const uint8_t *s)
{
	uint64_t first[2], second[2];
	uint8_t of_a[16], of_b[16];
	bool from_a = false, from_b = false;
	for (unsigned i = 0; i < 16; i++) {
		bool is_a = s[i] < 16;
		of_a[i] = is_a ? s[i] : 0x80;
		of_b[i] = is_a ? 0x80 : s[i] & 15;
		from_a |= is_a;
		from_b |= !is_a;
	}
	memcpy(first, of_a, 16);
	memcpy(second, of_b, 16);
	if (!from_b) {
		simd_with_constant(e, PSHUFB, dst, a, first[0], first[1]);
	} else if (!from_a) {
		simd_with_constant(e, PSHUFB, dst, b, second[0], second[1]);
	} else {
		simd_with_constant(e, PSHUFB, T0, a, first[0], first[1]);
		simd_with_constant(e, PSHUFB, T1, b, second[0], second[1]);
		vvv(e, POR, dst, T0, T1);
	}
}

static bool interleaves(const struct simd_emitter *e, unsigned dst, unsigned a, unsigned b,
			const uint8_t *s)
{
	static const struct {
		uint8_t op, step, from;
	} ways[] = {{0x60, 1, 0}, {0x68, 1, 8}, {0x61, 2, 0}, {0x69, 2, 8},
		    {0x62, 4, 0}, {0x6a, 4, 8}, {0x6c, 8, 0}, {0x6d, 8, 8}};
	for (unsigned k = 0; k < sizeof(ways) / sizeof(*ways); k++) {
		unsigned step = ways[k].step;
		bool same = true;
		for (unsigned i = 0; i < 16 && same; i++)
			same = s[i] == ways[k].from + i / (2 * step) * step + i % step +
					       16 * (i / step & 1);
		if (!same)
			continue;
		vvv(e, P(ways[k].op), dst, a, b);
		return true;
	}
	return false;
}

/*
 * Shuffles that one instruction does without a constant. False: with the operands in this order,
 * this is none.
 */
static bool shuffle_short(const struct simd_emitter *e, unsigned dst, unsigned a, unsigned b,
			  const uint8_t *s)
{
	bool run = true, dwords = true, blend = true;
	unsigned blended = 0;
	for (unsigned i = 0; i < 16; i++) {
		run = run && s[i] == s[0] + i;
		dwords = dwords && (s[i & ~3u] & 3) == 0 && s[i] == s[i & ~3u] + (i & 3);
		blend = blend && (s[i] & 15) == i && (s[i] & 16) == (s[i & ~1u] & 16);
		blended |= s[i] & 16 ? 1u << i / 2 : 0;
	}
	unsigned imm = (s[0] >> 2 & 3u) | (s[4] >> 2 & 3u) << 2 | (s[8] >> 2 & 3u) << 4 |
		       (s[12] >> 2 & 3u) << 6;
	bool all_a = s[0] < 16 && s[4] < 16 && s[8] < 16 && s[12] < 16;
	if (run) /* bytes in a row of both: the second operand above the first */
		vvv_imm(e, PALIGNR, dst, b, a, s[0]);
	else if (blend)
		vvv_imm(e, PBLENDW, dst, a, b, blended);
	else if (dwords && all_a)
		vv_imm(e, PSHUFD, dst, a, imm);
	else if (interleaves(e, dst, a, b, s))
		return true;
	else if (dwords && s[0] < 16 && s[4] < 16 && s[8] >= 16 && s[12] >= 16)
		vvv_imm(e, SHUFPS, dst, a, b, imm);
	else
		return false;
	return true;
}

static void shuffle(const struct simd_emitter *e, const struct simd_args *g)
{
	uint8_t straight[16], swapped[16];
	for (unsigned i = 0; i < 16; i++) {
		straight[i] = g->a == g->b ? g->bytes[i] & 15 : g->bytes[i];
		swapped[i] = straight[i] ^ 16;
	}
	if (!shuffle_short(e, g->dst, g->a, g->b, straight) &&
	    !shuffle_short(e, g->dst, g->b, g->a, swapped))
		shuffle_any(e, g->dst, g->a, g->b, straight);
}

/* Indices above 15 get their highest bit set, which PSHUFB takes for zero. */
static void swizzle(const struct simd_emitter *e, const struct simd_args *g)
{
	vvcc(e, PADDUSB, T0, g->b, 0x7070707070707070);
	vvv(e, PSHUFB, g->dst, g->a, T0);
}

/* The lowest lane of T0 into all; size: log2 of its bytes. */
static void spread(const struct simd_emitter *e, unsigned size, unsigned dst)
{
	switch (size) {
	case 0:
		if (e->cpu & WASM_CPU_AVX2) {
			vv(e, VPBROADCASTB, dst, T0);
		} else {
			zeroes(e, T1);
			vvv(e, PSHUFB, dst, T0, T1);
		}
		return;
	case 1:
		if (e->cpu & WASM_CPU_AVX2) {
			vv(e, VPBROADCASTW, dst, T0);
		} else {
			vv_imm(e, PSHUFLW, dst, T0, 0);
			vv_imm(e, PSHUFD, dst, dst, 0);
		}
		return;
	case 2:
		vv_imm(e, PSHUFD, dst, T0, 0);
		return;
	default:
		vvv(e, PUNPCKLQDQ, dst, T0, T0);
	}
}

static void splat(const struct simd_emitter *e, unsigned what, const struct simd_args *g)
{
	if (what == 4) {
		vvv_imm(e, SHUFPS, g->dst, g->a, g->a, 0);
	} else if (what == 5) {
		vv(e, MOVDDUP, g->dst, g->a);
	} else {
		from_gpr(e, what == 3, T0, g->a);
		spread(e, what, g->dst);
	}
}

static void load_splat(const struct simd_emitter *e, unsigned size, const struct simd_args *g)
{
	if (size == 2) {
		x64_vex_rrm(e->x, VBROADCASTSS, 0, g->dst, 0, g->mem);
	} else if (size == 3) {
		x64_vex_rrm(e->x, MOVDDUP, 0, g->dst, 0, g->mem);
	} else if (e->cpu & WASM_CPU_AVX2) {
		x64_vex_rrm(e->x, size ? VPBROADCASTW : VPBROADCASTB, 0, g->dst, 0, g->mem);
	} else {
		x64_vex_rrm(e->x, size ? PINSRW : PINSRB, 0, T0, T0, g->mem);
		x64_u8(e->x, 0);
		spread(e, size, g->dst);
	}
}

static void extract(const struct simd_emitter *e, unsigned imm, const struct simd_args *g)
{
	static const uint32_t ops[] = {PEXTRB, PEXTRW, PEXTRD, PEXTRD};
	unsigned size = imm & 3;
	if (size >= 2 && g->lane == 0) {
		x64_vex_rrr(e->x, VMOVD_FROM, size == 3, g->a, 0, g->dst);
	} else {
		x64_vex_rrr(e->x, ops[size], size == 3, g->a, 0, g->dst);
		x64_u8(e->x, g->lane);
	}
	if (imm & 0x80)
		x64_rr(e->x, size ? OP_MOVSX16 : OP_MOVSX8, 0, g->dst, g->dst);
}

static void replace(const struct simd_emitter *e, unsigned size, const struct simd_args *g)
{
	static const uint32_t ops[] = {PINSRB, PINSRW, PINSRD, PINSRD};
	x64_vex_rrr(e->x, ops[size], size == 3, g->dst, g->a, g->b);
	x64_u8(e->x, g->lane);
}

static void extract_float(const struct simd_emitter *e, bool wide, const struct simd_args *g)
{
	if (g->lane == 0)
		vv(e, MOVAPS, g->dst, g->a);
	else
		vv_imm(e, PSHUFD, g->dst, g->a, wide ? 0xee : g->lane);
}

static void replace_float(const struct simd_emitter *e, bool wide, const struct simd_args *g)
{
	if (!wide)
		vvv_imm(e, INSERTPS, g->dst, g->a, g->b, (unsigned)g->lane << 4);
	else
		vvv(e, g->lane ? MOVLHPS : MOVSD_MERGE, g->dst, g->a, g->b);
}

static void memory_lane(const struct simd_emitter *e, const struct simd_code *op,
			const struct simd_args *g)
{
	static const uint32_t in[] = {PINSRB, PINSRW, PINSRD, PINSRD},
			      out[] = {PEXTRB, PEXTRW, PEXTRD, PEXTRD};
	if (op->how == HOW_LOAD_LANE)
		x64_vex_rrm(e->x, in[op->imm], op->imm == 3, g->dst, g->a, g->mem);
	else
		x64_vex_rrm(e->x, out[op->imm], op->imm == 3, g->a, 0, g->mem);
	x64_u8(e->x, g->lane);
}

/* --- answers in an integer register --- */

static void set_by_flags(const struct simd_emitter *e, enum x64_cc cc, unsigned dst)
{
	if (dst == X64_NONE)
		return;
	x64_rr(e->x, OP_SETCC(cc), 0, 0, dst);
	x64_rr(e->x, OP_MOVZX8, 0, dst, dst);
}

static void test(const struct simd_emitter *e, const struct simd_code *op,
		 const struct simd_args *g)
{
	switch (op->how) {
	case HOW_ANY_TRUE:
		vv(e, PTEST, g->a, g->a);
		set_by_flags(e, CC_NE, g->dst);
		return;
	case HOW_ALL_TRUE:
		zeroes(e, T0);
		vvv(e, op->x64, T0, T0, g->a);
		vv(e, PTEST, T0, T0);
		set_by_flags(e, CC_E, g->dst);
		return;
	default:
		break;
	}
	if (op->imm == 0) {
		vv(e, PMOVMSKB, g->dst, g->a);
	} else if (op->imm == 1) {
		zeroes(e, T0);
		vvv(e, PACKSSWB, T0, g->a, T0);
		vv(e, PMOVMSKB, g->dst, T0);
	} else {
		vv(e, op->imm == 2 ? NP(0x50) : P(0x50), g->dst, g->a); /* movmskps, movmskpd */
	}
}

/* --- all --- */

static void not_to(const struct simd_emitter *e, unsigned dst, unsigned a)
{
	ones(e, T1);
	vvv(e, PXOR, dst, a, T1);
}

/* a <= b, unsigned, is max(a, b) == b; there are no unsigned comparisons. */
static void compare_extreme(const struct simd_emitter *e, const struct simd_code *op,
			    const struct simd_args *g)
{
	static const uint32_t equal[] = {P(0x74), P(0x75), P(0x76)};
	vvv(e, op->x64, T0, g->a, g->b);
	if (op->how == HOW_SAME) {
		vvv(e, equal[op->imm], g->dst, T0, g->a);
		return;
	}
	vvv(e, equal[op->imm], T0, T0, g->a);
	not_to(e, g->dst, T0);
}

static void ternary(const struct simd_emitter *e, const struct simd_code *op,
		    const struct simd_args *g)
{
	if (op->how == HOW_LANESELECT) { /* the second where the mask's sign is not set */
		vvv_imm(e, op->x64, g->dst, g->b, g->a, (g->c & 15u) << 4);
	} else {
		vvv(e, PAND, T0, g->a, g->c);
		vvv(e, PANDN, T1, g->c, g->b);
		vvv(e, POR, g->dst, T0, T1);
	}
}

bool simd_commutes(const struct simd_code *op)
{
	switch (op->x64) {
	case P(0xdb):
	case P(0xeb):
	case P(0xef): /* and, or, xor */
	case P(0xfc):
	case P(0xfd):
	case P(0xfe):
	case P(0xd4): /* additions */
	case P(0xec):
	case P(0xed):
	case P(0xdc):
	case P(0xdd):
	case P(0xe0):
	case P(0xe3): /* averages */
	case P(0xd5):
	case P38(0x40):
	case P(0xf5): /* multiplications */
	case P(0x74):
	case P(0x75):
	case P(0x76):
	case P38(0x29): /* equal */
	/* least */
	case P(0xda):
	case P(0xea):
	case P38(0x38):
	case P38(0x39):
	case P38(0x3a):
	case P38(0x3b):
	/* greatest */
	case P(0xde):
	case P(0xee):
	case P38(0x3c):
	case P38(0x3d):
	case P38(0x3e):
	case P38(0x3f):
	/* addition, multiplication of floats */
	case P(0x58):
	case NP(0x58):
	case P(0x59):
	case NP(0x59):
		return op->how == HOW_AB;
	}
	return false;
}

void simd_emit(const struct simd_emitter *e, const struct simd_code *op, const struct simd_args *g)
{
	simd_flush_full(e);
	switch ((enum how)op->how) {
	case HOW_AB:
		if (g->b_in_memory)
			x64_vex_rrm(e->x, op->x64, 0, g->dst, g->a, g->mem);
		else
			vvv(e, op->x64, g->dst, g->a, g->b);
		return;
	case HOW_BA:
		vvv(e, op->x64, g->dst, g->b, g->a);
		return;
	case HOW_A:
		vv(e, op->x64, g->dst, g->a);
		return;
	case HOW_AB_IMM:
		if (g->b_in_memory)
			x64_vex_rrm(e->x, op->x64, 0, g->dst, g->a, g->mem);
		else
			vvv(e, op->x64, g->dst, g->a, g->b);
		x64_u8(e->x, op->imm);
		return;
	case HOW_A_IMM:
		vv_imm(e, op->x64, g->dst, g->a, op->imm);
		return;
	case HOW_AB_NOT:
		vvv(e, op->x64, T0, g->a, g->b);
		not_to(e, g->dst, T0);
		return;
	case HOW_BA_NOT:
		vvv(e, op->x64, T0, g->b, g->a);
		not_to(e, g->dst, T0);
		return;
	case HOW_SAME:
	case HOW_DIFFER:
		compare_extreme(e, op, g);
		return;
	case HOW_MEM:
		x64_vex_rrm(e->x, op->x64, 0, g->dst, 0, g->mem);
		return;
	case HOW_MEM_OUT:
		x64_vex_rrm(e->x, op->x64, 0, g->a, 0, g->mem);
		return;
	case HOW_NOT:
		not_to(e, g->dst, g->a);
		return;
	case HOW_BITSELECT:
	case HOW_LANESELECT:
		ternary(e, op, g);
		return;
	case HOW_ANY_TRUE:
	case HOW_ALL_TRUE:
	case HOW_BITMASK:
		test(e, op, g);
		return;
	case HOW_CONST:
		simd_const(e, g->dst, g->bytes);
		return;
	case HOW_SHUFFLE:
		shuffle(e, g);
		return;
	case HOW_SWIZZLE:
		swizzle(e, g);
		return;
	case HOW_SPLAT:
		splat(e, op->imm, g);
		return;
	case HOW_LOAD_SPLAT:
		load_splat(e, op->imm, g);
		return;
	case HOW_EXTRACT:
		extract(e, op->imm, g);
		return;
	case HOW_REPLACE:
		replace(e, op->imm, g);
		return;
	case HOW_LOAD_LANE:
	case HOW_STORE_LANE:
		memory_lane(e, op, g);
		return;
	case HOW_FLOAT_EXTRACT:
		extract_float(e, op->imm == 3, g);
		return;
	case HOW_FLOAT_REPLACE:
		replace_float(e, op->imm == 3, g);
		return;
	case HOW_SHIFT:
	case HOW_SHIFT8:
	case HOW_SAR64:
	case HOW_Q15:
	case HOW_MUL64:
	case HOW_EXTMUL:
	case HOW_NEGATE:
	case HOW_ABS64:
	case HOW_POPCNT:
	case HOW_EXTADD8:
	case HOW_EXTADD16:
	case HOW_EXTEND_HIGH:
	case HOW_DOT8_ADD:
		simd_integer(e, op, g);
		return;
	case HOW_MADD:
	case HOW_FLOAT_SIGN:
	case HOW_FLOAT_MIN:
	case HOW_FLOAT_MAX:
	case HOW_TRUNC_F32_S:
	case HOW_TRUNC_F32_U:
	case HOW_TRUNC_F64_S:
	case HOW_TRUNC_F64_U:
	case HOW_CONVERT_U32_F32:
	case HOW_CONVERT_U32_F64:
		simd_floating(e, op, g);
		return;
	}
}
