/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks and branches. At a block's beginning, operands are in slots or constants, and locals have
 * the same registers everywhere, so control-flow edges to a label differ only in the values that it
 * takes: one value is in RAX or XMM0, several are in slots; what a loop takes is in slots.
 */
#include "guest/wasm/singlepass/compiler.h"

#include "guest/wasm/module/hash.h"

/* Twice as many from now on, in this function and those after it. */
static __attribute__((noinline)) void grow_controls(struct compiler *c)
{
	const struct control *old = c->control.at;
	uint32_t n = c->control.capacity;
	if (n == CONTROL_MAX)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "blocks are nested too deep");
	struct control *more = scratch_need(c, 2ull * n * sizeof(*more));
	memcpy(more, old, n * sizeof(*more));
	for (uint32_t i = 0; i < n; i++)
		if (more[i].results == &old[i].only_result)
			more[i].results = &more[i].only_result;
	c->control.at = more;
	c->control.top = more + n - 1;
	c->control.capacity = 2 * n;
}

struct control *push_control(struct compiler *c, uint8_t op, const struct block_type *t)
{
	if (__builtin_expect(c->control.depth == c->control.capacity, 0))
		grow_controls(c);
	uint32_t try = c->control.depth ? c->control.top->
	try : WASM_NONE
		;
	struct control *k = c->control.top = &c->control.at[c->control.depth++];
	*k = (struct control){
		.op = op,
		.entry_dead = c->dead,
		.height = c->stack.height,
		.params = t->params,
		.param_count = t->param_count,
		.results = t->results ? t->results : &k->only_result,
		.only_result = t->only_result,
		.set_locals = c->fn.set_count,
		.result_count = t->result_count,
		.start = here(c),
		.try = try,
		.own_try = WASM_NONE,
		.last_clause = WASM_NONE,
	};
	push_slots(c, t->params, t->param_count);
	c->stack.flushed = c->stack.height;
	return k;
}

/* What is set in a block counts in it alone: locals without a default that were set since. */
static inline void forget_set_locals(struct compiler *c, const struct control *k)
{
	while (__builtin_expect(c->fn.set_count > k->set_locals, 0))
		c->fn.locals[c->fn.set_locals[--c->fn.set_count]].type |= TYPE_UNSET;
}

static void pop_control(struct compiler *c)
{
	forget_set_locals(c, c->control.top);
	if (--c->control.depth > 0)
		c->control.top--;
}

struct control *label_at(struct compiler *c, uint32_t n)
{
	if (n >= c->control.depth)
		fail_invalid(c, "unknown label");
	return &c->control.at[c->control.depth - 1 - n];
}

void set_unreachable(struct compiler *c)
{
	truncate_stack(c, top(c)->height);
	top(c)->unreachable = true;
	c->dead = true;
}

/* --- jumps --- */

void add_patch(struct compiler *c, uint32_t *list)
{
	if (c->dead)
		return;
	memcpy(c->x.p - 4, list, 4);
	*list = here(c);
}

void patch_list(struct compiler *c, uint32_t list)
{
	patch_list_to(c, list, here(c));
}

void patch_list_to(struct compiler *c, uint32_t list, uint32_t to)
{
	while (list) {
		uint32_t next, rel = to - list;
		memcpy(&next, c->m->code + list - 4, 4);
		memcpy(c->m->code + list - 4, &rel, 4);
		list = next;
	}
}

void trap_if(struct compiler *c, enum x64_cc cc, enum wasm_trap_code code)
{
	x64_jcc32(&c->x, cc, 0);
	add_patch(c, &c->fn.traps[code]);
}

static void jump_back(struct compiler *c, uint32_t to, unsigned cc, bool always)
{
	int32_t rel = (int32_t)(to - here(c)) - 2;
	if (rel == (int8_t)rel) {
		x64_u8(&c->x, always ? 0xeb : 0x70u | cc); /* jmp, jcc */
		x64_u8(&c->x, (uint8_t)rel);
	} else if (always) {
		x64_jmp32(&c->x, (uint32_t)rel - 3);
	} else {
		x64_jcc32(&c->x, cc, (uint32_t)rel - 4);
	}
}

void jump_to(struct compiler *c, struct control *k)
{
	if (k->op == WASM_OP_LOOP) {
		jump_back(c, k->start, 0, true);
		return;
	}
	x64_jmp32(&c->x, 0);
	add_patch(c, &k->patches);
}

