/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls on open descriptors: reading and writing, duplicates, and what becomes of their
 * files.
 */
#include "guest/linux/fs/descriptor.h"

#include "guest/lib/output.h"
#include "guest/linux/event_file.h"
#include "guest/linux/fs/dir_cookie.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/fs/lookup.h"
#include "guest/linux/fs/vector.h"
#include "guest/linux/net/netlink.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/socket_rights.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/limits.h"

#include <linux/close_range.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/resource.h>
#include <linux/stat.h>

/*
 * A small write to standard output that may wait in the area: its length, -EFAULT, or 0 if it is to
 * be a host call.
 */
static int64_t buffer_output(struct mote_area *area, uint32_t fd, const struct mote_iovec *v)
{
	uint32_t len;
	do {
		uint8_t *to = output_reserve(area, fd, v->len, &len);
		if (!to)
			return 0;
		if (get_user(to, v->base, v->len) < 0)
			return -EFAULT;
	} while (!output_publish(area, v->len, len));
	return (int64_t)v->len;
}

int64_t descriptor_check(int32_t fd, uint32_t access)
{
	const int64_t flags = mote_get_flags(mote_area(), fd);
	if (flags < 0)
		return flags;
	if (flags & O_PATH)
		return -EBADF;
	const uint32_t has = flags & O_ACCMODE;
	return access == O_RDWR || has == O_RDWR || has == access ? 0 : -EBADF;
}

int64_t descriptor_stat(int32_t fd, uint32_t access, struct mote_stat *st)
{
	const int64_t rc = descriptor_check(fd, access);
	return rc < 0 ? rc : mote_fstat(mote_area(), fd, st);
}

/* --- reading and writing --- */

/* A length that is negative is of no memory, rather than an odd vector. */
static struct mote_iovec one_vector(uint64_t base, uint64_t bytes)
{
	return (struct mote_iovec){.base = base, .len = min_u64(bytes, INT64_MAX)};
}

/*
 * How the host gets vectors. One of our own stands in the frame (MOTE_IOV_ONE); the number of a
 * program's never says so.
 */
static const struct mote_iovec *vector_base(const struct mote_iovec *v)
{
	return (const void *)v->base;
}

static uint64_t vector_count(const struct mote_iovec *v)
{
	return MOTE_IOV_ONE | v->len;
}

static uint64_t program_count(uint64_t count)
{
	return min_u64(count, INT64_MAX);
}

/*
 * After the host's answer to a read. Of what the runtime serves the descriptor is one that the host
 * cannot read: nothing else pays for it.
 */
static inline int64_t read_served(int64_t rc, int32_t fd, const struct mote_iovec *v,
				  uint64_t count)
{
	if (rc != -EAGAIN && rc != -EINVAL)
		return rc;
	if (event_file(fd))
		return event_file_read(rc, fd, v, count);
	return proc_read(rc, fd, v, count, NULL);
}

/*
 * A read or write of no bytes by the call that has one buffer. It never waits, and what has no
 * files behind it (events, timers) wants more.
 */
static int64_t transfer_nothing(int32_t fd, uint32_t access, uint64_t at)
{
	struct mote_stat st;
	int64_t rc = descriptor_check(fd, access);
	if (rc < 0)
		return rc;
	if (at > MOTE_VA_END)
		return -EFAULT;
	if (proc_file(fd))
		return proc_read(-EINVAL, fd, NULL, 0, NULL);
	rc = mote_fstat(mote_area(), fd, &st);
	if (rc < 0)
		return rc;
	if (S_ISDIR(st.mode))
		return -EISDIR;
	if (S_ISSOCK(st.mode) && access == O_WRONLY) /* an empty datagram */
		return signal_broken_pipe(mote_writev(mote_area(), fd, NULL, 0));
	return st.mode & S_IFMT ? 0 : -EINVAL;
}

int64_t sys_read(int fd, uint64_t to, uint64_t bytes)
{
	if (bytes == 0)
		return transfer_nothing(fd, O_RDONLY, to);
	const struct mote_iovec v = one_vector(to, bytes);
	if (rights_wait(fd))
		return rights_read(fd, &v, 1, 0, NULL);
	return read_served(mote_readv(mote_area(), fd, vector_base(&v), vector_count(&v)), fd, &v,
			   1);
}

