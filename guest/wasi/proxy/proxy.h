/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules of the proxy-wasm ABI, 0.1.0 to 0.2.1: the imports env.proxy_*, and the events by which
 * an embedder calls the module (abi/proxy_wasm.h). What an event brings along is answered here, and
 * what the module changes is kept here until the event ends, so that most imports cost no exit.
 */
#ifndef MOTE_WASI_PROXY_H
#define MOTE_WASI_PROXY_H

#include "abi/proxy_wasm.h"
#include "guest/wasi/imports.h"

/* Whether the module says that it is one. */
bool proxy_is_module(const struct wasm_module *module);
/* Finds an import env.NAME: NULL, or why there is none. */
const char *proxy_resolve(const struct wasm_import *import, struct wasm_extern *out);
/*
 * Carries out an event. NULL, and the result, which is valid until the next event; or why it could
 * not be. What the module does then is whatever it was called for, so a trap does not return.
 */
const char *proxy_event(struct wasm_instance *inst, const struct mote_proxy_bytes *event,
			struct mote_value *result);

#endif
