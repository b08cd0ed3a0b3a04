/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over each function body: validates it (WebAssembly specification, appendix on the validation
 * algorithm) and emits x86-64 code. Every local and operand has a slot in the frame, addressed from RSP; an
 * instruction loads its operands, works in scratch registers and stores its result. The module is untrusted.
 *
 * Frame, from RSP: slot 0 the instance, slot 1 the address for results, then locals, then operands.
 * R14 is the instance, R15 the base of memory 0; every other register is scratch.
 */
#include "internal.h"

#include "simd.h"
#include "x64.h"

enum { HEIGHT_MAX = 1 << 16, CONTROL_MAX = 1 << 14, FIXED_SLOTS = 2, UNKNOWN = 0 };
/* A v128 has two slots and two entries among the operands; this is its upper one. */
enum { V128_HIGH = 1 };

/* A block being compiled. */
struct control {
	uint8_t op; /* block 02, loop 03, if 04, else 05; 0: the function */
	bool unreachable;
	uint32_t height; /* of the operands below its parameters */
	uint32_t param_count, result_count;
	const uint8_t *params, *results;
	uint32_t start;	  /* loop: where it begins */
	uint32_t patches; /* jumps to its end: a list through their distances, 0 ends it */
	uint32_t otherwise; /* if: the jump to its else */
	uint32_t stub, stub_of; /* br_table: code of this target, and of which table */
};

struct compiler {
	struct wasm_module *m;
	struct failure *fail;
	struct reader r;
	struct x64 x;
	const struct wasm_functype *type;
	uint32_t func; /* in the index space */
	uint8_t *locals;
	uint32_t *local_slot; /* of each local, counted from the first */
	uint32_t local_count, local_slots;
	uint8_t *operands; /* types, by slot */
	uint32_t height, highest; /* in slots */
	struct control *controls;
	uint32_t depth;
	uint32_t frame_at; /* where the frame's size is patched in, and where it is checked */
	uint32_t tables;   /* br_tables so far */
	uint8_t void_types[1];
};

static uint32_t here(const struct compiler *c)
{
	return (uint32_t)(c->x.p - c->m->code);
}

_Noreturn static void invalid(struct compiler *c, const char *what)
{
	reader_fail(&c->r, WASM_ERROR_INVALID, what);
}

/* Room for the next instruction's code. */
static void make_room(struct compiler *c, uint64_t bytes)
{
	struct wasm_module *m = c->m;
	uint64_t need = here(c) + bytes;
	if (need <= m->code_committed)
		return;
	uint64_t step = m->code_committed < 0x100000 ? 0x20000 : m->code_committed / 2;
	uint64_t to = (need + step + WASM_PAGE_BYTES - 1) & ~(uint64_t)(WASM_PAGE_BYTES - 1);
	if (to > m->code_reserved)
		to = m->code_reserved;
	if (need > to)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "the module's machine code is too large");
	if (!platform_commit(m->code + m->code_committed, to - m->code_committed))
		reader_fail(&c->r, WASM_ERROR_MEMORY, "out of memory for machine code");
	m->code_committed = to;
}

/* --- operands --- */

static struct x64_mem slot(uint32_t n)
{
	return x64_at(RSP, (int32_t)(8 * n));
}

static struct x64_mem operand_slot(const struct compiler *c, uint32_t height)
{
	return slot(FIXED_SLOTS + c->local_slots + height);
}

static struct control *top(struct compiler *c)
{
	return &c->controls[c->depth - 1];
}

static uint32_t slots_of(const uint8_t *types, uint32_t n)
{
	uint32_t slots = n;
	for (uint32_t i = 0; i < n; i++)
		slots += types[i] == WASM_V128;
	return slots;
}

static void push_type(struct compiler *c, uint8_t type)
{
	if (c->height >= HEIGHT_MAX - 1)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many operands");
	c->operands[c->height++] = type;
	if (type == WASM_V128)
		c->operands[c->height++] = V128_HIGH;
	if (c->height > c->highest)
		c->highest = c->height;
}

static uint8_t pop_any(struct compiler *c)
{
	struct control *k = top(c);
	if (c->height == k->height) {
		if (!k->unreachable)
			invalid(c, "type mismatch: the operand stack is empty");
		/* Slots are only for code that never runs: one above is as good. */
		return UNKNOWN;
	}
	if (c->operands[--c->height] == V128_HIGH)
		c->height--;
	return c->operands[c->height];
}

static uint8_t pop_type(struct compiler *c, uint8_t want)
{
	uint8_t got = pop_any(c);
	if (got != want && got != UNKNOWN && want != UNKNOWN)
		invalid(c, "type mismatch");
	return got == UNKNOWN ? want : got;
}

static void pop_types(struct compiler *c, const uint8_t *types, uint32_t n)
{
	for (uint32_t i = n; i > 0; i--)
		pop_type(c, types[i - 1]);
}

static void push_types(struct compiler *c, const uint8_t *types, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		push_type(c, types[i]);
}

/* Integer registers and slots: whole cells, so that a reference fits as well. */
static void load(struct compiler *c, unsigned reg, uint32_t height)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, reg, operand_slot(c, height));
}

static void store(struct compiler *c, unsigned reg, uint32_t height)
{
	x64_rm(&c->x, OP_MOV_STORE, 1, reg, operand_slot(c, height));
}

/* Pops one of a type into a register. */
static void pop_to(struct compiler *c, uint8_t type, unsigned reg)
{
	pop_type(c, type);
	load(c, reg, c->height);
}

static void push_from(struct compiler *c, uint8_t type, unsigned reg)
{
	push_type(c, type);
	store(c, reg, c->height - 1);
}

static void pop_float(struct compiler *c, bool wide, unsigned xmm)
{
	pop_type(c, wide ? WASM_F64 : WASM_F32);
	x64_rm(&c->x, wide ? OP_MOVSD_LOAD : OP_MOVSS_LOAD, 0, xmm, operand_slot(c, c->height));
}

static void push_float(struct compiler *c, bool wide, unsigned xmm)
{
	push_type(c, wide ? WASM_F64 : WASM_F32);
	x64_rm(&c->x, OP_MOVSD_STORE, 0, xmm, operand_slot(c, c->height - 1));
}

static void pop_vector(struct compiler *c, unsigned xmm)
{
	pop_type(c, WASM_V128);
	x64_rm(&c->x, OP_MOVUPS_LOAD, 0, xmm, operand_slot(c, c->height));
}

static void push_vector(struct compiler *c, unsigned xmm)
{
	push_type(c, WASM_V128);
	x64_rm(&c->x, OP_MOVUPS_STORE, 0, xmm, operand_slot(c, c->height - 2));
}

static void trap_if(struct compiler *c, enum x64_cc cc, enum wasm_trap_code code)
{
	uint8_t *over = x64_short_jcc(&c->x, cc ^ 1);
	x64_ud2(&c->x, code);
	x64_here(&c->x, over);
}

/* --- control --- */

static struct control *push_control(struct compiler *c, uint8_t op, const uint8_t *params, uint32_t param_count,
				    const uint8_t *results, uint32_t result_count)
{
	if (c->depth == CONTROL_MAX)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "blocks are nested too deep");
	struct control *k = &c->controls[c->depth++];
	*k = (struct control){.op = op, .height = c->height, .params = params, .param_count = param_count,
			      .results = results, .result_count = result_count, .start = here(c)};
	push_types(c, params, param_count);
	return k;
}

static struct control *label(struct compiler *c, uint32_t n)
{
	if (n >= c->depth)
		invalid(c, "unknown label");
	return &c->controls[c->depth - 1 - n];
}

static uint32_t label_count(const struct control *k)
{
	return k->op == 3 ? k->param_count : k->result_count;
}

static const uint8_t *label_types(const struct control *k)
{
	return k->op == 3 ? k->params : k->results;
}

static void set_unreachable(struct compiler *c)
{
	c->height = top(c)->height;
	top(c)->unreachable = true;
}

static void jump_to(struct compiler *c, struct control *k)
{
	if (k->op == 3) {
		x64_jmp32(&c->x, 0);
		uint32_t rel = k->start - here(c);
		memcpy(c->x.p - 4, &rel, 4);
		return;
	}
	x64_jmp32(&c->x, k->patches);
	k->patches = here(c);
}

static void patch_to_here(struct compiler *c, uint32_t from)
{
	uint32_t rel = here(c) - from;
	memcpy(c->m->code + from - 4, &rel, 4);
}

static void patch_list(struct compiler *c, uint32_t list)
{
	while (list) {
		uint32_t next;
		memcpy(&next, c->m->code + list - 4, 4);
		patch_to_here(c, list);
		list = next;
	}
}

