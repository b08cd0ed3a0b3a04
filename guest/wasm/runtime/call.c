/* SPDX-License-Identifier: Apache-2.0 */
/* Calls from C into compiled code. */
#include "guest/wasm/runtime/runtime.h"

/* In words: a v128 has two. */
enum { RESULTS_MAX = 2 * WASM_MAX_RESULTS, STACK_WORDS_MAX = 2 * WASM_MAX_PARAMS };

struct call {
	struct wasm_func *func;
	const union wasm_value *args;
	union wasm_value *results;
};

/* In words; usual functions take less of the stack than the largest. */
enum { USUAL_WORDS = 32 };

static void put_arguments(const struct call *k, struct entry_frame *f, uint64_t *stack)
{
	const struct wasm_functype *t = k->func->type;
	uint32_t ints = 0, floats = 0;
	for (uint32_t i = 0; i < t->param_count; i++) {
		uint32_t type = t->params[i];
		uint32_t words = 1u + (type == WASM_V128);
		union wasm_value v = k->args[i];
		if (type == WASM_I32 || type == WASM_F32)
			v.i64 = v.i32; /* the rest of the cell is the caller's */
		if (type_is_float(type) && floats < ARG_FLOATS) {
			memcpy(f->floats[floats++], &v, 8 * words);
		} else if (!type_is_float(type) && ints < ARG_INTS) {
			f->ints[ints++] = v.i64;
		} else {
			memcpy(stack + f->stack_words, &v, 8 * words);
			f->stack_words += words;
		}
	}
}

static void take_results(const struct call *k, const struct entry_frame *f, uint64_t *results)
{
	const struct wasm_functype *t = k->func->type;
	if (t->result_count == 1 && type_is_float(t->results[0]))
		memcpy(results, f->floats[0], sizeof(f->floats[0]));
	else if (t->result_count == 1)
		results[0] = f->result;
	for (uint32_t i = 0, at = 0; i < t->result_count; i++) {
		memset(&k->results[i], 0, sizeof k->results[i]);
		k->results[i].i64 = results[at++];
		if (t->results[i] == WASM_I32 || t->results[i] == WASM_F32)
			k->results[i].i64 = (uint32_t)k->results[i].i64;
		else if (t->results[i] == WASM_V128)
			k->results[i].v128[1] = results[at++];
	}
}

static void call_with(const struct call *k, uint64_t *stack, uint64_t *results)
{
	struct entry_frame f = {
		.code = k->func->code,
		.instance = k->func->instance,
		.func = k->func,
		.stack = stack,
		.result = (uint64_t)results,
	};
	put_arguments(k, &f, stack);
	wasm_enter(&f);
	if (k->results)
		take_results(k, &f, results);
}

static void run_usual(void *arg)
{
	uint64_t stack[USUAL_WORDS], results[USUAL_WORDS];
	call_with(arg, stack, results);
}

static void run_large(void *arg)
{
	uint64_t stack[STACK_WORDS_MAX], results[RESULTS_MAX];
	call_with(arg, stack, results);
}

enum wasm_outcome wasm_call(struct wasm_func *func, const union wasm_value *args,
			    union wasm_value *results, struct wasm_stop *stop)
{
	struct call k = {func, args, results};
	const struct wasm_functype *t = func->type;
	const bool usual = t->param_words <= USUAL_WORDS && t->result_count <= USUAL_WORDS / 2;
	return wasm_run(func->instance->store, usual ? run_usual : run_large, &k, stop);
}
