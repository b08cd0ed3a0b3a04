/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls on sockets: stream and datagram over IPv4 and IPv6, and socket pairs. New sockets need the
 * network permission; listeners that the guest was given do not. AF_UNIX paths are refused: a name in
 * the file system would get past the resolution of guest paths.
 */
#include "vm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int host_of(struct vm *vm, int32_t fd)
{
	const struct fd_entry *e = fdtable_get(&vm->fds, fd);
	if (!e)
		return -EBADF;
	return e->flags & FD_SOCKET ? e->host : -ENOTSOCK;
}

static bool nonblocking(int host)
{
	int flags = fcntl(host, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK);
}

/* Waits unless the guest's descriptor is non-blocking or it asked not to. */
static int wait_for(struct vm *vm, int host, short events, uint32_t flags)
{
	return nonblocking(host) || (flags & MSG_DONTWAIT) ? 0 : vm_wait_fd(vm, host, events);
}

int64_t host_socket(struct vm *vm, const struct call_socket *a)
{
	uint32_t kind = a->type & ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (!vm->network)
		return -EPERM;
	if (a->domain != AF_INET && a->domain != AF_INET6)
		return -EAFNOSUPPORT;
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM)
		return -EPROTONOSUPPORT;
	if (a->protocol != 0 && a->protocol != (kind == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP))
		return -EPROTONOSUPPORT;
	int fd = socket((int)a->domain, (int)(a->type | SOCK_CLOEXEC), (int)a->protocol);
	return fd < 0 ? -errno : fdtable_add(&vm->fds, fd, FD_SOCKET, 0);
}

int64_t host_socketpair(struct vm *vm, const struct call_socketpair *a)
{
	uint32_t kind = a->type & ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);
	int host[2];
	if (a->domain != AF_UNIX)
		return -EOPNOTSUPP;
	if ((kind != SOCK_STREAM && kind != SOCK_DGRAM) || a->fds.len < 2 * sizeof(int32_t))
		return -EINVAL;
	if (socketpair(AF_UNIX, (int)(a->type | SOCK_CLOEXEC), 0, host) < 0)
		return -errno;
	return vm_add_pair(vm, host, FD_SOCKET, &a->fds);
}

/* An address that a guest may name. */
static int check_address(const struct mote_sockaddr *addr)
{
	uint16_t family;
	if (!addr || addr->len < sizeof(family) || addr->len > sizeof(addr->data))
		return -EINVAL;
	memcpy(&family, addr->data, sizeof(family));
	return family == AF_INET || family == AF_INET6 || family == AF_UNSPEC ? 0 : -EAFNOSUPPORT;
}

int64_t host_bind(struct vm *vm, const struct call_bind *a)
{
	int host = host_of(vm, a->fd), rc = vm->network ? check_address(a->addr) : -EPERM;
	if (host < 0 || rc < 0)
		return host < 0 ? host : rc;
	return bind(host, (const struct sockaddr *)(const void *)a->addr->data, a->addr->len) < 0 ? -errno : 0;
}

int64_t host_listen(struct vm *vm, const struct call_listen *a)
{
	int host = host_of(vm, a->fd);
	if (host < 0 || !vm->network)
		return host < 0 ? host : -EPERM;
	return listen(host, a->backlog > 4096 ? 4096 : (int)a->backlog) < 0 ? -errno : 0;
}

static void put_address(struct vm *vm, gva_t to, const struct sockaddr_storage *from, socklen_t len)
{
	struct mote_sockaddr out = {.len = len < sizeof(out.data) ? len : sizeof(out.data)};
	memcpy(out.data, from, out.len);
	if (to.v)
		vm_put(vm, to, &out, sizeof(out));
}

