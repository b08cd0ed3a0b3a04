/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mote's side of the differential check: generates the modules of the seeds from SEED on, runs each
 * with the hosted engine and says what happened, validates mutations of it, and writes all of them
 * to a file for another engine.
 *
 * A record of the file is u8 kind ('R' run, 'V' validate), u8 functions, u32 bytes, the module. To
 * each belongs a line on stdout: `R SEED …` with a result a call, the state and a hash of each
 * memory, or `V SEED verdict`.
 */
#include "wasm_differential.h"

#include "guest/wasm/store.h"
#include "guest/wasm/x86_64/cpu.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTATIONS 4
/* each function is called so often, with what the calls before have left */
#define ROUNDS    2
#define NOT_IN_V8 (uint32_t)(WASM_FEATURE_CUSTOM_PAGE_SIZES | WASM_FEATURE_WIDE_ARITHMETIC)

static FILE *batch;
static struct wasm_store store;
static struct wasm_error error;
static struct wasm_stop stop;

static uint32_t host(struct wasm_instance *inst, uint32_t a, double b)
{
	(void)inst;
	return a * 31 + (b == b ? 1 : 0);
}

static int resolve(void *context, const struct wasm_import *import, struct wasm_extern *out)
{
	(void)context;
	if (import->type.kind != WASM_KIND_FUNC || !wasm_functype_is(import->type.func, "iF:i"))
		return -1;
	*out = (struct wasm_extern){.kind = WASM_KIND_FUNC, .host = (wasm_host_fn)host};
	return 0;
}

/* Names for kinds of traps that V8 tells apart too. */
static const char *trap_class(enum wasm_trap_code code)
{
	switch (code) {
	case WASM_TRAP_UNREACHABLE:
		return "unreachable";
	case WASM_TRAP_MEMORY:
		return "memory";
	case WASM_TRAP_DIVIDE_BY_ZERO:
		return "zero";
	case WASM_TRAP_INTEGER_OVERFLOW:
	case WASM_TRAP_INVALID_CONVERSION:
		return "unrepresentable";
	case WASM_TRAP_TABLE:
	case WASM_TRAP_UNDEFINED_ELEMENT:
		return "table";
	case WASM_TRAP_UNINITIALIZED:
	case WASM_TRAP_INDIRECT_TYPE:
		return "indirect";
	case WASM_TRAP_STACK:
		return "stack";
	case WASM_TRAP_EXCEPTION:
		return "exception";
	case WASM_TRAP_NULL_EXCEPTION:
		return "null exception";
	case WASM_TRAP_UNALIGNED:
		return "unaligned";
	case WASM_TRAP_EXCEPTION_MEMORY:
	case WASM_TRAP_NONE:
	case WASM_TRAPS:
	case WASM_TRAP_HOST:
	case WASM_TRAP_NULL_FUNCTION:
	case WASM_TRAP_NULL_REFERENCE:
	case WASM_TRAP_NULL_I31:
	case WASM_TRAP_NULL_STRUCT:
	case WASM_TRAP_NULL_ARRAY:
	case WASM_TRAP_ARRAY:
	case WASM_TRAP_HEAP_MEMORY:
	case WASM_TRAP_CAST:
	case WASM_TRAP_COMPONENT:
	case WASM_TRAP_UNSHARED:
		break;
	}
	return "other";
}

static bool call(struct wasm_instance *inst, const char *name, union wasm_value *result)
{
	struct wasm_extern f;
	if (wasm_instance_export(inst, name, strlen(name), &f) != 0)
		abort();
	return wasm_call(f.func, NULL, result, &stop) == WASM_RETURNED;
}

static uint32_t memory_hash(struct wasm_memory *memory)
{
	uint32_t h = 2166136261u;
	const uint8_t *base = wasm_memory_base(memory);
	for (uint64_t i = 0; i < wasm_memory_bytes(memory); i += 4) {
		uint32_t word;
		memcpy(&word, base + i, 4);
		h = (h ^ word) * 16777619u;
	}
	return h;
}

static void print_state(struct wasm_instance *inst)
{
	union wasm_value v;
	if (!call(inst, "state", &v))
		abort();
	printf(" state %llx", (unsigned long long)v.i64);
	for (int m = 0; m < 2; m++) {
		struct wasm_extern e;
		if (wasm_instance_export(inst, m ? "m1" : "m0", 2, &e) == 0)
			printf(" %x", memory_hash(e.memory));
	}
}

/*
 * What the compiler may use of the CPU: all of it for every second module, else less, AVX only
 * where there are vectors, which need it. FMA stays: a relaxed instruction's result depends on it,
 * V8's too.
 */
