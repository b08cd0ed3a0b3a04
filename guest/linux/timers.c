/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: setitimer's three, RLIMIT_CPU's two and those of timer_create. */
#include "guest/linux/timers.h"

#include "guest/linux/syscall.h"
#include "guest/linux/time.h"

#include <linux/resource.h>
#include <linux/signal.h>
#include <linux/time.h>

enum {
	INTERVAL_TIMERS = 3,
	CPU_SOFT = INTERVAL_TIMERS, /* RLIMIT_CPU's */
	CPU_HARD,
	OWN_TIMERS,
	TIMERS_MAX = OWN_TIMERS + 64,
	CLOCK_TAI_NR = 11,
};

struct timer {
	bool used, on_cpu_time; /* on the time of the vCPU's thread, else on CLOCK_MONOTONIC */
	uint32_t clock;         /* as the program named it */
	int32_t signo, code;    /* signal 0: none is sent */
	uint64_t value;
	int64_t end_ns, interval_ns; /* end 0: not set */
	int64_t overrun;
};

static struct timer timers[TIMERS_MAX] = {
	[ITIMER_REAL] = {.used = true, .signo = SIGALRM, .code = SI_KERNEL},
	[ITIMER_VIRTUAL] = {.used = true,
			    .on_cpu_time = true,
			    .signo = SIGVTALRM,
			    .code = SI_KERNEL},
	[ITIMER_PROF] = {.used = true, .on_cpu_time = true, .signo = SIGPROF, .code = SI_KERNEL},
	[CPU_SOFT] = {.used = true, .on_cpu_time = true, .signo = SIGXCPU, .code = SI_KERNEL},
	[CPU_HARD] = {.used = true, .on_cpu_time = true, .signo = SIGKILL, .code = SI_KERNEL},
};

/* The soft limit, in seconds: as on Linux, it is one more after each SIGXCPU. */
static uint64_t cpu_soft = RLIM64_INFINITY;

/* When the alarm was set, in both times; the VM's generation then, and when it was to come. */
static struct {
	bool set;
	uint64_t generation;
	int64_t at[2], due;
} alarm;

static int64_t clock_ns(uint32_t clock)
{
	struct mote_time t = {0};
	(void)!lib_clock_get(mote_area(), clock, &t);
	return t.sec * NS_PER_S + t.nsec;
}

static int64_t now_of(bool on_cpu_time)
{
	return clock_ns(on_cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC);
}

static struct mote_time to_time(int64_t ns)
{
	return (struct mote_time){.sec = ns / NS_PER_S, .nsec = ns % NS_PER_S};
}

/* --- the alarm --- */

/* How long until the first one; INT64_MAX: none is set. */
static int64_t nearest(void)
{
	int64_t now[2] = {0}, first = INT64_MAX;
	bool known[2] = {false};
	for (int i = 0; i < TIMERS_MAX; i++) {
		const struct timer *t = &timers[i];
		const bool cpu = t->on_cpu_time;
		if (!t->end_ns)
			continue;
		if (!known[cpu])
			now[cpu] = now_of(cpu);
		known[cpu] = true;
		const int64_t left = t->end_ns - now[cpu];
		if (left < first)
			first = left;
	}
	return first;
}

/* Between an alarm and the next: each costs an exit, and more if the program has a handler. */
#define ALARM_MIN_NS 1000000

/*
 * CPU time does not pass faster than the other: at the alarm, whoever is not there yet is waited
 * for again.
 */
static int64_t set_alarm(int64_t least_ns)
{
	const struct mote_time none = {0};
	int64_t left = nearest();
	const bool set = left != INT64_MAX;
	if (!set && !alarm.set)
		return 0;
	if (left < least_ns)
		left = least_ns;
	alarm.set = set;
	mote_area()->handled_signals |= 1UL << (MOTE_ALARM_SIGNAL - 1);
	if (!set)
		return mote_alarm(mote_area(), &none, &none);
	alarm.generation = process.boot->generation;
	alarm.at[0] = now_of(false);
	alarm.at[1] = now_of(true);
	alarm.due = alarm.at[0] + left;
	const struct mote_time value = to_time(left);
	return mote_alarm(mote_area(), &value, &none);
}

/*
 * In a VM that was restored from a snapshot clocks are others, and the alarm has gone on from what
 * was left of it: timers move along.
 */
static void move_along(bool by_alarm)
{
	if (!alarm.set || alarm.generation == process.boot->generation)
		return;
	const int64_t was = by_alarm ? alarm.due : alarm.at[0];
	const int64_t by[2] = {now_of(false) - was, now_of(true) - alarm.at[1]};
	for (int i = 0; i < TIMERS_MAX; i++)
		if (timers[i].end_ns)
			timers[i].end_ns += by[timers[i].on_cpu_time];
}

