/* SPDX-License-Identifier: Apache-2.0 */
/* Calls from C into compiled code. */
#include "internal.h"

enum { RESULTS_MAX = WASM_MAX_RESULTS, STACK_WORDS_MAX = WASM_MAX_PARAMS };

struct call {
	struct wasm_func *func;
	const union wasm_value *args;
	union wasm_value *results;
};

static void run_call(void *arg)
{
	struct call *k = arg;
	const struct wasm_functype *t = k->func->type;
	struct entry_frame f = {.code = k->func->code, .instance = k->func->instance, .func = k->func};
	uint64_t stack[STACK_WORDS_MAX], results[RESULTS_MAX];
	uint32_t ints = 0, floats = 0;
	for (uint32_t i = 0; i < t->param_count; i++) {
		uint64_t cell = t->params[i] == WASM_I32 || t->params[i] == WASM_F32 ? k->args[i].i32 : k->args[i].i64;
		if (type_is_float(t->params[i]) && floats < ARG_FLOATS)
			memcpy(f.xmm[floats++], &cell, 8);
		else if (!type_is_float(t->params[i]) && ints < ARG_INTS)
			f.ints[ints++] = cell;
		else
			stack[f.stack_words++] = cell;
	}
	f.stack = stack;
	f.rax = (uint64_t)results;
	wasm_enter(&f);
	if (t->result_count == 1)
		memcpy(results, type_is_float(t->results[0]) ? (const void *)f.xmm[0] : &f.rax, 8);
	for (uint32_t i = 0; i < t->result_count; i++) {
		k->results[i] = (union wasm_value){0};
		k->results[i].i64 = t->results[i] == WASM_I32 || t->results[i] == WASM_F32 ? (uint32_t)results[i] : results[i];
	}
}

enum wasm_outcome wasm_call(struct wasm_func *func, const union wasm_value *args, union wasm_value *results,
			    struct wasm_stop *stop)
{
	struct call k = {func, args, results};
	return trap_run(run_call, &k, stop);
}
