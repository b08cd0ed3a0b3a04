/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Function calls between host and module. A module built with guest/sdk speaks abi/message.h by
 * itself, through the import mote_guest.exchange. For any other this guest runtime does: exported
 * functions are called with WebAssembly's own types, and the host's functions are imports: of
 * module "mote", or of any other that the host has given them, with WebAssembly's own types too.
 *
 * A string or bytes is two i32, address and length in bytes, without a NUL; its memory comes from
 * the module's export cabi_realloc(old, old_bytes, align, bytes) or mote_alloc(bytes), and the
 * function that gets it owns it. A result that is a string or bytes: of an exported function, the
 * address of two i32, which cabi_post_NAME, if it is exported, gets afterwards; of a host function,
 * written to the two i32 at the address that is the import's last parameter.
 */
#ifndef MOTE_WASI_RPC_H
#define MOTE_WASI_RPC_H

#include <mote/value.h>

#include "guest/wasm/wasm.h"

/*
 * The function slot of an import that the host is to have. If the instance is made before there is
 * a host (MOTE_BOOT_READY), it is bound by rpc_bind_imports(). NULL, or why it cannot be.
 */
const char *rpc_resolve(const struct wasm_import *import, struct wasm_extern *out);
/* Whether the host has a function for an import that there is an interface for. */
bool rpc_replaces(const struct wasm_import *import);
/* Binds what rpc_resolve() has left: NULL, or why the function *name of *module cannot be. */
const char *rpc_bind_imports(const char **module, const char **name);
/* All imports are bound: the host's list is dropped. */
void rpc_linked(void);
/* A function that the guest runtime adds to the module's exports: of one y, with result y. */
struct rpc_function {
	const char *name;
	/* NULL and the result, borrowed until the next call; or why it failed. */
	const char *(*call)(struct wasm_instance *inst, const void *bytes, size_t len,
			    struct mote_value *result);
};
/*
 * Sends READY with the module's exported functions and `added` (NULL: none), then carries out the
 * host's calls.
 */
_Noreturn void rpc_serve(struct wasm_instance *inst, const struct rpc_function *added);

#endif
