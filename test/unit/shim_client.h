/* SPDX-License-Identifier: Apache-2.0 */
/* A shim in this process, and a client that asks it over its socket. */
#ifndef MOTE_SHIM_CLIENT_H
#define MOTE_SHIM_CLIENT_H

#include "runtime_harness.h"

#include "base/io.h"
#include "proto/ttrpc.pb-c.h"
#include "shim/task.h"

#include <sys/socket.h>

enum { ANSWERS_MAX = 64 };

static struct shim shim;
static int peer;
static uint32_t last_stream;
static char stdout_path[300];
static struct answer {
	bool there;
	int code; /* of a ttrpc status; 0: a message */
	char text[300];
	uint8_t payload[2000];
	size_t len;
} answers[ANSWERS_MAX]; /* by stream */

static void connect_client(void)
{
	int pair[2];
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	cr_assert(ttrpc_accept(&shim.server, pair[0]) == 0);
	peer = pair[1];
}

static unused void start_shim(void)
{
	setup();
	signal(SIGPIPE, SIG_IGN);
	shim = (struct shim){
		.containerd_namespace = "n",
		.socket_path = "/nonexistent",
		.cache = "",
	};
	cr_assert(loop_init(&shim.loop) == 0);
	cr_assert(events_init(&shim.events, &shim.loop, NULL, "n") == 0);
	shim.server = (struct ttrpc_server){
		.loop = &shim.loop,
		.methods = task_methods,
		.arg = &shim,
		.listener = -1,
	};
	connect_client();
	snprintf(stdout_path, sizeof(stdout_path), "%s", at("out"));
}

/* It ends with its last copy, of which a child that has not yet executed has one. */
static void close_client(void)
{
	close(peer);
	peer = -1;
	for (int i = 0; i < 20000 && shim.server.conns; i++)
		loop_step(&shim.loop, 1);
	cr_expect(shim.server.conns == 0, "a connection is left");
}

static unused void end_shim(void)
{
	close_client();
	events_free(&shim.events);
	close(shim.loop.epoll);
	cr_expect(!shim.tasks, "a task is left");
	cr_expect(waitpid(-1, NULL, WNOHANG) < 0, "a child is left");
	teardown();
}

/* --- the client --- */

static unused uint32_t request_of(const char *service, const char *method,
				  const ProtobufCMessage *message)
{
	uint8_t packed[16384];
	struct buf frame = {.cap = 32768};
	Ttrpc__Request r = TTRPC__REQUEST__INIT;
	r.service = (char *)(uintptr_t)service;
	r.method = (char *)(uintptr_t)method;
	r.payload.data = packed;
	r.payload.len = protobuf_c_message_pack(message, packed);
	last_stream += 2;
	uint32_t stream = last_stream - 1;
	cr_assert(ttrpc_put_frame(&frame, stream, TTRPC_REQUEST, &r.base) == 0);
	cr_assert(io_write_all(peer, frame.data, frame.len) == 0);
	buf_free(&frame);
	answers[stream % ANSWERS_MAX].there = false;
	return stream;
}

static void take_answer(void)
{
	uint8_t head[TTRPC_HEADER_BYTES], body[4096];
	struct ttrpc_header h;
	cr_assert(io_read_full(peer, head, sizeof(head)) == sizeof(head));
	ttrpc_parse_header(head, &h);
	cr_assert(h.type == TTRPC_RESPONSE && h.bytes <= sizeof(body));
	cr_assert(io_read_full(peer, body, h.bytes) == h.bytes);
	Ttrpc__Response *r = ttrpc__response__unpack(NULL, h.bytes, body);
	cr_assert(r && r->payload.len <= sizeof(answers[0].payload));
	struct answer *a = &answers[h.stream % ANSWERS_MAX];
	cr_assert(!a->there, "a second answer");
	*a = (struct answer){.there = true, .len = r->payload.len};
	if (r->payload.len)
		memcpy(a->payload, r->payload.data, r->payload.len);
	if (r->status) {
		a->code = (int)r->status->code;
		snprintf(a->text, sizeof(a->text), "%s", r->status->message);
	}
	ttrpc__response__free_unpacked(r, NULL);
}

/* One round of what the shim does. */
static void step(void)
{
	struct pollfd p = {.fd = peer, .events = POLLIN};
	for (int i = 0; i < 16 && loop_step(&shim.loop, 0); i++)
		;
	task_reap(&shim);
	while (poll(&p, 1, 0) > 0)
		take_answer();
}

static unused const struct answer *answer(uint32_t stream)
{
	const struct answer *a = &answers[stream % ANSWERS_MAX];
	for (int i = 0; i < 20000 && !a->there; i++) {
		step();
		poll(NULL, 0, a->there ? 0 : 1);
	}
	cr_assert(a->there, "no answer");
	return a;
}

static unused bool is_answered(uint32_t stream)
{
	for (int i = 0; i < 20; i++) {
		step();
		poll(NULL, 0, 1);
	}
	return answers[stream % ANSWERS_MAX].there;
}

static unused void expect_code(const struct answer *a, int code, const char *text)
{
	cr_expect(a->code == code && strstr(a->text, text), "code %d: %s", a->code, a->text);
}

#endif
