/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical definitions: the core functions that they make or take, and their options
 * (CanonicalABI.md, "Canonical Definitions").
 */
#include "guest/component/validator.h"
#include "guest/wasm/module/types.h"

enum { CANON_LIFT = 0x00, CANON_LOWER = 0x01, CANON_THREADS = 0x40, CANON_THREADS_LAST = 0x42 };
enum { CANON_CONTEXT_GET = 0x0a, CANON_CONTEXT_SET = 0x0b };
enum option {
	OPTION_UTF8,
	OPTION_UTF16,
	OPTION_LATIN1_UTF16,
	OPTION_MEMORY,
	OPTION_REALLOC,
	OPTION_POST_RETURN,
	OPTION_ASYNC,
	OPTION_CALLBACK,
	OPTIONS,
};

struct options {
	bool has[OPTIONS];
	uint32_t index[OPTIONS]; /* of the memory and of functions */
	const struct wasm_functype *func[OPTIONS];
	bool byte_pages; /* of the memory */
};

static const char *const option_names[OPTIONS] = {
	"utf8", "utf16", "latin1-utf16", "memory", "realloc", "post-return", "async", "callback",
};

/* --- core function types --- */

/* A core function of this type is defined. */
static const struct wasm_functype *add_core_func(struct validator *v, const char *params,
						 uint32_t param_count, const char *results,
						 uint32_t result_count)
{
	struct wasm_externtype *e = need(v, 1, sizeof(*e));
	struct deftype *t = types_open(&v->r, 1);
	uint32_t *types = types_take(&v->r, (param_count + result_count) * sizeof(*types));
	for (uint32_t i = 0; i < param_count; i++)
		types[i] = flat_core_type(params[i]);
	for (uint32_t i = 0; i < result_count; i++)
		types[param_count + i] = flat_core_type(results[i]);
	t->form = TYPE_FORM_FUNC;
	t->is_final = true;
	t->func = (struct wasm_functype){
		.param_count = param_count,
		.result_count = result_count,
		.params = types,
		.results = types + param_count,
		.param_words = param_count,
	};
	*e = (struct wasm_externtype){
		.kind = WASM_KIND_FUNC,
		.func = &types_close(&v->r, t, 1)->func,
	};
	space_add(v, SORT_CORE_FUNC, e);
	return e->func;
}

static const struct wasm_functype *core_func(struct validator *v, uint32_t index)
{
	const struct wasm_externtype *e = space_get(v, v->scope, SORT_CORE_FUNC, index);
	return e->func;
}

static bool letters_are(const uint32_t *types, uint32_t count, const char *letters, uint32_t wanted)
{
	bool same = count == wanted;
	for (uint32_t i = 0; same && i < count; i++)
		same = types[i] == flat_core_type(letters[i]);
	return same;
}

/* --- options --- */

static void check_option_function(struct validator *v, enum option o, const struct wasm_functype *f,
				  const char *signature)
{
	if (!wasm_functype_is(f, signature))
		invalid(v, "canonical option `%s` uses a core function with an incorrect signature",
			option_names[o]);
}

static void take_memory(struct validator *v, struct options *o,
			const struct wasm_externtype *memory)
{
	if (memory->limits.is_64)
		reader_fail(&v->r, WASM_ERROR_UNSUPPORTED,
			    "canonical options with a 64-bit memory are not supported");
	o->byte_pages = memory->limits.byte_pages;
}

static void read_option(struct validator *v, struct options *o)
{
	uint8_t option = read_u8(&v->r);
	if (option >= OPTIONS)
		malformed(v, "canonical option", option);
	if (o->has[option])
		invalid(v, "canonical option `%s` is specified more than once",
			option_names[option]);
	o->has[option] = true;
	if (option >= OPTION_MEMORY && option != OPTION_ASYNC)
		o->index[option] = read_u32(&v->r);
	if (option == OPTION_MEMORY)
		take_memory(v, o, space_get(v, v->scope, SORT_CORE_MEMORY, o->index[option]));
	if (option == OPTION_REALLOC || option == OPTION_POST_RETURN || option == OPTION_CALLBACK)
		o->func[option] = core_func(v, o->index[option]);
	if (option == OPTION_REALLOC)
		check_option_function(v, OPTION_REALLOC, o->func[option], "iiii:i");
	if (option == OPTION_CALLBACK)
		check_option_function(v, OPTION_CALLBACK, o->func[option], "iii:i");
}

