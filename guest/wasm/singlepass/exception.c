/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions: try_table, throw and throw_ref, and the legacy try, catch, delegate and rethrow. A
 * try emits nothing for its body: what the runtime needs to find a handler by a return address is
 * in the module's tables. A call has stored the locals that are in registers which it destroys, the
 * walk of the stack restores the others, and what is below a block is in slots: so a handler finds
 * locals and operands where the block's beginning left them, and the exception in RAX.
 */
#include "guest/wasm/singlepass/compiler.h"

/* What a handler copies of an exception one by one; more words by one instruction. */
enum { COPIED_SINGLY = 8 };
/* Rows of the module's tables that are allocated at a time. */
enum { ROWS_STEP = 64 };

enum catch_kind { CATCH_TAG, CATCH_TAG_REF, CATCH_ALL, CATCH_ALL_REF, CATCH_KINDS };

static uint32_t read_tag(struct compiler *c)
{
	uint32_t tag = read_u32(&c->r);
	if (tag >= c->m->tag_count)
		fail_invalid(c, "unknown tag");
	return tag;
}

/*
 * Whether the try of this number has no clause for a tag yet; it has one from now on. A clause
 * after another one of its tag is never reached. A legacy try inside of a handler can make the
 * outer one's be forgotten: a handler too many, that is all.
 */
static bool first_of_tag(struct compiler *c, uint32_t try, uint32_t tag)
{
	if (!c->caught_by)
		c->caught_by = scratch_need(c, c->m->tag_count * sizeof(*c->caught_by));
	bool first = c->caught_by[tag] != try;
	c->caught_by[tag] = try;
	return first;
}

/* --- the module's tables --- */

/* Makes sure that there is one more row; each takes two bytes of the module at least. */
static void *need_row(struct compiler *c, struct arena *arena, void *rows, uint32_t count,
		      uint64_t row_bytes)
{
	if (count % ROWS_STEP != 0)
		return rows;
	uint64_t bytes = ROWS_STEP * row_bytes, most = (c->m->size / 2 + ROWS_STEP) * row_bytes;
	if (!arena->base &&
	    !arena_open(arena, (most + 2 * WASM_PAGE_BYTES) & ~(uint64_t)(WASM_PAGE_BYTES - 1)))
		wasm_fail(c->fail, WASM_ERROR_MEMORY, 0, "out of address space");
	void *more = arena_need(arena, c->fail, 1, bytes);
	return count ? rows : more;
}

/* Of unreachable code there are none, and none when a function is compiled again. */
static bool has_rows(const struct compiler *c)
{
	return !c->dead && !c->locate.target;
}

/* The code from here on is in a try's body. */
static void begin_try(struct compiler *c, struct control *k, uint32_t first_clause)
{
	struct wasm_module *m = c->m;
	if (!has_rows(c))
		return;
	m->tries = need_row(c, &m->tries_arena, m->tries, m->try_count, sizeof(*m->tries));
	m->tries[m->try_count] = (struct try_range){
		.start = here(c),
		.outer = k->try,
		.next = k->try,
		.clause = first_clause,
	};
	k->own_try = k->try = m->try_count++;
}

void end_try(struct compiler *c, struct control *k)
{
	if (k->own_try == WASM_NONE)
		return;
	c->m->tries[k->own_try].end = here(c);
	k->try = c->m->tries[k->own_try].outer;
}

/* A clause, whose handler is here, after the last one of its try, which becomes it. */
static void add_clause(struct compiler *c, uint32_t tag, uint32_t *last, uint32_t *first)
{
	struct wasm_module *m = c->m;
	if (!has_rows(c))
		return;
	m->clauses =
		need_row(c, &m->clauses_arena, m->clauses, m->clause_count, sizeof(*m->clauses));
	m->clauses[m->clause_count] = (struct catch_clause){tag, here(c), WASM_NONE};
	if (*last == WASM_NONE)
		*first = m->clause_count;
	else
		m->clauses[*last].next = m->clause_count;
	*last = m->clause_count++;
}

/* --- handlers --- */

/* The exception in RAX; its values of this type to slots. RSI and RCX are destroyed. */
static void copy_values(struct compiler *c, const struct wasm_functype *t, uint32_t height)
{
	struct x64 *x = &c->x;
	uint32_t words = t->param_words;
	if (height + words + 1 > c->stack.highest)
		c->stack.highest = height + words + 1;
	if (c->stack.highest > HEIGHT_MAX)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many operands");
	if (words > COPIED_SINGLY) {
		x64_mov_rr(x, 1, R11, RDI);
		x64_lea(x, 1, RSI, x64_at(RAX, EXCEPTION_VALUES));
		x64_lea(x, 1, RDI, operand_slot(c, height));
		x64_mov_imm(x, RCX, words);
		x64_u8(x, 0xf3); /* rep movsq */
		x64_u8(x, 0x48);
		x64_u8(x, 0xa5);
		x64_mov_rr(x, 1, RDI, R11);
		return;
	}
	for (uint32_t i = 0; i < words; i++) {
		x64_rm(x, OP_MOV_LOAD, 1, SCRATCH,
		       x64_at(RAX, EXCEPTION_VALUES + (int32_t)(8 * i)));
		x64_rm(x, OP_MOV_STORE, 1, SCRATCH, operand_slot(c, height + i));
	}
}

