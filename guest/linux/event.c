/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls on descriptors of events: eventfd, epoll, timerfd, of which the kernel behind the
 * host calls does the work, and signalfd and pidfd (event_file.h).
 */
#include "guest/linux/event_file.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/syscall.h"
#include "guest/linux/time.h"

#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/signal.h>

enum { EFD_SEMAPHORE = 1 }; /* <sys/eventfd.h> */

int64_t sys_eventfd2(uint32_t initial, uint32_t flags)
{
	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;
	int64_t fd =
		descriptor_admit(mote_eventfd(mote_area(), initial, flags & ~(uint32_t)O_CLOEXEC));
	return fd_set_close_on_exec(fd, flags & O_CLOEXEC);
}

int64_t sys_epoll_create1(uint32_t flags)
{
	if (flags & ~(uint32_t)EPOLL_CLOEXEC)
		return -EINVAL;
	int64_t fd = descriptor_admit(mote_epoll_create(mote_area()));
	return fd_set_close_on_exec(fd, flags & EPOLL_CLOEXEC);
}

int64_t sys_epoll_ctl(int epoll, uint32_t operation, int fd, uint64_t event_at)
{
	struct mote_epoll_event event = {0};
	if (operation != EPOLL_CTL_DEL && get_user(&event, event_at, sizeof(event)) < 0)
		return -EFAULT;
	if (event_file(epoll)) /* an epoll instance for the host alone */
		return -EINVAL;
	return mote_epoll_control(mote_area(), epoll, operation, fd, event.events, event.data);
}

enum { EVENTS_MAX = INT32_MAX / sizeof(struct mote_epoll_event) };

static int64_t wait_for(int32_t epoll, uint64_t to, int32_t capacity,
			const struct mote_time *timeout)
{
	struct wait w;
	int64_t rc;
	if (capacity <= 0 || capacity > EVENTS_MAX || event_file(epoll))
		return -EINVAL;
	wait_begin(&w, timeout);
	do {
		event_files_refresh();
		rc = mote_epoll_wait(mote_area(), epoll, (void *)to,
				     (uint64_t)capacity * sizeof(struct mote_epoll_event),
				     w.timeout);
	} while (wait_again(&w, rc));
	return rc;
}

int64_t sys_epoll_pwait(int epoll, uint64_t to, int capacity, int timeout_ms, uint64_t mask,
			uint64_t mask_bytes)
{
	const struct mote_time t = time_of_ms(timeout_ms);
	int64_t rc = signal_mask_for_wait(mask, mask_bytes);
	if (rc < 0)
		return rc;
	return wait_for(epoll, to, capacity, timeout_ms < 0 ? NULL : &t);
}

int64_t sys_epoll_pwait2(int epoll, uint64_t to, int capacity, uint64_t timeout_at, uint64_t mask,
			 uint64_t mask_bytes)
{
	struct mote_time t;
	const struct mote_time *timeout;
	int64_t rc = wait_arguments(timeout_at, mask, mask_bytes, &t, &timeout);
	if (rc < 0)
		return rc;
	return wait_for(epoll, to, capacity, timeout);
}

int64_t sys_timerfd_create(uint32_t clock, uint32_t flags)
{
	int64_t fd = descriptor_admit(
		mote_timerfd_create(mote_area(), clock, flags & ~(uint32_t)O_CLOEXEC));
	return fd_set_close_on_exec(fd, flags & O_CLOEXEC);
}

int64_t sys_timerfd_settime(int fd, uint32_t flags, uint64_t from, uint64_t old)
{
	struct mote_timer next, before;
	if (get_user(&next, from, sizeof(next)) < 0)
		return -EFAULT;
	int64_t rc = mote_timerfd_set(mote_area(), fd, flags, &next, &before);
	if (rc < 0)
		return rc;
	return put_user_optional(old, &before, sizeof(before));
}

int64_t sys_timerfd_gettime(int fd, uint64_t to)
{
	struct mote_timer now;
	int64_t rc = mote_timerfd_get(mote_area(), fd, &now);
	if (rc < 0)
		return rc;
	return put_user(to, &now, sizeof(now));
}

/* --- signals --- */

int64_t sys_signalfd4(int fd, uint64_t set_at, uint64_t set_bytes, uint32_t flags)
{
	uint64_t set;
	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK) || set_bytes != sizeof(set))
		return -EINVAL;
	if (get_user(&set, set_at, sizeof(set)) < 0)
		return -EFAULT;
	int64_t rc = fd;
	if (fd == -1)
		rc = fd_set_close_on_exec(event_file_open(EVENT_SIGNALS, flags & O_NONBLOCK),
					  flags & O_CLOEXEC);
	else if (mote_get_flags(mote_area(), fd) < 0)
		return -EBADF;
	else if (!event_file(fd) || event_file(fd)->kind != EVENT_SIGNALS)
		return -EINVAL;
	if (rc >= 0)
		event_file_watch((int32_t)rc, set);
	return rc;
}

/* --- descriptors of the process --- */

int64_t sys_pidfd_open(int pid, uint32_t flags)
{
	const uint32_t thread = O_EXCL; /* PIDFD_THREAD */
	if ((flags & ~(uint32_t)(O_NONBLOCK | thread)) || pid <= 0)
		return -EINVAL;
	if (pid != (int32_t)process.boot->pid)
		return -ESRCH;
	return fd_set_close_on_exec(event_file_open(EVENT_PROCESS, flags & O_NONBLOCK), true);
}

static bool is_pidfd(int32_t fd)
{
	const struct event_file *file = event_file(fd);
	return file && file->kind == EVENT_PROCESS;
}

int64_t sys_pidfd_send_signal(int fd, int signo, uint64_t info_at, uint32_t flags)
{
	const uint32_t scopes = 7; /* PIDFD_SIGNAL_THREAD and the others: all are this process */
	siginfo_t info;
	if (flags & ~scopes || (flags & (flags - 1)))
		return -EINVAL;
	if (!is_pidfd(fd))
		return -EBADF;
	if (!info_at)
		return signal_raise(signo);
	if (get_user(&info, info_at, sizeof(info)) < 0)
		return -EFAULT;
	if (info.si_signo != signo)
		return -EINVAL;
	return sys_rt_sigqueueinfo((int32_t)process.boot->pid, signo, info_at);
}

int64_t sys_pidfd_getfd(int pidfd, int fd, uint32_t flags)
{
	if (flags)
		return -EINVAL;
	if (!is_pidfd(pidfd) || fd < 0)
		return -EBADF;
	return fd_set_close_on_exec(sys_dup(fd), true);
}
