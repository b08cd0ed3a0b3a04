/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over each function body: validates it (WebAssembly specification, appendix on the
 * validation algorithm) and emits x86-64 code. The module is untrusted. The other files of this
 * directory have the kinds of instructions.
 *
 * Frame, from RSP: slot 0 the instance, slot 1 the address for results, registers saved for the
 * caller, locals, operands. R14 is the instance, R15 the base of memory 0.
 */
#include "guest/wasm/singlepass/compiler.h"

enum { CODE_STEP_BYTES = 0x10000 };

_Noreturn void fail_invalid(const struct compiler *c, const char *what)
{
	reader_fail(&c->r, WASM_ERROR_INVALID, what);
}

static bool commit_code(struct compiler *c, uint64_t to)
{
	struct wasm_module *m = c->m;
	to = platform_page_up(to);
	if (to > m->code_reserved)
		to = m->code_reserved;
	if (!platform_commit_all(m->code + m->code_committed, to - m->code_committed))
		return false;
	m->code_committed = to;
	c->code_end = m->code + to;
	return true;
}

void commit_more_code(struct compiler *c, uint64_t bytes)
{
	struct wasm_module *m = c->m;
	uint64_t need = here(c) + bytes, large = m->code_committed / 2;
	if (need > m->code_reserved)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "the module's machine code is too large");
	if (large > CODE_STEP_BYTES && commit_code(c, need + large))
		return;
	if (!commit_code(c, need + CODE_STEP_BYTES))
		reader_fail(&c->r, WASM_ERROR_MEMORY, "out of memory for machine code");
}

/* At an opcode that is not supported, or that is none. */
_Noreturn static void refuse(struct compiler *c, const struct wasm_opcode *o)
{
	c->r.p--;
	if (o->class == CLASS_UNSUPPORTED)
		feature_refuse(&c->r, o->feature, "");
	reader_fail(&c->r, WASM_ERROR_MALFORMED, "illegal opcode");
}

void need_opcode(struct compiler *c, enum wasm_feature_id feature)
{
	if (feature_enabled(c->m, feature))
		return;
	c->r.p--;
	feature_refuse(&c->r, feature, "");
}

static void push_float(struct compiler *c, uint32_t type, uint64_t bits)
{
	uint32_t local = loop_constant(c, type, bits);
	if (local != WASM_NONE)
		push_local(c, local);
	else
		push_const(c, type, bits);
}

static void handle_const(struct compiler *c, uint8_t op)
{
	uint64_t bits = 0;
	switch (op) {
	case WASM_OP_I32_CONST:
		push_const(c, WASM_I32, (uint32_t)read_s32(&c->r));
		return;
	case WASM_OP_I64_CONST:
		push_const(c, WASM_I64, (uint64_t)read_s64(&c->r));
		return;
	case WASM_OP_F32_CONST:
		memcpy(&bits, read_bytes(&c->r, 4), 4);
		push_float(c, WASM_F32, bits);
		return;
	case WASM_OP_F64_CONST:
		memcpy(&bits, read_bytes(&c->r, 8), 8);
		push_float(c, WASM_F64, bits);
		return;
	}
}

static void handle_drop(struct compiler *c)
{
	struct value v = pop_value(c, UNKNOWN);
	release(c, &v);
}

static void handle_select_typed(struct compiler *c)
{
	if (read_u32(&c->r) != 1)
		fail_invalid(c, "invalid result arity");
	handle_select(c, read_valtype(&c->r, c->m));
}

