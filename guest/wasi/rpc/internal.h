/* SPDX-License-Identifier: Apache-2.0 */
/* What the two directions of function calls share: messages, and bytes in the module's memory. */
#ifndef MOTE_WASI_RPC_INTERNAL_H
#define MOTE_WASI_RPC_INTERNAL_H

#include "abi/message.h"
#include "guest/wasm/platform.h"
#include "guest/wasm/wasm.h"

/* --- messages (exchange.c) --- */

/*
 * Sends the message written last and receives the next one, which `in` reads until the next
 * exchange. Its kind, or 0 if the host takes no message of that size. Meanwhile the host has access
 * to the instance's memory; NULL: there is none yet.
 */
int rpc_send_and_receive(const struct wasm_instance *inst, struct mote_in *in);
/* Keeps what was received last, until rpc_drop_kept(), which may be called without one. */
void rpc_keep_received(void);
void rpc_drop_kept(void);
/* Writes the next message by put(o, what). False: put refused the value, or no memory. */
bool rpc_write(bool (*put)(struct mote_out *o, const void *what), const void *what);
void rpc_write_error(enum mote_call_error code, const char *text);

/* --- strings and bytes (bytes.c) --- */

/*
 * Copies a value that is a string or bytes to memory that the module allocates; pair: address,
 * length. NULL, or why not.
 */
const char *rpc_pass_value(struct wasm_instance *inst, const struct mote_value *v,
			   uint32_t pair[2]);
/* The bytes at an address in the module's memory, borrowed. NULL, or why not. */
const char *rpc_borrow_bytes(const struct wasm_instance *inst, enum mote_type type, uint32_t at,
			     uint32_t len, struct mote_value *v);
/* While the module's allocator runs; what it calls must not touch the messages. */
bool rpc_is_allocating(void);

static inline bool rpc_is_bytes(enum mote_type type)
{
	return type == MOTE_STRING || type == MOTE_BYTES;
}

/* --- calls --- */

/* exports.c: an exported function of that type (wasm_functype_is), or NULL. */
struct wasm_func *rpc_find_export(struct wasm_instance *inst, const char *name,
				  const char *signature);
/* Carries out a call of the host's, and writes the answer. */
void rpc_serve_call(struct wasm_instance *inst, struct mote_in in);
/*
 * Calls a function of the host's; its calls are served meanwhile. The result is borrowed until the
 * next exchange. A failure, and a result of another type, are a trap.
 */
void rpc_ask_host(struct wasm_instance *inst, const char *name, enum mote_type want,
		  const struct mote_value *args, size_t count, struct mote_value *result);
/* Reports how the module stopped; nothing of it can be relied on any more. */
_Noreturn void rpc_report_stop(void);

#endif