static void jump_cc(struct compiler *c, struct control *k, unsigned cc)
{
	if (k->op == WASM_OP_LOOP) {
		jump_back(c, k->start, cc, false);
		return;
	}
	x64_jcc32(&c->x, cc, 0);
	add_patch(c, &k->patches);
}

static void jump_if(struct compiler *c, struct control *k, unsigned cc)
{
	if (cc == CC_FNE) {
		jump_cc(c, k, CC_P);
		jump_cc(c, k, CC_NE);
	} else if (cc == CC_FEQ) {
		uint8_t *over = x64_short_jcc(&c->x, CC_P);
		jump_cc(c, k, CC_E);
		x64_here(&c->x, over);
	} else {
		jump_cc(c, k, cc);
	}
}

/* Jumps if the condition does not hold, in a list. */
static void jump_unless(struct compiler *c, unsigned cc, uint32_t *list)
{
	if (cc == CC_FEQ) {
		x64_jcc32(&c->x, CC_P, 0);
		add_patch(c, list);
		x64_jcc32(&c->x, CC_NE, 0);
		add_patch(c, list);
	} else if (cc == CC_FNE) {
		uint8_t *differ = x64_short_jcc(&c->x, CC_P);
		x64_jcc32(&c->x, CC_E, 0);
		add_patch(c, list);
		x64_here(&c->x, differ);
	} else {
		x64_jcc32(&c->x, cc ^ 1, 0);
		add_patch(c, list);
	}
}

/* --- values to where labels expect them --- */

/* The top operand to the register that a label takes it in. Leaves the flags alone. */
static void top_to_register(struct compiler *c, uint32_t type)
{
	struct value v = pop_value(c, type);
	to_fixed(c, &v, result_register(type), NULL);
	push_reg(c, type, v.reg);
}

/* Several, or a loop's: all operands are in slots now. */
static void copy_down(struct compiler *c, const struct control *k)
{
	uint32_t n = slots_of(label_types(k), label_count(k)), from = c->stack.height - n;
	if (c->stack.height < n || from == k->height)
		return;
	for (uint32_t i = 0; i < n; i++) {
		reserve_code(c);
		x64_rm(&c->x, OP_MOV_LOAD, 1, SCRATCH, operand_slot(c, from + i));
		x64_rm(&c->x, OP_MOV_STORE, 1, SCRATCH, operand_slot(c, k->height + i));
	}
}

/* Before a branch; copy_down() must follow. */
static void prepare_label_values(struct compiler *c, const struct control *k)
{
	uint32_t n = label_count(k);
	check_top(c, label_types(k), n);
	if (takes_register(k))
		top_to_register(c, k->results[0]);
	else if (n > 0)
		stack_flush_all(c, c->stack.height - slots_of(label_types(k), n));
}

void emit_branch(struct compiler *c, struct control *k)
{
	prepare_label_values(c, k);
	if (!takes_register(k))
		copy_down(c, k);
	if (leaves_loop(c, k))
		loop_leave(c);
	jump_to(c, k);
	set_unreachable(c);
}

void branch_if(struct compiler *c, struct control *k, unsigned cc)
{
	prepare_label_values(c, k);
	uint32_t n = slots_of(label_types(k), label_count(k));
	bool moves = !takes_register(k) && n > 0 && c->stack.height - n != k->height;
	if (!moves && !leaves_loop(c, k)) {
		jump_if(c, k, cc);
		return;
	}
	uint32_t over = 0;
	jump_unless(c, cc, &over);
	if (moves)
		copy_down(c, k);
	if (leaves_loop(c, k))
		loop_leave(c);
	jump_to(c, k);
	patch_list(c, over);
}

void handle_br_if(struct compiler *c)
{
	struct control *k = label_at(c, read_u32(&c->r));
	branch_if(c, k, pop_condition(c));
}

/* --- blocks --- */

static struct block_type read_block_type(struct compiler *c)
{
	struct block_type none = {.params = c->void_types, .results = c->void_types};
	if (c->r.p < c->r.end && *c->r.p == TYPE_EMPTY) {
		c->r.p++;
		return none;
	}
	if (c->r.p < c->r.end && (*c->r.p & 0xc0) == 0x40) { /* negative: a value type */
		bool long_types = c->m->long_types;
		none.only_result = read_valtype(&c->r, c->m);
		none.results = NULL;
		none.result_count = 1;
		if (c->m->long_types != long_types && !c->locate.target)
			wasm_jump_to(c->again); /* the pre-pass did not know */
		return none;
	}
	int64_t index = read_s33(&c->r);
	if (index < 0 || (uint64_t)index >= c->m->type_count)
		fail_invalid(c, "unknown type");
	if (c->m->types[index]->form != TYPE_FORM_FUNC)
		fail_invalid(c, "type mismatch: not a function type");
	const struct wasm_functype *t = &c->m->types[index]->func;
	return (struct block_type){t->params, t->results, t->param_count, t->result_count, 0};
}

