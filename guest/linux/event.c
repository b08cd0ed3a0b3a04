/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on descriptors of events: eventfd, epoll, timerfd. The kernel behind the host calls
 * does the work. */
#include "guest/linux/syscall.h"

static int64_t make_eventfd(uint32_t initial, uint32_t flags)
{
	if (flags & ~(uint32_t)(O_CLOEXEC_ | O_NONBLOCK_ | 1 /* EFD_SEMAPHORE */))
		return -E_INVAL;
	return descriptor_close_on_exec(
		mote_eventfd(L.area, initial, flags & ~(uint32_t)O_CLOEXEC_), flags & O_CLOEXEC_);
}

SYSCALL(eventfd)
{
	return make_eventfd((uint32_t)s->a, 0);
}

SYSCALL(eventfd2)
{
	return make_eventfd((uint32_t)s->a, (uint32_t)s->b);
}

SYSCALL(epoll_create)
{
	return (int32_t)s->a <= 0 ? -E_INVAL : mote_epoll_create(L.area);
}

SYSCALL(epoll_create1)
{
	if ((uint32_t)s->a & ~(uint32_t)O_CLOEXEC_)
		return -E_INVAL;
	return descriptor_close_on_exec(mote_epoll_create(L.area), s->a & O_CLOEXEC_);
}

SYSCALL(epoll_ctl)
{
	enum { EPOLL_DELETE = 2 };
	struct mote_epoll_event event = {0};
	if ((uint32_t)s->b != EPOLL_DELETE && get_user(&event, s->d, sizeof(event)) < 0)
		return -E_FAULT;
	return mote_epoll_control(L.area, (int32_t)s->a, (uint32_t)s->b, (int32_t)s->c,
				  event.events, event.data);
}

/* Signals that mean nothing to the program neither end the wait nor prolong it. */
static int64_t wait_for(const struct args *s, const struct mote_time *timeout)
{
	int32_t room = (int32_t)s->c;
	if (room <= 0)
		return -E_INVAL;
	int64_t since = timeout ? now_ns() : 0, rc;
	struct mote_time left = timeout ? *timeout : (struct mote_time){0};
	while ((rc = mote_epoll_wait(L.area, (int32_t)s->a, (void *)s->b,
				     (uint64_t)room * sizeof(struct mote_epoll_event),
				     timeout ? &left : NULL)) == -E_INTR &&
	       !signal_waiting())
		if (timeout)
			left = time_left(timeout, since);
	return rc;
}

static int64_t wait_ms(const struct args *s)
{
	int32_t ms = (int32_t)s->d;
	const struct mote_time t = {.sec = ms / 1000, .nsec = (int64_t)(ms % 1000) * 1000000};
	return wait_for(s, ms < 0 ? NULL : &t);
}

SYSCALL(epoll_wait)
{
	return wait_ms(s);
}

SYSCALL(epoll_pwait)
{
	int64_t rc = signal_mask_for_wait(s->e);
	return rc < 0 ? rc : wait_ms(s);
}

SYSCALL(epoll_pwait2)
{
	struct mote_time t;
	if (s->d && get_user(&t, s->d, sizeof(t)) < 0)
		return -E_FAULT;
	int64_t rc = signal_mask_for_wait(s->e);
	return rc < 0 ? rc : wait_for(s, s->d ? &t : NULL);
}

SYSCALL(timerfd_create)
{
	uint32_t flags = (uint32_t)s->b;
	return descriptor_close_on_exec(
		mote_timerfd_create(L.area, (uint32_t)s->a, flags & ~(uint32_t)O_CLOEXEC_),
		flags & O_CLOEXEC_);
}

SYSCALL(timerfd_settime)
{
	struct mote_timer next, before;
	if (get_user(&next, s->c, sizeof(next)) < 0)
		return -E_FAULT;
	int64_t rc = mote_timerfd_set(L.area, (int32_t)s->a, (uint32_t)s->b, &next, &before);
	return rc == 0 && s->d ? put_user(s->d, &before, sizeof(before)) : rc;
}

SYSCALL(timerfd_gettime)
{
	struct mote_timer now;
	int64_t rc = mote_timerfd_get(L.area, (int32_t)s->a, &now);
	return rc < 0 ? rc : put_user(s->b, &now, sizeof(now));
}
