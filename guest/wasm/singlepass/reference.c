/* SPDX-License-Identifier: Apache-2.0 */
/* References: null, functions, integers of 31 bits, casts, and branches on them. */
#include "guest/wasm/singlepass/compiler.h"

/* Any reference; of unreachable code one that matches all. */
static struct value pop_ref(struct compiler *c)
{
	struct value v = pop_value(c, UNKNOWN);
	if (v.type == UNKNOWN)
		v.type = TYPE_BOTTOM_REF;
	if (!type_is_ref(v.type))
		fail_invalid(c, "type mismatch: not a reference");
	return v;
}

static void is_null(struct compiler *c)
{
	struct value v = pop_ref(c);
	unsigned reg = to_reg(c, &v);
	x64_rr(&c->x, OP_TEST, 1, reg, reg);
	release(c, &v);
	push_condition(c, CC_E);
}

void handle_ref(struct compiler *c, uint8_t op)
{
	if (op == WASM_OP_REF_NULL) {
		push_const(c, read_heaptype(&c->r, c->m), 0);
		return;
	}
	if (op == WASM_OP_REF_IS_NULL) {
		is_null(c);
		return;
	}
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->func_count)
		fail_invalid(c, "unknown function");
	if (!module_func_is_declared(c->m, n))
		fail_invalid(c, "undeclared function reference");
	call_helper(c, HELPER_REF_FUNC, NULL, 0, &n, 1);
	push_call_result(c, type_ref_to(module_func_type(c->m, n)));
}

void handle_as_non_null(struct compiler *c)
{
	need_opcode(c, FEATURE_FUNCTION_REFERENCES);
	struct value v = pop_ref(c);
	unsigned reg = to_reg(c, &v);
	x64_rr(&c->x, OP_TEST, 1, reg, reg);
	trap_if(c, CC_E, WASM_TRAP_NULL_REFERENCE);
	v.type |= WASM_TYPE_NON_NULL;
	push_popped(c, &v);
}

/*
 * A reference for a branch, in a register that no label takes a value in, and compared with null in
 * the flags: what comes before the jump leaves both alone.
 */
static struct value pop_tested(struct compiler *c)
{
	struct value v = pop_ref(c);
	if (to_reg(c, &v) == RAX)
		to_fixed(c, &v, RCX, NULL);
	unsigned reg = reg_of(c, &v);
	x64_rr(&c->x, OP_TEST, 1, reg, reg);
	v.type |= WASM_TYPE_NON_NULL;
	return v;
}

void handle_br_on_null(struct compiler *c)
{
	need_opcode(c, FEATURE_FUNCTION_REFERENCES);
	struct control *k = label_at(c, read_u32(&c->r));
	struct value v = pop_tested(c);
	branch_if(c, k, CC_E);
	push_popped(c, &v);
}

/* The label takes the reference as its last value. */
void handle_br_on_non_null(struct compiler *c)
{
	need_opcode(c, FEATURE_FUNCTION_REFERENCES);
	struct control *k = label_at(c, read_u32(&c->r));
	if (!label_count(k) || !type_is_ref(label_types(k)[label_count(k) - 1]))
		fail_invalid(c, "type mismatch: the label takes no reference");
	struct value v = pop_tested(c);
	push_popped(c, &v);
	branch_if(c, k, CC_NE);
	v = pop_value(c, UNKNOWN);
	release(c, &v);
}

void handle_ref_eq(struct compiler *c)
{
	need_opcode(c, FEATURE_GC);
	struct value b = pop_value(c, TYPE_EQ), a = pop_value(c, TYPE_EQ);
	unsigned reg = to_reg(c, &a);
	emit_value(c, OP_ALU(ALU_CMP), 1, reg, &b);
	release(c, &a);
	release(c, &b);
	push_condition(c, CC_E);
}

/* --- integers of 31 bits --- */

static void make_i31(struct compiler *c)
{
	struct value v = pop_value(c, WASM_I32);
	unsigned reg = to_own(c, &v);
	x64_shift_imm(&c->x, SHIFT_SHL, 0, reg, 1);
	x64_alu_imm(&c->x, ALU_OR, 0, reg, 1);
	x64_shift_imm(&c->x, SHIFT_ROR, 1, reg, 1); /* the 1 becomes I31_BIT */
	push_reg(c, TYPE_I31 | WASM_TYPE_NON_NULL, reg);
}