int64_t sys_readv(int fd, uint64_t vectors, uint64_t count)
{
	const struct mote_iovec *v = (const void *)vectors;
	if (rights_wait(fd))
		return rights_read(fd, v, count, 0, NULL);
	return read_served(mote_readv(mote_area(), fd, v, program_count(count)), fd, v, count);
}

/* Whether RLIMIT_FSIZE has to be looked at. */
static bool sizes_limited(void)
{
	return limits_soft(RLIMIT_FSIZE) != RLIM64_INFINITY;
}

static int64_t write_piece(int32_t fd, uint64_t offset, const struct mote_iovec *v)
{
	if (offset == FILE_LIMIT_CURRENT)
		return mote_writev(mote_area(), fd, vector_base(v), vector_count(v));
	return mote_pwritev(mote_area(), fd, vector_base(v), vector_count(v), offset);
}

/* As far as the limit lets it, which may be in the middle of the vectors. */
static int64_t write_limited(int32_t fd, const struct mote_iovec *v, uint64_t count,
			     uint64_t offset)
{
	uint64_t done = 0;
	const int64_t total = vector_bytes(v, count);
	if (total < 0)
		return total;
	const int64_t most = file_limit_write(fd, offset, (uint64_t)total);
	if (most < 0)
		return most;
	for (uint64_t i = 0; i < count && done < (uint64_t)most; i++) {
		struct mote_iovec one;
		if (get_user(&one, (uint64_t)&v[i], sizeof(one)) < 0)
			return -EFAULT;
		one.len = min_u64(one.len, (uint64_t)most - done);
		const bool own = offset == FILE_LIMIT_CURRENT;
		int64_t n = write_piece(fd, own ? offset : offset + done, &one);
		if (n < 0)
			return done ? (int64_t)done : n;
		done += (uint64_t)n;
		if ((uint64_t)n < one.len)
			break;
	}
	return (int64_t)done;
}

/* The result of a write, which the host refuses of descriptors that the runtime itself reads. */
static int64_t sent(int64_t rc, int32_t fd, const struct mote_iovec *v, uint64_t count)
{
	return signal_broken_pipe(netlink_written(rc, fd, v, count));
}

int64_t sys_write(int fd, uint64_t from, uint64_t bytes)
{
	const struct mote_iovec v = one_vector(from, bytes);
	if (sizes_limited() && bytes > 0)
		return sent(write_limited(fd, &v, 1, FILE_LIMIT_CURRENT), fd, &v, 1);
	if (bytes == 0)
		return transfer_nothing(fd, O_WRONLY, from);
	if (output_is_open(mote_area(), (uint32_t)fd, bytes)) {
		int64_t rc = buffer_output(mote_area(), (uint32_t)fd, &v);
		if (rc != 0)
			return rc;
	}
	return sent(mote_writev(mote_area(), fd, vector_base(&v), vector_count(&v)), fd, &v, 1);
}

int64_t sys_writev(int fd, uint64_t vectors, uint64_t count)
{
	const struct mote_iovec *v = (const void *)vectors;
	if (sizes_limited() && count > 0)
		return sent(write_limited(fd, v, count, FILE_LIMIT_CURRENT), fd, v, count);
	return sent(mote_writev(mote_area(), fd, v, program_count(count)), fd, v, count);
}

int64_t sys_pread64(int fd, uint64_t to, uint64_t bytes, uint64_t offset)
{
	const struct mote_iovec v = one_vector(to, bytes);
	if (offset > INT64_MAX)
		return -EINVAL;
	int64_t rc = mote_preadv(mote_area(), fd, vector_base(&v), vector_count(&v), offset);
	if (rc >= 0)
		return rc;
	return proc_read(rc, fd, &v, 1, &offset);
}

int64_t sys_pwrite64(int fd, uint64_t from, uint64_t bytes, uint64_t offset)
{
	const struct mote_iovec v = one_vector(from, bytes);
	if (offset > INT64_MAX)
		return -EINVAL;
	if (sizes_limited() && bytes > 0)
		return write_limited(fd, &v, 1, offset);
	return mote_pwritev(mote_area(), fd, vector_base(&v), vector_count(&v), offset);
}

