/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several modules and instances in a store, and several stores in a process: what instances share,
 * what they do not, and how far a trap reaches. The engine runs in this process.
 */
#include "guest/wasm/store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/*
 * (module
 *   (import "h" "f" (func $f))
 *   (memory (export "m") 1) (global $g (export "g") (mut i32) (i32.const 0))
 *   (table (export "t") 4 funcref) (type $r (func (result i32)))
 *   (func (export "count") (result i32)
 *     (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g))
 *   (func (export "call") (call $f))
 *   (func (export "at") (param i32) (result i32) (call_indirect (type $r) (local.get 0)))
 *   (func (export "trap") (unreachable)))
 */
static const uint8_t library[] = {
	0x00, 'a',  's',  'm',  0x01, 0x00, 0x00, 0x00, 0x01, 0x0d, 0x03, 0x60, 0x00, 0x01, 0x7f,
	0x60, 0x00, 0x00, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x02, 0x07, 0x01, 0x01, 'h',  0x01, 'f',
	0x00, 0x01, 0x03, 0x05, 0x04, 0x00, 0x01, 0x02, 0x01, 0x04, 0x04, 0x01, 'p',  0x00, 0x04,
	0x05, 0x03, 0x01, 0x00, 0x01, 0x06, 0x06, 0x01, 0x7f, 0x01, 0x41, 0x00, 0x0b, 0x07, 0x28,
	0x07, 0x01, 'm',  0x02, 0x00, 0x01, 'g',  0x03, 0x00, 0x01, 't',  0x01, 0x00, 0x05, 'c',
	'o',  'u',  'n',  't',  0x00, 0x01, 0x04, 'c',  'a',  'l',  'l',  0x00, 0x02, 0x02, 'a',
	't',  0x00, 0x03, 0x04, 't',  'r',  'a',  'p',  0x00, 0x04, 0x0a, 0x1e, 0x04, 0x0b, 0x00,
	0x23, 0x00, 0x41, 0x01, 'j',  0x24, 0x00, 0x23, 0x00, 0x0b, 0x04, 0x00, 0x10, 0x00, 0x0b,
	0x07, 0x00, 0x20, 0x00, 0x11, 0x00, 0x00, 0x0b, 0x03, 0x00, 0x00, 0x0b};
/*
 * (module
 *   (import "a" "m" (memory 1)) (import "a" "g" (global $g (mut i32)))
 *   (import "a" "t" (table 4 funcref)) (import "a" "count" (func $count (result i32)))
 *   (func $sum (result i32) (i32.add (global.get $g) (i32.load8_u (i32.const 8))))
 *   (func (export "run") (result i32) (drop (call $count)) (call $sum))
 *   (elem (i32.const 1) $sum) (data (i32.const 8) "\64"))
 */
static const uint8_t user[] = {
	0x00, 'a',  's',  'm',  0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f,
	0x02, 0x21, 0x04, 0x01, 'a',  0x01, 'm',  0x02, 0x00, 0x01, 0x01, 'a',  0x01, 'g',  0x03,
	0x7f, 0x01, 0x01, 'a',  0x01, 't',  0x01, 'p',  0x00, 0x04, 0x01, 'a',  0x05, 'c',  'o',
	'u',  'n',  't',  0x00, 0x00, 0x03, 0x03, 0x02, 0x00, 0x00, 0x07, 0x07, 0x01, 0x03, 'r',
	'u',  'n',  0x00, 0x02, 0x09, 0x07, 0x01, 0x00, 0x41, 0x01, 0x0b, 0x01, 0x01, 0x0a, 0x14,
	0x02, 0x0a, 0x00, 0x23, 0x00, 0x41, 0x08, 0x2d, 0x00, 0x00, 'j',  0x0b, 0x07, 0x00, 0x10,
	0x00, 0x1a, 0x10, 0x01, 0x0b, 0x0b, 0x07, 0x01, 0x00, 0x41, 0x08, 0x0b, 0x01, 'd'};
