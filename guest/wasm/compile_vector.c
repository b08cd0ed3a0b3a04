/* SPDX-License-Identifier: Apache-2.0 */
/* Vector instructions: operands to registers and back (simd.c has their code). */
#include "compiler.h"

static uint8_t read_lane(struct compiler *c, const struct simd_op *op)
{
	uint8_t lane = read_u8(&c->r);
	if (lane >= op->lanes)
		invalid(c, "invalid lane index");
	return lane;
}

/* What most code of simd.c leaves alone; the rest takes RAX, RCX and RDX as scratch. */
static bool keeps_registers(const struct simd_op *op)
{
	unsigned how = op->how;
	return how <= HOW_AB_IMM || how == HOW_A_IMM || how == HOW_MEM || how == HOW_MEM_OUT;
}

static void emit(struct compiler *c, const struct simd_op *op, struct simd_args *g)
{
	if (!c->dead) /* its constants are listed */
		simd_emit(&c->simd, op, g);
}

static void scratch_begin(struct compiler *c, const struct simd_op *op)
{
	if (keeps_registers(op))
		return;
	claim(c, RAX, NULL);
	claim(c, RCX, NULL);
	claim(c, RDX, NULL);
}

static void scratch_end(struct compiler *c, const struct simd_op *op)
{
	if (!keeps_registers(op))
		c->free |= BIT(RAX) | BIT(RCX) | BIT(RDX);
}

/* An integer operand goes through R11, which simd.c does not use. */
static unsigned scalar_register(struct compiler *c, struct value *v)
{
	if (type_is_float(v->type))
		return to_reg(c, v);
	load_to(c, v, SCRATCH);
	release(c, v);
	v->place = AT_SLOT;
	return SCRATCH;
}

static void simd_memory(struct compiler *c, const struct simd_op *op)
{
	struct simd_args g = {.dst = XMM0};
	bool has_lane = op->shape == SIMD_LOAD_LANE || op->shape == SIMD_STORE_LANE;
	bool gives = op->shape == SIMD_LOAD || op->shape == SIMD_LOAD_LANE;
	struct memarg a = read_memarg(c, op->natural);
	struct value v = {.place = AT_SLOT}, base = {.place = AT_SLOT};
	if (has_lane)
		g.lane = read_lane(c, op);
	if (op->shape != SIMD_LOAD) {
		v = pop_value(c, WASM_V128);
		g.a = (uint8_t)to_reg(c, &v);
	}
	if (!keeps_registers(op)) {
		/* The address in R11, whole, before the scratch registers are taken. */
		struct x64_mem at = address(c, a, &base);
		x64_lea(&c->x, 1, SCRATCH, at);
		release(c, &base);
		base.place = AT_SLOT;
		g.mem = x64_at(SCRATCH, 0);
		scratch_begin(c, op);
	} else {
		g.mem = address(c, a, &base);
	}
	if (gives) {
		unsigned dst = dest_or_take(c, WASM_V128);
		g.dst = (uint8_t)dst;
		emit(c, op, &g);
		put(c, WASM_V128, dst);
	} else {
		emit(c, op, &g);
	}
	release(c, &v);
	release(c, &base);
	scratch_end(c, op);
}

