/* SPDX-License-Identifier: Apache-2.0 */
/* Memory accesses, locals, globals, tables, bulk operations, references. */
#include "compiler.h"

uint32_t need_memory(struct compiler *c, uint32_t index)
{
	if (index >= c->m->memory_count)
		invalid(c, "unknown memory");
	return index;
}

/* Pops an address: leaves the operand that reaches it. Clobbers RAX and R10. */
struct x64_mem address(struct compiler *c, uint32_t align, uint32_t memory, uint32_t offset)
{
	(void)align;
	pop_to(c, WASM_I32, RAX);
	x64_mov_rr(&c->x, 0, RAX, RAX);
	unsigned base = R15;
	if (memory > 0) {
		base = R10;
		x64_rm(&c->x, OP_MOV_LOAD, 1, R10, x64_at(R14, (int32_t)(c->m->memory_cells + 16 * memory)));
	}
	if (offset > INT32_MAX) {
		x64_mov_imm(&c->x, R11, offset);
		x64_rr(&c->x, OP_ALU(ALU_ADD), 1, RAX, R11);
		offset = 0;
	}
	return x64_at_index(base, RAX, 0, (int32_t)offset);
}

struct memarg read_memarg(struct compiler *c, uint32_t natural)
{
	struct memarg a = {0};
	uint32_t align = read_u32(&c->r);
	if (align & 64) {
		align &= ~64u;
		a.memory = read_u32(&c->r);
	}
	a.offset = read_u32(&c->r);
	need_memory(c, a.memory);
	if (align >= 32)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "malformed memop flags");
	if (align > natural)
		invalid(c, "alignment must not be larger than natural");
	return a;
}

static const struct {
	uint32_t op;
	uint8_t wide, natural, type;
} loads[] = {
	{OP_MOV_LOAD, 0, 2, WASM_I32}, {OP_MOV_LOAD, 1, 3, WASM_I64}, {OP_MOV_LOAD, 0, 2, WASM_F32},
	{OP_MOV_LOAD, 1, 3, WASM_F64}, {OP_MOVSX8, 0, 0, WASM_I32}, {OP_MOVZX8, 0, 0, WASM_I32},
	{OP_MOVSX16, 0, 1, WASM_I32}, {OP_MOVZX16, 0, 1, WASM_I32}, {OP_MOVSX8, 1, 0, WASM_I64},
	{OP_MOVZX8, 0, 0, WASM_I64}, {OP_MOVSX16, 1, 1, WASM_I64}, {OP_MOVZX16, 0, 1, WASM_I64},
	{OP_MOVSXD, 1, 2, WASM_I64}, {OP_MOV_LOAD, 0, 2, WASM_I64},
};

static const struct {
	uint32_t op;
	uint8_t wide, natural, type;
} stores[] = {
	{OP_MOV_STORE, 0, 2, WASM_I32}, {OP_MOV_STORE, 1, 3, WASM_I64}, {OP_MOV_STORE, 0, 2, WASM_F32},
	{OP_MOV_STORE, 1, 3, WASM_F64}, {OP_MOV_STORE8, 0, 0, WASM_I32}, {OP_MOV_STORE16, 0, 1, WASM_I32},
	{OP_MOV_STORE8, 0, 0, WASM_I64}, {OP_MOV_STORE16, 0, 1, WASM_I64}, {OP_MOV_STORE, 0, 2, WASM_I64},
};

void handle_load(struct compiler *c, unsigned n)
{
	struct memarg a = read_memarg(c, loads[n].natural);
	struct x64_mem at = address(c, 0, a.memory, a.offset);
	x64_rm(&c->x, loads[n].op, loads[n].wide, RAX, at);
	push_from(c, loads[n].type, RAX);
}

void handle_store(struct compiler *c, unsigned n)
{
	struct memarg a = read_memarg(c, stores[n].natural);
	pop_to(c, stores[n].type, RDX);
	struct x64_mem at = address(c, 0, a.memory, a.offset);
	x64_rm(&c->x, stores[n].op, stores[n].wide, RDX, at);
}