/* Moves the values that a label takes from the top of the operands to where it expects them. */
static void move_values(struct compiler *c, const struct control *k, uint32_t height)
{
	uint32_t n = slots_of(label_types(k), label_count(k));
	if (height < n || height - n == k->height)
		return; /* in place, or code that never runs */
	for (uint32_t i = 0; i < n; i++) {
		make_room(c, WASM_CODE_ROOM_BYTES);
		load(c, RAX, height - n + i);
		store(c, RAX, k->height + i);
	}
}

static bool reachable(struct compiler *c)
{
	return !top(c)->unreachable;
}

static void branch(struct compiler *c, struct control *k)
{
	move_values(c, k, c->height);
	jump_to(c, k);
}

/* A block type: its parameters and results. */
static void block_type(struct compiler *c, const uint8_t **params, uint32_t *np, const uint8_t **results, uint32_t *nr)
{
	static const uint8_t single[256] = {
		[WASM_I32] = WASM_I32, [WASM_I64] = WASM_I64, [WASM_F32] = WASM_F32, [WASM_F64] = WASM_F64,
		[WASM_FUNCREF] = WASM_FUNCREF, [WASM_EXTERNREF] = WASM_EXTERNREF, [WASM_V128] = WASM_V128,
	};
	if (c->r.p < c->r.end && *c->r.p == 0x40) {
		c->r.p++;
		*np = *nr = 0;
		*params = *results = c->void_types;
		return;
	}
	if (c->r.p < c->r.end && (*c->r.p & 0xc0) == 0x40) {
		uint8_t type = read_valtype(&c->r, c->m);
		*np = 0;
		*params = c->void_types;
		*nr = 1;
		*results = &single[type];
		return;
	}
	int64_t index = read_s33(&c->r);
	if (index < 0 || (uint64_t)index >= c->m->type_count)
		invalid(c, "unknown type");
	const struct wasm_functype *t = &c->m->types[index];
	*np = t->param_count;
	*params = t->params;
	*nr = t->result_count;
	*results = t->results;
}

static void begin_block(struct compiler *c, uint8_t op)
{
	const uint8_t *params, *results;
	uint32_t np, nr;
	block_type(c, &params, &np, &results, &nr);
	bool was_reachable = reachable(c);
	if (op == 4)
		pop_to(c, WASM_I32, RAX);
	pop_types(c, params, np);
	struct control *k;
	if (op == 4) {
		x64_rr(&c->x, OP_TEST, 0, RAX, RAX);
		x64_jcc32(&c->x, CC_E, 0);
	}
	k = push_control(c, op, params, np, results, nr);
	if (op == 4)
		k->otherwise = here(c);
	k->start = here(c);
	(void)was_reachable;
}

/* The end of a block's body, or of an if's first part: what it leaves must be its results. */
static void check_results(struct compiler *c)
{
	struct control *k = top(c);
	pop_types(c, k->results, k->result_count);
	if (c->height != k->height)
		invalid(c, "type mismatch: operands are left over at the end of a block");
}

static void handle_else(struct compiler *c)
{
	struct control *k = top(c);
	if (k->op != 4)
		invalid(c, "else without if");
	check_results(c);
	x64_jmp32(&c->x, k->patches);
	k->patches = here(c);
	patch_to_here(c, k->otherwise);
	k->otherwise = 0;
	k->op = 5;
	k->unreachable = false;
	push_types(c, k->params, k->param_count);
}

static void emit_return(struct compiler *c);

static void end_block(struct compiler *c)
{
	struct control *k = top(c);
	check_results(c);
	if (k->op == 4) { /* no else: parameters are results */
		if (k->param_count != k->result_count || memcmp(k->params, k->results, k->param_count) != 0)
			invalid(c, "type mismatch: an if without else must leave its parameters");
		patch_to_here(c, k->otherwise);
	}
	patch_list(c, k->patches);
	c->depth--;
	if (k->op == 0) {
		c->height = 0;
		emit_return(c);
		return;
	}
	c->height = k->height;
	push_types(c, k->results, k->result_count);
}

static void handle_br_if(struct compiler *c)
{
	struct control *k = label(c, read_u32(&c->r));
	pop_to(c, WASM_I32, RAX);
	uint32_t n = label_count(k);
	pop_types(c, label_types(k), n);
	push_types(c, label_types(k), n);
	x64_rr(&c->x, OP_TEST, 0, RAX, RAX);
	x64_jcc32(&c->x, CC_E, 0);
	uint32_t over = here(c);
	branch(c, k);
	patch_to_here(c, over);
}

/*
 * An index that is past the table takes the default, by a conditional move: no later instruction can be
 * reached with one that is not checked, not even speculatively.
 */
static void handle_br_table(struct compiler *c)
{
	uint32_t n = read_u32(&c->r);
	if (n > (uint64_t)(c->r.end - c->r.p))
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "unexpected end");
	const uint8_t *targets = c->r.p;
	pop_to(c, WASM_I32, RAX);
	make_room(c, WASM_CODE_ROOM_BYTES + 4ull * n);
	x64_mov_imm(&c->x, RCX, n);
	x64_rr(&c->x, OP_ALU(ALU_CMP), 0, RAX, RCX);
	x64_rr(&c->x, OP_CMOV(CC_AE), 0, RAX, RCX);
	x64_lea(&c->x, 1, RDX, (struct x64_mem){X64_NONE, X64_NONE, 0, 0});
	uint32_t lea = here(c);
	x64_rm(&c->x, OP_MOVSXD, 1, RAX, x64_at_index(RDX, RAX, 2, 0));
	x64_rr(&c->x, OP_ALU(ALU_ADD), 1, RAX, RDX);
	x64_jmp_reg(&c->x, RAX);
	patch_to_here(c, lea);
	uint32_t table = here(c), id = ++c->tables;
	c->x.p += 4ull * (n + 1);
	uint32_t arity = WASM_NONE;
	for (uint32_t i = 0; i <= n; i++) {
		struct control *k = label(c, read_u32(&c->r));
		uint32_t count = label_count(k), before = c->height;
		if (arity != WASM_NONE && arity != count)
			invalid(c, "type mismatch: br_table's labels differ in arity");
		arity = count;
		/* Each label's types are checked against the same operands. */
		uint8_t kept[2 * WASM_MAX_RESULTS];
		uint32_t there = c->height - top(c)->height < 2 * count ? c->height - top(c)->height : 2 * count;
		memcpy(kept, c->operands + c->height - there, there);
		pop_types(c, label_types(k), count);
		memcpy(c->operands + before - there, kept, there);
		c->height = before;
		if (k->stub_of != id) {
			make_room(c, WASM_CODE_ROOM_BYTES);
			k->stub_of = id;
			k->stub = here(c);
			branch(c, k);
		}
		uint32_t rel = k->stub - table;
		memcpy(c->m->code + table + 4ull * i, &rel, 4);
	}
	(void)targets;
	set_unreachable(c);
}

/* --- calls --- */

uint32_t functype_stack_words(const struct wasm_functype *t)
{
	uint32_t ints = 0, floats = 0, words = 0;
	for (uint32_t i = 0; i < t->param_count; i++) {
		uint32_t *used = type_is_float(t->params[i]) ? &floats : &ints;
		if (*used < (type_is_float(t->params[i]) ? ARG_FLOATS : ARG_INTS))
			++*used;
		else
			words += t->params[i] == WASM_V128 ? 2 : 1;
	}
	return words;
}

static const uint8_t int_args[ARG_INTS] = {RSI, RDX, RCX, R8, R9};

static void copy_words(struct compiler *c, struct x64_mem to, struct x64_mem from, uint32_t words)
{
	for (uint32_t i = 0; i < words; i++, to.disp += 8, from.disp += 8) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, RAX, from);
		x64_rm(&c->x, OP_MOV_STORE, 1, RAX, to);
	}
}

