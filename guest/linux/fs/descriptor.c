/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls on open descriptors. Pointers of the program go on to the host as they are, which
 * checks them.
 */
#include "guest/linux/syscall.h"

enum { SMALL_WRITE = 512 }; /* bytes */

/*
 * Small writes to standard output wait in the area while the host keeps its timer running. The host
 * may write them out and empty the buffer between any two instructions here, so the length is
 * changed only from the value that the bytes were put behind. 0: not for the buffer.
 */
static int64_t buffer_output(struct mote_area *area, uint32_t fd, const struct mote_iovec *v)
{
	uint32_t len;
	do {
		len = __atomic_load_n(&area->output_len, __ATOMIC_ACQUIRE);
		if (!__atomic_load_n(&area->output_armed, __ATOMIC_ACQUIRE) ||
		    (len > 0 && area->output_fd != fd) || len > MOTE_OUTPUT_BYTES ||
		    v->len > MOTE_OUTPUT_BYTES - len)
			return 0;
		if (get_user(area->output + len, v->base, v->len) < 0)
			return -E_FAULT;
		area->output_fd = fd;
	} while (!__atomic_compare_exchange_n(&area->output_len, &len, len + (uint32_t)v->len,
					      false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	/* The timer may have ended meanwhile: any host call writes out what waits. */
	if (!__atomic_load_n(&area->output_armed, __ATOMIC_ACQUIRE))
		(void)mote_yield(area);
	return (int64_t)v->len;
}

static int64_t write_vectors(int32_t fd, const struct mote_iovec *v, uint64_t count)
{
	if ((fd == 1 || fd == 2) && count == 1 && v->len <= SMALL_WRITE) {
		int64_t rc = buffer_output(L.area, (uint32_t)fd, v);
		if (rc != 0)
			return rc;
	}
	return mote_writev(L.area, fd, v, count);
}

SYSCALL(read)
{
	struct mote_iovec v = {.base = s->b, .len = s->c};
	return mote_readv(L.area, (int32_t)s->a, &v, 1);
}

SYSCALL(write)
{
	struct mote_iovec v = {.base = s->b, .len = s->c};
	return write_vectors((int32_t)s->a, &v, 1);
}

SYSCALL(readv)
{
	return mote_readv(L.area, (int32_t)s->a, (const void *)s->b, s->c);
}

SYSCALL(writev)
{
	return mote_writev(L.area, (int32_t)s->a, (const void *)s->b, s->c);
}

SYSCALL(pread64)
{
	struct mote_iovec v = {.base = s->b, .len = s->c};
	return mote_preadv(L.area, (int32_t)s->a, &v, 1, s->d);
}

SYSCALL(pwrite64)
{
	struct mote_iovec v = {.base = s->b, .len = s->c};
	return mote_pwritev(L.area, (int32_t)s->a, &v, 1, s->d);
}

SYSCALL(preadv)
{
	return mote_preadv(L.area, (int32_t)s->a, (const void *)s->b, s->c, s->d);
}

/* A position of -1 is the descriptor's own; flags ask for what a host call cannot promise. */
SYSCALL(preadv2)
{
	if ((uint32_t)s->f)
		return -E_NOTSUP;
	return (int64_t)s->d == -1 ? sys_readv(s) : sys_preadv(s);
}

SYSCALL(pwritev2)
{
	if ((uint32_t)s->f)
		return -E_NOTSUP;
	return (int64_t)s->d == -1 ? sys_writev(s) : sys_pwritev(s);
}

SYSCALL(pwritev)
{
	return mote_pwritev(L.area, (int32_t)s->a, (const void *)s->b, s->c, s->d);
}

SYSCALL(close)
{
	descriptor_closed((int32_t)s->a);
	return mote_close(L.area, (int32_t)s->a);
}

/* Which descriptors are open is what poll says of them, in pieces below any limit on their number.
 */
static int64_t close_some(uint32_t first, uint32_t count)
{
	struct mote_pollfd fds[64];
	const struct mote_time now = {0};
	for (uint32_t i = 0; i < count; i++)
		fds[i] = (struct mote_pollfd){.fd = (int32_t)(first + i)};
	int64_t rc = mote_poll(L.area, (uint64_t)fds, count, &now);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < count; i++) {
		descriptor_closed(fds[i].fd);
		if (!(fds[i].revents & POLL_INVALID))
			(void)mote_close(L.area, fds[i].fd);
	}
	return 0;
}

SYSCALL(close_range)
{
	enum { UNSHARE = 2, CLOEXEC = 4 };
	uint32_t first = (uint32_t)s->a, last = (uint32_t)s->b;
	if (first > last || ((uint32_t)s->c & ~(uint32_t)(UNSHARE | CLOEXEC)))
		return -E_INVAL;
	if ((uint32_t)s->c & CLOEXEC) /* nothing is ever executed */
		return 0;
	if (last >= DESCRIPTORS_MAX)
		last = DESCRIPTORS_MAX - 1;
	int64_t rc = 0;
	for (uint32_t count; first <= last && rc == 0; first += count) {
		count = last - first + 1 < 64 ? last - first + 1 : 64;
		rc = close_some(first, count);
	}
	return rc;
}

SYSCALL(lseek)
{
	int32_t fd = (int32_t)s->a;
	int64_t rc = mote_lseek(L.area, fd, (int64_t)s->b, (uint32_t)s->c);
	if (rc >= 0 && (uint32_t)s->c == 0)
		directory_seek(fd, rc);
	return rc;
}

static int64_t dup_from(int32_t fd, uint32_t at_least)
{
	if (at_least >= DESCRIPTORS_MAX)
		return -E_INVAL;
	return descriptor_copied(fd, mote_dup(L.area, fd, at_least));
}

static int64_t dup_onto(int32_t fd, int32_t to)
{
	if (to < 0 || to >= DESCRIPTORS_MAX)
		return -E_BADF;
	return descriptor_copied(fd, mote_dup_to(L.area, fd, to));
}

SYSCALL(dup)
{
	return dup_from((int32_t)s->a, 0);
}

SYSCALL(dup2)
{
	return dup_onto((int32_t)s->a, (int32_t)s->b);
}

SYSCALL(dup3)
{
	if ((int32_t)s->a == (int32_t)s->b || ((uint32_t)s->c & ~(uint32_t)O_CLOEXEC_))
		return -E_INVAL;
	return descriptor_close_on_exec(dup_onto((int32_t)s->a, (int32_t)s->b), s->c & O_CLOEXEC_);
}

/* Who holds a conflicting lock is a process elsewhere, which has no number here. */
static int64_t record_lock(int32_t fd, uint32_t command, uint64_t at)
{
	struct {
		struct mote_lock lock;
		int32_t pid, pad;
	} f;
	if (get_user(&f.lock, at, sizeof(f.lock)) < 0)
		return -E_FAULT;
	f.lock.reserved = 0;
	bool tell = command == 5 || command == 36;
	int64_t rc = mote_lock(L.area, fd, command, &f.lock, tell ? &f.lock : NULL);
	f.pid = f.pad = 0;
	return rc == 0 && tell ? put_user(at, &f, sizeof(f)) : rc;
}

SYSCALL(fcntl)
{
	int32_t fd = (int32_t)s->a;
	int64_t flags;
	switch ((uint32_t)s->b) {
	case 0:	   /* F_DUPFD */
	case 1030: /* F_DUPFD_CLOEXEC */
		return descriptor_close_on_exec(dup_from(fd, (uint32_t)s->c),
						(uint32_t)s->b == 1030);
	case 1: /* F_GETFD */
		flags = mote_get_flags(L.area, fd);
		return flags < 0 ? flags : descriptor_closes_on_exec(fd);
	case 2: /* F_SETFD */
		flags = mote_get_flags(L.area, fd);
		if (flags >= 0)
			(void)descriptor_close_on_exec(fd, s->c & 1);
		return flags < 0 ? flags : 0;
	case 3: /* F_GETFL */
		return mote_get_flags(L.area, fd);
	case 4: /* F_SETFL */
		return mote_set_flags(L.area, fd, (uint32_t)s->c & 06000);
	case 5:	 /* F_GETLK */
	case 36: /* F_OFD_GETLK */
	case 6:	 /* F_SETLK */
	case 7:	 /* F_SETLKW */
	case 37: /* F_OFD_SETLK */
	case 38: /* F_OFD_SETLKW */
		return record_lock(fd, (uint32_t)s->b, s->c);
	default:
		return -E_INVAL;
	}
}

SYSCALL(pipe2)
{
	return mote_pipe(L.area, (void *)s->a, 8, (uint32_t)s->b & O_NONBLOCK_);
}

SYSCALL(pipe)
{
	return mote_pipe(L.area, (void *)s->a, 8, 0);
}

SYSCALL(ioctl)
{
	struct mote_area *area = L.area;
	int32_t fd = (int32_t)s->a;
	struct mote_termios t;
	int64_t rc;
	int32_t value;
	switch ((uint32_t)s->b) {
	case 0x5401: /* TCGETS */
		rc = mote_tty_get(area, fd, &t);
		return rc < 0 ? rc : put_user(s->c, &t, 36);
	case 0x5402:
	case 0x5403:
	case 0x5404: /* TCSETS, TCSETSW, TCSETSF */
		if (get_user(&t, s->c, 36) < 0)
			return -E_FAULT;
		return mote_tty_set(area, fd, (uint32_t)s->b - 0x5402, &t);
	case 0x5413: /* TIOCGWINSZ */
		return mote_tty_size(area, fd, (void *)s->c);
	case 0x541b: /* FIONREAD */
		rc = mote_readable_bytes(area, fd);
		value = (int32_t)rc;
		return rc < 0 ? rc : put_user(s->c, &value, sizeof(value));
	case 0x5421: /* FIONBIO */
		if (get_user(&value, s->c, sizeof(value)) < 0)
			return -E_FAULT;
		rc = mote_get_flags(area, fd);
		if (rc < 0)
			return rc;
		return mote_set_flags(area, fd,
				      value ? (uint32_t)rc | O_NONBLOCK_
					    : (uint32_t)rc & ~(uint32_t)O_NONBLOCK_);
	case 0x540f: /* TIOCGPGRP */
		rc = mote_tty_get(area, fd, &t);
		value = (int32_t)L.boot->pid;
		return rc < 0 ? rc : put_user(s->c, &value, sizeof(value));
	case 0x5410: /* TIOCSPGRP */
		rc = mote_tty_get(area, fd, &t);
		if (rc < 0)
			return rc;
		if (get_user(&value, s->c, sizeof(value)) < 0)
			return -E_FAULT;
		return value == (int32_t)L.boot->pid ? 0 : -E_PERM;
	case 0x5451: /* FIOCLEX */
	case 0x5450: /* FIONCLEX */
		rc = mote_get_flags(area, fd);
		if (rc >= 0)
			(void)descriptor_close_on_exec(fd, (uint32_t)s->b == 0x5451);
		return rc < 0 ? rc : 0;
	default:
		return -E_NOTTY;
	}
}

SYSCALL(ftruncate)
{
	return mote_ftruncate(L.area, (int32_t)s->a, s->b);
}

SYSCALL(fsync)
{
	return mote_fsync(L.area, (int32_t)s->a, 0);
}

SYSCALL(fdatasync)
{
	return mote_fsync(L.area, (int32_t)s->a, 1);
}

SYSCALL(fallocate)
{
	return mote_fallocate(L.area, (int32_t)s->a, (uint32_t)s->b, s->c, s->d);
}

SYSCALL(fadvise64)
{
	return mote_fadvise(L.area, (int32_t)s->a, s->b, s->c, (uint32_t)s->d);
}

SYSCALL(flock)
{
	return mote_flock(L.area, (int32_t)s->a, (uint32_t)s->b);
}

static int64_t copy_between(int32_t out, int32_t in, uint64_t offset_at, uint64_t out_offset_at,
			    uint64_t count)
{
	static uint8_t buffer[65536];
	uint64_t done = 0, in_at = 0, out_at = 0;
	if ((offset_at && get_user(&in_at, offset_at, 8) < 0) ||
	    (out_offset_at && get_user(&out_at, out_offset_at, 8) < 0))
		return -E_FAULT;
	while (done < count) {
		struct mote_iovec v = {.base = (uint64_t)buffer,
				       .len = count - done < sizeof(buffer) ? count - done
									    : sizeof(buffer)};
		int64_t n = offset_at ? mote_preadv(L.area, in, &v, 1, in_at + done)
				      : mote_readv(L.area, in, &v, 1);
		if (n < 0)
			return done ? (int64_t)done : n;
		if (n == 0)
			break;
		for (int64_t sent = 0; sent < n;) {
			struct mote_iovec w = {.base = (uint64_t)buffer + (uint64_t)sent,
					       .len = (uint64_t)(n - sent)};
			int64_t m = out_offset_at ? mote_pwritev(L.area, out, &w, 1,
								 out_at + done + (uint64_t)sent)
						  : mote_writev(L.area, out, &w, 1);
			if (m < 0)
				return done ? (int64_t)done : m;
			sent += m;
		}
		done += (uint64_t)n;
		if ((uint64_t)n < v.len)
			break;
	}
	in_at += done;
	out_at += done;
	if ((offset_at && put_user(offset_at, &in_at, 8) < 0) ||
	    (out_offset_at && put_user(out_offset_at, &out_at, 8) < 0))
		return -E_FAULT;
	return (int64_t)done;
}

SYSCALL(sendfile)
{
	return copy_between((int32_t)s->a, (int32_t)s->b, s->c, 0, s->d);
}

SYSCALL(copy_file_range)
{
	return copy_between((int32_t)s->c, (int32_t)s->a, s->b, s->d, s->e);
}