/* The parameters of a block whose type has been read. */
static void begin_operands(struct compiler *c, const struct block_type *t)
{
	check_top(c, t->params, t->param_count);
	stack_flush_all(c, c->stack.height - slots_of(t->params, t->param_count));
	for (uint32_t i = t->param_count; i > 0; i--)
		(void)pop_value(c, t->params[i - 1]);
}

struct block_type begin_block_operands(struct compiler *c)
{
	struct block_type t = read_block_type(c);
	begin_operands(c, &t);
	return t;
}

void begin_block(struct compiler *c, uint8_t op)
{
	struct block_type t = read_block_type(c);
	uint32_t otherwise = 0;
	unsigned cc = 0;
	if (op == WASM_OP_IF)
		cc = pop_condition(c);
	begin_operands(c, &t);
	if (op == WASM_OP_IF)
		jump_unless(c, cc, &otherwise);
	if (op == WASM_OP_LOOP)
		loop_enter(c, t.param_count + t.result_count == 0);
	push_control(c, op, &t)->otherwise = otherwise;
}

/* The end of a block's body, or of an if's first part: what it leaves must be its results. */
static void check_results(struct compiler *c)
{
	struct control *k = top(c);
	check_top(c, k->results, k->result_count);
	if (c->stack.height != k->height + slots_of(k->results, k->result_count))
		fail_invalid(c, "type mismatch: operands are left over at the end of a block");
}

static void leave_values(struct compiler *c, const struct control *k)
{
	if (c->dead)
		return;
	if (k->result_count == 1)
		top_to_register(c, k->results[0]);
	else
		stack_flush_all(c, k->height);
}

void end_first_part(struct compiler *c, struct control *k)
{
	check_results(c);
	leave_values(c, k);
	if (!c->dead) {
		x64_jmp32(&c->x, 0);
		add_patch(c, &k->patches);
	}
	truncate_stack(c, k->height);
	forget_set_locals(c, k);
	c->dead = k->entry_dead;
	k->unreachable = false;
}

void handle_else(struct compiler *c)
{
	struct control *k = top(c);
	if (k->op != WASM_OP_IF)
		fail_invalid(c, "else without if");
	end_first_part(c, k);
	if (!c->dead)
		patch_list(c, k->otherwise);
	k->otherwise = 0;
	k->op = WASM_OP_ELSE;
	push_slots(c, k->params, k->param_count);
	c->stack.flushed = c->stack.height;
}

/*
 * A module may ask for a thousand of them with every two bytes, by clauses of try_tables or by tail
 * calls: for the same ones, which are noted, or for others each time, of which there may be a few
 * for each of its bytes. Lists of several are those of defined types, which stay; that of one may
 * be a block's own.
 */
bool match_lists(struct compiler *c, const uint32_t *types, uint32_t count, const uint32_t *of)
{
	enum { FREE = 1 << 22, A_BYTE = 8 };
	if (count < 2)
		return count == 0 || type_matches(*types, *of);
	const uint64_t key = hash_add(hash_add(hash_begin(), (uint32_t)(uintptr_t)types),
				      (uint32_t)(uintptr_t)of);
	struct matched_lists *set = &c->matched[hash_end(key) % MATCHED_SETS];
	for (unsigned i = 0; i < set->count; i++)
		if (set->types[i] == types && set->of[i] == of)
			return true;
	const bool same = types == of || memcmp(types, of, count * sizeof(*types)) == 0;
	if (!same && (c->compared += count) > FREE + A_BYTE * (uint64_t)c->m->size)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many long lists of types are compared");
	if (!same && !types_match(types, count, of, count))
		return false;
	if (set->count < MATCHED_WAYS) {
		set->types[set->count] = types;
		set->of[set->count++] = of;
	}
	return true;
}

/* An if without else: its parameters are its results. */
static void end_if(struct compiler *c, struct control *k)
{
	if (k->param_count != k->result_count ||
	    !match_lists(c, k->params, k->param_count, k->results))
		fail_invalid(c, "type mismatch: an if without else must leave its parameters");
	if (k->entry_dead)
		return;
	if (k->result_count != 1) {
		patch_list(c, k->otherwise);
		c->dead = false;
		return;
	}
	if (!c->dead) {
		x64_jmp32(&c->x, 0);
		add_patch(c, &k->patches);
	}
	c->dead = false;
	patch_list(c, k->otherwise);
	struct value v = {.location = AT_SLOT, .type = k->results[0], .at = (uint16_t)k->height};
	load_to(c, &v, result_register(v.type));
}

