/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/run/kick.h"

#include "vm/internal.h"
#include "vm/memory/guest_copy.h"
#include "vm/run/blocking.h"

#include <errno.h>
#include <pthread.h>
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

static pthread_once_t handler_once = PTHREAD_ONCE_INIT;
static int handler_rc;
static sigset_t blocked_set;

static void install_handler(void)
{
	struct sigaction sa = {.sa_sigaction = on_kick, .sa_flags = SA_SIGINFO};
	sigemptyset(&sa.sa_mask);
	sigemptyset(&blocked_set);
	sigaddset(&blocked_set, VM_KICK_SIGNAL);
	sigaddset(&blocked_set, SIGPIPE);
	sigaddset(&blocked_set, SIGXFSZ);
	if (sigaction(VM_KICK_SIGNAL, &sa, NULL) < 0)
		handler_rc = -errno;
	else
		handler_rc = guest_copy_prepare();
}

const sigset_t *kick_blocked(void)
{
	return &blocked_set;
}

int kick_prepare(struct err *e)
{
	pthread_once(&handler_once, install_handler);
	if (handler_rc < 0)
		return err_sys(e, -handler_rc, "handlers of the vCPU thread's signals");
	return 0;
}

void vcpu_take_kicks(void)
{
	siginfo_t info;
	struct timespec now = {0};
	for (int i = 0; i < TAKE_MAX; i++) {
		int signo = sigtimedwait(&blocked_set, &info, &now);
		if (signo < 0)
			return;
		if (signo == VM_KICK_SIGNAL)
			note_kick(&info);
	}
}

static void vcpu_kick(struct vcpu *vcpu)
{
	atomic_store(&vcpu->kicked, true);
	int tid = atomic_load(&vcpu->running_tid);
	if (tid)
		syscall(SYS_tgkill, getpid(), tid, VM_KICK_SIGNAL);
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
