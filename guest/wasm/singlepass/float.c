/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic and comparisons of floats, and conversions. */
#include "guest/wasm/singlepass/compiler.h"

static uint32_t float_type(bool wide)
{
	return wide ? WASM_F64 : WASM_F32;
}

/* An instruction for scalars: F3 0F for floats, F2 0F for doubles. */
static uint32_t scalar(bool wide, uint32_t byte)
{
	return wide ? X64_OP(3, 1, byte) : X64_OP(2, 1, byte);
}

static uint32_t ucomis(bool wide)
{
	return wide ? OP_UCOMISD : OP_UCOMISS;
}

static uint64_t sign_bit(bool wide)
{
	return wide ? 1ull << 63 : 1ull << 31;
}

/* Without AVX: a is moved to dst first; b is v's register, or X64_NONE. */
static void operate_in_place(struct compiler *c, uint32_t op, unsigned dst, unsigned a, unsigned b,
			     const struct value *v)
{
	struct x64 *x = &c->x;
	if (dst == b && dst != a) { /* the second operand is in the result's register */
		x64_rr(x, OP_MOVAPS, 0, FLOAT_SCRATCH, b);
		b = FLOAT_SCRATCH;
	}
	if (dst != a)
		x64_rr(x, OP_MOVAPS, 0, dst, a);
	if (b == X64_NONE)
		x64_rm(x, op, 0, dst, value_mem(c, v));
	else
		x64_rr(x, op, 0, dst, b);
}

/* op dst, a, v: in the three-operand form if the CPU has it. A scalar needs no alignment. */
static void operate(struct compiler *c, uint32_t op, unsigned dst, unsigned a,
		    const struct value *v)
{
	unsigned b = reg_of(c, v);
	if (b == X64_NONE && v->location == AT_CONST && !pool_holds(c, v->bits)) {
		b = FLOAT_SCRATCH;
		load_to(c, v, b);
	}
	if (!(c->m->options.cpu & WASM_CPU_AVX))
		operate_in_place(c, op, dst, a, b, v);
	else if (b == X64_NONE)
		x64_vex_rrm(&c->x, op, 0, dst, a, value_mem(c, v));
	else
		x64_vex_rrr(&c->x, op, 0, dst, a, b);
	if (b == X64_NONE && v->location == AT_CONST)
		pool_used(c, v->bits);
}

/* ucomis a, b: with NaN all of ZF, PF, CF are set, so "below" is asked the other way round. */
void handle_float_compare(struct compiler *c, const struct wasm_opcode *o)
{
	static const uint8_t ccs[] = {
		[OPERATION_EQ] = CC_FEQ, [OPERATION_NE] = CC_FNE, [OPERATION_LT] = CC_A,
		[OPERATION_GT] = CC_A,   [OPERATION_LE] = CC_AE,  [OPERATION_GE] = CC_AE,
	};
	struct value b = pop_value(c, o->operand), a = pop_value(c, o->operand);
	bool below = o->operation == OPERATION_LT || o->operation == OPERATION_LE;
	if (below)
		swap_values(&a, &b);
	emit_value(c, ucomis(o->operand == WASM_F64), 0, to_reg(c, &a), &b);
	release(c, &a);
	release(c, &b);
	push_condition(c, ccs[o->operation]);
}

/* Equal operands may be zeroes of both signs, and a NaN is the sum's. */
static void min_max(struct compiler *c, bool wide, bool max)
{
	struct x64 *x = &c->x;
	struct value b, a;
	unsigned other = pop_to_reg(c, float_type(wide), &b);
	a = pop_value(c, float_type(wide));
	unsigned dst = to_own(c, &a);
	x64_rr(x, ucomis(wide), 0, dst, other);
	uint8_t *nan = x64_short_jcc(x, CC_P), *differ = x64_short_jcc(x, CC_NE);
	x64_rr(x, max ? OP_ANDPS : OP_ORPS, 0, dst, other);
	uint8_t *done = x64_short_jmp(x);
	x64_here(x, nan);
	x64_rr(x, scalar(wide, 0x58), 0, dst, other); /* adds */
	uint8_t *done2 = x64_short_jmp(x);
	x64_here(x, differ);
	x64_rr(x, scalar(wide, max ? 0x5f : 0x5d), 0, dst, other);
	x64_here(x, done);
	x64_here(x, done2);
	release(c, &b);
	push_reg(c, float_type(wide), dst);
}

