/* SPDX-License-Identifier: Apache-2.0 */
/* Vector instructions: operands to registers and back (simd.c has their code). */
#include "guest/wasm/singlepass/compiler.h"
#include "guest/wasm/singlepass/fuse.h"

/* An instruction: what it takes and gives, and how it is done. */
struct vector_insn {
	const struct wasm_vector_op *op;
	const struct simd_code *code;
};

static struct vector_insn vector_insn(uint32_t number)
{
	struct vector_insn i = {.op = wasm_vector_op(number)};
	if (i.op->shape != SIMD_ILLEGAL)
		i.code = simd_code(number);
	return i;
}

static uint8_t read_lane(struct compiler *c, const struct wasm_vector_op *op)
{
	uint8_t lane = read_u8(&c->r);
	if (lane >= op->lanes)
		fail_invalid(c, "invalid lane index");
	return lane;
}

static void emit(struct compiler *c, const struct simd_code *code, const struct simd_args *g)
{
	if (!c->dead) /* its constants are listed */
		simd_emit(&c->simd, code, g);
}

/*
 * The instruction at *p, which moves past it, if it can take memory as second operand; else NULL.
 */
static const struct simd_code *memory_taker(const struct compiler *c, const uint8_t **p)
{
	const uint8_t *at = *p;
	if (c->r.end - at < 3 || at[0] != WASM_OP_PREFIX_FD || (at[1] & LEB_MORE && at[2] != 1))
		return NULL;
	/* of one byte, or of two that mean 128 and more */
	struct vector_insn i = vector_insn(at[1]);
	if (i.op->shape != SIMD_BINARY || !simd_takes_memory(i.code))
		return NULL;
	*p = at + (at[1] & LEB_MORE ? 3 : 2);
	return i.code;
}

/*
 * v128.load and the instruction that takes the vector at once: one that follows it, or follows a
 * local.get of the other operand, when its operands may be swapped. False: there is none, and
 * nothing is done.
 */
static bool load_and_compute(struct compiler *c, struct memarg a)
{
	const uint8_t *p = c->r.p;
	struct simd_args g = {.b_in_memory = true};
	struct value v = {.location = AT_SLOT}, base;
	if (a.memory > 0 || a.offset > INT32_MAX)
		return false;
	const struct simd_code *taker = memory_taker(c, &p);
	const struct local *local = NULL;
	if (!taker && c->r.end - p > 2 && p[0] == WASM_OP_LOCAL_GET && p[1] < LEB_MORE &&
	    p[1] < c->fn.local_count) {
		local = &c->fn.locals[p[1]];
		p += 2;
		if (local->type != WASM_V128 || local->reg == X64_NONE)
			return false;
		taker = memory_taker(c, &p);
		if (taker && !simd_commutes(taker))
			return false;
	}
	if (!taker)
		return false;
	g.mem = pop_address(c, a, &base);
	if (local) {
		g.a = local->reg;
	} else {
		v = pop_value(c, WASM_V128);
		g.a = (uint8_t)to_reg(c, &v);
	}
	c->r.p = p;
	release(c, &v);
	release(c, &base);
	g.dst = (uint8_t)alloc_result(c, WASM_V128);
	emit(c, taker, &g);
	push_result(c, WASM_V128, g.dst);
	return true;
}

static void simd_memory(struct compiler *c, const struct vector_insn *i)
{
	const struct wasm_vector_op *op = i->op;
	struct simd_args g = {.dst = XMM0};
	bool has_lane = op->shape == SIMD_LOAD_LANE || op->shape == SIMD_STORE_LANE;
	bool gives = op->shape == SIMD_LOAD || op->shape == SIMD_LOAD_LANE;
	struct memarg a = read_memarg(c, op->natural);
	struct value v = {.location = AT_SLOT}, base = {.location = AT_SLOT};
	if (op->natural == 4 && gives && load_and_compute(c, a))
		return;
	if (has_lane)
		g.lane = read_lane(c, op);
	if (op->shape != SIMD_LOAD) {
		v = pop_value(c, WASM_V128);
		g.a = (uint8_t)to_reg(c, &v);
	}
	g.mem = pop_address(c, a, &base);
	if (gives) {
		unsigned dst = alloc_result(c, WASM_V128);
		g.dst = (uint8_t)dst;
		emit(c, i->code, &g);
		push_result(c, WASM_V128, dst);
	} else {
		emit(c, i->code, &g);
	}
	release(c, &v);
	release(c, &base);
}