void handle_local(struct compiler *c, uint8_t op)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->local_count)
		invalid(c, "unknown local");
	uint8_t type = c->locals[n];
	struct x64_mem at = slot(FIXED_SLOTS + c->local_slot[n]);
	bool is_vector = type == WASM_V128;
	if (op == 0x20) {
		x64_rm(&c->x, is_vector ? OP_MOVUPS_LOAD : OP_MOV_LOAD, !is_vector, is_vector ? XMM0 : RAX, at);
		if (is_vector)
			push_vector(c, XMM0);
		else
			push_from(c, type, RAX);
		return;
	}
	if (is_vector)
		pop_vector(c, XMM0);
	else
		pop_to(c, type, RAX);
	x64_rm(&c->x, is_vector ? OP_MOVUPS_STORE : OP_MOV_STORE, !is_vector, is_vector ? XMM0 : RAX, at);
	if (op == 0x22)
		push_type(c, type); /* its slot still has it */
}

void handle_global(struct compiler *c, uint8_t op)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->global_count)
		invalid(c, "unknown global");
	const struct global_type *g = &c->m->globals[n];
	struct x64_mem at = x64_at(R14, (int32_t)(c->m->global_cells + GLOBAL_STRIDE * n));
	if (op == 0x24 && !g->is_mutable)
		invalid(c, "immutable global");
	if (op == 0x24 && g->type == WASM_V128)
		pop_vector(c, XMM0);
	else if (op == 0x24)
		pop_to(c, g->type, RAX);
	if (n < c->m->imported_globals) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, RCX, at);
		at = x64_at(RCX, 0);
	}
	if (g->type == WASM_V128) {
		x64_rm(&c->x, op == 0x24 ? OP_MOVUPS_STORE : OP_MOVUPS_LOAD, 0, XMM0, at);
		if (op == 0x23)
			push_vector(c, XMM0);
	} else if (op == 0x24) {
		x64_rm(&c->x, OP_MOV_STORE, 1, RAX, at);
	} else {
		x64_rm(&c->x, OP_MOV_LOAD, 1, RAX, at);
		push_from(c, g->type, RAX);
	}
}

void handle_select(struct compiler *c, uint8_t type)
{
	pop_to(c, WASM_I32, RDX);
	if (type == UNKNOWN) {
		uint8_t b = pop_any(c), a = pop_any(c);
		if (type_is_ref(a) || type_is_ref(b))
			invalid(c, "type mismatch: select without a type needs numbers or vectors");
		if (a != b && a != UNKNOWN && b != UNKNOWN)
			invalid(c, "type mismatch");
		type = a != UNKNOWN ? a : b;
	} else {
		pop_type(c, type);
		pop_type(c, type);
	}
	if (type == WASM_V128) {
		x64_rr(&c->x, OP_TEST, 0, RDX, RDX);
		uint8_t *first = x64_short_jcc(&c->x, CC_NE);
		x64_rm(&c->x, OP_MOVUPS_LOAD, 0, XMM0, operand_slot(c, c->height + 2));
		x64_rm(&c->x, OP_MOVUPS_STORE, 0, XMM0, operand_slot(c, c->height));
		x64_here(&c->x, first);
		push_type(c, type);
		return;
	}
	load(c, RAX, c->height);
	x64_rr(&c->x, OP_TEST, 0, RDX, RDX);
	x64_rm(&c->x, OP_CMOV(CC_E), 1, RAX, operand_slot(c, c->height + 1));
	push_type(c, type);
	store(c, RAX, c->height - 1);
}

static uint32_t read_table(struct compiler *c)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->table_count)
		invalid(c, "unknown table");
	return n;
}

static uint32_t read_elem(struct compiler *c)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->elem_count)
		invalid(c, "unknown elem segment");
	return n;
}

static uint32_t read_data(struct compiler *c)
{
	if (!c->m->has_data_count)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "data count section required");
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->data_count)
		invalid(c, "unknown data segment");
	return n;
}

/* Three i32 operands into RSI, RDX, RCX. */
static void pop_three(struct compiler *c)
{
	pop_to(c, WASM_I32, RCX);
	pop_to(c, WASM_I32, RDX);
	pop_to(c, WASM_I32, RSI);
}

