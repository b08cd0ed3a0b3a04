/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of system calls, and what happens around each. A call that is not in the table is ENOSYS and
 * one line in the log.
 */
#include "guest/linux/syscall.h"

typedef int64_t handler(const struct args *s);

static handler *const handlers[] = {
#define CALL(number, name) [number] = sys_##name,
#define SAME(number, name, handler) [number] = sys_##handler,
#include "guest/linux/arch/x86_64/syscalls.def"
};

static const char *name_of_call(uint64_t nr)
{
	switch (nr) {
#define NAME(number, name)                                                                         \
	case number:                                                                               \
		return #name;
#include "guest/linux/arch/x86_64/syscalls.def"
	default:
		return "unknown";
	}
}

enum { NR_RT_SIGRETURN = 15, NR_RSEQ = 334, SEEN_WORDS = 8 };

static __attribute__((cold, noinline)) int64_t not_there(uint64_t nr)
{
	static uint64_t seen[SEEN_WORDS];
	if (nr == NR_RSEQ) /* every libc asks, and does without */
		return -E_NOSYS;
	if (nr < 64 * SEEN_WORDS && (seen[nr / 64] >> nr % 64 & 1))
		return -E_NOSYS;
	if (nr < 64 * SEEN_WORDS)
		seen[nr / 64] |= 1UL << nr % 64;
	lib_log("system call %lu (%s) is not implemented", nr, name_of_call(nr));
	return -E_NOSYS;
}

/* Waits that Linux does not begin again after a handler, whatever SA_RESTART says (signal(7)). */
static enum restart restart_of(uint64_t nr)
{
	switch (nr) {
	case 7:	  /* poll */
	case 23:  /* select */
	case 34:  /* pause */
	case 35:  /* nanosleep */
	case 128: /* rt_sigtimedwait */
	case 130: /* rt_sigsuspend */
	case 230: /* clock_nanosleep */
	case 232: /* epoll_wait */
	case 281: /* epoll_pwait */
	case 441: /* epoll_pwait2 */
	case 270: /* pselect6 */
	case 271: /* ppoll */
		return RESTART_IDLE;
	default:
		return RESTART_AS_ASKED;
	}
}

/* A write to where nobody reads any more is a signal too. */
static bool broken_pipe(uint64_t nr, const struct args *s)
{
	enum { MSG_NOSIGNAL_ = 0x4000 };
	switch (nr) {
	case 1:	  /* write */
	case 20:  /* writev */
	case 40:  /* sendfile */
	case 326: /* copy_file_range */
		return true;
	case 44: /* sendto */
		return !(s->d & MSG_NOSIGNAL_);
	case 46: /* sendmsg */
		return !(s->c & MSG_NOSIGNAL_);
	default:
		return false;
	}
}

/* Hot: on one page with its way in and out (start.S), since each page costs a new VM a fault. */
__attribute__((hot)) void linux_syscall(struct mote_context *c)
{
	enum { SIG_PIPE = 13 };
	struct mote_area *area = this_area();
	uint64_t nr = c->rax;
	const struct args s = {.a = c->rdi, .b = c->rsi, .c = c->rdx, .d = c->r10, .e = c->r8, .f = c->r9, .nr = nr};
	if (nr == NR_RT_SIGRETURN) {
		signal_return(c);
		signal_deliver(c, RESTART_NEVER, nr);
		return;
	}
	if (nr == MOTE_SYSCALL_EXCHANGE) {
		c->rax = (uint64_t)mote_exchange(area, s.a, s.b, s.c, s.d);
		if (signal_due(area))
			signal_deliver(c, RESTART_NEVER, nr);
		return;
	}
	handler *h = nr < sizeof(handlers) / sizeof(handlers[0]) ? handlers[nr] : NULL;
	int64_t rc = h ? h(&s) : not_there(nr);
	/* The host does not know that the stack grows. It looks at all buffers before it does anything. */
	if (rc == -E_FAULT && memory_stack_reach(LINUX_STACK_TOP - LINUX_STACK_BYTES))
		rc = h(&s);
	if (rc == -E_PIPE && broken_pipe(nr, &s))
		(void)signal_raise(SIG_PIPE);
	c->rax = (uint64_t)rc;
	if (rc == -E_INTR)
		signal_deliver(c, restart_of(nr), nr);
	else if (signal_due(area))
		signal_deliver(c, RESTART_NEVER, nr);
}
