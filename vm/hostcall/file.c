/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls on open descriptors. */
#include "vm/hostcall/inotify.h"
#include "vm/hostcall/memfd.h"
#include "vm/hostcall/permit.h"
#include "vm/hostcall/resolve.h"
#include "vm/run/blocking.h"
#include "vm/run/signals.h"
#include "vm/snapshot/stop_point.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	READDIR_BYTES = 16384,
	/*
	 * Of a long transfer in one system call: the kernel makes those who write faster than their
	 * disk does wait, up to a fifth of a second for a few pages, and no signal ends that.
	 */
	PIECE_MIN = 64 << 10,
	PIECE_MAX = 1 << 20,
	PIECE_SLOW_NS = 4000000, /* a piece that took longer is followed by small ones */
	PIECE_QUICK_NS = 1000000,
	UNSUBMITTED_MAX = 16 << 20, /* bytes: some milliseconds of a close */
};

int64_t host_close(struct vcpu *vcpu, const struct call_close *a)
{
	struct vm *vm = vcpu->vm;
	return fdtable_close(&vm->fds, a->fd);
}

/* Whether the guest wants -EAGAIN rather than a wait: its own flag, or the open file's. */
static bool wants_no_wait(const struct fd_entry *e)
{
	if (e->flags & FD_FIXED_STATE)
		return e->flags & FD_NONBLOCK;
	int flags = fcntl(e->host, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK);
}

/* By transfers of nothing, which the kernel refuses as it would refuse those of something. */
static void ask_directions(struct fd_entry *e)
{
	e->flags |= FD_ASKED;
	if (readv(e->host, NULL, 0) < 0)
		e->flags |= FD_NO_READING;
	if (writev(e->host, NULL, 0) < 0)
		e->flags |= FD_NO_WRITING;
}

/*
 * Regular files never make a caller wait; anything else is waited for here, where a signal can
 * interrupt, unless the kernel refuses at once what poll never says can be done.
 */
static bool may_wait(struct fd_entry *e, bool in)
{
	struct stat st;
	if (e->flags & FD_PLAIN)
		return false;
	if (resolve_stat(e->host, &st) < 0)
		return false;
	bool plain = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
	if (plain)
		e->flags |= FD_PLAIN;
	if (!plain && !(e->flags & FD_ASKED))
		ask_directions(e);
	return !plain && !(e->flags & (in ? FD_NO_READING : FD_NO_WRITING));
}

/*
 * The first vectors, of at most `most` bytes: how many. The last one is shortened; *whole is what
 * its length was.
 */
static int first_vectors(struct iovec *v, int count, size_t most, size_t *whole)
{
	int n = 0;
	while (n < count - 1 && v[n].iov_len < most)
		most -= v[n++].iov_len;
	*whole = v[n].iov_len;
	if (v[n].iov_len > most)
		v[n].iov_len = most;
	return n + 1;
}

/* --- regular files --- */

/* readv and writev where offset is that of the open file (-1), else preadv and pwritev. */
static ssize_t transfer(int host, bool in, const struct iovec *v, int count, int64_t offset)
{
	if (offset < 0 && in)
		return readv(host, v, count);
	if (offset < 0)
		return writev(host, v, count);
	if (in)
		return preadv(host, v, count, offset);
	return pwritev(host, v, count, offset);
}

/* How much the next system call transfers, of whichever host call, after one that took `ns`. */
static void adapt_piece(struct vcpu *vcpu, int64_t ns)
{
	if (ns > PIECE_SLOW_NS)
		vcpu->piece_bytes = PIECE_MIN;
	else if (ns < PIECE_QUICK_NS && vcpu->piece_bytes < PIECE_MAX)
		vcpu->piece_bytes *= 2;
}

/* One piece of what is left: the number, and in *wanted how many it was to be; or -errno. */
static ssize_t transfer_piece(struct vcpu *vcpu, int host, bool in, struct iovec *v, int count,
			      int64_t offset, size_t *wanted)
{
	size_t whole = 0;
	int n = 0;
	if (count > 0)
		n = first_vectors(v, count, vcpu->piece_bytes, &whole);
	*wanted = 0;
	for (int i = 0; i < n; i++)
		*wanted += v[i].iov_len;
	bool timed = *wanted >= PIECE_MIN;
	int64_t since = 0;
	if (timed)
		since = vm_now_ns(CLOCK_MONOTONIC);
	ssize_t got = transfer(host, in, v, n, offset);
	if (got < 0)
		got = -errno;
	if (n > 0)
		v[n - 1].iov_len = whole;
	if (timed)
		adapt_piece(vcpu, vm_now_ns(CLOCK_MONOTONIC) - since);
	return got;
}

/*
 * ext4 writes a file back when it is closed if it was emptied before (auto_da_alloc), and nothing
 * ends a guest meanwhile, be it closing the file or its process that ends. So that little is left
 * then, the disk is given such a guest's data as they are written.
 */
