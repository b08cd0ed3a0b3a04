/* SPDX-License-Identifier: Apache-2.0 */
/* Host functions: their records, and those whose types are known at run time only. */
#include "guest/wasm/runtime/runtime.h"

/* They have no vectors and one result at most. */
bool host_func_can(const struct wasm_functype *t)
{
	bool can = t->result_count <= 1;
	for (uint32_t i = 0; i < t->param_count + t->result_count; i++)
		can = can && t->params[i] != WASM_V128;
	return can;
}

void host_func_init(struct wasm_func *f, struct wasm_instance *i, const struct wasm_functype *t,
		    wasm_host_fn host)
{
	*f = (struct wasm_func){
		.code = wasm_host_glue,
		.type = t,
		.type_id = t->id,
		.instance = i,
		.host = host,
		.host_stack_words = functype_stack_words(t),
		.host_result_i32 = t->result_count == 1 && t->results[0] == WASM_I32,
	};
}

/* --- functions of words --- */

struct words_func {
	struct wasm_func func; /* what others see of it */
	wasm_words_fn call;
	void *context;
};

struct wasm_func *wasm_func_new(struct wasm_store *s, const struct wasm_functype *type,
				wasm_words_fn call, void *context)
{
	if (!host_func_can(type) || type->param_count > WASM_WORDS_MAX)
		return NULL;
	if (!s->host) {
		s->host = store_object(s, sizeof(*s->host));
		if (!s->host)
			return NULL;
		s->host->store = s;
	}
	struct words_func *f = store_object(s, sizeof(*f));
	if (!f)
		return NULL;
	host_func_init(&f->func, s->host, type, wasm_words_entry);
	f->call = call;
	f->context = context;
	return &f->func;
}

/* Called by wasm_words_entry. */
uint64_t words_called(struct wasm_func *func, const struct word_registers *registers,
		      const uint64_t *stack);
uint64_t words_called(struct wasm_func *func, const struct word_registers *registers,
		      const uint64_t *stack)
{
	const struct words_func *f = (const struct words_func *)(const void *)func;
	const struct wasm_functype *t = func->type;
	uint64_t args[WASM_WORDS_MAX];
	uint32_t ints = 0, floats = 0;
	for (uint32_t i = 0; i < t->param_count; i++) {
		if (type_is_float(t->params[i]) && floats < ARG_FLOATS)
			args[i] = registers->floats[floats++];
		else if (!type_is_float(t->params[i]) && ints < ARG_INTS)
			args[i] = registers->ints[ints++];
		else
			args[i] = *stack++;
		if (t->params[i] == WASM_I32 || t->params[i] == WASM_F32)
			args[i] = (uint32_t)args[i];
	}
	return f->call(f->context, args);
}
