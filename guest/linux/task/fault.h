/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_TASK_FAULT_H
#define MOTE_GUEST_LINUX_TASK_FAULT_H

#include "guest/linux/state.h"

/* Called by linux_fault_entry with what the host wrote into the area. */
_Noreturn void linux_fault(struct mote_area *area);
/*
 * Called on the way back to a context if there are signals to deliver first; that looks at what is
 * pending again afterwards. Does not return if the context is the runtime's own.
 */
void linux_signals(struct mote_context *c, uint32_t *busy);

#endif
