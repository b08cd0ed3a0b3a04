/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls that wait, and time. Every wait ends with -EINTR when the guest has a signal to see
 * to.
 */
#include "base/time.h"
#include "vm/run/kick.h"
#include "vm/run/signals.h"
#include "vm/run/timer.h"
#include "vm/snapshot/stop_point.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { POLL_MAX = 4096 };

int64_t vm_now_ns(clockid_t clock)
{
	return (int64_t)time_now_ns(clock);
}

int vm_ns_of(const struct mote_time *t, int64_t *ns)
{
	if (t->sec < 0 || t->nsec < 0 || t->nsec >= 1000000000)
		return -EINVAL;
	*ns = INT64_MAX / 2;
	if (t->sec <= 9000000000L)
		*ns = t->sec * 1000000000L + t->nsec;
	return 0;
}

/* The time until `until` as ppoll takes it: NULL without a limit. */
static const struct timespec *time_left(int64_t until, struct timespec *out)
{
	if (until == INT64_MAX)
		return NULL;
	int64_t left = until - vm_now_ns(CLOCK_MONOTONIC);
	if (left < 0)
		left = 0;
	*out = (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
	return out;
}

/*
 * Waits on descriptors until `until` on CLOCK_MONOTONIC (INT64_MAX: without limit). Count of ready
 * ones, 0 when the time is over, -EINTR when a signal is pending or the guest is to end.
 */
static int wait_until(struct vcpu *vcpu, struct pollfd *fds, nfds_t count, int64_t until)
{
	if (vcpu->on_poller) {
		int n = poll(fds, count, 0);
		if (n < 0)
			return -errno;
		if (n == 0 && vm_now_ns(CLOCK_MONOTONIC) < until)
			return call_defer(vcpu);
		return n;
	}
	/* What is ready at once lets no kick in: a call that waits again and again takes them. */
	if (vcpu->found_ready)
		vcpu_take_kicks();
	vcpu->found_ready = false;
	for (;;) {
		if (vcpu_interrupted(vcpu))
			return -EINTR;
		struct timespec timeout;
		int n = ppoll(fds, count, time_left(until, &timeout), &vcpu->wait_mask);
		vcpu->found_ready = n > 0;
		if (n > 0 || (n == 0 && until != INT64_MAX && vm_now_ns(CLOCK_MONOTONIC) >= until))
			return n;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

int vcpu_wait_fd_until(struct vcpu *vcpu, int host, short events, int64_t until)
{
	struct pollfd p = {.fd = host, .events = events};
	return wait_until(vcpu, &p, 1, until);
}

int vcpu_wait_fd(struct vcpu *vcpu, int host, short events)
{
	struct pollfd p = {.fd = host, .events = events};
	int n = wait_until(vcpu, &p, 1, INT64_MAX);
	if (n < 0)
		return n;
	return 0;
}

int vcpu_wait(struct vcpu *vcpu, int64_t ns)
{
	return wait_until(vcpu, NULL, 0, vm_now_ns(CLOCK_MONOTONIC) + ns);
}

int64_t host_poll(struct vcpu *vcpu, const struct call_poll *a)
{
	struct vm *vm = vcpu->vm;
	if (a->count > POLL_MAX)
		return -EINVAL;
	int64_t ns, until = INT64_MAX;
	if (a->timeout) {
		if (vm_ns_of(a->timeout, &ns) < 0)
			return -EINVAL;
		until = vm_now_ns(CLOCK_MONOTONIC) + ns;
	}
	size_t bytes = a->count * sizeof(struct mote_pollfd);
	cleanup_free struct mote_pollfd *guest = calloc(a->count + 1UL, sizeof(*guest));
	cleanup_free struct pollfd *host = calloc(a->count + 1UL, sizeof(*host));
	if (!guest || !host)
		return -ENOMEM;
	if (memory_read(&vm->memory, gva(a->fds), guest, bytes) < 0)
		return -EFAULT;
	int bad = 0;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct fd_entry *e = fdtable_get(&vm->fds, guest[i].fd);
		if (e && guest[i].events & POLLIN && stop_before_reading(vm, e))
			return call_stop(vcpu);
		host[i] = (struct pollfd){.fd = -1, .events = guest[i].events};
		if (e)
			host[i].fd = e->host;
		bad += guest[i].fd >= 0 && !e;
	}
	if (bad)
		until = 0;
	int n = wait_until(vcpu, host, a->count, until);
	if (n < 0)
		return n;
	int ready = 0;
	for (uint32_t i = 0; i < a->count; i++) {
		guest[i].revents = host[i].revents;
		if (guest[i].fd >= 0 && host[i].fd < 0)
			guest[i].revents = POLLNVAL;
		ready += guest[i].revents != 0;
	}
	if (memory_write(&vm->memory, gva(a->fds), guest, bytes) < 0)
		return -EFAULT;
	return ready;
}

/* Clocks by their Linux numbers; those of other processes (negative ids) are nobody's business. */
static bool clock_known(uint32_t clock)
{
	return clock <= CLOCK_BOOTTIME || clock == CLOCK_TAI;
}

int64_t host_clock_get(struct vcpu *vcpu, const struct call_clock_get *a)
{
	struct vm *vm = vcpu->vm;
	struct timespec t;
	if (!clock_known(a->clock) || clock_gettime((clockid_t)a->clock, &t) < 0)
		return -EINVAL;
	struct mote_time out = {.sec = t.tv_sec, .nsec = t.tv_nsec};
	if (a->time.v)
		vm_put(vm, a->time, &out, sizeof(out));
	if (a->clock == CLOCK_REALTIME || a->clock == CLOCK_MONOTONIC)
		clock_renew(vcpu);
	return 0;
}

int64_t host_clock_resolution(struct vcpu *vcpu, const struct call_clock_resolution *a)
{
	struct vm *vm = vcpu->vm;
	struct timespec t;
	if (!clock_known(a->clock) || clock_getres((clockid_t)a->clock, &t) < 0)
		return -EINVAL;
	struct mote_time out = {.sec = t.tv_sec, .nsec = t.tv_nsec};
	if (a->time.v)
		vm_put(vm, a->time, &out, sizeof(out));
	return 0;
}

int64_t host_sleep(struct vcpu *vcpu, const struct call_sleep *a)
{
	int64_t ns;
	if (!a->time || vm_ns_of(a->time, &ns) < 0)
		return -EINVAL;
	if (a->clock != CLOCK_REALTIME && a->clock != CLOCK_MONOTONIC &&
	    a->clock != CLOCK_BOOTTIME && a->clock != CLOCK_TAI)
		return -EINVAL;
	clockid_t clock = CLOCK_MONOTONIC;
	int64_t until = ns;
	if (a->absolute)
		clock = (clockid_t)a->clock;
	else
		until += vm_now_ns(clock);
	for (;;) {
		int64_t left = until - vm_now_ns(clock);
		if (left <= 0)
			return 0;
		/* A clock that is set meanwhile is looked at every second. */
		if (clock != CLOCK_MONOTONIC && left > 1000000000)
			left = 1000000000;
		int rc = vcpu_wait(vcpu, left);
		if (rc < 0)
			return rc;
	}
}

/* All of it: a long call may end early, by a signal that is nobody's here. */
static int fill_random(const struct iovec *v)
{
	for (size_t done = 0; done < v->iov_len;) {
		ssize_t n = getrandom((char *)v->iov_base + done, v->iov_len - done, 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/*
 * Straight to the guest's memory. As on Linux, a signal ends a long call with what there is; and a
 * kernel takes some microseconds for a piece.
 */
int64_t host_random(struct vcpu *vcpu, const struct call_random *a)
{
	struct vm *vm = vcpu->vm;
	enum { PIECE = 64 << 10, SPANS = PIECE / MOTE_PAGE + 1 };
	struct iovec spans[SPANS];
	uint64_t done = 0;
	if (vcpu->on_poller && a->bytes.len > PIECE)
		return call_defer(vcpu);
	while (done < a->bytes.len) {
		uint64_t n = smaller(a->bytes.len - done, PIECE);
		int count = memory_span(&vm->memory, gva(a->bytes.at.v + done), n, MEMORY_WRITE,
					spans, SPANS);
		if (count < 0)
			return done_or((int64_t)done, -EFAULT);
		for (int i = 0; i < count; i++) {
			int rc = fill_random(&spans[i]);
			if (rc < 0)
				return done_or((int64_t)done, rc);
		}
		done += n;
		if (done < a->bytes.len && !vcpu->on_poller && vcpu_interrupted(vcpu))
			return (int64_t)done;
	}
	return (int64_t)done;
}

int64_t host_yield(struct vcpu *vcpu, const struct call_yield *a)
{
	(void)vcpu;
	(void)a;
	sched_yield();
	return 0;
}

int64_t host_alarm(struct vcpu *vcpu, const struct call_alarm *a)
{
	int64_t value = 0, interval = 0;
	if ((a->value && vm_ns_of(a->value, &value) < 0) ||
	    (a->interval && vm_ns_of(a->interval, &interval) < 0))
		return -EINVAL;
	if (value == 0)
		interval = 0;
	return vcpu_timer_set(vcpu, &vcpu->alarm, (uint64_t)value, (uint64_t)interval);
}
