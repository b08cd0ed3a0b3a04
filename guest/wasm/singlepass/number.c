/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic and comparisons of integers. */
#include "guest/wasm/singlepass/compiler.h"
#include "guest/wasm/singlepass/fuse.h"

/* A constant that an instruction takes as its immediate. */
static bool is_immediate(const struct value *v)
{
	return v->location == AT_CONST &&
	       (!is_wide(v->type) || v->bits == (uint64_t)(int64_t)(int32_t)v->bits);
}

/* op dst, v */
static void alu(struct compiler *c, enum x64_alu op, unsigned w, unsigned dst,
		const struct value *v)
{
	if (is_immediate(v))
		x64_alu_imm(&c->x, op, w, dst, (int32_t)v->bits);
	else
		emit_value(c, OP_ALU(op), w, dst, v);
}

/* --- comparisons --- */

static unsigned swapped(unsigned cc)
{
	switch (cc) {
	case CC_L:
		return CC_G;
	case CC_G:
		return CC_L;
	case CC_LE:
		return CC_GE;
	case CC_GE:
		return CC_LE;
	case CC_B:
		return CC_A;
	case CC_A:
		return CC_B;
	case CC_BE:
		return CC_AE;
	case CC_AE:
		return CC_BE;
	}
	return cc;
}

void handle_compare(struct compiler *c, const struct wasm_opcode *o)
{
	static const uint8_t ccs[] = {
		[OPERATION_EQ] = CC_E,    [OPERATION_NE] = CC_NE,   [OPERATION_LT_S] = CC_L,
		[OPERATION_LT_U] = CC_B,  [OPERATION_GT_S] = CC_G,  [OPERATION_GT_U] = CC_A,
		[OPERATION_LE_S] = CC_LE, [OPERATION_LE_U] = CC_BE, [OPERATION_GE_S] = CC_GE,
		[OPERATION_GE_U] = CC_AE,
	};
	uint32_t type = o->operand;
	unsigned cc = ccs[o->operation];
	struct value b = pop_value(c, type), a = pop_value(c, type);
	bool wide = type == WASM_I64;
	if (a.location == AT_CONST) {
		swap_values(&a, &b);
		cc = swapped(cc);
	}
	if ((a.location == AT_SLOT || a.location == AT_MEM) && is_immediate(&b)) {
		x64_alu_mem_imm(&c->x, ALU_CMP, wide, value_mem(c, &a), (int32_t)b.bits);
	} else {
		unsigned reg = to_reg(c, &a);
		if (b.location == AT_CONST && b.bits == 0)
			x64_rr(&c->x, OP_TEST, wide, reg, reg);
		else
			alu(c, ALU_CMP, wide, reg, &b);
	}
	release(c, &a);
	release(c, &b);
	push_condition(c, cc);
}

void handle_test(struct compiler *c, uint32_t type)
{
	struct value v = pop_value(c, type);
	if (v.location == AT_FLAGS) {
		push_condition(c, v.reg ^ 1u);
		return;
	}
	if (v.location == AT_SLOT || v.location == AT_MEM) {
		x64_alu_mem_imm(&c->x, ALU_CMP, type == WASM_I64, value_mem(c, &v), 0);
	} else {
		unsigned reg = to_reg(c, &v);
		x64_rr(&c->x, OP_TEST, type == WASM_I64, reg, reg);
	}
	release(c, &v);
	push_condition(c, CC_E);
}

/* --- operations with a result --- */

/*
 * The register that an operation on a and b, `op dst, b`, has its result in, with a in it: the next
 * instruction's local_reg, a's own, or a new one.
 */
static unsigned prepare(struct compiler *c, uint32_t type, struct value *a, struct value *b,
			bool commutes)
{
	unsigned local_reg = result_reg(c, type);
	if (local_reg != X64_NONE && commutes && reg_of(c, b) == local_reg)
		swap_values(a, b);
	if (b->location == AT_MEM && c->regs.pending.index == local_reg &&
	    reg_of(c, a) != local_reg)
		local_reg = X64_NONE; /* which the address needs */
	if (local_reg != X64_NONE && (reg_of(c, b) != local_reg || reg_of(c, a) == local_reg)) {
		load_to(c, a, local_reg);
		release(c, a);
		return local_reg;
	}
	c->regs.hint = WASM_NONE;
	return to_own(c, a);
}

