/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that passes flat values from one side to the other (CanonicalABI.md; flat.c is the same in
 * C, for what is interpreted).
 */
#include "guest/component/adapter_values.h"

/* --- short strings --- */

enum { TEXT_INLINE = 8 };

/* Where the last word of a string is. */
static void emit_last_word(struct adapter_emitter *e, uint32_t local, uint32_t length)
{
	emit_index(e, OP_LOCAL_GET, local);
	emit_index(e, OP_LOCAL_GET, length);
	emit_op(e, OP_I32_ADD);
	emit_i32(e, -(uint32_t)TEXT_WORD);
	emit_op(e, OP_I32_ADD);
}

/* Leaves the block unless it has 8 to 16 bytes, which are there and ASCII: e->wide and e->last. */
static void load_two_words(struct adapter_emitter *e, enum adapter_side_name from, uint32_t pointer)
{
	const uint32_t length = pointer + 1;
	emit_address(e, length, -(uint32_t)TEXT_WORD);
	emit_i32(e, TEXT_WORD);
	emit_op(e, OP_I32_GT_U);
	emit_index(e, OP_BR_IF, 0);
	emit_is_outside(e, from, &(struct span){.at = pointer, .in_local = true, .bytes = length});
	emit_index(e, OP_BR_IF, 0);
	emit_index(e, OP_LOCAL_GET, pointer);
	emit_access(e, OP_I64_LOAD, e->memory[from], 0);
	emit_index(e, OP_LOCAL_TEE, e->wide);
	emit_last_word(e, pointer, length);
	emit_access(e, OP_I64_LOAD, e->memory[from], 0);
	emit_index(e, OP_LOCAL_TEE, e->last);
	emit_op(e, OP_I64_OR);
	emit_is_not_ascii(e);
	emit_index(e, OP_BR_IF, 0);
}

static void store_two_words(struct adapter_emitter *e, enum adapter_side_name to, uint32_t pointer)
{
	emit_index(e, OP_LOCAL_GET, e->scratch);
	emit_index(e, OP_LOCAL_GET, e->wide);
	emit_access(e, OP_I64_STORE, e->memory[to], 0);
	emit_last_word(e, e->scratch, pointer + 1);
	emit_index(e, OP_LOCAL_GET, e->last);
	emit_access(e, OP_I64_STORE, e->memory[to], 0);
}

/*
 * A flat string. Those of 8 to 16 bytes of ASCII, which most are, are two words that overlap, and
 * cost no call but that of realloc; all others go by PIECE_TEXT, which says what is wrong with
 * them.
 */
static void emit_flat_text(struct adapter_emitter *e, bool back, uint32_t pointer)
{
	const struct span made = {.at = e->scratch,
				  .align = 1,
				  .in_local = true,
				  .bytes = pointer + 1,
				  .outside = TRAP_REALLOC_END};
	emit_op(e, OP_BLOCK);
	emit_op(e, OP_BLOCK);
	load_two_words(e, value_source(back), pointer);
	emit_allocate(e, value_target(back), &made);
	store_two_words(e, value_target(back), pointer);
	emit_index(e, OP_LOCAL_GET, e->scratch);
	emit_index(e, OP_LOCAL_SET, pointer);
	emit_index(e, OP_BR, 1);
	emit_op(e, OP_END);
	emit_index(e, OP_LOCAL_GET, pointer);
	emit_index(e, OP_LOCAL_GET, pointer + 1);
	emit_index(e, OP_CALL, emit_piece(e, PIECE_TEXT, NULL, NULL, back));
	emit_index(e, OP_LOCAL_SET, pointer);
	emit_op(e, OP_END);
	e->inlined++;
}

/* --- flat --- */

static uint32_t flat_local(const struct adapter_emitter *e, uint32_t at)
{
	return e->flat + at;
}

/* A word that stands for values of several types has the bits of the one that it is. */
static void get_flat(struct adapter_emitter *e, uint32_t at, char letter)
{
	const char from = e->letter[at];
	emit_index(e, OP_LOCAL_GET, flat_local(e, at));
	if (from == letter)
		return;
	if (letter == 'F') {
		emit_op(e, OP_F64_REINTERPRET);
		return;
	}
	if (from == 'I')
		emit_op(e, OP_I32_WRAP);
	if (letter == 'f')
		emit_op(e, OP_F32_REINTERPRET);
}

static void set_flat(struct adapter_emitter *e, uint32_t at, char letter)
{
	const char to = e->letter[at];
	if (to != letter) {
		if (letter == 'F')
			emit_op(e, OP_I64_REINTERPRET);
		if (letter == 'f')
			emit_op(e, OP_I32_REINTERPRET);
		if (letter != 'F' && to == 'I')
			emit_op(e, OP_I64_EXTEND_U);
	}
	emit_index(e, OP_LOCAL_SET, flat_local(e, at));
}