static void read_options(struct validator *v, struct options *o)
{
	uint32_t n = read_vector(v, COMPONENT_MAX_ENTRIES, "canonical options");
	for (uint32_t i = 0; i < n; i++)
		read_option(v, o);
	for (unsigned a = OPTION_UTF8; a < OPTION_LATIN1_UTF16; a++)
		for (unsigned b = a + 1; b <= OPTION_LATIN1_UTF16; b++)
			if (o->has[a] && o->has[b])
				invalid(v,
					"canonical encoding option `%s` conflicts with option `%s`",
					option_names[a], option_names[b]);
	if (o->has[OPTION_REALLOC] && !o->has[OPTION_MEMORY])
		invalid(v, "canonical option `realloc` requires `memory` to also be specified");
}

static uint32_t index_of(const struct options *o, enum option option)
{
	if (!o->has[option])
		return COMPONENT_NONE;
	return o->index[option];
}

/* What the graph has of a definition with these options, and notes it. */
static void define_canon(struct validator *v, enum definition_kind kind, const struct options *o,
			 struct canon canon)
{
	struct canon *c = need(v, 1, sizeof(*c));
	*c = canon;
	c->encoding = STRING_UTF8;
	if (o->has[OPTION_UTF16])
		c->encoding = STRING_UTF16;
	if (o->has[OPTION_LATIN1_UTF16])
		c->encoding = STRING_LATIN1_UTF16;
	c->is_async = o->has[OPTION_ASYNC];
	c->byte_pages = o->byte_pages;
	c->memory = index_of(o, OPTION_MEMORY);
	c->realloc = index_of(o, OPTION_REALLOC);
	c->post_return = index_of(o, OPTION_POST_RETURN);
	define(v, &(struct definition){
			  .kind = (uint8_t)kind,
			  .sort = kind == DEFINE_LIFT ? SORT_FUNC : SORT_CORE_FUNC,
			  .canon = c,
		  });
}

static void need_option(struct validator *v, const struct options *o, enum option option, bool need)
{
	if (need && !o->has[option])
		invalid(v, "canonical option `%s` is required", option_names[option]);
}

static void refuse_option(struct validator *v, const struct options *o, enum option option,
			  const char *why)
{
	if (o->has[option])
		invalid(v, "canonical option `%s` cannot be specified %s", option_names[option],
			why);
}

/* --- lift and lower --- */

/* A function's flat form: too many values are one pointer to them. */
struct signature {
	struct flat params, results;
	bool by_memory; /* one of both is */
};

static bool to_pointer(struct flat *f, uint32_t max)
{
	bool many = f->count > max;
	if (many)
		*f = (struct flat){.count = 1, .letter = "i"};
	return many;
}

static void check_lifted(struct validator *v, const struct wasm_functype *core,
			 const struct signature *s)
{
	if (!letters_are(core->params, core->param_count, s->params.letter, s->params.count))
		invalid(v, "lowered parameter types do not match parameter types of the function");
	if (!letters_are(core->results, core->result_count, s->results.letter, s->results.count))
		invalid(v, "lowered result types do not match result types of the function");
}

/* What an export of a core module gives: its parameters are lowered into it. */
static void check_lift(struct validator *v, const struct ctype *func,
		       const struct wasm_functype *core, const struct options *o)
{
	struct signature s = {.params = func->flat};
	bool params_by_memory = to_pointer(&s.params, FLAT_MAX), result_points = false;
	if (o->has[OPTION_ASYNC]) {
		if (o->has[OPTION_CALLBACK])
			s.results = (struct flat){.count = 1, .letter = "i"};
	} else if (func->of) {
		flat_add(&s.results, func->of);
		result_points = to_pointer(&s.results, 1) || func->of->points;
	}
	bool needs_realloc = params_by_memory || func->params_point;
	need_option(v, o, OPTION_MEMORY, needs_realloc || result_points);
	need_option(v, o, OPTION_REALLOC, needs_realloc);
	check_lifted(v, core, &s);
}

static void check_post_return(struct validator *v, const struct wasm_functype *core,
			      const struct options *o)
{
	const struct wasm_functype *f = o->func[OPTION_POST_RETURN];
	if (f && (f->result_count || f->param_count != core->result_count ||
		  memcmp(f->params, core->results, f->param_count * sizeof(*f->params)) != 0))
		invalid(v, "canonical option `post-return` uses a core function with an incorrect "
			   "signature");
}

