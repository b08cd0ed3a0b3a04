/* SPDX-License-Identifier: Apache-2.0 */
/* Values on the operand stack: their types and their slots. */
#include "compiler.h"

uint32_t here(const struct compiler *c)
{
	return (uint32_t)(c->x.p - c->m->code);
}

_Noreturn void invalid(struct compiler *c, const char *what)
{
	reader_fail(&c->r, WASM_ERROR_INVALID, what);
}

/* Room for the next instruction's code. */
void make_room(struct compiler *c, uint64_t bytes)
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

struct x64_mem slot(uint32_t n)
{
	return x64_at(RSP, (int32_t)(8 * n));
}

struct x64_mem operand_slot(const struct compiler *c, uint32_t height)
{
	return slot(FIXED_SLOTS + c->local_slots + height);
}

struct control *top(struct compiler *c)
{
	return &c->controls[c->depth - 1];
}

uint32_t slots_of(const uint8_t *types, uint32_t n)
{
	uint32_t slots = n;
	for (uint32_t i = 0; i < n; i++)
		slots += types[i] == WASM_V128;
	return slots;
}

void push_type(struct compiler *c, uint8_t type)
{
	if (c->height >= HEIGHT_MAX - 1)
		reader_fail(&c->r, WASM_ERROR_LIMIT, "too many operands");
	c->operands[c->height++] = type;
	if (type == WASM_V128)
		c->operands[c->height++] = V128_HIGH;
	if (c->height > c->highest)
		c->highest = c->height;
}

uint8_t pop_any(struct compiler *c)
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

uint8_t pop_type(struct compiler *c, uint8_t want)
{
	uint8_t got = pop_any(c);
	if (got != want && got != UNKNOWN && want != UNKNOWN)
		invalid(c, "type mismatch");
	return got == UNKNOWN ? want : got;
}

void pop_types(struct compiler *c, const uint8_t *types, uint32_t n)
{
	for (uint32_t i = n; i > 0; i--)
		pop_type(c, types[i - 1]);
}

void push_types(struct compiler *c, const uint8_t *types, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		push_type(c, types[i]);
}

/* Integer registers and slots: whole cells, so that a reference fits as well. */
void load(struct compiler *c, unsigned reg, uint32_t height)
{
	x64_rm(&c->x, OP_MOV_LOAD, 1, reg, operand_slot(c, height));
}

void store(struct compiler *c, unsigned reg, uint32_t height)
{
	x64_rm(&c->x, OP_MOV_STORE, 1, reg, operand_slot(c, height));
}

/* Pops one of a type into a register. */
void pop_to(struct compiler *c, uint8_t type, unsigned reg)
{
	pop_type(c, type);
	load(c, reg, c->height);
}

void push_from(struct compiler *c, uint8_t type, unsigned reg)
{
	push_type(c, type);
	store(c, reg, c->height - 1);
}

void pop_float(struct compiler *c, bool wide, unsigned xmm)
{
	pop_type(c, wide ? WASM_F64 : WASM_F32);
	x64_rm(&c->x, wide ? OP_MOVSD_LOAD : OP_MOVSS_LOAD, 0, xmm, operand_slot(c, c->height));
}

void push_float(struct compiler *c, bool wide, unsigned xmm)
{
	push_type(c, wide ? WASM_F64 : WASM_F32);
	x64_rm(&c->x, OP_MOVSD_STORE, 0, xmm, operand_slot(c, c->height - 1));
}

void pop_vector(struct compiler *c, unsigned xmm)
{
	pop_type(c, WASM_V128);
	x64_rm(&c->x, OP_MOVUPS_LOAD, 0, xmm, operand_slot(c, c->height));
}

void push_vector(struct compiler *c, unsigned xmm)
{
	push_type(c, WASM_V128);
	x64_rm(&c->x, OP_MOVUPS_STORE, 0, xmm, operand_slot(c, c->height - 2));
}

void trap_if(struct compiler *c, enum x64_cc cc, enum wasm_trap_code code)
{
	uint8_t *over = x64_short_jcc(&c->x, cc ^ 1);
	x64_ud2(&c->x, code);
	x64_here(&c->x, over);
}
