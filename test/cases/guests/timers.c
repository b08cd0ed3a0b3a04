/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX timers, and all three of setitimer. */
#define _GNU_SOURCE
#include "show.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int caught[65];
static siginfo_t got;

/* The most overruns of one signal: on a slow machine others come after the one that was blocked. */
static timer_t repeated_timer;
static volatile int most_overrun;

static void handler(int signo, siginfo_t *info, void *context)
{
	caught[signo]++;
	got = *info;
	if (signo != SIGUSR2)
		return;
	int overrun = timer_getoverrun(repeated_timer);
	if (overrun > most_overrun)
		most_overrun = overrun;
}

static void handle(int signo)
{
	struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigaction(signo, &a, NULL);
}

static timer_t make(clockid_t clock, int signo, int value)
{
	timer_t t = 0;
	struct sigevent e = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo, .sigev_value.sival_int = value};
	printf("timer_create %d: %ld\n", clock, RESULT(timer_create(clock, &e, &t)));
	return t;
}

static void once(clockid_t clock, int spin)
{
	struct itimerspec far = {.it_value.tv_sec = 1000}, soon = {.it_value.tv_nsec = 10000000},
			  now;
	timer_t t = make(clock, SIGUSR1, 42);
	caught[SIGUSR1] = 0;
	SHOW(timer_settime(t, 0, &far, NULL));
	SHOW(timer_gettime(t, &now));
	printf("left %d\n", now.it_value.tv_sec >= 900 && now.it_value.tv_sec <= 1000);
	SHOW(timer_settime(t, 0, &soon, &now));
	printf("was %d\n", now.it_value.tv_sec >= 900 && now.it_value.tv_sec <= 1000);
	while (!caught[SIGUSR1])
		if (!spin)
			usleep(1000);
	printf("caught %d code %d value %d overrun %d\n", caught[SIGUSR1], got.si_code,
	       got.si_value.sival_int, got.si_overrun);
	SHOW(timer_gettime(t, &now));
	printf("set %d\n", now.it_value.tv_sec != 0 || now.it_value.tv_nsec != 0);
	SHOW(timer_delete(t));
	SHOW(timer_delete(t));
}

