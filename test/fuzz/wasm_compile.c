/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WebAssembly module from anybody: decoded, validated and compiled by the hosted engine, not run.
 */
#include "guest/wasm/store.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL,
		.cpu = UINT32_MAX,
		.max_code_bytes = 64 << 20,
	};
	struct wasm_module *module = NULL;
	static struct wasm_error error;
	static struct wasm_store store;
	int rc = wasm_compile(&store, data, size, &options, &module, &error);
	/* A refusal says why, where; a module that was taken has been walked to its end. */
	if (rc == 0) {
		wasm_module_free(module);
		return 0;
	}
	if (module || !error.kind || !error.message[0] || error.offset > size)
		abort();
	return 0;
}
