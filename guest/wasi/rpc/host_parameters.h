/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C functions for imports whose types are known only at run time. The engine calls slot i with the
 * C calling convention for the import's own type; what an architecture's directory does for that:
 * the slots, and taking the parameters one after the other.
 */
#ifndef MOTE_WASI_RPC_HOST_PARAMETERS_H
#define MOTE_WASI_RPC_HOST_PARAMETERS_H

#include "guest/wasm/wasm.h"

enum { HOST_SLOTS = 256 };

struct host_parameters;
/* What every slot comes down to. The result, of either kind. */
typedef uint64_t host_slot_fn(uint32_t slot, struct host_parameters *p);
/* Slot i < HOST_SLOTS as a function of whatever type; `called` is the same for all of them. */
wasm_host_fn host_slot(uint32_t i, host_slot_fn *called);

/* The next parameter of an integer type or pointer. */
uint64_t host_next_integer(struct host_parameters *p);
/* The next parameter of a floating-point type, its bits. */
uint64_t host_next_float(struct host_parameters *p);

#endif
