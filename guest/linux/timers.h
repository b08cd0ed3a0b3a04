/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's timers, those of setitimer and of timer_create, over the one alarm that a vCPU has.
 * The alarm arrives as MOTE_ALARM_SIGNAL, a number that the program does not see.
 */
#ifndef MOTE_GUEST_LINUX_TIMERS_H
#define MOTE_GUEST_LINUX_TIMERS_H

#include "guest/linux/state.h"

/* Queues the signals of the timers that have expired, and sets the alarm for the next one. */
void timers_run(void);
/* For execve: timers of timer_create are gone. */
void timers_forget(void);

/*
 * RLIMIT_CPU, in seconds: SIGXCPU when the process has had the soft limit's CPU time and with each
 * second more, SIGKILL at the hard one's. UINT64_MAX: none.
 */
void timers_limit_cpu(uint64_t soft, uint64_t hard);
/* The soft limit, which is one more with each SIGXCPU. */
uint64_t timers_cpu_limit(void);

/* Sets ITIMER_REAL; 0 as the value ends it. */
int64_t timer_set(int64_t value_ns, int64_t interval_ns);
/* How long until it expires; 0: it is not set. */
int64_t timer_left(void);

#endif
