/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic, comparisons, conversions. */
#include "compiler.h"

static void compare(struct compiler *c, uint8_t type, enum x64_cc cc)
{
	bool wide = type == WASM_I64;
	pop_to(c, type, RCX);
	pop_to(c, type, RAX);
	x64_rr(&c->x, OP_ALU(ALU_CMP), wide, RAX, RCX);
	x64_rr(&c->x, OP_SETCC(cc), 0, 0, RAX);
	x64_rr(&c->x, OP_MOVZX8, 0, RAX, RAX);
	push_from(c, WASM_I32, RAX);
}

/* ucomis a, b: with NaN all of ZF, PF, CF are set, so "below" is asked the other way round. */
static void compare_float(struct compiler *c, bool wide, unsigned n)
{
	static const uint8_t ccs[] = {CC_E, CC_NE, CC_A, CC_A, CC_AE, CC_AE};
	bool swapped = n == 2 || n == 4;
	pop_float(c, wide, swapped ? XMM0 : XMM1);
	pop_float(c, wide, swapped ? XMM1 : XMM0);
	x64_rr(&c->x, wide ? OP_UCOMISD : OP_UCOMISS, 0, XMM0 & 15, XMM1 & 15);
	x64_rr(&c->x, OP_SETCC(ccs[n]), 0, 0, RAX);
	if (n < 2) {
		x64_rr(&c->x, OP_SETCC(n == 0 ? CC_NP : CC_P), 0, 0, RCX);
		x64_rr(&c->x, OP_ALU(n == 0 ? ALU_AND : ALU_OR), 0, RAX, RCX);
	}
	x64_rr(&c->x, OP_MOVZX8, 0, RAX, RAX);
	push_from(c, WASM_I32, RAX);
}

static void divide(struct compiler *c, uint8_t type, bool is_signed, bool remainder)
{
	bool wide = type == WASM_I64;
	struct x64 *x = &c->x;
	pop_to(c, type, RCX);
	pop_to(c, type, RAX);
	x64_rr(x, OP_TEST, wide, RCX, RCX);
	trap_if(c, CC_E, WASM_TRAP_DIVIDE_BY_ZERO);
	uint8_t *done = NULL;
	if (is_signed) {
		/* The smallest number by -1: no quotient, remainder 0. */
		x64_alu_imm(x, ALU_CMP, wide, RCX, -1);
		uint8_t *ordinary = x64_short_jcc(x, CC_NE);
		if (remainder) {
			x64_zero(x, RDX);
			done = x64_short_jmp(x);
		} else {
			x64_mov_imm(x, RDX, wide ? 1ull << 63 : 1u << 31);
			x64_rr(x, OP_ALU(ALU_CMP), wide, RAX, RDX);
			trap_if(c, CC_E, WASM_TRAP_INTEGER_OVERFLOW);
		}
		x64_here(x, ordinary);
		x64_cqo(x, wide);
	} else {
		x64_zero(x, RDX);
	}
	x64_group3(x, is_signed ? 7 : 6, wide, RCX);
	if (done)
		x64_here(x, done);
	push_from(c, type, remainder ? RDX : RAX);
}

static void binary(struct compiler *c, uint8_t type, unsigned n)
{
	static const uint8_t alus[] = {ALU_ADD, ALU_SUB, 0, 0, 0, 0, 0, ALU_AND, ALU_OR, ALU_XOR};
	static const uint8_t shifts[] = {SHIFT_SHL, SHIFT_SAR, SHIFT_SHR, SHIFT_ROL, SHIFT_ROR};
	bool wide = type == WASM_I64;
	if (n >= 3 && n <= 6) {
		divide(c, type, n == 3 || n == 5, n >= 5);
		return;
	}
	pop_to(c, type, RCX);
	pop_to(c, type, RAX);
	if (n == 2)
		x64_rr(&c->x, OP_IMUL, wide, RAX, RCX);
	else if (n >= 10)
		x64_shift_cl(&c->x, shifts[n - 10], wide, RAX);
	else
		x64_rr(&c->x, OP_ALU(alus[n]), wide, RAX, RCX);
	push_from(c, type, RAX);
}

/* clz, ctz, popcnt, by BSR and BSF, which every x86-64 has. */
static void count_bits(struct compiler *c, uint8_t type, unsigned n)
{
	bool wide = type == WASM_I64;
	struct x64 *x = &c->x;
	pop_to(c, type, RAX);
	if (n == 2) {
		x64_rr(x, OP_POPCNT, wide, RAX, RAX);
	} else {
		x64_mov_imm(x, RCX, n == 0 ? (wide ? 127 : 63) : (wide ? 64 : 32));
		x64_rr(x, n == 0 ? OP_BSR : OP_BSF, wide, RAX, RAX);
		x64_rr(x, OP_CMOV(CC_E), wide, RAX, RCX);
		if (n == 0)
			x64_alu_imm(x, ALU_XOR, wide, RAX, wide ? 63 : 31);
	}
	push_from(c, type, RAX);
}

