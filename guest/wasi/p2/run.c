/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Components as programs: loads one, gives it the interfaces of WASI 0.2 that there are, and calls
 * its wasi:cli/run. The component is untrusted, as modules are (main.c).
 */
#include "guest/wasi/p2/run.h"

#include "guest/component/component.h"
#include "guest/component/types.h"
#include "guest/wasi/invoke.h"
#include "guest/wasi/p1/p1.h"
#include "guest/wasi/p2/p2.h"
#include "guest/wasi/report.h"
#include "guest/wasm/module/module.h"
#include "guest/wasm/store.h"

static const struct component_host_interface *const interfaces[] = {
	&p2_environment,
	&p2_exit,
	&p2_stdin,
	&p2_stdout,
	&p2_stderr,
	&p2_terminal_input,
	&p2_terminal_output,
	&p2_terminal_stdin,
	&p2_terminal_stdout,
	&p2_terminal_stderr,
	&p2_io_error,
	&p2_poll,
	&p2_streams,
	&p2_monotonic_clock,
	&p2_wall_clock,
	&p2_random,
	&p2_insecure,
	&p2_insecure_seed,
	&p2_filesystem,
	&p2_preopens,
	&p2_network,
	&p2_instance_network,
	&p2_tcp,
	&p2_tcp_create,
	&p2_udp,
	&p2_udp_create,
	&p2_name_lookup,
};

/* --- imports that are not there, in one sentence --- */

struct missing {
	char names[280];
	size_t n;
	uint32_t count;
	bool is_cut;
};

static void add_missing(void *context, struct wasm_name import, struct wasm_name function,
			const char *why)
{
	struct missing *m = context;
	(void)why;
	m->count++;
	if (m->is_cut)
		return;
	m->is_cut = m->n + import.bytes + function.bytes + 16 > sizeof(m->names);
	if (m->is_cut)
		m->n += lib_format(m->names + m->n, sizeof(m->names) - m->n, " and others");
	else
		m->n += lib_format(m->names + m->n, sizeof(m->names) - m->n, "%s%.*s%s%.*s",
				   m->n ? ", " : "", (int)import.bytes, import.text,
				   function.bytes ? "#" : "", (int)function.bytes, function.text);
}

_Noreturn static void refuse_imports(const struct missing *m)
{
	wasi_refuse("cannot import %s: there are wasi:cli, wasi:clocks, wasi:filesystem, wasi:io, "
		    "wasi:random and wasi:sockets of version 0.2",
		    m->names);
}

bool p2_imports_fit(const struct component *component,
		    void (*refuse)(void *context, struct wasm_name import,
				   struct wasm_name function, const char *why),
		    void *context)
{
	const struct component_link link = {
		.interfaces = interfaces,
		.count = P2_COUNT(interfaces),
		.refuse = refuse,
		.context = context,
	};
	return component_imports_fit(component, &link);
}

/* --- from bytes to an instance --- */

static struct wasm_store store;

/* As with modules: code that runs now could look at what differs between this start and a later. */
static bool may_be_snapshotted(void)
{
	if (*wasi_boot_string(wasi.boot->init))
		return true;
	for (const struct wasm_module *m = store.modules; m; m = m->next)
		if (wasm_module_has_start(m))
			return false;
	return true;
}

static struct component *component;

static struct component_instance *instantiate(void)
{
	static struct wasm_error error;
	static struct missing missing;
	const struct component_link link = {
		.interfaces = interfaces,
		.count = P2_COUNT(interfaces),
		.refuse = add_missing,
		.context = &missing,
	};
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL,
		.cpu = wasm_cpu_detect(),
	};
	struct component_instance *instance;
	if (component_load(&store, (const void *)MOTE_PROGRAM_VA, wasi.boot->program_bytes,
			   &options, &component, &error) < 0)
		wasi_refuse_component(&error);
	if (component_prepare(component, &error) < 0)
		wasi_refuse_component(&error);
	(void)mote_mem_seal(
		mote_area()); /* all code is there, and none of the component's has run */
	if (wasi.boot->flags & MOTE_BOOT_READY && !may_be_snapshotted())
		wasi_end(WASI_CANNOT_RUN);
	if (component_instantiate(component, &link, &instance, &error, &wasi.stop) == 0)
		return instance;
	if (missing.count)
		refuse_imports(&missing);
	if (error.kind == WASM_ERROR_TRAP)
		wasi_end_by_trap(&wasi.stop);
	wasi_refuse_component(&error);
}

/* --- running it --- */

static void take_result(void *context, struct component_call *callee, const void *result)
{
	(void)callee;
	*(uint8_t *)context = *(const uint8_t *)result;
}

bool p2_is_run(const struct ctype *type)
{
	return !type->count && type->of && type->of->kind == CTYPE_RESULT && !type->is_async &&
	       !type->of->members[0].type && !type->of->members[1].type;
}

_Noreturn static void call_run(struct component_instance *instance)
{
	uint8_t failed = 0;
	const struct component_passing pass = {.lift = take_result, .context = &failed};
	struct component_func *func = component_export(instance, P2_RUN_INTERFACE, P2_RUN);
	if (!func || !p2_is_run(component_func_type(func)))
		wasi_refuse("it does not export the function " P2_RUN " of " P2_RUN_INTERFACE);
	switch (component_call(func, &pass, &wasi.stop)) {
	case WASM_RETURNED:
		wasi_end(failed);
	case WASM_TRAPPED:
		break;
	}
	wasi_end_by_trap(&wasi.stop);
}

static void refuse_options(void)
{
	if (wasi.boot->entry && !invoke_is_call(wasi_boot_string(wasi.boot->entry)))
		wasi_refuse("a function of a component is called with its arguments: f() and the "
			    "like");
}

/* Whether it is run, and not called by a host program. */
static bool is_command(struct component_instance *instance)
{
	const struct component_func *run = component_export(instance, P2_RUN_INTERFACE, P2_RUN);
	return !(wasi.boot->flags & MOTE_BOOT_LIBRARY) && run &&
	       p2_is_run(component_func_type(run));
}

/* Calls the function that a snapshot is to be taken after, by Wizer's name for components too. */
static void initialise(struct component_instance *instance, const char *wanted)
{
	static char name[1024];
	if (strcmp(wanted, "wizer.initialize") == 0)
		wanted = "wizer-initialize";
	lib_format(name, sizeof(name), "%s", wanted);
	struct component_func *init = invoke_find(instance, name);
	if (!init)
		wasi_refuse("it exports no function %s to be called before the snapshot", name);
	if (component_func_type(init)->count || component_func_type(init)->is_async)
		wasi_refuse("its export %s is not a function without parameters", name);
	p1_fds_init();
	if (component_call(init, NULL, &wasi.stop) != WASM_RETURNED)
		wasi_end_by_trap(&wasi.stop);
}

_Noreturn void p2_run(void)
{
	struct component_instance *instance;
	refuse_options();
	if (wasi.boot->flags & MOTE_BOOT_READY) {
		const char *init = wasi_boot_string(wasi.boot->init);
		instance = instantiate();
		if (*init)
			initialise(instance, init);
		(void)mote_ready(mote_area());
		refuse_options(); /* a copy has its own */
		p1_fds_init();
	} else {
		p1_fds_init();
		instance = instantiate();
	}
	if (wasi.boot->entry)
		invoke_component(instance, wasi_boot_string(wasi.boot->entry));
	if (wasi.boot->flags & MOTE_BOOT_CALLS && !is_command(instance))
		p2_serve(component_type(component), instance);
	call_run(instance);
}