static void decode_lift(struct validator *v)
{
	struct options o = {0};
	uint8_t sort = read_u8(&v->r);
	if (sort)
		malformed(v, "canonical function lift", sort);
	const uint32_t function = read_u32(&v->r);
	const struct wasm_functype *core = core_func(v, function);
	read_options(v, &o);
	uint32_t index = read_u32(&v->r);
	const struct ctype *func = type_at(v, index);
	if (func->kind != CTYPE_FUNC)
		invalid(v, "type index %u is not a function type", index);
	if (o.has[OPTION_ASYNC]) {
		if (!func->is_async)
			invalid(v, "the `async` canonical option requires an async function type");
		refuse_option(v, &o, OPTION_POST_RETURN, "with `async`");
	} else {
		refuse_option(v, &o, OPTION_CALLBACK, "without `async`");
	}
	check_lift(v, func, core, &o);
	check_post_return(v, core, &o);
	space_add(v, SORT_FUNC, func);
	define_canon(v, DEFINE_LIFT, &o, (struct canon){.type = func, .function = function});
}

static void append(struct flat *f, char letter)
{
	f->letter[f->count++] = letter;
}

static void decode_lower(struct validator *v)
{
	struct options o = {0};
	struct signature s = {0};
	uint8_t sort = read_u8(&v->r);
	if (sort)
		malformed(v, "canonical function lower", sort);
	const uint32_t function = read_u32(&v->r);
	const struct ctype *func = space_get(v, v->scope, SORT_FUNC, function);
	read_options(v, &o);
	refuse_option(v, &o, OPTION_POST_RETURN, "for lowerings");
	refuse_option(v, &o, OPTION_CALLBACK, "for lowerings");
	bool is_async = o.has[OPTION_ASYNC];
	if (is_async && !func->is_async)
		invalid(v, "the `async` canonical option requires an async function type");
	s.params = func->flat;
	bool by_memory = to_pointer(&s.params, is_async ? FLAT_ASYNC_PARAMS : FLAT_MAX) ||
			 func->params_point;
	flat_add(&s.results, func->of);
	if (s.results.count > (is_async ? 0 : 1)) {
		append(&s.params, 'i');
		s.results.count = 0;
		by_memory = true;
	}
	bool result_points = func->of && func->of->points;
	need_option(v, &o, OPTION_MEMORY, by_memory || result_points);
	need_option(v, &o, OPTION_REALLOC, result_points);
	if (is_async)
		append(&s.results, 'i');
	struct canon c = {.type = func, .function = function};
	c.core = add_core_func(v, s.params.letter, s.params.count, s.results.letter,
			       s.results.count);
	define_canon(v, DEFINE_LOWER, &o, c);
}

/* --- built-ins --- */

struct builtin {
	const char *name, *operands, *signature;
};

static const struct builtin builtins[] = {
#define BUILTIN(byte, name, operands, signature) [byte] = {name, operands, signature},
#include "guest/component/canon.def"
};

/* What the operands of one say. */
struct operands {
	char value; /* letter of the core value type */
	uint8_t slot;
	const struct ctype *resource;
	const struct ctype *result, *channel;
	struct options options;
};

static const struct ctype *read_resource(struct validator *v, bool local)
{
	uint32_t index = read_u32(&v->r);
	const struct ctype *t = type_at(v, index);
	if (t->kind != CTYPE_RESOURCE)
		invalid(v, "type index %u is not a resource type", index);
	if (local && v->resource[t->resource].owner != v->scope)
		invalid(v, "type index %u is not a local resource", index);
	return t;
}

static const struct ctype *read_channel(struct validator *v, enum ctype_kind kind)
{
	uint32_t index = read_u32(&v->r);
	const struct ctype *t = type_at(v, index);
	if (t->kind != kind)
		invalid(v, "type index %u is not a %s type", index,
			kind == CTYPE_STREAM ? "stream" : "future");
	return t;
}

static void read_context(struct validator *v, struct operands *o)
{
	uint8_t type = read_u8(&v->r);
	if (type != WASM_I32 && type != WASM_I64)
		invalid(v, "a context's value must be `i32` or `i64`");
	uint32_t slot = read_u32(&v->r);
	if (slot > 1)
		invalid(v, "a context has no slot %u", slot);
	o->value = type == WASM_I32 ? 'i' : 'I';
	o->slot = (uint8_t)slot;
}

static void read_thread_function(struct validator *v)
{
	uint32_t index = read_u32(&v->r);
	const struct core_type *t = space_get(v, v->scope, SORT_CORE_TYPE, index);
	if (!t->func || !wasm_functype_is(t->func, "i:"))
		invalid(v, "core type index %u is not the type of a thread's function", index);
}

