/* SPDX-License-Identifier: Apache-2.0 */
/* RLIMIT_FSIZE and RLIMIT_NOFILE, as setrlimit(2) has them. */
#include "guest/linux/fs/file_limit.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/limits.h"

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/resource.h>
#include <linux/signal.h>
#include <linux/stat.h>

static int64_t too_large(void)
{
	(void)!signal_raise(SIGXFSZ);
	return -EFBIG;
}

/* Whether the descriptor writes to a regular file, and where its next byte goes. */
static bool position_of(int32_t fd, uint64_t offset, uint64_t *at)
{
	struct mote_stat st;
	const int64_t flags = mote_get_flags(mote_area(), fd);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || mote_fstat(mote_area(), fd, &st) < 0 ||
	    !S_ISREG(st.mode))
		return false;
	*at = offset;
	if (flags & O_APPEND)
		*at = st.size;
	else if (offset == FILE_LIMIT_CURRENT)
		*at = (uint64_t)mote_lseek(mote_area(), fd, 0, SEEK_CUR);
	return true;
}

int64_t file_limit_write(int32_t fd, uint64_t offset, uint64_t bytes)
{
	const uint64_t most = limits_soft(RLIMIT_FSIZE);
	uint64_t at;
	if (bytes == 0 || !position_of(fd, offset, &at))
		return (int64_t)bytes;
	if (at >= most)
		return too_large();
	return (int64_t)min_u64(bytes, most - at);
}

int64_t file_limit_size(int32_t fd, uint64_t size)
{
	struct mote_stat st;
	if (size <= limits_soft(RLIMIT_FSIZE) || mote_fstat(mote_area(), fd, &st) < 0 ||
	    !S_ISREG(st.mode) || size <= st.size)
		return 0;
	return too_large();
}

/* Of those that the program has from the start it is not known how many there are. */
static int32_t highest = 127;

int32_t descriptor_highest(void)
{
	return highest;
}

int64_t descriptor_admit(int64_t fd)
{
	if (fd < 0)
		return fd;
	if (fd > highest && fd < DESCRIPTORS_MAX)
		highest = (int32_t)fd;
	if ((uint64_t)fd < limits_soft(RLIMIT_NOFILE))
		return fd;
	(void)!mote_close(mote_area(), (int32_t)fd);
	return -EMFILE;
}
