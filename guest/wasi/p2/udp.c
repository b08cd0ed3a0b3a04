/* SPDX-License-Identifier: Apache-2.0 */
/* wasi:sockets/udp and udp-create-socket. */
#include "guest/wasi/p2/sockets.h"
#include "guest/wasi/p2/unsent.h"

#include <linux/errno.h>

enum {
	DATAGRAM_BYTES = 65536, /* and more than any has */
	DATAGRAMS_MAX = 16,     /* of one call */
};

static const struct component_host_resource udp_socket = {"udp-socket", p2_drop},
					    incoming = {"incoming-datagram-stream", p2_drop},
					    outgoing = {"outgoing-datagram-stream", p2_drop};

/* --- streams --- */

struct some_address {
	uint8_t is_some;
	struct net_address address;
};

struct stream_params {
	uint32_t socket;
	struct some_address remote;
};

/* Whom it is connected to, if anybody; then no longer. */
static int64_t choose_peer(struct p2_object *socket, const struct some_address *remote)
{
	const struct mote_sockaddr nobody = {.len = 16}; /* AF_UNSPEC */
	int64_t rc = 0;
	if (remote->is_some)
		rc = p2_remote_fits(&remote->address, p2_family_of(socket));
	if (rc == 0 && socket->state == SOCKET_CONNECTED)
		rc = mote_connect(mote_area(), socket->fd, &nobody);
	if (rc < 0)
		return rc;
	socket->state = SOCKET_BOUND;
	if (!remote->is_some)
		return 0;
	const struct mote_sockaddr to = p2_sockaddr(&remote->address);
	rc = mote_connect(mote_area(), socket->fd, &to);
	if (rc == 0)
		socket->state = SOCKET_CONNECTED;
	return rc;
}

static uint32_t make_stream(struct component_call *call, uint32_t socket,
			    const struct component_host_resource *resource)
{
	const struct p2_object o = p2_of_file(socket, P2_DATAGRAMS);
	return call_own(call, resource, p2_new(call, &o));
}

static void stream(struct component_call *call, const void *params, void *result)
{
	const struct stream_params *p = params;
	struct p2_object *socket = p2_get(p->socket);
	struct {
		uint8_t failed;
		union {
			uint8_t code;
			struct {
				uint32_t in, out;
			};
		} __attribute__((aligned(4)));
	} *out = result;
	out->failed = 1;
	out->code = NET_INVALID_STATE;
	if (socket->state != SOCKET_BOUND && socket->state != SOCKET_CONNECTED)
		return;
	const int64_t rc = choose_peer(socket, &p->remote);
	out->code = p2_net_code(rc);
	if (rc < 0)
		return;
	out->failed = 0;
	out->in = make_stream(call, p->socket, &incoming);
	out->out = make_stream(call, p->socket, &outgoing);
}

static void subscribe(struct component_call *call, const void *params, int16_t events, void *result)
{
	const uint32_t socket = p2_get(*(const uint32_t *)params)->file;
	struct p2_object pollable = p2_of_file(socket, P2_POLLABLE);
	pollable.events = events;
	*(uint32_t *)result = call_own(call, &p2_pollable, p2_new(call, &pollable));
}

static void subscribe_incoming(struct component_call *call, const void *params, void *result)
{
	subscribe(call, params, LX_POLLIN, result);
}

static void subscribe_outgoing(struct component_call *call, const void *params, void *result)
{
	subscribe(call, params, LX_POLLOUT, result);
}

/* --- receiving --- */

struct list {
	uint32_t at, count;
};
struct datagram_in {
	struct list data;
	struct net_address from;
};
struct receive_params {
	uint32_t stream;
	uint64_t most;
};

