/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals, faults, waits and timers of Linux programs, and the table of system calls
 * (linux_double.h).
 */
#include "linux_double.h"

#include "guest/linux/time.h"
#include "guest/linux/timers.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#define HANDLER            0x400000UL
#define PROGRAM            0x401000UL
#define IN_RUNTIME         (MOTE_IMAGE_VA + 0x5000)
#define KERNEL_SA_RESTORER 0x04000000UL

static void start(void)
{
	boot_start("/");
	process.stack_low = LINUX_STACK_TOP - LINUX_STACK_STEP;
}

TestSuite(linux_signal, .init = start);

static void handle(int signo, uint64_t flags, uint64_t mask)
{
	const struct signal_action a = {
		.handler = HANDLER + (uint64_t)signo,
		.flags = flags | KERNEL_SA_RESTORER,
		.mask = mask,
	};
	cr_assert(signal_action(signo, ADDRESS(&a), 0) == 0);
}

static void ignore(int signo)
{
	const struct signal_action a = {.handler = (uint64_t)SIG_IGN};
	cr_assert(signal_action(signo, ADDRESS(&a), 0) == 0);
}

static struct mote_context at(uint64_t pc)
{
	struct mote_context c = {0};
	context_set_pc(&c, pc);
	return c;
}

Test(linux_signal, actions)
{
	struct signal_action old = {0}, next = {.handler = HANDLER};
	handle(SIGUSR1, SA_RESTART, 0);
	cr_expect(area.handled_signals == signal_bit(SIGUSR1));
	cr_expect(signal_action(SIGUSR1, 0, ADDRESS(&old)) == 0 &&
		  old.handler == HANDLER + SIGUSR1);
	next.handler = (uint64_t)SIG_DFL;
	cr_expect(signal_action(SIGUSR1, ADDRESS(&next), 0) == 0 && area.handled_signals == 0);
	ignore(SIGUSR2);
	cr_expect(area.handled_signals ==
		  signal_bit(SIGUSR2)); /* the host must leave it to the guest */
	cr_expect(signal_action(0, 0, 0) == -EINVAL && signal_action(65, 0, 0) == -EINVAL);
	cr_expect(signal_action(SIGKILL, ADDRESS(&next), 0) == -EINVAL &&
		  signal_action(SIGKILL, 0, ADDRESS(&old)) == 0);
	cr_expect(signal_action(SIGUSR1, 8, 0) == -EFAULT &&
		  signal_action(SIGUSR1, 0, 8) == -EFAULT);
}

Test(linux_signal, masks)
{
	uint64_t set = signal_bit(SIGUSR1) | signal_bit(SIGKILL), old;
	cr_expect(signal_mask(SIG_BLOCK, ADDRESS(&set), 0) == 0 &&
		  area.blocked_signals == signal_bit(SIGUSR1));
	set = signal_bit(SIGUSR2);
	cr_expect(signal_mask(SIG_BLOCK, ADDRESS(&set), ADDRESS(&old)) == 0 &&
		  old == signal_bit(SIGUSR1));
	cr_expect(area.blocked_signals == (signal_bit(SIGUSR1) | signal_bit(SIGUSR2)));
	cr_expect(signal_mask(SIG_UNBLOCK, ADDRESS(&set), 0) == 0 &&
		  area.blocked_signals == signal_bit(SIGUSR1));
	cr_expect(signal_mask(SIG_SETMASK, ADDRESS(&set), 0) == 0 &&
		  area.blocked_signals == signal_bit(SIGUSR2));
	cr_expect(signal_mask(3, ADDRESS(&set), 0) == -EINVAL &&
		  signal_mask(3, 0, ADDRESS(&old)) == 0);
	cr_expect(signal_mask(SIG_BLOCK, 8, 0) == -EFAULT &&
		  area.blocked_signals == signal_bit(SIGUSR2));
}

