/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_MM_MEMORY_H
#define MOTE_GUEST_LINUX_MM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* Maps the stack down to an address of it that is not there yet; false for other addresses. */
bool memory_stack_grow(uint64_t address);

/*
 * A page of a shared file could not be accessed, since it was behind the file's end: whether it is
 * there now, and whether it still is behind it.
 */
bool memory_file_grew(uint64_t address);
bool memory_behind_file(uint64_t address);

/* For execve: nothing of the program is mapped any more, and all addresses are free. */
void memory_take_away(void);

#endif