static void patch_entries(struct compiler *c, uint32_t list)
{
	while (list) {
		uint32_t next, to = here(c);
		memcpy(&next, c->m->code + list - 4, 4);
		memcpy(c->m->code + list - 4, &to, 4);
		list = next;
	}
}

void end_block(struct compiler *c)
{
	struct control *k = top(c);
	check_results(c);
	if (c->loop.depth == c->control.depth)
		loop_end(c);
	bool legacy = is_legacy_try(k);
	if (k->op == WASM_OP_TRY_TABLE || k->op == WASM_OP_TRY)
		end_try(c, k);
	/* Without another edge to the end, results stay where they are. */
	bool joined =
		k->patches || k->entries || k->op == WASM_OP_IF || k->op == FUNCTION_BODY || legacy;
	if (!joined && !c->dead) {
		pop_control(c);
		return;
	}
	if (joined)
		leave_values(c, k);
	truncate_stack(c, k->height);
	if (k->op == WASM_OP_IF)
		end_if(c, k);
	if (k->patches || k->entries)
		c->dead = false;
	patch_list(c, k->patches);
	patch_entries(c, k->entries);
	if (legacy)
		drop_exception_slot(c, k);
	pop_control(c);
	if (k->op == FUNCTION_BODY) {
		if (!c->dead)
			emit_return(c);
		return;
	}
	if (k->result_count == 1 && !c->dead) {
		alloc_fixed(c, result_register(k->results[0]), NULL);
		push_reg(c, k->results[0], result_register(k->results[0]));
	} else {
		push_slots(c, k->results, k->result_count);
	}
}

/* --- br_table --- */

/* Each label's types are checked against the same operands. */
static void check_label(struct compiler *c, const struct control *k)
{
	const struct control *t = top(c);
	const uint32_t *types = label_types(k);
	uint32_t at = c->stack.height;
	count_operands(c, label_count(k));
	for (uint32_t i = label_count(k); i > 0; i--) {
		if (at == t->height) {
			if (!t->unreachable)
				fail_invalid(c, "type mismatch: operands are missing");
			continue;
		}
		at -= 1u + (c->stack.at[at - 1].location == AT_HIGH);
		if (c->stack.at[at].type != UNKNOWN &&
		    !type_matches(c->stack.at[at].type, types[i - 1]))
			fail_invalid(c, "type mismatch");
	}
}

/* A label that needs no values moved is an entry itself; others have a piece of code, once for each
 * table. */
static void table_entry(struct compiler *c, struct control *k, uint8_t *entry, uint32_t id)
{
	bool direct = takes_register(k) || label_count(k) == 0;
	uint32_t to = k->start;
	if (direct && k->op != WASM_OP_LOOP) {
		memcpy(entry, &k->entries, 4);
		k->entries = (uint32_t)(entry - c->m->code) + 4;
		return;
	}
	if (!direct) {
		if (k->stub_of != id) {
			reserve_code(c);
			k->stub_of = id;
			k->stub = here(c);
			copy_down(c, k);
			jump_to(c, k);
		}
		to = k->stub;
	}
	memcpy(entry, &to, 4);
}

/*
 * An index that is past the table takes the default, by a conditional move: no later instruction
 * can be reached with one that is not checked, not even speculatively. The entries are offsets in
 * the code.
 */