static void zero_flat(struct adapter_emitter *e, uint32_t at)
{
	switch (e->letter[at]) {
	case 'I':
		emit_i64(e, 0);
		break;
	case 'f':
		emit_op(e, OP_F32_CONST);
		for (unsigned i = 0; i < 4; i++)
			code_u8(&e->code, 0);
		break;
	case 'F':
		emit_op(e, OP_F64_CONST);
		for (unsigned i = 0; i < 8; i++)
			code_u8(&e->code, 0);
		break;
	default:
		emit_i32(e, 0);
	}
	emit_index(e, OP_LOCAL_SET, flat_local(e, at));
}

static void flat_number(struct adapter_emitter *e, const struct ctype *t, uint32_t at)
{
	const char letter = t->flat.letter[0];
	if (t->bytes >= 4 && letter == e->letter[at])
		return;
	get_flat(e, at, letter);
	if (t->kind == CTYPE_S8) {
		emit_op(e, OP_I32_EXTEND8);
	} else if (t->kind == CTYPE_S16) {
		emit_op(e, OP_I32_EXTEND16);
	} else if (t->bytes < 4) {
		emit_i32(e, (1u << 8 * t->bytes) - 1);
		emit_op(e, OP_I32_AND);
	}
	set_flat(e, at, letter);
}

/* Pointer and length. */
static void flat_cross(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b,
		       bool back, uint32_t at)
{
	if (a->kind == CTYPE_STRING && !value_is_transcoded(e, a) && e->letter[at] == 'i' &&
	    e->letter[at + 1] == 'i' && e->inlined < TEXT_INLINE) {
		emit_flat_text(e, back, flat_local(e, at));
		return;
	}
	if (value_is_transcoded(e, a))
		emit_operation(e, ADAPTER_TEXT, value_source(back));
	get_flat(e, at, 'i');
	get_flat(e, at + 1, 'i');
	if (!value_is_transcoded(e, a)) {
		emit_cross(e, a, b, back);
		set_flat(e, at, 'i');
		get_flat(e, at + 1, 'i');
		set_flat(e, at + 1, 'i');
		return;
	}
	emit_index(e, OP_CALL, e->operation);
	emit_index(e, OP_LOCAL_TEE, e->wide);
	emit_op(e, OP_I32_WRAP);
	set_flat(e, at, 'i');
	emit_index(e, OP_LOCAL_GET, e->wide);
	emit_i64(e, 32);
	emit_op(e, OP_I64_SHR_U);
	emit_op(e, OP_I32_WRAP);
	set_flat(e, at + 1, 'i');
}

static void flat_handle(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b,
			bool back, uint32_t at)
{
	emit_operation(e, ADAPTER_HANDLE, adapter_handle_number(e, a, b, back));
	get_flat(e, at, 'i');
	emit_i32(e, 0);
	emit_index(e, OP_CALL, e->operation);
	emit_op(e, OP_I32_WRAP);
	set_flat(e, at, 'i');
}

/* What one case has, and zeroes where others have more. */
static void flat_case(struct adapter_emitter *e, const struct choice *c, const struct ctype *a,
		      const struct ctype *b)
{
	uint32_t at = c->at;
	if (a) {
		emit_flat(e, a, b, c->back, at);
		at += a->flat.count;
	}
	for (; at < c->to; at++)
		zero_flat(e, at);
}

static void flat_choice(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b,
			bool back, uint32_t at)
{
	const struct choice c = {a, b, back, at + 1, at + a->flat.count, flat_case};
	get_flat(e, at, 'i');
	emit_index(e, OP_LOCAL_TEE, e->scratch);
	set_flat(e, at, 'i');
	emit_case_check(e, a);
	emit_choice(e, &c);
}

static void flat_parts(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b,
		       bool back, uint32_t at)
{
	const bool is_list = a->kind == CTYPE_FIXED_LIST;
	const uint32_t count = is_list ? a->length : a->count;
	for (uint32_t n = 0; n < count && !e->has_failed; n++) {
		const uint32_t member = is_list ? 0 : n;
		const struct ctype *part = a->members[member].type;
		emit_flat(e, part, b->members[member].type, back, at);
		at += part->flat.count;
	}
}

void emit_flat(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b, bool back,
	       uint32_t at)
{
	if (e->has_failed || e->code.is_full)
		return;
	switch (a->kind) {
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
	case CTYPE_FIXED_LIST:
		flat_parts(e, a, b, back, at);
		return;
	case CTYPE_VARIANT:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		flat_choice(e, a, b, back, at);
		return;
	case CTYPE_STRING:
	case CTYPE_LIST:
	case CTYPE_MAP:
		flat_cross(e, a, b, back, at);
		return;
	case CTYPE_OWN:
	case CTYPE_BORROW:
		flat_handle(e, a, b, back, at);
		return;
	case CTYPE_BOOL:
	case CTYPE_CHAR:
	case CTYPE_FLAGS:
	case CTYPE_ENUM:
		get_flat(e, at, 'i');
		emit_word(e, a);
		set_flat(e, at, 'i');
		return;
	case CTYPE_STREAM:
	case CTYPE_FUTURE:
	case CTYPE_ERROR_CONTEXT:
		e->has_failed = true; /* such calls trap by name */
		return;
	default:
		flat_number(e, a, at);
	}
}