/* a + b by lea, when a's register must stay: into the local_reg that follows, or a new register. */
static bool add_by_lea(struct compiler *c, uint32_t type, const struct value *a,
		       const struct value *b, bool subtract)
{
	unsigned ra = reg_of(c, a), rb = reg_of(c, b);
	bool immediate = is_immediate(b) && (int32_t)b->bits != INT32_MIN;
	if (ra == X64_NONE || (!immediate && (rb == X64_NONE || subtract)))
		return false;
	unsigned local_reg = result_reg(c, type);
	if (local_reg == X64_NONE && (a->location == AT_REG || b->location == AT_REG))
		return false;
	if (local_reg != X64_NONE && (local_reg == ra || local_reg == rb))
		return false;
	unsigned dst = local_reg;
	if (dst == X64_NONE)
		dst = alloc_reg(c, INTS);
	struct x64_mem sum;
	if (!immediate)
		sum = x64_at_index(ra, rb, 0, 0);
	else if (subtract)
		sum = x64_at(ra, -(int32_t)b->bits);
	else
		sum = x64_at(ra, (int32_t)b->bits);
	x64_lea(&c->x, type == WASM_I64, dst, sum);
	release(c, a);
	release(c, b);
	push_result(c, type, dst);
	return true;
}

/* Is a value that is not 0 all that the next instruction asks for? */
static bool is_tested(const struct compiler *c, bool wide)
{
	uint8_t next = next_insn(c).op;
	if (wide)
		return next == WASM_OP_I64_EQZ;
	return next == WASM_OP_I32_EQZ || next == WASM_OP_BR_IF || next == WASM_OP_IF;
}

static void arithmetic(struct compiler *c, uint32_t type, enum x64_alu op)
{
	struct value b = pop_value(c, type), a = pop_value(c, type);
	bool wide = type == WASM_I64, commutes = op != ALU_SUB;
	if (commutes && (a.location == AT_CONST || (b.location == AT_REG && a.location != AT_REG)))
		swap_values(&a, &b);
	if (op == ALU_AND && is_tested(c, wide) && !c->dead) {
		unsigned reg = to_reg(c, &a);
		if (is_immediate(&b))
			x64_test_imm(&c->x, wide, reg, (int32_t)b.bits);
		else
			emit_value(c, OP_TEST, wide, reg, &b);
		release(c, &a);
		release(c, &b);
		if (wide) { /* i64.eqz takes no i32: done here */
			c->r.p++;
			push_condition(c, CC_E);
		} else {
			push_condition(c, CC_NE);
		}
		return;
	}
	if ((op == ALU_ADD || op == ALU_SUB) && add_by_lea(c, type, &a, &b, op == ALU_SUB))
		return;
	unsigned dst = prepare(c, type, &a, &b, commutes);
	alu(c, op, wide, dst, &b);
	release(c, &b);
	push_result(c, type, dst);
}

void handle_arithmetic(struct compiler *c, const struct wasm_opcode *o)
{
	static const uint8_t alus[] = {
		[OPERATION_ADD] = ALU_ADD, [OPERATION_SUB] = ALU_SUB, [OPERATION_AND] = ALU_AND,
		[OPERATION_OR] = ALU_OR,   [OPERATION_XOR] = ALU_XOR,
	};
	arithmetic(c, o->operand, alus[o->operation]);
}

void handle_multiply(struct compiler *c, uint32_t type)
{
	struct value b = pop_value(c, type), a = pop_value(c, type);
	bool wide = type == WASM_I64;
	if (a.location == AT_CONST || (b.location == AT_REG && a.location != AT_REG))
		swap_values(&a, &b);
	if (is_immediate(&b) && a.location != AT_CONST) {
		unsigned src = to_reg(c, &a);
		release(c, &a);
		unsigned dst = alloc_result(c, type);
		bool small = (int64_t)(int32_t)b.bits == (int8_t)b.bits;
		if (small) {
			x64_rr(&c->x, OP_IMUL_IMM8, wide, dst, src);
			x64_u8(&c->x, (uint8_t)b.bits);
		} else {
			x64_rr(&c->x, OP_IMUL_IMM32, wide, dst, src);
			x64_u32(&c->x, (uint32_t)b.bits);
		}
		push_result(c, type, dst);
		return;
	}
	unsigned dst = prepare(c, type, &a, &b, true);
	emit_value(c, OP_IMUL, wide, dst, &b);
	release(c, &b);
	push_result(c, type, dst);
}

