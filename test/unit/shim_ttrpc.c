/* SPDX-License-Identifier: Apache-2.0 */
/* The shim's ttrpc server over a socket pair, byte by byte. */
#include "shim/ttrpc.h"

#include "base/io.h"
#include "proto/task.pb-c.h"
#include "proto/ttrpc.pb-c.h"
#include "proto/types.pb-c.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop loop;
static struct ttrpc_server server;
static int peer;
static struct ttrpc_call *held;

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
	held = call;
}

static const struct ttrpc_method methods[] = {
	{"containerd.task.v[23].Task", "Echo", &task__process_request__descriptor, handle_echo},
	{"containerd.task.v[23].Task", "Hold", &task__process_request__descriptor, handle_hold},
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
	held = NULL;
}

TestSuite(ttrpc, .init = setup);

static void stop(void *arg, uint32_t events)
{
	(void)events;
	(void)arg;
	loop.stop = true;
}

/* Lets the loop work until it has nothing to do for 20 ms. */
static void settle(void)
{
	for (;;) {
		struct pollfd p = {.fd = loop.epoll, .events = POLLIN};
		if (poll(&p, 1, 20) == 0)
			return;
		int ends[2];
		cr_assert(pipe(ends) == 0 && write(ends[1], "", 1) == 1);
		struct loop_source *s = loop_add(&loop, ends[0], EPOLLIN, stop, NULL);
		loop.stop = false;
		cr_assert(loop_run(&loop) == 0);
		loop_remove(&loop, s);
		close(ends[0]);
		close(ends[1]);
	}
}

static void put_request(struct buf *b, uint32_t stream, const char *service, const char *method, const char *id)
{
	Task__ProcessRequest inner = TASK__PROCESS_REQUEST__INIT;
	inner.id = (char *)id;
	inner.exec_id = (char *)"";
	uint8_t packed[4096];
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

/* The next answer: its code, or -1 at the end of the connection; *stream and *status of an Echo. */
static int answer(uint32_t *stream, uint32_t *status)
{
	uint8_t head[TTRPC_HEADER_BYTES], body[4096];
	settle();
	struct pollfd p = {.fd = peer, .events = POLLIN};
	cr_assert(poll(&p, 1, 1000) == 1, "no answer");
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
		Task__WaitResponse *w = task__wait_response__unpack(NULL, r->payload.len, r->payload.data);
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
		settle();
		cr_assert(io_write_all(peer, b.data + cut, b.len - cut) == 0);
		cr_assert(answer(&stream, &status) == 0 && stream == 1 && status == 4, "cut at %zu", cut);
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
		settle();
	}
	cr_expect(answer(&stream, NULL) == TTRPC_RESOURCE_EXHAUSTED && stream == 7);
	put_request(&b, 9, "containerd.task.v2.Task", "Echo", "abc");
	cr_assert(io_write_all(peer, b.data, b.len) == 0);
	cr_expect(answer(&stream, &status) == 0 && stream == 9 && status == 3);
	buf_free(&b);
}

Test(ttrpc, garbage_in_a_frame_is_an_invalid_argument)
{
	uint8_t frame[TTRPC_HEADER_BYTES + 4] = {0, 0, 0, 4, 0, 0, 0, 1, TTRPC_REQUEST, 0, 0xff, 0xff, 0xff, 0xff};
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
	cr_expect(answer(&stream, &status) == 0 && stream == 3 && held);
	ttrpc_fail(held, TTRPC_NOT_FOUND, "%s", "gone");
	cr_expect(answer(&stream, NULL) == TTRPC_NOT_FOUND && stream == 1);
	buf_free(&b);
}

Test(ttrpc, a_call_outlives_its_connection)
{
	struct buf b = {.cap = 65536};
	put_request(&b, 1, "containerd.task.v2.Task", "Hold", "a");
	cr_assert(io_write_all(peer, b.data, b.len) == 0);
	settle();
	close(peer);
	settle();
	cr_assert(held);
	ttrpc_fail(held, TTRPC_NOT_FOUND, "%s", "gone"); /* under sanitizers: no use after free */
	buf_free(&b);
}

Test(ttrpc, a_peer_that_reads_nothing_loses_its_connection_only)
{
	struct buf b = {.cap = 1 << 20};
	int small = 4096, sent = 0;
	setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	fcntl(peer, F_SETFL, O_NONBLOCK);
	char id[2001];
	memset(id, 'x', 2000);
	id[2000] = '\0';
	/* Each wrong method of 2000 characters gets an answer; none is read. */
	for (int i = 0; i < 200000; i++) {
		b.len = 0;
		put_request(&b, 1, "s", id, "");
		ssize_t n = send(peer, b.data, b.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EPIPE)
			break;
		if (n != (ssize_t)b.len)
			break; /* the server stopped taking requests: what it holds is bounded */
		sent++;
		if (i % 64 == 0)
			settle();
	}
	cr_expect(sent < 200000, "the server buffers without end");
	buf_free(&b);
}
