/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Function calls between host and module. A module built with guest/sdk speaks abi/message.h by
 * itself, through the import mote_guest.exchange. For any other this guest runtime does: exported
 * functions are called with WebAssembly's own types, and the host's functions are imports of module
 * "mote".
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
 * If the instance is made before there is a host (MOTE_BOOT_READY), imports of module "mote" are
 * bound afterwards: NULL, or why the function *name cannot be.
 */
const char *rpc_bind_imports(const char **name);
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
