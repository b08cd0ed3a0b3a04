/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the vCPU: exits, faults, signals, time limits, buffered output.
 *
 * VM_KICK_SIGNAL is blocked in this thread but for the moments when it may interrupt: inside KVM_RUN
 * (KVM_SET_SIGNAL_MASK) and inside the waits of host calls (ppoll with wait_mask). So a kick is never
 * lost between a check and a wait. Timers are kicks too; their siginfo says which flag to set.
 */
#include "vm/internal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FLUSH_NS 5000000L	/* buffered output waits this long at most */
#define OUTPUT_SMALL 1024	/* a write below this size starts buffering */
#define LOG_LINES_MAX 1000	/* of one guest */

/* --- kicks and timers --- */

static void note_kick(const siginfo_t *info)
{
	if (info->si_code == SI_TIMER && info->si_value.sival_ptr)
		atomic_store((_Atomic bool *)info->si_value.sival_ptr, true);
}

static void on_kick(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	note_kick(info);
}

static pthread_once_t handler_once = PTHREAD_ONCE_INIT;
static int handler_rc;

static void install_handler(void)
{
	struct sigaction sa = {.sa_sigaction = on_kick, .sa_flags = SA_SIGINFO};
	sigemptyset(&sa.sa_mask);
	handler_rc = sigaction(VM_KICK_SIGNAL, &sa, NULL) < 0 ? -errno : 0;
}

/* KVM_RUN leaves the kick pending: take it, and what a timer has to say. */
static void take_kicks(void)
{
	sigset_t kick;
	sigemptyset(&kick);
	sigaddset(&kick, VM_KICK_SIGNAL);
	siginfo_t info;
	struct timespec now = {0};
	while (sigtimedwait(&kick, &info, &now) == VM_KICK_SIGNAL)
		note_kick(&info);
}

int vm_timer_set(struct vm_timer *t, uint64_t first_ns, uint64_t interval_ns)
{
	if (!t->made) {
		struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = VM_KICK_SIGNAL};
		ev.sigev_value.sival_ptr = &t->fired;
		ev._sigev_un._tid = (int)syscall(SYS_gettid);
		if (timer_create(CLOCK_MONOTONIC, &ev, &t->id) < 0)
			return -errno;
		t->made = true;
	}
	struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(first_ns / 1000000000), .tv_nsec = (long)(first_ns % 1000000000)},
		.it_interval = {.tv_sec = (time_t)(interval_ns / 1000000000), .tv_nsec = (long)(interval_ns % 1000000000)},
	};
	return timer_settime(t->id, 0, &when, NULL) < 0 ? -errno : 0;
}

static void timer_end(struct vm_timer *t)
{
	if (t->made)
		timer_delete(t->id);
	t->made = false;
}

void vm_signal(struct vm *vm, int signo)
{
	if (signo < 1 || signo > 64)
		return;
	int saved = errno;
	atomic_fetch_or(&vm->pending, 1UL << (signo - 1));
	int tid = atomic_load(&vm->running_tid);
	if (tid)
		syscall(SYS_tgkill, getpid(), tid, VM_KICK_SIGNAL);
	errno = saved;
}

/* --- what stops a guest --- */

void vm_end(struct vm *vm, enum vm_end end, int code)
{
	if (vm->ended)
		return;
	vm->ended = true;
	vm->outcome = (struct vm_outcome){.end = end, .code = code};
}

static bool ignored_by_default(int signo)
{
	return signo == SIGCHLD || signo == SIGCONT || signo == SIGURG || signo == SIGWINCH;
}

static bool signal_set(uint64_t set, int signo)
{
	return set >> (signo - 1) & 1;
}

/* Signals that would do something now: end the guest or reach a handler that is not blocked. */
static uint64_t deliverable(const struct vm *vm)
{
	uint64_t pending = atomic_load(&vm->pending);
	uint64_t blocked = vm->area->blocked_signals & ~(1UL << (SIGKILL - 1));
	return pending & ~blocked;
}

bool vm_interrupted(const struct vm *vm)
{
	uint64_t blocked = vm->area->blocked_signals, waiting = vm->area->pending_signals;
	return vm->ended || deliverable(vm) || (waiting & ~blocked) || atomic_load(&vm->deadline.fired) ||
	       atomic_load(&vm->alarm.fired);
}

