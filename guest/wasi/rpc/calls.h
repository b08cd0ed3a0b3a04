/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Function calls between host and module. A module built with guest/sdk speaks abi/message.h by
 * itself, through the import mote_guest.exchange. For any other this personality does: exported
 * functions are called with WebAssembly's own types, and the host's functions are imports of module
 * "mote".
 *
 * A string or bytes is two i32, address and length in bytes, without a NUL; its memory comes from
 * the module's export cabi_realloc(old, old_bytes, align, bytes) or mote_alloc(bytes), and the
 * function that gets it owns it. A result that is a string or bytes: of an exported function, the
 * address of two i32, of which cabi_post_NAME, where it is exported, is told afterwards; of a host
 * function, written to the two i32 at the address that is the import's last parameter.
 */
#ifndef MOTE_WASI_CALLS_H
#define MOTE_WASI_CALLS_H

#include "guest/wasm/wasm.h"

/* Import mote_guest.exchange: as the host call, with addresses in linear memory; a negative errno
 * is Linux's. */
uint32_t calls_exchange(struct wasm_instance *inst, uint32_t message, uint32_t bytes,
			uint32_t reply, uint32_t room);
/* Finds the host's function for an import of module "mote"; NULL, or why there is none. */
const char *calls_import(const struct wasm_import *import, struct wasm_extern *out);
/*
 * Where the instance is made before the host is there (MOTE_BOOT_READY), imports are bound
 * afterwards: NULL, or why the function *name cannot be.
 */
const char *calls_bind(const char **name);
/* Says READY with the module's exported functions, and carries out the host's calls for ever. */
_Noreturn void calls_serve(struct wasm_instance *inst);

/* Import mote_guest.generation: the boot information's. */
uint64_t calls_generation(struct wasm_instance *inst);

#endif
