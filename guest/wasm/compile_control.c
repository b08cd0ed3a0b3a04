/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks and branches. */
#include "compiler.h"

struct control *push_control(struct compiler *c, uint8_t op, const uint8_t *params, uint32_t param_count,
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

struct control *label(struct compiler *c, uint32_t n)
{
	if (n >= c->depth)
		invalid(c, "unknown label");
	return &c->controls[c->depth - 1 - n];
}

uint32_t label_count(const struct control *k)
{
	return k->op == 3 ? k->param_count : k->result_count;
}

const uint8_t *label_types(const struct control *k)
{
	return k->op == 3 ? k->params : k->results;
}

void set_unreachable(struct compiler *c)
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

void patch_to_here(struct compiler *c, uint32_t from)
{
	uint32_t rel = here(c) - from;
	memcpy(c->m->code + from - 4, &rel, 4);
}

void patch_list(struct compiler *c, uint32_t list)
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

void branch(struct compiler *c, struct control *k)
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

void begin_block(struct compiler *c, uint8_t op)
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

void handle_else(struct compiler *c)
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

void end_block(struct compiler *c)
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

void handle_br_if(struct compiler *c)
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
void handle_br_table(struct compiler *c)
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
