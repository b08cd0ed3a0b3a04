/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's time with a vCPU: from vm_resume to the next exchange or the end, and what limits it.
 *
 * VM_KICK_SIGNAL is blocked in this thread but for the moments when it may interrupt: inside
 * KVM_RUN (KVM_SET_SIGNAL_MASK), inside the waits of host calls (ppoll with wait_mask) and inside
 * system calls that may wait (blocking.h). So a kick is never lost between a check and a wait.
 * Timers are kicks too; their siginfo says which flag to set. They exist only while their thread is
 * in vm_resume. The limits of calls are the watch's (watchdog.h). SIGPIPE and SIGXFSZ are blocked too:
 * a guest's broken pipe and a file that would become too large are an errno. SIGBUS is not, which
 * copies to guest memory want (memory/guest_copy.h).
 */
#include "base/time.h"
#include "vm/run/blocking.h"
#include "vm/memory/guest_copy.h"
#include "vm/internal.h"
#include "vm/jail/jail.h"
#include "vm/run/output.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NS 1000000000UL

enum {
	/*
	 * A guest chooses its alarm's interval, and each alarm costs an exit and a signal: at shorter ones neither
	 * guest nor host would get to anything else.
	 */
	INTERVAL_MIN_NS = 1000000,
	/* Each timer has at most one kick pending, and other threads' kicks are one. The rest is left for the next look. */
	TAKE_MAX = 16,
};

/* --- kicks --- */

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
static sigset_t blocked_set; /* the kick, and what a guest's write may raise */
static sigset_t unblocked_set;

static void install_handler(void)
{
	struct sigaction sa = {.sa_sigaction = on_kick, .sa_flags = SA_SIGINFO};
	sigemptyset(&sa.sa_mask);
	handler_rc = sigaction(VM_KICK_SIGNAL, &sa, NULL) < 0 ? -errno : 0;
	sigemptyset(&blocked_set);
	sigaddset(&blocked_set, VM_KICK_SIGNAL);
	sigaddset(&blocked_set, SIGPIPE);
	sigaddset(&blocked_set, SIGXFSZ);
	sigemptyset(&unblocked_set);
	sigaddset(&unblocked_set, SIGBUS);
	if (handler_rc == 0)
		handler_rc = guest_copy_prepare();
}

static int prepare(struct err *e)
{
	pthread_once(&handler_once, install_handler);
	return handler_rc < 0 ? err_sys(e, -handler_rc, "handlers of the vCPU thread's signals") : 0;
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

void vcpu_kick(struct vcpu *vcpu)
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

/* --- timers --- */

/* It kicks the calling thread. */
static int timer_make(struct vcpu_timer *t)
{
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = VM_KICK_SIGNAL};
	if (t->made)
		return 0;
	ev.sigev_value.sival_ptr = &t->fired;
	ev._sigev_un._tid = (int)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &ev, &t->id) < 0)
		return -errno;
	t->made = true;
	return 0;
}

int vcpu_timer_set(struct vcpu *vcpu, struct vcpu_timer *t, uint64_t first_ns, uint64_t interval_ns)
{
	int rc = timer_make(t);
	if (rc < 0)
		return rc;
	vcpu->may_pend = true;
	if (interval_ns && interval_ns < INTERVAL_MIN_NS)
		interval_ns = INTERVAL_MIN_NS;
	t->armed = first_ns != 0;
	struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(first_ns / NS), .tv_nsec = (long)(first_ns % NS)},
		.it_interval = {.tv_sec = (time_t)(interval_ns / NS),
				.tv_nsec = (long)(interval_ns % NS)},
	};
	return timer_settime(t->id, 0, &when, NULL) < 0 ? -errno : 0;
}

/* What is left until it fires; 0 where it is not set. */
static uint64_t timer_left(const struct vcpu_timer *t, uint64_t *interval_ns)
{
	struct itimerspec left = {0};
	if (!t->armed || timer_gettime(t->id, &left) < 0)
		return 0;
	*interval_ns = (uint64_t)left.it_interval.tv_sec * NS + (uint64_t)left.it_interval.tv_nsec;
	return (uint64_t)left.it_value.tv_sec * NS + (uint64_t)left.it_value.tv_nsec;
}

