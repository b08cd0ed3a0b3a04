/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Throwing: from compiled code to the handler that takes the exception, or to the end of the
 * outermost call (WebAssembly specification, 4.6: exceptions). A try costs nothing until something
 * is thrown: its code's range and its clauses are in the module's tables, and the frames are walked
 * by the return addresses on the stack.
 */
#include "guest/wasm/runtime/exception.h"

#include "guest/wasm/runtime/heap.h"
#include "guest/wasm/tier.h"

/* --- handlers --- */

/* The innermost try whose body has this code, or WASM_NONE. */
static uint32_t try_at(const struct wasm_module *m, uint32_t code)
{
	uint32_t low = 0, high = m->try_count; /* those before `low` begin at or before the code */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (m->tries[middle].start <= code)
			low = middle + 1;
		else
			high = middle;
	}
	uint32_t found = low ? low - 1 : WASM_NONE;
	while (found != WASM_NONE && m->tries[found].end <= code)
		found = m->tries[found].outer;
	return found;
}

/* The clause of a try, or of those that take what it does not catch; WASM_NONE: none of them. */
static uint32_t clause_for(struct wasm_instance *i, uint32_t try, const struct wasm_tag *tag)
{
	const struct wasm_module *m = i->module;
	for (; try != WASM_NONE; try = m->tries[try].next) {
		uint32_t n = m->tries[try].clause;
		for (; n != WASM_NONE; n = m->clauses[n].next)
			if (m->clauses[n].tag == WASM_NONE ||
			    *instance_tag(i, m->clauses[n].tag) == tag)
				return n;
	}
	return WASM_NONE;
}

/* If the code at u->pc is in a try that catches the exception, u->pc becomes its handler. */
static bool find_handler(const struct wasm_module *m, struct unwind *u, const struct wasm_tag *tag)
{
	uint32_t try = m->try_count ? try_at(m, (uint32_t)(u->pc - (uint64_t)m->code)) : WASM_NONE;
	if (try == WASM_NONE)
		return false;
	uint32_t clause = clause_for(arch_frame_instance(u), try, tag);
	if (clause == WASM_NONE)
		return false;
	u->pc = (uint64_t)m->code + m->clauses[clause].handler;
	return true;
}

/*
 * Frames from `u` outward up to a handler, which `u` is at then. Nothing is changed before one is
 * found. False: there is none up to where C called in.
 */
static bool unwind_to_handler(const struct wasm_store *s, struct unwind *u,
			      const struct wasm_tag *tag)
{
	const struct wasm_module *m = NULL;
	struct code_frame frame;
	for (;;) {
		if (!m || u->pc - (uint64_t)m->code >= m->code_bytes)
			m = store_module_at(s, u->pc);
		if (!m || m->options.is_adapter)
			return false;
		if (find_handler(m, u, tag))
			return true;
		if (!tier_frame(m, (const uint8_t *)u->pc, &frame) ||
		    u->sp + frame.bytes >= s->base_sp)
			return false;
		arch_leave(u, frame.bytes, frame.kept);
		u->sp += 8ull * functype_stack_words(module_func_type(m, frame.func));
	}
}

/* --- throwing --- */

_Noreturn static void uncaught(const struct wasm_instance *i, const struct wasm_tag *tag)
{
	char text[sizeof(((struct wasm_stop *)0)->message)];
	struct wasm_name name = module_tag_name(tag->module, tag->index);
	if (name.bytes)
		wasm_format(text, sizeof(text), "uncaught exception: %N", &name);
	else
		wasm_format(text, sizeof(text), "uncaught exception: tag %u", tag->index);
	wasm_trap(i, WASM_TRAP_EXCEPTION, text);
}

_Noreturn static void raise_exception(const struct wasm_instance *i, struct wasm_exception *e,
				      const struct thrown_registers *saved)
{
	const struct wasm_store *s = i->store;
	const struct wasm_tag *tag = e->tag;
	struct unwind u = arch_thrown(s->exit_sp, saved);
	if (!unwind_to_handler(s, &u, tag))
		uncaught(i, tag);
	arch_land(&u, e);
}

_Noreturn void exception_throw(struct wasm_instance *i, uint64_t tag, const uint64_t *values,
			       const struct thrown_registers *saved)
{
	const struct wasm_tag *t = *instance_tag(i, (uint32_t)tag);
	uint64_t bytes = 8 * t->type->param_words;
	struct heap *h = heap_of(i->store);
	struct wasm_exception *e = NULL;
	if (h)
		e = (struct wasm_exception *)heap_new(h, sizeof(*e) + bytes);
	if (!e)
		trap_raise(i, WASM_TRAP_EXCEPTION_MEMORY);
	e->type_id = t->type->id;
	e->tag = t;
	memcpy(e->values, values, bytes);
	raise_exception(i, e, saved);
}

_Noreturn void exception_throw_ref(const struct wasm_instance *i, struct wasm_exception *e,
				   const struct thrown_registers *saved)
{
	if (!e)
		trap_raise(i, WASM_TRAP_NULL_EXCEPTION);
	raise_exception(i, e, saved);
}
