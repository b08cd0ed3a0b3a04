/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fusions: what an instruction does together with the one that follows it. Nothing else in the
 * compiler looks ahead, and none of it looks further than this:
 *
 *   this             next                         becomes                       done by
 *   any result       local.set, local.tee         result in the local's reg.    result_reg()
 *   comparison, eqz  if, br_if, select, i32.eqz   condition in the flags        push_condition()
 *   and              eqz, br_if, if               test                          arithmetic()
 *   shl by 1, 2, 3   add                          lea                           add_shifted()
 *   load             operation                    operation with memory         load_and_operate()
 *   load             local or constant,           the same, and the other       load_and_operate()
 *                    operation                    operand
 *   v128.load        vector operation             the same                      load_and_compute()
 *
 * The tables are generated from module/opcodes.def.
 */
#ifndef MOTE_GUEST_WASM_SINGLEPASS_FUSE_H
#define MOTE_GUEST_WASM_SINGLEPASS_FUSE_H

#include "guest/wasm/module/opcodes.h"
#include "guest/wasm/singlepass/compiler.h"

enum {
	/* Takes an operand of the type in memory, or pushes one for an instruction that does. */
	FUSE_I32 = 1 << 0,
	FUSE_I64 = 1 << 1,
	FUSE_F32 = 1 << 2,
	FUSE_F64 = 1 << 3,
	FUSE_PUSHES = 1 << 4,     /* local.get, constants */
	FUSE_SHORT_PUSH = 1 << 5, /* of these, usually of two bytes */
	FUSE_COMPARES = 1 << 6,   /* two operands */
	FUSE_COMMUTES = 1 << 7,   /* has operands that may be swapped */
	FUSE_CONDITION = 1 << 8,  /* takes a condition from the flags */
};

/* Of each opcode. */
extern const uint16_t fusions[256];

/* An opcode, and the immediate if that is a number of one byte; else imm is above 0x7f. */
struct insn {
	uint8_t op, imm;
};

/*
 * The instruction after the one that is being compiled; at the body's end an opcode that is none.
 */
static inline struct insn next_insn(const struct compiler *c)
{
	const uint8_t *p = c->r.p;
	struct insn next = {.op = 0xff, .imm = 0xff};
	if (__builtin_expect(c->r.end - p >= 2, 1))
		next = (struct insn){p[0], p[1]};
	else if (c->r.end > p)
		next.op = p[0];
	return next;
}

static inline bool next_is(const struct compiler *c, enum wasm_op op)
{
	return c->r.p < c->r.end && *c->r.p == op;
}

#endif