Test(linux_signal, the_alternate_stack)
{
	struct {
		uint64_t sp;
		int32_t flags, pad;
		uint64_t bytes;
	} s = {.sp = 0x1000, .bytes = 8192}, old;
	cr_expect(signal_altstack(ADDRESS(&s), ADDRESS(&old)) == 0 && old.flags == SS_DISABLE);
	cr_expect(signal_altstack(0, ADDRESS(&old)) == 0 && old.sp == 0x1000 && old.bytes == 8192 &&
		  old.flags == 0);
	s.bytes = 2047;
	cr_expect(signal_altstack(ADDRESS(&s), 0) == -ENOMEM && signal_altstack(8, 0) == -EFAULT);
	handle(SIGUSR1, SA_ONSTACK, 0);
	struct mote_context c = at(PROGRAM);
	signal_raise(SIGUSR1);
	signal_deliver(&c, RESTART_NONE, 0);
	cr_expect(frame_count == 1 && frames[0].delivery.alt_stack.sp == 0x1000 &&
		  frames[0].delivery.alt_stack.bytes == 8192);
	/* The handler's return brings back the one of the frame, unless it is in use. */
	s.bytes = 4096;
	cr_expect(signal_altstack(ADDRESS(&s), 0) == 0);
	signal_return(&c);
	cr_expect(this_thread()->alt_stack.bytes == 8192);
	area.saved_rsp = 0x1000;
	cr_expect(signal_altstack(0, ADDRESS(&old)) == 0 && old.flags == 0);
	area.saved_rsp = 0x1000 + 8192;
	cr_expect(signal_altstack(0, ADDRESS(&old)) == 0 && old.flags == SS_ONSTACK);
	cr_expect(signal_altstack(ADDRESS(&s), 0) == -EPERM);
	area.saved_rsp = 0;
	s.flags = 4;
	cr_expect(signal_altstack(ADDRESS(&s), 0) == -EINVAL);
	s.flags = SS_DISABLE;
	cr_expect(signal_altstack(ADDRESS(&s), 0) == 0 && this_thread()->alt_stack.bytes == 0);
}

/* SS_AUTODISARM: there is none in a handler, whatever it runs on, and it is back after it. */
Test(linux_signal, an_alternate_stack_that_signals_disarm)
{
	const struct alt_stack s = {.sp = 0x1000, .flags = INT32_MIN, .bytes = 8192};
	struct alt_stack old;
	cr_expect(signal_altstack(ADDRESS(&s), 0) == 0);
	handle(SIGUSR1, 0, 0);
	struct mote_context c = at(PROGRAM);
	signal_raise(SIGUSR1);
	signal_deliver(&c, RESTART_NONE, 0);
	cr_expect(signal_altstack(0, ADDRESS(&old)) == 0 && old.flags == SS_DISABLE);
	signal_return(&c);
	area.saved_rsp = 0x2000;
	cr_expect(signal_altstack(0, ADDRESS(&old)) == 0 && old.flags == INT32_MIN &&
		  old.bytes == 8192);
}

Test(linux_signal, sets_have_one_size)
{
	uint64_t set = 0;
	cr_expect(sys_rt_sigsuspend(ADDRESS(&set), 4) == -EINVAL);
	cr_expect(sys_rt_sigtimedwait(ADDRESS(&set), 0, 0, 16) == -EINVAL);
	cr_expect(sys_rt_sigaction(SIGUSR1, 0, 0, 4) == -EINVAL);
	cr_expect(sys_rt_sigprocmask(SIG_BLOCK, 0, 0, 128) == -EINVAL);
	cr_expect(sys_ppoll(0, 0, 0, ADDRESS(&set), 4) == -EINVAL);
	cr_expect(sys_epoll_pwait(3, 8, 1, 0, ADDRESS(&set), 4) == -EINVAL);
	cr_expect(sys_epoll_pwait2(3, 8, 1, 0, ADDRESS(&set), 4) == -EINVAL);
	/* A part of what is pending can be asked for. */
	set = UINT64_MAX;
	cr_expect(sys_rt_sigpending(ADDRESS(&set), 16) == -EINVAL);
	cr_expect(sys_rt_sigpending(ADDRESS(&set), 4) == 0 && set == UINT64_MAX << 32);
}