/* Puts the arguments, which are the top operands, where the callee looks for them; returns the stack words. */
static uint32_t place_args(struct compiler *c, const struct wasm_functype *t, uint32_t first)
{
	uint32_t words = functype_stack_words(t), ints = 0, floats = 0, word = 0;
	int32_t pushed = (int32_t)(8 * words);
	/* Stack words go below the frame; the call pushes the return address under them. */
	if (words)
		x64_lea(&c->x, 1, RSP, x64_at(RSP, -pushed));
	for (uint32_t i = 0, at = first; i < t->param_count; i++) {
		make_room(c, WASM_CODE_ROOM_BYTES);
		bool is_vector = t->params[i] == WASM_V128;
		struct x64_mem from = operand_slot(c, at);
		from.disp += pushed;
		at += is_vector ? 2 : 1;
		if (type_is_float(t->params[i]) && floats < ARG_FLOATS) {
			x64_rm(&c->x, is_vector ? OP_MOVUPS_LOAD : OP_MOVSD_LOAD, 0, XMM0 + floats++, from);
		} else if (!type_is_float(t->params[i]) && ints < ARG_INTS) {
			x64_rm(&c->x, OP_MOV_LOAD, 1, int_args[ints++], from);
		} else {
			copy_words(c, x64_at(RSP, (int32_t)(8 * word)), from, is_vector ? 2 : 1);
			word += is_vector ? 2 : 1;
		}
	}
	/* Several results are written where the arguments were. */
	struct x64_mem results = operand_slot(c, first);
	results.disp += pushed;
	if (t->result_count > 1)
		x64_lea(&c->x, 1, RAX, results);
	return words;
}

static void after_call(struct compiler *c, const struct wasm_functype *t)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, R14, slot(0));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R15, x64_at(R14, INSTANCE_MEMORY0));
	if (t->result_count == 1) {
		if (t->results[0] == WASM_V128)
			push_vector(c, XMM0);
		else if (type_is_float(t->results[0]))
			push_float(c, t->results[0] == WASM_F64, XMM0);
		else
			push_from(c, t->results[0], RAX);
	} else {
		push_types(c, t->results, t->result_count);
	}
}

/* Calls the function whose record is in R11, or goes on in it: its instance becomes the present one. */
static void call_r11(struct compiler *c, bool tail)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, R14, x64_at(R11, FUNC_INSTANCE));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R15, x64_at(R14, INSTANCE_MEMORY0));
	if (tail)
		x64_jmp_mem(&c->x, x64_at(R11, FUNC_CODE));
	else
		x64_call_mem(&c->x, x64_at(R11, FUNC_CODE));
}

/* Grows the frame's account so that several results fit where the arguments were. */
static void reserve_results(struct compiler *c, uint32_t first, const struct wasm_functype *t)
{
	uint32_t slots = slots_of(t->results, t->result_count);
	if (first + slots > c->highest)
		c->highest = first + slots;
	if (c->highest > HEIGHT_MAX)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many operands");
}

/* Jumps or calls to a function of this module; those further on fill in their distance when they are there. */
static void to_own_function(struct compiler *c, uint32_t f, bool is_call)
{
	uint32_t own = f - c->m->imported_funcs;
	if (is_call)
		x64_call32(&c->x, own);
	else
		x64_jmp32(&c->x, own);
	if (own < c->func - c->m->imported_funcs || f == c->func) {
		uint32_t rel = c->m->func_entry[own] - here(c);
		memcpy(c->x.p - 4, &rel, 4);
	} else {
		uint32_t at = here(c), next = c->m->func_entry[own];
		memcpy(c->x.p - 4, &next, 4);
		c->m->func_entry[own] = at;
	}
}

/* RBP becomes the address of this function's return address: below its arguments, above its frame. */
static void tail_begin(struct compiler *c, const struct wasm_functype *t)
{
	if (!(c->m->options.features & WASM_FEATURE_TAIL_CALL))
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "tail calls are not enabled");
	if (t->result_count != c->type->result_count || memcmp(t->results, c->type->results, t->result_count) != 0)
		invalid(c, "type mismatch: a tail call's results must be the function's own");
	x64_lea(&c->x, 1, RBP, x64_at(RSP, INT32_MAX)); /* the frame's size, patched */
	memcpy(c->x.p - 4, &c->frame_at, 4);
	c->frame_at = here(c);
}

/*
 * The frame goes: what the callee takes on the stack moves up to where this function's own such arguments end,
 * and the return address below it. The callee pops its own, so this function's caller finds RSP as it expects.
 */
static void tail_frame(struct compiler *c, const struct wasm_functype *t)
{
	uint32_t words = place_args(c, t, c->height);
	int32_t low = 8 * ((int32_t)functype_stack_words(c->type) - (int32_t)words);
	x64_rm(&c->x, OP_MOV_LOAD, 1, R10, x64_at(RBP, 0));
	if (t->result_count > 1)
		x64_rm(&c->x, OP_MOV_LOAD, 1, RAX, x64_at(RSP, (int32_t)(8 * words + 8)));
	for (uint32_t i = words; i > 0; i--) { /* upwards, so the last first */
		make_room(c, WASM_CODE_ROOM_BYTES);
		x64_rm(&c->x, OP_MOV_LOAD, 1, RDI, x64_at(RSP, (int32_t)(8 * i - 8)));
		x64_rm(&c->x, OP_MOV_STORE, 1, RDI, x64_at(RBP, low + (int32_t)(8 * i)));
	}
	x64_lea(&c->x, 1, RSP, x64_at(RBP, low));
	x64_rm(&c->x, OP_MOV_STORE, 1, R10, x64_at(RSP, 0));
}

static void handle_call(struct compiler *c, bool tail)
{
	uint32_t f = read_u32(&c->r);
	if (f >= c->m->func_count)
		invalid(c, "unknown function");
	const struct wasm_functype *t = module_func_type(c->m, f);
	if (tail)
		tail_begin(c, t);
	pop_types(c, t->params, t->param_count);
	reserve_results(c, c->height, t);
	if (tail)
		tail_frame(c, t);
	else
		place_args(c, t, c->height);
	if (f < c->m->imported_funcs) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R14, (int32_t)(c->m->func_cells + 8 * f)));
		call_r11(c, tail);
	} else {
		to_own_function(c, f, !tail);
	}
	if (tail)
		set_unreachable(c);
	else
		after_call(c, t);
}

static int32_t table_cell(const struct compiler *c, uint32_t table)
{
	return (int32_t)(c->m->table_cells + sizeof(struct table_cell) * table);
}

static void handle_call_indirect(struct compiler *c, bool tail)
{
	uint32_t type = read_u32(&c->r), table = read_u32(&c->r);
	if (table >= c->m->table_count)
		invalid(c, "unknown table");
	if (c->m->tables[table].type != WASM_FUNCREF)
		invalid(c, "type mismatch: call_indirect needs a table of functions");
	if (type >= c->m->type_count)
		invalid(c, "unknown type");
	const struct wasm_functype *t = &c->m->types[type];
	if (tail)
		tail_begin(c, t);
	pop_to(c, WASM_I32, RDI);
	x64_mov_rr(&c->x, 0, RDI, RDI);
	pop_types(c, t->params, t->param_count);
	reserve_results(c, c->height, t);
	x64_rm(&c->x, OP_MOV_LOAD, 1, R10, x64_at(R14, table_cell(c, table) + 8));
	x64_rm(&c->x, OP_ALU(ALU_CMP), 1, RDI, x64_at(R10, TABLE_SIZE));
	x64_mov_imm(&c->x, R11, 0);
	x64_rr(&c->x, OP_CMOV(CC_AE), 1, RDI, R11); /* an index past the end is 0 for speculation too */
	trap_if(c, CC_AE, WASM_TRAP_UNDEFINED_ELEMENT);
	x64_rm(&c->x, OP_MOV_LOAD, 1, R10, x64_at(R14, table_cell(c, table)));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at_index(R10, RDI, 3, 0));
	x64_rr(&c->x, OP_TEST, 1, R11, R11);
	trap_if(c, CC_E, WASM_TRAP_UNINITIALIZED);
	x64_alu_mem_imm(&c->x, ALU_CMP, 0, x64_at(R11, FUNC_TYPE_ID), (int32_t)t->id);
	trap_if(c, CC_NE, WASM_TRAP_INDIRECT_TYPE);
	if (tail) {
		tail_frame(c, t);
		call_r11(c, true);
		set_unreachable(c);
		return;
	}
	place_args(c, t, c->height);
	call_r11(c, false);
	after_call(c, t);
}

/* Results are the lowest operands of the function's block. */
static void emit_return(struct compiler *c)
{
	const struct wasm_functype *t = c->type;
	if (t->result_count == 1) {
		if (type_is_float(t->results[0]))
			x64_rm(&c->x, t->results[0] == WASM_V128 ? OP_MOVUPS_LOAD : OP_MOVSD_LOAD, 0, XMM0,
			       operand_slot(c, 0));
		else
			load(c, RAX, 0);
	} else if (t->result_count > 1) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, RDX, slot(1));
		for (uint32_t i = 0, n = slots_of(t->results, t->result_count); i < n; i++) {
			make_room(c, WASM_CODE_ROOM_BYTES);
			load(c, RAX, i);
			x64_rm(&c->x, OP_MOV_STORE, 1, RAX, x64_at(RDX, (int32_t)(8 * i)));
		}
	}
	make_room(c, WASM_CODE_ROOM_BYTES);
	x64_lea(&c->x, 1, RSP, x64_at(RSP, INT32_MAX)); /* the frame's size, patched */
	memcpy(c->x.p - 4, &c->frame_at, 4);
	c->frame_at = here(c);
	x64_ret(&c->x, 8 * functype_stack_words(t));
}

