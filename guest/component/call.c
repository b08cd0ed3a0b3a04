/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of components' functions: lifts, and core functions that lower them (CanonicalABI.md,
 * "Canonical Definitions"). Who calls may be a guest's code at any moment; what may be entered and
 * left decides whether it is carried out. A trap ends the outermost call and leaves all instances
 * that it was in entered, so that nobody enters them again.
 */
#include "guest/component/adapter.h"

#include "guest/wasm/platform.h"

void component_trap(struct component *c, const char *format, ...)
{
	char text[128];
	va_list ap;
	va_start(ap, format);
	wasm_vformat(text, sizeof(text), format, ap);
	va_end(ap);
	wasm_store_trap(c->store, WASM_TRAP_COMPONENT, text);
}

/* --- entering and leaving --- */

static bool is_within(const struct component_instance *i, const struct component_instance *outer)
{
	for (; i; i = i->parent)
		if (i == outer)
			return true;
	return false;
}

enum instance_state instance_state(const struct component_instance *i)
{
	return (enum instance_state)wasm_global_get(i->state).i32;
}

void instance_set_state(struct component_instance *i, enum instance_state state)
{
	wasm_global_set(i->state, (union wasm_value){.i32 = state});
}

uint32_t instances_entered(const struct component_instance *callee,
			   const struct component_instance *caller)
{
	uint32_t n = 0;
	for (; callee && !is_within(caller, callee); callee = callee->parent)
		n++;
	return n;
}

void instance_enter(struct component_instance *callee, const struct component_instance *caller)
{
	for (struct component_instance *i = callee; i && !is_within(caller, i); i = i->parent)
		if (instance_state(i) != INSTANCE_IDLE)
			component_trap(callee->of, "cannot enter component instance");
	for (struct component_instance *i = callee; i && !is_within(caller, i); i = i->parent)
		instance_set_state(i, INSTANCE_ENTERED);
}

void instance_leave(struct component_instance *callee, const struct component_instance *caller)
{
	for (struct component_instance *i = callee; i && !is_within(caller, i); i = i->parent)
		instance_set_state(i, INSTANCE_IDLE);
}

struct task_context context_begin(struct component_instance *i)
{
	struct task_context outer = {0};
	for (unsigned slot = 0; i->context[0] && slot < 2; slot++) {
		outer.slot[slot] = wasm_global_get(i->context[slot]).i64;
		wasm_global_set(i->context[slot], (union wasm_value){0});
	}
	return outer;
}

void context_end(struct component_instance *i, const struct task_context *outer)
{
	for (unsigned slot = 0; i->context[0] && slot < 2; slot++)
		wasm_global_set(i->context[slot], (union wasm_value){.i64 = outer->slot[slot]});
}

/* Calls through C that no compiled code is between would not see the stack's end. */
static void check_stack(struct component *c)
{
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	if (here < platform_stack_limit() + WASM_STACK_RESERVE_BYTES)
		wasm_store_trap(c->store, WASM_TRAP_STACK, NULL);
}

/* --- a function's own side --- */

/* One call of a lifted function. */
struct lifted_call {
	struct component_func *func;
	struct component_call side;
	struct borrows borrows;
	uint64_t args[FLAT_MAX + 1];
	union wasm_value result;
	struct task_context outer;
	uint8_t bytes[FLAT_BYTES] __attribute__((aligned(16))); /* parameters, then the result */
};

static bool by_pointer(uint32_t flat_count, uint32_t max)
{
	return flat_count > max;
}

uint32_t flat_params(const struct ctype *func)
{
	struct flat f = {0};
	for (uint32_t i = 0; i < func->count; i++)
		flat_add(&f, func->members[i].type);
	return f.count;
}

/* Where the parameters are to be stored. */
static uint8_t *begin_params(struct lifted_call *k)
{
	const struct ctype *type = k->func->type;
	if (!by_pointer(k->func->flats, FLAT_MAX))
		return k->bytes;
	const struct layout_tuple tuple = layout_tuple(type);
	uint32_t at;
	uint8_t *to = side_realloc(&k->side, 0, 0, tuple.align, tuple.bytes, &at);
	k->args[0] = at;
	return to;
}

static void end_params(struct lifted_call *k, const uint8_t *params)
{
	if (params == k->bytes)
		tuple_to_flat(&(struct words){.of = k->func->of, .out = k->args}, k->func->type,
			      params);
}