/* base + (a << 1, 2 or 3), when the next instruction is that sum: one lea. */
static bool add_shifted(struct compiler *c, uint32_t type, struct value *a, uint32_t count)
{
	const struct value *below = &c->stack.at[c->stack.height - 1];
	enum wasm_op add = type == WASM_I64 ? WASM_OP_I64_ADD : WASM_OP_I32_ADD;
	if (!next_is(c, add) || count < 1 || count > 3 || c->dead ||
	    c->stack.height == top(c)->height || below->type != type || below->location == AT_CONST)
		return false;
	c->r.p++;
	struct value base;
	unsigned rb = pop_to_reg(c, type, &base), ra = to_reg(c, a);
	release(c, &base);
	release(c, a);
	unsigned dst = alloc_result(c, type);
	x64_lea(&c->x, type == WASM_I64, dst, x64_at_index(rb, ra, count, 0));
	push_result(c, type, dst);
	return true;
}

/* The bits of a shift's count that count. */
static uint32_t count_mask(bool wide)
{
	return wide ? 63 : 31;
}

static void shift_by_constant(struct compiler *c, uint32_t type, enum x64_shift how,
			      struct value *a, uint32_t count)
{
	bool wide = type == WASM_I64;
	if (how == SHIFT_SHL && add_shifted(c, type, a, count))
		return;
	struct value none = {.location = AT_CONST, .type = type};
	bool rotates = how == SHIFT_ROL || how == SHIFT_ROR;
	if (rotates && (c->m->options.cpu & WASM_CPU_BMI2)) {
		unsigned src = to_reg(c, a);
		release(c, a);
		unsigned dst = alloc_result(c, type);
		if (how == SHIFT_ROL)
			count = (0 - count) & count_mask(wide);
		x64_rorx(&c->x, wide, dst, src, count);
		push_result(c, type, dst);
		return;
	}
	unsigned dst = prepare(c, type, a, &none, false);
	x64_shift_imm(&c->x, how, wide, dst, count);
	push_result(c, type, dst);
}

void handle_shift(struct compiler *c, const struct wasm_opcode *o)
{
	static const uint8_t shifts[] = {
		[OPERATION_SHL] = SHIFT_SHL,   [OPERATION_SHR_S] = SHIFT_SAR,
		[OPERATION_SHR_U] = SHIFT_SHR, [OPERATION_ROTL] = SHIFT_ROL,
		[OPERATION_ROTR] = SHIFT_ROR,
	};
	uint32_t type = o->operand;
	enum x64_shift how = shifts[o->operation];
	struct value b = pop_value(c, type), a = pop_value(c, type);
	bool wide = type == WASM_I64;
	if (b.location == AT_CONST) {
		shift_by_constant(c, type, how, &a, (uint32_t)b.bits & count_mask(wide));
		return;
	}
	if (how != SHIFT_ROL && how != SHIFT_ROR && (c->m->options.cpu & WASM_CPU_BMI2)) {
		unsigned count = to_reg(c, &b), src = to_reg(c, &a);
		release(c, &a);
		release(c, &b);
		unsigned dst = alloc_result(c, type);
		x64_shiftx(&c->x, how, wide, dst, src, count);
		push_result(c, type, dst);
		return;
	}
	to_fixed(c, &b, RCX, &a);
	unsigned dst = prepare(c, type, &a, &b, false);
	x64_shift_cl(&c->x, how, wide, dst);
	release(c, &b);
	push_result(c, type, dst);
}

/* --- division --- */

/* The result is one of two registers; the other becomes free. */
static void push_one_of(struct compiler *c, uint32_t type, bool first, unsigned a, unsigned b)
{
	c->regs.free |= BIT(first ? b : a);
	push_reg(c, type, first ? a : b);
}

static bool by_power_of_two(struct compiler *c, uint32_t type, struct value *a, uint64_t by,
			    bool remainder)
{
	if (by == 0 || (by & (by - 1)))
		return false;
	struct value mask = {.location = AT_CONST, .type = type, .bits = by - 1};
	if (!remainder) {
		shift_by_constant(c, type, SHIFT_SHR, a, (uint32_t)__builtin_ctzll(by));
		return true;
	}
	unsigned dst = prepare(c, type, a, &mask, false);
	alu(c, ALU_AND, type == WASM_I64, dst, &mask);
	push_result(c, type, dst);
	return true;
}

