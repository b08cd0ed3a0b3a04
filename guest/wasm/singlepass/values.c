/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operands while a function is compiled: the location of each, and registers for them. Values that
 * are constants or locals cost nothing until an instruction needs them.
 */
#include "guest/wasm/singlepass/compiler.h"
#include "guest/wasm/singlepass/fuse.h"

uint32_t slots_of_many(const uint32_t *types, uint32_t n)
{
	uint32_t slots = n;
	for (uint32_t i = 0; i < n; i++)
		slots += types[i] == WASM_V128;
	return slots;
}

/* --- the stack --- */

void push_other(struct compiler *c, uint8_t location, uint32_t type, unsigned reg, uint32_t at,
		uint64_t bits)
{
	if (c->stack.height >= HEIGHT_MAX - 1)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many operands");
	if (type & TYPE_UNSET)
		fail_invalid(c, "uninitialized local");
	if (type != WASM_V128) {
		put_value(&c->stack.at[c->stack.height++], location, type, reg, at, bits);
		if (c->stack.height > c->stack.highest)
			c->stack.highest = c->stack.height;
		return;
	}
	put_value(&c->stack.at[c->stack.height], location, WASM_V128, reg, at, bits);
	put_value(&c->stack.at[c->stack.height + 1], AT_HIGH, WASM_V128, 0, 0, 0);
	c->stack.height += 2;
	if (c->stack.height > c->stack.highest)
		c->stack.highest = c->stack.height;
}

void push_slot(struct compiler *c, uint32_t type)
{
	push(c, AT_SLOT, type, 0, c->stack.height, 0);
}

/*
 * A module may ask for a thousand operands with every two bytes: where code is not reached, or by
 * branches and calls that pass them on. Made by instructions of its own each takes a byte, so of
 * longer lists there may be a few for each of a module's bytes.
 */
void count_operands(struct compiler *c, uint32_t n)
{
	enum { SHORT = 32, FREE = 1 << 21, A_BYTE = 6 };
	if (n > SHORT && (c->long_lists += n) > FREE + A_BYTE * (uint64_t)c->m->size)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many operands of long lists of types");
}

void push_many_slots(struct compiler *c, const uint32_t *types, uint32_t n)
{
	count_operands(c, n);
	for (uint32_t i = 0; i < n; i++)
		push_slot(c, types[i]);
}

void push_reg(struct compiler *c, uint32_t type, unsigned reg)
{
	if (c->dead) {
		c->regs.free |= BIT(reg);
		push_slot(c, type);
		return;
	}
	c->regs.owned |= BIT(reg);
	c->regs.owner[reg] = c->stack.height;
	push(c, AT_REG, type, reg, c->stack.height, 0);
}

/* A load that the instruction which is emitted next takes as its operand. */
void push_mem(struct compiler *c, uint32_t type, struct x64_mem at, uint32_t held)
{
	c->regs.pending = at;
	push(c, AT_MEM, type, 0, 0, held);
}

void push_popped(struct compiler *c, const struct value *v)
{
	if (v->location == AT_REG) {
		push_reg(c, v->type, v->reg);
	} else if (v->location == AT_LOCAL && !c->dead) {
		c->fn.locals[v->at].refs++;
		push(c, AT_LOCAL, v->type, 0, v->at, 0);
	} else if (v->location == AT_CONST) {
		push_const(c, v->type, v->bits);
	} else {
		push_slot(c, v->type);
	}
}

static inline void unref_value(struct compiler *c, const struct value *v)
{
	if (v->location == AT_REG)
		c->regs.owned &= ~BIT(v->reg);
	else if (v->location == AT_LOCAL)
		c->fn.locals[v->at].refs--;
}

static __attribute__((noinline)) struct value pop_nothing(struct compiler *c, uint32_t want)
{
	if (!top(c)->unreachable)
		fail_invalid(c, "type mismatch: the operand stack is empty");
	/* Such a slot is only for unreachable code: one above is as good. */
	return (struct value){.location = AT_SLOT, .type = want, .at = (uint16_t)c->stack.height};
}

