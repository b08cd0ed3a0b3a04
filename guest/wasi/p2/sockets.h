/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasi:sockets: what its files share. The host says by its answers whether there is a network:
 * without one no socket can be made, and that is access-denied. Structures are as the Canonical ABI
 * lays them out.
 */
#ifndef MOTE_WASI_P2_SOCKETS_H
#define MOTE_WASI_P2_SOCKETS_H

#include "guest/wasi/p2/p2.h"

/* --- types in signatures --- */

#define P2_NET_CODE    "enum<21>"
#define P2_NET_NONE    "result<_, " P2_NET_CODE ">"
#define P2_NET_OF(t)   "result<" t ", " P2_NET_CODE ">"
#define P2_NET_V4      "tuple<u8, u8, u8, u8>"
#define P2_NET_V6      "tuple<u16, u16, u16, u16, u16, u16, u16, u16>"
#define P2_NET_ADDRESS "variant<record<u16, " P2_NET_V4 ">, record<u16, u32, " P2_NET_V6 ", u32>>"

/* --- error-code --- */

enum p2_net_code {
	NET_UNKNOWN,
	NET_ACCESS_DENIED,
	NET_NOT_SUPPORTED,
	NET_INVALID_ARGUMENT,
	NET_OUT_OF_MEMORY,
	NET_TIMEOUT,
	NET_CONCURRENCY_CONFLICT,
	NET_NOT_IN_PROGRESS,
	NET_WOULD_BLOCK,
	NET_INVALID_STATE,
	NET_NEW_SOCKET_LIMIT,
	NET_ADDRESS_NOT_BINDABLE,
	NET_ADDRESS_IN_USE,
	NET_REMOTE_UNREACHABLE,
	NET_CONNECTION_REFUSED,
	NET_CONNECTION_RESET,
	NET_CONNECTION_ABORTED,
	NET_DATAGRAM_TOO_LARGE,
	NET_NAME_UNRESOLVABLE,
	NET_TEMPORARY_RESOLVER_FAILURE,
	NET_PERMANENT_RESOLVER_FAILURE,
};

/* The code for a negative errno; NET_UNKNOWN if the network has none for it. */
uint8_t p2_net_code(int64_t rc);

struct net_none {
	uint8_t failed, code;
};
struct net_of_u64 {
	uint8_t failed;
	union {
		uint8_t code;
		uint64_t value;
	} __attribute__((aligned(8)));
};
/* Results of functions without a value: of a code, of 0 or a negative errno. */
void p2_net_fail(struct net_none *out, enum p2_net_code code);
void p2_net_finish(struct net_none *out, int64_t rc);
/* The same with a number. */
void p2_net_give(struct net_of_u64 *out, int64_t rc, uint64_t value);

/* --- addresses --- */

enum p2_family { FAMILY_IPV4, FAMILY_IPV6 };

struct net_address {
	uint8_t family; /* enum p2_family */
	union {
		struct {
			uint16_t port;
			uint8_t address[4];
		} v4;
		struct {
			uint16_t port;
			uint32_t flow;
			uint16_t address[8]; /* numbers, as the port is */
			uint32_t scope;
		} v6;
	} __attribute__((aligned(4)));
};
_Static_assert(sizeof(struct net_address) == 32, "as the Canonical ABI lays it out");

struct net_of_address {
	uint8_t failed;
	union {
		uint8_t code;
		struct net_address address;
	} __attribute__((aligned(4)));
};

struct mote_sockaddr p2_sockaddr(const struct net_address *a);
/* False: it is of another family than WASI has. */
bool p2_net_address(const struct mote_sockaddr *from, struct net_address *to);
/* Whether a socket of that family can have it: -EINVAL of another family, and IPv4 as IPv6. */
int64_t p2_address_fits(const struct net_address *a, uint8_t family);
/* The same of one that is sent to: it has a port, and is somebody's. */
int64_t p2_remote_fits(const struct net_address *a, uint8_t family);

/* --- sockets --- */

