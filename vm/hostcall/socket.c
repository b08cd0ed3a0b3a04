/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls on sockets: stream and datagram over IPv4 and IPv6, AF_UNIX, and socket pairs. New
 * sockets of the former need the network permission, those of AF_UNIX directories (unix_address.h
 * says what they can name); listeners that the guest was given need neither. A listener that was
 * given is the operator's and may be shared: the guest accepts from it and changes nothing of it.
 */
#include "vm/hostcall/socket.h"

#include "vm/hostcall/permit.h"
#include "vm/hostcall/resolve.h"
#include "vm/hostcall/unix_queue.h"
#include "vm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

int socket_of(const struct vcpu *vcpu, int32_t fd)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, fd);
	if (!e)
		return -EBADF;
	if (e->flags & FD_SOCKET)
		return e->host;
	return -ENOTSOCK;
}

int socket_to_change(const struct vcpu *vcpu, int32_t fd)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, fd);
	if (e && e->flags & FD_LISTENER)
		return -EPERM;
	return socket_of(vcpu, fd);
}

bool socket_is_nonblocking(int host)
{
	int flags = fcntl(host, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK);
}

int64_t socket_wait_end(int host, short events)
{
	struct timeval limit = {0};
	socklen_t len = sizeof(limit);
	int64_t ns;
	int option = SO_SNDTIMEO;
	if (events & POLLIN)
		option = SO_RCVTIMEO;
	if (getsockopt(host, SOL_SOCKET, option, &limit, &len) < 0 ||
	    (limit.tv_sec == 0 && limit.tv_usec == 0))
		return INT64_MAX;
	const struct mote_time time = {.sec = limit.tv_sec, .nsec = limit.tv_usec * 1000};
	if (vm_ns_of(&time, &ns) < 0)
		return INT64_MAX;
	return vm_now_ns(CLOCK_MONOTONIC) + ns;
}

int socket_wait_until(struct vcpu *vcpu, int host, short events, int64_t until)
{
	int rc = vcpu_wait_fd_until(vcpu, host, events, until);
	if (rc == 0)
		return -EAGAIN;
	if (rc < 0)
		return rc;
	return 0;
}

int socket_wait(struct vcpu *vcpu, int host, short events)
{
	return socket_wait_until(vcpu, host, events, socket_wait_end(host, events));
}

bool socket_has_unix(const struct vm *vm)
{
	return vm->paths && !vm->wasm;
}

static unsigned socket_flags(uint32_t kind)
{
	if (kind == SOCK_DGRAM)
		return FD_SOCKET | FD_DATAGRAMS;
	return FD_SOCKET;
}