Test(linux_signal, handlers_run_and_return_to_the_mask_of_before)
{
	handle(SIGUSR1, 0, signal_bit(SIGUSR2));
	area.blocked_signals = signal_bit(SIGHUP);
	struct mote_context c = at(PROGRAM);
	signal_raise(SIGUSR1);
	cr_expect(signal_due(&area));
	signal_deliver(&c, RESTART_NONE, 0);
	cr_expect(mote_context_pc(&c) == HANDLER + SIGUSR1 && area.pending_signals == 0);
	cr_expect(area.blocked_signals ==
		  (signal_bit(SIGHUP) | signal_bit(SIGUSR1) | signal_bit(SIGUSR2)));
	signal_return(&c);
	cr_expect(mote_context_pc(&c) == PROGRAM && area.blocked_signals == signal_bit(SIGHUP) &&
		  !signal_due(&area));
}

Test(linux_signal, flags_of_actions)
{
	handle(SIGUSR1, SA_NODEFER | SA_RESETHAND, 0);
	struct mote_context c = at(PROGRAM);
	signal_raise(SIGUSR1);
	signal_deliver(&c, RESTART_NONE, 0);
	cr_expect(area.blocked_signals == 0 && area.handled_signals == 0 && frame_count == 1);
	signal_raise(SIGUSR1);
	cr_expect(LEAVING(signal_deliver(&c, RESTART_NONE, 0)) == LEFT_SIGNAL &&
		  left_code == SIGUSR1);
}

Test(linux_signal, what_has_no_handler_ends_the_program_or_means_nothing)
{
	static const int harmless[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH,
				       SIGTSTP, SIGTTIN, SIGTTOU};
	struct mote_context c = at(PROGRAM);
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		signal_raise(harmless[i]);
	cr_expect(!signal_waiting() && area.pending_signals == 0);
	signal_raise(SIGCHLD);
	signal_deliver(&c, RESTART_NONE, 0);
	cr_expect(mote_context_pc(&c) == PROGRAM && frame_count == 0);
	signal_raise(SIGTERM);
	cr_expect(signal_waiting());
	cr_expect(LEAVING(signal_deliver(&c, RESTART_NONE, 0)) == LEFT_SIGNAL &&
		  left_code == SIGTERM);
	handle(SIGUSR1, 0, 0);
	stack_is_gone = true;
	signal_raise(SIGUSR1);
	cr_expect(LEAVING(signal_deliver(&c, RESTART_NONE, 0)) == LEFT_SIGNAL &&
		  left_code == SIGSEGV);
	cr_expect(LEAVING(signal_return(&c)) == LEFT_SIGNAL && left_code == SIGSEGV);
	cr_expect(signal_raise(65) == -EINVAL && signal_raise(-1) == -EINVAL &&
		  signal_raise(0) == 0);
}

/*
 * Whether a call that was interrupted is made again: after a handler with these flags, or after
 * none.
 */
static bool repeated(enum restart restart, uint64_t flags, bool handler)
{
	struct mote_context c = at(PROGRAM);
	frame_count = 0;
	area.blocked_signals = 0;
	if (handler)
		handle(SIGUSR1, flags, 0);
	else
		ignore(SIGUSR1);
	signal_raise(SIGUSR1);
	signal_deliver(&c, restart, SYS_read);
	const struct mote_context *program = handler ? &frames[0].context : &c;
	cr_expect((size_t)handler == frame_count);
	return mote_context_pc(program) != PROGRAM;
}

Test(linux_signal, interrupted_calls_are_repeated_as_signal_7_says)
{
	cr_expect(repeated(RESTART_SYS, SA_RESTART, true) && !repeated(RESTART_SYS, 0, true));
	cr_expect(!repeated(RESTART_NOHAND, SA_RESTART, true) &&
		  !repeated(RESTART_NOHAND, 0, true));
	cr_expect(!repeated(RESTART_NONE, SA_RESTART, true) && !repeated(RESTART_NONE, 0, false));
	cr_expect(repeated(RESTART_SYS, 0, false) && repeated(RESTART_NOHAND, 0, false));
	static const uint64_t never[] = {
		SYS_poll,       SYS_ppoll,         SYS_select,          SYS_pselect6,
		SYS_epoll_wait, SYS_epoll_pwait,   SYS_nanosleep,       SYS_clock_nanosleep,
		SYS_pause,      SYS_rt_sigsuspend, SYS_rt_sigtimedwait,
	};
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		cr_expect(syscall_restart(never[i]) == RESTART_NOHAND, "%lu",
			  (unsigned long)never[i]);
	cr_expect(syscall_restart(SYS_read) == RESTART_SYS &&
		  syscall_restart(SYS_accept) == RESTART_SYS);
	cr_expect(syscall_restart(MOTE_SYSCALL_EXCHANGE) == RESTART_NONE);
}

