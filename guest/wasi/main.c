/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WebAssembly guest runtime: compiles the module, links it with what it imports (imports.h),
 * runs it and reports how it ended. The module is untrusted; this program is part of the guest and
 * has no rights beyond it.
 */
#include "guest/component/component.h"
#include "guest/wasi/imports.h"
#include "guest/wasi/inspect.h"
#include "guest/wasi/invoke.h"
#include "guest/wasi/p1/p1.h"
#include "guest/wasi/p2/run.h"
#include "guest/wasi/proxy/proxy.h"
#include "guest/wasi/report.h"
#include "guest/wasi/rpc/rpc.h"
#include "guest/wasi/space.h"
#include "guest/wasi/start.h"
#include "guest/wasi/state.h"
#include "guest/wasm/store.h"

static void run(struct wasm_func *func)
{
	switch (wasm_call(func, NULL, NULL, &wasi.stop)) {
	case WASM_RETURNED:
		return;
	case WASM_TRAPPED:
		wasi_end_by_trap(&wasi.stop);
	}
}

/* --- from bytes to an instance --- */

/* The start function of a module could look at what differs between this start and a later one. */
static bool may_be_snapshotted(const struct wasm_module *module)
{
	return *wasi_boot_string(wasi.boot->init) || !wasm_module_has_start(module);
}

static _Noreturn void refuse_instance(const struct wasm_error *error,
				      const struct import_failure *failure)
{
	if (failure->text[0])
		wasi_refuse("%s", failure->text);
	if (error->kind == WASM_ERROR_TRAP)
		wasi_end_by_trap(&wasi.stop);
	wasi_refuse_module(error);
}

static struct wasm_instance *instantiate(void)
{
	static struct wasm_store store;
	static struct wasm_error error;
	static struct import_failure failure;
	const uint8_t *bytes = (const uint8_t *)MOTE_PROGRAM_VA;
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL,
		.cpu = wasm_cpu_detect(),
	};
	struct wasm_module *module;
	struct wasm_instance *instance;
	if (wasm_compile(&store, bytes, wasi.boot->program_bytes, &options, &module, &error) < 0)
		wasi_refuse_module(&error);
	(void)mote_mem_seal(mote_area()); /* all code is there, and none of the module's has run */
	if (wasi.boot->flags & MOTE_BOOT_READY && !may_be_snapshotted(module))
		wasi_end(WASI_CANNOT_RUN);
	const struct wasm_link link = {.resolve = imports_resolve, .resolve_context = &failure};
	if (wasm_instantiate(module, &link, &instance, &error, &wasi.stop) < 0)
		refuse_instance(&error, &failure);
	rpc_linked();
	return instance;
}

/* --- running it --- */

/*
 * An exported function without parameters, or NULL if no function has the name. What it returns is
 * nobody's, as in other runtimes.
 */
static struct wasm_func *find_entry(struct wasm_instance *instance, const char *name)
{
	struct wasm_extern export;
	struct wasm_export found;
	const char *quote = *name ? "" : "\"\"";
	if (!wasm_module_export_find(wasm_instance_module(instance), name, strlen(name), &found) ||
	    found.type.kind != WASM_KIND_FUNC)
		return NULL;
	if (found.type.func->param_count)
		wasi_refuse("its export %s%s is not a function without parameters", name, quote);
	if (wasm_instance_export(instance, name, strlen(name), &export) != 0)
		return NULL;
	return export.func;
}

/* The function by which a module that was built with guest/sdk serves calls, or NULL. */
static struct wasm_func *find_own_server(struct wasm_instance *instance)
{
	struct wasm_extern own;
	if (wasm_instance_export(instance, "mote_serve", 10, &own) != 0 ||
	    own.kind != WASM_KIND_FUNC || !wasm_functype_is(wasm_func_type(own.func), ":i"))
		return NULL;
	return own.func;
}

static const char *call_proxy(struct wasm_instance *instance, const void *bytes, size_t len,
			      struct mote_value *result)
{
	return proxy_event(instance, &(struct mote_proxy_bytes){.at = bytes, .len = len}, result);
}

/* What a proxy-wasm module is called by. */
static const struct rpc_function *added_export(const struct wasm_instance *instance)
{
	static const struct rpc_function proxy_export = {MOTE_PROXY_EVENT, call_proxy};
	if (proxy_is_module(wasm_instance_module(instance)))
		return &proxy_export;
	return NULL;
}

