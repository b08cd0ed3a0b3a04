/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls on sockets: stream and datagram over IPv4 and IPv6, AF_UNIX, and socket pairs. New
 * sockets of the former need the network permission, those of AF_UNIX directories (unix_address.h
 * says what they can name); listeners that the guest was given need neither. A listener that was
 * given is the operator's and may be shared: the guest accepts from it and changes nothing of it.
 */
#include "vm/hostcall/permit.h"
#include "vm/hostcall/resolve.h"
#include "vm/hostcall/unix_address.h"
#include "vm/internal.h"
#include "vm/memory/guest_copy.h"
#include "vm/run/blocking.h"
#include "vm/run/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int socket_of(const struct vcpu *vcpu, int32_t fd)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, fd);
	if (!e)
		return -EBADF;
	if (e->flags & FD_SOCKET)
		return e->host;
	return -ENOTSOCK;
}

/* The same for a change of the socket itself. */
static int own_socket(const struct vcpu *vcpu, int32_t fd)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, fd);
	if (e && e->flags & FD_LISTENER)
		return -EPERM;
	return socket_of(vcpu, fd);
}

static bool is_nonblocking(int host)
{
	int flags = fcntl(host, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK);
}

/*
 * Until `on` is ready, for as long as the socket's own time limit allows: SO_RCVTIMEO or
 * SO_SNDTIMEO; -EAGAIN at its end.
 */
static int wait_on(struct vcpu *vcpu, int host, int on, short events)
{
	struct timeval limit = {0};
	socklen_t len = sizeof(limit);
	int64_t ns;
	int option = SO_SNDTIMEO;
	if (events & POLLIN)
		option = SO_RCVTIMEO;
	if (vcpu->on_poller || getsockopt(host, SOL_SOCKET, option, &limit, &len) < 0 ||
	    (limit.tv_sec == 0 && limit.tv_usec == 0))
		return vcpu_wait_fd(vcpu, on, events);
	const struct mote_time time = {.sec = limit.tv_sec, .nsec = limit.tv_usec * 1000};
	int rc = vm_ns_of(&time, &ns);
	if (rc == 0)
		rc = vcpu_wait_fd_until(vcpu, on, events, vm_now_ns(CLOCK_MONOTONIC) + ns);
	if (rc == 0)
		return -EAGAIN;
	if (rc < 0)
		return rc;
	return 0;
}

static int wait_within(struct vcpu *vcpu, int host, short events)
{
	return wait_on(vcpu, host, host, events);
}

static unsigned socket_flags(uint32_t kind)
{
	if (kind == SOCK_DGRAM)
		return FD_SOCKET | FD_DATAGRAMS;
	return FD_SOCKET;
}

static int64_t make_unix_socket(struct vm *vm, uint32_t kind, uint32_t flags, uint32_t protocol)
{
	if (!vm->paths)
		return -EAFNOSUPPORT;
	if (protocol != 0 && protocol != PF_UNIX)
		return -EPROTONOSUPPORT;
	if (kind == SOCK_RAW)
		kind = SOCK_DGRAM; /* as Linux has it */
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	int fd = socket(AF_UNIX, (int)(kind | flags | SOCK_CLOEXEC), 0);
	return fdtable_add_new(&vm->fds, fd, socket_flags(kind));
}

int64_t host_socket(struct vcpu *vcpu, const struct call_socket *a)
{
	struct vm *vm = vcpu->vm;
	uint32_t kind = a->type & ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (kind > SOCK_PACKET)
		return -EINVAL;
	if (a->domain == AF_UNIX)
		return make_unix_socket(vm, kind, a->type & SOCK_NONBLOCK, a->protocol);
	if (!vm->network)
		return -EPERM;
	if (a->domain != AF_INET && a->domain != AF_INET6)
		return -EAFNOSUPPORT;
	if (kind == SOCK_RAW) /* no guest has CAP_NET_RAW */
		return -EPERM;
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM)
		return -EPROTONOSUPPORT;
	if (a->protocol != 0 && a->protocol != (kind == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP))
		return -EPROTONOSUPPORT;
	int fd = socket((int)a->domain, (int)(a->type | SOCK_CLOEXEC), (int)a->protocol);
	return fdtable_add_new(&vm->fds, fd, socket_flags(kind));
}

