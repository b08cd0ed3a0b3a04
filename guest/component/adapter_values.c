/* SPDX-License-Identifier: Apache-2.0 */
/* Code for values that is the same whether they are passed flat or in memory. */
#include "guest/component/adapter_values.h"

/* --- words that are checked --- */

void emit_case_check(struct adapter_emitter *e, const struct ctype *t)
{
	emit_index(e, OP_LOCAL_GET, e->scratch);
	emit_i32(e, layout_cases(t));
	emit_op(e, OP_I32_GE_U);
	emit_trap_if(e, TRAP_CASE);
}

static void emit_char_check(struct adapter_emitter *e)
{
	emit_index(e, OP_LOCAL_GET, e->scratch);
	emit_i32(e, 0xd800);
	emit_op(e, OP_I32_SUB);
	emit_i32(e, 0x800);
	emit_op(e, OP_I32_LT_U);
	emit_index(e, OP_LOCAL_GET, e->scratch);
	emit_i32(e, 0x110000);
	emit_op(e, OP_I32_GE_U);
	emit_op(e, OP_I32_OR);
	emit_trap_if(e, TRAP_CHAR);
}

void emit_word(struct adapter_emitter *e, const struct ctype *t)
{
	switch (t->kind) {
	case CTYPE_BOOL:
		emit_i32(e, 0);
		emit_op(e, OP_I32_NE);
		return;
	case CTYPE_CHAR:
		emit_index(e, OP_LOCAL_SET, e->scratch);
		emit_char_check(e);
		emit_index(e, OP_LOCAL_GET, e->scratch);
		return;
	case CTYPE_FLAGS:
		emit_i32(e, (uint32_t)((1ull << t->count) - 1));
		emit_op(e, OP_I32_AND);
		return;
	default: /* a case without anything */
		emit_index(e, OP_LOCAL_SET, e->scratch);
		emit_case_check(e, t);
		emit_index(e, OP_LOCAL_GET, e->scratch);
	}
}

uint32_t adapter_handle_number(struct adapter_emitter *e, const struct ctype *a,
			       const struct ctype *b, bool back)
{
	if (e->handles == ADAPTER_HANDLES) {
		e->has_failed = true;
		return 0;
	}
	e->handle[e->handles] = (struct adapter_handle){a, b, back};
	return e->handles++;
}

/* Whether strings go by PIECE_TEXT, or by C. */
static bool text_is_plain(const struct adapter_emitter *e)
{
	return e->spec->side[CALLER].encoding == STRING_UTF8 &&
	       e->spec->side[CALLEE].encoding == STRING_UTF8;
}

bool value_is_transcoded(const struct adapter_emitter *e, const struct ctype *t)
{
	return t->kind == CTYPE_STRING && !text_is_plain(e);
}

void emit_cross(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b, bool back)
{
	if (a->kind == CTYPE_STRING)
		emit_index(e, OP_CALL, emit_piece(e, PIECE_TEXT, NULL, NULL, back));
	else
		emit_index(e, OP_CALL, emit_piece(e, PIECE_ELEMENTS, a, b, back));
}

/* --- cases --- */

static void emit_no_payload(struct adapter_emitter *e, const struct choice *c)
{
	c->one(e, c, NULL, NULL);
}

static void emit_one_payload(struct adapter_emitter *e, const struct choice *c, uint32_t n)
{
	emit_index(e, OP_LOCAL_GET, e->scratch);
	emit_i32(e, n);
	emit_op(e, OP_I32_EQ);
	emit_op(e, OP_IF);
	c->one(e, c, layout_case(c->a, n), layout_case(c->b, n));
	emit_op(e, OP_ELSE);
	emit_no_payload(e, c);
	emit_op(e, OP_END);
}

/* A block for each that has something, ended by its code; the outermost but one for the others. */
static void emit_payloads(struct adapter_emitter *e, const struct choice *c, uint32_t payloads)
{
	const uint32_t cases = layout_cases(c->a);
	uint32_t nth = 0;
	for (uint32_t i = 0; i < payloads + 2; i++)
		emit_op(e, OP_BLOCK);
	emit_index(e, OP_LOCAL_GET, e->scratch);
	emit_index(e, OP_BR_TABLE, cases);
	for (uint32_t n = 0; n < cases; n++)
		code_u32(&e->code, layout_case(c->a, n) ? nth++ : payloads);
	code_u32(&e->code, payloads);
	nth = 0;
	for (uint32_t n = 0; n < cases; n++) {
		if (!layout_case(c->a, n))
			continue;
		emit_op(e, OP_END);
		c->one(e, c, layout_case(c->a, n), layout_case(c->b, n));
		emit_index(e, OP_BR, payloads - nth++);
	}
	emit_op(e, OP_END);
	emit_no_payload(e, c);
	emit_op(e, OP_END);
}

void emit_choice(struct adapter_emitter *e, const struct choice *c)
{
	uint32_t payloads = 0, last = 0;
	for (uint32_t n = 0; n < layout_cases(c->a); n++)
		if (layout_case(c->a, n)) {
			payloads++;
			last = n;
		}
	if (payloads > ADAPTER_PAYLOADS)
		e->has_failed = true;
	else if (payloads > 1)
		emit_payloads(e, c, payloads);
	else if (payloads)
		emit_one_payload(e, c, last);
}

/* --- memory --- */

void emit_access(struct adapter_emitter *e, enum code_op op, uint32_t memory, uint32_t offset)
{
	emit_op(e, op);
	code_u8(&e->code, memory ? MEMARG_INDEX : 0);
	if (memory)
		code_u32(&e->code, memory);
	code_u32(&e->code, offset);
}

void emit_address(struct adapter_emitter *e, uint32_t local, uint32_t offset)
{
	emit_index(e, OP_LOCAL_GET, local);
	if (offset) {
		emit_i32(e, offset);
		emit_op(e, OP_I32_ADD);
	}
}

void emit_is_not_ascii(struct adapter_emitter *e)
{
	emit_i64(e, 0x8080808080808080ull);
	emit_op(e, OP_I64_AND);
	emit_i64(e, 0);
	emit_op(e, OP_I64_NE);
}
