/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasi:io/streams: bytes from and to descriptors. A stream of a file has a position of its own; all
 * others are read and written as they are. What does not block asks first whether it would, but for
 * writes to sockets, which are kept until they can be sent (unsent.h).
 */
#include "guest/wasi/p2/sockets.h"
#include "guest/wasi/p2/unsent.h"

#include "guest/lib/output.h"

#include <linux/errno.h>

enum {
	PIECE_BYTES = 65536, /* of one read, and what may be written at once */
};

const struct component_host_resource p2_input_stream = {"input-stream", p2_drop},
				     p2_output_stream = {"output-stream", p2_drop};

/* --- results --- */

struct stream_error {
	uint8_t is_closed; /* else the operation failed, with an error */
	uint32_t error;
};
struct list {
	uint32_t at, count;
};
struct result_list {
	uint8_t failed;
	union {
		struct list list;
		struct stream_error error;
	};
};
struct result_u64 {
	uint8_t failed;
	union {
		uint64_t value;
		struct stream_error error;
	} __attribute__((aligned(8)));
};
struct result_none {
	uint8_t failed;
	struct stream_error error;
};
_Static_assert(sizeof(struct result_list) == 12 && sizeof(struct result_u64) == 16 &&
		       sizeof(struct result_none) == 12,
	       "as the Canonical ABI lays them out");

/* Whoever reads at the end, or writes what nobody reads, has -EPIPE. */
static struct stream_error make_error(struct component_call *call, int64_t rc)
{
	const struct p2_object o = {.kind = P2_ERROR, .error = (int32_t)rc};
	if (rc == -EPIPE)
		return (struct stream_error){.is_closed = 1};
	return (struct stream_error){.error = call_own(call, &p2_error, p2_new(call, &o))};
}

static bool is_of_socket(const struct p2_object *o)
{
	return o->file && p2_get(o->file)->kind == P2_SOCKET;
}

/* --- waiting --- */

static bool is_ready(const struct p2_object *o, int16_t events, bool wait)
{
	struct mote_pollfd p = {.fd = o->fd, .events = events};
	const struct mote_time none = {0};
	if (o->positioned)
		return true;
	return unsent_poll(&p, 1, wait ? NULL : &none) != 0;
}

static void subscribe(struct component_call *call, const struct p2_object *o, int16_t events,
		      uint32_t *result)
{
	struct p2_object pollable = {.kind = P2_POLLABLE, .fd = -1};
	if (!o->positioned) {
		if (o->file)
			pollable = p2_of_file(o->file, P2_POLLABLE);
		pollable.fd = o->fd;
		pollable.events = events;
	}
	*result = call_own(call, &p2_pollable, p2_new(call, &pollable));
}

/* --- reading --- */

static uint8_t piece[PIECE_BYTES];

/* How many bytes; 0 at the end, -EAGAIN if there are none yet. */
static int64_t read_once(struct p2_object *o, void *to, uint64_t bytes)
{
	if (!o->positioned)
		return mote_readv(mote_area(), o->fd, to, MOTE_IOV_ONE | bytes);
	const int64_t rc = mote_preadv(mote_area(), o->fd, to, MOTE_IOV_ONE | bytes, o->at);
	if (rc > 0)
		o->at += (uint64_t)rc;
	return rc;
}

/* At most PIECE_BYTES; 0 at the end, -EAGAIN if there are none yet. */
static int64_t read_some(struct p2_object *o, uint8_t *to, uint64_t bytes, bool wait)
{
	if (bytes > PIECE_BYTES)
		bytes = PIECE_BYTES;
	/* A socket's descriptor says so itself. */
	if (!wait && !is_of_socket(o) && !is_ready(o, LX_POLLIN, false))
		return -EAGAIN;
	int64_t rc = read_once(o, to, bytes);
	while (rc == -EAGAIN && wait) {
		(void)is_ready(o, LX_POLLIN, true);
		rc = read_once(o, to, bytes);
	}
	return rc;
}

/* The same for a caller: none yet are none, and the end is an error of its own. */
static int64_t read_wanted(struct p2_object *o, uint64_t bytes, bool wait)
{
	if (is_of_socket(o) && p2_get(o->file)->flags & SOCKET_RECEIVES_NOTHING)
		return -EPIPE;
	if (!bytes)
		return 0;
	const int64_t rc = read_some(o, piece, bytes, wait);
	if (rc == -EAGAIN)
		return 0;
	return rc == 0 ? -EPIPE : rc;
}

struct read_params {
	uint32_t stream;
	uint64_t bytes;
};

