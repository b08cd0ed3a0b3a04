/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop over epoll. One event is taken at a time, so that a callback may free any source.
 */
#include "base/loop.h"

#include <errno.h>
#include <sys/epoll.h>

int loop_init(struct loop *l)
{
	*l = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC)};
	return l->epoll < 0 ? -errno : 0;
}

int loop_add(struct loop *l, struct loop_source *s, int fd, uint32_t events, loop_fn *fn, void *arg)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	*s = (struct loop_source){.loop = l, .fd = fd, .fn = fn, .arg = arg};
	return 0;
}

int loop_change(struct loop_source *s, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};
	return epoll_ctl(s->loop->epoll, EPOLL_CTL_MOD, s->fd, &ev) < 0 ? -errno : 0;
}

void loop_remove(struct loop_source *s)
{
	if (s->loop)
		epoll_ctl(s->loop->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	*s = (struct loop_source){0};
}

int loop_run(struct loop *l)
{
	while (!l->stop) {
		struct epoll_event ev;
		int n = epoll_wait(l->epoll, &ev, 1, -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 1) {
			const struct loop_source *s = ev.data.ptr;
			s->fn(s->arg, ev.events);
		}
	}
	return 0;
}
