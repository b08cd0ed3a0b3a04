/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/program/file.h"

#include "guest/linux/state.h"

static int64_t read_descriptor(int32_t fd, uint64_t at, void *to, uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes;) {
		const struct mote_iovec v = {.base = (uint64_t)to + done, .len = bytes - done};
		int64_t n = mote_preadv(mote_area(), fd, &v, 1, at + done);
		if (n < 0)
			return n;
		if (n == 0)
			return -EIO;
		done += (uint64_t)n;
	}
	return 0;
}

int64_t program_file_read(const struct program_file *f, uint64_t at, void *to, uint64_t bytes)
{
	if (at > f->bytes || bytes > f->bytes - at)
		return -EIO;
	if (!f->mapped)
		return read_descriptor(f->fd, at, to, bytes);
	memcpy(to, f->mapped + at, bytes);
	return 0;
}