static unsigned interruptions;

/*
 * Waits are interrupted so many times, each after a second, by a signal that the test has chosen.
 */
static int interrupting;
static bool interrupted(uint32_t nr, const uint64_t *arg, int64_t *rc)
{
	(void)arg;
	if ((nr != HOSTCALL_sleep && nr != HOSTCALL_poll && nr != HOSTCALL_epoll_wait) ||
	    interruptions == 0)
		return false;
	interruptions--;
	clock_ns += 1000000000;
	signal_raise(interrupting);
	*rc = -EINTR;
	return true;
}

Test(linux_signal, what_means_nothing_neither_ends_nor_prolongs_a_wait)
{
	const struct timespec ten = {.tv_sec = 10};
	struct timespec left = {0};
	host_answer = interrupted;
	interruptions = 3;
	interrupting = SIGUSR1;
	ignore(SIGUSR1);
	int64_t since = clock_ns;
	cr_expect(sys_nanosleep(ADDRESS(&ten), ADDRESS(&left)) == 0 &&
		  clock_ns - since == 10000000000);
	interruptions = 3;
	since = clock_ns;
	cr_expect(sys_ppoll(0, 0, ADDRESS(&ten), 0, 0) == 0 && clock_ns - since == 10000000000,
		  "%ld", (long)(clock_ns - since));
	/* A handler ends it, and what is left is reported. */
	handle(SIGUSR1, SA_RESTART, 0);
	interruptions = 1;
	cr_expect(sys_nanosleep(ADDRESS(&ten), ADDRESS(&left)) == -EINTR && left.tv_sec == 9 &&
		  left.tv_nsec == 0);
	cr_expect(sys_nanosleep(8, 0) == -EFAULT);
}

Test(linux_signal, a_wait_has_a_mask_of_its_own)
{
	uint64_t none = 0;
	const struct timespec ten = {.tv_sec = 10};
	handle(SIGUSR1, 0, 0);
	area.blocked_signals = signal_bit(SIGUSR1);
	host_answer = interrupted;
	interruptions = 1;
	interrupting = SIGUSR1;
	cr_expect(sys_ppoll(0, 0, ADDRESS(&ten), ADDRESS(&none), 8) == -EINTR && signal_due(&area));
	struct mote_context c = at(PROGRAM);
	signal_deliver(&c, RESTART_NOHAND, SYS_ppoll);
	cr_expect(frame_count == 1 && frames[0].delivery.mask == signal_bit(SIGUSR1));
	signal_return(&c);
	cr_expect(area.blocked_signals == signal_bit(SIGUSR1) && !signal_due(&area));
	/* Without a signal the mask comes back at the end of the call. */
	cr_expect(sys_ppoll(0, 0, ADDRESS(&ten), ADDRESS(&none), 8) == 0 &&
		  area.blocked_signals == 0 && signal_due(&area));
	signal_deliver(&c, RESTART_NONE, SYS_ppoll);
	cr_expect(area.blocked_signals == signal_bit(SIGUSR1) && mote_context_pc(&c) == PROGRAM);
	area.blocked_signals = 0;
	interruptions = 1;
	cr_expect(sys_rt_sigsuspend(ADDRESS(&none), 8) == -EINTR &&
		  sys_rt_sigsuspend(8, 8) == -EFAULT && sys_rt_sigsuspend(0, 8) == -EFAULT);
}

