/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Built-ins: core functions for resources and the call's context (CanonicalABI.md, "Canonical
 * Definitions"). Those of asynchronous calls and threads trap by name: bindings import them whether
 * or not they call them.
 */
#include "guest/component/call.h"

enum builtin {
	BUILTIN_RESOURCE_NEW = 0x02,
	BUILTIN_RESOURCE_DROP = 0x03,
	BUILTIN_RESOURCE_REP = 0x04,
	BUILTIN_CONTEXT_GET = 0x0a,
	BUILTIN_CONTEXT_SET = 0x0b,
	BUILTIN_BACKPRESSURE_INC = 0x24,
	BUILTIN_BACKPRESSURE_DEC = 0x25,
};

static const char *const names[] = {
#define BUILTIN(byte, name, operands, signature) [byte] = name,
#include "guest/component/canon.def"
};

struct builtin_call {
	struct component_instance *inst;
	const struct resource_type *resource;
	const char *name;
	uint8_t slot;
};

static void check_leave(const struct builtin_call *b)
{
	if (instance_state(b->inst) == INSTANCE_MAY_NOT_LEAVE)
		component_trap(b->inst->of, "cannot leave component instance");
}

static uint64_t resource_new(void *context, const uint64_t *args)
{
	const struct builtin_call *b = context;
	const struct component_call side = {.inst = b->inst};
	check_leave(b);
	return own_lower(&side, b->resource, (uint32_t)args[0]);
}

static uint64_t resource_rep(void *context, const uint64_t *args)
{
	const struct builtin_call *b = context;
	return handle_of(b->inst, b->resource, (uint32_t)args[0])->rep;
}

/* The destructor runs in the instance that defines the resource, as a call of it. */
static void destroy(const struct builtin_call *b, uint32_t rep)
{
	const struct resource_type *r = b->resource;
	if (r->host) {
		r->host->drop(rep);
		return;
	}
	instance_enter(r->owner, b->inst);
	if (r->destructor) {
		const union wasm_value arg = {.i32 = rep};
		const struct task_context outer = context_begin(r->owner);
		(void)wasm_call(r->destructor, &arg, NULL, NULL);
		context_end(r->owner, &outer);
	}
	instance_leave(r->owner, b->inst);
}

static uint64_t resource_drop(void *context, const uint64_t *args)
{
	const struct builtin_call *b = context;
	const uint32_t index = (uint32_t)args[0];
	check_leave(b);
	const struct handle *h = handle_of(b->inst, b->resource, index);
	if (h->lent)
		component_trap(b->inst->of, "cannot remove owned resource while borrowed");
	const struct handle dropped = *h;
	handle_remove(&b->inst->handles, index);
	if (dropped.scope)
		dropped.scope->count--;
	else
		destroy(b, dropped.rep);
	return 0;
}

static uint64_t context_get(void *context, const uint64_t *args)
{
	const struct builtin_call *b = context;
	(void)args;
	return wasm_global_get(b->inst->context[b->slot]).i64;
}

static uint64_t context_set(void *context, const uint64_t *args)
{
	const struct builtin_call *b = context;
	wasm_global_set(b->inst->context[b->slot], (union wasm_value){.i64 = args[0]});
	return 0;
}

/* It holds back calls of functions that are lifted asynchronously, of which there are none. */
static uint64_t backpressure_inc(void *context, const uint64_t *args)
{
	const struct builtin_call *b = context;
	(void)args;
	if (b->inst->backpressure == UINT16_MAX)
		component_trap(b->inst->of, "backpressure counter overflow");
	b->inst->backpressure++;
	return 0;
}

static uint64_t backpressure_dec(void *context, const uint64_t *args)
{
	const struct builtin_call *b = context;
	(void)args;
	if (!b->inst->backpressure)
		component_trap(b->inst->of, "backpressure counter underflow");
	b->inst->backpressure--;
	return 0;
}

static uint64_t not_there(void *context, const uint64_t *args)
{
	const struct builtin_call *b = context;
	(void)args;
	check_leave(b);
	component_trap(b->inst->of, "%s is not supported", b->name);
}

static wasm_words_fn function_of(uint8_t builtin)
{
	switch ((enum builtin)builtin) {
	case BUILTIN_RESOURCE_NEW:
		return resource_new;
	case BUILTIN_RESOURCE_DROP:
		return resource_drop;
	case BUILTIN_RESOURCE_REP:
		return resource_rep;
	case BUILTIN_CONTEXT_GET:
		return context_get;
	case BUILTIN_CONTEXT_SET:
		return context_set;
	case BUILTIN_BACKPRESSURE_INC:
		return backpressure_inc;
	case BUILTIN_BACKPRESSURE_DEC:
		return backpressure_dec;
	}
	return not_there;
}

struct wasm_func *builtin_function(struct component_instance *i, const struct canon *canon)
{
	struct component *c = i->of;
	struct builtin_call *b = component_need(c, 1, sizeof(*b));
	*b = (struct builtin_call){.inst = i, .name = names[canon->builtin], .slot = canon->slot};
	if (canon->type)
		b->resource = resource_at(i, canon->type->resource);
	struct wasm_func *f = wasm_func_new(c->store, canon->core, function_of(canon->builtin), b);
	if (!f)
		wasm_fail(c->fail, WASM_ERROR_MEMORY, 0, "out of memory for functions");
	return f;
}
