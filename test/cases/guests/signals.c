/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes with a signal, and the floating-point state that a handler begins with.
 * cases: cflags -lm
 */
#define _GNU_SOURCE
#include "show.h"

#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <xmmintrin.h>

static sigjmp_buf out;
static siginfo_t got;
static int count, leave;
static unsigned short control;
static unsigned mxcsr;

static void handler(int signo, siginfo_t *info, void *context)
{
	asm volatile("fnstcw %0" : "=m"(control));
	mxcsr = _mm_getcsr();
	got = *info;
	if (++count > 50)
		_exit(1);
	if (leave)
		siglongjmp(out, 1);
}

static void handle(int signo, int flags)
{
	struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
	sigaction(signo, &a, NULL);
}

static void show(const char *what)
{
	printf("%s: %d times, signal %d code %d pid %d uid %d value %d, x87 %x mxcsr %x\n", what,
	       count, got.si_signo, got.si_code, got.si_pid == getpid(), (int)got.si_uid,
	       got.si_value.sival_int, control, mxcsr);
	memset(&got, 0, sizeof(got));
	count = 0;
}

static void show_fault(const char *what)
{
	printf("%s: signal %d code %d address %d, x87 %x mxcsr %x\n", what, got.si_signo,
	       got.si_code, got.si_addr != NULL, control, mxcsr);
	memset(&got, 0, sizeof(got));
	feclearexcept(FE_ALL_EXCEPT);
	count = 0;
}

static void floats(void)
{
	volatile long double x, one = 1, zero = 0, huge = 1e4932L;
	volatile double d, done = 1, dzero = 0, dhuge = 1e308, tiny = 1e-308;
	leave = 1;
	handle(SIGFPE, 0);
	feenableexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID | FE_UNDERFLOW);
#define TRAPS(what, expression)   \
	if (!sigsetjmp(out, 1)) { \
		expression;       \
		x = x + 1;        \
	}                         \
	show_fault(what);         \
	feenableexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID | FE_UNDERFLOW);
	TRAPS("x87 division", x = one / zero)
	TRAPS("x87 overflow", x = huge * huge)
	TRAPS("x87 invalid", x = zero / zero)
	TRAPS("SSE division", d = done / dzero)
	TRAPS("SSE overflow", d = dhuge * dhuge)
	TRAPS("SSE invalid", d = dzero / dzero)
	TRAPS("SSE underflow", d = tiny * tiny)
	fedisableexcept(FE_ALL_EXCEPT);
	feclearexcept(FE_ALL_EXCEPT);
	leave = 0;
	/* The program's own state is back after the handler. */
	fesetround(FE_TOWARDZERO);
	handle(SIGUSR1, 0);
	raise(SIGUSR1);
	show("with another rounding");
	printf("rounding %d\n", fegetround() == FE_TOWARDZERO);
	fesetround(FE_TONEAREST);
}

static void faults(void)
{
	leave = 1;
	handle(SIGTRAP, 0), handle(SIGSEGV, 0), handle(SIGILL, 0);
	if (!sigsetjmp(out, 1))
		asm volatile("int3");
	show_fault("int3");
	if (!sigsetjmp(out, 1))
		asm volatile("ud2");
	show_fault("ud2");
	if (!sigsetjmp(out, 1))
		asm volatile("hlt");
	show_fault("hlt");
	if (!sigsetjmp(out, 1))
		*(volatile int *)8 = 1;
	show_fault("store");
	leave = 0;
}

static void sent(void)
{
	union sigval v = {.sival_int = 42};
	handle(SIGUSR1, 0), handle(SIGPIPE, 0), handle(SIGALRM, 0), handle(SIGRTMIN + 1, 0);
	raise(SIGUSR1), show("raise");
	kill(getpid(), SIGUSR1), show("kill");

	sigqueue(getpid(), SIGUSR1, v), show("sigqueue");
	int ends[2];
	pipe(ends), close(ends[0]), write(ends[1], "x", 1), show("pipe");
	struct itimerval soon = {.it_value.tv_usec = 1000};
	setitimer(ITIMER_REAL, &soon, NULL);
	while (!count)
		usleep(1000);
	got.si_pid = getpid(); /* is not part of it */
	show("setitimer");
	sigset_t set, old;
	sigemptyset(&set), sigaddset(&set, SIGRTMIN + 1), sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (int i = 1; i <= 3; i++)
		v.sival_int = i, sigqueue(getpid(), SIGRTMIN + 1, v),
		sigqueue(getpid(), SIGUSR1, v);
	siginfo_t info;
	for (int i = 0; i < 5; i++) {
		printf("sigtimedwait %ld",
		       RESULT(sigtimedwait(&set, &info, &(struct timespec){0})));
		printf(" code %d value %d\n", info.si_code, info.si_value.sival_int);
	}
	for (int i = 1; i <= 3; i++)
		v.sival_int = i, sigqueue(getpid(), SIGRTMIN + 1, v), raise(SIGUSR1);
	sigprocmask(SIG_SETMASK, &old, NULL);
	show("unblocked");
	sigprocmask(SIG_BLOCK, &set, NULL), raise(SIGUSR1), signal(SIGUSR1, SIG_IGN);
	sigset_t pending;
	sigpending(&pending);
	printf("ignored while it was pending: %d\n", sigismember(&pending, SIGUSR1));
	printf("bad time %ld\n", RESULT(sigtimedwait(&set, &info, &(struct timespec){0, -1})));
}

static void refused(void)
{
	siginfo_t info = {.si_code = SI_QUEUE};
	printf("signal 65: %ld %ld\n", RESULT(kill(getpid(), 65)), RESULT(kill(getpid(), 0)));
	printf("no process %ld %ld\n", RESULT(kill(999999, 0)),
	       RESULT(sigqueue(999999, SIGUSR1, (union sigval){0})));
	printf("tgkill %ld %ld\n", RESULT(syscall(SYS_tgkill, -1, getpid(), 0)),
	       RESULT(syscall(SYS_tgkill, getpid(), 999999, 0)));
	printf("tkill 0 %ld\n", RESULT(syscall(SYS_tkill, 0, 0)));
	printf("queue 0 %ld\n", RESULT(syscall(SYS_rt_sigqueueinfo, getpid(), 0, &info)));
	printf("to a thread %ld\n",
	       RESULT(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 0, &info)));
	printf("bad address %ld\n", RESULT(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, 8)));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	floats();
	faults();
	sent();
	refused();
	return 0;
}
