/* SPDX-License-Identifier: Apache-2.0 */
/*
 * About 60 faults, signals, timers and waits, each with its result and Linux's: one line each.
 * cases: cflags -lm
 * cases: run
 * cases: run s
 * cases: run a
 * cases: run k
 * cases: run t
 * cases: run f
 * cases: run i
 * cases: run b
 */
#define _GNU_SOURCE
#include "show.h"

#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
static sigjmp_buf jb;
static volatile int cnt, last, code, onstack;
static volatile unsigned long addr;
static volatile int mode;
static char alt[65536];
static void h(int s, siginfo_t *i, void *u)
{
	char x;
	cnt++;
	last = s;
	code = i->si_code;
	addr = (unsigned long)i->si_addr;
	onstack = (&x >= alt && &x < alt + sizeof alt);
	ucontext_t *c = u;
	if (mode == 1)
		siglongjmp(jb, 1);
	if (mode == 2)
		c->uc_mcontext.gregs[REG_RIP] += 2;
	if (mode == 3) {
		c->uc_mcontext.gregs[REG_RIP] = (long)*(void **)c->uc_mcontext.gregs[REG_RSP];
		c->uc_mcontext.gregs[REG_RSP] += 8;
	}
}
static void set(int s, int fl)
{
	struct sigaction a = {.sa_sigaction = h, .sa_flags = SA_SIGINFO | fl};
	sigemptyset(&a.sa_mask);
	sigaction(s, &a, 0);
}
static int deep(int n)
{
	volatile char b[10000];
	b[0] = n;
	return deep(n + 1) + b[0];
}
static double nowd()
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}
int main(int c, char **v)
{
	setvbuf(stdout, 0, _IOLBF, 0);
	stack_t st = {.ss_sp = alt, .ss_size = sizeof alt};
	PRINT("sigaltstack", "%ld", RESULT(sigaltstack(&st, 0)));
	set(SIGSEGV, SA_ONSTACK);
	set(SIGFPE, 0);
	set(SIGILL, 0);
	set(SIGTRAP, 0);
	set(SIGBUS, 0);
	mode = 1;
	if (!sigsetjmp(jb, 1))
		deep(0);
	PRINT("stack overflow", "sig %d code %d onstack %d cnt %d", last, code, onstack, cnt);
	stack_t o;
	sigaltstack(0, &o);
	PRINT("altstack flags", "%d size %d", o.ss_flags, (int)o.ss_size);
	if (!sigsetjmp(jb, 1))
		deep(0);
	PRINT("again", "cnt %d", cnt);
	volatile int z = 0, r;
	if (!sigsetjmp(jb, 1)) {
		r = 5 / z;
	}
	PRINT("div0", "sig %d code %d", last, code);
	volatile int mn = 0x80000000, m1 = -1;
	if (!sigsetjmp(jb, 1)) {
		r = mn / m1;
	}
	PRINT("div ovf", "sig %d code %d", last, code);
	if (!sigsetjmp(jb, 1))
		asm volatile("ud2");
	PRINT("ud2", "sig %d code %d", last, code);
	if (!sigsetjmp(jb, 1))
		asm volatile("int3");
	PRINT("int3", "sig %d code %d", last, code);
	if (!sigsetjmp(jb, 1))
		asm volatile("hlt");
	PRINT("hlt", "sig %d code %d addr %lx", last, code, addr);
	if (!sigsetjmp(jb, 1))
		asm volatile("cli");
	PRINT("cli", "sig %d code %d", last, code);
	if (!sigsetjmp(jb, 1))
		asm volatile("in $0x60,%%al" ::: "rax");
	PRINT("in", "sig %d code %d", last, code);
	if (!sigsetjmp(jb, 1))
		asm volatile("int $0x3f");
	PRINT("int 3f", "sig %d code %d", last, code);
	if (!sigsetjmp(jb, 1))
		asm volatile("int $4");
	PRINT("int 4", "sig %d code %d", last, code);
	if (!sigsetjmp(jb, 1))
		asm volatile("mov %%cr3,%%rax" ::: "rax");
	PRINT("cr3", "sig %d code %d", last, code);
	if (!sigsetjmp(jb, 1))
		asm volatile("pushf; orl $0x40000,(%%rsp); popf; mov $alt_lbl+1,%%rax\n"
			     ".data\nalt_lbl: .quad 0,0\n.text\n"
			     "movl (%%rax),%%eax; pushf; andl $~0x40000,(%%rsp); popf" ::
				     : "rax", "memory");
	else
		asm volatile("pushf; andl $~0x40000,(%%rsp); popf" ::: "memory");
	PRINT("AC", "sig %d code %d", last, code);
	last = 0;
	mode = 0;
	if (!sigsetjmp(jb, 1))
		asm volatile("pushf; orl $0x100,(%%rsp); popf; nop; nop\n"
			     "pushf; andl $~0x100,(%%rsp); popf" ::
				     : "memory");
	PRINT("TF", "sig %d code %d cnt>%d", last, code, cnt > 14);
	mode = 1;
	feenableexcept(FE_DIVBYZERO);
	last = 0;
	if (!sigsetjmp(jb, 1)) {
		volatile double a = 1, b = 0;
		a = a / b;
	}
	PRINT("fp div0 sse", "sig %d code %d", last, code);
	fedisableexcept(FE_ALL_EXCEPT);
	feclearexcept(FE_ALL_EXCEPT);
	mode = 2;
	last = 0;
	asm volatile("ud2");
	PRINT("skip ud2 via ucontext", "sig %d", last);
	mode = 3;
	last = 0;
	((void (*)())8)();
	PRINT("call bad, return via ucontext", "sig %d", last);
	// masks
	mode = 0;
	set(SIGUSR1, 0);
	set(SIGUSR2, SA_RESETHAND);
	set(SIGALRM, 0);
	cnt = 0;
	raise(SIGUSR1);
	PRINT("raise", "%d", cnt);
	raise(SIGUSR2);
	struct sigaction q;
	sigaction(SIGUSR2, 0, &q);
	PRINT("resethand", "%d", q.sa_handler == SIG_DFL);
	sigset_t ss, os;
	sigemptyset(&ss);
	sigaddset(&ss, SIGUSR1);
	sigprocmask(SIG_BLOCK, &ss, &os);
	cnt = 0;
	raise(SIGUSR1);
	raise(SIGUSR1);
	sigset_t pe;
	sigpending(&pe);
	PRINT("pending", "%d cnt %d", sigismember(&pe, SIGUSR1), cnt);
	sigprocmask(SIG_UNBLOCK, &ss, 0);
	PRINT("unblocked", "%d", cnt);
	sigprocmask(SIG_BLOCK, &ss, 0);
	kill(getpid(), SIGUSR1);
	siginfo_t si;
	struct timespec to = {0, 10000000};
	PRINT("sigtimedwait", "%ld", RESULT(sigtimedwait(&ss, &si, &to)));
	PRINT("si", "%d %d", si.si_code, si.si_pid == getpid());
	PRINT("timeout", "%ld", RESULT(sigtimedwait(&ss, &si, &to)));
	union sigval sv = {.sival_int = 42};
	PRINT("sigqueue", "%ld", RESULT(sigqueue(getpid(), SIGUSR1, sv)));
	PRINT("sigwaitinfo", "%ld", ({
		      to.tv_sec = 0;
		      RESULT(sigtimedwait(&ss, &si, &to));
	      }));
	PRINT("value", "%d code %d", si.si_value.sival_int, si.si_code);
	sigset_t rt;
	sigemptyset(&rt);
	sigaddset(&rt, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &rt, 0);
	for (int i = 0; i < 3; i++) {
		sv.sival_int = i;
		sigqueue(getpid(), SIGRTMIN + 1, sv);
	}
	int s = 0;
	while (sigtimedwait(&rt, &si, &to) > 0)
		s = s * 10 + si.si_value.sival_int + 1;
	PRINT("rt queue", "%d", s);
	sigprocmask(SIG_UNBLOCK, &ss, 0);
	// sigsuspend / pause with alarm
	cnt = 0;
	struct itimerval it = {{0, 0}, {0, 20000}};
	double t = nowd();
	PRINT("setitimer", "%ld", RESULT(setitimer(ITIMER_REAL, &it, 0)));
	PRINT("pause", "%ld cnt %d", RESULT(pause()), cnt);
	PRINT("t", "%s", nowd() - t > .0195 ? "late enough" : "early");
	cnt = 0;
	it.it_interval.tv_usec = 10000;
	setitimer(ITIMER_REAL, &it, 0);
	while (cnt < 5)
		pause();
	struct itimerval g;
	getitimer(ITIMER_REAL, &g);
	PRINT("interval", "%d %d", (int)g.it_interval.tv_usec, g.it_value.tv_usec <= 10000);
	memset(&it, 0, sizeof it);
	setitimer(ITIMER_REAL, &it, &g);
	it.it_value.tv_usec = 20000;
	setitimer(ITIMER_REAL, &it, 0);
	struct timespec rq = {100, 0}, rm = {0, 0};
	t = nowd();
	PRINT("nanosleep EINTR", "%ld rem %s", RESULT(nanosleep(&rq, &rm)),
	      rm.tv_sec > 10 ? "ok" : "bad");
	setitimer(ITIMER_REAL, &it, 0);
	PRINT("clock_nanosleep", "%d", clock_nanosleep(CLOCK_MONOTONIC, 0, &rq, &rm));
	int pp[2];
	pipe(pp);
	char b;
	setitimer(ITIMER_REAL, &it, 0);
	PRINT("read EINTR", "%ld", RESULT(read(pp[0], &b, 1)));
	set(SIGALRM, SA_RESTART);
	setitimer(ITIMER_REAL, &it, 0);
	cnt = 0;
	struct pollfd pf = {pp[0], POLLIN};
	PRINT("poll EINTR restart", "%ld cnt %d", RESULT(poll(&pf, 1, 100000)), cnt);
	setitimer(ITIMER_REAL, &it, 0);
	fd_set fs;
	FD_ZERO(&fs);
	FD_SET(pp[0], &fs);
	struct timeval tv = {100, 0};
	PRINT("select EINTR", "%ld", RESULT(select(pp[0] + 1, &fs, 0, 0, &tv)));
	it.it_value.tv_usec = 20000;
	cnt = 0;
	setitimer(ITIMER_REAL, &it, 0);
	t = nowd();
	while (!cnt && nowd() - t < 60)
		;
	PRINT("spin interrupted", "%d", cnt);
	it.it_value.tv_usec = 20000;
	PRINT("ITIMER_VIRTUAL", "%ld", RESULT(setitimer(ITIMER_VIRTUAL, &it, 0)));
	set(SIGVTALRM, 0);
	cnt = 0;
	t = nowd();
	while (!cnt && nowd() - t < 60)
		;
	PRINT("vtalrm", "%d", cnt);
	/* Of CPU time: SIGPROF would be the end. */
	it = (struct itimerval){.it_value = {1000, 0}};
	PRINT("ITIMER_PROF", "%ld", RESULT(setitimer(ITIMER_PROF, &it, 0)));
	timer_t tm;
	struct sigevent se = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	PRINT("timer_create", "%ld", RESULT(timer_create(CLOCK_MONOTONIC, &se, &tm)));
	PRINT("alarm", "%d %d", alarm(100), alarm(0));
	// default actions & ignore
	signal(SIGPIPE, SIG_IGN);
	close(pp[0]);
	PRINT("EPIPE", "%ld", RESULT(write(pp[1], "x", 1)));
	PRINT("sigaction KILL", "%ld", RESULT(signal(SIGKILL, SIG_IGN)));
	PRINT("kill 0 sig 0", "%ld", RESULT(kill(getpid(), 0)));
	PRINT("kill other", "%ld", RESULT(kill(999999, 0)));
	PRINT("kill bad sig", "%ld", RESULT(kill(getpid(), 99)));
	PRINT("kill -1", "%ld", RESULT(kill(-1, 0)));
	PRINT("kill pgrp", "%ld", RESULT(kill(0, 0)));
	PRINT("tgkill", "%ld", RESULT(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0)));
	{
		struct rlimit rl;
		getrlimit(RLIMIT_STACK, &rl);
		PRINT("stack rlimit", "%ld", (long)rl.rlim_cur);
		getrlimit(RLIMIT_NOFILE, &rl);
		PRINT("nofile", "%d", rl.rlim_cur > 0);
		getrlimit(RLIMIT_CORE, &rl);
	}
	// signalfd
	PRINT("signalfd", "%ld", ({
		      long x = RESULT(syscall(SYS_signalfd4, -1, &ss, 8, 0));
		      x < 0 ? x : 0;
	      }));
	// nested handler with SA_NODEFER, long sigaltstack small
	st.ss_size = 100;
	PRINT("small altstack", "%ld", RESULT(sigaltstack(&st, 0)));
	PRINT("done", "");
	if (c > 1) {
		fflush(stdout);
		signal(SIGSEGV, SIG_DFL);
		if (*v[1] == 's')
			*(volatile int *)0 = 1;
		if (*v[1] == 'a')
			abort();
		if (*v[1] == 'k')
			raise(SIGKILL);
		if (*v[1] == 't')
			raise(SIGTERM);
		if (*v[1] == 'f') {
			signal(SIGFPE, SIG_DFL);
			r = 1 / z;
		}
		if (*v[1] == 'i') {
			signal(SIGSEGV, SIG_IGN);
			*(volatile int *)0 = 1;
		}
		if (*v[1] == 'b') {
			sigemptyset(&ss);
			sigaddset(&ss, SIGSEGV);
			set(SIGSEGV, 0);
			sigprocmask(SIG_BLOCK, &ss, 0);
			*(volatile int *)0 = 1;
		}
	}
	return 0;
}
