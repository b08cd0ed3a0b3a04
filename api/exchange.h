/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to and from a guest (abi/message.h), and the host functions that it calls meanwhile. */
#ifndef MOTE_API_EXCHANGE_H
#define MOTE_API_EXCHANGE_H

#include "abi/message.h"
#include "base/cleanup.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct mote_sandbox;
struct host_function_memory;

/* A message to be sent; encoded twice if the buffer turns out to be too small. */
struct exchange_outgoing {
	enum mote_message_kind kind;
	const char *name; /* CALL */
	enum mote_type want;
	const struct mote_value *values; /* CALL: arguments, RETURN: one */
	size_t count;
	enum mote_call_error code; /* ERROR */
	const char *text;
};

/* Passes a message to the waiting guest. EMSGSIZE, EINVAL, ENOMEM: nothing was sent. */
int exchange_send(struct mote_sandbox *s, const struct exchange_outgoing *m,
		  struct err *e) must_check;
/* What a host function has come to; one that cannot be sent becomes an error that can. */
int exchange_send_error(struct mote_sandbox *s, enum mote_call_error code, const char *text,
			struct err *e) must_check;
int exchange_send_result(struct mote_sandbox *s, const struct mote_value *result,
			 struct err *e) must_check;

/* No error: a host function has paused the call. */
enum { EXCHANGE_PAUSED = 1 };
/*
 * Runs the guest and serves its calls until it sends another message: READY, RETURN or ERROR, in
 * *in; or until one of them is EXCHANGE_PAUSED. An error of the exchange itself poisons the
 * sandbox.
 */
int exchange_run(struct mote_sandbox *s, uint8_t *kind, struct mote_in *in,
		 struct err *e) must_check;

/* Nothing is to be called in the sandbox any more; the reason's -errno. */
int exchange_poison(struct mote_sandbox *s, const struct err *why);
/* The same, for what the guest has sent. */
int exchange_unexpected(struct mote_sandbox *s, const char *what, struct err *e);
/* What mote_call_memory has given since `keep`; NULL: ever. */
void exchange_free_memory(struct mote_sandbox *s, const struct host_function_memory *keep);

#endif
