/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structures and arrays. Allocation takes an object from the list of its size, accesses are loads
 * and stores; a null reference is a page fault at the offset (runtime/trap.c), where the offset is
 * in the first page. References that are overwritten are shown to the collector while it marks.
 */
#include "guest/wasm/singlepass/compiler.h"

/* More words than this are set to zero by one instruction. */
enum { ZEROED_SINGLY = 16 };

static const struct deftype *read_type(struct compiler *c, uint8_t form)
{
	uint32_t index = read_u32(&c->r);
	if (index >= c->m->type_count)
		fail_invalid(c, "unknown type");
	if (c->m->types[index]->form != form)
		fail_invalid(c, "type mismatch: a type of another kind");
	return c->m->types[index];
}

static const struct field *read_field(struct compiler *c, const struct deftype *t)
{
	uint32_t index = read_u32(&c->r);
	if (index >= t->field_count)
		fail_invalid(c, "unknown field");
	return &t->fields[index];
}

static void need_mutable(const struct compiler *c, const struct field *f)
{
	if (!f->is_mutable)
		fail_invalid(c, "immutable field");
}

/* A packed one is read with a sign or without, the others as they are. */
static void check_access(const struct compiler *c, const struct field *f, bool extends)
{
	if (extends != (type_unpacked(f->type) != f->type))
		fail_invalid(c, "type mismatch: of packed fields, and only of them, it is said how "
				"they are extended");
}

static uint32_t ref_to(const struct deftype *t)
{
	return WASM_TYPE_DEFINED | t->func.id;
}

/* --- loads and stores --- */

static void load_field(struct compiler *c, const struct field *f, bool is_signed,
		       struct x64_mem from, struct value *base)
{
	static const uint32_t packed[2][2] = {{OP_MOVZX8, OP_MOVSX8}, {OP_MOVZX16, OP_MOVSX16}};
	uint32_t type = type_unpacked(f->type);
	release(c, base); /* the result may have its register */
	unsigned dst = alloc_result(c, type);
	if (type != f->type)
		x64_rm(&c->x, packed[f->type == TYPE_I16][is_signed], 0, dst, from);
	else
		load_mem(c, type, dst, from);
	push_result(c, type, dst);
}

static void store_register(struct compiler *c, uint32_t type, unsigned reg, struct x64_mem to)
{
	switch (type) {
	case TYPE_I8:
		x64_rm(&c->x, OP_MOV_STORE8, 0, reg, to);
		return;
	case TYPE_I16:
		x64_rm(&c->x, OP_MOV_STORE16, 0, reg, to);
		return;
	case TYPE_F32:
		x64_rm(&c->x, OP_MOVSS_STORE, 0, reg, to);
		return;
	case TYPE_F64:
		x64_rm(&c->x, OP_MOVSD_STORE, 0, reg, to);
		return;
	case TYPE_V128:
		x64_rm(&c->x, OP_MOVUPS_STORE, 0, reg, to);
		return;
	}
	x64_rm(&c->x, OP_MOV_STORE, type != TYPE_I32, reg, to);
}

/* Clobbers the scratch registers. */
static void store_field(struct compiler *c, uint32_t type, const struct value *v, struct x64_mem to)
{
	uint32_t bytes = type_bytes(type);
	unsigned reg = reg_of(c, v);
	bool fits = bytes < 8 || v->bits == (uint64_t)(int64_t)(int32_t)v->bits;
	if (v->location == AT_CONST && fits && bytes <= 8) {
		x64_mov_mem_imm(&c->x, bytes, to, (int32_t)v->bits);
		return;
	}
	if (reg == X64_NONE) {
		reg = SCRATCH;
		if (type_is_float(type))
			reg = FLOAT_SCRATCH;
		load_to(c, v, reg);
	}
	store_register(c, type, reg, to);
}

/*
 * Before a reference is overwritten: the collector sees the old one if it is marking. Destroys R11
 * and XMM15.
 */
