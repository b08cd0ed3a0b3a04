/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_POLL_H
#define MOTE_GUEST_LINUX_POLL_H

#include "guest/linux/state.h"

/* poll and select; timeout NULL: none. */
int64_t poll_for(uint64_t fds, uint32_t count, const struct mote_time *timeout);
int64_t select_for(uint32_t count, const uint64_t sets[3], const struct mote_time *timeout);

#endif
