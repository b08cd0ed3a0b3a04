/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls on open descriptors. */
#include "vm/permit.h"
#include "vm/stop.h"

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

enum { READDIR_BYTES = 16384 };

int64_t host_close(struct vm *vm, const struct call_close *a)
{
	return fdtable_close(&vm->fds, a->fd);
}

/* Whether the guest wants -EAGAIN rather than a wait: its own flag, or the open file's. */
static bool nonblocking(const struct fd_entry *e)
{
	if (e->flags & FD_STDIO)
		return e->flags & FD_NONBLOCK;
	int flags = fcntl(e->host, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK);
}

/* Regular files never make a caller wait; anything else is waited for here, where a signal can interrupt. */
static bool may_wait(struct fd_entry *e)
{
	struct stat st;
	if (e->flags & FD_PLAIN)
		return false;
	if (fstat(e->host, &st) < 0)
		return false;
	bool plain = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
	e->flags |= plain ? FD_PLAIN : 0;
	return !plain;
}

int64_t host_readv(struct vm *vm, const struct call_readv *a)
{
	struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	if (stop_before_reading(vm, e))
		return VM_STOPPED_HERE;
	if (e->flags & FD_SOCKET && a->iov.bytes > 0) {
		const struct call_recv message = {.fd = a->fd, .iov = a->iov};
		return host_recv(vm, &message);
	}
	bool waits = may_wait(e);
	if (waits && nonblocking(e)) {
		struct pollfd p = {.fd = e->host, .events = POLLIN};
		if (poll(&p, 1, 0) == 0)
			return -EAGAIN;
	}
	for (;;) {
		if (waits) {
			int rc = vm_wait_fd(vm, e->host, POLLIN);
			if (rc < 0)
				return rc;
		}
		ssize_t n = readv(e->host, a->iov.v, a->iov.count);
		if (n >= 0 || (errno != EINTR && (errno != EAGAIN || !waits)))
			return n < 0 ? -errno : n;
	}
}

/* A blocking pipe that polls writable takes PIPE_BUF bytes without a wait, not more. */
static int first_bytes(const struct iovec *v, int count, size_t most, struct iovec *out)
{
	int n = 0;
	for (int i = 0; i < count && most > 0 && n < 16; i++) {
		out[n] = v[i];
		if (out[n].iov_len > most)
			out[n].iov_len = most;
		most -= out[n].iov_len;
		n++;
	}
	return n;
}

void vm_skip_bytes(struct iovec **v, int *count, size_t n)
{
	while (*count > 0 && n >= (*v)->iov_len) {
		n -= (*v)->iov_len;
		(*v)++;
		(*count)--;
	}
	if (*count > 0) {
		(*v)->iov_base = (char *)(*v)->iov_base + n;
		(*v)->iov_len -= n;
	}
}

static int64_t write_waiting(struct vm *vm, const struct fd_entry *e, struct iovec *v, int count)
{
	int64_t done = 0;
	bool once = nonblocking(e);
	while (count > 0) {
		struct pollfd p = {.fd = e->host, .events = POLLOUT};
		int rc = once ? (poll(&p, 1, 0) == 0 ? -EAGAIN : 0) : vm_wait_fd(vm, e->host, POLLOUT);
		if (rc < 0)
			return done ? done : rc;
		struct iovec piece[16];
		int pieces = first_bytes(v, count, PIPE_BUF, piece);
		ssize_t n = writev(e->host, piece, pieces);
		if (n < 0 && (errno == EINTR || (errno == EAGAIN && !once)))
			continue;
		if (n < 0)
			return done ? done : -errno;
		done += n;
		vm_skip_bytes(&v, &count, (size_t)n);
	}
	return done;
}

int64_t host_writev(struct vm *vm, const struct call_writev *a)
{
	struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	if (e->flags & FD_SOCKET) { /* whole: a datagram is one message */
		const struct call_send message = {.fd = a->fd, .iov = a->iov};
		return vm->on_poller ? VM_DEFER : host_send(vm, &message);
	}
	if (may_wait(e) && a->iov.bytes > 0)
		return vm->on_poller ? VM_DEFER : write_waiting(vm, e, a->iov.v, a->iov.count);
	ssize_t n;
	do
		n = writev(e->host, a->iov.v, a->iov.count);
	while (n < 0 && errno == EINTR && !vm_interrupted(vm));
	return n < 0 ? -errno : n;
}

int64_t host_preadv(struct vm *vm, const struct call_preadv *a)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	if (a->offset > INT64_MAX)
		return -EINVAL;
	ssize_t n = preadv(e->host, a->iov.v, a->iov.count, (off_t)a->offset);
	return n < 0 ? -errno : n;
}

int64_t host_pwritev(struct vm *vm, const struct call_pwritev *a)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	if (a->offset > INT64_MAX)
		return -EINVAL;
	ssize_t n = pwritev(e->host, a->iov.v, a->iov.count, (off_t)a->offset);
	return n < 0 ? -errno : n;
}

int64_t host_lseek(struct vm *vm, const struct call_lseek *a)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	off_t at = lseek(e->host, a->offset, (int)a->whence);
	return at < 0 ? -errno : at;
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
			return used ? (int64_t)used : -EINVAL;
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

int64_t host_readdir(struct vm *vm, const struct call_readdir *a)
{
	struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	_Alignas(8) uint8_t host[READDIR_BYTES];
	if (!e)
		return -EBADF;
	if (!(e->flags & FD_DIR))
		return -ENOTDIR;
	if (lseek(e->host, a->cookie, SEEK_SET) < 0)
		return -errno;
	size_t room = a->entries.len < 512 ? 512 : a->entries.len;
	for (;;) {
		long got = syscall(SYS_getdents64, e->host, host, room < sizeof(host) ? room : sizeof(host));
		int64_t used = got > 0 ? vm_put_entries(vm, host, got, &a->entries) : 0;
		if (got <= 0 || used != 0)
			return got < 0 ? -errno : used;
	}
}