/* Those of a thread in a filter stay for its next run: it can make no others. */
static void timer_end(const struct vcpu *vcpu, struct vcpu_timer *t)
{
	const struct itimerspec never = {0};
	if (t->made && vcpu->timers_of && t->armed)
		timer_settime(t->id, 0, &never, NULL);
	else if (t->made && !vcpu->timers_of)
		timer_delete(t->id);
	t->made = t->made && vcpu->timers_of;
	t->armed = false;
}

/* What is left once passed_ns have passed; never 0, which would stop a timer. */
static uint64_t left_after(uint64_t left_ns, uint64_t passed_ns)
{
	return left_ns > passed_ns ? left_ns - passed_ns : 1;
}

static uint64_t cpu_now_ns(void)
{
	return time_now_ns(CLOCK_THREAD_CPUTIME_ID);
}

static uint64_t cpu_left(const struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;
	uint64_t used = cpu_now_ns() - vcpu->cpu_since;
	return vm->cpu_left_ns > used ? vm->cpu_left_ns - used : 0;
}

/* Looks at the limits, and has the watch come when they may be over: CPU time goes no faster than time. */
static void look_at_limits(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	enum { CPU_STEP_NS = 500000 };
	uint64_t now = time_monotonic_ns(), due = vm->deadline_ns ? vm->deadline_ns : WATCH_NEVER;
	if (vm->deadline_ns && now >= vm->deadline_ns)
		atomic_store(&vcpu->deadline.fired, true);
	if (vm->cpu_limited) {
		uint64_t left = cpu_left(vcpu), step = left > CPU_STEP_NS ? left : CPU_STEP_NS;
		vm->cpu_over = left == 0;
		if (due > now + step)
			due = now + step;
	}
	watch_at(vm, due);
}

bool vcpu_limit_over(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	if (!vcpu->on_poller && atomic_load_explicit(&vm->watch.look, memory_order_relaxed) &&
	    atomic_exchange(&vm->watch.look, false))
		look_at_limits(vcpu);
	/* By the clock, too: the timer's kick is not taken while host code runs. */
	if (!vm->watched && vm->deadline_ns && time_monotonic_ns() >= vm->deadline_ns)
		atomic_store(&vcpu->deadline.fired, true);
	return atomic_load(&vcpu->deadline.fired) || vm->cpu_over;
}

/* What is over already needs no timer, and a guest that answers at once would be quicker than it. */
static int start_limits(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	if (vm->watched) {
		int rc = watch_join(vm);
		if (vm->cpu_limited)
			vcpu->cpu_since = cpu_now_ns();
		if (rc == 0)
			look_at_limits(vcpu);
		return rc;
	}
	if (!vm->deadline_ns)
		return 0;
	if (vm->deadline_ns <= time_monotonic_ns())
		atomic_store(&vcpu->deadline.fired, true);
	return vcpu_timer_set(vcpu, &vcpu->deadline, left_after(vm->deadline_ns, time_monotonic_ns()), 0);
}

static int start_timers(struct vcpu *vcpu)
{
	int rc = start_limits(vcpu);
	if (rc == 0 && vcpu->alarm_left_ns)
		rc = vcpu_timer_set(vcpu, &vcpu->alarm,
				  left_after(vcpu->alarm_left_ns, time_monotonic_ns() - vcpu->alarm_left_at),
				  vcpu->alarm_interval_ns);
	return rc;
}

/*
 * Timers belong to the thread, as CPU time does. What the guest's alarm and the CPU limit had left is kept for the
 * next one.
 */
static void stop_timers(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	if (vm->cpu_limited)
		vm->cpu_left_ns = cpu_left(vcpu);
	vcpu->alarm_left_ns = 0;
	if (vcpu->alarm.armed && !vm->ended) {
		vcpu->alarm_left_ns = timer_left(&vcpu->alarm, &vcpu->alarm_interval_ns);
		vcpu->alarm_left_at = time_monotonic_ns();
	}
	timer_end(vcpu, &vcpu->deadline);
	timer_end(vcpu, &vcpu->alarm);
	timer_end(vcpu, &vcpu->flush);
	timer_end(vcpu, &vcpu->brake);
}

/* --- runs --- */

void vm_begin(struct vm *vm, const struct vm_limits *limits)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	vm->deadline_ns = limits->wall_ns ? time_monotonic_ns() + limits->wall_ns : 0;
	vm->cpu_limited = limits->cpu_ns != 0;
	vm->cpu_left_ns = limits->cpu_ns;
	vm->cpu_over = false;
	vm->watched = limits->wall_ns || limits->cpu_ns;
	atomic_store(&vcpu->deadline.fired, false);
	atomic_store(&vm->busy, VM_BUSY);
}