static void copy_sign(struct compiler *c, bool wide)
{
	struct x64 *x = &c->x;
	struct value b, a;
	unsigned sign = pop_to_reg(c, float_type(wide), &b);
	a = pop_value(c, float_type(wide));
	unsigned dst = to_own(c, &a);
	x64_mov_imm(x, SCRATCH, sign_bit(wide));
	x64_rr(x, OP_MOVD_TO_XMM, 1, FLOAT_SCRATCH, SCRATCH);
	x64_rr(x, OP_MOVAPS, 0, FLOAT_SCRATCH2, FLOAT_SCRATCH);
	x64_rr(x, OP_ANDPS, 0, FLOAT_SCRATCH2, sign);
	x64_rr(x, OP_ANDNPS, 0, FLOAT_SCRATCH, dst);
	x64_rr(x, OP_ORPS, 0, FLOAT_SCRATCH, FLOAT_SCRATCH2);
	x64_rr(x, OP_MOVAPS, 0, dst, FLOAT_SCRATCH);
	release(c, &b);
	push_reg(c, float_type(wide), dst);
}

void handle_float_binary(struct compiler *c, const struct wasm_opcode *o)
{
	static const uint8_t ops[] = {[OPERATION_ADD] = 0x58,
				      [OPERATION_SUB] = 0x5c,
				      [OPERATION_MUL] = 0x59,
				      [OPERATION_DIV] = 0x5e};
	uint32_t type = o->operand;
	bool wide = type == WASM_F64;
	bool commutes = o->operation == OPERATION_ADD || o->operation == OPERATION_MUL;
	if (o->operation == OPERATION_COPYSIGN) {
		copy_sign(c, wide);
		return;
	}
	if (o->operation == OPERATION_MIN || o->operation == OPERATION_MAX) {
		min_max(c, wide, o->operation == OPERATION_MAX);
		return;
	}
	struct value b = pop_value(c, type), a = pop_value(c, type);
	if (a.location == AT_CONST && commutes) {
		swap_values(&a, &b);
	}
	unsigned ra = to_reg(c, &a);
	release(c, &a);
	/* Not a's register when b is loaded into it: operate() reads a last only where b is
	 * elsewhere. */
	unsigned dst = result_reg(c, type);
	if (dst == X64_NONE && a.location == AT_REG) {
		dst = a.reg;
		c->regs.free &= ~BIT(dst);
	} else if (dst == X64_NONE && b.location == AT_REG) {
		dst = b.reg;
	} else if (dst == X64_NONE) {
		dst = alloc_reg(c, FLOATS);
	}
	operate(c, scalar(wide, ops[o->operation]), dst, ra, &b);
	if (b.location != AT_REG || b.reg != dst)
		release(c, &b);
	push_result(c, type, dst);
}

/* abs, neg: on the bits. */
static void float_sign(struct compiler *c, bool wide, bool negate)
{
	struct value a;
	unsigned src = pop_to_reg(c, float_type(wide), &a);
	struct value mask = {.location = AT_CONST, .type = WASM_F64, .bits = sign_bit(wide)};
	if (!negate)
		mask.bits--;
	load_to(c, &mask, FLOAT_SCRATCH); /* in memory it would have to have 16 bytes */
	mask = (struct value){.location = AT_REG, .type = WASM_F64, .reg = FLOAT_SCRATCH};
	release(c, &a);
	unsigned dst = alloc_result(c, float_type(wide));
	operate(c, negate ? OP_XORPS : OP_ANDPS, dst, src, &mask);
	push_result(c, float_type(wide), dst);
}

void handle_float_unary(struct compiler *c, const struct wasm_opcode *o)
{
	static const uint8_t modes[] = {[OPERATION_CEIL] = 2,
					[OPERATION_FLOOR] = 1,
					[OPERATION_TRUNC] = 3,
					[OPERATION_NEAREST] = 0};
	bool wide = o->operand == WASM_F64;
	if (o->operation == OPERATION_ABS || o->operation == OPERATION_NEG) {
		float_sign(c, wide, o->operation == OPERATION_NEG);
		return;
	}
	struct value v;
	unsigned src = pop_to_reg(c, o->operand, &v);
	release(c, &v);
	unsigned dst = alloc_result(c, o->operand);
	if (o->operation == OPERATION_SQRT) {
		x64_rr(&c->x, scalar(wide, 0x51), 0, dst, src);
	} else {
		x64_rr(&c->x, X64_OP(1, 3, wide ? 0x0b : 0x0a), 0, dst, src); /* roundss, roundsd */
		x64_u8(&c->x, modes[o->operation] | 8);
	}
	push_result(c, o->operand, dst);
}

