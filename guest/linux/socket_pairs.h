/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which descriptors are the ends of socketpair(2). Both belong to this program, so that what
 * travels between them beyond bytes is the runtime's own (socket_rights.h). Each function accepts
 * any number.
 */
#ifndef MOTE_GUEST_LINUX_SOCKET_PAIRS_H
#define MOTE_GUEST_LINUX_SOCKET_PAIRS_H

#include "guest/linux/state.h"

/* Ends, by numbers above 0; those of a pair are 2n and 2n + 1. */
enum { SOCKET_ENDS_MAX = 2048 };

struct socket_end {
	uint32_t users;   /* descriptors */
	uint32_t flying;  /* of those, how many are in messages */
	bool messages;    /* SOCK_DGRAM or SOCK_SEQPACKET */
	bool credentials; /* SO_PASSCRED */
	/* SO_PEERCRED: whom the program was when it made the pair */
	struct socket_ids {
		int32_t pid;
		uint32_t uid, gid;
	} maker;
};

/* Notes a new pair. There may be too many: then they are sockets like others. */
void socket_pair_note(int32_t a, int32_t b, bool messages);
/* The end that a descriptor is; 0: it is not one. */
uint32_t socket_end_of(int32_t fd);
struct socket_end *socket_end(uint32_t end);
static inline uint32_t socket_peer(uint32_t end)
{
	return end ^ 1;
}
/* A descriptor of the end, or -1 if it has none. */
int32_t socket_end_descriptor(uint32_t end);
void socket_end_forget(int32_t fd);
void socket_end_copied(int32_t from, int32_t to);

#endif
