/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on sockets. */
#include "guest/linux/fs/descriptor.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/socket_address.h"
#include "guest/linux/syscall.h"
#include "guest/linux/time.h"

#include <linux/fcntl.h>
#include <linux/uio.h>

/* <sys/socket.h> */
enum { SOCK_CLOEXEC = O_CLOEXEC, SOL_SOCKET = 1, SCM_RIGHTS = 1 };
enum {
	MSG_OOB = 1,
	MSG_PEEK = 2,
	MSG_CTRUNC = 8,
	MSG_TRUNC = 0x20,
	MSG_DONTWAIT = 0x40,
	MSG_WAITALL = 0x100,
	MSG_ERRQUEUE = 0x2000,
	MSG_NOSIGNAL = 0x4000,
	MSG_MORE = 0x8000,
	MSG_WAITFORONE = 0x10000,
	MSG_FASTOPEN = 0x20000000,
};

int64_t sys_socket(uint32_t domain, uint32_t type, uint32_t protocol)
{
	int64_t fd = descriptor_admit(mote_socket(mote_area(), domain, type, protocol));
	return fd_set_close_on_exec(fd, type & SOCK_CLOEXEC);
}

int64_t sys_socketpair(uint32_t domain, uint32_t type, uint32_t protocol, uint64_t to)
{
	(void)protocol; /* the host knows one for each type */
	int64_t rc = mote_socketpair(mote_area(), domain, type, (void *)to, 2 * sizeof(int32_t));
	return descriptor_pair_on_exec(rc, to, type & SOCK_CLOEXEC);
}

int64_t sys_listen(int fd, uint32_t backlog)
{
	return mote_listen(mote_area(), fd, backlog);
}

int64_t sys_accept4(int fd, uint64_t address, uint64_t len_at, uint32_t flags)
{
	struct mote_sockaddr a;
	int64_t rc = descriptor_admit(mote_accept(mote_area(), fd, flags, &a));
	if (rc < 0)
		return rc;
	(void)!fd_set_close_on_exec(rc, flags & SOCK_CLOEXEC);
	if (address_put(&a, address, len_at) < 0)
		return -EFAULT;
	return rc;
}

int64_t sys_accept(int fd, uint64_t address, uint64_t len_at)
{
	return sys_accept4(fd, address, len_at, 0);
}

/* --- messages --- */

/*
 * Of a send's flags those that make a difference: the others are hints (MSG_CONFIRM, MSG_EOR), or
 * ask for what is so in any case (MSG_ZEROCOPY without SO_ZEROCOPY).
 */
