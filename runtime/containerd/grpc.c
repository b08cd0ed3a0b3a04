/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC over HTTP/2 (the protocol's own document, "PROTOCOL-HTTP2"): a call is a stream, a message
 * is five bytes of prefix and its encoding, and the status stands in the trailers. The peer is
 * containerd; what it sends is bounded all the same.
 */
#include "runtime/containerd/grpc.h"

#include "base/counted_alloc.h"
#include "base/time.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	TIMEOUT_MS = 10000,
	PREFIX_BYTES = 5,
	ANSWER_MAX = 16 << 20,        /* containerd's own bound */
	DECODED_MAX = 4 * ANSWER_MAX, /* bytes that a decoded answer takes */
	STATUS_NOT_FOUND = 5,
};

struct grpc {
	int fd; /* owned */
	nghttp2_session *session;
	const char *containerd_namespace;
	size_t pending; /* streams */
};

/* --- what the session calls --- */

static bool is_name(const uint8_t *name, size_t len, const char *wanted)
{
	return len == strlen(wanted) && memcmp(name, wanted, len) == 0;
}

static int32_t number_of(const uint8_t *text, size_t len)
{
	int32_t n = 0;
	if (len == 0 || len > 4)
		return INT32_MAX;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return INT32_MAX;
		n = n * 10 + (text[i] - '0');
	}
	return n;
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Percent-encoded; what cannot be printed is shown as a blank. */
static void take_message(const uint8_t *text, size_t len, char *out, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < len && n + 1 < size; i++) {
		int c = text[i];
		if (c == '%' && i + 2 < len && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
			c = hex(text[i + 1]) << 4 | hex(text[i + 2]);
			i += 2;
		}
		out[n++] = ' ';
		if (c > ' ' && c < 0x7f)
			out[n - 1] = (char)c;
	}
	out[n] = '\0';
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t len, uint8_t flags, void *arg)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	(void)flags;
	(void)arg;
	if (!call)
		return 0;
	if (is_name(name, name_len, ":status"))
		call->http = number_of(value, len);
	else if (is_name(name, name_len, "grpc-status"))
		call->status = number_of(value, len);
	else if (is_name(name, name_len, "grpc-message"))
		take_message(value, len, call->message, sizeof(call->message));
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
		   size_t len, void *arg)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);
	(void)flags;
	(void)arg;
	if (call && buf_put(&call->in, data, len) < 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *arg)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);
	struct grpc *g = arg;
	(void)code;
	if (!call)
		return 0;
	call->ended = true;
	g->pending--;
	return 0;
}

static ssize_t read_request(nghttp2_session *session, int32_t stream, uint8_t *to, size_t len,
			    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct grpc_call *call = source->ptr;
	(void)session;
	(void)stream;
	(void)arg;
	size_t left = call->out.len - call->sent;
	if (len > left)
		len = left;
	memcpy(to, call->out.data + call->sent, len);
	call->sent += len;
	if (call->sent == call->out.len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)len;
}

/* --- the connection --- */

static int open_socket(const char *address, struct err *e)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const struct timeval limit = {.tv_sec = TIMEOUT_MS / 1000};
	const char *path = address;
	if (strncmp(path, "unix://", 7) == 0)
		path += 7;
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof(to.sun_path))
		return err_set(e, ERR_CONFIG, EINVAL, "containerd's address %.150s is not a socket",
			       address);
	memcpy(to.sun_path, path, len);
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return err_sys(e, errno, "connecting to containerd at %.100s", path);
	return take_fd(&fd);
}

static nghttp2_session *new_session(struct grpc *g)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_session *session = NULL;
	if (nghttp2_session_callbacks_new(&callbacks) < 0)
		return NULL;
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	if (nghttp2_session_client_new(&session, callbacks, g) < 0)
		session = NULL;
	nghttp2_session_callbacks_del(callbacks);
	if (session && nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0) < 0) {
		nghttp2_session_del(session);
		session = NULL;
	}
	return session;
}

int grpc_connect(const char *address, const char *containerd_namespace, struct grpc **out,
		 struct err *e)
{
	cleanup_close int fd = open_socket(address, e);
	if (fd < 0)
		return fd;
	cleanup_free struct grpc *g = calloc(1, sizeof(*g));
	if (!g)
		return err_sys(e, ENOMEM, "asking containerd");
	g->session = new_session(g);
	if (!g->session)
		return err_sys(e, ENOMEM, "asking containerd");
	g->containerd_namespace = containerd_namespace;
	g->fd = take_fd(&fd);
	*out = take_ptr(g);
	return 0;
}

void grpc_close(struct grpc *const *at)
{
	struct grpc *g = *at;
	if (!g)
		return;
	nghttp2_session_del(g->session);
	close(g->fd);
	free(g);
}

