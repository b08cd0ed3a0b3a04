/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, tail calls and returns; calls of the engine's helpers. */
#include "guest/wasm/singlepass/compiler.h"

const uint8_t int_args[ARG_INTS] = {RSI, RDX, RCX, R8, R9};

/* --- registers of locals around calls --- */

void save_caller_saved(struct compiler *c)
{
	for (uint32_t m = c->fn.local_regs & CALLER_SAVED; m; m &= m - 1) {
		unsigned reg = (unsigned)__builtin_ctz(m);
		struct value v = {
			.location = AT_REG,
			.type = c->fn.locals[c->fn.local_of[reg]].type,
			.reg = (uint8_t)reg,
		};
		store_value(c, &v, local_mem(c, c->fn.local_of[reg]));
	}
}

void load_caller_saved(struct compiler *c)
{
	for (uint32_t m = c->fn.local_regs & CALLER_SAVED; m; m &= m - 1) {
		unsigned reg = (unsigned)__builtin_ctz(m);
		uint32_t local = c->fn.local_of[reg];
		load_mem(c, c->fn.locals[local].type, reg, local_mem(c, local));
	}
}

/* What the prologue saved of the caller's. */
static void restore_callee_saved(struct compiler *c)
{
	uint32_t n = FIXED_SLOTS;
	for (uint32_t m = c->fn.local_regs & CALLEE_SAVED; m; m &= m - 1)
		x64_rm(&c->x, OP_MOV_LOAD, 1, (unsigned)__builtin_ctz(m), slot(c, n++));
}

/* --- arguments and results --- */

static struct value operand_at(const struct compiler *c, uint32_t height)
{
	struct value v = c->stack.at[height];
	if (v.location == AT_SLOT)
		v.at = (uint16_t)height;
	return v;
}

/*
 * Moves the arguments, which are the operands from `first` on, to where the callee takes them.
 * Those on the stack go below the frame: RSP is lower by their words then, which are returned.
 */
static uint32_t pass_args(struct compiler *c, const struct wasm_functype *t, uint32_t first)
{
	uint32_t words = functype_stack_words(t), ints = 0, floats = 0, word = 0, n = 0;
	struct move moves[ARG_INTS + ARG_FLOATS];
	if (words)
		x64_lea(&c->x, 1, RSP, x64_at(RSP, -(int32_t)(8 * words)));
	c->fn.adjust = 8 * words;
	for (uint32_t i = 0, at = first; i < t->param_count; i++) {
		bool is_float = type_is_float(t->params[i]);
		uint32_t slots = slots_of_type(t->params[i]);
		struct value v = operand_at(c, at);
		at += slots;
		if (is_float && floats < ARG_FLOATS) {
			moves[n++] = (struct move){v, (uint8_t)(XMM0 + floats++)};
		} else if (!is_float && ints < ARG_INTS) {
			moves[n++] = (struct move){v, int_args[ints++]};
		} else {
			reserve_code(c);
			store_value(c, &v, x64_at(RSP, (int32_t)(8 * word)));
			word += slots;
		}
	}
	reserve_code(c);
	move_all(c, moves, n);
	return words;
}

/* Several results are written to the slots of the arguments. */
static void pass_result_address(struct compiler *c, const struct wasm_functype *t, uint32_t first)
{
	if (t->result_count > 1)
		x64_lea(&c->x, 1, RAX, operand_slot(c, first));
}

void push_call_result(struct compiler *c, uint32_t type)
{
	unsigned reg = type_is_float(type) ? XMM0 : RAX;
	if (!c->dead)
		alloc_fixed(c, reg, NULL);
	push_reg(c, type, reg);
}

static void after_call(struct compiler *c, const struct wasm_functype *t, bool other_instance)
{
	if (other_instance) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, R14, slot(c, 0));
		x64_rm(&c->x, OP_MOV_LOAD, 1, R15, x64_at(R14, INSTANCE_MEMORY0));
	}
	load_caller_saved(c);
	if (t->result_count == 1)
		push_call_result(c, t->results[0]);
	else
		push_slots(c, t->results, t->result_count);
}

