/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that passes values in memory from one side to the other (CanonicalABI.md; pass.c is the same
 * in C, for what is interpreted). Compound values have a function each, so that code grows with
 * what a type says and not with what it is written out.
 */
#include "guest/component/adapter_values.h"

/* Locals of a piece: its two parameters, then these. */
enum piece_local {
	PIECE_FROM = 0,
	PIECE_TO = 1,
	PIECE_LENGTH = 1,
	PIECE_ADDRESS,
	PIECE_SCRATCH,
	PIECE_END,
	PIECE_TARGET,
	PIECE_WIDE,
	PIECE_KEPT, /* two */
};

/* --- in memory --- */

/* Where a value is, and where it goes to: two locals that have addresses, and an offset of both. */
struct location {
	uint32_t from, to, offset;
	bool back;
};

static enum code_op load_of(uint32_t bytes)
{
	switch (bytes) {
	case 1:
		return OP_I32_LOAD8_U;
	case 2:
		return OP_I32_LOAD16_U;
	case 4:
		return OP_I32_LOAD;
	default:
		return OP_I64_LOAD;
	}
}

static enum code_op store_of(uint32_t bytes)
{
	switch (bytes) {
	case 1:
		return OP_I32_STORE8;
	case 2:
		return OP_I32_STORE16;
	case 4:
		return OP_I32_STORE;
	default:
		return OP_I64_STORE;
	}
}

static void emit_load(struct adapter_emitter *e, const struct location *l, uint32_t bytes,
		      uint32_t offset)
{
	emit_index(e, OP_LOCAL_GET, l->from);
	emit_access(e, load_of(bytes), e->memory[value_source(l->back)], l->offset + offset);
}

/* The address is below the value on the stack. */
static void emit_store(struct adapter_emitter *e, const struct location *l, uint32_t bytes,
		       uint32_t offset)
{
	emit_access(e, store_of(bytes), e->memory[value_target(l->back)], l->offset + offset);
}

static void memory_cross(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b,
			 const struct location *l)
{
	if (!value_is_transcoded(e, a)) {
		emit_index(e, OP_LOCAL_GET, l->to);
		emit_load(e, l, 4, 0);
		emit_load(e, l, 4, 4);
		emit_cross(e, a, b, l->back);
		emit_store(e, l, 4, 0);
		emit_index(e, OP_LOCAL_GET, l->to);
		emit_load(e, l, 4, 4);
		emit_store(e, l, 4, 4);
		return;
	}
	emit_index(e, OP_LOCAL_GET, l->to);
	emit_operation(e, ADAPTER_TEXT, value_source(l->back));
	emit_load(e, l, 4, 0);
	emit_load(e, l, 4, 4);
	emit_index(e, OP_CALL, e->operation);
	emit_store(e, l, 8, 0);
}

static void memory_handle(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b,
			  const struct location *l)
{
	emit_index(e, OP_LOCAL_GET, l->to);
	emit_operation(e, ADAPTER_HANDLE, adapter_handle_number(e, a, b, l->back));
	emit_load(e, l, 4, 0);
	emit_i32(e, 0);
	emit_index(e, OP_CALL, e->operation);
	emit_op(e, OP_I32_WRAP);
	emit_store(e, l, 4, 0);
}

static void memory_word(struct adapter_emitter *e, const struct ctype *t, const struct location *l)
{
	emit_index(e, OP_LOCAL_GET, l->to);
	emit_load(e, l, t->bytes, 0);
	if (!value_is_plain(t))
		emit_word(e, t);
	emit_store(e, l, t->bytes, 0);
}

static void memory_value(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b,
			 const struct location *l)
{
	if (e->has_failed || e->code.is_full)
		return;
	switch (a->kind) {
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
	case CTYPE_FIXED_LIST:
	case CTYPE_VARIANT:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		emit_address(e, l->from, l->offset);
		emit_address(e, l->to, l->offset);
		emit_index(e, OP_CALL, emit_piece(e, PIECE_VALUE, a, b, l->back));
		return;
	case CTYPE_STRING:
	case CTYPE_LIST:
	case CTYPE_MAP:
		memory_cross(e, a, b, l);
		return;
	case CTYPE_OWN:
	case CTYPE_BORROW:
		memory_handle(e, a, b, l);
		return;
	case CTYPE_STREAM:
	case CTYPE_FUTURE:
	case CTYPE_ERROR_CONTEXT:
		e->has_failed = true;
		return;
	default:
		memory_word(e, a, l);
	}
}

/* --- pieces: values in memory --- */

