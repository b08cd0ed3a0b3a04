/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_WALK_H
#define MOTE_GUEST_LINUX_FS_WALK_H

#include "guest/lib/walk.h"

/* walk_path over all that the program sees. */
int64_t fs_walk(const char *path, size_t known, bool follow, char out[PATH_MAX],
		struct walk_end *end);

#endif
