/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_STAT_H
#define MOTE_GUEST_LINUX_FS_STAT_H

#include "guest/linux/state.h"

/*
 * What newfstatat reports, as the host has it; AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW count among
 * the flags.
 */
int64_t stat_path(int32_t dirfd, uint64_t path, uint32_t flags, struct mote_stat *to);

#endif
