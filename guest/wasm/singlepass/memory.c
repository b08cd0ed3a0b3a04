/* SPDX-License-Identifier: Apache-2.0 */
/* Memory accesses, locals, globals. */
#include "guest/wasm/singlepass/compiler.h"
#include "guest/wasm/singlepass/fuse.h"

const struct wasm_limits *need_memory(const struct compiler *c, uint32_t index)
{
	if (index >= c->m->memory_count)
		fail_invalid(c, "unknown memory");
	return &c->m->memories[index];
}

/* --- addresses --- */

static int32_t memory_cell(const struct compiler *c, uint32_t memory)
{
	return (int32_t)(c->m->memory_cells + sizeof(struct memory_cell) * memory);
}

static void add_base(struct compiler *c, uint32_t memory, unsigned reg)
{
	if (memory == 0)
		x64_rr(&c->x, OP_ALU(ALU_ADD), 1, reg, R15);
	else
		x64_rm(&c->x, OP_ALU(ALU_ADD), 1, reg, x64_at(R14, memory_cell(c, memory)));
}

/* The operand at a register's address and an offset, which may take R11. */
static inline struct x64_mem reach(struct compiler *c, uint32_t memory, unsigned reg,
				   uint64_t offset)
{
	if (memory == 0 && offset <= INT32_MAX)
		return x64_at_index(R15, reg, 0, (int32_t)offset);
	x64_mov_imm(&c->x, R11, offset);
	add_base(c, memory, R11);
	return x64_at_index(R11, reg, 0, 0);
}

/*
 * Of 64 bits: an address below WASM_MEMORY64_END_BYTES and an offset of 31 bits stay in the
 * reservation; a larger offset is added first.
 */
static struct x64_mem reach_64(struct compiler *c, const struct memarg *a, unsigned reg)
{
	const struct x64_mem end = x64_at(R14, INSTANCE_MEMORY64_END);
	if (a->offset <= INT32_MAX) {
		x64_rm(&c->x, OP_ALU(ALU_CMP), 1, reg, end);
		trap_if(c, CC_AE, WASM_TRAP_MEMORY);
		return reach(c, a->memory, reg, a->offset);
	}
	x64_mov_imm(&c->x, R11, a->offset);
	x64_rr(&c->x, OP_ALU(ALU_ADD), 1, R11, reg);
	trap_if(c, CC_B, WASM_TRAP_MEMORY);
	x64_rm(&c->x, OP_ALU(ALU_CMP), 1, R11, end);
	trap_if(c, CC_AE, WASM_TRAP_MEMORY);
	add_base(c, a->memory, R11);
	return x64_at(R11, 0);
}

/* Where a memory may end within a page of the CPU's: address <= size - (offset + bytes). */
static struct x64_mem reach_exactly(struct compiler *c, const struct memarg *a, struct value *base)
{
	uint64_t offset = a->offset;
	if (offset > (uint64_t)INT32_MAX - a->bytes) {
		unsigned own = to_own(c, base);
		x64_mov_imm(&c->x, R11, offset);
		x64_rr(&c->x, OP_ALU(ALU_ADD), 1, own, R11);
		trap_if(c, CC_B, WASM_TRAP_MEMORY);
		offset = 0;
	}
	unsigned reg = to_reg(c, base);
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R14, memory_cell(c, a->memory) + 8));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R11, MEMORY_PAGES));
	x64_alu_imm(&c->x, ALU_SUB, 1, R11, (int32_t)(offset + a->bytes));
	trap_if(c, CC_B, WASM_TRAP_MEMORY);
	x64_rr(&c->x, OP_ALU(ALU_CMP), 1, reg, R11);
	trap_if(c, CC_A, WASM_TRAP_MEMORY);
	return reach(c, a->memory, reg, offset);
}

static __attribute__((noinline)) struct x64_mem pop_checked(struct compiler *c,
							    const struct memarg *a,
							    struct value *base)
{
	const struct wasm_limits *limits = &c->m->memories[a->memory];
	uint64_t at;
	*base = pop_value(c, limits_address(limits));
	if (limits->byte_pages)
		return reach_exactly(c, a, base);
	if (a->memory == 0 && base->location == AT_CONST &&
	    !__builtin_add_overflow(base->bits, a->offset, &at) && at <= INT32_MAX)
		return x64_at(R15, (int32_t)at);
	return reach_64(c, a, to_reg(c, base));
}

/*
 * Pops an address: the operand that reaches it, and its value, to be released after the access. An
 * i32 in a register has no bits above, so the sum stays in the reservation. Clobbers R11.
 */