/* --- helpers of the engine --- */

static void call_helper(struct compiler *c, enum helper n)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R14, INSTANCE_HELPERS));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R11, (int32_t)(8 * n)));
	x64_call_mem(&c->x, x64_at(R14, INSTANCE_GLUE));
}

/* --- memory --- */

static uint32_t need_memory(struct compiler *c, uint32_t index)
{
	if (index >= c->m->memory_count)
		invalid(c, "unknown memory");
	return index;
}

/* Pops an address: leaves the operand that reaches it. Clobbers RAX and R10. */
static struct x64_mem address(struct compiler *c, uint32_t align, uint32_t memory, uint32_t offset)
{
	(void)align;
	pop_to(c, WASM_I32, RAX);
	x64_mov_rr(&c->x, 0, RAX, RAX);
	unsigned base = R15;
	if (memory > 0) {
		base = R10;
		x64_rm(&c->x, OP_MOV_LOAD, 1, R10, x64_at(R14, (int32_t)(c->m->memory_cells + 16 * memory)));
	}
	if (offset > INT32_MAX) {
		x64_mov_imm(&c->x, R11, offset);
		x64_rr(&c->x, OP_ALU(ALU_ADD), 1, RAX, R11);
		offset = 0;
	}
	return x64_at_index(base, RAX, 0, (int32_t)offset);
}

struct memarg {
	uint32_t memory, offset;
};

static struct memarg read_memarg(struct compiler *c, uint32_t natural)
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

static const struct {
	uint32_t op;
	uint8_t wide, natural, type;
} loads[] = {
	{OP_MOV_LOAD, 0, 2, WASM_I32}, {OP_MOV_LOAD, 1, 3, WASM_I64}, {OP_MOV_LOAD, 0, 2, WASM_F32},
	{OP_MOV_LOAD, 1, 3, WASM_F64}, {OP_MOVSX8, 0, 0, WASM_I32}, {OP_MOVZX8, 0, 0, WASM_I32},
	{OP_MOVSX16, 0, 1, WASM_I32}, {OP_MOVZX16, 0, 1, WASM_I32}, {OP_MOVSX8, 1, 0, WASM_I64},
	{OP_MOVZX8, 0, 0, WASM_I64}, {OP_MOVSX16, 1, 1, WASM_I64}, {OP_MOVZX16, 0, 1, WASM_I64},
	{OP_MOVSXD, 1, 2, WASM_I64}, {OP_MOV_LOAD, 0, 2, WASM_I64},
};

static const struct {
	uint32_t op;
	uint8_t wide, natural, type;
} stores[] = {
	{OP_MOV_STORE, 0, 2, WASM_I32}, {OP_MOV_STORE, 1, 3, WASM_I64}, {OP_MOV_STORE, 0, 2, WASM_F32},
	{OP_MOV_STORE, 1, 3, WASM_F64}, {OP_MOV_STORE8, 0, 0, WASM_I32}, {OP_MOV_STORE16, 0, 1, WASM_I32},
	{OP_MOV_STORE8, 0, 0, WASM_I64}, {OP_MOV_STORE16, 0, 1, WASM_I64}, {OP_MOV_STORE, 0, 2, WASM_I64},
};

static void handle_load(struct compiler *c, unsigned n)
{
	struct memarg a = read_memarg(c, loads[n].natural);
	struct x64_mem at = address(c, 0, a.memory, a.offset);
	x64_rm(&c->x, loads[n].op, loads[n].wide, RAX, at);
	push_from(c, loads[n].type, RAX);
}

static void handle_store(struct compiler *c, unsigned n)
{
	struct memarg a = read_memarg(c, stores[n].natural);
	pop_to(c, stores[n].type, RDX);
	struct x64_mem at = address(c, 0, a.memory, a.offset);
	x64_rm(&c->x, stores[n].op, stores[n].wide, RDX, at);
}

/* --- numbers --- */

static void compare(struct compiler *c, uint8_t type, enum x64_cc cc)
{
	bool wide = type == WASM_I64;
	pop_to(c, type, RCX);
	pop_to(c, type, RAX);
	x64_rr(&c->x, OP_ALU(ALU_CMP), wide, RAX, RCX);
	x64_rr(&c->x, OP_SETCC(cc), 0, 0, RAX);
	x64_rr(&c->x, OP_MOVZX8, 0, RAX, RAX);
	push_from(c, WASM_I32, RAX);
}

/* ucomis a, b: with NaN all of ZF, PF, CF are set, so "below" is asked the other way round. */
static void compare_float(struct compiler *c, bool wide, unsigned n)
{
	static const uint8_t ccs[] = {CC_E, CC_NE, CC_A, CC_A, CC_AE, CC_AE};
	bool swapped = n == 2 || n == 4;
	pop_float(c, wide, swapped ? XMM0 : XMM1);
	pop_float(c, wide, swapped ? XMM1 : XMM0);
	x64_rr(&c->x, wide ? OP_UCOMISD : OP_UCOMISS, 0, XMM0 & 15, XMM1 & 15);
	x64_rr(&c->x, OP_SETCC(ccs[n]), 0, 0, RAX);
	if (n < 2) {
		x64_rr(&c->x, OP_SETCC(n == 0 ? CC_NP : CC_P), 0, 0, RCX);
		x64_rr(&c->x, OP_ALU(n == 0 ? ALU_AND : ALU_OR), 0, RAX, RCX);
	}
	x64_rr(&c->x, OP_MOVZX8, 0, RAX, RAX);
	push_from(c, WASM_I32, RAX);
}

static void divide(struct compiler *c, uint8_t type, bool is_signed, bool remainder)
{
	bool wide = type == WASM_I64;
	struct x64 *x = &c->x;
	pop_to(c, type, RCX);
	pop_to(c, type, RAX);
	x64_rr(x, OP_TEST, wide, RCX, RCX);
	trap_if(c, CC_E, WASM_TRAP_DIVIDE_BY_ZERO);
	uint8_t *done = NULL;
	if (is_signed) {
		/* The smallest number by -1: no quotient, remainder 0. */
		x64_alu_imm(x, ALU_CMP, wide, RCX, -1);
		uint8_t *ordinary = x64_short_jcc(x, CC_NE);
		if (remainder) {
			x64_zero(x, RDX);
			done = x64_short_jmp(x);
		} else {
			x64_mov_imm(x, RDX, wide ? 1ull << 63 : 1u << 31);
			x64_rr(x, OP_ALU(ALU_CMP), wide, RAX, RDX);
			trap_if(c, CC_E, WASM_TRAP_INTEGER_OVERFLOW);
		}
		x64_here(x, ordinary);
		x64_cqo(x, wide);
	} else {
		x64_zero(x, RDX);
	}
	x64_group3(x, is_signed ? 7 : 6, wide, RCX);
	if (done)
		x64_here(x, done);
	push_from(c, type, remainder ? RDX : RAX);
}

static void binary(struct compiler *c, uint8_t type, unsigned n)
{
	static const uint8_t alus[] = {ALU_ADD, ALU_SUB, 0, 0, 0, 0, 0, ALU_AND, ALU_OR, ALU_XOR};
	static const uint8_t shifts[] = {SHIFT_SHL, SHIFT_SAR, SHIFT_SHR, SHIFT_ROL, SHIFT_ROR};
	bool wide = type == WASM_I64;
	if (n >= 3 && n <= 6) {
		divide(c, type, n == 3 || n == 5, n >= 5);
		return;
	}
	pop_to(c, type, RCX);
	pop_to(c, type, RAX);
	if (n == 2)
		x64_rr(&c->x, OP_IMUL, wide, RAX, RCX);
	else if (n >= 10)
		x64_shift_cl(&c->x, shifts[n - 10], wide, RAX);
	else
		x64_rr(&c->x, OP_ALU(alus[n]), wide, RAX, RCX);
	push_from(c, type, RAX);
}

