/* SPDX-License-Identifier: Apache-2.0 */
/* Signals at their edges: stacks, nesting, flags, queues, and waits for them. */
#define _GNU_SOURCE
#include "show.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

static char stack[65536];
static volatile int depth, deepest, on_stack, calls, blocked_there;
static volatile long altstack_there;

static int is_on_stack(void)
{
	char here;
	return &here >= stack && &here < stack + sizeof(stack);
}

static void nested(int signo)
{
	depth++;
	calls++;
	if (depth > deepest)
		deepest = depth;
	if (calls < 3)
		raise(signo);
	depth--;
}

static void looks(int signo, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	sigset_t now;
	stack_t st = {.ss_sp = stack, .ss_size = sizeof(stack)};
	(void)info;
	calls++;
	on_stack = is_on_stack();
	sigprocmask(SIG_BLOCK, NULL, &now);
	blocked_there = sigismember(&now, signo) + 2 * sigismember(&now, SIGUSR2) +
			4 * sigismember(&c->uc_sigmask, signo);
	altstack_there = on_stack ? RESULT(sigaltstack(&st, NULL)) : 0;
	sigaltstack(NULL, &st);
	printf("  in handler: stack flags %d, of context %d\n", st.ss_flags, c->uc_stack.ss_flags);
}

static void handle(int signo, void *handler, int flags, int also)
{
	struct sigaction a = {.sa_flags = flags};
	a.sa_handler = handler;
	sigemptyset(&a.sa_mask);
	if (also)
		sigaddset(&a.sa_mask, also);
	printf("sigaction %d %x: %ld\n", signo, flags, RESULT(sigaction(signo, &a, NULL)));
}

static void raise_and_print(int signo)
{
	calls = deepest = on_stack = blocked_there = altstack_there = 0;
	SHOW(raise(signo));
	printf("calls %d deepest %d on stack %d blocked %d sigaltstack %ld\n", calls, deepest,
	       on_stack, blocked_there, altstack_there);
}

static void stacks(void)
{
	stack_t st = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;
	SHOW(sigaltstack(NULL, &old));
	printf("%d %ld\n", old.ss_flags, (long)old.ss_size);
	SHOW(sigaltstack(&st, &old));
	SHOW(sigaltstack(NULL, &old));
	printf("%d %ld %d\n", old.ss_flags, (long)old.ss_size, old.ss_sp == stack);
	st.ss_flags = 99;
	SHOW(sigaltstack(&st, NULL));
	st.ss_flags = SS_ONSTACK;
	SHOW(sigaltstack(&st, NULL));
	SHOW(sigaltstack(NULL, &old));
	printf("%d\n", old.ss_flags);
	st.ss_flags = 0;
	st.ss_size = 100;
	SHOW(sigaltstack(&st, NULL));
	SHOW(sigaltstack((void *)8, NULL));
	SHOW(sigaltstack(NULL, (void *)8));
	st.ss_size = sizeof(stack);
	SHOW(sigaltstack(&st, NULL));
	handle(SIGUSR1, looks, SA_SIGINFO | SA_ONSTACK, SIGUSR2);
	raise_and_print(SIGUSR1);
	handle(SIGUSR1, looks, SA_SIGINFO, 0);
	raise_and_print(SIGUSR1);
	handle(SIGUSR1, looks, SA_SIGINFO | SA_NODEFER, 0);
	raise_and_print(SIGUSR1);
	st.ss_flags = SS_AUTODISARM;
	SHOW(sigaltstack(&st, NULL));
	SHOW(sigaltstack(NULL, &old));
	printf("%x\n", old.ss_flags);
	handle(SIGUSR1, looks, SA_SIGINFO | SA_ONSTACK, 0);
	raise_and_print(SIGUSR1);
	st.ss_flags = SS_DISABLE;
	SHOW(sigaltstack(&st, NULL));
	SHOW(sigaltstack(NULL, &old));
	printf("%d %ld\n", old.ss_flags, (long)old.ss_size);
}

static void nesting(void)
{
	handle(SIGUSR1, nested, 0, 0);
	raise_and_print(SIGUSR1);
	handle(SIGUSR1, nested, SA_NODEFER, 0);
	raise_and_print(SIGUSR1);
	handle(SIGUSR1, nested, SA_RESETHAND | SA_NODEFER, 0);
	struct sigaction a;
	calls = 5;
	SHOW(raise(SIGUSR1));
	sigaction(SIGUSR1, NULL, &a);
	printf("%d %x\n", a.sa_handler == SIG_DFL, a.sa_flags & ~0x4000000);
	handle(SIGUSR1, SIG_IGN, 0, 0);
	SHOW(raise(SIGUSR1));
	handle(SIGKILL, nested, 0, 0);
	handle(SIGSTOP, SIG_IGN, 0, 0);
	handle(0, nested, 0, 0);
	handle(65, nested, 0, 0);
	SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
	SHOW(syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8));
	SHOW(syscall(SYS_rt_sigprocmask, 9, NULL, NULL, 8));
	uint64_t none = 0;
	SHOW(syscall(SYS_rt_sigprocmask, 9, &none, NULL, 8));
	SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &none, NULL, 4));
	SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, NULL, 8));
	SHOW(syscall(SYS_rt_sigpending, 8, 8));
	SHOW(syscall(SYS_rt_sigpending, &none, 16));
	SHOW(syscall(SYS_rt_sigsuspend, 8, 8));
	SHOW(syscall(SYS_rt_sigsuspend, &none, 4));
	none = ~0UL;
	SHOW(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8));
	SHOW(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &none, 8));
	printf("%016lx\n", (unsigned long)(none & ~(3UL << 31)));
	none = 0;
	SHOW(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8));
}