static void piece_members(struct adapter_emitter *e, const struct piece *p)
{
	uint64_t at = 0;
	for (uint32_t n = 0; n < p->a->count; n++) {
		const struct ctype *part = p->a->members[n].type;
		at = layout_align(at, part->align);
		memory_value(e, part, p->b->members[n].type,
			     &(struct location){PIECE_FROM, PIECE_TO, (uint32_t)at, p->back});
		at += part->bytes;
	}
}

/* What a case in memory has; `at` is the offset. */
static void memory_case(struct adapter_emitter *e, const struct choice *c, const struct ctype *a,
			const struct ctype *b)
{
	if (a)
		memory_value(e, a, b, &(struct location){PIECE_FROM, PIECE_TO, c->at, c->back});
}

static void piece_choice(struct adapter_emitter *e, const struct piece *p)
{
	const uint32_t bytes = layout_number_bytes(layout_cases(p->a));
	const struct location l = {PIECE_FROM, PIECE_TO, 0, p->back};
	const struct choice c = {p->a, p->b, p->back, layout_payload(p->a), 0, memory_case};
	emit_load(e, &l, bytes, 0);
	emit_index(e, OP_LOCAL_SET, e->scratch);
	emit_case_check(e, p->a);
	emit_index(e, OP_LOCAL_GET, PIECE_TO);
	emit_index(e, OP_LOCAL_GET, e->scratch);
	emit_store(e, &l, bytes, 0);
	emit_choice(e, &c);
}

static void emit_copy(struct adapter_emitter *e, bool back)
{
	emit_op(e, OP_MEMORY_COPY);
	code_u32(&e->code, e->memory[value_target(back)]);
	code_u32(&e->code, e->memory[value_source(back)]);
}

static void emit_advance(struct adapter_emitter *e, uint32_t local, uint32_t bytes)
{
	emit_address(e, local, bytes);
	emit_index(e, OP_LOCAL_SET, local);
}

/* Elements from PIECE_FROM up to PIECE_END, of which there is one at least. */
static void emit_each(struct adapter_emitter *e, const struct piece *p, uint32_t bytes,
		      uint32_t target_local)
{
	const struct location l = {PIECE_FROM, target_local, 0, p->back};
	emit_op(e, OP_LOOP);
	if (p->a->kind == CTYPE_MAP) {
		emit_index(e, OP_LOCAL_GET, l.from);
		emit_index(e, OP_LOCAL_GET, l.to);
		emit_index(e, OP_CALL, emit_piece(e, PIECE_TUPLE, p->a, p->b, p->back));
	} else {
		memory_value(e, p->a->members[0].type, p->b->members[0].type, &l);
	}
	emit_advance(e, l.from, bytes);
	emit_advance(e, l.to, bytes);
	emit_index(e, OP_LOCAL_GET, l.from);
	emit_index(e, OP_LOCAL_GET, PIECE_END);
	emit_op(e, OP_I32_NE);
	emit_index(e, OP_BR_IF, 0);
	emit_op(e, OP_END);
}

static void piece_fixed_list(struct adapter_emitter *e, const struct piece *p)
{
	const struct ctype *element = p->a->members[0].type;
	if (value_is_plain(element)) {
		emit_index(e, OP_LOCAL_GET, PIECE_TO);
		emit_index(e, OP_LOCAL_GET, PIECE_FROM);
		emit_i32(e, p->a->bytes);
		emit_copy(e, p->back);
		return;
	}
	emit_address(e, PIECE_FROM, p->a->bytes);
	emit_index(e, OP_LOCAL_SET, PIECE_END);
	emit_each(e, p, element->bytes, PIECE_TO);
}

static void piece_value(struct adapter_emitter *e, const struct piece *p)
{
	switch (p->a->kind) {
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
		piece_members(e, p);
		return;
	case CTYPE_FIXED_LIST:
		piece_fixed_list(e, p);
		return;
	case CTYPE_VARIANT:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		piece_choice(e, p);
		return;
	default: /* a function's result that is a string, list or map */
		memory_value(e, p->a, p->b, &(struct location){PIECE_FROM, PIECE_TO, 0, p->back});
	}
}

/* --- pieces: lists and strings --- */

