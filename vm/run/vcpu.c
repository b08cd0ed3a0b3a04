/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the vCPU: exits, faults and signals, from one exchange to the next. What limits and
 * interrupts a run is in resume.c.
 */
#include "vm/internal.h"
#include "vm/run/output.h"

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
static uint64_t deliverable(const struct vm *vm)
{
	uint64_t pending = atomic_load(&vm->pending);
	uint64_t blocked = guest_word(vm->area->blocked_signals) & ~SIGNAL_BIT(SIGKILL);
	return pending & ~blocked & ~(ignored_signals & ~guest_word(vm->area->handled_signals));
}

/* Whatever the program thinks of it. */
static bool must_end(struct vm *vm)
{
	return vm->ended || signal_set(deliverable(vm), SIGKILL) || run_limit_over(vm) ||
	       atomic_load(&vm->busy) == VM_STOPPED;
}

bool vm_ending(struct vm *vm)
{
	return must_end(vm) || deliverable(vm) & ~guest_word(vm->area->handled_signals);
}

static bool memory_ending(void *vm)
{
	return vm_ending(vm);
}

void vm_watch_memory(struct vm *vm)
{
	vm->memory.ending = memory_ending;
	vm->memory.ending_arg = vm;
}

bool vm_interrupted(struct vm *vm)
{
	uint64_t blocked = guest_word(vm->area->blocked_signals), waiting = guest_word(vm->area->pending_signals);
	return must_end(vm) || deliverable(vm) || (waiting & ~blocked) || atomic_load(&vm->alarm.fired);
}

/*
 * KVM refuses to read or set the vCPU's registers: a guest at CPL 0 can bring them into a state that
 * it does not take back. It ends; its VM is not used again.
 */
static void end_unusable(struct vm *vm, int rc)
{
	vm->machine.dead = true;
	vm_log(vm, "guest: KVM refuses the vCPU's registers: %s", strerror(-rc));
	vm_end(vm, VM_FAULTED, 8);
}

/* Hands one event to the program's handler through the personality, if it can take one now. */
static bool inject(struct vm *vm, int signo)
{
	struct mote_area *area = vm->area;
	struct mote_context c;
	uint64_t entry = guest_word(area->fault_entry);
	if (!guest_word(area->events_open) || guest_word(area->fault_busy) || entry == 0 || entry >= MOTE_VA_END)
		return false;
	int rc = machine_context(&vm->machine, &c);
	if (rc < 0) {
		end_unusable(vm, rc);
		return false;
	}
	bool in_window = c.rip >= MOTE_WINDOW && c.rip < MOTE_WINDOW_END;
	bool returning = c.rip - guest_word(area->resume_at) < guest_word(area->resume_bytes);
	if (in_window && (!returning || c.rip >= MOTE_KERNEL))
		return false;
	area->fault = (struct mote_fault){.vector = MOTE_EVENT_SIGNAL, .detail = (uint64_t)signo, .context = c};
	area->fault_busy = 1;
	rc = machine_redirect(&vm->machine, &vm->memory, entry, guest_word(area->fault_stack_top), vm->area_va.v);
	if (rc < 0)
		end_unusable(vm, rc);
	return true;
}

/*
 * Acts on signals and limits between two runs. may_inject: the vCPU was interrupted, so its registers
 * are those of the program; after an I/O exit they are not final.
 */
static void serve_events(struct vm *vm, bool may_inject)
{
	/* Before what is asked below: a kick that comes during its writes is over with them. */
	if (atomic_exchange(&vm->flush.fired, false))
		vm_output_expired(vm);
	if (atomic_load(&vm->busy) == VM_STOPPED)
		vm_end(vm, VM_INTERRUPTED, 0);
	if (run_limit_over(vm))
		vm_end(vm, VM_TIMED_OUT, atomic_load(&vm->deadline.fired) ? 0 : 1);
	if (atomic_exchange(&vm->alarm.fired, false))
		atomic_fetch_or(&vm->pending, 1UL << (SIGALRM - 1));
	uint64_t pending = atomic_exchange(&vm->pending, 0);
	const uint64_t handled = guest_word(vm->area->handled_signals), blocked = guest_word(vm->area->blocked_signals);
	for (int signo = 1; signo <= 64 && pending; signo++) {
		if (!signal_set(pending, signo))
			continue;
		pending &= ~(1UL << (signo - 1));
		if (signo == SIGKILL ||
		    (!signal_set(handled, signo) && !ignored_by_default(signo) && !signal_set(blocked, signo)))
			vm_end(vm, VM_SIGNALLED, signo);
		else if (!ignored_by_default(signo) || signal_set(handled, signo))
			__atomic_fetch_or(&vm->area->pending_signals, 1UL << (signo - 1), __ATOMIC_SEQ_CST);
	}
	uint64_t ready = guest_word(vm->area->pending_signals) & ~blocked;
	if (may_inject && ready && !vm->ended) {
		int signo = __builtin_ctzl(ready) + 1;
		if (inject(vm, signo))
			__atomic_fetch_and(&vm->area->pending_signals, ~(1UL << (signo - 1)), __ATOMIC_SEQ_CST);
	}
}

