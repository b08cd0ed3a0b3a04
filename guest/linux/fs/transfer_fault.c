/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes whose memory is not all there: how Linux answers, and in which order. */
#include "guest/linux/fs/transfer_fault.h"

#include "guest/linux/fs/descriptor.h"
#include "guest/linux/proc/files.h"
#include "guest/linux/user.h"

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/stat.h>

enum { PAGE = 4096, PAGES_MAX = 64 };

struct transfer {
	int32_t fd;
	uint32_t access;
	bool at_offset;
	bool one_buffer; /* arg[1] and arg[2], not vectors */
};

static bool describe(const struct syscall *s, struct transfer *t)
{
	*t = (struct transfer){.fd = (int32_t)s->arg[0]};
	switch (s->nr) {
	case __NR_read:
	case __NR_pread64:
	case __NR_readv:
	case __NR_preadv:
	case __NR_preadv2:
		t->access = O_RDONLY;
		break;
	case __NR_write:
	case __NR_pwrite64:
	case __NR_writev:
	case __NR_pwritev:
	case __NR_pwritev2:
		t->access = O_WRONLY;
		break;
	default:
		return false;
	}
	t->one_buffer = s->nr == __NR_read || s->nr == __NR_write || s->nr == __NR_pread64 ||
			s->nr == __NR_pwrite64;
	t->at_offset = s->nr == __NR_pread64 || s->nr == __NR_pwrite64 || s->nr == __NR_preadv ||
		       s->nr == __NR_pwritev ||
		       (s->nr == __NR_preadv2 && s->arg[3] != UINT64_MAX) ||
		       (s->nr == __NR_pwritev2 && s->arg[3] != UINT64_MAX);
	return true;
}

/*
 * How many bytes of a buffer there are before the first that is not, or cannot be written. By what
 * is mapped, never by a touch: of a file that was cut a page may be gone. No more than some pages
 * are looked at: a transfer may always be shorter.
 */
static uint64_t bytes_there(uint64_t at, uint64_t bytes, bool written)
{
	const int64_t needed = written ? MOTE_PROT_READ | MOTE_PROT_WRITE : MOTE_PROT_READ;
	uint64_t done = 0;
	for (unsigned pages = 0; done < bytes && pages < PAGES_MAX; pages++) {
		const int64_t has = mote_mem_access(mote_area(), (at + done) & -(uint64_t)PAGE);
		if (has < 0 || (has & needed) != needed)
			return done;
		done += PAGE - (at + done) % PAGE;
	}
	return min_u64(done, bytes);
}

/* How much of a regular file a read finds. */
static uint64_t bytes_left(const struct syscall *s, const struct transfer *t,
			   const struct mote_stat *st)
{
	const uint64_t from =
		t->at_offset ? s->arg[3] : (uint64_t)mote_lseek(mote_area(), t->fd, 0, SEEK_CUR);
	return from < st->size ? st->size - from : 0;
}

static bool would_wait(const struct transfer *t)
{
	const struct mote_time now = {0};
	struct mote_pollfd p = {.fd = t->fd, .events = t->access == O_RDONLY ? POLLIN : POLLOUT};
	const int64_t flags = mote_get_flags(mote_area(), t->fd);
	return flags >= 0 && (flags & O_NONBLOCK) &&
	       mote_poll(mote_area(), (uint64_t)&p, 1, &now) == 0;
}

/* Whether a descriptor of events or timers cannot be read or written, or wants more bytes. */
static bool refuses(const struct transfer *t, uint64_t bytes)
{
	const int64_t rc = t->access == O_RDONLY ? mote_readv(mote_area(), t->fd, NULL, 0)
						 : mote_writev(mote_area(), t->fd, NULL, 0);
	return rc == -EINVAL || (t->one_buffer && bytes < sizeof(uint64_t));
}

/* What precedes a fault in the first byte. */
static int64_t before_fault(const struct transfer *t, const struct mote_stat *st, uint64_t bytes)
{
	const bool waits = S_ISFIFO(st->mode) || S_ISSOCK(st->mode) || !(st->mode & S_IFMT);
	if (t->access == O_RDONLY && S_ISDIR(st->mode))
		return -EISDIR;
	if (!(st->mode & S_IFMT) && refuses(t, bytes))
		return -EINVAL;
	return waits && would_wait(t) ? -EAGAIN : -EFAULT;
}

static int64_t check(const struct transfer *t, struct mote_stat *st)
{
	const int64_t rc = descriptor_stat(t->fd, O_RDWR, st);
	if (rc < 0)
		return rc;
	if (t->at_offset && (S_ISFIFO(st->mode) || S_ISSOCK(st->mode) || !(st->mode & S_IFMT)))
		return -ESPIPE;
	return descriptor_check(t->fd, t->access);
}

static bool is_of_sockets(uint64_t nr)
{
	switch (nr) {
	case __NR_bind:
	case __NR_sendto:
	case __NR_recvfrom:
	case __NR_sendmsg:
	case __NR_recvmsg:
	case __NR_sendmmsg:
	case __NR_recvmmsg:
	case __NR_setsockopt:
	case __NR_getsockopt:
		return true;
	default:
		return false;
	}
}

/* Whether it is a socket is asked before its arguments are looked at. */
static int64_t socket_fault(int64_t rc, int32_t fd)
{
	struct mote_stat st;
	if (mote_fstat(mote_area(), fd, &st) < 0)
		return -EBADF;
	return S_ISSOCK(st.mode) ? rc : -ENOTSOCK;
}

int64_t transfer_fault(int64_t rc, const struct syscall *s, struct syscall *shorter)
{
	struct mote_stat st;
	struct transfer t;
	if (is_of_sockets(s->nr))
		return socket_fault(rc, (int32_t)s->arg[0]);
	if (!describe(s, &t) || proc_file(t.fd) || (t.at_offset && s->arg[3] > INT64_MAX))
		return rc;
	const int64_t checked = check(&t, &st);
	if (checked < 0)
		return checked;
	if (rc != -EFAULT || s->arg[1] > MOTE_VA_END)
		return rc;
	if (!t.one_buffer)
		return before_fault(&t, &st, 0);
	if (min_u64(s->arg[2], INT64_MAX) > MOTE_VA_END - s->arg[1])
		return rc;
	uint64_t wanted = s->arg[2];
	if (t.access == O_RDONLY && S_ISREG(st.mode))
		wanted = min_u64(wanted, bytes_left(s, &t, &st));
	if (wanted == 0)
		return 0;
	uint64_t there = bytes_there(s->arg[1], wanted, t.access == O_RDONLY);
	if (!S_ISREG(st.mode)) /* page by page into a pipe */
		there -= there % PAGE;
	if (there == 0)
		return before_fault(&t, &st, wanted);
	*shorter = *s;
	shorter->arg[2] = there;
	return 0;
}
