/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Atomic instructions, on memory that is not shared: there is one thread, so each is the plain
 * access that it is by itself, at an address that must be aligned. Behind pop_aligned() the scratch
 * register is free: what was in memory waits in it until an operand's register can hold it.
 */
#include "guest/wasm/singlepass/compiler.h"

/* By log2 of the bytes. */
static const uint32_t loads[] = {OP_MOVZX8, OP_MOVZX16, OP_MOV_LOAD, OP_MOV_LOAD};
static const uint32_t stores[] = {OP_MOV_STORE8, OP_MOV_STORE16, OP_MOV_STORE, OP_MOV_STORE};

/* memory = memory alu reg; or compares them. */
static void alu_memory(struct compiler *c, enum x64_alu alu, uint32_t natural, struct x64_mem at,
		       unsigned reg)
{
	const uint32_t ops[] = {OP_ALU_STORE8(alu), OP_ALU_STORE16(alu), OP_ALU_STORE(alu),
				OP_ALU_STORE(alu)};
	x64_rm(&c->x, ops[natural], natural == 3, reg, at);
}

static void store(struct compiler *c, uint32_t natural, struct x64_mem at, unsigned reg)
{
	x64_rm(&c->x, stores[natural], natural == 3, reg, at);
}

static void load(struct compiler *c, uint32_t natural, unsigned reg, struct x64_mem at)
{
	x64_rm(&c->x, loads[natural], natural == 3, reg, at);
}

static struct value pop_in_register(struct compiler *c, uint32_t type)
{
	struct value v = pop_value(c, type);
	(void)to_reg(c, &v);
	return v;
}

/* The address's register becomes the result's. */
static void push_old(struct compiler *c, uint32_t type, const struct value *base)
{
	x64_mov_rr(&c->x, is_wide(type), base->reg, SCRATCH);
	push_reg(c, type, base->reg);
}

static void read_modify_write(struct compiler *c, const struct wasm_atomic_op *op, struct memarg a)
{
	static const enum x64_alu alus[] = {
		[ATOMIC_ADD] = ALU_ADD, [ATOMIC_SUB] = ALU_SUB, [ATOMIC_AND] = ALU_AND,
		[ATOMIC_OR] = ALU_OR,   [ATOMIC_XOR] = ALU_XOR,
	};
	struct value base, v = pop_in_register(c, op->type);
	struct x64_mem at = pop_aligned(c, a, &base);
	load(c, op->natural, SCRATCH, at);
	if (op->kind == ATOMIC_XCHG)
		store(c, op->natural, at, reg_of(c, &v));
	else
		alu_memory(c, alus[op->kind], op->natural, at, reg_of(c, &v));
	release(c, &v);
	push_old(c, op->type, &base);
}

/* What is expected is compared in as many bits as are accessed. */
static void compare_exchange(struct compiler *c, const struct wasm_atomic_op *op, struct memarg a)
{
	struct value base, v = pop_in_register(c, op->type),
			   expected = pop_in_register(c, op->type);
	struct x64_mem at = pop_aligned(c, a, &base);
	load(c, op->natural, SCRATCH, at);
	alu_memory(c, ALU_CMP, op->natural, at, reg_of(c, &expected));
	uint8_t *differs = x64_short_jcc(&c->x, CC_NE);
	store(c, op->natural, at, reg_of(c, &v));
	x64_here(&c->x, differs);
	release(c, &v);
	release(c, &expected);
	push_old(c, op->type, &base);
}

/* There is nobody to wake. */
static void notify(struct compiler *c, const struct wasm_atomic_op *op, struct memarg a)
{
	struct value base, count = pop_value(c, WASM_I32);
	release(c, &count);
	struct x64_mem at = pop_aligned(c, a, &base);
	load(c, op->natural, SCRATCH, at);
	release(c, &base);
	push_const(c, WASM_I32, 0);
}

/* There is nobody who could wake it. */
static void wait(struct compiler *c, const struct wasm_atomic_op *op, struct memarg a)
{
	struct value base, timeout = pop_value(c, WASM_I64);
	release(c, &timeout);
	struct value expected = pop_value(c, op->type);
	release(c, &expected);
	struct x64_mem at = pop_aligned(c, a, &base);
	load(c, op->natural, SCRATCH, at);
	x64_ud2(&c->x, WASM_TRAP_UNSHARED);
	push_old(c, WASM_I32, &base);
}

static struct memarg read_aligned(struct compiler *c, const struct wasm_atomic_op *op)
{
	struct reader r = c->r;
	uint32_t align = read_u32(&r) & ~(uint32_t)MEMARG_HAS_MEMORY;
	struct memarg a = read_memarg(c, op->natural);
	if (align != op->natural)
		fail_invalid(c, "atomic alignment must be natural");
	a.bytes = (uint16_t)(1u << op->natural);
	return a;
}

static void access_memory(struct compiler *c, const struct wasm_atomic_op *op)
{
	const struct memarg a = read_aligned(c, op);
	struct value base, v;
	struct x64_mem at;
	switch ((enum atomic_kind)op->kind) {
	case ATOMIC_LOAD:
		at = pop_aligned(c, a, &base);
		load(c, op->natural, base.reg, at);
		push_reg(c, op->type, base.reg);
		return;
	case ATOMIC_STORE:
		v = pop_in_register(c, op->type);
		at = pop_aligned(c, a, &base);
		store(c, op->natural, at, reg_of(c, &v));
		release(c, &v);
		release(c, &base);
		return;
	case ATOMIC_ADD:
	case ATOMIC_SUB:
	case ATOMIC_AND:
	case ATOMIC_OR:
	case ATOMIC_XOR:
	case ATOMIC_XCHG:
		read_modify_write(c, op, a);
		return;
	case ATOMIC_CMPXCHG:
		compare_exchange(c, op, a);
		return;
	case ATOMIC_NOTIFY:
		notify(c, op, a);
		return;
	case ATOMIC_WAIT:
		wait(c, op, a);
		return;
	case ATOMIC_FENCE:
	case ATOMIC_ILLEGAL:
		return;
	}
}

void handle_atomic(struct compiler *c)
{
	const struct wasm_atomic_op *op = wasm_atomic_op(read_u32(&c->r));
	if (op->kind == ATOMIC_ILLEGAL)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "illegal opcode");
	feature_need(&c->r, c->m, FEATURE_ATOMICS);
	c->regs.hint = WASM_NONE;
	if (op->kind != ATOMIC_FENCE)
		access_memory(c, op);
	else if (read_u8(&c->r) != 0) /* nobody else sees in which order accesses are */
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "zero byte expected");
}
