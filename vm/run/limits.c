/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/run/limits.h"

#include "base/time.h"
#include "vm/internal.h"
#include "vm/run/timer.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NS 1000000000UL

/* What is left once passed_ns have passed; never 0, which would stop a timer. */
static uint64_t left_after(uint64_t left_ns, uint64_t passed_ns)
{
	if (left_ns > passed_ns)
		return left_ns - passed_ns;
	return 1;
}

static uint64_t cpu_now_ns(void)
{
	return time_now_ns(CLOCK_THREAD_CPUTIME_ID);
}

static uint64_t cpu_left(const struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;
	uint64_t used = cpu_now_ns() - vcpu->cpu_since;
	if (vm->cpu_left_ns > used)
		return vm->cpu_left_ns - used;
	return 0;
}

/*
 * Looks at the limits, and sets the watchdog to when they may be over: CPU time goes no faster than
 * time.
 */
static void look_at_limits(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	enum { CPU_STEP_NS = 500000 };
	uint64_t now = time_monotonic_ns(), due = WATCHDOG_NEVER;
	if (vm->deadline_ns) {
		due = vm->deadline_ns;
		if (now >= vm->deadline_ns)
			atomic_store(&vcpu->deadline.fired, true);
	}
	if (vm->cpu_limited) {
		uint64_t left = cpu_left(vcpu), step = CPU_STEP_NS;
		vm->cpu_over = left == 0;
		if (step < left)
			step = left;
		if (due > now + step)
			due = now + step;
	}
	watchdog_at(vm, due);
}

bool vcpu_limit_over(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	if (!vcpu->on_poller && atomic_load_explicit(&vm->watchdog.look, memory_order_relaxed) &&
	    atomic_exchange(&vm->watchdog.look, false))
		look_at_limits(vcpu);
	/* By the clock, too: the timer's kick is not taken while host code runs. */
	if (!vm->uses_watchdog && vm->deadline_ns && time_monotonic_ns() >= vm->deadline_ns)
		atomic_store(&vcpu->deadline.fired, true);
	return atomic_load(&vcpu->deadline.fired) || vm->cpu_over;
}

/*
 * What is over already needs no timer, and a guest that answers at once would be quicker than it.
 */
static int start_limits(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	if (vm->uses_watchdog) {
		int rc = watchdog_join(vm);
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
	return vcpu_timer_set(vcpu, &vcpu->deadline,
			      left_after(vm->deadline_ns, time_monotonic_ns()), 0);
}

int vcpu_timers_start(struct vcpu *vcpu)
{
	int rc = start_limits(vcpu);
	if (rc == 0 && vcpu->alarm_left_ns)
		rc = vcpu_timer_set(
			vcpu, &vcpu->alarm,
			left_after(vcpu->alarm_left_ns, time_monotonic_ns() - vcpu->alarm_left_at),
			vcpu->alarm_interval_ns);
	return rc;
}

void vcpu_timers_stop(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	if (vm->cpu_limited)
		vm->cpu_left_ns = cpu_left(vcpu);
	vcpu->alarm_left_ns = 0;
	if (vcpu->alarm.armed && vm->state != VM_ENDED) {
		vcpu->alarm_left_ns = vcpu_timer_left(&vcpu->alarm, &vcpu->alarm_interval_ns);
		vcpu->alarm_left_at = time_monotonic_ns();
	}
	vcpu_timer_end(vcpu, &vcpu->deadline);
	vcpu_timer_end(vcpu, &vcpu->alarm);
	vcpu_timer_end(vcpu, &vcpu->flush);
	vcpu_timer_end(vcpu, &vcpu->brake);
}
