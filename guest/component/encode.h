/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of a component as the host program has them (mote/wit.h), by the types of a function. The
 * bytes are the host's, and checked all the same; values lie where component_call() has them.
 */
#ifndef MOTE_GUEST_COMPONENT_ENCODE_H
#define MOTE_GUEST_COMPONENT_ENCODE_H

#include <mote/wit.h>

#include "guest/component/component.h"
#include "guest/component/types.h"

/* NULL, or why a function cannot be called by the host program. */
const char *encode_refuses(const struct ctype *func);
/* NULL if the bytes are a function's parameters, or why not. */
const char *encode_check(struct mote_wit_in in, const struct ctype *func);
/* Stores parameters that were checked. */
void encode_params(struct mote_wit_in in, const struct ctype *func, struct component_call *callee,
		   uint8_t *to);
/* Appends a value; traps if the component's memory does not have one. */
void encode_value(struct mote_wit_out *o, const struct ctype *type, struct component_call *callee,
		  const uint8_t *from);

#endif