static void barrier(struct compiler *c, uint32_t type, struct x64_mem at)
{
	if (!type_is_collected(type))
		return;
	x64_rm(&c->x, OP_MOV_LOAD, 1, SCRATCH, x64_at(R14, INSTANCE_HEAP));
	x64_alu_mem_imm(&c->x, ALU_CMP, 0, x64_at(SCRATCH, CELLS_MARKING), 0);
	uint8_t *over = x64_short_jcc(&c->x, CC_E);
	x64_rm(&c->x, OP_MOVSD_LOAD, 0, FLOAT_SCRATCH, at);
	x64_call_mem(&c->x, x64_at(SCRATCH, CELLS_BARRIER));
	x64_here(&c->x, over);
}

/* A reference whose null is found by the access at this offset, or else here. */
static unsigned pop_object(struct compiler *c, uint32_t type, uint32_t offset,
			   enum wasm_trap_code null, struct value *v)
{
	unsigned reg = pop_to_reg(c, type, v);
	if (offset >= WASM_PAGE_BYTES - 16 && !(v->type & WASM_TYPE_NON_NULL)) {
		x64_rr(&c->x, OP_TEST, 1, reg, reg);
		trap_if(c, CC_E, null);
	}
	return reg;
}

/* --- making --- */

/*
 * An object from the list of its size to a register; an empty list is filled first, a large object
 * made by the way. Destroys the scratch registers and the flags.
 */
static unsigned allocate(struct compiler *c, uint64_t bytes)
{
	struct x64 *x = &c->x;
	int32_t list = CELLS_FREE + 8 * (int32_t)heap_class(bytes);
	unsigned dst = alloc_reg(c, INTS);
	x64_rm(x, OP_MOV_LOAD, 1, SCRATCH, x64_at(R14, INSTANCE_HEAP));
	if (heap_class(bytes) == HEAP_CLASSES)
		x64_mov_mem_imm(x, 8, x64_at(SCRATCH, CELLS_LARGE_BYTES), (int32_t)bytes);
	x64_rm(x, OP_MOV_LOAD, 1, dst, x64_at(SCRATCH, list));
	x64_rr(x, OP_TEST, 1, dst, dst);
	uint8_t *have = x64_short_jcc(x, CC_NE);
	x64_lea(x, 1, SCRATCH, x64_at(SCRATCH, list));
	x64_call_mem(x, x64_at(SCRATCH, CELLS_REFILL - list));
	x64_rm(x, OP_MOV_LOAD, 1, dst, x64_at(SCRATCH, list));
	x64_here(x, have);
	x64_rm(x, OP_MOVSD_LOAD, 0, FLOAT_SCRATCH, x64_at(dst, OBJECT_WORDS));
	x64_rm(x, OP_MOVSD_STORE, 0, FLOAT_SCRATCH, x64_at(SCRATCH, list));
	return dst;
}

static void store_header(struct compiler *c, unsigned reg, const struct deftype *t, uint32_t length)
{
	x64_mov_mem_imm(&c->x, 8, x64_at(reg, OBJECT_TYPE), (int32_t)t->func.id);
	if (length)
		x64_mov_mem_imm(&c->x, 4, x64_at(reg, OBJECT_LENGTH), (int32_t)length);
}

/* The words after the header of an object in a register. */
static unsigned zero_words(struct compiler *c, unsigned reg, uint32_t words)
{
	struct x64 *x = &c->x;
	if (words <= ZEROED_SINGLY) {
		for (uint32_t i = 0; i < words; i++)
			x64_mov_mem_imm(x, 8, x64_at(reg, OBJECT_WORDS + 8 * (int32_t)i), 0);
		return reg;
	}
	struct value v = {.location = AT_REG, .type = TYPE_ANY, .reg = (uint8_t)reg};
	alloc_fixed(c, RAX, &v);
	alloc_fixed(c, RCX, &v);
	x64_mov_rr(x, 1, SCRATCH, RDI);
	x64_lea(x, 1, RDI, x64_at(v.reg, OBJECT_WORDS));
	x64_mov_imm(x, RCX, words);
	x64_zero(x, RAX);
	x64_u8(x, 0xf3); /* rep stosq */
	x64_u8(x, 0x48);
	x64_u8(x, 0xab);
	x64_mov_rr(x, 1, RDI, SCRATCH);
	c->regs.free |= BIT(RAX) | BIT(RCX);
	return v.reg;
}

