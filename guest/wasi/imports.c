/* SPDX-License-Identifier: Apache-2.0 */
/* What a module can import: the functions of preview1.def, by name and with exactly their types. */
#include "guest/wasi/imports.h"

#include "guest/wasi/rpc/calls.h"
#include "guest/wasi/wasi.h"

#define LX_ENOENT 2

static const struct function {
	const char *name;
	const char *signature; /* as wasm_functype_is() reads it */
	wasm_host_fn call;
} functions[] = {
#include "gen/p1_imports.h"
};

#define NAME_SHOWN 100 /* of a name in a message */

static bool name_is(const struct wasm_name *name, const char *text)
{
	return name->bytes == strlen(text) && memcmp(name->text, text, name->bytes) == 0;
}

static int refuse(struct import_failure *failure, const struct wasm_import *import, const char *why)
{
	int module = (int)(import->module.bytes < NAME_SHOWN ? import->module.bytes : NAME_SHOWN);
	int name = (int)(import->name.bytes < NAME_SHOWN ? import->name.bytes : NAME_SHOWN);
	lib_format(failure->text, sizeof(failure->text), "cannot import %.*s.%.*s: %s", module,
		   import->module.text, name, import->name.text, why);
	return -LX_ENOENT;
}

/* Words for what is often asked for and is not there. */
static const char *why_unknown(const struct wasm_import *import)
{
	if (name_is(&import->module, "wasi_snapshot_preview1"))
		return "WASI preview 1 has no such function";
	if (name_is(&import->module, "wasi_unstable"))
		return "this is WASI from before preview 1; build the module for "
		       "wasi_snapshot_preview1";
	if (name_is(&import->module, "wasi") && name_is(&import->name, "thread-spawn"))
		return "WASI threads are not there";
	if (import->type.kind == WASM_KIND_MEMORY)
		return "the module has to define its memory itself";
	return "only functions of wasi_snapshot_preview1 are there";
}

/* A function of Mote's own, or of WASI. */
static const struct function *find(const struct wasm_import *import)
{
	static const struct function exchange = {"exchange", "iiii:i", (wasm_host_fn)calls_exchange},
				     generation = {"generation", ":I", (wasm_host_fn)calls_generation};
	if (name_is(&import->module, "mote_guest"))
		return name_is(&import->name, exchange.name)	 ? &exchange
		       : name_is(&import->name, generation.name) ? &generation
								 : NULL;
	if (!name_is(&import->module, "wasi_snapshot_preview1"))
		return NULL;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (name_is(&import->name, functions[i].name))
			return &functions[i];
	return NULL;
}

int imports_resolve(void *context, const struct wasm_import *import, struct wasm_extern *out)
{
	struct import_failure *failure = context;
	if (name_is(&import->module, "mote")) {
		const char *why = calls_import(import, out);
		return why ? refuse(failure, import, why) : 0;
	}
	const struct function *f = find(import);
	if (!f)
		return refuse(failure, import, why_unknown(import));
	if (import->type.kind != WASM_KIND_FUNC || !wasm_functype_is(import->type.func, f->signature))
		return refuse(failure, import, "it is a function of another type");
	*out = (struct wasm_extern){.kind = WASM_KIND_FUNC, .host = f->call};
	return 0;
}
