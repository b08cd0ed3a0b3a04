/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/run/timer.h"

#include "vm/internal.h"
#include "vm/run/kick_signal.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NS 1000000000UL

/*
 * A guest chooses its alarm's interval, and each alarm costs an exit and a signal: at shorter ones
 * neither guest nor host would get to anything else.
 */
enum { INTERVAL_MIN_NS = 1000000 };

int vcpu_timer_make(struct vcpu_timer *t)
{
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = kick_signal()};
	if (t->made)
		return 0;
	ev.sigev_value.sival_ptr = &t->fired;
	ev._sigev_un._tid = (int)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &ev, &t->id) < 0)
		return -errno;
	t->made = true;
	return 0;
}

int vcpu_timer_set(struct vcpu *vcpu, struct vcpu_timer *t, uint64_t first_ns, uint64_t interval_ns)
{
	int rc = vcpu_timer_make(t);
	if (rc < 0)
		return rc;
	vcpu->may_pend = true;
	if (interval_ns && interval_ns < INTERVAL_MIN_NS)
		interval_ns = INTERVAL_MIN_NS;
	t->armed = first_ns != 0;
	struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(first_ns / NS), .tv_nsec = (long)(first_ns % NS)},
		.it_interval = {.tv_sec = (time_t)(interval_ns / NS),
				.tv_nsec = (long)(interval_ns % NS)},
	};
	if (timer_settime(t->id, 0, &when, NULL) < 0)
		return -errno;
	return 0;
}

uint64_t vcpu_timer_left(const struct vcpu_timer *t, uint64_t *interval_ns)
{
	struct itimerspec left = {0};
	if (!t->armed || timer_gettime(t->id, &left) < 0)
		return 0;
	*interval_ns = (uint64_t)left.it_interval.tv_sec * NS + (uint64_t)left.it_interval.tv_nsec;
	return (uint64_t)left.it_value.tv_sec * NS + (uint64_t)left.it_value.tv_nsec;
}

void vcpu_timer_end(const struct vcpu *vcpu, struct vcpu_timer *t)
{
	const struct itimerspec never = {0};
	if (t->made && vcpu->timers_of && t->armed)
		timer_settime(t->id, 0, &never, NULL);
	else if (t->made && !vcpu->timers_of)
		timer_delete(t->id);
	t->made = t->made && vcpu->timers_of;
	t->armed = false;
}