Test(linux_signal, blocked_signals_can_be_waited_for)
{
	uint64_t set = signal_bit(SIGUSR1);
	const struct timespec one = {.tv_sec = 1};
	siginfo_t info = {0};
	area.blocked_signals = set;
	host_answer = interrupted;
	interruptions = 1;
	interrupting = SIGUSR1;
	cr_expect(sys_rt_sigtimedwait(ADDRESS(&set), ADDRESS(&info), ADDRESS(&one), 8) == SIGUSR1 &&
		  info.si_signo == SIGUSR1);
	cr_expect(area.blocked_signals == set && area.handled_signals == 0 &&
		  area.pending_signals == 0);
	cr_expect(sys_rt_sigtimedwait(ADDRESS(&set), 0, ADDRESS(&one), 8) == -EAGAIN);
	handle(SIGUSR2, 0, 0);
	interruptions = 1;
	interrupting = SIGUSR2;
	cr_expect(sys_rt_sigtimedwait(ADDRESS(&set), 0, 0, 8) == -EINTR &&
		  area.pending_signals == signal_bit(SIGUSR2));
	uint64_t pending;
	area.blocked_signals = signal_bit(SIGUSR2);
	cr_expect(sys_rt_sigpending(ADDRESS(&pending), 8) == 0 && pending == signal_bit(SIGUSR2));
}

Test(linux_signal, processes_that_can_be_signalled)
{
	cr_expect(sys_kill(1, 0) == 0 && sys_kill(0, 0) == 0 && sys_kill(-1, 0) == 0 &&
		  sys_kill(2, 0) == -ESRCH);
	cr_expect(sys_tkill(2, SIGUSR1) == -ESRCH && sys_tgkill(1, 1, SIGUSR1) == 0 &&
		  area.pending_signals == signal_bit(SIGUSR1));
}

/* --- faults and events --- */

static enum left fault(uint32_t vector, uint64_t pc, uint64_t address, uint32_t error,
		       uint64_t detail)
{
	area.fault = (struct mote_fault){
		.vector = vector,
		.address = address,
		.error_code = error,
		.detail = detail,
	};
	area.fault.context = at(pc);
	area.fault_busy = 1;
	return LEAVING(linux_fault(&area));
}

Test(linux_signal, faults_are_delivered_to_handlers)
{
	handle(SIGSEGV, 0, 0);
	cr_expect(fault(14, PROGRAM, 0x1234, 7, 0) == LEFT_RESUMED && area.fault_busy == 0);
	cr_expect(mote_context_pc(&left_context) == HANDLER + SIGSEGV && frame_count == 1);
	const struct signal_delivery *d = &frames[0].delivery;
	cr_expect(d->signo == SIGSEGV && d->code == SEGV_ACCERR && d->address == 0x1234 &&
		  d->trap == 14 && d->error == 7);
	area.blocked_signals = 0;
	cr_expect(fault(14, PROGRAM, 0x1234, 6, 0) == LEFT_RESUMED &&
		  frames[1].delivery.code == SEGV_MAPERR);
	handle(SIGFPE, 0, 0);
	cr_expect(fault(0, PROGRAM, 0, 0, 0) == LEFT_RESUMED &&
		  frames[2].delivery.address == PROGRAM);
}

Test(linux_signal, faults_without_a_handler_end_the_program_with_a_sentence)
{
	cr_expect(fault(14, PROGRAM, 0x10, 6, 0) == LEFT_SIGNAL && left_code == SIGSEGV);
	cr_expect(
		strstr(host_errors, "mote: program: segmentation fault writing 0x10 (at 0x401000)"),
		"%s", host_errors);
	cr_expect(fault(14, PROGRAM, 0x20, 0x14, 0) == LEFT_SIGNAL &&
		  strstr(host_errors, "executing 0x20"));
	cr_expect(fault(0, PROGRAM, 0, 0, 0) == LEFT_SIGNAL && left_code == SIGFPE &&
		  strstr(host_errors, "divide by zero"));
	/* A blocked fault cannot wait. */
	handle(SIGSEGV, 0, 0);
	area.blocked_signals = signal_bit(SIGSEGV);
	cr_expect(fault(14, PROGRAM, 0x10, 6, 0) == LEFT_SIGNAL && left_code == SIGSEGV);
	cr_expect(fault(14, IN_RUNTIME, 0x10, 6, 0) == LEFT_SIGNAL && left_code == SIGABRT);
	cr_expect(strstr(host_log, "in the guest runtime"), "%s", host_log);
}

