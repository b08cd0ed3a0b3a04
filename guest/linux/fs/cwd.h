/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_CWD_H
#define MOTE_GUEST_LINUX_FS_CWD_H

#include "guest/linux/fs/lookup.h"

/*
 * After `from` was renamed to `to`, or exchanged with it: the working directory and directories
 * that are open follow. What other processes rename is not seen.
 */
void cwd_renamed(const struct resolved_path *from, const struct resolved_path *to, bool exchange);
/* After a directory was removed: it may have been the working directory. */
void cwd_removed(const struct resolved_path *p);

#endif
