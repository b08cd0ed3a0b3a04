/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing events to containerd, in order, without ever making the shim wait. */
#ifndef MOTE_SHIM_EVENTS_H
#define MOTE_SHIM_EVENTS_H

#include "base/buf.h"
#include "base/loop.h"

#include <protobuf-c/protobuf-c.h>

struct events_queued;

struct events {
	struct loop *loop;
	const char *address, *containerd_namespace; /* borrowed; address NULL: no subscriber */
	struct events_queued *first, **last;        /* owned */
	unsigned queued;
	int fd;               /* owned; -1: not connected */
	int timer, end_timer; /* owned: timerfds, of a try and of the end */
	struct loop_source source, timer_source, end_timer_source;
	struct buf in;
	size_t sent; /* bytes of the first one that are out */
	uint32_t stream;
	unsigned tries;       /* of the first one */
	bool stop_when_empty; /* stop the loop when the queue is empty */
};

int events_init(struct events *e, struct loop *loop, const char *address,
		const char *containerd_namespace) must_check;
/* Events that have not been sent are dropped. */
void events_free(struct events *e);
/*
 * Topic as "/tasks/create", type as "containerd.events.TaskCreate". The event is packed before it
 * returns.
 */
void events_publish(struct events *e, const char *topic, const char *type,
		    const ProtobufCMessage *event);
/* Stops the loop once all events have been sent or dropped, or after a few seconds. */
void events_stop_when_sent(struct events *e);

#endif
