/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over each function body: validates it (WebAssembly specification, appendix on the validation
 * algorithm) and emits x86-64 code. Every local and operand has a slot in the frame, addressed from RSP; an
 * instruction loads its operands, works in scratch registers and stores its result. The module is untrusted.
 *
 * Frame, from RSP: slot 0 the instance, slot 1 the address for results, then locals, then operands.
 * R14 is the instance, R15 the base of memory 0; every other register is scratch.
 */
#include "compiler.h"

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
	make_room(c, WASM_CODE_ROOM_BYTES);
	simd_flush(&c->simd);
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
	c.simd = (struct simd_emitter){.x = &c.x, .code = m->code, .cpu = m->options.cpu};
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
