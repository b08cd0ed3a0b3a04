/* SPDX-License-Identifier: Apache-2.0 */
/* A thread's time with a vCPU: from vm_resume to the guest's next stop or its end. */
#include "base/time.h"
#include "vm/hostcall/network.h"
#include "vm/internal.h"
#include "vm/jail/jail.h"
#include "vm/memory/guest_copy.h"
#include "vm/run/kick.h"
#include "vm/run/limits.h"
#include "vm/run/output.h"
#include "vm/run/timer.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void vm_begin(struct vm *vm, const struct vm_limits *limits)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	vm->deadline_ns = 0;
	if (limits->wall_ns)
		vm->deadline_ns = time_monotonic_ns() + limits->wall_ns;
	vm->cpu_limited = limits->cpu_ns != 0;
	vm->cpu_left_ns = limits->cpu_ns;
	vm->cpu_over = false;
	vm->uses_watchdog = limits->wall_ns || limits->cpu_ns;
	atomic_store(&vcpu->deadline.fired, false);
	atomic_store(&vm->busy, VM_BUSY);
}

void vm_finish(struct vm *vm)
{
	atomic_store(&vm->busy, VM_IDLE);
}

void vm_pause(struct vm *vm)
{
	vm->paused_ns = time_monotonic_ns();
}

void vm_unpause(struct vm *vm)
{
	if (vm->deadline_ns)
		vm->deadline_ns += time_monotonic_ns() - vm->paused_ns;
}

/* The signal mask of KVM_RUN is the vCPU's, and seldom changes. */
static int set_kvm_mask(struct vcpu *vcpu)
{
	if (vcpu->kvm_mask_set &&
	    memcmp(&vcpu->kvm_mask, &vcpu->wait_mask, sizeof(vcpu->kvm_mask)) == 0)
		return 0;
	int rc = kvm_vcpu_signal_mask(&vcpu->kvm, &vcpu->wait_mask);
	vcpu->kvm_mask = vcpu->wait_mask;
	vcpu->kvm_mask_set = rc == 0;
	return rc;
}

static unsigned needs(const struct vm *vm, bool freeze)
{
	if (vm->wasm && freeze && vm->given == 3 && vm->fds.len == 0)
		return JAIL_FREEZE; /* a module that is compiled has no descriptors */
	unsigned all = JAIL_FILES | vm->paths;
	if (freeze)
		all |= JAIL_FREEZE;
	if (vm->network)
		all |= JAIL_NETWORK;
	if (vm->wasm)
		return all;
	if (vm->container_key)
		all |= JAIL_OWN_ROOT;
	if (vm->set_ids)
		all |= JAIL_SET_IDS;
	if (!freeze && credentials_can_change(&vm->credentials))
		all |= JAIL_CREDENTIALS;
	return all | JAIL_LINUX;
}

int vm_check_filter(struct err *e)
{
	network_close();
	if (kick_signal() == VM_KICK_SIGNAL)
		return 0;
	return err_set(e, ERR_CONFIG, EINVAL,
		       "the seccomp filters allow SIGUSR1 alone to interrupt a guest, and the "
		       "program has chosen signal %d",
		       kick_signal());
}

int vm_jail(struct vm *vm, bool freeze, struct err *e)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	int rc = vm_check_filter(e);
	if (rc == 0)
		rc = kick_prepare(e);
	if (rc < 0)
		return rc;
	rc = vcpu_timer_make(&vcpu->deadline);
	if (rc == 0)
		rc = vcpu_timer_make(&vcpu->alarm);
	if (rc == 0)
		rc = vcpu_timer_make(&vcpu->flush);
	if (rc == 0)
		rc = vcpu_timer_make(&vcpu->brake);
	if (rc == 0 && vm->credentials.wanted && !freeze)
		rc = credentials_take(&vm->credentials);
	if (rc < 0)
		return err_sys(e, -rc, "preparing the vCPU thread");
	vcpu->timers_of = (int)syscall(SYS_gettid);
	return jail_enter(needs(vm, freeze), e);
}

/* Copies to guest memory want it (memory/guest_copy.h). */
static void unblock_sigbus(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int enter(struct vcpu *vcpu, struct err *e)
{
	struct vm *vm = vcpu->vm;
	pthread_sigmask(SIG_BLOCK, kick_blocked(), &vcpu->saved_mask);
	if (sigismember(&vcpu->saved_mask, SIGBUS))
		unblock_sigbus();
	guest_copy_unblocked(true);
	vcpu->wait_mask = vcpu->saved_mask;
	sigaddset(&vcpu->wait_mask, SIGPIPE);
	sigaddset(&vcpu->wait_mask, SIGXFSZ);
	sigdelset(&vcpu->wait_mask, kick_signal());
	if (vcpu->thread != dirty_thread()) {
		vcpu->thread = dirty_thread();
		vcpu->tid = (int)syscall(SYS_gettid);
	}
	if (vcpu->timers_of && vcpu->timers_of != vcpu->tid)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "the sandbox was locked into the filter of another thread");
	if (credentials_check_thread(&vm->credentials) < 0)
		return err_set(e, ERR_CONFIG, EPERM,
			       "the thread has the user that another sandbox's program chose");
	atomic_store(&vcpu->running_tid, vcpu->tid);
	dirty_enter(&vm->memory.dirty);
	clock_enter(vcpu);
	int rc = set_kvm_mask(vcpu);
	if (rc == 0)
		rc = vcpu_timers_start(vcpu);
	if (rc < 0)
		return err_sys(e, -rc, "preparing the vCPU thread");
	return 0;
}

static void leave(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	poller_stop(vcpu);
	vcpu_output_stop(vcpu);
	atomic_store(&vcpu->running_tid, 0);
	vcpu_timers_stop(vcpu);
	if (atomic_exchange(&vcpu->kicked, false) || vcpu->may_pend)
		vcpu_take_kicks();
	vcpu->may_pend = false;
	dirty_leave(&vm->memory.dirty);
	guest_copy_unblocked(false);
	pthread_sigmask(SIG_SETMASK, &vcpu->saved_mask, NULL);
}

int vm_resume(struct vm *vm, struct vm_outcome *out, struct err *e)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	if (vm->state == VM_ENDED)
		return err_set(e, ERR_HOST, EINVAL, "the guest has ended");
	if (vm->state == VM_IN_EXCHANGE || vm->state == VM_AT_READY)
		return err_set(e, ERR_HOST, EINVAL, "the guest waits for a message");
	int rc = kick_prepare(e);
	if (rc == 0)
		rc = enter(vcpu, e);
	if (rc == 0)
		rc = vcpu_loop(vcpu, e);
	leave(vcpu);
	if (rc < 0)
		return rc;
	if (vm->state == VM_ENDED)
		*out = vm->outcome;
	else
		*out = (struct vm_outcome){.end = VM_WAITING};
	return 0;
}

int vm_run(struct vm *vm, struct vm_outcome *out, struct err *e)
{
	const struct vm_limits limits = {.wall_ns = vm->time_limit_ns};
	vm_begin(vm, &limits);
	vm->uses_watchdog = false; /* one run is not worth a thread */
	int rc = vm_resume(vm, out, e);
	vm_finish(vm);
	return rc;
}
