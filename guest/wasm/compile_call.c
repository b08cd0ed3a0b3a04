/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, tail calls and returns; calls of the engine's helpers. */
#include "compiler.h"

uint32_t functype_stack_words(const struct wasm_functype *t)
{
	uint32_t ints = 0, floats = 0, words = 0;
	for (uint32_t i = 0; i < t->param_count; i++) {
		uint32_t *used = type_is_float(t->params[i]) ? &floats : &ints;
		if (*used < (type_is_float(t->params[i]) ? ARG_FLOATS : ARG_INTS))
			++*used;
		else
			words += t->params[i] == WASM_V128 ? 2 : 1;
	}
	return words;
}

const uint8_t int_args[ARG_INTS] = {RSI, RDX, RCX, R8, R9};

void copy_words(struct compiler *c, struct x64_mem to, struct x64_mem from, uint32_t words)
{
	for (uint32_t i = 0; i < words; i++, to.disp += 8, from.disp += 8) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, RAX, from);
		x64_rm(&c->x, OP_MOV_STORE, 1, RAX, to);
	}
}

/* Puts the arguments, which are the top operands, where the callee looks for them; returns the stack words. */
static uint32_t place_args(struct compiler *c, const struct wasm_functype *t, uint32_t first)
{
	uint32_t words = functype_stack_words(t), ints = 0, floats = 0, word = 0;
	int32_t pushed = (int32_t)(8 * words);
	/* Stack words go below the frame; the call pushes the return address under them. */
	if (words)
		x64_lea(&c->x, 1, RSP, x64_at(RSP, -pushed));
	for (uint32_t i = 0, at = first; i < t->param_count; i++) {
		make_room(c, WASM_CODE_ROOM_BYTES);
		bool is_vector = t->params[i] == WASM_V128;
		struct x64_mem from = operand_slot(c, at);
		from.disp += pushed;
		at += is_vector ? 2 : 1;
		if (type_is_float(t->params[i]) && floats < ARG_FLOATS) {
			x64_rm(&c->x, is_vector ? OP_MOVUPS_LOAD : OP_MOVSD_LOAD, 0, XMM0 + floats++, from);
		} else if (!type_is_float(t->params[i]) && ints < ARG_INTS) {
			x64_rm(&c->x, OP_MOV_LOAD, 1, int_args[ints++], from);
		} else {
			copy_words(c, x64_at(RSP, (int32_t)(8 * word)), from, is_vector ? 2 : 1);
			word += is_vector ? 2 : 1;
		}
	}
	/* Several results are written where the arguments were. */
	struct x64_mem results = operand_slot(c, first);
	results.disp += pushed;
	if (t->result_count > 1)
		x64_lea(&c->x, 1, RAX, results);
	return words;
}

static void after_call(struct compiler *c, const struct wasm_functype *t)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, R14, slot(0));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R15, x64_at(R14, INSTANCE_MEMORY0));
	if (t->result_count == 1) {
		if (t->results[0] == WASM_V128)
			push_vector(c, XMM0);
		else if (type_is_float(t->results[0]))
			push_float(c, t->results[0] == WASM_F64, XMM0);
		else
			push_from(c, t->results[0], RAX);
	} else {
		push_types(c, t->results, t->result_count);
	}
}

/* Calls the function whose record is in R11, or goes on in it: its instance becomes the present one. */
static void call_r11(struct compiler *c, bool tail)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, R14, x64_at(R11, FUNC_INSTANCE));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R15, x64_at(R14, INSTANCE_MEMORY0));
	if (tail)
		x64_jmp_mem(&c->x, x64_at(R11, FUNC_CODE));
	else
		x64_call_mem(&c->x, x64_at(R11, FUNC_CODE));
}

/* Grows the frame's account so that several results fit where the arguments were. */
static void reserve_results(struct compiler *c, uint32_t first, const struct wasm_functype *t)
{
	uint32_t slots = slots_of(t->results, t->result_count);
	if (first + slots > c->highest)
		c->highest = first + slots;
	if (c->highest > HEIGHT_MAX)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many operands");
}

/* Jumps or calls to a function of this module; those further on fill in their distance when they are there. */
static void to_own_function(struct compiler *c, uint32_t f, bool is_call)
{
	uint32_t own = f - c->m->imported_funcs;
	if (is_call)
		x64_call32(&c->x, own);
	else
		x64_jmp32(&c->x, own);
	if (own < c->func - c->m->imported_funcs || f == c->func) {
		uint32_t rel = c->m->func_entry[own] - here(c);
		memcpy(c->x.p - 4, &rel, 4);
	} else {
		uint32_t at = here(c), next = c->m->func_entry[own];
		memcpy(c->x.p - 4, &next, 4);
		c->m->func_entry[own] = at;
	}
}

/* RBP becomes the address of this function's return address: below its arguments, above its frame. */
static void tail_begin(struct compiler *c, const struct wasm_functype *t)
{
	if (!(c->m->options.features & WASM_FEATURE_TAIL_CALL))
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "tail calls are not enabled");
	if (t->result_count != c->type->result_count || memcmp(t->results, c->type->results, t->result_count) != 0)
		invalid(c, "type mismatch: a tail call's results must be the function's own");
	x64_lea(&c->x, 1, RBP, x64_at(RSP, INT32_MAX)); /* the frame's size, patched */
	memcpy(c->x.p - 4, &c->frame_at, 4);
	c->frame_at = here(c);
}

/*
 * The frame goes: what the callee takes on the stack moves up to where this function's own such arguments end,
 * and the return address below it. The callee pops its own, so this function's caller finds RSP as it expects.
 */