static void call_core(struct wasm_func *core, const uint64_t *words, union wasm_value *result)
{
	const struct wasm_functype *type = wasm_func_type(core);
	union wasm_value args[FLAT_MAX + 1];
	for (uint32_t i = 0; i < type->param_count; i++)
		args[i].i64 = words[i];
	(void)wasm_call(core, args, result, NULL);
}

/* Where the result is. */
static const uint8_t *begin_result(struct lifted_call *k)
{
	const struct ctype *type = k->func->type->of;
	if (!type)
		return NULL;
	if (by_pointer(type->flat.count, 1))
		return side_span(&k->side, k->result.i32, type->bytes, type->align, "result");
	const uint64_t word = k->result.i64;
	flat_to_memory(&(struct words){.of = k->func->of, .in = &word}, type, k->bytes);
	return k->bytes;
}

static void end_result(struct lifted_call *k)
{
	if (k->borrows.count)
		component_trap(k->func->of, "borrow handles still remain at the end of the call");
	if (k->func->options.post_return) {
		const uint64_t word = k->result.i64;
		instance_set_state(k->func->inst, INSTANCE_MAY_NOT_LEAVE);
		call_core(k->func->options.post_return, &word, NULL);
		instance_set_state(k->func->inst, INSTANCE_ENTERED);
	}
	context_end(k->func->inst, &k->outer);
}

static void begin_call(struct lifted_call *k, struct component_func *func)
{
	*k = (struct lifted_call){.func = func};
	k->side = (struct component_call){func->inst, &func->options, &k->borrows};
	k->outer = context_begin(func->inst);
}

/* --- core functions that lower a function --- */

struct lowered {
	struct component_func *callee;
	struct component_call side; /* the caller's */
	const struct ctype *type;
	uint32_t flats;                   /* of the parameters */
	uint32_t max_params, max_results; /* that are passed flat */
	bool is_async;
};

/* Parameters as the caller has them: in its memory, or `bytes`. */
static const uint8_t *caller_params(const struct lowered *l, const uint64_t *args, uint8_t *bytes)
{
	if (by_pointer(l->flats, l->max_params)) {
		const struct layout_tuple tuple = layout_tuple(l->type);
		return side_span(&l->side, (uint32_t)args[0], tuple.bytes, tuple.align,
				 "parameters");
	}
	flat_to_tuple(&(struct words){.of = l->callee->of, .in = args}, l->type, bytes);
	return bytes;
}

/* Where the result is to be stored: in the caller's memory, or `bytes`. */
static uint8_t *caller_result(const struct lowered *l, const uint64_t *args, uint8_t *bytes)
{
	const struct ctype *type = l->type->of;
	if (!type || !by_pointer(type->flat.count, l->max_results))
		return bytes;
	const uint32_t at = (uint32_t)args[by_pointer(l->flats, l->max_params) ? 1 : l->flats];
	return side_span(&l->side, at, type->bytes, type->align, "result");
}

static uint64_t result_word(const struct lowered *l, const uint8_t *result)
{
	uint64_t word = 0;
	if (l->type->of && !by_pointer(l->type->of->flat.count, l->max_results))
		memory_to_flat(&(struct words){.of = l->callee->of, .out = &word}, l->type->of,
			       result);
	return word;
}

static void call_lifted(const struct lowered *l, const uint8_t *params, uint8_t *bytes,
			const uint64_t *args, uint64_t *word)
{
	struct lifted_call k;
	struct component_func *callee = l->callee;
	instance_enter(callee->inst, l->side.inst);
	begin_call(&k, callee);
	const struct passage in = {callee->of, l->side, k.side};
	uint8_t *to = begin_params(&k);
	pass_tuple(&in, l->type, callee->type, params, to);
	end_params(&k, to);
	call_core(callee->core, k.args, &k.result);
	const uint8_t *result = begin_result(&k);
	if (result) {
		const struct passage out = {callee->of, k.side, l->side};
		uint8_t *at = caller_result(l, args, bytes);
		pass_value(&out, callee->type->of, l->type->of, result, at);
		*word = result_word(l, at);
	}
	end_result(&k);
	instance_leave(callee->inst, l->side.inst);
}

