/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_OPEN_H
#define MOTE_GUEST_LINUX_FS_OPEN_H

#include "guest/linux/state.h"

/* The working directory as a descriptor of the runtime's own, to be closed. */
int64_t open_cwd(void);
/* Opens a path below a descriptor as the host resolves it (enum mote_resolve), for the program. */
int64_t open_below(int32_t dir, const char *path, uint32_t resolve, uint32_t flags, uint32_t mode);

#endif
