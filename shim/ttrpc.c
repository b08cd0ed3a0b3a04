/* SPDX-License-Identifier: Apache-2.0 */
/* ttrpc's server side. The peer controls every byte that is read here. */
#include "shim/ttrpc.h"

#include "base/reader.h"
#include "proto/ttrpc.pb-c.h"
#include "shim/message.h"

#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
	CONNS_MAX = 256,
	CALLS_MAX = 4096,   /* of a connection, not answered yet */
	OUT_MAX = 16 << 20, /* answers that a peer has not read yet; past it the connection ends */
	OUT_ENOUGH = 64 << 10, /* past it no more requests are taken until the peer has read some */
	ACCEPT_PAUSE_MS = 100, /* when there are no descriptors left */
	IN_KEEP = 16 << 10,    /* an input buffer larger than this is given back after use */
	READ_BYTES = 16 << 10, /* of one read */
	KEPT_MAX = MESSAGE_MEMORY_MAX, /* requests of all postponed calls; the largest one fits */
};

struct conn {
	struct ttrpc_server *server;
	int fd; /* -1: closed, kept for calls that are not answered yet */
	struct loop_source source;
	uint32_t events; /* EPOLL*, as the loop has them */
	struct buf in, out;
	uint64_t discard; /* bytes of an oversized message still to come */
	unsigned calls;   /* not answered yet */
	unsigned refs;    /* the loop's and one a call */
};

struct ttrpc_call {
	struct conn *conn;
	uint32_t stream;
	const struct ttrpc_method *method;
	size_t memory;             /* that the request occupies */
	ProtobufCMessage *request; /* owned; NULL unless it was postponed */
};

void ttrpc_parse_header(const uint8_t bytes[TTRPC_HEADER_BYTES], struct ttrpc_header *out)
{
	struct reader r = reader_of(bytes, TTRPC_HEADER_BYTES);
	bool whole = reader_be32(&r, &out->bytes) && reader_be32(&r, &out->stream) &&
		     reader_u8(&r, &out->type) && reader_u8(&r, &out->flags);
	(void)whole; /* a header is as long as its fields */
}

int ttrpc_put_frame(struct buf *b, uint32_t stream, enum ttrpc_type type,
		    const ProtobufCMessage *message)
{
	size_t bytes = protobuf_c_message_get_packed_size(message);
	if (bytes > TTRPC_MESSAGE_MAX)
		return -E2BIG;
	uint8_t *at = buf_reserve(b, TTRPC_HEADER_BYTES + bytes);
	if (!at)
		return -errno;
	uint32_t words[2] = {__builtin_bswap32((uint32_t)bytes), __builtin_bswap32(stream)};
	memcpy(at, words, sizeof(words));
	at[8] = (uint8_t)type;
	at[9] = 0;
	protobuf_c_message_pack(message, at + TTRPC_HEADER_BYTES);
	b->len += TTRPC_HEADER_BYTES + bytes;
	return 0;
}

