/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel's routing socket answers an unprivileged process, out of net/interface.h and
 * net/files.h.
 */
#ifndef MOTE_GUEST_LINUX_NET_ROUTE_H
#define MOTE_GUEST_LINUX_NET_ROUTE_H

#include <stdint.h>

struct netlink;
struct nlmsghdr;

/*
 * Answers a message, whose body has nlmsg_len bytes without its head. What the socket has no room
 * for is lost, as on Linux, but never the end of a list: that is an error (ENOBUFS) then.
 */
void route_answer(const struct netlink *n, const struct nlmsghdr *h, const uint8_t *body);

#endif
