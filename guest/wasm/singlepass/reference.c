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

static void emit_is_null(struct compiler *c)
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
		emit_is_null(c);
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

/* What a reference of a type may be besides null and an object. */
static bool may_be_i31(uint32_t heap)
{
	return heap == TYPE_ANY || heap == TYPE_EQ || heap == TYPE_I31;
}

static bool may_be_external(uint32_t heap)
{
	return heap == TYPE_ANY;
}

/* Of a form that has objects. */
static bool has_objects(uint32_t heap)
{
	return (heap & WASM_TYPE_DEFINED) && type_of_id(heap)->form != TYPE_FORM_FUNC;
}

/* Whether the object in `reg` is of a subtype: E. R11 and `id` are destroyed. */
static void emit_is_subtype(struct compiler *c, unsigned reg, unsigned id, const struct deftype *of)
{
	struct x64 *x = &c->x;
	x64_rm(x, OP_MOV_LOAD, 1, SCRATCH, x64_at(R14, INSTANCE_HEAP));
	x64_rm(x, OP_MOV_LOAD, 1, SCRATCH, x64_at(SCRATCH, CELLS_TYPES));
	x64_rm(x, OP_MOV_LOAD, 1, SCRATCH, x64_at(SCRATCH, 0));
	x64_rm(x, OP_MOV_LOAD, 0, id, x64_at(reg, OBJECT_TYPE));
	x64_rm(x, OP_MOV_LOAD, 1, SCRATCH, x64_at_index(SCRATCH, id, 3, 0));
	x64_alu_mem_imm(x, ALU_CMP, 0, x64_at(SCRATCH, DEFTYPE_DEPTH), (int32_t)of->depth);
	uint8_t *below = x64_short_jcc(x, CC_B);
	x64_rm(x, OP_MOV_LOAD, 1, SCRATCH, x64_at(SCRATCH, DEFTYPE_SUPERS));
	x64_alu_mem_imm(x, ALU_CMP, 0, x64_at(SCRATCH, (int32_t)(4 * of->depth)),
			(int32_t)of->func.id);
	x64_here(x, below);
}

/*
 * Compares a reference of one type with another one, to objects: the condition E if it is of that
 * type. `traps`: what is not of it traps anyway, so null may be a page fault at 0.
 */
static void emit_is_object_of(struct compiler *c, unsigned reg, uint32_t from, uint32_t to,
			      bool traps)
{
	struct x64 *x = &c->x;
	const struct deftype *of = type_of_id(type_heap(to));
	uint32_t heap = type_heap(from), n = 0;
	bool is_nullable = !(from & WASM_TYPE_NON_NULL), takes_null = !(to & WASM_TYPE_NON_NULL);
	uint8_t *ends[4], *null = NULL;
	unsigned id = SCRATCH;
	if (!of->is_final)
		id = alloc_reg(c, INTS);
	if (may_be_i31(heap) || (is_nullable && (takes_null || !traps)))
		x64_rr(x, OP_TEST, 1, reg, reg);
	if (may_be_i31(heap))
		ends[n++] = x64_short_jcc(x, CC_S); /* NE */
	if (is_nullable && takes_null)
		ends[n++] = x64_short_jcc(x, CC_E);
	else if (is_nullable && !traps)
		null = x64_short_jcc(x, CC_E);
	if (may_be_external(heap)) {
		x64_rm(x, OP_MOV_LOAD, 1, SCRATCH, x64_at(R14, INSTANCE_HEAP));
		x64_rm(x, OP_MOV_LOAD, 1, SCRATCH, x64_at(SCRATCH, CELLS_BASE));
		x64_rr(x, OP_ALU(ALU_SUB), 1, SCRATCH, reg);
		x64_group3(x, 3, 1, SCRATCH);
		x64_shift_imm(x, SHIFT_SHR, 1, SCRATCH, WASM_HEAP_SHIFT);
		ends[n++] = x64_short_jcc(x, CC_NE);
	}
	x64_alu_mem_imm(x, ALU_CMP, 0, x64_at(reg, OBJECT_TYPE), (int32_t)of->func.id);
	if (!of->is_final) {
		ends[n++] = x64_short_jcc(x, CC_E);
		emit_is_subtype(c, reg, id, of);
		c->regs.free |= BIT(id);
	}
	if (null) {
		uint8_t *over = x64_short_jmp(x);
		x64_here(x, null);
		x64_rr(x, OP_TEST, 1, RSP, RSP); /* NE */
		x64_here(x, over);
	}
	while (n > 0)
		x64_here(x, ends[--n]);
}