static int64_t receive_one(struct component_call *call, int32_t fd, struct datagram_in *to)
{
	static uint8_t bytes[DATAGRAM_BYTES];
	struct mote_sockaddr from = {0};
	const int64_t rc = mote_recv(mote_area(), fd, (void *)bytes, MOTE_IOV_ONE | sizeof(bytes),
				     LX_MSG_DONTWAIT, &from);
	if (rc < 0)
		return rc;
	if (!p2_net_address(&from, &to->from))
		return -EAFNOSUPPORT;
	to->data.count = (uint32_t)rc;
	memcpy(call_allocate(call, 1, (uint64_t)rc, &to->data.at), bytes, (uint64_t)rc);
	return 0;
}

static void receive(struct component_call *call, const void *params, void *result)
{
	const struct receive_params *p = params;
	const int32_t fd = p2_get(p->stream)->fd;
	struct datagram_in in[DATAGRAMS_MAX] = {0};
	struct {
		uint8_t failed;
		union {
			uint8_t code;
			struct list list;
		} __attribute__((aligned(4)));
	} *out = result;
	uint32_t n = 0;
	int64_t rc = 0;
	while (n < DATAGRAMS_MAX && n < p->most && rc == 0) {
		rc = receive_one(call, fd, &in[n]);
		n += rc == 0;
	}
	if (rc < 0 && rc != -EAGAIN && n == 0) {
		out->failed = 1;
		out->code = p2_net_code(rc);
		return;
	}
	const uint64_t bytes = n * sizeof(in[0]);
	memcpy(call_allocate(call, 4, bytes, &out->list.at), in, bytes);
	out->list.count = n;
}

/* --- sending --- */

struct datagram_out {
	struct list data;
	struct some_address to;
};
_Static_assert(sizeof(struct datagram_in) == 40 && sizeof(struct datagram_out) == 44,
	       "as the Canonical ABI lays them out");
struct send_params {
	uint32_t stream;
	struct list datagrams;
};

static bool is_peer(const struct p2_object *socket, const struct net_address *address)
{
	struct mote_sockaddr addr = {0};
	struct net_address peer;
	return mote_sock_name(mote_area(), socket->fd, 1, &addr) == 0 &&
	       p2_net_address(&addr, &peer) && memcmp(&peer, address, sizeof(peer)) == 0;
}

static int64_t send_one(struct component_call *call, const struct p2_object *socket,
			const struct datagram_out *d)
{
	const uint8_t *bytes = call_span(call, d->data.at, d->data.count);
	const bool connected = socket->state == SOCKET_CONNECTED;
	struct net_address address = {0};
	struct mote_sockaddr to;
	if (d->to.is_some > 1 || (d->to.is_some && d->to.address.family > FAMILY_IPV6))
		call_trap(call, "invalid variant discriminant");
	if (!d->to.is_some && !connected)
		return -EINVAL;
	if (d->to.is_some) {
		to = p2_sockaddr(&d->to.address);
		(void)p2_net_address(&to, &address); /* without what lies between its parts */
		const int64_t rc = p2_remote_fits(&address, p2_family_of(socket));
		if (rc < 0)
			return rc;
		if (connected && !is_peer(socket, &address))
			return -EINVAL;
	}
	return mote_send(mote_area(), socket->fd, (const void *)bytes, MOTE_IOV_ONE | d->data.count,
			 LX_MSG_DONTWAIT | LX_MSG_NOSIGNAL, connected ? NULL : &to);
}

static void send(struct component_call *call, const void *params, void *result)
{
	const struct send_params *p = params;
	const struct p2_object *socket = p2_get(p2_get(p->stream)->file);
	struct net_of_u64 *out = result;
	struct datagram_out d;
	int64_t rc = 0;
	uint32_t n = 0;
	if (p->datagrams.count > DATAGRAMS_MAX)
		call_trap(call, "more datagrams than check-send permits");
	const uint8_t *from =
		call_span(call, p->datagrams.at, (uint64_t)p->datagrams.count * sizeof(d));
	while (n < p->datagrams.count && rc >= 0) {
		memcpy(&d, from + n * sizeof(d), sizeof(d));
		rc = send_one(call, socket, &d);
		n += rc >= 0;
	}
	if (rc < 0 && rc != -EAGAIN && n == 0) {
		out->failed = 1;
		out->code = p2_net_code(rc);
		return;
	}
	out->value = n;
}