void handle_fc(struct compiler *c)
{
	struct x64 *x = &c->x;
	uint32_t op = read_u32(&c->r), a, b;
	uint8_t type;
	if (op < 8) { /* saturating conversions */
		convert_by_helper(c, HELPER_TRUNC_SAT, (op & 2) ? WASM_F64 : WASM_F32, op < 4 ? WASM_I32 : WASM_I64, op);
		return;
	}
	switch (op) {
	case 8: /* memory.init */
		a = read_data(c);
		b = need_memory(c, read_u32(&c->r));
		pop_three(c);
		x64_mov_imm(x, R8, a);
		x64_mov_imm(x, R9, b);
		call_helper(c, HELPER_MEMORY_INIT);
		return;
	case 9:
		x64_mov_imm(x, RSI, read_data(c));
		call_helper(c, HELPER_DATA_DROP);
		return;
	case 10: /* memory.copy: to, from */
		a = need_memory(c, read_u32(&c->r));
		b = need_memory(c, read_u32(&c->r));
		pop_three(c);
		x64_mov_imm(x, R8, a);
		x64_mov_imm(x, R9, b);
		call_helper(c, HELPER_MEMORY_COPY);
		return;
	case 11:
		a = need_memory(c, read_u32(&c->r));
		pop_three(c);
		x64_mov_imm(x, R8, a);
		call_helper(c, HELPER_MEMORY_FILL);
		return;
	case 12: /* table.init */
		a = read_elem(c);
		b = read_table(c);
		if (c->m->elems[a].type != c->m->tables[b].type)
			invalid(c, "type mismatch");
		pop_three(c);
		x64_mov_imm(x, R8, a);
		x64_mov_imm(x, R9, b);
		call_helper(c, HELPER_TABLE_INIT);
		return;
	case 13:
		x64_mov_imm(x, RSI, read_elem(c));
		call_helper(c, HELPER_ELEM_DROP);
		return;
	case 14: /* table.copy: to, from */
		a = read_table(c);
		b = read_table(c);
		if (c->m->tables[a].type != c->m->tables[b].type)
			invalid(c, "type mismatch");
		pop_three(c);
		x64_mov_imm(x, R8, a);
		x64_mov_imm(x, R9, b);
		call_helper(c, HELPER_TABLE_COPY);
		return;
	case 15: /* table.grow */
		a = read_table(c);
		type = c->m->tables[a].type;
		pop_to(c, WASM_I32, RDX);
		pop_to(c, type, RSI);
		x64_mov_imm(x, RCX, a);
		call_helper(c, HELPER_TABLE_GROW);
		push_from(c, WASM_I32, RAX);
		return;
	case 16: /* table.size */
		a = read_table(c);
		x64_rm(x, OP_MOV_LOAD, 1, RAX, x64_at(R14, table_cell(c, a) + 8));
		x64_rm(x, OP_MOV_LOAD, 0, RAX, x64_at(RAX, TABLE_SIZE));
		push_from(c, WASM_I32, RAX);
		return;
	case 17: /* table.fill */
		a = read_table(c);
		type = c->m->tables[a].type;
		pop_to(c, WASM_I32, RCX);
		pop_to(c, type, RDX);
		pop_to(c, WASM_I32, RSI);
		x64_mov_imm(x, R8, a);
		call_helper(c, HELPER_TABLE_FILL);
		return;
	}
	if (op >= 19 && op <= 22)
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "wide arithmetic is not supported");
	reader_fail(&c->r, WASM_ERROR_MALFORMED, "illegal opcode");
}

void handle_table_access(struct compiler *c, uint8_t op)
{
	uint32_t n = read_table(c);
	uint8_t type = c->m->tables[n].type;
	if (op == 0x26)
		pop_to(c, type, RCX);
	pop_to(c, WASM_I32, RDX);
	x64_mov_imm(&c->x, RSI, n);
	call_helper(c, op == 0x26 ? HELPER_TABLE_SET : HELPER_TABLE_GET);
	if (op == 0x25)
		push_from(c, type, RAX);
}

void handle_ref(struct compiler *c, uint8_t op)
{
	uint8_t type;
	uint32_t n;
	switch (op) {
	case 0xd0:
		x64_zero(&c->x, RAX);
		push_from(c, read_heaptype(&c->r, c->m), RAX);
		return;
	case 0xd1:
		type = pop_any(c);
		if (!type_is_ref(type) && type != UNKNOWN)
			invalid(c, "type mismatch: ref.is_null needs a reference");
		load(c, RCX, c->height);
		x64_zero(&c->x, RAX);
		x64_rr(&c->x, OP_TEST, 1, RCX, RCX);
		x64_rr(&c->x, OP_SETCC(CC_E), 0, 0, RAX);
		push_from(c, WASM_I32, RAX);
		return;
	default:
		n = read_u32(&c->r);
		if (n >= c->m->func_count)
			invalid(c, "unknown function");
		if (!(c->m->func_declared[n / 8] >> n % 8 & 1))
			invalid(c, "undeclared function reference");
		x64_mov_imm(&c->x, RSI, n);
		call_helper(c, HELPER_REF_FUNC);
		push_from(c, WASM_FUNCREF, RAX);
	}
}
