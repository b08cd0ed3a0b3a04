/* SPDX-License-Identifier: Apache-2.0 */
/* Linear memory, vectors, times and stat structures: what several of the functions need. */
#include "guest/wasi/wasi.h"

#define IOVECS_MAX 1024 /* as the host takes them */

#define LX_UTIME_NOW 0x3fffffff
#define LX_UTIME_OMIT 0x3ffffffe

void *wasi_span(struct wasm_instance *inst, uint32_t at, uint64_t len)
{
	struct wasm_memory *memory = wasm_instance_memory(inst);
	uint64_t size = memory ? wasm_memory_bytes(memory) : 0;
	if (!memory || at > size || len > size - at)
		return NULL;
	return wasm_memory_base(memory) + at;
}

uint32_t wasi_iovecs(struct wasm_instance *inst, uint32_t iovs, uint32_t count,
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

/* Times before 1970 and after 2554 cannot be told. */
uint64_t wasi_timestamp(const struct mote_time *t)
{
	uint64_t ns;
	if (t->sec < 0)
		return 0;
	if (__builtin_mul_overflow((uint64_t)t->sec, WASI_NS, &ns) ||
	    __builtin_add_overflow(ns, (uint64_t)t->nsec, &ns))
		return UINT64_MAX;
	return ns;
}

static uint32_t set_time(struct mote_time *t, uint64_t ns, bool given, bool now)
{
	if (given && now)
		return WASI_INVAL;
	*t = given ? (struct mote_time){.sec = (int64_t)(ns / WASI_NS),
					.nsec = (int64_t)(ns % WASI_NS)}
		   : (struct mote_time){.nsec = now ? LX_UTIME_NOW : LX_UTIME_OMIT};
	return WASI_SUCCESS;
}

uint32_t wasi_set_times(struct mote_time t[2], uint64_t atim, uint64_t mtim, uint32_t flags)
{
	if (flags & ~(uint32_t)WASI_FSTFLAGS_ALL)
		return WASI_INVAL;
	uint32_t e =
		set_time(&t[0], atim, flags & WASI_FSTFLAG_ATIM, flags & WASI_FSTFLAG_ATIM_NOW);
	return e ? e
		 : set_time(&t[1], mtim, flags & WASI_FSTFLAG_MTIM, flags & WASI_FSTFLAG_MTIM_NOW);
}

uint8_t wasi_filetype(uint32_t mode)
{
	switch (mode & LX_S_IFMT) {
	case LX_S_IFREG:
		return WASI_FILETYPE_REGULAR_FILE;
	case LX_S_IFDIR:
		return WASI_FILETYPE_DIRECTORY;
	case LX_S_IFLNK:
		return WASI_FILETYPE_SYMBOLIC_LINK;
	case LX_S_IFCHR:
		return WASI_FILETYPE_CHARACTER_DEVICE;
	case LX_S_IFBLK:
		return WASI_FILETYPE_BLOCK_DEVICE;
	case LX_S_IFSOCK:
		return WASI_FILETYPE_SOCKET_STREAM;
	default: /* a pipe, which WASI has no name for */
		return WASI_FILETYPE_UNKNOWN;
	}
}

void wasi_filestat(struct wasi_filestat *to, const struct mote_stat *from)
{
	*to = (struct wasi_filestat){
		.dev = from->dev,
		.ino = from->ino,
		.filetype = wasi_filetype(from->mode),
		.nlink = from->nlink,
		.size = from->size,
		.atim = wasi_timestamp(&from->atim),
		.mtim = wasi_timestamp(&from->mtim),
		.ctim = wasi_timestamp(&from->ctim),
	};
}
