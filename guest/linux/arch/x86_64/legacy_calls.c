/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Older forms of system calls, which Linux has on x86-64 only: the newer ones with something left
 * out.
 */
#include "guest/linux/fs/attributes.h"
#include "guest/linux/fs/descriptor.h"
#include "guest/linux/poll.h"
#include "guest/linux/syscall.h"
#include "guest/linux/time.h"
#include "guest/linux/timers.h"

#include <linux/fcntl.h>
#include <linux/signal.h>
#include <linux/time.h>

/* --- paths --- */

int64_t sys_open(uint64_t path, uint32_t flags, uint32_t mode)
{
	return sys_openat(AT_FDCWD, path, flags, mode);
}

int64_t sys_creat(uint64_t path, uint32_t mode)
{
	return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int64_t sys_access(uint64_t path, uint32_t mode)
{
	return sys_faccessat(AT_FDCWD, path, mode);
}

int64_t sys_mkdir(uint64_t path, uint32_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

int64_t sys_mknod(uint64_t path, uint32_t mode, uint64_t device)
{
	return sys_mknodat(AT_FDCWD, path, mode, device);
}

int64_t sys_rmdir(uint64_t path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int64_t sys_unlink(uint64_t path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

int64_t sys_rename(uint64_t from, uint64_t to)
{
	return sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int64_t sys_link(uint64_t from, uint64_t to)
{
	return sys_linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int64_t sys_symlink(uint64_t target, uint64_t path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

int64_t sys_readlink(uint64_t path, uint64_t to, uint64_t capacity)
{
	return sys_readlinkat(AT_FDCWD, path, to, capacity);
}

int64_t sys_chmod(uint64_t path, uint32_t mode)
{
	return sys_fchmodat(AT_FDCWD, path, mode);
}

int64_t sys_chown(uint64_t path, uint32_t uid, uint32_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

int64_t sys_lchown(uint64_t path, uint32_t uid, uint32_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int64_t sys_futimesat(int dir, uint64_t path, uint64_t times)
{
	struct mote_time t[2];
	if (!times)
		return sys_utimensat(dir, path, 0, 0);
	if (get_user(t, times, sizeof(t)) < 0)
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (t[i].nsec < 0 || t[i].nsec >= US_PER_S)
			return -EINVAL;
		t[i].nsec *= NS_PER_US;
	}
	return attributes_set_times(dir, path, t, 0);
}

int64_t sys_utimes(uint64_t path, uint64_t times)
{
	return sys_futimesat(AT_FDCWD, path, times);
}

/* Whole seconds. */
int64_t sys_utime(uint64_t path, uint64_t times)
{
	int64_t seconds[2];
	if (!times)
		return sys_utimensat(AT_FDCWD, path, 0, 0);
	if (get_user(seconds, times, sizeof(seconds)) < 0)
		return -EFAULT;
	const struct mote_time t[2] = {{.sec = seconds[0]}, {.sec = seconds[1]}};
	return attributes_set_times(AT_FDCWD, path, t, 0);
}

int64_t sys_stat(uint64_t path, uint64_t to)
{
	return sys_newfstatat(AT_FDCWD, path, to, 0);
}

int64_t sys_lstat(uint64_t path, uint64_t to)
{
	return sys_newfstatat(AT_FDCWD, path, to, AT_SYMLINK_NOFOLLOW);
}

/* The entries of getdents64, whose byte for the type is behind the name here. */
static int64_t to_old_entries(uint64_t at, uint64_t bytes)
{
	enum { LENGTH_AT = 16, TYPE_AT = 18, NAME_AT = 19 };
	char name[NAME_MAX + 1 + 8];
	for (uint64_t end = at + bytes; at < end;) {
		uint16_t len;
		uint8_t type;
		if (get_user(&len, at + LENGTH_AT, sizeof(len)) < 0 ||
		    get_user(&type, at + TYPE_AT, sizeof(type)) < 0)
			return -EFAULT;
		if (len <= NAME_AT || (uint32_t)len - NAME_AT > sizeof(name))
			return -EFAULT;
		if (get_user(name, at + NAME_AT, len - NAME_AT) < 0 ||
		    put_user(at + TYPE_AT, name, len - NAME_AT) < 0 ||
		    put_user(at + len - 1, &type, sizeof(type)) < 0)
			return -EFAULT;
		at += len;
	}
	return 0;
}

int64_t sys_getdents(int fd, uint64_t to, uint32_t capacity)
{
	int64_t got = sys_getdents64(fd, to, capacity);
	if (got <= 0)
		return got;
	int64_t rc = to_old_entries(to, (uint64_t)got);
	return rc < 0 ? rc : got;
}

/* --- descriptors --- */

int64_t sys_dup2(int fd, int to)
{
	return descriptor_dup_onto(fd, to);
}

int64_t sys_pipe(uint64_t to)
{
	return sys_pipe2(to, 0);
}

int64_t sys_poll(uint64_t fds, uint32_t count, int timeout_ms)
{
	const struct mote_time t = time_of_ms(timeout_ms);
	return poll_for(fds, count, timeout_ms < 0 ? NULL : &t);
}

int64_t sys_select(uint32_t count, uint64_t read, uint64_t write, uint64_t except,
		   uint64_t timeout_at)
{
	const uint64_t sets[3] = {read, write, except};
	struct mote_time t = {0};
	const struct mote_time *timeout;
	if (get_user_timeout(timeout_at, &t, &timeout) < 0)
		return -EFAULT;
	t.nsec *= NS_PER_US;
	return select_for(count, sets, timeout);
}

int64_t sys_epoll_create(int size)
{
	if (size <= 0)
		return -EINVAL;
	return sys_epoll_create1(0);
}

int64_t sys_epoll_wait(int epoll, uint64_t to, int capacity, int timeout_ms)
{
	return sys_epoll_pwait(epoll, to, capacity, timeout_ms, 0, 0);
}

int64_t sys_eventfd(uint32_t initial)
{
	return sys_eventfd2(initial, 0);
}

int64_t sys_inotify_init(void)
{
	return sys_inotify_init1(0);
}

int64_t sys_signalfd(int fd, uint64_t set, uint64_t set_bytes)
{
	return sys_signalfd4(fd, set, set_bytes, 0);
}

/* --- time and signals --- */

int64_t sys_pause(void)
{
	return signal_suspend();
}

/* Whole seconds, and what is left of the last alarm rounded up. */
int64_t sys_alarm(uint32_t seconds)
{
	int64_t left = timer_left(), rc = timer_set((int64_t)seconds * NS_PER_S, 0);
	if (rc < 0)
		return rc;
	return (left + NS_PER_S - 1) / NS_PER_S;
}

int64_t sys_time(uint64_t to)
{
	struct mote_time t;
	int64_t rc = lib_clock_get(mote_area(), CLOCK_REALTIME, &t);
	if (rc < 0)
		return rc;
	if (put_user_optional(to, &t.sec, sizeof(t.sec)) < 0)
		return -EFAULT;
	return t.sec;
}

int64_t sys_fork(void)
{
	return sys_clone(SIGCHLD);
}
