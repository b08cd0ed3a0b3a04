/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls that make descriptors of events: eventfd, epoll, timerfd. */
#include "vm/hostcall/epoll_watch.h"
#include "vm/internal.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

_Static_assert(sizeof(struct mote_timer) == sizeof(struct itimerspec), "the kernel's layout");

enum { EVENTS_MAX = 256 };

int64_t host_eventfd(struct vcpu *vcpu, const struct call_eventfd *a)
{
	struct vm *vm = vcpu->vm;
	if (a->flags & ~(uint32_t)(EFD_SEMAPHORE | EFD_NONBLOCK))
		return -EINVAL;
	/* Never blocking on the host: a write that does not fit would wait where nothing can
	 * interrupt it. */
	int fd = eventfd(a->initial, (int)a->flags | EFD_NONBLOCK | EFD_CLOEXEC);
	unsigned flags = FD_FIXED_STATE;
	if (a->flags & EFD_NONBLOCK)
		flags |= FD_NONBLOCK;
	return fdtable_add_new(&vm->fds, fd, flags);
}

int64_t host_epoll_create(struct vcpu *vcpu, const struct call_epoll_create *a)
{
	struct vm *vm = vcpu->vm;
	(void)a;
	int fd = epoll_create1(EPOLL_CLOEXEC);
	return fdtable_add_new(&vm->fds, fd, 0);
}

int64_t host_epoll_control(struct vcpu *vcpu, const struct call_epoll_control *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *epoll = fdtable_get(&vm->fds, a->epoll),
			      *e = fdtable_get(&vm->fds, a->fd);
	int rc = 0;
	if (!epoll || !e)
		return -EBADF;
	if (a->operation < EPOLL_CTL_ADD || a->operation > EPOLL_CTL_MOD)
		return -EINVAL;
	if (a->operation == EPOLL_CTL_ADD)
		rc = epoll_watch_admit(vm);
	if (rc < 0)
		return rc;
	/* EPOLLWAKEUP keeps the machine awake, which is not a guest's business. */
	struct epoll_event event = {
		.events = a->events & ~(uint32_t)EPOLLWAKEUP,
		.data = {.u64 = a->data},
	};
	rc = sys_status(epoll_ctl(epoll->host, (int)a->operation, e->host, &event));
	if (rc == 0 && a->operation == EPOLL_CTL_ADD)
		epoll_watch_added(vm, epoll, e);
	else if (rc == 0 && a->operation == EPOLL_CTL_DEL)
		epoll_watch_removed(vm, epoll, e);
	return rc;
}

/* Whether the kernel's structure is packed depends on the architecture; the guest's is. */
static void put_events(struct vm *vm, gva_t to, const struct epoll_event *events, int count)
{
	struct mote_epoll_event out[EVENTS_MAX];
	for (int i = 0; i < count; i++)
		out[i] = (struct mote_epoll_event){
			.events = events[i].events,
			.data = events[i].data.u64,
		};
	vm_put(vm, to, out, (uint64_t)count * sizeof(out[0]));
}

int64_t host_epoll_wait(struct vcpu *vcpu, const struct call_epoll_wait *a)
{
	struct vm *vm = vcpu->vm;
	struct epoll_event events[EVENTS_MAX];
	uint64_t size = a->events.len / sizeof(struct mote_epoll_event);
	int64_t ns, until = INT64_MAX;
	int host = fdtable_host(&vm->fds, a->epoll);
	if (host < 0)
		return host;
	if (size == 0 || (a->timeout && vm_ns_of(a->timeout, &ns) < 0))
		return -EINVAL;
	if (a->timeout)
		until = vm_now_ns(CLOCK_MONOTONIC) + ns;
	for (;;) {
		/* Asked before each wait: readiness that is reported once would be lost to one that
		 * begins with the wait. */
		int n = epoll_wait(host, events, (int)smaller(size, EVENTS_MAX), 0);
		if (n < 0)
			return -errno;
		if (n > 0) {
			put_events(vm, a->events.at, events, n);
			return n;
		}
		n = vcpu_wait_fd_until(vcpu, host, POLLIN, until);
		if (n <= 0)
			return n;
	}
}

int64_t host_timerfd_create(struct vcpu *vcpu, const struct call_timerfd_create *a)
{
	struct vm *vm = vcpu->vm;
	if (a->clock != CLOCK_REALTIME && a->clock != CLOCK_MONOTONIC && a->clock != CLOCK_BOOTTIME)
		return -EINVAL;
	if (a->flags & ~(uint32_t)TFD_NONBLOCK)
		return -EINVAL;
	int fd = timerfd_create((int)a->clock, (int)a->flags | TFD_CLOEXEC);
	return fdtable_add_new(&vm->fds, fd, 0);
}

static struct timespec spec_of(const struct mote_time *t)
{
	return (struct timespec){.tv_sec = t->sec, .tv_nsec = t->nsec};
}

static void put_timer(struct vm *vm, gva_t to, const struct itimerspec *t)
{
	const struct mote_timer out = {
		.interval = {t->it_interval.tv_sec, t->it_interval.tv_nsec},
		.value = {t->it_value.tv_sec, t->it_value.tv_nsec},
	};
	if (to.v)
		vm_put(vm, to, &out, sizeof(out));
}

int64_t host_timerfd_set(struct vcpu *vcpu, const struct call_timerfd_set *a)
{
	struct vm *vm = vcpu->vm;
	int host = fdtable_host(&vm->fds, a->fd);
	struct itimerspec before;
	if (host < 0)
		return host;
	if (!a->timer || (a->flags & ~(uint32_t)(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)))
		return -EINVAL;
	const struct itimerspec next = {
		.it_interval = spec_of(&a->timer->interval),
		.it_value = spec_of(&a->timer->value),
	};
	if (timerfd_settime(host, (int)a->flags, &next, &before) < 0)
		return -errno;
	put_timer(vm, a->before, &before);
	return 0;
}

int64_t host_timerfd_get(struct vcpu *vcpu, const struct call_timerfd_get *a)
{
	struct vm *vm = vcpu->vm;
	int host = fdtable_host(&vm->fds, a->fd);
	struct itimerspec now;
	if (host < 0)
		return host;
	if (timerfd_gettime(host, &now) < 0)
		return -errno;
	put_timer(vm, a->timer, &now);
	return 0;
}
