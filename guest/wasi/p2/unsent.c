/* SPDX-License-Identifier: Apache-2.0 */
/* See unsent.h. A buffer is a socket's from the first byte that it keeps to the last one sent. */
#include "guest/wasi/p2/unsent.h"

#include "guest/wasi/p2/sockets.h"
#include "guest/wasm/arena.h"

#include <linux/errno.h>

enum { BUFFERS_BYTES = 0x10000000 /* address space */ };

struct unsent {
	struct p2_object *socket; /* NULL: free */
	uint32_t from, count;
	int32_t error; /* what sending came to, which the socket's next operation reports */
	bool shuts_down;
	uint8_t bytes[UNSENT_BYTES] __attribute__((aligned(16)));
};

static struct {
	struct arena arena;
	uint32_t count, waiting; /* buffers, numbered from 1 on; those with bytes */
} all;

static struct unsent *get(uint32_t number)
{
	return (struct unsent *)(void *)all.arena.base + (number - 1);
}

static uint32_t take(struct p2_object *socket)
{
	uint32_t number = 1;
	while (number <= all.count && get(number)->socket)
		number++;
	if (number > all.count) {
		if ((!all.arena.base && !arena_open(&all.arena, BUFFERS_BYTES)) ||
		    !arena_take(&all.arena, sizeof(struct unsent)))
			return 0;
		all.count = number;
	}
	struct unsent *u = get(number);
	u->socket = socket;
	u->from = u->count = 0;
	u->error = 0;
	u->shuts_down = false;
	socket->unsent = number;
	return number;
}

/* All of it, as much as the host takes without waiting; how much. */
static int64_t send_now(int32_t fd, const uint8_t *from, uint64_t bytes)
{
	uint64_t sent = 0;
	while (sent < bytes) {
		const int64_t rc = mote_send(mote_area(), fd, (const void *)(from + sent),
					     MOTE_IOV_ONE | (bytes - sent),
					     LX_MSG_DONTWAIT | LX_MSG_NOSIGNAL, NULL);
		if (rc == -EAGAIN)
			break;
		if (rc < 0)
			return rc;
		sent += (uint64_t)rc;
	}
	return (int64_t)sent;
}

/* Gives a buffer back from which all is sent, unless there is an error to report. */
static void send_kept(struct unsent *u)
{
	struct p2_object *socket = u->socket;
	if (!u->count)
		return;
	const int64_t rc = send_now(socket->fd, u->bytes + u->from, u->count);
	if (rc < 0) {
		u->error = (int32_t)rc;
		u->count = 0;
	} else {
		u->from += (uint32_t)rc;
		u->count -= (uint32_t)rc;
	}
	if (u->count)
		return;
	all.waiting--;
	if (u->shuts_down)
		(void)mote_shutdown(mote_area(), socket->fd, LX_SHUT_WR);
	if (u->error)
		return;
	socket->unsent = 0;
	u->socket = NULL;
}

bool unsent_waits(const struct p2_object *socket)
{
	return socket->unsent && get(socket->unsent)->count;
}

/* Adds the sockets that wait to those that are polled; their number. */
static uint32_t add_waiting(struct mote_pollfd *to, uint32_t most)
{
	uint32_t n = 0;
	for (uint32_t i = 1; all.waiting && i <= all.count && n < most; i++) {
		const struct unsent *u = get(i);
		if (u->socket && u->count)
			to[n++] = (struct mote_pollfd){.fd = u->socket->fd, .events = LX_POLLOUT};
	}
	return n;
}

static void send_all(void)
{
	for (uint32_t i = 1; all.waiting && i <= all.count; i++)
		if (get(i)->socket)
			send_kept(get(i));
}

int64_t unsent_poll(struct mote_pollfd *fds, uint32_t count, const struct mote_time *limit)
{
	static struct mote_pollfd polled[UNSENT_POLLED_MAX];
	uint32_t others = 0;
	int64_t ready = 0;
	if (count < UNSENT_POLLED_MAX)
		others = add_waiting(polled + count, UNSENT_POLLED_MAX - count);
	if (!others)
		return mote_poll(mote_area(), (uint64_t)fds, count, limit);
	memcpy(polled, fds, count * sizeof(*fds));
	const int64_t rc = mote_poll(mote_area(), (uint64_t)polled, count + others, limit);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < count; i++) {
		fds[i].revents = polled[i].revents;
		ready += polled[i].revents != 0;
	}
	send_all();
	return ready;
}

int64_t unsent_drain(struct p2_object *socket, bool wait)
{
	if (socket->unsent)
		send_kept(get(socket->unsent));
	while (wait && unsent_waits(socket)) {
		struct mote_pollfd p = {.fd = socket->fd, .events = LX_POLLOUT};
		(void)unsent_poll(&p, 1, NULL);
	}
	if (unsent_waits(socket))
		return -EAGAIN;
	if (!socket->unsent)
		return 0;
	struct unsent *u = get(socket->unsent);
	socket->unsent = 0;
	u->socket = NULL;
	return u->error;
}

static bool keep(struct p2_object *socket, const uint8_t *from, uint64_t bytes)
{
	if (bytes > UNSENT_BYTES)
		return false;
	const uint32_t number = take(socket);
	if (!number)
		return false;
	struct unsent *u = get(number);
	memcpy(u->bytes, from, bytes);
	u->count = (uint32_t)bytes;
	all.waiting++;
	return true;
}

int64_t unsent_write(struct p2_object *socket, const uint8_t *from, uint64_t bytes)
{
	struct mote_pollfd p = {.fd = socket->fd, .events = LX_POLLOUT};
	int64_t rc = unsent_drain(socket, true);
	while (rc == 0 && bytes) {
		const int64_t sent = send_now(p.fd, from, bytes);
		if (sent < 0)
			return sent;
		from += sent;
		bytes -= (uint64_t)sent;
		if (!bytes || keep(socket, from, bytes))
			return 0;
		(void)unsent_poll(&p, 1, NULL);
	}
	return rc;
}

void unsent_shut_down(const struct p2_object *socket)
{
	if (unsent_waits(socket))
		get(socket->unsent)->shuts_down = true;
	else
		(void)mote_shutdown(mote_area(), socket->fd, LX_SHUT_WR);
}
