/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_CWD_H
#define MOTE_GUEST_LINUX_FS_CWD_H

#include "guest/linux/state.h"

/* Changes to the directory that an absolute path leads to, if it may be searched. */
int64_t cwd_change(const char *path);

#endif