/* A value of two slots or of another type; either may be of any. */
static __attribute__((noinline)) struct value pop_other(struct compiler *c, uint32_t want)
{
	c->stack.height -= 1u + (c->stack.at[c->stack.height - 1].location == AT_HIGH);
	if (c->stack.height < c->stack.flushed)
		c->stack.flushed = c->stack.height;
	struct value v = c->stack.at[c->stack.height];
	if (v.type != UNKNOWN && want != UNKNOWN && !type_matches(v.type, want))
		fail_invalid(c, "type mismatch");
	if (v.type == UNKNOWN)
		v.type = want;
	unref_value(c, &v);
	return v;
}

struct value pop_value(struct compiler *c, uint32_t want)
{
	uint32_t at = c->stack.height;
	if (__builtin_expect(at == top(c)->height, 0))
		return pop_nothing(c, want);
	const struct value *v = &c->stack.at[--at];
	if (__builtin_expect(v->type != want || want == WASM_V128, 0))
		return pop_other(c, want);
	c->stack.height = at;
	if (at < c->stack.flushed)
		c->stack.flushed = at;
	if (v->location == AT_LOCAL)
		c->fn.locals[v->at].refs--;
	else
		c->regs.owned &= ~((uint32_t)(v->location == AT_REG) << (v->reg & 31));
	return *v;
}

void drop_above(struct compiler *c, uint32_t height)
{
	while (c->stack.height > height) {
		struct value *v = &c->stack.at[--c->stack.height];
		unref_value(c, v);
		release(c, v);
	}
	if (c->stack.flushed > height)
		c->stack.flushed = height;
}

/* The top operands must be of these types, which they have from now on. */
void check_many(struct compiler *c, const uint32_t *types, uint32_t n)
{
	struct control *k = top(c);
	count_operands(c, n);
	if (k->unreachable) {
		for (uint32_t i = n; i > 0; i--) {
			struct value v = pop_value(c, types[i - 1]);
			release(c, &v);
		}
		push_slots(c, types, n);
		return;
	}
	uint32_t at = c->stack.height;
	for (uint32_t i = n; i > 0; i--) {
		uint32_t type = types[i - 1];
		uint32_t slots = slots_of_type(type);
		if (at < k->height + slots)
			fail_invalid(c, "type mismatch: operands are missing");
		at -= slots;
		if (c->stack.at[at].type != type) {
			if (!type_matches(c->stack.at[at].type, type))
				fail_invalid(c, "type mismatch");
			c->stack.at[at].type = type;
		}
		if (slots == 2 &&
		    (c->stack.at[at + 1].type != type || c->stack.at[at].location == AT_HIGH))
			fail_invalid(c, "type mismatch");
	}
}

/* --- registers --- */

static void spill(struct compiler *c, unsigned reg)
{
	struct value *v = &c->stack.at[c->regs.owner[reg]];
	store_value(c, v, operand_slot(c, c->regs.owner[reg]));
	v->location = AT_SLOT;
	v->at = (uint16_t)c->regs.owner[reg];
	c->regs.owned &= ~BIT(reg);
	c->regs.free |= BIT(reg);
}

/* The register of the deepest value goes to its slot. */
static void evict(struct compiler *c, uint32_t mask)
{
	unsigned found = X64_NONE;
	for (uint32_t m = c->regs.owned & mask; m; m &= m - 1) {
		unsigned r = (unsigned)__builtin_ctz(m);
		if (found == X64_NONE || c->regs.owner[r] < c->regs.owner[found])
			found = r;
	}
	if (found == X64_NONE)
		__builtin_trap(); /* an instruction holds more registers than there are */
	spill(c, found);
}