static void absolute(clockid_t clock)
{
	struct itimerspec at = {{0}};
	timer_t t = make(clock, SIGRTMIN, 1);
	sigset_t set;
	sigemptyset(&set), sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	clock_gettime(clock, &at.it_value);
	at.it_value.tv_nsec += 3000000;
	if (at.it_value.tv_nsec >= 1000000000)
		at.it_value.tv_nsec -= 1000000000, at.it_value.tv_sec++;
	SHOW(timer_settime(t, TIMER_ABSTIME, &at, NULL));
	SHOW(sigwaitinfo(&set, &got) == SIGRTMIN);
	printf("code %d value %d\n", got.si_code, got.si_value.sival_int);
	at.it_value.tv_sec = 1; /* long ago */
	SHOW(timer_settime(t, TIMER_ABSTIME, &at, NULL));
	SHOW(sigwaitinfo(&set, &got) == SIGRTMIN);
	SHOW(timer_delete(t));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void repeated(void)
{
	struct itimerspec often = {{0, 2000000}, {0, 2000000}}, now;
	timer_t t = make(CLOCK_MONOTONIC, SIGUSR2, 7);
	repeated_timer = t;
	caught[SIGUSR2] = 0;
	timer_settime(t, 0, &often, NULL);
	while (caught[SIGUSR2] < 5)
		usleep(1000);
	timer_gettime(t, &now);
	printf("interval %ld, left %d\n", now.it_interval.tv_nsec, now.it_value.tv_nsec <= 2000000);
	sigset_t set;
	sigemptyset(&set), sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	caught[SIGUSR2] = most_overrun = 0;
	usleep(30000);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	printf("blocked: overrun %d\n", most_overrun > 5);
	memset(&often, 0, sizeof(often));
	SHOW(timer_settime(t, 0, &often, &now));
	caught[SIGUSR2] = 0;
	usleep(10000);
	printf("stopped: %d\n", caught[SIGUSR2]);
	timer_delete(t);
}

static void interval_timers(void)
{
	static const struct {
		int which, signo;
	} kinds[] = {{ITIMER_REAL, SIGALRM}, {ITIMER_VIRTUAL, SIGVTALRM}, {ITIMER_PROF, SIGPROF}};
	for (int i = 0; i < 3; i++) {
		struct itimerval t = {.it_value.tv_usec = 10000}, old;
		handle(kinds[i].signo);
		printf("setitimer %d: %ld\n", i, RESULT(setitimer(kinds[i].which, &t, NULL)));
		while (!caught[kinds[i].signo])
			;
		printf("signal %d code %d\n", got.si_signo, got.si_code);
		SHOW(getitimer(kinds[i].which, &old));
		printf("left %ld %ld\n", old.it_value.tv_sec, old.it_value.tv_usec);
	}
	/* All at once, and what is not due does not come. */
	struct itimerval far = {.it_value.tv_sec = 1000}, soon = {.it_value.tv_usec = 3000}, old;
	setitimer(ITIMER_VIRTUAL, &far, NULL), setitimer(ITIMER_PROF, &far, NULL);
	memset((void *)caught, 0, sizeof(caught));
	setitimer(ITIMER_REAL, &soon, NULL);
	while (!caught[SIGALRM])
		usleep(1000);
	printf("one %d of %d\n", caught[SIGALRM],
	       caught[SIGALRM] + caught[SIGVTALRM] + caught[SIGPROF]);
	SHOW(setitimer(ITIMER_PROF, &(struct itimerval){0}, &old));
	printf("left %d\n", old.it_value.tv_sec >= 900 && old.it_value.tv_sec <= 1000);
	setitimer(ITIMER_VIRTUAL, &(struct itimerval){0}, NULL);
	SHOW(setitimer(9, &soon, NULL));
	SHOW(alarm(1000));
	unsigned seconds = alarm(0);
	printf("left %d\n", seconds > 900 && seconds <= 1000);
	/* A sleep and a read see of a timer without a signal nothing. */
	timer_t t = 0;
	struct sigevent none = {.sigev_notify = SIGEV_NONE};
	struct itimerspec in = {.it_value.tv_nsec = 1000000};
	SHOW(timer_create(CLOCK_MONOTONIC, &none, &t));
	SHOW(timer_settime(t, 0, &in, NULL));
	SHOW(usleep(10000));
	SHOW(timer_delete(t));
}

static void refused(void)
{
	timer_t t;
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
	struct itimerspec bad = {.it_value.tv_nsec = 1000000000};
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &t));
	e = (struct sigevent){.sigev_notify = 77, .sigev_signo = 1};
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &t));
	SHOW(syscall(SYS_timer_create, 99, NULL, &t));
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, 8));
	SHOW(syscall(SYS_timer_settime, 12345, 0, &bad, NULL));
	SHOW(syscall(SYS_timer_gettime, 12345, &bad));
	SHOW(syscall(SYS_timer_getoverrun, -1));
	SHOW(syscall(SYS_timer_delete, -1));
	SHOW(timer_create(CLOCK_MONOTONIC, NULL, &t));
	SHOW(timer_settime(t, 0, &bad, NULL));
	SHOW(timer_delete(t));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	handle(SIGUSR1), handle(SIGUSR2), handle(SIGRTMIN);
	once(CLOCK_MONOTONIC, 0), once(CLOCK_REALTIME, 1);
	once(CLOCK_PROCESS_CPUTIME_ID, 1), once(CLOCK_THREAD_CPUTIME_ID, 1);
	absolute(CLOCK_MONOTONIC), absolute(CLOCK_REALTIME);
	repeated();
	interval_timers();
	refused();
	/* The default action of an alarm is the end. */
	signal(SIGALRM, SIG_DFL);
	alarm(1);
	for (;;)
		pause();
}
