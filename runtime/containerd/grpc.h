/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unary gRPC calls over containerd's Unix socket; HTTP/2 is libnghttp2's. It waits for the answers:
 * a monitor may, the shim may not.
 */
#ifndef MOTE_RUNTIME_CONTAINERD_GRPC_H
#define MOTE_RUNTIME_CONTAINERD_GRPC_H

#include "base/buf.h"
#include "base/err.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

struct grpc;

struct grpc_call {
	const char *method;                     /* "/package.Service/Method" */
	const ProtobufCMessage *request;        /* borrowed */
	const ProtobufCMessageDescriptor *type; /* of the answer */
	ProtobufCMessage *answer; /* the caller's, as protobuf-c frees it; NULL: none */
	/* the connection's */
	struct buf out, in;
	size_t sent;
	int32_t http, status; /* -1: not there yet */
	char message[200];
	bool ended;
};

/* address: "unix:///path" or "/path". containerd_namespace is borrowed while the connection is. */
int grpc_connect(const char *address, const char *containerd_namespace, struct grpc **out,
		 struct err *e) must_check;
/*
 * Makes all calls at once and waits for their answers. -ENOENT: containerd does not have what one
 * of them asks for; -ETIMEDOUT; other errors.
 */
int grpc_call(struct grpc *g, struct grpc_call *calls, size_t count, struct err *e) must_check;
void grpc_close(struct grpc *const *g);
#define cleanup_grpc cleanup_(grpc_close)

#endif
