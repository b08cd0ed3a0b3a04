/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_DIR_ENTRY_H
#define MOTE_GUEST_LINUX_FS_DIR_ENTRY_H

#include "guest/linux/state.h"

/*
 * Lays out one entry of getdents64 at an address of the program: its bytes, 0 if it does not fit,
 * or -EFAULT.
 */
int64_t dir_entry_put(uint64_t to, uint64_t capacity, const struct mote_dirent *d);

#endif
