/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that passes values from one side to the other, flat or in memory (CanonicalABI.md; pass.c
 * and flat.c are the same in C, for what is interpreted). Compound values in memory have a function
 * each, so that code grows with what a type says and not with what it is written out.
 */
#include "guest/component/adapter_code.h"

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

static enum adapter_side_name source(bool back)
{
	if (back)
		return CALLEE;
	return CALLER;
}

static enum adapter_side_name target(bool back)
{
	if (back)
		return CALLER;
	return CALLEE;
}

static bool is_plain(const struct ctype *t)
{
	return t->kind >= CTYPE_S8 && t->kind <= CTYPE_F64;
}

/* --- words that are checked --- */

/* A number of a case, in e->scratch. */
static void emit_case_check(struct adapter_emitter *e, const struct ctype *t)
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

/* What a word on the stack that is none of the plain numbers becomes; it may be checked first. */
static void emit_word(struct adapter_emitter *e, const struct ctype *t)
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

/* The operand of the operation for a handle. */
static uint32_t handle_number(struct adapter_emitter *e, const struct ctype *a,
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

static bool is_transcoded(const struct adapter_emitter *e, const struct ctype *t)
{
	return t->kind == CTYPE_STRING && !text_is_plain(e);
}

/* Of a pointer and a length on the stack, the pointer on the other side. */
static void emit_cross(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b,
		       bool back)
{
	if (a->kind == CTYPE_STRING)
		emit_index(e, OP_CALL, emit_piece(e, PIECE_TEXT, NULL, NULL, back));
	else
		emit_index(e, OP_CALL, emit_piece(e, PIECE_ELEMENTS, a, b, back));
}

/* --- cases --- */

/* A choice whose case is in e->scratch: `one` is called for each that has something. */
struct choice {
	const struct ctype *a, *b;
	bool back;
	uint32_t at; /* flat: where what it has begins; in memory: the address's locals */
	uint32_t to;
	void (*one)(struct adapter_emitter *e, const struct choice *c, const struct ctype *a,
		    const struct ctype *b);
};

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

static void emit_choice(struct adapter_emitter *e, const struct choice *c)
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

static void emit_access(struct adapter_emitter *e, enum code_op op, uint32_t memory,
			uint32_t offset)
{
	emit_op(e, op);
	code_u8(&e->code, memory ? MEMARG_INDEX : 0);
	if (memory)
		code_u32(&e->code, memory);
	code_u32(&e->code, offset);
}

static void emit_address(struct adapter_emitter *e, uint32_t local, uint32_t offset)
{
	emit_index(e, OP_LOCAL_GET, local);
	if (offset) {
		emit_i32(e, offset);
		emit_op(e, OP_I32_ADD);
	}
}

/* --- short strings --- */

enum { TEXT_WORD = 8, TEXT_INLINE = 8 };

/* Of eight bytes on the stack. */
static void emit_is_not_ascii(struct adapter_emitter *e)
{
	emit_i64(e, 0x8080808080808080ull);
	emit_op(e, OP_I64_AND);
	emit_i64(e, 0);
	emit_op(e, OP_I64_NE);
}

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
	load_two_words(e, source(back), pointer);
	emit_allocate(e, target(back), &made);
	store_two_words(e, target(back), pointer);
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
	if (a->kind == CTYPE_STRING && text_is_plain(e) && e->letter[at] == 'i' &&
	    e->letter[at + 1] == 'i' && e->inlined < TEXT_INLINE) {
		emit_flat_text(e, back, flat_local(e, at));
		return;
	}
	if (is_transcoded(e, a))
		emit_operation(e, ADAPTER_TEXT, source(back));
	get_flat(e, at, 'i');
	get_flat(e, at + 1, 'i');
	if (!is_transcoded(e, a)) {
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
	emit_operation(e, ADAPTER_HANDLE, handle_number(e, a, b, back));
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
	emit_access(e, load_of(bytes), e->memory[source(l->back)], l->offset + offset);
}

/* The address is below the value on the stack. */
static void emit_store(struct adapter_emitter *e, const struct location *l, uint32_t bytes,
		       uint32_t offset)
{
	emit_access(e, store_of(bytes), e->memory[target(l->back)], l->offset + offset);
}

static void memory_cross(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b,
			 const struct location *l)
{
	if (!is_transcoded(e, a)) {
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
	emit_operation(e, ADAPTER_TEXT, source(l->back));
	emit_load(e, l, 4, 0);
	emit_load(e, l, 4, 4);
	emit_index(e, OP_CALL, e->operation);
	emit_store(e, l, 8, 0);
}

static void memory_handle(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b,
			  const struct location *l)
{
	emit_index(e, OP_LOCAL_GET, l->to);
	emit_operation(e, ADAPTER_HANDLE, handle_number(e, a, b, l->back));
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
	if (!is_plain(t))
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
	code_u32(&e->code, e->memory[target(back)]);
	code_u32(&e->code, e->memory[source(back)]);
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
	if (is_plain(element)) {
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
	emit_span(e, source(p->back), &span);
	span.at = PIECE_ADDRESS;
	span.unaligned = TRAP_REALLOC_ALIGN;
	span.outside = TRAP_REALLOC_END;
	emit_allocate(e, target(p->back), &span);
	if (p->a->kind != CTYPE_MAP && is_plain(p->a->members[0].type)) {
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
		    e->memory[source(p->back)], 0);
	emit_op(e, OP_I64_OR);
	emit_index(e, OP_LOCAL_SET, PIECE_WIDE);
}

static void copy_bytes(struct adapter_emitter *e, const struct piece *p, uint32_t bytes)
{
	emit_at(e, PIECE_ADDRESS);
	emit_at(e, PIECE_FROM);
	emit_access(e, load_of(bytes), e->memory[source(p->back)], 0);
	emit_access(e, store_of(bytes), e->memory[target(p->back)], 0);
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
	emit_operation(e, ADAPTER_CHECK, source(p->back));
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
	emit_span(e, source(p->back), &span);
	emit_text_check(e, p);
	span.at = PIECE_ADDRESS;
	span.outside = TRAP_REALLOC_END;
	emit_allocate(e, target(p->back), &span);
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
	code_u32(&e->code, 1 + 2u * e->spec->side[target(p->back)].has_context);
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

/* Those that are found on the way come behind. */
void emit_pieces(struct adapter_emitter *e)
{
	for (uint32_t n = 0; n < e->pieces && !e->has_failed && !e->code.is_full; n++) {
		const struct piece p = e->piece[n];
		piece_body(e, &p);
	}
}
