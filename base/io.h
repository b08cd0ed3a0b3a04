/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reads and writes over descriptors. */
#ifndef MOTE_BASE_IO_H
#define MOTE_BASE_IO_H

#include "base/cleanup.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * Opens /dev/null for each of descriptors 0, 1 and 2 that is not open, so that no file opened later
 * is taken for a standard stream. Called before anything is opened. 0 or -errno.
 */
int io_open_standard(void) must_check;
/* Writes all len bytes, going on after EINTR. 0 or -errno. */
int io_write_all(int fd, const void *bytes, size_t len) must_check;
/* Reads until len bytes or the end. Bytes read, or -errno. */
ssize_t io_read_full(int fd, void *bytes, size_t len) must_check;
/* The same at `from`, whatever the descriptor's position. */
ssize_t io_pread_full(int fd, void *bytes, size_t len, off_t from) must_check;
/* Writes all len bytes at `to`, whatever the descriptor's position. 0 or -errno. */
int io_pwrite_all(int fd, const void *bytes, size_t len, off_t to) must_check;
/*
 * Reads the whole file `name` below dirfd (AT_FDCWD allowed) into a malloc'd, NUL-terminated *out,
 * which the caller frees. *len is without the NUL. -EFBIG past max_bytes, else -errno.
 */
int io_read_file(int dirfd, const char *name, size_t max_bytes, char **out, size_t *len) must_check;

#endif