/* Goes on in, or calls, the function whose record is in R11: its instance becomes the present one.
 */
static void call_r11(struct compiler *c, bool tail)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, R14, x64_at(R11, FUNC_INSTANCE));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R15, x64_at(R14, INSTANCE_MEMORY0));
	if (tail)
		x64_jmp_mem(&c->x, x64_at(R11, FUNC_CODE));
	else
		x64_call_mem(&c->x, x64_at(R11, FUNC_CODE));
}

/* Grows the frame so that several results fit the slots of the arguments. */
static void reserve_results(struct compiler *c, uint32_t first, const struct wasm_functype *t)
{
	uint32_t slots = slots_of(t->results, t->result_count);
	if (first + slots > c->stack.highest)
		c->stack.highest = first + slots;
	if (c->stack.highest > HEIGHT_MAX)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many operands");
}

/* Jumps or calls to a function of this module; those further on fill in their distance when they
 * are there. */
static void to_own_function(struct compiler *c, uint32_t f, bool is_call)
{
	uint32_t own = f - c->m->imported_funcs;
	if (is_call)
		x64_call32(&c->x, 0);
	else
		x64_jmp32(&c->x, 0);
	if (c->locate.target) /* only the code's length counts */
		return;
	if (own < c->fn.func - c->m->imported_funcs || f == c->fn.func) {
		uint32_t to = f == c->fn.func ? c->fn.entry : c->m->func_entry[own];
		uint32_t rel = to - here(c);
		memcpy(c->x.p - 4, &rel, 4);
	} else {
		add_patch(c, &c->m->func_entry[own]);
	}
}

/* --- tail calls --- */

static void check_tail(struct compiler *c, const struct wasm_functype *t)
{
	const struct wasm_functype *own = c->fn.type;
	feature_need(&c->r, c->m, FEATURE_TAIL_CALL);
	if (t->result_count != own->result_count ||
	    !match_lists(c, t->results, t->result_count, own->results))
		fail_invalid(c, "type mismatch: a tail call's results must be the function's own");
}

/*
 * Removes the frame: the callee's arguments on the stack move up to the end of this function's own,
 * and the return address below them. The callee pops its own, so this function's
 * caller finds RSP as it expects. R10 becomes the address of this function's return address.
 */
static void tail_frame(struct compiler *c, const struct wasm_functype *t, uint32_t first)
{
	uint32_t words = pass_args(c, t, first);
	int32_t low = 8 * ((int32_t)functype_stack_words(c->fn.type) - (int32_t)words);
	restore_callee_saved(c);
	x64_lea(&c->x, 1, R10, x64_at(RSP, INT32_MAX)); /* the frame's size, patched */
	add_patch(c, &c->fn.frame_at);
	if (words)
		x64_lea(&c->x, 1, R10, x64_at(R10, (int32_t)(8 * words)));
	if (t->result_count > 1)
		x64_rm(&c->x, OP_MOV_LOAD, 1, RAX, slot(c, 1));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R10, 0));
	for (uint32_t i = words; i > 0; i--) { /* upwards, so the last first */
		reserve_code(c);
		x64_rm(&c->x, OP_MOVSD_LOAD, 0, FLOAT_SCRATCH, x64_at(RSP, (int32_t)(8 * i - 8)));
		x64_rm(&c->x, OP_MOVSD_STORE, 0, FLOAT_SCRATCH,
		       x64_at(R10, low + (int32_t)(8 * i)));
	}
	x64_lea(&c->x, 1, RSP, x64_at(R10, low));
	x64_rm(&c->x, OP_MOV_STORE, 1, R11, x64_at(RSP, 0));
	c->fn.adjust = 0;
}

/* --- calls --- */

/*
 * Checks the arguments and spills what is below them; returns the height at which they begin. A
 * tail call's results are the caller's caller's.
 */