static void round_float(struct compiler *c, bool wide, unsigned mode)
{
	pop_float(c, wide, XMM0);
	x64_rr(&c->x, X64_OP(1, 3, wide ? 0x0b : 0x0a), 0, XMM0 & 15, XMM0 & 15); /* roundss, roundsd */
	x64_u8(&c->x, mode | 8);
	push_float(c, wide, XMM0);
}

/* Equal operands may be zeroes of both signs, and a NaN is the sum's. */
static void min_max(struct compiler *c, bool wide, bool max)
{
	struct x64 *x = &c->x;
	pop_float(c, wide, XMM1);
	pop_float(c, wide, XMM0);
	unsigned scalar = wide ? 3 : 2;
	x64_rr(x, wide ? OP_UCOMISD : OP_UCOMISS, 0, 0, 1);
	uint8_t *nan = x64_short_jcc(x, CC_P), *differ = x64_short_jcc(x, CC_NE);
	x64_rr(x, max ? OP_ANDPS : OP_ORPS, 0, 0, 1);
	uint8_t *done = x64_short_jmp(x);
	x64_here(x, nan);
	x64_rr(x, X64_OP(scalar, 1, 0x58), 0, 0, 1); /* adds */
	uint8_t *done2 = x64_short_jmp(x);
	x64_here(x, differ);
	x64_rr(x, X64_OP(scalar, 1, max ? 0x5f : 0x5d), 0, 0, 1);
	x64_here(x, done);
	x64_here(x, done2);
	push_float(c, wide, XMM0);
}

static void float_binary(struct compiler *c, bool wide, unsigned n)
{
	static const uint8_t ops[] = {0x58, 0x5c, 0x59, 0x5e}; /* add sub mul div */
	if (n >= 4) {
		min_max(c, wide, n == 5);
		return;
	}
	pop_float(c, wide, XMM1);
	pop_float(c, wide, XMM0);
	x64_rr(&c->x, X64_OP(wide ? 3 : 2, 1, ops[n]), 0, 0, 1);
	push_float(c, wide, XMM0);
}

/* abs, neg, copysign: on the bits. */
static void float_sign(struct compiler *c, bool wide, unsigned n)
{
	struct x64 *x = &c->x;
	uint8_t type = wide ? WASM_F64 : WASM_F32;
	uint64_t sign = wide ? 1ull << 63 : 1ull << 31;
	if (n == 2) {
		pop_to(c, type, RDX);
		x64_mov_imm(x, R10, sign);
		x64_rr(x, OP_ALU(ALU_AND), 1, RDX, R10);
	}
	pop_to(c, type, RAX);
	x64_mov_imm(x, RCX, n == 1 ? sign : sign - 1);
	x64_rr(x, OP_ALU(n == 1 ? ALU_XOR : ALU_AND), 1, RAX, RCX);
	if (n == 2)
		x64_rr(x, OP_ALU(ALU_OR), 1, RAX, RDX);
	push_from(c, type, RAX);
}

static void float_unary(struct compiler *c, bool wide, unsigned n)
{
	/* abs neg ceil floor trunc nearest sqrt */
	static const uint8_t modes[] = {0, 0, 2, 1, 3, 0};
	if (n < 2) {
		float_sign(c, wide, n);
	} else if (n < 6) {
		round_float(c, wide, modes[n]);
	} else {
		pop_float(c, wide, XMM0);
		x64_rr(&c->x, X64_OP(wide ? 3 : 2, 1, 0x51), 0, 0, 0);
		push_float(c, wide, XMM0);
	}
}

/* Conversions that the helpers do: an operation's number and a cell in, a cell out. */
void convert_by_helper(struct compiler *c, enum helper h, uint8_t from, uint8_t to, uint32_t operation)
{
	pop_to(c, from, RDX);
	x64_mov_imm(&c->x, RSI, operation);
	call_helper(c, h);
	push_from(c, to, RAX);
}

static void int_to_float(struct compiler *c, uint8_t from, bool is_signed, bool wide)
{
	struct x64 *x = &c->x;
	if (from == WASM_I64 && !is_signed) {
		convert_by_helper(c, HELPER_CONVERT_U64, from, wide ? WASM_F64 : WASM_F32, wide);
		return;
	}
	pop_to(c, from, RAX);
	if (from == WASM_I32 && is_signed)
		x64_rr(x, OP_MOVSXD, 1, RAX, RAX);
	else if (from == WASM_I32)
		x64_mov_rr(x, 0, RAX, RAX);
	x64_rr(x, OP_XORPS, 0, 0, 0);
	x64_rr(x, X64_OP(wide ? 3 : 2, 1, 0x2a), 1, 0, RAX);
	push_float(c, wide, XMM0);
}

static void sign_extend(struct compiler *c, uint8_t type, uint32_t op)
{
	pop_to(c, type, RAX);
	x64_rr(&c->x, op, type == WASM_I64, RAX, RAX);
	push_from(c, type, RAX);
}