/* No more operands than there are: those of unreachable code are without end. */
static bool has_operands(struct compiler *c)
{
	return !top(c)->unreachable || c->stack.height > top(c)->height;
}

static void pop_field(struct compiler *c, uint32_t type, unsigned object, uint32_t offset)
{
	struct value v = pop_value(c, type_unpacked(type));
	reserve_code(c);
	store_field(c, type, &v, x64_at(object, (int32_t)offset));
	release(c, &v);
}

static void struct_new(struct compiler *c, const struct deftype *t, bool is_default)
{
	for (uint32_t i = 0; is_default && i < t->field_count; i++)
		if (!type_has_default(t->fields[i].type))
			fail_invalid(c, "type mismatch: a field has no default value");
	unsigned reg = allocate(c, t->object_bytes);
	store_header(c, reg, t, 0);
	if (is_default)
		reg = zero_words(c, reg, t->object_bytes / 8 - 1);
	for (uint32_t i = t->field_count; !is_default && i > 0 && has_operands(c); i--)
		pop_field(c, t->fields[i - 1].type, reg, t->fields[i - 1].offset);
	push_reg(c, ref_to(t) | WASM_TYPE_NON_NULL, reg);
}

static void array_new_fixed(struct compiler *c)
{
	const struct deftype *t = read_type(c, TYPE_FORM_ARRAY);
	uint32_t n = read_u32(&c->r), type = t->fields[0].type, bytes = type_bytes(type);
	if (n > WASM_MAX_FIXED_ARRAY)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many elements of an array");
	unsigned reg = allocate(c, OBJECT_WORDS + n * bytes);
	store_header(c, reg, t, n);
	for (uint32_t i = n; i > 0 && has_operands(c); i--)
		pop_field(c, type, reg, OBJECT_WORDS + (i - 1) * bytes);
	push_reg(c, ref_to(t) | WASM_TYPE_NON_NULL, reg);
}

/* A helper that takes its operands in their slots, and numbers. */
static void call_with_slots(struct compiler *c, enum helper n, const uint32_t *types,
			    uint32_t count, uint32_t a, uint32_t b)
{
	check_top(c, types, count);
	uint32_t first = c->stack.height - slots_of(types, count);
	stack_flush_all(c, first);
	reserve_code(c);
	save_caller_saved(c);
	x64_lea(&c->x, 1, RSI, operand_slot(c, first));
	x64_mov_imm(&c->x, RDX, a);
	x64_mov_imm(&c->x, RCX, b);
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R14, INSTANCE_HELPERS));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R11, (int32_t)(8 * n)));
	x64_call_mem(&c->x, x64_at(R14, INSTANCE_GLUE));
	truncate_stack(c, first);
	load_caller_saved(c);
}

static uint32_t read_data(struct compiler *c, const struct deftype *t)
{
	if (!c->m->has_data_count)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "data count section required");
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->data_count)
		fail_invalid(c, "unknown data segment");
	if (type_is_ref(t->fields[0].type))
		fail_invalid(c, "type mismatch: array type is not numeric or vector");
	return n;
}

static uint32_t read_elem(struct compiler *c, const struct deftype *t)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->elem_count)
		fail_invalid(c, "unknown elem segment");
	if (!type_matches(c->m->elems[n].type, t->fields[0].type))
		fail_invalid(c, "type mismatch: the segment has other references");
	return n;
}