unsigned alloc_reg(struct compiler *c, uint32_t mask)
{
	if (!(c->regs.free & mask))
		evict(c, mask);
	/* The fixed ones last: they would have to move for divisions, shifts and calls. */
	uint32_t m = c->regs.free & mask & ~TEMPS;
	if (!m)
		m = c->regs.free & mask;
	unsigned reg = (unsigned)__builtin_ctz(m);
	c->regs.free &= ~BIT(reg);
	return reg;
}

static void move_reg(struct compiler *c, uint32_t type, unsigned dst, unsigned src)
{
	if (dst == src)
		return;
	if (dst >= XMM0)
		x64_rr(&c->x, OP_MOVAPS, 0, dst, src);
	else
		x64_mov_rr(&c->x, type != WASM_I32, dst, src);
}

void alloc_fixed(struct compiler *c, unsigned reg, struct value *other)
{
	uint32_t mask = reg < XMM0 ? INTS : FLOATS;
	if (c->regs.free & BIT(reg)) {
		c->regs.free &= ~BIT(reg);
		return;
	}
	if (c->regs.owned & BIT(reg)) {
		uint32_t at = c->regs.owner[reg];
		struct value *v = &c->stack.at[at];
		if (c->regs.free & mask) {
			unsigned to = alloc_reg(c, mask);
			move_reg(c, v->type, to, reg);
			v->reg = (uint8_t)to;
			c->regs.owner[to] = at;
			c->regs.owned = (c->regs.owned & ~BIT(reg)) | BIT(to);
		} else {
			spill(c, reg);
			c->regs.free &= ~BIT(reg);
		}
		return;
	}
	if (!other || other->location != AT_REG || other->reg != reg)
		__builtin_trap(); /* held by an operand that nobody may move */
	unsigned to = alloc_reg(c, mask);
	move_reg(c, other->type, to, reg);
	other->reg = (uint8_t)to;
}

/* --- values to registers and memory --- */

/* Constants after the function's code, addressed from RIP; pool_used() has the distance patched. */
static const struct x64_mem in_pool = X64_RIP;

static uint32_t pool_find(struct compiler *c, uint64_t bits)
{
	uint32_t from = c->pool.count > 16 ? c->pool.count - 16 : 0;
	for (uint32_t i = from; i < c->pool.count; i++)
		if (c->pool.bits[i] == bits)
			return i;
	if (c->pool.count == POOL_MAX)
		return WASM_NONE;
	c->pool.bits[c->pool.count] = bits;
	c->pool.uses[c->pool.count] = 0;
	return c->pool.count++;
}

bool pool_holds(struct compiler *c, uint64_t bits)
{
	return !c->dead && pool_find(c, bits) != WASM_NONE;
}

/* After the instruction, whose last four bytes are the distance. */
void pool_used(struct compiler *c, uint64_t bits)
{
	if (!c->dead)
		add_patch(c, &c->pool.uses[pool_find(c, bits)]);
}

static void load_float_const(struct compiler *c, const struct value *v, unsigned reg)
{
	if (v->bits == 0) {
		x64_rr(&c->x, OP_XORPS, 0, reg, reg);
	} else if (pool_holds(c, v->bits)) {
		load_mem(c, v->type, reg, in_pool);
		pool_used(c, v->bits);
	} else {
		x64_mov_imm(&c->x, SCRATCH, v->bits);
		x64_rr(&c->x, OP_MOVD_TO_XMM, 1, reg, SCRATCH);
	}
}

void load_mem(struct compiler *c, uint32_t type, unsigned reg, struct x64_mem from)
{
	if (reg < XMM0)
		x64_rm(&c->x, OP_MOV_LOAD, type != WASM_I32, reg, from);
	else if (type == WASM_V128)
		x64_rm(&c->x, OP_MOVUPS_LOAD, 0, reg, from);
	else
		x64_rm(&c->x, type == WASM_F32 ? OP_MOVSS_LOAD : OP_MOVSD_LOAD, 0, reg, from);
}

