/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Atomic accesses in random modules, to memories that are not shared. Which of two traps comes
 * first, of an address that is neither aligned nor in bounds, engines see differently: those that
 * are not aligned are in bounds.
 */
#include "wasm_differential_generator.h"

/* Of the seven instructions of each kind: the type of the value, and log2 of the bytes. */
static const uint8_t types[] = {I32, I64, I32, I32, I64, I64, I64};
static const uint8_t aligns[] = {2, 3, 0, 1, 0, 1, 2};
enum {
	NOTIFY = 0x00,
	FENCE = 0x03,
	LOAD = 0x10,
	STORE = 0x17,
	ADD = 0x1e,
	CMPXCHG = 0x48,
	KINDS = 7
};

struct place {
	uint32_t memory;
	bool aligned;
};

static struct place address(struct generator *g, int depth)
{
	struct place p = {g->memories > 1 && gen_chance(g, 3), !gen_chance(g, 30)};
	bool far = p.aligned && gen_chance(g, 40);
	gen_expression(g, I32, depth);
	gen_i32_const(g, far ? -8 : p.aligned ? 0x7ff8 : 0x7fff);
	gen_op(g, 0x71);
	gen_widen(g, g->memory64[p.memory]);
	return p;
}

static void insn(struct generator *g, uint32_t code, struct place p, uint32_t align)
{
	gen_op(g, 0xfe);
	bytes_uleb(g->code, code);
	bytes_uleb(g->code, align | (p.memory ? 0x40u : 0));
	if (p.memory)
		bytes_uleb(g->code, 1);
	bytes_uleb(g->code, p.aligned ? 8 * gen_below(g, gen_chance(g, 30) ? 9000 : 40) : 0);
}

void gen_atomic(struct generator *g, uint8_t type, int depth)
{
	uint32_t of = gen_below(g, KINDS), kind = gen_below(g, 9);
	while (types[of] != type)
		of = gen_below(g, KINDS);
	struct place p = address(g, depth);
	if (kind == 8) {
		insn(g, LOAD + of, p, aligns[of]);
		return;
	}
	gen_expression(g, type, depth - 1);
	if (kind == 7) {
		gen_expression(g, type, depth - 1);
		insn(g, CMPXCHG + of, p, aligns[of]);
	} else {
		insn(g, ADD + KINDS * (kind % 6) + of, p, aligns[of]);
	}
}

void gen_atomic_statement(struct generator *g, int depth)
{
	uint32_t of = gen_below(g, KINDS);
	if (gen_chance(g, 8)) {
		gen_op(g, 0xfe);
		bytes_uleb(g->code, FENCE);
		bytes_u8(g->code, 0);
		return;
	}
	struct place p = address(g, depth);
	if (gen_chance(g, 8)) {
		gen_expression(g, I32, depth - 1);
		insn(g, NOTIFY, p, 2);
		gen_op(g, 0x1a);
		return;
	}
	gen_expression(g, types[of], depth);
	insn(g, STORE + of, p, aligns[of]);
}
