/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what a monitor says to the shim, which a guest that broke out of its VM could say.
 * The input is a row of messages on the socket between them; each body is also taken for a
 * configuration, and what is taken must be what encoding it gives again. The whole is also received
 * as a JOIN.
 */
#include "runtime/wire.h"
#include "mutate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void take(const struct buf *body)
{
	struct err e = {0};
	struct wire_config c;
	require(wire_failure(body, &e) == -e.code && e.code > 0);
	int rc = wire_decode(body->data, body->len, &c);
	require(rc <= 0 && (rc < 0 || (c.id && c.bundle && c.rootfs)));
	if (rc == 0) {
		struct buf again = {.cap = WIRE_BODY_MAX};
		require(wire_encode(&c, &again) == 0 && again.len == body->len &&
			memcmp(again.data, body->data, again.len) == 0);
		buf_free(&again);
	}
	wire_config_free(&c);
	require(wire_failure_status(&e) >= WIRE_STATUS_HOST);
}

static void receive_join(const uint8_t *data, size_t size)
{
	int pair[2], fds[WIRE_FDS_MAX];
	size_t count = 0;
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	/* Descriptors with the first byte, as many as it says. */
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
	} control;
	size_t sent = size ? data[size - 1] % (WIRE_FDS_MAX + 1U) : 0;
	for (size_t i = 0; i < sent; i++)
		((int *)(void *)CMSG_DATA(&control.head))[i] = pair[1];
	control.head = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sent * sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = sent ? &control : NULL,
		.msg_controllen = sent ? CMSG_SPACE(sent * sizeof(int)) : 0,
	};
	require(size == 0 || sendmsg(pair[1], &m, 0) == (ssize_t)size);
	close(pair[1]);
	int rc = wire_receive_join(pair[0], fds, &count);
	require(rc <= 0 && count <= WIRE_FDS_MAX);
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	close(pair[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2];
	struct buf body = {.cap = WIRE_BODY_MAX};
	enum wire_type type;
	if (size > 60000 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return 0;
	require(write(pair[1], data, size) == (ssize_t)size);
	close(pair[1]);
	while (wire_receive(pair[0], 0, &type, &body) == 0)
		take(&body);
	buf_free(&body);
	close(pair[0]);
	receive_join(data, size);
	return 0;
}

/* A message with a configuration that has some of everything. */
static size_t whole(uint8_t *data, size_t max_size)
{
	static const char *args[] = {"/p", "-a"}, *env[] = {"K=V"}, *paths[] = {"/proc/kcore"};
	static char options[] = "mode=755";
	static struct oci_mount mount = {
		.destination = "/d",
		.type = "tmpfs",
		.source = "s",
		.data = options,
	};
	static struct oci_sysctl sysctl = {.name = "net.ipv4.ip_forward", .value = "1"};
	static gid_t group = 5;
	struct wire_config c = {
		.id = "c",
		.bundle = "/b",
		.rootfs = "/r",
		.memory_bytes = 1 << 26,
		.pid = 1,
		.cache = "",
		.tenant = "",
	};
	struct oci_spec *s = &c.spec;
	s->args = args, s->args_count = 2, s->env = env, s->env_count = 1, s->cwd = "/",
	s->groups = &group, s->groups_count = 1;
	s->mounts = &mount, s->mounts_count = 1, s->sysctls = &sysctl, s->sysctls_count = 1;
	s->masked = s->readonly = paths, s->masked_count = s->readonly_count = 1;
	s->rlimits_count = s->namespaces_count = 1;
	s->hostname = "h";
	struct buf body = {.cap = WIRE_BODY_MAX};
	require(wire_encode(&c, &body) == 0);
	uint32_t head[2] = {WIRE_CONFIG, (uint32_t)body.len};
	size_t size = sizeof(head) + body.len;
	if (size > max_size)
		size = 0;
	else
		memcpy(memcpy(data, head, sizeof(head)) + sizeof(head), body.data, body.len);
	buf_free(&body);
	return size;
}

/* As libFuzzer has it, here and there from a whole message; the length made right. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct mutate m = mutate_from(seed);
	if (size == 0 || mutate_below(&m, 64) == 0) {
		size_t now = whole(data, max_size);
		size = now ? now : size;
	}
	size = LLVMFuzzerMutate(data, size, max_size);
	if (size >= 8 && mutate_below(&m, 4)) {
		const uint32_t len = (uint32_t)(size - 8);
		memcpy(data + 4, &len, sizeof(len));
	}
	return size;
}