Test(linux_signal, a_fault_of_the_stack_maps_it)
{
	uint64_t address = LINUX_STACK_TOP - LINUX_STACK_STEP - 8;
	cr_expect(fault(14, PROGRAM, address, 6, 0) == LEFT_RESUMED &&
		  mote_context_pc(&left_context) == PROGRAM);
	cr_expect(process.stack_low == LINUX_STACK_TOP - 2 * LINUX_STACK_STEP && frame_count == 0);
}

Test(linux_signal, events_interrupt_programs_and_wait_for_the_runtime)
{
	struct mote_context resuming = at(PROGRAM + 8);
	handle(SIGALRM, 0, 0);
	cr_expect(fault(MOTE_EVENT_SIGNAL, PROGRAM, 0, 0, SIGALRM) == LEFT_RESUMED &&
		  frame_count == 1);
	cr_expect(mote_context_pc(&frames[0].context) == PROGRAM);
	/* On the way back: to the context that it is on the way to. */
	area.blocked_signals = 0;
	this_thread()->resuming = &resuming;
	cr_expect(fault(MOTE_EVENT_SIGNAL, IN_RUNTIME, 0, 0, SIGALRM) == LEFT_RESUMED &&
		  frame_count == 2);
	cr_expect(mote_context_pc(&frames[1].context) == PROGRAM + 8);
	/* Which may itself be in the runtime. */
	resuming = at(IN_RUNTIME);
	area.pending_signals = area.blocked_signals = 0;
	cr_expect(fault(MOTE_EVENT_SIGNAL, IN_RUNTIME, 0, 0, SIGALRM) == LEFT_RESUMED &&
		  frame_count == 2);
	cr_expect(area.pending_signals == signal_bit(SIGALRM));
	/* The last fault's context is one that can be on its way. */
	this_thread()->resuming = &this_thread()->fault_context;
	this_thread()->fault_context = at(PROGRAM + 16);
	cr_expect(fault(MOTE_EVENT_SIGNAL, IN_RUNTIME, 0, 0, SIGALRM) == LEFT_RESUMED);
	cr_expect(mote_context_pc(&frames[2].context) == PROGRAM + 16);
	cr_expect(fault(MOTE_EVENT_SIGNAL, PROGRAM, 0, 0, 100) == LEFT_RESUMED && frame_count == 3);
}

Test(linux_signal, signals_on_the_way_back)
{
	uint32_t busy = 1;
	struct mote_context c = at(PROGRAM), own = at(IN_RUNTIME);
	handle(SIGUSR1, 0, 0);
	signal_raise(SIGUSR1);
	cr_expect(LEAVING(linux_signals(&own, &busy)) == LEFT_RESUMED_UNASKED &&
		  area.pending_signals != 0);
	/* It returns to the way back, which looks again. */
	cr_expect(LEAVING(linux_signals(&c, &busy)) == LEFT_NOT && frame_count == 1);
	cr_expect(mote_context_pc(&c) == HANDLER + SIGUSR1);
}

/* --- the table of calls --- */

Test(linux_signal, calls_that_are_not_there_are_named_once)
{
	const struct syscall unknown = {.nr = 9999}, named = {.nr = SYS_ptrace},
			     rseq = {.nr = SYS_rseq};
	cr_expect(syscall_run(&named) == -ENOSYS && syscall_run(&named) == -ENOSYS &&
		  syscall_run(&rseq) == -ENOSYS);
	cr_expect_str_eq(host_log, "system call 101 (ptrace) is not implemented\n");
	cr_expect(syscall_run(&unknown) == -ENOSYS && strstr(host_log, "9999 (unknown)"));
}

