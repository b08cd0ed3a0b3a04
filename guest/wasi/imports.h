/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving a module's imports. */
#ifndef MOTE_WASI_IMPORTS_H
#define MOTE_WASI_IMPORTS_H

#include "guest/wasm/wasm.h"

/* Why an import could not be resolved; empty when all could. */
struct import_failure {
	char text[400];
};

/* A wasm_resolver; context is a struct import_failure. */
int imports_resolve(void *context, const struct wasm_import *import, struct wasm_extern *out);

#endif
