/* SPDX-License-Identifier: Apache-2.0 */
/* Where the bytes of a program come from. */
#ifndef MOTE_GUEST_LINUX_PROGRAM_FILE_H
#define MOTE_GUEST_LINUX_PROGRAM_FILE_H

#include <stdint.h>

struct program_file {
	const uint8_t
		*mapped; /* the guest program's own file, which the VM began with; else NULL */
	int32_t fd;      /* of any other file */
	uint64_t bytes;
};

/* Reads all of it: 0, -EIO past the file's end, or another negative errno. */
int64_t program_file_read(const struct program_file *f, uint64_t at, void *to, uint64_t bytes);

#endif
