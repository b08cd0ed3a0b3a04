/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_MM_MEMORY_H
#define MOTE_GUEST_LINUX_MM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Maps memory that the program may or may not use: the host call mem_map, with MOTE_MAP_LAZY.
 * `prot` may have MOTE_MAP_NORESERVE.
 */
int64_t memory_map_anon(uint64_t addr, uint64_t bytes, uint32_t prot);
/* Maps the stack down to an address of it that is not there yet; false for other addresses. */
bool memory_stack_grow(uint64_t address);
/* The same to its usual size, as far as RLIMIT_STACK lets it. */
bool memory_stack_grow_whole(void);
/* What is mapped of the program but its file. */
uint64_t memory_mapped_bytes(void);

/*
 * A page of a file could not be accessed, since it was past the file's end: whether it is
 * there now, and whether it still is behind it.
 */
bool memory_file_grew(uint64_t address);
bool memory_behind_file(uint64_t address);

/* Whether it is mapped without access. */
bool memory_is_denied(uint64_t address);

/*
 * An mmap of which mmap.c has found nothing wrong, with an address if it is fixed. The address, or
 * a negative errno.
 */
int64_t memory_map_new(uint64_t addr, uint64_t bytes, uint32_t prot, uint32_t flags, int fd,
		       uint64_t offset);

/* For execve: nothing of the program is mapped any more, and all addresses are free. */
void memory_take_away(void);

#endif
