/* SPDX-License-Identifier: Apache-2.0 */
/* Function calls between host and module. */
#ifndef MOTE_WASI_CALLS_H
#define MOTE_WASI_CALLS_H

#include "guest/wasm/wasm.h"

/* Import mote_guest.exchange: as the host call, with addresses in linear memory; a negative errno is Linux's. */
uint32_t calls_exchange(struct wasm_instance *inst, uint32_t message, uint32_t bytes, uint32_t reply, uint32_t room);

#endif
