/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the vCPU: exits, faults and signals, from one exchange to the next. What limits and
 * interrupts a run is in resume.c.
 */
#include "vm/internal.h"
#include "vm/run/output.h"

#include "vm/arch/arch.h"
#include "vm/run/blocking.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOG_LINES_MAX 1000	/* of one guest */

/* --- what stops a guest --- */

void vm_end(struct vm *vm, enum vm_end end, int code)
{
	if (vm->ended)
		return;
	vm->ended = true;
	vm->outcome = (struct vm_outcome){.end = end, .code = code};
}

static bool signal_set(uint64_t set, int signo)
{
	return set >> (signo - 1) & 1;
}

#define SIGNAL_BIT(signo) (1UL << ((signo) - 1))
static const uint64_t ignored_signals =
	SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH);

static bool ignored_by_default(int signo)
{
	return signal_set(ignored_signals, signo);
}

/*
 * Signals that would do something now: end the guest or reach a handler that is not blocked. A terminal's new size, say,
 * does not end a wait of a program that has no handler for it.
 */
static uint64_t deliverable(const struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;
	uint64_t pending = atomic_load(&vm->pending);
	uint64_t blocked = guest_word(vcpu->area->blocked_signals) & ~SIGNAL_BIT(SIGKILL);
	return pending & ~blocked & ~(ignored_signals & ~guest_word(vcpu->area->handled_signals));
}

/* Whatever the program thinks of it. */
static bool must_end(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	return vm->ended || signal_set(deliverable(vcpu), SIGKILL) || vcpu_limit_over(vcpu) ||
	       atomic_load(&vm->busy) == VM_STOPPED;
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
	uint64_t blocked = guest_word(vcpu->area->blocked_signals), waiting = guest_word(vcpu->area->pending_signals);
	return must_end(vcpu) || deliverable(vcpu) || (waiting & ~blocked) || atomic_load(&vcpu->alarm.fired);
}

/*
 * KVM refuses to read or set the vCPU's registers: a guest at CPL 0 can bring them into a state that
 * it does not take back. It ends; its VM is not used again.
 */
static void end_unusable(struct vcpu *vcpu, int rc)
{
	struct vm *vm = vcpu->vm;
	vcpu->kvm.dead = true;
	vm_log(vm, "guest: KVM refuses the vCPU's registers: %s", strerror(-rc));
	vm_end(vm, VM_FAULTED, 8);
}

/* The guest goes on in its personality's handler of faults and events. */
static int redirect(struct vcpu *vcpu, uint64_t entry)
{
	const struct arch_redirect to = {
		.entry = entry,
		.stack_top = guest_word(vcpu->area->fault_stack_top),
		.arg = vcpu->area_va.v,
	};
	return arch_vcpu_redirect(&vcpu->kvm, &vcpu->vm->memory, &to);
}

/* Hands one event to the program's handler through the personality, if it can take one now. */
static bool inject(struct vcpu *vcpu, int signo)
{
	struct mote_area *area = vcpu->area;
	struct mote_context c;
	uint64_t entry = guest_word(area->fault_entry);
	if (!guest_word(area->events_open) || guest_word(area->fault_busy) || entry == 0 || entry >= MOTE_VA_END)
		return false;
	int rc = arch_vcpu_context(&vcpu->kvm, &c);
	if (rc < 0) {
		end_unusable(vcpu, rc);
		return false;
	}
	bool in_window = c.rip >= MOTE_WINDOW && c.rip < MOTE_WINDOW_END;
	bool returning = c.rip - guest_word(area->resume_at) < guest_word(area->resume_bytes);
	if (in_window && (!returning || c.rip >= MOTE_KERNEL))
		return false;
	area->fault = (struct mote_fault){.vector = MOTE_EVENT_SIGNAL, .detail = (uint64_t)signo, .context = c};
	area->fault_busy = 1;
	rc = redirect(vcpu, entry);
	if (rc < 0)
		end_unusable(vcpu, rc);
	return true;
}

/*
 * Acts on signals and limits between two runs. may_inject: the vCPU was interrupted, so its registers
 * are those of the program; after an I/O exit they are not final.
 */