static void read_table(struct validator *v)
{
	const struct wasm_externtype *t = space_get(v, v->scope, SORT_CORE_TABLE, read_u32(&v->r));
	if (t->type != WASM_FUNCREF)
		invalid(v, "a thread's function comes from a table of functions");
}

static void read_operand(struct validator *v, char operand, struct operands *o)
{
	switch (operand) {
	case 'r':
	case 'l':
		o->resource = read_resource(v, operand == 'l');
		return;
	case 's':
		o->channel = read_channel(v, CTYPE_STREAM);
		return;
	case 'u':
		o->channel = read_channel(v, CTYPE_FUTURE);
		return;
	case 'o':
		read_options(v, &o->options);
		return;
	case 'v':
		read_context(v, o);
		return;
	case 'R':
		o->result = read_result_list(v);
		return;
	case 'b':
		if (read_u8(&v->r) > 1) {
			v->r.p--;
			reader_fail(&v->r, WASM_ERROR_MALFORMED, "invalid boolean value");
		}
		return;
	case 'm':
		(void)space_get(v, v->scope, SORT_CORE_MEMORY, read_u32(&v->r));
		return;
	case 'c':
		read_thread_function(v);
		return;
	case 't':
		read_table(v);
		return;
	}
}

/* Those that read and write values have them in memory. */
static void check_builtin_options(struct validator *v, uint8_t byte, const struct operands *o)
{
	const struct ctype *element = o->channel ? o->channel->members[0].type : NULL;
	const bool reads = byte == 0x0f || byte == 0x16;
	refuse_option(v, &o->options, OPTION_POST_RETURN, "here");
	refuse_option(v, &o->options, OPTION_CALLBACK, "here");
	need_option(v, &o->options, OPTION_MEMORY, element != NULL);
	need_option(v, &o->options, OPTION_REALLOC, reads && element && element->points);
	if (byte == 0x1c || byte == 0x1d)
		need_option(v, &o->options, OPTION_MEMORY, true);
	if (byte == 0x1d)
		need_option(v, &o->options, OPTION_REALLOC, true);
	if (byte == 0x09) {
		struct flat f = {0};
		flat_add(&f, o->result);
		need_option(v, &o->options, OPTION_MEMORY,
			    f.count > FLAT_MAX || (o->result && o->result->points));
		refuse_option(v, &o->options, OPTION_REALLOC, "here");
		refuse_option(v, &o->options, OPTION_ASYNC, "here");
	}
}

static void put_letters(const char *letters, const struct operands *o, struct flat *f)
{
	for (; *letters && *letters != ':'; letters++) {
		if (*letters == '*')
			flat_add(f, o->result);
		else if (*letters == 'v')
			append(f, o->value);
		else
			append(f, *letters);
	}
	(void)to_pointer(f, FLAT_MAX);
}

static void decode_builtin(struct validator *v, uint8_t byte)
{
	const struct builtin *b = &builtins[byte];
	struct operands o = {0};
	struct flat params = {0}, results = {0};
	for (const char *operand = b->operands; *operand; operand++) {
		read_operand(v, *operand, &o);
		if (*operand == 'o')
			check_builtin_options(v, byte, &o);
	}
	put_letters(b->signature, &o, &params);
	const char *colon = b->signature;
	while (*colon != ':')
		colon++;
	put_letters(colon + 1, &o, &results);
	struct canon c = {.type = o.resource, .builtin = byte, .slot = o.slot};
	c.core = add_core_func(v, params.letter, params.count, results.letter, results.count);
	if (byte == CANON_CONTEXT_GET || byte == CANON_CONTEXT_SET)
		v->scope->graph->has_context = true;
	define_canon(v, DEFINE_BUILTIN, &o.options, c);
}

void decode_canon(struct validator *v)
{
	uint8_t byte = read_u8(&v->r);
	if (byte == CANON_LIFT)
		decode_lift(v);
	else if (byte == CANON_LOWER)
		decode_lower(v);
	else if (byte >= CANON_THREADS && byte <= CANON_THREADS_LAST)
		reader_fail(&v->r, WASM_ERROR_UNSUPPORTED, "threads are not supported");
	else if (byte < sizeof(builtins) / sizeof(*builtins) && builtins[byte].name)
		decode_builtin(v, byte);
	else
		malformed(v, "canonical function", byte);
}
