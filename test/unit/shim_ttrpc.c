/* SPDX-License-Identifier: Apache-2.0 */
/* The shim's ttrpc server over a socket pair, byte by byte. */
#include "loop_step.h"
#include "shim/ttrpc.h"

#include "base/io.h"
#include "base/reader.h"
#include "proto/task.pb-c.h"
#include "proto/ttrpc.pb-c.h"
#include "proto/types.pb-c.h"
#include "shim/message.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct loop loop;
static struct ttrpc_server server;
static int peer, served;              /* the two ends */
static struct ttrpc_call *held[4096]; /* not answered yet */
static size_t held_count;

static void handle_echo(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	(void)arg;
	const Task__ProcessRequest *r = (const void *)request;
	Task__WaitResponse response = TASK__WAIT_RESPONSE__INIT;
	response.exit_status = (uint32_t)strlen(r->id);
	ttrpc_reply(call, &response.base);
}

static void handle_hold(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	(void)arg;
	(void)request;
	cr_assert(held_count < sizeof(held) / sizeof(held[0]));
	held[held_count++] = call;
}

static bool ready; /* what calls of Later wait for */

static void handle_later(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	if (ready) {
		handle_echo(arg, call, request);
	} else if (ttrpc_may_postpone(call)) {
		cr_assert(held_count < sizeof(held) / sizeof(held[0]));
		held[held_count++] = call;
		ttrpc_postpone(call);
	} else {
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "too large");
	}
}

static const struct ttrpc_method methods[] = {
	{"containerd.task.v[23].Task", "Later", &task__process_request__descriptor, handle_later},
	{"containerd.task.v[23].Task", "Echo", &task__process_request__descriptor, handle_echo},
	{"containerd.task.v[23].Task", "Hold", &task__process_request__descriptor, handle_hold},
	{"containerd.task.v[23].Task", "Create", &task__create_task_request__descriptor,
	 handle_hold},
	{NULL, NULL, NULL, NULL},
};

static void setup(void)
{
	int pair[2];
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	cr_assert(loop_init(&loop) == 0);
	server = (struct ttrpc_server){.loop = &loop, .methods = methods, .listener = -1};
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	cr_assert(ttrpc_accept(&server, pair[0]) == 0);
	peer = pair[1];
	served = pair[0];
}

/* Lets the loop work until it has had nothing to do for that long. */
static void run_until_idle_for(int ms)
{
	while (loop_step(&loop, ms))
		;
}

static void run_until_idle(void)
{
	run_until_idle_for(20);
}

static void run_pending(void)
{
	run_until_idle_for(0);
}

/* Answers the last one, whose connection may be gone: under sanitizers, no use after free. */
static void answer_held(void)
{
	cr_assert(held_count > 0);
	ttrpc_fail(held[--held_count], TTRPC_NOT_FOUND, "%s", "gone");
}

/* With the peer gone and every call answered, nothing is left of the connection. */
static void teardown(void)
{
	close(peer);
	run_until_idle();
	cr_expect(server.conns == 0);
	while (held_count > 0)
		answer_held();
	close(loop.epoll);
}

TestSuite(ttrpc, .init = setup, .fini = teardown);

static void put_request(struct buf *b, uint32_t stream, const char *service, const char *method,
			const char *id)
{
	Task__ProcessRequest inner = TASK__PROCESS_REQUEST__INIT;
	inner.id = (char *)id;
	inner.exec_id = (char *)"";
	cleanup_free uint8_t *packed = malloc(strlen(id) + 4096);
	cr_assert(packed);
	Ttrpc__Request r = TTRPC__REQUEST__INIT;
	Ttrpc__KeyValue pair = TTRPC__KEY_VALUE__INIT, *pairs[] = {&pair};
	pair.key = (char *)"containerd-namespace-ttrpc";
	pair.value = (char *)"default";
	r.service = (char *)service;
	r.method = (char *)method;
	r.timeout_nano = 5;
	r.n_metadata = 1;
	r.metadata = pairs;
	r.payload.data = packed;
	r.payload.len = task__process_request__pack(&inner, packed);
	cr_assert(ttrpc_put_frame(b, stream, TTRPC_REQUEST, &r.base) == 0);
}