static int64_t send_flags(uint32_t flags)
{
	if (flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;
	return flags & (MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
}

/* Likewise; no descriptor arrives that MSG_CMSG_CLOEXEC could mean. */
static uint32_t recv_flags(uint32_t flags)
{
	return flags & (MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_ERRQUEUE);
}

/* Sends to an address of the program's, or where the socket is connected to. */
static int64_t send_to(int32_t fd, const struct mote_iovec *v, uint64_t count, uint32_t flags,
		       uint64_t address, uint64_t len)
{
	int64_t known = send_flags(flags);
	if (known < 0)
		return known;
	int64_t rc = address_send(fd, v, count, (uint32_t)known, address, len);
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
	int64_t rc = mote_recv(mote_area(), fd, &v, 1, recv_flags(flags), &a);
	if (rc < 0)
		return rc;
	if (address_put(&a, address, len_at) < 0)
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

/* The kernel's struct cmsghdr. */
struct control {
	uint64_t bytes;
	int32_t level, type;
};

/*
 * Control messages of a send: those of IP are hints (TTL, class, an address of the sender's own),
 * credentials are the sender's in any case; descriptors cannot travel.
 */
static int64_t check_control(uint64_t at, uint64_t bytes)
{
	struct control c;
	while (bytes >= sizeof(c)) {
		if (get_user(&c, at, sizeof(c)) < 0)
			return -EFAULT;
		if (c.bytes < sizeof(c) || c.bytes > bytes)
			return -EINVAL;
		if (c.level == SOL_SOCKET && c.type == SCM_RIGHTS) {
			lib_log("sendmsg: SCM_RIGHTS is not implemented");
			return -EOPNOTSUPP;
		}
		const uint64_t step = min_u64((c.bytes + 7) & ~7UL, bytes);
		at += step;
		bytes -= step;
	}
	return 0;
}

static int64_t send_message(int32_t fd, const struct message *m, uint32_t flags)
{
	int64_t rc = check_control(m->control, m->control ? m->controllen : 0);
	if (rc < 0)
		return rc;
	return send_to(fd, (const void *)m->iov, m->iovlen, flags, m->name, m->namelen);
}

int64_t sys_sendmsg(int fd, uint64_t message, uint32_t flags)
{
	struct message m;
	if (get_user(&m, message, sizeof(m)) < 0)
		return -EFAULT;
	return send_message(fd, &m, flags);
}

/* The bytes that a message's pieces hold; what is wrong with them is for the host to say. */
static uint64_t capacity_of(const struct message *m)
{
	struct mote_iovec v;
	uint64_t bytes = 0;
	for (uint64_t i = 0; i < m->iovlen && i < UIO_MAXIOV; i++) {
		if (get_user(&v, m->iov + i * sizeof(v), sizeof(v)) < 0)
			break;
		bytes += v.len;
	}
	return bytes;
}

/* Receives into a message and says in it what came. */
static int64_t recv_message(int32_t fd, struct message *m, uint32_t flags)
{
	struct mote_sockaddr a;
	const uint64_t capacity = capacity_of(m);
	int64_t rc = mote_recv(mote_area(), fd, (const void *)m->iov, m->iovlen,
			       recv_flags(flags) | MOTE_RECV_LENGTH, &a);
	if (rc < 0)
		return rc;
	address_from_host(&a);
	if (put_user_optional(m->name, a.data, min_u64(a.len, m->namelen)) < 0)
		return -EFAULT;
	m->namelen = a.len;
	m->controllen = 0;
	m->flags = flags & MSG_ERRQUEUE ? MSG_ERRQUEUE | MSG_CTRUNC : 0;
	if ((uint64_t)rc <= capacity)
		return rc;
	m->flags |= MSG_TRUNC;
	return flags & MSG_TRUNC ? rc : (int64_t)capacity;
}

int64_t sys_recvmsg(int fd, uint64_t message, uint32_t flags)
{
	struct message m;
	if (get_user(&m, message, sizeof(m)) < 0)
		return -EFAULT;
	int64_t rc = recv_message(fd, &m, flags);
	if (rc < 0)
		return rc;
	if (put_user(message, &m, sizeof(m)) < 0)
		return -EFAULT;
	return rc;
}

/* The kernel's struct mmsghdr. */
struct counted_message {
	struct message m;
	uint32_t bytes, pad;
};

/* How many messages were dealt with; what went wrong only if there are none. */
static int64_t count_or(uint32_t done, int64_t rc)
{
	if (done)
		return done;
	return rc;
}

int64_t sys_sendmmsg(int fd, uint64_t messages, uint32_t count, uint32_t flags)
{
	struct counted_message c;
	if (count > UIO_MAXIOV)
		count = UIO_MAXIOV;
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t at = messages + i * sizeof(c);
		if (get_user(&c, at, sizeof(c)) < 0)
			return count_or(i, -EFAULT);
		int64_t rc = send_message(fd, &c.m, flags);
		if (rc < 0)
			return count_or(i, rc);
		c.bytes = (uint32_t)rc;
		if (put_user(at + offsetof(struct counted_message, bytes), &c.bytes,
			     sizeof(c.bytes)) < 0)
			return count_or(i, -EFAULT);
	}
	return count;
}

/* The time limit is looked at after each message, as Linux does. */
int64_t sys_recvmmsg(int fd, uint64_t messages, uint32_t count, uint32_t flags, uint64_t timeout_at)
{
	struct counted_message c;
	struct mote_time t, left;
	const struct mote_time *timeout;
	if (get_user_timeout(timeout_at, &t, &timeout) < 0)
		return -EFAULT;
	if (timeout && (t.sec < 0 || t.nsec < 0 || t.nsec >= NS_PER_S))
		return -EINVAL;
	const int64_t since = timeout ? time_now_ns() : 0;
	uint32_t done = 0;
	while (done < count && done < UIO_MAXIOV) {
		const uint64_t at = messages + done * sizeof(c);
		if (get_user(&c, at, sizeof(c)) < 0)
			return count_or(done, -EFAULT);
		int64_t rc = recv_message(fd, &c.m, flags);
		if (rc < 0)
			return count_or(done, rc);
		c.bytes = (uint32_t)rc;
		if (put_user(at, &c, sizeof(c)) < 0)
			return count_or(done, -EFAULT);
		done++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (!timeout)
			continue;
		left = time_left(&t, since);
		if (put_user(timeout_at, &left, sizeof(left)) < 0)
			return count_or(done, -EFAULT);
		if (left.sec == 0 && left.nsec == 0)
			break;
	}
	return done;
}

int64_t sys_shutdown(int fd, uint32_t how)
{
	return mote_shutdown(mote_area(), fd, how);
}

/* --- options --- */

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
