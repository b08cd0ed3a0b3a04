/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: containerd's answers. The input is what it sends, HTTP/2 and within that gRPC and
 * protobuf; a frame at a time, as the answer to a call comes after the call.
 */
#include "runtime/containerd/image.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_left;

static int fuzz_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	(void)fd, (void)to, (void)len;
	return 0;
}

static int fuzz_poll(struct pollfd *p, nfds_t count, int ms)
{
	(void)count, (void)ms;
	p->revents = POLLIN;
	return 1;
}

static ssize_t fuzz_send(int fd, const void *bytes, size_t len, int flags)
{
	(void)fd, (void)bytes, (void)flags;
	return (ssize_t)len;
}

/* A frame's first three bytes are the length of what follows its nine. */
static ssize_t fuzz_recv(int fd, void *to, size_t len, int flags)
{
	(void)fd, (void)flags;
	size_t n = input_left;
	if (input_left >= 9)
		n = ((size_t)input[0] << 16 | (size_t)input[1] << 8 | input[2]) + 9;
	if (n > input_left)
		n = input_left;
	if (n > len)
		n = len;
	memcpy(to, input, n);
	input += n;
	input_left -= n;
	return (ssize_t)n;
}

/* In the place of the socket. */
#define connect fuzz_connect
#define poll    fuzz_poll
#define send    fuzz_send
#define recv    fuzz_recv
#include "runtime/containerd/grpc.c"
#undef connect
#undef poll
#undef send
#undef recv
#include "runtime/containerd/image.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct containerd_image image = {0};
	struct err e = {0};
	input = data;
	input_left = size;
	int rc = containerd_image_of("unix:///containerd.sock", "default", "c", &image, &e);
	if (rc < 0 && (!e.text[0] || image.name || image.digest || image.store))
		abort(); /* no reason, or a part of an answer */
	if (rc == 1 && (!image.name || !image.digest || !image.store || image.store[0] != '/'))
		abort();
	containerd_image_free(&image);
	return 0;
}
