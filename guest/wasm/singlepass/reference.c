/* SPDX-License-Identifier: Apache-2.0 */
/* References: null, functions, and branches on null. */
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
