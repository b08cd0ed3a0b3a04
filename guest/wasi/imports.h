/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolving a module's imports. What can be imported is a list of interfaces, each the functions of
 * one module name; a further interface is one more entry of the list in imports.c.
 */
#ifndef MOTE_WASI_IMPORTS_H
#define MOTE_WASI_IMPORTS_H

#include "guest/wasm/wasm.h"

struct import_function {
	const char *name;
	const char *signature; /* as wasm_functype_is() reads it */
	wasm_host_fn call;
};

struct import_interface {
	const char *module; /* the import's module name */
	const struct import_function *functions;
	uint32_t count;
	/*
	 * For an interface whose functions are known only at run time: sets *out and returns NULL,
	 * or returns why it cannot. `functions` is not used then.
	 */
	const char *(*resolve)(const struct wasm_import *import, struct wasm_extern *out);
	/* Has what is not in this list; an entry there without `call` is in neither. */
	const struct import_interface *others;
	const char *unknown; /* said of a name that it does not have */
};

extern const struct import_interface p1_interface;          /* p1/interface.c */
extern const struct import_interface p1_unstable_interface; /* p1/unstable.c */
extern const struct import_interface rpc_guest_interface;   /* rpc/exchange.c */
extern const struct import_interface rpc_host_interface;    /* rpc/host_functions.c */

/* Said of a module name that nobody knows. */
#define IMPORT_UNSUPPORTED "only functions of wasi_snapshot_preview1 are supported"

/* What an import gets: NULL, or why there is nothing. */
const char *imports_find(const struct wasm_import *import, struct wasm_extern *out);

/* Why an import could not be resolved; empty if all could. */
struct import_failure {
	char text[400];
};

/* A wasm_resolver; context is a struct import_failure. */
int imports_resolve(void *context, const struct wasm_import *import, struct wasm_extern *out);

#endif
