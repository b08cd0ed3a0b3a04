/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ttrpc client for one method: containerd.services.events.ttrpc.v1.Events/Forward. One event is
 * under way at a time, so their order holds. An event that cannot be delivered in five tries is
 * dropped.
 */
#include "shim/events.h"

#include "base/err.h"
#include "base/io.h"
#include "proto/events.pb-c.h"
#include "proto/ttrpc.pb-c.h"
#include "shim/message.h"
#include "shim/ttrpc.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

enum {
	TRIES = 5,
	TIMEOUT_MS = 5000,
	BACKOFF_MS = 200,
	END_MS = 3000,
	QUEUED_MAX = 4096,
	ANSWER_MAX = 64 << 10
};

#define FIRST_STREAM 1U /* a client's are odd */

struct events_queued {
	struct events_queued *next;
	size_t len;
	uint8_t payload[]; /* ForwardRequest */
};

static void try_first(struct events *e);

static void set_timer(int timer, long ms)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000},
	};
	timerfd_settime(timer, 0, &when, NULL);
}

static void disconnect(struct events *e)
{
	loop_remove(&e->source);
	cleanup_closep(&e->fd);
	e->fd = -1;
	e->in.len = 0;
	e->sent = 0;
}

static void first_done(struct events *e)
{
	struct events_queued *q = e->first;
	e->first = q->next;
	if (!e->first)
		e->last = &e->first;
	free(q);
	e->queued--;
	e->tries = 0;
	e->sent = 0;
	if (!e->first) {
		set_timer(e->timer, 0);
		if (e->stop_when_empty)
			e->loop->stop = true;
		return;
	}
	try_first(e);
}

static void failed(struct events *e)
{
	disconnect(e);
	if (++e->tries >= TRIES) {
		fprintf(stderr,
			"mote: an event could not be published in %d tries and is dropped\n",
			TRIES);
		first_done(e);
		return;
	}
	set_timer(e->timer, BACKOFF_MS << e->tries);
}

/* unix:///path, /path, or an abstract name. */
static socklen_t address_of(const char *text, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strncmp(text, "unix://", 7) == 0)
		text += 7;
	size_t len = strlen(text);
	if (len == 0 || len >= sizeof(out->sun_path))
		return 0;
	bool abstract = text[0] != '/';
	memcpy(out->sun_path + abstract, text, len);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
}

static void on_socket(void *arg, uint32_t events);

static int connect_to(struct events *e)
{
	struct sockaddr_un addr;
	socklen_t len = address_of(e->address, &addr);
	if (len == 0)
		return -EINVAL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, len) < 0) {
		int code = errno;
		close(fd);
		return -code;
	}
	int rc = loop_add(e->loop, &e->source, fd, EPOLLIN | EPOLLOUT, on_socket, e);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	e->fd = fd;
	e->stream = FIRST_STREAM - 2;
	return 0;
}

/* The request of the first event, packed again for each try. */
static int pack_first(const struct events *e, struct buf *out)
{
	Ttrpc__Request r = TTRPC__REQUEST__INIT;
	r.service = (char *)(uintptr_t) "containerd.services.events.ttrpc.v1.Events";
	r.method = (char *)(uintptr_t) "Forward";
	r.payload.data = e->first->payload;
	r.payload.len = e->first->len;
	r.timeout_nano = TIMEOUT_MS * 1000000L;
	return ttrpc_put_frame(out, e->stream, TTRPC_REQUEST, &r.base);
}

static void send_first(struct events *e)
{
	cleanup_buf struct buf out = {.cap = TTRPC_HEADER_BYTES + TTRPC_MESSAGE_MAX};
	if (e->sent == 0)
		e->stream += 2;
	if (pack_first(e, &out) < 0) {
		failed(e);
		return;
	}
	while (e->sent < out.len) {
		ssize_t n = send(e->fd, out.data + e->sent, out.len - e->sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			failed(e);
			return;
		}
		e->sent += (size_t)n;
	}
	if (loop_change(&e->source, EPOLLIN) < 0)
		failed(e);
}

static void try_first(struct events *e)
{
	set_timer(e->timer, TIMEOUT_MS);
	e->sent = 0;
	if (e->fd < 0 && connect_to(e) < 0) {
		failed(e);
		return;
	}
	if (loop_change(&e->source, EPOLLIN | EPOLLOUT) < 0)
		failed(e);
	else
		send_first(e);
}

/* Takes whole answers off the input. */
static void complain_of(const Ttrpc__Response *r)
{
	struct err why;
	if (!r || !r->status || !r->status->code)
		return;
	err_set(&why, ERR_PEER, EREMOTEIO, "containerd refused an event: %.200s",
		r->status->message);
	err_clean(&why);
	fprintf(stderr, "mote: %s\n", why.text);
}

