/* SPDX-License-Identifier: Apache-2.0 */
/* wasi:sockets: what the sockets of TCP and UDP are alike in. */
#include "guest/wasi/p2/sockets.h"

#include <linux/errno.h>

enum { BUFFER_MAX = 0x3fffffff };

/* --- options --- */

int64_t p2_get_option(const struct p2_object *socket, uint32_t level, uint32_t name, int32_t *value)
{
	return mote_sock_getopt(mote_area(), socket->fd, level, name, value, sizeof(*value));
}

int64_t p2_set_option(const struct p2_object *socket, uint32_t level, uint32_t name, int32_t value)
{
	return mote_sock_setopt(mote_area(), socket->fd, level, name, &value, sizeof(value));
}

struct u64_params {
	uint32_t socket;
	uint64_t value;
};
struct u8_params {
	uint32_t socket;
	uint8_t value;
};

static void hop_option(const struct p2_object *socket, uint32_t *level, uint32_t *name)
{
	*level = LX_IPPROTO_IP;
	*name = LX_IP_TTL;
	if (p2_family_of(socket) == FAMILY_IPV6) {
		*level = LX_IPPROTO_IPV6;
		*name = LX_IPV6_UNICAST_HOPS;
	}
}

void p2_hop_limit(struct component_call *call, const void *params, void *result)
{
	const struct p2_object *socket = p2_get(*(const uint32_t *)params);
	struct net_none *out = result;
	uint32_t level, name;
	int32_t value = 0;
	(void)call;
	hop_option(socket, &level, &name);
	const int64_t rc = p2_get_option(socket, level, name, &value);
	out->code = (uint8_t)value; /* the value lies there, too */
	p2_net_finish(out, rc);
}

void p2_set_hop_limit(struct component_call *call, const void *params, void *result)
{
	const struct u8_params *p = params;
	const struct p2_object *socket = p2_get(p->socket);
	uint32_t level, name;
	(void)call;
	hop_option(socket, &level, &name);
	p2_net_finish(result, p->value ? p2_set_option(socket, level, name, p->value) : -EINVAL);
}

/* Linux reports twice what was set: the second half is its own. */
static void get_buffer(const void *params, uint32_t name, struct net_of_u64 *out)
{
	int32_t value = 0;
	const int64_t rc =
		p2_get_option(p2_get(*(const uint32_t *)params), LX_SOL_SOCKET, name, &value);
	p2_net_give(out, rc, (uint64_t)value / 2);
}

static void set_buffer(const struct u64_params *p, uint32_t name, struct net_none *out)
{
	const uint64_t value = p->value < BUFFER_MAX ? p->value : BUFFER_MAX;
	if (!value)
		p2_net_fail(out, NET_INVALID_ARGUMENT);
	else
		p2_net_finish(
			out, p2_set_option(p2_get(p->socket), LX_SOL_SOCKET, name, (int32_t)value));
}

void p2_receive_buffer(struct component_call *call, const void *params, void *result)
{
	(void)call;
	get_buffer(params, LX_SO_RCVBUF, result);
}

void p2_set_receive_buffer(struct component_call *call, const void *params, void *result)
{
	(void)call;
	set_buffer(params, LX_SO_RCVBUF, result);
}

void p2_send_buffer(struct component_call *call, const void *params, void *result)
{
	(void)call;
	get_buffer(params, LX_SO_SNDBUF, result);
}

void p2_set_send_buffer(struct component_call *call, const void *params, void *result)
{
	(void)call;
	set_buffer(params, LX_SO_SNDBUF, result);
}

/* --- their life --- */

void p2_create_socket(struct component_call *call, const struct component_host_resource *resource,
		      uint8_t family, uint32_t type, struct net_of_socket *out)
{
	struct p2_object o = {.kind = P2_SOCKET, .users = 1};
	if (family == FAMILY_IPV6)
		o.flags |= SOCKET_IPV6;
	if (type == LX_SOCK_STREAM)
		o.flags |= SOCKET_STREAM;
	int64_t rc = mote_socket(mote_area(), family == FAMILY_IPV6 ? LX_AF_INET6 : LX_AF_INET,
				 type | LX_SOCK_NONBLOCK, 0);
	o.fd = (int32_t)rc;
	if (rc >= 0 && family == FAMILY_IPV6) {
		rc = p2_set_option(&o, LX_IPPROTO_IPV6, LX_IPV6_V6ONLY, 1);
		if (rc < 0)
			(void)mote_close(mote_area(), o.fd);
	}
	if (rc < 0) {
		out->failed = 1;
		out->code = p2_net_code(rc);
		return;
	}
	out->socket = call_own(call, resource, p2_new(call, &o));
}

