/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WebAssembly component from anybody: decoded and validated, its core modules compiled, and
 * instantiated unless code of it would run then.
 */
#include "guest/component/component.h"
#include "guest/wasm/module/module.h"
#include "guest/wasm/store.h"

#include <stdlib.h>

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
	static struct wasm_error error;
	static struct wasm_stop stop;
	static struct wasm_store store;
	struct component *component = NULL;
	struct component_instance *instance;
	int rc = component_load(&store, data, size, &options, &component, &error);
	bool runs = false;
	for (const struct wasm_module *m = store.modules; m; m = m->next)
		runs |= wasm_module_has_start(m);
	if (rc == 0 && !runs)
		rc = component_instantiate(component, NULL, &instance, &error, &stop);
	/* A refusal says why, where. */
	if (rc != 0 && (!error.kind || !error.message[0] || error.offset > size))
		abort();
	component_free(component);
	wasm_store_close(&store);
	return 0;
}
