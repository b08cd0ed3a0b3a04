/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/wasi/rpc/internal.h"

struct wasm_func *rpc_find_export(struct wasm_instance *inst, const char *name,
				  const char *signature)
{
	struct wasm_export e;
	struct wasm_extern found;
	if (!wasm_module_export_find(wasm_instance_module(inst), name, strlen(name), &e) ||
	    e.type.kind != WASM_KIND_FUNC || !wasm_functype_is(e.type.func, signature) ||
	    wasm_instance_export(inst, name, strlen(name), &found) != 0)
		return NULL;
	return found.func;
}
