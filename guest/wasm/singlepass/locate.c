/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which instruction a code address belongs to. Instead of a table, the function is compiled once
 * more, into scratch memory, where its code has the same length, until the code passes the address.
 */
#include "guest/wasm/singlepass/compiler.h"

/* As far into the scratch code as a function is into its 16 bytes. */
enum { SCRATCH_START = 16 };

/* The instruction whose code goes beyond `end`, counted from the function's begin; NULL: none, or
 * no memory. */
static const uint8_t *instruction_at(struct compiler *c, uint32_t own, uint32_t end)
{
	c->locate.target = SCRATCH_START + end;
	c->locate.found = NULL;
	c->locate.found_jump = 0;
	begin_code(c, c->m->code + SCRATCH_START);
	compile_function(c, own);
	if (!c->locate.found_jump)
		return c->locate.found;
	/* It is the piece that a trap jumps to: the jump's instruction. */
	c->locate.target = c->locate.found_jump - 1;
	c->locate.found = NULL;
	begin_code(c, c->m->code + SCRATCH_START);
	compile_function(c, own);
	return c->locate.found;
}

static void locate_exactly(const struct wasm_module *m, uint32_t own, uint32_t at,
			   struct code_location *location)
{
	struct wasm_error error;
	struct failure fail = {.error = &error};
	struct wasm_module copy = *m; /* whose code is the scratch memory */
	struct arena arena;
	struct compiler c = {.m = &copy, .arena = &arena, .fail = &fail};
	uint32_t next = own + 1 < m->func_count - m->imported_funcs ? m->func_code[own + 1]
								    : m->code_entries;
	uint64_t bytes = next - m->func_code[own] + SCRATCH_START + 4 * WASM_CODE_INSN_BYTES;
	if (!arena_open(&arena, SCRATCH_BYTES + ((bytes + WASM_PAGE_BYTES) &
						 ~(uint64_t)(WASM_PAGE_BYTES - 1))))
		return;
	copy.code = arena_take(&arena, bytes);
	copy.code_committed = copy.code_reserved = bytes;
	c.code_end = copy.code + bytes;
	struct tables *tables = arena_take(&arena, sizeof(*tables));
	if (copy.code && tables && wasm_jump_set(&fail.jump) == 0) {
		compiler_init(&c, tables);
		const uint8_t *found = instruction_at(&c, own, at - m->func_code[own]);
		if (found)
			location->offset = (uint32_t)(found - m->bytes);
	}
	arena_close(&arena);
}

bool tier_frame(const struct wasm_module *m, const uint8_t *code, struct code_frame *frame)
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
	*frame = (struct code_frame){
		.func = m->imported_funcs + low,
		.bytes = frame_word_bytes(m->func_frame[low]),
		.kept = frame_word_kept(m->func_frame[low]),
	};
	return true;
}

bool tier_locate(const struct wasm_module *m, const uint8_t *code, struct code_location *location)
{
	if (!tier_frame(m, code, &location->frame))
		return false;
	uint32_t own = location->frame.func - m->imported_funcs;
	location->offset = m->func_body[own];
	locate_exactly(m, own, (uint32_t)(code - m->code), location);
	return true;
}