/* --- faults --- */

static const char *vector_name(uint32_t vector)
{
	static const char *const names[MOTE_VECTORS] = {
		[0] = "divide error", [1] = "debug exception", [2] = "NMI", [3] = "breakpoint", [4] = "overflow",
		[5] = "bound range exceeded", [6] = "invalid opcode", [7] = "device not available",
		[8] = "double fault", [10] = "invalid TSS", [11] = "segment not present", [12] = "stack fault",
		[13] = "general protection fault", [14] = "page fault", [16] = "x87 floating-point error",
		[17] = "alignment check", [18] = "machine check", [19] = "SIMD floating-point error",
	};
	return vector < MOTE_VECTORS && names[vector] ? names[vector] : "unknown exception";
}

/* An exception that the personality does not want ends the guest. */
static void fatal_fault(struct vm *vm, const struct mote_fault *f)
{
	if (f->vector == 14)
		vm_log(vm, "guest: page fault %s %#lx at RIP %#lx, RSP %#lx",
		       f->error_code & 16 ? "executing" : f->error_code & 2 ? "writing" : "reading", f->address,
		       f->context.rip, f->context.rsp);
	else
		vm_log(vm, "guest: %s (vector %u, error code %#x) at RIP %#lx, RSP %#lx", vector_name(f->vector),
		       f->vector, f->error_code, f->context.rip, f->context.rsp);
	vm_end(vm, VM_FAULTED, (int)f->vector);
}

static void serve_fault(struct vm *vm)
{
	struct mote_fault f;
	int rc = machine_fault(&vm->machine, &vm->memory, &f);
	if (rc == -ESTALE && vm->snapshot) {
		rc = vm_snapshot_load_registers(vm);
		if (rc < 0)
			end_unusable(vm, rc);
		return;
	}
	if (rc == -EPROTO) {
		struct mote_context c = {0};
		if (machine_context(&vm->machine, &c) < 0)
			c.rip = 0;
		vm_log(vm, "guest: exception inside the guest kernel, RIP %#lx, RSP %#lx", c.rip, c.rsp);
		vm_end(vm, VM_FAULTED, 8);
		return;
	}
	if (rc < 0) {
		end_unusable(vm, rc);
		return;
	}
	struct mote_area *area = vm->area;
	uint64_t entry = guest_word(area->fault_entry);
	if (entry == 0 || entry >= MOTE_VA_END || guest_word(area->fault_busy)) {
		fatal_fault(vm, &f);
		return;
	}
	area->fault = f;
	area->fault_busy = 1;
	rc = machine_redirect(&vm->machine, &vm->memory, entry, guest_word(area->fault_stack_top), vm->area_va.v);
	if (rc < 0)
		end_unusable(vm, rc);
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
	*out = vm->counters;
}

/* --- the loop --- */

int vcpu_loop(struct vm *vm, struct err *e)
{
	bool interrupted = false;
	if (vm->at_call) {
		vm->at_call = false;
		hostcall_serve(vm, vm->area);
	}
	while (!vm->ended && !vm->channel.waiting) {
		serve_events(vm, interrupted);
		if (vm->ended)
			break;
		enum machine_exit why;
		clock_keep(vm);
		ring_entering(vm);
		int rc = machine_run(&vm->machine, &why, e);
		ring_left(vm);
		if (rc < 0)
			return rc;
		interrupted = false;
		vm->counters.exits++;
		switch (why) {
		case MACHINE_CALL:
			hostcall_serve(vm, vm->area);
			break;
		case MACHINE_FAULT:
			serve_fault(vm);
			break;
		case MACHINE_INTERRUPTED:
			run_take_kicks();
			interrupted = true;
			break;
		case MACHINE_DEAD:
			vm_log(vm, "guest: %s", vm->machine.detail);
			vm_end(vm, VM_FAULTED, 8);
			break;
		}
	}
	return 0;
}
