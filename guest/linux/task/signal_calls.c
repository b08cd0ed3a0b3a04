/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on signals; what they do is signal.c's. */
#include "guest/linux/syscall.h"
#include "guest/linux/task/signal.h"

#include <linux/signal.h>

static int32_t own_pid(void)
{
	return (int32_t)process.boot->pid;
}

/* The process, its group, and everybody: always this one. */
int64_t sys_kill(int pid, int signo)
{
	if (pid != own_pid() && pid != -own_pid() && pid != 0 && pid != -1)
		return -ESRCH;
	return signal_raise(signo);
}

int64_t sys_tkill(int tid, int signo)
{
	if (tid != own_pid())
		return -ESRCH;
	return signal_raise(signo);
}

int64_t sys_tgkill(int pid, int tid, int signo)
{
	(void)pid;
	return sys_tkill(tid, signo);
}

int64_t sys_rt_sigaction(int signo, uint64_t act, uint64_t old)
{
	return signal_action(signo, act, old);
}

int64_t sys_rt_sigprocmask(uint32_t how, uint64_t set, uint64_t old)
{
	return signal_mask(how, set, old);
}

int64_t sys_rt_sigpending(uint64_t to)
{
	const struct mote_area *area = mote_area();
	uint64_t set = area->pending_signals & area->blocked_signals;
	return put_user(to, &set, sizeof(set));
}

int64_t sys_rt_sigsuspend(uint64_t mask)
{
	return signal_suspend(mask);
}

int64_t sys_sigaltstack(uint64_t stack, uint64_t old)
{
	return signal_altstack(stack, old);
}

/*
 * Until a signal of the set comes, which is taken: 0; -EAGAIN if the time is over before, -EINTR
 * for another signal.
 */
static int64_t wait_for(uint64_t set, const struct mote_time *timeout, int *signo)
{
	for (;;) {
		int64_t rc = signal_take(set, signo);
		if (rc == 0)
			return 0;
		if (signal_waiting())
			return -EINTR;
		if (mote_poll(mote_area(), 0, 0, timeout) != -EINTR)
			return signal_take(set, signo); /* one may have come with the end */
	}
}

int64_t sys_rt_sigtimedwait(uint64_t set_at, uint64_t info_at, uint64_t timeout_at)
{
	struct mote_area *area = mote_area();
	const uint64_t blocked = area->blocked_signals, handled = area->handled_signals;
	struct mote_time t;
	const struct mote_time *timeout;
	uint64_t set;
	int signo;
	if (get_user(&set, set_at, sizeof(set)) < 0 ||
	    get_user_timeout(timeout_at, &t, &timeout) < 0)
		return -EFAULT;
	/*
	 * What is waited for must end the wait: it is let through, and taken before anybody else
	 * sees it.
	 */
	area->handled_signals = handled | set;
	area->blocked_signals = blocked & ~set;
	int64_t rc = wait_for(set, timeout, &signo);
	area->blocked_signals = blocked;
	area->handled_signals = handled;
	if (rc < 0)
		return rc;
	const siginfo_t info = {.si_signo = signo};
	if (put_user_optional(info_at, &info, sizeof(info)) < 0)
		return -EFAULT;
	return signo;
}