/* clz, ctz, popcnt, by BSR and BSF, which every x86-64 has. */
static void count_bits(struct compiler *c, uint8_t type, unsigned n)
{
	bool wide = type == WASM_I64;
	struct x64 *x = &c->x;
	pop_to(c, type, RAX);
	if (n == 2) {
		x64_rr(x, OP_POPCNT, wide, RAX, RAX);
	} else {
		x64_mov_imm(x, RCX, n == 0 ? (wide ? 127 : 63) : (wide ? 64 : 32));
		x64_rr(x, n == 0 ? OP_BSR : OP_BSF, wide, RAX, RAX);
		x64_rr(x, OP_CMOV(CC_E), wide, RAX, RCX);
		if (n == 0)
			x64_alu_imm(x, ALU_XOR, wide, RAX, wide ? 63 : 31);
	}
	push_from(c, type, RAX);
}

static void round_float(struct compiler *c, bool wide, unsigned mode)
{
	pop_float(c, wide, XMM0);
	x64_rr(&c->x, X64_OP(1, 3, wide ? 0x0b : 0x0a), 0, XMM0 & 15, XMM0 & 15); /* roundss, roundsd */
	x64_u8(&c->x, mode | 8);
	push_float(c, wide, XMM0);
}

/* Equal operands may be zeroes of both signs, and a NaN is the sum's. */
static void min_max(struct compiler *c, bool wide, bool max)
{
	struct x64 *x = &c->x;
	pop_float(c, wide, XMM1);
	pop_float(c, wide, XMM0);
	unsigned scalar = wide ? 3 : 2;
	x64_rr(x, wide ? OP_UCOMISD : OP_UCOMISS, 0, 0, 1);
	uint8_t *nan = x64_short_jcc(x, CC_P), *differ = x64_short_jcc(x, CC_NE);
	x64_rr(x, max ? OP_ANDPS : OP_ORPS, 0, 0, 1);
	uint8_t *done = x64_short_jmp(x);
	x64_here(x, nan);
	x64_rr(x, X64_OP(scalar, 1, 0x58), 0, 0, 1); /* adds */
	uint8_t *done2 = x64_short_jmp(x);
	x64_here(x, differ);
	x64_rr(x, X64_OP(scalar, 1, max ? 0x5f : 0x5d), 0, 0, 1);
	x64_here(x, done);
	x64_here(x, done2);
	push_float(c, wide, XMM0);
}

static void float_binary(struct compiler *c, bool wide, unsigned n)
{
	static const uint8_t ops[] = {0x58, 0x5c, 0x59, 0x5e}; /* add sub mul div */
	if (n >= 4) {
		min_max(c, wide, n == 5);
		return;
	}
	pop_float(c, wide, XMM1);
	pop_float(c, wide, XMM0);
	x64_rr(&c->x, X64_OP(wide ? 3 : 2, 1, ops[n]), 0, 0, 1);
	push_float(c, wide, XMM0);
}

/* abs, neg, copysign: on the bits. */
static void float_sign(struct compiler *c, bool wide, unsigned n)
{
	struct x64 *x = &c->x;
	uint8_t type = wide ? WASM_F64 : WASM_F32;
	uint64_t sign = wide ? 1ull << 63 : 1ull << 31;
	if (n == 2) {
		pop_to(c, type, RDX);
		x64_mov_imm(x, R10, sign);
		x64_rr(x, OP_ALU(ALU_AND), 1, RDX, R10);
	}
	pop_to(c, type, RAX);
	x64_mov_imm(x, RCX, n == 1 ? sign : sign - 1);
	x64_rr(x, OP_ALU(n == 1 ? ALU_XOR : ALU_AND), 1, RAX, RCX);
	if (n == 2)
		x64_rr(x, OP_ALU(ALU_OR), 1, RAX, RDX);
	push_from(c, type, RAX);
}

static void float_unary(struct compiler *c, bool wide, unsigned n)
{
	/* abs neg ceil floor trunc nearest sqrt */
	static const uint8_t modes[] = {0, 0, 2, 1, 3, 0};
	if (n < 2) {
		float_sign(c, wide, n);
	} else if (n < 6) {
		round_float(c, wide, modes[n]);
	} else {
		pop_float(c, wide, XMM0);
		x64_rr(&c->x, X64_OP(wide ? 3 : 2, 1, 0x51), 0, 0, 0);
		push_float(c, wide, XMM0);
	}
}

/* Conversions that the helpers do: an operation's number and a cell in, a cell out. */
static void convert_by_helper(struct compiler *c, enum helper h, uint8_t from, uint8_t to, uint32_t operation)
{
	pop_to(c, from, RDX);
	x64_mov_imm(&c->x, RSI, operation);
	call_helper(c, h);
	push_from(c, to, RAX);
}

static void int_to_float(struct compiler *c, uint8_t from, bool is_signed, bool wide)
{
	struct x64 *x = &c->x;
	if (from == WASM_I64 && !is_signed) {
		convert_by_helper(c, HELPER_CONVERT_U64, from, wide ? WASM_F64 : WASM_F32, wide);
		return;
	}
	pop_to(c, from, RAX);
	if (from == WASM_I32 && is_signed)
		x64_rr(x, OP_MOVSXD, 1, RAX, RAX);
	else if (from == WASM_I32)
		x64_mov_rr(x, 0, RAX, RAX);
	x64_rr(x, OP_XORPS, 0, 0, 0);
	x64_rr(x, X64_OP(wide ? 3 : 2, 1, 0x2a), 1, 0, RAX);
	push_float(c, wide, XMM0);
}

static void sign_extend(struct compiler *c, uint8_t type, uint32_t op)
{
	pop_to(c, type, RAX);
	x64_rr(&c->x, op, type == WASM_I64, RAX, RAX);
	push_from(c, type, RAX);
}

static void test_zero(struct compiler *c, uint8_t type)
{
	pop_to(c, type, RCX);
	x64_zero(&c->x, RAX);
	x64_rr(&c->x, OP_TEST, type == WASM_I64, RCX, RCX);
	x64_rr(&c->x, OP_SETCC(CC_E), 0, 0, RAX);
	push_from(c, WASM_I32, RAX);
}

static void numeric(struct compiler *c, uint8_t op)
{
	static const uint8_t ccs[] = {CC_E, CC_NE, CC_L, CC_B, CC_G, CC_A, CC_LE, CC_BE, CC_GE, CC_AE};
	if (op == 0x45 || op == 0x50)
		test_zero(c, op == 0x45 ? WASM_I32 : WASM_I64);
	else if (op <= 0x4f)
		compare(c, WASM_I32, ccs[op - 0x46]);
	else if (op <= 0x5a)
		compare(c, WASM_I64, ccs[op - 0x51]);
	else if (op <= 0x60)
		compare_float(c, false, op - 0x5b);
	else if (op <= 0x66)
		compare_float(c, true, op - 0x61);
	else if (op <= 0x69)
		count_bits(c, WASM_I32, op - 0x67);
	else if (op <= 0x78)
		binary(c, WASM_I32, op - 0x6a);
	else if (op <= 0x7b)
		count_bits(c, WASM_I64, op - 0x79);
	else if (op <= 0x8a)
		binary(c, WASM_I64, op - 0x7c);
	else if (op <= 0x91)
		float_unary(c, false, op - 0x8b);
	else if (op <= 0x97)
		float_binary(c, false, op - 0x92);
	else if (op == 0x98)
		float_sign(c, false, 2);
	else if (op <= 0x9f)
		float_unary(c, true, op - 0x99);
	else if (op <= 0xa5)
		float_binary(c, true, op - 0xa0);
	else
		float_sign(c, true, 2);
}