void vm_finish(struct vm *vm)
{
	atomic_store(&vm->busy, VM_IDLE);
}

/* The signal mask of KVM_RUN is the vCPU's, and seldom changes. */
static int set_kvm_mask(struct vcpu *vcpu)
{
	if (vcpu->kvm_mask_set && memcmp(&vcpu->kvm_mask, &vcpu->wait_mask, sizeof(vcpu->kvm_mask)) == 0)
		return 0;
	int rc = kvm_vcpu_signal_mask(&vcpu->kvm, &vcpu->wait_mask);
	vcpu->kvm_mask = vcpu->wait_mask;
	vcpu->kvm_mask_set = rc == 0;
	return rc;
}

static unsigned needs(const struct vm *vm, bool freeze)
{
	unsigned all = JAIL_FILES | vm->paths | (freeze ? JAIL_FREEZE : 0);
	if (!vm->wasm)
		all |= JAIL_LINUX | (vm->network ? JAIL_NETWORK : 0) | (vm->set_ids ? JAIL_SET_IDS : 0);
	/* A module that is compiled has no descriptors. */
	return vm->wasm && freeze && vm->given == 3 && vm->fds.len == 0 ? JAIL_FREEZE : all;
}

int vm_jail(struct vm *vm, bool freeze, struct err *e)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	int rc = prepare(e);
	if (rc < 0)
		return rc;
	rc = timer_make(&vcpu->deadline);
	if (rc == 0)
		rc = timer_make(&vcpu->alarm);
	if (rc == 0)
		rc = timer_make(&vcpu->flush);
	if (rc == 0)
		rc = timer_make(&vcpu->brake);
	if (rc < 0)
		return err_sys(e, -rc, "preparing the vCPU thread");
	vcpu->timers_of = (int)syscall(SYS_gettid);
	return jail_enter(needs(vm, freeze), e);
}

static int enter(struct vcpu *vcpu, struct err *e)
{
	struct vm *vm = vcpu->vm;
	pthread_sigmask(SIG_BLOCK, &blocked_set, &vcpu->saved_mask);
	if (sigismember(&vcpu->saved_mask, SIGBUS))
		pthread_sigmask(SIG_UNBLOCK, &unblocked_set, NULL);
	guest_copy_unblocked(true);
	vcpu->wait_mask = vcpu->saved_mask;
	sigaddset(&vcpu->wait_mask, SIGPIPE);
	sigaddset(&vcpu->wait_mask, SIGXFSZ);
	sigdelset(&vcpu->wait_mask, VM_KICK_SIGNAL);
	if (vcpu->thread != dirty_thread()) {
		vcpu->thread = dirty_thread();
		vcpu->tid = (int)syscall(SYS_gettid);
	}
	if (vcpu->timers_of && vcpu->timers_of != vcpu->tid)
		return err_set(e, ERR_CONFIG, EINVAL, "the sandbox was locked into the filter of another thread");
	atomic_store(&vcpu->running_tid, vcpu->tid);
	dirty_enter(&vm->memory.dirty);
	clock_enter(vcpu);
	int rc = set_kvm_mask(vcpu);
	if (rc == 0)
		rc = start_timers(vcpu);
	return rc < 0 ? err_sys(e, -rc, "preparing the vCPU thread") : 0;
}

static void leave(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	poller_stop(vcpu);
	vcpu_output_stop(vcpu);
	atomic_store(&vcpu->running_tid, 0);
	stop_timers(vcpu);
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
	if (vm->ended || vm->channel.waiting)
		return err_set(e, ERR_HOST, EINVAL,
			       vm->ended ? "the guest has ended" : "the guest waits for a message");
	int rc = prepare(e);
	if (rc == 0)
		rc = enter(vcpu, e);
	if (rc == 0)
		rc = vcpu_loop(vcpu, e);
	leave(vcpu);
	if (rc == 0)
		*out = vm->ended ? vm->outcome : (struct vm_outcome){.end = VM_WAITING};
	return rc;
}

int vm_run(struct vm *vm, struct vm_outcome *out, struct err *e)
{
	const struct vm_limits limits = {.wall_ns = vm->time_limit_ns};
	vm_begin(vm, &limits);
	vm->watched = false; /* one run is not worth a thread */
	int rc = vm_resume(vm, out, e);
	vm_finish(vm);
	return rc;
}