static void load_flags(struct compiler *c, unsigned cc, unsigned reg)
{
	if (cc >= CC_FEQ) {
		bool equal = cc == CC_FEQ;
		x64_rr(&c->x, equal ? OP_SETCC(CC_NP) : OP_SETCC(CC_P), 0, 0, SCRATCH);
		x64_rr(&c->x, equal ? OP_SETCC(CC_E) : OP_SETCC(CC_NE), 0, 0, reg);
		x64_rr(&c->x, equal ? OP_ALU(ALU_AND) : OP_ALU(ALU_OR), 0, reg, SCRATCH);
	} else {
		x64_rr(&c->x, OP_SETCC(cc), 0, 0, reg);
	}
	x64_rr(&c->x, OP_MOVZX8, 0, reg, reg);
}

struct x64_mem value_mem(struct compiler *c, const struct value *v)
{
	/* Not a switch: the CPU predicts these better than an indirect jump. */
	if (v->location == AT_SLOT)
		return operand_slot(c, v->at);
	if (v->location == AT_LOCAL)
		return local_mem(c, v->at);
	return v->location == AT_MEM ? c->regs.pending : in_pool;
}

/* Leaves the flags alone. */
void load_to(struct compiler *c, const struct value *v, unsigned reg)
{
	unsigned from = reg_of(c, v);
	if (from != X64_NONE) {
		move_reg(c, v->type, reg, from);
		return;
	}
	if (v->location == AT_CONST && reg < XMM0)
		x64_mov_imm(&c->x, reg, v->bits);
	else if (v->location == AT_CONST)
		load_float_const(c, v, reg);
	else if (v->location == AT_FLAGS)
		load_flags(c, v->reg, reg);
	else
		load_mem(c, v->type, reg, value_mem(c, v));
}

unsigned reg_or_scratch(struct compiler *c, const struct value *v)
{
	unsigned reg = reg_of(c, v);
	if (reg != X64_NONE)
		return reg;
	load_to(c, v, SCRATCH);
	return SCRATCH;
}

unsigned to_reg(struct compiler *c, struct value *v)
{
	unsigned reg = reg_of(c, v);
	if (reg == X64_NONE)
		reg = to_own(c, v);
	return reg;
}

unsigned to_own(struct compiler *c, struct value *v)
{
	if (v->location == AT_REG)
		return v->reg;
	if (v->location == AT_MEM)
		release(c, v); /* its own register may have been the address's */
	unsigned reg = alloc_reg(c, class_of(v->type));
	load_to(c, v, reg);
	v->location = AT_REG;
	v->reg = (uint8_t)reg;
	return reg;
}

void to_fixed(struct compiler *c, struct value *v, unsigned reg, struct value *other)
{
	if (v->location == AT_REG && v->reg == reg)
		return;
	alloc_fixed(c, reg, other);
	load_to(c, v, reg);
	release(c, v);
	v->location = AT_REG;
	v->reg = (uint8_t)reg;
}

unsigned pop_to_reg(struct compiler *c, uint32_t type, struct value *v)
{
	*v = pop_value(c, type);
	return to_reg(c, v);
}

static void store_reg(struct compiler *c, uint32_t type, unsigned reg, struct x64_mem to)
{
	if (reg < XMM0)
		x64_rm(&c->x, OP_MOV_STORE, 1, reg, to);
	else if (type == WASM_V128)
		x64_rm(&c->x, OP_MOVUPS_STORE, 0, reg, to);
	else
		x64_rm(&c->x, type == WASM_F32 ? OP_MOVSS_STORE : OP_MOVSD_STORE, 0, reg, to);
}

/* A whole cell; an i32 in it has no bits above. Leaves the flags alone; clobbers the scratch
 * registers. */
