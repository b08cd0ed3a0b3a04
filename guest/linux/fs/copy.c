/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendfile and copy_file_range: through a buffer of the guest's, since host calls have one
 * descriptor each.
 */
#include "guest/linux/fs/descriptor.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/socket_rights.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/stat.h>

/* One end of a copy: at an offset that the program keeps, or at the descriptor's own. */
struct end {
	int32_t fd;
	uint64_t offset_at; /* where the program keeps it; 0: the descriptor's own */
	uint64_t offset;
};

static int64_t end_open(struct end *e)
{
	if (!e->offset_at)
		return 0;
	return get_user(&e->offset, e->offset_at, sizeof(e->offset));
}

static int64_t end_close(const struct end *e)
{
	return put_user_optional(e->offset_at, &e->offset, sizeof(e->offset));
}

static int64_t end_read(struct end *e, uint8_t *to, uint64_t bytes)
{
	const struct mote_iovec v = {.base = (uint64_t)to, .len = bytes};
	if (rights_wait(e->fd))
		return rights_read(e->fd, &v, 1, 0, NULL);
	if (!e->offset_at)
		return proc_read(mote_readv(mote_area(), e->fd, &v, 1), e->fd, &v, 1, NULL);
	int64_t n = mote_preadv(mote_area(), e->fd, &v, 1, e->offset);
	n = proc_read(n, e->fd, &v, 1, &e->offset);
	if (n > 0)
		e->offset += (uint64_t)n;
	return n;
}

/* Bytes that were read and could not be written are not read. */
static void end_unread(struct end *e, uint64_t bytes)
{
	if (e->offset_at)
		e->offset -= bytes;
	else if (bytes > 0)
		(void)!mote_lseek(mote_area(), e->fd, -(int64_t)bytes,
				  SEEK_CUR); /* a pipe's are lost */
}

static int64_t end_write(struct end *e, const uint8_t *from, uint64_t bytes)
{
	const struct mote_iovec v = {.base = (uint64_t)from, .len = bytes};
	if (!e->offset_at)
		return mote_writev(mote_area(), e->fd, &v, 1);
	int64_t n = mote_pwritev(mote_area(), e->fd, &v, 1, e->offset);
	if (n > 0)
		e->offset += (uint64_t)n;
	return n;
}

/* Bytes written: all of them, or those before an error; the error if there are none. */
static int64_t write_all(struct end *out, const uint8_t *from, uint64_t bytes)
{
	uint64_t done = 0;
	while (done < bytes) {
		int64_t n = end_write(out, from + done, bytes - done);
		if (n < 0 && done == 0)
			return n;
		if (n <= 0)
			break;
		done += (uint64_t)n;
	}
	return (int64_t)done;
}

/* As write_all, for no more than the buffer has. */
static int64_t copy_piece(struct end *out, struct end *in, uint64_t bytes)
{
	struct scratch *scratch = this_thread()->scratch;
	int64_t got = end_read(in, scratch->copy, bytes);
	if (got <= 0)
		return got;
	int64_t written = write_all(out, scratch->copy, (uint64_t)got);
	if (written < 0)
		end_unread(in, (uint64_t)got);
	else
		end_unread(in, (uint64_t)(got - written));
	return written;
}

static int64_t copy_all(struct end *out, struct end *in, uint64_t count)
{
	const uint64_t most = sizeof(((struct scratch *)0)->copy);
	uint64_t done = 0;
	while (done < count) {
		uint64_t asked = min_u64(count - done, most);
		int64_t n = copy_piece(out, in, asked);
		if (n < 0 && done == 0)
			return n;
		if (n > 0)
			done += (uint64_t)n;
		if (n < (int64_t)asked)
			break;
	}
	return (int64_t)done;
}

static int64_t copy_between(struct end *out, struct end *in, uint64_t count)
{
	if (count > INT64_MAX)
		return -EINVAL;
	if (end_open(in) < 0 || end_open(out) < 0)
		return -EFAULT;
	int64_t done = copy_all(out, in, count);
	if (done < 0)
		return done;
	if (end_close(in) < 0 || end_close(out) < 0)
		return -EFAULT;
	return done;
}