static void expire(struct timer *t, int64_t late)
{
	const uint32_t id = (uint32_t)(t - timers) - OWN_TIMERS;
	int64_t times = 1;
	if (t->interval_ns)
		times += late / t->interval_ns;
	t->end_ns = t->interval_ns ? t->end_ns + times * t->interval_ns : 0;
	if (t == &timers[CPU_SOFT])
		cpu_soft += (uint64_t)times;
	if (!t->signo)
		return;
	if (t->code == SI_TIMER && signal_is_queued(t->signo, SI_TIMER, id)) {
		t->overrun += times;
		return;
	}
	t->overrun = times - 1;
	struct signal_info info = {.signo = t->signo, .code = t->code, .value = t->value};
	if (t->code == SI_TIMER)
		info.word = id | (uint64_t)t->overrun << 32;
	(void)!signal_queue(&info);
}

static void run(bool by_alarm)
{
	move_along(by_alarm);
	for (int i = 0; i < TIMERS_MAX; i++) {
		struct timer *t = &timers[i];
		if (!t->end_ns)
			continue;
		const int64_t late = now_of(t->on_cpu_time) - t->end_ns;
		if (late >= 0)
			expire(t, late);
	}
}

/* An interval that is shorter than ALARM_MIN_NS counts overruns: the program shall get on. */
void timers_run(void)
{
	run(true);
	(void)!set_alarm(ALARM_MIN_NS);
}

void timers_forget(void)
{
	memset(timers + OWN_TIMERS, 0, sizeof(timers) - OWN_TIMERS * sizeof(timers[0]));
	if (alarm.set)
		(void)!set_alarm(1);
}

/* --- one timer --- */

static int64_t left_of(const struct timer *t)
{
	if (!t->end_ns)
		return 0;
	const int64_t left = t->end_ns - now_of(t->on_cpu_time);
	return left < 1 ? 1 : left;
}

static int64_t start(struct timer *t, int64_t value_ns, int64_t interval_ns)
{
	t->end_ns = t->interval_ns = t->overrun = 0;
	if (value_ns) {
		t->end_ns = now_of(t->on_cpu_time) + value_ns;
		t->interval_ns = interval_ns;
	}
	return set_alarm(1);
}

int64_t timer_left(void)
{
	run(false);
	return left_of(&timers[ITIMER_REAL]);
}

int64_t timer_set(int64_t value_ns, int64_t interval_ns)
{
	run(false);
	return start(&timers[ITIMER_REAL], value_ns, interval_ns);
}

/* The limits are of all the time since the process began, not of that from now on. */
static void set_cpu_limit(struct timer *t, uint64_t seconds, int64_t interval_ns)
{
	const uint64_t far = 1UL << 32;
	t->end_ns = t->interval_ns = 0;
	if (seconds == RLIM64_INFINITY)
		return;
	t->end_ns = (int64_t)min_u64(seconds, far) * NS_PER_S + 1;
	t->interval_ns = interval_ns;
}

void timers_limit_cpu(uint64_t soft, uint64_t hard)
{
	run(false);
	cpu_soft = soft;
	set_cpu_limit(&timers[CPU_SOFT], soft, NS_PER_S);
	set_cpu_limit(&timers[CPU_HARD], hard, 0);
	(void)!set_alarm(1);
}

uint64_t timers_cpu_limit(void)
{
	run(false);
	return cpu_soft;
}

/* Nanoseconds within 62 bits, or -EINVAL; unit_ns is that of the fraction. */
static int64_t checked_ns(int64_t sec, int64_t fraction, int64_t unit_ns)
{
	const int64_t far = 1L << 32; /* seconds */
	if (sec < 0 || fraction < 0 || fraction >= NS_PER_S / unit_ns)
		return -EINVAL;
	return (sec > far ? far : sec) * NS_PER_S + fraction * unit_ns;
}

/* --- setitimer --- */

/* The kernel's struct itimerval. */
struct interval_timer {
	struct {
		int64_t sec, usec;
	} interval, value;
};

static int64_t put_interval_timer(const struct timer *timer, uint64_t to)
{
	const int64_t left =
		left_of(timer) + NS_PER_US - 1; /* rounded up; 0 stays less than 1 us */
	const struct interval_timer t = {
		.interval = {.sec = timer->interval_ns / NS_PER_S,
			     .usec = timer->interval_ns % NS_PER_S / NS_PER_US},
		.value = {.sec = left / NS_PER_S, .usec = left % NS_PER_S / NS_PER_US},
	};
	return put_user(to, &t, sizeof(t));
}

int64_t sys_getitimer(uint32_t which, uint64_t to)
{
	if (which >= INTERVAL_TIMERS)
		return -EINVAL;
	run(false);
	return put_interval_timer(&timers[which], to);
}

