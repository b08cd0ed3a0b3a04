/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: the process's handlers, the thread's mask, and delivery. The host sets the bits of what
 * is pending in the vCPU's area; the guest clears them.
 */
#ifndef MOTE_GUEST_LINUX_TASK_SIGNAL_H
#define MOTE_GUEST_LINUX_TASK_SIGNAL_H

#include "guest/linux/state.h"

/* What becomes of a system call that a signal interrupted. */
enum restart {
	RESTART_NONE,   /* none was */
	RESTART_SYS,    /* made again after a handler with SA_RESTART */
	RESTART_NOHAND, /* made again only if no handler ran */
};

static inline uint64_t signal_bit(int signo)
{
	return 1UL << (signo - 1);
}

/* The system calls of these names. */
int64_t signal_action(int signo, uint64_t act, uint64_t old);
int64_t signal_mask(uint32_t how, uint64_t set, uint64_t old);
int64_t signal_altstack(uint64_t stack, uint64_t old);
int64_t signal_suspend(void);

/* What comes with a signal, as a handler, sigwaitinfo or signalfd shows it. */
struct signal_info {
	int32_t signo, code, error_number; /* si_signo, si_code, si_errno */
	uint64_t word;                     /* si_addr; or si_pid, and in the upper half si_uid */
	uint64_t value;                    /* si_value */
};

/* Makes a signal pending, with what comes with it: 0, or -EAGAIN if too many are. */
int64_t signal_queue(const struct signal_info *info);
/* What came with a signal whose bit has been taken. */
struct signal_info signal_dequeue(int signo);
/* Takes one pending signal of the set; false if there is none. */
bool signal_take(uint64_t set, struct signal_info *info);
/* Whether a signal with that si_code, and that id as the lower half of its word, is queued. */
bool signal_is_queued(int signo, int32_t code, uint32_t id);
/* Sets its bit again, which was taken too early. */
void signal_put_back(int signo);
/* Those that are pending, the program's own view of them. */
uint64_t signal_pending(void);
/*
 * Waits until a signal of the set comes, which is taken: 0; -EAGAIN if the time is over before,
 * -EINTR for another signal.
 */
int64_t signal_wait(uint64_t set, const struct mote_time *timeout, struct signal_info *info);
/* They are pending no more. */
void signal_drop(uint64_t set);
/* Makes a signal pending that the program sends to itself; number 0 only checks. */
int64_t signal_raise(int signo);
/* The same with another si_code and si_value. */
int64_t signal_send(int signo, int32_t code, uint64_t value);
/* Hands on the result of a write: one to where nobody reads any more raises SIGPIPE. */
int64_t signal_broken_pipe(int64_t rc);
/* The vCPU's alarm is for the timers, whose signals then are pending. */
void signal_take_alarm(void);
/* Whether a signal is pending that would do something; those that would not are dropped. */
bool signal_waiting(void);
/* Of a set that a program gives. */
enum { SIGNAL_SET_BYTES = sizeof(uint64_t) };
/* The mask at address `set` (0: none), of so many bytes, holds until the system call has ended. */
int64_t signal_mask_for_wait(uint64_t set, uint64_t bytes);

/* Whether signal_deliver has something to do at the end of a call that nothing interrupted. */
static inline bool signal_due(const struct mote_area *area)
{
	uint64_t pending = __atomic_load_n(&area->pending_signals, __ATOMIC_SEQ_CST);
	return (pending & ~area->blocked_signals) || this_thread()->mask_saved;
}
/*
 * Delivers what is pending and not blocked: the context becomes that of the last handler. A signal
 * whose action is to end the program does not return. nr: the system call that restart is about.
 */
void signal_deliver(struct mote_context *c, enum restart restart, uint64_t nr);
/*
 * Delivers one signal to its handler at once. False if the program does not handle it, or blocks
 * it.
 */
bool signal_deliver_fault(struct mote_context *c, const struct mote_fault *f,
			  const struct fault_signal *s);
/* An event of the host interrupted the program, not the runtime: its signal is delivered. */
void signal_deliver_event(struct mote_context *c, int signo);
/* rt_sigreturn: the context and the mask of before the handler. */
void signal_return(struct mote_context *c);
/* For execve: handlers are the default again, what is ignored stays ignored. */
void signal_forget_handlers(void);
/* Ends the program as that signal does. */
_Noreturn void signal_end(int signo);

#endif