/* It writes at its file's end, which no copy by offsets may. */
static bool appends(int32_t fd)
{
	const int64_t flags = mote_get_flags(mote_area(), fd);
	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && (flags & O_APPEND);
}

int64_t sys_sendfile(int out_fd, int in_fd, uint64_t offset_at, uint64_t count)
{
	struct end out = {.fd = out_fd}, in = {.fd = in_fd, .offset_at = offset_at};
	struct mote_stat st;
	if (end_open(&in) < 0)
		return -EFAULT;
	if (descriptor_check(in_fd, O_RDONLY) < 0 || mote_fstat(mote_area(), in_fd, &st) < 0)
		return -EBADF;
	const bool seeks =
		S_ISREG(st.mode) || S_ISBLK(st.mode) || S_ISDIR(st.mode) || S_ISCHR(st.mode);
	if (offset_at && !seeks && !proc_file(in_fd))
		return -ESPIPE;
	if (count > INT64_MAX)
		return -EINVAL;
	if (descriptor_check(out_fd, O_WRONLY) < 0)
		return -EBADF;
	if (!S_ISREG(st.mode) && !proc_file(in_fd))
		return count ? -EINVAL : 0;
	if (appends(out_fd))
		return -EINVAL;
	return signal_broken_pipe(copy_between(&out, &in, count));
}

/* Where an end begins: the offset that was given, or the descriptor's own. */
static int64_t start_of(const struct end *e, uint64_t *at)
{
	if (e->offset_at)
		return get_user(at, e->offset_at, sizeof(*at));
	int64_t rc = mote_lseek(mote_area(), e->fd, 0, SEEK_CUR);
	*at = (uint64_t)rc;
	return rc < 0 ? rc : 0;
}

/* Both are regular files, and no part of one is copied over itself. */
static int64_t check_copied(const struct end *in, const struct end *out, uint64_t count)
{
	struct mote_stat from, to;
	uint64_t in_at, out_at;
	if (mote_fstat(mote_area(), in->fd, &from) < 0 || mote_fstat(mote_area(), out->fd, &to) < 0)
		return -EBADF;
	if (S_ISDIR(from.mode) || S_ISDIR(to.mode))
		return -EISDIR;
	if (!S_ISREG(from.mode) || !S_ISREG(to.mode))
		return -EINVAL;
	if (descriptor_check(in->fd, O_RDONLY) < 0 || descriptor_check(out->fd, O_WRONLY) < 0 ||
	    appends(out->fd))
		return -EBADF;
	int64_t rc = start_of(in, &in_at);
	if (rc == 0)
		rc = start_of(out, &out_at);
	if (rc < 0)
		return rc;
	if (in_at + count < in_at || out_at + count < out_at)
		return -EOVERFLOW;
	count = in_at < from.size ? min_u64(count, from.size - in_at) : 0;
	uint64_t apart = in_at < out_at ? out_at - in_at : in_at - out_at;
	if (from.dev == to.dev && from.ino == to.ino && count > apart)
		return -EINVAL;
	return 0;
}

int64_t sys_copy_file_range(int in_fd, uint64_t in_at, int out_fd, uint64_t out_at, uint64_t count,
			    uint32_t flags)
{
	struct end out = {.fd = out_fd, .offset_at = out_at},
		   in = {.fd = in_fd, .offset_at = in_at};
	if (descriptor_check(in_fd, O_RDWR) < 0 || descriptor_check(out_fd, O_RDWR) < 0)
		return -EBADF;
	if (end_open(&in) < 0 || end_open(&out) < 0)
		return -EFAULT;
	if (flags)
		return -EINVAL;
	int64_t rc = check_copied(&in, &out, count);
	if (rc < 0)
		return rc;
	return signal_broken_pipe(copy_between(&out, &in, count));
}

/* --- pipes --- */

enum { SPLICE_F_NONBLOCK = 2, SPLICE_FLAGS = 15 };

static bool is_pipe(int32_t fd)
{
	struct mote_stat st;
	return mote_fstat(mote_area(), fd, &st) == 0 && S_ISFIFO(st.mode);
}

