/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, bulk operations. */
#include "guest/wasm/module/features.h"
#include "guest/wasm/singlepass/compiler.h"

static uint32_t read_table(struct compiler *c)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->table_count)
		fail_invalid(c, "unknown table");
	return n;
}

static uint32_t read_elem(struct compiler *c)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->elem_count)
		fail_invalid(c, "unknown elem segment");
	return n;
}

static uint32_t read_data(struct compiler *c)
{
	if (!c->m->has_data_count)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "data count section required");
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->data_count)
		fail_invalid(c, "unknown data segment");
	return n;
}

static uint32_t read_memory(struct compiler *c)
{
	uint32_t n = read_u32(&c->r);
	need_memory(c, n);
	return n;
}

static uint32_t memory_address(const struct compiler *c, uint32_t memory)
{
	return limits_address(&c->m->memories[memory]);
}

static uint32_t table_address(const struct compiler *c, uint32_t table)
{
	return limits_address(&c->m->tables[table].limits);
}

/* Of a length that is in both. */
static uint32_t smaller(uint32_t address, uint32_t other)
{
	return address == WASM_I64 ? other : address;
}

/* What goes to `to` from `from`, and two numbers. */
static void call_copy(struct compiler *c, enum helper n, uint32_t to, uint32_t from, uint32_t a,
		      uint32_t b)
{
	call_helper(c, n, (uint32_t[]){to, from, smaller(to, from)}, 3, (uint32_t[]){a, b}, 2);
}

static void call_fill(struct compiler *c, enum helper n, uint32_t address, uint32_t value,
		      uint32_t of)
{
	call_helper(c, n, (uint32_t[]){address, value, address}, 3, &of, 1);
}

static void table_size(struct compiler *c, uint32_t table)
{
	uint32_t type = table_address(c, table);
	unsigned dst = alloc_result(c, type);
	x64_rm(&c->x, OP_MOV_LOAD, 1, dst, x64_at(R14, table_cell(c, table) + 8));
	x64_rm(&c->x, OP_MOV_LOAD, is_wide(type), dst, x64_at(dst, TABLE_SIZE));
	push_result(c, type, dst);
}

void handle_fc(struct compiler *c)
{
	uint32_t op = read_u32(&c->r), a, b;
	const struct wasm_opcode *o = wasm_opcode_fc(op);
	if (o->class == CLASS_SATURATE) {
		handle_saturate(c, o);
		return;
	}
	if (o->class == CLASS_WIDE) {
		feature_need(&c->r, c->m, o->feature);
		handle_wide(c, o);
		return;
	}
	if (o->class == CLASS_UNSUPPORTED)
		feature_refuse(&c->r, o->feature, "");
	switch (op) {
	case WASM_FC_MEMORY_INIT:
		a = read_data(c);
		b = read_memory(c);
		call_copy(c, HELPER_MEMORY_INIT, memory_address(c, b), WASM_I32, a, b);
		return;
	case WASM_FC_DATA_DROP:
		a = read_data(c);
		call_helper(c, HELPER_DATA_DROP, NULL, 0, &a, 1);
		return;
	case WASM_FC_MEMORY_COPY: /* to, from */
		a = read_memory(c);
		b = read_memory(c);
		call_copy(c, HELPER_MEMORY_COPY, memory_address(c, a), memory_address(c, b), a, b);
		return;
	case WASM_FC_MEMORY_FILL:
		a = read_memory(c);
		call_fill(c, HELPER_MEMORY_FILL, memory_address(c, a), WASM_I32, a);
		return;
	case WASM_FC_TABLE_INIT:
		a = read_elem(c);
		b = read_table(c);
		if (!type_matches(c->m->elems[a].type, c->m->tables[b].type))
			fail_invalid(c, "type mismatch");
		call_copy(c, HELPER_TABLE_INIT, table_address(c, b), WASM_I32, a, b);
		return;
	case WASM_FC_ELEM_DROP:
		a = read_elem(c);
		call_helper(c, HELPER_ELEM_DROP, NULL, 0, &a, 1);
		return;
	case WASM_FC_TABLE_COPY: /* to, from */
		a = read_table(c);
		b = read_table(c);
		if (!type_matches(c->m->tables[b].type, c->m->tables[a].type))
			fail_invalid(c, "type mismatch");
		call_copy(c, HELPER_TABLE_COPY, table_address(c, a), table_address(c, b), a, b);
		return;
	case WASM_FC_TABLE_GROW:
		a = read_table(c);
		b = table_address(c, a);
		call_helper(c, HELPER_TABLE_GROW, (uint32_t[]){c->m->tables[a].type, b}, 2, &a, 1);
		push_call_result(c, b);
		return;
	case WASM_FC_TABLE_SIZE:
		table_size(c, read_table(c));
		return;
	case WASM_FC_TABLE_FILL:
		a = read_table(c);
		call_fill(c, HELPER_TABLE_FILL, table_address(c, a), c->m->tables[a].type, a);
		return;
	}
	reader_fail(&c->r, WASM_ERROR_MALFORMED, "illegal opcode");
}

/* The helpers take the table first: its number goes below the operands, which leave their slots. */
void handle_table_access(struct compiler *c, uint8_t op)
{
	uint32_t n = read_table(c);
	uint32_t type = c->m->tables[n].type, address = table_address(c, n);
	bool set = op == WASM_OP_TABLE_SET;
	struct value v = {.location = AT_SLOT}, at;
	if (set) {
		v = pop_value(c, type);
		(void)to_own(c, &v);
	}
	at = pop_value(c, address);
	(void)to_own(c, &at);
	push_const(c, WASM_I32, n);
	push_popped(c, &at);
	if (set)
		push_popped(c, &v);
	call_helper(c, set ? HELPER_TABLE_SET : HELPER_TABLE_GET,
		    (uint32_t[]){WASM_I32, address, type}, set ? 3 : 2, NULL, 0);
	if (!set)
		push_call_result(c, type);
}
