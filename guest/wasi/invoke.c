/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that the command line asks for. Text, types and results are read within the guest; the host
 * hands over a string.
 */
#include "guest/wasi/invoke.h"

#include "guest/component/layout.h"
#include "guest/component/wave.h"
#include "guest/wasi/print.h"
#include "guest/wasi/report.h"
#include "guest/wasi/state.h"

enum { NAME_BYTES = 1024, VALUES_MAX = 32, WHERE_BYTES = 40 };

struct invocation {
	const char *text;
	const struct ctype *type;
	struct wave_reader reader;
};

/* What begins there, or the end. */
static void fail(void *context, const struct wave_reader *reader, const char *why)
{
	(void)context;
	int shown = (int)(reader->end - reader->at);
	if (shown > WHERE_BYTES)
		shown = WHERE_BYTES;
	if (shown)
		wasi_refuse("%s, at '%.*s'", why, shown, reader->at);
	wasi_refuse("%s, at the end of the call", why);
}

static void end_line(void)
{
	print_bytes(NULL, "\n", 1);
	print_flush();
}

bool invoke_is_call(const char *entry)
{
	return strchr(entry, '(') != NULL;
}

/* The function's name, copied. */
static void begin(struct invocation *k, const char *call, char name[NAME_BYTES])
{
	*k = (struct invocation){.text = call};
	k->reader = (struct wave_reader){.at = call, .end = call + strlen(call), .fail = fail};
	const struct wasm_name function = wave_function(&k->reader);
	if (function.bytes >= NAME_BYTES)
		wasi_refuse("it exports no function of so long a name");
	memcpy(name, function.text, function.bytes);
	name[function.bytes] = '\0';
}

/* --- components --- */

static void lower(void *context, struct component_call *callee, void *params)
{
	struct invocation *k = context;
	k->reader.callee = callee;
	wave_arguments(&k->reader, k->type, params);
}

static void lift(void *context, struct component_call *callee, const void *result)
{
	const struct invocation *k = context;
	const struct wave_writer w = {.write = print_bytes, .callee = callee};
	wave_print(&w, k->type->of, result);
	end_line();
}

struct component_func *invoke_find(struct component_instance *instance, char *name)
{
	char *hash = strchr(name, '#');
	if (!hash)
		return component_export(instance, NULL, name);
	*hash = '\0';
	struct component_func *found = component_export(instance, name, hash + 1);
	*hash = '#';
	return found;
}

_Noreturn void invoke_component(struct component_instance *instance, const char *call)
{
	static char name[NAME_BYTES];
	struct invocation k;
	begin(&k, call, name);
	struct component_func *func = invoke_find(instance, name);
	if (!func)
		wasi_refuse("it exports no function %s, or several interfaces do (then: "
			    "INTERFACE#%s)",
			    name, name);
	k.type = component_func_type(func);
	if (k.type->is_async)
		wasi_refuse("its export %s is async, which is not supported", name);
	const struct component_passing pass = {.lower = lower, .lift = lift, .context = &k};
	if (component_call(func, &pass, &wasi.stop) != WASM_RETURNED)
		wasi_end_by_trap(&wasi.stop);
	wasi_end(0);
}

/* --- modules: numbers of the core's types, those of integers with a sign --- */

static const struct ctype *type_of(const char *name, uint32_t type)
{
	switch (type) {
	case WASM_I32:
		return &ctype_primitive[CTYPE_S32];
	case WASM_I64:
		return &ctype_primitive[CTYPE_S64];
	case WASM_F32:
		return &ctype_primitive[CTYPE_F32];
	case WASM_F64:
		return &ctype_primitive[CTYPE_F64];
	}
	wasi_refuse("its export %s takes or returns something that is not a number", name);
}

static void take_values(struct invocation *k, const char *name, const struct wasm_functype *type,
			union wasm_value *args)
{
	struct ctype_member members[VALUES_MAX] = {0};
	const struct ctype params = {
		.kind = CTYPE_TUPLE, .count = type->param_count, .members = members};
	uint8_t values[8 * VALUES_MAX];
	uint64_t at = 0;
	for (uint32_t i = 0; i < type->param_count; i++)
		members[i].type = type_of(name, type->params[i]);
	wave_arguments(&k->reader, &params, values);
	for (uint32_t i = 0; i < type->param_count; i++) {
		at = layout_align(at, members[i].type->align);
		args[i].i64 = layout_load(values + at, members[i].type->bytes);
		at += members[i].type->bytes;
	}
}

void invoke_module(struct wasm_instance *instance, const char *call)
{
	static char name[NAME_BYTES];
	static union wasm_value args[VALUES_MAX], results[VALUES_MAX];
	const struct wave_writer w = {.write = print_bytes};
	struct invocation k;
	struct wasm_extern found;
	begin(&k, call, name);
	if (wasm_instance_export(instance, name, strlen(name), &found) < 0 ||
	    found.kind != WASM_KIND_FUNC)
		wasi_refuse("it exports no function %s", name);
	const struct wasm_functype *type = wasm_func_type(found.func);
	if (type->param_count > VALUES_MAX || type->result_count > VALUES_MAX)
		wasi_refuse("its export %s has more than %d parameters or results", name,
			    VALUES_MAX);
	for (uint32_t i = 0; i < type->result_count; i++)
		(void)type_of(name, type->results[i]);
	take_values(&k, name, type, args);
	if (wasm_call(found.func, args, results, &wasi.stop) != WASM_RETURNED)
		wasi_end_by_trap(&wasi.stop);
	for (uint32_t i = 0; i < type->result_count; i++) {
		wave_print(&w, type_of(name, type->results[i]), (const uint8_t *)&results[i]);
		end_line();
	}
}
