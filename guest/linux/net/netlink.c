/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/net/netlink.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/fs/roots.h"
#include "guest/linux/fs/vector.h"
#include "guest/linux/net/route.h"
#include "guest/linux/user.h"

#include <linux/fcntl.h>
#include <linux/netlink.h>

/* <sys/socket.h> */
enum {
	AF_UNIX = 1,
	SOCK_DGRAM = 2,
	SOCK_RAW = 3,
	SOCK_KIND = 15,
	SOCK_CLOEXEC = O_CLOEXEC,
	SHUT_WR = 1,
	SOL_SOCKET = 1,
	SO_TYPE = 3,
	SO_PROTOCOL = 38,
	SO_DOMAIN = 39,
};
enum { REQUEST_MAX = 8192 };

/* --- making one --- */

static int64_t set_up(int32_t fd, int32_t other, uint32_t type)
{
	int64_t kept = lookup_move_away(other);
	if (kept < 0)
		return kept;
	int64_t rc = mote_shutdown(mote_area(), fd, SHUT_WR);
	struct netlink *n = NULL;
	if (rc == 0)
		n = netlink_set(fd, (int32_t)kept);
	if (!n) {
		(void)!mote_close(mote_area(), (int32_t)kept);
		return rc < 0 ? rc : -ENFILE;
	}
	n->type = type & SOCK_KIND;
	return fd_set_close_on_exec(fd, type & SOCK_CLOEXEC);
}