static void get_i31(struct compiler *c, bool is_signed)
{
	struct value v = pop_value(c, TYPE_I31);
	unsigned reg = to_own(c, &v);
	x64_rr(&c->x, OP_TEST, 1, reg, reg);
	trap_if(c, CC_E, WASM_TRAP_NULL_I31);
	x64_shift_imm(&c->x, SHIFT_SHL, 0, reg, 1);
	x64_shift_imm(&c->x, is_signed ? SHIFT_SAR : SHIFT_SHR, 0, reg, 1);
	push_reg(c, WASM_I32, reg);
}

/* --- casts --- */

/* A heap type, and whether null counts as one of its values. */
static uint32_t read_cast_type(struct compiler *c, bool is_nullable)
{
	uint32_t type = read_heaptype(&c->r, c->m);
	return is_nullable ? type : type | WASM_TYPE_NON_NULL;
}

/* Pops a reference: whether it is of the type is what a helper answers in RAX. */
static void call_cast(struct compiler *c, enum helper n, uint32_t type)
{
	const uint32_t top = type_top(type);
	call_helper(c, n, &top, 1, &type, 1);
}

/* br_on_cast takes the branch if the reference is of the second type, br_on_cast_fail if not. */
static void br_on_cast(struct compiler *c, bool on_fail)
{
	const uint8_t flags = read_u8(&c->r);
	if (flags > 3) {
		c->r.p--;
		reader_fail(&c->r, WASM_ERROR_MALFORMED,
			    "malformed cast flags (custom descriptors are not supported)");
	}
	struct control *k = label_at(c, read_u32(&c->r));
	uint32_t from = read_cast_type(c, flags & 1), to = read_cast_type(c, flags & 2);
	uint32_t other = to & WASM_TYPE_NON_NULL ? from : from | WASM_TYPE_NON_NULL;
	uint32_t taken = on_fail ? other : to, left = on_fail ? to : other;
	if (!type_matches(to, from))
		fail_invalid(c, "type mismatch: the cast is to no subtype "
				"(custom descriptors are not supported)");
	if (!label_count(k) || !type_matches(taken, label_types(k)[label_count(k) - 1]))
		fail_invalid(c, "type mismatch: the label takes another reference");
	check_top(c, &from, 1);
	const uint32_t height = c->stack.height - 1;
	stack_flush_all(c, height);
	reserve_code(c);
	unsigned reg = alloc_reg(c, INTS);
	load_mem(c, from, reg, operand_slot(c, height));
	push_reg(c, from, reg);
	call_cast(c, HELPER_REF_IS, to);
	x64_rr(&c->x, OP_TEST, 0, RAX, RAX);
	c->stack.at[height].type = taken;
	branch_if(c, k, on_fail ? CC_E : CC_NE);
	c->stack.at[c->stack.height - 1].type = left;
}

static void convert(struct compiler *c, uint32_t from, uint32_t to)
{
	struct value v = pop_value(c, from);
	v.type = type_converted(v.type, to);
	push_popped(c, &v);
}

/* Behind 0xfb; the numbers that have no row are those of structures and arrays. */
void handle_fb(struct compiler *c)
{
	need_opcode(c, FEATURE_GC);
	const uint8_t *at = c->r.p - 1;
	const uint32_t op = read_u32(&c->r);
	uint32_t type;
	switch (op) {
	case WASM_FB_REF_TEST:
	case WASM_FB_REF_TEST_NULL:
		call_cast(c, HELPER_REF_IS, read_cast_type(c, op == WASM_FB_REF_TEST_NULL));
		push_call_result(c, WASM_I32);
		return;
	case WASM_FB_REF_CAST:
	case WASM_FB_REF_CAST_NULL:
		type = read_cast_type(c, op == WASM_FB_REF_CAST_NULL);
		call_cast(c, HELPER_REF_CAST, type);
		push_call_result(c, type);
		return;
	case WASM_FB_BR_ON_CAST:
	case WASM_FB_BR_ON_CAST_FAIL:
		br_on_cast(c, op == WASM_FB_BR_ON_CAST_FAIL);
		return;
	case WASM_FB_ANY_CONVERT_EXTERN:
		convert(c, TYPE_EXTERN, TYPE_ANY);
		return;
	case WASM_FB_EXTERN_CONVERT_ANY:
		convert(c, TYPE_ANY, TYPE_EXTERN);
		return;
	case WASM_FB_REF_I31:
		make_i31(c);
		return;
	case WASM_FB_I31_GET_S:
	case WASM_FB_I31_GET_U:
		get_i31(c, op == WASM_FB_I31_GET_S);
		return;
	}
	c->r.p = at;
	if (op < WASM_FB_COUNT)
		feature_refuse(&c->r, FEATURE_GC_OBJECTS, "");
	reader_fail(&c->r, WASM_ERROR_MALFORMED, "illegal opcode");
}
