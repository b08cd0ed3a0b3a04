/* SPDX-License-Identifier: Apache-2.0 */
/* Memory accesses, locals, globals. */
#include "guest/wasm/singlepass/compiler.h"

uint32_t need_memory(struct compiler *c, uint32_t index)
{
	if (index >= c->m->memory_count)
		invalid(c, "unknown memory");
	return index;
}

/*
 * Pops an address: the operand that reaches it, and its value, to be released behind the access. An
 * i32 in a register has no bits above, so the sum stays in the reservation. Clobbers R11.
 */
struct x64_mem address(struct compiler *c, struct memarg a, struct value *base)
{
	*base = pop_value(c, WASM_I32);
	if (a.memory == 0 && base->place == AT_CONST && base->bits + a.offset <= INT32_MAX)
		return x64_at(R15, (int32_t)(base->bits + a.offset));
	unsigned reg = to_reg(c, base);
	if (a.memory == 0 && a.offset <= INT32_MAX)
		return x64_at_index(R15, reg, 0, (int32_t)a.offset);
	x64_mov_imm(&c->x, R11, a.offset);
	if (a.memory == 0)
		x64_rr(&c->x, OP_ALU(ALU_ADD), 1, R11, R15);
	else
		x64_rm(&c->x, OP_ALU(ALU_ADD), 1, R11,
		       x64_at(R14, (int32_t)(c->m->memory_cells + 16 * a.memory)));
	return x64_at_index(R11, reg, 0, 0);
}

struct memarg read_memarg(struct compiler *c, uint32_t natural)
{
	struct memarg a = {0};
	uint32_t align = read_u32(&c->r);
	if (align & 64) {
		align &= ~64u;
		a.memory = read_u32(&c->r);
	}
	a.offset = read_u32(&c->r);
	need_memory(c, a.memory);
	if (align >= 32)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "malformed memop flags");
	if (align > natural)
		invalid(c, "alignment must not be larger than natural");
	return a;
}

struct access {
	uint32_t op;
	uint8_t wide, natural, type;
};

static const struct access loads[] = {
	{OP_MOV_LOAD, 0, 2, WASM_I32},	 {OP_MOV_LOAD, 1, 3, WASM_I64},
	{OP_MOVSS_LOAD, 0, 2, WASM_F32}, {OP_MOVSD_LOAD, 0, 3, WASM_F64},
	{OP_MOVSX8, 0, 0, WASM_I32},	 {OP_MOVZX8, 0, 0, WASM_I32},
	{OP_MOVSX16, 0, 1, WASM_I32},	 {OP_MOVZX16, 0, 1, WASM_I32},
	{OP_MOVSX8, 1, 0, WASM_I64},	 {OP_MOVZX8, 0, 0, WASM_I64},
	{OP_MOVSX16, 1, 1, WASM_I64},	 {OP_MOVZX16, 0, 1, WASM_I64},
	{OP_MOVSXD, 1, 2, WASM_I64},	 {OP_MOV_LOAD, 0, 2, WASM_I64},
};

static const struct access stores[] = {
	{OP_MOV_STORE, 0, 2, WASM_I32},	  {OP_MOV_STORE, 1, 3, WASM_I64},
	{OP_MOVSS_STORE, 0, 2, WASM_F32}, {OP_MOVSD_STORE, 0, 3, WASM_F64},
	{OP_MOV_STORE8, 0, 0, WASM_I32},  {OP_MOV_STORE16, 0, 1, WASM_I32},
	{OP_MOV_STORE8, 0, 0, WASM_I64},  {OP_MOV_STORE16, 0, 1, WASM_I64},
	{OP_MOV_STORE, 0, 2, WASM_I64},
};

/*
 * Instructions that take an operand in memory, or push the other operand of one that does: bit n is
 * of load n.
 */
static const uint8_t takers[256] = {
	[0x20] = 15,	      [0x41] = 1,	    [0x42] = 2,		  [0x43] = 4,
	[0x44] = 8,	      [0x45 ... 0x4f] = 1,  [0x50 ... 0x5a] = 2,  [0x5b ... 0x60] = 4,
	[0x61 ... 0x66] = 8,  [0x6a ... 0x6c] = 1,  [0x71 ... 0x73] = 1,  [0x7c ... 0x7e] = 2,
	[0x83 ... 0x85] = 2,  [0x92 ... 0x95] = 4,  [0xa0 ... 0xa3] = 8,
};
enum { OP_I64_CONST = 0x42, LAST_PUSH = 0x44, LAST_COMPARISON = 0x66 };
enum { OP_EQZ32 = 0x45, OP_EQZ64 = 0x50 };

