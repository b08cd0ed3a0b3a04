/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ttrpc (containerd/ttrpc, PROTOCOL.md): a server on the event loop. Frames come from a peer that
 * may send anything: a broken one ends its connection, an oversized message is answered and
 * discarded.
 */
#ifndef MOTE_SHIM_TTRPC_H
#define MOTE_SHIM_TTRPC_H

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/loop.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TTRPC_HEADER_BYTES = 10, TTRPC_MESSAGE_MAX = 4 << 20 };

enum ttrpc_type { TTRPC_REQUEST = 1, TTRPC_RESPONSE = 2, TTRPC_DATA = 3 };

enum ttrpc_code {
	TTRPC_OK = 0,
	TTRPC_UNKNOWN = 2,
	TTRPC_INVALID_ARGUMENT = 3,
	TTRPC_NOT_FOUND = 5,
	TTRPC_ALREADY_EXISTS = 6,
	TTRPC_RESOURCE_EXHAUSTED = 8,
	TTRPC_FAILED_PRECONDITION = 9,
	TTRPC_UNIMPLEMENTED = 12,
	TTRPC_INTERNAL = 13,
	TTRPC_UNAVAILABLE = 14,
};

struct ttrpc_header {
	uint32_t bytes; /* of the message */
	uint32_t stream;
	uint8_t type, flags;
};

void ttrpc_parse_header(const uint8_t bytes[TTRPC_HEADER_BYTES], struct ttrpc_header *out);
/*
 * Appends one frame: header and packed message. 0, -E2BIG, -ENOMEM; nothing is appended on failure.
 */
int ttrpc_put_frame(struct buf *b, uint32_t stream, enum ttrpc_type type,
		    const ProtobufCMessage *message) must_check;

/* One request that waits for its answer. Answered exactly once, now or later, which frees it. */
struct ttrpc_call;

/* `request` is unpacked and borrowed for the call; its descriptor is the method's. */
typedef void ttrpc_handler(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request);

struct ttrpc_method {
	const char *service, *method; /* service: a pattern of fnmatch(3), for its versions */
	const ProtobufCMessageDescriptor *request;
	ttrpc_handler *handler;
};

/* message is packed before it returns. */
void ttrpc_reply(struct ttrpc_call *call, const ProtobufCMessage *message);
void ttrpc_fail(struct ttrpc_call *call, enum ttrpc_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* True if its connection is closed: nobody receives the answer, but it frees the call. */
bool ttrpc_abandoned(const struct ttrpc_call *call);

/*
 * For a handler that cannot serve the call yet, as the last thing it does with it: the call keeps
 * its request. ttrpc_resume calls the handler again, whether its peer is still there or not. All
 * that a server keeps so is bounded: ttrpc_may_postpone says whether this one's request fits.
 */
bool ttrpc_may_postpone(const struct ttrpc_call *call);
void ttrpc_postpone(struct ttrpc_call *call);
void ttrpc_resume(struct ttrpc_call *call);

struct ttrpc_server {
	struct loop *loop;                  /* borrowed */
	const struct ttrpc_method *methods; /* borrowed; ends with a NULL service */
	void *arg;                          /* for handlers */
	int listener;                       /* owned */
	struct loop_source source;
	unsigned conns;                     /* open */
	const struct ttrpc_call *postponed; /* by the handler that runs; NULL: it is not */
	size_t kept_bytes;                  /* that the requests of postponed calls occupy */
};

/* Takes the listener, which is non-blocking. */
int ttrpc_serve(struct ttrpc_server *s, struct loop *loop, int listener,
		const struct ttrpc_method *methods, void *arg) must_check;
/* Connections that are there stay. */
void ttrpc_stop_listening(struct ttrpc_server *s);
/* One connection that is there already, for tests: takes fd. */
int ttrpc_accept(struct ttrpc_server *s, int fd) must_check;

#endif
