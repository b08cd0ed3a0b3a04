/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as text: WAVE, the WebAssembly Value Encoding, by the types of a function. The text is the
 * user's, and within the guest; values lie where component_call() has them.
 */
#ifndef MOTE_GUEST_COMPONENT_WAVE_H
#define MOTE_GUEST_COMPONENT_WAVE_H

#include "guest/component/component.h"
#include "guest/component/types.h"

struct wave_reader {
	const char *at, *end;
	struct component_call *callee; /* whose memory strings and lists are put into */
	/* Ends the program: `why` is about what begins at `at`. */
	void (*fail)(void *context, const struct wave_reader *reader, const char *why);
	void *context;
};

/* "f(", the arguments of a function and ")": its name, and the reader is past the bracket. */
struct wasm_name wave_function(struct wave_reader *r);
/* The arguments and the bracket behind them, as a tuple; what follows is a failure. */
void wave_arguments(struct wave_reader *r, const struct ctype *func, uint8_t *to);

struct wave_writer {
	void (*write)(void *context, const char *text, uint64_t bytes);
	void *context;
	struct component_call *callee;
};
void wave_print(const struct wave_writer *w, const struct ctype *type, const uint8_t *from);

#endif