/* The only value, to the register that labels take it in. */
static void load_only_value(struct compiler *c, uint32_t type)
{
	load_mem(c, type, result_register(type), x64_at(RAX, EXCEPTION_VALUES));
}

static void load_instance(struct compiler *c)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, R14, slot(c, 0));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R15, x64_at(R14, INSTANCE_MEMORY0));
}

/* The handler of a try_table's clause: to the label, with the values that it takes. */
static void emit_landing(struct compiler *c, struct control *k, const struct wasm_functype *t,
			 bool with_ref)
{
	uint32_t values = with_ref + (t ? t->param_count : 0), words = 0;
	reserve_code(c);
	load_instance(c);
	if (values && !takes_register(k)) {
		if (t) {
			copy_values(c, t, k->height);
			words = t->param_words;
		}
		if (with_ref)
			x64_rm(&c->x, OP_MOV_STORE, 1, RAX, operand_slot(c, k->height + words));
	}
	load_caller_saved(c);
	if (values && takes_register(k) && !with_ref)
		load_only_value(c, t->params[0]);
	jump_to(c, k);
}

/* --- try_table --- */

static void check_clause(struct compiler *c, const struct control *k, const struct wasm_functype *t,
			 bool with_ref)
{
	uint32_t params = t ? t->param_count : 0;
	const uint32_t *types = label_types(k);
	if (label_count(k) != params + with_ref ||
	    (params && !match_lists(c, t->params, params, types)) ||
	    (with_ref && !type_matches(WASM_EXNREF | WASM_TYPE_NON_NULL, types[params])))
		fail_invalid(c, "type mismatch: a catch clause's label takes other values");
}

/* Returns the first clause in the module's table. */
static uint32_t compile_clauses(struct compiler *c)
{
	uint32_t n = read_u32(&c->r), first = WASM_NONE, last = WASM_NONE, over = 0;
	uint32_t number = ++c->try_number;
	bool all = false; /* those behind a clause that catches all are never reached */
	if (n && !c->dead) {
		x64_jmp32(&c->x, 0);
		add_patch(c, &over);
	}
	for (uint32_t i = 0; i < n; i++) {
		uint8_t kind = read_u8(&c->r);
		if (kind >= CATCH_KINDS) {
			c->r.p--;
			reader_fail(&c->r, WASM_ERROR_MALFORMED, "malformed catch clause");
		}
		bool catches_all = kind == CATCH_ALL || kind == CATCH_ALL_REF,
		     with_ref = kind == CATCH_TAG_REF || kind == CATCH_ALL_REF;
		uint32_t tag = catches_all ? WASM_NONE : read_tag(c);
		const struct wasm_functype *t = catches_all ? NULL : module_tag_type(c->m, tag);
		struct control *k = label_at(c, read_u32(&c->r));
		check_clause(c, k, t, with_ref);
		bool first_one = catches_all || n == 1 || first_of_tag(c, number, tag);
		if (!all && !c->dead && first_one) {
			reserve_code(c);
			add_clause(c, tag, &last, &first);
			emit_landing(c, k, t, with_ref);
		}
		all |= catches_all;
	}
	if (over)
		patch_list(c, over);
	return first;
}

void handle_try_table(struct compiler *c)
{
	need_opcode(c, FEATURE_EXCEPTIONS);
	struct block_type t = begin_block_operands(c);
	uint32_t first_clause = compile_clauses(c);
	begin_try(c, push_control(c, WASM_OP_TRY_TABLE, &t), first_clause);
}

/* --- throwing --- */

/* A helper that does not return, its arguments being where they belong. */
static void call_thrower(struct compiler *c, enum helper n)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R14, INSTANCE_HELPERS));
	x64_rm(&c->x, OP_MOV_LOAD, 1, R11, x64_at(R11, (int32_t)(8 * n)));
	x64_call_mem(&c->x, x64_at(R14, INSTANCE_GLUE));
	set_unreachable(c);
}

void handle_throw(struct compiler *c)
{
	need_opcode(c, FEATURE_EXCEPTIONS);
	uint32_t tag = read_tag(c);
	const struct wasm_functype *t = module_tag_type(c->m, tag);
	check_top(c, t->params, t->param_count);
	uint32_t first = c->stack.height - slots_of(t->params, t->param_count);
	stack_flush_all(c, first);
	reserve_code(c);
	save_caller_saved(c);
	x64_mov_imm(&c->x, RSI, tag);
	x64_lea(&c->x, 1, RDX, operand_slot(c, first));
	call_thrower(c, HELPER_THROW);
}

