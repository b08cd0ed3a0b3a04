/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which descriptors are sockets of AF_NETLINK. Each is one end of a pair of the host's whose other
 * end the runtime keeps: what is written to that one is what the program receives, so that waiting,
 * peeking, lengths and time limits are the host's. Of its own end the program's writing is shut
 * down; what it sends is read in the runtime (netlink.h).
 */
#ifndef MOTE_GUEST_LINUX_NET_SOCKETS_H
#define MOTE_GUEST_LINUX_NET_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

struct netlink {
	uint32_t users; /* descriptors; 0: free */
	int32_t other;  /* the runtime's end */
	uint32_t type;  /* SOCK_RAW or SOCK_DGRAM */
	uint32_t port;  /* its address; 0: none yet */
	uint32_t groups;
	bool acks_are_short; /* NETLINK_CAP_ACK */
	bool strict;         /* NETLINK_GET_STRICT_CHK */
};

/* What a descriptor is; NULL: not one of these. */
struct netlink *netlink_of(int32_t fd);
/* Makes a descriptor one: NULL if there are too many. */
struct netlink *netlink_set(int32_t fd, int32_t other);
bool netlink_port_is_taken(uint32_t port);
void netlink_forget(int32_t fd);
void netlink_copied(int32_t from, int32_t to);
/* Whether a number is that of an end which the runtime keeps. */
bool netlink_holds(int32_t fd);

#endif