static void serve_events(struct vcpu *vcpu, bool may_inject)
{
	struct vm *vm = vcpu->vm;
	/* Before what is asked below: a kick that comes during its writes is over with them. */
	if (atomic_exchange(&vcpu->flush.fired, false))
		vcpu_output_expired(vcpu);
	if (atomic_load(&vm->busy) == VM_STOPPED)
		vm_end(vm, VM_INTERRUPTED, 0);
	if (vcpu_limit_over(vcpu))
		vm_end(vm, VM_TIMED_OUT, atomic_load(&vcpu->deadline.fired) ? 0 : 1);
	if (atomic_exchange(&vcpu->alarm.fired, false))
		atomic_fetch_or(&vm->pending, 1UL << (SIGALRM - 1));
	uint64_t pending = atomic_exchange(&vm->pending, 0);
	const uint64_t handled = guest_word(vcpu->area->handled_signals), blocked = guest_word(vcpu->area->blocked_signals);
	for (int signo = 1; signo <= 64 && pending; signo++) {
		if (!signal_set(pending, signo))
			continue;
		pending &= ~(1UL << (signo - 1));
		if (signo == SIGKILL ||
		    (!signal_set(handled, signo) && !ignored_by_default(signo) && !signal_set(blocked, signo)))
			vm_end(vm, VM_SIGNALLED, signo);
		else if (!ignored_by_default(signo) || signal_set(handled, signo))
			__atomic_fetch_or(&vcpu->area->pending_signals, 1UL << (signo - 1), __ATOMIC_SEQ_CST);
	}
	uint64_t ready = guest_word(vcpu->area->pending_signals) & ~blocked;
	if (may_inject && ready && !vm->ended) {
		int signo = __builtin_ctzl(ready) + 1;
		if (inject(vcpu, signo))
			__atomic_fetch_and(&vcpu->area->pending_signals, ~(1UL << (signo - 1)), __ATOMIC_SEQ_CST);
	}
}

/* --- faults --- */

/* An exception that the personality does not want ends the guest. */
static void fatal_fault(struct vm *vm, const struct mote_fault *f)
{
	if (f->vector == 14)
		vm_log(vm, "guest: page fault %s %#lx at RIP %#lx, RSP %#lx",
		       f->error_code & 16 ? "executing" : f->error_code & 2 ? "writing" : "reading", f->address,
		       f->context.rip, f->context.rsp);
	else
		vm_log(vm, "guest: %s (vector %u, error code %#x) at RIP %#lx, RSP %#lx", arch_fault_name(f->vector),
		       f->vector, f->error_code, f->context.rip, f->context.rsp);
	vm_end(vm, VM_FAULTED, (int)f->vector);
}

static void serve_fault(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	struct mote_fault f;
	int rc = arch_vcpu_fault(&vcpu->kvm, &vm->memory, &f);
	if (rc == -ESTALE && vm->snapshot) {
		rc = vm_snapshot_load_registers(vm);
		if (rc < 0)
			end_unusable(vcpu, rc);
		return;
	}
	if (rc == -EPROTO) {
		struct mote_context c = {0};
		if (arch_vcpu_context(&vcpu->kvm, &c) < 0)
			c.rip = 0;
		vm_log(vm, "guest: exception inside the guest kernel, RIP %#lx, RSP %#lx", c.rip, c.rsp);
		vm_end(vm, VM_FAULTED, 8);
		return;
	}
	if (rc < 0) {
		end_unusable(vcpu, rc);
		return;
	}
	struct mote_area *area = vcpu->area;
	uint64_t entry = guest_word(area->fault_entry);
	if (entry == 0 || entry >= MOTE_VA_END || guest_word(area->fault_busy)) {
		fatal_fault(vm, &f);
		return;
	}
	area->fault = f;
	area->fault_busy = 1;
	rc = redirect(vcpu, entry);
	if (rc < 0)
		end_unusable(vcpu, rc);
}

/* --- log and counters --- */

void vm_log(struct vm *vm, const char *fmt, ...)
{
	if (!vm->log || vm->log_lines > LOG_LINES_MAX)
		return;
	char line[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (vm->log_lines++ == LOG_LINES_MAX)
		snprintf(line, sizeof(line), "further messages of this guest are dropped");
	vm->log(vm->log_arg, line);
}

void vm_count(const struct vm *vm, struct vm_counters *out)
{
	const struct vcpu *vcpu = &vm->vcpus[0];
	*out = vcpu->counters;
}

/* --- the loop --- */

int vcpu_loop(struct vcpu *vcpu, struct err *e)
{
	struct vm *vm = vcpu->vm;
	bool interrupted = false;
	if (vm->at_call) {
		vm->at_call = false;
		poller_replied(vcpu, hostcall_serve(vcpu));
	}
	while (!vm->ended && !vm->channel.waiting) {
		serve_events(vcpu, interrupted);
		if (vm->ended)
			break;
		enum vcpu_exit why;
		clock_keep(vcpu);
		poller_entering(vcpu);
		int rc = kvm_vcpu_run(&vcpu->kvm, &why, e);
		poller_left(vcpu);
		if (rc < 0)
			return rc;
		interrupted = false;
		vcpu->counters.exits++;
		switch (why) {
		case VCPU_CALL:
			if (!poller_doorbell(vcpu))
				poller_replied(vcpu, hostcall_serve(vcpu));
			break;
		case VCPU_FAULT:
			serve_fault(vcpu);
			break;
		case VCPU_INTERRUPTED:
			vcpu_take_kicks();
			interrupted = true;
			break;
		case VCPU_DEAD:
			vm_log(vm, "guest: %s", vcpu->kvm.detail);
			vm_end(vm, VM_FAULTED, 8);
			break;
		}
	}
	return 0;
}