int64_t host_accept(struct vm *vm, const struct call_accept *a)
{
	int host = host_of(vm, a->fd);
	if (host < 0)
		return host;
	if (a->flags & ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	for (;;) {
		int rc = wait_for(vm, host, POLLIN, 0);
		if (rc < 0)
			return rc;
		struct sockaddr_storage peer = {0};
		socklen_t len = sizeof(peer);
		int fd = accept4(host, (struct sockaddr *)&peer, &len, (int)a->flags | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return -errno;
		put_address(vm, a->peer, &peer, len);
		return fdtable_add(&vm->fds, fd, FD_SOCKET, 0);
	}
}

/* A blocking connect is made without blocking and waited for here. */
int64_t host_connect(struct vm *vm, const struct call_connect *a)
{
	int host = host_of(vm, a->fd), rc = vm->network ? check_address(a->addr) : -EPERM;
	if (host < 0 || rc < 0)
		return host < 0 ? host : rc;
	int flags = fcntl(host, F_GETFL), error = 0;
	socklen_t len = sizeof(error);
	if (flags < 0 || fcntl(host, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	rc = connect(host, (const struct sockaddr *)(const void *)a->addr->data, a->addr->len) < 0 ? -errno : 0;
	if (rc == -EINPROGRESS && !(flags & O_NONBLOCK)) {
		rc = vm_wait_fd(vm, host, POLLOUT);
		if (rc == 0)
			rc = getsockopt(host, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? -errno : -error;
	}
	if (!(flags & O_NONBLOCK) && fcntl(host, F_SETFL, flags) < 0)
		return -errno;
	return rc;
}

enum { MESSAGE_FLAGS = MSG_PEEK | MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL | MSG_TRUNC | MSG_OOB };

int64_t host_send(struct vm *vm, const struct call_send *a)
{
	int host = host_of(vm, a->fd);
	if (host < 0)
		return host;
	if (a->flags & ~(uint32_t)MESSAGE_FLAGS)
		return -EINVAL;
	struct msghdr m = {.msg_iov = a->iov.v, .msg_iovlen = (size_t)a->iov.count};
	if (a->to) {
		int rc = vm->network ? check_address(a->to) : -EPERM;
		if (rc < 0)
			return rc;
		m.msg_name = (void *)(uintptr_t)a->to->data;
		m.msg_namelen = a->to->len;
	}
	for (;;) {
		int rc = wait_for(vm, host, POLLOUT, a->flags);
		if (rc < 0)
			return rc;
		ssize_t n = sendmsg(host, &m, (int)(a->flags | MSG_NOSIGNAL | MSG_DONTWAIT));
		if (n >= 0 || (errno != EINTR && (errno != EAGAIN || nonblocking(host) || (a->flags & MSG_DONTWAIT))))
			return n < 0 ? -errno : n;
	}
}

int64_t host_recv(struct vm *vm, const struct call_recv *a)
{
	int host = host_of(vm, a->fd);
	if (host < 0)
		return host;
	if (a->flags & ~(uint32_t)MESSAGE_FLAGS)
		return -EINVAL;
	for (;;) {
		int rc = wait_for(vm, host, POLLIN, a->flags);
		if (rc < 0)
			return rc;
		struct sockaddr_storage from = {0};
		struct msghdr m = {.msg_iov = a->iov.v, .msg_iovlen = (size_t)a->iov.count, .msg_name = &from,
				   .msg_namelen = sizeof(from)};
		ssize_t n = recvmsg(host, &m, (int)((a->flags & ~(uint32_t)MSG_WAITALL) | MSG_DONTWAIT));
		if (n >= 0)
			put_address(vm, a->from, &from, m.msg_namelen);
		if (n >= 0 || (errno != EINTR && (errno != EAGAIN || nonblocking(host) || (a->flags & MSG_DONTWAIT))))
			return n < 0 ? -errno : n;
	}
}

int64_t host_shutdown(struct vm *vm, const struct call_shutdown *a)
{
	int host = host_of(vm, a->fd);
	if (host < 0)
		return host;
	return shutdown(host, (int)a->how) < 0 ? -errno : 0;
}

int64_t host_sock_name(struct vm *vm, const struct call_sock_name *a)
{
	int host = host_of(vm, a->fd);
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);
	if (host < 0)
		return host;
	int rc = a->peer ? getpeername(host, (struct sockaddr *)&addr, &len)
			 : getsockname(host, (struct sockaddr *)&addr, &len);
	if (rc < 0)
		return -errno;
	put_address(vm, a->addr, &addr, len);
	return 0;
}

/* The options that ordinary programs use and that change nothing but their own socket. */
static bool option_allowed(uint32_t level, uint32_t name)
{
	static const int socket_options[] = {SO_REUSEADDR, SO_REUSEPORT, SO_TYPE, SO_ERROR, SO_BROADCAST, SO_SNDBUF,
					     SO_RCVBUF, SO_KEEPALIVE, SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO,
					     SO_ACCEPTCONN, SO_PROTOCOL, SO_DOMAIN};
	static const int tcp_options[] = {TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_MAXSEG,
					  TCP_USER_TIMEOUT, TCP_QUICKACK, TCP_CORK, TCP_DEFER_ACCEPT};
	if (level == SOL_SOCKET)
		for (size_t i = 0; i < sizeof(socket_options) / sizeof(socket_options[0]); i++)
			if ((int)name == socket_options[i])
				return true;
	if (level == IPPROTO_TCP)
		for (size_t i = 0; i < sizeof(tcp_options) / sizeof(tcp_options[0]); i++)
			if ((int)name == tcp_options[i])
				return true;
	return level == IPPROTO_IPV6 && name == IPV6_V6ONLY;
}

int64_t host_sock_getopt(struct vm *vm, const struct call_sock_getopt *a)
{
	int host = host_of(vm, a->fd);
	uint8_t value[64];
	socklen_t len = a->value.len < sizeof(value) ? (socklen_t)a->value.len : sizeof(value);
	if (host < 0)
		return host;
	if (!option_allowed(a->level, a->name))
		return -ENOPROTOOPT;
	if (getsockopt(host, (int)a->level, (int)a->name, value, &len) < 0)
		return -errno;
	vm_put(vm, a->value.at, value, len);
	return len;
}

int64_t host_sock_setopt(struct vm *vm, const struct call_sock_setopt *a)
{
	int host = host_of(vm, a->fd);
	if (host < 0)
		return host;
	if (!option_allowed(a->level, a->name) || a->value.len > 64)
		return -ENOPROTOOPT;
	return setsockopt(host, (int)a->level, (int)a->name, a->value.data, (socklen_t)a->value.len) < 0 ? -errno : 0;
}
