/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adapters: which calls have one, their modules, instances of those, and what they do in C. A plan
 * of the component's instances, made before any of its code runs, says which functions are lowered
 * from where; equal code is compiled once.
 */
#include "guest/component/adapter.h"

#include "guest/component/adapter_code.h"
#include "guest/wasm/module/hash.h"
#include "guest/wasm/platform.h"

#include <errno.h>

/* Compiled code, of all adapters that are the same. */
struct adapter_code {
	struct adapter_code *next;
	struct wasm_module *module;
	const uint8_t *at;
	uint32_t bytes, hash;
};

/* Of one lower. */
struct adapter {
	struct adapter *next;
	const struct canon *caller, *callee;
	const struct adapter_code *code;
	const struct adapter_handle *handles;
	struct component *of;
	struct component_call side[2];
};

/* A call under way that borrows. */
struct call_scope {
	struct call_scope *outer;
	struct borrows borrows;
	uint32_t loans;
};

enum { ADAPTER_BUCKETS = 256 };

struct adapters {
	struct arena arena; /* it lies in this */
	struct adapter *first, *last;
	struct adapter *next; /* while instances are made: the next lower's */
	uint32_t count;
	struct adapter_code *codes[ADAPTER_BUCKETS];
	struct call_scope *scope, *unused;
	struct adapter_emitter *emitter; /* while it is planned */
	struct arena emitting;
};

/* --- what adapters call --- */

static const char *const trap_texts[ADAPTER_TRAPS] = {
	[TRAP_LEAVE] = "cannot leave component instance",
	[TRAP_ENTER] = "cannot enter component instance",
	[TRAP_UNALIGNED] = "unaligned pointer",
	[TRAP_PARAMETERS] = "parameters out-of-bounds",
	[TRAP_RESULT] = "result out-of-bounds",
	[TRAP_TEXT] = "string content out-of-bounds",
	[TRAP_LIST] = "list content out-of-bounds",
	[TRAP_LIST_BYTES] = "list is too long",
	[TRAP_REALLOC_ALIGN] = "realloc return: result not aligned",
	[TRAP_REALLOC_END] = "realloc return: beyond end of memory",
	[TRAP_CHAR] = "invalid `char` bit pattern",
	[TRAP_CASE] = "invalid variant discriminant",
};

static void begin_scope(struct adapter *a)
{
	struct adapters *all = a->of->adapters;
	struct call_scope *s = all->unused;
	if (s)
		all->unused = s->outer;
	else
		s = arena_take(&all->arena, sizeof(*s));
	if (!s)
		component_trap(a->of, "no memory for a call");
	*s = (struct call_scope){.outer = all->scope, .loans = a->of->loans.count};
	all->scope = s;
}

static void finish_scope(struct adapter *a)
{
	struct adapters *all = a->of->adapters;
	struct call_scope *s = all->scope;
	if (s->borrows.count)
		component_trap(a->of, "borrow handles still remain at the end of the call");
	loans_end(&a->of->loans, s->loans);
	all->scope = s->outer;
	s->outer = all->unused;
	all->unused = s;
}

static uint64_t pass_text(struct adapter *a, unsigned from, uint32_t at, uint32_t units)
{
	uint32_t pair[2];
	const struct text text = text_lift(&a->side[from], at, units);
	text_lower(&a->side[!from], &text, pair);
	return pair[0] | (uint64_t)pair[1] << 32;
}

static uint32_t cross_handle(struct adapter *a, const struct adapter_handle *h, uint32_t index)
{
	struct passage p = {a->of, a->side[CALLER], a->side[CALLEE]};
	if (h->back)
		p = (struct passage){a->of, a->side[CALLEE], a->side[CALLER]};
	else if (a->of->adapters->scope)
		p.to.borrows = &a->of->adapters->scope->borrows;
	return pass_handle(&p, h->from, h->to, index);
}

