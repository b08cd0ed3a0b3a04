/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_CWD_H
#define MOTE_GUEST_LINUX_FS_CWD_H

#include "guest/linux/fs/lookup.h"

/*
 * After `from` was renamed to `to`, or exchanged with it: the working directory and directories
 * that are open follow. What other processes rename is not seen.
 */
void cwd_renamed(const struct resolved_path *from, const struct resolved_path *to, bool exchange);
/*
 * Before a directory is removed: a descriptor of it if it is the working directory, to be kept
 * (lookup_hold) if it goes; negative if not.
 */
int64_t cwd_before_removal(const struct resolved_path *p);

#endif
