/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of preview1.def as an interface that modules import. */
#include "guest/wasi/imports.h"
#include "guest/wasi/p1/p1.h"

static const struct import_function functions[] = {
#include "gen/p1_imports.h"
};

const struct import_interface p1_interface = {
	.module = "wasi_snapshot_preview1",
	.functions = functions,
	.count = sizeof(functions) / sizeof(functions[0]),
	.unknown = "WASI preview 1 has no such function",
};