static void queues(void)
{
	sigset_t set, other;
	siginfo_t info;
	struct timespec none = {0, 0}, bad = {0, -1};
	sigemptyset(&set);
	for (int i = 0; i < 4; i++)
		sigaddset(&set, SIGRTMIN + i);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* Lowest number first, then in order. */
	for (int i = 3; i >= 0; i--)
		for (int k = 0; k < 2; k++)
			sigqueue(getpid(), SIGRTMIN + i, (union sigval){.sival_int = 10 * i + k});
	raise(SIGUSR1);
	while (sigtimedwait(&set, &info, &none) > 0)
		printf("  %d value %d code %d\n", info.si_signo, info.si_value.sival_int,
		       info.si_code);
	SHOW(sigtimedwait(&set, &info, &none));
	SHOW(sigtimedwait(&set, &info, &bad));
	SHOW(syscall(SYS_rt_sigtimedwait, 8, &info, &none, 8));
	SHOW(syscall(SYS_rt_sigtimedwait, &set, &info, 8, 8));
	SHOW(syscall(SYS_rt_sigtimedwait, &set, &info, &none, 4));
	SHOW(sigqueue(getpid(), 0, (union sigval){0}));
	SHOW(sigqueue(getpid(), 99, (union sigval){0}));
	SHOW(sigqueue(999999, SIGUSR1, (union sigval){0}));
	info = (siginfo_t){.si_signo = SIGUSR1, .si_code = SI_QUEUE, .si_errno = 7};
	info.si_value.sival_ptr = (void *)0x123456789abc;
	SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info));
	SHOW(sigwaitinfo(&set, &info));
	printf("%p errno %d\n", info.si_value.sival_ptr, info.si_errno);
	SHOW(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
	SHOW(sigwaitinfo(&set, &info));
	SHOW(info.si_code);
	SHOW(syscall(SYS_tkill, getpid(), 0));
	SHOW(syscall(SYS_tkill, -1, SIGUSR1));
	SHOW(syscall(SYS_tgkill, getpid(), 999999, SIGUSR1));
	SHOW(kill(getpid(), -1));
	sigpending(&other);
	SHOW(sigismember(&other, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static volatile int ticks;
static void tick(int signo)
{
	(void)signo;
	ticks++;
}

static void timers(void)
{
	struct itimerval value = {.it_value = {0, 10000}, .it_interval = {0, 10000}}, old;
	handle(SIGALRM, tick, SA_RESTART, 0);
	SHOW(setitimer(ITIMER_REAL, &value, NULL));
	while (ticks < 3)
		pause();
	SHOW(getitimer(ITIMER_REAL, &old));
	printf("%ld\n", (long)old.it_interval.tv_usec);
	memset(&value, 0, sizeof(value));
	SHOW(setitimer(ITIMER_REAL, &value, &old));
	SHOW(getitimer(ITIMER_REAL, &old));
	printf("%ld %ld\n", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
	value.it_value.tv_usec = 1000000;
	SHOW(setitimer(ITIMER_REAL, &value, NULL));
	SHOW(setitimer(9, &value, NULL));
	SHOW(getitimer(9, &value));
	SHOW(setitimer(ITIMER_REAL, (void *)8, NULL));
	SHOW(getitimer(ITIMER_REAL, (void *)8));
	SHOW(setitimer(ITIMER_REAL, NULL, &old));
	struct timespec left = {0, 0}, long_sleep = {1000, 0};
	/* Again and again: one may come before the sleep begins. */
	value.it_value.tv_usec = value.it_interval.tv_usec = 10000;
	SHOW(setitimer(ITIMER_REAL, &value, NULL));
	SHOW(clock_nanosleep(CLOCK_REALTIME, 0, &long_sleep, &left));
	printf("%d\n", left.tv_sec > 500 && left.tv_sec < 1000);
	SHOW(setitimer(ITIMER_REAL, &value, NULL));
	clock_gettime(CLOCK_MONOTONIC, &long_sleep);
	long_sleep.tv_sec += 1000;
	left = (struct timespec){7, 7};
	SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &long_sleep, &left));
	printf("%ld\n", (long)left.tv_sec);
	memset(&value, 0, sizeof(value));
	SHOW(setitimer(ITIMER_REAL, &value, NULL));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	stacks();
	nesting();
	queues();
	timers();
	return 0;
}
