/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_ATTRIBUTES_H
#define MOTE_GUEST_LINUX_FS_ATTRIBUTES_H

#include "guest/linux/state.h"

/*
 * Sets the access and modification times of a path, or of the descriptor itself if the path is 0.
 */
int64_t attributes_set_times(int32_t dirfd, uint64_t path, const struct mote_time times[2],
			     uint32_t flags);

#endif