static void parse_answers(struct events *e)
{
	while (e->in.len >= TTRPC_HEADER_BYTES) {
		struct ttrpc_header h;
		ttrpc_parse_header(e->in.data, &h);
		if (h.bytes > ANSWER_MAX) {
			failed(e);
			return;
		}
		if (e->in.len - TTRPC_HEADER_BYTES < h.bytes)
			return;
		bool mine = e->first && h.type == TTRPC_RESPONSE && h.stream == e->stream;
		if (mine) {
			ProtobufCMessage *m =
				message_decode(&ttrpc__response__descriptor,
					       e->in.data + TTRPC_HEADER_BYTES, h.bytes);
			complain_of((const Ttrpc__Response *)(const void *)m);
			message_free(m);
		}
		buf_consume(&e->in, TTRPC_HEADER_BYTES + h.bytes);
		if (mine)
			first_done(e);
	}
}

static void on_socket(void *arg, uint32_t events)
{
	struct events *e = arg;
	if ((events & EPOLLOUT) && e->first)
		send_first(e);
	if (e->fd < 0 || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	uint8_t *at = buf_reserve(&e->in, 4096);
	ssize_t n = at ? recv(e->fd, at, 4096, MSG_DONTWAIT) : -1;
	if (n > 0) {
		e->in.len += (size_t)n;
		parse_answers(e);
	} else if (n == 0 || !at || (errno != EAGAIN && errno != EINTR)) {
		if (e->first)
			failed(e);
		else
			disconnect(e);
	}
}

static void on_end_timer(void *arg, uint32_t events)
{
	struct events *e = arg;
	(void)events;
	fprintf(stderr,
		"mote: %u events are dropped: containerd does not accept them, and the shim ends\n",
		e->queued);
	e->loop->stop = true;
}

static void on_timer(void *arg, uint32_t events)
{
	struct events *e = arg;
	uint64_t count;
	(void)events;
	if (io_read_full(e->timer, &count, sizeof(count)) != sizeof(count) || !e->first)
		return;
	if (e->fd >= 0)
		failed(e); /* no answer in time */
	else
		try_first(e);
}

int events_init(struct events *e, struct loop *loop, const char *address,
		const char *containerd_namespace)
{
	*e = (struct events){
		.loop = loop,
		.containerd_namespace = containerd_namespace,
		.fd = -1,
		.in.cap = ANSWER_MAX + 2 * 4096,
	};
	if (address && *address)
		e->address = address;
	e->last = &e->first;
	e->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (e->timer < 0)
		return -errno;
	e->end_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (e->end_timer < 0)
		return -errno;
	int rc = loop_add(loop, &e->timer_source, e->timer, EPOLLIN, on_timer, e);
	if (rc < 0)
		return rc;
	return loop_add(loop, &e->end_timer_source, e->end_timer, EPOLLIN, on_end_timer, e);
}

void events_free(struct events *e)
{
	disconnect(e);
	while (e->first)
		first_done(e);
	loop_remove(&e->timer_source);
	loop_remove(&e->end_timer_source);
	cleanup_closep(&e->timer);
	cleanup_closep(&e->end_timer);
	buf_free(&e->in);
}

void events_publish(struct events *e, const char *topic, const char *type,
		    const ProtobufCMessage *event)
{
	if (!e->address)
		return;
	size_t bytes = protobuf_c_message_get_packed_size(event);
	cleanup_free uint8_t *packed = malloc(bytes + 1);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	Types__Timestamp timestamp = TYPES__TIMESTAMP__INIT;
	timestamp.seconds = now.tv_sec;
	timestamp.nanos = (int32_t)now.tv_nsec;
	Types__Any any = TYPES__ANY__INIT;
	any.type_url = (char *)(uintptr_t)type;
	Events__Envelope envelope = EVENTS__ENVELOPE__INIT;
	envelope.timestamp = &timestamp;
	envelope.namespace_ = (char *)(uintptr_t)e->containerd_namespace;
	envelope.topic = (char *)(uintptr_t)topic;
	envelope.event = &any;
	Events__ForwardRequest request = EVENTS__FORWARD_REQUEST__INIT;
	request.envelope = &envelope;
	struct events_queued *q = NULL;
	if (packed && e->queued < QUEUED_MAX) {
		any.value.data = packed;
		any.value.len = protobuf_c_message_pack(event, packed);
		q = malloc(sizeof(*q) + protobuf_c_message_get_packed_size(&request.base));
	}
	if (!q) {
		fprintf(stderr, "mote: event %s is dropped: too many are queued\n", topic);
		return;
	}
	q->next = NULL;
	q->len = protobuf_c_message_pack(&request.base, q->payload);
	bool idle = !e->first;
	*e->last = q;
	e->last = &q->next;
	e->queued++;
	if (idle)
		try_first(e);
}

void events_stop_when_sent(struct events *e)
{
	e->stop_when_empty = true;
	if (!e->first)
		e->loop->stop = true;
	else
		set_timer(e->end_timer, END_MS);
}
