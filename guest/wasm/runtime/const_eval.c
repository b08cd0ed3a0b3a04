/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluates constant expressions, which have been checked (module/const_expr.c): operands are
 * there, and are as many as fit.
 */
#include "guest/wasm/runtime/objects.h"

#include "guest/wasm/module/const_expr.h"
#include "guest/wasm/module/opcodes.h"

struct stack {
	union wasm_value value[CONST_DEPTH_MAX];
	uint32_t depth;
};

static union wasm_value *push(struct stack *s)
{
	s->value[s->depth] = (union wasm_value){0};
	return &s->value[s->depth++];
}

static void binary(struct stack *s, const struct wasm_opcode *o)
{
	uint64_t b = s->value[--s->depth].i64;
	uint64_t a = s->value[s->depth - 1].i64;
	if (o->operation == OPERATION_ADD)
		a += b;
	else if (o->operation == OPERATION_SUB)
		a -= b;
	else
		a *= b;
	s->value[s->depth - 1].i64 = o->operand == WASM_I64 ? a : (uint32_t)a;
}

static void push_object(struct reader *r, struct stack *s, struct object *o)
{
	if (!o)
		reader_fail(r, WASM_ERROR_MEMORY, "out of memory for structures and arrays");
	push(s)->i64 = (uint64_t)o;
}

static void structure(struct reader *r, struct wasm_instance *i, struct stack *s, bool is_default)
{
	const struct deftype *t = i->module->types[read_u32(r)];
	const union wasm_value *fields = NULL;
	if (!is_default)
		fields = &s->value[s->depth -= t->field_count];
	push_object(r, s, constant_struct(i, t, fields));
}

static void array(struct reader *r, struct wasm_instance *i, struct stack *s, uint32_t number)
{
	const struct deftype *t = i->module->types[read_u32(r)];
	const union wasm_value *values = NULL;
	uint32_t length;
	if (number == WASM_FB_ARRAY_NEW_FIXED) {
		length = read_u32(r);
		values = &s->value[s->depth -= length];
	} else {
		length = s->value[--s->depth].i32;
		if (number == WASM_FB_ARRAY_NEW)
			values = &s->value[--s->depth];
	}
	push_object(r, s, constant_array(i, t, length, values, number == WASM_FB_ARRAY_NEW));
}

/* After 0xfb; conversions leave a reference as it is. */
static void reference(struct reader *r, struct wasm_instance *i, struct stack *s)
{
	uint32_t number = read_u32(r);
	const struct wasm_opcode *o = wasm_opcode_fb(number);
	if (o->class == CLASS_STRUCT_NEW)
		structure(r, i, s, number == WASM_FB_STRUCT_NEW_DEFAULT);
	else if (o->class == CLASS_ARRAY_NEW || o->class == CLASS_ARRAY_FIXED)
		array(r, i, s, number);
	else if (o->class == CLASS_REF_I31)
		s->value[s->depth - 1].i64 = i31_of(s->value[s->depth - 1].i32);
}

/* One instruction; false: it is the end. */
static bool evaluate_insn(struct reader *r, struct wasm_instance *i, struct stack *s)
{
	uint8_t op = read_u8(r);
	switch (op) {
	case WASM_OP_END:
		return false;
	case WASM_OP_GLOBAL_GET:
		*push(s) = instance_global(i, read_u32(r))->value;
		break;
	case WASM_OP_I32_CONST:
		push(s)->i64 = (uint32_t)read_s32(r);
		break;
	case WASM_OP_I64_CONST:
		push(s)->i64 = (uint64_t)read_s64(r);
		break;
	case WASM_OP_F32_CONST:
		memcpy(push(s), read_bytes(r, 4), 4);
		break;
	case WASM_OP_F64_CONST:
		memcpy(push(s), read_bytes(r, 8), 8);
		break;
	case WASM_OP_REF_NULL:
		(void)read_s33(r);
		push(s);
		break;
	case WASM_OP_REF_FUNC:
		push(s)->func = instance_func(i, read_u32(r));
		break;
	case WASM_OP_PREFIX_FB:
		reference(r, i, s);
		break;
	case WASM_OP_PREFIX_FD: /* v128.const is the only one */
		(void)read_u32(r);
		memcpy(push(s), read_bytes(r, 16), 16);
		break;
	default:
		binary(s, &wasm_opcodes[op]);
	}
	return true;
}

union wasm_value const_eval(struct reader *r, struct wasm_instance *i)
{
	struct stack s;
	s.depth = 0;
	while (evaluate_insn(r, i, &s))
		;
	return s.value[0];
}