/* Pops what an instruction takes, in order v[0], v[1], v[2]; the number of them. */
static unsigned simd_operands(struct compiler *c, const struct simd_op *op, struct simd_args *g, struct value *v)
{
	unsigned n = 0;
	switch ((enum simd_shape)op->shape) {
	case SIMD_TERNARY:
		v[2] = pop_value(c, WASM_V128);
		v[1] = pop_value(c, WASM_V128);
		v[0] = pop_value(c, WASM_V128);
		return 3;
	case SIMD_SHUFFLE:
		g->bytes = read_bytes(&c->r, 16);
		for (int i = 0; i < 16; i++)
			if (g->bytes[i] >= op->lanes)
				invalid(c, "invalid lane index");
		/* fallthrough */
	case SIMD_BINARY:
		v[1] = pop_value(c, WASM_V128);
		v[0] = pop_value(c, WASM_V128);
		return 2;
	case SIMD_SHIFT:
		v[1] = pop_value(c, WASM_I32);
		v[0] = pop_value(c, WASM_V128);
		return 2;
	case SIMD_REPLACE:
		g->lane = read_lane(c, op);
		v[1] = pop_value(c, op->scalar);
		v[0] = pop_value(c, WASM_V128);
		return 2;
	case SIMD_SPLAT:
		v[0] = pop_value(c, op->scalar);
		return 1;
	case SIMD_CONST:
		g->bytes = read_bytes(&c->r, 16);
		return 0;
	case SIMD_EXTRACT:
		g->lane = read_lane(c, op);
		n = 1;
		break;
	case SIMD_UNARY: case SIMD_TEST:
		n = 1;
		break;
	case SIMD_LOAD: case SIMD_STORE: case SIMD_LOAD_LANE: case SIMD_STORE_LANE: case SIMD_ILLEGAL:
		return 0;
	}
	v[0] = pop_value(c, WASM_V128);
	return n;
}

static uint8_t result_type(const struct simd_op *op)
{
	switch ((enum simd_shape)op->shape) {
	case SIMD_EXTRACT:
		return op->scalar;
	case SIMD_TEST:
		return WASM_I32;
	case SIMD_ILLEGAL: case SIMD_UNARY: case SIMD_BINARY: case SIMD_TERNARY: case SIMD_SHIFT: case SIMD_SPLAT:
	case SIMD_REPLACE: case SIMD_LOAD: case SIMD_STORE: case SIMD_LOAD_LANE: case SIMD_STORE_LANE: case SIMD_CONST:
	case SIMD_SHUFFLE:
		break;
	}
	return WASM_V128;
}

static void simd_compute(struct compiler *c, const struct simd_op *op)
{
	struct simd_args g = {0};
	struct value v[3];
	unsigned n = simd_operands(c, op, &g, v);
	uint8_t regs[3] = {0}, type = result_type(op);
	for (unsigned i = 0; i < n; i++) {
		if (op->shape == SIMD_SHIFT && i == 1 && v[1].place == AT_CONST) {
			g.count_known = true;
			g.count = (uint32_t)v[1].bits;
			continue;
		}
		regs[i] = (uint8_t)(type_is_float(v[i].type) ? to_reg(c, &v[i]) : scalar_register(c, &v[i]));
	}
	g.a = regs[0];
	g.b = op->shape == SIMD_SPLAT ? regs[0] : regs[1];
	g.c = regs[2];
	scratch_begin(c, op);
	unsigned dst;
	if (!type_is_float(type)) {
		/* RAX is among the scratch registers; it stays the result's. */
		dst = RAX;
		if (keeps_registers(op))
			claim(c, RAX, NULL);
		g.dst = RAX;
		emit(c, op, &g);
		scratch_end(c, op);
		c->free &= ~BIT(RAX);
		for (unsigned i = 0; i < n; i++)
			release(c, &v[i]);
		push_reg(c, type, dst);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		release(c, &v[i]);
	dst = dest_or_take(c, type);
	g.dst = (uint8_t)dst;
	emit(c, op, &g);
	scratch_end(c, op);
	put(c, type, dst);
}

void handle_simd(struct compiler *c)
{
	uint32_t n = read_u32(&c->r);
	const struct simd_op *op = simd_op(n);
	if (op->shape == SIMD_ILLEGAL)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "illegal opcode");
	if (!(c->m->options.features & WASM_FEATURE_SIMD))
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "SIMD is not enabled");
	if (n >= SIMD_OP_FIRST_RELAXED && !(c->m->options.features & WASM_FEATURE_RELAXED_SIMD))
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "relaxed SIMD is not enabled");
	if (!(c->m->options.cpu & WASM_CPU_AVX))
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "SIMD needs a CPU with AVX");
	if (op->shape >= SIMD_LOAD && op->shape <= SIMD_STORE_LANE)
		simd_memory(c, op);
	else
		simd_compute(c, op);
}
