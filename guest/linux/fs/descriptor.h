/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_DESCRIPTOR_H
#define MOTE_GUEST_LINUX_FS_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

struct mote_iovec;
struct mote_stat;

/*
 * A duplicate of the descriptor, not below a number or at just that one: the new descriptor, or a
 * negative errno.
 */
int64_t descriptor_dup_from(int32_t fd, uint32_t at_least);
int64_t descriptor_dup_onto(int32_t fd, int32_t to);
/*
 * Hands on the result of a call that has put two descriptors at an address of the program; `set`:
 * both close on exec.
 */
int64_t descriptor_pair_on_exec(int64_t rc, uint64_t at, bool set);
/*
 * -EBADF unless it is open, not by O_PATH, and for that access: O_RDONLY, O_WRONLY, or with O_RDWR
 * either.
 */
int64_t descriptor_check(int32_t fd, uint32_t access);
/* The same, and what file it is. */
int64_t descriptor_stat(int32_t fd, uint32_t access, struct mote_stat *st);
/* The program has a descriptor of O_PATH. */
void descriptor_note_place(void);
/* Closes those with FD_CLOEXEC. */
void descriptor_close_on_exec(void);

#endif
