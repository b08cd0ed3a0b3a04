/* SPDX-License-Identifier: Apache-2.0 */
/* Times the engine's compiler on one module. */
#include "compile.h"

#include "guest/lib/lib.h"
#include "guest/wasm/store.h"

int compile_bench(const uint8_t *module, size_t size, unsigned runs)
{
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL,
		.cpu = wasm_cpu_detect(),
	};
	static struct wasm_error error;
	static struct wasm_store store;
	char line[WASM_MESSAGE_BYTES + 64];
	for (unsigned i = 0; i < runs; i++) {
		struct wasm_module *m;
		uint64_t since = compile_now_ns();
		int rc = wasm_compile(&store, module, size, &options, &m, &error);
		uint64_t took = compile_now_ns() - since;
		if (rc != 0) {
			compile_out(line,
				    lib_format(line, sizeof(line), "does not compile: %s at %lu\n",
					       error.message, (unsigned long)error.offset));
			return 1;
		}
		compile_out(line, lib_format(line, sizeof(line), "%lu %lu\n", (unsigned long)took,
					     (unsigned long)wasm_module_code_bytes(m)));
		wasm_module_free(m);
	}
	return 0;
}