static void conn_unref(struct conn *c)
{
	if (--c->refs > 0)
		return;
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

static void conn_close(struct conn *c)
{
	if (c->fd < 0)
		return;
	loop_remove(&c->source);
	close(c->fd);
	c->fd = -1;
	c->server->conns--;
	conn_unref(c);
}

/* Writes what the socket takes and asks the loop for the rest. */
static void conn_flush(struct conn *c)
{
	while (c->fd >= 0 && c->out.len > 0) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			conn_close(c);
			return;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (c->fd < 0)
		return;
	if (c->out.len == 0 && c->out.capacity > IN_KEEP)
		buf_free(&c->out);
	/* No more requests are served for a peer that does not read. */
	uint32_t events = 0;
	if (c->out.len < OUT_ENOUGH)
		events |= EPOLLIN;
	if (c->out.len > 0)
		events |= EPOLLOUT;
	if (events == c->events)
		return;
	c->events = events;
	if (loop_change(&c->source, events) < 0)
		conn_close(c);
}

static void conn_answer(struct conn *c, uint32_t stream, const Ttrpc__Response *response)
{
	if (c->fd < 0)
		return;
	if (ttrpc_put_frame(&c->out, stream, TTRPC_RESPONSE, &response->base) < 0)
		conn_close(c);
	else
		conn_flush(c);
}

static void answer_error(struct conn *c, uint32_t stream, enum ttrpc_code code, const char *text)
{
	Ttrpc__Status status = TTRPC__STATUS__INIT;
	Ttrpc__Response response = TTRPC__RESPONSE__INIT;
	status.code = code;
	status.message = (char *)(uintptr_t)text;
	response.status = &status;
	conn_answer(c, stream, &response);
}

/* The request of a call that was postponed. */
static ProtobufCMessage *take_kept(struct ttrpc_call *call)
{
	if (call->request)
		call->conn->server->kept_bytes -= call->memory;
	return take_ptr(call->request);
}

static void call_end(struct ttrpc_call *call)
{
	message_free(take_kept(call));
	call->conn->calls--;
	conn_unref(call->conn);
	free(call);
}

void ttrpc_reply(struct ttrpc_call *call, const ProtobufCMessage *message)
{
	size_t bytes = protobuf_c_message_get_packed_size(message);
	cleanup_free uint8_t *packed = malloc(bytes + 1);
	Ttrpc__Response response = TTRPC__RESPONSE__INIT;
	if (packed) {
		response.payload.data = packed;
		response.payload.len = protobuf_c_message_pack(message, packed);
		conn_answer(call->conn, call->stream, &response);
	} else {
		answer_error(call->conn, call->stream, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
	}
	call_end(call);
}

void ttrpc_fail(struct ttrpc_call *call, enum ttrpc_code code, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	message_clean_text(text);
	answer_error(call->conn, call->stream, code, text);
	call_end(call);
}

bool ttrpc_abandoned(const struct ttrpc_call *call)
{
	return call->conn->fd < 0;
}

bool ttrpc_may_postpone(const struct ttrpc_call *call)
{
	return call->memory <= KEPT_MAX - call->conn->server->kept_bytes;
}

void ttrpc_postpone(struct ttrpc_call *call)
{
	call->conn->server->postponed = call;
}

/* Takes the request; the call is gone if the handler has answered it. */
static void serve_call(struct ttrpc_call *call, ProtobufCMessage *request)
{
	struct ttrpc_server *s = call->conn->server;
	cleanup_message ProtobufCMessage *taken = request;
	s->postponed = NULL;
	call->method->handler(s->arg, call, taken);
	if (s->postponed == call) {
		call->request = take_ptr(taken);
		s->kept_bytes += call->memory;
	}
	s->postponed = NULL;
}

void ttrpc_resume(struct ttrpc_call *call)
{
	serve_call(call, take_kept(call));
}

static void dispatch(struct conn *c, uint32_t stream, const Ttrpc__Request *request)
{
	const struct ttrpc_method *m = c->server->methods;
	while (m->service && (fnmatch(m->service, request->service, 0) != 0 ||
			      strcmp(m->method, request->method) != 0))
		m++;
	if (!m->service) {
		char text[256];
		snprintf(text, sizeof(text), "%.100s/%.100s is not implemented", request->service,
			 request->method);
		message_clean_text(text);
		answer_error(c, stream, TTRPC_UNIMPLEMENTED, text);
		return;
	}
	size_t memory;
	cleanup_message ProtobufCMessage *message = message_decode_counted(
		m->request, request->payload.data, request->payload.len, &memory);
	if (!message) {
		char text[256];
		snprintf(text, sizeof(text), "%s: the request is malformed or too large",
			 m->method);
		answer_error(c, stream, TTRPC_INVALID_ARGUMENT, text);
		return;
	}
	struct ttrpc_call *call = NULL;
	if (c->calls < CALLS_MAX)
		call = malloc(sizeof(*call));
	if (!call) {
		answer_error(c, stream, TTRPC_RESOURCE_EXHAUSTED, "too many unanswered requests");
		return;
	}
	*call = (struct ttrpc_call){
		.conn = c,
		.stream = stream,
		.method = m,
		.memory = memory,
	};
	c->refs++;
	c->calls++;
	serve_call(call, take_ptr(message));
}

static void handle_message(struct conn *c, const struct ttrpc_header *h, const uint8_t *payload)
{
	if (h->type != TTRPC_REQUEST)
		return; /* streams of data belong to no method here; unknown types are ignored */
	cleanup_message ProtobufCMessage *request =
		message_decode(&ttrpc__request__descriptor, payload, h->bytes);
	if (!request) {
		answer_error(c, h->stream, TTRPC_INVALID_ARGUMENT,
			     "the frame holds no ttrpc request");
		return;
	}
	dispatch(c, h->stream, (const Ttrpc__Request *)request);
}

/* Takes whole frames off the input, as long as their answers are read. */
static void conn_parse(struct conn *c)
{
	while (c->fd >= 0 && c->out.len < OUT_ENOUGH) {
		if (c->discard > 0) {
			size_t n = c->discard < c->in.len ? (size_t)c->discard : c->in.len;
			buf_consume(&c->in, n);
			c->discard -= n;
			if (c->discard > 0)
				return;
		}
		if (c->in.len < TTRPC_HEADER_BYTES)
			break;
		struct ttrpc_header h;
		ttrpc_parse_header(c->in.data, &h);
		if (h.bytes > TTRPC_MESSAGE_MAX) {
			buf_consume(&c->in, TTRPC_HEADER_BYTES);
			c->discard = h.bytes;
			answer_error(c, h.stream, TTRPC_RESOURCE_EXHAUSTED,
				     "the message is larger than 4 MiB");
			continue;
		}
		if (c->in.len - TTRPC_HEADER_BYTES < h.bytes)
			return;
		handle_message(c, &h, c->in.data + TTRPC_HEADER_BYTES);
		buf_consume(&c->in, TTRPC_HEADER_BYTES + h.bytes);
	}
	if (c->in.len == 0 && c->in.capacity > IN_KEEP)
		buf_free(&c->in);
}

static void on_readable(struct conn *c)
{
	uint8_t *at = buf_reserve(&c->in, READ_BYTES);
	ssize_t n = at ? recv(c->fd, at, READ_BYTES, MSG_DONTWAIT) : -1;
	if (!at || n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
		conn_close(c);
		return;
	}
	if (n > 0) {
		c->in.len += (size_t)n;
		conn_parse(c);
	}
}

static void on_conn(void *arg, uint32_t events)
{
	struct conn *c = arg;
	c->refs++; /* handlers may close it */
	if (events & EPOLLOUT) {
		conn_flush(c);
		conn_parse(c); /* what waited for that */
	}
	if (c->fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		on_readable(c);
	if (c->fd < 0) { /* unanswered calls may keep it for a long time */
		buf_free(&c->in);
		buf_free(&c->out);
	}
	conn_unref(c);
}

int ttrpc_accept(struct ttrpc_server *s, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	*c = (struct conn){
		.server = s,
		.fd = fd,
		.refs = 1,
		.events = EPOLLIN,
		.in.cap = TTRPC_HEADER_BYTES + TTRPC_MESSAGE_MAX + READ_BYTES,
		.out.cap = OUT_MAX,
	};
	int rc = loop_add(s->loop, &c->source, fd, EPOLLIN, on_conn, c);
	if (rc < 0) {
		close(fd);
		free(c);
		return rc;
	}
	s->conns++;
	return 0;
}

static void on_listener(void *arg, uint32_t events)
{
	struct ttrpc_server *s = arg;
	(void)events;
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
		/* The socket stays readable: without a pause the loop would do nothing else. */
		fprintf(stderr, "mote: a connection has to wait: %s\n", strerror(errno));
		poll(NULL, 0, ACCEPT_PAUSE_MS);
	} else if (fd >= 0 && s->conns >= CONNS_MAX) {
		fprintf(stderr, "mote: a connection was refused: there are %d already\n",
			CONNS_MAX);
		close(fd);
	} else if (fd >= 0 && ttrpc_accept(s, fd) < 0) {
		fprintf(stderr, "mote: a connection was refused: out of memory\n");
	}
}

int ttrpc_serve(struct ttrpc_server *s, struct loop *loop, int listener,
		const struct ttrpc_method *methods, void *arg)
{
	*s = (struct ttrpc_server){
		.loop = loop,
		.methods = methods,
		.arg = arg,
		.listener = listener,
	};
	return loop_add(loop, &s->source, listener, EPOLLIN, on_listener, s);
}

void ttrpc_stop_listening(struct ttrpc_server *s)
{
	if (s->listener < 0)
		return;
	loop_remove(&s->source);
	close(s->listener);
	s->listener = -1;
}
