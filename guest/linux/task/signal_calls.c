/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on signals; what they do is signal.c's. */
#include "guest/linux/syscall.h"

SYSCALL(kill)
{
	int32_t pid = (int32_t)s->a;
	if (pid != (int32_t)L.boot->pid && pid != 0 && pid != -1 && pid != -(int32_t)L.boot->pid)
		return -E_SRCH;
	return signal_raise((int)s->b);
}

SYSCALL(tkill)
{
	return (int32_t)s->a == (int32_t)L.boot->pid ? signal_raise((int)s->b) : -E_SRCH;
}

SYSCALL(tgkill)
{
	return (int32_t)s->b == (int32_t)L.boot->pid ? signal_raise((int)s->c) : -E_SRCH;
}

SYSCALL(rt_sigaction)
{
	return signal_action((int)s->a, s->b, s->c);
}

SYSCALL(rt_sigprocmask)
{
	return signal_mask((uint32_t)s->a, s->b, s->c);
}

SYSCALL(rt_sigpending)
{
	uint64_t set = L.area->pending_signals & L.area->blocked_signals;
	return put_user(s->a, &set, sizeof(set));
}

SYSCALL(rt_sigtimedwait)
{
	uint64_t set, blocked = L.area->blocked_signals, handled = L.area->handled_signals;
	struct mote_time t = {0};
	int signo;
	if (get_user(&set, s->a, sizeof(set)) < 0 || (s->c && get_user(&t, s->c, sizeof(t)) < 0))
		return -E_FAULT;
	/* What is waited for must end the wait: it is let through, and taken before anybody else sees it. */
	L.area->handled_signals = handled | set;
	L.area->blocked_signals = blocked & ~set;
	int64_t rc;
	do {
		rc = signal_take(set, &signo);
		if (rc == -E_AGAIN && signal_waiting())
			rc = -E_INTR;
		else if (rc == -E_AGAIN)
			rc = mote_poll(L.area, 0, 0, s->c ? &t : NULL) == -E_INTR ? 1 : -E_AGAIN;
	} while (rc == 1);
	if (rc == -E_AGAIN)
		rc = signal_take(set, &signo);
	L.area->blocked_signals = blocked;
	L.area->handled_signals = handled;
	if (rc < 0)
		return rc;
	uint8_t info[128] = {0};
	memcpy(info, &signo, sizeof(signo));
	return s->b && put_user(s->b, info, sizeof(info)) < 0 ? -E_FAULT : signo;
}

SYSCALL(rt_sigsuspend)
{
	return signal_suspend(s->a);
}

SYSCALL(pause)
{
	(void)s;
	return signal_suspend(0);
}

SYSCALL(sigaltstack)
{
	return signal_altstack(s->a, s->b);
}
