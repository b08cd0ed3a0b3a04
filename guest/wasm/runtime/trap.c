/* SPDX-License-Identifier: Apache-2.0 */
/* Traps: from a fault in compiled code, a helper or a host function to the end of the outermost call. */
#include "guest/wasm/internal.h"

static struct wasm_module *modules; /* whose code a fault may be in */

uint64_t wasm_exit_rsp; /* entry.S: where compiled code left for C */
void trap_landed(void);

static struct {
	bool armed;
	struct wasm_jump jump;
	struct wasm_stop *stop; /* may be NULL */
	uint64_t base_rsp;	/* of the outermost wasm_enter: frames end there */
	/* A fault under way. */
	enum wasm_trap_code code;
	uint64_t rip, rsp;
} active;

const char *wasm_trap_text(enum wasm_trap_code code)
{
	static const char *const texts[] = {
		[WASM_TRAP_NONE] = "no trap", [WASM_TRAP_UNREACHABLE] = "unreachable",
		[WASM_TRAP_MEMORY] = "out of bounds memory access", [WASM_TRAP_DIVIDE_BY_ZERO] = "integer divide by zero",
		[WASM_TRAP_INTEGER_OVERFLOW] = "integer overflow",
		[WASM_TRAP_INVALID_CONVERSION] = "invalid conversion to integer",
		[WASM_TRAP_TABLE] = "out of bounds table access", [WASM_TRAP_UNDEFINED_ELEMENT] = "undefined element",
		[WASM_TRAP_UNINITIALIZED] = "uninitialized element",
		[WASM_TRAP_INDIRECT_TYPE] = "indirect call type mismatch",
		[WASM_TRAP_STACK] = "call stack exhausted", [WASM_TRAP_HOST] = "host function failed",
	};
	return (unsigned)code < sizeof(texts) / sizeof(*texts) ? texts[code] : "unknown trap";
}

void trap_module_add(struct wasm_module *m)
{
	m->next = modules;
	modules = m;
}

void trap_module_remove(struct wasm_module *m)
{
	for (struct wasm_module **at = &modules; *at; at = &(*at)->next)
		if (*at == m) {
			*at = m->next;
			return;
		}
}

static struct wasm_module *module_of(uint64_t code)
{
	struct wasm_module *m = modules;
	while (m && !(m->code && code - (uint64_t)m->code < m->code_bytes))
		m = m->next;
	return m;
}

bool wasm_fault(struct wasm_fault *f)
{
	struct wasm_module *m = module_of(f->rip);
	if (!m || !active.armed)
		return false;
	switch (f->kind) {
	case WASM_FAULT_PAGE:
		active.code = WASM_TRAP_MEMORY;
		break;
	case WASM_FAULT_DIVIDE:
		active.code = WASM_TRAP_INTEGER_OVERFLOW;
		break;
	case WASM_FAULT_ILLEGAL:
		active.code = ((const uint8_t *)f->rip)[2];
		break;
	}
	active.rip = f->rip;
	active.rsp = f->rsp;
	f->rip = (uint64_t)wasm_trap_landing;
	return true;
}

/* Name of a function from the name section's function map. */
static struct wasm_name module_name(const struct wasm_module *m)
{
	struct wasm_name none = {"", 0};
	(void)m;
	return none;
}

static void add_frame(struct wasm_stop *stop, const struct wasm_module *m, const struct code_place *place)
{
	stop->frames[stop->frame_count++] = (struct wasm_frame){
		.module = module_name(m), .name = wasm_module_func_name(m, place->func), .func_index = place->func,
		.offset = place->offset};
}

/* Walks compiled frames from a code address and its RSP up to where C called in. */
static void walk(struct wasm_stop *stop, uint64_t rip, uint64_t rsp, bool frame_gone)
{
	struct code_place place;
	uint64_t located = 0;
	for (;;) {
		struct wasm_module *m = module_of(rip);
		if (m && stop->frame_count == WASM_BACKTRACE_MAX) {
			stop->truncated = true;
			return;
		}
		/* Recursion comes from the same place again and again. */
		if (!m || (rip != located && !compile_locate(m, (const uint8_t *)rip, &place)))
			return;
		located = rip;
		add_frame(stop, m, &place);
		uint64_t at = rsp + (frame_gone ? 0 : place.frame_bytes);
		if (at >= active.base_rsp)
			return;
		rip = *(const uint64_t *)at - 1; /* in the call, not behind it */
		rsp = at + 8 + 8 * functype_stack_words(module_func_type(m, place.func));
		frame_gone = false;
	}
}

_Noreturn static void finish(void)
{
	active.armed = false;
	wasm_jump_to(&active.jump);
}

void trap_landed(void)
{
	struct wasm_stop *stop = active.stop;
	if (stop) {
		stop->outcome = WASM_TRAPPED;
		stop->code = active.code;
		walk(stop, active.rip, active.rsp, active.code == WASM_TRAP_STACK);
	}
	finish();
}

/* From C that compiled code has called: the frames begin where it left. */
_Noreturn static void stop_from_c(enum wasm_outcome outcome, enum wasm_trap_code code, int32_t status, const char *message)
{
	struct wasm_stop *stop = active.stop;
	if (!active.armed)
		__builtin_trap();
	if (stop) {
		stop->outcome = outcome;
		stop->code = code;
		stop->exit_status = status;
		if (message)
			wasm_format(stop->message, sizeof stop->message, "%s", message);
		if (outcome == WASM_TRAPPED && wasm_exit_rsp)
			walk(stop, *(const uint64_t *)wasm_exit_rsp - 1, wasm_exit_rsp + 8, false);
	}
	finish();
}

void trap_raise(enum wasm_trap_code code)
{
	stop_from_c(WASM_TRAPPED, code, 0, NULL);
}

void wasm_trap(struct wasm_instance *instance, enum wasm_trap_code code, const char *message)
{
	(void)instance;
	stop_from_c(WASM_TRAPPED, code, 0, message);
}

void wasm_exit(struct wasm_instance *instance, int32_t status)
{
	(void)instance;
	stop_from_c(WASM_EXITED, WASM_TRAP_NONE, status, NULL);
}

enum wasm_outcome trap_run(void (*run)(void *), void *arg, struct wasm_stop *stop)
{
	struct wasm_stop unused;
	if (active.armed) { /* called from a host function: what stops it stops the outermost call */
		run(arg);
		return WASM_RETURNED;
	}
	active.stop = stop ? stop : &unused;
	memset(active.stop, 0, sizeof *active.stop);
	active.base_rsp = (uint64_t)__builtin_frame_address(0);
	wasm_exit_rsp = 0;
	if (wasm_jump_set(&active.jump) != 0)
		return active.stop->outcome;
	active.armed = true;
	run(arg);
	active.armed = false;
	return WASM_RETURNED;
}
