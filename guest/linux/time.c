/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on clocks, sleep and timers. */
#include "guest/linux/syscall.h"

int64_t now_ns(void)
{
	struct mote_time t = {0};
	(void)lib_clock_get(L.area, 1, &t);
	return t.sec * NS + t.nsec;
}

struct mote_time time_of(int64_t ns)
{
	if (ns < 0)
		ns = 0;
	return (struct mote_time){.sec = ns / NS, .nsec = ns % NS};
}

struct mote_time time_left(const struct mote_time *t, int64_t since)
{
	int64_t passed = now_ns() - since, whole;
	if (__builtin_mul_overflow(t->sec, (int64_t)NS, &whole) || __builtin_add_overflow(whole, t->nsec, &whole))
		return *t;
	return time_of(whole - passed);
}

SYSCALL(clock_gettime)
{
	struct mote_time t;
	int64_t rc = lib_clock_get(L.area, (uint32_t)s->a, &t);
	return rc == 0 && s->b ? put_user(s->b, &t, sizeof(t)) : rc;
}

SYSCALL(clock_getres)
{
	return mote_clock_resolution(L.area, (uint32_t)s->a, (void *)s->b);
}

SYSCALL(gettimeofday)
{
	struct mote_time t;
	(void)lib_clock_get(L.area, 0, &t);
	t.nsec /= 1000;
	return s->a ? put_user(s->a, &t, sizeof(t)) : 0;
}

SYSCALL(time)
{
	struct mote_time t;
	(void)lib_clock_get(L.area, 0, &t);
	if (s->a && put_user(s->a, &t.sec, 8) < 0)
		return -E_FAULT;
	return t.sec;
}

static int64_t sleep_for(uint32_t clock, uint32_t absolute, uint64_t request, uint64_t remaining)
{
	struct mote_time t, left;
	if (get_user(&t, request, sizeof(t)) < 0)
		return -E_FAULT;
	int64_t since = now_ns(), rc;
	left = t;
	while ((rc = mote_sleep(L.area, clock, absolute, &left)) == -E_INTR && !signal_waiting())
		if (!absolute)
			left = time_left(&t, since);
	if (rc == -E_INTR && remaining && !absolute) {
		left = time_left(&t, since);
		if (put_user(remaining, &left, sizeof(left)) < 0)
			return -E_FAULT;
	}
	return rc;
}

SYSCALL(nanosleep)
{
	return sleep_for(1, 0, s->a, s->b);
}

SYSCALL(clock_nanosleep)
{
	return sleep_for((uint32_t)s->a, (uint32_t)s->b & 1, s->c, s->d);
}

static int64_t timer_left(void)
{
	if (!L.timer_end_ns)
		return 0;
	int64_t left = L.timer_end_ns - now_ns();
	if (left <= 0 && L.timer_interval_ns)
		left = L.timer_interval_ns - -left % L.timer_interval_ns;
	return left > 0 ? left : 0;
}

static int64_t timer_set(int64_t value_ns, int64_t interval_ns)
{
	const struct mote_time value = time_of(value_ns), interval = time_of(interval_ns);
	int64_t rc = mote_alarm(L.area, &value, &interval);
	if (rc == 0) {
		L.timer_end_ns = value_ns ? now_ns() + value_ns : 0;
		L.timer_interval_ns = value_ns ? interval_ns : 0;
	}
	return rc;
}

SYSCALL(alarm)
{
	int64_t left = timer_left(), rc = timer_set((int64_t)(uint32_t)s->a * NS, 0);
	return rc < 0 ? rc : (left + NS - 1) / NS;
}

static int64_t put_timer(uint64_t to)
{
	int64_t left = timer_left(), interval = L.timer_interval_ns;
	const int64_t t[4] = {interval / NS, interval % NS / 1000, left / NS, left % NS / 1000};
	return put_user(to, t, sizeof(t));
}

SYSCALL(getitimer)
{
	return (uint32_t)s->a == 0 ? put_timer(s->b) : -E_INVAL;
}

SYSCALL(setitimer)
{
	int64_t t[4] = {0}; /* interval, value: seconds and microseconds */
	const int64_t far = 1L << 32; /* seconds; keeps nanoseconds within 63 bits */
	if ((uint32_t)s->a != 0)
		return -E_INVAL;
	if (s->b && get_user(t, s->b, sizeof(t)) < 0)
		return -E_FAULT;
	for (int i = 0; i < 4; i += 2) {
		if (t[i] < 0 || t[i + 1] < 0 || t[i + 1] >= 1000000)
			return -E_INVAL;
		t[i] = t[i] > far ? far : t[i];
	}
	if (s->c && put_timer(s->c) < 0)
		return -E_FAULT;
	return timer_set(t[2] * NS + t[3] * 1000, t[0] * NS + t[1] * 1000);
}

SYSCALL(times)
{
	struct mote_time t;
	mote_clock_get(L.area, 3, &t);
	int64_t ticks[4] = {t.sec * 100 + t.nsec / 10000000, 0, 0, 0};
	if (s->a && put_user(s->a, ticks, sizeof(ticks)) < 0)
		return -E_FAULT;
	(void)lib_clock_get(L.area, 1, &t);
	return t.sec * 100 + t.nsec / 10000000;
}