static uint64_t operation(void *context, const uint64_t *args)
{
	struct adapter *a = context;
	const uint32_t operand = (uint32_t)args[0] >> ADAPTER_OPERAND_SHIFT;
	const uint32_t x = (uint32_t)args[1], y = (uint32_t)args[2];
	switch ((enum adapter_operation)(args[0] & ((1u << ADAPTER_OPERAND_SHIFT) - 1))) {
	case ADAPTER_TRAP:
		component_trap(a->of, "%s", trap_texts[operand]);
	case ADAPTER_BEGIN:
		begin_scope(a);
		return 0;
	case ADAPTER_FINISH:
		finish_scope(a);
		return 0;
	case ADAPTER_CHECK:
		(void)text_lift(&a->side[operand], x, y);
		return 0;
	case ADAPTER_TEXT:
		return pass_text(a, operand, x, y);
	case ADAPTER_HANDLE:
		return cross_handle(a, &a->handles[operand], x);
	}
	return 0;
}

/* --- the plan --- */

static struct adapter_side side_of(const struct canon *c, const struct graph *graph)
{
	return (struct adapter_side){
		.type = c->type,
		.encoding = c->encoding,
		.has_memory = c->memory != COMPONENT_NONE,
		.has_realloc = c->realloc != COMPONENT_NONE,
		.has_context = graph->has_context,
		.byte_pages = c->byte_pages,
	};
}

static uint32_t hash_bytes(uint64_t h, const struct code_buffer *b)
{
	for (uint32_t i = 0; i < b->bytes; i++)
		h = hash_add(h, b->at[i]);
	return hash_end(h);
}

static bool is_code(const struct adapter_code *code, const struct code_buffer *head,
		    const struct code_buffer *body)
{
	return code->bytes == head->bytes + body->bytes &&
	       memcmp(code->at, head->at, head->bytes) == 0 &&
	       memcmp(code->at + head->bytes, body->at, body->bytes) == 0;
}

static struct adapter_code *compile(struct component *c, const struct adapter_emitter *e)
{
	struct adapters *all = c->adapters;
	const uint32_t bytes = e->head.bytes + e->code.bytes;
	struct adapter_code *made = arena_need(&all->arena, c->fail, 1, sizeof(*made));
	uint8_t *at = arena_need(&all->arena, c->fail, bytes, 1);
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL,
		.cpu = c->cpu,
		.is_adapter = true,
	};
	struct wasm_error error;
	memcpy(at, e->head.at, e->head.bytes);
	memcpy(at + e->head.bytes, e->code.at, e->code.bytes);
	*made = (struct adapter_code){.at = at, .bytes = bytes};
	if (wasm_compile(c->store, at, bytes, &options, &made->module, &error) < 0)
		wasm_fail(c->fail, error.kind, 0, "adapter: %s", error.message);
	return made;
}

/* The code that the emitter has, compiled. */
static const struct adapter_code *code_of(struct component *c, const struct adapter_emitter *e)
{
	const uint32_t hash = hash_bytes(hash_begin() + e->head.bytes, &e->code) ^
			      hash_bytes(hash_begin(), &e->head);
	struct adapter_code **bucket = &c->adapters->codes[hash % ADAPTER_BUCKETS];
	for (const struct adapter_code *code = *bucket; code; code = code->next)
		if (code->hash == hash && is_code(code, &e->head, &e->code))
			return code;
	struct adapter_code *made = compile(c, e);
	made->hash = hash;
	made->next = *bucket;
	*bucket = made;
	return made;
}

static void emit_planned(struct adapter *a, const struct adapter_spec *spec)
{
	struct component *c = a->of;
	struct adapter_emitter *e = c->adapters->emitter;
	if (!adapter_emit(e, spec))
		return;
	struct adapter_handle *handles =
		arena_need(&c->adapters->arena, c->fail, e->handles, sizeof(*handles));
	memcpy(handles, e->handle, e->handles * sizeof(*handles));
	a->handles = handles;
	a->code = code_of(c, e);
}

void adapter_plan(struct component_instance *caller, const struct canon *canon,
		  const struct component_func *callee)
{
	struct component *c = caller->of;
	struct adapters *all = c->adapters;
	if (all->count == COMPONENT_MAX_ADAPTERS || canon->is_async || callee->is_async)
		return;
	struct adapter *a = arena_need(&all->arena, c->fail, 1, sizeof(*a));
	const struct adapter_spec spec = {
		.side = {side_of(canon, caller->graph),
			 side_of(callee->canon, callee->inst->graph)},
		.has_post_return = callee->canon->post_return != COMPONENT_NONE,
		.entered = instances_entered(callee->inst, caller),
	};
	*a = (struct adapter){.caller = canon, .callee = callee->canon, .of = c};
	if (all->last)
		all->last->next = a;
	else
		all->first = a;
	all->last = a;
	all->count++;
	emit_planned(a, &spec);
}

