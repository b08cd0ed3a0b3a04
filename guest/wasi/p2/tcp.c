/* SPDX-License-Identifier: Apache-2.0 */
/* wasi:sockets/tcp and tcp-create-socket. */
#include "guest/wasi/p2/sockets.h"
#include "guest/wasi/p2/unsent.h"

#include <linux/errno.h>

enum { BACKLOG_DEFAULT = 128, BACKLOG_MAX = 4096 };

static const struct component_host_resource tcp_socket = {"tcp-socket", p2_drop};

/* --- connecting --- */

static void start_connect(struct component_call *call, const void *params, void *result)
{
	const struct bind_params *p = params;
	struct p2_object *socket = p2_get(p->socket);
	const struct mote_sockaddr to = p2_sockaddr(&p->address);
	(void)call;
	if (p2_is_under_way(socket, result))
		return;
	if (socket->state != SOCKET_NEW && socket->state != SOCKET_BOUND) {
		p2_net_fail(result, NET_INVALID_STATE);
		return;
	}
	int64_t rc = p2_remote_fits(&p->address, p2_family_of(socket));
	if (rc < 0) {
		p2_net_finish(result, rc);
		return;
	}
	rc = mote_connect(mote_area(), socket->fd, &to);
	socket->state = SOCKET_CONNECTING;
	socket->error = rc == -EINPROGRESS ? 0 : (int32_t)rc;
}

/* What has become of it: 0, -EAGAIN or why it failed. */
static int64_t connect_result(const struct p2_object *socket)
{
	struct mote_pollfd p = {.fd = socket->fd, .events = LX_POLLOUT};
	const struct mote_time none = {0};
	int32_t error = 0;
	if (socket->error)
		return socket->error;
	if (unsent_poll(&p, 1, &none) == 0)
		return -EAGAIN;
	const int64_t rc = p2_get_option(socket, LX_SOL_SOCKET, LX_SO_ERROR, &error);
	return rc < 0 ? rc : -error;
}

static uint32_t make_stream(struct component_call *call, uint32_t socket, enum p2_kind kind,
			    const struct component_host_resource *resource)
{
	const struct p2_object o = p2_of_file(socket, kind);
	return call_own(call, resource, p2_new(call, &o));
}

struct streams {
	uint32_t input, output;
};

static struct streams make_streams(struct component_call *call, uint32_t socket)
{
	const uint32_t input = make_stream(call, socket, P2_INPUT, &p2_input_stream);
	return (struct streams){
		.input = input,
		.output = make_stream(call, socket, P2_OUTPUT, &p2_output_stream),
	};
}

static void finish_connect(struct component_call *call, const void *params, void *result)
{
	const uint32_t number = *(const uint32_t *)params;
	struct p2_object *socket = p2_get(number);
	struct {
		uint8_t failed;
		union {
			uint8_t code;
			struct streams streams;
		} __attribute__((aligned(4)));
	} *out = result;
	if (socket->state != SOCKET_CONNECTING) {
		out->failed = 1;
		out->code = NET_NOT_IN_PROGRESS;
		return;
	}
	const int64_t rc = connect_result(socket);
	if (rc < 0) {
		if (rc != -EAGAIN)
			socket->state = SOCKET_FAILED;
		out->failed = 1;
		out->code = p2_net_code(rc);
		return;
	}
	socket->state = SOCKET_CONNECTED;
	out->streams = make_streams(call, number);
}

/* --- listening --- */

static uint32_t backlog(const struct p2_object *socket)
{
	return socket->at ? (uint32_t)socket->at : BACKLOG_DEFAULT;
}

static void start_listen(struct component_call *call, const void *params, void *result)
{
	struct p2_object *socket = p2_get(*(const uint32_t *)params);
	(void)call;
	if (p2_is_under_way(socket, result))
		return;
	if (socket->state != SOCKET_BOUND) {
		p2_net_fail(result, NET_INVALID_STATE);
		return;
	}
	const int64_t rc = mote_listen(mote_area(), socket->fd, backlog(socket));
	if (rc == 0)
		socket->state = SOCKET_LISTENING_SOON;
	p2_net_finish(result, rc);
}

static void finish_listen(struct component_call *call, const void *params, void *result)
{
	struct p2_object *socket = p2_get(*(const uint32_t *)params);
	(void)call;
	if (socket->state == SOCKET_LISTENING_SOON)
		socket->state = SOCKET_LISTENING;
	else
		p2_net_fail(result, NET_NOT_IN_PROGRESS);
}

