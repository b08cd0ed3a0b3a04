/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasi_unstable, which is WASI from before preview 1 (witx phases/old/snapshot_0): the same
 * functions, but for those that are here.
 */
#include "guest/wasi/imports.h"
#include "guest/wasi/p1/p1.h"

struct old_filestat {
	uint64_t dev, ino;
	uint8_t filetype, pad[3];
	uint32_t nlink;
	uint64_t size, atim, mtim, ctim;
};

struct old_subscription {
	uint64_t userdata;
	uint8_t type, pad0[7]; /* enum wasi_eventtype */
	union {
		struct {
			uint64_t identifier;
			uint32_t id, pad1;
			uint64_t timeout, precision;
			uint16_t flags, pad2[3];
		} clock;
		uint32_t fd;
	};
};

_Static_assert(sizeof(struct old_filestat) == 56 && sizeof(struct old_subscription) == 56,
	       "sizes in witx");

static uint32_t fd_seek(const struct wasm_instance *inst, uint32_t fd, uint64_t offset,
			uint32_t whence, uint32_t position)
{
	/* cur, end, set of then in the order of now: set, cur, end */
	if (whence < 3)
		whence = (whence + 1) % 3;
	return p1_fd_seek(inst, fd, offset, whence, position);
}

static void put_filestat(void *to, const struct wasi_filestat *from)
{
	const struct old_filestat old = {
		.dev = from->dev,
		.ino = from->ino,
		.filetype = from->filetype,
		.nlink = (uint32_t)from->nlink,
		.size = from->size,
		.atim = from->atim,
		.mtim = from->mtim,
		.ctim = from->ctim,
	};
	memcpy(to, &old, sizeof(old));
}

static uint32_t fd_filestat_get(const struct wasm_instance *inst, uint32_t fd, uint32_t stat)
{
	struct wasi_filestat out;
	void *to = wasi_span(inst, stat, sizeof(struct old_filestat));
	if (!to)
		return WASI_FAULT;
	uint32_t e = p1_fd_stat(fd, &out);
	if (!e)
		put_filestat(to, &out);
	return e;
}

static uint32_t path_filestat_get(const struct wasm_instance *inst, uint32_t fd, uint32_t lookup,
				  uint32_t path, uint32_t path_len, uint32_t stat)
{
	struct wasi_filestat out;
	void *to = wasi_span(inst, stat, sizeof(struct old_filestat));
	if (!to)
		return WASI_FAULT;
	uint32_t e = p1_path_stat(inst, fd, lookup, path, path_len, &out);
	if (!e)
		put_filestat(to, &out);
	return e;
}

static void read_subscription(const uint8_t *from, struct wasi_subscription *to)
{
	struct old_subscription old;
	memcpy(&old, from, sizeof(old));
	*to = (struct wasi_subscription){.userdata = old.userdata, .type = old.type};
	if (old.type != WASI_EVENT_CLOCK) {
		to->fd = old.fd;
		return;
	}
	to->clock.id = old.clock.id;
	to->clock.timeout = old.clock.timeout;
	to->clock.precision = old.clock.precision;
	to->clock.flags = old.clock.flags;
}

static uint32_t poll_oneoff(const struct wasm_instance *inst, uint32_t in, uint32_t out,
			    uint32_t count, uint32_t nevents)
{
	static const struct p1_subscriptions form = {
		.bytes = sizeof(struct old_subscription),
		.read = read_subscription,
	};
	return p1_poll(inst, in, out, count, nevents, &form);
}

static const struct import_function functions[] = {
	{"fd_seek", "iIii:i", (wasm_host_fn)fd_seek},
	{"fd_filestat_get", "ii:i", (wasm_host_fn)fd_filestat_get},
	{"path_filestat_get", "iiiii:i", (wasm_host_fn)path_filestat_get},
	{"poll_oneoff", "iiii:i", (wasm_host_fn)poll_oneoff},
	{"sock_accept", ":", NULL}, /* newer */
};

const struct import_interface p1_unstable_interface = {
	.module = "wasi_unstable",
	.functions = functions,
	.count = sizeof(functions) / sizeof(functions[0]),
	.others = &p1_interface,
	.unknown = "WASI from before preview 1 has no such function",
};