/* Blocks, branches, calls: the classes for which compile_insn calls it. */
static void compile_control(struct compiler *c, const struct wasm_opcode *o, uint8_t op)
{
	switch (o->class) {
	case CLASS_UNREACHABLE:
		x64_ud2(&c->x, WASM_TRAP_UNREACHABLE);
		set_unreachable(c);
		return;
	case CLASS_NOP:
		return;
	case CLASS_BLOCK:
	case CLASS_LOOP:
		begin_block(c, op);
		return;
	case CLASS_ELSE:
		handle_else(c);
		return;
	case CLASS_END:
		end_block(c);
		return;
	case CLASS_BR:
		emit_branch(c, label_at(c, read_u32(&c->r)));
		return;
	case CLASS_BR_IF:
		handle_br_if(c);
		return;
	case CLASS_BR_TABLE:
		handle_br_table(c);
		return;
	case CLASS_BR_ON_NULL:
		handle_br_on_null(c);
		return;
	case CLASS_BR_ON_NON_NULL:
		handle_br_on_non_null(c);
		return;
	case CLASS_RETURN:
		emit_branch(c, &c->control.at[0]);
		return;
	case CLASS_TRY_TABLE:
		handle_try_table(c);
		return;
	case CLASS_THROW:
		handle_throw(c);
		return;
	case CLASS_THROW_REF:
		handle_throw_ref(c);
		return;
	case CLASS_TRY:
		handle_try(c);
		return;
	case CLASS_CATCH:
		handle_catch(c, op);
		return;
	case CLASS_DELEGATE:
		handle_delegate(c);
		return;
	case CLASS_RETHROW:
		handle_rethrow(c);
		return;
	case CLASS_CALL:
	case CLASS_TAIL_CALL:
		handle_call(c, o->class == CLASS_TAIL_CALL);
		return;
	case CLASS_CALL_INDIRECT:
	case CLASS_TAIL_CALL_INDIRECT:
		handle_call_indirect(c, o->class == CLASS_TAIL_CALL_INDIRECT);
		return;
	case CLASS_CALL_REF:
	case CLASS_TAIL_CALL_REF:
		handle_call_ref(c, o->class == CLASS_TAIL_CALL_REF);
		return;
	}
}

void compile_insn(struct compiler *c, uint8_t op)
{
	const struct wasm_opcode *o = &wasm_opcodes[op];
	switch ((enum wasm_class)o->class) {
	case CLASS_UNREACHABLE:
	case CLASS_NOP:
	case CLASS_BLOCK:
	case CLASS_LOOP:
	case CLASS_ELSE:
	case CLASS_END:
	case CLASS_BR:
	case CLASS_BR_IF:
	case CLASS_BR_TABLE:
	case CLASS_BR_ON_NULL:
	case CLASS_BR_ON_NON_NULL:
	case CLASS_RETURN:
	case CLASS_TRY_TABLE:
	case CLASS_THROW:
	case CLASS_THROW_REF:
	case CLASS_TRY:
	case CLASS_CATCH:
	case CLASS_DELEGATE:
	case CLASS_RETHROW:
	case CLASS_CALL:
	case CLASS_TAIL_CALL:
	case CLASS_CALL_INDIRECT:
	case CLASS_TAIL_CALL_INDIRECT:
	case CLASS_CALL_REF:
	case CLASS_TAIL_CALL_REF:
		compile_control(c, o, op);
		return;
	case CLASS_DROP:
		handle_drop(c);
		return;
	case CLASS_SELECT:
		handle_select(c, UNKNOWN);
		return;
	case CLASS_SELECT_TYPED:
		handle_select_typed(c);
		return;
	case CLASS_LOCAL:
		handle_local(c, op);
		return;
	case CLASS_GLOBAL:
		handle_global(c, op);
		return;
	case CLASS_TABLE_ACCESS:
		handle_table_access(c, op);
		return;
	case CLASS_LOAD:
		handle_load(c, op);
		return;
	case CLASS_STORE:
		handle_store(c, op);
		return;
	case CLASS_MEMORY_SIZE:
	case CLASS_MEMORY_GROW:
		handle_memory_size(c, op);
		return;
	case CLASS_CONST:
	case CLASS_FLOAT_CONST:
		handle_const(c, op);
		return;
	case CLASS_TEST:
		handle_test(c, o->operand);
		return;
	case CLASS_COMPARE:
		handle_compare(c, o);
		return;
	case CLASS_FLOAT_COMPARE:
		handle_float_compare(c, o);
		return;
	case CLASS_COUNT:
		handle_count(c, o);
		return;
	case CLASS_ARITHMETIC:
		handle_arithmetic(c, o);
		return;
	case CLASS_MULTIPLY:
		handle_multiply(c, o->operand);
		return;
	case CLASS_DIVIDE:
		handle_divide(c, o);
		return;
	case CLASS_SHIFT:
		handle_shift(c, o);
		return;
	case CLASS_FLOAT_UNARY:
		handle_float_unary(c, o);
		return;
	case CLASS_FLOAT_BINARY:
		handle_float_binary(c, o);
		return;
	case CLASS_CONVERT:
		handle_convert(c, o);
		return;
	case CLASS_REF_NULL:
	case CLASS_REF_IS_NULL:
	case CLASS_REF_FUNC:
		handle_ref(c, op);
		return;
	case CLASS_REF_EQ:
		handle_ref_eq(c);
		return;
	case CLASS_REF_AS_NON_NULL:
		handle_as_non_null(c);
		return;
	case CLASS_PREFIX_FB:
		handle_fb(c);
		return;
	case CLASS_PREFIX_FC:
		handle_fc(c);
		return;
	case CLASS_PREFIX_FD:
		handle_simd(c);
		return;
	case CLASS_PREFIX_FE:
		handle_atomic(c);
		return;
	case CLASS_ILLEGAL:
	case CLASS_UNSUPPORTED:
	case CLASS_SATURATE: /* these have a prefix */
	case CLASS_BULK:
	case CLASS_STRUCT_NEW:
	case CLASS_STRUCT_GET:
	case CLASS_STRUCT_SET:
	case CLASS_ARRAY_NEW:
	case CLASS_ARRAY_FIXED:
	case CLASS_ARRAY_GET:
	case CLASS_ARRAY_SET:
	case CLASS_ARRAY_LEN:
	case CLASS_ARRAY_BULK:
	case CLASS_REF_TEST:
	case CLASS_REF_CAST:
	case CLASS_BR_ON_CAST:
	case CLASS_REF_CONVERT:
	case CLASS_REF_I31:
	case CLASS_I31_GET:
	case CLASS_TABLE_SIZE:
	case CLASS_WIDE:
	case CLASSES:
		break;
	}
	refuse(c, o);
}