int64_t host_socketpair(struct vcpu *vcpu, const struct call_socketpair *a)
{
	struct vm *vm = vcpu->vm;
	uint32_t kind = a->type & ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);
	int host[2];
	if (a->domain != AF_UNIX)
		return -EOPNOTSUPP;
	if (a->fds.len < 2 * sizeof(int32_t))
		return -EINVAL;
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	/*
	 * Datagram sockets of a pair could be connected again, to any AF_UNIX socket that the
	 * filter lets the thread name, and so are in none. SOCK_SEQPACKET keeps messages apart as
	 * well, and its sockets stay connected to each other.
	 */
	int type = (int)kind;
	if (kind == SOCK_DGRAM)
		type = SOCK_SEQPACKET;
	type |= SOCK_CLOEXEC | (int)(a->type & SOCK_NONBLOCK);
	if (socketpair(AF_UNIX, type, 0, host) < 0)
		return -errno;
	return vm_add_pair(vm, host, socket_flags(kind), &a->fds);
}

static uint16_t family_of(const struct mote_sockaddr *addr)
{
	uint16_t family = AF_UNSPEC;
	if (addr && addr->len >= sizeof(family))
		memcpy(&family, addr->data, sizeof(family));
	return family;
}

/* An address that the guest wants to use: as system calls take it, valid as long as both are. */
static int outside_address(struct vm *vm, const struct mote_sockaddr *addr,
			   struct socket_address *out)
{
	if (!addr || addr->len < sizeof(uint16_t) || addr->len > sizeof(addr->data))
		return -EINVAL;
	uint16_t family = family_of(addr);
	if (family == AF_UNIX && !vm->paths)
		return -EAFNOSUPPORT;
	if (family == AF_UNIX && unix_is_abstract(addr))
		return unix_abstract(vm, addr, out);
	if (family == AF_UNIX)
		return -EINVAL; /* a file: there is a call with its directory */
	if (family == AF_UNSPEC && !vm->network && vm->paths) {
		unix_unspecified(out);
		return 0;
	}
	if (!vm->network)
		return -EPERM;
	if (family != AF_INET && family != AF_INET6 && family != AF_UNSPEC)
		return -EAFNOSUPPORT;
	out->addr = (const struct sockaddr *)(const void *)addr->data;
	out->len = addr->len;
	return 0;
}

/*
 * A port below 1024, where the thread's capabilities are of another user namespace than its
 * network's. The credentials are those that this thread was given.
 */
static int bind_outside(const struct vm_credentials *c, int host, const struct socket_address *to)
{
	int rc = sys_status(bind(host, to->addr, to->len));
	bool may = c->own && c->now.effective >> CAP_NET_BIND_SERVICE & 1;
	if (rc == -EACCES && may && c->on_bind_refused)
		rc = c->on_bind_refused(c->arg, host, to->addr, to->len);
	return rc;
}

int64_t host_bind(struct vcpu *vcpu, const struct call_bind *a)
{
	struct vm *vm = vcpu->vm;
	struct socket_address to;
	int host = own_socket(vcpu, a->fd);
	if (host < 0)
		return host;
	if (unix_is_abstract(a->addr) && family_of(a->addr) == AF_UNIX && vm->paths)
		return unix_bind_abstract(vm, host, a->addr);
	int rc = outside_address(vm, a->addr, &to);
	if (rc < 0)
		return rc;
	return bind_outside(&vm->credentials, host, &to);
}

