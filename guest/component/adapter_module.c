/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module of an adapter: what it imports, and the function that its caller calls
 * (CanonicalABI.md, "canon lift" and "canon lower", in one).
 */
#include "guest/component/adapter_code.h"

#include "guest/component/call.h"

static bool params_by_pointer(const struct adapter_spec *spec)
{
	return flat_params(spec->side[CALLEE].type) > FLAT_MAX;
}

static bool result_by_pointer(const struct adapter_spec *spec)
{
	const struct ctype *result = spec->side[CALLEE].type->of;
	return result && result->flat.count > 1;
}

/* --- types --- */

enum module_type_index {
	TYPE_ADAPTER,
	TYPE_CORE,
	TYPE_REALLOC,
	TYPE_POST_RETURN,
	TYPE_OPERATION,
	TYPE_VALUE,
	TYPE_POINTER,
	MODULE_TYPES
};

static void put_letters(struct code_buffer *b, const struct flat *f)
{
	code_u32(b, f->count);
	for (uint32_t i = 0; i < f->count; i++)
		code_u8(b, flat_core_type(f->letter[i]));
}

static void put_functype(struct code_buffer *b, const struct flat *params,
			 const struct flat *results)
{
	code_u8(b, 0x60);
	put_letters(b, params);
	put_letters(b, results);
}

/* What the lifted function takes and gives. */
static struct flat core_params(const struct adapter_spec *spec)
{
	if (params_by_pointer(spec))
		return (struct flat){1, "i"};
	return spec->side[CALLEE].type->flat;
}

static struct flat core_results(const struct adapter_spec *spec)
{
	struct flat f = {0};
	if (result_by_pointer(spec))
		return (struct flat){1, "i"};
	flat_add(&f, spec->side[CALLEE].type->of);
	return f;
}

static void put_types(struct code_buffer *b, const struct adapter_spec *spec)
{
	const struct flat none = {0}, one = {1, "i"}, two = {2, "ii"}, three = {3, "iii"},
			  four = {4, "iiii"}, wide = {1, "I"}, params = core_params(spec),
			  results = core_results(spec);
	struct flat own_params = params;
	struct flat own_results = results;
	if (result_by_pointer(spec)) {
		own_params.letter[own_params.count++] = 'i';
		own_results = none;
	}
	code_u32(b, MODULE_TYPES);
	put_functype(b, &own_params, &own_results);
	put_functype(b, &params, &results);
	put_functype(b, &four, &one);
	put_functype(b, &results, &none);
	put_functype(b, &three, &wide);
	put_functype(b, &two, &none);
	put_functype(b, &two, &one);
}

/* --- imports --- */

static void put_import(struct code_buffer *b, enum adapter_import which, uint32_t index,
		       enum wasm_kind kind)
{
	code_u32(b, 0);
	code_u32(b, 2);
	code_u8(b, which);
	code_u8(b, IMPORT_INDEX + index);
	code_u8(b, kind);
}

static uint32_t import_func(struct adapter_emitter *e, struct code_buffer *b,
			    enum adapter_import which, uint32_t index, enum module_type_index type)
{
	put_import(b, which, index, WASM_KIND_FUNC);
	code_u32(b, type);
	return e->adapter++;
}

static uint32_t import_global(struct adapter_emitter *e, struct code_buffer *b,
			      enum adapter_import which, uint32_t index, enum wasm_type type)
{
	put_import(b, which, index, WASM_KIND_GLOBAL);
	code_u8(b, type);
	code_u8(b, 1);
	return e->globals++;
}

static void import_side(struct adapter_emitter *e, struct code_buffer *b,
			enum adapter_side_name side)
{
	const struct adapter_side *s = &e->spec->side[side];
	e->state[side] = import_global(e, b, IMPORT_STATE, side, WASM_I32);
	if (s->has_context) {
		e->context[side] = import_global(e, b, IMPORT_CONTEXT, 2 * side, WASM_I64);
		(void)import_global(e, b, IMPORT_CONTEXT, 2 * side + 1, WASM_I64);
	}
	if (s->has_realloc)
		e->realloc[side] = import_func(e, b, IMPORT_REALLOC, side, TYPE_REALLOC);
	if (s->has_memory) {
		put_import(b, IMPORT_MEMORY, side, WASM_KIND_MEMORY);
		if (s->byte_pages) {
			code_u8(b, 0x08); /* the size of its pages follows: 2^0 */
			code_u32(b, 0);
			code_u32(b, 0);
		} else {
			code_u8(b, 0);
			code_u32(b, 0);
		}
		e->memory[side] = e->memories++;
	}
}

