/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasi:sockets, of a host that gives no component a network: runtimes of languages import all of it
 * whether or not the program opens a socket, so the interfaces are there, with exactly their types,
 * and what would make a socket or look up a name is refused with access-denied. So there are no
 * sockets, and nothing can be called on one.
 */
#include "guest/wasi/p2/p2.h"

enum { ACCESS_DENIED = 1 }; /* of the error-code */

static void refuse_socket(struct component_call *call, const void *params, void *result)
{
	struct {
		uint8_t failed;
		uint8_t code __attribute__((aligned(4)));
	} *out = result;
	(void)call;
	(void)params;
	out->failed = 1;
	out->code = ACCESS_DENIED;
}

/* Its handle would have been given by what is refused. */
static void never(struct component_call *call, const void *params, void *result)
{
	(void)params;
	(void)result;
	call_trap(call, "there are no sockets");
}

#define CODE     "enum<21>"
#define NONE     "result<_, " CODE ">"
#define OF(type) "result<" type ", " CODE ">"
#define V4       "tuple<u8, u8, u8, u8>"
#define V6       "tuple<u16, u16, u16, u16, u16, u16, u16, u16>"
#define ADDRESS  "variant<record<u16, " V4 ">, record<u16, u32, " V6 ", u32>>"
#define TCP(n)   "[method]tcp-socket." n
#define UDP(n)   "[method]udp-socket." n
#define IN(n)    "[method]incoming-datagram-stream." n
#define OUT(n)   "[method]outgoing-datagram-stream." n

/* --- the network --- */

static const struct component_host_resource network = {"network", p2_drop};
static const struct component_host_resource *const network_resources[] = {&network};

/* Of an error that is none of a socket's: none. */
static void network_error_code(struct component_call *call, const void *params, void *result)
{
	(void)call;
	(void)params;
	*(uint8_t *)result = 0;
}

/* A handle without anything: what takes it is refused. */
static void get_network(struct component_call *call, const void *params, void *result)
{
	const struct p2_object o = {.kind = P2_NETWORK};
	(void)params;
	*(uint32_t *)result = call_own(call, &network, p2_new(call, &o));
}

static const struct component_host_function network_functions[] = {
	{"network-error-code", "(borrow error) -> option<" CODE ">", network_error_code},
};
const struct component_host_interface p2_network = {"wasi:sockets/network@0.2", network_functions,
						    P2_COUNT(network_functions), network_resources,
						    P2_COUNT(network_resources)};

static const struct component_host_function instance_network_functions[] = {
	{"instance-network", "() -> own network", get_network},
};
const struct component_host_interface p2_instance_network = {
	"wasi:sockets/instance-network@0.2", instance_network_functions,
	P2_COUNT(instance_network_functions), NULL, 0};

/* --- TCP --- */

static const struct component_host_resource tcp_socket = {"tcp-socket", p2_drop};
static const struct component_host_resource *const tcp_resources[] = {&tcp_socket};
static const struct component_host_function tcp_functions[] = {
	{TCP("start-bind"), "(borrow tcp-socket, borrow network, " ADDRESS ") -> " NONE, never},
	{TCP("finish-bind"), "(borrow tcp-socket) -> " NONE, never},
	{TCP("start-connect"), "(borrow tcp-socket, borrow network, " ADDRESS ") -> " NONE, never},
	{TCP("finish-connect"),
	 "(borrow tcp-socket) -> " OF("tuple<own input-stream, own output-stream>"), never},
	{TCP("start-listen"), "(borrow tcp-socket) -> " NONE, never},
	{TCP("finish-listen"), "(borrow tcp-socket) -> " NONE, never},
	{TCP("accept"),
	 "(borrow tcp-socket) -> " OF("tuple<own tcp-socket, own input-stream, own output-stream>"),
	 never},
	{TCP("local-address"), "(borrow tcp-socket) -> " OF(ADDRESS), never},
	{TCP("remote-address"), "(borrow tcp-socket) -> " OF(ADDRESS), never},
	{TCP("is-listening"), "(borrow tcp-socket) -> bool", never},
	{TCP("address-family"), "(borrow tcp-socket) -> enum<2>", never},
	{TCP("set-listen-backlog-size"), "(borrow tcp-socket, u64) -> " NONE, never},
	{TCP("keep-alive-enabled"), "(borrow tcp-socket) -> " OF("bool"), never},
	{TCP("set-keep-alive-enabled"), "(borrow tcp-socket, bool) -> " NONE, never},
	{TCP("keep-alive-idle-time"), "(borrow tcp-socket) -> " OF("u64"), never},
	{TCP("set-keep-alive-idle-time"), "(borrow tcp-socket, u64) -> " NONE, never},
	{TCP("keep-alive-interval"), "(borrow tcp-socket) -> " OF("u64"), never},
	{TCP("set-keep-alive-interval"), "(borrow tcp-socket, u64) -> " NONE, never},
	{TCP("keep-alive-count"), "(borrow tcp-socket) -> " OF("u32"), never},
	{TCP("set-keep-alive-count"), "(borrow tcp-socket, u32) -> " NONE, never},
	{TCP("hop-limit"), "(borrow tcp-socket) -> " OF("u8"), never},
	{TCP("set-hop-limit"), "(borrow tcp-socket, u8) -> " NONE, never},
	{TCP("receive-buffer-size"), "(borrow tcp-socket) -> " OF("u64"), never},
	{TCP("set-receive-buffer-size"), "(borrow tcp-socket, u64) -> " NONE, never},
	{TCP("send-buffer-size"), "(borrow tcp-socket) -> " OF("u64"), never},
	{TCP("set-send-buffer-size"), "(borrow tcp-socket, u64) -> " NONE, never},
	{TCP("subscribe"), "(borrow tcp-socket) -> own pollable", never},
	{TCP("shutdown"), "(borrow tcp-socket, enum<3>) -> " NONE, never},
};
const struct component_host_interface p2_tcp = {"wasi:sockets/tcp@0.2", tcp_functions,
						P2_COUNT(tcp_functions), tcp_resources,
						P2_COUNT(tcp_resources)};