static void conversion(struct compiler *c, uint8_t op)
{
	struct x64 *x = &c->x;
	switch (op) {
	case 0xa7: /* i32.wrap_i64 */
		pop_to(c, WASM_I64, RAX);
		x64_mov_rr(x, 0, RAX, RAX);
		push_from(c, WASM_I32, RAX);
		break;
	case 0xa8: case 0xa9: case 0xaa: case 0xab:
		convert_by_helper(c, HELPER_TRUNC, op < 0xaa ? WASM_F32 : WASM_F64, WASM_I32, op - 0xa8u);
		break;
	case 0xac:
		pop_to(c, WASM_I32, RAX);
		x64_rr(x, OP_MOVSXD, 1, RAX, RAX);
		push_from(c, WASM_I64, RAX);
		break;
	case 0xad:
		pop_to(c, WASM_I32, RAX);
		x64_mov_rr(x, 0, RAX, RAX);
		push_from(c, WASM_I64, RAX);
		break;
	case 0xae: case 0xaf: case 0xb0: case 0xb1:
		convert_by_helper(c, HELPER_TRUNC, op < 0xb0 ? WASM_F32 : WASM_F64, WASM_I64, 4 + (op - 0xaeu));
		break;
	case 0xb2: case 0xb3: case 0xb4: case 0xb5:
		int_to_float(c, op < 0xb4 ? WASM_I32 : WASM_I64, !((op - 0xb2) & 1), false);
		break;
	case 0xb6: /* f32.demote_f64 */
		pop_float(c, true, XMM0);
		x64_rr(x, X64_OP(3, 1, 0x5a), 0, 0, 0);
		push_float(c, false, XMM0);
		break;
	case 0xb7: case 0xb8: case 0xb9: case 0xba:
		int_to_float(c, op < 0xb9 ? WASM_I32 : WASM_I64, !((op - 0xb7) & 1), true);
		break;
	case 0xbb: /* f64.promote_f32 */
		pop_float(c, false, XMM0);
		x64_rr(x, X64_OP(2, 1, 0x5a), 0, 0, 0);
		push_float(c, true, XMM0);
		break;
	case 0xbc: case 0xbd: case 0xbe: case 0xbf: { /* reinterpretations: the slot stays as it is */
		static const uint8_t from[] = {WASM_F32, WASM_F64, WASM_I32, WASM_I64};
		static const uint8_t to[] = {WASM_I32, WASM_I64, WASM_F32, WASM_F64};
		pop_type(c, from[op - 0xbc]);
		push_type(c, to[op - 0xbc]);
		break;
	}
	case 0xc0: sign_extend(c, WASM_I32, OP_MOVSX8); break;
	case 0xc1: sign_extend(c, WASM_I32, OP_MOVSX16); break;
	case 0xc2: sign_extend(c, WASM_I64, OP_MOVSX8); break;
	case 0xc3: sign_extend(c, WASM_I64, OP_MOVSX16); break;
	case 0xc4: sign_extend(c, WASM_I64, OP_MOVSXD); break;
	}
}

/* --- variables, tables, bulk --- */

static void handle_local(struct compiler *c, uint8_t op)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->local_count)
		invalid(c, "unknown local");
	uint8_t type = c->locals[n];
	struct x64_mem at = slot(FIXED_SLOTS + c->local_slot[n]);
	bool is_vector = type == WASM_V128;
	if (op == 0x20) {
		x64_rm(&c->x, is_vector ? OP_MOVUPS_LOAD : OP_MOV_LOAD, !is_vector, is_vector ? XMM0 : RAX, at);
		if (is_vector)
			push_vector(c, XMM0);
		else
			push_from(c, type, RAX);
		return;
	}
	if (is_vector)
		pop_vector(c, XMM0);
	else
		pop_to(c, type, RAX);
	x64_rm(&c->x, is_vector ? OP_MOVUPS_STORE : OP_MOV_STORE, !is_vector, is_vector ? XMM0 : RAX, at);
	if (op == 0x22)
		push_type(c, type); /* its slot still has it */
}

static void handle_global(struct compiler *c, uint8_t op)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->global_count)
		invalid(c, "unknown global");
	const struct global_type *g = &c->m->globals[n];
	struct x64_mem at = x64_at(R14, (int32_t)(c->m->global_cells + GLOBAL_STRIDE * n));
	if (op == 0x24 && !g->is_mutable)
		invalid(c, "immutable global");
	if (op == 0x24 && g->type == WASM_V128)
		pop_vector(c, XMM0);
	else if (op == 0x24)
		pop_to(c, g->type, RAX);
	if (n < c->m->imported_globals) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, RCX, at);
		at = x64_at(RCX, 0);
	}
	if (g->type == WASM_V128) {
		x64_rm(&c->x, op == 0x24 ? OP_MOVUPS_STORE : OP_MOVUPS_LOAD, 0, XMM0, at);
		if (op == 0x23)
			push_vector(c, XMM0);
	} else if (op == 0x24) {
		x64_rm(&c->x, OP_MOV_STORE, 1, RAX, at);
	} else {
		x64_rm(&c->x, OP_MOV_LOAD, 1, RAX, at);
		push_from(c, g->type, RAX);
	}
}

static void handle_select(struct compiler *c, uint8_t type)
{
	pop_to(c, WASM_I32, RDX);
	if (type == UNKNOWN) {
		uint8_t b = pop_any(c), a = pop_any(c);
		if (type_is_ref(a) || type_is_ref(b))
			invalid(c, "type mismatch: select without a type needs numbers or vectors");
		if (a != b && a != UNKNOWN && b != UNKNOWN)
			invalid(c, "type mismatch");
		type = a != UNKNOWN ? a : b;
	} else {
		pop_type(c, type);
		pop_type(c, type);
	}
	if (type == WASM_V128) {
		x64_rr(&c->x, OP_TEST, 0, RDX, RDX);
		uint8_t *first = x64_short_jcc(&c->x, CC_NE);
		x64_rm(&c->x, OP_MOVUPS_LOAD, 0, XMM0, operand_slot(c, c->height + 2));
		x64_rm(&c->x, OP_MOVUPS_STORE, 0, XMM0, operand_slot(c, c->height));
		x64_here(&c->x, first);
		push_type(c, type);
		return;
	}
	load(c, RAX, c->height);
	x64_rr(&c->x, OP_TEST, 0, RDX, RDX);
	x64_rm(&c->x, OP_CMOV(CC_E), 1, RAX, operand_slot(c, c->height + 1));
	push_type(c, type);
	store(c, RAX, c->height - 1);
}

static uint32_t read_table(struct compiler *c)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->table_count)
		invalid(c, "unknown table");
	return n;
}

static uint32_t read_elem(struct compiler *c)
{
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->elem_count)
		invalid(c, "unknown elem segment");
	return n;
}

static uint32_t read_data(struct compiler *c)
{
	if (!c->m->has_data_count)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "data count section required");
	uint32_t n = read_u32(&c->r);
	if (n >= c->m->data_count)
		invalid(c, "unknown data segment");
	return n;
}

/* Three i32 operands into RSI, RDX, RCX. */
static void pop_three(struct compiler *c)
{
	pop_to(c, WASM_I32, RCX);
	pop_to(c, WASM_I32, RDX);
	pop_to(c, WASM_I32, RSI);
}

static void handle_fc(struct compiler *c)
{
	struct x64 *x = &c->x;
	uint32_t op = read_u32(&c->r), a, b;
	uint8_t type;
	if (op < 8) { /* saturating conversions */
		convert_by_helper(c, HELPER_TRUNC_SAT, (op & 2) ? WASM_F64 : WASM_F32, op < 4 ? WASM_I32 : WASM_I64, op);
		return;
	}
	switch (op) {
	case 8: /* memory.init */
		a = read_data(c);
		b = need_memory(c, read_u32(&c->r));
		pop_three(c);
		x64_mov_imm(x, R8, a);
		x64_mov_imm(x, R9, b);
		call_helper(c, HELPER_MEMORY_INIT);
		return;
	case 9:
		x64_mov_imm(x, RSI, read_data(c));
		call_helper(c, HELPER_DATA_DROP);
		return;
	case 10: /* memory.copy: to, from */
		a = need_memory(c, read_u32(&c->r));
		b = need_memory(c, read_u32(&c->r));
		pop_three(c);
		x64_mov_imm(x, R8, a);
		x64_mov_imm(x, R9, b);
		call_helper(c, HELPER_MEMORY_COPY);
		return;
	case 11:
		a = need_memory(c, read_u32(&c->r));
		pop_three(c);
		x64_mov_imm(x, R8, a);
		call_helper(c, HELPER_MEMORY_FILL);
		return;
	case 12: /* table.init */
		a = read_elem(c);
		b = read_table(c);
		if (c->m->elems[a].type != c->m->tables[b].type)
			invalid(c, "type mismatch");
		pop_three(c);
		x64_mov_imm(x, R8, a);
		x64_mov_imm(x, R9, b);
		call_helper(c, HELPER_TABLE_INIT);
		return;
	case 13:
		x64_mov_imm(x, RSI, read_elem(c));
		call_helper(c, HELPER_ELEM_DROP);
		return;
	case 14: /* table.copy: to, from */
		a = read_table(c);
		b = read_table(c);
		if (c->m->tables[a].type != c->m->tables[b].type)
			invalid(c, "type mismatch");
		pop_three(c);
		x64_mov_imm(x, R8, a);
		x64_mov_imm(x, R9, b);
		call_helper(c, HELPER_TABLE_COPY);
		return;
	case 15: /* table.grow */
		a = read_table(c);
		type = c->m->tables[a].type;
		pop_to(c, WASM_I32, RDX);
		pop_to(c, type, RSI);
		x64_mov_imm(x, RCX, a);
		call_helper(c, HELPER_TABLE_GROW);
		push_from(c, WASM_I32, RAX);
		return;
	case 16: /* table.size */
		a = read_table(c);
		x64_rm(x, OP_MOV_LOAD, 1, RAX, x64_at(R14, table_cell(c, a) + 8));
		x64_rm(x, OP_MOV_LOAD, 0, RAX, x64_at(RAX, TABLE_SIZE));
		push_from(c, WASM_I32, RAX);
		return;
	case 17: /* table.fill */
		a = read_table(c);
		type = c->m->tables[a].type;
		pop_to(c, WASM_I32, RCX);
		pop_to(c, type, RDX);
		pop_to(c, WASM_I32, RSI);
		x64_mov_imm(x, R8, a);
		call_helper(c, HELPER_TABLE_FILL);
		return;
	}
	reader_fail(&c->r, WASM_ERROR_MALFORMED, "illegal opcode");
}

