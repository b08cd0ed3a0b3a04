/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/run/signals.h"

#include "vm/internal.h"
#include "vm/run/limits.h"

void vm_end(struct vm *vm, enum vm_end end, int code)
{
	if (vm->state == VM_ENDED)
		return;
	vm->state = VM_ENDED;
	vm->outcome = (struct vm_outcome){.end = end, .code = code};
}

/*
 * Signals that would do something now: end the guest or reach a handler that is not blocked. A
 * terminal's new size, say, does not end a wait of a program that has no handler for it.
 */
static uint64_t deliverable(const struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;
	uint64_t pending = atomic_load(&vm->pending);
	uint64_t blocked = guest_word(vcpu->area->blocked_signals) & ~SIGNAL_BIT(SIGKILL);
	return pending & ~blocked & ~(SIGNALS_IGNORED & ~guest_word(vcpu->area->handled_signals));
}

/* Whatever the program thinks of it. */
static bool must_end(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	return vm->state == VM_ENDED || signal_in(deliverable(vcpu), SIGKILL) ||
	       vcpu_limit_over(vcpu) || atomic_load(&vm->busy) == VM_STOPPED;
}

bool vcpu_ending(struct vcpu *vcpu)
{
	return must_end(vcpu) || deliverable(vcpu) & ~guest_word(vcpu->area->handled_signals);
}

static bool memory_ending(void *vcpu)
{
	return vcpu_ending(vcpu);
}

void vm_watch_memory(struct vm *vm)
{
	vm->memory.ending = memory_ending;
	vm->memory.ending_arg = &vm->vcpus[0]; /* whose thread changes it */
}

bool vcpu_interrupted(struct vcpu *vcpu)
{
	uint64_t blocked = guest_word(vcpu->area->blocked_signals),
		 waiting = guest_word(vcpu->area->pending_signals);
	const uint64_t watched = guest_word(vcpu->area->watched_signals);
	return must_end(vcpu) || deliverable(vcpu) || (waiting & ~blocked) ||
	       (atomic_load(&vcpu->vm->pending) & watched) || atomic_load(&vcpu->alarm.fired);
}
