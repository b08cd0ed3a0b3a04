/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a module or component is: kind, features, what running it would do, imports that are not
 * there, imports and exports with their types. The program is untrusted: names of it are shown with
 * escapes for all that is not printable ASCII, and the text is bounded.
 */
#include "guest/wasi/inspect.h"

#include "guest/component/component.h"
#include "guest/component/wit.h"
#include "guest/wasi/imports.h"
#include "guest/wasi/p2/run.h"
#include "guest/wasi/print.h"
#include "guest/wasi/proxy/proxy.h"
#include "guest/wasi/report.h"
#include "guest/wasi/state.h"
#include "guest/wasm/module/features.h"
#include "guest/wasm/module/module.h"
#include "guest/wasm/store.h"

enum { TEXT_MAX = 1000000 /* bytes; the line that says so comes after them */ };

/* --- text --- */

static struct {
	uint64_t bytes;
	bool is_cut;
} shown;

/* Names in a component's world are ASCII that can be printed: its validation sees to it. */
static bool put_bytes(void *unused, const char *text, uint64_t bytes)
{
	if (shown.is_cut || bytes > TEXT_MAX - shown.bytes) {
		shown.is_cut = true;
		return false;
	}
	shown.bytes += bytes;
	print_bytes(unused, text, bytes);
	return true;
}

static void put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *fmt, ...)
{
	char text[300];
	va_list ap;
	va_start(ap, fmt);
	(void)put_bytes(NULL, text, lib_vformat(text, sizeof(text), fmt, ap));
	va_end(ap);
}

/* Any UTF-8, of a module. */
static void put_name(const struct wasm_name *name)
{
	for (uint32_t i = 0; i < name->bytes && !shown.is_cut; i++) {
		const uint8_t byte = (uint8_t)name->text[i];
		if (byte < 0x20 || byte > 0x7e || byte == '\\')
			put("\\%02x", byte);
		else
			(void)put_bytes(NULL, &name->text[i], 1);
	}
}

_Noreturn static void finish(void)
{
	if (shown.is_cut)
		print_bytes(NULL, "\n... and more\n", 14);
	print_flush();
	wasi_end(0);
}

/* --- features --- */

static bool is_component(void)
{
	return component_is((const void *)MOTE_PROGRAM_VA, wasi.boot->program_bytes);
}

static struct wasm_options options_with(uint32_t features)
{
	return (struct wasm_options){
		.size = sizeof(struct wasm_options),
		.features = features,
		.cpu = wasm_cpu_detect(),
	};
}

_Noreturn static void refuse(const struct wasm_error *error)
{
	if (is_component())
		wasi_refuse_component(error);
	wasi_refuse_module(error);
}

/* Whether it is valid with those features alone. */
static bool is_valid(uint32_t features, struct wasm_error *error)
{
	struct wasm_store store = {0};
	struct wasm_module *module;
	const void *bytes = (const void *)MOTE_PROGRAM_VA;
	const struct wasm_options options = options_with(features);
	int rc;
	if (is_component()) {
		rc = component_validate(bytes, wasi.boot->program_bytes, &options, error);
	} else {
		rc = wasm_compile(&store, bytes, wasi.boot->program_bytes, &options, &module,
				  error);
		wasm_store_close(&store);
	}
	if (rc != 0 && error->kind == WASM_ERROR_MEMORY)
		refuse(error);
	return rc == 0;
}

/* `features` without those of `count` from bit `first` on that it is valid without. */
static uint32_t without_unused(uint32_t features, uint32_t first, uint32_t count)
{
	static struct wasm_error error;
	const uint32_t less = features & ~(((1u << count) - 1) << first);
	if (less == features || is_valid(less, &error))
		return less;
	if (count == 1)
		return features;
	features = without_unused(features, first, count / 2);
	return without_unused(features, first + count / 2, count - count / 2);
}

static void put_features(void)
{
	static const struct {
		uint32_t bit;
		const char *words;
	} list[] = {
#define FEATURE(name, bit, words, verb) {bit, words},
#include "guest/wasm/module/features.def"
	};
	_Static_assert(WASM_FEATURES_ALL < 1u << 16, "each is asked about");
	const uint32_t used = without_unused(WASM_FEATURES_ALL, 0, 16);
	put("features: %s", list[0].words);
	for (size_t i = 1; i < sizeof(list) / sizeof(list[0]); i++)
		if (used & list[i].bit)
			put(", %s", list[i].words);
	put("\n");
}

/* --- what both have --- */

static void put_kind(const char *kind)
{
	put("kind: %s\nsize: %lu bytes\n", kind, wasi.boot->program_bytes);
	put_features();
}

static uint32_t missing_count;