int64_t netlink_open(uint32_t type, uint32_t protocol)
{
	int32_t fds[2];
	const uint32_t kind = type & SOCK_KIND;
	if (type & ~(uint32_t)(SOCK_KIND | SOCK_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (kind != SOCK_RAW && kind != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol != NETLINK_ROUTE)
		return -EPROTONOSUPPORT;
	int64_t rc = mote_socketpair(mote_area(), AF_UNIX, SOCK_DGRAM | (type & O_NONBLOCK), fds,
				     sizeof(fds));
	if (rc < 0)
		return rc;
	int64_t fd = descriptor_admit(fds[0]);
	if (fd < 0) {
		(void)!mote_close(mote_area(), fds[1]);
		return fd;
	}
	rc = set_up(fds[0], fds[1], type);
	if (rc < 0)
		(void)!mote_close(mote_area(), fds[0]);
	return rc;
}

/* --- addresses --- */

/* The program's number, of the first socket, or one that no process has. */
static void choose_port(struct netlink *n)
{
	uint32_t port = process.boot->pid;
	for (uint32_t other = (uint32_t)-4096; netlink_port_is_taken(port); other--)
		port = other;
	n->port = port;
}

static int64_t get_address(struct sockaddr_nl *to, uint64_t address, uint64_t len)
{
	if (len < sizeof(*to))
		return -EINVAL;
	if (get_user(to, address, sizeof(*to)) < 0)
		return -EFAULT;
	if (to->nl_family != NETLINK_FAMILY)
		return -EINVAL;
	return 0;
}

int64_t netlink_bind(struct netlink *n, uint64_t address, uint64_t len)
{
	struct sockaddr_nl a;
	int64_t rc = get_address(&a, address, len);
	if (rc < 0)
		return rc;
	if (n->port && a.nl_pid != n->port)
		return -EINVAL;
	if (!n->port && a.nl_pid && netlink_port_is_taken(a.nl_pid))
		return -EADDRINUSE;
	n->groups = a.nl_groups;
	if (n->port)
		return 0;
	n->port = a.nl_pid;
	if (!n->port)
		choose_port(n);
	return 0;
}

/* There is nobody but the kernel, and a user without capabilities may send to nobody else. */
static int64_t check_peer(uint64_t address, uint64_t len)
{
	struct sockaddr_nl a;
	int64_t rc = get_address(&a, address, len);
	if (rc < 0)
		return rc;
	return a.nl_groups || a.nl_pid ? -EPERM : 0;
}

int64_t netlink_connect(uint64_t address, uint64_t len)
{
	return check_peer(address, len);
}

struct mote_sockaddr netlink_name(const struct netlink *n)
{
	const struct sockaddr_nl a = {
		.nl_family = NETLINK_FAMILY,
		.nl_pid = n ? n->port : 0,
		.nl_groups = n ? n->groups : 0,
	};
	struct mote_sockaddr to = {.len = sizeof(a)};
	memcpy(to.data, &a, sizeof(a));
	return to;
}

/* --- options --- */

int64_t netlink_set_option(struct netlink *n, uint32_t level, uint32_t option, uint64_t value,
			   uint64_t len)
{
	uint32_t v = 0;
	if (level != NETLINK_LEVEL)
		return -EPROTONOSUPPORT;
	if (len >= sizeof(v) && get_user(&v, value, sizeof(v)) < 0)
		return -EFAULT;
	switch (option) {
	case NETLINK_ADD_MEMBERSHIP: /* no group has an event */
	case NETLINK_DROP_MEMBERSHIP:
		return v == 0 || v > 64 ? -EINVAL : 0;
	case NETLINK_LISTEN_ALL_NSID:
		return -EPERM;
	case NETLINK_CAP_ACK:
		n->acks_are_short = v;
		return 0;
	case NETLINK_GET_STRICT_CHK:
		n->strict = v;
		return 0;
	case NETLINK_PKTINFO: /* there are no events that could be lost or have a group */
	case NETLINK_BROADCAST_ERROR:
	case NETLINK_NO_ENOBUFS:
	case NETLINK_EXT_ACK:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int64_t netlink_get_option(const struct netlink *n, uint32_t level, uint32_t option, uint64_t value,
			   uint32_t *len)
{
	uint32_t v;
	if (level == SOL_SOCKET && option == SO_TYPE)
		v = n->type;
	else if (level == SOL_SOCKET && option == SO_DOMAIN)
		v = NETLINK_FAMILY;
	else if (level == SOL_SOCKET && option == SO_PROTOCOL)
		v = NETLINK_ROUTE;
	else if (level == NETLINK_LEVEL && option == NETLINK_CAP_ACK)
		v = n->acks_are_short;
	else if (level == NETLINK_LEVEL && option == NETLINK_GET_STRICT_CHK)
		v = n->strict;
	else
		return level == NETLINK_LEVEL ? -ENOPROTOOPT : -EPROTONOSUPPORT;
	if (*len > INT32_MAX)
		return -EINVAL;
	if (*len > sizeof(v))
		*len = sizeof(v);
	return put_user(value, &v, *len);
}

/* --- messages --- */

/* As netlink_rcv_skb of Linux goes through them. */
static void take_messages(struct netlink *n, const uint8_t *at, uint64_t bytes)
{
	while (bytes >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		memcpy(&h, at, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > bytes)
			return;
		route_answer(n, &h, at + sizeof(h));
		const uint64_t step = min_u64((h.nlmsg_len + 3UL) & ~3UL, bytes);
		at += step;
		bytes -= step;
	}
}

int64_t netlink_send(struct netlink *n, const struct mote_iovec *v, uint64_t count,
		     uint64_t address, uint64_t len)
{
	static uint8_t request[REQUEST_MAX];
	uint64_t used = 0;
	int64_t bytes = vector_bytes(v, count), rc = 0;
	if (bytes < 0)
		return bytes;
	if (address)
		rc = check_peer(address, len);
	if (rc < 0)
		return rc;
	if (bytes > REQUEST_MAX)
		return -EMSGSIZE;
	for (uint64_t i = 0; i < count; i++) {
		struct mote_iovec piece;
		if (get_user(&piece, (uint64_t)&v[i], sizeof(piece)) < 0 ||
		    piece.len > REQUEST_MAX - used ||
		    get_user(request + used, piece.base, piece.len) < 0)
			return -EFAULT;
		used += piece.len;
	}
	if (!n->port)
		choose_port(n);
	take_messages(n, request, used);
	return (int64_t)used;
}

int64_t netlink_written(int64_t rc, int32_t fd, const struct mote_iovec *v, uint64_t count)
{
	struct netlink *n = rc == -EPIPE ? netlink_of(fd) : NULL;
	return n ? netlink_send(n, v, count, 0, 0) : rc;
}