void handle_br_table(struct compiler *c)
{
	uint32_t n = read_u32(&c->r);
	if (n > (uint64_t)(c->r.end - c->r.p))
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "unexpected end");
	struct value index = pop_value(c, WASM_I32);
	if (to_own(c, &index) == RAX || index.reg == RDX) /* a value's and scratch below */
		to_fixed(c, &index, RCX, NULL);
	unsigned reg = index.reg;
	struct reader labels = c->r;
	struct control *last = label_at(c, 0);
	for (uint64_t i = 0; i <= n; i++) {
		struct control *k = label_at(c, read_u32(&c->r));
		if (i > 0 && label_count(last) != label_count(k))
			fail_invalid(c, "type mismatch: br_table's labels differ in arity");
		check_label(c, k);
		last = k;
	}
	if (c->dead) {
		set_unreachable(c);
		release(c, &index);
		return;
	}
	/* A loop takes in slots what others take in a register: do both. */
	if (label_count(last) > 0)
		stack_flush_all(c,
				c->stack.height - slots_of(label_types(last), label_count(last)));
	if (label_count(last) == 1) {
		struct value v = {.location = AT_SLOT, .type = label_types(last)[0]};
		v.at = (uint16_t)(c->stack.height - slots_of_type(v.type));
		load_to(c, &v, result_register(v.type));
	}
	reserve_code_bytes(c, WASM_CODE_INSN_BYTES + 4ull * n);
	x64_mov_imm(&c->x, RDX, n);
	x64_rr(&c->x, OP_ALU(ALU_CMP), 0, reg, RDX);
	x64_rr(&c->x, OP_CMOV(CC_AE), 0, reg, RDX);
	x64_lea(&c->x, 1, RDX, (struct x64_mem)X64_RIP);
	int32_t back = -(int32_t)here(c);
	memcpy(c->x.p - 4, &back, 4);
	x64_rm(&c->x, OP_MOV_LOAD, 0, reg, x64_at_index(RDX, reg, 2, INT32_MAX));
	uint8_t *disp = c->x.p - 4;
	x64_rr(&c->x, OP_ALU(ALU_ADD), 1, reg, RDX);
	x64_jmp_reg(&c->x, reg);
	uint32_t table = here(c), id = ++c->br_tables;
	memcpy(disp, &table, 4);
	c->x.p += 4ull * (n + 1);
	for (uint64_t i = 0; i <= n; i++)
		table_entry(c, label_at(c, read_u32(&labels)), c->m->code + table + 4 * i, id);
	release(c, &index);
	set_unreachable(c);
}

/* --- select --- */

static void select_float(struct compiler *c, unsigned cc, struct value *a, const struct value *b)
{
	unsigned dst = to_own(c, a);
	uint8_t *first = NULL, *second = NULL;
	if (cc == CC_FNE) {
		first = x64_short_jcc(&c->x, CC_P);
		second = x64_short_jcc(&c->x, CC_NE);
	} else if (cc == CC_FEQ) {
		uint8_t *unordered = x64_short_jcc(&c->x, CC_P);
		first = x64_short_jcc(&c->x, CC_E);
		x64_here(&c->x, unordered);
	} else {
		first = x64_short_jcc(&c->x, cc);
	}
	load_to(c, b, dst);
	x64_here(&c->x, first);
	if (second)
		x64_here(&c->x, second);
	release(c, b);
	push_reg(c, a->type, dst);
}

static void cmov(struct compiler *c, unsigned cc, unsigned dst, struct value *v)
{
	if (v->location == AT_CONST)
		to_own(c, v);
	emit_value(c, OP_CMOV(cc), is_wide(v->type), dst, v);
}

static void select_int(struct compiler *c, unsigned cc, struct value *a, struct value *b)
{
	uint32_t type = a->type;
	if (cc == CC_FNE || cc == CC_FEQ) { /* the one that is taken in two cases comes second */
		if (cc == CC_FNE)
			swap_values(a, b);
		unsigned dst = to_own(c, a);
		cmov(c, CC_NE, dst, b);
		cmov(c, CC_P, dst, b);
		release(c, b);
		push_reg(c, type, dst);
		return;
	}
	unsigned dst = result_reg(c, type);
	if (dst == X64_NONE || reg_of(c, b) == dst) {
		c->regs.hint = WASM_NONE;
		dst = to_own(c, a);
	} else {
		load_to(c, a, dst);
		release(c, a);
	}
	cmov(c, cc ^ 1, dst, b);
	release(c, b);
	push_result(c, type, dst);
}

void handle_select(struct compiler *c, uint32_t type)
{
	unsigned cc = pop_condition(c);
	struct value b = pop_value(c, type), a = pop_value(c, type);
	if (type == UNKNOWN) {
		if (type_is_ref(a.type) || type_is_ref(b.type))
			fail_invalid(
				c, "type mismatch: select without a type needs numbers or vectors");
		if (a.type != b.type && a.type != UNKNOWN && b.type != UNKNOWN)
			fail_invalid(c, "type mismatch");
	} else {
		a.type = b.type = type;
	}
	if (c->dead) {
		release(c, &a);
		release(c, &b);
		push_slot(c, a.type != UNKNOWN ? a.type : b.type);
	} else if (type_is_float(a.type)) {
		select_float(c, cc, &a, &b);
	} else {
		select_int(c, cc, &a, &b);
	}
}