/* --- functions --- */

/* The next `count` locals are of one type. Four at once: a short function may have thousands. */
static void fill_locals(struct local *to, uint32_t count, uint32_t type, uint32_t slot)
{
	typedef uint32_t quad __attribute__((vector_size(16)));
	const struct local first = {.type = type, .slot = slot, .reg = X64_NONE};
	const uint32_t slots = slots_of_type(type);
	uint32_t i = 0, t = type, r;
	_Static_assert(sizeof(first) == 3 * sizeof(r) && offsetof(struct local, slot) == 4 &&
			       offsetof(struct local, refs) == 8,
		       "three words, the second of which is added to");
	memcpy(&r, (const uint8_t *)&first + offsetof(struct local, refs), sizeof(r));
	quad one = {t, slot, r, t}, two = {slot + slots, r, t, slot + 2 * slots},
	     three = {r, t, slot + 3 * slots, r};
	const uint32_t step = 4 * slots;
	for (; count - i >= 4; i += 4) {
		memcpy(&to[i], &one, sizeof(one));
		memcpy((uint8_t *)&to[i] + 16, &two, sizeof(two));
		memcpy((uint8_t *)&to[i] + 32, &three, sizeof(three));
		one += (quad){0, step, 0, 0};
		two += (quad){step, 0, 0, step};
		three += (quad){0, 0, step, 0};
	}
	for (slot += i * slots; i < count; i++, slot += slots)
		to[i] = (struct local){.type = type, .slot = slot, .reg = X64_NONE};
}

void *scratch_need(struct compiler *c, uint64_t bytes)
{
	if (!c->arena->base && !arena_open(c->arena, SCRATCH_BYTES))
		wasm_fail(c->fail, WASM_ERROR_MEMORY, 0, "out of address space");
	return arena_need(c->arena, c->fail, 1, bytes);
}