static void submit_written(const struct vcpu *vcpu, struct fd_entry *e, size_t bytes)
{
	e->unsubmitted += (uint32_t)bytes;
	if (e->unsubmitted < UNSUBMITTED_MAX || vcpu->on_poller)
		return;
	e->unsubmitted = 0;
	(void)!sync_file_range(e->host, 0, 0, SYNC_FILE_RANGE_WRITE); /* if it can */
}

/*
 * No signal ends such a transfer in the kernel, however long it takes; so a long one is made in
 * pieces, between which the guest can be ended. (Signals that it handles have to wait for all of
 * it, as on Linux.)
 */
static int64_t transfer_plain(struct vcpu *vcpu, struct fd_entry *e, bool in,
			      const struct call_iov *iov, int64_t offset)
{
	struct iovec *v = iov->v;
	int count = iov->count;
	int64_t done = 0;
	if (vcpu->piece_bytes == 0)
		vcpu->piece_bytes = PIECE_MAX;
	/* The vCPU's thread would have to wait for it. */
	if (vcpu->on_poller &&
	    (iov->bytes > vcpu->piece_bytes || e->unsubmitted >= UNSUBMITTED_MAX))
		return call_defer(vcpu);
	for (;;) {
		size_t wanted;
		int64_t at = offset;
		if (offset >= 0)
			at += done;
		ssize_t got = transfer_piece(vcpu, e->host, in, v, count, at, &wanted);
		if (got == -EINTR && !vcpu_ending(vcpu))
			continue;
		if (got < 0)
			return done_or(done, got);
		done += got;
		if (!in && vcpu->vm->has_emptied)
			submit_written(vcpu, e, (size_t)got);
		vm_skip_bytes(&v, &count, (size_t)got);
		if (count == 0 || (size_t)got < wanted || vcpu_ending(vcpu))
			return done;
	}
}

/* --- what may wait --- */

/*
 * One transfer after the descriptor was ready, or said so: another process may have been quicker,
 * and terminals wait for more than there is, or for more space than there is. `once`: the guest
 * wants no wait.
 */
static long transfer_ready(struct vcpu *vcpu, const struct fd_entry *e, bool in,
			   const struct iovec *v, int count, bool once)
{
	long nr = in ? SYS_readv : SYS_writev;
	if (once && e->flags & FD_FIXED_STATE)
		return blocking_transfer_briefly(vcpu, nr, e->host, v, count);
	if (!once && !vcpu->on_poller)
		return blocking_call(nr, e->host, (long)v, count, 0);
	return sys_result(transfer(e->host, in, v, count, -1));
}

static int until_ready(struct vcpu *vcpu, const struct fd_entry *e, short events, bool once)
{
	struct pollfd p = {.fd = e->host, .events = events};
	if (once && poll(&p, 1, 0) == 0)
		return -EAGAIN;
	if (once)
		return 0;
	return vcpu_wait_fd(vcpu, e->host, events);
}

static int64_t read_waiting(struct vcpu *vcpu, const struct fd_entry *e, const struct call_iov *iov)
{
	bool once = wants_no_wait(e);
	for (;;) {
		int rc = until_ready(vcpu, e, POLLIN, once);
		if (rc < 0)
			return rc;
		long n = transfer_ready(vcpu, e, true, iov->v, iov->count, once);
		if (n != -EINTR && (n != -EAGAIN || once))
			return n;
		if (vcpu->on_poller)
			return call_defer(vcpu);
	}
}

static int64_t write_waiting(struct vcpu *vcpu, const struct fd_entry *e, struct iovec *v,
			     int count)
{
	int64_t done = 0;
	bool once = wants_no_wait(e);
	while (count > 0) {
		int rc = until_ready(vcpu, e, POLLOUT, once);
		if (rc < 0)
			return done_or(done, rc);
		/* A pipe that polls writable takes PIPE_BUF bytes without a wait, not more. */
		size_t whole;
		int pieces = first_vectors(v, count, once ? PIPE_BUF : PIECE_MAX, &whole);
		long n = transfer_ready(vcpu, e, false, v, pieces, once);
		v[pieces - 1].iov_len = whole;
		if (n == -EINTR || (n == -EAGAIN && !once))
			continue;
		if (n < 0)
			return done_or(done, n);
		done += n;
		vm_skip_bytes(&v, &count, (size_t)n);
	}
	return done;
}

