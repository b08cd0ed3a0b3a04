/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_USER_PATH_H
#define MOTE_GUEST_LINUX_FS_USER_PATH_H

#include "guest/linux/user.h"

/* Copies a path of the program, NUL included: its length, or -EFAULT or -ENAMETOOLONG. */
int64_t user_path(char to[PATH_MAX], uint64_t from);
/* Whether the program gave an empty path: 1 or 0, or -EFAULT. */
int user_path_empty(uint64_t path);

#endif
