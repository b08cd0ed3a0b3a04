/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that wait for descriptors. */
#include "guest/linux/syscall.h"

/* Signals that mean nothing to the program neither end the wait nor prolong it. */
static int64_t poll_for(uint64_t fds, uint64_t count, const struct mote_time *timeout)
{
	bool timed = timeout && (timeout->sec || timeout->nsec) && L.area->handled_signals;
	int64_t since = timed ? now_ns() : 0, rc;
	struct mote_time left = timeout ? *timeout : (struct mote_time){0};
	while ((rc = mote_poll(L.area, fds, (uint32_t)count, timeout ? &left : NULL)) == -E_INTR && !signal_waiting())
		if (timed)
			left = time_left(timeout, since);
	return rc;
}

SYSCALL(poll)
{
	int32_t ms = (int32_t)s->c;
	struct mote_time t = {.sec = ms / 1000, .nsec = (int64_t)(ms % 1000) * 1000000};
	return poll_for(s->a, s->b, ms < 0 ? NULL : &t);
}

SYSCALL(ppoll)
{
	struct mote_time t;
	if (s->c && get_user(&t, s->c, sizeof(t)) < 0)
		return -E_FAULT;
	int64_t rc = signal_mask_for_wait(s->d);
	return rc < 0 ? rc : poll_for(s->a, s->b, s->c ? &t : NULL);
}

static int64_t select_for(const struct args *s, const struct mote_time *timeout)
{
	static struct mote_pollfd fds[1024];
	uint64_t sets[3][16] = {{0}}, out[3][16] = {{0}}, at[3] = {s->b, s->c, s->d};
	uint32_t n = (uint32_t)s->a, count = 0;
	if (n > 1024)
		return -E_INVAL;
	uint64_t bytes = (n + 63) / 64 * 8;
	for (int i = 0; i < 3; i++)
		if (at[i] && get_user(sets[i], at[i], bytes) < 0)
			return -E_FAULT;
	for (uint32_t fd = 0; fd < n; fd++) {
		int16_t events = 0;
		for (int i = 0; i < 3; i++)
			if (sets[i][fd / 64] >> fd % 64 & 1)
				events |= (int16_t)(i == 0 ? 1 : i == 1 ? 4 : 2);
		if (events)
			fds[count++] = (struct mote_pollfd){.fd = (int32_t)fd, .events = events};
	}
	int64_t rc = poll_for((uint64_t)fds, count, timeout), ready = 0;
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t fd = (uint32_t)fds[i].fd;
		int16_t r = fds[i].revents;
		if (r & 0x20)
			return -E_BADF;
		const int16_t means[3] = {1 | 0x10 | 8, 4 | 8, 2};
		for (int k = 0; k < 3; k++)
			if ((r & means[k]) && (sets[k][fd / 64] >> fd % 64 & 1)) {
				out[k][fd / 64] |= 1UL << fd % 64;
				ready++;
			}
	}
	for (int i = 0; i < 3; i++)
		if (at[i] && put_user(at[i], out[i], bytes) < 0)
			return -E_FAULT;
	return ready;
}

SYSCALL(select)
{
	struct mote_time t;
	if (s->e && get_user(&t, s->e, sizeof(t)) < 0)
		return -E_FAULT;
	t.nsec *= s->e ? 1000 : 0;
	return select_for(s, s->e ? &t : NULL);
}

SYSCALL(pselect6)
{
	struct mote_time t;
	uint64_t mask[2] = {0, 0}; /* where it is, its size */
	if ((s->e && get_user(&t, s->e, sizeof(t)) < 0) || (s->f && get_user(mask, s->f, sizeof(mask)) < 0))
		return -E_FAULT;
	int64_t rc = signal_mask_for_wait(mask[0]);
	if (rc < 0)
		return rc;
	return select_for(s, s->e ? &t : NULL);
}
