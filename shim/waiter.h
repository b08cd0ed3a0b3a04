/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of calls that wait for one thing, in the order of their arrival. */
#ifndef MOTE_SHIM_WAITER_H
#define MOTE_SHIM_WAITER_H

#include "base/err.h"
#include "shim/ttrpc.h"

struct waiter {
	struct waiter *next;
	struct ttrpc_call *call;
};

/* After those that are there. False: out of memory, and the call has been answered so. */
bool waiter_add(struct waiter **list, struct ttrpc_call *call);
size_t waiter_count(const struct waiter *list);
/* Those whose clients have disconnected have nothing to wait for. */
void waiter_drop_abandoned(struct waiter **list);
/* Both end the list. One of the calls may delete the task that the list was of. */
void waiter_resume_all(struct waiter *list);
/* With a message, or an error if it is NULL. */
void waiter_answer_all(struct waiter *list, const ProtobufCMessage *response, const struct err *e);

#endif
