/* SPDX-License-Identifier: Apache-2.0 */
/* fcntl: duplicates, flags and record locks. */
#include "guest/linux/event_file.h"
#include "guest/linux/fs/descriptor.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/proc/files.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

/* A process elsewhere that holds a conflicting lock has no number here. */
static int64_t record_lock(int32_t fd, uint32_t command, uint64_t at)
{
	struct {
		struct mote_lock lock;
		int32_t pid, pad;
	} f = {0};
	if (get_user(&f.lock, at, sizeof(f.lock)) < 0)
		return -EFAULT;
	f.lock.reserved = 0;
	if (command != F_GETLK && command != F_OFD_GETLK)
		return mote_lock(mote_area(), fd, command, &f.lock, NULL);
	int64_t rc = mote_lock(mote_area(), fd, command, &f.lock, &f.lock);
	if (rc < 0)
		return rc;
	return put_user(at, &f, sizeof(f));
}

static int64_t get_descriptor_flags(int32_t fd)
{
	int64_t rc = mote_get_flags(mote_area(), fd); /* only for whether it is open */
	if (rc < 0)
		return rc;
	return fd_closes_on_exec(fd) ? FD_CLOEXEC : 0;
}

static int64_t set_descriptor_flags(int32_t fd, uint64_t flags)
{
	int64_t rc = mote_get_flags(mote_area(), fd);
	if (rc < 0)
		return rc;
	(void)!fd_set_close_on_exec(fd, flags & FD_CLOEXEC);
	return 0;
}

static int64_t get_owner(int32_t fd, uint64_t to)
{
	const struct f_owner_ex nobody = {.type = F_OWNER_PID};
	if (get_descriptor_flags(fd) < 0)
		return -EBADF;
	return put_user(to, &nobody, sizeof(nobody));
}

/* A pipe's size is the kernel's usual one, which nothing makes larger. */
static int64_t pipe_bytes(int32_t fd, uint64_t wanted)
{
	const uint64_t usual = 65536;
	struct mote_stat st;
	if (mote_fstat(mote_area(), fd, &st) < 0 || !S_ISFIFO(st.mode))
		return -EBADF;
	return wanted <= usual ? (int64_t)usual : -EPERM;
}

static int64_t get_flags(int32_t fd)
{
	const struct event_file *event = event_file(fd);
	if (proc_file(fd))
		return O_RDONLY;
	if (event)
		return O_RDWR | (event->nonblocking ? O_NONBLOCK : 0);
	return mote_get_flags(mote_area(), fd);
}

static int64_t set_flags(int32_t fd, uint32_t flags)
{
	struct event_file *event = event_file(fd);
	if (!event)
		return mote_set_flags(mote_area(), fd, flags & (O_NONBLOCK | O_APPEND));
	event->nonblocking = flags & O_NONBLOCK;
	return 0;
}

/* What F_SETOWN says is not kept: nobody is signalled, and O_ASYNC is never set. */
static int64_t set_owner(int64_t process_or_group)
{
	const int64_t number = process_or_group < 0 ? -process_or_group : process_or_group;
	return number == 0 || number == process.boot->pid ? 0 : -ESRCH;
}

static int64_t set_owner_of(uint64_t at)
{
	struct f_owner_ex owner;
	if (get_user(&owner, at, sizeof(owner)) < 0)
		return -EFAULT;
	if (owner.type < F_OWNER_TID || owner.type > F_OWNER_PGRP)
		return -EINVAL;
	return set_owner(owner.pid);
}

/* A file's hint of how long what is written lives, which nothing goes by. */
static int64_t get_hint(uint64_t to)
{
	const uint64_t not_set = 0;
	return put_user(to, &not_set, sizeof(not_set));
}

/* A descriptor of O_PATH is only for its number and for paths. */
static bool is_of_path(uint32_t command)
{
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC || command == F_GETFD ||
	       command == F_SETFD || command == F_GETFL;
}

int64_t sys_fcntl(int fd, uint32_t command, uint64_t arg)
{
	if (!is_of_path(command) && descriptor_check(fd, O_RDWR) < 0)
		return -EBADF;
	switch (command) {
	case F_DUPFD:
		return descriptor_dup_from(fd, (uint32_t)arg);
	case F_DUPFD_CLOEXEC:
		return fd_set_close_on_exec(descriptor_dup_from(fd, (uint32_t)arg), true);
	case F_GETFD:
		return get_descriptor_flags(fd);
	case F_SETFD:
		return set_descriptor_flags(fd, arg);
	case F_GETFL:
		return get_flags(fd);
	case F_SETFL:
		return set_flags(fd, (uint32_t)arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return record_lock(fd, command, arg);
	case F_GETOWN: /* nobody is signalled */
		return get_descriptor_flags(fd) < 0 ? -EBADF : 0;
	case F_SETOWN:
		return set_owner((int32_t)arg);
	case F_SETOWN_EX:
		return set_owner_of(arg);
	case F_GETSIG:
		return 0;
	case F_SETSIG:
		return arg <= SIGNALS ? 0 : -EINVAL;
	case F_GET_RW_HINT:
		return get_hint(arg);
	case F_GETOWN_EX:
		return get_owner(fd, arg);
	case F_GETLEASE:
		return get_descriptor_flags(fd) < 0 ? -EBADF : F_UNLCK;
	case F_GET_SEALS:
		return mote_get_seals(mote_area(), fd);
	case F_ADD_SEALS:
		return mote_add_seals(mote_area(), fd, (uint32_t)arg);
	case F_GETPIPE_SZ:
		return pipe_bytes(fd, 0);
	case F_SETPIPE_SZ:
		return pipe_bytes(fd, arg);
	default:
		return -EINVAL;
	}
}
