/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WebAssembly personality: compiles the payload, links it with WASI preview 1, runs it and
 * reports how it ended. The module is untrusted; this program is part of the guest and has no
 * rights beyond it.
 */
#include "guest/wasi/rpc/calls.h"
#include "guest/wasi/imports.h"
#include "guest/wasi/space.h"
#include "guest/wasi/start.h"
#include "guest/wasi/wasi.h"

#define CANNOT_RUN 126 /* exit status where a module is not fit to be run */
#define LX_SIGABRT 6
#define FRAMES_SHOWN 20 /* of a backtrace */

struct mote_area *wasi_area;
const struct mote_boot *wasi_boot;

static const char *boot_string(uint32_t offset)
{
	return (const char *)wasi_boot + offset;
}

/* The program's name as messages show it: the last part of its path. */
static const char *program(void)
{
	const char *path = boot_string(wasi_boot->payload_path);
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

_Noreturn void wasi_end(int32_t status)
{
	for (;;)
		(void)mote_exit(wasi_area, status);
}

/* --- traps --- */

static int shown(const struct wasm_name *name)
{
	return name->bytes < 160 ? (int)name->bytes : 160;
}

/* One line a frame, as wasmtime shows them. */
static void print_frame(uint32_t i, const struct wasm_frame *f)
{
	char line[400];
	size_t n = lib_format(line, sizeof(line) - 1, "  %4u: 0x%x - ", i, f->offset);
	if (f->module.bytes)
		n += lib_format(line + n, sizeof(line) - 1 - n, "%.*s!", shown(&f->module),
				f->module.text);
	else
		n += lib_format(line + n, sizeof(line) - 1 - n, "%s!", program());
	if (f->name.bytes)
		n += lib_format(line + n, sizeof(line) - 1 - n, "%.*s", shown(&f->name),
				f->name.text);
	else
		n += lib_format(line + n, sizeof(line) - 1 - n, "<wasm function %u>",
				f->func_index);
	line[n++] = '\n';
	lib_write(2, line, n);
}

void wasi_report_trap(const struct wasm_stop *stop)
{
	const char *what =
		stop->code == WASM_TRAP_HOST ? stop->message : wasm_trap_text(stop->code);
	lib_error("%s: wasm trap: %s", program(), what);
	uint32_t count = stop->frame_count < FRAMES_SHOWN ? stop->frame_count : FRAMES_SHOWN;
	for (uint32_t i = 0; i < count; i++)
		print_frame(i, &stop->frames[i]);
	if (stop->truncated || count < stop->frame_count)
		lib_write(2, "   ...\n", 7);
}

static _Noreturn void end_by_trap(const struct wasm_stop *stop)
{
	wasi_report_trap(stop);
	for (;;)
		(void)mote_exit_signal(wasi_area, LX_SIGABRT);
}

/* Large, and needed once at most: not on the stack. */
static struct wasm_stop stop;

static void run(struct wasm_func *func)
{
	switch (wasm_call(func, NULL, NULL, &stop)) {
	case WASM_RETURNED:
		return;
	case WASM_TRAPPED:
		end_by_trap(&stop);
	case WASM_EXITED:
		wasi_end(stop.exit_status);
	}
}

/* --- from bytes to an instance --- */

/* A component begins as a module does, but for the version's upper half ("layer"). */
static bool is_component(const uint8_t *bytes, uint64_t size)
{
	return size >= 8 && memcmp(bytes, "\0asm", 4) == 0 && bytes[6] == 1 && bytes[7] == 0;
}

static _Noreturn void refuse(const struct wasm_error *error)
{
	switch (error->kind) {
	case WASM_ERROR_MALFORMED:
	case WASM_ERROR_INVALID:
		lib_error("%s: not a valid WebAssembly module: %s (at offset 0x%lx)", program(),
			  error->message, error->offset);
		break;
	case WASM_ERROR_UNSUPPORTED:
		lib_error("%s: %s (at offset 0x%lx)", program(), error->message, error->offset);
		break;
	case WASM_ERROR_MEMORY:
		lib_error("%s: the memory limit of %lu KiB is too small: %s", program(),
			  wasi_boot->memory_bytes >> 10, error->message);
		break;
	case WASM_ERROR_LIMIT:
	case WASM_ERROR_LINK:
	case WASM_ERROR_TRAP:
	case WASM_ERROR_EXIT:
		lib_error("%s: %s", program(), error->message);
		break;
	}
	wasi_end(CANNOT_RUN);
}

static struct wasm_instance *instantiate(void)
{
	static struct wasm_error error;
	static struct import_failure failure;
	const uint8_t *bytes = (const uint8_t *)MOTE_PAYLOAD_VA;
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL,
		.cpu = wasm_cpu_detect(),
	};
	if (is_component(bytes, wasi_boot->payload_bytes)) {
		lib_error(
			"%s is a WebAssembly component; only modules of WASI preview 1 can be run",
			program());
		wasi_end(CANNOT_RUN);
	}
	struct wasm_module *module;
	struct wasm_instance *instance;
	if (wasm_compile(bytes, wasi_boot->payload_bytes, &options, &module, &error) < 0)
		refuse(&error);
	(void)mote_mem_seal(wasi_area); /* all code is there, and none of the module's has run */
	if (wasi_boot->flags & MOTE_BOOT_READY && !*boot_string(wasi_boot->init) && wasm_module_has_start(module))
		wasi_end(CANNOT_RUN); /* it may look at what a later start has otherwise */
	const struct wasm_link link = {.resolve = imports_resolve, .resolve_context = &failure};
	if (wasm_instantiate(module, &link, &instance, &error, &stop) < 0) {
		if (failure.text[0]) {
			lib_error("%s: %s", program(), failure.text);
			wasi_end(CANNOT_RUN);
		}
		if (error.kind == WASM_ERROR_TRAP)
			end_by_trap(&stop);
		if (error.kind == WASM_ERROR_EXIT)
			wasi_end(stop.exit_status);
		refuse(&error);
	}
	return instance;
}

