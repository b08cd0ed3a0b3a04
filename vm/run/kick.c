/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/run/kick.h"

#include "vm/internal.h"
#include "vm/run/blocking.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Each timer has at most one kick pending, and other threads' kicks are one. The rest is left for
 * the next time.
 */
enum { TAKE_MAX = 16 };

static void note_kick(const siginfo_t *info)
{
	if (info->si_code == SI_TIMER && info->si_value.sival_ptr)
		atomic_store((_Atomic bool *)info->si_value.sival_ptr, true);
}

static void on_kick(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	note_kick(info);
	blocking_on_kick(context);
}

int kick_prepare(struct err *e)
{
	return kick_signal_prepare(on_kick, e);
}

void vcpu_take_kicks(void)
{
	siginfo_t info;
	struct timespec now = {0};
	for (int i = 0; i < TAKE_MAX; i++) {
		int signo = sigtimedwait(kick_blocked(), &info, &now);
		if (signo < 0)
			return;
		if (signo == kick_signal())
			note_kick(&info);
	}
}

static void vcpu_kick(struct vcpu *vcpu)
{
	atomic_store(&vcpu->kicked, true);
	int tid = atomic_load(&vcpu->running_tid);
	if (tid)
		syscall(SYS_tgkill, getpid(), tid, kick_signal());
}

void vm_kick(struct vm *vm)
{
	for (unsigned i = 0; i < VM_VCPUS_MAX; i++)
		vcpu_kick(&vm->vcpus[i]);
}

void vm_signal(struct vm *vm, int signo)
{
	if (signo < 1 || signo > 64)
		return;
	int saved = errno;
	atomic_fetch_or(&vm->pending, 1UL << (signo - 1));
	vm_kick(vm);
	errno = saved;
}

int vm_interrupt(struct vm *vm)
{
	int expected = VM_BUSY;
	if (!atomic_compare_exchange_strong(&vm->busy, &expected, VM_STOPPED) &&
	    expected == VM_IDLE)
		return -ESRCH;
	vm_kick(vm);
	return 0;
}
