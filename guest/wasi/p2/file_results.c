/* SPDX-License-Identifier: Apache-2.0 */
/* What wasi:filesystem says of files and takes of times, as the Canonical ABI lays it out. */
#include "guest/wasi/p2/files.h"

#include <linux/errno.h>
#include <linux/stat.h>

enum { LX_UTIME_NOW = 0x3fffffff, LX_UTIME_OMIT = 0x3ffffffe };

const struct component_host_resource p2_descriptor = {"descriptor", p2_drop},
				     p2_entries = {"directory-entry-stream", p2_drop};

void p2_finish(struct result_code *out, int64_t rc)
{
	if (rc >= 0)
		return;
	out->failed = 1;
	out->code = p2_error_code(rc);
}

void p2_finish_path(struct result_code *out, int64_t rc)
{
	if (rc == -EXDEV)
		rc = -EPERM;
	p2_finish(out, rc);
}

uint8_t p2_type_of_mode(uint32_t mode)
{
	enum { UNKNOWN, BLOCK, CHARACTER, DIRECTORY, FIFO, SYMLINK, REGULAR, SOCKET };
	static const uint8_t types[16] = {
		[001] = FIFO,    [002] = CHARACTER, [004] = DIRECTORY, [006] = BLOCK,
		[010] = REGULAR, [012] = SYMLINK,   [014] = SOCKET,
	};
	return types[mode >> 12 & 15];
}

struct mote_time p2_time(const struct new_time *t)
{
	enum { NO_CHANGE, NOW };
	if (t->kind == NO_CHANGE)
		return (struct mote_time){.nsec = LX_UTIME_OMIT};
	if (t->kind == NOW)
		return (struct mote_time){.nsec = LX_UTIME_NOW};
	return (struct mote_time){(int64_t)t->seconds, t->nanoseconds};
}

static struct some_time some(const struct mote_time *t)
{
	if (t->sec < 0)
		return (struct some_time){0};
	return (struct some_time){1, (uint64_t)t->sec, (uint32_t)t->nsec};
}

void p2_put_stat(struct result_stat *out, const struct mote_stat *st)
{
	*out = (struct result_stat){
		.type = p2_type_of_mode(st->mode),
		.links = st->nlink,
		.bytes = st->size,
		.access = some(&st->atim),
		.modification = some(&st->mtim),
		.change = some(&st->ctim),
	};
}

/* Changes with what identifies the file or with its contents. */
void p2_put_hash(struct result_hash *out, const struct mote_stat *st)
{
	out->lower = st->ino * 0x9e3779b97f4a7c15ull ^ (uint64_t)st->mtim.sec;
	out->upper = st->dev * 0xc2b2ae3d27d4eb4full ^ (uint64_t)st->mtim.nsec ^ st->size << 32;
}
