/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interruptible system calls without a race. The kick signal is unblocked for a few instructions
 * and the system call between them (arch/x86_64/blocking_call.S). A kick that was pending before,
 * or that arrives before the call has begun, finds the thread in those instructions: the handler
 * moves it past the call. One that arrives later interrupts the call, as its handler lacks
 * SA_RESTART.
 */
#include "vm/run/blocking.h"

#include "vm/arch/signal_context.h"
#include "vm/internal.h"
#include "vm/run/kick_signal.h"
#include "vm/run/timer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { BRAKE_NS = 5000000, BRIEF_TRIES = 10 };

long blocking_call_raw(const uint64_t *kick, long nr, const long arg[6]);
extern const char blocking_call_open[], blocking_call_done[], blocking_call_stopped[],
	blocking_call_end[];

/*
 * This thread is in blocking_call_raw, or in a handler that has interrupted it. Read by the kick's
 * handler, which must not have it allocated: initial-exec, also in a library that is loaded late.
 */
static _Thread_local volatile bool inside __attribute__((tls_model("initial-exec")));

long blocking_call(long nr, long a, long b, long c, long d)
{
	const uint64_t kick = 1UL << (kick_signal() - 1);
	const long arg[6] = {a, b, c, d};
	inside = true;
	long rc = blocking_call_raw(&kick, nr, arg);
	inside = false;
	return rc;
}

void blocking_on_kick(void *context)
{
	ucontext_t *c = context;
	const uintptr_t pc = signal_context_pc(c);
	if (!inside)
		return;
	if (pc >= (uintptr_t)blocking_call_open && pc < (uintptr_t)blocking_call_done) {
		signal_context_set_pc(c, (uintptr_t)blocking_call_stopped);
		return;
	}
	if (pc >= (uintptr_t)blocking_call_done && pc < (uintptr_t)blocking_call_end)
		return;
	/*
	 * In another signal's handler, which may have interrupted the instructions before the call:
	 * the kick comes again when that handler returns.
	 */
	sigaddset(&c->uc_sigmask, kick_signal());
	syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), kick_signal());
}

/* --- the brake: calls that must not wait long --- */

int blocking_brake(struct vcpu *vcpu)
{
	atomic_store(&vcpu->brake.fired, false);
	return vcpu_timer_set(vcpu, &vcpu->brake, BRAKE_NS, 0);
}

bool blocking_braked(const struct vcpu *vcpu)
{
	return atomic_load(&vcpu->brake.fired);
}

void blocking_release(struct vcpu *vcpu)
{
	if (vcpu_timer_set(vcpu, &vcpu->brake, 0, 0) < 0)
		return; /* it kicks once more, which is harmless */
}

long blocking_transfer_briefly(struct vcpu *vcpu, long nr, int fd, const struct iovec *v, int count)
{
	struct pollfd p = {.fd = fd, .events = nr == SYS_writev ? POLLOUT : POLLIN};
	long n = -EINTR;
	/* On a busy machine the timer may come before the call: what is ready is tried again. */
	for (int tries = 0; n == -EINTR && tries < BRIEF_TRIES; tries++) {
		if (tries > 0 && poll(&p, 1, 0) == 0)
			break;
		n = blocking_brake(vcpu);
		if (n < 0)
			return n;
		do
			n = blocking_call(nr, fd, (long)v, count, 0);
		while (n == -EINTR && !blocking_braked(vcpu));
		blocking_release(vcpu);
	}
	if (n == -EINTR)
		return -EAGAIN;
	return n;
}
