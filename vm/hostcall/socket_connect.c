/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls that give a socket its address or its peer: bind, listen, accept, connect. */
#include "vm/hostcall/permit.h"
#include "vm/hostcall/resolve.h"
#include "vm/hostcall/socket.h"
#include "vm/hostcall/unix_queue.h"
#include "vm/internal.h"
#include "vm/run/blocking.h"
#include "vm/run/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

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

static int bind_abstract(struct vm *vm, const struct fd_entry *e, const struct mote_sockaddr *addr)
{
	int rc = unix_queue_check_bind(vm, e);
	if (rc == 0)
		rc = unix_bind_abstract(vm, e->host, addr);
	if (rc == 0)
		unix_queue_bound(vm, e);
	return rc;
}

int64_t host_bind(struct vcpu *vcpu, const struct call_bind *a)
{
	struct vm *vm = vcpu->vm;
	struct socket_address to;
	int host = socket_to_change(vcpu, a->fd);
	if (host < 0)
		return host;
	if (unix_is_abstract(a->addr) && socket_family(a->addr) == AF_UNIX && socket_has_unix(vm))
		return bind_abstract(vm, fdtable_get(&vm->fds, a->fd), a->addr);
	int rc = socket_outside_address(vm, a->addr, &to);
	if (rc < 0)
		return rc;
	return bind_outside(&vm->credentials, host, &to);
}

int64_t host_bind_file(struct vcpu *vcpu, const struct call_bind_file *a)
{
	const struct fd_entry *entry;
	int host = socket_to_change(vcpu, a->fd);
	if (host < 0)
		return host;
	if (socket_family(a->addr) != AF_UNIX || a->addr->len < sizeof(uint16_t) + 2 ||
	    a->addr->len > sizeof(struct sockaddr_un))
		return -EINVAL;
	int dir = permit_dir_change(vcpu->vm, a->dir, a->path, &entry);
	if (dir < 0)
		return dir;
	const struct fd_entry *e = fdtable_get(&vcpu->vm->fds, a->fd);
	int rc = unix_queue_check_bind(vcpu->vm, e);
	if (rc < 0)
		return rc;
	/* The file that bind makes has the socket's mode. */
	struct stat st;
	rc = resolve_stat(host, &st);
	if (rc == 0)
		rc = sys_status(fchmod(host, st.st_mode & a->mode & 0777));
	if (rc < 0)
		return rc;
	rc = unix_bind_file(vcpu, host, dir, a->path, a->resolve, a->addr);
	if (rc == 0)
		unix_queue_bound(vcpu->vm, e);
	return rc;
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
	if (!vm->network && !socket_has_unix(vm))
		return -EPERM;
	int backlog = unix_queue_listen(vm, e, (uint32_t)smaller(a->backlog, 4096));
	if (backlog < 0)
		return backlog;
	return sys_status(listen(host, backlog));
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
	bool waits = !socket_is_nonblocking(host);
	if (e->flags & FD_FIXED_STATE)
		waits = !(e->flags & FD_NONBLOCK);
	for (;;) {
		int rc = 0;
		if (waits)
			rc = socket_wait(vcpu, host, POLLIN);
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
		socket_put_address(vm, a->peer, &peer, len);
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
		rc = socket_wait(vcpu, host, POLLOUT);
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
	int host = socket_to_change(vcpu, a->fd);
	if (host < 0)
		return host;
	int rc = socket_outside_address(vcpu->vm, a->addr, &to);
	if (rc < 0)
		return rc;
	return connect_to(vcpu, host, &to);
}

int64_t host_connect_file(struct vcpu *vcpu, const struct call_connect_file *a)
{
	struct socket_address to;
	cleanup_close int file = -1;
	int host = socket_to_change(vcpu, a->fd);
	if (host < 0)
		return host;
	int rc = socket_file(vcpu, a->dir, a->path, a->resolve, &file, &to);
	if (rc < 0)
		return rc;
	rc = connect_to(vcpu, host, &to);
	return socket_file_result(vcpu->vm, a->dir, a->path, a->resolve, rc);
}
