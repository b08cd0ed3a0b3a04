/* SPDX-License-Identifier: Apache-2.0 */
/* The edge between the runtime's terms and those of containerd's messages. */
#ifndef MOTE_SHIM_STATUS_H
#define MOTE_SHIM_STATUS_H

#include "base/err.h"
#include "proto/types.pb-c.h"
#include "shim/ttrpc.h"

#include <time.h>

void status_fail(struct ttrpc_call *call, const struct err *e);
void status_reply_empty(struct ttrpc_call *call);
Types__Timestamp status_timestamp(struct timespec t);
/* protobuf-c's members are not const; packing only reads them. */
char *status_text(const char *s);

#endif
