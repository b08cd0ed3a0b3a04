/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_DIR_COOKIE_H
#define MOTE_GUEST_LINUX_FS_DIR_COOKIE_H

#include <stdint.h>

/*
 * The host's cookie at which a directory's next getdents64 begins; 0 for a descriptor that cannot
 * be one.
 */
int64_t dir_cookie(int32_t fd);
void dir_cookie_set(int32_t fd, int64_t cookie);

#endif