/* An exported function without parameters, or NULL when there is no export of that name. */
static struct wasm_func *entry(struct wasm_instance *instance, const char *name)
{
	struct wasm_extern export;
	struct wasm_export found;
	if (!wasm_module_export_find(wasm_instance_module(instance), name, strlen(name), &found))
		return NULL;
	if (found.type.kind != WASM_KIND_FUNC || found.type.func->param_count ||
	    found.type.func->result_count) {
		lib_error("%s: its export %s is not a function without parameters and results",
			  program(), name);
		wasi_end(CANNOT_RUN);
	}
	return wasm_instance_export(instance, name, strlen(name), &export) == 0 ? export.func
										: NULL;
}

/* A module that is no command, for a host that calls functions. It serves by itself where it can. */
static _Noreturn void serve(struct wasm_instance *instance, struct wasm_func *initialize)
{
	struct wasm_extern own;
	if (initialize)
		run(initialize);
	if (wasm_instance_export(instance, "mote_serve", 10, &own) == 0 && own.kind == WASM_KIND_FUNC &&
	    wasm_functype_is(wasm_func_type(own.func), ":i")) {
		union wasm_value unused;
		if (wasm_call(own.func, NULL, &unused, &stop) == WASM_TRAPPED)
			end_by_trap(&stop);
		wasi_end(stop.outcome == WASM_EXITED ? stop.exit_status : 0);
	}
	calls_serve(instance);
}

/* Whether the module's own initialisation was carried out, before the snapshot that this start is from. */
static bool initialised;

/* Calls the function that a snapshot is to be taken after (Wizer's convention). */
static void initialise(struct wasm_instance *instance, const char *name)
{
	struct wasm_func *init = entry(instance, name);
	if (!init) {
		lib_error("%s: it exports no function %s to be called before the snapshot", program(), name);
		wasi_end(CANNOT_RUN);
	}
	wasi_fds_init();
	run(init);
	initialised = true;
}

/*
 * Commands are run by _start. Reactors are made ready by _initialize, and then the function that
 * was asked for is run. What was initialised before a snapshot has wizer.resume instead of _start, if anything.
 */
static void run_entry(struct wasm_instance *instance)
{
	const char *wanted = boot_string(wasi_boot->entry);
	if (!*wanted && initialised && entry(instance, "wizer.resume"))
		wanted = "wizer.resume";
	struct wasm_func *initialize = entry(instance, "_initialize"),
			 *start = entry(instance, *wanted ? wanted : "_start");
	if (wasi_boot->flags & MOTE_BOOT_CALLS && !*wanted && !start)
		serve(instance, initialize);
	if (!start && *wanted)
		lib_error("%s: it exports no function %s", program(), wanted);
	else if (!start && !initialize)
		lib_error(
			"%s: it exports neither _start nor _initialize, so there is nothing to run",
			program());
	if (!start && (*wanted || !initialize))
		wasi_end(CANNOT_RUN);
	if (initialize && start != initialize)
		run(initialize);
	run(start ? start : initialize);
}

void wasi_start(const struct mote_boot *boot, struct mote_area *area)
{
	wasi_area = area;
	wasi_boot = boot;
	if (boot->magic != MOTE_BOOT_MAGIC || boot->abi_version != MOTE_ABI_VERSION)
		lib_panic("boot information of another version: %u", boot->abi_version);
	platform_start();
	if (mote_mem_map(area, SPACE_STACK, SPACE_STACK_BYTES, MOTE_PROT_READ | MOTE_PROT_WRITE) <
	    0) {
		lib_error("%s: the memory limit of %lu KiB leaves no room for a stack", program(),
			  boot->memory_bytes >> 10);
		wasi_end(CANNOT_RUN);
	}
}

static void bind_imports(void)
{
	const char *name, *why = calls_bind(&name);
	if (why) {
		lib_error("%s: cannot import mote.%s: %s", program(), name, why);
		wasi_end(CANNOT_RUN);
	}
}

_Noreturn void wasi_main(void)
{
	struct wasm_instance *instance;
	if (wasi_boot->flags & MOTE_BOOT_READY) {
		const char *init = boot_string(wasi_boot->init);
		instance = instantiate();
		if (*init)
			initialise(instance, init);
		(void)mote_ready(wasi_area);
		wasi_fds_init();
		bind_imports();
	} else {
		wasi_fds_init();
		instance = instantiate();
	}
	run_entry(instance);
	wasi_end(0);
}
