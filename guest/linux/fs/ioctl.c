/* SPDX-License-Identifier: Apache-2.0 */
/* ioctl: terminals, what every descriptor answers, and what sockets do. */
#include "guest/linux/fs/descriptor.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/net/interface.h"
#include "guest/linux/syscall.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

_Static_assert(sizeof(struct termios) == 36 &&
		       sizeof(struct termios) <= sizeof(struct mote_termios),
	       "the kernel's struct, which the host's begins with");

static int64_t get_terminal(int32_t fd, uint64_t to)
{
	struct mote_termios t;
	int64_t rc = mote_tty_get(mote_area(), fd, &t);
	if (rc < 0)
		return rc;
	return put_user(to, &t, sizeof(struct termios));
}

static int64_t set_terminal(int32_t fd, uint32_t when, uint64_t from)
{
	struct mote_termios t = {0};
	if (get_user(&t, from, sizeof(struct termios)) < 0)
		return -EFAULT;
	return mote_tty_set(mote_area(), fd, when, &t);
}

/* 0, or -ENOTTY and what else the host says. */
static int64_t check_terminal(int32_t fd)
{
	struct mote_termios t;
	return mote_tty_get(mote_area(), fd, &t);
}

static int64_t get_size(int32_t fd, uint64_t to)
{
	struct mote_winsize size;
	int64_t rc = mote_tty_size(mote_area(), fd, &size);
	if (rc < 0)
		return rc;
	return put_user(to, &size, sizeof(size));
}

/* The only process group there is has the terminal. */
static int64_t get_foreground_group(int32_t fd, uint64_t to)
{
	const int32_t group = (int32_t)process.boot->pid;
	int64_t rc = check_terminal(fd);
	if (rc < 0)
		return rc;
	return put_user(to, &group, sizeof(group));
}

static int64_t set_foreground_group(int32_t fd, uint64_t from)
{
	int32_t group;
	int64_t rc = check_terminal(fd);
	if (rc < 0)
		return rc;
	if (get_user(&group, from, sizeof(group)) < 0)
		return -EFAULT;
	if (group != (int32_t)process.boot->pid)
		return -EPERM;
	return 0;
}

static int64_t readable_bytes(int32_t fd, uint64_t to)
{
	int64_t rc = mote_readable_bytes(mote_area(), fd);
	if (rc < 0)
		return rc;
	const int32_t bytes = (int32_t)rc;
	return put_user(to, &bytes, sizeof(bytes));
}

static int64_t set_nonblocking(int32_t fd, uint64_t from)
{
	int32_t on;
	if (descriptor_check(fd, O_RDWR) < 0)
		return -EBADF;
	if (get_user(&on, from, sizeof(on)) < 0)
		return -EFAULT;
	int64_t rc = sys_fcntl(fd, F_GETFL, 0);
	if (rc < 0)
		return rc;
	uint32_t flags = (uint32_t)rc & ~(uint32_t)O_NONBLOCK;
	if (on)
		flags |= O_NONBLOCK;
	return sys_fcntl(fd, F_SETFL, flags);
}

/* Nobody is signalled: O_ASYNC can only be off. */
static int64_t set_async(int32_t fd, uint64_t from)
{
	int32_t on;
	if (descriptor_check(fd, O_RDWR) < 0)
		return -EBADF;
	if (get_user(&on, from, sizeof(on)) < 0)
		return -EFAULT;
	return on ? -ENOTTY : 0;
}

static int64_t set_close_on_exec(int32_t fd, bool on)
{
	int64_t rc = descriptor_check(fd, O_RDWR);
	if (rc < 0)
		return rc;
	(void)!fd_set_close_on_exec(fd, on);
	return 0;
}

int64_t sys_ioctl(int fd, uint32_t request, uint64_t arg)
{
	switch (request) {
	case TCGETS:
		return get_terminal(fd, arg);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_terminal(fd, request - TCSETS, arg);
	case TIOCGWINSZ:
		return get_size(fd, arg);
	case TIOCGPGRP:
		return get_foreground_group(fd, arg);
	case TIOCSPGRP:
		return set_foreground_group(fd, arg);
	case FIONREAD:
		return readable_bytes(fd, arg);
	case FIONBIO:
		return set_nonblocking(fd, arg);
	case FIOASYNC:
		return set_async(fd, arg);
	case FIOCLEX:
	case FIONCLEX:
		return set_close_on_exec(fd, request == FIOCLEX);
	case FICLONE: /* no two files of a guest's share what they have on disk */
	case FICLONERANGE:
		return descriptor_check(fd, O_RDWR) < 0 ? -EBADF : -EOPNOTSUPP;
	default:
		return descriptor_check(fd, O_RDWR) < 0 ? -EBADF : net_ioctl(fd, request, arg);
	}
}