/* --- conversions --- */

/* The top operand becomes one of another type with the same bits. */
static void reinterpret(struct compiler *c, uint32_t from, uint32_t to)
{
	struct value v = pop_value(c, from);
	if (v.location == AT_SLOT || v.location == AT_CONST) {
		v.type = to;
		push_popped(c, &v);
		return;
	}
	unsigned src = to_reg(c, &v);
	release(c, &v);
	unsigned dst = alloc_result(c, to);
	if (type_is_float(to))
		x64_rr(&c->x, OP_MOVD_TO_XMM, is_wide(from), dst, src);
	else
		x64_rr(&c->x, OP_MOVD_FROM_XMM, is_wide(from), src, dst);
	push_result(c, to, dst);
}

static uint32_t truncation(const struct wasm_opcode *o)
{
	uint32_t what = 0;
	if (o->operation == OPERATION_TRUNC_U)
		what |= TRUNC_UNSIGNED;
	if (o->operand == WASM_F64)
		what |= TRUNC_FROM_F64;
	if (o->result == WASM_I64)
		what |= TRUNC_TO_I64;
	return what;
}

bool is_converted_by_helper(const struct wasm_opcode *o)
{
	return o->operation == OPERATION_TRUNC_U && o->result == WASM_I64;
}

/* HELPER_TRUNC: what it does and a cell in, a cell out. */
static void truncate_by_helper(struct compiler *c, uint32_t from, uint32_t to, uint32_t what)
{
	static const uint32_t i32[] = {WASM_I32, WASM_I32}, i64[] = {WASM_I32, WASM_I64};
	uint32_t cell = is_wide(from) ? WASM_I64 : WASM_I32;
	struct value v;
	unsigned src = pop_to_reg(c, from, &v), bits = src;
	if (type_is_float(from)) {
		bits = alloc_reg(c, INTS);
		x64_rr(&c->x, OP_MOVD_FROM_XMM, is_wide(from), src, bits);
		release(c, &v);
	}
	push_const(c, WASM_I32, what);
	push_reg(c, cell, bits);
	call_helper(c, HELPER_TRUNC, is_wide(from) ? i64 : i32, 2, NULL, 0);
	push_call_result(c, to);
}

/* cvttss2si, cvttsd2si give one number for all that does not fit: then a closer look. */
static void truncate(struct compiler *c, const struct wasm_opcode *o)
{
	struct x64 *x = &c->x;
	uint32_t from = o->operand, to = o->result;
	bool is_unsigned = o->operation == OPERATION_TRUNC_U;
	if (is_converted_by_helper(o)) {
		truncate_by_helper(c, from, to, truncation(o));
		return;
	}
	struct value v;
	unsigned src = pop_to_reg(c, from, &v);
	unsigned dst = alloc_reg(c, INTS);
	x64_rr(x, scalar(from == WASM_F64, 0x2c), 1, dst, src);
	uint8_t *fits;
	if (to == WASM_I64) {
		x64_alu_imm(x, ALU_CMP, 1, dst, 1);
		fits = x64_short_jcc(x, CC_NO);
		/* Only -2^63 itself is right. */
		x64_mov_imm(x, SCRATCH, from == WASM_F64 ? 0xc3e0000000000000 : 0xdf000000);
		x64_rr(x, OP_MOVD_TO_XMM, 1, FLOAT_SCRATCH, SCRATCH);
		x64_rr(x, ucomis(from == WASM_F64), 0, src, FLOAT_SCRATCH);
		trap_if(c, CC_P, WASM_TRAP_INVALID_CONVERSION);
		trap_if(c, CC_NE, WASM_TRAP_INTEGER_OVERFLOW);
	} else {
		if (is_unsigned)
			x64_mov_rr(x, 0, SCRATCH, dst);
		else
			x64_rr(x, OP_MOVSXD, 1, SCRATCH, dst);
		x64_rr(x, OP_ALU(ALU_CMP), 1, SCRATCH, dst);
		fits = x64_short_jcc(x, CC_E);
		x64_rr(x, ucomis(from == WASM_F64), 0, src, src);
		trap_if(c, CC_P, WASM_TRAP_INVALID_CONVERSION);
		x64_jmp32(x, 0);
		add_patch(c, &c->fn.traps[WASM_TRAP_INTEGER_OVERFLOW]);
	}
	x64_here(x, fits);
	if (to == WASM_I32)
		x64_mov_rr(x, 0, dst, dst);
	release(c, &v);
	push_reg(c, to, dst);
}

