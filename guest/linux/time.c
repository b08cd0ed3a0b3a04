/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on clocks, sleep and timers. */
#include "guest/linux/time.h"

#include "guest/linux/syscall.h"

#include <linux/time.h>
#include <linux/times.h>

enum { TICKS_PER_S = 100 };

int64_t time_now_ns(void)
{
	struct mote_time t = {0};
	(void)!lib_clock_get(mote_area(), CLOCK_MONOTONIC, &t);
	return t.sec * NS_PER_S + t.nsec;
}

struct mote_time time_of_ns(int64_t ns)
{
	if (ns < 0)
		ns = 0;
	return (struct mote_time){.sec = ns / NS_PER_S, .nsec = ns % NS_PER_S};
}

struct mote_time time_of_ms(int32_t ms)
{
	return time_of_ns((int64_t)ms * NS_PER_MS);
}

struct mote_time time_left(const struct mote_time *t, int64_t since)
{
	int64_t whole;
	if (__builtin_mul_overflow(t->sec, (int64_t)NS_PER_S, &whole) ||
	    __builtin_add_overflow(whole, t->nsec, &whole))
		return *t;
	return time_of_ns(whole - (time_now_ns() - since));
}

void wait_begin(struct wait *w, const struct mote_time *timeout)
{
	*w = (struct wait){.timeout = timeout, .whole = timeout};
	/* Without a handler every signal ends the program or never reaches it. */
	if (timeout && (timeout->sec || timeout->nsec) && mote_area()->handled_signals)
		w->since = time_now_ns();
}

bool wait_again(struct wait *w, int64_t rc)
{
	if (rc != -EINTR || signal_waiting())
		return false;
	if (w->since) {
		w->left = time_left(w->whole, w->since);
		w->timeout = &w->left;
	}
	return true;
}

int64_t wait_arguments(uint64_t timeout_at, uint64_t mask, uint64_t mask_bytes, struct mote_time *t,
		       const struct mote_time **timeout)
{
	if (get_user_timeout(timeout_at, t, timeout) < 0)
		return -EFAULT;
	return signal_mask_for_wait(mask, mask_bytes);
}

/* --- clocks --- */

int64_t sys_clock_gettime(uint32_t clock, uint64_t to)
{
	struct mote_time t;
	int64_t rc = lib_clock_get(mote_area(), clock, &t);
	if (rc < 0)
		return rc;
	return put_user(to, &t, sizeof(t));
}

int64_t sys_clock_getres(uint32_t clock, uint64_t to)
{
	struct mote_time t;
	int64_t rc = mote_clock_resolution(mote_area(), clock, &t);
	if (rc < 0)
		return rc;
	return put_user_optional(to, &t, sizeof(t));
}

int64_t sys_gettimeofday(uint64_t to)
{
	struct mote_time t;
	(void)!lib_clock_get(mote_area(), CLOCK_REALTIME, &t);
	t.nsec /= NS_PER_US;
	return put_user_optional(to, &t, sizeof(t));
}

static int64_t ticks(const struct mote_time *t)
{
	return t->sec * TICKS_PER_S + t->nsec / (NS_PER_S / TICKS_PER_S);
}

int64_t sys_times(uint64_t to)
{
	struct mote_time cpu, now;
	(void)!mote_clock_get(mote_area(), CLOCK_THREAD_CPUTIME_ID, &cpu);
	const struct tms t = {.tms_utime = ticks(&cpu)};
	if (put_user_optional(to, &t, sizeof(t)) < 0)
		return -EFAULT;
	(void)!lib_clock_get(mote_area(), CLOCK_MONOTONIC, &now);
	return ticks(&now);
}

/* --- sleep --- */

static int64_t sleep_for(uint32_t clock, uint32_t flags, uint64_t request, uint64_t remaining)
{
	const bool absolute = flags & TIMER_ABSTIME;
	struct mote_time whole, left;
	if (get_user(&whole, request, sizeof(whole)) < 0)
		return -EFAULT;
	int64_t since = time_now_ns(), rc;
	left = whole;
	while ((rc = mote_sleep(mote_area(), clock, absolute, &left)) == -EINTR &&
	       !signal_waiting())
		if (!absolute)
			left = time_left(&whole, since);
	if (rc != -EINTR || absolute)
		return rc;
	left = time_left(&whole, since);
	if (put_user_optional(remaining, &left, sizeof(left)) < 0)
		return -EFAULT;
	return -EINTR;
}

int64_t sys_nanosleep(uint64_t request, uint64_t remaining)
{
	return sleep_for(CLOCK_MONOTONIC, 0, request, remaining);
}

int64_t sys_clock_nanosleep(uint32_t clock, uint32_t flags, uint64_t request, uint64_t remaining)
{
	switch (clock) { /* those that can be read only */
	case CLOCK_THREAD_CPUTIME_ID:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	}
	return sleep_for(clock, flags, request, remaining);
}