/* More than a socket takes at once. */
static void send_all(const struct buf *b)
{
	fcntl(peer, F_SETFL, O_NONBLOCK);
	for (size_t at = 0; at < b->len;) {
		ssize_t n = send(peer, b->data + at, b->len - at, MSG_NOSIGNAL);
		at += n > 0 ? (size_t)n : 0;
		run_pending();
	}
	fcntl(peer, F_SETFL, 0);
}

/* The next answer: its code, or -1 at the end of the connection; *stream and *status of an Echo. */
static int answer(uint32_t *stream, uint32_t *status)
{
	uint8_t head[TTRPC_HEADER_BYTES], body[4096];
	run_until_idle();
	struct pollfd p = {.fd = peer, .events = POLLIN};
	cr_assert(poll(&p, 1, 60000) == 1, "no answer");
	ssize_t n = io_read_full(peer, head, sizeof(head));
	if (n == 0)
		return -1;
	cr_assert(n == sizeof(head));
	struct ttrpc_header h;
	ttrpc_parse_header(head, &h);
	cr_assert(h.type == TTRPC_RESPONSE && h.flags == 0 && h.bytes <= sizeof(body));
	cr_assert(io_read_full(peer, body, h.bytes) == h.bytes);
	Ttrpc__Response *r = ttrpc__response__unpack(NULL, h.bytes, body);
	cr_assert(r);
	*stream = h.stream;
	int code = r->status ? r->status->code : 0;
	if (code == 0 && status) {
		Task__WaitResponse *w =
			task__wait_response__unpack(NULL, r->payload.len, r->payload.data);
		cr_assert(w);
		*status = w->exit_status;
		task__wait_response__free_unpacked(w, NULL);
	}
	ttrpc__response__free_unpacked(r, NULL);
	return code;
}

Test(ttrpc, a_frame_is_understood_wherever_it_is_cut)
{
	struct buf b = {.cap = 65536};
	put_request(&b, 1, "containerd.task.v2.Task", "Echo", "four");
	for (size_t cut = 1; cut < b.len; cut++) {
		uint32_t stream, status;
		cr_assert(io_write_all(peer, b.data, cut) == 0);
		run_until_idle();
		cr_assert(io_write_all(peer, b.data + cut, b.len - cut) == 0);
		cr_assert(answer(&stream, &status) == 0 && stream == 1 && status == 4, "cut at %zu",
			  cut);
	}
	buf_free(&b);
}

Test(ttrpc, several_frames_at_once_and_both_versions)
{
	struct buf b = {.cap = 65536};
	uint32_t stream, status;
	put_request(&b, 1, "containerd.task.v2.Task", "Echo", "a");
	put_request(&b, 3, "containerd.task.v3.Task", "Echo", "bb");
	cr_assert(io_write_all(peer, b.data, b.len) == 0);
	cr_expect(answer(&stream, &status) == 0 && stream == 1 && status == 1);
	cr_expect(answer(&stream, &status) == 0 && stream == 3 && status == 2);
	buf_free(&b);
}

Test(ttrpc, unknown_methods_and_services_are_unimplemented)
{
	struct buf b = {.cap = 65536};
	uint32_t stream;
	put_request(&b, 1, "containerd.task.v2.Task", "Dance", "a");
	put_request(&b, 3, "containerd.task.v4.Task", "Echo", "a");
	put_request(&b, 5, "", "", "a");
	cr_assert(io_write_all(peer, b.data, b.len) == 0);
	for (uint32_t i = 1; i <= 5; i += 2)
		cr_expect(answer(&stream, NULL) == TTRPC_UNIMPLEMENTED && stream == i);
	buf_free(&b);
}

