/* SPDX-License-Identifier: Apache-2.0 */
/* Where the host enters on the fault stack: exceptions of the program, and events for it. */
#include "guest/linux/task/fault.h"

#include "guest/linux/mm/memory.h"
#include "guest/linux/task/signal.h"

/* Code of the runtime, which an event must not interrupt, and whose faults are its own. */
static bool in_runtime(const struct mote_context *c)
{
	uint64_t pc = mote_context_pc(c);
	return pc >= MOTE_IMAGE_VA && pc < MOTE_BOOT_VA;
}

void linux_signals(struct mote_context *c, uint32_t *busy)
{
	if (in_runtime(c)) /* its own way back will ask */
		linux_resume_unasked(c, busy);
	signal_deliver(c, RESTART_NONE, 0);
}

/* Says what the program did and ends it. */
_Noreturn static void end_by_fault(const struct mote_fault *f, const struct fault_signal *s)
{
	const char *program = program_name();
	void *pc = (void *)mote_context_pc(&f->context);
	if (fault_is_page_fault(f))
		lib_error("%s: %s %s %p (at %p)", program, s->what, fault_access(f),
			  (void *)f->address, pc);
	else
		lib_error("%s: %s (at %p)", program, s->what, pc);
	signal_end(s->signo);
}

static void program_fault(struct mote_context *c, const struct mote_fault *f)
{
	struct fault_signal s;
	if (!fault_to_signal(f, &s))
		lib_panic("exception %u at %lx", f->vector,
			  (unsigned long)mote_context_pc(&f->context));
	if (fault_is_page_fault(f) && memory_behind_file(f->address))
		fault_behind_file(&s);
	else if (fault_is_page_fault(f) && memory_is_denied(f->address))
		fault_denied(&s);
	if (!signal_deliver_fault(c, f, &s))
		end_by_fault(f, &s);
}

/* An event found the program, or the way back to it. */
static void event(struct mote_context *c, int signo)
{
	if (in_runtime(c))
		*c = *this_thread()->resuming;
	if (in_runtime(c))
		signal_put_back(signo);
	else
		signal_deliver_event(c, signo);
}

static bool in_user_copy(const struct mote_context *c)
{
	return mote_context_pc(c) >= (uint64_t)user_copy &&
	       mote_context_pc(c) < (uint64_t)user_copy_fault;
}

static void exception(struct mote_context *c, const struct mote_fault *f)
{
	if (fault_is_page_fault(f) &&
	    (memory_stack_grow(f->address) || memory_file_grew(f->address)))
		return; /* the instruction is executed again */
	if (fault_is_page_fault(f) && f->address == mote_context_pc(c) && arch_emulate_call(c))
		return;
	if (in_user_copy(c))
		context_set_pc(c, (uint64_t)user_copy_fault);
	else if (in_runtime(c))
		lib_panic("exception %u in the guest runtime at %lx, address %lx", f->vector,
			  (unsigned long)mote_context_pc(c), (unsigned long)f->address);
	else
		program_fault(c, f);
}

void linux_fault(struct mote_area *area)
{
	const struct mote_fault f = area->fault;
	struct mote_context c = f.context;
	if (f.vector == MOTE_EVENT_SIGNAL)
		event(&c, (int)(f.detail & 127));
	else
		exception(&c, &f);
	/* Off the stack, which the next fault may use as soon as this one is not busy any more. */
	this_thread()->fault_context = c;
	linux_resume(&this_thread()->fault_context, &area->fault_busy);
}
