/* SPDX-License-Identifier: Apache-2.0 */
/* Which function an import env.NAME is. */
#include "guest/wasi/proxy/internal.h"

static const struct import_function *find(const struct import_function *list, uint32_t count,
					  const struct wasm_name *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strlen(list[i].name) == name->bytes &&
		    memcmp(list[i].name, name->text, name->bytes) == 0)
			return &list[i];
	return NULL;
}

const char *proxy_resolve(const struct wasm_import *import, struct wasm_extern *out)
{
	const struct import_function *f =
		find(proxy_functions, proxy_function_count, &import->name);
	if (!f)
		f = find(proxy_services, proxy_service_count, &import->name);
	if (!f)
		return "proxy-wasm has no such function";
	if (import->type.kind != WASM_KIND_FUNC ||
	    !wasm_functype_is(import->type.func, f->signature))
		return "it is a function of another type";
	*out = (struct wasm_extern){.kind = WASM_KIND_FUNC, .host = f->call};
	return NULL;
}
