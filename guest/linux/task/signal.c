/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: actions, masks, what is pending, and which handler runs next. */
#include "guest/linux/task/signal.h"

#include "guest/linux/mm/memory.h"
#include "guest/linux/task/alt_stack.h"
#include "guest/linux/timers.h"
#include "guest/linux/user.h"

#include <linux/signal.h>
#include <linux/time.h>

/* Handlers that are not functions. */
enum { HANDLER_DEFAULT = 0, HANDLER_IGNORE = 1 };

static bool has_handler(const struct signal_action *a)
{
	return a->handler > HANDLER_IGNORE;
}

static uint64_t unblockable(void)
{
	return signal_bit(SIGKILL) | signal_bit(SIGSTOP) | signal_bit(MOTE_ALARM_SIGNAL);
}

/* SIGTSTP and its like, too: nobody could continue the program. */
static bool ignored_by_default(int signo)
{
	switch (signo) {
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return true;
	default:
		return false;
	}
}

static bool is_ignored(int signo)
{
	uint64_t handler = process.actions[signo].handler;
	return handler == HANDLER_IGNORE ||
	       (handler == HANDLER_DEFAULT && ignored_by_default(signo));
}

/* The host leaves a signal to the guest if it is handled; ignoring is handling, too. */
static void set_handled(int signo, bool handled)
{
	struct mote_area *area = mote_area();
	if (signo == MOTE_ALARM_SIGNAL)
		return;
	if (handled)
		area->handled_signals |= signal_bit(signo);
	else
		area->handled_signals &= ~signal_bit(signo);
}

int64_t signal_action(int signo, uint64_t act, uint64_t old)
{
	struct signal_action next;
	if (signo < 1 || signo > SIGNALS || (act && (signo == SIGKILL || signo == SIGSTOP)))
		return -EINVAL;
	if (act && get_user(&next, act, sizeof(next)) < 0)
		return -EFAULT;
	if (put_user_optional(old, &process.actions[signo], sizeof(next)) < 0)
		return -EFAULT;
	if (!act)
		return 0;
	process.actions[signo] = next;
	set_handled(signo, next.handler != HANDLER_DEFAULT);
	if (is_ignored(signo))
		signal_drop(signal_bit(signo));
	return 0;
}

void signal_forget_handlers(void)
{
	for (int signo = 1; signo <= SIGNALS; signo++) {
		struct signal_action *a = &process.actions[signo];
		bool ignored = a->handler == HANDLER_IGNORE;
		*a = (struct signal_action){.handler = ignored ? HANDLER_IGNORE : HANDLER_DEFAULT};
		set_handled(signo, ignored);
	}
	this_thread()->alt_stack.sp = this_thread()->alt_stack.bytes = 0;
	timers_forget();
}

static int64_t mask_changed(uint32_t how, uint64_t before, uint64_t set, uint64_t *mask)
{
	switch (how) {
	case SIG_BLOCK:
		*mask = before | set;
		return 0;
	case SIG_UNBLOCK:
		*mask = before & ~set;
		return 0;
	case SIG_SETMASK:
		*mask = set;
		return 0;
	default:
		return -EINVAL;
	}
}

int64_t signal_mask(uint32_t how, uint64_t set, uint64_t old)
{
	uint64_t before = mote_area()->blocked_signals, mask = before;
	if (set) {
		uint64_t given;
		if (get_user(&given, set, sizeof(given)) < 0)
			return -EFAULT;
		int64_t rc = mask_changed(how, before, given, &mask);
		if (rc < 0)
			return rc;
	}
	if (put_user_optional(old, &before, sizeof(before)) < 0)
		return -EFAULT;
	mote_area()->blocked_signals = mask & ~unblockable();
	return 0;
}

/* --- the alternate stack --- */

enum { ALT_STACK_MIN = 2048 }; /* MINSIGSTKSZ is the C library's */

static int32_t alt_stack_state(const struct alt_stack *s, uint64_t sp)
{
	if (!s->bytes)
		return SS_DISABLE;
	return alt_stack_used(s, sp) ? SS_ONSTACK : 0;
}

static int64_t alt_stack_set(struct alt_stack *s, const struct alt_stack *next, uint64_t sp)
{
	const int32_t mode = next->flags & ~(int32_t)SS_FLAG_BITS;
	if (alt_stack_used(s, sp))
		return -EPERM;
	if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		*s = (struct alt_stack){.flags = next->flags};
		return 0;
	}
	if (next->sp == s->sp && next->bytes == s->bytes && next->flags == s->flags)
		return 0;
	if (next->bytes < ALT_STACK_MIN)
		return -ENOMEM;
	*s = *next;
	return 0;
}

