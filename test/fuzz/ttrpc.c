/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: ttrpc frames and task requests from a hostile peer, into the real method table's
 * parsers. Handlers refuse, echo, or answer when the peer may be gone.
 */
#include "shim/ttrpc.h"
#include "mutate.h"
#include "proto/task.pb-c.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void refuse(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	(void)arg;
	/* Packing what was unpacked reads all of it. */
	uint8_t *copy = malloc(protobuf_c_message_get_packed_size(request) + 1);
	protobuf_c_message_pack(request, copy);
	free(copy);
	ttrpc_fail(call, TTRPC_NOT_FOUND, "%s", "nothing here");
}

static void echo(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	(void)arg;
	ttrpc_reply(call, request);
}

/* As Wait does: answered later. */
static struct ttrpc_call *held[64];
static unsigned held_count;

static void hold(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request)
{
	if (held_count < sizeof(held) / sizeof(held[0]))
		held[held_count++] = call;
	else
		refuse(arg, call, request);
}

static void answer_held(void)
{
	while (held_count > 0) {
		struct ttrpc_call *call = held[--held_count];
		ttrpc_fail(call, TTRPC_NOT_FOUND, "%s",
			   ttrpc_abandoned(call) ? "nobody reads this" : "at \x1b[last\xff");
	}
}

static const struct ttrpc_method methods[] = {
	{"containerd.task.v[23].Task", "Create", &task__create_task_request__descriptor, refuse},
	{"containerd.task.v[23].Task", "Kill", &task__kill_request__descriptor, echo},
	{"containerd.task.v[23].Task", "State", &task__process_request__descriptor, echo},
	{"containerd.task.v[23].Task", "Wait", &task__process_request__descriptor, hold},
	{NULL, NULL, NULL, NULL},
};

static void stop(void *arg, uint32_t events)
{
	(void)events;
	((struct loop *)arg)->stop = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2];
	struct loop loop;
	if (size > 60000 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return 0;
	if (loop_init(&loop) < 0)
		abort();
	struct ttrpc_server server = {.loop = &loop, .methods = methods, .listener = -1};
	if (ttrpc_accept(&server, pair[0]) < 0 || write(pair[1], data, size) != (ssize_t)size)
		abort();
	/*
	 * The end of the input ends the connection, here and there before calls are answered; a
	 * pipe then ends the loop.
	 */
	bool early = size && data[size - 1] & 1;
	if (early)
		shutdown(pair[1], SHUT_WR);
	int ends[2];
	if (pipe(ends) < 0 || write(ends[1], "", 1) != 1)
		abort();
	for (int i = 0; i < 64; i++) {
		struct loop_source s = {0};
		int rc = loop_add(&loop, &s, ends[0], EPOLLIN, stop, &loop);
		loop.stop = false;
		if (rc < 0 || loop_run(&loop) < 0)
			abort();
		loop_remove(&s);
		if (i == 32) {
			answer_held();
			shutdown(pair[1], SHUT_WR);
		}
	}
	close(pair[1]);
	close(ends[0]);
	close(ends[1]);
	close(loop.epoll);
	return 0;
}

/* As libFuzzer has it, the length of one frame made right. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct mutate m = mutate_from(seed);
	size_t at = 0, now = LLVMFuzzerMutate(data, size, max_size);
	struct ttrpc_header h;
	while (now - at >= TTRPC_HEADER_BYTES && mutate_below(&m, 4)) {
		ttrpc_parse_header(data + at, &h);
		if (h.bytes > now - at - TTRPC_HEADER_BYTES || mutate_below(&m, 4) == 0) {
			const uint32_t bytes =
				__builtin_bswap32((uint32_t)(now - at - TTRPC_HEADER_BYTES));
			memcpy(data + at, &bytes, sizeof(bytes));
			break;
		}
		at += TTRPC_HEADER_BYTES + h.bytes;
	}
	return now;
}
