/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of files in memory that has no page in common with other processes (memory.copies). */
#include "base/io.h"
#include "vm/memory/page_table.h"

#include <errno.h>
#include <unistd.h>

/* A file that has become shorter reads as zero past its end, as anonymous memory does. */
int memory_copy(const struct memory *m, uint64_t gpa, uint64_t bytes, int fd, uint64_t from)
{
	ssize_t n = io_pread_full(fd, m->hva + gpa, bytes, (off_t)from);
	return n < 0 ? (int)n : 0;
}

int memory_copy_sparse(const struct memory *m, uint64_t gpa, uint64_t bytes, int fd, uint64_t from)
{
	uint64_t end = from + bytes;
	for (uint64_t at = from; at < end;) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA), hole = -1;
		if (data >= 0)
			hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0 && errno == ENXIO)
			return 0;
		if (hole < 0)
			return -errno;
		uint64_t stop = end;
		if ((uint64_t)hole < end)
			stop = (uint64_t)hole;
		if ((uint64_t)data >= end)
			break;
		int rc = memory_copy(m, gpa + ((uint64_t)data - from), stop - (uint64_t)data, fd,
				     (uint64_t)data);
		if (rc < 0)
			return rc;
		at = stop;
	}
	return 0;
}
