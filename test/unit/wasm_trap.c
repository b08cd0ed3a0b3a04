/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How calls end that do not return: what a backtrace names, and where it begins. The engine runs in
 * this process.
 */
#include "guest/wasm/store.h"

#include <criterion/criterion.h>
#include <string.h>

/*
 * (module $fixture
 *   (import "h" "call_inner" (func)) (import "h" "idle" (func))
 *   (func $outer (export "outer") (call 0))
 *   (func $inner (export "inner") (call 1))
 *   (func $trap (export "trap") (unreachable)))
 */
static const uint8_t fixture[] = {
	0,   'a', 's', 'm',  1,   0,    0,   0,   1,    4,   1,    0x60, 0,   0,    2,
	25,  2,   1,   'h',  10,  'c',  'a', 'l', 'l',  '_', 'i',  'n',  'n', 'e',  'r',
	0,   0,   1,   'h',  4,   'i',  'd', 'l', 'e',  0,   0,    3,    4,   3,    0,
	0,   0,   7,   24,   3,   5,    'o', 'u', 't',  'e', 'r',  0,    2,   5,    'i',
	'n', 'n', 'e', 'r',  0,   3,    4,   't', 'r',  'a', 'p',  0,    4,   10,   15,
	3,   4,   0,   0x10, 0,   0x0b, 4,   0,   0x10, 1,   0x0b, 3,    0,   0x00, 0x0b,
	0,   28,  4,   'n',  'a', 'm',  'e', 0,   8,    7,   'f',  'i',  'x', 't',  'u',
	'r', 'e', 1,   11,   2,   2,    5,   'o', 'u',  't', 'e',  'r',  4,   1,    't'};
enum { OUTER = 2, INNER, TRAP };

static struct wasm_store store;
static struct wasm_instance *instance;

static struct wasm_func *exported(const char *name)
{
	struct wasm_extern e;
	cr_assert(wasm_instance_export(instance, name, strlen(name), &e) == 0, "%s", name);
	return e.func;
}

static void idle(struct wasm_instance *i)
{
	(void)i;
}

static void call_inner(struct wasm_instance *i)
{
	cr_assert(wasm_call(exported("inner"), NULL, NULL, NULL) == WASM_RETURNED);
	wasm_trap(i, WASM_TRAP_HOST, "for a reason");
}

static int resolve(void *context, const struct wasm_import *import, struct wasm_extern *out)
{
	(void)context;
	out->kind = WASM_KIND_FUNC;
	out->host = (wasm_host_fn)(import->name.text[0] == 'c' ? call_inner : idle);
	return 0;
}

static void start(void)
{
	static const struct wasm_link link = {.resolve = resolve};
	struct wasm_module *module;
	struct wasm_error error;
	int rc = wasm_compile(&store, fixture, sizeof(fixture), NULL, &module, &error);
	cr_assert(rc == 0, "%s at %lu", error.message, error.offset);
	rc = wasm_instantiate(module, &link, &instance, &error, NULL);
	cr_assert(rc == 0, "%s", error.message);
}

static void is_named(const struct wasm_name *name, const char *want)
{
	cr_assert(name->bytes == strlen(want) && memcmp(name->text, want, name->bytes) == 0,
		  "'%.*s', not '%s'", (int)name->bytes, name->text, want);
}

Test(wasm_trap, backtraces_name_the_module_and_the_function, .init = start)
{
	struct wasm_stop stop;
	cr_assert(wasm_call(exported("trap"), NULL, NULL, &stop) == WASM_TRAPPED);
	cr_assert(stop.code == WASM_TRAP_UNREACHABLE);
	cr_assert(stop.frame_count == 1 && stop.frames[0].func_index == TRAP);
	is_named(&stop.frames[0].module, "fixture");
	is_named(&stop.frames[0].name, "t");
}

/*
 * A host function that has called into the module and come back is still where the outer call left.
 */
Test(wasm_trap, a_host_functions_trap_begins_at_its_caller, .init = start)
{
	struct wasm_stop stop;
	cr_assert(wasm_call(exported("outer"), NULL, NULL, &stop) == WASM_TRAPPED);
	cr_assert(stop.code == WASM_TRAP_HOST && strcmp(stop.message, "for a reason") == 0);
	cr_assert(stop.frame_count == 1, "%u frames", stop.frame_count);
	cr_assert(stop.frames[0].func_index == OUTER, "function %u", stop.frames[0].func_index);
	is_named(&stop.frames[0].name, "outer");
}

