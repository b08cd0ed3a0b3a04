/* SPDX-License-Identifier: Apache-2.0 */
/* The pty of a container with a terminal, and the copying between its master and the client's
 * FIFOs. */
#include "runtime/io/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>

#define COPY_BYTES 8192
/*
 * More than a terminal holds, and no more at once: a program that writes as fast as it is read must not keep the shim
 * from its other work. The event loop comes back to what is left.
 */
#define COPIES_MAX 64

/* One direction. Bytes at..len of data wait to be written. */
struct copy {
	size_t at, len;
	uint8_t data[COPY_BYTES];
};

struct terminal {
	int master;  /* owned; -1 once the slave is closed and all is read */
	int in, out; /* owned; -1: none (any more) */
	struct copy input, output;
};

int terminal_open(int in, int out, struct terminal **t, int *slave, struct err *e)
{
	cleanup_close int taken_in = in, taken_out = out;
	cleanup_close int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0)
		return err_sys(e, errno, "/dev/ptmx");
	int unlocked = 0;
	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return err_sys(e, errno, "unlocking the terminal");
	cleanup_close int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer < 0)
		return err_sys(e, errno, "the terminal's other side");
	struct terminal *new = calloc(1, sizeof(*new));
	if (!new)
		return err_sys(e, ENOMEM, "a terminal");
	new->master = take_fd(&master);
	new->in = take_fd(&taken_in);
	new->out = take_fd(&taken_out);
	*t = new;
	*slave = take_fd(&peer);
	return 0;
}

void terminal_free(struct terminal *t)
{
	if (!t)
		return;
	close_fd(&t->master);
	close_fd(&t->in);
	close_fd(&t->out);
	free(t);
}

int terminal_resize(struct terminal *t, uint16_t width, uint16_t height)
{
	struct winsize size = {.ws_col = width, .ws_row = height};
	if (t->master < 0)
		return -ENOENT;
	return ioctl(t->master, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

void terminal_end_input(struct terminal *t)
{
	close_fd(&t->in);
}

static bool waiting(const struct copy *c)
{
	return c->at < c->len;
}

/* A direction reads only when all it had is written: that is its back-pressure. */
size_t terminal_watches(const struct terminal *t, struct container_watch *out, size_t room)
{
	uint32_t master = (waiting(&t->output) ? 0 : EPOLLIN) | (waiting(&t->input) ? EPOLLOUT : 0);
	const struct container_watch all[] = {
		{.fd = t->master, .events = master},
		{.fd = waiting(&t->input) ? -1 : t->in, .events = EPOLLIN},
		{.fd = waiting(&t->output) ? t->out : -1, .events = EPOLLOUT},
	};
	size_t n = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].fd >= 0 && all[i].events && n < room)
			out[n++] = all[i];
	return n;
}

/* Moves one direction on. False when it has come to its end: the reader is closed or the writer
 * gone. */
static bool copy_on(struct copy *c, int from, int to)
{
	for (int copies = 0; copies < COPIES_MAX; copies++) {
		if (!waiting(c)) {
			ssize_t n = read(from, c->data, sizeof(c->data));
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return n < 0 && errno == EAGAIN;
			c->at = 0;
			c->len = (size_t)n;
		}
		/* Nobody wants it: read on, so that the guest does not stop. */
		ssize_t n = to >= 0 ? write(to, c->data + c->at, c->len - c->at)
				    : (ssize_t)(c->len - c->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		c->at = n < 0 ? c->len
			      : c->at + (size_t)n; /* a writer that fails loses what it refuses */
	}
	return true;
}

void terminal_pump(struct terminal *t)
{
	if (t->master < 0)
		return;
	if (!copy_on(&t->input, t->in, t->master))
		close_fd(&t->in);
	if (!copy_on(&t->output, t->master, t->out)) {
		close_fd(&t->master);
		close_fd(&t->out);
	}
}

bool terminal_drained(const struct terminal *t)
{
	return t->master < 0;
}
