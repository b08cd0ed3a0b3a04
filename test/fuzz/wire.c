/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what a monitor says to the shim, which a guest that broke out of its VM could say. The input is a row
 * of messages on the socket between them; each body is also taken for a configuration.
 */
#include "runtime/wire.h"

#include <errno.h>
#include <stdlib.h>
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
	wire_config_free(&c);
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
	return 0;
}