int64_t host_readv(struct vcpu *vcpu, const struct call_readv *a)
{
	struct vm *vm = vcpu->vm;
	struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	if (stop_before_reading(vm, e))
		return call_stop(vcpu);
	if (e->flags & FD_SOCKET && a->iov.bytes > 0) {
		const struct call_recv message = {.fd = a->fd, .iov = a->iov};
		return host_recv(vcpu, &message);
	}
	if (e->flags & FD_INOTIFY)
		return inotify_read(vcpu, e, &a->iov);
	if (!may_wait(e, true) || a->iov.bytes == 0)
		return transfer_plain(vcpu, e, true, &a->iov, -1);
	if (vcpu->on_poller && e->flags & FD_SHARED)
		return call_defer(vcpu);
	return read_waiting(vcpu, e, &a->iov);
}

int64_t host_writev(struct vcpu *vcpu, const struct call_writev *a)
{
	struct vm *vm = vcpu->vm;
	struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	if (e->flags & FD_SOCKET) { /* whole: a datagram is one message */
		const struct call_send message = {.fd = a->fd, .iov = a->iov};
		if (vcpu->on_poller)
			return call_defer(vcpu);
		return host_send(vcpu, &message);
	}
	if (e->flags & FD_MEMORY) {
		int rc = memfd_admit_write(vm, e, MEMFD_CURRENT, a->iov.bytes);
		if (rc < 0)
			return rc;
	}
	if (!may_wait(e, false) || a->iov.bytes == 0)
		return transfer_plain(vcpu, e, false, &a->iov, -1);
	if (vcpu->on_poller)
		return call_defer(vcpu);
	return write_waiting(vcpu, e, a->iov.v, a->iov.count);
}

/* Devices have offsets too, and no end. */
static int64_t transfer_at(struct vcpu *vcpu, int32_t fd, bool in, const struct call_iov *iov,
			   uint64_t offset)
{
	struct vm *vm = vcpu->vm;
	struct fd_entry *e = fdtable_get(&vm->fds, fd);
	if (!e)
		return -EBADF;
	if (offset > INT64_MAX)
		return -EINVAL;
	if (!in && (e->flags & FD_MEMORY)) {
		int rc = memfd_admit_write(vm, e, (int64_t)offset, iov->bytes);
		if (rc < 0)
			return rc;
	}
	if (!may_wait(e, in))
		return transfer_plain(vcpu, e, in, iov, (int64_t)offset);
	if (vcpu->on_poller)
		return call_defer(vcpu);
	while (!vcpu_interrupted(vcpu)) {
		long n = blocking_call(in ? SYS_preadv : SYS_pwritev, e->host, (long)iov->v,
				       iov->count, (long)offset);
		if (n != -EINTR)
			return n;
	}
	return -EINTR;
}

int64_t host_preadv(struct vcpu *vcpu, const struct call_preadv *a)
{
	return transfer_at(vcpu, a->fd, true, &a->iov, a->offset);
}

int64_t host_pwritev(struct vcpu *vcpu, const struct call_pwritev *a)
{
	return transfer_at(vcpu, a->fd, false, &a->iov, a->offset);
}

int64_t host_lseek(struct vcpu *vcpu, const struct call_lseek *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	off_t at = lseek(e->host, a->offset, (int)a->whence);
	return sys_result(at);
}

/* The kernel's entry, as getdents64 writes it. */
struct linux_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

int64_t vm_put_entries(struct vm *vm, const uint8_t *host, long got, const struct call_out *to)
{
	_Alignas(8) uint8_t out[sizeof(struct mote_dirent) + 264];
	uint64_t used = 0;
	for (long at = 0; at < got;) {
		const struct linux_dirent *d = (const void *)(host + at);
		size_t name = strlen(d->name) + 1;
		at += d->reclen;
		if (name > NAME_MAX + 1)
			continue;
		uint64_t reclen = (offsetof(struct mote_dirent, name) + name + 7) & ~7UL;
		if (reclen > to->len - used)
			return done_or((int64_t)used, -EINVAL);
		struct mote_dirent *m = (void *)out;
		memset(out, 0, sizeof(out));
		m->ino = d->ino;
		m->cookie = d->off;
		m->reclen = (uint16_t)reclen;
		m->type = d->type;
		memcpy(m->name, d->name, name);
		vm_put(vm, gva(to->at.v + used), m, reclen);
		used += reclen;
	}
	return (int64_t)used;
}

int64_t host_readdir(struct vcpu *vcpu, const struct call_readdir *a)
{
	struct vm *vm = vcpu->vm;
	struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	_Alignas(8) uint8_t host[READDIR_BYTES];
	if (!e)
		return -EBADF;
	if (!(e->flags & FD_DIR))
		return -ENOTDIR;
	if (e->flags & FD_DEVICES) /* what else the host has there is no guest's business */
		return -EACCES;
	if (lseek(e->host, a->cookie, SEEK_SET) < 0)
		return -errno;
	size_t size = smaller(a->entries.len, sizeof(host));
	if (size < 512)
		size = 512;
	for (;;) {
		long got = syscall(SYS_getdents64, e->host, host, size);
		if (got <= 0)
			return sys_result(got);
		int64_t used = vm_put_entries(vm, host, got, &a->entries);
		if (used != 0)
			return used;
	}
}