/* Hands one event to the program's handler through the personality, if it can take one now. */
static bool inject(struct vm *vm, int signo, struct err *e, int *rc)
{
	struct mote_area *area = vm->area;
	struct mote_context c;
	uint64_t entry = area->fault_entry;
	if (!area->events_open || area->fault_busy || entry == 0 || entry >= MOTE_VA_END)
		return false;
	*rc = machine_context(&vm->machine, &c);
	if (*rc < 0 || (c.rip >= MOTE_WINDOW && c.rip < MOTE_WINDOW_END))
		return false;
	area->fault = (struct mote_fault){.vector = MOTE_EVENT_SIGNAL, .detail = (uint64_t)signo, .context = c};
	area->fault_busy = 1;
	*rc = machine_redirect(&vm->machine, entry, area->fault_stack_top, vm->area_va.v);
	if (*rc < 0)
		err_sys(e, -*rc, "delivering signal %d", signo);
	return true;
}

/*
 * Acts on signals and limits between two runs. may_inject: the vCPU was interrupted, so its registers
 * are those of the program; after an I/O exit they are not final.
 */
static int serve_events(struct vm *vm, bool may_inject, struct err *e)
{
	if (atomic_load(&vm->deadline.fired))
		vm_end(vm, VM_TIMED_OUT, 0);
	if (atomic_exchange(&vm->alarm.fired, false))
		atomic_fetch_or(&vm->pending, 1UL << (SIGALRM - 1));
	if (atomic_exchange(&vm->flush.fired, false)) {
		if (vm->area->output_len == 0)
			vm->area->output_armed = 0;
		else
			vm_flush_output(vm);
		if (vm->area->output_armed && vm_timer_set(&vm->flush, FLUSH_NS, 0) < 0)
			vm->area->output_armed = 0;
	}
	uint64_t pending = atomic_exchange(&vm->pending, 0);
	for (int signo = 1; signo <= 64 && pending; signo++) {
		if (!signal_set(pending, signo))
			continue;
		pending &= ~(1UL << (signo - 1));
		if (signo == SIGKILL || (!signal_set(vm->area->handled_signals, signo) && !ignored_by_default(signo) &&
					 !signal_set(vm->area->blocked_signals, signo)))
			vm_end(vm, VM_SIGNALLED, signo);
		else if (!ignored_by_default(signo) || signal_set(vm->area->handled_signals, signo))
			__atomic_fetch_or(&vm->area->pending_signals, 1UL << (signo - 1), __ATOMIC_SEQ_CST);
	}
	uint64_t ready = vm->area->pending_signals & ~vm->area->blocked_signals;
	if (may_inject && ready && !vm->ended) {
		int signo = __builtin_ctzl(ready) + 1, rc = 0;
		if (inject(vm, signo, e, &rc))
			__atomic_fetch_and(&vm->area->pending_signals, ~(1UL << (signo - 1)), __ATOMIC_SEQ_CST);
		return rc;
	}
	return 0;
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

static int serve_fault(struct vm *vm, struct err *e)
{
	struct mote_fault f;
	int rc = machine_fault(&vm->machine, &f);
	if (rc == -EPROTO) {
		struct mote_context c = {0};
		if (machine_context(&vm->machine, &c) < 0)
			c.rip = 0;
		vm_log(vm, "guest: exception inside the guest kernel, RIP %#lx, RSP %#lx", c.rip, c.rsp);
		vm_end(vm, VM_FAULTED, 8);
		return 0;
	}
	if (rc < 0)
		return err_sys(e, -rc, "reading the vCPU's registers");
	struct mote_area *area = vm->area;
	uint64_t entry = area->fault_entry;
	if (entry == 0 || entry >= MOTE_VA_END || area->fault_busy) {
		fatal_fault(vm, &f);
		return 0;
	}
	area->fault = f;
	area->fault_busy = 1;
	rc = machine_redirect(&vm->machine, entry, area->fault_stack_top, vm->area_va.v);
	return rc < 0 ? err_sys(e, -rc, "setting the vCPU's registers") : 0;
}

/* --- output --- */

/* Waits until a descriptor takes more, or the guest is to end. */
static bool wait_writable(struct vm *vm, int fd)
{
	while (!vm->ended && !signal_set(deliverable(vm), SIGKILL) && !atomic_load(&vm->deadline.fired)) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		int n = ppoll(&p, 1, NULL, &vm->wait_mask);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		if (deliverable(vm) & ~vm->area->handled_signals)
			return false;
	}
	return false;
}