static uint32_t begin_call(struct compiler *c, const struct wasm_functype *t, bool tail)
{
	check_top(c, t->params, t->param_count);
	uint32_t first = c->stack.height - slots_of(t->params, t->param_count);
	if (!tail)
		reserve_results(c, first, t);
	spill_below(c, first);
	return first;
}

void handle_call(struct compiler *c, bool tail)
{
	uint32_t f = read_u32(&c->r);
	if (f >= c->m->func_count)
		fail_invalid(c, "unknown function");
	const struct wasm_functype *t = module_func_type(c->m, f);
	bool imported = f < c->m->imported_funcs;
	if (tail)
		check_tail(c, t);
	uint32_t first = begin_call(c, t, tail);
	if (tail) {
		tail_frame(c, t, first);
	} else {
		save_caller_saved(c);
		(void)pass_args(c, t, first);
		pass_result_address(c, t, first);
	}
	if (imported) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, R11,
		       x64_at(R14, (int32_t)(c->m->func_cells + 8 * f)));
		call_r11(c, tail);
	} else {
		to_own_function(c, f, !tail);
	}
	c->fn.adjust = 0;
	truncate_stack(c, first);
	if (tail)
		set_unreachable(c);
	else
		after_call(c, t, imported);
}

int32_t table_cell(const struct compiler *c, uint32_t table)
{
	return (int32_t)(c->m->table_cells + sizeof(struct table_cell) * table);
}

static const struct wasm_functype *functype_at(const struct compiler *c, uint32_t index)
{
	if (index >= c->m->type_count)
		fail_invalid(c, "unknown type");
	if (c->m->types[index]->form != TYPE_FORM_FUNC)
		fail_invalid(c, "type mismatch: not a function type");
	return &c->m->types[index]->func;
}

/* The function whose record is in RAX must be of the type; R11 is destroyed if it has subtypes. */
static void check_function(struct compiler *c, const struct wasm_functype *t)
{
	const struct deftype *of = functype_def(t);
	if (of->is_final) {
		x64_alu_mem_imm(&c->x, ALU_CMP, 0, x64_at(RAX, FUNC_TYPE_ID), (int32_t)t->id);
		trap_if(c, CC_NE, WASM_TRAP_INDIRECT_TYPE);
		return;
	}
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(RAX, FUNC_TYPE));
	x64_alu_mem_imm(&c->x, ALU_CMP, 0, x64_at(R11, DEFTYPE_DEPTH), (int32_t)of->depth);
	trap_if(c, CC_B, WASM_TRAP_INDIRECT_TYPE);
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R11, DEFTYPE_SUPERS));
	x64_alu_mem_imm(&c->x, ALU_CMP, 0, x64_at(R11, (int32_t)(4 * of->depth)), (int32_t)t->id);
	trap_if(c, CC_NE, WASM_TRAP_INDIRECT_TYPE);
}

/* The record of the function at the index in RAX, which is masked for speculation too, comes to
 * RAX. */
static void find_function(struct compiler *c, uint32_t table, const struct wasm_functype *t)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R14, table_cell(c, table) + 8));
	x64_rm(&c->x, OP_ALU(ALU_CMP), 1, RAX, x64_at(R11, TABLE_SIZE));
	x64_mov_imm(&c->x, R11, 0);
	x64_rr(&c->x, OP_CMOV(CC_AE), 1, RAX,
	       R11); /* an index past the end is 0 for speculation too */
	trap_if(c, CC_AE, WASM_TRAP_UNDEFINED_ELEMENT);
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R14, table_cell(c, table)));
	x64_rm(&c->x, OP_MOV_LOAD, 1, RAX, x64_at_index(R11, RAX, 3, 0));
	x64_rr(&c->x, OP_TEST, 1, RAX, RAX);
	trap_if(c, CC_E, WASM_TRAP_UNINITIALIZED);
	check_function(c, t);
}