static uint32_t import_count(const struct adapter_spec *spec)
{
	uint32_t n = 2 + spec->has_post_return;
	for (unsigned side = CALLER; side <= CALLEE; side++) {
		const struct adapter_side *s = &spec->side[side];
		n += 1 + 2u * s->has_context + s->has_realloc + s->has_memory;
	}
	if (spec->entered)
		n += spec->entered - 1;
	return n;
}

static void put_imports(struct adapter_emitter *e, struct code_buffer *b)
{
	code_u32(b, import_count(e->spec));
	e->core = import_func(e, b, IMPORT_CORE, 0, TYPE_CORE);
	e->operation = import_func(e, b, IMPORT_OPERATION, 0, TYPE_OPERATION);
	import_side(e, b, CALLER);
	import_side(e, b, CALLEE);
	if (e->spec->has_post_return)
		e->post_return = import_func(e, b, IMPORT_POST_RETURN, 0, TYPE_POST_RETURN);
	e->outer = e->globals;
	for (uint32_t n = 1; n < e->spec->entered; n++)
		(void)import_global(e, b, IMPORT_OUTER, n - 1, WASM_I32);
}

/* --- the function --- */

/* Locals behind the parameters: an address, and those that struct adapter_emitter names. */
struct adapter_locals {
	uint32_t params; /* its own */
	uint32_t address, raw, context;
	char result;
	bool stays; /* the result is what it is, and on the stack */
};

/* Whether all words are values of a type, which is a number of 32 or 64 bits. */
static bool word_stays(const struct ctype *t)
{
	return t->kind >= CTYPE_S32 && t->kind <= CTYPE_F64;
}

static struct adapter_locals place_locals(struct adapter_emitter *e)
{
	const struct flat params = core_params(e->spec), results = core_results(e->spec);
	struct adapter_locals l = {.params = params.count + result_by_pointer(e->spec)};
	l.address = l.params;
	e->scratch = l.params + 1;
	e->wide = l.params + 2;
	e->last = l.params + 3;
	e->kept = l.params + 4;
	l.context = l.params + 6;
	e->result = l.params + 8;
	l.raw = l.params + 9;
	if (results.count)
		l.result = results.letter[0];
	if (l.result && !result_by_pointer(e->spec))
		l.stays = word_stays(e->spec->side[CALLEE].type->of);
	return l;
}

static void put_locals(struct code_buffer *b, const struct adapter_locals *l)
{
	code_u32(b, l->result ? 3 : 2);
	code_u32(b, 2);
	code_u8(b, WASM_I32);
	code_u32(b, 6);
	code_u8(b, WASM_I64);
	if (l->result) {
		code_u32(b, 2);
		code_u8(b, flat_core_type(l->result));
	}
}

/* State of the nth instance that is entered. */
static uint32_t entered_state(const struct adapter_emitter *e, uint32_t n)
{
	if (!n)
		return e->state[CALLEE];
	return e->outer + n - 1;
}

static void emit_enter(struct adapter_emitter *e)
{
	emit_index(e, OP_GLOBAL_GET, e->state[CALLER]);
	emit_i32(e, INSTANCE_MAY_NOT_LEAVE);
	emit_op(e, OP_I32_EQ);
	emit_trap_if(e, TRAP_LEAVE);
	for (uint32_t n = 0; n < e->spec->entered; n++) {
		emit_index(e, OP_GLOBAL_GET, entered_state(e, n));
		emit_trap_if(e, TRAP_ENTER);
	}
	/* The callee's own state comes next. */
	for (uint32_t n = 1; n < e->spec->entered; n++) {
		emit_i32(e, INSTANCE_ENTERED);
		emit_index(e, OP_GLOBAL_SET, entered_state(e, n));
	}
}

static void emit_leave(struct adapter_emitter *e)
{
	for (uint32_t n = 0; n < e->spec->entered; n++) {
		emit_i32(e, INSTANCE_IDLE);
		emit_index(e, OP_GLOBAL_SET, entered_state(e, n));
	}
}

