/* SPDX-License-Identifier: Apache-2.0 */
/* wasi:sockets/network and instance-network: handles, errors and addresses. */
#include "guest/wasi/p2/sockets.h"

#include <linux/errno.h>

/* --- errors --- */

uint8_t p2_net_code(int64_t rc)
{
	static const struct {
		int32_t number;
		uint8_t code;
	} codes[] = {
		{EACCES, NET_ACCESS_DENIED},          {EPERM, NET_ACCESS_DENIED},
		{EOPNOTSUPP, NET_NOT_SUPPORTED},      {EAFNOSUPPORT, NET_NOT_SUPPORTED},
		{EPROTONOSUPPORT, NET_NOT_SUPPORTED}, {ENOPROTOOPT, NET_NOT_SUPPORTED},
		{EINVAL, NET_INVALID_ARGUMENT},       {ENOMEM, NET_OUT_OF_MEMORY},
		{ENOBUFS, NET_OUT_OF_MEMORY},         {ETIMEDOUT, NET_TIMEOUT},
		{EALREADY, NET_CONCURRENCY_CONFLICT}, {EAGAIN, NET_WOULD_BLOCK},
		{EINPROGRESS, NET_WOULD_BLOCK},       {EISCONN, NET_INVALID_STATE},
		{ENOTCONN, NET_INVALID_STATE},        {EMFILE, NET_NEW_SOCKET_LIMIT},
		{ENFILE, NET_NEW_SOCKET_LIMIT},       {EADDRNOTAVAIL, NET_ADDRESS_NOT_BINDABLE},
		{EADDRINUSE, NET_ADDRESS_IN_USE},     {EHOSTUNREACH, NET_REMOTE_UNREACHABLE},
		{EHOSTDOWN, NET_REMOTE_UNREACHABLE},  {ENETUNREACH, NET_REMOTE_UNREACHABLE},
		{ENETDOWN, NET_REMOTE_UNREACHABLE},   {ECONNREFUSED, NET_CONNECTION_REFUSED},
		{ECONNRESET, NET_CONNECTION_RESET},   {ECONNABORTED, NET_CONNECTION_ABORTED},
		{EMSGSIZE, NET_DATAGRAM_TOO_LARGE},
	};
	for (uint32_t i = 0; i < P2_COUNT(codes); i++)
		if (rc == -codes[i].number)
			return codes[i].code;
	return NET_UNKNOWN;
}

void p2_net_fail(struct net_none *out, enum p2_net_code code)
{
	out->failed = 1;
	out->code = (uint8_t)code;
}

void p2_net_finish(struct net_none *out, int64_t rc)
{
	if (rc < 0)
		p2_net_fail(out, p2_net_code(rc));
}

void p2_net_give(struct net_of_u64 *out, int64_t rc, uint64_t value)
{
	out->failed = rc < 0;
	if (rc < 0)
		out->code = p2_net_code(rc);
	else
		out->value = value;
}

/* Of an error that no socket's stream has made: none. */
static void network_error_code(struct component_call *call, const void *params, void *result)
{
	struct {
		uint8_t is_some, code;
	} *out = result;
	(void)call;
	out->code = p2_net_code(p2_get(*(const uint32_t *)params)->error);
	out->is_some = out->code != NET_UNKNOWN;
}

/* --- addresses --- */

static uint16_t swap(uint16_t value)
{
	return (uint16_t)(value << 8 | value >> 8);
}

struct sockaddr_v4 {
	uint16_t family, port;
	uint8_t address[4], zero[8];
};
struct sockaddr_v6 {
	uint16_t family, port;
	uint32_t flow;
	uint16_t address[8];
	uint32_t scope;
};

struct mote_sockaddr p2_sockaddr(const struct net_address *a)
{
	struct mote_sockaddr to = {0};
	if (a->family == FAMILY_IPV4) {
		struct sockaddr_v4 s = {.family = LX_AF_INET, .port = swap(a->v4.port)};
		memcpy(s.address, a->v4.address, sizeof(s.address));
		to.len = sizeof(s);
		memcpy(to.data, &s, sizeof(s));
		return to;
	}
	struct sockaddr_v6 s = {
		.family = LX_AF_INET6,
		.port = swap(a->v6.port),
		.flow = __builtin_bswap32(a->v6.flow),
		.scope = a->v6.scope,
	};
	for (int i = 0; i < 8; i++)
		s.address[i] = swap(a->v6.address[i]);
	to.len = sizeof(s);
	memcpy(to.data, &s, sizeof(s));
	return to;
}

bool p2_net_address(const struct mote_sockaddr *from, struct net_address *to)
{
	struct sockaddr_v4 v4;
	struct sockaddr_v6 v6;
	memcpy(&v4, from->data, sizeof(v4));
	memcpy(&v6, from->data, sizeof(v6));
	*to = (struct net_address){0};
	if (from->len >= sizeof(v4) && v4.family == LX_AF_INET) {
		to->family = FAMILY_IPV4;
		to->v4.port = swap(v4.port);
		memcpy(to->v4.address, v4.address, sizeof(v4.address));
		return true;
	}
	if (from->len < sizeof(v6) || v6.family != LX_AF_INET6)
		return false;
	to->family = FAMILY_IPV6;
	to->v6.port = swap(v6.port);
	to->v6.flow = __builtin_bswap32(v6.flow);
	to->v6.scope = v6.scope;
	for (int i = 0; i < 8; i++)
		to->v6.address[i] = swap(v6.address[i]);
	return true;
}

/* How many of the first numbers of an IPv6 address are 0. */
static int zeroes(const uint16_t address[8])
{
	int n = 0;
	while (n < 8 && !address[n])
		n++;
	return n;
}

int64_t p2_address_fits(const struct net_address *a, uint8_t family)
{
	if (a->family != family)
		return -EINVAL;
	if (family == FAMILY_IPV6 && zeroes(a->v6.address) == 5 && a->v6.address[5] == 0xffff)
		return -EINVAL; /* ::ffff:1.2.3.4: sockets are of one family */
	return 0;
}

int64_t p2_remote_fits(const struct net_address *a, uint8_t family)
{
	static const uint8_t any[4];
	const int64_t rc = p2_address_fits(a, family);
	if (rc < 0)
		return rc;
	if (family == FAMILY_IPV4)
		return a->v4.port && memcmp(a->v4.address, any, sizeof(any)) != 0 ? 0 : -EINVAL;
	return a->v6.port && zeroes(a->v6.address) < 8 ? 0 : -EINVAL;
}

/* --- the network --- */

const struct component_host_resource p2_network_resource = {"network", p2_drop};
static const struct component_host_resource *const resources[] = {&p2_network_resource};

/* A handle without anything: the host decides about each socket. */
static void get_network(struct component_call *call, const void *params, void *result)
{
	const struct p2_object o = {.kind = P2_NETWORK};
	(void)params;
	*(uint32_t *)result = call_own(call, &p2_network_resource, p2_new(call, &o));
}

static const struct component_host_function functions[] = {
	{"network-error-code", "(borrow error) -> option<" P2_NET_CODE ">", network_error_code},
};
const struct component_host_interface p2_network = {
	"wasi:sockets/network@0.2", functions, P2_COUNT(functions), resources, P2_COUNT(resources)};

static const struct component_host_function instance_functions[] = {
	{"instance-network", "() -> own network", get_network},
};
const struct component_host_interface p2_instance_network = {"wasi:sockets/instance-network@0.2",
							     instance_functions,
							     P2_COUNT(instance_functions), NULL, 0};
