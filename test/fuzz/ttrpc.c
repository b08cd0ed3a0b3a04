/* SPDX-License-Identifier: Apache-2.0 */
/* ttrpc frames and task requests from a hostile peer, into the real method table's parsers. */
#include "proto/task.pb-c.h"
#include "shim/ttrpc.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
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

static const struct ttrpc_method methods[] = {
	{"containerd.task.v[23].Task", "Create", &task__create_task_request__descriptor, refuse},
	{"containerd.task.v[23].Task", "Kill", &task__kill_request__descriptor, refuse},
	{"containerd.task.v[23].Task", "State", &task__process_request__descriptor, refuse},
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
	if (size > 60000 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return 0;
	if (loop_init(&loop) < 0)
		abort();
	struct ttrpc_server server = {.loop = &loop, .methods = methods, .listener = -1};
	if (ttrpc_accept(&server, pair[0]) < 0 || write(pair[1], data, size) != (ssize_t)size)
		abort();
	/* The end of the input ends the connection; a pipe then ends the loop. */
	shutdown(pair[1], SHUT_WR);
	int ends[2];
	if (pipe(ends) < 0 || write(ends[1], "", 1) != 1)
		abort();
	for (int i = 0; i < 64; i++) {
		struct loop_source *s = loop_add(&loop, ends[0], EPOLLIN, stop, &loop);
		loop.stop = false;
		if (!s || loop_run(&loop) < 0)
			abort();
		loop_remove(&loop, s);
	}
	close(pair[1]);
	close(ends[0]);
	close(ends[1]);
	close(loop.epoll);
	return 0;
}
