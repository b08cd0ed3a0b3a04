/* SPDX-License-Identifier: Apache-2.0 */
/* Where a stack pointer is, of the alternate stack of signal handlers. */
#ifndef MOTE_GUEST_LINUX_TASK_ALT_STACK_H
#define MOTE_GUEST_LINUX_TASK_ALT_STACK_H

#include "guest/linux/arch/arch.h"

#include <linux/signal.h>

/* Whether the alternate stack has that stack pointer in it. */
static inline bool alt_stack_holds(const struct alt_stack *s, uint64_t sp)
{
	return sp > s->sp && sp - s->sp <= s->bytes;
}

/* The same, of a stack that its signals do not disarm (SS_AUTODISARM): it is in use. */
static inline bool alt_stack_used(const struct alt_stack *s, uint64_t sp)
{
	return !(s->flags & (int32_t)SS_AUTODISARM) && alt_stack_holds(s, sp);
}

#endif