Test(ttrpc, five_mebibytes_are_refused_and_the_connection_goes_on)
{
	static uint8_t big[5 << 20];
	uint8_t head[TTRPC_HEADER_BYTES] = {0, 0x50, 0, 0, 0, 0, 0, 7, TTRPC_REQUEST, 0};
	struct buf b = {.cap = 65536};
	uint32_t stream, status;
	cr_assert(io_write_all(peer, head, sizeof(head)) == 0);
	for (size_t at = 0; at < sizeof(big); at += 65536) {
		cr_assert(io_write_all(peer, big + at, 65536) == 0);
		run_until_idle();
	}
	cr_expect(answer(&stream, NULL) == TTRPC_RESOURCE_EXHAUSTED && stream == 7);
	put_request(&b, 9, "containerd.task.v2.Task", "Echo", "abc");
	cr_assert(io_write_all(peer, b.data, b.len) == 0);
	cr_expect(answer(&stream, &status) == 0 && stream == 9 && status == 3);
	buf_free(&b);
}

Test(ttrpc, garbage_in_a_frame_is_an_invalid_argument)
{
	uint8_t frame[TTRPC_HEADER_BYTES + 4] = {0, 0,    0,    4,    0,   0, 0, 1, TTRPC_REQUEST,
						 0, 0xff, 0xff, 0xff, 0xff};
	uint32_t stream;
	cr_assert(io_write_all(peer, frame, sizeof(frame)) == 0);
	cr_expect(answer(&stream, NULL) == TTRPC_INVALID_ARGUMENT && stream == 1);
}

Test(ttrpc, other_frame_types_are_ignored)
{
	uint8_t frame[TTRPC_HEADER_BYTES + 1] = {0, 0, 0, 1, 0, 0, 0, 1, 99, 0, 1};
	struct buf b = {.cap = 65536};
	uint32_t stream, status;
	cr_assert(io_write_all(peer, frame, sizeof(frame)) == 0);
	put_request(&b, 3, "containerd.task.v2.Task", "Echo", "abc");
	cr_assert(io_write_all(peer, b.data, b.len) == 0);
	cr_expect(answer(&stream, &status) == 0 && stream == 3);
	buf_free(&b);
}

Test(ttrpc, an_answer_may_come_later_and_out_of_order)
{
	struct buf b = {.cap = 65536};
	uint32_t stream, status;
	put_request(&b, 1, "containerd.task.v2.Task", "Hold", "a");
	put_request(&b, 3, "containerd.task.v2.Task", "Echo", "bb");
	cr_assert(io_write_all(peer, b.data, b.len) == 0);
	cr_expect(answer(&stream, &status) == 0 && stream == 3);
	answer_held();
	cr_expect(answer(&stream, NULL) == TTRPC_NOT_FOUND && stream == 1);
	buf_free(&b);
}

Test(ttrpc, a_call_outlives_its_connection)
{
	struct buf b = {.cap = 65536};
	put_request(&b, 1, "containerd.task.v2.Task", "Hold", "a");
	cr_assert(io_write_all(peer, b.data, b.len) == 0);
	run_until_idle();
	shutdown(peer, SHUT_RDWR);
	run_until_idle();
	cr_expect(server.conns == 0);
	answer_held();
	buf_free(&b);
}