static int flush(struct grpc *g)
{
	for (;;) {
		const uint8_t *bytes;
		ssize_t len = nghttp2_session_mem_send(g->session, &bytes);
		if (len < 0)
			return -EPROTO;
		if (len == 0)
			return 0;
		for (ssize_t at = 0; at < len;) {
			ssize_t n = send(g->fd, bytes + at, (size_t)(len - at), MSG_NOSIGNAL);
			if (n < 0 && errno != EINTR)
				return -errno;
			if (n > 0)
				at += n;
		}
	}
}

static int receive(struct grpc *g, int64_t deadline_ms)
{
	uint8_t bytes[16384];
	struct pollfd p = {.fd = g->fd, .events = POLLIN};
	int64_t left = deadline_ms - time_monotonic_ms();
	if (left <= 0)
		return -ETIMEDOUT;
	if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
		return -errno;
	ssize_t n = recv(g->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n == 0)
		return -ECONNRESET;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return -errno;
	if (nghttp2_session_mem_recv(g->session, bytes, (size_t)n) < 0)
		return -EPROTO;
	return 0;
}

/* --- calls --- */

static int pack(struct grpc_call *call)
{
	static const uint8_t not_compressed = 0;
	size_t len = protobuf_c_message_get_packed_size(call->request);
	int rc = buf_put(&call->out, &not_compressed, 1);
	if (rc == 0)
		rc = buf_put_be32(&call->out, (uint32_t)len);
	if (rc < 0)
		return rc;
	uint8_t *at = buf_reserve(&call->out, len + 1);
	if (!at)
		return -ENOMEM;
	call->out.len += protobuf_c_message_pack(call->request, at);
	return 0;
}

#define HEADER(n, v)                                                      \
	(nghttp2_nv)                                                      \
	{                                                                 \
		.name = (uint8_t *)(uintptr_t)(n), .namelen = strlen(n),  \
		.value = (uint8_t *)(uintptr_t)(v), .valuelen = strlen(v) \
	}

static int submit(struct grpc *g, struct grpc_call *call)
{
	const nghttp2_nv headers[] = {
		HEADER(":method", "POST"),
		HEADER(":scheme", "http"),
		HEADER(":path", call->method),
		HEADER(":authority", "localhost"),
		HEADER("content-type", "application/grpc"),
		HEADER("te", "trailers"),
		HEADER("grpc-timeout", "10S"), /* TIMEOUT_MS */
		HEADER("containerd-namespace", g->containerd_namespace),
	};
	const nghttp2_data_provider body = {.source.ptr = call, .read_callback = read_request};
	call->out.cap = call->in.cap = PREFIX_BYTES + ANSWER_MAX;
	call->http = call->status = -1;
	int rc = pack(call);
	if (rc < 0)
		return rc;
	if (nghttp2_submit_request(g->session, NULL, headers, sizeof(headers) / sizeof(headers[0]),
				   &body, call) < 0)
		return -ENOMEM;
	g->pending++;
	return 0;
}

static int exchange(struct grpc *g)
{
	int64_t deadline_ms = time_monotonic_ms() + TIMEOUT_MS;
	for (;;) {
		int rc = flush(g);
		if (rc < 0 || g->pending == 0)
			return rc;
		rc = receive(g, deadline_ms);
		if (rc < 0)
			return rc;
	}
}

/* An empty message of two bytes takes a hundred when it is decoded. */
static ProtobufCMessage *decode(const ProtobufCMessageDescriptor *type, const uint8_t *bytes,
				size_t len)
{
	size_t left = DECODED_MAX;
	ProtobufCAllocator allocator = {
		.alloc = counted_alloc,
		.free = counted_free,
		.allocator_data = &left,
	};
	return protobuf_c_message_unpack(type, &allocator, len, bytes);
}

static int take_answer(struct grpc_call *call, struct err *e)
{
	if (call->status == STATUS_NOT_FOUND)
		return err_set(e, ERR_CONFIG, ENOENT, "containerd answers: %s", call->message);
	if (call->status > 0)
		return err_set(e, ERR_HOST, EREMOTEIO, "containerd answers %s: %s (status %d)",
			       call->method, call->message, call->status);
	size_t len = 0;
	if (call->in.len >= PREFIX_BYTES && call->in.data[0] == 0) {
		const uint8_t *be = call->in.data + 1;
		len = (size_t)be[0] << 24 | (size_t)be[1] << 16 | (size_t)be[2] << 8 | be[3];
		if (len == call->in.len - PREFIX_BYTES)
			call->answer = decode(call->type, call->in.data + PREFIX_BYTES, len);
	}
	if (call->answer && call->status == 0)
		return 0;
	return err_set(e, ERR_HOST, EPROTO, "containerd's answer to %s is not one of gRPC's",
		       call->method);
}

int grpc_call(struct grpc *g, struct grpc_call *calls, size_t count, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = submit(g, &calls[i]);
	if (rc == 0)
		rc = exchange(g);
	if (rc < 0)
		err_sys(e, -rc, "asking containerd");
	for (size_t i = 0; i < count; i++) {
		if (rc == 0)
			rc = take_answer(&calls[i], e);
		buf_free(&calls[i].out);
		buf_free(&calls[i].in);
	}
	return rc;
}
