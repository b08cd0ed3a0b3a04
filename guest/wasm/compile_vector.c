/* SPDX-License-Identifier: Apache-2.0 */
/* Vector instructions: operands to registers and back (simd.c has their code). */
#include "compiler.h"

#include "simd.h"

static uint8_t read_lane(struct compiler *c, const struct simd_op *op)
{
	uint8_t lane = read_u8(&c->r);
	if (lane >= op->lanes)
		invalid(c, "invalid lane index");
	return lane;
}

static void pop_scalar(struct compiler *c, uint8_t type, struct simd_args *g)
{
	g->b = type_is_float(type) ? XMM1 : R8;
	if (type_is_float(type))
		pop_float(c, type == WASM_F64, g->b);
	else
		pop_to(c, type, g->b);
}

static void push_scalar(struct compiler *c, uint8_t type, unsigned reg)
{
	if (type_is_float(type))
		push_float(c, type == WASM_F64, reg);
	else
		push_from(c, type, reg);
}

static void simd_memory(struct compiler *c, const struct simd_op *op, struct simd_args *g)
{
	bool has_lane = op->shape == SIMD_LOAD_LANE || op->shape == SIMD_STORE_LANE;
	struct memarg a = read_memarg(c, op->natural);
	if (has_lane)
		g->lane = read_lane(c, op);
	if (op->shape != SIMD_LOAD)
		pop_vector(c, XMM0);
	g->mem = address(c, 0, a.memory, a.offset);
	simd_emit(&c->simd, op, g);
	if (op->shape == SIMD_LOAD || op->shape == SIMD_LOAD_LANE)
		push_vector(c, XMM0);
}

/* Pops what an instruction takes into XMM0 (the first), XMM1, XMM2 or R8; false: it has no vector result. */
static bool simd_operands(struct compiler *c, const struct simd_op *op, struct simd_args *g)
{
	switch ((enum simd_shape)op->shape) {
	case SIMD_TERNARY:
		pop_vector(c, XMM2);
		pop_vector(c, XMM1);
		pop_vector(c, XMM0);
		return true;
	case SIMD_SHUFFLE:
		g->bytes = read_bytes(&c->r, 16);
		for (int i = 0; i < 16; i++)
			if (g->bytes[i] >= op->lanes)
				invalid(c, "invalid lane index");
		pop_vector(c, XMM1);
		pop_vector(c, XMM0);
		return true;
	case SIMD_BINARY:
		pop_vector(c, XMM1);
		pop_vector(c, XMM0);
		return true;
	case SIMD_SHIFT:
		pop_scalar(c, WASM_I32, g);
		pop_vector(c, XMM0);
		return true;
	case SIMD_REPLACE:
		g->lane = read_lane(c, op);
		pop_scalar(c, op->scalar, g);
		pop_vector(c, XMM0);
		return true;
	case SIMD_SPLAT:
		pop_scalar(c, op->scalar, g);
		g->a = g->b;
		return true;
	case SIMD_CONST:
		g->bytes = read_bytes(&c->r, 16);
		return true;
	case SIMD_UNARY:
		pop_vector(c, XMM0);
		return true;
	case SIMD_EXTRACT:
		g->lane = read_lane(c, op);
		g->dst = type_is_float(op->scalar) ? XMM0 : R8;
		pop_vector(c, XMM0);
		return false;
	case SIMD_TEST:
		g->dst = R8;
		pop_vector(c, XMM0);
		return false;
	case SIMD_LOAD: case SIMD_STORE: case SIMD_LOAD_LANE: case SIMD_STORE_LANE: case SIMD_ILLEGAL:
		break;
	}
	return false;
}

void handle_simd(struct compiler *c)
{
	uint32_t n = read_u32(&c->r);
	const struct simd_op *op = simd_op(n);
	struct simd_args g = {.dst = XMM0, .a = XMM0, .b = XMM1, .c = XMM2};
	if (op->shape == SIMD_ILLEGAL)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "illegal opcode");
	if (!(c->m->options.features & WASM_FEATURE_SIMD))
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "SIMD is not enabled");
	if (n >= SIMD_OP_FIRST_RELAXED && !(c->m->options.features & WASM_FEATURE_RELAXED_SIMD))
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "relaxed SIMD is not enabled");
	if (!(c->m->options.cpu & WASM_CPU_AVX))
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "SIMD needs a CPU with AVX");
	if (op->shape >= SIMD_LOAD && op->shape <= SIMD_STORE_LANE) {
		simd_memory(c, op, &g);
		return;
	}
	bool to_vector = simd_operands(c, op, &g);
	simd_emit(&c->simd, op, &g);
	if (to_vector)
		push_vector(c, XMM0);
	else
		push_scalar(c, op->shape == SIMD_TEST ? WASM_I32 : op->scalar, g.dst);
}