void store_value(struct compiler *c, const struct value *v, struct x64_mem to)
{
	unsigned reg = reg_of(c, v);
	bool fits = v->bits <= INT32_MAX ||
		    (is_wide(v->type) && v->bits == (uint64_t)(int64_t)(int32_t)v->bits);
	if (v->location == AT_CONST && fits) {
		x64_mov_mem_imm(&c->x, 8, to, (int32_t)v->bits);
		return;
	}
	if (v->location == AT_CONST) {
		x64_mov_imm(&c->x, SCRATCH, v->bits);
		reg = SCRATCH;
	} else if (reg == X64_NONE) {
		reg = SCRATCH;
		if (v->type == WASM_V128)
			reg = FLOAT_SCRATCH;
		load_to(c, v, reg);
	}
	store_reg(c, v->type, reg, to);
}

static void to_own_slot(struct compiler *c, uint32_t at)
{
	struct value *v = &c->stack.at[at];
	store_value(c, v, operand_slot(c, at));
	unref_value(c, v);
	release(c, v);
	v->location = AT_SLOT;
	v->at = (uint16_t)at;
}

void stack_flush(struct compiler *c)
{
	for (uint32_t i = c->stack.flushed; i < c->stack.height; i++) {
		uint8_t location = c->stack.at[i].location;
		if (location == AT_REG || location == AT_LOCAL || location == AT_FLAGS) {
			reserve_code(c);
			to_own_slot(c, i);
		}
	}
	c->stack.flushed = c->stack.height;
}

void stack_flush_all(struct compiler *c, uint32_t from)
{
	stack_flush(c);
	for (uint32_t i = from; i < c->stack.height; i++)
		if (c->stack.at[i].location == AT_CONST) {
			reserve_code(c);
			to_own_slot(c, i);
		}
}

void spill_below(struct compiler *c, uint32_t height)
{
	for (uint32_t m = c->regs.owned; m; m &= m - 1) {
		unsigned reg = (unsigned)__builtin_ctz(m);
		if (c->regs.owner[reg] < height)
			spill(c, reg);
	}
}

/* The local is about to change: values that mean its present one get registers. */
void materialise_local(struct compiler *c, uint32_t local)
{
	if (!c->fn.locals[local].refs)
		return;
	uint32_t steps = 0;
	for (uint32_t i = c->stack.height; i > c->stack.flushed && c->fn.locals[local].refs; i--) {
		if (++steps > 32) { /* so that it stays linear */
			stack_flush(c);
			return;
		}
		struct value *v = &c->stack.at[i - 1];
		if (v->location != AT_LOCAL || v->at != local)
			continue;
		unsigned reg = alloc_reg(c, class_of(v->type));
		load_to(c, v, reg);
		c->fn.locals[local].refs--;
		v->location = AT_REG;
		v->reg = (uint8_t)reg;
		c->regs.owned |= BIT(reg);
		c->regs.owner[reg] = i - 1;
	}
}

/* --- results --- */

/*
 * If the next instruction sets a local of this type that has a register and that no value refers
 * to, that register: the result goes there, and push_result() skips the instruction. Operands have
 * been popped before.
 */
unsigned result_reg(struct compiler *c, uint32_t type)
{
	struct insn next = next_insn(c);
	c->regs.hint = WASM_NONE;
	if (c->dead || (next.op != WASM_OP_LOCAL_SET && next.op != WASM_OP_LOCAL_TEE) ||
	    next.imm >= LEB_MORE || next.imm >= c->fn.local_count)
		return X64_NONE;
	const struct local *l = &c->fn.locals[next.imm];
	if (l->reg == X64_NONE || l->refs || l->type != type)
		return X64_NONE;
	c->regs.hint = next.imm;
	return l->reg;
}

unsigned alloc_result(struct compiler *c, uint32_t type)
{
	unsigned reg = result_reg(c, type);
	if (reg == X64_NONE)
		reg = alloc_reg(c, class_of(type));
	return reg;
}