static void accept(struct component_call *call, const void *params, void *result)
{
	const struct p2_object *socket = p2_get(*(const uint32_t *)params);
	struct {
		uint8_t failed;
		union {
			uint8_t code;
			struct {
				uint32_t socket;
				struct streams streams;
			};
		} __attribute__((aligned(4)));
	} *out = result;
	struct p2_object o = {
		.kind = P2_SOCKET, .users = 1, .flags = socket->flags, .state = SOCKET_CONNECTED};
	out->failed = 1;
	out->code = NET_INVALID_STATE;
	if (socket->state != SOCKET_LISTENING)
		return;
	const int64_t rc = mote_accept(mote_area(), socket->fd, LX_SOCK_NONBLOCK, NULL);
	out->code = p2_net_code(rc);
	if (rc < 0)
		return;
	o.fd = (int32_t)rc;
	const uint32_t number = p2_new(call, &o);
	out->failed = 0;
	out->socket = call_own(call, &tcp_socket, number);
	out->streams = make_streams(call, number);
}

static void is_listening(struct component_call *call, const void *params, void *result)
{
	(void)call;
	*(uint8_t *)result = p2_get(*(const uint32_t *)params)->state == SOCKET_LISTENING;
}

struct u64_params {
	uint32_t socket;
	uint64_t value;
};

static void set_backlog(struct component_call *call, const void *params, void *result)
{
	const struct u64_params *p = params;
	struct p2_object *socket = p2_get(p->socket);
	(void)call;
	if (!p->value) {
		p2_net_fail(result, NET_INVALID_ARGUMENT);
		return;
	}
	if (socket->state > SOCKET_LISTENING) {
		p2_net_fail(result, NET_INVALID_STATE);
		return;
	}
	socket->at = p->value < BACKLOG_MAX ? p->value : BACKLOG_MAX;
	if (socket->state == SOCKET_LISTENING)
		p2_net_finish(result, mote_listen(mote_area(), socket->fd, backlog(socket)));
}

/* --- keep-alive --- */

enum {
	SECOND_NS = 1000000000,
	KEEP_SECONDS_MAX = 32767, /* Linux's */
	KEEP_COUNT_MAX = 127,
};

static void keep_alive(struct component_call *call, const void *params, void *result)
{
	struct net_none *out = result;
	int32_t value = 0;
	(void)call;
	const int64_t rc = p2_get_option(p2_get(*(const uint32_t *)params), LX_SOL_SOCKET,
					 LX_SO_KEEPALIVE, &value);
	out->code = value != 0; /* the value lies there, too */
	p2_net_finish(out, rc);
}

struct bool_params {
	uint32_t socket;
	uint8_t value;
};

static void set_keep_alive(struct component_call *call, const void *params, void *result)
{
	const struct bool_params *p = params;
	(void)call;
	p2_net_finish(result,
		      p2_set_option(p2_get(p->socket), LX_SOL_SOCKET, LX_SO_KEEPALIVE, p->value));
}

static void get_time(const void *params, uint32_t name, void *result)
{
	int32_t seconds = 0;
	const int64_t rc =
		p2_get_option(p2_get(*(const uint32_t *)params), LX_IPPROTO_TCP, name, &seconds);
	p2_net_give(result, rc, (uint64_t)seconds * SECOND_NS);
}

/* In seconds as Linux has them, rounded up. */
static void set_time(const struct u64_params *p, uint32_t name, void *result)
{
	uint64_t seconds = p->value / SECOND_NS + (p->value % SECOND_NS != 0);
	if (seconds > KEEP_SECONDS_MAX)
		seconds = KEEP_SECONDS_MAX;
	if (!seconds)
		p2_net_fail(result, NET_INVALID_ARGUMENT);
	else
		p2_net_finish(result, p2_set_option(p2_get(p->socket), LX_IPPROTO_TCP, name,
						    (int32_t)seconds));
}

static void idle_time(struct component_call *call, const void *params, void *result)
{
	(void)call;
	get_time(params, LX_TCP_KEEPIDLE, result);
}

static void set_idle_time(struct component_call *call, const void *params, void *result)
{
	(void)call;
	set_time(params, LX_TCP_KEEPIDLE, result);
}

static void interval(struct component_call *call, const void *params, void *result)
{
	(void)call;
	get_time(params, LX_TCP_KEEPINTVL, result);
}

static void set_interval(struct component_call *call, const void *params, void *result)
{
	(void)call;
	set_time(params, LX_TCP_KEEPINTVL, result);
}

static void keep_count(struct component_call *call, const void *params, void *result)
{
	struct {
		uint8_t failed;
		union {
			uint8_t code;
			uint32_t value;
		} __attribute__((aligned(4)));
	} *out = result;
	int32_t value = 0;
	(void)call;
	const int64_t rc = p2_get_option(p2_get(*(const uint32_t *)params), LX_IPPROTO_TCP,
					 LX_TCP_KEEPCNT, &value);
	if (rc < 0) {
		out->failed = 1;
		out->code = p2_net_code(rc);
		return;
	}
	out->value = (uint32_t)value;
}

struct u32_params {
	uint32_t socket, value;
};

static void set_keep_count(struct component_call *call, const void *params, void *result)
{
	const struct u32_params *p = params;
	const uint32_t value = p->value < KEEP_COUNT_MAX ? p->value : KEEP_COUNT_MAX;
	(void)call;
	if (!value)
		p2_net_fail(result, NET_INVALID_ARGUMENT);
	else
		p2_net_finish(result, p2_set_option(p2_get(p->socket), LX_IPPROTO_TCP,
						    LX_TCP_KEEPCNT, (int32_t)value));
}