static void check_send(struct component_call *call, const void *params, void *result)
{
	struct mote_pollfd p = {.fd = p2_get(*(const uint32_t *)params)->fd, .events = LX_POLLOUT};
	const struct mote_time none = {0};
	struct net_of_u64 *out = result;
	(void)call;
	if (unsent_poll(&p, 1, &none))
		out->value = DATAGRAMS_MAX;
}

#define UDP(n)  "[method]udp-socket." n
#define IN(n)   "[method]incoming-datagram-stream." n
#define OUT(n)  "[method]outgoing-datagram-stream." n
#define SOCKET  "(borrow udp-socket"
#define SETS(t) SOCKET ", " t ") -> " P2_NET_NONE
#define GETS(t) SOCKET ") -> " P2_NET_OF(t)

static const struct component_host_resource *const resources[] = {&udp_socket, &incoming,
								  &outgoing};
static const struct component_host_function functions[] = {
	{UDP("start-bind"), SETS("borrow network, " P2_NET_ADDRESS), p2_start_bind},
	{UDP("finish-bind"), SOCKET ") -> " P2_NET_NONE, p2_finish_bind},
	{UDP("stream"),
	 SOCKET ", option<" P2_NET_ADDRESS
		">) -> " P2_NET_OF("tuple<own incoming-datagram-stream, own "
				   "outgoing-datagram-stream>"),
	 stream},
	{UDP("local-address"), GETS(P2_NET_ADDRESS), p2_local_address},
	{UDP("remote-address"), GETS(P2_NET_ADDRESS), p2_remote_address},
	{UDP("address-family"), SOCKET ") -> enum<2>", p2_address_family},
	{UDP("unicast-hop-limit"), GETS("u8"), p2_hop_limit},
	{UDP("set-unicast-hop-limit"), SETS("u8"), p2_set_hop_limit},
	{UDP("receive-buffer-size"), GETS("u64"), p2_receive_buffer},
	{UDP("set-receive-buffer-size"), SETS("u64"), p2_set_receive_buffer},
	{UDP("send-buffer-size"), GETS("u64"), p2_send_buffer},
	{UDP("set-send-buffer-size"), SETS("u64"), p2_set_send_buffer},
	{UDP("subscribe"), SOCKET ") -> own pollable", p2_subscribe_socket},
	{IN("receive"),
	 "(borrow incoming-datagram-stream, u64) -> " P2_NET_OF(
		 "list<record<list<u8>, " P2_NET_ADDRESS ">>"),
	 receive},
	{IN("subscribe"), "(borrow incoming-datagram-stream) -> own pollable", subscribe_incoming},
	{OUT("check-send"), "(borrow outgoing-datagram-stream) -> " P2_NET_OF("u64"), check_send},
	{OUT("send"),
	 "(borrow outgoing-datagram-stream, list<record<list<u8>, option<" P2_NET_ADDRESS
	 ">>>) -> " P2_NET_OF("u64"),
	 send},
	{OUT("subscribe"), "(borrow outgoing-datagram-stream) -> own pollable", subscribe_outgoing},
};
const struct component_host_interface p2_udp = {
	"wasi:sockets/udp@0.2", functions, P2_COUNT(functions), resources, P2_COUNT(resources)};

static void create(struct component_call *call, const void *params, void *result)
{
	p2_create_socket(call, &udp_socket, *(const uint8_t *)params, LX_SOCK_DGRAM, result);
}

static const struct component_host_function create_functions[] = {
	{"create-udp-socket", "(enum<2>) -> " P2_NET_OF("own udp-socket"), create},
};
const struct component_host_interface p2_udp_create = {"wasi:sockets/udp-create-socket@0.2",
						       create_functions, P2_COUNT(create_functions),
						       NULL, 0};