int64_t signal_altstack(uint64_t stack, uint64_t old)
{
	struct alt_stack *s = &this_thread()->alt_stack;
	const uint64_t sp = syscall_stack_pointer();
	const struct alt_stack before = {
		.sp = s->sp,
		.flags = alt_stack_state(s, sp) | (s->flags & (int32_t)SS_FLAG_BITS),
		.bytes = s->bytes,
	};
	if (stack) {
		struct alt_stack next;
		if (get_user(&next, stack, sizeof(next)) < 0)
			return -EFAULT;
		int64_t rc = alt_stack_set(s, &next, sp);
		if (rc < 0)
			return rc;
	}
	return put_user_optional(old, &before, sizeof(before));
}

/* --- pending signals --- */

int64_t signal_send(int signo, int32_t code, uint64_t value)
{
	const struct signal_info info = {
		.signo = signo,
		.code = code,
		.word = process.boot->pid | (uint64_t)process.credentials.uid[ID_REAL] << 32,
		.value = value,
	};
	if (signo < 0 || signo > SIGNALS)
		return -EINVAL;
	if (signo == 0)
		return 0;
	return signal_queue(&info);
}

int64_t signal_raise(int signo)
{
	return signal_send(signo, SI_USER, 0);
}

int64_t signal_broken_pipe(int64_t rc)
{
	if (rc == -EPIPE)
		(void)!signal_raise(SIGPIPE);
	return rc;
}

void signal_take_alarm(void)
{
	const uint64_t bit = signal_bit(MOTE_ALARM_SIGNAL);
	if (__atomic_load_n(&mote_area()->pending_signals, __ATOMIC_SEQ_CST) & bit) {
		__atomic_fetch_and(&mote_area()->pending_signals, ~bit, __ATOMIC_SEQ_CST);
		timers_run();
	}
}

bool signal_waiting(void)
{
	signal_take_alarm();
	uint64_t ready = signal_pending() & ~mote_area()->blocked_signals;
	for (int signo = 1; signo <= SIGNALS; signo++) {
		if (!(ready & signal_bit(signo)))
			continue;
		if (!is_ignored(signo))
			return true;
		signal_drop(signal_bit(signo));
	}
	return false;
}

/* --- delivery --- */

void signal_end(int signo)
{
	mote_exit_signal(mote_area(), signo);
	__builtin_unreachable();
}

/* More than signal_frame_push needs of the runtime's stack. */
enum { FRAME_PUSH_STACK = 4096 };

/*
 * While a fault or an event is being served another fault would end the guest. The one that a stack
 * which is not there causes is served further down on the stack of faults; it uses the context that
 * the first may be about to resume.
 */
static bool push_frame(struct mote_context *c, const struct signal_action *a,
		       const struct signal_delivery *d)
{
	struct mote_area *area = mote_area();
	if (!area->fault_busy)
		return signal_frame_push(c, a, d);
	const uint64_t top = area->fault_stack_top;
	struct mote_context next = *c;
	area->fault_stack_top = (uint64_t)__builtin_frame_address(0) - FRAME_PUSH_STACK;
	__atomic_store_n(&area->fault_busy, 0, __ATOMIC_SEQ_CST);
	const bool pushed = signal_frame_push(&next, a, d);
	__atomic_store_n(&area->fault_busy, 1, __ATOMIC_SEQ_CST);
	area->fault_stack_top = top;
	*c = next;
	return pushed;
}

/* Makes the context that of the handler. False if the stack for its frame is not there. */
static bool enter_handler(struct mote_context *c, int signo, struct signal_delivery *d)
{
	struct signal_action *a = &process.actions[signo];
	struct thread *t = this_thread();
	d->alt_stack = t->alt_stack;
	(void)memory_stack_grow(mote_context_sp(c) - SIGNAL_FRAME_MAX);
	if (!push_frame(c, a, d))
		return false;
	if (t->alt_stack.flags & (int32_t)SS_AUTODISARM)
		t->alt_stack = (struct alt_stack){.flags = SS_DISABLE};
	struct mote_area *area = mote_area();
	area->blocked_signals |= a->mask & ~unblockable();
	if (!(a->flags & SA_NODEFER))
		area->blocked_signals |= signal_bit(signo);
	if (a->flags & SA_RESETHAND) {
		a->handler = HANDLER_DEFAULT;
		set_handled(signo, false);
	}
	return true;
}

/*
 * The frame of a signal could not be written or read. The program may handle that, too, if it was
 * not the frame of this very signal; nothing holds it back.
 */