int64_t host_get_flags(struct vcpu *vcpu, const struct call_get_flags *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	int flags = fcntl(e->host, F_GETFL);
	if (flags < 0)
		return -errno;
	if (e->flags & (FD_FIXED_STATE | FD_PLAIN)) {
		flags &= ~O_NONBLOCK;
		if (e->flags & FD_NONBLOCK)
			flags |= O_NONBLOCK;
	}
	return flags;
}

int64_t host_set_flags(struct vcpu *vcpu, const struct call_set_flags *a)
{
	struct vm *vm = vcpu->vm;
	struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	int changed = O_APPEND | O_NONBLOCK;
	if (e->flags & (FD_FIXED_STATE | FD_PLAIN)) {
		vm->fds.changes++;
		e->flags &= (uint16_t)~FD_NONBLOCK;
		if (a->flags & O_NONBLOCK)
			e->flags |= FD_NONBLOCK;
		changed = O_APPEND;
	}
	if (e->flags & FD_FIXED_STATE)
		return 0;
	int flags = fcntl(e->host, F_GETFL);
	if (flags < 0)
		return -errno;
	flags = (flags & ~changed) | ((int)a->flags & changed);
	return sys_status(fcntl(e->host, F_SETFL, flags));
}

int64_t host_dup(struct vcpu *vcpu, const struct call_dup *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	const struct fd_entry of = *e;
	int host = fcntl(of.host, F_DUPFD_CLOEXEC, 3);
	if (host < 0)
		return -errno;
	int at = fdtable_add(&vm->fds, host, of.flags, a->at_least);
	if (at >= 0)
		fdtable_note_copy(&vm->fds, (uint32_t)at, &of);
	return at;
}

int64_t host_dup_to(struct vcpu *vcpu, const struct call_dup_to *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e || a->to < 0)
		return -EBADF;
	if (a->to == a->fd)
		return a->to;
	const struct fd_entry of = *e;
	int host = fcntl(of.host, F_DUPFD_CLOEXEC, 3);
	if (host < 0)
		return -errno;
	int rc = fdtable_put(&vm->fds, host, of.flags, (uint32_t)a->to);
	if (rc == -EMFILE)
		return -EBADF;
	if (rc < 0)
		return rc;
	fdtable_note_copy(&vm->fds, (uint32_t)a->to, &of);
	return a->to;
}

int64_t host_pipe(struct vcpu *vcpu, const struct call_pipe *a)
{
	struct vm *vm = vcpu->vm;
	int host[2];
	if (a->fds.len < 2 * sizeof(int32_t) || (a->flags & ~(uint32_t)O_NONBLOCK))
		return -EINVAL;
	if (pipe2(host, (int)a->flags | O_CLOEXEC) < 0)
		return -errno;
	return vm_add_pair(vm, host, 0, &a->fds);
}

/*
 * Never waiting in the kernel: it is waited here, for what there is to be copied and for space, as
 * far as poll tells.
 */
int64_t host_tee(struct vcpu *vcpu, const struct call_tee *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *in = fdtable_get(&vm->fds, a->in),
			      *out = fdtable_get(&vm->fds, a->out);
	if (!in || !out)
		return -EBADF;
	if (a->flags & ~(uint32_t)SPLICE_F_NONBLOCK)
		return -EINVAL;
	const bool once = (a->flags & SPLICE_F_NONBLOCK) || wants_no_wait(in) || wants_no_wait(out);
	for (;;) {
		ssize_t n =
			tee(in->host, out->host, smaller(a->bytes, PIECE_MAX), SPLICE_F_NONBLOCK);
		if (n >= 0 || errno != EAGAIN || once)
			return sys_result(n);
		int rc = vcpu_wait_fd(vcpu, in->host, POLLIN);
		if (rc == 0)
			rc = vcpu_wait_fd(vcpu, out->host, POLLOUT);
		if (rc < 0)
			return rc;
	}
}

int64_t host_flock(struct vcpu *vcpu, const struct call_flock *a)
{
	struct fdtable *fds = &vcpu->vm->fds;
	int host = fdtable_host(fds, a->fd);
	uint32_t kind = a->operation & ~(uint32_t)LOCK_NB;
	if (host < 0)
		return host;
	if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
		return -EINVAL;
	fdtable_note_lock(fds, fdtable_get(fds, a->fd), FD_LOCK_WHOLE);
	for (;;) {
		if (flock(host, (int)a->operation | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK || (a->operation & LOCK_NB))
			return -errno;
		int rc = vcpu_wait(vcpu, 5000000); /* no descriptor to wait on: look again */
		if (rc < 0)
			return rc;
	}
}