/* --- the end --- */

enum shutdown_type { SHUTDOWN_RECEIVE, SHUTDOWN_SEND, SHUTDOWN_BOTH };

struct shutdown_params {
	uint32_t socket;
	uint8_t how; /* enum shutdown_type; receiving alone is Linux's 0, too */
};

static void shut_down(struct component_call *call, const void *params, void *result)
{
	const struct shutdown_params *p = params;
	struct p2_object *socket = p2_get(p->socket);
	int64_t rc = 0;
	(void)call;
	if (socket->state != SOCKET_CONNECTED) {
		p2_net_fail(result, NET_INVALID_STATE);
		return;
	}
	if (p->how != SHUTDOWN_SEND) {
		rc = mote_shutdown(mote_area(), socket->fd, SHUTDOWN_RECEIVE);
		socket->flags |= SOCKET_RECEIVES_NOTHING;
	}
	if (p->how != SHUTDOWN_RECEIVE)
		unsent_shut_down(socket);
	/* If the peer has closed it, there is nothing to shut down. */
	p2_net_finish(result, rc == -ENOTCONN ? 0 : rc);
}

#define TCP(n)    "[method]tcp-socket." n
#define SOCKET    "(borrow tcp-socket"
#define STREAMS   "own input-stream, own output-stream>"
#define AT_REMOTE SOCKET ", borrow network, " P2_NET_ADDRESS ") -> " P2_NET_NONE
#define SETS(t)   SOCKET ", " t ") -> " P2_NET_NONE
#define GETS(t)   SOCKET ") -> " P2_NET_OF(t)

static const struct component_host_resource *const resources[] = {&tcp_socket};
static const struct component_host_function functions[] = {
	{TCP("start-bind"), AT_REMOTE, p2_start_bind},
	{TCP("finish-bind"), SOCKET ") -> " P2_NET_NONE, p2_finish_bind},
	{TCP("start-connect"), AT_REMOTE, start_connect},
	{TCP("finish-connect"), GETS("tuple<" STREAMS), finish_connect},
	{TCP("start-listen"), SOCKET ") -> " P2_NET_NONE, start_listen},
	{TCP("finish-listen"), SOCKET ") -> " P2_NET_NONE, finish_listen},
	{TCP("accept"), GETS("tuple<own tcp-socket, " STREAMS), accept},
	{TCP("local-address"), GETS(P2_NET_ADDRESS), p2_local_address},
	{TCP("remote-address"), GETS(P2_NET_ADDRESS), p2_remote_address},
	{TCP("is-listening"), SOCKET ") -> bool", is_listening},
	{TCP("address-family"), SOCKET ") -> enum<2>", p2_address_family},
	{TCP("set-listen-backlog-size"), SETS("u64"), set_backlog},
	{TCP("keep-alive-enabled"), GETS("bool"), keep_alive},
	{TCP("set-keep-alive-enabled"), SETS("bool"), set_keep_alive},
	{TCP("keep-alive-idle-time"), GETS("u64"), idle_time},
	{TCP("set-keep-alive-idle-time"), SETS("u64"), set_idle_time},
	{TCP("keep-alive-interval"), GETS("u64"), interval},
	{TCP("set-keep-alive-interval"), SETS("u64"), set_interval},
	{TCP("keep-alive-count"), GETS("u32"), keep_count},
	{TCP("set-keep-alive-count"), SETS("u32"), set_keep_count},
	{TCP("hop-limit"), GETS("u8"), p2_hop_limit},
	{TCP("set-hop-limit"), SETS("u8"), p2_set_hop_limit},
	{TCP("receive-buffer-size"), GETS("u64"), p2_receive_buffer},
	{TCP("set-receive-buffer-size"), SETS("u64"), p2_set_receive_buffer},
	{TCP("send-buffer-size"), GETS("u64"), p2_send_buffer},
	{TCP("set-send-buffer-size"), SETS("u64"), p2_set_send_buffer},
	{TCP("subscribe"), SOCKET ") -> own pollable", p2_subscribe_socket},
	{TCP("shutdown"), SETS("enum<3>"), shut_down},
};
const struct component_host_interface p2_tcp = {
	"wasi:sockets/tcp@0.2", functions, P2_COUNT(functions), resources, P2_COUNT(resources)};

static void create(struct component_call *call, const void *params, void *result)
{
	p2_create_socket(call, &tcp_socket, *(const uint8_t *)params, LX_SOCK_STREAM, result);
}

static const struct component_host_function create_functions[] = {
	{"create-tcp-socket", "(enum<2>) -> " P2_NET_OF("own tcp-socket"), create},
};
const struct component_host_interface p2_tcp_create = {"wasi:sockets/tcp-create-socket@0.2",
						       create_functions, P2_COUNT(create_functions),
						       NULL, 0};
