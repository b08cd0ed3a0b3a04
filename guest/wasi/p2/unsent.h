/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TCP sockets have been given and the host has not taken yet. A write never waits: what does
 * not fit into the host's buffer is kept here, and sent as soon as the host has space, whenever the
 * program waits for anything. So a program that has both ends of a connection, or answers while it
 * is being sent to, does not wait for itself.
 */
#ifndef MOTE_WASI_P2_UNSENT_H
#define MOTE_WASI_P2_UNSENT_H

#include "guest/wasi/p2/p2.h"

enum {
	UNSENT_BYTES = 65536,
	UNSENT_POLLED_MAX = 4096, /* as many descriptors as the host polls at once */
};

/*
 * Sends and keeps what is left, at most UNSENT_BYTES; it waits for the rest if there is more or no
 * memory. 0 or a negative errno.
 */
int64_t unsent_write(struct p2_object *socket, const uint8_t *from, uint64_t bytes);
/* Sends what is kept: 0 once nothing is, -EAGAIN if it may not wait, or what became of it. */
int64_t unsent_drain(struct p2_object *socket, bool wait);
/* Whether something is kept that the host has no space for. */
bool unsent_waits(const struct p2_object *socket);
/* Ends the direction once all has been sent. */
void unsent_shut_down(const struct p2_object *socket);

/*
 * Polls as the host does, and meanwhile sends what can be sent. It may return 0 without a limit,
 * then something has been sent.
 */
int64_t unsent_poll(struct mote_pollfd *fds, uint32_t count, const struct mote_time *limit);

#endif