/* A module that is not a command, for a host that calls functions. */
static _Noreturn void serve(struct wasm_instance *instance)
{
	union wasm_value unused;
	struct wasm_func *own = find_own_server(instance);
	if (!own)
		rpc_serve(instance, added_export(instance));
	switch (wasm_call(own, NULL, &unused, &wasi.stop)) {
	case WASM_RETURNED:
		break;
	case WASM_TRAPPED:
		wasi_end_by_trap(&wasi.stop);
	}
	wasi_end(0);
}

/*
 * Makes a reactor ready. Its _initialize runs once in an instance's life: a second call of it is
 * what C libraries and Go trap on.
 */
static bool run_initialize(struct wasm_instance *instance)
{
	struct wasm_func *initialize = find_entry(instance, "_initialize");
	if (initialize)
		run(initialize);
	return initialize;
}

/* Calls the function that a snapshot is to be taken after (Wizer's convention). */
static void initialise(struct wasm_instance *instance, const char *name)
{
	struct wasm_func *init = find_entry(instance, name);
	if (!init)
		wasi_refuse("it exports no function %s to be called before the snapshot", name);
	p1_fds_init();
	(void)run_initialize(instance);
	if (strcmp(name, "_initialize") != 0)
		run(init);
	wasi.initialised = true;
}

/*
 * The function of a command: the export of the empty name, which is the default one where both are
 * there, or _start. What was initialised before a snapshot has wizer.resume in their place.
 */
static struct wasm_func *find_default(struct wasm_instance *instance)
{
	static const char *const names[] = {"wizer.resume", "", "_start"};
	struct wasm_func *found = NULL;
	for (size_t i = wasi.initialised ? 0 : 1; i < sizeof(names) / sizeof(names[0]) && !found;
	     i++)
		found = find_entry(instance, names[i]);
	return found;
}

/*
 * The function that was asked for, by default the command's; NULL if it is not a command, or what
 * was asked for is a call.
 */
static struct wasm_func *choose_entry(struct wasm_instance *instance)
{
	if (!wasi.boot->entry)
		return find_default(instance);
	const char *wanted = wasi_boot_string(wasi.boot->entry);
	struct wasm_func *found = find_entry(instance, wanted);
	if (!found && invoke_is_call(wanted))
		return NULL;
	if (!found && *wanted)
		wasi_refuse("it exports no function %s", wanted);
	if (!found)
		wasi_refuse("it exports no function of the empty name");
	return found;
}

/* Whether the entry is _initialize itself, which has run before any entry. */
static bool entry_is_initialize(void)
{
	return wasi.boot->entry && strcmp(wasi_boot_string(wasi.boot->entry), "_initialize") == 0;
}

static void run_entry(struct wasm_instance *instance)
{
	struct wasm_func *entry = NULL;
	if (!(wasi.boot->flags & MOTE_BOOT_LIBRARY))
		entry = choose_entry(instance);
	bool has_run = wasi.initialised || run_initialize(instance) ||
		       wasm_module_has_start(wasm_instance_module(instance));
	if (!entry && wasi.boot->flags & MOTE_BOOT_CALLS)
		serve(instance);
	if (!entry && wasi.boot->entry) {
		invoke_module(instance, wasi_boot_string(wasi.boot->entry));
		return;
	}
	if (!entry && !has_run)
		wasi_refuse("it has no start function and exports neither _start nor _initialize, "
			    "so there is nothing to run");
	if (entry && !entry_is_initialize())
		run(entry);
}

/* --- the image's beginning --- */

void wasi_start(const struct mote_boot *boot, struct mote_area *area)
{
	(void)area;
	if (!wasi_prepare(boot))
		wasi_refuse("the memory limit of %lu KiB leaves no space for a stack",
			    boot->memory_bytes >> 10);
}

static void bind_imports(void)
{
	const char *module, *name, *why = rpc_bind_imports(&module, &name);
	if (why)
		wasi_refuse("cannot import %.*s.%.*s: %s", (int)strnlen(module, 100), module,
			    (int)strnlen(name, 100), name, why);
	rpc_linked();
}

_Noreturn void wasi_main(void)
{
	struct wasm_instance *instance;
	if (wasi.boot->flags & MOTE_BOOT_INSPECT)
		inspect_program();
	if (component_is((const void *)MOTE_PROGRAM_VA, wasi.boot->program_bytes))
		p2_run();
	if (wasi.boot->flags & MOTE_BOOT_READY) {
		const char *init = wasi_boot_string(wasi.boot->init);
		instance = instantiate();
		if (*init)
			initialise(instance, init);
		(void)mote_ready(mote_area());
		p1_fds_init();
		bind_imports();
	} else {
		p1_fds_init();
		instance = instantiate();
	}
	run_entry(instance);
	wasi_end(0);
}