/* This function, and those after it, have a table for as many locals as there may be. */
static void grow_locals(struct compiler *c, uint64_t used)
{
	struct local *more = scratch_need(c, (WASM_MAX_LOCALS + 1) * sizeof(*more));
	memcpy(more, c->fn.locals, used * sizeof(*more));
	c->fn.locals = more;
	c->fn.locals_capacity = WASM_MAX_LOCALS + 1;
}

static void read_locals(struct compiler *c)
{
	uint64_t n = c->fn.type->param_count;
	uint32_t slots = 0;
	for (uint32_t i = 0; i < n; i++) {
		c->fn.locals[i] = (struct local){
			.slot = slots,
			.type = c->fn.type->params[i],
			.reg = X64_NONE,
		};
		slots += slots_of_type(c->fn.type->params[i]);
	}
	for (uint32_t groups = read_u32(&c->r); groups > 0; groups--) {
		uint32_t count = read_u32(&c->r);
		uint32_t type = read_valtype(&c->r, c->m);
		if (!type_has_default(type))
			type |= TYPE_UNSET;
		if (n > WASM_MAX_LOCALS || count > WASM_MAX_LOCALS - n) {
			n += count;
			continue;
		}
		if (n + count > c->fn.locals_capacity)
			grow_locals(c, n);
		fill_locals(c->fn.locals + n, count, type, slots);
		n += count;
		slots += count * slots_of_type(type);
	}
	/* Past the format's own limit they are malformed, past the engine's they are only too many.
	 */
	if (n - c->fn.type->param_count > UINT32_MAX)
		reader_fail(&c->r, WASM_ERROR_MALFORMED, "too many locals");
	if (n > WASM_MAX_LOCALS)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many locals");
	c->fn.local_count = (uint32_t)n;
	c->fn.local_slots = slots;
}

/* Locals that nothing mentions need neither their argument nor zero. */
static bool is_used(const struct compiler *c, uint32_t local)
{
	return local >= WASM_SCAN_LOCALS || c->scan.weights[local] > 0;
}

/* Arguments to their registers and slots. */
static void take_arguments(struct compiler *c)
{
	const struct wasm_functype *t = c->fn.type;
	uint32_t ints = 0, floats = 0, n = 0;
	struct move moves[ARG_INTS + ARG_FLOATS];
	for (uint32_t i = 0; i < t->param_count; i++) {
		bool is_float = type_is_float(t->params[i]);
		struct value v = {.location = AT_REG, .type = t->params[i]};
		if (is_float && floats < ARG_FLOATS)
			v.reg = (uint8_t)(XMM0 + floats++);
		else if (!is_float && ints < ARG_INTS)
			v.reg = int_args[ints++];
		else
			continue;
		if (c->fn.locals[i].reg != X64_NONE) {
			moves[n++] = (struct move){v, c->fn.locals[i].reg};
		} else if (is_used(c, i)) {
			reserve_code(c);
			store_value(c, &v, local_mem(c, i));
		}
	}
	move_all(c, moves, n);
}

/* Those that came on the stack, above the frame and the return address. */
static void take_stack_arguments(struct compiler *c)
{
	const struct wasm_functype *t = c->fn.type;
	uint32_t ints = 0, floats = 0;
	int32_t at = 8;
	x64_lea(&c->x, 1, R11, x64_at(RSP, INT32_MAX)); /* the frame's size, patched */
	add_patch(c, &c->fn.frame_at);
	for (uint32_t i = 0; i < t->param_count; i++) {
		bool is_float = type_is_float(t->params[i]), is_vector = t->params[i] == WASM_V128;
		uint32_t *used = is_float ? &floats : &ints;
		if (*used < (is_float ? ARG_FLOATS : ARG_INTS)) {
			++*used;
			continue;
		}
		reserve_code(c);
		unsigned reg = c->fn.locals[i].reg, to = reg;
		if (reg == X64_NONE)
			to = is_float ? XMM0 : RAX;
		if (is_float)
			x64_rm(&c->x, is_vector ? OP_MOVUPS_LOAD : OP_MOVSD_LOAD, 0, to,
			       x64_at(R11, at));
		else
			x64_rm(&c->x, OP_MOV_LOAD, 1, to, x64_at(R11, at));
		struct value v = {.location = AT_REG, .type = t->params[i], .reg = (uint8_t)to};
		if (reg == X64_NONE)
			store_value(c, &v, local_mem(c, i));
		at += is_vector ? 16 : 8;
	}
}