int64_t sys_setitimer(uint32_t which, uint64_t from, uint64_t old)
{
	struct interval_timer t = {.value = {0}};
	if (from && get_user(&t, from, sizeof(t)) < 0)
		return -EFAULT;
	int64_t value = checked_ns(t.value.sec, t.value.usec, NS_PER_US),
		interval = checked_ns(t.interval.sec, t.interval.usec, NS_PER_US);
	if (which >= INTERVAL_TIMERS || value < 0 || interval < 0)
		return -EINVAL;
	run(false);
	if (old && put_interval_timer(&timers[which], old) < 0)
		return -EFAULT;
	return start(&timers[which], value, interval);
}

/* --- timer_create --- */

/* The kernel's struct sigevent, as far as it matters. */
struct event {
	uint64_t value;
	int32_t signo, notify, thread, pad;
};

static struct timer *timer_of(int32_t id)
{
	if (id < 0 || id >= TIMERS_MAX - OWN_TIMERS || !timers[OWN_TIMERS + id].used)
		return NULL;
	return &timers[OWN_TIMERS + id];
}

/* The C library names the CPU time of the caller's process and thread by these. */
static uint32_t known_clock(int32_t clock)
{
	const int32_t own_process = ~0 * 8 | 2, own_thread = ~0 * 8 | 6;
	if (clock == own_process)
		return CLOCK_PROCESS_CPUTIME_ID;
	if (clock == own_thread)
		return CLOCK_THREAD_CPUTIME_ID;
	return (uint32_t)clock;
}

static int64_t check_clock(uint32_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI_NR:
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
		return 0;
	case CLOCK_REALTIME_ALARM: /* they wake the machine */
	case CLOCK_BOOTTIME_ALARM:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

static int64_t check_event(const struct event *e)
{
	if (e->notify == SIGEV_NONE)
		return 0;
	if (e->notify != SIGEV_SIGNAL && e->notify != SIGEV_THREAD &&
	    e->notify != (SIGEV_SIGNAL | SIGEV_THREAD_ID))
		return -EINVAL;
	if ((e->notify & SIGEV_THREAD_ID) && e->thread != (int32_t)process.boot->pid)
		return -EINVAL;
	return e->signo >= 1 && e->signo <= SIGNALS ? 0 : -EINVAL;
}

int64_t sys_timer_create(int named, uint64_t event_at, uint64_t id_at)
{
	const uint32_t clock = known_clock(named);
	int32_t id = 0;
	while (id < TIMERS_MAX - OWN_TIMERS && timer_of(id))
		id++;
	struct event e = {.signo = SIGALRM, .notify = SIGEV_SIGNAL, .value = (uint64_t)id};
	int64_t rc = check_clock(clock);
	if (rc < 0)
		return rc;
	if (event_at && get_user(&e, event_at, sizeof(e)) < 0)
		return -EFAULT;
	rc = check_event(&e);
	if (rc < 0)
		return rc;
	if (id == TIMERS_MAX - OWN_TIMERS)
		return -EAGAIN;
	if (put_user(id_at, &id, sizeof(id)) < 0)
		return -EFAULT;
	timers[OWN_TIMERS + id] = (struct timer){
		.used = true,
		.on_cpu_time =
			clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID,
		.clock = clock,
		.signo = e.notify == SIGEV_NONE ? 0 : e.signo,
		.code = SI_TIMER,
		.value = e.value,
	};
	return 0;
}

static int64_t put_timer(const struct timer *t, uint64_t to)
{
	const struct mote_timer shown = {
		.interval = to_time(t->interval_ns),
		.value = to_time(left_of(t)),
	};
	return put_user(to, &shown, sizeof(shown));
}

int64_t sys_timer_settime(int id, uint32_t flags, uint64_t from, uint64_t old)
{
	struct timer *t = timer_of(id);
	struct mote_timer next;
	if (!from)
		return -EINVAL;
	if (get_user(&next, from, sizeof(next)) < 0)
		return -EFAULT;
	int64_t value = checked_ns(next.value.sec, next.value.nsec, 1),
		interval = checked_ns(next.interval.sec, next.interval.nsec, 1);
	if (!t || value < 0 || interval < 0)
		return -EINVAL;
	run(false);
	if (old && put_timer(t, old) < 0)
		return -EFAULT;
	if (value && (flags & TIMER_ABSTIME)) {
		value -= clock_ns(t->clock);
		if (value < 1)
			value = 1;
	}
	return start(t, value, interval);
}

int64_t sys_timer_gettime(int id, uint64_t to)
{
	const struct timer *t = timer_of(id);
	if (!t)
		return -EINVAL;
	run(false);
	return put_timer(t, to);
}

int64_t sys_timer_getoverrun(int id)
{
	const struct timer *t = timer_of(id);
	if (!t)
		return -EINVAL;
	return t->overrun > INT32_MAX ? INT32_MAX : t->overrun;
}

int64_t sys_timer_delete(int id)
{
	struct timer *t = timer_of(id);
	if (!t)
		return -EINVAL;
	*t = (struct timer){.used = false};
	return set_alarm(1);
}