void push_result(struct compiler *c, uint32_t type, unsigned reg)
{
	uint32_t hint = c->regs.hint;
	c->regs.hint = WASM_NONE;
	if (hint == WASM_NONE || c->fn.locals[hint].reg != reg) {
		push_reg(c, type, reg);
		return;
	}
	if (*c->r.p == WASM_OP_LOCAL_TEE)
		push_local(c, hint);
	c->r.p += 2;
}

/* Does the next instruction take a condition from the flags? */
static bool flags_are_taken(const struct compiler *c)
{
	return !c->dead && (fusions[next_insn(c).op] & FUSE_CONDITION);
}

void push_condition(struct compiler *c, unsigned cc)
{
	if (flags_are_taken(c)) {
		push(c, AT_FLAGS, WASM_I32, cc, c->stack.height, 0);
		return;
	}
	/* Taking a register may store another one, which leaves the flags alone. */
	unsigned reg = alloc_result(c, WASM_I32);
	load_flags(c, cc, reg);
	push_result(c, WASM_I32, reg);
}

unsigned pop_condition(struct compiler *c)
{
	struct value v = pop_value(c, WASM_I32);
	if (v.location == AT_FLAGS)
		return v.reg;
	if (v.location == AT_SLOT) {
		x64_alu_mem_imm(&c->x, ALU_CMP, 0, operand_slot(c, v.at), 0);
		return CC_NE;
	}
	unsigned reg = to_reg(c, &v);
	x64_rr(&c->x, OP_TEST, 0, reg, reg);
	release(c, &v);
	return CC_NE;
}

/* An instruction whose second operand is a value; integers go through a scratch register. */
void emit_value(struct compiler *c, uint32_t op, unsigned w, unsigned reg, const struct value *v)
{
	unsigned from = reg_of(c, v);
	if (v->location == AT_CONST && type_is_float(v->type) && pool_holds(c, v->bits)) {
		x64_rm(&c->x, op, w, reg, in_pool);
		pool_used(c, v->bits);
		return;
	}
	if (from == X64_NONE && v->location == AT_CONST) {
		from = type_is_float(v->type) ? (unsigned)FLOAT_SCRATCH : (unsigned)SCRATCH;
		load_to(c, v, from);
	}
	if (from != X64_NONE)
		x64_rr(&c->x, op, w, reg, from);
	else
		x64_rm(&c->x, op, w, reg, value_mem(c, v));
}

/*
 * All moves at once: first those from registers, each when its destination is no longer read; a
 * cycle is broken through a scratch register. Then what is loaded.
 */
void move_all(struct compiler *c, struct move *moves, uint32_t n)
{
	uint32_t left = 0, registers;
	uint8_t readers[32] = {0}; /* moves that are left, by the register that they read */
	for (uint32_t i = 0; i < n; i++) {
		unsigned from = reg_of(c, &moves[i].v);
		if (from == X64_NONE)
			continue;
		left |= 1u << i;
		moves[i].v.reg = (uint8_t)from; /* out of locals, so that sources can be renamed */
		moves[i].v.location = AT_REG;
		readers[from]++;
	}
	registers = left;
	while (left) {
		bool moved = false;
		for (uint32_t m = left; m; m &= m - 1) {
			struct move *move = &moves[__builtin_ctz(m)];
			unsigned from = move->v.reg;
			if (readers[move->dst] > (from == move->dst))
				continue;
			move_reg(c, move->v.type, move->dst, from);
			readers[from]--;
			left &= ~(m & -m);
			moved = true;
		}
		if (!moved) {
			struct move *m = &moves[__builtin_ctz(left)];
			unsigned to = m->dst < XMM0 ? (unsigned)SCRATCH : (unsigned)FLOAT_SCRATCH;
			move_reg(c, m->v.type, to, m->v.reg);
			readers[m->v.reg]--;
			m->v.reg = (uint8_t)to;
			readers[to]++;
		}
	}
	for (uint32_t i = 0; i < n; i++)
		if (!(registers & 1u << i))
			load_to(c, &moves[i].v, moves[i].dst);
}