/* The smallest number by -1: no quotient, remainder 0. Returns the jump over the division, or NULL.
 */
static uint8_t *minus_one(struct compiler *c, bool wide, unsigned by, bool remainder)
{
	struct x64 *x = &c->x;
	uint8_t *done = NULL;
	x64_alu_imm(x, ALU_CMP, wide, by, -1);
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
	return done;
}

/*
 * n / d as a multiplication, n unsigned and of 32 bits: with l the bits of d - 1, m = 2^32 * (2^l -
 * d) / d + 1 and t = m * n >> 32, the quotient is (t + (n - t >> 1)) >> l - 1 (Granlund and
 * Montgomery, 1994).
 */
static void divide_u32_by(struct compiler *c, struct value *a, uint32_t d, bool remainder)
{
	struct x64 *x = &c->x;
	unsigned l = 32 - (unsigned)__builtin_clz(d - 1);
	uint64_t m = ((((1ull << l) - d) << 32) / d + 1) & UINT32_MAX;
	unsigned n = to_own(c, a), t = alloc_reg(c, INTS);
	x64_mov_imm(x, t, m);
	x64_rr(x, OP_IMUL, 1, t, n);
	x64_shift_imm(x, SHIFT_SHR, 1, t, 32);
	x64_mov_rr(x, 0, SCRATCH, n);
	x64_rr(x, OP_ALU(ALU_SUB), 0, SCRATCH, t);
	x64_shift_imm(x, SHIFT_SHR, 0, SCRATCH, 1);
	x64_rr(x, OP_ALU(ALU_ADD), 0, t, SCRATCH);
	if (l > 1)
		x64_shift_imm(x, SHIFT_SHR, 0, t, l - 1);
	if (remainder) {
		x64_rr(x, OP_IMUL_IMM32, 0, t, t);
		x64_u32(x, d);
		x64_rr(x, OP_ALU(ALU_SUB), 0, n, t);
	}
	push_one_of(c, WASM_I32, remainder, n, t);
}

/*
 * The same for a signed n and 2 <= d < 2^31: with l the bits of d - 1 and m = 2^(31 + l) / d + 1,
 * the quotient is (m * n >> 31 + l) - (n >> 31).
 */
static void divide_s32_by(struct compiler *c, struct value *a, uint32_t d, bool remainder)
{
	struct x64 *x = &c->x;
	unsigned l = 32 - (unsigned)__builtin_clz(d - 1);
	unsigned n = to_own(c, a), t = alloc_reg(c, INTS);
	x64_mov_imm(x, SCRATCH, (1ull << (31 + l)) / d + 1);
	x64_rr(x, OP_MOVSXD, 1, t, n);
	x64_rr(x, OP_IMUL, 1, t, SCRATCH);
	x64_shift_imm(x, SHIFT_SAR, 1, t, 31 + l);
	x64_mov_rr(x, 0, SCRATCH, n);
	x64_shift_imm(x, SHIFT_SAR, 0, SCRATCH, 31);
	x64_rr(x, OP_ALU(ALU_SUB), 0, t, SCRATCH);
	if (remainder) {
		x64_rr(x, OP_IMUL_IMM32, 0, t, t);
		x64_u32(x, d);
		x64_rr(x, OP_ALU(ALU_SUB), 0, n, t);
	}
	push_one_of(c, WASM_I32, remainder, n, t);
}

/* 2^64 * high / d, for high < d */
static uint64_t quotient_of(uint64_t high, uint64_t d)
{
	uint64_t q = 0;
	for (int bit = 63; bit >= 0; bit--) {
		bool carry = high >> 63;
		high <<= 1;
		if (carry || high >= d) {
			high -= d;
			q |= 1ull << bit;
		}
	}
	return q;
}

