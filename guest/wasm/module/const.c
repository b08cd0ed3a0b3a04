/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constant expressions: one walk that checks them and, at instantiation, evaluates them. The module is
 * untrusted. WebAssembly specification 3.3.10 (constant expressions).
 */
#include "guest/wasm/internal.h"

#define CONST_DEPTH_MAX 256u

struct const_stack {
	union wasm_value value[CONST_DEPTH_MAX];
	uint8_t type[CONST_DEPTH_MAX];
	uint32_t depth;
};

static union wasm_value *push(struct reader *r, struct const_stack *s, uint8_t type)
{
	if (s->depth == CONST_DEPTH_MAX)
		reader_fail(r, WASM_ERROR_LIMIT, "constant expression too deep");
	s->type[s->depth] = type;
	s->value[s->depth] = (union wasm_value){0};
	return &s->value[s->depth++];
}

static void need(struct reader *r, bool ok)
{
	if (!ok)
		reader_fail(r, WASM_ERROR_INVALID, "type mismatch in constant expression");
}

static void arithmetic(struct reader *r, struct wasm_module *m, struct const_stack *s, uint8_t op)
{
	bool wide = op >= 0x7c;
	uint8_t type = wide ? WASM_I64 : WASM_I32;
	if (!(m->options.features & WASM_FEATURE_EXTENDED_CONST))
		reader_fail(r, WASM_ERROR_UNSUPPORTED, "extended constant expressions are not enabled");
	need(r, s->depth >= 2 && s->type[s->depth - 1] == type && s->type[s->depth - 2] == type);
	uint64_t b = s->value[--s->depth].i64;
	uint64_t a = s->value[s->depth - 1].i64;
	switch (wide ? op - 0x7c : op - 0x6a) {
	case 0:
		a += b;
		break;
	case 1:
		a -= b;
		break;
	case 2:
		a *= b;
		break;
	}
	s->value[s->depth - 1].i64 = wide ? a : (uint32_t)a;
}

static void global_get(struct reader *r, struct wasm_module *m, struct const_stack *s, uint32_t globals,
		       struct wasm_instance *instance)
{
	uint32_t index = read_u32(r);
	if (index >= globals)
		reader_fail(r, WASM_ERROR_INVALID, "unknown global");
	if (m->globals[index].is_mutable)
		reader_fail(r, WASM_ERROR_INVALID, "constant expression required");
	union wasm_value *v = push(r, s, m->globals[index].type);
	if (instance)
		*v = instance_global(instance, index)->value;
}

static void ref_func(struct reader *r, struct wasm_module *m, struct const_stack *s,
		     struct wasm_instance *instance)
{
	uint32_t index = read_u32(r);
	if (index >= m->func_count)
		reader_fail(r, WASM_ERROR_INVALID, "unknown function");
	m->func_declared[index / 8] |= (uint8_t)(1 << index % 8);
	union wasm_value *v = push(r, s, WASM_FUNCREF);
	if (instance)
		v->func = instance_func(instance, index);
}

/* Bytes that begin an instruction of some version of the standard. */
static bool opcode_known(uint8_t op)
{
	return op <= 0x15 || (op >= 0x18 && op <= 0x1c) || op == 0x1f || (op >= 0x20 && op <= 0xc4 && op != 0x27) ||
	       (op >= 0xd0 && op <= 0xd6) || (op >= 0xfb && op <= 0xfe);
}

void const_expr(struct reader *r, struct wasm_module *m, uint8_t type, uint32_t globals,
		struct wasm_instance *instance, union wasm_value *value)
{
	struct const_stack s;
	s.depth = 0;
	for (;;) {
		uint8_t op = read_u8(r);
		switch (op) {
		case 0x0b:
			need(r, s.depth == 1 && s.type[0] == type);
			if (value)
				*value = s.value[0];
			return;
		case 0x23:
			global_get(r, m, &s, globals, instance);
			continue;
		case 0x41:
			push(r, &s, WASM_I32)->i64 = (uint32_t)read_s32(r);
			continue;
		case 0x42:
			push(r, &s, WASM_I64)->i64 = (uint64_t)read_s64(r);
			continue;
		case 0x43:
			memcpy(push(r, &s, WASM_F32), read_bytes(r, 4), 4);
			continue;
		case 0x44:
			memcpy(push(r, &s, WASM_F64), read_bytes(r, 8), 8);
			continue;
		case 0x6a: case 0x6b: case 0x6c: case 0x7c: case 0x7d: case 0x7e:
			arithmetic(r, m, &s, op);
			continue;
		case 0xd0:
			push(r, &s, read_heaptype(r, m));
			continue;
		case 0xd2:
			ref_func(r, m, &s, instance);
			continue;
		case 0xfb:
			reader_fail(r, WASM_ERROR_UNSUPPORTED, "garbage collection is not supported");
		case 0xfd:
			if (!(m->options.features & WASM_FEATURE_SIMD))
				reader_fail(r, WASM_ERROR_UNSUPPORTED, "SIMD is not enabled");
			if (read_u32(r) == 12) {
				memcpy(push(r, &s, WASM_V128), read_bytes(r, 16), 16);
				continue;
			}
			break;
		}
		r->p--;
		if (!opcode_known(op))
			reader_fail(r, WASM_ERROR_MALFORMED, "illegal opcode");
		reader_fail(r, WASM_ERROR_INVALID, "constant expression required");
	}
}