/* Does not fit: 0 for a NaN, otherwise the smallest or the largest number of the type. */
static void saturate(struct compiler *c, bool from_f64, bool wide, bool is_unsigned, unsigned dst,
		     unsigned src)
{
	static const uint64_t largest[2][2] = {{INT32_MAX, INT64_MAX}, {UINT32_MAX, UINT64_MAX}};
	struct x64 *x = &c->x;
	uint32_t compare = ucomis(from_f64);
	x64_rr(x, OP_XORPS, 0, FLOAT_SCRATCH, FLOAT_SCRATCH);
	x64_mov_imm(x, dst, 0);
	x64_rr(x, compare, 0, src, FLOAT_SCRATCH);
	uint8_t *nan = x64_short_jcc(x, CC_P);
	if (!is_unsigned)
		x64_mov_imm(x, dst, sign_bit(wide));
	uint8_t *below = x64_short_jcc(x, CC_B);
	x64_mov_imm(x, dst, largest[is_unsigned][wide]);
	x64_here(x, nan);
	x64_here(x, below);
}

/*
 * From 2^63 on, what is above it is converted; from 2^64 on, and below 0, the sign says that it
 * does not fit.
 */
static void saturate_u64(struct compiler *c, bool from_f64, unsigned dst, unsigned src)
{
	struct x64 *x = &c->x;
	uint32_t convert = scalar(from_f64, 0x2c), subtract = scalar(from_f64, 0x5c);
	x64_rr(x, convert, 1, dst, src);
	x64_rr(x, OP_TEST, 1, dst, dst);
	uint8_t *fits = x64_short_jcc(x, CC_NS);
	x64_mov_imm(x, SCRATCH, from_f64 ? 0x43e0000000000000 : 0x5f000000); /* 2^63 */
	x64_rr(x, OP_MOVD_TO_XMM, 1, FLOAT_SCRATCH, SCRATCH);
	x64_rr(x, OP_MOVAPS, 0, FLOAT_SCRATCH2, src);
	x64_rr(x, subtract, 0, FLOAT_SCRATCH2, FLOAT_SCRATCH);
	x64_rr(x, convert, 1, dst, FLOAT_SCRATCH2);
	x64_mov_imm(x, SCRATCH, 1ull << 63);
	x64_rr(x, OP_TEST, 1, dst, dst);
	uint8_t *outside = x64_short_jcc(x, CC_S);
	x64_rr(x, OP_ALU(ALU_XOR), 1, dst, SCRATCH);
	uint8_t *done = x64_short_jmp(x);
	x64_here(x, outside);
	saturate(c, from_f64, true, true, dst, src);
	x64_here(x, done);
	x64_here(x, fits);
}

void handle_saturate(struct compiler *c, const struct wasm_opcode *o)
{
	struct x64 *x = &c->x;
	bool from_f64 = o->operand == WASM_F64, wide = o->result == WASM_I64;
	bool is_unsigned = o->operation == OPERATION_TRUNC_U;
	struct value v;
	unsigned src = pop_to_reg(c, float_type(from_f64), &v), dst = alloc_reg(c, INTS);
	if (wide && is_unsigned) {
		saturate_u64(c, from_f64, dst, src);
	} else {
		x64_rr(x, scalar(from_f64, 0x2c), 1, dst, src);
		if (wide)
			x64_alu_imm(x, ALU_CMP, 1, dst, 1);
		else if (is_unsigned)
			x64_mov_rr(x, 0, SCRATCH, dst);
		else
			x64_rr(x, OP_MOVSXD, 1, SCRATCH, dst);
		if (!wide)
			x64_rr(x, OP_ALU(ALU_CMP), 1, SCRATCH, dst);
		uint8_t *fits = x64_short_jcc(x, wide ? CC_NO : CC_E);
		saturate(c, from_f64, wide, is_unsigned, dst, src);
		x64_here(x, fits);
		if (!wide)
			x64_mov_rr(x, 0, dst, dst);
	}
	release(c, &v);
	push_reg(c, wide ? WASM_I64 : WASM_I32, dst);
}

