/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on sockets. */
#include "guest/linux/syscall.h"

static int64_t get_address(struct mote_sockaddr *a, uint64_t from, uint64_t len)
{
	if (len > sizeof(a->data))
		return -E_INVAL;
	a->len = (uint32_t)len;
	return get_user(a->data, from, len);
}

static int64_t put_address(const struct mote_sockaddr *a, uint64_t to, uint64_t len_at)
{
	uint32_t room;
	if (!to)
		return 0;
	if (get_user(&room, len_at, 4) < 0 ||
	    put_user(to, a->data, a->len < room ? a->len : room) < 0 ||
	    put_user(len_at, &a->len, 4) < 0)
		return -E_FAULT;
	return 0;
}

SYSCALL(socket)
{
	return descriptor_close_on_exec(
		mote_socket(L.area, (uint32_t)s->a, (uint32_t)s->b, (uint32_t)s->c),
		s->b & O_CLOEXEC_);
}

SYSCALL(socketpair)
{
	return mote_socketpair(L.area, (uint32_t)s->a, (uint32_t)s->b, (void *)s->d, 8);
}

SYSCALL(bind)
{
	struct mote_sockaddr a;
	int64_t rc = get_address(&a, s->b, s->c);
	return rc < 0 ? rc : mote_bind(L.area, (int32_t)s->a, &a);
}

SYSCALL(connect)
{
	struct mote_sockaddr a;
	int64_t rc = get_address(&a, s->b, s->c);
	return rc < 0 ? rc : mote_connect(L.area, (int32_t)s->a, &a);
}

SYSCALL(listen)
{
	return mote_listen(L.area, (int32_t)s->a, (uint32_t)s->b);
}

static int64_t accept_on(int32_t fd, uint64_t to, uint64_t len_at, uint32_t flags)
{
	struct mote_sockaddr a;
	int64_t rc = mote_accept(L.area, fd, flags, &a);
	if (rc < 0)
		return rc;
	(void)descriptor_close_on_exec(rc, flags & O_CLOEXEC_);
	return put_address(&a, to, len_at) < 0 ? -E_FAULT : rc;
}

SYSCALL(accept)
{
	return accept_on((int32_t)s->a, s->b, s->c, 0);
}

SYSCALL(accept4)
{
	return accept_on((int32_t)s->a, s->b, s->c, (uint32_t)s->d);
}

SYSCALL(sendto)
{
	struct mote_sockaddr a;
	struct mote_iovec v = {.base = s->b, .len = s->c};
	int64_t rc = s->e ? get_address(&a, s->e, s->f) : 0;
	return rc < 0 ? rc
		      : mote_send(L.area, (int32_t)s->a, &v, 1, (uint32_t)s->d, s->e ? &a : NULL);
}

SYSCALL(recvfrom)
{
	struct mote_sockaddr a;
	struct mote_iovec v = {.base = s->b, .len = s->c};
	int64_t rc = mote_recv(L.area, (int32_t)s->a, &v, 1, (uint32_t)s->d, &a);
	if (rc < 0)
		return rc;
	return put_address(&a, s->e, s->f) < 0 ? -E_FAULT : rc;
}

struct linux_msghdr {
	uint64_t name;
	uint32_t namelen, pad;
	uint64_t iov, iovlen, control, controllen;
	uint32_t flags, pad2;
};

SYSCALL(sendmsg)
{
	struct linux_msghdr m;
	struct mote_sockaddr a;
	if (get_user(&m, s->b, sizeof(m)) < 0)
		return -E_FAULT;
	int64_t rc = m.name ? get_address(&a, m.name, m.namelen) : 0;
	if (rc < 0)
		return rc;
	return mote_send(L.area, (int32_t)s->a, (const void *)m.iov, m.iovlen, (uint32_t)s->c,
			 m.name ? &a : NULL);
}

SYSCALL(recvmsg)
{
	struct linux_msghdr m;
	struct mote_sockaddr a;
	if (get_user(&m, s->b, sizeof(m)) < 0)
		return -E_FAULT;
	int64_t rc =
		mote_recv(L.area, (int32_t)s->a, (const void *)m.iov, m.iovlen, (uint32_t)s->c, &a);
	if (rc < 0)
		return rc;
	if (m.name && put_user(m.name, a.data, a.len < m.namelen ? a.len : m.namelen) < 0)
		return -E_FAULT;
	m.namelen = a.len;
	m.controllen = 0;
	m.flags = 0;
	return put_user(s->b, &m, sizeof(m)) < 0 ? -E_FAULT : rc;
}

SYSCALL(shutdown)
{
	return mote_shutdown(L.area, (int32_t)s->a, (uint32_t)s->b);
}

static int64_t name_of(const struct args *s, uint32_t peer)
{
	struct mote_sockaddr a;
	int64_t rc = mote_sock_name(L.area, (int32_t)s->a, peer, &a);
	return rc < 0 ? rc : put_address(&a, s->b, s->c);
}

SYSCALL(getsockname)
{
	return name_of(s, 0);
}

SYSCALL(getpeername)
{
	return name_of(s, 1);
}

SYSCALL(setsockopt)
{
	return mote_sock_setopt(L.area, (int32_t)s->a, (uint32_t)s->b, (uint32_t)s->c,
				(const void *)s->d, s->e);
}

SYSCALL(getsockopt)
{
	uint32_t len;
	if (get_user(&len, s->e, 4) < 0)
		return -E_FAULT;
	int64_t rc = mote_sock_getopt(L.area, (int32_t)s->a, (uint32_t)s->b, (uint32_t)s->c,
				      (void *)s->d, len);
	if (rc < 0)
		return rc;
	len = (uint32_t)rc;
	return put_user(s->e, &len, 4);
}