/* Pops what an instruction takes, in order v[0], v[1], v[2]; the number of them. */
static unsigned simd_operands(struct compiler *c, const struct wasm_vector_op *op,
			      struct simd_args *g, struct value *v)
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
				fail_invalid(c, "invalid lane index");
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
	case SIMD_UNARY:
	case SIMD_TEST:
		n = 1;
		break;
	case SIMD_LOAD:
	case SIMD_STORE:
	case SIMD_LOAD_LANE:
	case SIMD_STORE_LANE:
	case SIMD_ILLEGAL:
		return 0;
	}
	v[0] = pop_value(c, WASM_V128);
	return n;
}

static uint32_t result_type(const struct wasm_vector_op *op)
{
	switch ((enum simd_shape)op->shape) {
	case SIMD_EXTRACT:
		return op->scalar;
	case SIMD_TEST:
		return WASM_I32;
	case SIMD_ILLEGAL:
	case SIMD_UNARY:
	case SIMD_BINARY:
	case SIMD_TERNARY:
	case SIMD_SHIFT:
	case SIMD_SPLAT:
	case SIMD_REPLACE:
	case SIMD_LOAD:
	case SIMD_STORE:
	case SIMD_LOAD_LANE:
	case SIMD_STORE_LANE:
	case SIMD_CONST:
	case SIMD_SHUFFLE:
		break;
	}
	return WASM_V128;
}

/* Where a value is that the instruction can take from the frame. */
static bool in_frame(struct compiler *c, const struct simd_code *code, const struct value *v,
		     struct x64_mem *at)
{
	if (!simd_takes_memory(code) || reg_of(c, v) != X64_NONE ||
	    (v->location != AT_SLOT && v->location != AT_LOCAL))
		return false;
	*at = v->location == AT_SLOT ? operand_slot(c, v->at) : local_mem(c, v->at);
	return true;
}

static void simd_compute(struct compiler *c, const struct vector_insn *insn)
{
	const struct wasm_vector_op *op = insn->op;
	struct simd_args g = {0};
	struct value v[3];
	unsigned n = simd_operands(c, op, &g, v);
	uint8_t regs[3] = {0};
	uint32_t type = result_type(op);
	for (unsigned i = 0; i < n; i++) {
		if (op->shape == SIMD_SHIFT && i == 1 && v[1].location == AT_CONST) {
			g.count_known = true;
			g.count = (uint32_t)v[1].bits;
		} else if (op->shape == SIMD_BINARY && i == 1 &&
			   in_frame(c, insn->code, &v[1], &g.mem)) {
			g.b_in_memory = true;
		} else {
			regs[i] = (uint8_t)to_reg(c, &v[i]);
		}
	}
	g.a = regs[0];
	g.b = op->shape == SIMD_SPLAT ? regs[0] : regs[1];
	g.c = regs[2];
	/* The code reads all that it takes before it writes: the result may be in an operand's
	 * register. */
	for (unsigned i = 0; i < n; i++)
		release(c, &v[i]);
	if (simd_answers_in_flags(insn->code)) {
		g.dst = X64_NONE;
		emit(c, insn->code, &g);
		push_condition(c, simd_condition(insn->code));
		return;
	}
	g.dst = (uint8_t)alloc_result(c, type);
	emit(c, insn->code, &g);
	push_result(c, type, g.dst);
}

void handle_simd(struct compiler *c)
{
	struct vector_insn i = vector_insn(read_u32(&c->r));
	if (i.op->shape == SIMD_ILLEGAL)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "illegal opcode");
	feature_need(&c->r, c->m, FEATURE_SIMD);
	feature_need(&c->r, c->m, i.op->feature);
	if (!(c->m->options.cpu & WASM_CPU_AVX))
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "SIMD needs a CPU with AVX");
	if (i.op->shape >= SIMD_LOAD && i.op->shape <= SIMD_STORE_LANE)
		simd_memory(c, &i);
	else
		simd_compute(c, &i);
}