struct x64_mem pop_address(struct compiler *c, struct memarg a, struct value *base)
{
	if (__builtin_expect(a.checked, 0))
		return pop_checked(c, &a, base);
	*base = pop_value(c, WASM_I32);
	if (a.memory == 0 && base->location == AT_CONST && base->bits + a.offset <= INT32_MAX)
		return x64_at(R15, (int32_t)(base->bits + a.offset));
	return reach(c, a.memory, to_reg(c, base), a.offset);
}

static struct x64_mem reach_checked(struct compiler *c, const struct memarg *a, struct value *base)
{
	if (c->m->memories[a->memory].byte_pages)
		return reach_exactly(c, a, base);
	return reach_64(c, a, to_reg(c, base));
}

struct x64_mem pop_aligned(struct compiler *c, struct memarg a, struct value *base)
{
	*base = pop_value(c, limits_address(&c->m->memories[a.memory]));
	unsigned reg = to_own(c, base);
	if (a.offset) {
		x64_mov_imm(&c->x, R11, a.offset);
		x64_rr(&c->x, OP_ALU(ALU_ADD), 1, reg, R11);
		trap_if(c, CC_B, WASM_TRAP_MEMORY);
		a.offset = 0;
	}
	if (a.bytes > 1) {
		x64_test_imm(&c->x, 0, reg, a.bytes - 1);
		trap_if(c, CC_NE, WASM_TRAP_UNALIGNED);
	}
	if (a.checked)
		(void)reach_checked(c, &a, base);
	if (a.memory == 0)
		return x64_at_index(R15, reg, 0, 0);
	add_base(c, a.memory, reg);
	return x64_at(reg, 0);
}

struct memarg read_memarg(struct compiler *c, uint32_t natural)
{
	struct memarg a = {0};
	uint32_t align = read_u32(&c->r);
	if (align & MEMARG_HAS_MEMORY) {
		align &= ~(uint32_t)MEMARG_HAS_MEMORY;
		a.memory = read_u32(&c->r);
	}
	const struct wasm_limits *limits = need_memory(c, a.memory);
	if (__builtin_expect(c->m->checked_memories, 0)) {
		a.checked = limits->is_64 || limits->byte_pages;
		a.bytes = (uint16_t)(1u << natural);
	}
	if (__builtin_expect(a.checked, 0) && limits->is_64)
		a.offset = read_u64(&c->r);
	else
		a.offset = read_u32(&c->r);
	if (align >= 32)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "malformed memop flags");
	if (align > natural)
		fail_invalid(c, "alignment must not be larger than natural");
	return a;
}

/* What an access is on x86-64: the instruction, and whether it is of 64 bits. */
struct access {
	uint32_t x64;
	bool wide;
};

static const struct access accesses[] = {
#define ACCESS(name) [WASM_OP_##name - WASM_OP_I32_LOAD]
	ACCESS(I32_LOAD) = {OP_MOV_LOAD, false},     ACCESS(I64_LOAD) = {OP_MOV_LOAD, true},
	ACCESS(F32_LOAD) = {OP_MOVSS_LOAD, false},   ACCESS(F64_LOAD) = {OP_MOVSD_LOAD, false},
	ACCESS(I32_LOAD8_S) = {OP_MOVSX8, false},    ACCESS(I32_LOAD8_U) = {OP_MOVZX8, false},
	ACCESS(I32_LOAD16_S) = {OP_MOVSX16, false},  ACCESS(I32_LOAD16_U) = {OP_MOVZX16, false},
	ACCESS(I64_LOAD8_S) = {OP_MOVSX8, true},     ACCESS(I64_LOAD8_U) = {OP_MOVZX8, false},
	ACCESS(I64_LOAD16_S) = {OP_MOVSX16, true},   ACCESS(I64_LOAD16_U) = {OP_MOVZX16, false},
	ACCESS(I64_LOAD32_S) = {OP_MOVSXD, true},    ACCESS(I64_LOAD32_U) = {OP_MOV_LOAD, false},
	ACCESS(I32_STORE) = {OP_MOV_STORE, false},   ACCESS(I64_STORE) = {OP_MOV_STORE, true},
	ACCESS(F32_STORE) = {OP_MOVSS_STORE, false}, ACCESS(F64_STORE) = {OP_MOVSD_STORE, false},
	ACCESS(I32_STORE8) = {OP_MOV_STORE8, false}, ACCESS(I32_STORE16) = {OP_MOV_STORE16, false},
	ACCESS(I64_STORE8) = {OP_MOV_STORE8, false}, ACCESS(I64_STORE16) = {OP_MOV_STORE16, false},
	ACCESS(I64_STORE32) = {OP_MOV_STORE, false},
#undef ACCESS
};

