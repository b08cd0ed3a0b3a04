/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wide arithmetic: integers of 128 bits as pairs of i64, the lower one first. Sums must do with as
 * many registers as there are for operands alone (TEMPS), while the upper halves wait.
 */
#include "guest/wasm/singlepass/compiler.h"

/* low = a + b or a - b, and the flags have the carry. */
static unsigned lower_half(struct compiler *c, enum x64_alu op, struct value *a, struct value *b)
{
	unsigned dst;
	if (b->location == AT_CONST) { /* has no register, and may need the scratch one */
		dst = to_own(c, a);
		emit_value(c, OP_ALU(op), 1, dst, b);
		return dst;
	}
	load_to(c, a, SCRATCH);
	emit_value(c, OP_ALU(op), 1, SCRATCH, b);
	release(c, a);
	release(c, b);
	dst = alloc_reg(c, INTS);
	x64_mov_rr(&c->x, 1, dst, SCRATCH);
	return dst;
}

/* What is between the two instructions loads and stores, which leaves the carry alone. */
static void add_pairs(struct compiler *c, enum x64_alu lower, enum x64_alu upper)
{
	struct value b_high = pop_value(c, WASM_I64), b_low = pop_value(c, WASM_I64);
	struct value a_high = pop_value(c, WASM_I64), a_low = pop_value(c, WASM_I64);
	unsigned low = lower_half(c, lower, &a_low, &b_low);
	unsigned high = to_own(c, &a_high);
	emit_value(c, OP_ALU(upper), 1, high, &b_high);
	release(c, &b_high);
	push_reg(c, WASM_I64, low);
	push_reg(c, WASM_I64, high);
}

static void multiply(struct compiler *c, bool is_signed)
{
	struct value b = pop_value(c, WASM_I64), a = pop_value(c, WASM_I64);
	to_fixed(c, &a, RAX, &b);
	alloc_fixed(c, RDX, &b);
	unsigned by = reg_or_scratch(c, &b);
	x64_group3(&c->x, is_signed ? 5 : 4, 1, by);
	release(c, &b);
	push_reg(c, WASM_I64, RAX);
	push_reg(c, WASM_I64, RDX);
}

void handle_wide(struct compiler *c, const struct wasm_opcode *o)
{
	c->regs.hint = WASM_NONE;
	if (o->operation == OPERATION_ADD)
		add_pairs(c, ALU_ADD, ALU_ADC);
	else if (o->operation == OPERATION_SUB)
		add_pairs(c, ALU_SUB, ALU_SBB);
	else
		multiply(c, o->operation == OPERATION_MUL_S);
}