static void handle_table_access(struct compiler *c, uint8_t op)
{
	uint32_t n = read_table(c);
	uint8_t type = c->m->tables[n].type;
	if (op == 0x26)
		pop_to(c, type, RCX);
	pop_to(c, WASM_I32, RDX);
	x64_mov_imm(&c->x, RSI, n);
	call_helper(c, op == 0x26 ? HELPER_TABLE_SET : HELPER_TABLE_GET);
	if (op == 0x25)
		push_from(c, type, RAX);
}

static void handle_ref(struct compiler *c, uint8_t op)
{
	uint8_t type;
	uint32_t n;
	switch (op) {
	case 0xd0:
		x64_zero(&c->x, RAX);
		push_from(c, read_heaptype(&c->r, c->m), RAX);
		return;
	case 0xd1:
		type = pop_any(c);
		if (!type_is_ref(type) && type != UNKNOWN)
			invalid(c, "type mismatch: ref.is_null needs a reference");
		load(c, RCX, c->height);
		x64_zero(&c->x, RAX);
		x64_rr(&c->x, OP_TEST, 1, RCX, RCX);
		x64_rr(&c->x, OP_SETCC(CC_E), 0, 0, RAX);
		push_from(c, WASM_I32, RAX);
		return;
	default:
		n = read_u32(&c->r);
		if (n >= c->m->func_count)
			invalid(c, "unknown function");
		if (!(c->m->func_declared[n / 8] >> n % 8 & 1))
			invalid(c, "undeclared function reference");
		x64_mov_imm(&c->x, RSI, n);
		call_helper(c, HELPER_REF_FUNC);
		push_from(c, WASM_FUNCREF, RAX);
	}
}

/* --- vectors --- */

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
	simd_emit(&c->x, c->m->options.cpu, op, g);
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

static void handle_simd(struct compiler *c)
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
	simd_emit(&c->x, c->m->options.cpu, op, &g);
	if (to_vector)
		push_vector(c, XMM0);
	else
		push_scalar(c, op->shape == SIMD_TEST ? WASM_I32 : op->scalar, g.dst);
}

_Noreturn static void unsupported(struct compiler *c, uint8_t op)
{
	c->r.p--;
	switch (op) {
	case 0x06: case 0x07: case 0x08: case 0x09: case 0x0a: case 0x18: case 0x19: case 0x1f:
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "exception handling is not supported");
	case 0x14: case 0x15: case 0xd3: case 0xd4: case 0xd5: case 0xd6:
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "typed function references are not supported");
	case 0xfb:
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "garbage collection is not supported");
	case 0xfe:
		reader_fail(&c->r, WASM_ERROR_UNSUPPORTED, "threads are not supported");
	}
	reader_fail(&c->r, WASM_ERROR_MALFORMED, "illegal opcode");
}

static void handle_memory_size(struct compiler *c, uint8_t op)
{
	uint32_t n = need_memory(c, read_u32(&c->r));
	if (op == 0x3f) {
		x64_rm(&c->x, OP_MOV_LOAD, 1, RAX, x64_at(R14, (int32_t)(c->m->memory_cells + 16 * n + 8)));
		x64_rm(&c->x, OP_MOV_LOAD, 0, RAX, x64_at(RAX, MEMORY_PAGES));
	} else {
		pop_to(c, WASM_I32, RDX);
		x64_mov_imm(&c->x, RSI, n);
		call_helper(c, HELPER_MEMORY_GROW);
	}
	push_from(c, WASM_I32, RAX);
}

static void push_constant(struct compiler *c, uint8_t type, uint64_t value)
{
	x64_mov_imm(&c->x, RAX, value);
	push_from(c, type, RAX);
}

static void one(struct compiler *c, uint8_t op)
{
	struct control *k;
	uint32_t n;
	uint64_t bits = 0;
	switch (op) {
	case 0x00:
		x64_ud2(&c->x, WASM_TRAP_UNREACHABLE);
		set_unreachable(c);
		return;
	case 0x01:
		return;
	case 0x02: case 0x03: case 0x04:
		begin_block(c, op);
		return;
	case 0x05:
		handle_else(c);
		return;
	case 0x0b:
		end_block(c);
		return;
	case 0x0c:
		k = label(c, read_u32(&c->r));
		branch(c, k);
		pop_types(c, label_types(k), label_count(k));
		set_unreachable(c);
		return;
	case 0x0d:
		handle_br_if(c);
		return;
	case 0x0e:
		handle_br_table(c);
		return;
	case 0x0f:
		k = &c->controls[0];
		branch(c, k);
		pop_types(c, k->results, k->result_count);
		set_unreachable(c);
		return;
	case 0x10: case 0x12:
		handle_call(c, op == 0x12);
		return;
	case 0x11: case 0x13:
		handle_call_indirect(c, op == 0x13);
		return;
	case 0x1a:
		pop_any(c);
		return;
	case 0x1b:
		handle_select(c, UNKNOWN);
		return;
	case 0x1c:
		n = read_u32(&c->r);
		if (n != 1)
			invalid(c, "invalid result arity");
		handle_select(c, read_valtype(&c->r, c->m));
		return;
	case 0x20: case 0x21: case 0x22:
		handle_local(c, op);
		return;
	case 0x23: case 0x24:
		handle_global(c, op);
		return;
	case 0x25: case 0x26:
		handle_table_access(c, op);
		return;
	case 0x3f: case 0x40:
		handle_memory_size(c, op);
		return;
	case 0x41:
		push_constant(c, WASM_I32, (uint32_t)read_s32(&c->r));
		return;
	case 0x42:
		push_constant(c, WASM_I64, (uint64_t)read_s64(&c->r));
		return;
	case 0x43:
		memcpy(&bits, read_bytes(&c->r, 4), 4);
		push_constant(c, WASM_F32, bits);
		return;
	case 0x44:
		memcpy(&bits, read_bytes(&c->r, 8), 8);
		push_constant(c, WASM_F64, bits);
		return;
	case 0xd0: case 0xd1: case 0xd2:
		handle_ref(c, op);
		return;
	case 0xfc:
		handle_fc(c);
		return;
	case 0xfd:
		handle_simd(c);
		return;
	}
	if (op >= 0x28 && op <= 0x35)
		handle_load(c, op - 0x28);
	else if (op >= 0x36 && op <= 0x3e)
		handle_store(c, op - 0x36);
	else if (op >= 0x45 && op <= 0xa6)
		numeric(c, op);
	else if (op >= 0xa7 && op <= 0xc4)
		conversion(c, op);
	else
		unsupported(c, op);
}

/* --- functions --- */

static void read_locals(struct compiler *c)
{
	uint64_t n = c->type->param_count;
	memcpy(c->locals, c->type->params, n);
	for (uint32_t groups = read_u32(&c->r); groups > 0; groups--) {
		uint32_t count = read_u32(&c->r);
		uint8_t type = read_valtype(&c->r, c->m);
		if (n <= WASM_MAX_LOCALS && count <= WASM_MAX_LOCALS - n)
			memset(c->locals + n, type, count);
		n += count;
	}
	/* Past the format's own limit they are malformed, past the engine's they are only too many. */
	if (n - c->type->param_count > UINT32_MAX)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "too many locals");
	if (n > WASM_MAX_LOCALS)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many locals");
	c->local_count = (uint32_t)n;
	c->local_slots = 0;
	for (uint32_t i = 0; i < n; i++) {
		c->local_slot[i] = c->local_slots;
		c->local_slots += c->locals[i] == WASM_V128 ? 2 : 1;
	}
}