static void zero_locals(struct compiler *c)
{
	struct x64 *x = &c->x;
	uint32_t first = c->fn.type->param_count, args = slots_of(c->fn.type->params, first);
	bool at_once = c->fn.local_slots - args > 24;
	if (at_once) {
		x64_mov_rr(x, 1, R11, RDI);
		x64_lea(x, 1, RDI, slot(c, c->fn.fixed_slots + args));
		x64_mov_imm(x, RCX, c->fn.local_slots - args);
		x64_zero(x, RAX);
		x64_u8(x, 0xf3); /* rep stosq */
		x64_u8(x, 0x48);
		x64_u8(x, 0xab);
		x64_mov_rr(x, 1, RDI, R11);
	}
	for (uint32_t m = c->fn.local_regs; m; m &= m - 1) {
		unsigned reg = (unsigned)__builtin_ctz(m);
		if (c->fn.local_of[reg] >= first)
			x64_rr(x, reg < XMM0 ? OP_ALU(ALU_XOR) : OP_XORPS, 0, reg, reg);
	}
	for (uint32_t i = first; !at_once && i < c->fn.local_count; i++) {
		if (c->fn.locals[i].reg != X64_NONE || !is_used(c, i))
			continue;
		x64_mov_mem_imm(x, 8, local_mem(c, i), 0);
		if (c->fn.locals[i].type == WASM_V128)
			x64_mov_mem_imm(x, 8, slot(c, c->fn.fixed_slots + c->fn.locals[i].slot + 1),
					0);
	}
}

/* The frame's size is patched in at the end. Returns the offset after the check of the stack. */
static uint32_t prologue(struct compiler *c)
{
	struct x64 *x = &c->x;
	uint32_t n = FIXED_SLOTS;
	x64_lea(x, 1, RSP, x64_at(RSP, INT32_MIN));
	x64_rm(x, OP_ALU(ALU_CMP), 1, RSP, x64_at(R14, INSTANCE_STACK_LIMIT));
	trap_if(c, CC_B, WASM_TRAP_STACK);
	uint32_t behind_check = here(c);
	for (uint32_t m = c->fn.local_regs & CALLEE_SAVED; m; m &= m - 1)
		x64_rm(x, OP_MOV_STORE, 1, (unsigned)__builtin_ctz(m), slot(c, n++));
	if (c->fn.has_calls)
		x64_rm(x, OP_MOV_STORE, 1, R14, slot(c, 0));
	if (c->fn.type->result_count > 1)
		x64_rm(x, OP_MOV_STORE, 1, RAX, slot(c, 1));
	take_arguments(c);
	if (functype_stack_words(c->fn.type))
		take_stack_arguments(c);
	reserve_code(c);
	zero_locals(c);
	return behind_check;
}

/*
 * After the code: what traps jump to, a piece for each jump, so that a trap's address tells the
 * instruction. Whoever looks for one of the pieces finds the jump to it.
 */
static void emit_traps(struct compiler *c)
{
	for (uint32_t code = 0; code < sizeof c->fn.traps / sizeof *c->fn.traps; code++) {
		for (uint32_t jump = c->fn.traps[code], next; jump; jump = next) {
			reserve_code(c);
			memcpy(&next, c->m->code + jump - 4, 4);
			uint32_t rel = here(c) - jump;
			memcpy(c->m->code + jump - 4, &rel, 4);
			if (code == WASM_TRAP_STACK) { /* back above the limit */
				x64_lea(&c->x, 1, RSP, x64_at(RSP, INT32_MAX));
				add_patch(c, &c->fn.frame_at);
			}
			if (c->locate.target && c->locate.target == here(c))
				c->locate.found_jump = jump;
			x64_ud2(&c->x, code);
		}
		c->fn.traps[code] = 0;
	}
}

