/* SPDX-License-Identifier: Apache-2.0 */
/* poll_oneoff: waiting for clocks and descriptors, by one poll of the host. */
#include "guest/wasi/p1/p1.h"

#define SUBSCRIPTIONS_MAX 4096 /* as many descriptors as the host polls at once */

#define LX_POLLIN   0x1
#define LX_POLLOUT  0x4
#define LX_POLLHUP  0x10
#define LX_POLLNVAL 0x20

/* One subscription and its result. */
struct wait {
	uint64_t userdata;
	uint64_t wait_ns;  /* clock: from now */
	uint32_t fd, poll; /* descriptor, and its index in `polled` */
	uint16_t error;
	uint8_t type;
	bool done;
};

static struct wait waits[SUBSCRIPTIONS_MAX];
static struct mote_pollfd polled[SUBSCRIPTIONS_MAX];

static uint64_t clock_now(uint32_t id, uint32_t *e)
{
	struct mote_time now = {0};
	*e = p1_errno(lib_clock_get(mote_area(), id, &now));
	return p1_timestamp(&now);
}

static struct mote_time to_time(uint64_t ns)
{
	return (struct mote_time){.sec = (int64_t)(ns / WASI_NS), .nsec = (int64_t)(ns % WASI_NS)};
}

static void subscribe_clock(struct wait *w, const struct wasi_subscription *s)
{
	uint32_t e = WASI_SUCCESS;
	/* The clocks of CPU time stand still while the program waits. */
	if (s->clock.id > WASI_CLOCK_MONOTONIC)
		e = WASI_NOTSUP;
	if (s->clock.id > WASI_CLOCK_THREAD_CPUTIME)
		e = WASI_INVAL;
	w->wait_ns = s->clock.timeout;
	if (!e && s->clock.flags & WASI_SUBCLOCK_ABSTIME) {
		const uint64_t now = clock_now(s->clock.id, &e);
		if (w->wait_ns > now)
			w->wait_ns -= now;
		else
			w->wait_ns = 0;
	}
	w->error = (uint16_t)e;
	w->done = e;
}

static void subscribe_fd(struct wait *w, uint32_t fd, uint32_t *polls)
{
	struct p1_fd *f;
	uint64_t right = WASI_RIGHT_FD_WRITE;
	int16_t events = LX_POLLOUT;
	if (w->type == WASI_EVENT_FD_READ) {
		right = WASI_RIGHT_FD_READ;
		events = LX_POLLIN;
	}
	w->fd = fd;
	w->error = (uint16_t)p1_fd_get(fd, WASI_RIGHT_POLL_FD_READWRITE | right, &f);
	/* A listener is ready to read when it is ready to accept. */
	if (w->error && w->type == WASI_EVENT_FD_READ &&
	    p1_fd_get(fd, WASI_RIGHT_POLL_FD_READWRITE | WASI_RIGHT_SOCK_ACCEPT, &f) == 0)
		w->error = 0;
	w->done = w->error;
	if (w->done)
		return;
	w->poll = *polls;
	polled[(*polls)++] = (struct mote_pollfd){.fd = (int32_t)fd, .events = events};
}

static uint32_t subscribe_all(const uint8_t *in, uint32_t count,
			      const struct p1_subscriptions *form, uint32_t *polls)
{
	for (uint32_t i = 0; i < count; i++) {
		struct wasi_subscription s;
		form->read(in + i * form->bytes, &s);
		waits[i] = (struct wait){.userdata = s.userdata, .type = s.type};
		if (s.type == WASI_EVENT_CLOCK)
			subscribe_clock(&waits[i], &s);
		else if (s.type == WASI_EVENT_FD_READ || s.type == WASI_EVENT_FD_WRITE)
			subscribe_fd(&waits[i], s.fd, polls);
		else
			return WASI_INVAL;
	}
	return WASI_SUCCESS;
}

#define FOREVER UINT64_MAX

static uint64_t longest_wait(const struct wait *w)
{
	if (w->done)
		return 0;
	if (w->type == WASI_EVENT_CLOCK)
		return w->wait_ns;
	return FOREVER;
}

/* How long to wait at most. */
static uint64_t shortest_wait(uint32_t count)
{
	uint64_t ns = FOREVER;
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t mine = longest_wait(&waits[i]);
		if (mine < ns)
			ns = mine;
	}
	return ns;
}

/* What can be read at once, if the host knows. */
static uint64_t readable_bytes(uint32_t fd)
{
	const int64_t n = mote_readable_bytes(mote_area(), (int32_t)fd);
	if (n < 0)
		return 0;
	return (uint64_t)n;
}

static uint32_t put_events(uint8_t *out, uint32_t count, uint64_t waited)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct wait *w = &waits[i];
		struct wasi_event ev = {
			.userdata = w->userdata,
			.error = w->error,
			.type = w->type,
		};
		if (!w->done && w->type == WASI_EVENT_CLOCK && w->wait_ns > waited)
			continue;
		if (!w->done && w->type != WASI_EVENT_CLOCK) {
			int16_t got = polled[w->poll].revents;
			if (!got)
				continue;
			if (got & LX_POLLNVAL)
				ev.error = WASI_BADF;
			if (got & LX_POLLHUP)
				ev.flags = WASI_EVENTRW_HANGUP;
			if (got & LX_POLLIN)
				ev.nbytes = readable_bytes(w->fd);
		}
		memcpy(out + n++ * sizeof(ev), &ev, sizeof(ev));
	}
	return n;
}

uint32_t p1_poll(const struct wasm_instance *inst, uint32_t in, uint32_t out, uint32_t count,
		 uint32_t nevents, const struct p1_subscriptions *form)
{
	if (count == 0 || count > SUBSCRIPTIONS_MAX)
		return WASI_INVAL;
	const uint8_t *subscriptions = wasi_span(inst, in, (uint64_t)count * form->bytes);
	uint8_t *events = wasi_span(inst, out, count * sizeof(struct wasi_event));
	void *n = wasi_span(inst, nevents, sizeof(uint32_t));
	if (!subscriptions || !events || !n)
		return WASI_FAULT;
	uint32_t polls = 0;
	uint32_t e = subscribe_all(subscriptions, count, form, &polls);
	if (e)
		return e;
	uint64_t ns = shortest_wait(count);
	const struct mote_time limit = to_time(ns), *until = NULL;
	if (ns != FOREVER)
		until = &limit;
	const int64_t rc = mote_poll(mote_area(), (uint64_t)polled, polls, until);
	if (rc < 0)
		return p1_errno(rc);
	/* Only if no descriptor was ready has the time passed; clocks that ask for none are due at
	 * once. */
	if (rc > 0)
		ns = 0;
	wasi_store32(n, put_events(events, count, ns));
	return WASI_SUCCESS;
}

static void read_subscription(const uint8_t *from, struct wasi_subscription *to)
{
	memcpy(to, from, sizeof(*to));
}

uint32_t p1_poll_oneoff(const struct wasm_instance *inst, uint32_t in, uint32_t out, uint32_t count,
			uint32_t nevents)
{
	static const struct p1_subscriptions form = {
		.bytes = sizeof(struct wasi_subscription),
		.read = read_subscription,
	};
	return p1_poll(inst, in, out, count, nevents, &form);
}
