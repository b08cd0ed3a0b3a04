/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasi:sockets/ip-name-lookup: addresses as text, and localhost, which is this machine everywhere
 * (RFC 6761). No name server is asked: other names are a permanent failure of the resolver.
 */
#include "guest/wasi/p2/ip_text.h"
#include "guest/wasi/p2/sockets.h"

enum { NAME_BYTES = 256 };

struct net_of_address_option {
	uint8_t failed;
	union {
		uint8_t code;
		struct {
			uint8_t is_some;
			struct ip_address address;
		};
	} __attribute__((aligned(2)));
};
_Static_assert(sizeof(struct ip_address) == 18 && sizeof(struct net_of_address_option) == 22,
	       "as the Canonical ABI lays them out");

/* The addresses of a name, by turns: an object has one, or stands for localhost's. */
enum { ADDRESSES_ONE = 1, ADDRESSES_LOCAL = 2 };

static const struct component_host_resource addresses = {"resolve-address-stream", p2_drop};

static bool is_localhost(const char *name)
{
	return strcmp(name, "localhost") == 0 || strcmp(name, "localhost.") == 0;
}

struct lookup_params {
	uint32_t network, name[2];
};

/* What a name stands for; the code if nothing. */
static enum p2_net_code look_up(const char *name, struct p2_object *o)
{
	struct ip_address ip;
	if (!*name)
		return NET_INVALID_ARGUMENT;
	if (is_localhost(name)) {
		o->flags = ADDRESSES_LOCAL;
		return NET_UNKNOWN;
	}
	if (!ip_from_text(name, &ip))
		return NET_PERMANENT_RESOLVER_FAILURE;
	o->flags = ADDRESSES_ONE;
	o->state = ip.family;
	memcpy(o->ip, ip.v6, sizeof(o->ip));
	return NET_UNKNOWN;
}

static void resolve(struct component_call *call, const void *params, void *result)
{
	const struct lookup_params *p = params;
	struct net_of_socket *out = result;
	struct p2_object o = {.kind = P2_ADDRESSES};
	char name[NAME_BYTES];
	enum p2_net_code code = NET_ACCESS_DENIED;
	if (wasi.boot->flags & MOTE_BOOT_NETWORK) {
		const int64_t bytes = call_text(call, p->name, name, sizeof(name) - 1);
		code = NET_INVALID_ARGUMENT;
		if (bytes >= 0) {
			name[bytes] = 0;
			code = look_up(name, &o);
		}
	}
	if (o.flags) {
		out->socket = call_own(call, &addresses, p2_new(call, &o));
		return;
	}
	out->failed = 1;
	out->code = (uint8_t)code;
}

static void next_address(struct component_call *call, const void *params, void *result)
{
	static const struct ip_address local[2] = {
		{.family = FAMILY_IPV4, .v4 = {127, 0, 0, 1}},
		{.family = FAMILY_IPV6, .v6 = {0, 0, 0, 0, 0, 0, 0, 1}},
	};
	struct p2_object *o = p2_get(*(const uint32_t *)params);
	struct net_of_address_option *out = result;
	(void)call;
	if (o->at == o->flags)
		return;
	out->is_some = 1;
	if (o->flags == ADDRESSES_LOCAL) {
		out->address = local[o->at];
	} else {
		out->address.family = o->state;
		memcpy(out->address.v6, o->ip, sizeof(o->ip));
	}
	o->at++;
}

/* All is there from the start. */
static void subscribe(struct component_call *call, const void *params, void *result)
{
	const struct p2_object pollable = {.kind = P2_POLLABLE, .fd = -1};
	(void)params;
	*(uint32_t *)result = call_own(call, &p2_pollable, p2_new(call, &pollable));
}

static const struct component_host_resource *const resources[] = {&addresses};
static const struct component_host_function functions[] = {
	{"resolve-addresses",
	 "(borrow network, string) -> " P2_NET_OF("own resolve-address-stream"), resolve},
	{"[method]resolve-address-stream.resolve-next-address",
	 "(borrow resolve-address-stream) -> " P2_NET_OF("option<variant<" P2_NET_V4 ", " P2_NET_V6
							 ">>"),
	 next_address},
	{"[method]resolve-address-stream.subscribe",
	 "(borrow resolve-address-stream) -> own pollable", subscribe},
};
const struct component_host_interface p2_name_lookup = {"wasi:sockets/ip-name-lookup@0.2",
							functions, P2_COUNT(functions), resources,
							P2_COUNT(resources)};