enum p2_socket_state {
	SOCKET_NEW,
	SOCKET_BINDING, /* and the other -ING: until the operation is finished */
	SOCKET_BOUND,
	SOCKET_LISTENING_SOON,
	SOCKET_LISTENING,
	SOCKET_CONNECTING,
	SOCKET_CONNECTED, /* UDP: it has streams, to one peer */
	SOCKET_FAILED,
};
enum p2_socket_flag {
	SOCKET_IPV6 = 1,
	SOCKET_STREAM = 2,
	SOCKET_RECEIVES_NOTHING = 4, /* it was shut down: not even what is there */
};

extern const struct component_host_resource p2_network_resource;

struct socket_params {
	uint32_t socket;
};
struct bind_params {
	uint32_t socket, network;
	struct net_address address;
};
struct net_of_socket {
	uint8_t failed;
	union {
		uint8_t code;
		uint32_t socket;
	} __attribute__((aligned(4)));
};

/* A new one, of SOCK_STREAM or SOCK_DGRAM. */
void p2_create_socket(struct component_call *call, const struct component_host_resource *resource,
		      uint8_t family, uint32_t type, struct net_of_socket *out);
/* Whether it has an operation that has not been finished, which is the failure then. */
bool p2_is_under_way(const struct p2_object *socket, struct net_none *out);
/* What the functions of TCP and UDP are alike in, as host.h has them. */
void p2_start_bind(struct component_call *call, const void *params, void *result);
void p2_finish_bind(struct component_call *call, const void *params, void *result);
void p2_local_address(struct component_call *call, const void *params, void *result);
void p2_remote_address(struct component_call *call, const void *params, void *result);
void p2_address_family(struct component_call *call, const void *params, void *result);
void p2_hop_limit(struct component_call *call, const void *params, void *result);
void p2_set_hop_limit(struct component_call *call, const void *params, void *result);
void p2_receive_buffer(struct component_call *call, const void *params, void *result);
void p2_set_receive_buffer(struct component_call *call, const void *params, void *result);
void p2_send_buffer(struct component_call *call, const void *params, void *result);
void p2_set_send_buffer(struct component_call *call, const void *params, void *result);
void p2_subscribe_socket(struct component_call *call, const void *params, void *result);

static inline uint8_t p2_family_of(const struct p2_object *socket)
{
	return socket->flags & SOCKET_IPV6 ? FAMILY_IPV6 : FAMILY_IPV4;
}

/* The events that its operation which is under way, or the next accept, waits for; 0: none. */
int16_t p2_socket_events(const struct p2_object *socket);

int64_t p2_get_option(const struct p2_object *socket, uint32_t level, uint32_t name,
		      int32_t *value);
int64_t p2_set_option(const struct p2_object *socket, uint32_t level, uint32_t name, int32_t value);

/* Linux's numbers. */
enum {
	LX_AF_UNSPEC = 0,
	LX_AF_INET = 2,
	LX_AF_INET6 = 10,
	LX_SOCK_STREAM = 1,
	LX_SOCK_DGRAM = 2,
	LX_SOCK_NONBLOCK = 04000,
	LX_SOL_SOCKET = 1,
	LX_SO_REUSEADDR = 2,
	LX_SO_ERROR = 4,
	LX_SO_SNDBUF = 7,
	LX_SO_RCVBUF = 8,
	LX_SO_KEEPALIVE = 9,
	LX_IPPROTO_IP = 0,
	LX_IP_TTL = 2,
	LX_IPPROTO_TCP = 6,
	LX_TCP_KEEPIDLE = 4,
	LX_TCP_KEEPINTVL = 5,
	LX_TCP_KEEPCNT = 6,
	LX_IPPROTO_IPV6 = 41,
	LX_IPV6_UNICAST_HOPS = 16,
	LX_IPV6_V6ONLY = 26,
	LX_MSG_DONTWAIT = 0x40,
	LX_MSG_NOSIGNAL = 0x4000,
	LX_SHUT_WR = 1,
};

#endif