int64_t sys_preadv(int fd, uint64_t vectors, uint64_t count, uint64_t offset)
{
	const struct mote_iovec *v = (const void *)vectors;
	if (offset > INT64_MAX)
		return -EINVAL;
	int64_t rc = mote_preadv(mote_area(), fd, v, program_count(count), offset);
	if (rc >= 0)
		return rc;
	return proc_read(rc, fd, v, count, &offset);
}

int64_t sys_pwritev(int fd, uint64_t vectors, uint64_t count, uint64_t offset)
{
	if (offset > INT64_MAX)
		return -EINVAL;
	if (sizes_limited() && count > 0)
		return write_limited(fd, (const void *)vectors, count, offset);
	return mote_pwritev(mote_area(), fd, (const void *)vectors, program_count(count), offset);
}

/* Flags of preadv2 and pwritev2; with RWF_HIPRI nothing is different. */
enum { RWF_KNOWN = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND };

/* Whether the transfer would wait, which RWF_NOWAIT does not want: -EAGAIN, or 0. */
static int64_t check_wait(int32_t fd, uint32_t flags, uint32_t events)
{
	const struct mote_time now = {0};
	struct mote_pollfd p = {.fd = fd, .events = (int16_t)events};
	if (flags & ~(uint32_t)RWF_KNOWN)
		return descriptor_check(fd, O_RDWR) < 0 ? -EBADF : -EOPNOTSUPP;
	if ((flags & RWF_NOWAIT) && mote_poll(mote_area(), (uint64_t)&p, 1, &now) == 0)
		return -EAGAIN;
	return 0;
}

/* An offset of -1 is the descriptor's own; of its two words 64-bit programs use the first. */
int64_t sys_preadv2(int fd, uint64_t vectors, uint64_t count, uint64_t offset, uint64_t unused,
		    uint32_t flags)
{
	(void)unused;
	int64_t rc = check_wait(fd, flags, POLLIN);
	if (rc < 0)
		return rc;
	if (offset == UINT64_MAX)
		return sys_readv(fd, vectors, count);
	return sys_preadv(fd, vectors, count, offset);
}

static int64_t write_at(int32_t fd, uint64_t vectors, uint64_t count, uint64_t offset)
{
	if (offset == UINT64_MAX)
		return sys_writev(fd, vectors, count);
	return sys_pwritev(fd, vectors, count, offset);
}

/* A descriptor with O_APPEND writes at the file's end, whatever the offset says. */
static int64_t append(int32_t fd, uint64_t vectors, uint64_t count, uint64_t offset)
{
	int64_t before = mote_get_flags(mote_area(), fd);
	if (before < 0)
		return before;
	int64_t rc = mote_set_flags(mote_area(), fd, (uint32_t)before | O_APPEND);
	if (rc < 0)
		return rc;
	rc = write_at(fd, vectors, count, offset);
	(void)!mote_set_flags(mote_area(), fd, (uint32_t)before);
	return rc;
}

int64_t sys_pwritev2(int fd, uint64_t vectors, uint64_t count, uint64_t offset, uint64_t unused,
		     uint32_t flags)
{
	(void)unused;
	int64_t rc = check_wait(fd, flags, POLLOUT);
	if (rc < 0)
		return rc;
	if (flags & RWF_APPEND)
		rc = append(fd, vectors, count, offset);
	else
		rc = write_at(fd, vectors, count, offset);
	if (rc > 0 && flags & (RWF_DSYNC | RWF_SYNC))
		(void)!mote_fsync(mote_area(), fd, !(flags & RWF_SYNC));
	return rc;
}

int64_t sys_lseek(int fd, int64_t offset, uint32_t whence)
{
	if (proc_file(fd))
		return proc_seek(fd, offset, whence);
	int64_t rc = mote_lseek(mote_area(), fd, offset, whence);
	if (rc >= 0 && whence == SEEK_SET)
		dir_cookie_set(fd, rc);
	return rc;
}

/* --- closing and duplicating --- */

/* What paths are resolved by is not the program's: those that close all numbers do not close it. */
int64_t sys_close(int fd)
{
	if (lookup_holds(fd) || rights_hold(fd))
		return -EBADF;
	fd_forget(fd);
	int64_t rc = mote_close(mote_area(), fd);
	if (rights_waiting)
		rights_collect();
	return rc;
}

enum { CLOSE_AT_ONCE = 64 };

/* Whether a descriptor was opened by O_PATH, which poll does not know. */
static bool has_places;

void descriptor_note_place(void)
{
	has_places = true;
}