bool p2_is_under_way(const struct p2_object *socket, struct net_none *out)
{
	const bool is = socket->state == SOCKET_BINDING || socket->state == SOCKET_CONNECTING ||
			socket->state == SOCKET_LISTENING_SOON;
	if (is)
		p2_net_fail(out, NET_CONCURRENCY_CONFLICT);
	return is;
}

void p2_start_bind(struct component_call *call, const void *params, void *result)
{
	const struct bind_params *p = params;
	struct p2_object *socket = p2_get(p->socket);
	const struct mote_sockaddr to = p2_sockaddr(&p->address);
	(void)call;
	if (p2_is_under_way(socket, result))
		return;
	if (socket->state != SOCKET_NEW) {
		p2_net_fail(result, NET_INVALID_STATE);
		return;
	}
	int64_t rc = p2_address_fits(&p->address, p2_family_of(socket));
	/* An address that only connections of the past still have can be bound. */
	if (rc == 0 && socket->flags & SOCKET_STREAM)
		rc = p2_set_option(socket, LX_SOL_SOCKET, LX_SO_REUSEADDR, 1);
	if (rc == 0)
		rc = mote_bind(mote_area(), socket->fd, &to);
	if (rc == 0)
		socket->state = SOCKET_BINDING;
	p2_net_finish(result, rc);
}

void p2_finish_bind(struct component_call *call, const void *params, void *result)
{
	struct p2_object *socket = p2_get(*(const uint32_t *)params);
	(void)call;
	if (socket->state == SOCKET_BINDING)
		socket->state = SOCKET_BOUND;
	else
		p2_net_fail(result, NET_NOT_IN_PROGRESS);
}

static void get_address(const struct p2_object *socket, uint32_t peer, bool has_one,
			struct net_of_address *out)
{
	struct mote_sockaddr addr = {0};
	int64_t rc = -ENOTCONN;
	if (has_one)
		rc = mote_sock_name(mote_area(), socket->fd, peer, &addr);
	if (rc == 0 && !p2_net_address(&addr, &out->address))
		rc = -EAFNOSUPPORT;
	if (rc == 0)
		return;
	out->failed = 1;
	out->code = p2_net_code(rc);
}

void p2_local_address(struct component_call *call, const void *params, void *result)
{
	const struct p2_object *socket = p2_get(*(const uint32_t *)params);
	(void)call;
	get_address(socket, 0, socket->state >= SOCKET_BOUND && socket->state != SOCKET_FAILED,
		    result);
}

void p2_remote_address(struct component_call *call, const void *params, void *result)
{
	const struct p2_object *socket = p2_get(*(const uint32_t *)params);
	(void)call;
	get_address(socket, 1, socket->state == SOCKET_CONNECTED, result);
}

void p2_address_family(struct component_call *call, const void *params, void *result)
{
	(void)call;
	*(uint8_t *)result = p2_family_of(p2_get(*(const uint32_t *)params));
}

/* --- waiting --- */

int16_t p2_socket_events(const struct p2_object *socket)
{
	if (socket->state == SOCKET_CONNECTING && !socket->error)
		return LX_POLLOUT;
	if (socket->state == SOCKET_LISTENING)
		return LX_POLLIN;
	return 0;
}

/* Programs have one from the start to the end, and so its events are the socket's at each poll. */
void p2_subscribe_socket(struct component_call *call, const void *params, void *result)
{
	struct p2_object pollable = p2_of_file(*(const uint32_t *)params, P2_POLLABLE);
	pollable.events = P2_SOCKET_EVENTS;
	*(uint32_t *)result = call_own(call, &p2_pollable, p2_new(call, &pollable));
}