void handle_throw_ref(struct compiler *c)
{
	need_opcode(c, FEATURE_EXCEPTIONS);
	static const uint32_t types[] = {WASM_EXNREF};
	call_helper(c, HELPER_THROW_REF, types, 1, NULL, 0);
	set_unreachable(c);
}

/* --- the legacy encoding --- */

/*
 * Below a legacy try's operands is a slot for the exception that it has caught, for rethrow: it is
 * an operand that nothing in the block can pop, and that goes with the block.
 */
static uint32_t exception_slot(const struct control *k)
{
	return k->height - 1;
}

bool is_legacy_try(const struct control *k)
{
	return k->op == WASM_OP_TRY || k->op == WASM_OP_CATCH || k->op == WASM_OP_CATCH_ALL;
}

static void move_slot(struct compiler *c, uint32_t to, uint32_t from)
{
	reserve_code(c);
	x64_rm(&c->x, OP_MOV_LOAD, 1, SCRATCH, operand_slot(c, from));
	x64_rm(&c->x, OP_MOV_STORE, 1, SCRATCH, operand_slot(c, to));
}

void handle_try(struct compiler *c)
{
	need_opcode(c, FEATURE_LEGACY_EXCEPTIONS);
	struct block_type t = begin_block_operands(c);
	uint32_t first = c->stack.height;
	push_slot(c, WASM_EXNREF);
	for (uint32_t i = slots_of(t.params, t.param_count); i > 0; i--)
		move_slot(c, first + i, first + i - 1);
	c->stack.flushed = c->stack.height;
	struct control *k = push_control(c, WASM_OP_TRY, &t);
	k->number = ++c->try_number;
	begin_try(c, k, WASM_NONE);
}

/* At the end of one: its results, which are in slots, go down over the exception's. */
void drop_exception_slot(struct compiler *c, const struct control *k)
{
	uint32_t to = exception_slot(k), slots = slots_of(k->results, k->result_count);
	truncate_stack(c, to);
	if (k->result_count > 1 && !c->dead)
		for (uint32_t i = 0; i < slots; i++)
			move_slot(c, to + i, to + i + 1);
}

/* The handler of a clause begins here: the exception to its slot, its values to the operands. */
static void emit_catch(struct compiler *c, const struct control *k, const struct wasm_functype *t)
{
	reserve_code(c);
	load_instance(c);
	x64_rm(&c->x, OP_MOV_STORE, 1, RAX, operand_slot(c, exception_slot(k)));
	if (t && t->param_count > 1)
		copy_values(c, t, k->height);
	load_caller_saved(c);
	if (t && t->param_count == 1) {
		uint32_t type = t->params[0];
		load_only_value(c, type);
		alloc_fixed(c, result_register(type), NULL);
		push_reg(c, type, result_register(type));
	} else if (t) {
		push_slots(c, t->params, t->param_count);
		c->stack.flushed = c->stack.height;
	}
}

void handle_catch(struct compiler *c, uint8_t op)
{
	need_opcode(c, FEATURE_LEGACY_EXCEPTIONS);
	struct control *k = top(c);
	const struct wasm_functype *t = NULL;
	uint32_t tag = WASM_NONE;
	if (op == WASM_OP_CATCH) {
		tag = read_tag(c);
		t = module_tag_type(c->m, tag);
	}
	if (k->op != WASM_OP_TRY && k->op != WASM_OP_CATCH)
		fail_invalid(c, "catch without try");
	end_first_part(c, k);
	if (k->op == WASM_OP_TRY)
		end_try(c, k);
	k->op = op;
	if (!c->dead && t)
		c->dead = !first_of_tag(c, k->number, tag);
	if (c->dead) {
		if (t)
			push_slots(c, t->params, t->param_count);
		return;
	}
	uint32_t unused, *first = &unused;
	if (k->own_try != WASM_NONE)
		first = &c->m->tries[k->own_try].clause;
	add_clause(c, tag, &k->last_clause, first);
	emit_catch(c, k, t);
}

/* The end of a try whose exceptions go to those who take what is thrown in another block. */
void handle_delegate(struct compiler *c)
{
	need_opcode(c, FEATURE_LEGACY_EXCEPTIONS);
	struct control *k = top(c);
	uint32_t label = read_u32(&c->r);
	if (k->op != WASM_OP_TRY)
		fail_invalid(c, "delegate without try");
	if (label >= c->control.depth - 1)
		fail_invalid(c, "unknown label");
	if (k->own_try != WASM_NONE)
		c->m->tries[k->own_try].next = label_at(c, label + 1)->try;
	end_block(c);
}

void handle_rethrow(struct compiler *c)
{
	need_opcode(c, FEATURE_LEGACY_EXCEPTIONS);
	const struct control *k = label_at(c, read_u32(&c->r));
	if (k->op != WASM_OP_CATCH && k->op != WASM_OP_CATCH_ALL)
		fail_invalid(c, "invalid rethrow label");
	save_caller_saved(c);
	x64_rm(&c->x, OP_MOV_LOAD, 1, RSI, operand_slot(c, exception_slot(k)));
	call_thrower(c, HELPER_THROW_REF);
}