static void piece_elements(struct adapter_emitter *e, const struct piece *p)
{
	struct layout_tuple each = {p->a->members[0].type->bytes, p->a->members[0].type->align};
	if (p->a->kind == CTYPE_MAP)
		each = layout_tuple(p->a);
	struct span span = {.at = PIECE_FROM,
			    .align = each.align,
			    .in_local = true,
			    .bytes = PIECE_END,
			    .unaligned = TRAP_UNALIGNED,
			    .outside = TRAP_LIST};
	emit_index(e, OP_LOCAL_GET, PIECE_LENGTH);
	emit_op(e, OP_I64_EXTEND_U);
	emit_i64(e, each.bytes);
	emit_op(e, OP_I64_MUL);
	emit_index(e, OP_LOCAL_TEE, PIECE_WIDE);
	emit_i64(e, COMPONENT_MAX_PASSED_BYTES);
	emit_op(e, OP_I64_GT_U);
	emit_trap_if(e, TRAP_LIST_BYTES);
	emit_index(e, OP_LOCAL_GET, PIECE_WIDE);
	emit_op(e, OP_I32_WRAP);
	emit_index(e, OP_LOCAL_SET, PIECE_END);
	emit_span(e, value_source(p->back), &span);
	span.at = PIECE_ADDRESS;
	span.unaligned = TRAP_REALLOC_ALIGN;
	span.outside = TRAP_REALLOC_END;
	emit_allocate(e, value_target(p->back), &span);
	if (p->a->kind != CTYPE_MAP && value_is_plain(p->a->members[0].type)) {
		emit_index(e, OP_LOCAL_GET, PIECE_ADDRESS);
		emit_index(e, OP_LOCAL_GET, PIECE_FROM);
		emit_index(e, OP_LOCAL_GET, PIECE_END);
		emit_copy(e, p->back);
	} else {
		emit_index(e, OP_LOCAL_GET, PIECE_LENGTH);
		emit_op(e, OP_IF);
		emit_index(e, OP_LOCAL_GET, PIECE_FROM);
		emit_index(e, OP_LOCAL_GET, PIECE_END);
		emit_op(e, OP_I32_ADD);
		emit_index(e, OP_LOCAL_SET, PIECE_END);
		emit_index(e, OP_LOCAL_GET, PIECE_ADDRESS);
		emit_index(e, OP_LOCAL_SET, PIECE_TARGET);
		emit_each(e, p, (uint32_t)each.bytes, PIECE_TARGET);
		emit_op(e, OP_END);
	}
	emit_index(e, OP_LOCAL_GET, PIECE_ADDRESS);
}

/*
 * The bytes of a string are gone over by a loop that begins at 0, in PIECE_SCRATCH: by eights, with
 * the last eight at the end once more, or one by one.
 */
/* What is done with `bytes` bytes, 8 or 1, of each. */
typedef void (*stride_fn)(struct adapter_emitter *e, const struct piece *p, uint32_t bytes);

static void emit_stride(struct adapter_emitter *e, const struct piece *p, uint32_t bytes,
			stride_fn one)
{
	emit_i32(e, 0);
	emit_index(e, OP_LOCAL_SET, PIECE_SCRATCH);
	emit_op(e, OP_LOOP);
	one(e, p, bytes);
	emit_advance(e, PIECE_SCRATCH, bytes);
	emit_address(e, PIECE_SCRATCH, bytes);
	emit_index(e, OP_LOCAL_GET, PIECE_LENGTH);
	emit_op(e, OP_I32_LE_U);
	emit_index(e, OP_BR_IF, 0);
	emit_op(e, OP_END);
	if (bytes == 1)
		return;
	emit_address(e, PIECE_LENGTH, -bytes);
	emit_index(e, OP_LOCAL_SET, PIECE_SCRATCH);
	one(e, p, bytes);
}

static void emit_at(struct adapter_emitter *e, uint32_t local)
{
	emit_index(e, OP_LOCAL_GET, local);
	emit_index(e, OP_LOCAL_GET, PIECE_SCRATCH);
	emit_op(e, OP_I32_ADD);
}

static void gather_bits(struct adapter_emitter *e, const struct piece *p, uint32_t bytes)
{
	emit_index(e, OP_LOCAL_GET, PIECE_WIDE);
	emit_at(e, PIECE_FROM);
	emit_access(e, bytes == TEXT_WORD ? OP_I64_LOAD : OP_I64_LOAD8_U,
		    e->memory[value_source(p->back)], 0);
	emit_op(e, OP_I64_OR);
	emit_index(e, OP_LOCAL_SET, PIECE_WIDE);
}

static void copy_bytes(struct adapter_emitter *e, const struct piece *p, uint32_t bytes)
{
	emit_at(e, PIECE_ADDRESS);
	emit_at(e, PIECE_FROM);
	emit_access(e, load_of(bytes), e->memory[value_source(p->back)], 0);
	emit_access(e, store_of(bytes), e->memory[value_target(p->back)], 0);
}