/* Arguments to their slots, other locals zeroed; the frame's size is patched in at the end. */
static void prologue(struct compiler *c)
{
	struct x64 *x = &c->x;
	const struct wasm_functype *t = c->type;
	x64_lea(x, 1, RSP, x64_at(RSP, INT32_MIN));
	x64_rm(x, OP_ALU(ALU_CMP), 1, RSP, x64_at(R14, INSTANCE_STACK_LIMIT));
	uint8_t *fits = x64_short_jcc(x, CC_AE);
	x64_lea(x, 1, RSP, x64_at(RSP, INT32_MAX)); /* back to where there is room for the trap */
	memcpy(c->x.p - 4, &c->frame_at, 4);
	c->frame_at = here(c);
	x64_ud2(x, WASM_TRAP_STACK);
	x64_here(x, fits);
	x64_rm(x, OP_MOV_STORE, 1, R14, slot(0));
	if (t->result_count > 1)
		x64_rm(x, OP_MOV_STORE, 1, RAX, slot(1));
	uint32_t ints = 0, floats = 0;
	for (uint32_t i = 0; i < t->param_count; i++) {
		make_room(c, WASM_CODE_ROOM_BYTES);
		bool is_float = type_is_float(t->params[i]);
		struct x64_mem at = slot(FIXED_SLOTS + c->local_slot[i]);
		if (is_float && floats < ARG_FLOATS)
			x64_rm(x, t->params[i] == WASM_V128 ? OP_MOVUPS_STORE : OP_MOVSD_STORE, 0, XMM0 + floats++, at);
		else if (!is_float && ints < ARG_INTS)
			x64_rm(x, OP_MOV_STORE, 1, int_args[ints++], at);
	}
	uint32_t args = slots_of(t->params, t->param_count), zeroed = c->local_slots - args;
	if (zeroed > 16) {
		x64_lea(x, 1, RDI, slot(FIXED_SLOTS + args));
		x64_mov_imm(x, RCX, zeroed);
		x64_zero(x, RAX);
		x64_u8(x, 0xf3); /* rep stosq */
		x64_u8(x, 0x48);
		x64_u8(x, 0xab);
	} else {
		for (uint32_t i = 0; i < zeroed; i++)
			x64_mov_mem_imm(x, 8, slot(FIXED_SLOTS + args + i), 0);
	}
}

/* Arguments that came on the stack: above the frame and the return address. */
static void copy_stack_args(struct compiler *c, uint32_t frame)
{
	const struct wasm_functype *t = c->type;
	uint32_t ints = 0, floats = 0, word = 0;
	for (uint32_t i = 0; i < t->param_count; i++) {
		bool is_float = type_is_float(t->params[i]);
		uint32_t *used = is_float ? &floats : &ints;
		if (*used < (is_float ? ARG_FLOATS : ARG_INTS)) {
			++*used;
			continue;
		}
		make_room(c, WASM_CODE_ROOM_BYTES);
		uint32_t n = t->params[i] == WASM_V128 ? 2 : 1;
		copy_words(c, slot(FIXED_SLOTS + c->local_slot[i]), x64_at(RSP, (int32_t)(frame + 8 + 8 * word)), n);
		word += n;
	}
}

static void patch_frame(struct compiler *c, uint32_t prologue_at, uint32_t frame)
{
	int32_t down = -(int32_t)frame;
	memcpy(c->m->code + prologue_at - 4, &down, 4);
	for (uint32_t at = c->frame_at; at;) {
		uint32_t next;
		memcpy(&next, c->m->code + at - 4, 4);
		memcpy(c->m->code + at - 4, &frame, 4);
		at = next;
	}
}

static void compile_function(struct compiler *c, uint32_t own)
{
	struct wasm_module *m = c->m;
	c->func = m->imported_funcs + own;
	c->type = module_func_type(m, c->func);
	c->r = (struct reader){m->bytes + m->func_body[own], m->bytes + m->func_end[own], m->bytes, c->fail};
	c->height = c->highest = c->depth = c->frame_at = 0;
	make_room(c, WASM_CODE_ROOM_BYTES);
	while (here(c) % 16)
		x64_u8(&c->x, 0xcc);
	/* Calls that came before it are a list through func_entry. */
	uint32_t callers = m->func_entry[own];
	m->func_code[own] = m->func_entry[own] = here(c);
	patch_list(c, callers);
	if (c->type->param_count > WASM_MAX_LOCALS)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many locals");
	read_locals(c);
	/*
	 * Where a frame's size is needed before it is known (arguments on the stack), the body comes first: it is
	 * reached by a jump from behind it, where the size stands.
	 */
	prologue(c);
	uint32_t prologue_at = m->func_code[own] + 8; /* behind lea rsp, [rsp + disp32] */
	uint32_t words = functype_stack_words(c->type), to_copy = 0, body = 0;
	if (words) {
		x64_jmp32(&c->x, 0);
		to_copy = here(c);
	}
	body = here(c);
	push_control(c, 0, c->void_types, 0, c->type->results, c->type->result_count);
	while (c->depth > 0) {
		make_room(c, WASM_CODE_ROOM_BYTES);
		one(c, read_u8(&c->r));
	}
	if (c->r.p != c->r.end)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "section size mismatch: code behind a function's end");
	uint32_t slots = FIXED_SLOTS + c->local_slots + c->highest;
	uint32_t frame = (8 * slots + 15) & ~15u;
	frame += 8; /* with the return address a multiple of 16 */
	m->func_frame[own] = frame;
	patch_frame(c, prologue_at, frame);
	if (words) {
		make_room(c, WASM_CODE_ROOM_BYTES);
		patch_to_here(c, to_copy);
		copy_stack_args(c, frame);
		x64_jmp32(&c->x, 0);
		uint32_t rel = body - here(c);
		memcpy(c->x.p - 4, &rel, 4);
	}
}

static void reserve_code(struct compiler *c, uint64_t section_bytes)
{
	struct wasm_module *m = c->m;
	uint64_t want = section_bytes * WASM_CODE_EXPANSION + WASM_CODE_MIN_BYTES;
	if (want > m->options.max_code_bytes)
		want = m->options.max_code_bytes;
	want = (want + WASM_PAGE_BYTES - 1) & ~(uint64_t)(WASM_PAGE_BYTES - 1);
	m->code = platform_reserve(want);
	if (!m->code)
		wasm_fail(c->fail, WASM_ERROR_MEMORY, 0, "out of address space for machine code");
	m->code_reserved = want;
}

void compile_code(struct wasm_module *m, struct failure *fail, const uint8_t *section_end)
{
	struct compiler c = {.m = m, .fail = fail, .r = {.p = m->bytes, .end = section_end, .base = m->bytes, .fail = fail}};
	uint32_t own = m->func_count - m->imported_funcs;
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < own; i++)
		bytes += m->func_end[i] - m->func_body[i];
	if (!own)
		return;
	struct arena *arena = &m->scratch; /* a failure leaves it to wasm_module_free */
	if (!arena_open(arena, 0x1000000))
		wasm_fail(fail, WASM_ERROR_MEMORY, 0, "out of memory");
	c.locals = arena_take(arena, WASM_MAX_LOCALS + 1);
	c.local_slot = arena_take(arena, (WASM_MAX_LOCALS + 1) * sizeof(*c.local_slot));
	c.operands = arena_take(arena, HEIGHT_MAX);
	c.controls = arena_take(arena, CONTROL_MAX * sizeof(*c.controls));
	m->func_frame = arena_need(&m->arena, fail, own, sizeof(uint32_t));
	if (!c.locals || !c.local_slot || !c.operands || !c.controls)
		wasm_fail(fail, WASM_ERROR_MEMORY, 0, "out of memory");
	reserve_code(&c, bytes);
	c.x.p = m->code;
	c.x.p = m->code;
	make_room(&c, WASM_CODE_ROOM_BYTES);
	for (int i = 0; i < 16; i++)
		x64_u8(&c.x, 0xcc);
	for (uint32_t i = 0; i < own; i++)
		compile_function(&c, i);
	m->code_bytes = m->code_entries = here(&c);
	arena_close(arena);
	if (!platform_seal(m->code, m->code_committed))
		wasm_fail(fail, WASM_ERROR_MEMORY, 0, "machine code could not be sealed");
}

bool compile_locate(struct wasm_module *m, const uint8_t *code, struct code_place *place)
{
	if (!m->code || code < m->code || code >= m->code + m->code_bytes)
		return false;
	uint32_t at = (uint32_t)(code - m->code), low = 0, high = m->func_count - m->imported_funcs;
	if (high == 0 || at < m->func_code[0])
		return false;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (m->func_code[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	*place = (struct code_place){.func = m->imported_funcs + low, .offset = m->func_body[low],
				     .frame_bytes = m->func_frame[low]};
	return true;
}