static void tail_frame(struct compiler *c, const struct wasm_functype *t)
{
	uint32_t words = place_args(c, t, c->height);
	int32_t low = 8 * ((int32_t)functype_stack_words(c->type) - (int32_t)words);
	x64_rm(&c->x, OP_MOV_LOAD, 1, R10, x64_at(RBP, 0));
	if (t->result_count > 1)
		x64_rm(&c->x, OP_MOV_LOAD, 1, RAX, x64_at(RSP, (int32_t)(8 * words + 8)));
	for (uint32_t i = words; i > 0; i--) { /* upwards, so the last first */
		make_room(c, WASM_CODE_ROOM_BYTES);
		x64_rm(&c->x, OP_MOV_LOAD, 1, RDI, x64_at(RSP, (int32_t)(8 * i - 8)));
		x64_rm(&c->x, OP_MOV_STORE, 1, RDI, x64_at(RBP, low + (int32_t)(8 * i)));
	}
	x64_lea(&c->x, 1, RSP, x64_at(RBP, low));
	x64_rm(&c->x, OP_MOV_STORE, 1, R10, x64_at(RSP, 0));
}

void handle_call(struct compiler *c, bool tail)
{
	uint32_t f = read_u32(&c->r);
	if (f >= c->m->func_count)
		invalid(c, "unknown function");
	const struct wasm_functype *t = module_func_type(c->m, f);
	if (tail)
		tail_begin(c, t);
	pop_types(c, t->params, t->param_count);
	reserve_results(c, c->height, t);
	if (tail)
		tail_frame(c, t);
	else
		place_args(c, t, c->height);
	if (f < c->m->imported_funcs) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R14, (int32_t)(c->m->func_cells + 8 * f)));
		call_r11(c, tail);
	} else {
		to_own_function(c, f, !tail);
	}
	if (tail)
		set_unreachable(c);
	else
		after_call(c, t);
}

int32_t table_cell(const struct compiler *c, uint32_t table)
{
	return (int32_t)(c->m->table_cells + sizeof(struct table_cell) * table);
}

void handle_call_indirect(struct compiler *c, bool tail)
{
	uint32_t type = read_u32(&c->r), table = read_u32(&c->r);
	if (table >= c->m->table_count)
		invalid(c, "unknown table");
	if (c->m->tables[table].type != WASM_FUNCREF)
		invalid(c, "type mismatch: call_indirect needs a table of functions");
	if (type >= c->m->type_count)
		invalid(c, "unknown type");
	const struct wasm_functype *t = &c->m->types[type];
	if (tail)
		tail_begin(c, t);
	pop_to(c, WASM_I32, RDI);
	x64_mov_rr(&c->x, 0, RDI, RDI);
	pop_types(c, t->params, t->param_count);
	reserve_results(c, c->height, t);
	x64_rm(&c->x, OP_MOV_LOAD, 1, R10, x64_at(R14, table_cell(c, table) + 8));
	x64_rm(&c->x, OP_ALU(ALU_CMP), 1, RDI, x64_at(R10, TABLE_SIZE));
	x64_mov_imm(&c->x, R11, 0);
	x64_rr(&c->x, OP_CMOV(CC_AE), 1, RDI, R11); /* an index past the end is 0 for speculation too */
	trap_if(c, CC_AE, WASM_TRAP_UNDEFINED_ELEMENT);
	x64_rm(&c->x, OP_MOV_LOAD, 1, R10, x64_at(R14, table_cell(c, table)));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at_index(R10, RDI, 3, 0));
	x64_rr(&c->x, OP_TEST, 1, R11, R11);
	trap_if(c, CC_E, WASM_TRAP_UNINITIALIZED);
	x64_alu_mem_imm(&c->x, ALU_CMP, 0, x64_at(R11, FUNC_TYPE_ID), (int32_t)t->id);
	trap_if(c, CC_NE, WASM_TRAP_INDIRECT_TYPE);
	if (tail) {
		tail_frame(c, t);
		call_r11(c, true);
		set_unreachable(c);
		return;
	}
	place_args(c, t, c->height);
	call_r11(c, false);
	after_call(c, t);
}

/* Results are the lowest operands of the function's block. */
void emit_return(struct compiler *c)
{
	const struct wasm_functype *t = c->type;
	if (t->result_count == 1) {
		if (type_is_float(t->results[0]))
			x64_rm(&c->x, t->results[0] == WASM_V128 ? OP_MOVUPS_LOAD : OP_MOVSD_LOAD, 0, XMM0,
			       operand_slot(c, 0));
		else
			load(c, RAX, 0);
	} else if (t->result_count > 1) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, RDX, slot(1));
		for (uint32_t i = 0, n = slots_of(t->results, t->result_count); i < n; i++) {
			make_room(c, WASM_CODE_ROOM_BYTES);
			load(c, RAX, i);
			x64_rm(&c->x, OP_MOV_STORE, 1, RAX, x64_at(RDX, (int32_t)(8 * i)));
		}
	}
	make_room(c, WASM_CODE_ROOM_BYTES);
	x64_lea(&c->x, 1, RSP, x64_at(RSP, INT32_MAX)); /* the frame's size, patched */
	memcpy(c->x.p - 4, &c->frame_at, 4);
	c->frame_at = here(c);
	x64_ret(&c->x, 8 * functype_stack_words(t));
}

/* --- helpers of the engine --- */

void call_helper(struct compiler *c, enum helper n)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R14, INSTANCE_HELPERS));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R11, (int32_t)(8 * n)));
	x64_call_mem(&c->x, x64_at(R14, INSTANCE_GLUE));
}