static void emit_pool(struct compiler *c)
{
	if (!c->pool.count)
		return;
	while (here(c) % 8)
		x64_u8(&c->x, 0xcc);
	for (uint32_t i = 0; i < c->pool.count; i++) {
		patch_list(c, c->pool.uses[i]);
		x64_u64(&c->x, c->pool.bits[i]);
	}
	c->pool.count = 0;
}

static void patch_frame(struct compiler *c, uint32_t prologue_at, uint32_t frame)
{
	int32_t down = -(int32_t)frame;
	memcpy(c->m->code + prologue_at - 4, &down, 4);
	for (uint32_t at = c->fn.frame_at; at;) {
		uint32_t next;
		memcpy(&next, c->m->code + at - 4, 4);
		memcpy(c->m->code + at - 4, &frame, 4);
		at = next;
	}
}

/*
 * A third of all instructions are local.get and i32.const with a number of one byte. They emit
 * nothing, so this is all that there is to do.
 */
static inline void push_operands(struct compiler *c)
{
	const uint8_t *p = c->r.p, *end = c->r.end;
	while (end - p >= 2 && p[1] < LEB_MORE) {
		if (p[0] == WASM_OP_LOCAL_GET && p[1] < c->fn.local_count)
			push_local(c, p[1]);
		else if (p[0] == WASM_OP_I32_CONST)
			push_const(c, WASM_I32, (uint32_t)leb_s7(p[1]));
		else
			break;
		c->r.p = p += 2;
	}
}

static void compile_body(struct compiler *c)
{
	push_control(c, FUNCTION_BODY,
		     &(struct block_type){c->void_types, c->fn.type->results, 0,
					  c->fn.type->result_count});
	while (c->control.depth > 0) {
		push_operands(c);
		reserve_code(c);
		uint8_t *before = c->x.p;
		bool was_dead = c->dead;
		const uint8_t *instruction = c->r.p;
		compile_insn(c, read_u8(&c->r));
		if (was_dead && c->dead)
			c->x.p = before;
		else if (c->locate.target && here(c) > c->locate.target && !c->locate.found)
			c->locate.found = instruction;
	}
	if (c->r.p != c->r.end)
		reader_fail(&c->r, WASM_ERROR_MALFORMED,
			    "section size mismatch: code past a function's end");
}

void compile_function(struct compiler *c, uint32_t own)
{
	struct wasm_module *m = c->m;
	c->fn.func = m->imported_funcs + own;
	c->fn.type = module_func_type(m, c->fn.func);
	c->r = (struct reader){m->bytes + m->func_body[own], m->bytes + m->func_end[own], m->bytes,
			       c->fail};
	c->stack.height = c->stack.highest = c->stack.flushed = 0;
	c->control.depth = c->loop.depth = 0;
	c->fn.frame_at = c->regs.owned = c->fn.set_count = 0;
	c->regs.hint = WASM_NONE;
	c->dead = false;
	c->fn.entry = here(c);
	if (c->fn.type->param_count > WASM_MAX_LOCALS)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many locals");
	read_locals(c);
	scan_body(c);
	c->regs.free = (TEMPS | CALLER_SAVED) & ~c->fn.local_regs;
	c->fn.fixed_slots = FIXED_SLOTS;
	for (uint32_t saved = c->fn.local_regs & CALLEE_SAVED; saved; saved &= saved - 1)
		c->fn.fixed_slots++;
	c->fn.framed = c->fn.has_calls;
	uint32_t prologue_at = c->fn.entry + 8; /* after lea rsp, [rsp + disp32] */
	uint32_t behind_check = prologue(c);
	compile_body(c);
	reserve_code(c);
	c->dead = false;
	emit_traps(c);
	reserve_code(c);
	emit_pool(c);
	simd_flush(&c->simd);
	uint32_t slots = c->fn.fixed_slots + c->fn.local_slots + c->stack.highest;
	c->fn.frame = ((8 * slots + 15) & ~15u) + 8; /* with the return address a multiple of 16 */
	if (!c->fn.framed) { /* a leaf that needs none is entered after the check of the stack */
		c->fn.frame = 0;
		c->fn.entry = behind_check;
	}
	patch_frame(c, prologue_at, c->fn.frame);
}

