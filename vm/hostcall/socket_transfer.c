/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls that send and receive. */
#include "vm/hostcall/socket.h"
#include "vm/internal.h"
#include "vm/memory/guest_copy.h"
#include "vm/run/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

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
 * A datagram socket of AF_UNIX tells whether its own buffer has space; whether that has to which it
 * sends by an address, only one tells that is connected to it. What connecting fails by, sending
 * again does as well, but for a lack of descriptors or memory.
 */
static int wait_for_space(struct vcpu *vcpu, int host, const struct socket_address *to,
			  int64_t until)
{
	struct pollfd own = {.fd = host, .events = POLLOUT};
	if (poll(&own, 1, 0) == 0)
		return socket_wait_until(vcpu, host, POLLOUT, until);
	cleanup_close int other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (other < 0 || connect(other, to->addr, to->len) < 0)
		return vcpu_wait(vcpu, 1000000);
	return socket_wait_until(vcpu, other, POLLOUT, until);
}

/*
 * A queue of errors (IP_RECVERR) is ready for poll as long as nobody has read it, which is nothing
 * that a transfer waits for.
 */
static bool has_only_errors(int host, short events)
{
	struct pollfd p = {.fd = host, .events = events};
	return poll(&p, 1, 0) > 0 && p.revents == POLLERR;
}

static bool is_stream(int host)
{
	int type = 0;
	socklen_t len = sizeof(type);
	return getsockopt(host, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

/* A call of the guest's that may wait more than once. */
struct transfer {
	short events;
	uint32_t flags;
	const struct socket_address *to;
	int64_t until; /* of the whole call; 0: it has not waited yet */
};

/*
 * Whether it is never waited for: errors that are queued, and a stream's urgent byte. Where that is
 * announced and not there, the bytes before it have poll say that there is something.
 */
static bool waits_never(int host, const struct transfer *t)
{
	if (t->flags & (MSG_DONTWAIT | MSG_ERRQUEUE) || socket_is_nonblocking(host))
		return true;
	return t->events == POLLIN && t->flags & MSG_OOB && is_stream(host);
}

/*
 * After a transfer that was not made, by errno: 0 once it may be tried again, else what the call
 * says. The poller tries nothing again: what ends a guest that does so without end ends the vCPU's
 * thread.
 */
static int until_ready(struct vcpu *vcpu, int host, struct transfer *t)
{
	const int error = errno;
	if (error != EAGAIN && error != EINTR)
		return -error;
	if (error == EAGAIN && waits_never(host, t))
		return -EAGAIN;
	if (vcpu->on_poller)
		return call_defer(vcpu);
	if (error == EINTR)
		return 0;
	if (t->until == 0)
		t->until = socket_wait_end(host, t->events);
	if (vm_now_ns(CLOCK_MONOTONIC) >= t->until)
		return -EAGAIN;
	if (t->to && t->to->addr->sa_family == AF_UNIX)
		return wait_for_space(vcpu, host, t->to, t->until);
	if (has_only_errors(host, t->events))
		return vcpu_wait(vcpu, 1000000);
	return socket_wait_until(vcpu, host, t->events, t->until);
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
	struct transfer t = {.events = POLLOUT, .flags = flags, .to = to};
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
			rc = until_ready(vcpu, host, &t);
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
	int rc = socket_outside_address(vcpu->vm, a->to, &to);
	if (rc < 0)
		return rc;
	return send_to(vcpu, host, &a->iov, a->flags, &to);
}

int64_t host_send_file(struct vcpu *vcpu, const struct call_send_file *a)
{
	struct socket_address to;
	cleanup_close int file = -1;
	int host = socket_to_change(vcpu, a->fd);
	if (host < 0)
		return host;
	if (a->flags & ~(uint32_t)MESSAGE_FLAGS)
		return -EINVAL;
	int rc = socket_file(vcpu, a->dir, a->path, a->resolve, &file, &to);
	if (rc < 0)
		return rc;
	int64_t sent = send_to(vcpu, host, &a->iov, a->flags, &to);
	return socket_file_result(vcpu->vm, a->dir, a->path, a->resolve, sent);
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

/* What is there; with MSG_WAITALL all that was asked for, if it is a stream. */
int64_t host_recv(struct vcpu *vcpu, const struct call_recv *a)
{
	struct vm *vm = vcpu->vm;
	int rc, host = socket_of(vcpu, a->fd), count = a->iov.count;
	struct iovec *v = a->iov.v;
	struct transfer t = {.events = POLLIN, .flags = a->flags};
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
			rc = until_ready(vcpu, host, &t);
			continue;
		}
		rc = 0;
		socket_put_address(vm, a->from, &from, from_len);
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
