/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of files: how large they become, and how many are open. */
#ifndef MOTE_GUEST_LINUX_FS_FILE_LIMIT_H
#define MOTE_GUEST_LINUX_FS_FILE_LIMIT_H

#include <stdint.h>

#define FILE_LIMIT_CURRENT UINT64_MAX /* in place of an offset: the descriptor's own */

/* How many of the bytes may be written; -EFBIG after SIGXFSZ: none. */
int64_t file_limit_write(int32_t fd, uint64_t offset, uint64_t bytes);
/* 0, or -EFBIG after SIGXFSZ: the file would become larger than it may. */
int64_t file_limit_size(int32_t fd, uint64_t size);
/* A new descriptor, or the error in its place; -EMFILE, and it is closed: there are too many. */
int64_t descriptor_admit(int64_t fd);
/* No descriptor of the program has ever had a higher number. */
int32_t descriptor_highest(void);

#endif
