/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays by descriptor number. The first entries are in the image; a program that opens more
 * descriptors gets all of them in memory of its own.
 */
#ifndef MOTE_WASI_HOST_FD_ARRAY_H
#define MOTE_WASI_HOST_FD_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FD_ARRAY_FIRST = 64,
	FD_ARRAY_MAX = 131072, /* entries; the host has as many descriptors at most */
};

struct fd_array {
	void *entries; /* begins as `first`, FD_ARRAY_FIRST entries */
	void *const first;
	uint32_t count;
	const uint32_t entry_bytes;
	const uint64_t space; /* where it is mapped once it is larger (space.h) */
};

#define FD_ARRAY(array, address)                                               \
	{                                                                      \
		.entries = (array), .first = (array), .count = FD_ARRAY_FIRST, \
		.entry_bytes = sizeof((array)[0]), .space = (address)          \
	}

/* NULL beyond what there is. */
static inline void *fd_array_at(const struct fd_array *a, uint32_t fd)
{
	if (fd >= a->count)
		return NULL;
	return (uint8_t *)a->entries + (size_t)fd * a->entry_bytes;
}

/* The entry, which is made if there is none; pointers to others are no longer valid. NULL: no
 * memory. */
void *fd_array_extend(struct fd_array *a, uint32_t fd);

#endif