void vm_flush_output(struct vm *vm)
{
	struct mote_area *area = vm->area;
	uint32_t len = __atomic_load_n(&area->output_len, __ATOMIC_ACQUIRE), fd = area->output_fd;
	if (len == 0)
		return;
	area->output_len = 0;
	struct fd_entry *entry = fd == 1 || fd == 2 ? fdtable_get(&vm->fds, (int32_t)fd) : NULL;
	if (!entry || len > MOTE_OUTPUT_BYTES)
		return;
	for (uint32_t done = 0; done < len;) {
		/* PIPE_BUF at most, so that a blocking pipe that polls writable takes all of it. */
		uint32_t piece = len - done < 4096 ? len - done : 4096;
		ssize_t n = wait_writable(vm, entry->host) ? write(entry->host, area->output + done, piece) : -1;
		if (n < 0 && (errno == EINTR || errno == EAGAIN) && !vm_interrupted(vm))
			continue;
		if (n < 0) {
			area->output_armed = 0; /* the next write reports the error */
			return;
		}
		done += (uint32_t)n;
	}
}

void vm_note_write(struct vm *vm, int32_t fd, int64_t written)
{
	if ((fd != 1 && fd != 2) || written <= 0 || written >= OUTPUT_SMALL || vm->area->output_armed)
		return;
	if (vm_timer_set(&vm->flush, FLUSH_NS, 0) == 0)
		vm->area->output_armed = 1;
}

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

/* --- the loop --- */

static int run_loop(struct vm *vm, struct err *e)
{
	bool interrupted = false;
	while (!vm->ended) {
		int rc = serve_events(vm, interrupted, e);
		if (rc < 0)
			return rc;
		if (vm->ended)
			break;
		enum machine_exit why;
		rc = machine_run(&vm->machine, &why, e);
		if (rc < 0)
			return rc;
		interrupted = false;
		switch (why) {
		case MACHINE_CALL:
			hostcall_serve(vm, vm->area);
			break;
		case MACHINE_FAULT:
			rc = serve_fault(vm, e);
			if (rc < 0)
				return rc;
			break;
		case MACHINE_INTERRUPTED:
			take_kicks();
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

static int begin(struct vm *vm, struct err *e)
{
	pthread_once(&handler_once, install_handler);
	if (handler_rc < 0)
		return err_sys(e, -handler_rc, "handler for signal %d", VM_KICK_SIGNAL);
	sigset_t kick;
	sigemptyset(&kick);
	sigaddset(&kick, VM_KICK_SIGNAL);
	int rc = pthread_sigmask(SIG_BLOCK, &kick, &vm->saved_mask);
	if (rc)
		return err_sys(e, rc, "blocking signal %d", VM_KICK_SIGNAL);
	vm->wait_mask = vm->saved_mask;
	sigdelset(&vm->wait_mask, VM_KICK_SIGNAL);
	atomic_store(&vm->running_tid, (int)syscall(SYS_gettid));
	rc = machine_signal_mask(&vm->machine, &vm->wait_mask);
	if (rc == 0 && vm->time_limit_ns)
		rc = vm_timer_set(&vm->deadline, vm->time_limit_ns, 0);
	return rc < 0 ? err_sys(e, -rc, "preparing the vCPU thread") : 0;
}

int vm_run(struct vm *vm, struct vm_outcome *out, struct err *e)
{
	int rc = begin(vm, e);
	if (rc == 0)
		rc = run_loop(vm, e);
	vm_flush_output(vm);
	atomic_store(&vm->running_tid, 0);
	timer_end(&vm->deadline);
	timer_end(&vm->alarm);
	timer_end(&vm->flush);
	take_kicks();
	pthread_sigmask(SIG_SETMASK, &vm->saved_mask, NULL);
	if (rc == 0)
		*out = vm->outcome;
	return rc;
}