/* 1 if one of the events is there, 0 if the time is over, or a negative errno. */
static int64_t poll_one(int32_t fd, uint32_t events, const struct mote_time *timeout)
{
	struct mote_pollfd p = {.fd = fd, .events = (uint16_t)events};
	return mote_poll(mote_area(), (uint64_t)&p, 1, timeout);
}

/* What has been taken out of a pipe is not lost: it waits for where it goes. */
static int64_t write_or_wait(struct end *out, const uint8_t *from, uint64_t bytes)
{
	uint64_t done = 0;
	while (done < bytes) {
		int64_t n = end_write(out, from + done, bytes - done);
		if (n == -EAGAIN || n == -EINTR) {
			(void)!poll_one(out->fd, POLLOUT, NULL);
			continue;
		}
		if (n < 0)
			return done ? (int64_t)done : n;
		done += (uint64_t)n;
	}
	return (int64_t)done;
}

int64_t sys_splice(int in_fd, uint64_t in_at, int out_fd, uint64_t out_at, uint64_t count,
		   uint32_t flags)
{
	const struct mote_time now = {0};
	struct end out = {.fd = out_fd, .offset_at = out_at},
		   in = {.fd = in_fd, .offset_at = in_at};
	struct scratch *scratch = this_thread()->scratch;
	const bool from_pipe = is_pipe(in_fd), to_pipe = is_pipe(out_fd);
	if (count == 0)
		return 0;
	if (flags & ~(uint32_t)SPLICE_FLAGS)
		return -EINVAL;
	if (descriptor_check(in_fd, O_RDWR) < 0 || descriptor_check(out_fd, O_RDWR) < 0)
		return -EBADF;
	if ((from_pipe && in_at) || (to_pipe && out_at))
		return -ESPIPE;
	if (end_open(&in) < 0 || end_open(&out) < 0)
		return -EFAULT;
	if (descriptor_check(in_fd, O_RDONLY) < 0 || descriptor_check(out_fd, O_WRONLY) < 0)
		return -EBADF;
	if (!from_pipe && !to_pipe)
		return -EINVAL;
	if ((flags & SPLICE_F_NONBLOCK) && from_pipe && poll_one(in_fd, POLLIN, &now) == 0)
		return -EAGAIN;
	/* Nothing is taken before there is room for some of it. */
	if (poll_one(out_fd, POLLOUT, flags & SPLICE_F_NONBLOCK ? &now : NULL) == 0)
		return -EAGAIN;
	int64_t got = end_read(&in, scratch->copy, min_u64(count, sizeof(scratch->copy)));
	if (got <= 0)
		return got;
	int64_t done = write_or_wait(&out, scratch->copy, (uint64_t)got);
	if (done >= 0 && (end_close(&in) < 0 || end_close(&out) < 0))
		return -EFAULT;
	return signal_broken_pipe(done);
}

int64_t sys_tee(int in_fd, int out_fd, uint64_t count, uint32_t flags)
{
	struct mote_stat in, out;
	if ((flags & ~(uint32_t)SPLICE_FLAGS))
		return -EINVAL;
	if (count == 0)
		return 0;
	if (descriptor_check(in_fd, O_RDONLY) < 0 || descriptor_check(out_fd, O_WRONLY) < 0 ||
	    mote_fstat(mote_area(), in_fd, &in) < 0 || mote_fstat(mote_area(), out_fd, &out) < 0)
		return -EBADF;
	if (!S_ISFIFO(in.mode) || !S_ISFIFO(out.mode) || (in.dev == out.dev && in.ino == out.ino))
		return -EINVAL;
	return mote_tee(mote_area(), in_fd, out_fd, count, flags & SPLICE_F_NONBLOCK);
}

/* Memory into a pipe, or out of one: a copy, as it may be. */
int64_t sys_vmsplice(int fd, uint64_t vectors, uint64_t count, uint32_t flags)
{
	if (flags & ~(uint32_t)SPLICE_FLAGS)
		return -EINVAL;
	int64_t access = mote_get_flags(mote_area(), fd);
	if (access < 0 || !is_pipe(fd))
		return -EBADF;
	return access & O_ACCMODE ? sys_writev(fd, vectors, count) : sys_readv(fd, vectors, count);
}
