/* SPDX-License-Identifier: Apache-2.0 */
/* A WebAssembly component from anybody: decoded and validated, its core modules compiled. */
#include "guest/component/component.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL,
		.cpu = UINT32_MAX,
		.max_code_bytes = 64 << 20,
	};
	static struct wasm_error error;
	/* A refusal says why, where. */
	if (component_validate(data, size, &options, &error) != 0 &&
	    (!error.kind || !error.message[0] || error.offset > size))
		abort();
	return 0;
}
