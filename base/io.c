/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reads and writes over descriptors. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int io_open_standard(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* the lowest free number, which is this one */
		int opened = open("/dev/null", O_RDWR);
		if (opened != fd)
			return opened < 0 ? -errno : -EBADF;
	}
	return 0;
}

int io_write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;
	while (len > 0) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* `from` < 0: at the descriptor's own position. */
static ssize_t read_until_end(int fd, char *to, size_t len, off_t from)
{
	size_t got = 0;
	while (got < len) {
		ssize_t n;
		if (from < 0)
			n = read(fd, to + got, len - got);
		else
			n = pread(fd, to + got, len - got, from + (off_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

ssize_t io_read_full(int fd, void *bytes, size_t len)
{
	return read_until_end(fd, bytes, len, -1);
}

ssize_t io_pread_full(int fd, void *bytes, size_t len, off_t from)
{
	if (from < 0)
		return -EINVAL;
	return read_until_end(fd, bytes, len, from);
}

int io_pwrite_all(int fd, const void *bytes, size_t len, off_t to)
{
	const char *at = bytes;
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, at + done, len - done, to + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		done += (size_t)n;
	}
	return 0;
}

int io_read_file(int dirfd, const char *name, size_t max_bytes, char **out, size_t *len)
{
	cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	cleanup_free char *data = NULL;
	size_t got = 0, size = 4096;
	for (;;) {
		char *more = realloc(data, size + 1);
		if (!more)
			return -ENOMEM;
		data = more;
		ssize_t n = io_read_full(fd, data + got, size - got);
		if (n < 0)
			return (int)n;
		got += (size_t)n;
		if (got > max_bytes)
			return -EFBIG;
		if (got < size)
			break;
		size *= 2;
	}
	data[got] = '\0';
	*out = take_ptr(data);
	*len = got;
	return 0;
}
