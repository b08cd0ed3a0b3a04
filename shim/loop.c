/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop over epoll. One event is taken at a time, so that a callback may free any source. */
#include "shim/loop.h"

#include <errno.h>
#include <sys/epoll.h>

struct loop_source {
	int fd;
	loop_fn *fn;
	void *arg;
};

int loop_init(struct loop *l)
{
	*l = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC)};
	return l->epoll < 0 ? -errno : 0;
}

struct loop_source *loop_add(struct loop *l, int fd, uint32_t events, loop_fn *fn, void *arg)
{
	struct loop_source *s = malloc(sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct loop_source){.fd = fd, .fn = fn, .arg = arg};
	struct epoll_event ev = {.events = events, .data.ptr = s};
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int code = errno;
		free(s);
		errno = code;
		return NULL;
	}
	return s;
}

int loop_change(struct loop *l, struct loop_source *s, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};
	return epoll_ctl(l->epoll, EPOLL_CTL_MOD, s->fd, &ev) < 0 ? -errno : 0;
}

void loop_remove(struct loop *l, struct loop_source *s)
{
	if (!s)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, s->fd, NULL); /* fails where the descriptor was closed already */
	free(s);
}

int loop_run(struct loop *l)
{
	while (!l->stop) {
		struct epoll_event ev;
		int n = epoll_wait(l->epoll, &ev, 1, -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 1) {
			struct loop_source *s = ev.data.ptr;
			s->fn(s->arg, ev.events);
		}
	}
	return 0;
}
