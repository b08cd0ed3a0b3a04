/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_CWD_H
#define MOTE_GUEST_LINUX_FS_CWD_H

#include "guest/linux/state.h"

/* An absolute path without ".", ".." and symlinks: 0 or a negative errno. */
int64_t cwd_canonical(const char *path, char out[PATH_MAX]);

#endif
