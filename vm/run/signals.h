/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a guest is to end or its wait is over: signals, limits, vm_interrupt(). */
#ifndef MOTE_VM_RUN_SIGNALS_H
#define MOTE_VM_RUN_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct vcpu;

#define SIGNAL_BIT(signo) (1UL << ((signo)-1))
/* Those that do nothing to a program without a handler. */
#define SIGNALS_IGNORED \
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))

static inline bool signal_in(uint64_t set, int signo)
{
	return set >> (signo - 1) & 1;
}

/*
 * True if a blocking handler must give up with -EINTR: a signal or an alarm is pending, or the end.
 */
bool vcpu_interrupted(struct vcpu *vcpu);
/*
 * True if the guest is to end, whatever it thinks of it: a limit, an interrupt, a signal without a
 * handler.
 */
bool vcpu_ending(struct vcpu *vcpu);
#endif