static void read_list(struct component_call *call, const struct read_params *p, bool wait,
		      struct result_list *out)
{
	const int64_t rc = read_wanted(p2_get(p->stream), p->bytes, wait);
	if (rc < 0) {
		out->failed = 1;
		out->error = make_error(call, rc);
		return;
	}
	void *to = call_allocate(call, 1, (uint64_t)rc, &out->list.at);
	memcpy(to, piece, (uint64_t)rc);
	out->list.count = (uint32_t)rc;
}

static void read_now(struct component_call *call, const void *params, void *result)
{
	read_list(call, params, false, result);
}

static void read_blocking(struct component_call *call, const void *params, void *result)
{
	read_list(call, params, true, result);
}

static void skip(struct component_call *call, const struct read_params *p, bool wait,
		 struct result_u64 *out)
{
	const int64_t rc = read_wanted(p2_get(p->stream), p->bytes, wait);
	if (rc < 0) {
		out->failed = 1;
		out->error = make_error(call, rc);
		return;
	}
	out->value = (uint64_t)rc;
}

static void skip_now(struct component_call *call, const void *params, void *result)
{
	skip(call, params, false, result);
}

static void skip_blocking(struct component_call *call, const void *params, void *result)
{
	skip(call, params, true, result);
}

static void subscribe_input(struct component_call *call, const void *params, void *result)
{
	const struct p2_object o = *p2_get(*(const uint32_t *)params);
	subscribe(call, &o, LX_POLLIN, result);
}

/* --- writing --- */

/* A small write to standard output may wait in the area. */
static bool buffer_output(const struct p2_object *o, const uint8_t *from, uint64_t bytes)
{
	struct mote_area *area = mote_area();
	uint32_t len;
	if (o->positioned || !output_is_open(area, (uint32_t)o->fd, bytes))
		return false;
	do {
		uint8_t *to = output_reserve(area, (uint32_t)o->fd, bytes, &len);
		if (!to)
			return false;
		memcpy(to, from, bytes);
	} while (!output_publish(area, bytes, len));
	return true;
}

static int64_t write_once(struct p2_object *o, const uint8_t *from, uint64_t bytes)
{
	if (!o->positioned)
		return mote_writev(mote_area(), o->fd, (const void *)from, MOTE_IOV_ONE | bytes);
	if (o->appends) {
		const int64_t end = mote_lseek(mote_area(), o->fd, 0, 2);
		if (end < 0)
			return end;
		o->at = (uint64_t)end;
	}
	const int64_t rc =
		mote_pwritev(mote_area(), o->fd, (const void *)from, MOTE_IOV_ONE | bytes, o->at);
	if (rc > 0)
		o->at += (uint64_t)rc;
	return rc;
}

/*
 * All of it, waiting as long as that takes; of a socket's the last bytes may be kept. 0 or a
 * negative errno.
 */
static int64_t write_all(struct p2_object *o, const uint8_t *from, uint64_t bytes)
{
	if (is_of_socket(o))
		return unsent_write(p2_get(o->file), from, bytes);
	if (buffer_output(o, from, bytes))
		return 0;
	while (bytes) {
		const int64_t rc = write_once(o, from, bytes);
		if (rc == -EAGAIN) {
			(void)is_ready(o, LX_POLLOUT, true);
			continue;
		}
		if (rc < 0)
			return rc;
		from += rc;
		bytes -= (uint64_t)rc;
	}
	return 0;
}

/* What was written elsewhere than to a socket is the host's already. */
static int64_t flush_all(const struct p2_object *o, bool wait)
{
	if (is_of_socket(o))
		return unsent_drain(p2_get(o->file), wait);
	return 0;
}

static void finish(struct component_call *call, int64_t rc, struct result_none *out)
{
	if (rc >= 0)
		return;
	out->failed = 1;
	out->error = make_error(call, rc);
}

struct write_params {
	uint32_t stream;
	struct list bytes;
};

static int64_t write_list(struct component_call *call, const struct write_params *p)
{
	const uint8_t *from = call_span(call, p->bytes.at, p->bytes.count);
	return write_all(p2_get(p->stream), from, p->bytes.count);
}

static void write_now(struct component_call *call, const void *params, void *result)
{
	finish(call, write_list(call, params), result);
}

static void write_and_flush(struct component_call *call, const void *params, void *result)
{
	const struct write_params *p = params;
	int64_t rc = write_list(call, p);
	if (rc == 0)
		rc = flush_all(p2_get(p->stream), true);
	finish(call, rc, result);
}

struct zeroes_params {
	uint32_t stream;
	uint64_t bytes;
};

static int64_t zeroes(const struct zeroes_params *p)
{
	int64_t rc = 0;
	memset(piece, 0, sizeof(piece));
	for (uint64_t left = p->bytes, n; left && rc == 0; left -= n) {
		n = left < PIECE_BYTES ? left : PIECE_BYTES;
		rc = write_all(p2_get(p->stream), piece, n);
	}
	return rc;
}