static void call_host(const struct lowered *l, const uint8_t *params, uint8_t *bytes,
		      const uint64_t *args, uint64_t *word)
{
	const struct ctype *type = l->type;
	struct component_call side = l->side;
	const struct passage in = {l->callee->of, l->side, {0}};
	const struct layout_tuple tuple = layout_tuple(type);
	uint8_t own[COMPONENT_HOST_BYTES] __attribute__((aligned(16)));
	uint8_t out[COMPONENT_HOST_BYTES] __attribute__((aligned(16)));
	if (tuple.bytes > sizeof(own) || (type->of && type->of->bytes > sizeof(out)))
		component_trap(l->callee->of, "too large for a function of the host");
	pass_tuple(&in, type, type, params, own);
	memset(out, 0, sizeof(out));
	l->callee->host->call(&side, own, out);
	if (!type->of)
		return;
	uint8_t *at = caller_result(l, args, bytes);
	memcpy(at, out, type->of->bytes);
	*word = result_word(l, at);
}

/*
 * An asynchronous call of a function that is lifted synchronously has returned when it comes back:
 * nothing can make it wait.
 */
enum { SUBTASK_RETURNED = 2 };

static uint64_t lowered_call(void *context, const uint64_t *args)
{
	const struct lowered *l = context;
	struct component *c = l->callee->of;
	uint8_t bytes[FLAT_BYTES] __attribute__((aligned(16)));
	const uint32_t loans = c->loans.count;
	uint64_t word = 0;
	check_stack(c);
	if (instance_state(l->side.inst) == INSTANCE_MAY_NOT_LEAVE)
		component_trap(c, "cannot leave component instance");
	const uint8_t *params = caller_params(l, args, bytes);
	if (l->callee->host)
		call_host(l, params, bytes, args, &word);
	else
		call_lifted(l, params, bytes, args, &word);
	loans_end(&c->loans, loans);
	if (l->is_async)
		return SUBTASK_RETURNED;
	return word;
}

static uint64_t async_call(void *context, const uint64_t *args)
{
	const struct lowered *l = context;
	(void)args;
	if (instance_state(l->side.inst) == INSTANCE_MAY_NOT_LEAVE)
		component_trap(l->callee->of, "cannot leave component instance");
	component_trap(l->callee->of, "async functions are not supported");
}

struct wasm_func *lower_function(struct component_instance *i, const struct canon *canon,
				 struct component_func *callee, const struct canon_options *options)
{
	struct component *c = i->of;
	struct canon_options *own = component_need(c, 1, sizeof(*own));
	*own = *options;
	struct wasm_func *f = callee->inst ? adapter_link(i, canon, callee, own) : NULL;
	if (f)
		return f;
	struct lowered *l = component_need(c, 1, sizeof(*l));
	*l = (struct lowered){
		.callee = callee,
		.side = {i, own, NULL},
		.type = canon->type,
		.flats = flat_params(canon->type),
		.max_params = FLAT_MAX,
		.max_results = !canon->is_async,
		.is_async = canon->is_async,
	};
	if (canon->is_async)
		l->max_params = FLAT_ASYNC_PARAMS;
	f = wasm_func_new(c->store, canon->core, callee->is_async ? async_call : lowered_call, l);
	if (!f)
		wasm_fail(c->fail, WASM_ERROR_MEMORY, 0, "out of memory for functions");
	return f;
}

/* --- from outside --- */

struct outside {
	struct component_func *func;
	const struct component_passing *pass;
};

static void outside_call(void *context)
{
	struct outside *o = context;
	struct lifted_call k;
	instance_enter(o->func->inst, NULL);
	begin_call(&k, o->func);
	uint8_t *to = begin_params(&k);
	if (o->pass && o->pass->lower)
		o->pass->lower(o->pass->context, &k.side, to);
	end_params(&k, to);
	call_core(o->func->core, k.args, &k.result);
	const uint8_t *result = begin_result(&k);
	if (result && o->pass && o->pass->lift)
		o->pass->lift(o->pass->context, &k.side, result);
	end_result(&k);
	instance_leave(o->func->inst, NULL);
}

enum wasm_outcome component_call(struct component_func *func, const struct component_passing *pass,
				 struct wasm_stop *stop)
{
	struct outside o = {.func = func, .pass = pass};
	return wasm_run(func->of->store, outside_call, &o, stop);
}

const struct ctype *component_func_type(const struct component_func *func)
{
	return func->type;
}
