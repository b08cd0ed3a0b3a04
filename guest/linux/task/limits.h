/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_TASK_LIMITS_H
#define MOTE_GUEST_LINUX_TASK_LIMITS_H

#include <stdint.h>

/* The limit of that number, RLIMIT_*: below RLIM_NLIMITS. UINT64_MAX: none. */
uint64_t limits_soft(uint32_t which);
/* What the boot information limits holds from now on. */
void limits_start(void);
void limits_get(uint32_t which, uint64_t *soft, uint64_t *hard);

#endif