/* Calls the function whose record is in RAX. Its arguments are the operands from `first` on. */
static void call_rax(struct compiler *c, const struct wasm_functype *t, uint32_t first, bool tail)
{
	if (tail) {
		x64_rr(&c->x, OP_MOVD_TO_XMM, 1, FLOAT_SCRATCH2, RAX);
		tail_frame(c, t, first);
		x64_rr(&c->x, OP_MOVD_FROM_XMM, 1, FLOAT_SCRATCH2, R11);
	} else {
		save_caller_saved(c);
		(void)pass_args(c, t, first);
		x64_mov_rr(&c->x, 1, R11, RAX);
		pass_result_address(c, t, first);
	}
	call_r11(c, tail);
	c->fn.adjust = 0;
	c->regs.free |= BIT(RAX);
	truncate_stack(c, first);
	if (tail)
		set_unreachable(c);
	else
		after_call(c, t, true);
}

void handle_call_indirect(struct compiler *c, bool tail)
{
	uint32_t type = read_u32(&c->r), table = read_u32(&c->r);
	if (table >= c->m->table_count)
		fail_invalid(c, "unknown table");
	if (!type_matches(c->m->tables[table].type, WASM_FUNCREF))
		fail_invalid(c, "type mismatch: call_indirect needs a table of functions");
	const struct wasm_functype *t = functype_at(c, type);
	if (tail)
		check_tail(c, t);
	struct value index = pop_value(c, limits_address(&c->m->tables[table].limits));
	to_fixed(c, &index, RAX, NULL);
	uint32_t first = begin_call(c, t, tail);
	find_function(c, table, t);
	call_rax(c, t, first, tail);
}

void handle_call_ref(struct compiler *c, bool tail)
{
	need_opcode(c, FEATURE_FUNCTION_REFERENCES);
	const struct wasm_functype *t = functype_at(c, read_u32(&c->r));
	if (tail)
		check_tail(c, t);
	struct value f = pop_value(c, WASM_TYPE_DEFINED | t->id);
	to_fixed(c, &f, RAX, NULL);
	uint32_t first = begin_call(c, t, tail);
	x64_rr(&c->x, OP_TEST, 1, RAX, RAX);
	trap_if(c, CC_E, WASM_TRAP_NULL_FUNCTION);
	call_rax(c, t, first, tail);
}

/* The result is in the register that labels take it in, or several are the lowest operands. */
void emit_return(struct compiler *c)
{
	const struct wasm_functype *t = c->fn.type;
	if (t->result_count > 1) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, RDX, slot(c, 1));
		for (uint32_t i = 0, n = slots_of(t->results, t->result_count); i < n; i++) {
			reserve_code(c);
			x64_rm(&c->x, OP_MOV_LOAD, 1, RAX, operand_slot(c, i));
			x64_rm(&c->x, OP_MOV_STORE, 1, RAX, x64_at(RDX, (int32_t)(8 * i)));
		}
	}
	reserve_code(c);
	restore_callee_saved(c);
	x64_lea(&c->x, 1, RSP, x64_at(RSP, INT32_MAX)); /* the frame's size, patched */
	add_patch(c, &c->fn.frame_at);
	x64_ret(&c->x, 8 * functype_stack_words(t));
}

/* --- helpers of the engine --- */

void call_helper(struct compiler *c, enum helper n, const uint32_t *types, uint32_t count,
		 const uint32_t *constants, uint32_t constant_count)
{
	struct move moves[ARG_INTS];
	check_top(c, types, count);
	uint32_t first = c->stack.height - count;
	spill_below(c, first);
	save_caller_saved(c);
	for (uint32_t i = 0; i < count; i++)
		moves[i] = (struct move){operand_at(c, first + i), int_args[i]};
	for (uint32_t i = 0; i < constant_count; i++) {
		struct value v = {.location = AT_CONST, .type = WASM_I32, .bits = constants[i]};
		moves[count + i] = (struct move){v, int_args[count + i]};
	}
	move_all(c, moves, count + constant_count);
	truncate_stack(c, first);
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R14, INSTANCE_HELPERS));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R11, (int32_t)(8 * n)));
	x64_call_mem(&c->x, x64_at(R14, INSTANCE_GLUE));
	load_caller_saved(c);
}