/* As divide_u32_by(), with 64 bits. */
static void divide_u64_by(struct compiler *c, struct value *a, uint64_t d, bool remainder)
{
	struct x64 *x = &c->x;
	unsigned l = 64 - (unsigned)__builtin_clzll(d - 1);
	uint64_t m = quotient_of((l == 64 ? 0 : 1ull << l) - d, d) + 1;
	unsigned n = to_own(c, a);
	alloc_fixed(c, RAX, a);
	alloc_fixed(c, RDX, a);
	n = a->reg;
	x64_mov_imm(x, RAX, m);
	x64_group3(x, 4, 1, n); /* mul */
	x64_mov_rr(x, 1, RAX, n);
	x64_rr(x, OP_ALU(ALU_SUB), 1, RAX, RDX);
	x64_shift_imm(x, SHIFT_SHR, 1, RAX, 1);
	x64_rr(x, OP_ALU(ALU_ADD), 1, RAX, RDX);
	if (l > 1)
		x64_shift_imm(x, SHIFT_SHR, 1, RAX, l - 1);
	if (remainder) {
		x64_mov_imm(x, RDX, d);
		x64_rr(x, OP_IMUL, 1, RAX, RDX);
		x64_rr(x, OP_ALU(ALU_SUB), 1, n, RAX);
	}
	c->regs.free |= BIT(RDX);
	push_one_of(c, WASM_I64, remainder, n, RAX);
}

void handle_divide(struct compiler *c, const struct wasm_opcode *o)
{
	uint32_t type = o->operand;
	bool wide = type == WASM_I64;
	bool is_signed = o->operation == OPERATION_DIV_S || o->operation == OPERATION_REM_S;
	bool remainder = o->operation == OPERATION_REM_S || o->operation == OPERATION_REM_U;
	struct value b = pop_value(c, type), a = pop_value(c, type);
	bool known = b.location == AT_CONST && b.bits != 0;
	c->regs.hint = WASM_NONE;
	if (known && !is_signed && by_power_of_two(c, type, &a, b.bits, remainder))
		return;
	if (known && !is_signed && !wide) {
		divide_u32_by(c, &a, (uint32_t)b.bits, remainder);
		return;
	}
	if (known && !is_signed) {
		divide_u64_by(c, &a, b.bits, remainder);
		return;
	}
	if (known && !wide && b.bits >= 2 && b.bits <= INT32_MAX) {
		divide_s32_by(c, &a, (uint32_t)b.bits, remainder);
		return;
	}
	to_fixed(c, &a, RAX, &b);
	alloc_fixed(c, RDX, &b);
	unsigned by = reg_or_scratch(c, &b);
	if (!known) {
		x64_rr(&c->x, OP_TEST, wide, by, by);
		trap_if(c, CC_E, WASM_TRAP_DIVIDE_BY_ZERO);
	}
	uint8_t *done = NULL;
	if (is_signed) {
		if (!known || b.bits == (wide ? UINT64_MAX : UINT32_MAX))
			done = minus_one(c, wide, by, remainder);
		x64_cqo(&c->x, wide);
	} else {
		x64_zero(&c->x, RDX);
	}
	x64_group3(&c->x, is_signed ? 7 : 6, wide, by);
	if (done)
		x64_here(&c->x, done);
	release(c, &b);
	push_one_of(c, type, remainder, RDX, RAX);
}

/* clz, ctz without the instructions for them: BSR and BSF, which every x86-64 has. */
static void scan_bits(struct compiler *c, bool wide, bool leading, unsigned dst, unsigned src)
{
	struct x64 *x = &c->x;
	uint32_t bits = count_mask(wide) + 1;
	x64_mov_imm(x, SCRATCH, leading ? 2 * bits - 1 : bits);
	x64_rr(x, leading ? OP_BSR : OP_BSF, wide, dst, src);
	x64_rr(x, OP_CMOV(CC_E), wide, dst, SCRATCH);
	if (leading)
		x64_alu_imm(x, ALU_XOR, wide, dst, (int32_t)bits - 1);
}

void handle_count(struct compiler *c, const struct wasm_opcode *o)
{
	uint32_t type = o->operand;
	bool wide = type == WASM_I64;
	struct value v;
	unsigned src = pop_to_reg(c, type, &v);
	release(c, &v);
	unsigned dst = alloc_result(c, type);
	if (o->operation == OPERATION_POPCNT)
		x64_rr(&c->x, OP_POPCNT, wide, dst, src);
	else if (o->operation == OPERATION_CLZ && (c->m->options.cpu & WASM_CPU_LZCNT))
		x64_rr(&c->x, OP_LZCNT, wide, dst, src);
	else if (o->operation == OPERATION_CTZ && (c->m->options.cpu & WASM_CPU_BMI1))
		x64_rr(&c->x, OP_TZCNT, wide, dst, src);
	else
		scan_bits(c, wide, o->operation == OPERATION_CLZ, dst, src);
	push_result(c, type, dst);
}
