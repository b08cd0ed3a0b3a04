/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on sockets. */
#include "guest/linux/fs/descriptor.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/net/netlink.h"
#include "guest/linux/socket_address.h"
#include "guest/linux/socket_pairs.h"
#include "guest/linux/socket_rights.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"
#include "guest/linux/time.h"

#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/uio.h>

/* <sys/socket.h> */
enum {
	AF_UNIX = 1,
	AF_INET = 2,
	AF_INET6 = 10,
	SOCK_STREAM = 1,
	SOCK_KIND = 15,
	SOCK_CLOEXEC = O_CLOEXEC,
	SOL_SOCKET = 1,
	SO_PASSCRED = 16,
	SO_PEERCRED = 17,
	SO_DOMAIN = 39,
	SCM_RIGHTS = 1,
	SCM_CREDENTIALS = 2,
};
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
	MSG_CMSG_CLOEXEC = 0x40000000,
};

static bool is_family(uint32_t domain)
{
	return domain == AF_UNIX || domain == AF_INET || domain == AF_INET6;
}

int64_t sys_socket(uint32_t domain, uint32_t type, uint32_t protocol)
{
	if (domain == NETLINK_FAMILY)
		return netlink_open(type, protocol);
	if (!is_family(domain))
		return -EAFNOSUPPORT;
	int64_t fd = descriptor_admit(mote_socket(mote_area(), domain, type, protocol));
	return fd_set_close_on_exec(fd, type & SOCK_CLOEXEC);
}

int64_t sys_socketpair(uint32_t domain, uint32_t type, uint32_t protocol, uint64_t to)
{
	int32_t fds[2];
	if (!is_family(domain))
		return -EAFNOSUPPORT;
	if (domain == AF_UNIX && protocol > AF_UNIX)
		return -EPROTONOSUPPORT;
	int64_t rc = mote_socketpair(mote_area(), domain, type, (void *)to, sizeof(fds));
	rc = descriptor_pair_on_exec(rc, to, type & SOCK_CLOEXEC);
	if (rc == 0 && get_user(fds, to, sizeof(fds)) == 0)
		socket_pair_note(fds[0], fds[1], (type & SOCK_KIND) != SOCK_STREAM);
	return rc;
}

int64_t sys_listen(int fd, uint32_t backlog)
{
	if (netlink_of(fd))
		return -EOPNOTSUPP;
	return mote_listen(mote_area(), fd, backlog);
}

