/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls on sockets of AF_NETLINK: NETLINK_ROUTE, of which the runtime itself is the kernel.
 */
#ifndef MOTE_GUEST_LINUX_NET_NETLINK_H
#define MOTE_GUEST_LINUX_NET_NETLINK_H

#include "guest/linux/net/sockets.h"
#include "guest/linux/state.h"

enum { NETLINK_FAMILY = 16, NETLINK_LEVEL = 270 };

/* A new descriptor, or a negative errno. */
int64_t netlink_open(uint32_t type, uint32_t protocol);
/* Takes a message of the program's, to an address or to none, and answers it. */
int64_t netlink_send(struct netlink *n, const struct mote_iovec *v, uint64_t count,
		     uint64_t address, uint64_t len);
/* The result of writing to a descriptor: if the host has refused it, that of sending. */
int64_t netlink_written(int64_t rc, int32_t fd, const struct mote_iovec *v, uint64_t count);
int64_t netlink_bind(struct netlink *n, uint64_t address, uint64_t len);
int64_t netlink_connect(uint64_t address, uint64_t len);
/* Its own address, or whence what it receives comes (n is NULL). */
struct mote_sockaddr netlink_name(const struct netlink *n);
/* Those of NETLINK_LEVEL, and what the host does not know; -EPROTONOSUPPORT: it is for the host. */
int64_t netlink_set_option(struct netlink *n, uint32_t level, uint32_t option, uint64_t value,
			   uint64_t len);
int64_t netlink_get_option(const struct netlink *n, uint32_t level, uint32_t option, uint64_t value,
			   uint32_t *len);

#endif
