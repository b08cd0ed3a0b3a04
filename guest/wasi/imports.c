/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a module can import, by name and with exactly its type: functions of the interfaces below,
 * and those that the host has, in the place of one below too.
 */
#include "guest/wasi/imports.h"

#include "guest/lib/lib.h"
#include "guest/wasi/proxy/proxy.h"
#include "guest/wasi/rpc/rpc.h"
#include "guest/wasi/state.h"

#include <linux/errno.h>

#define NAME_SHOWN 100 /* bytes of a name in a message */

static const struct import_interface *const interfaces[] = {
	&p1_interface,
	&p1_unstable_interface,
	&rpc_guest_interface,
	&rpc_host_interface,
};

static bool name_is(const struct wasm_name *name, const char *text)
{
	return name->bytes == strlen(text) && memcmp(name->text, text, name->bytes) == 0;
}

static int shown_bytes(const struct wasm_name *name)
{
	if (name->bytes > NAME_SHOWN)
		return NAME_SHOWN;
	return (int)name->bytes;
}

static int refuse(struct import_failure *failure, const struct wasm_import *import, const char *why)
{
	lib_format(failure->text, sizeof(failure->text), "cannot import %.*s.%.*s: %s",
		   shown_bytes(&import->module), import->module.text, shown_bytes(&import->name),
		   import->name.text, why);
	return -ENOENT;
}

static bool is_thread_spawn(const struct wasm_import *import)
{
	return name_is(&import->module, "wasi") && name_is(&import->name, "thread-spawn");
}

/* Messages for common unsupported imports. */
static const char *why_unknown(const struct wasm_import *import)
{
	if (is_thread_spawn(import))
		return "WASI threads are not supported";
	if (import->type.kind == WASM_KIND_MEMORY)
		return "the module has to define its memory itself";
	return IMPORT_UNSUPPORTED;
}

/* Module env is of many tools; these of its functions are proxy-wasm's, for an embedder. */
static bool is_proxy_function(const struct wasm_import *import)
{
	if (!name_is(&import->module, "env"))
		return false;
	return (import->name.bytes > 6 && memcmp(import->name.text, "proxy_", 6) == 0) ||
	       name_is(&import->name, "emscripten_notify_memory_growth");
}

/* Of a module name that is not one of ours: the host's, if there is one or is to be one. */
static const char *resolve_unknown(const struct wasm_import *import, struct wasm_extern *out)
{
	if (import->type.kind == WASM_KIND_FUNC && !is_thread_spawn(import) &&
	    !is_proxy_function(import) && wasi.boot->flags & (MOTE_BOOT_READY | MOTE_BOOT_CALLS))
		return rpc_resolve(import, out);
	return why_unknown(import);
}

static const struct import_interface *find_interface(const struct wasm_import *import)
{
	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
		if (name_is(&import->module, interfaces[i]->module))
			return interfaces[i];
	return NULL;
}

static const struct import_function *find_function(const struct import_interface *interface,
						   const struct wasm_import *import)
{
	for (uint32_t i = 0; i < interface->count; i++)
		if (name_is(&import->name, interface->functions[i].name))
			return &interface->functions[i];
	if (interface->others)
		return find_function(interface->others, import);
	return NULL;
}

const char *imports_find(const struct wasm_import *import, struct wasm_extern *out)
{
	const struct import_interface *interface = find_interface(import);
	if (rpc_replaces(import))
		return rpc_resolve(import, out);
	if (is_proxy_function(import) && wasi.boot->flags & MOTE_BOOT_CALLS)
		return proxy_resolve(import, out);
	if (!interface)
		return resolve_unknown(import, out);
	if (interface->resolve)
		return interface->resolve(import, out);
	const struct import_function *f = find_function(interface, import);
	if (!f || !f->call)
		return interface->unknown;
	if (import->type.kind != WASM_KIND_FUNC ||
	    !wasm_functype_is(import->type.func, f->signature))
		return "it is a function of another type";
	*out = (struct wasm_extern){.kind = WASM_KIND_FUNC, .host = f->call};
	return NULL;
}

int imports_resolve(void *context, const struct wasm_import *import, struct wasm_extern *out)
{
	const char *why = imports_find(import, out);
	if (why)
		return refuse(context, import, why);
	return 0;
}