static void array_new(struct compiler *c, uint32_t op)
{
	const struct deftype *t = read_type(c, TYPE_FORM_ARRAY);
	const struct field *f = &t->fields[0];
	const uint32_t with_value[] = {type_unpacked(f->type), WASM_I32},
		       two[] = {WASM_I32, WASM_I32};
	if (op == WASM_FB_ARRAY_NEW) {
		call_with_slots(c, HELPER_ARRAY_NEW, with_value, 2, t->func.id, 0);
	} else if (op == WASM_FB_ARRAY_NEW_DEFAULT) {
		if (!type_has_default(f->type))
			fail_invalid(c, "type mismatch: elements have no default value");
		call_with_slots(c, HELPER_ARRAY_NEW_ZERO, two, 1, t->func.id, 0);
	} else if (op == WASM_FB_ARRAY_NEW_DATA) {
		uint32_t n = read_data(c, t);
		call_with_slots(c, HELPER_ARRAY_NEW_DATA, two, 2, t->func.id, n);
	} else {
		uint32_t n = read_elem(c, t);
		call_with_slots(c, HELPER_ARRAY_NEW_ELEM, two, 2, t->func.id, n);
	}
	push_call_result(c, ref_to(t) | WASM_TYPE_NON_NULL);
}

/* --- structures --- */

static void struct_get(struct compiler *c, uint32_t op)
{
	const struct deftype *t = read_type(c, TYPE_FORM_STRUCT);
	const struct field *f = read_field(c, t);
	struct value v;
	check_access(c, f, op != WASM_FB_STRUCT_GET);
	unsigned reg = pop_object(c, ref_to(t), f->offset, WASM_TRAP_NULL_STRUCT, &v);
	load_field(c, f, op == WASM_FB_STRUCT_GET_S, x64_at(reg, (int32_t)f->offset), &v);
}

static void struct_set(struct compiler *c)
{
	const struct deftype *t = read_type(c, TYPE_FORM_STRUCT);
	const struct field *f = read_field(c, t);
	need_mutable(c, f);
	struct value v = pop_value(c, type_unpacked(f->type)), base;
	unsigned reg = pop_object(c, ref_to(t), f->offset, WASM_TRAP_NULL_STRUCT, &base);
	struct x64_mem at = x64_at(reg, (int32_t)f->offset);
	barrier(c, f->type, at);
	store_field(c, f->type, &v, at);
	release(c, &v);
	release(c, &base);
}

/* --- elements --- */

/*
 * Pops an index and an array, and checks them. Returns where the element is; it may need R11, which
 * element_address() sets, between which and the access nothing else may.
 */
static struct x64_mem pop_element(struct compiler *c, const struct deftype *t, struct value *index,
				  struct value *array)
{
	struct x64 *x = &c->x;
	uint32_t bytes = type_bytes(t->fields[0].type);
	*index = pop_value(c, WASM_I32);
	bool is_const = index->location == AT_CONST && index->bits <= INT16_MAX;
	unsigned at = 0;
	if (!is_const)
		at = to_reg(c, index);
	unsigned reg = pop_to_reg(c, ref_to(t), array);
	if (is_const) {
		x64_alu_mem_imm(x, ALU_CMP, 0, x64_at(reg, OBJECT_LENGTH), (int32_t)index->bits);
		trap_if(c, CC_BE, WASM_TRAP_ARRAY);
		return x64_at(reg, OBJECT_WORDS + (int32_t)(index->bits * bytes));
	}
	x64_rm(x, OP_ALU(ALU_CMP), 0, at, x64_at(reg, OBJECT_LENGTH));
	trap_if(c, CC_AE, WASM_TRAP_ARRAY);
	if (bytes < 16)
		return x64_at_index(reg, at, (unsigned)__builtin_ctz(bytes), OBJECT_WORDS);
	x64_mov_rr(x, 0, SCRATCH, at); /* of vectors */
	x64_shift_imm(x, SHIFT_SHL, 1, SCRATCH, 4);
	return x64_at_index(reg, SCRATCH, 0, OBJECT_WORDS);
}

static void array_get(struct compiler *c, uint32_t op)
{
	const struct deftype *t = read_type(c, TYPE_FORM_ARRAY);
	struct value index, array;
	check_access(c, &t->fields[0], op != WASM_FB_ARRAY_GET);
	struct x64_mem at = pop_element(c, t, &index, &array);
	release(c, &index);
	load_field(c, &t->fields[0], op == WASM_FB_ARRAY_GET_S, at, &array);
}