/* Loads of whole values, which other instructions can take as operands. */
static bool is_plain_load(uint8_t op)
{
	return op <= WASM_OP_F64_LOAD;
}

/* The fusions of a plain load. */
static unsigned fuses_with(uint8_t load)
{
	return FUSE_I32 << (load - WASM_OP_I32_LOAD);
}

/* A first look, since there are many loads. */
static inline bool may_operate(const struct compiler *c, uint8_t load)
{
	const uint8_t *p = c->r.p;
	unsigned type = fuses_with(load);
	return c->r.end - p > 2 && (fusions[p[0]] & type) &&
	       (!(fusions[p[0]] & FUSE_SHORT_PUSH) || (fusions[p[2]] & type));
}

/* What the next instruction pushes, if it is a local's register, or a constant's in this loop. */
static uint32_t local_in_register(const struct compiler *c, uint32_t type, uint32_t *skip)
{
	const uint8_t *p = c->r.p;
	uint32_t bytes = type == WASM_F32 ? 4 : 8;
	uint64_t bits = 0;
	if (p[0] == WASM_OP_LOCAL_GET && p[1] < LEB_MORE && p[1] < c->fn.local_count &&
	    c->fn.locals[p[1]].type == type && c->fn.locals[p[1]].reg != X64_NONE)
		return p[1];
	if (wasm_opcodes[p[0]].class != CLASS_FLOAT_CONST || wasm_opcodes[p[0]].result != type ||
	    (uint64_t)(c->r.end - p) < bytes + 2)
		return WASM_NONE;
	memcpy(&bits, p + 1, bytes);
	*skip = bytes + 1;
	return loop_constant(c, type, bits);
}

/*
 * A load and the instruction that takes its value at once: the one that follows, or one after a
 * local or a constant that is its other operand. Nothing that could trap or store comes between,
 * and for backtraces both are the load. False: there is none, and nothing is done.
 */
static __attribute__((noinline)) bool load_and_operate(struct compiler *c, uint8_t load,
						       struct memarg a)
{
	const uint8_t *p = c->r.p;
	uint32_t type = wasm_opcodes[load].result;
	struct value base;
	if (c->dead || a.memory > 0 || a.offset > INT32_MAX)
		return false;
	uint32_t skip = 2, local = local_in_register(c, type, &skip);
	bool wide = type == WASM_I64;
	bool constant = wasm_opcodes[p[0]].class == CLASS_CONST &&
			wasm_opcodes[p[0]].result == type && p[1] < LEB_MORE;
	if (fusions[p[0]] & FUSE_PUSHES) {
		unsigned taker = fusions[p[skip]];
		if ((local == WASM_NONE && !constant) || (taker & FUSE_PUSHES) ||
		    !(taker & fuses_with(load)))
			return false;
		/* A constant on the right of a comparison: the left is in memory then. */
		if (!(taker & (constant ? FUSE_COMPARES : FUSE_COMMUTES)))
			return false;
	}
	struct x64_mem at = pop_address(c, a, &base);
	uint32_t held = 0;
	if (base.location == AT_REG)
		held = BIT(base.reg);
	if (local != WASM_NONE) {
		push_local(c, local);
		c->r.p += skip;
	}
	push_mem(c, type, at, held);
	if (constant) {
		int32_t k = leb_s7(p[1]);
		c->r.p += 2;
		push_const(c, type, wide ? (uint64_t)(int64_t)k : (uint32_t)k);
	}
	compile_insn(c, *c->r.p++);
	return true;
}

void handle_load(struct compiler *c, uint8_t op)
{
	const struct wasm_opcode *o = &wasm_opcodes[op];
	const struct access *access = &accesses[op - WASM_OP_I32_LOAD];
	struct memarg a = read_memarg(c, o->operation);
	struct value base;
	if (is_plain_load(op) && may_operate(c, op) && load_and_operate(c, op, a))
		return;
	struct x64_mem at = pop_address(c, a, &base);
	release(c, &base); /* the result may have its register */
	unsigned dst = result_reg(c, o->result);
	if (dst == X64_NONE && base.location == AT_REG && !type_is_float(o->result)) {
		dst = base.reg;
		c->regs.free &= ~BIT(dst);
	} else if (dst == X64_NONE) {
		dst = alloc_reg(c, class_of(o->result));
	}
	x64_rm(&c->x, access->x64, access->wide, dst, at);
	push_result(c, o->result, dst);
}