static bool commutes(uint8_t op)
{
	return op > LAST_COMPARISON && op != 0x6b && op != 0x7d && op != 0x93 && op != 0x95 &&
	       op != 0xa1 && op != 0xa3;
}

/* A first look, since there are many loads. */
static inline bool may_operate(const struct compiler *c, unsigned n)
{
	const uint8_t *p = c->r.p;
	return c->r.end - p > 2 && takers[p[0]] >> n & 1 &&
	       (p[0] > OP_I64_CONST || takers[p[2]] >> n & 1);
}

/* What the next instruction pushes, if it is a local's register, or a constant's in this loop. */
static uint32_t local_in_register(const struct compiler *c, unsigned n, uint32_t *skip)
{
	const uint8_t *p = c->r.p;
	uint32_t bytes = n == 2 ? 4 : 8;
	uint64_t bits = 0;
	if (p[0] == 0x20 && p[1] < 0x80 && p[1] < c->local_count &&
	    c->locals[p[1]].type == loads[n].type && c->locals[p[1]].home != X64_NONE)
		return p[1];
	if (n < 2 || p[0] != (n == 2 ? 0x43 : 0x44) || (uint64_t)(c->r.end - p) < bytes + 2)
		return WASM_NONE;
	memcpy(&bits, p + 1, bytes);
	*skip = bytes + 1;
	return loop_constant(c, loads[n].type, bits);
}

/*
 * A load and the instruction that takes its value at once: the one that follows, or one behind a
 * local or a constant that is its other operand. Nothing that could trap or store comes between,
 * and for backtraces both are the load. False: there is none, and nothing is done.
 */
static __attribute__((noinline)) bool load_and_operate(struct compiler *c, unsigned n,
						       struct memarg a)
{
	const uint8_t *p = c->r.p;
	struct value base;
	if (c->dead || a.memory > 0 || a.offset > INT32_MAX)
		return false;
	uint32_t skip = 2, local = local_in_register(c, n, &skip);
	bool constant = p[0] == 0x41 + n && n < 2 && p[1] < 0x80;
	if (p[0] <= LAST_PUSH) {
		uint8_t op = p[skip];
		if ((local == WASM_NONE && !constant) || op <= LAST_PUSH || !(takers[op] >> n & 1))
			return false;
		/* A constant on the right of a comparison: the left is in memory then. */
		if (constant ? op > LAST_COMPARISON || op == OP_EQZ32 || op == OP_EQZ64
			     : !commutes(op))
			return false;
	}
	struct x64_mem at = address(c, a, &base);
	uint32_t held = base.place == AT_REG ? BIT(base.reg) : 0;
	if (local != WASM_NONE) {
		push_local(c, local);
		c->r.p += skip;
	}
	push_mem(c, loads[n].type, at, held);
	if (constant) {
		int32_t k = (p[1] ^ 0x40) - 0x40;
		c->r.p += 2;
		push_const(c, loads[n].type, n ? (uint64_t)(int64_t)k : (uint32_t)k);
	}
	numeric(c, *c->r.p++);
	return true;
}

void handle_load(struct compiler *c, unsigned n)
{
	const struct access *l = &loads[n];
	struct memarg a = read_memarg(c, l->natural);
	struct value base;
	if (n < 4 && may_operate(c, n) && load_and_operate(c, n, a))
		return;
	struct x64_mem at = address(c, a, &base);
	release(c, &base); /* the result may have its register */
	unsigned dst = dest(c, l->type);
	if (dst == X64_NONE && base.place == AT_REG && !type_is_float(l->type)) {
		dst = base.reg;
		c->free &= ~BIT(dst);
	} else if (dst == X64_NONE) {
		dst = take(c, class_of(l->type));
	}
	x64_rm(&c->x, l->op, l->wide, dst, at);
	put(c, l->type, dst);
}