/* Sends as much as goes, of requests whose answers nobody reads. Bytes. */
static size_t flood(void)
{
	static char id[2001];
	struct buf b = {.cap = 1 << 20};
	size_t sent = 0;
	memset(id, 'x', 2000);
	fcntl(peer, F_SETFL, O_NONBLOCK);
	/* Each wrong method of 2000 characters gets an answer. */
	for (;;) {
		b.len = 0;
		put_request(&b, 1, "s", id, "");
		ssize_t n = send(peer, b.data, b.len, MSG_NOSIGNAL);
		if (n < 0)
			run_until_idle();
		if (n < 0)
			n = send(peer, b.data, b.len, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		if (n != (ssize_t)b.len)
			/* the last one may be cut: the peer is not used for requests again */
			break;
		cr_assert(sent < 64 << 20, "the server buffers without end");
	}
	buf_free(&b);
	return sent;
}

static size_t memory_in_use(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

Test(ttrpc, a_peer_that_reads_nothing_is_not_read_from)
{
	size_t before = memory_in_use();
	cr_expect(flood() > 1000);
	size_t held_bytes = memory_in_use() - before;
	cr_expect(held_bytes < 512 << 10, "%zu bytes are held for it", held_bytes);
	/* Its connection is as it was: what it reads at last are its answers. */
	uint32_t stream;
	cr_expect(answer(&stream, NULL) == TTRPC_UNIMPLEMENTED && stream == 1);
}

Test(ttrpc, requests_of_a_slow_peer_are_answered_when_it_reads)
{
	struct buf b = {.cap = 8 << 20};
	char id[2001];
	memset(id, 'x', 2000);
	id[2000] = '\0';
	for (uint32_t i = 0; i < 1000; i++)
		put_request(&b, 2 * i + 1, "s", id, "");
	fcntl(peer, F_SETFL, O_NONBLOCK);
	int small = 4096;
	cr_assert(setsockopt(served, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
	size_t at = 0, answers = 0, got = 0, refusals = 0;
	/* As much as goes out, and little in, by turns: all answers come, and in order. */
	uint8_t in[4096];
	for (int turn = 0; turn < 10000 && answers < 1000; turn++) {
		ssize_t n = at < b.len ? send(peer, b.data + at, b.len - at, MSG_NOSIGNAL) : 0;
		at += n > 0 ? (size_t)n : 0;
		refusals += n < 0;
		run_pending();
		n = recv(peer, in + got, got < 600 ? 600 - got : 0, 0);
		got += n > 0 ? (size_t)n : 0;
		struct reader r = reader_of(in, got), message;
		uint32_t len, stream;
		uint8_t rest[2];
		while (r.left >= TTRPC_HEADER_BYTES) {
			struct reader whole = r;
			cr_assert(reader_be32(&whole, &len) && reader_be32(&whole, &stream) &&
				  reader_copy(&whole, rest, 2));
			if (!reader_sub(&whole, len, &message))
				break;
			cr_assert(stream == 2 * answers + 1);
			answers++;
			r = whole;
		}
		memmove(in, r.at, r.left);
		got = r.left;
	}
	cr_expect(answers == 1000 && refusals > 10, "%zu answers, %zu times not read from", answers,
		  refusals);
	buf_free(&b);
}

Test(ttrpc, calls_that_wait_have_a_limit)
{
	struct buf b = {.cap = 8 << 20};
	uint32_t stream;
	for (uint32_t i = 0; i < 5000; i++) {
		put_request(&b, 2 * i + 1, "containerd.task.v2.Task", "Hold", "a");
		if (i % 64 == 63 || i == 4999) {
			cr_assert(io_write_all(peer, b.data, b.len) == 0);
			b.len = 0;
			run_pending();
		}
	}
	cr_expect(answer(&stream, NULL) == TTRPC_RESOURCE_EXHAUSTED && stream == 2 * 4096 + 1);
	buf_free(&b);
}

/* A call of Later with an id of so many bytes. */
static void ask_later(uint32_t stream, size_t bytes)
{
	struct buf b = {.cap = 8 << 20};
	cleanup_free char *id = malloc(bytes + 1);
	cr_assert(id);
	memset(id, 'a', bytes);
	id[bytes] = '\0';
	put_request(&b, stream, "containerd.task.v2.Task", "Later", id);
	send_all(&b);
	buf_free(&b);
}

Test(ttrpc, requests_of_postponed_calls_have_a_limit)
{
	const size_t large = 3 << 20;
	uint32_t stream, status;
	ask_later(1, large);
	ask_later(3, large);
	cr_expect(held_count == 2 && server.kept_bytes > 2 * large);
	ask_later(5, large);
	cr_expect(answer(&stream, NULL) == TTRPC_RESOURCE_EXHAUSTED && stream == 5);
	/* A small one fits, and so does a large one again when another has been served. */
	ask_later(7, 10);
	cr_expect(held_count == 3);
	ready = true;
	struct ttrpc_call *first = held[0];
	held[0] = held[--held_count];
	ttrpc_resume(first);
	cr_expect(answer(&stream, &status) == 0 && stream == 1 && status == large);
	ready = false;
	ask_later(9, large);
	cr_expect(held_count == 3);
	while (held_count > 0)
		answer_held();
	cr_expect(server.kept_bytes == 0, "%zu", server.kept_bytes);
}

Test(ttrpc, a_message_of_many_parts_cannot_take_all_memory)
{
	/* Two bytes each, that decode to a hundred: one million empty mounts. */
	static uint8_t payload[2 << 20];
	for (size_t i = 0; i < sizeof(payload); i += 2)
		payload[i] = 3 << 3 | 2;
	struct buf b = {.cap = 8 << 20};
	Ttrpc__Request r = TTRPC__REQUEST__INIT;
	r.service = (char *)"containerd.task.v2.Task";
	r.method = (char *)"Create";
	r.payload.data = payload;
	r.payload.len = sizeof(payload);
	cr_assert(ttrpc_put_frame(&b, 1, TTRPC_REQUEST, &r.base) == 0);
	send_all(&b);
	uint32_t stream;
	cr_expect(answer(&stream, NULL) == TTRPC_INVALID_ARGUMENT && stream == 1);
	buf_free(&b);
}

Test(ttrpc, errors_are_utf8_whatever_they_quote)
{
	struct buf b = {.cap = 65536};
	uint8_t head[TTRPC_HEADER_BYTES], body[4096];
	/* A method's name as it may not be: the answer quotes it. */
	static const uint8_t request[] = {0x0a, 1, 's', 0x12, 3, 0xff, 'm', 0xc3};
	const uint8_t header[TTRPC_HEADER_BYTES] = {0, 0, 0, sizeof(request), 0,
						    0, 0, 1, TTRPC_REQUEST,   0};
	cr_assert(io_write_all(peer, header, sizeof(header)) == 0 &&
		  io_write_all(peer, request, sizeof(request)) == 0);
	run_until_idle();
	cr_assert(io_read_full(peer, head, sizeof(head)) == sizeof(head));
	struct ttrpc_header h;
	ttrpc_parse_header(head, &h);
	cr_assert(h.bytes <= sizeof(body) && io_read_full(peer, body, h.bytes) == h.bytes);
	Ttrpc__Response *r = ttrpc__response__unpack(NULL, h.bytes, body);
	cr_assert(r && r->status);
	cr_expect_str_eq(r->status->message, "s/?m? is not implemented");
	ttrpc__response__free_unpacked(r, NULL);
	buf_free(&b);

	char text[] = "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3 \xed\xa0\x80 \xc0\xaf \xf5 \xe2\x82";
	message_clean_text(text);
	cr_expect_str_eq(text, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3 ??? ?? ? ??");
}

Test(ttrpc, connections_have_a_limit)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* A name of the kernel's choice. */
	socklen_t len = sizeof(sa_family_t);
	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, 8) == 0);
	len = sizeof(address);
	cr_assert(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	shutdown(peer, SHUT_RDWR);
	run_until_idle();
	cr_assert(ttrpc_serve(&server, &loop, fd, methods, NULL) == 0);
	int fds[300], refused = 0;
	char byte;
	for (int i = 0; i < 300; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		cr_assert(fds[i] >= 0 && connect(fds[i], (struct sockaddr *)&address, len) == 0);
		run_pending();
		refused += recv(fds[i], &byte, 1, MSG_DONTWAIT) == 0;
	}
	cr_expect(server.conns == 256 && refused == 44, "%u open, %d refused", server.conns,
		  refused);
	for (int i = 0; i < 300; i++)
		close(fds[i]);
	run_until_idle();
	cr_expect(server.conns == 0);
	ttrpc_stop_listening(&server);
}