static void deliver_bad_frame(struct mote_context *c, int of, uint64_t mask)
{
	struct signal_delivery d = {.signo = SIGSEGV, .code = SI_KERNEL, .mask = mask};
	const bool blocked = mote_area()->blocked_signals & signal_bit(SIGSEGV);
	if (of == SIGSEGV || blocked || !has_handler(&process.actions[SIGSEGV]) ||
	    !enter_handler(c, SIGSEGV, &d))
		signal_end(SIGSEGV);
}

/* True if a handler runs now, false if the signal means nothing to the program. */
static bool deliver_one(struct mote_context *c, const struct signal_info *info, uint64_t mask)
{
	const int signo = info->signo;
	struct signal_delivery d = {
		.signo = signo,
		.code = info->code,
		.error_number = info->error_number,
		.address = info->word,
		.value = info->value,
		.mask = mask,
	};
	if (is_ignored(signo))
		return false;
	if (!has_handler(&process.actions[signo]))
		signal_end(signo);
	if (!enter_handler(c, signo, &d))
		deliver_bad_frame(c, signo, mask);
	return true;
}

static bool repeats_after(enum restart restart, const struct signal_action *a)
{
	return restart == RESTART_SYS && has_handler(a) && (a->flags & SA_RESTART);
}

void signal_deliver(struct mote_context *c, enum restart restart, uint64_t nr)
{
	struct mote_area *area = mote_area();
	struct thread *t = this_thread();
	struct signal_info info;
	signal_take_alarm();
	while (signal_take(~area->blocked_signals, &info)) {
		if (repeats_after(restart, &process.actions[info.signo]))
			context_repeat_call(c, nr);
		/* After a wait with a mask of its own the handler returns to the mask of before. */
		uint64_t mask = t->mask_saved ? t->saved_mask : area->blocked_signals;
		if (deliver_one(c, &info, mask)) {
			t->mask_saved = false;
			restart = RESTART_NONE;
		}
	}
	if (t->mask_saved)
		area->blocked_signals = t->saved_mask;
	t->mask_saved = false;
	/*
	 * Only signals that mean nothing to the program came: it must not see that it was
	 * interrupted.
	 */
	if (restart != RESTART_NONE)
		context_repeat_call(c, nr);
}

bool signal_deliver_fault(struct mote_context *c, const struct mote_fault *f,
			  const struct fault_signal *s)
{
	struct signal_delivery d = {
		.signo = s->signo,
		.code = s->code,
		.address = s->address,
		.error = f->error_code,
		.trap = f->vector,
		.mask = mote_area()->blocked_signals,
	};
	if (!has_handler(&process.actions[s->signo]) || (d.mask & signal_bit(s->signo)))
		return false;
	if (enter_handler(c, s->signo, &d))
		return true;
	if (s->signo == SIGSEGV)
		return false;
	deliver_bad_frame(c, s->signo, d.mask);
	return true;
}

void signal_deliver_event(struct mote_context *c, int signo)
{
	if (signo < 1 || signo > SIGNALS)
		return;
	if (signo == MOTE_ALARM_SIGNAL) {
		timers_run(); /* the way back looks at what is pending now */
		return;
	}
	const struct signal_info info = signal_dequeue(signo);
	(void)!deliver_one(c, &info, mote_area()->blocked_signals);
}

void signal_return(struct mote_context *c)
{
	struct mote_area *area = mote_area();
	const uint64_t sp = mote_context_sp(c);
	struct alt_stack stack;
	uint64_t mask;
	if (signal_frame_pop(c, &mask, &stack) < 0) {
		deliver_bad_frame(c, 0, area->blocked_signals);
		return;
	}
	area->blocked_signals = mask & ~unblockable();
	/* As if the handler had set it: one that is in use stays. */
	(void)!alt_stack_set(&this_thread()->alt_stack, &stack, sp);
}

/* --- waits with a mask of their own --- */

int64_t signal_mask_for_wait(uint64_t set, uint64_t bytes)
{
	struct thread *t = this_thread();
	struct mote_area *area = mote_area();
	uint64_t mask;
	if (!set)
		return 0;
	if (bytes != sizeof(mask))
		return -EINVAL;
	if (get_user(&mask, set, sizeof(mask)) < 0)
		return -EFAULT;
	t->mask_saved = true;
	t->saved_mask = area->blocked_signals;
	area->blocked_signals = mask & ~unblockable();
	return 0;
}

int64_t signal_suspend(void)
{
	const struct mote_time day = {.sec = 86400};
	int64_t rc = 0;
	while (rc == 0) {
		if (signal_waiting())
			return -EINTR;
		rc = mote_sleep(mote_area(), CLOCK_MONOTONIC, 0, &day);
	}
	return rc;
}