int64_t sys_accept4(int fd, uint64_t address, uint64_t len_at, uint32_t flags)
{
	if (flags & ~(uint32_t)(SOCK_CLOEXEC | O_NONBLOCK))
		return mote_get_flags(mote_area(), fd) < 0 ? -EBADF : -EINVAL;
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

/* Likewise. */
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
	if (netlink_of(fd))
		return netlink_send(netlink_of(fd), v, count, address, len);
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
	int64_t rc;
	if (rights_wait(fd) && !(flags & MSG_OOB))
		rc = rights_read(fd, &v, 1, recv_flags(flags), &a);
	else
		rc = mote_recv(mote_area(), fd, &v, 1, recv_flags(flags), &a);
	if (rc < 0)
		return rc;
	if (netlink_of(fd))
		a = netlink_name(NULL);
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

/* --- control messages of a send --- */

/* Which descriptors: all of the messages together. */
static int64_t take_rights(struct socket_cargo *c, uint64_t at, uint64_t bytes)
{
	const uint64_t count = bytes / sizeof(int32_t);
	if (count > RIGHTS_PER_MESSAGE - c->count)
		return -EINVAL;
	if (get_user(&c->fds[c->count], at, count * sizeof(int32_t)) < 0)
		return -EFAULT;
	for (uint64_t i = 0; i < count; i++, c->count++)
		if (mote_get_flags(mote_area(), c->fds[c->count]) < 0)
			return -EBADF;
	return 0;
}

static bool is_own(const uint32_t ids[ID_KINDS], uint32_t id)
{
	return id == ids[ID_REAL] || id == ids[ID_EFFECTIVE] || id == ids[ID_SAVED];
}

/* As whom the program may show itself: there is no other process. */
static int64_t take_ids(struct socket_cargo *c, uint64_t at, uint64_t bytes)
{
	if (bytes != sizeof(c->ids))
		return -EINVAL;
	if (get_user(&c->ids, at, sizeof(c->ids)) < 0)
		return -EFAULT;
	if (c->ids.pid != (int32_t)process.boot->pid)
		return -EPERM;
	if ((!is_own(process.credentials.uid, c->ids.uid) && !capable(CAP_SETUID)) ||
	    (!is_own(process.credentials.gid, c->ids.gid) && !capable(CAP_SETGID)))
		return -EPERM;
	c->says_ids = true;
	return 0;
}

/* Of an AF_UNIX socket. */
static int64_t take_control(struct socket_cargo *c, const struct control *head, uint64_t at)
{
	const uint64_t bytes = head->bytes - sizeof(*head);
	if (head->level != SOL_SOCKET)
		return 0;
	if (head->type == SCM_RIGHTS)
		return take_rights(c, at, bytes);
	if (head->type == SCM_CREDENTIALS)
		return take_ids(c, at, bytes);
	return -EINVAL;
}

static bool is_unix(int32_t fd)
{
	int32_t domain;
	return socket_end_of(fd) || (mote_sock_getopt(mote_area(), fd, SOL_SOCKET, SO_DOMAIN,
						      &domain, sizeof(domain)) > 0 &&
				     domain == AF_UNIX);
}

/*
 * Those of IP sockets are hints (TTL, class, an address of the sender's own), or mean nothing
 * there.
 */
static int64_t take_controls(struct socket_cargo *c, int32_t fd, uint64_t at, uint64_t bytes)
{
	struct control head;
	const bool counts = bytes >= sizeof(head) && is_unix(fd);
	while (bytes >= sizeof(head)) {
		if (get_user(&head, at, sizeof(head)) < 0)
			return -EFAULT;
		if (head.bytes < sizeof(head) || head.bytes > bytes)
			return -EINVAL;
		int64_t rc = counts ? take_control(c, &head, at + sizeof(head)) : 0;
		if (rc < 0)
			return rc;
		const uint64_t step = min_u64((head.bytes + 7) & ~7UL, bytes);
		at += step;
		bytes -= step;
	}
	if (c->count == 0 || socket_end_of(fd))
		return 0;
	lib_log("sendmsg: SCM_RIGHTS is implemented for the sockets of socketpair alone");
	return -EOPNOTSUPP;
}

/* Sends what goes with a message as well: of how much is before it the host knows. */
static int64_t send_cargo(int32_t fd, const struct message *m, uint32_t flags,
			  struct socket_cargo *c)
{
	const uint32_t end = socket_end_of(fd);
	const int32_t peer = socket_end_descriptor(socket_peer(end));
	int64_t rc = rights_pack(c);
	if (rc < 0)
		return rc;
	int64_t ahead = 0;
	if (peer >= 0)
		ahead = mote_readable_bytes(mote_area(), peer);
	rc = send_to(fd, (const void *)m->iov, m->iovlen, flags, m->name, m->namelen);
	if (rc > 0 || (rc == 0 && socket_end(end)->messages))
		rights_send(socket_peer(end), c, ahead > 0 ? (uint64_t)ahead : 0, (uint64_t)rc);
	else
		rights_unpack(c);
	return rc;
}

static int64_t send_message(int32_t fd, const struct message *m, uint32_t flags)
{
	struct socket_cargo c;
	c.count = 0;
	c.says_ids = false;
	int64_t rc = take_controls(&c, fd, m->control, m->control ? m->controllen : 0);
	if (rc < 0)
		return rc;
	if ((c.count || c.says_ids) && socket_end_of(fd))
		return send_cargo(fd, m, flags, &c);
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

/* --- control messages of a receive --- */

/* Where they go: what is left, and what has become of the message's flags. */
struct controls {
	uint64_t at, left;
	uint32_t flags;
};

static int64_t put_head(struct controls *to, uint64_t bytes, int32_t type)
{
	const struct control head = {bytes, SOL_SOCKET, type};
	if (put_user(to->at, &head, sizeof(head)) < 0)
		return -EFAULT;
	const uint64_t step = min_u64((bytes + 7) & ~7UL, to->left);
	to->at += step;
	to->left -= step;
	return 0;
}

static int64_t put_ids(struct controls *to, const struct socket_ids *ids)
{
	uint64_t bytes = sizeof(struct control) + sizeof(*ids);
	if (to->left < bytes)
		to->flags |= MSG_CTRUNC;
	if (to->left < sizeof(struct control))
		return 0;
	bytes = min_u64(bytes, to->left);
	if (put_user(to->at + sizeof(struct control), ids, bytes - sizeof(struct control)) < 0)
		return -EFAULT;
	return put_head(to, bytes, SCM_CREDENTIALS);
}

static int64_t put_rights(struct controls *to, const struct socket_cargo *c)
{
	uint32_t most = 0;
	if (to->left > sizeof(struct control))
		most = (uint32_t)min_u64((to->left - sizeof(struct control)) / sizeof(int32_t),
					 RIGHTS_PER_MESSAGE);
	const uint32_t n = rights_receive(c, to->at + sizeof(struct control), most,
					  to->flags & MSG_CMSG_CLOEXEC);
	if (n < c->count)
		to->flags |= MSG_CTRUNC;
	if (n == 0)
		return 0;
	return put_head(to, sizeof(struct control) + n * sizeof(int32_t), SCM_RIGHTS);
}

static int64_t put_controls(struct controls *to, uint32_t end, const struct socket_cargo *c)
{
	const struct socket_ids own = socket_own_ids();
	int64_t rc = 0;
	if (end && socket_end(end)->credentials)
		rc = put_ids(to, c && c->says_ids ? &c->ids : &own);
	if (rc == 0 && c && c->count)
		rc = put_rights(to, c);
	return rc;
}

/* Receives into a message and says in it what came. */
static int64_t recv_message(int32_t fd, struct message *m, uint32_t flags)
{
	struct mote_sockaddr a;
	struct controls to = {m->control, m->control ? m->controllen : 0, flags & MSG_CMSG_CLOEXEC};
	const struct socket_cargo *cargo = NULL;
	const struct mote_iovec *v = (const void *)m->iov;
	const uint64_t capacity = capacity_of(m);
	int64_t rc;
	if (rights_wait(fd) && !(flags & (MSG_OOB | MSG_ERRQUEUE)))
		rc = rights_recv(fd, v, m->iovlen, recv_flags(flags), &a, &cargo);
	else
		rc = mote_recv(mote_area(), fd, v, m->iovlen, recv_flags(flags) | MOTE_RECV_LENGTH,
			       &a);
	if (rc < 0)
		return rc;
	const int64_t put = put_controls(&to, socket_end_of(fd), cargo);
	rights_drop();
	if (put < 0)
		return put;
	address_from_host(&a);
	if (netlink_of(fd))
		a = netlink_name(NULL);
	if (put_user_optional(m->name, a.data, min_u64(a.len, m->namelen)) < 0)
		return -EFAULT;
	m->namelen = a.len;
	m->controllen = m->control ? m->controllen - to.left : 0;
	m->flags = to.flags;
	if (flags & MSG_ERRQUEUE)
		m->flags |= MSG_ERRQUEUE | MSG_CTRUNC;
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
	if (netlink_of(fd))
		return -EOPNOTSUPP;
	return mote_shutdown(mote_area(), fd, how);
}

/* --- options --- */

/* What the runtime itself has of a pair's end: whether it gets credentials, and the other end's. */
static bool is_kept(uint32_t end, uint32_t level, uint32_t option)
{
	return end && level == SOL_SOCKET && (option == SO_PASSCRED || option == SO_PEERCRED);
}

int64_t sys_setsockopt(int fd, uint32_t level, uint32_t option, uint64_t value, uint64_t len)
{
	int32_t on;
	const uint32_t end = socket_end_of(fd);
	int64_t rc = -EPROTONOSUPPORT;
	if (netlink_of(fd))
		rc = netlink_set_option(netlink_of(fd), level, option, value, len);
	if (rc != -EPROTONOSUPPORT)
		return rc;
	if (!is_kept(end, level, option) || option != SO_PASSCRED)
		return mote_sock_setopt(mote_area(), fd, level, option, (const void *)value, len);
	if (len < sizeof(on))
		return -EINVAL;
	if (get_user(&on, value, sizeof(on)) < 0)
		return -EFAULT;
	socket_end(end)->credentials = on;
	return 0;
}

static int64_t get_kept(const struct socket_end *end, uint32_t option, uint64_t value,
			uint32_t *len)
{
	const int32_t on = end->credentials;
	const void *from = &on;
	uint32_t bytes = sizeof(on);
	if (option == SO_PEERCRED) {
		from = &end->maker;
		bytes = sizeof(end->maker);
	}
	if (*len > INT32_MAX)
		return -EINVAL;
	if (*len > bytes)
		*len = bytes;
	return put_user(value, from, *len);
}

int64_t sys_getsockopt(int fd, uint32_t level, uint32_t option, uint64_t value, uint64_t len_at)
{
	uint32_t len;
	const uint32_t end = socket_end_of(fd);
	int64_t rc = -EPROTONOSUPPORT;
	if (get_user(&len, len_at, sizeof(len)) < 0)
		return -EFAULT;
	if (netlink_of(fd))
		rc = netlink_get_option(netlink_of(fd), level, option, value, &len);
	if (rc == -EPROTONOSUPPORT && is_kept(end, level, option)) {
		rc = get_kept(socket_end(end), option, value, &len);
	} else if (rc == -EPROTONOSUPPORT) {
		rc = mote_sock_getopt(mote_area(), fd, level, option, (void *)value, len);
		len = (uint32_t)rc;
	}
	if (rc < 0)
		return rc;
	return put_user(len_at, &len, sizeof(len));
}