/* By eights or, if there are less, one by one. */
static void emit_strides(struct adapter_emitter *e, const struct piece *p, stride_fn one)
{
	emit_index(e, OP_LOCAL_GET, PIECE_LENGTH);
	emit_i32(e, TEXT_WORD);
	emit_op(e, OP_I32_GE_U);
	emit_op(e, OP_IF);
	emit_stride(e, p, TEXT_WORD, one);
	emit_op(e, OP_ELSE);
	emit_index(e, OP_LOCAL_GET, PIECE_LENGTH);
	emit_op(e, OP_IF);
	emit_stride(e, p, 1, one);
	emit_op(e, OP_END);
	emit_op(e, OP_END);
}

/* Text that is ASCII is UTF-8; other text is looked at by C. */
static void emit_text_check(struct adapter_emitter *e, const struct piece *p)
{
	emit_strides(e, p, gather_bits);
	emit_index(e, OP_LOCAL_GET, PIECE_WIDE);
	emit_is_not_ascii(e);
	emit_op(e, OP_IF);
	emit_operation(e, ADAPTER_CHECK, value_source(p->back));
	emit_index(e, OP_LOCAL_GET, PIECE_FROM);
	emit_index(e, OP_LOCAL_GET, PIECE_LENGTH);
	emit_index(e, OP_CALL, e->operation);
	emit_op(e, OP_DROP);
	emit_op(e, OP_END);
}

/* memory.copy is a call, which is worth while for longer strings. */
enum { TEXT_SHORT_BYTES = 64 };

static void emit_text_copy(struct adapter_emitter *e, const struct piece *p)
{
	emit_index(e, OP_LOCAL_GET, PIECE_LENGTH);
	emit_i32(e, TEXT_SHORT_BYTES);
	emit_op(e, OP_I32_LE_U);
	emit_op(e, OP_IF);
	emit_strides(e, p, copy_bytes);
	emit_op(e, OP_ELSE);
	emit_index(e, OP_LOCAL_GET, PIECE_ADDRESS);
	emit_index(e, OP_LOCAL_GET, PIECE_FROM);
	emit_index(e, OP_LOCAL_GET, PIECE_LENGTH);
	emit_copy(e, p->back);
	emit_op(e, OP_END);
}

static void piece_text(struct adapter_emitter *e, const struct piece *p)
{
	struct span span = {.at = PIECE_FROM,
			    .align = 1,
			    .in_local = true,
			    .bytes = PIECE_LENGTH,
			    .outside = TRAP_TEXT};
	emit_index(e, OP_LOCAL_GET, PIECE_LENGTH);
	emit_i32(e, COMPONENT_MAX_PASSED_BYTES);
	emit_op(e, OP_I32_GT_U);
	emit_trap_if(e, TRAP_TEXT);
	emit_span(e, value_source(p->back), &span);
	emit_text_check(e, p);
	span.at = PIECE_ADDRESS;
	span.outside = TRAP_REALLOC_END;
	emit_allocate(e, value_target(p->back), &span);
	emit_text_copy(e, p);
	emit_index(e, OP_LOCAL_GET, PIECE_ADDRESS);
}

/* --- functions --- */

static void piece_body(struct adapter_emitter *e, const struct piece *p)
{
	const uint32_t begin = code_begin(&e->code);
	code_u8(&e->code, 2);
	code_u32(&e->code, PIECE_WIDE - PIECE_ADDRESS);
	code_u8(&e->code, WASM_I32);
	code_u32(&e->code, 1 + 2u * e->spec->side[value_target(p->back)].has_context);
	code_u8(&e->code, WASM_I64);
	e->scratch = PIECE_SCRATCH;
	e->wide = PIECE_WIDE;
	e->kept = PIECE_KEPT;
	emit_body_begin(e);
	switch ((enum piece_kind)p->kind) {
	case PIECE_VALUE:
		piece_value(e, p);
		break;
	case PIECE_TUPLE:
		piece_members(e, p);
		break;
	case PIECE_ELEMENTS:
		piece_elements(e, p);
		break;
	case PIECE_TEXT:
		piece_text(e, p);
		break;
	}
	emit_body_end(e);
	code_end(&e->code, begin);
}

/* Those that are found on the way come after. */
void emit_pieces(struct adapter_emitter *e)
{
	for (uint32_t n = 0; n < e->pieces && !e->has_failed && !e->code.is_full; n++) {
		const struct piece p = e->piece[n];
		piece_body(e, &p);
	}
}