static void test_zero(struct compiler *c, uint8_t type)
{
	pop_to(c, type, RCX);
	x64_zero(&c->x, RAX);
	x64_rr(&c->x, OP_TEST, type == WASM_I64, RCX, RCX);
	x64_rr(&c->x, OP_SETCC(CC_E), 0, 0, RAX);
	push_from(c, WASM_I32, RAX);
}

void numeric(struct compiler *c, uint8_t op)
{
	static const uint8_t ccs[] = {CC_E, CC_NE, CC_L, CC_B, CC_G, CC_A, CC_LE, CC_BE, CC_GE, CC_AE};
	if (op == 0x45 || op == 0x50)
		test_zero(c, op == 0x45 ? WASM_I32 : WASM_I64);
	else if (op <= 0x4f)
		compare(c, WASM_I32, ccs[op - 0x46]);
	else if (op <= 0x5a)
		compare(c, WASM_I64, ccs[op - 0x51]);
	else if (op <= 0x60)
		compare_float(c, false, op - 0x5b);
	else if (op <= 0x66)
		compare_float(c, true, op - 0x61);
	else if (op <= 0x69)
		count_bits(c, WASM_I32, op - 0x67);
	else if (op <= 0x78)
		binary(c, WASM_I32, op - 0x6a);
	else if (op <= 0x7b)
		count_bits(c, WASM_I64, op - 0x79);
	else if (op <= 0x8a)
		binary(c, WASM_I64, op - 0x7c);
	else if (op <= 0x91)
		float_unary(c, false, op - 0x8b);
	else if (op <= 0x97)
		float_binary(c, false, op - 0x92);
	else if (op == 0x98)
		float_sign(c, false, 2);
	else if (op <= 0x9f)
		float_unary(c, true, op - 0x99);
	else if (op <= 0xa5)
		float_binary(c, true, op - 0xa0);
	else
		float_sign(c, true, 2);
}

void conversion(struct compiler *c, uint8_t op)
{
	struct x64 *x = &c->x;
	switch (op) {
	case 0xa7: /* i32.wrap_i64 */
		pop_to(c, WASM_I64, RAX);
		x64_mov_rr(x, 0, RAX, RAX);
		push_from(c, WASM_I32, RAX);
		break;
	case 0xa8: case 0xa9: case 0xaa: case 0xab:
		convert_by_helper(c, HELPER_TRUNC, op < 0xaa ? WASM_F32 : WASM_F64, WASM_I32, op - 0xa8u);
		break;
	case 0xac:
		pop_to(c, WASM_I32, RAX);
		x64_rr(x, OP_MOVSXD, 1, RAX, RAX);
		push_from(c, WASM_I64, RAX);
		break;
	case 0xad:
		pop_to(c, WASM_I32, RAX);
		x64_mov_rr(x, 0, RAX, RAX);
		push_from(c, WASM_I64, RAX);
		break;
	case 0xae: case 0xaf: case 0xb0: case 0xb1:
		convert_by_helper(c, HELPER_TRUNC, op < 0xb0 ? WASM_F32 : WASM_F64, WASM_I64, 4 + (op - 0xaeu));
		break;
	case 0xb2: case 0xb3: case 0xb4: case 0xb5:
		int_to_float(c, op < 0xb4 ? WASM_I32 : WASM_I64, !((op - 0xb2) & 1), false);
		break;
	case 0xb6: /* f32.demote_f64 */
		pop_float(c, true, XMM0);
		x64_rr(x, X64_OP(3, 1, 0x5a), 0, 0, 0);
		push_float(c, false, XMM0);
		break;
	case 0xb7: case 0xb8: case 0xb9: case 0xba:
		int_to_float(c, op < 0xb9 ? WASM_I32 : WASM_I64, !((op - 0xb7) & 1), true);
		break;
	case 0xbb: /* f64.promote_f32 */
		pop_float(c, false, XMM0);
		x64_rr(x, X64_OP(2, 1, 0x5a), 0, 0, 0);
		push_float(c, true, XMM0);
		break;
	case 0xbc: case 0xbd: case 0xbe: case 0xbf: { /* reinterpretations: the slot stays as it is */
		static const uint8_t from[] = {WASM_F32, WASM_F64, WASM_I32, WASM_I64};
		static const uint8_t to[] = {WASM_I32, WASM_I64, WASM_F32, WASM_F64};
		pop_type(c, from[op - 0xbc]);
		push_type(c, to[op - 0xbc]);
		break;
	}
	case 0xc0: sign_extend(c, WASM_I32, OP_MOVSX8); break;
	case 0xc1: sign_extend(c, WASM_I32, OP_MOVSX16); break;
	case 0xc2: sign_extend(c, WASM_I64, OP_MOVSX8); break;
	case 0xc3: sign_extend(c, WASM_I64, OP_MOVSX16); break;
	case 0xc4: sign_extend(c, WASM_I64, OP_MOVSXD); break;
	}
}