Test(linux_signal, arguments_have_the_types_of_their_calls)
{
	/* Of an int the upper half of the register means nothing. */
	const struct syscall getpgid_of = {.nr = SYS_getpgid, .arg = {0xffffffff00000001}};
	const struct syscall close_it = {.nr = SYS_close, .arg = {0xdeadbeef00000000 | 1023}};
	const struct syscall kill_group = {.nr = SYS_kill, .arg = {0x00000000ffffffff}};
	cr_expect(syscall_run(&getpgid_of) == 1 && syscall_run(&close_it) == -EBADF &&
		  syscall_run(&kill_group) == 0);
	const struct syscall vfork_it = {.nr = SYS_vfork},
			     thread = {.nr = SYS_clone, .arg = {0x10000 /* CLONE_THREAD */}};
	cr_expect(syscall_run(&vfork_it) == -ENOSYS && syscall_run(&vfork_it) == -ENOSYS &&
		  syscall_run(&thread) == -ENOSYS);
	char *first = strstr(host_errors, "fork is not implemented");
	cr_expect(first && !strstr(first + 1, "fork is not") &&
			  strstr(first, "threads are not implemented"),
		  "%s", host_errors);
}

/* --- timers, select, limits, futex --- */

Test(linux_signal, timers_report_what_is_left)
{
	struct itimerval t = {.it_value = {.tv_sec = 10}, .it_interval = {.tv_sec = 3}}, got;
	cr_expect(sys_setitimer(ITIMER_REAL, ADDRESS(&t), 0) == 0);
	clock_ns += 4000000000;
	cr_expect(sys_getitimer(ITIMER_REAL, ADDRESS(&got)) == 0 && got.it_value.tv_sec == 6 &&
		  got.it_interval.tv_sec == 3);
	clock_ns += 7000000000; /* a second after the first expiry */
	cr_expect(sys_getitimer(ITIMER_REAL, ADDRESS(&got)) == 0 && got.it_value.tv_sec == 2);
	cr_expect(sys_setitimer(ITIMER_REAL, 0, ADDRESS(&got)) == 0 && timer_left() == 0);
	t.it_value.tv_usec = 1000000;
	cr_expect(sys_setitimer(ITIMER_REAL, ADDRESS(&t), 0) == -EINVAL &&
		  sys_setitimer(1, ADDRESS(&t), 0) == -EINVAL);
	t.it_value = (struct timeval){.tv_sec = INT64_MAX};
	cr_expect(sys_setitimer(ITIMER_REAL, ADDRESS(&t), 0) == 0 && timer_left() > 0);
	cr_expect(sys_setitimer(ITIMER_REAL, 8, 0) == -EFAULT);
}

Test(linux_signal, select_in_terms_of_poll)
{
	uint64_t read[16] = {0}, write[16] = {0};
	int ends[2], files[2];
	cr_assert(pipe(ends) == 0 && pipe(files) == 0 && ends[0] < 64 && ends[1] < 64);
	read[0] = 1UL << ends[0];
	write[0] = 1UL << ends[1];
	cr_expect(sys_pselect6(64, ADDRESS(read), ADDRESS(write), 0, 0, 0) == 1 && read[0] == 0 &&
		  write[0] == 1UL << ends[1]);
	cr_assert(close(ends[1]) == 0);
	read[0] = 1UL << ends[0];
	cr_expect(sys_pselect6(64, ADDRESS(read), 0, 0, 0, 0) == 1 &&
		  read[0] == 1UL << ends[0]); /* hung up: readable */
	write[0] = 1UL << ends[1];
	cr_expect(sys_pselect6(64, 0, ADDRESS(write), 0, 0, 0) == -EBADF);
	cr_expect(sys_pselect6(UINT32_MAX, 0, 0, 0, 0, 0) == -EINVAL &&
		  sys_pselect6(64, 8, 0, 0, 0, 0) == -EFAULT);
}

