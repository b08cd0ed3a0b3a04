/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on sockets. */
#include "guest/linux/fs/descriptor.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>

enum { SOCK_CLOEXEC = O_CLOEXEC, MSG_NOSIGNAL = 0x4000 }; /* <sys/socket.h> */

static int64_t get_address(struct mote_sockaddr *a, uint64_t from, uint64_t len)
{
	if (len > sizeof(a->data))
		return -EINVAL;
	a->len = (uint32_t)len;
	return get_user(a->data, from, len);
}

/* As much of the address as fits, and how long it is. */
static int64_t put_address(const struct mote_sockaddr *a, uint64_t to, uint64_t len_at)
{
	uint32_t capacity;
	if (!to)
		return 0;
	if (get_user(&capacity, len_at, sizeof(capacity)) < 0)
		return -EFAULT;
	if (put_user(to, a->data, min_u64(a->len, capacity)) < 0)
		return -EFAULT;
	return put_user(len_at, &a->len, sizeof(a->len));
}

int64_t sys_socket(uint32_t domain, uint32_t type, uint32_t protocol)
{
	return fd_set_close_on_exec(mote_socket(mote_area(), domain, type, protocol),
				    type & SOCK_CLOEXEC);
}

int64_t sys_socketpair(uint32_t domain, uint32_t type, uint32_t protocol, uint64_t to)
{
	(void)protocol; /* the host knows one for each type */
	int64_t rc = mote_socketpair(mote_area(), domain, type, (void *)to, 2 * sizeof(int32_t));
	return descriptor_pair_on_exec(rc, to, type & SOCK_CLOEXEC);
}

int64_t sys_bind(int fd, uint64_t address, uint64_t len)
{
	struct mote_sockaddr a;
	int64_t rc = get_address(&a, address, len);
	if (rc < 0)
		return rc;
	return mote_bind(mote_area(), fd, &a);
}

int64_t sys_connect(int fd, uint64_t address, uint64_t len)
{
	struct mote_sockaddr a;
	int64_t rc = get_address(&a, address, len);
	if (rc < 0)
		return rc;
	return mote_connect(mote_area(), fd, &a);
}

int64_t sys_listen(int fd, uint32_t backlog)
{
	return mote_listen(mote_area(), fd, backlog);
}

int64_t sys_accept4(int fd, uint64_t address, uint64_t len_at, uint32_t flags)
{
	struct mote_sockaddr a;
	int64_t rc = mote_accept(mote_area(), fd, flags, &a);
	if (rc < 0)
		return rc;
	(void)!fd_set_close_on_exec(rc, flags & SOCK_CLOEXEC);
	if (put_address(&a, address, len_at) < 0)
		return -EFAULT;
	return rc;
}

int64_t sys_accept(int fd, uint64_t address, uint64_t len_at)
{
	return sys_accept4(fd, address, len_at, 0);
}

/* --- messages --- */

/* Sends to an address of the program's, or where the socket is connected to. */
static int64_t send_to(int32_t fd, const struct mote_iovec *v, uint64_t count, uint32_t flags,
		       uint64_t address, uint64_t len)
{
	struct mote_sockaddr a;
	int64_t rc;
	if (address) {
		rc = get_address(&a, address, len);
		if (rc < 0)
			return rc;
	}
	rc = mote_send(mote_area(), fd, v, count, flags, address ? &a : NULL);
	if (flags & MSG_NOSIGNAL)
		return rc;
	return signal_broken_pipe(rc);
}

int64_t sys_sendto(int fd, uint64_t from, uint64_t bytes, uint32_t flags, uint64_t address,
		   uint64_t len)
{
	const struct mote_iovec v = {.base = from, .len = bytes};
	return send_to(fd, &v, 1, flags, address, len);
}

int64_t sys_recvfrom(int fd, uint64_t to, uint64_t bytes, uint32_t flags, uint64_t address,
		     uint64_t len_at)
{
	const struct mote_iovec v = {.base = to, .len = bytes};
	struct mote_sockaddr a;
	int64_t rc = mote_recv(mote_area(), fd, &v, 1, flags, &a);
	if (rc < 0)
		return rc;
	if (put_address(&a, address, len_at) < 0)
		return -EFAULT;
	return rc;
}

/* The kernel's struct user_msghdr. */
struct message {
	uint64_t name;
	uint32_t namelen, pad;
	uint64_t iov, iovlen, control, controllen;
	uint32_t flags, pad2;
};

int64_t sys_sendmsg(int fd, uint64_t message, uint32_t flags)
{
	struct message m;
	if (get_user(&m, message, sizeof(m)) < 0)
		return -EFAULT;
	return send_to(fd, (const void *)m.iov, m.iovlen, flags, m.name, m.namelen);
}

int64_t sys_recvmsg(int fd, uint64_t message, uint32_t flags)
{
	struct message m;
	struct mote_sockaddr a;
	if (get_user(&m, message, sizeof(m)) < 0)
		return -EFAULT;
	int64_t rc = mote_recv(mote_area(), fd, (const void *)m.iov, m.iovlen, flags, &a);
	if (rc < 0)
		return rc;
	if (put_user_optional(m.name, a.data, min_u64(a.len, m.namelen)) < 0)
		return -EFAULT;
	m.namelen = a.len;
	m.controllen = 0;
	m.flags = 0;
	if (put_user(message, &m, sizeof(m)) < 0)
		return -EFAULT;
	return rc;
}

int64_t sys_shutdown(int fd, uint32_t how)
{
	return mote_shutdown(mote_area(), fd, how);
}

/* --- names and options --- */

static int64_t name_of(int32_t fd, bool peer, uint64_t address, uint64_t len_at)
{
	struct mote_sockaddr a;
	int64_t rc = mote_sock_name(mote_area(), fd, peer, &a);
	if (rc < 0)
		return rc;
	return put_address(&a, address, len_at);
}

int64_t sys_getsockname(int fd, uint64_t address, uint64_t len_at)
{
	return name_of(fd, false, address, len_at);
}

int64_t sys_getpeername(int fd, uint64_t address, uint64_t len_at)
{
	return name_of(fd, true, address, len_at);
}

int64_t sys_setsockopt(int fd, uint32_t level, uint32_t option, uint64_t value, uint64_t len)
{
	return mote_sock_setopt(mote_area(), fd, level, option, (const void *)value, len);
}

int64_t sys_getsockopt(int fd, uint32_t level, uint32_t option, uint64_t value, uint64_t len_at)
{
	uint32_t len;
	if (get_user(&len, len_at, sizeof(len)) < 0)
		return -EFAULT;
	int64_t rc = mote_sock_getopt(mote_area(), fd, level, option, (void *)value, len);
	if (rc < 0)
		return rc;
	len = (uint32_t)rc;
	return put_user(len_at, &len, sizeof(len));
}
