/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls of x86-64 programs: RAX is the number and then the result, the arguments are in six
 * other registers.
 */
#include "guest/linux/arch/arch.h"
#include "guest/linux/syscall.h"

#include <asm/unistd.h>

void linux_syscall(struct mote_context *c);

/*
 * The first of the image's hot functions, at the beginning of a page, which all of them share: the
 * way in and out (start.S, resume.S), copies and the dispatch. Each page costs a new VM a fault.
 */
__attribute__((hot, aligned(MOTE_PAGE))) void linux_syscall(struct mote_context *c)
{
	const struct syscall s = {
		.nr = c->rax,
		.arg = {c->rdi, c->rsi, c->rdx, c->r10, c->r8, c->r9},
	};
	enum restart restart = RESTART_NONE;
	if (s.nr == __NR_rt_sigreturn) {
		signal_return(c);
		signal_deliver(c, RESTART_NONE, s.nr);
		return;
	}
	if (s.nr == MOTE_SYSCALL_EXCHANGE) {
		c->rax = (uint64_t)mote_exchange(mote_area(), s.arg[0], s.arg[1], s.arg[2],
						 s.arg[3]);
	} else {
		int64_t rc = syscall_run(&s);
		c->rax = (uint64_t)rc;
		if (rc == -EINTR)
			restart = syscall_restart(s.nr);
	}
	if (restart != RESTART_NONE || signal_due(mote_area()))
		signal_deliver(c, restart, s.nr);
}