/*
 * Whether the reference in a register is of a type. Returns the condition, in the flags. Destroys
 * the scratch registers.
 */
static enum x64_cc emit_cast(struct compiler *c, unsigned reg, uint32_t from, uint32_t to,
			     bool traps)
{
	struct x64 *x = &c->x;
	if (has_objects(type_heap(to)) && from != TYPE_BOTTOM_REF) {
		emit_is_object_of(c, reg, from, to, traps);
		return CC_E;
	}
	x64_mov_imm(x, SCRATCH, to);
	x64_rr(x, OP_MOVD_TO_XMM, 0, FLOAT_SCRATCH2, SCRATCH);
	x64_rr(x, OP_MOVD_TO_XMM, 1, FLOAT_SCRATCH, reg);
	x64_rm(x, OP_MOV_LOAD, 1, SCRATCH, x64_at(R14, INSTANCE_HELPERS));
	x64_call_mem(x, x64_at(SCRATCH, 8 * HELPER_REF_IS));
	x64_rr(x, OP_TEST, 0, SCRATCH, SCRATCH);
	return CC_NE;
}

static void ref_test(struct compiler *c, uint32_t type)
{
	struct value v;
	unsigned reg = pop_to_reg(c, type_top(type), &v);
	enum x64_cc cc = emit_cast(c, reg, v.type, type, false);
	release(c, &v);
	push_condition(c, cc);
}

static void ref_cast(struct compiler *c, uint32_t type)
{
	struct value v;
	unsigned reg = pop_to_reg(c, type_top(type), &v);
	trap_if(c, emit_cast(c, reg, v.type, type, true) ^ 1, WASM_TRAP_CAST);
	v.type = type;
	push_popped(c, &v);
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
	uint32_t other = from, taken = to, left;
	if (!(to & WASM_TYPE_NON_NULL))
		other |= WASM_TYPE_NON_NULL;
	if (on_fail)
		taken = other;
	left = to ^ other ^ taken; /* the one that is not taken */
	if (!type_matches(to, from))
		fail_invalid(c, "type mismatch: the cast is to no subtype "
				"(custom descriptors are not supported)");
	if (!label_count(k) || !type_matches(taken, label_types(k)[label_count(k) - 1]))
		fail_invalid(c, "type mismatch: the label takes another reference");
	struct value v = pop_value(c, from);
	if (to_reg(c, &v) == RAX)
		to_fixed(c, &v, RCX, NULL);
	enum x64_cc cc = emit_cast(c, reg_of(c, &v), from, to, false);
	v.type = taken;
	push_popped(c, &v);
	branch_if(c, k, cc ^ (unsigned)on_fail);
	c->stack.at[c->stack.height - 1].type = left;
}

static void convert(struct compiler *c, uint32_t from, uint32_t to)
{
	struct value v = pop_value(c, from);
	v.type = type_converted(v.type, to);
	push_popped(c, &v);
}

/* After 0xfb. */
void handle_fb(struct compiler *c)
{
	need_opcode(c, FEATURE_GC);
	const uint8_t *at = c->r.p - 1;
	const uint32_t op = read_u32(&c->r);
	switch (op) {
	case WASM_FB_REF_TEST:
	case WASM_FB_REF_TEST_NULL:
		ref_test(c, read_cast_type(c, op == WASM_FB_REF_TEST_NULL));
		return;
	case WASM_FB_REF_CAST:
	case WASM_FB_REF_CAST_NULL:
		ref_cast(c, read_cast_type(c, op == WASM_FB_REF_CAST_NULL));
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
	if (op < WASM_FB_COUNT) {
		handle_object(c, op);
		return;
	}
	c->r.p = at;
	reader_fail(&c->r, WASM_ERROR_MALFORMED, "illegal opcode");
}
