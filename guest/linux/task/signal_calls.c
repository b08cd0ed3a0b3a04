/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on signals; what they do is signal.c's. */
#include "guest/linux/syscall.h"
#include "guest/linux/task/signal.h"
#include "guest/linux/time.h"

#include <linux/signal.h>

static int32_t own_pid(void)
{
	return (int32_t)process.boot->pid;
}

/* The process, its group, and everybody: always this one. */
static bool is_self(int pid)
{
	return pid == own_pid() || pid == -own_pid() || pid == 0 || pid == -1;
}

int64_t sys_kill(int pid, int signo)
{
	if (!is_self(pid))
		return -ESRCH;
	return signal_raise(signo);
}

int64_t sys_tkill(int tid, int signo)
{
	return sys_tgkill(own_pid(), tid, signo);
}

int64_t sys_tgkill(int pid, int tid, int signo)
{
	if (pid <= 0 || tid <= 0)
		return -EINVAL;
	if (pid != own_pid() || tid != own_pid())
		return -ESRCH;
	return signal_send(signo, SI_TKILL, 0);
}

/* A program may tell itself anything: what it sees is what it wrote. */
int64_t sys_rt_sigqueueinfo(int pid, int signo, uint64_t info_at)
{
	siginfo_t info;
	if (get_user(&info, info_at, sizeof(info)) < 0)
		return -EFAULT;
	if (pid != own_pid()) /* nobody says to another that it was the kernel, or kill(2) */
		return info.si_code >= 0 || info.si_code == SI_TKILL ? -EPERM : -ESRCH;
	if (signo < 0 || signo > SIGNALS)
		return -EINVAL;
	const struct signal_info given = {
		.signo = signo,
		.code = info.si_code,
		.error_number = info.si_errno,
		.word = (uint64_t)info.si_addr,
		.value = (uint64_t)info.si_ptr,
	};
	if (signo == 0)
		return 0;
	return signal_queue(&given);
}

int64_t sys_rt_tgsigqueueinfo(int pid, int tid, int signo, uint64_t info_at)
{
	if (pid <= 0 || tid <= 0)
		return -EINVAL;
	if (tid != own_pid())
		return -ESRCH;
	return sys_rt_sigqueueinfo(pid, signo, info_at);
}

int64_t sys_rt_sigaction(int signo, uint64_t act, uint64_t old, uint64_t set_bytes)
{
	if (set_bytes != SIGNAL_SET_BYTES)
		return -EINVAL;
	return signal_action(signo, act, old);
}

int64_t sys_rt_sigprocmask(uint32_t how, uint64_t set, uint64_t old, uint64_t set_bytes)
{
	if (set_bytes != SIGNAL_SET_BYTES)
		return -EINVAL;
	return signal_mask(how, set, old);
}

int64_t sys_rt_sigpending(uint64_t to, uint64_t set_bytes)
{
	const struct mote_area *area = mote_area();
	uint64_t set =
		area->pending_signals & area->blocked_signals & ~signal_bit(MOTE_ALARM_SIGNAL);
	if (set_bytes > sizeof(set))
		return -EINVAL;
	return put_user(to, &set, set_bytes); /* a part of the set can be asked for */
}

int64_t sys_rt_sigsuspend(uint64_t mask, uint64_t mask_bytes)
{
	if (mask_bytes != SIGNAL_SET_BYTES)
		return -EINVAL;
	if (!mask)
		return -EFAULT;
	int64_t rc = signal_mask_for_wait(mask, mask_bytes);
	if (rc < 0)
		return rc;
	return signal_suspend();
}

int64_t sys_sigaltstack(uint64_t stack, uint64_t old)
{
	return signal_altstack(stack, old);
}

static int64_t wait_for(uint64_t set, const struct mote_time *timeout, struct signal_info *info)
{
	for (;;) {
		signal_take_alarm();
		if (signal_take(set, info))
			return 0;
		if (signal_waiting())
			return -EINTR;
		if (mote_poll(mote_area(), 0, 0, timeout) != -EINTR)
			break;
	}
	return signal_take(set, info) ? 0 : -EAGAIN; /* one may have come with the end */
}

/*
 * What is waited for must end the wait: it is let through, and taken before anybody else sees it.
 */
int64_t signal_wait(uint64_t set, const struct mote_time *timeout, struct signal_info *info)
{
	struct mote_area *area = mote_area();
	const uint64_t blocked = area->blocked_signals, handled = area->handled_signals;
	area->handled_signals = handled | set;
	area->blocked_signals = blocked & ~set;
	int64_t rc = wait_for(set, timeout, info);
	area->blocked_signals = blocked;
	area->handled_signals = handled;
	return rc;
}

static siginfo_t siginfo_of(const struct signal_info *info)
{
	siginfo_t to = {.si_signo = info->signo};
	to.si_code = info->code;
	to.si_errno = info->error_number;
	to.si_addr = (void *)info->word; /* where si_pid and si_uid are, too */
	to.si_ptr = (void *)info->value;
	return to;
}

int64_t sys_rt_sigtimedwait(uint64_t set_at, uint64_t info_at, uint64_t timeout_at,
			    uint64_t set_bytes)
{
	struct mote_time t;
	const struct mote_time *timeout;
	struct signal_info info;
	uint64_t set;
	if (set_bytes != sizeof(set))
		return -EINVAL;
	if (get_user(&set, set_at, sizeof(set)) < 0 ||
	    get_user_timeout(timeout_at, &t, &timeout) < 0)
		return -EFAULT;
	if (timeout && (t.sec < 0 || t.nsec < 0 || t.nsec >= NS_PER_S))
		return -EINVAL;
	set &= ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
	int64_t rc = signal_wait(set, timeout, &info);
	if (rc < 0)
		return rc;
	const siginfo_t shown = siginfo_of(&info);
	if (put_user_optional(info_at, &shown, sizeof(shown)) < 0)
		return -EFAULT;
	return info.signo;
}