static int64_t make_unix_socket(struct vm *vm, uint32_t kind, uint32_t flags, uint32_t protocol)
{
	if (!socket_has_unix(vm))
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

uint16_t socket_family(const struct mote_sockaddr *addr)
{
	uint16_t family = AF_UNSPEC;
	if (addr && addr->len >= sizeof(family))
		memcpy(&family, addr->data, sizeof(family));
	return family;
}

int socket_outside_address(struct vm *vm, const struct mote_sockaddr *addr,
			   struct socket_address *out)
{
	if (!addr || addr->len < sizeof(uint16_t) || addr->len > sizeof(addr->data))
		return -EINVAL;
	uint16_t family = socket_family(addr);
	if (family == AF_UNIX && !socket_has_unix(vm))
		return -EAFNOSUPPORT;
	if (family == AF_UNIX && unix_is_abstract(addr))
		return unix_abstract(vm, addr, out);
	if (family == AF_UNIX)
		return -EINVAL; /* a file: there is a call with its directory */
	if (family == AF_UNSPEC && !vm->network && socket_has_unix(vm)) {
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

int socket_file(struct vcpu *vcpu, int32_t fd, const char *path, uint32_t resolve, int *file,
		struct socket_address *to)
{
	const struct fd_entry *entry;
	int dir = permit_dir(vcpu->vm, fd, path, &entry);
	if (dir < 0)
		return dir;
	return unix_file(vcpu, entry, path, resolve, file, to);
}

int64_t socket_file_result(struct vm *vm, int32_t fd, const char *path, uint32_t resolve,
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

int64_t host_shutdown(struct vcpu *vcpu, const struct call_shutdown *a)
{
	int host = socket_to_change(vcpu, a->fd);
	if (host < 0)
		return host;
	return sys_status(shutdown(host, (int)a->how));
}

void socket_put_address(struct vm *vm, gva_t to, const struct sockaddr_storage *from, socklen_t len)
{
	struct mote_sockaddr out = {.len = (uint32_t)smaller(len, sizeof(out.data))};
	memcpy(out.data, from, out.len);
	if (!to.v)
		return;
	if (from->ss_family == AF_UNIX)
		unix_report(vm, &out);
	vm_put(vm, to, &out, sizeof(out));
}

int64_t host_sock_name(struct vcpu *vcpu, const struct call_sock_name *a)
{
	struct vm *vm = vcpu->vm;
	int host = socket_of(vcpu, a->fd);
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);
	if (host < 0)
		return host;
	if (vm->wasm && !vm->network)
		return -EPERM;
	int rc;
	if (a->peer)
		rc = getpeername(host, (struct sockaddr *)&addr, &len);
	else
		rc = getsockname(host, (struct sockaddr *)&addr, &len);
	if (rc < 0)
		return -errno;
	socket_put_address(vm, a->addr, &addr, len);
	return 0;
}

enum option_use { OPTION_READ, OPTION_SET, OPTION_WASI_SETS };

static bool option_allowed(uint32_t level, uint32_t name, enum option_use use)
{
	static const struct {
		uint32_t level, name;
		enum option_use most;
	} options[] = {
#define SOCKET_OPTION(l, n)      {l, n, OPTION_READ},
#define SOCKET_OPTION_SET(l, n)  {l, n, OPTION_SET},
#define SOCKET_OPTION_WASI(l, n) {l, n, OPTION_WASI_SETS},
#include "vm/hostcall/socket_options.def"
	};
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].level == level && options[i].name == name)
			return use <= options[i].most;
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
	if (!option_allowed(a->level, a->name, OPTION_READ))
		return -ENOPROTOOPT;
	if (getsockopt(host, (int)a->level, (int)a->name, value, &len) < 0)
		return -errno;
	if (a->level == SOL_SOCKET && a->name == SO_TYPE && len == sizeof(int) &&
	    fdtable_get(&vm->fds, a->fd)->flags & FD_DATAGRAMS)
		value[0] = SOCK_DGRAM; /* as the guest asked for it: host_socketpair */
	vm_put(vm, a->value.at, value, len);
	return len;
}

static int set_send_buffer(const struct vm *vm, const struct fd_entry *e, const void *value)
{
	int bytes;
	memcpy(&bytes, value, sizeof(bytes));
	bytes = unix_queue_send_buffer(vm, e, bytes);
	return sys_status(setsockopt(e->host, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)));
}

int64_t host_sock_setopt(struct vcpu *vcpu, const struct call_sock_setopt *a)
{
	struct vm *vm = vcpu->vm;
	int host = socket_to_change(vcpu, a->fd);
	if (host < 0)
		return host;
	if (vm->wasm && !vm->network)
		return -EPERM;
	const enum option_use use = vm->wasm ? OPTION_WASI_SETS : OPTION_SET;
	if (!option_allowed(a->level, a->name, use) || a->value.len > 64)
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
	if (a->level == SOL_SOCKET && a->name == SO_SNDBUF && a->value.len >= sizeof(int))
		return set_send_buffer(vm, fdtable_get(&vm->fds, a->fd), a->value.data);
	return sys_status(setsockopt(host, (int)a->level, (int)a->name, a->value.data,
				     (socklen_t)a->value.len));
}
