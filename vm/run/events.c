/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/run/events.h"

#include "vm/arch/arch.h"
#include "vm/internal.h"
#include "vm/memory/commit.h"
#include "vm/run/limits.h"
#include "vm/run/output.h"
#include "vm/run/signals.h"

#include <string.h>

void vcpu_end_unusable(struct vcpu *vcpu, int rc)
{
	struct vm *vm = vcpu->vm;
	vcpu->kvm.dead = true;
	vm_log(vm, "guest: KVM refuses the vCPU's registers: %s", strerror(-rc));
	vm_end(vm, VM_FAULTED, arch_fatal_vector);
}

void vcpu_end_out_of_memory(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	vm_log(vm, "guest: out of memory: it uses all of its limit of %lu MiB",
	       vm->memory.max_bytes >> 20);
	vm_end(vm, VM_SIGNALLED, SIGKILL);
}

bool vcpu_reclaim(struct vcpu *vcpu)
{
	int64_t found = memory_reclaim(&vcpu->vm->memory);
	if (found == 0)
		vcpu_end_out_of_memory(vcpu);
	return found > 0;
}

void vcpu_redirect(struct vcpu *vcpu, uint64_t entry)
{
	const struct arch_redirect to = {
		.entry = entry,
		.stack_top = guest_word(vcpu->area->fault_stack_top),
		.arg = vcpu->area_va.v,
	};
	int rc = arch_vcpu_redirect(&vcpu->kvm, &vcpu->vm->memory, &to);
	if (rc < 0)
		vcpu_end_unusable(vcpu, rc);
}

/* Hands one event to the program's handler through the guest runtime, if it can take one now. */
static bool inject(struct vcpu *vcpu, int signo)
{
	struct mote_area *area = vcpu->area;
	struct mote_context c;
	uint64_t entry = guest_word(area->fault_entry);
	if (!guest_word(area->events_open) || guest_word(area->fault_busy) || entry == 0 ||
	    entry >= MOTE_VA_END)
		return false;
	int rc = arch_vcpu_context(&vcpu->kvm, &c);
	if (rc < 0) {
		vcpu_end_unusable(vcpu, rc);
		return false;
	}
	const uint64_t pc = mote_context_pc(&c);
	bool in_window = pc >= MOTE_WINDOW && pc < MOTE_WINDOW_END;
	bool returning = pc - guest_word(area->resume_at) < guest_word(area->resume_bytes);
	if (in_window && (!returning || pc >= MOTE_KERNEL))
		return false;
	area->fault = (struct mote_fault){
		.vector = MOTE_EVENT_SIGNAL,
		.detail = (uint64_t)signo,
		.context = c,
	};
	area->fault_busy = 1;
	vcpu_redirect(vcpu, entry);
	return true;
}

void vcpu_serve_events(struct vcpu *vcpu, bool may_inject)
{
	struct vm *vm = vcpu->vm;
	/* Before what is asked below: a kick that comes during its writes is over with them. */
	if (atomic_exchange(&vcpu->flush.fired, false))
		vcpu_output_expired(vcpu);
	if (atomic_load(&vm->busy) == VM_STOPPED)
		vm_end(vm, VM_INTERRUPTED, 0);
	if (vcpu_limit_over(vcpu)) {
		bool cpu_time = !atomic_load(&vcpu->deadline.fired);
		vm_end(vm, VM_TIMED_OUT, cpu_time);
	}
	uint64_t alarm = 0;
	if (atomic_exchange(&vcpu->alarm.fired, false))
		alarm = SIGNAL_BIT(MOTE_ALARM_SIGNAL);
	uint64_t pending = atomic_exchange(&vm->pending, 0);
	const uint64_t blocked = guest_word(vcpu->area->blocked_signals),
		       watched = guest_word(vcpu->area->watched_signals),
		       handled = guest_word(vcpu->area->handled_signals) | (watched & blocked);
	/* To a guest runtime that does not have it apart it is a SIGALRM. */
	if (alarm & ~handled)
		alarm = SIGNAL_BIT(SIGALRM);
	pending |= alarm;
	for (int signo = 1; signo <= 64 && pending; signo++) {
		if (!signal_in(pending, signo))
			continue;
		pending &= ~(1UL << (signo - 1));
		if (signo == SIGKILL ||
		    (!signal_in(handled, signo) && !signal_in(SIGNALS_IGNORED, signo) &&
		     !signal_in(blocked, signo)))
			vm_end(vm, VM_SIGNALLED, signo);
		else if (!signal_in(SIGNALS_IGNORED, signo) || signal_in(handled, signo))
			__atomic_fetch_or(&vcpu->area->pending_signals, 1UL << (signo - 1),
					  __ATOMIC_SEQ_CST);
	}
	uint64_t ready = guest_word(vcpu->area->pending_signals) & ~blocked;
	if (may_inject && ready && vm->state != VM_ENDED) {
		int signo = __builtin_ctzl(ready) + 1;
		if (inject(vcpu, signo))
			__atomic_fetch_and(&vcpu->area->pending_signals, ~(1UL << (signo - 1)),
					   __ATOMIC_SEQ_CST);
	}
}
