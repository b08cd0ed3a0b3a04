/* SPDX-License-Identifier: Apache-2.0 */
/* wasi:io/poll and wasi:io/error. */
#include "guest/wasi/p2/sockets.h"
#include "guest/wasi/p2/unsent.h"

#include <linux/errno.h>

enum { POLLABLES_MAX = UNSENT_POLLED_MAX };
#define SECOND_NS 1000000000ull
#define FOREVER   UINT64_MAX

/* Some pollables, by their objects. */
struct waiting {
	const uint32_t *numbers;
	uint32_t count;
	bool *ready;
};

static struct mote_pollfd polled[POLLABLES_MAX];

static int16_t events_of(const struct p2_object *pollable)
{
	if (pollable->events == P2_SOCKET_EVENTS)
		return p2_socket_events(p2_get(pollable->file));
	return pollable->events;
}

/* What writes to a socket that has not sent all yet waits for that. */
static bool is_held_up(const struct p2_object *pollable)
{
	return pollable->events == LX_POLLOUT && pollable->file &&
	       p2_get(pollable->file)->kind == P2_SOCKET && unsent_waits(p2_get(pollable->file));
}

static uint32_t collect(const struct waiting *w, uint64_t now, uint64_t *wait_ns)
{
	uint32_t fds = 0;
	for (uint32_t i = 0; i < w->count; i++) {
		const struct p2_object *o = p2_get(w->numbers[i]);
		uint64_t ns = 0;
		const int16_t events = events_of(o);
		if (events) {
			polled[fds++] = (struct mote_pollfd){.fd = o->fd, .events = events};
			continue;
		}
		if (o->at > now)
			ns = o->at - now;
		if (ns < *wait_ns)
			*wait_ns = ns;
	}
	return fds;
}

/* Whether any is ready, having waited for one, if that is wanted, or for a while. */
static bool wait_once(const struct waiting *w, bool wait)
{
	uint64_t ns = wait ? FOREVER : 0;
	const uint32_t fds = collect(w, p2_clock(P2_CLOCK_MONOTONIC), &ns);
	const struct mote_time limit = {.sec = (int64_t)(ns / SECOND_NS),
					.nsec = (int64_t)(ns % SECOND_NS)};
	bool any = false;
	const int64_t rc = unsent_poll(polled, fds, ns == FOREVER ? NULL : &limit);
	const uint64_t now = p2_clock(P2_CLOCK_MONOTONIC);
	for (uint32_t i = 0, at = 0; i < w->count; i++) {
		const struct p2_object *o = p2_get(w->numbers[i]);
		/* What cannot be polled does not make anybody wait. */
		if (events_of(o))
			w->ready[i] = (rc < 0 || polled[at++].revents) && !is_held_up(o);
		else
			w->ready[i] = o->at <= now;
		any |= w->ready[i];
	}
	return any;
}

static void block(struct component_call *call, const void *params, void *result)
{
	bool ready;
	const struct waiting w = {params, 1, &ready};
	(void)call;
	(void)result;
	while (!wait_once(&w, true))
		;
}

static void is_ready(struct component_call *call, const void *params, void *result)
{
	const struct waiting w = {params, 1, result};
	(void)call;
	(void)wait_once(&w, false);
}

struct list {
	uint32_t at, count;
};

static void poll(struct component_call *call, const void *params, void *result)
{
	static uint32_t numbers[POLLABLES_MAX];
	static bool ready[POLLABLES_MAX];
	const struct list *in = params;
	struct list *out = result;
	const struct waiting w = {numbers, in->count, ready};
	if (!in->count)
		call_trap(call, "poll of no pollables");
	if (in->count > POLLABLES_MAX)
		call_trap(call, "poll of more than 4096 pollables");
	const uint8_t *handles = call_span(call, in->at, 4ull * in->count);
	for (uint32_t i = 0; i < in->count; i++) {
		uint32_t handle;
		memcpy(&handle, handles + 4ull * i, sizeof(handle));
		numbers[i] = call_borrowed(call, &p2_pollable, handle);
	}
	while (!wait_once(&w, true))
		;
	for (uint32_t i = 0; i < in->count; i++)
		out->count += ready[i];
	uint8_t *to = call_allocate(call, 4, 4ull * out->count, &out->at);
	for (uint32_t i = 0; i < in->count; i++) {
		if (!ready[i])
			continue;
		memcpy(to, &i, sizeof(i));
		to += sizeof(i);
	}
}

static const struct component_host_resource *const poll_resources[] = {&p2_pollable};
static const struct component_host_function poll_functions[] = {
	{"[method]pollable.ready", "(borrow pollable) -> bool", is_ready},
	{"[method]pollable.block", "(borrow pollable)", block},
	{"poll", "(list<borrow pollable>) -> list<u32>", poll},
};
const struct component_host_interface p2_poll = {"wasi:io/poll@0.2", poll_functions,
						 P2_COUNT(poll_functions), poll_resources, 1};

/* --- errors --- */

static void to_debug_string(struct component_call *call, const void *params, void *result)
{
	const char *text = p2_error_text(p2_get(*(const uint32_t *)params)->error);
	call_string(call, text, (uint32_t)strlen(text), result);
}

static const struct component_host_resource *const error_resources[] = {&p2_error};
static const struct component_host_function error_functions[] = {
	{"[method]error.to-debug-string", "(borrow error) -> string", to_debug_string},
};
const struct component_host_interface p2_io_error = {"wasi:io/error@0.2", error_functions, 1,
						     error_resources, 1};
