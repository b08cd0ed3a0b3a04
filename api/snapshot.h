/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot of a sandbox that waits for calls. */
#ifndef MOTE_API_SNAPSHOT_H
#define MOTE_API_SNAPSHOT_H

#include <mote/snapshot.h>

#include "api/sandbox.h"

struct mote_snapshot {
	_Atomic unsigned refs;
	struct vm_snapshot *vm;  /* owned hold */
	struct exports *exports; /* counted */
	size_t message_max;      /* default limits of sandboxes made from it */
	uint64_t memory_bytes;
};

void snapshot_ref(struct mote_snapshot *s);

#endif