/* The host's descriptor, or -EBADF. */
static int host_of(struct vm *vm, int32_t fd)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, fd);
	return e ? e->host : -EBADF;
}

/* The same for a change of size or allocation. */
static int resizable(struct vm *vm, int32_t fd)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, fd);
	if (!e)
		return -EBADF;
	int rc = permit_resize(e);
	return rc < 0 ? rc : e->host;
}

int64_t host_ftruncate(struct vm *vm, const struct call_ftruncate *a)
{
	int host = resizable(vm, a->fd);
	if (host < 0 || a->size > INT64_MAX)
		return host < 0 ? host : -EINVAL;
	return ftruncate(host, (off_t)a->size) < 0 ? -errno : 0;
}

int64_t host_fallocate(struct vm *vm, const struct call_fallocate *a)
{
	int host = resizable(vm, a->fd);
	if (host < 0 || a->size > INT64_MAX || a->offset > INT64_MAX)
		return host < 0 ? host : -EINVAL;
	return fallocate(host, (int)a->mode, (off_t)a->offset, (off_t)a->size) < 0 ? -errno : 0;
}

int64_t host_fsync(struct vm *vm, const struct call_fsync *a)
{
	int host = host_of(vm, a->fd);
	if (host < 0)
		return host;
	return (a->data_only ? fdatasync(host) : fsync(host)) < 0 ? -errno : 0;
}

/* What was handed in is cached for others too: there the advice is not taken. */
int64_t host_fadvise(struct vm *vm, const struct call_fadvise *a)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	if (a->size > INT64_MAX || a->offset > INT64_MAX)
		return -EINVAL;
	if (e->flags & FD_STDIO)
		return 0;
	return -posix_fadvise(e->host, (off_t)a->offset, (off_t)a->size, (int)a->advice);
}

int64_t host_get_flags(struct vm *vm, const struct call_get_flags *a)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	int flags = fcntl(e->host, F_GETFL);
	if (flags < 0)
		return -errno;
	if (e->flags & FD_STDIO)
		flags = (flags & ~O_NONBLOCK) | (e->flags & FD_NONBLOCK ? O_NONBLOCK : 0);
	return flags;
}

int64_t host_set_flags(struct vm *vm, const struct call_set_flags *a)
{
	struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	if (e->flags & FD_STDIO) {
		vm->fds.changes++;
		e->flags = (uint16_t)((e->flags & ~FD_NONBLOCK) | (a->flags & O_NONBLOCK ? FD_NONBLOCK : 0));
		return 0;
	}
	int flags = fcntl(e->host, F_GETFL);
	if (flags < 0)
		return -errno;
	flags = (flags & ~(O_APPEND | O_NONBLOCK)) | ((int)a->flags & (O_APPEND | O_NONBLOCK));
	return fcntl(e->host, F_SETFL, flags) < 0 ? -errno : 0;
}

int64_t host_dup(struct vm *vm, const struct call_dup *a)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e)
		return -EBADF;
	unsigned flags = e->flags;
	uint16_t origin = e->origin;
	int host = fcntl(e->host, F_DUPFD_CLOEXEC, 3);
	int at = host < 0 ? -errno : fdtable_add(&vm->fds, host, flags, a->at_least);
	if (at >= 0)
		fdtable_note_copy(&vm->fds, (uint32_t)at, origin);
	return at;
}

int64_t host_dup_to(struct vm *vm, const struct call_dup_to *a)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (!e || a->to < 0)
		return -EBADF;
	if (a->to == a->fd)
		return a->to;
	unsigned flags = e->flags;
	uint16_t origin = e->origin;
	int host = fcntl(e->host, F_DUPFD_CLOEXEC, 3);
	if (host < 0)
		return -errno;
	int rc = fdtable_put(&vm->fds, host, flags, (uint32_t)a->to);
	if (rc == 0)
		fdtable_note_copy(&vm->fds, (uint32_t)a->to, origin);
	return rc < 0 ? (rc == -EMFILE ? -EBADF : rc) : a->to;
}

int64_t vm_add_pair(struct vm *vm, const int host[2], unsigned flags, const struct call_out *to)
{
	int32_t guest[2];
	guest[0] = fdtable_add(&vm->fds, host[0], flags, 0);
	if (guest[0] < 0) {
		close(host[1]);
		return guest[0];
	}
	guest[1] = fdtable_add(&vm->fds, host[1], flags, 0);
	if (guest[1] < 0)
		return fdtable_close(&vm->fds, guest[0]) < 0 ? -EIO : guest[1];
	vm_put(vm, to->at, guest, sizeof(guest));
	return 0;
}

int64_t host_pipe(struct vm *vm, const struct call_pipe *a)
{
	int host[2];
	if (a->fds.len < 2 * sizeof(int32_t) || (a->flags & ~(uint32_t)O_NONBLOCK))
		return -EINVAL;
	if (pipe2(host, (int)a->flags | O_CLOEXEC) < 0)
		return -errno;
	return vm_add_pair(vm, host, 0, &a->fds);
}

int64_t host_flock(struct vm *vm, const struct call_flock *a)
{
	int host = host_of(vm, a->fd);
	if (host < 0)
		return host;
	for (;;) {
		if (flock(host, (int)a->operation | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK || (a->operation & LOCK_NB))
			return -errno;
		int rc = vm_wait(vm, 5000000); /* no descriptor to wait on: look again */
		if (rc < 0)
			return rc;
	}
}