/* Above 2^63: half of it, odd if anything was lost, doubled. */
static void unsigned_to_float(struct compiler *c, unsigned src, unsigned dst, bool wide)
{
	struct x64 *x = &c->x;
	x64_rr(x, OP_TEST, 1, src, src);
	uint8_t *large = x64_short_jcc(x, CC_S);
	x64_rr(x, scalar(wide, 0x2a), 1, dst, src);
	uint8_t *done = x64_short_jmp(x);
	x64_here(x, large);
	x64_mov_rr(x, 1, SCRATCH, src);
	x64_shift_imm(x, SHIFT_SHR, 1, SCRATCH, 1);
	x64_alu_imm(x, ALU_AND, 0, src, 1);
	x64_rr(x, OP_ALU(ALU_OR), 1, SCRATCH, src);
	x64_rr(x, scalar(wide, 0x2a), 1, dst, SCRATCH);
	x64_rr(x, scalar(wide, 0x58), 0, dst, dst);
	x64_here(x, done);
}

static void int_to_float(struct compiler *c, const struct wasm_opcode *o)
{
	uint32_t from = o->operand;
	bool is_signed = o->operation == OPERATION_CONVERT_S, wide = o->result == WASM_F64;
	struct value v = pop_value(c, from);
	bool large = from == WASM_I64 && !is_signed;
	unsigned src = large ? to_own(c, &v) : to_reg(c, &v);
	release(c, &v);
	unsigned dst = alloc_result(c, float_type(wide));
	x64_rr(&c->x, OP_XORPS, 0, dst, dst);
	if (large)
		unsigned_to_float(c, src, dst, wide);
	else
		x64_rr(&c->x, scalar(wide, 0x2a), from == WASM_I64 || !is_signed, dst, src);
	push_result(c, float_type(wide), dst);
}

/* A unary instruction: op dst, src. */
static void convert(struct compiler *c, const struct wasm_opcode *o, uint32_t op, unsigned w)
{
	uint32_t from = o->operand, to = o->result;
	struct value v;
	unsigned src = pop_to_reg(c, from, &v);
	if (class_of(from) == class_of(to))
		release(c, &v);
	unsigned dst = alloc_result(c, to);
	x64_rr(&c->x, op, w, dst, src);
	if (class_of(from) != class_of(to))
		release(c, &v);
	push_result(c, to, dst);
}

/* An i32 in a register has no bits above: nothing to do but to change the type. */
static void extend_unsigned(struct compiler *c)
{
	struct value v = pop_value(c, WASM_I32);
	unsigned dst = result_reg(c, WASM_I64);
	if (dst != X64_NONE) {
		load_to(c, &v, dst);
		release(c, &v);
		push_result(c, WASM_I64, dst);
		return;
	}
	if (v.location == AT_SLOT || v.location == AT_FLAGS ||
	    (v.location == AT_LOCAL && reg_of(c, &v) == X64_NONE))
		(void)to_own(c, &v);
	v.type = WASM_I64;
	push_popped(c, &v);
}

void handle_convert(struct compiler *c, const struct wasm_opcode *o)
{
	bool wide = is_wide(o->result);
	switch (o->operation) {
	case OPERATION_WRAP:
		convert(c, o, OP_MOV_LOAD, 0);
		break;
	case OPERATION_TRUNC_S:
	case OPERATION_TRUNC_U:
		truncate(c, o);
		break;
	case OPERATION_EXTEND_S:
	case OPERATION_EXTEND32_S:
		convert(c, o, OP_MOVSXD, 1);
		break;
	case OPERATION_EXTEND_U:
		extend_unsigned(c);
		break;
	case OPERATION_CONVERT_S:
	case OPERATION_CONVERT_U:
		int_to_float(c, o);
		break;
	case OPERATION_DEMOTE:
		convert(c, o, X64_OP(3, 1, 0x5a), 0);
		break;
	case OPERATION_PROMOTE:
		convert(c, o, X64_OP(2, 1, 0x5a), 0);
		break;
	case OPERATION_REINTERPRET:
		reinterpret(c, o->operand, o->result);
		break;
	case OPERATION_EXTEND8_S:
		convert(c, o, OP_MOVSX8, wide);
		break;
	case OPERATION_EXTEND16_S:
		convert(c, o, OP_MOVSX16, wide);
		break;
	}
}