void handle_store(struct compiler *c, uint8_t op)
{
	const struct wasm_opcode *o = &wasm_opcodes[op];
	const struct access *access = &accesses[op - WASM_OP_I32_LOAD];
	uint32_t bytes = 1u << o->operation;
	struct memarg a = read_memarg(c, o->operation);
	struct value v = pop_value(c, o->operand), base;
	bool fits = bytes < 8 || v.bits == (uint64_t)(int64_t)(int32_t)v.bits;
	if (v.location == AT_CONST && fits) {
		struct x64_mem at = pop_address(c, a, &base);
		x64_mov_mem_imm(&c->x, bytes, at, (int32_t)v.bits);
	} else {
		unsigned reg = to_reg(c, &v);
		struct x64_mem at = pop_address(c, a, &base);
		x64_rm(&c->x, access->x64, access->wide, reg, at);
		release(c, &v);
	}
	release(c, &base);
}

/* --- variables --- */

/* The local has no default value: until the end of this block it has one. */
static __attribute__((noinline)) void note_set_local(struct compiler *c, uint32_t n)
{
	if (!c->fn.set_locals)
		c->fn.set_locals = scratch_need(c, WASM_MAX_LOCALS * sizeof(*c->fn.set_locals));
	c->fn.locals[n].type &= ~TYPE_UNSET;
	c->fn.set_locals[c->fn.set_count++] = (uint16_t)n;
}

static void set_local(struct compiler *c, uint32_t n, bool tee)
{
	struct local *l = &c->fn.locals[n];
	struct value v = pop_value(c, l->type & ~TYPE_UNSET);
	if (__builtin_expect(l->type & TYPE_UNSET, 0))
		note_set_local(c, n);
	if (c->dead) {
		release(c, &v);
		if (tee)
			push_slot(c, l->type);
		return;
	}
	materialise_local(c, n);
	if (l->reg != X64_NONE) {
		load_to(c, &v, l->reg);
		release(c, &v);
		if (tee)
			push_local(c, n);
		return;
	}
	bool itself = v.location == AT_LOCAL && v.at == n;
	if (tee && v.location != AT_CONST)
		(void)to_reg(c, &v);
	if (!itself)
		store_value(c, &v, local_mem(c, n));
	v.type = l->type;
	if (tee)
		push_popped(c, &v);
	else
		release(c, &v);
}

void handle_local(struct compiler *c, uint8_t op)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->fn.local_count)
		fail_invalid(c, "unknown local");
	if (op == WASM_OP_LOCAL_GET)
		push_local(c, n);
	else
		set_local(c, n, op == WASM_OP_LOCAL_TEE);
}

static void load_global(struct compiler *c, uint32_t type, struct x64_mem at)
{
	unsigned dst = alloc_result(c, type);
	load_mem(c, type, dst, at);
	push_result(c, type, dst);
}

void handle_global(struct compiler *c, uint8_t op)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->global_count)
		fail_invalid(c, "unknown global");
	const struct global_type *g = &c->m->globals[n];
	struct x64_mem at = x64_at(R14, (int32_t)(c->m->global_cells + GLOBAL_STRIDE * n));
	struct value v = {0};
	if (op == WASM_OP_GLOBAL_SET) {
		if (!g->is_mutable)
			fail_invalid(c, "immutable global");
		v = pop_value(c, g->type);
		if (v.location != AT_CONST)
			(void)to_reg(c, &v);
	}
	if (n < c->m->imported_globals) {
		unsigned reg = SCRATCH;
		if (v.location == AT_CONST) /* which may need the scratch register */
			(void)to_own(c, &v);
		x64_rm(&c->x, OP_MOV_LOAD, 1, reg, at);
		at = x64_at(reg, 0);
	}
	if (op == WASM_OP_GLOBAL_GET) {
		load_global(c, g->type, at);
	} else {
		store_value(c, &v, at);
		release(c, &v);
	}
}

void handle_memory_size(struct compiler *c, uint8_t op)
{
	uint32_t n = read_u32(&c->r), type = limits_address(need_memory(c, n));
	if (op == WASM_OP_MEMORY_GROW) {
		/* The helper takes the memory first. */
		struct value delta = pop_value(c, type);
		(void)to_own(c, &delta); /* its slot becomes the other one's */
		push_const(c, WASM_I32, n);
		push_popped(c, &delta);
		call_helper(c, HELPER_MEMORY_GROW, (uint32_t[]){WASM_I32, type}, 2, NULL, 0);
		push_call_result(c, type);
		return;
	}
	unsigned dst = alloc_result(c, type);
	x64_rm(&c->x, OP_MOV_LOAD, 1, dst, x64_at(R14, memory_cell(c, n) + 8));
	x64_rm(&c->x, OP_MOV_LOAD, is_wide(type), dst, x64_at(dst, MEMORY_PAGES));
	push_result(c, type, dst);
}