/* --- an instance --- */

struct linking {
	struct adapter *of;
	const struct component_func *callee;
	const struct component_instance *caller;
};

static const struct component_instance *side_instance(const struct linking *l, unsigned side)
{
	if (side == CALLER)
		return l->caller;
	return l->callee->inst;
}

static struct wasm_global *outer_state(const struct linking *l, unsigned n)
{
	const struct component_instance *i = l->callee->inst->parent;
	while (n--)
		i = i->parent;
	return i->state;
}

static struct wasm_func *operation_func(const struct linking *l, const struct wasm_import *import)
{
	return wasm_func_new(l->of->of->store, import->type.func, operation, l->of);
}

static int resolve(void *context, const struct wasm_import *import, struct wasm_extern *out)
{
	const struct linking *l = context;
	const unsigned n = (unsigned)(import->name.text[1] - IMPORT_INDEX);
	out->kind = import->type.kind;
	switch ((enum adapter_import)import->name.text[0]) {
	case IMPORT_CORE:
		out->func = l->callee->core;
		break;
	case IMPORT_OPERATION:
		out->func = operation_func(l, import);
		break;
	case IMPORT_REALLOC:
		out->func = l->of->side[n].options->realloc;
		break;
	case IMPORT_POST_RETURN:
		out->func = l->callee->options.post_return;
		break;
	case IMPORT_MEMORY:
		out->memory = l->of->side[n].options->memory;
		break;
	case IMPORT_STATE:
		out->global = side_instance(l, n)->state;
		break;
	case IMPORT_CONTEXT:
		out->global = side_instance(l, n / 2)->context[n % 2];
		break;
	case IMPORT_OUTER:
		out->global = outer_state(l, n);
		break;
	}
	if (import->type.kind == WASM_KIND_FUNC && !out->func)
		return -ENOMEM;
	return 0;
}

struct wasm_func *adapter_link(struct component_instance *caller, const struct canon *canon,
			       struct component_func *callee, const struct canon_options *options)
{
	struct component *c = caller->of;
	struct adapter *a = NULL;
	if (c->adapters)
		a = c->adapters->next;
	if (!a || a->caller != canon || a->callee != callee->canon)
		return NULL;
	c->adapters->next = a->next;
	if (!a->code)
		return NULL;
	struct linking l = {a, callee, caller};
	const struct wasm_link link = {.resolve = resolve, .resolve_context = &l};
	struct wasm_instance *instance;
	struct wasm_extern found;
	struct wasm_error error;
	a->side[CALLER] = (struct component_call){.inst = caller, .options = options};
	a->side[CALLEE] =
		(struct component_call){.inst = callee->inst, .options = &callee->options};
	if (wasm_instantiate(a->code->module, &link, &instance, &error, c->stop) < 0)
		wasm_fail(c->fail, error.kind, 0, "adapter: %s", error.message);
	if (wasm_instance_export(instance, "f", 1, &found) < 0)
		return NULL;
	return found.func;
}

/* --- all of a component --- */

void adapters_open(struct component *c, struct failure *fail)
{
	struct arena arena;
	struct adapters *all = NULL;
	if (arena_open(&arena, COMPONENT_ADAPTERS_BYTES))
		all = arena_take(&arena, sizeof(*all));
	if (!all)
		wasm_fail(fail, WASM_ERROR_MEMORY, 0, "out of memory for adapters");
	all->arena = arena;
	c->adapters = all;
	if (arena_open(&all->emitting, platform_page_up(sizeof(*all->emitter))))
		all->emitter = arena_take(&all->emitting, sizeof(*all->emitter));
	if (!all->emitter)
		wasm_fail(fail, WASM_ERROR_MEMORY, 0, "out of memory for adapters");
}

void adapters_close_plan(struct component *c)
{
	arena_close(&c->adapters->emitting);
	c->adapters->emitter = NULL;
	c->adapters->next = c->adapters->first;
}

void adapters_free(struct component *c)
{
	if (!c->adapters)
		return;
	arena_close(&c->adapters->emitting);
	struct arena arena = c->adapters->arena; /* it lies in this */
	arena_close(&arena);
	c->adapters = NULL;
}