/* Calls that came before a function are a list through func_entry. */
static void add_function(struct compiler *c, uint32_t own)
{
	struct wasm_module *m = c->m;
	reserve_code(c);
	while (here(c) % 16)
		x64_u8(&c->x, 0xcc);
	m->func_code[own] = here(c);
	compile_function(c, own);
	patch_list_to(c, m->func_entry[own], c->fn.entry);
	m->func_entry[own] = c->fn.entry;
	m->func_frame[own] = frame_word(c->fn.frame, c->fn.local_regs);
}

void compiler_init(struct compiler *c, struct tables *t)
{
	_Static_assert(sizeof(t->stack) >= CONTROL_MAX, "blocks are scanned in the stack's memory");
	c->stack.at = t->stack;
	c->control.at = t->controls;
	c->control.capacity = CONTROLS_USUAL;
	c->fn.locals = t->locals;
	c->fn.locals_capacity = LOCALS_USUAL;
	c->scan.weights = t->weights;
	memset(t->weights, 0, sizeof(t->weights));
	c->scan.watched = t->watched;
	c->scan.blocks = (uint8_t *)t->stack;
}

static void compile_functions(struct compiler *c, struct tables *t, uint32_t own)
{
	compiler_init(c, t);
	for (int i = 0; i < 16; i++)
		x64_u8(&c->x, 0xcc);
	for (uint32_t i = 0; i < own; i++)
		add_function(c, i);
}

/* The stack is mapped already: nothing to allocate and free. */
static __attribute__((noinline)) void compile_on_stack(struct compiler *c, uint32_t own)
{
	_Alignas(WASM_PAGE_BYTES) struct tables t;
	compile_functions(c, &t, own);
}

static bool stack_is_deep(void)
{
	uintptr_t now = (uintptr_t)__builtin_frame_address(0), limit = platform_stack_limit();
	return now > limit &&
	       now - limit > sizeof(struct tables) + WASM_PAGE_BYTES + TABLES_SPARE_BYTES;
}

/* The module is compiled once more: nothing of what it has become counts. */
static void forget_code(struct wasm_module *m, uint32_t own)
{
	memset(m->func_entry, 0, own * sizeof(*m->func_entry));
	m->try_count = m->clause_count = 0;
	m->tries_arena.used = m->clauses_arena.used = 0;
}

void tier_compile(struct wasm_module *m, struct failure *fail)
{
	struct wasm_jump again;
	uint32_t own = m->func_count - m->imported_funcs;
	if (!own)
		return;
	m->func_frame = arena_need(&m->arena, fail, own, sizeof(uint32_t));
	if (wasm_jump_set(&again) != 0)
		forget_code(m, own);
	struct compiler c = {
		.m = m,
		.fail = fail,
		.again = &again,
		.arena = &m->scratch, /* a failure leaves it to wasm_module_free */
		.r = {.p = m->bytes, .end = m->bytes + m->size, .base = m->bytes, .fail = fail},
	};
	c.code_end = m->code + m->code_committed;
	begin_code(&c, m->code);
	reserve_code(&c);
	if (stack_is_deep())
		compile_on_stack(&c, own);
	else
		compile_functions(&c, scratch_need(&c, sizeof(struct tables)), own);
	m->code_bytes = m->code_entries = here(&c);
	if (m->scratch.base)
		arena_close(&m->scratch);
	if (!platform_seal(m->code, m->code_committed))
		wasm_fail(fail, WASM_ERROR_MEMORY, 0, "machine code could not be sealed");
}