static void emit_scope(struct adapter_emitter *e, enum adapter_operation operation)
{
	if (!e->spec->side[CALLER].type->borrows)
		return;
	emit_operation(e, operation, 0);
	emit_i32(e, 0);
	emit_i32(e, 0);
	emit_index(e, OP_CALL, e->operation);
	emit_op(e, OP_DROP);
}

/* While realloc allocates for values that a side gets, its instance calls nothing outside. */
static void emit_stores(struct adapter_emitter *e, enum adapter_side_name side, bool points,
			enum instance_state state)
{
	if (points)
		emit_state(e, side, state);
}

static void emit_params(struct adapter_emitter *e, const struct adapter_locals *l)
{
	const struct ctype *a = e->spec->side[CALLER].type, *b = e->spec->side[CALLEE].type;
	uint32_t at = 0;
	e->flat = 0;
	e->letter = a->flat.letter;
	if (!params_by_pointer(e->spec)) {
		for (uint32_t n = 0; n < a->count; n++) {
			emit_flat(e, a->members[n].type, b->members[n].type, false, at);
			at += a->members[n].type->flat.count;
		}
		return;
	}
	const struct layout_tuple tuple = layout_tuple(a);
	if (tuple.bytes > UINT32_MAX) /* no memory has them: what is interpreted traps */
		e->has_failed = true;
	emit_span(e, CALLER,
		  &(struct span){.at = 0,
				 .align = tuple.align,
				 .bytes = (uint32_t)tuple.bytes,
				 .unaligned = TRAP_UNALIGNED,
				 .outside = TRAP_PARAMETERS});
	emit_allocate(e, CALLEE,
		      &(struct span){.at = l->address,
				     .align = tuple.align,
				     .bytes = (uint32_t)tuple.bytes,
				     .unaligned = TRAP_REALLOC_ALIGN,
				     .outside = TRAP_REALLOC_END});
	emit_index(e, OP_LOCAL_GET, 0);
	emit_index(e, OP_LOCAL_GET, l->address);
	emit_index(e, OP_CALL, emit_piece(e, PIECE_TUPLE, a, b, false));
}

static void emit_core_call(struct adapter_emitter *e, const struct adapter_locals *l)
{
	const uint32_t params = core_params(e->spec).count;
	if (params_by_pointer(e->spec))
		emit_index(e, OP_LOCAL_GET, l->address);
	else
		for (uint32_t n = 0; n < params; n++)
			emit_index(e, OP_LOCAL_GET, n);
	emit_index(e, OP_CALL, e->core);
	if (!l->result)
		return;
	if (e->spec->has_post_return)
		emit_index(e, OP_LOCAL_TEE, l->raw);
	if (!l->stays)
		emit_index(e, OP_LOCAL_SET, e->result);
}

/* The span of a result in memory: the local is the callee's pointer, or where the caller has it. */
static struct span result_span(const struct ctype *type, uint32_t local)
{
	return (struct span){.at = local,
			     .align = type->align,
			     .bytes = type->bytes,
			     .unaligned = TRAP_UNALIGNED,
			     .outside = TRAP_RESULT};
}

static void emit_result(struct adapter_emitter *e, const struct adapter_locals *l)
{
	const struct ctype *a = e->spec->side[CALLEE].type->of, *b = e->spec->side[CALLER].type->of;
	if (!a || l->stays)
		return;
	if (!result_by_pointer(e->spec)) {
		e->flat = e->result;
		e->letter = a->flat.letter;
		emit_flat(e, a, b, true, 0);
		return;
	}
	const struct span from = result_span(a, e->result), to = result_span(a, l->params - 1);
	emit_span(e, CALLEE, &from);
	emit_span(e, CALLER, &to);
	emit_index(e, OP_LOCAL_GET, e->result);
	emit_index(e, OP_LOCAL_GET, l->params - 1);
	emit_index(e, OP_CALL, emit_piece(e, PIECE_VALUE, a, b, true));
}

static void emit_post_return(struct adapter_emitter *e, const struct adapter_locals *l)
{
	if (!e->spec->has_post_return)
		return;
	emit_state(e, CALLEE, INSTANCE_MAY_NOT_LEAVE);
	if (l->result)
		emit_index(e, OP_LOCAL_GET, l->raw);
	emit_index(e, OP_CALL, e->post_return);
	emit_state(e, CALLEE, INSTANCE_ENTERED);
}

