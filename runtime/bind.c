/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports below 1024 for monitors in a user namespace, whose CAP_NET_BIND_SERVICE does not count in a
 * network namespace of the host's. All of a request is a guest's word, if it has broken out of its
 * VM and filter: what it could do by this is what config.json granted it, and the kernel says so.
 */
#include "runtime/process.h"

#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* The monitor's own, of which it can only give up some. */
static bool has_capability(pid_t pid)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = pid};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	return syscall(SYS_capget, &head, sets) == 0 &&
	       sets[0].effective >> CAP_NET_BIND_SERVICE & 1;
}

static bool is_internet_socket(int fd)
{
	int domain, type;
	socklen_t len = sizeof(domain);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return false;
	return (domain == AF_INET || domain == AF_INET6) &&
	       (type == SOCK_STREAM || type == SOCK_DGRAM);
}

static int bind_of(const struct process *p, const struct wire_bind *b)
{
	struct sockaddr_in6 address;
	_Static_assert(sizeof(address) == sizeof(b->address), "sockaddr_in6");
	if (b->len > sizeof(address) || b->len < sizeof(struct sockaddr_in))
		return -EINVAL;
	memcpy(&address, b->address, sizeof(address));
	if (p->pidfd < 0 || !has_capability(p->pid))
		return -EACCES;
	cleanup_close int fd = pidfd_getfd(p->pidfd, b->fd, 0);
	if (fd < 0 || !is_internet_socket(fd))
		return -EACCES;
	if (bind(fd, (const struct sockaddr *)&address, b->len) < 0)
		return -errno;
	return 0;
}

uint32_t process_bind(const struct process *p, const struct buf *body)
{
	struct wire_bind b;
	if (body->len != sizeof(b))
		return EINVAL;
	memcpy(&b, body->data, sizeof(b));
	return (uint32_t)-bind_of(p, &b);
}