/* One that is not there, in a list that begins with the first. */
static void begin_missing(void)
{
	if (!missing_count++)
		put("not there:\n");
	put("  ");
}

/* --- components --- */

static void put_missing(void *unused, struct wasm_name import, struct wasm_name function,
			const char *why)
{
	(void)unused;
	begin_missing();
	put_name(&import);
	if (function.bytes)
		put("#");
	put_name(&function);
	put(": %s\n", why);
}

static void ignore_missing(void *unused, struct wasm_name import, struct wasm_name function,
			   const char *why)
{
	(void)unused;
	(void)import;
	(void)function;
	(void)why;
}

static const struct extern_item *find_run(const struct externs *in)
{
	for (uint32_t i = 0; i < in->count; i++) {
		const struct extern_item *e = &in->list[i];
		if (e->item.sort != SORT_INSTANCE ||
		    !component_version_fits(e->name, P2_RUN_INTERFACE))
			continue;
		const struct externs *functions = &e->item.type->exports;
		for (uint32_t k = 0; k < functions->count; k++)
			if (functions->list[k].item.sort == SORT_FUNC &&
			    functions->list[k].name.bytes == strlen(P2_RUN) &&
			    memcmp(functions->list[k].name.text, P2_RUN, strlen(P2_RUN)) == 0 &&
			    p2_is_run(functions->list[k].item.type))
				return e;
	}
	return NULL;
}

static bool has_function(const struct externs *in)
{
	for (uint32_t i = 0; i < in->count; i++)
		if (in->list[i].item.sort == SORT_FUNC)
			return true;
	return false;
}

/* Whether --invoke has anything to call: a function of the component's or of its interfaces. */
static bool can_be_invoked(const struct externs *exports)
{
	if (has_function(exports))
		return true;
	for (uint32_t i = 0; i < exports->count; i++)
		if (exports->list[i].item.sort == SORT_INSTANCE &&
		    has_function(&exports->list[i].item.type->exports))
			return true;
	return false;
}

static void put_use_of_component(const struct component *component)
{
	const struct externs *exports = &component_type(component)->exports;
	const struct extern_item *run = find_run(exports);
	put("use: ");
	if (!p2_imports_fit(component, ignore_missing, NULL)) {
		put("none, since it imports what is not there\n");
	} else if (run) {
		put("command: `mote run` calls run of ");
		put_name(&run->name);
		put("\n");
	} else if (can_be_invoked(exports)) {
		put("library: `mote run --invoke 'f()'` calls a function of it\n");
	} else {
		put("none, since it exports no functions\n");
	}
}

static void inspect_component(void)
{
	static struct wasm_store store;
	static struct wasm_error error;
	const struct wasm_options options = options_with(WASM_FEATURES_ALL);
	const struct wit_writer writer = {.write = put_bytes};
	struct component *component;
	uint32_t modules = 0;
	if (component_load(&store, (const void *)MOTE_PROGRAM_VA, wasi.boot->program_bytes,
			   &options, &component, &error) < 0)
		wasi_refuse_component(&error);
	put_kind("component");
	for (const struct wasm_module *m = store.modules; m; m = m->next)
		modules++;
	put("core modules: %u\n", modules);
	put_use_of_component(component);
	(void)p2_imports_fit(component, put_missing, NULL);
	put("world:\n");
	if (!wit_print(component_type(component), &writer))
		wasi_refuse("the memory limit of %lu KiB is too small for a description",
			    wasi.boot->memory_bytes >> 10);
}

/* --- modules --- */

static void put_type(uint32_t type)
{
	static const struct {
		uint32_t type;
		const char *name;
	} names[] = {
		{WASM_I32, "i32"},
		{WASM_I64, "i64"},
		{WASM_F32, "f32"},
		{WASM_F64, "f64"},
		{WASM_V128, "v128"},
		{WASM_FUNCREF, "funcref"},
		{WASM_EXTERNREF, "externref"},
		{WASM_EXNREF, "exnref"},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type) {
			put("%s", names[i].name);
			return;
		}
	put("ref");
}

static void put_types(const uint32_t *types, uint32_t count)
{
	for (uint32_t i = 0; i < count && !shown.is_cut; i++) {
		put("%s", i ? ", " : "");
		put_type(types[i]);
	}
}

static void put_signature(const char *word, const struct wasm_functype *type)
{
	put("%s(", word);
	put_types(type->params, type->param_count);
	put(")");
	if (!type->result_count)
		return;
	put(type->result_count > 1 ? " -> (" : " -> ");
	put_types(type->results, type->result_count);
	if (type->result_count > 1)
		put(")");
}