/* The same with (start $bad) (func $bad (unreachable)). */
static const uint8_t bad_user[] = {
	0x00, 'a',  's',  'm',  0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x60, 0x00, 0x01, 0x7f,
	0x60, 0x00, 0x00, 0x02, 0x21, 0x04, 0x01, 'a',  0x01, 'm',  0x02, 0x00, 0x01, 0x01, 'a',
	0x01, 'g',  0x03, 0x7f, 0x01, 0x01, 'a',  0x01, 't',  0x01, 'p',  0x00, 0x04, 0x01, 'a',
	0x05, 'c',  'o',  'u',  'n',  't',  0x00, 0x00, 0x03, 0x04, 0x03, 0x00, 0x00, 0x01, 0x07,
	0x07, 0x01, 0x03, 'r',  'u',  'n',  0x00, 0x02, 0x08, 0x01, 0x03, 0x09, 0x07, 0x01, 0x00,
	0x41, 0x01, 0x0b, 0x01, 0x01, 0x0a, 0x18, 0x03, 0x0a, 0x00, 0x23, 0x00, 0x41, 0x08, 0x2d,
	0x00, 0x00, 'j',  0x0b, 0x07, 0x00, 0x10, 0x00, 0x1a, 0x10, 0x01, 0x0b, 0x03, 0x00, 0x00,
	0x0b, 0x0b, 0x07, 0x01, 0x00, 0x41, 0x08, 0x0b, 0x01, 'd'};

static struct wasm_store one, other;
/* What the import h.f does. */
static void (*host)(struct wasm_instance *inst);

static void call_host(struct wasm_instance *inst)
{
	host(inst);
}

/* Imports of "a" are exports of the instance that is the context. */
static int resolve(void *context, const struct wasm_import *import, struct wasm_extern *out)
{
	if (import->module.text[0] == 'a')
		return wasm_instance_export(context, import->name.text, import->name.bytes, out);
	*out = (struct wasm_extern){.kind = WASM_KIND_FUNC, .host = (wasm_host_fn)call_host};
	return 0;
}

static struct wasm_module *compile(struct wasm_store *store, const uint8_t *bytes, size_t size)
{
	struct wasm_module *module;
	struct wasm_error error;
	cr_assert(wasm_compile(store, bytes, size, NULL, &module, &error) == 0, "%s at %lu",
		  error.message, error.offset);
	return module;
}

static struct wasm_instance *instantiate(struct wasm_module *module, struct wasm_instance *from)
{
	const struct wasm_link link = {.resolve = resolve, .resolve_context = from};
	struct wasm_instance *instance;
	struct wasm_error error;
	cr_assert(wasm_instantiate(module, &link, &instance, &error, NULL) == 0, "%s",
		  error.message);
	return instance;
}

static struct wasm_func *exported(struct wasm_instance *instance, const char *name)
{
	struct wasm_extern e;
	cr_assert(wasm_instance_export(instance, name, strlen(name), &e) == 0, "%s", name);
	return e.func;
}

static uint32_t result_of(struct wasm_instance *instance, const char *name, uint32_t arg)
{
	const union wasm_value args[1] = {{.i32 = arg}};
	union wasm_value result;
	struct wasm_stop stop;
	cr_assert(wasm_call(exported(instance, name), args, &result, &stop) == WASM_RETURNED,
		  "%s(%u): %s", name, arg, wasm_trap_text(stop.code));
	return result.i32;
}

Test(wasm_store, instances_share_what_they_import_and_nothing_else)
{
	struct wasm_module *libraries = compile(&one, library, sizeof(library)),
			   *users = compile(&one, user, sizeof(user));
	struct wasm_instance *a = instantiate(libraries, NULL), *b = instantiate(libraries, NULL);
	struct wasm_instance *of_a = instantiate(users, a), *also_of_a = instantiate(users, a);
	cr_assert(result_of(of_a, "run", 0) == 101 && result_of(also_of_a, "run", 0) == 102);
	cr_assert(result_of(a, "count", 0) == 3 && result_of(b, "count", 0) == 1);
	/* The function that the latest of them put into the table, called by its own instance. */
	cr_assert(result_of(a, "at", 1) == 103, "the segment's function in a's table");
	const union wasm_value at = {.i32 = 1};
	struct wasm_stop stop;
	cr_assert(wasm_call(exported(b, "at"), &at, NULL, &stop) == WASM_TRAPPED,
		  "b's table is empty");
	wasm_store_close(&one);
}

