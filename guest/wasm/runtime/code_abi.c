/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where compiled code's arguments go: registers first, then the stack, in the order of the
 * parameters.
 */
#include "guest/wasm/runtime/code_abi.h"

#include "guest/wasm/module/module.h"

uint32_t functype_stack_words(const struct wasm_functype *t)
{
	uint32_t ints = 0, floats = 0, words = 0;
	if (t->param_count <= ARG_INTS && t->param_count <= ARG_FLOATS)
		return 0;
	for (uint32_t i = 0; i < t->param_count; i++) {
		bool is_float = type_is_float(t->params[i]);
		if (is_float && floats < ARG_FLOATS)
			floats++;
		else if (!is_float && ints < ARG_INTS)
			ints++;
		else
			words += 1u + (t->params[i] == WASM_V128);
	}
	return words;
}