void handle_store(struct compiler *c, unsigned n)
{
	const struct access *s = &stores[n];
	struct memarg a = read_memarg(c, s->natural);
	struct value v = pop_value(c, s->type), base;
	bool fits =
		!is_wide(s->type) || s->natural < 3 || v.bits == (uint64_t)(int64_t)(int32_t)v.bits;
	if (v.place == AT_CONST && fits) {
		struct x64_mem at = address(c, a, &base);
		x64_mov_mem_imm(&c->x, 1u << s->natural, at, (int32_t)v.bits);
	} else {
		unsigned reg = to_reg(c, &v);
		struct x64_mem at = address(c, a, &base);
		x64_rm(&c->x, s->op, s->wide, reg, at);
		release(c, &v);
	}
	release(c, &base);
}

/* --- variables --- */

static void set_local(struct compiler *c, uint32_t n, bool tee)
{
	struct local *l = &c->locals[n];
	struct value v = pop_value(c, l->type);
	if (c->dead) {
		release(c, &v);
		if (tee)
			push_slot(c, l->type);
		return;
	}
	settle(c, n);
	if (l->home != X64_NONE) {
		load_to(c, &v, l->home);
		release(c, &v);
		if (tee)
			push_local(c, n);
		return;
	}
	bool itself = v.place == AT_LOCAL && v.at == n;
	if (tee && v.place != AT_CONST)
		(void)to_reg(c, &v);
	if (!itself)
		store_value(c, &v, local_mem(c, n));
	if (tee)
		push_back(c, &v);
	else
		release(c, &v);
}

void handle_local(struct compiler *c, uint8_t op)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->local_count)
		invalid(c, "unknown local");
	if (op == 0x20)
		push_local(c, n);
	else
		set_local(c, n, op == 0x22);
}

static void load_global(struct compiler *c, uint8_t type, struct x64_mem at)
{
	unsigned dst = dest_or_take(c, type);
	if (type == WASM_V128)
		x64_rm(&c->x, OP_MOVUPS_LOAD, 0, dst, at);
	else if (type_is_float(type))
		x64_rm(&c->x, type == WASM_F32 ? OP_MOVSS_LOAD : OP_MOVSD_LOAD, 0, dst, at);
	else
		x64_rm(&c->x, OP_MOV_LOAD, type != WASM_I32, dst, at);
	put(c, type, dst);
}

void handle_global(struct compiler *c, uint8_t op)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->global_count)
		invalid(c, "unknown global");
	const struct global_type *g = &c->m->globals[n];
	struct x64_mem at = x64_at(R14, (int32_t)(c->m->global_cells + GLOBAL_STRIDE * n));
	struct value v = {0};
	if (op == 0x24) {
		if (!g->is_mutable)
			invalid(c, "immutable global");
		v = pop_value(c, g->type);
		if (v.place != AT_CONST)
			(void)to_reg(c, &v);
	}
	if (n < c->m->imported_globals) {
		unsigned reg = SCRATCH;
		if (v.place == AT_CONST) /* which may need the scratch register */
			(void)to_own(c, &v);
		x64_rm(&c->x, OP_MOV_LOAD, 1, reg, at);
		at = x64_at(reg, 0);
	}
	if (op == 0x23) {
		load_global(c, g->type, at);
	} else {
		store_value(c, &v, at);
		release(c, &v);
	}
}

void handle_memory_size(struct compiler *c, uint8_t op)
{
	uint32_t n = need_memory(c, read_u32(&c->r));
	if (op == 0x40) {
		/* The helper takes the memory first. */
		struct value delta = pop_value(c, WASM_I32);
		(void)to_own(c, &delta); /* its slot becomes the other one's */
		push_const(c, WASM_I32, n);
		push_back(c, &delta);
		static const uint8_t both[] = {WASM_I32, WASM_I32};
		call_helper(c, HELPER_MEMORY_GROW, both, 2, NULL, 0);
		push_result(c, WASM_I32);
		return;
	}
	unsigned dst = dest_or_take(c, WASM_I32);
	x64_rm(&c->x, OP_MOV_LOAD, 1, dst, x64_at(R14, (int32_t)(c->m->memory_cells + 16 * n + 8)));
	x64_rm(&c->x, OP_MOV_LOAD, 0, dst, x64_at(dst, MEMORY_PAGES));
	put(c, WASM_I32, dst);
}
