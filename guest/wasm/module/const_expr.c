/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks constant expressions (WebAssembly specification, 3.3.10). The module is untrusted; the
 * runtime evaluates what has been checked here (runtime/const_eval.c).
 */
#include "guest/wasm/module/const_expr.h"

#include "guest/wasm/module/features.h"
#include "guest/wasm/module/module.h"
#include "guest/wasm/module/opcodes.h"

struct checker {
	struct reader *r;
	struct wasm_module *m;
	uint32_t globals; /* those before, which the expression may name */
	uint32_t depth;
	uint32_t type[CONST_DEPTH_MAX];
};

static void push(struct checker *c, uint32_t type)
{
	if (c->depth == CONST_DEPTH_MAX)
		reader_fail(c->r, WASM_ERROR_LIMIT, "constant expression too deep");
	c->type[c->depth++] = type;
}

static void need(const struct checker *c, bool ok)
{
	if (!ok)
		reader_fail(c->r, WASM_ERROR_INVALID, "type mismatch in constant expression");
}

/* Instructions that are not constant, or only with a feature that is not enabled. */
static void need_constant(const struct checker *c, const struct wasm_opcode *o)
{
	if (o->constant != FEATURE_NEVER && feature_enabled(c->m, o->constant))
		return;
	c->r->p--;
	if (o->class == CLASS_ILLEGAL)
		reader_fail(c->r, WASM_ERROR_MALFORMED, "illegal opcode");
	if (o->constant == FEATURE_NEVER)
		reader_fail(c->r, WASM_ERROR_INVALID, "constant expression required");
	feature_refuse(c->r, o->constant, "");
}

static void binary(struct checker *c, const struct wasm_opcode *o)
{
	need(c, c->depth >= 2 && c->type[c->depth - 1] == o->operand &&
			c->type[c->depth - 2] == o->operand);
	c->depth--;
}

static void global_get(struct checker *c)
{
	uint32_t index = read_u32(c->r);
	if (index >= c->globals)
		reader_fail(c->r, WASM_ERROR_INVALID, "unknown global");
	if (c->m->globals[index].is_mutable)
		reader_fail(c->r, WASM_ERROR_INVALID, "constant expression required");
	push(c, c->m->globals[index].type);
}

static void ref_func(struct checker *c)
{
	uint32_t index = read_u32(c->r);
	if (index >= c->m->func_count)
		reader_fail(c->r, WASM_ERROR_INVALID, "unknown function");
	module_declare_func(c->m, index);
	push(c, type_ref_to(module_func_type(c->m, index)));
}

static void vector(struct checker *c)
{
	const uint8_t *at = c->r->p;
	if (read_u32(c->r) != WASM_FD_V128_CONST) {
		c->r->p = at;
		reader_fail(c->r, WASM_ERROR_INVALID, "constant expression required");
	}
	(void)read_bytes(c->r, 16);
	push(c, WASM_V128);
}

static uint32_t pop_ref(struct checker *c, uint32_t of)
{
	need(c, c->depth >= 1 && type_matches(c->type[c->depth - 1], of));
	return c->type[--c->depth];
}

static const struct deftype *read_type(const struct checker *c, uint8_t form)
{
	uint32_t index = read_u32(c->r);
	if (index >= c->m->type_count)
		reader_fail(c->r, WASM_ERROR_INVALID, "unknown type");
	need(c, c->m->types[index]->form == form);
	return c->m->types[index];
}

static void pop(struct checker *c, uint32_t type)
{
	need(c, c->depth >= 1 && type_matches(c->type[c->depth - 1], type_unpacked(type)));
	c->depth--;
}

/* Pops the fields of a structure; or there are default values for all. */
static void structure(struct checker *c, bool is_default)
{
	const struct deftype *t = read_type(c, TYPE_FORM_STRUCT);
	for (uint32_t i = t->field_count; i > 0; i--)
		if (is_default)
			need(c, type_has_default(t->fields[i - 1].type));
		else
			pop(c, t->fields[i - 1].type);
	push(c, type_ref_to(&t->func));
}

static void array(struct checker *c, uint32_t number)
{
	const struct deftype *t = read_type(c, TYPE_FORM_ARRAY);
	const uint32_t type = t->fields[0].type;
	uint32_t values = 1;
	if (number == WASM_FB_ARRAY_NEW_FIXED)
		values = read_u32(c->r);
	else
		pop(c, WASM_I32);
	if (number == WASM_FB_ARRAY_NEW_DEFAULT)
		need(c, type_has_default(type));
	else
		for (; values > 0; values--)
			pop(c, type);
	push(c, type_ref_to(&t->func));
}

/* After 0xfb. */
static void reference(struct checker *c)
{
	const uint8_t *at = c->r->p;
	uint32_t number = read_u32(c->r);
	const struct wasm_opcode *o = wasm_opcode_fb(number);
	if (o->constant == FEATURE_NEVER) {
		c->r->p = at;
		reader_fail(c->r, WASM_ERROR_INVALID, "constant expression required");
	}
	if (number == WASM_FB_REF_I31) {
		need(c, c->depth >= 1 && c->type[c->depth - 1] == WASM_I32);
		c->type[c->depth - 1] = TYPE_I31 | WASM_TYPE_NON_NULL;
	} else if (o->class == CLASS_STRUCT_NEW) {
		structure(c, number == WASM_FB_STRUCT_NEW_DEFAULT);
	} else if (o->class == CLASS_ARRAY_NEW || o->class == CLASS_ARRAY_FIXED) {
		array(c, number);
	} else if (number == WASM_FB_ANY_CONVERT_EXTERN) {
		push(c, type_converted(pop_ref(c, TYPE_EXTERN), TYPE_ANY));
	} else {
		push(c, type_converted(pop_ref(c, TYPE_ANY), TYPE_EXTERN));
	}
}

static void number(struct checker *c, uint8_t op)
{
	if (op == WASM_OP_I32_CONST)
		(void)read_s32(c->r);
	else if (op == WASM_OP_I64_CONST)
		(void)read_s64(c->r);
	else
		(void)read_bytes(c->r, op == WASM_OP_F32_CONST ? 4 : 8);
	push(c, wasm_opcodes[op].result);
}

/* One instruction; false: it is the end. */
static bool check_insn(struct checker *c)
{
	uint8_t op = read_u8(c->r);
	need_constant(c, &wasm_opcodes[op]);
	switch (op) {
	case WASM_OP_END:
		return false;
	case WASM_OP_GLOBAL_GET:
		global_get(c);
		break;
	case WASM_OP_REF_NULL:
		push(c, read_heaptype(c->r, c->m));
		break;
	case WASM_OP_REF_FUNC:
		ref_func(c);
		break;
	case WASM_OP_PREFIX_FB:
		reference(c);
		break;
	case WASM_OP_PREFIX_FD:
		vector(c);
		break;
	case WASM_OP_I32_CONST:
	case WASM_OP_I64_CONST:
	case WASM_OP_F32_CONST:
	case WASM_OP_F64_CONST:
		number(c, op);
		break;
	default:
		binary(c, &wasm_opcodes[op]);
	}
	return true;
}

void const_expr_check(struct reader *r, struct wasm_module *m, uint32_t type)
{
	struct checker c;
	c.r = r;
	c.m = m;
	c.globals = m->global_count;
	c.depth = 0;
	while (check_insn(&c))
		;
	need(&c, c.depth == 1 && type_matches(c.type[0], type));
}