static void emit_adapter(struct adapter_emitter *e)
{
	const struct adapter_locals l = place_locals(e);
	const struct ctype *type = e->spec->side[CALLEE].type;
	const bool params_point = type->params_point || params_by_pointer(e->spec),
		   result_points = type->of && type->of->points;
	const uint32_t begin = code_begin(&e->code);
	put_locals(&e->code, &l);
	emit_body_begin(e);
	emit_enter(e);
	emit_scope(e, ADAPTER_BEGIN);
	emit_context_begin(e, CALLEE, l.context);
	emit_stores(e, CALLEE, params_point, INSTANCE_MAY_NOT_LEAVE);
	emit_params(e, &l);
	emit_state(e, CALLEE, INSTANCE_ENTERED);
	emit_core_call(e, &l);
	emit_stores(e, CALLER, result_points, INSTANCE_MAY_NOT_LEAVE);
	emit_result(e, &l);
	emit_stores(e, CALLER, result_points, INSTANCE_ENTERED);
	emit_scope(e, ADAPTER_FINISH);
	emit_post_return(e, &l);
	emit_context_end(e, CALLEE, l.context);
	emit_leave(e);
	if (l.result && !l.stays && !result_by_pointer(e->spec))
		emit_index(e, OP_LOCAL_GET, e->result);
	emit_body_end(e);
	code_end(&e->code, begin);
}

/* --- the module --- */

enum { SECTION_TYPE = 1, SECTION_IMPORT = 2, SECTION_FUNCTION = 3, SECTION_EXPORT = 7 };
enum { SECTION_CODE = 10 };

static uint32_t begin_section(struct code_buffer *b, uint8_t id)
{
	code_u8(b, id);
	return code_begin(b);
}

static void put_functions(const struct adapter_emitter *e, struct code_buffer *b)
{
	code_u32(b, 1 + e->pieces);
	code_u32(b, TYPE_ADAPTER);
	for (uint32_t n = 0; n < e->pieces; n++)
		code_u32(b, e->piece[n].kind <= PIECE_TUPLE ? TYPE_VALUE : TYPE_POINTER);
}

static void put_export(const struct adapter_emitter *e, struct code_buffer *b)
{
	code_u32(b, 1);
	code_u32(b, 1);
	code_u8(b, IMPORT_CORE);
	code_u8(b, WASM_KIND_FUNC);
	code_u32(b, e->adapter);
}

/* How the code section begins, whose bytes are e->code: its length is known by now. */
static void put_code_head(const struct adapter_emitter *e, struct code_buffer *b)
{
	struct code_buffer count = {.size = 8, .at = (uint8_t[8]){0}};
	code_u32(&count, 1 + e->pieces);
	code_u8(b, SECTION_CODE);
	code_u32(b, count.bytes + e->code.bytes);
	code_u32(b, 1 + e->pieces);
}

bool adapter_emit(struct adapter_emitter *e, const struct adapter_spec *spec)
{
	static const uint8_t preamble[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
	struct code_buffer *b = &e->head;
	e->spec = spec;
	e->has_failed = false;
	e->adapter = e->globals = e->memories = e->pieces = e->handles = e->inlined = 0;
	e->head = (struct code_buffer){.at = e->head_bytes, .size = ADAPTER_HEAD_BYTES};
	e->code = (struct code_buffer){.at = e->code_bytes, .size = ADAPTER_BYTES};
	for (unsigned i = 0; i < sizeof(preamble); i++)
		code_u8(b, preamble[i]);
	uint32_t section = begin_section(b, SECTION_TYPE);
	put_types(b, spec);
	code_end(b, section);
	section = begin_section(b, SECTION_IMPORT);
	put_imports(e, b);
	code_end(b, section);
	emit_adapter(e);
	emit_pieces(e);
	section = begin_section(b, SECTION_FUNCTION);
	put_functions(e, b);
	code_end(b, section);
	section = begin_section(b, SECTION_EXPORT);
	put_export(e, b);
	code_end(b, section);
	put_code_head(e, b);
	return !e->has_failed && !e->code.is_full && !e->head.is_full;
}
