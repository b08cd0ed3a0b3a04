/* SPDX-License-Identifier: Apache-2.0 */
/* What calls.c and host_functions.c share. */
#ifndef MOTE_WASI_CALLS_PRIVATE_H
#define MOTE_WASI_CALLS_PRIVATE_H

#include "abi/message.h"
#include "guest/wasm/platform.h"
#include "guest/wasm/wasm.h"

/*
 * The message received and the one being written. One of each is enough: what a message holds has
 * been copied to the module's memory before anything of the module runs.
 */
struct calls_buffer {
	uint8_t *at;
	uint64_t room;
	size_t len;
};
extern struct calls_buffer calls_in, calls_out;
extern bool calls_allocating;

struct calls_error {
	enum mote_call_error code;
	const char *text;
};

bool calls_room(struct calls_buffer *b, uint64_t bytes);
/* Hands calls_out over. The kind of the next message, or 0 where the host takes none of that size.
 */
int calls_talk(struct mote_in *in);
/* Writes calls_out, twice where it turns out to be too small. False: a bad value, or no memory. */
bool calls_write(bool (*put)(struct mote_out *o, const void *what), const void *what);
void calls_write_error(enum mote_call_error code, const char *text);
/* Carries out a CALL; the answer is in calls_out then. */
void calls_serve_one(struct wasm_instance *inst, struct mote_in in);
/* Copies bytes into memory that the module allocates: out is address and length. NULL, or why not.
 */
const char *calls_give_bytes(struct wasm_instance *inst, const void *bytes, size_t len,
			     uint32_t out[2]);
/* The bytes at an address of the module's, borrowed. NULL, or why not. */
const char *calls_take_bytes(struct wasm_instance *inst, enum mote_type type, uint32_t at,
			     uint32_t len, struct mote_value *v);

#endif