static void put_limits(const struct wasm_limits *limits, const char *unit)
{
	put(" of %lu", limits->min);
	if (limits->has_max)
		put(" to %lu", limits->max);
	put(" %s%s", unit, limits->is_64 ? ", 64-bit" : "");
}

static void put_extern(const struct wasm_externtype *type)
{
	switch (type->kind) {
	case WASM_KIND_FUNC:
		put_signature("func", type->func);
		break;
	case WASM_KIND_TAG:
		put_signature("tag", type->func);
		break;
	case WASM_KIND_MEMORY:
		put("memory");
		put_limits(&type->limits, type->limits.byte_pages ? "bytes" : "pages");
		break;
	case WASM_KIND_TABLE:
		put("table");
		put_limits(&type->limits, "of ");
		put_type(type->type);
		break;
	case WASM_KIND_GLOBAL:
		put("%s", type->is_mutable ? "mutable global " : "global ");
		put_type(type->type);
		break;
	}
	put("\n");
}

/* Whether it exports a function of that name; *callable: one without parameters. */
static bool exports_function(const struct wasm_module *m, const char *name, bool *callable)
{
	struct wasm_export found;
	if (!wasm_module_export_find(m, name, strlen(name), &found) ||
	    found.type.kind != WASM_KIND_FUNC)
		return false;
	*callable = !found.type.func->param_count;
	return true;
}

static bool lacks_imports(const struct wasm_module *m)
{
	struct wasm_extern unused;
	struct wasm_import import;
	for (uint32_t i = 0; i < wasm_module_import_count(m); i++) {
		wasm_module_import(m, i, &import);
		if (imports_find(&import, &unused))
			return true;
	}
	return false;
}

static bool exports_functions(const struct wasm_module *m)
{
	struct wasm_export export;
	for (uint32_t i = 0; i < wasm_module_export_count(m); i++) {
		wasm_module_export(m, i, &export);
		if (export.type.kind == WASM_KIND_FUNC)
			return true;
	}
	return false;
}

/* As main.c decides. */
static const char *use_of_module(const struct wasm_module *m)
{
	bool callable = true;
	if (proxy_is_module(m))
		return "proxy-wasm plugin, which a proxy runs";
	if (lacks_imports(m))
		return "none, since it imports what is not there";
	if (exports_function(m, "", &callable) || exports_function(m, "_start", &callable)) {
		if (callable)
			return "command: `mote run` calls its _start, or the export of no name";
		return "none, since its _start is not a function without parameters";
	}
	if (exports_function(m, "_initialize", &callable) && callable)
		return "reactor: `mote run` calls its _initialize, and with --invoke 'f()' a "
		       "function of it then";
	if (wasm_module_has_start(m))
		return "`mote run` carries out its start function";
	if (exports_functions(m))
		return "library: `mote run --invoke 'f()'` calls a function of it";
	return "none, since it exports no functions";
}

static void put_missing_imports(const struct wasm_module *m)
{
	struct wasm_extern unused;
	struct wasm_import import;
	for (uint32_t i = 0; i < wasm_module_import_count(m) && !shown.is_cut; i++) {
		wasm_module_import(m, i, &import);
		const char *why = imports_find(&import, &unused);
		if (!why)
			continue;
		begin_missing();
		put_name(&import.module);
		put(".");
		put_name(&import.name);
		put(": %s\n", why);
	}
}

static void put_externs(const struct wasm_module *m)
{
	struct wasm_import import;
	struct wasm_export export;
	put("imports:\n");
	for (uint32_t i = 0; i < wasm_module_import_count(m) && !shown.is_cut; i++) {
		wasm_module_import(m, i, &import);
		put("  ");
		put_name(&import.module);
		put(".");
		put_name(&import.name);
		put(": ");
		put_extern(&import.type);
	}
	put("exports:\n");
	for (uint32_t i = 0; i < wasm_module_export_count(m) && !shown.is_cut; i++) {
		wasm_module_export(m, i, &export);
		put("  ");
		put_name(&export.name);
		put(": ");
		put_extern(&export.type);
	}
}

static void inspect_module(void)
{
	static struct wasm_store store;
	static struct wasm_error error;
	const struct wasm_options options = options_with(WASM_FEATURES_ALL);
	struct wasm_module *module;
	if (wasm_compile(&store, (const void *)MOTE_PROGRAM_VA, wasi.boot->program_bytes, &options,
			 &module, &error) < 0)
		wasi_refuse_module(&error);
	put_kind("module");
	put("use: %s\n", use_of_module(module));
	put_missing_imports(module);
	put_externs(module);
}

_Noreturn void inspect_program(void)
{
	if (is_component())
		inspect_component();
	else
		inspect_module();
	finish();
}
