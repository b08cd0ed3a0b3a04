/* SPDX-License-Identifier: Apache-2.0 */
/* Where compiled code's arguments go: registers first, then the stack, in the order of the parameters. */
#include "guest/wasm/runtime/code_abi.h"

#include "guest/wasm/module/module.h"

uint32_t functype_stack_words(const struct wasm_functype *t)
{
	uint32_t ints = 0, floats = 0, words = 0;
	if (t->param_count <= ARG_INTS && t->param_count <= ARG_FLOATS)
		return 0;
	for (uint32_t i = 0; i < t->param_count; i++) {
		uint32_t *used = type_is_float(t->params[i]) ? &floats : &ints;
		if (*used < (type_is_float(t->params[i]) ? ARG_FLOATS : ARG_INTS))
			++*used;
		else
			words += t->params[i] == WASM_V128 ? 2 : 1;
	}
	return words;
}
