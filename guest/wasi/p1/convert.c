/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors, times and stat structures between preview 1 and the host. */
#include "guest/wasi/p1/p1.h"

#define IOVECS_MAX 1024 /* as the host takes them */

#define LX_UTIME_NOW  0x3fffffff
#define LX_UTIME_OMIT 0x3ffffffe

uint32_t p1_iovecs(const struct wasm_instance *inst, uint32_t iovs, uint32_t count,
		   const struct mote_iovec **out, uint64_t *used, uint64_t *bytes)
{
	static struct mote_iovec v[IOVECS_MAX];
	const uint8_t *from = wasi_span(inst, iovs, (uint64_t)count * sizeof(struct wasi_iovec));
	if (!from)
		return WASI_FAULT;
	if (count > IOVECS_MAX)
		count = IOVECS_MAX;
	*bytes = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct wasi_iovec one;
		memcpy(&one, from + i * sizeof(one), sizeof(one));
		void *at = wasi_span(inst, one.buf, one.len);
		if (!at)
			return WASI_FAULT;
		v[i] = (struct mote_iovec){.base = (uint64_t)at, .len = one.len};
		*bytes += one.len;
	}
	*out = v;
	*used = count;
	return WASI_SUCCESS;
}

/* Times before 1970 and after 2554 cannot be represented. */
uint64_t p1_timestamp(const struct mote_time *t)
{
	uint64_t ns;
	if (t->sec < 0)
		return 0;
	if (__builtin_mul_overflow((uint64_t)t->sec, WASI_NS, &ns) ||
	    __builtin_add_overflow(ns, (uint64_t)t->nsec, &ns))
		return UINT64_MAX;
	return ns;
}

/* `explicit` and `now` are the two flags of one time; without either it stays as it is. */
static uint32_t set_time(struct mote_time *t, uint64_t ns, bool explicit, bool now)
{
	if (explicit && now)
		return WASI_INVAL;
	*t = (struct mote_time){.nsec = LX_UTIME_OMIT};
	if (now)
		t->nsec = LX_UTIME_NOW;
	if (explicit)
		*t = (struct mote_time){
			.sec = (int64_t)(ns / WASI_NS),
			.nsec = (int64_t)(ns % WASI_NS),
		};
	return WASI_SUCCESS;
}

uint32_t p1_set_times(struct mote_time t[2], uint64_t atim, uint64_t mtim, uint32_t flags)
{
	if (flags & ~(uint32_t)WASI_FSTFLAGS_ALL)
		return WASI_INVAL;
	uint32_t e =
		set_time(&t[0], atim, flags & WASI_FSTFLAG_ATIM, flags & WASI_FSTFLAG_ATIM_NOW);
	if (!e)
		e = set_time(&t[1], mtim, flags & WASI_FSTFLAG_MTIM, flags & WASI_FSTFLAG_MTIM_NOW);
	return e;
}

uint8_t p1_filetype(enum resource_type type)
{
	static const uint8_t filetypes[RESOURCE_TYPES] = {
		[RESOURCE_UNKNOWN] = WASI_FILETYPE_UNKNOWN,
		[RESOURCE_REGULAR_FILE] = WASI_FILETYPE_REGULAR_FILE,
		[RESOURCE_DIRECTORY] = WASI_FILETYPE_DIRECTORY,
		[RESOURCE_SYMLINK] = WASI_FILETYPE_SYMBOLIC_LINK,
		[RESOURCE_TERMINAL] = WASI_FILETYPE_CHARACTER_DEVICE,
		[RESOURCE_CHARACTER_DEVICE] = WASI_FILETYPE_CHARACTER_DEVICE,
		[RESOURCE_BLOCK_DEVICE] = WASI_FILETYPE_BLOCK_DEVICE,
		[RESOURCE_STREAM_SOCKET] = WASI_FILETYPE_SOCKET_STREAM,
		[RESOURCE_DATAGRAM_SOCKET] = WASI_FILETYPE_SOCKET_DGRAM,
		[RESOURCE_OTHER] = WASI_FILETYPE_UNKNOWN, /* WASI has no name for a pipe */
	};
	return filetypes[type];
}

void p1_filestat(struct wasi_filestat *to, const struct mote_stat *from)
{
	*to = (struct wasi_filestat){
		.dev = from->dev,
		.ino = from->ino,
		.filetype = p1_filetype(resource_type_of_mode(from->mode)),
		.nlink = from->nlink,
		.size = from->size,
		.atim = p1_timestamp(&from->atim),
		.mtim = p1_timestamp(&from->mtim),
		.ctim = p1_timestamp(&from->ctim),
	};
}