Test(linux_signal, limits_can_be_lowered)
{
	struct rlimit l = {10, 20}, got;
	cr_expect(sys_getrlimit(RLIMIT_NOFILE, ADDRESS(&got)) == 0 && got.rlim_max == 1024);
	cr_expect(sys_prlimit64(0, RLIMIT_NOFILE, ADDRESS(&l), ADDRESS(&got)) == 0 &&
		  got.rlim_cur == 1024);
	l = (struct rlimit){20, 30};
	cr_expect(sys_setrlimit(RLIMIT_NOFILE, ADDRESS(&l)) == -EPERM);
	l = (struct rlimit){20, 10};
	cr_expect(sys_setrlimit(RLIMIT_NOFILE, ADDRESS(&l)) == -EINVAL &&
		  sys_setrlimit(RLIMIT_NOFILE, 0) == -EFAULT);
	cr_expect(sys_prlimit64(2, RLIMIT_NOFILE, 0, 0) == -ESRCH &&
		  sys_getrlimit(16, ADDRESS(&got)) == -EINVAL);
}

Test(linux_signal, a_futex_of_the_only_thread)
{
	uint32_t word = 5;
	const struct timespec one = {.tv_sec = 1};
	int64_t since = clock_ns;
	cr_expect(sys_futex(ADDRESS(&word), 1, 1, 0, 0, 0) == 0 &&
		  sys_futex(ADDRESS(&word), 0x80, 4, 0, 0, 0) == -EAGAIN);
	cr_expect(sys_futex(ADDRESS(&word), 0x80, 5, ADDRESS(&one), 0, 0) == -ETIMEDOUT &&
		  clock_ns - since == 1000000000);
	cr_expect(sys_futex(8, 0, 0, 0, 0, 0) == -EFAULT &&
		  sys_futex(ADDRESS(&word), 0x7f, 0, 0, 0, 0) == -ENOSYS);
	cr_expect(LEAVING((void)sys_futex(ADDRESS(&word), 0x80, 5, 0, 0, 0)) == LEFT_SIGNAL &&
		  left_code == SIGABRT);
	cr_expect(strstr(host_errors, "deadlock"));
}

static int64_t set_ids_answer;

static bool answer_set_ids(uint32_t nr, const uint64_t *arg, int64_t *rc)
{
	(void)arg;
	*rc = set_ids_answer;
	return nr == HOSTCALL_set_ids;
}

Test(linux_signal, names_of_threads_and_identity)
{
	char name[16] = "";
	cr_expect(sys_prctl(15, ADDRESS("a name that is much too long"), 0, 0, 0) == 0 &&
		  sys_prctl(16, ADDRESS(name), 0, 0, 0) == 0);
	cr_expect_str_eq(name, "a name that is ");
	cr_expect(sys_setuid(1000) == 0 && sys_setuid(0) == -EPERM &&
		  sys_setresgid(100, UINT32_MAX, 100) == 0);
	cr_expect(sys_setreuid(UINT32_MAX, 0) == -EPERM && sys_personality(0) == 0 &&
		  sys_personality(8) == -EINVAL);
	uint32_t ids[3] = {0};
	cr_expect(sys_getresuid(ADDRESS(&ids[0]), ADDRESS(&ids[1]), ADDRESS(&ids[2])) == 0 &&
		  ids[2] == 1000);
	cr_expect(sys_getresgid(ADDRESS(&ids[0]), 8, 8) == -EFAULT);
	/* Without capabilities: who it is in another order, and nothing else. */
	process.credentials.uid[ID_SAVED] = 7;
	host_answer = answer_set_ids;
	cr_expect(sys_setresuid(1000, 7, 1000) == 0 && sys_geteuid() == 7 && sys_getuid() == 1000);
	cr_expect(sys_setresuid(UINT32_MAX, 8, UINT32_MAX) == -EPERM);
	cr_expect(sys_setfsuid(1000) == 7 && sys_setfsuid(9) == 1000 &&
		  sys_setfsuid(UINT32_MAX) == 1000);
	cr_expect(calls_made[HOSTCALL_set_ids] == 2, "%u", calls_made[HOSTCALL_set_ids]);
	set_ids_answer = -EPERM; /* the host has the last word */
	cr_expect(sys_setreuid(UINT32_MAX, 1000) == -EPERM && sys_geteuid() == 7);
	host_answer = NULL;
	cr_expect(sys_setgroups(0, 0) == -EPERM && sys_setuid(UINT32_MAX) == -EINVAL);
	cr_expect(LEAVING((void)sys_exit(7)) == LEFT_EXIT && left_code == 7);
}