static void array_set(struct compiler *c)
{
	const struct deftype *t = read_type(c, TYPE_FORM_ARRAY);
	const struct field *f = &t->fields[0];
	struct value index, array;
	need_mutable(c, f);
	struct value v = pop_value(c, type_unpacked(f->type));
	if (v.location != AT_CONST || f->type == WASM_V128)
		(void)to_reg(c, &v); /* R11 may be part of the address */
	struct x64_mem at = pop_element(c, t, &index, &array);
	barrier(c, f->type, at);
	store_field(c, f->type, &v, at);
	release(c, &v);
	release(c, &index);
	release(c, &array);
}

static void array_len(struct compiler *c)
{
	struct value v;
	static const struct field length = {.type = WASM_I32};
	unsigned reg = pop_to_reg(c, TYPE_ARRAY, &v);
	load_field(c, &length, false, x64_at(reg, OBJECT_LENGTH), &v);
}

/* --- pieces of arrays --- */

static void array_fill(struct compiler *c)
{
	const struct deftype *t = read_type(c, TYPE_FORM_ARRAY);
	const uint32_t types[] = {ref_to(t), WASM_I32, type_unpacked(t->fields[0].type), WASM_I32};
	need_mutable(c, &t->fields[0]);
	call_with_slots(c, HELPER_ARRAY_FILL, types, 4, t->func.id, 0);
}

static void array_copy(struct compiler *c)
{
	const struct deftype *t = read_type(c, TYPE_FORM_ARRAY),
			     *of = read_type(c, TYPE_FORM_ARRAY);
	const uint32_t types[] = {ref_to(t), WASM_I32, ref_to(of), WASM_I32, WASM_I32};
	need_mutable(c, &t->fields[0]);
	if (!type_matches(of->fields[0].type, t->fields[0].type))
		fail_invalid(c, "array types do not match");
	call_with_slots(c, HELPER_ARRAY_COPY, types, 5, t->func.id, 0);
}

static void array_init(struct compiler *c, bool from_data)
{
	const struct deftype *t = read_type(c, TYPE_FORM_ARRAY);
	const uint32_t types[] = {ref_to(t), WASM_I32, WASM_I32, WASM_I32};
	need_mutable(c, &t->fields[0]);
	if (from_data) {
		uint32_t n = read_data(c, t);
		call_with_slots(c, HELPER_ARRAY_INIT_DATA, types, 4, t->func.id, n);
	} else {
		uint32_t n = read_elem(c, t);
		call_with_slots(c, HELPER_ARRAY_INIT_ELEM, types, 4, t->func.id, n);
	}
}

void handle_object(struct compiler *c, uint32_t op)
{
	switch (op) {
	case WASM_FB_STRUCT_NEW:
	case WASM_FB_STRUCT_NEW_DEFAULT:
		struct_new(c, read_type(c, TYPE_FORM_STRUCT), op == WASM_FB_STRUCT_NEW_DEFAULT);
		return;
	case WASM_FB_STRUCT_GET:
	case WASM_FB_STRUCT_GET_S:
	case WASM_FB_STRUCT_GET_U:
		struct_get(c, op);
		return;
	case WASM_FB_STRUCT_SET:
		struct_set(c);
		return;
	case WASM_FB_ARRAY_NEW:
	case WASM_FB_ARRAY_NEW_DEFAULT:
	case WASM_FB_ARRAY_NEW_DATA:
	case WASM_FB_ARRAY_NEW_ELEM:
		array_new(c, op);
		return;
	case WASM_FB_ARRAY_NEW_FIXED:
		array_new_fixed(c);
		return;
	case WASM_FB_ARRAY_GET:
	case WASM_FB_ARRAY_GET_S:
	case WASM_FB_ARRAY_GET_U:
		array_get(c, op);
		return;
	case WASM_FB_ARRAY_SET:
		array_set(c);
		return;
	case WASM_FB_ARRAY_LEN:
		array_len(c);
		return;
	case WASM_FB_ARRAY_FILL:
		array_fill(c);
		return;
	case WASM_FB_ARRAY_COPY:
		array_copy(c);
		return;
	case WASM_FB_ARRAY_INIT_DATA:
	case WASM_FB_ARRAY_INIT_ELEM:
		array_init(c, op == WASM_FB_ARRAY_INIT_DATA);
		return;
	}
}