static bool is_open(const struct mote_pollfd *polled)
{
	return !(polled->revents & POLLNVAL) ||
	       (has_places && mote_get_flags(mote_area(), polled->fd) >= 0);
}

/*
 * Closes `count` descriptors from `first` on, or has them close on exec, those that are open: poll
 * tells which.
 */
static int64_t close_some(uint32_t first, uint32_t count, bool on_exec)
{
	struct mote_pollfd fds[CLOSE_AT_ONCE];
	const struct mote_time now = {0};
	for (uint32_t i = 0; i < count; i++)
		fds[i] = (struct mote_pollfd){.fd = (int32_t)(first + i)};
	int64_t rc = mote_poll(mote_area(), (uint64_t)fds, count, &now);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < count; i++) {
		if (!is_open(&fds[i]))
			fd_forget(fds[i].fd);
		else if (on_exec)
			(void)!fd_set_close_on_exec(fds[i].fd, true);
		else
			(void)!sys_close(fds[i].fd);
	}
	return 0;
}

void descriptor_close_on_exec(void)
{
	for (int32_t fd = 0; (fd = fd_next_on_exec(fd)) >= 0; fd++)
		(void)!sys_close(fd);
}

int64_t sys_close_range(uint32_t first, uint32_t last, uint32_t flags)
{
	if (first > last || (flags & ~(uint32_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)))
		return -EINVAL;
	if (last > (uint32_t)descriptor_highest())
		last = (uint32_t)descriptor_highest();
	for (uint32_t at = first; at <= last; at += CLOSE_AT_ONCE) {
		uint32_t count = last - at + 1;
		if (count > CLOSE_AT_ONCE)
			count = CLOSE_AT_ONCE;
		int64_t rc = close_some(at, count, flags & CLOSE_RANGE_CLOEXEC);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int64_t descriptor_dup_from(int32_t fd, uint32_t at_least)
{
	if (at_least >= limits_soft(RLIMIT_NOFILE))
		return -EINVAL;
	return fd_copied(fd, descriptor_admit(mote_dup(mote_area(), fd, at_least)));
}

int64_t descriptor_dup_onto(int32_t fd, int32_t to)
{
	if (to < 0 || (uint32_t)to >= limits_soft(RLIMIT_NOFILE) || lookup_holds(to) ||
	    rights_hold(to))
		return -EBADF;
	int64_t rc = fd_copied(fd, descriptor_admit(mote_dup_to(mote_area(), fd, to)));
	if (rights_waiting)
		rights_collect();
	return rc;
}

int64_t descriptor_pair_on_exec(int64_t rc, uint64_t at, bool set)
{
	int32_t fds[2];
	if (rc < 0 || get_user(fds, at, sizeof(fds)) < 0)
		return rc;
	if (descriptor_admit(fds[0]) < 0 || descriptor_admit(fds[1]) < 0) {
		(void)!mote_close(mote_area(), fds[0]);
		(void)!mote_close(mote_area(), fds[1]);
		return -EMFILE;
	}
	if (!set)
		return rc;
	(void)!fd_set_close_on_exec(fds[0], true);
	(void)!fd_set_close_on_exec(fds[1], true);
	return rc;
}

int64_t sys_dup(int fd)
{
	return descriptor_dup_from(fd, 0);
}

int64_t sys_dup3(int fd, int to, uint32_t flags)
{
	if (fd == to || (flags & ~(uint32_t)O_CLOEXEC))
		return -EINVAL;
	return fd_set_close_on_exec(descriptor_dup_onto(fd, to), flags & O_CLOEXEC);
}

int64_t sys_pipe2(uint64_t to, uint32_t flags)
{
	if (flags &
	    ~(uint32_t)(O_CLOEXEC | O_NONBLOCK)) /* O_DIRECT: pipes of packets are not there */
		return -EINVAL;
	int64_t rc = mote_pipe(mote_area(), (void *)to, 2 * sizeof(int32_t), flags & O_NONBLOCK);
	return descriptor_pair_on_exec(rc, to, flags & O_CLOEXEC);
}

/* --- the file behind a descriptor --- */

int64_t sys_ftruncate(int fd, uint64_t size)
{
	if (size > INT64_MAX)
		return -EINVAL;
	const int64_t rc = file_limit_size(fd, size);
	if (rc < 0)
		return rc;
	return mote_ftruncate(mote_area(), fd, size);
}

/* A file in memory. Its name is for /proc/self/fd. */
int64_t sys_memfd_create(uint64_t name_at, uint32_t flags)
{
	enum { NAME_BYTES = 249, CLOEXEC = 1, SEALING = 2, NOEXEC_SEAL = 8, EXEC = 16 };
	if (flags & ~(uint32_t)(CLOEXEC | SEALING | NOEXEC_SEAL | EXEC))
		return -EINVAL;
	char name[NAME_BYTES + 1], path[NAME_BYTES + 32];
	uint64_t len = 0;
	do
		if (get_user(&name[len], name_at + len, 1) < 0)
			return -EFAULT;
	while (name[len] && ++len <= NAME_BYTES);
	if (len > NAME_BYTES)
		return -EINVAL;
	int64_t fd = descriptor_admit(mote_memfd(mote_area(), flags & ~(uint32_t)CLOEXEC));
	if (fd < 0)
		return fd;
	(void)!lib_format(path, sizeof(path), "/memfd:%s (deleted)", name);
	fd_set_path((int32_t)fd, path);
	return fd_set_close_on_exec(fd, flags & CLOEXEC);
}

int64_t sys_fsync(int fd)
{
	return mote_fsync(mote_area(), fd, 0);
}

int64_t sys_fdatasync(int fd)
{
	return mote_fsync(mote_area(), fd, 1);
}

/* Everything of the file system, of which only this file is known to be the guest's. */
int64_t sys_syncfs(int fd)
{
	return descriptor_check(fd, O_RDWR);
}

/* All of the file, which is more than was asked for. */
int64_t sys_sync_file_range(int fd, int64_t offset, int64_t bytes, uint32_t flags)
{
	const uint32_t known =
		SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
	struct mote_stat st;
	const int64_t rc = descriptor_stat(fd, O_RDWR, &st);
	if (rc < 0)
		return rc;
	if ((flags & ~known) || offset < 0 || bytes < 0)
		return -EINVAL;
	if (!S_ISREG(st.mode) && !S_ISDIR(st.mode))
		return -ESPIPE;
	return flags & SYNC_FILE_RANGE_WAIT_AFTER ? mote_fsync(mote_area(), fd, 1) : sys_syncfs(fd);
}

int64_t sys_readahead(int fd, uint64_t offset, uint64_t bytes)
{
	const uint32_t will_need = 3; /* POSIX_FADV_WILLNEED */
	struct mote_stat st;
	const int64_t rc = descriptor_stat(fd, O_RDONLY, &st);
	if (rc < 0)
		return rc;
	if (!S_ISREG(st.mode))
		return -EINVAL;
	return sys_fadvise64(fd, offset, bytes, will_need);
}

int64_t sys_fallocate(int fd, uint32_t mode, uint64_t offset, uint64_t bytes)
{
	int64_t checked = descriptor_check(fd, O_RDWR);
	if (checked < 0)
		return checked;
	const bool grows = !(mode & FALLOC_FL_KEEP_SIZE) && (offset | bytes) <= INT64_MAX;
	const int64_t rc = grows ? file_limit_size(fd, offset + bytes) : 0;
	if (rc < 0)
		return rc;
	return mote_fallocate(mote_area(), fd, mode, offset, bytes);
}

int64_t sys_fadvise64(int fd, uint64_t offset, uint64_t bytes, uint32_t advice)
{
	const uint32_t known = 6; /* POSIX_FADV_NORMAL to POSIX_FADV_NOREUSE */
	struct mote_stat st;
	const int64_t rc = descriptor_stat(fd, O_RDWR, &st);
	if (rc < 0)
		return rc;
	if (S_ISFIFO(st.mode))
		return -ESPIPE;
	if (bytes > INT64_MAX || advice >= known)
		return -EINVAL;
	if (offset > INT64_MAX) /* before the file: there is nothing to expect */
		return 0;
	return mote_fadvise(mote_area(), fd, offset, bytes, advice);
}

int64_t sys_flock(int fd, uint32_t operation)
{
	if (operation & LOCK_MAND) /* means nothing any more */
		return 0;
	const uint32_t kind = operation & ~(uint32_t)LOCK_NB;
	if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
		return -EINVAL;
	return mote_flock(mote_area(), fd, operation);
}
