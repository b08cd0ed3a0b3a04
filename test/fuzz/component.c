/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WebAssembly component from anybody: decoded and validated, its core modules compiled, its
 * imports bound, and instantiated unless code of it would run then. Its run is looked for.
 */
#include "guest/component/component.h"
#include "guest/component/wit.h"
#include "guest/wasm/module/module.h"
#include "guest/wasm/store.h"

#include <stdlib.h>

/* --- interfaces to import, as guest/wasi/p2 has them; nothing calls them --- */

static void never(struct component_call *call, const void *params, void *result)
{
	(void)call;
	(void)params;
	(void)result;
	abort();
}

static void never_dropped(uint32_t rep)
{
	(void)rep;
	abort();
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ERROR        "variant<own error, _>"

static const struct component_host_resource error = {"error", never_dropped},
					    input = {"input-stream", never_dropped},
					    output = {"output-stream", never_dropped};
static const struct component_host_resource *const error_resources[] = {&error};
static const struct component_host_resource *const stream_resources[] = {&input, &output};
static const struct component_host_function stream_functions[] = {
	{"[method]input-stream.blocking-read",
	 "(borrow input-stream, u64) -> result<list<u8>, " ERROR ">", never},
	{"[method]output-stream.blocking-write-and-flush",
	 "(borrow output-stream, list<u8>) -> result<_, " ERROR ">", never},
};
static const struct component_host_function stdin_functions[] = {
	{"get-stdin", "() -> own input-stream", never},
};
static const struct component_host_function stdout_functions[] = {
	{"get-stdout", "() -> own output-stream", never},
};
static const struct component_host_function environment_functions[] = {
	{"get-arguments", "() -> list<string>", never},
	{"get-environment", "() -> list<tuple<string, string>>", never},
};
static const struct component_host_interface
	errors = {"wasi:io/error@0.2", NULL, 0, error_resources, 1},
	streams = {"wasi:io/streams@0.2", stream_functions, COUNT(stream_functions),
		   stream_resources, COUNT(stream_resources)},
	standard_input = {"wasi:cli/stdin@0.2", stdin_functions, 1, NULL, 0},
	standard_output = {"wasi:cli/stdout@0.2", stdout_functions, 1, NULL, 0},
	environment = {"wasi:cli/environment@0.2", environment_functions,
		       COUNT(environment_functions), NULL, 0};
static const struct component_host_interface *const interfaces[] = {
	&errors, &streams, &standard_input, &standard_output, &environment};

/* --- what it imports and exports, as text --- */

enum { TEXT_MAX = 1 << 16 };

static bool count_text(void *context, const char *text, uint64_t bytes)
{
	uint64_t *left = context;
	if (memchr(text, 0, bytes))
		abort();
	if (bytes > *left)
		return false;
	*left -= bytes;
	return true;
}

static void show(const struct component *component)
{
	uint64_t left = TEXT_MAX;
	const struct wit_writer writer = {count_text, &left};
	if (!wit_print(component_type(component), &writer))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL,
		.cpu = UINT32_MAX,
		.max_code_bytes = 64 << 20,
		.max_memory_pages = 16,
		.max_table_elements = 10000,
	};
	const struct component_link link = {.interfaces = interfaces, .count = COUNT(interfaces)};
	static struct wasm_error failure;
	static struct wasm_stop stop;
	static struct wasm_store store;
	struct component *component = NULL;
	struct component_instance *instance;
	int rc = component_load(&store, data, size, &options, &component, &failure);
	bool runs = false;
	for (const struct wasm_module *m = store.modules; m; m = m->next)
		runs |= wasm_module_has_start(m);
	if (rc == 0) {
		show(component);
		rc = component_prepare(component, &failure);
	}
	if (rc == 0 && !runs)
		rc = component_instantiate(component, &link, &instance, &failure, &stop);
	if (rc == 0 && !runs)
		(void)component_export(instance, "wasi:cli/run@0.2", "run");
	/* A refusal says why, where. */
	if (rc != 0 && (!failure.kind || !failure.message[0] || failure.offset > size))
		abort();
	component_free(component);
	wasm_store_close(&store);
	return 0;
}
