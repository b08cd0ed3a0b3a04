/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traps: from a fault in compiled code, a helper or a host function to the end of the outermost
 * call.
 */
#include "guest/wasm/runtime/runtime.h"

#include "guest/wasm/tier.h"

void trap_landed(void); /* x86_64/entry.S */

/* The innermost store that a call is under way in: faults are its or of those further out. */
static struct wasm_store *innermost;
static struct wasm_store *faulted;

const char *wasm_trap_text(enum wasm_trap_code code)
{
	static const char *const texts[] = {
#define TRAP(name, text) text,
#include "guest/wasm/traps.def"
	};
	return code < WASM_TRAPS ? texts[code] : "unknown trap";
}

/* In which memory of the instance whose code has faulted an address is, if in any. */
static struct wasm_access find_access(const struct wasm_module *m, uint64_t instance,
				      uint64_t address)
{
	for (uint32_t n = 0; n < m->memory_count; n++) {
		const struct memory_cell *cell =
			instance_memory((const struct wasm_instance *)instance, n);
		const uint64_t at = address - (uint64_t)cell->base;
		if (at < memory_reserved_bytes(cell->memory))
			return (struct wasm_access){
				.known = true,
				.address = at,
				.memory_bytes = wasm_memory_bytes(cell->memory),
			};
	}
	return (struct wasm_access){0};
}

/*
 * Compiled code does not ask whether a reference is null if what it reads first of the object tells
 * the instruction: a cast the type, the instructions on arrays the length, others fields.
 */
static enum wasm_trap_code null_trap(uint64_t offset)
{
	if (offset == OBJECT_TYPE)
		return WASM_TRAP_CAST;
	if (offset == OBJECT_LENGTH)
		return WASM_TRAP_NULL_ARRAY;
	return WASM_TRAP_NULL_STRUCT;
}

bool wasm_fault(struct wasm_fault *f)
{
	struct wasm_store *s = innermost;
	const struct wasm_module *m = s ? store_module_at(s, f->pc) : NULL;
	while (s && !m) {
		s = s->outer;
		m = s ? store_module_at(s, f->pc) : NULL;
	}
	if (!s)
		return false;
	faulted = s;
	s->access = (struct wasm_access){0};
	switch (f->kind) {
	case WASM_FAULT_PAGE:
		s->code = WASM_TRAP_MEMORY;
		if (f->address < WASM_PAGE_BYTES)
			s->code = null_trap(f->address);
		else
			s->access = find_access(m, f->instance, f->address);
		break;
	case WASM_FAULT_DIVIDE:
		s->code = WASM_TRAP_INTEGER_OVERFLOW;
		break;
	case WASM_FAULT_ILLEGAL:
		s->code = arch_trap_code(f->pc);
		break;
	}
	s->pc = f->pc;
	s->sp = f->sp;
	f->pc = (uint64_t)wasm_trap_landing;
	return true;
}

static void add_frame(struct wasm_stop *stop, const struct wasm_module *m,
		      const struct code_location *location)
{
	if (m->options.is_adapter)
		return;
	stop->frames[stop->frame_count++] = (struct wasm_frame){
		.of = m,
		.module = wasm_module_name(m),
		.name = wasm_module_func_name(m, location->frame.func),
		.func_index = location->frame.func,
		.offset = location->offset,
	};
}

/* Compiled frames from a code address and its stack pointer up to where C called in. */
static void walk(const struct wasm_store *s, uint64_t pc, uint64_t sp, bool frame_gone)
{
	struct wasm_stop *stop = s->stop;
	struct code_location location;
	uint64_t located = 0;
	for (;;) {
		const struct wasm_module *m = store_module_at(s, pc);
		if (m && stop->frame_count == WASM_BACKTRACE_MAX) {
			stop->truncated = true;
			return;
		}
		/* Recursion comes from the same place again and again. */
		if (!m || (pc != located && !tier_locate(m, (const uint8_t *)pc, &location)))
			return;
		located = pc;
		add_frame(stop, m, &location);
		uint32_t bytes = frame_gone ? 0 : location.frame.bytes;
		if (sp + bytes >= s->base_sp)
			return;
		arch_caller(sp, bytes, &pc, &sp);
		sp += 8ull * functype_stack_words(module_func_type(m, location.frame.func));
		frame_gone = false;
	}
}

/* A call in `s` ends, and with it what its host functions called in other stores. */
static void disarm(struct wasm_store *s)
{
	while (s->armed) {
		innermost->armed = false;
		innermost = innermost->outer;
	}
}

_Noreturn static void finish(struct wasm_store *s)
{
	disarm(s);
	wasm_jump_to(&s->jump);
}

void trap_landed(void)
{
	struct wasm_store *s = faulted;
	s->stop->outcome = WASM_TRAPPED;
	s->stop->code = s->code;
	s->stop->access = s->access;
	walk(s, s->pc, s->sp, s->code == WASM_TRAP_STACK);
	finish(s);
}

/* From C that compiled code has called: the frames begin where it left. */
_Noreturn static void stop_from_c(struct wasm_store *s, enum wasm_trap_code code,
				  const char *message)
{
	struct wasm_stop *stop = s->stop;
	if (!s->armed)
		__builtin_trap();
	stop->outcome = WASM_TRAPPED;
	stop->code = code;
	if (message)
		wasm_format(stop->message, sizeof stop->message, "%s", message);
	if (s->exit_sp) {
		uint64_t pc, sp;
		arch_caller(s->exit_sp, 0, &pc, &sp);
		walk(s, pc, sp, false);
	}
	finish(s);
}

void trap_raise(const struct wasm_instance *instance, enum wasm_trap_code code)
{
	stop_from_c(instance->store, code, NULL);
}

void wasm_trap(const struct wasm_instance *instance, enum wasm_trap_code code, const char *message)
{
	stop_from_c(instance->store, code, message);
}

void wasm_store_trap(struct wasm_store *store, enum wasm_trap_code code, const char *message)
{
	stop_from_c(store, code, message);
}

/* Called from a host function: what stops it stops the outermost call. */
static void run_nested(struct wasm_store *s, void (*run)(void *), void *arg)
{
	uint64_t exit_sp = s->exit_sp;
	run(arg);
	s->exit_sp = exit_sp; /* the host function has not returned */
}

enum wasm_outcome wasm_run(struct wasm_store *s, void (*run)(void *), void *arg,
			   struct wasm_stop *stop)
{
	struct wasm_stop unused;
	if (s->armed) {
		run_nested(s, run, arg);
		return WASM_RETURNED;
	}
	s->stop = stop ? stop : &unused;
	memset(s->stop, 0, offsetof(struct wasm_stop, frames)); /* there are none yet */
	s->base_sp = (uint64_t)__builtin_frame_address(0);
	s->exit_sp = 0;
	if (wasm_jump_set(&s->jump) != 0)
		return s->stop->outcome;
	s->armed = true;
	s->outer = innermost;
	innermost = s;
	run(arg);
	disarm(s);
	return WASM_RETURNED;
}