static const struct component_host_function tcp_create_functions[] = {
	{"create-tcp-socket", "(enum<2>) -> " OF("own tcp-socket"), refuse_socket},
};
const struct component_host_interface p2_tcp_create = {"wasi:sockets/tcp-create-socket@0.2",
						       tcp_create_functions,
						       P2_COUNT(tcp_create_functions), NULL, 0};

/* --- UDP --- */

static const struct component_host_resource udp_socket = {"udp-socket", p2_drop},
					    incoming = {"incoming-datagram-stream", p2_drop},
					    outgoing = {"outgoing-datagram-stream", p2_drop};
static const struct component_host_resource *const udp_resources[] = {&udp_socket, &incoming,
								      &outgoing};
static const struct component_host_function udp_functions[] = {
	{UDP("start-bind"), "(borrow udp-socket, borrow network, " ADDRESS ") -> " NONE, never},
	{UDP("finish-bind"), "(borrow udp-socket) -> " NONE, never},
	{UDP("stream"),
	 "(borrow udp-socket, option<" ADDRESS
	 ">) -> " OF("tuple<own incoming-datagram-stream, own outgoing-datagram-stream>"),
	 never},
	{UDP("local-address"), "(borrow udp-socket) -> " OF(ADDRESS), never},
	{UDP("remote-address"), "(borrow udp-socket) -> " OF(ADDRESS), never},
	{UDP("address-family"), "(borrow udp-socket) -> enum<2>", never},
	{UDP("unicast-hop-limit"), "(borrow udp-socket) -> " OF("u8"), never},
	{UDP("set-unicast-hop-limit"), "(borrow udp-socket, u8) -> " NONE, never},
	{UDP("receive-buffer-size"), "(borrow udp-socket) -> " OF("u64"), never},
	{UDP("set-receive-buffer-size"), "(borrow udp-socket, u64) -> " NONE, never},
	{UDP("send-buffer-size"), "(borrow udp-socket) -> " OF("u64"), never},
	{UDP("set-send-buffer-size"), "(borrow udp-socket, u64) -> " NONE, never},
	{UDP("subscribe"), "(borrow udp-socket) -> own pollable", never},
	{IN("receive"),
	 "(borrow incoming-datagram-stream, u64) -> " OF("list<record<list<u8>, " ADDRESS ">>"),
	 never},
	{IN("subscribe"), "(borrow incoming-datagram-stream) -> own pollable", never},
	{OUT("check-send"), "(borrow outgoing-datagram-stream) -> " OF("u64"), never},
	{OUT("send"),
	 "(borrow outgoing-datagram-stream, list<record<list<u8>, option<" ADDRESS
	 ">>>) -> " OF("u64"),
	 never},
	{OUT("subscribe"), "(borrow outgoing-datagram-stream) -> own pollable", never},
};
const struct component_host_interface p2_udp = {"wasi:sockets/udp@0.2", udp_functions,
						P2_COUNT(udp_functions), udp_resources,
						P2_COUNT(udp_resources)};

static const struct component_host_function udp_create_functions[] = {
	{"create-udp-socket", "(enum<2>) -> " OF("own udp-socket"), refuse_socket},
};
const struct component_host_interface p2_udp_create = {"wasi:sockets/udp-create-socket@0.2",
						       udp_create_functions,
						       P2_COUNT(udp_create_functions), NULL, 0};

/* --- names --- */

static const struct component_host_resource addresses = {"resolve-address-stream", p2_drop};
static const struct component_host_resource *const lookup_resources[] = {&addresses};
static const struct component_host_function lookup_functions[] = {
	{"resolve-addresses", "(borrow network, string) -> " OF("own resolve-address-stream"),
	 refuse_socket},
	{"[method]resolve-address-stream.resolve-next-address",
	 "(borrow resolve-address-stream) -> " OF("option<variant<" V4 ", " V6 ">>"), never},
	{"[method]resolve-address-stream.subscribe",
	 "(borrow resolve-address-stream) -> own pollable", never},
};
const struct component_host_interface p2_name_lookup = {
	"wasi:sockets/ip-name-lookup@0.2", lookup_functions, P2_COUNT(lookup_functions),
	lookup_resources, P2_COUNT(lookup_resources)};
