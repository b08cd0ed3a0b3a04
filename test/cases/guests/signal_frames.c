/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals whose handler cannot begin or cannot return: stacks that are not there or too small for a
 * frame, faults in handlers that block them, frames that were overwritten. Each must end the
 * program at once, by SIGSEGV, or reach the program's handler of that.
 * How many frames the stack has room for differs, hence uniq.
 * cases: filter uniq
 * cases: run usr1-bad-alternate
 * cases: run usr1-bad-stack
 * cases: run usr1-bad-alternate segv
 * cases: run usr1-bad-stack segv-alternate
 * cases: run usr1-bad-alternate segv-blocked
 * cases: run usr1-bad-alternate segv-ignored
 * cases: run fault
 * cases: run fault segv-blocked
 * cases: run fault segv-ignored
 * cases: run fault segv-bad-alternate
 * cases: run fault-again segv
 * cases: run fault-again segv-nodefer
 * cases: run divide-bad-alternate
 * cases: run divide-bad-alternate segv
 * cases: run overflow segv
 * cases: run overflow segv-alternate
 * cases: run nested-overflow
 * cases: run bad-return
 * cases: run bad-return segv
 */
#define _GNU_SOURCE
#include "show.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static char stacks[3][65536] __attribute__((aligned(64)));
static const char *what;

static void on_segv(int signo, siginfo_t *info, void *context)
{
	char here;
	sigset_t now;
	sigprocmask(SIG_BLOCK, NULL, &now);
	printf("signal %d code %d null %d, on alternate stack %d, SIGUSR1 blocked %d then %d\n",
	       signo, info->si_code, !info->si_addr, &here >= stacks[1] && &here < stacks[2],
	       sigismember(&now, SIGUSR1),
	       sigismember(&((ucontext_t *)context)->uc_sigmask, SIGUSR1));
	if (!strcmp(what, "fault-again"))
		*(volatile int *)8 = 1;
	_exit(3);
}

static void on_usr1(int signo, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	if (!strcmp(what, "bad-return"))
		c->uc_mcontext.fpregs = (void *)8;
	else if (!strcmp(what, "nested-overflow"))
		syscall(SYS_tkill, getpid(), SIGUSR1);
	else
		write(1, "handled\n", 8);
}

static void handle(int signo, void *handler, int flags)
{
	struct sigaction a = {.sa_flags = flags | SA_SIGINFO};
	a.sa_sigaction = handler;
	sigaction(signo, &a, NULL);
}

static void alternate(void *at, size_t bytes)
{
	const stack_t s = {.ss_sp = at, .ss_size = bytes};
	sigaltstack(&s, NULL);
}

static void prepare(const char *how)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	if (!strcmp(how, "segv-ignored"))
		signal(SIGSEGV, SIG_IGN);
	else if (*how)
		handle(SIGSEGV, on_segv, 0);
	if (!strcmp(how, "segv-blocked"))
		sigprocmask(SIG_BLOCK, &set, NULL);
	else if (!strcmp(how, "segv-nodefer"))
		handle(SIGSEGV, on_segv, SA_NODEFER);
	else if (!strcmp(how, "segv-alternate") || !strcmp(how, "segv-bad-alternate"))
		handle(SIGSEGV, on_segv, SA_ONSTACK);
	if (!strcmp(how, "segv-alternate"))
		alternate(stacks[1], sizeof(stacks[1]));
	else if (!strcmp(how, "segv-bad-alternate"))
		alternate((void *)0x10000, 65536);
}

/* SIGUSR1 while the stack pointer points to nothing. */
static void raise_without_stack(void)
{
	asm volatile("mov %%rsp, %%rbx; mov $0x10000, %%esp; syscall; mov %%rbx, %%rsp"
		     :
		     : "a"(SYS_tkill), "D"(getpid()), "S"(SIGUSR1)
		     : "rbx", "rcx", "r11", "memory");
}

static int deeper(volatile char *last)
{
	volatile char here[4096];
	here[0] = last ? last[0] : 1;
	return deeper(here) + here[0];
}

int main(int argc, char **argv)
{
	volatile int zero = 0;
	what = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	handle(SIGUSR1, on_usr1, strstr(what, "stack") ? 0 : SA_ONSTACK | SA_NODEFER);
	prepare(argc > 2 ? argv[2] : "");
	if (strstr(what, "-bad-alternate"))
		alternate((void *)0x10000, 65536);
	else if (!strcmp(what, "nested-overflow"))
		alternate(stacks[1], sizeof(stacks[1]));
	if (!strncmp(what, "fault", 5))
		*(volatile int *)8 = 1;
	else if (!strcmp(what, "divide-bad-alternate"))
		handle(SIGFPE, on_usr1, SA_ONSTACK), zero = 100 / zero;
	else if (!strcmp(what, "overflow"))
		deeper(NULL);
	else if (!strcmp(what, "usr1-bad-stack"))
		raise_without_stack();
	else
		raise(SIGUSR1);
	printf("went on\n");
	return 0;
}