/* What a module's body begins with, and the words that refuse it. */
Test(wasm_trap, refusals_name_the_feature)
{
	static const struct {
		uint8_t op[3];
		const char *message;
	} cases[] = {
		{{0x08, 0}, "exception handling is not enabled"},
		{{0x0a}, "exception handling is not enabled"},
		{{0x1f, 0x40, 0}, "exception handling is not enabled"},
		{{0x06, 0x40}, "legacy exception handling is not enabled"},
		{{0x07, 0}, "legacy exception handling is not enabled"},
		{{0x09, 0}, "legacy exception handling is not enabled"},
		{{0x18, 0}, "legacy exception handling is not enabled"},
		{{0x19}, "legacy exception handling is not enabled"},
		{{0x14, 0}, "typed function references are not enabled"},
		{{0x15, 0}, "typed function references are not enabled"},
		{{0xd4}, "typed function references are not enabled"},
		{{0xd5, 0}, "typed function references are not enabled"},
		{{0xd6, 0}, "typed function references are not enabled"},
		{{0xd3}, "garbage collection is not enabled"},
		{{0xfb, 0}, "garbage collection is not enabled"},
		{{0xfb, 28}, "garbage collection is not enabled"},
		{{0xfe, 0}, "atomic instructions are not enabled"},
		{{0xfc, 19}, "wide arithmetic is not enabled"},
		{{0x12, 0}, "tail calls are not enabled"},
		{{0xfd, 77}, "SIMD is not enabled"},
		{{0x27}, "illegal opcode"},
		{{0xfc, 18}, "illegal opcode"},
		{{0xfd, 0xa2, 1}, "illegal opcode"},
	};
	static const struct wasm_options none = {.size = sizeof(none)};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const uint8_t *op = cases[i].op;
		const uint8_t bytes[] = {0,  'a', 's',  'm', 1, 0,     0,     0,     1,
					 4,  1,   0x60, 0,   0, 3,     2,     1,     0,
					 10, 7,   1,    5,   0, op[0], op[1], op[2], 0x0b};
		struct wasm_module *module;
		struct wasm_error error;
		cr_assert(wasm_compile(&store, bytes, sizeof(bytes), &none, &module, &error) < 0,
			  "%zu", i);
		cr_assert(strcmp(error.message, cases[i].message) == 0, "%s", error.message);
	}
}

/* A memory's and a table's limits: the flags, and the words that refuse them. */
Test(wasm_trap, refusals_of_limits_name_the_feature)
{
	static const struct {
		uint8_t section, flags;
		uint32_t features;
		const char *message;
	} cases[] = {
		{5, 4, 0, "memory64 is not enabled"},
		{4, 5, 0, "memory64 is not enabled"},
		{5, 8, 0, "custom page sizes are not enabled"},
		{5, 3, WASM_FEATURES_ALL, "threads (shared memory) are not supported"},
		{5, 7, WASM_FEATURES_ALL, "threads (shared memory) are not supported"},
		{4, 3, WASM_FEATURES_ALL, "malformed limits flags"},
		{4, 8, WASM_FEATURES_ALL, "malformed limits flags"},
		{5, 16, WASM_FEATURES_ALL, "malformed limits flags"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct wasm_options options = {
			.size = sizeof(options),
			.features = cases[i].features,
		};
		const uint8_t memory[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 5, 4, 1, cases[i].flags,
					  1, 1},
			      table[] = {
				      0, 'a', 's', 'm', 1, 0, 0, 0, 4, 5, 1, 0x70, cases[i].flags,
				      1, 1};
		struct wasm_module *module;
		struct wasm_error error;
		int rc = cases[i].section == 5 ? wasm_compile(&store, memory, sizeof(memory),
							      &options, &module, &error)
					       : wasm_compile(&store, table, sizeof(table),
							      &options, &module, &error);
		cr_assert(rc < 0, "%zu", i);
		cr_assert(strcmp(error.message, cases[i].message) == 0, "%zu: %s", i,
			  error.message);
	}
}
