/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mote's side of the comparison on the modules that wasm-tools makes (wasm_smith.py):
 * instantiates each module of a batch file, calls what it exports with fixed arguments and
 * prints a line with the results. A record of the batch is u32 bytes and the module. The calls,
 * which another engine is to repeat, go to a second file, a line for each module:
 * INDEX:PARAMETERS:RESULTS for each function that takes and gives numbers alone, INDEX among
 * all exports.
 */
#include "guest/wasm/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wasm_store store;
static struct wasm_error error;
static struct wasm_stop stop;

enum { VALUES_MAX = 32 };

static char letter(uint32_t type)
{
	switch (type) {
	case WASM_I32:
		return 'i';
	case WASM_I64:
		return 'I';
	case WASM_F32:
		return 'f';
	case WASM_F64:
		return 'F';
	}
	return '\0';
}

/* The letters of numbers; false: there is another type, or too many. */
static bool letters(const uint32_t *types, uint32_t n, char *to)
{
	if (n >= VALUES_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		to[i] = letter(types[i]);
		if (!to[i])
			return false;
	}
	to[n] = '\0';
	return true;
}

/* The argument that wasm_smith.mjs gives, too. */
static union wasm_value argument(char type, uint32_t n)
{
	static const int64_t ints[] = {0, 1, -1, 5, 65535, INT32_MIN, 64};
	static const double floats[] = {0, 1.5, -2.25, 1e10, 3};
	union wasm_value v = {0};
	if (type == 'i')
		v.i32 = (uint32_t)ints[n % 7];
	else if (type == 'I')
		v.i64 = (uint64_t)ints[n % 7];
	else if (type == 'f')
		v.f32 = (float)floats[n % 5];
	else
		v.f64 = floats[n % 5];
	return v;
}

static void print_float(double d)
{
	uint64_t bits;
	memcpy(&bits, &d, 8);
	if (d != d)
		printf(",nan");
	else
		printf(",%llx", (unsigned long long)bits);
}

static void print_result(char type, union wasm_value v)
{
	if (type == 'i')
		printf(",%x", v.i32);
	else if (type == 'I')
		printf(",%llx", (unsigned long long)v.i64);
	else
		print_float(type == 'f' ? (double)v.f32 : v.f64);
}

static void call(struct wasm_instance *instance, const struct wasm_export *e, uint32_t n,
		 FILE *calls)
{
	char params[VALUES_MAX], results[VALUES_MAX];
	union wasm_value args[VALUES_MAX], values[VALUES_MAX];
	const struct wasm_functype *t = e->type.func;
	struct wasm_extern f;
	if (e->type.kind != WASM_KIND_FUNC || !letters(t->params, t->param_count, params) ||
	    !letters(t->results, t->result_count, results) ||
	    wasm_instance_export(instance, e->name.text, e->name.bytes, &f) < 0)
		return;
	fprintf(calls, " %u:%s:%s", n, params, results);
	for (uint32_t i = 0; i < t->param_count; i++)
		args[i] = argument(params[i], n + i);
	printf(" %u=", n);
	if (wasm_call(f.func, args, values, &stop) != WASM_RETURNED) {
		printf("%s", stop.code == WASM_TRAP_EXCEPTION ? "exception" : "trap");
		return;
	}
	for (uint32_t i = 0; i < t->result_count; i++)
		print_result(results[i], values[i]);
}

static void run(const uint8_t *bytes, uint32_t size, FILE *calls)
{
	struct wasm_module *module;
	struct wasm_instance *instance;
	if (wasm_compile(&store, bytes, size, NULL, &module, &error) < 0) {
		printf("does not compile: %s at %llu", error.message,
		       (unsigned long long)error.offset);
		return;
	}
	if (wasm_instantiate(module, NULL, &instance, &error, &stop) < 0) {
		printf("no instance");
		return;
	}
	for (uint32_t i = 0; i < wasm_module_export_count(module); i++) {
		struct wasm_export e;
		wasm_module_export(module, i, &e);
		call(instance, &e, i, calls);
	}
}

int main(int argc, char **argv)
{
	FILE *batch = argc == 3 ? fopen(argv[1], "rb") : NULL;
	FILE *calls = batch ? fopen(argv[2], "w") : NULL;
	uint32_t size;
	if (!calls) {
		fprintf(stderr, "usage: wasm_smith BATCH-FILE CALLS-FILE\n");
		return 2;
	}
	while (fread(&size, sizeof(size), 1, batch) == 1) {
		uint8_t *bytes = malloc(size + 1ull);
		if (!bytes || fread(bytes, 1, size, batch) != size)
			return 2;
		run(bytes, size, calls);
		wasm_store_close(&store);
		free(bytes);
		printf("\n");
		fprintf(calls, "\n");
		fflush(stdout); /* should the engine crash, the last line is of the module before */
	}
	fclose(batch);
	return fclose(calls) != 0;
}