static void write_zeroes(struct component_call *call, const void *params, void *result)
{
	finish(call, zeroes(params), result);
}

static void write_zeroes_and_flush(struct component_call *call, const void *params, void *result)
{
	const struct zeroes_params *p = params;
	int64_t rc = zeroes(p);
	if (rc == 0)
		rc = flush_all(p2_get(p->stream), true);
	finish(call, rc, result);
}

static void check_write(struct component_call *call, const void *params, void *result)
{
	const struct p2_object *o = p2_get(*(const uint32_t *)params);
	struct result_u64 *out = result;
	const int64_t rc = flush_all(o, false);
	if (rc == -EAGAIN)
		return;
	if (rc < 0) {
		out->failed = 1;
		out->error = make_error(call, rc);
		return;
	}
	if (output_is_open(mote_area(), (uint32_t)o->fd, 0) || is_ready(o, LX_POLLOUT, false))
		out->value = PIECE_BYTES;
}

static void flush_now(struct component_call *call, const void *params, void *result)
{
	const int64_t rc = flush_all(p2_get(*(const uint32_t *)params), false);
	finish(call, rc == -EAGAIN ? 0 : rc, result);
}

static void flush_blocking(struct component_call *call, const void *params, void *result)
{
	finish(call, flush_all(p2_get(*(const uint32_t *)params), true), result);
}

static void subscribe_output(struct component_call *call, const void *params, void *result)
{
	const struct p2_object o = *p2_get(*(const uint32_t *)params);
	subscribe(call, &o, LX_POLLOUT, result);
}

struct splice_params {
	uint32_t to, from;
	uint64_t bytes;
};

static void splice(struct component_call *call, const struct splice_params *p, bool wait,
		   struct result_u64 *out)
{
	int64_t rc = read_wanted(p2_get(p->from), p->bytes, wait);
	const int64_t read = rc;
	if (rc > 0)
		rc = write_all(p2_get(p->to), piece, (uint64_t)rc);
	if (rc < 0) {
		out->failed = 1;
		out->error = make_error(call, rc);
		return;
	}
	out->value = (uint64_t)read;
}

static void splice_now(struct component_call *call, const void *params, void *result)
{
	splice(call, params, false, result);
}

static void splice_blocking(struct component_call *call, const void *params, void *result)
{
	splice(call, params, true, result);
}

#define LIST   "result<list<u8>, " P2_STREAM_ERROR ">"
#define NUMBER "result<u64, " P2_STREAM_ERROR ">"
#define NONE   "result<_, " P2_STREAM_ERROR ">"
#define IN(n)  "[method]input-stream." n
#define OUT(n) "[method]output-stream." n

static const struct component_host_resource *const resources[] = {&p2_input_stream,
								  &p2_output_stream};
static const struct component_host_function functions[] = {
	{IN("read"), "(borrow input-stream, u64) -> " LIST, read_now},
	{IN("blocking-read"), "(borrow input-stream, u64) -> " LIST, read_blocking},
	{IN("skip"), "(borrow input-stream, u64) -> " NUMBER, skip_now},
	{IN("blocking-skip"), "(borrow input-stream, u64) -> " NUMBER, skip_blocking},
	{IN("subscribe"), "(borrow input-stream) -> own pollable", subscribe_input},
	{OUT("check-write"), "(borrow output-stream) -> " NUMBER, check_write},
	{OUT("write"), "(borrow output-stream, list<u8>) -> " NONE, write_now},
	{OUT("blocking-write-and-flush"), "(borrow output-stream, list<u8>) -> " NONE,
	 write_and_flush},
	{OUT("flush"), "(borrow output-stream) -> " NONE, flush_now},
	{OUT("blocking-flush"), "(borrow output-stream) -> " NONE, flush_blocking},
	{OUT("subscribe"), "(borrow output-stream) -> own pollable", subscribe_output},
	{OUT("write-zeroes"), "(borrow output-stream, u64) -> " NONE, write_zeroes},
	{OUT("blocking-write-zeroes-and-flush"), "(borrow output-stream, u64) -> " NONE,
	 write_zeroes_and_flush},
	{OUT("splice"), "(borrow output-stream, borrow input-stream, u64) -> " NUMBER, splice_now},
	{OUT("blocking-splice"), "(borrow output-stream, borrow input-stream, u64) -> " NUMBER,
	 splice_blocking},
};
const struct component_host_interface p2_streams = {
	"wasi:io/streams@0.2", functions, P2_COUNT(functions), resources, P2_COUNT(resources)};
