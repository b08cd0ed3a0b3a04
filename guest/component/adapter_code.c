/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions of adapters, and what values of all kinds need: checks, realloc, traps. */
#include "guest/component/adapter_code.h"

/* --- bytes --- */

void code_u8(struct code_buffer *b, uint32_t byte)
{
	if (b->bytes == b->size) {
		b->is_full = true;
		return;
	}
	b->at[b->bytes++] = (uint8_t)byte;
}

void code_u32(struct code_buffer *b, uint32_t v)
{
	for (; v >= 0x80; v >>= 7)
		code_u8(b, v | 0x80);
	code_u8(b, v);
}

void code_s64(struct code_buffer *b, int64_t v)
{
	for (; v >= 0x40 || v < -0x40; v >>= 7)
		code_u8(b, (uint32_t)v | 0x80);
	code_u8(b, (uint32_t)v & 0x7f);
}

enum { LENGTH_BYTES = 5 };

uint32_t code_begin(struct code_buffer *b)
{
	const uint32_t begin = b->bytes;
	for (unsigned i = 0; i < LENGTH_BYTES; i++)
		code_u8(b, 0);
	return begin;
}

void code_end(struct code_buffer *b, uint32_t begin)
{
	if (b->is_full)
		return;
	const uint32_t length = b->bytes - begin - LENGTH_BYTES;
	for (unsigned i = 0; i < LENGTH_BYTES; i++)
		b->at[begin + i] =
			(uint8_t)((length >> 7 * i & 0x7f) | (i + 1 < LENGTH_BYTES ? 0x80u : 0));
}

/* --- instructions --- */

void emit_op(struct adapter_emitter *e, enum code_op op)
{
	if (op > 0xff)
		code_u8(&e->code, op >> 8);
	code_u8(&e->code, op & 0xff);
	if (op == OP_BLOCK || op == OP_LOOP || op == OP_IF) {
		code_u8(&e->code, BLOCK_EMPTY);
		e->depth++;
	}
	if (op == OP_END)
		e->depth--;
}

void emit_index(struct adapter_emitter *e, enum code_op op, uint32_t index)
{
	emit_op(e, op);
	code_u32(&e->code, index);
}

void emit_i32(struct adapter_emitter *e, uint32_t v)
{
	emit_op(e, OP_I32_CONST);
	code_s64(&e->code, (int32_t)v);
}

void emit_i64(struct adapter_emitter *e, uint64_t v)
{
	emit_op(e, OP_I64_CONST);
	code_s64(&e->code, (int64_t)v);
}

void emit_operation(struct adapter_emitter *e, enum adapter_operation operation, uint32_t operand)
{
	emit_i32(e, operation | operand << ADAPTER_OPERAND_SHIFT);
}

/* Around a function's code is a block for each trap, whose code is behind it. */
void emit_body_begin(struct adapter_emitter *e)
{
	e->depth = 0;
	e->traps = 0;
	for (unsigned trap = 0; trap < ADAPTER_TRAPS; trap++)
		emit_op(e, OP_BLOCK);
}

void emit_trap_if(struct adapter_emitter *e, enum adapter_trap trap)
{
	e->traps |= 1u << trap;
	emit_index(e, OP_BR_IF, e->depth - ADAPTER_TRAPS + trap);
}

void emit_body_end(struct adapter_emitter *e)
{
	emit_op(e, OP_RETURN);
	for (unsigned trap = 0; trap < ADAPTER_TRAPS; trap++) {
		emit_op(e, OP_END);
		if (!(e->traps & 1u << trap))
			continue;
		emit_operation(e, ADAPTER_TRAP, trap);
		emit_i32(e, 0);
		emit_i32(e, 0);
		emit_index(e, OP_CALL, e->operation);
		emit_op(e, OP_UNREACHABLE);
	}
	emit_op(e, OP_UNREACHABLE);
	emit_op(e, OP_END);
}

/* --- memories --- */

static void emit_align_check(struct adapter_emitter *e, uint32_t local, uint32_t align,
			     enum adapter_trap trap)
{
	if (align == 1)
		return;
	emit_index(e, OP_LOCAL_GET, local);
	emit_i32(e, align - 1);
	emit_op(e, OP_I32_AND);
	emit_trap_if(e, trap);
}

void emit_is_outside(struct adapter_emitter *e, enum adapter_side_name side, const struct span *s)
{
	emit_index(e, OP_LOCAL_GET, s->at);
	emit_op(e, OP_I64_EXTEND_U);
	if (s->in_local) {
		emit_index(e, OP_LOCAL_GET, s->bytes);
		emit_op(e, OP_I64_EXTEND_U);
	} else {
		emit_i64(e, s->bytes);
	}
	emit_op(e, OP_I64_ADD);
	emit_index(e, OP_MEMORY_SIZE, e->memory[side]);
	emit_op(e, OP_I64_EXTEND_U);
	if (!e->spec->side[side].byte_pages) {
		emit_i64(e, 16);
		emit_op(e, OP_I64_SHL);
	}
	emit_op(e, OP_I64_GT_U);
}

void emit_span(struct adapter_emitter *e, enum adapter_side_name side, const struct span *s)
{
	emit_align_check(e, s->at, s->align, s->unaligned);
	emit_is_outside(e, side, s);
	emit_trap_if(e, s->outside);
}

/* A call of realloc is a task of its own: its context begins with zeroes. */
void emit_context_begin(struct adapter_emitter *e, enum adapter_side_name side, uint32_t kept)
{
	if (!e->spec->side[side].has_context)
		return;
	for (unsigned slot = 0; slot < 2; slot++) {
		emit_index(e, OP_GLOBAL_GET, e->context[side] + slot);
		emit_index(e, OP_LOCAL_SET, kept + slot);
		emit_i64(e, 0);
		emit_index(e, OP_GLOBAL_SET, e->context[side] + slot);
	}
}

void emit_context_end(struct adapter_emitter *e, enum adapter_side_name side, uint32_t kept)
{
	if (!e->spec->side[side].has_context)
		return;
	for (unsigned slot = 0; slot < 2; slot++) {
		emit_index(e, OP_LOCAL_GET, kept + slot);
		emit_index(e, OP_GLOBAL_SET, e->context[side] + slot);
	}
}

void emit_state(struct adapter_emitter *e, enum adapter_side_name side, enum instance_state state)
{
	emit_i32(e, state);
	emit_index(e, OP_GLOBAL_SET, e->state[side]);
}

void emit_allocate(struct adapter_emitter *e, enum adapter_side_name side, const struct span *s)
{
	emit_context_begin(e, side, e->kept);
	emit_i32(e, 0);
	emit_i32(e, 0);
	emit_i32(e, s->align);
	if (s->in_local)
		emit_index(e, OP_LOCAL_GET, s->bytes);
	else
		emit_i32(e, s->bytes);
	emit_index(e, OP_CALL, e->realloc[side]);
	emit_index(e, OP_LOCAL_SET, s->at);
	emit_context_end(e, side, e->kept);
	emit_span(e, side, s);
}

uint32_t emit_piece(struct adapter_emitter *e, enum piece_kind kind, const struct ctype *a,
		    const struct ctype *b, bool back)
{
	uint32_t n = 0;
	while (n < e->pieces && (e->piece[n].kind != kind || e->piece[n].a != a ||
				 e->piece[n].b != b || e->piece[n].back != back))
		n++;
	if (n == ADAPTER_PIECES)
		e->has_failed = true;
	else if (n == e->pieces)
		e->piece[e->pieces++] = (struct piece){a, b, (uint8_t)kind, back};
	return e->adapter + 1 + n;
}
