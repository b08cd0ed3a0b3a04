/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a vCPU: from one exit to the next, until the guest stops or ends. What surrounds a
 * run is in resume.c, what interrupts it in kick.c, what is done about it in events.c.
 */
#include "vm/arch/arch.h"
#include "vm/internal.h"
#include "vm/memory/commit.h"
#include "vm/memory/shared_file.h"
#include "vm/run/events.h"
#include "vm/run/kick.h"
#include "vm/run/output.h"
#include "vm/run/signals.h"

#include <errno.h>

/* --- faults --- */

/* An exception that the guest runtime has no handler for ends the guest. */
static void fatal_fault(struct vm *vm, const struct mote_fault *f)
{
	char text[160];
	arch_fault_describe(f, text, sizeof(text));
	vm_log(vm, "guest: %s", text);
	vm_end(vm, VM_FAULTED, (int)f->vector);
}

/*
 * An access to memory that was only reserved: it gets some, and is made again. False: it is another
 * exception. What is mapped without the access is not an absent page.
 */
static bool serve_reserved(struct vcpu *vcpu, struct mote_fault *f)
{
	struct memory *m = &vcpu->vm->memory;
	unsigned access;
	if (!arch_fault_absent(f, &access))
		return false;
	int rc = memory_commit(m, gva(f->address), access);
	if (rc == -ENOENT) {
		if (memory_is_mapped(m, gva(f->address)))
			arch_fault_deny(f);
		return false;
	}
	if (rc == -ENOMEM && vcpu_reclaim(vcpu)) {
		rc = memory_commit(m, gva(f->address), access);
		if (rc < 0)
			vcpu_end_out_of_memory(vcpu);
	}
	rc = arch_vcpu_continue(&vcpu->kvm, m, &f->context);
	if (rc < 0)
		vcpu_end_unusable(vcpu, rc);
	return true;
}

static void serve_fault(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	struct mote_fault f;
	int rc = arch_vcpu_fault(&vcpu->kvm, &vm->memory, &f);
	if (rc == -ESTALE && vm->snapshot) {
		rc = vm_snapshot_load_registers(vm);
		if (rc < 0)
			vcpu_end_unusable(vcpu, rc);
		return;
	}
	if (rc == -EPROTO) {
		struct mote_context c = {0};
		(void)!arch_vcpu_context(&vcpu->kvm, &c); /* zeros, then */
		vm_log(vm, "guest: exception inside the guest kernel, RIP %#lx, RSP %#lx",
		       mote_context_pc(&c), mote_context_sp(&c));
		vm_end(vm, VM_FAULTED, arch_fatal_vector);
		return;
	}
	if (rc < 0) {
		vcpu_end_unusable(vcpu, rc);
		return;
	}
	if (serve_reserved(vcpu, &f))
		return;
	struct mote_area *area = vcpu->area;
	uint64_t entry = guest_word(area->fault_entry);
	if (entry == 0 || entry >= MOTE_VA_END || guest_word(area->fault_busy)) {
		fatal_fault(vm, &f);
		return;
	}
	area->fault = f;
	area->fault_busy = 1;
	vcpu_redirect(vcpu, entry);
}

/* --- host calls --- */

void vcpu_serve_call(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	const struct mote_frame frame = hostcall_take(vcpu);
	vcpu->may_pend |= frame.nr != HOSTCALL_exchange;
	const bool pollable = hostcall_pollable(vm, &frame);
	vcpu_flush_output(vcpu);
	/* No other thread acts for the guest with what it had before. */
	if (frame.nr == HOSTCALL_set_ids || frame.nr == HOSTCALL_set_groups)
		poller_stop(vcpu);
	const struct call_outcome outcome = hostcall_dispatch(vcpu, &frame);
	switch (outcome.kind) {
	case CALL_DONE:
		if (frame.nr == HOSTCALL_writev)
			vcpu_note_write(vcpu, (int32_t)frame.arg[0], outcome.result);
		hostcall_finish(vcpu, frame.nr, outcome.result);
		break;
	case CALL_STOP:
		vm->state = VM_BEFORE_CALL;
		break;
	case CALL_DEFER: /* the polling thread's alone */
		vm_end(vm, VM_FAULTED, arch_fatal_vector);
		break;
	}
	poller_replied(vcpu, pollable);
}

/* --- the loop --- */

/*
 * Memory past the end of a file that the guest shares: its page fault is next. False: it is none.
 * A guest that is to end meanwhile is not kept by it (-EINTR).
 */
static bool run_on_without_file(struct vcpu *vcpu)
{
	int rc = memory_shared_lose(&vcpu->vm->memory);
	vcpu->kvm.dead = rc < 0 && rc != -EINTR;
	return !vcpu->kvm.dead;
}

static void serve_exit(struct vcpu *vcpu, enum vcpu_exit why)
{
	switch (why) {
	case VCPU_CALL:
		if (!poller_doorbell(vcpu))
			vcpu_serve_call(vcpu);
		break;
	case VCPU_FAULT:
		serve_fault(vcpu);
		break;
	case VCPU_INTERRUPTED:
		vcpu_take_kicks();
		break;
	case VCPU_NO_MEMORY:
		if (run_on_without_file(vcpu))
			break;
		/* fall through */
	case VCPU_DEAD:
		vm_log(vcpu->vm, "guest: %s", vcpu->kvm.detail);
		vm_end(vcpu->vm, VM_FAULTED, arch_fatal_vector);
		break;
	}
}

int vcpu_loop(struct vcpu *vcpu, struct err *e)
{
	struct vm *vm = vcpu->vm;
	bool interrupted = false;
	if (vm->state == VM_BEFORE_CALL) {
		vm->state = VM_RUNNING;
		vcpu_serve_call(vcpu);
	}
	while (vm->state == VM_RUNNING) {
		vcpu_serve_events(vcpu, interrupted);
		if (vm->state != VM_RUNNING)
			break;
		enum vcpu_exit why;
		clock_keep(vcpu);
		poller_entering(vcpu);
		int rc = kvm_vcpu_run(&vcpu->kvm, &why, e);
		poller_left(vcpu);
		if (rc < 0)
			return rc;
		vcpu->counters.exits++;
		interrupted = why == VCPU_INTERRUPTED;
		serve_exit(vcpu, why);
	}
	return 0;
}