static uint32_t cpu_for(uint64_t seed, bool vectors)
{
	uint32_t cpu = wasm_cpu_detect(), drop = (uint32_t)(seed * 0x9e3779b97f4a7c15 >> 40);
	if (seed % 2 == 0)
		return cpu;
	drop &= WASM_CPU_LZCNT | WASM_CPU_BMI1 | WASM_CPU_BMI2 | WASM_CPU_AVX2 |
		(vectors ? 0 : WASM_CPU_AVX);
	return cpu & ~drop;
}

static void run(uint64_t seed, const struct bytes *b, uint32_t funcs, bool vectors)
{
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL & ~NOT_IN_V8,
		.cpu = cpu_for(seed, vectors),
	};
	const struct wasm_link link = {.resolve = resolve};
	struct wasm_module *module;
	struct wasm_instance *inst;
	printf("R %llu", (unsigned long long)seed);
	if (wasm_compile(&store, b->p, b->n, &options, &module, &error) != 0) {
		printf(" does not compile: %s at %llu\n", error.message,
		       (unsigned long long)error.offset);
		return;
	}
	if (wasm_instantiate(module, &link, &inst, &error, &stop) != 0) {
		printf(" does not link: %s\n", error.message);
		wasm_module_free(module);
		return;
	}
	for (uint32_t i = 0; i < ROUNDS * funcs; i++) {
		char name[] = {'w', (char)('0' + i % funcs), '\0'};
		union wasm_value v = {0};
		if (!call(inst, "reset", &v))
			abort();
		if (call(inst, name, &v))
			printf(" %llx", (unsigned long long)v.i64);
		else
			printf(" %s", trap_class(stop.code));
	}
	print_state(inst);
	printf("\n");
	wasm_instance_free(inst);
	wasm_module_free(module);
}

static void validate(uint64_t seed, const struct bytes *b)
{
	static const char *const verdicts[] = {[WASM_ERROR_MALFORMED] = "invalid",
					       [WASM_ERROR_INVALID] = "invalid",
					       [WASM_ERROR_UNSUPPORTED] = "unsupported",
					       [WASM_ERROR_LIMIT] = "limit",
					       [WASM_ERROR_MEMORY] = "memory"};
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL & ~NOT_IN_V8,
		.cpu = wasm_cpu_detect(),
	};
	struct wasm_module *module;
	if (wasm_compile(&store, b->p, b->n, &options, &module, &error) == 0) {
		printf("V %llu valid\n", (unsigned long long)seed);
		wasm_module_free(module);
		return;
	}
	printf("V %llu %s %s at %llu\n", (unsigned long long)seed, verdicts[error.kind],
	       error.message, (unsigned long long)error.offset);
}

/* Changes a byte, a bit, drops or doubles one, or cuts the end off. */
static void mutate(struct random *r, const struct bytes *from, struct bytes *to)
{
	uint32_t at = 8 + random_below(r, (uint32_t)from->n - 8);
	to->n = 0;
	bytes_put(to, from->p, at);
	switch (random_below(r, 16)) {
	case 0:
		return;
	case 1:
		break;
	case 2:
		bytes_u8(to, from->p[at]);
		bytes_u8(to, from->p[at]);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
		bytes_u8(to, (uint32_t)random_next(r));
		break;
	default:
		bytes_u8(to, from->p[at] ^ 1u << random_below(r, 8));
	}
	bytes_put(to, from->p + at + 1, from->n - at - 1);
}

static void write_record(char kind, uint32_t funcs, const struct bytes *b)
{
	uint32_t n = (uint32_t)b->n;
	uint8_t head[6] = {(uint8_t)kind, (uint8_t)funcs};
	memcpy(head + 2, &n, 4);
	if (fwrite(head, 1, sizeof(head), batch) != sizeof(head) ||
	    fwrite(b->p, 1, b->n, batch) != b->n) {
		perror("the batch file");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	if (argc != 4 || !(batch = fopen(argv[3], "wb"))) {
		fprintf(stderr, "usage: wasm_differential SEED COUNT BATCH-FILE\n");
		return 2;
	}
	uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
	struct bytes module = {0}, mutated = {0};
	for (uint64_t seed = first; seed < first + count; seed++) {
		struct random r = {seed};
		module.n = 0;
		bool vectors;
		uint32_t funcs = generate_module(seed, &module, &vectors);
		write_record('R', funcs, &module);
		run(seed, &module, funcs, vectors);
		for (int i = 0; i < MUTATIONS; i++) {
			mutate(&r, &module, &mutated);
			write_record('V', 0, &mutated);
			validate(seed, &mutated);
		}
		fflush(stdout); /* should the engine crash, the last line names the seed before */
	}
	free(module.p);
	free(mutated.p);
	return fclose(batch) != 0;
}