/* Its segments have been copied: their functions stay what they are until the store is closed. */
Test(wasm_store, an_instance_whose_start_traps_stays_as_far_as_others_refer_to_it)
{
	struct wasm_instance *a = instantiate(compile(&one, library, sizeof(library)), NULL);
	const struct wasm_link link = {.resolve = resolve, .resolve_context = a};
	struct wasm_instance *bad = NULL;
	struct wasm_error error;
	cr_assert(wasm_instantiate(compile(&one, bad_user, sizeof(bad_user)), &link, &bad, &error,
				   NULL) < 0);
	cr_assert(error.kind == WASM_ERROR_TRAP && !bad, "%s", error.message);
	cr_assert(result_of(a, "at", 1) == 100);
	wasm_store_close(&one);
}

static struct wasm_instance *inner;

static void trap_inside(struct wasm_instance *inst)
{
	struct wasm_stop stop;
	(void)inst;
	cr_assert(wasm_call(exported(inner, "trap"), NULL, NULL, &stop) == WASM_TRAPPED);
	cr_assert(stop.code == WASM_TRAP_UNREACHABLE && stop.frame_count == 1);
}

Test(wasm_store, a_trap_ends_the_outermost_call_of_its_own_store)
{
	struct wasm_instance *a = instantiate(compile(&one, library, sizeof(library)), NULL);
	struct wasm_stop stop;
	inner = instantiate(compile(&other, library, sizeof(library)), NULL);
	host = trap_inside;
	cr_assert(wasm_call(exported(a, "call"), NULL, NULL, &stop) == WASM_RETURNED);
	/* And faults of the outer store are found again. */
	cr_assert(wasm_call(exported(a, "trap"), NULL, NULL, &stop) == WASM_TRAPPED);
	wasm_store_close(&other);
	wasm_store_close(&one);
}

static struct wasm_instance *outer;

static void trap_outside(struct wasm_instance *inst)
{
	if (inst == outer)
		(void)wasm_call(exported(inner, "call"), NULL, NULL, NULL);
	else
		(void)wasm_call(exported(outer, "trap"), NULL, NULL, NULL);
	cr_assert_fail("a trap went past its outermost call");
}

/* The outer store's call is entered again from the inner one's, and a fault there ends both. */
Test(wasm_store, a_trap_ends_calls_of_stores_that_it_called)
{
	struct wasm_stop stop;
	outer = instantiate(compile(&one, library, sizeof(library)), NULL);
	inner = instantiate(compile(&other, library, sizeof(library)), NULL);
	host = trap_outside;
	cr_assert(wasm_call(exported(outer, "call"), NULL, NULL, &stop) == WASM_TRAPPED);
	cr_assert(stop.code == WASM_TRAP_UNREACHABLE, "%s", wasm_trap_text(stop.code));
	/* Neither store has a call under way: each ends its own again. */
	cr_assert(wasm_call(exported(inner, "trap"), NULL, NULL, &stop) == WASM_TRAPPED);
	cr_assert(wasm_call(exported(outer, "trap"), NULL, NULL, &stop) == WASM_TRAPPED);
	wasm_store_close(&other);
	wasm_store_close(&one);
}

static unsigned mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned lines = 0;
	for (int c; (c = fgetc(maps)) != EOF;)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

static void fill_and_close(void)
{
	const struct wasm_limits limits = {.min = 1, .max = 2, .has_max = true};
	struct wasm_module *libraries = compile(&one, library, sizeof(library));
	struct wasm_instance *a = instantiate(libraries, NULL);
	(void)instantiate(compile(&one, user, sizeof(user)), a);
	wasm_instance_free(instantiate(libraries, NULL));
	cr_assert(wasm_memory_new(&one, limits) && wasm_table_new(&one, WASM_FUNCREF, limits) &&
		  wasm_global_new(&one, WASM_I32, true, (union wasm_value){0}));
	wasm_store_close(&one);
}

Test(wasm_store, closing_frees_all_that_is_in_it)
{
	fill_and_close(); /* what is the process's own is there after this */
	unsigned before = mappings();
	for (unsigned i = 0; i < 50; i++)
		fill_and_close();
	cr_assert(mappings() < before + 50, "%u mappings, and %u before", mappings(), before);
}
