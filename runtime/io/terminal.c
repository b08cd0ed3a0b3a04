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
/* At least what a pty holds when a copy has been read from it: 19 KiB in all. */
#define REST_BYTES 16384
/*
 * More than a terminal holds, and no more at once: a program that writes as fast as it is read must
 * not keep the shim from its other work. The event loop comes back to what is left.
 */
#define COPIES_MAX 64

/* One direction. Bytes at..len of data have still to be written; one read takes COPY_BYTES. */
struct copy {
	size_t at, len;
	uint8_t data[COPY_BYTES + REST_BYTES];
};

/*
 * A descriptor, watched for one event at a time (EPOLLONESHOT): one that is not armed reports
 * nothing, a hang-up neither, and arming it again cannot run out of memory.
 */
struct end {
	struct terminal *terminal;
	int fd;         /* owned; -1: none (any more) */
	uint32_t armed; /* EPOLL* */
	struct loop_source source;
};

struct terminal {
	struct end master; /* closed once the slave is closed and all is read, or at a hang-up */
	struct end in, out;
	struct copy input, output;
	struct supervisor supervisor;
};

int terminal_open_without(int in, int out, struct terminal **t, struct err *e)
{
	cleanup_close int taken_in = in, taken_out = out;
	struct terminal *new = calloc(1, sizeof(*new));
	if (!new)
		return err_sys(e, ENOMEM, "a terminal");
	new->master = (struct end){.terminal = new, .fd = -1};
	new->in = (struct end){.terminal = new, .fd = take_fd(&taken_in)};
	new->out = (struct end){.terminal = new, .fd = take_fd(&taken_out)};
	*t = new;
	return 0;
}

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
	int rc = terminal_open_without(take_fd(&taken_in), take_fd(&taken_out), t, e);
	if (rc < 0)
		return rc;
	(*t)->master.fd = take_fd(&master);
	*slave = take_fd(&peer);
	return 0;
}

static void end_close(struct end *end)
{
	loop_remove(&end->source);
	close_fd(&end->fd);
}

void terminal_free(struct terminal *t)
{
	if (!t)
		return;
	end_close(&t->master);
	end_close(&t->in);
	end_close(&t->out);
	free(t);
}

int terminal_resize(const struct terminal *t, uint16_t width, uint16_t height)
{
	struct winsize size = {.ws_col = width, .ws_row = height};
	if (t->master.fd < 0)
		return -ENOENT;
	if (ioctl(t->master.fd, TIOCSWINSZ, &size) < 0)
		return -errno;
	return 0;
}

void terminal_end_input(struct terminal *t)
{
	end_close(&t->in);
}

static bool waiting(const struct copy *c)
{
	return c->at < c->len;
}

static void on_end(void *arg, uint32_t events)
{
	struct end *end = arg;
	struct terminal *t = end->terminal;
	(void)events;
	end->armed = 0;
	terminal_pump(t);
	t->supervisor.changed(t->supervisor.arg);
}

static int end_watch(struct end *end, uint32_t events)
{
	if (end->fd < 0)
		return 0;
	int rc = loop_add(end->terminal->supervisor.loop, &end->source, end->fd,
			  events | EPOLLONESHOT, on_end, end);
	if (rc == 0)
		end->armed = events;
	/* A regular file never makes us wait. */
	if (rc == -EPERM)
		return 0;
	return rc;
}

int terminal_watch(struct terminal *t, const struct supervisor *supervisor)
{
	t->supervisor = *supervisor;
	int rc = end_watch(&t->master, EPOLLIN);
	if (rc == 0)
		rc = end_watch(&t->in, EPOLLIN);
	if (rc == 0)
		rc = end_watch(&t->out, EPOLLOUT);
	return rc;
}

int terminal_attach(struct terminal *t, int master, const struct supervisor *supervisor)
{
	t->master.fd = master;
	if (fcntl(master, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return terminal_watch(t, supervisor);
}

static void end_arm(struct end *end, uint32_t events)
{
	if (!end->source.loop || !events || end->armed == events)
		return;
	end->armed = events;
	/* Changing a registration takes no memory. */
	(void)!loop_change(&end->source, events | EPOLLONESHOT);
}

/* A direction reads only after all it had is written: that is its back-pressure. */
static void arm(struct terminal *t)
{
	uint32_t master = 0;
	if (t->master.fd < 0) {
		end_arm(&t->out, EPOLLOUT);
		return;
	}
	if (waiting(&t->input))
		master |= EPOLLOUT;
	else
		end_arm(&t->in, EPOLLIN);
	if (waiting(&t->output))
		end_arm(&t->out, EPOLLOUT);
	else
		master |= EPOLLIN;
	end_arm(&t->master, master);
}

/* Copies one direction. False at its end: the reader is closed or the writer gone. */
static bool copy_on(struct copy *c, int from, int to)
{
	for (int copies = 0; copies < COPIES_MAX; copies++) {
		if (!waiting(c)) {
			ssize_t n = read(from, c->data, COPY_BYTES);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return n < 0 && errno == EAGAIN;
			c->at = 0;
			c->len = (size_t)n;
		}
		/* If there is no reader: read on, so that the guest does not stop. */
		ssize_t n = (ssize_t)(c->len - c->at);
		if (to >= 0)
			n = write(to, c->data + c->at, c->len - c->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) /* what a broken descriptor refuses is lost */
			n = (ssize_t)(c->len - c->at);
		c->at += (size_t)n;
	}
	return true;
}

/*
 * What the terminal still holds, behind what has to be written: closing the master discards it. A
 * read that finds nothing has waited for what the kernel moves there behind a write's back.
 */
static void take_rest(struct copy *c, int from)
{
	memmove(c->data, c->data + c->at, c->len - c->at);
	c->len -= c->at;
	c->at = 0;
	while (c->len < sizeof(c->data)) {
		ssize_t n = read(from, c->data + c->len, sizeof(c->data) - c->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		c->len += (size_t)n;
	}
}

void terminal_pump(struct terminal *t)
{
	bool hang_up = false;
	if (t->master.fd >= 0 && !copy_on(&t->input, t->in.fd, t->master.fd)) {
		hang_up = t->in.fd >= 0;
		end_close(&t->in);
	}
	bool ended = !copy_on(&t->output, t->master.fd, t->out.fd);
	if (hang_up && !ended)
		take_rest(&t->output, t->master.fd);
	if (hang_up || ended)
		end_close(&t->master);
	if (terminal_drained(t))
		end_close(&t->out);
	arm(t);
}

bool terminal_drained(const struct terminal *t)
{
	return t->master.fd < 0 && !waiting(&t->output);
}