int64_t host_bind_file(struct vcpu *vcpu, const struct call_bind_file *a)
{
	const struct fd_entry *entry;
	int host = own_socket(vcpu, a->fd);
	if (host < 0)
		return host;
	if (family_of(a->addr) != AF_UNIX || a->addr->len < sizeof(uint16_t) + 2 ||
	    a->addr->len > sizeof(struct sockaddr_un))
		return -EINVAL;
	int dir = permit_dir_change(vcpu->vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	/* The file that bind makes has the socket's mode. */
	struct stat st;
	int rc = resolve_stat(host, &st);
	if (rc == 0)
		rc = sys_status(fchmod(host, st.st_mode & a->mode & 0777));
	if (rc < 0)
		return rc;
	return unix_bind_file(vcpu, host, dir, a->path, a->resolve, a->addr);
}

int64_t host_listen(struct vcpu *vcpu, const struct call_listen *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	if (e && e->flags & FD_LISTENER)
		return 0; /* it does already; the length of its queue is the operator's choice */
	int host = socket_of(vcpu, a->fd);
	if (host < 0)
		return host;
	if (!vm->network && !vm->paths)
		return -EPERM;
	return sys_status(listen(host, (int)smaller(a->backlog, 4096)));
}

static void put_address(struct vm *vm, gva_t to, const struct sockaddr_storage *from, socklen_t len)
{
	struct mote_sockaddr out = {.len = (uint32_t)smaller(len, sizeof(out.data))};
	memcpy(out.data, from, out.len);
	if (!to.v)
		return;
	if (from->ss_family == AF_UNIX)
		unix_report(vm, &out);
	vm_put(vm, to, &out, sizeof(out));
}

int64_t host_accept(struct vcpu *vcpu, const struct call_accept *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	int host = socket_of(vcpu, a->fd);
	if (host < 0)
		return host;
	if (a->flags & ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	if (e->flags & FD_DATAGRAMS)
		return -EOPNOTSUPP; /* nothing is ever there that could be waited for */
	/* An inherited listener may be shared: others may take what was seen there (vm.c). */
	bool waits = !is_nonblocking(host);
	if (e->flags & FD_FIXED_STATE)
		waits = !(e->flags & FD_NONBLOCK);
	for (;;) {
		int rc = 0;
		if (waits)
			rc = wait_within(vcpu, host, POLLIN);
		if (rc < 0)
			return rc;
		struct sockaddr_storage peer = {0};
		socklen_t len = sizeof(peer);
		/* What was seen there may be gone by now. */
		int fd = (int)blocking_call(SYS_accept4, host, (long)&peer, (long)&len,
					    (int)a->flags | SOCK_CLOEXEC);
		if (fd == -EINTR && vcpu_interrupted(vcpu))
			return fd;
		if (fd == -EINTR || fd == -ECONNABORTED || (fd == -EAGAIN && waits))
			continue;
		if (fd < 0)
			return fd;
		put_address(vm, a->peer, &peer, len);
		return fdtable_add(&vm->fds, fd, FD_SOCKET, 0);
	}
}

/* What has become of a connection that was under way: 0 or -errno. */
static int connect_result(int host)
{
	int error = 0;
	socklen_t len = sizeof(error);
	if (getsockopt(host, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

/*
 * A datagram socket of AF_UNIX tells whether its own buffer has space; whether that has to which it
 * sends by an address, only one tells that is connected to it. What connecting fails by, sending
 * again does as well, but for a lack of descriptors or memory.
 */
static int wait_for_space(struct vcpu *vcpu, int host, const struct socket_address *to)
{
	struct pollfd own = {.fd = host, .events = POLLOUT};
	if (poll(&own, 1, 0) == 0)
		return wait_within(vcpu, host, POLLOUT);
	cleanup_close int other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (other < 0 || connect(other, to->addr, to->len) < 0)
		return vcpu_wait(vcpu, 1000000);
	return wait_on(vcpu, host, other, POLLOUT);
}

/*
 * No descriptor tells when a listener's queue has space again: the kernel waits for it, until a
 * kick. What was interrupted has not connected.
 */
static int connect_by_name(struct vcpu *vcpu, int host, const struct socket_address *to)
{
	int rc;
	do
		rc = (int)blocking_call(SYS_connect, host, (long)to->addr, (long)to->len, 0);
	while (rc == -EINTR && !vcpu_interrupted(vcpu));
	return rc;
}

/* A blocking connect is made without blocking and waited for here. */
static int connect_to(struct vcpu *vcpu, int host, const struct socket_address *to)
{
	int flags = fcntl(host, F_GETFL);
	if (flags < 0)
		return -errno;
	if (to->addr->sa_family == AF_UNIX)
		return connect_by_name(vcpu, host, to);
	if (fcntl(host, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	int rc = sys_status(connect(host, to->addr, to->len));
	if (rc == -EINPROGRESS && !(flags & O_NONBLOCK)) {
		rc = wait_within(vcpu, host, POLLOUT);
		if (rc == -EAGAIN)
			rc = -EINPROGRESS;
		else if (rc == 0)
			rc = connect_result(host);
	}
	if (!(flags & O_NONBLOCK) && fcntl(host, F_SETFL, flags) < 0)
		return -errno;
	return rc;
}

int64_t host_connect(struct vcpu *vcpu, const struct call_connect *a)
{
	struct socket_address to;
	int host = own_socket(vcpu, a->fd);
	if (host < 0)
		return host;
	int rc = outside_address(vcpu->vm, a->addr, &to);
	if (rc < 0)
		return rc;
	return connect_to(vcpu, host, &to);
}

/*
 * What is found below a directory. A program that is given one for reading does not talk to the
 * servers of whoever runs Mote, which may do anything for it.
 */
static int found_file(struct vcpu *vcpu, int32_t fd, const char *path, uint32_t resolve, int *file,
		      struct socket_address *to)
{
	const struct fd_entry *entry;
	int dir = permit_dir(vcpu->vm, fd, path, &entry);
	if (dir < 0)
		return dir;
	return unix_file(vcpu, entry, path, resolve, file, to);
}

/*
 * A container's system call has followed a link at the path's end itself, and does not tell that
 * from a file that is not there (enum mote_resolve).
 */
static int64_t file_result(struct vm *vm, int32_t fd, const char *path, uint32_t resolve,
			   int64_t rc)
{
	const struct fd_entry *entry;
	if (rc != -ENOENT)
		return rc;
	int dir = permit_dir(vm, fd, path, &entry);
	if (dir < 0)
		return dir;
	return resolve_missing(dir, path, resolve);
}

int64_t host_connect_file(struct vcpu *vcpu, const struct call_connect_file *a)
{
	struct socket_address to;
	cleanup_close int file = -1;
	int host = own_socket(vcpu, a->fd);
	if (host < 0)
		return host;
	int rc = found_file(vcpu, a->dir, a->path, a->resolve, &file, &to);
	if (rc < 0)
		return rc;
	rc = connect_to(vcpu, host, &to);
	return file_result(vcpu->vm, a->dir, a->path, a->resolve, rc);
}

/* What guests may pass; SEND_FLAGS and RECV_FLAGS reach the host, with MSG_DONTWAIT. */
enum {
	MESSAGE_FLAGS = MSG_PEEK | MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL | MSG_TRUNC | MSG_OOB |
			MSG_MORE | MSG_ERRQUEUE | MOTE_RECV_LENGTH,
	SEND_FLAGS = MSG_OOB | MSG_MORE,
	RECV_FLAGS = MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_ERRQUEUE,
};

/* Of a message in several pieces; longer ones are EMSGSIZE. */
#define DATAGRAM_MAX (256UL << 10)

/*
 * After a transfer that was not made, by errno: 0 once it may be tried again, else what the call
 * says.
 */
static int until_ready(struct vcpu *vcpu, int host, short events, uint32_t flags,
		       const struct socket_address *to)
{
	if (errno == EINTR)
		return 0;
	/* A queue of errors is never waited for. */
	if (errno != EAGAIN || (flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) || is_nonblocking(host))
		return -errno;
	if (to && to->addr->sa_family == AF_UNIX)
		return wait_for_space(vcpu, host, to);
	return wait_within(vcpu, host, events);
}

static bool is_stream(int host)
{
	int type = 0;
	socklen_t len = sizeof(type);
	return getsockopt(host, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

static const struct iovec no_bytes; /* of a message that has no pieces */

/*
 * Between one message and the pieces of guest memory that it comes from or goes to. 0 or -EFAULT.
 */
static int copy_pieces(uint8_t *message, uint64_t bytes, const struct iovec *v, int count,
		       bool to_guest)
{
	guest_copies;
	uint64_t done = 0;
	for (int i = 0; i < count && done < bytes; i++) {
		uint64_t left = bytes - done, n = smaller(v[i].iov_len, left);
		int rc;
		if (to_guest)
			rc = guest_copy(v[i].iov_base, message + done, n);
		else
			rc = guest_copy(message + done, v[i].iov_base, n);
		if (rc < 0)
			return rc;
		done += n;
	}
	return 0;
}

/*
 * Transfers are sendto and recvfrom: a filter cannot see what control messages sendmsg and recvmsg
 * carry. So a stream is given its pieces one by one, and a message in several pieces is put
 * together here.
 */
static ssize_t send_message(int host, const struct iovec *v, int count, uint64_t bytes, int flags,
			    const struct socket_address *to)
{
	const struct sockaddr *addr = NULL;
	socklen_t addr_len = 0;
	if (to) {
		addr = to->addr;
		addr_len = to->len;
	}
	if (count == 0)
		v = &no_bytes;
	if (count <= 1)
		return sendto(host, v->iov_base, v->iov_len, flags, addr, addr_len);
	if (is_stream(host))
		return sendto(host, v->iov_base, v->iov_len, flags | MSG_MORE, addr, addr_len);
	if (bytes > DATAGRAM_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	cleanup_free uint8_t *message = malloc(bytes);
	if (!message)
		return -1;
	if (copy_pieces(message, bytes, v, count, false) < 0) {
		errno = EFAULT;
		return -1;
	}
	return sendto(host, message, bytes, flags, addr, addr_len);
}

/* All of it, unless it may not wait: a blocking stream takes a message in several pieces. */
static int64_t send_to(struct vcpu *vcpu, int host, const struct call_iov *iov, uint32_t flags,
		       const struct socket_address *to)
{
	struct iovec *v = iov->v;
	int rc, count = iov->count;
	int64_t done = 0;
	do {
		ssize_t n =
			send_message(host, v, count, iov->bytes - (uint64_t)done,
				     (int)(flags & SEND_FLAGS) | MSG_NOSIGNAL | MSG_DONTWAIT, to);
		if (n >= 0) {
			done += n;
			vm_skip_bytes(&v, &count, (size_t)n);
			rc = 0;
		} else {
			rc = until_ready(vcpu, host, POLLOUT, flags, to);
		}
		if (n >= 0 && (uint64_t)done >= iov->bytes)
			return done;
	} while (rc == 0 && !vcpu_ending(vcpu));
	if (done)
		return done;
	return rc;
}

int64_t host_send(struct vcpu *vcpu, const struct call_send *a)
{
	struct socket_address to;
	int host = socket_of(vcpu, a->fd);
	if (host < 0)
		return host;
	if (a->flags & ~(uint32_t)MESSAGE_FLAGS)
		return -EINVAL;
	if (!a->to)
		return send_to(vcpu, host, &a->iov, a->flags, NULL);
	int rc = outside_address(vcpu->vm, a->to, &to);
	if (rc < 0)
		return rc;
	return send_to(vcpu, host, &a->iov, a->flags, &to);
}

int64_t host_send_file(struct vcpu *vcpu, const struct call_send_file *a)
{
	struct socket_address to;
	cleanup_close int file = -1;
	int host = own_socket(vcpu, a->fd);
	if (host < 0)
		return host;
	if (a->flags & ~(uint32_t)MESSAGE_FLAGS)
		return -EINVAL;
	int rc = found_file(vcpu, a->dir, a->path, a->resolve, &file, &to);
	if (rc < 0)
		return rc;
	int64_t sent = send_to(vcpu, host, &a->iov, a->flags, &to);
	return file_result(vcpu->vm, a->dir, a->path, a->resolve, sent);
}

/*
 * A message for several pieces of memory; what it is longer than they are is lost, as Linux has it.
 */
static ssize_t recv_scattered(int host, const struct iovec *v, int count, uint64_t bytes, int flags,
			      struct sockaddr *from, socklen_t *from_len)
{
	uint64_t capacity = smaller(bytes, DATAGRAM_MAX);
	cleanup_free uint8_t *message = malloc(capacity);
	if (!message)
		return -1;
	ssize_t n = recvfrom(host, message, capacity, flags, from, from_len);
	if (n <= 0)
		return n;
	if (copy_pieces(message, smaller((uint64_t)n, capacity), v, count, true) < 0) {
		errno = EFAULT;
		return -1;
	}
	return n;
}

/* What is there, of a stream for the first piece only. */
static ssize_t recv_message(int host, const struct iovec *v, int count, uint64_t bytes, bool stream,
			    int flags, struct sockaddr_storage *from, socklen_t *from_len)
{
	struct sockaddr *addr = (struct sockaddr *)from;
	*from_len = sizeof(*from);
	if (count > 1 && !stream)
		return recv_scattered(host, v, count, bytes, flags, addr, from_len);
	if (count == 0)
		v = &no_bytes;
	return recvfrom(host, v->iov_base, v->iov_len, flags, addr, from_len);
}

/* What is there; with MSG_WAITALL all that was asked for, where it is a stream. */
int64_t host_recv(struct vcpu *vcpu, const struct call_recv *a)
{
	struct vm *vm = vcpu->vm;
	int rc, host = socket_of(vcpu, a->fd), count = a->iov.count;
	struct iovec *v = a->iov.v;
	int64_t done = 0;
	if (host < 0)
		return host;
	if (a->flags & ~(uint32_t)MESSAGE_FLAGS)
		return -EINVAL;
	bool all = a->flags & MSG_WAITALL;
	if (all && vcpu->on_poller)
		return call_defer(vcpu); /* it might have to wait with a part of it taken */
	bool asked = all || count > 1 || a->flags & MOTE_RECV_LENGTH;
	bool stream = asked && is_stream(host) && !(a->flags & MSG_ERRQUEUE);
	bool once = a->flags & MSG_PEEK || !stream;
	int flags = (int)(a->flags & RECV_FLAGS) | MSG_DONTWAIT;
	if (a->flags & MOTE_RECV_LENGTH && !stream)
		flags |= MSG_TRUNC;
	all = all && !once;
	do {
		struct sockaddr_storage from = {0};
		socklen_t from_len;
		ssize_t n =
			recv_message(host, v, count, a->iov.bytes, stream, flags, &from, &from_len);
		if (n < 0 && errno == EAGAIN && done && !all)
			return done;
		if (n < 0) {
			rc = until_ready(vcpu, host, POLLIN, a->flags, NULL);
			continue;
		}
		rc = 0;
		put_address(vm, a->from, &from, from_len);
		/* there may be more for the next piece */
		bool whole = count && (size_t)n >= v->iov_len;
		done += n;
		vm_skip_bytes(&v, &count, (size_t)n);
		if (n == 0 || once || (!all && !whole) || (uint64_t)done >= a->iov.bytes)
			return done;
	} while (rc == 0 && !vcpu_ending(vcpu));
	if (done)
		return done;
	return rc;
}

int64_t host_shutdown(struct vcpu *vcpu, const struct call_shutdown *a)
{
	int host = own_socket(vcpu, a->fd);
	if (host < 0)
		return host;
	return sys_status(shutdown(host, (int)a->how));
}

int64_t host_sock_name(struct vcpu *vcpu, const struct call_sock_name *a)
{
	struct vm *vm = vcpu->vm;
	int host = socket_of(vcpu, a->fd);
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);
	if (host < 0)
		return host;
	int rc;
	if (a->peer)
		rc = getpeername(host, (struct sockaddr *)&addr, &len);
	else
		rc = getsockname(host, (struct sockaddr *)&addr, &len);
	if (rc < 0)
		return -errno;
	put_address(vm, a->addr, &addr, len);
	return 0;
}

static bool option_allowed(uint32_t level, uint32_t name, bool set)
{
	static const struct {
		uint32_t level, name;
		bool settable;
	} options[] = {
#define SOCKET_OPTION(l, n)     {l, n, false},
#define SOCKET_OPTION_SET(l, n) {l, n, true},
#include "vm/hostcall/socket_options.def"
	};
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].level == level && options[i].name == name)
			return !set || options[i].settable;
	return false;
}

int64_t host_sock_getopt(struct vcpu *vcpu, const struct call_sock_getopt *a)
{
	struct vm *vm = vcpu->vm;
	int host = socket_of(vcpu, a->fd);
	uint8_t value[256]; /* TCP_INFO is the longest */
	socklen_t len = (socklen_t)smaller(a->value.len, sizeof(value));
	if (host < 0)
		return host;
	if (!option_allowed(a->level, a->name, false))
		return -ENOPROTOOPT;
	if (getsockopt(host, (int)a->level, (int)a->name, value, &len) < 0)
		return -errno;
	if (a->level == SOL_SOCKET && a->name == SO_TYPE && len == sizeof(int) &&
	    fdtable_get(&vm->fds, a->fd)->flags & FD_DATAGRAMS)
		value[0] = SOCK_DGRAM; /* as the guest asked for it: host_socketpair */
	vm_put(vm, a->value.at, value, len);
	return len;
}

int64_t host_sock_setopt(struct vcpu *vcpu, const struct call_sock_setopt *a)
{
	int host = own_socket(vcpu, a->fd);
	if (host < 0)
		return host;
	if (!option_allowed(a->level, a->name, true) || a->value.len > 64)
		return -ENOPROTOOPT;
	/*
	 * A close that waits would wait on the host, where no limit and no signal could end it: it
	 * completes in the background.
	 */
	struct linger linger;
	if (a->level == SOL_SOCKET && a->name == SO_LINGER && a->value.len >= sizeof(linger)) {
		memcpy(&linger, a->value.data, sizeof(linger));
		linger.l_onoff = linger.l_onoff && linger.l_linger == 0;
		return sys_status(setsockopt(host, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	}
	return sys_status(setsockopt(host, (int)a->level, (int)a->name, a->value.data,
				     (socklen_t)a->value.len));
}
