/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kicks and the system calls that wait: a thread is single-stepped through blocking_call(), and
 * kicked after each of its instructions in turn. Whatever that instruction was, a read of a pipe
 * that nobody writes to comes back.
 */
#include "vm/run/blocking.h"
#include "vm/vm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { TRAP_FLAG = 0x100, STEPS_MAX = 10000 };

extern const char blocking_call_open[], blocking_call_done[], blocking_call_end[];

static volatile int steps, kick_at;
static volatile bool reached_open, reached_done, kicked_inside;

static void on_kick(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	blocking_on_kick(context);
}

static void on_step(int signo, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	greg_t rip = c->uc_mcontext.gregs[REG_RIP];
	(void)signo;
	(void)info;
	/* There is no trap between a system call and the instruction after it. */
	reached_open |= rip > (greg_t)blocking_call_open && rip < (greg_t)blocking_call_done;
	reached_done |= rip > (greg_t)blocking_call_done && rip < (greg_t)blocking_call_end;
	if (steps++ == kick_at) {
		kicked_inside = reached_open && !reached_done;
		syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), VM_KICK_SIGNAL);
	}
	if (steps > kick_at || reached_done)
		c->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static void install(int signo, void (*handler)(int, siginfo_t *, void *), bool masks_kick)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigemptyset(&sa.sa_mask);
	if (masks_kick)
		sigaddset(&sa.sa_mask, VM_KICK_SIGNAL);
	cr_assert(sigaction(signo, &sa, NULL) == 0);
}

static void block_kick(void)
{
	sigset_t kick;
	sigemptyset(&kick);
	sigaddset(&kick, VM_KICK_SIGNAL);
	cr_assert(pthread_sigmask(SIG_BLOCK, &kick, NULL) == 0);
}

/* Reads a byte, kicked after step `at`. Not inlined: each call is to have the same instructions. */
__attribute__((noinline)) static long stepped_read(int fd, int at)
{
	char byte;
	steps = 0;
	kick_at = at;
	reached_open = reached_done = kicked_inside = false;
	/* Below the red zone, in which the compiler may have put p's locals. */
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); "
			 "popfq; lea 128(%%rsp), %%rsp" ::
				 : "memory", "cc");
	long n = blocking_call(SYS_read, fd, (long)&byte, 1, 0);
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); "
			 "popfq; lea 128(%%rsp), %%rsp" ::
				 : "memory", "cc");
	return n;
}

static void take_kick(void)
{
	sigset_t kick;
	struct timespec now = {0};
	sigemptyset(&kick);
	sigaddset(&kick, VM_KICK_SIGNAL);
	while (sigtimedwait(&kick, NULL, &now) > 0)
		;
}

/* Each step up to the system call. */
static void kick_after_each_instruction(bool masks_kick)
{
	int p[2], inside = 0, at = 0;
	install(VM_KICK_SIGNAL, on_kick, false);
	install(SIGTRAP, on_step, masks_kick);
	block_kick();
	cr_assert(pipe(p) == 0);
	cr_assert(write(p[1], "x", 1) == 1);
	cr_assert(stepped_read(p[0], STEPS_MAX) == 1 && reached_open && reached_done,
		  "not stepped through");
	int last = steps;
	for (; at < last - 1; at++) {
		long n = stepped_read(p[0], at);
		cr_assert(n == -EINTR, "kicked after step %d of %d: %ld", at, last, n);
		inside += kicked_inside;
		take_kick();
	}
	cr_expect(inside >= 5, "%d steps between the unblocking and the call", inside);
}

Test(vm_blocking, a_kick_after_each_instruction)
{
	kick_after_each_instruction(true);
}

/*
 * The kick's handler then runs within the other signal's, and must come back for what that one
 * interrupted.
 */
Test(vm_blocking, a_kick_within_another_signals_handler)
{
	kick_after_each_instruction(false);
}

static _Atomic int rounds;
static _Atomic bool waiting, stopped;

static void *kick_always(void *arg)
{
	pthread_t *thread = arg;
	for (int seen = 0; !atomic_load(&stopped);) {
		if (!atomic_load(&waiting) || atomic_load(&rounds) == seen)
			continue;
		seen = atomic_load(&rounds);
		for (volatile int i = seen % 3000; i > 0; i--)
			;
		pthread_kill(*thread, VM_KICK_SIGNAL);
	}
	return NULL;
}

/* One kick a call, from another thread, at all moments. */
Test(vm_blocking, one_kick_from_another_thread)
{
	int p[2];
	char byte;
	pthread_t self = pthread_self(), thread;
	install(VM_KICK_SIGNAL, on_kick, false);
	block_kick();
	cr_assert(pipe(p) == 0 && pthread_create(&thread, NULL, kick_always, &self) == 0);
	for (int i = 1; i <= 20000; i++) {
		atomic_store(&rounds, i);
		atomic_store(&waiting, true);
		cr_assert(blocking_call(SYS_read, p[0], (long)&byte, 1, 0) == -EINTR);
		atomic_store(&waiting, false);
	}
	atomic_store(&stopped, true);
	pthread_join(thread, NULL);
}

Test(vm_blocking, results_are_the_calls)
{
	char byte = 'x';
	int p[2];
	block_kick();
	cr_assert(pipe(p) == 0);
	cr_expect(blocking_call(SYS_write, p[1], (long)&byte, 1, 0) == 1);
	cr_expect(blocking_call(SYS_read, p[0], (long)&byte, 1, 0) == 1);
	cr_expect(blocking_call(SYS_read, -1, (long)&byte, 1, 0) == -EBADF);
	cr_expect(blocking_call(SYS_preadv, p[0], 0, 0, 0) == -ESPIPE);
	sigset_t now;
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	cr_expect(sigismember(&now, VM_KICK_SIGNAL) == 1, "the kick is blocked again");
}
