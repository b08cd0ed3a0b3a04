/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that name sockets: by an address of the network, a file, or an abstract name. */
#include "guest/linux/socket_address.h"

#include "guest/linux/fs/lookup.h"
#include "guest/linux/net/netlink.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>

enum { AF_UNIX = 1, FAMILY_BYTES = 2, UNIX_BYTES = FAMILY_BYTES + 108 }; /* <sys/un.h> */

static int64_t get_address(struct mote_sockaddr *a, uint64_t from, uint64_t len)
{
	if (len > sizeof(a->data))
		return -EINVAL;
	a->len = (uint32_t)len;
	return get_user(a->data, from, len);
}

static bool is_unix(const struct mote_sockaddr *a)
{
	return a->len >= FAMILY_BYTES && a->data[0] == AF_UNIX && a->data[1] == 0;
}

/* --- files --- */

static bool names_file(const struct mote_sockaddr *a)
{
	return is_unix(a) && a->len > FAMILY_BYTES && a->data[FAMILY_BYTES];
}

static void copy_path(char to[UNIX_BYTES + 1], const struct mote_sockaddr *a)
{
	size_t len = strnlen((const char *)a->data + FAMILY_BYTES, a->len - FAMILY_BYTES);
	memcpy(to, a->data + FAMILY_BYTES, len);
	to[len] = '\0';
}

/* Resolves the path in the address. */
static int64_t find_file(struct resolved_path *p, const struct mote_sockaddr *a, enum lookup lookup)
{
	char path[UNIX_BYTES + 1];
	if (a->len > UNIX_BYTES)
		return -EINVAL;
	copy_path(path, a);
	return lookup_path(p, AT_FDCWD, path, lookup);
}

/*
 * Unless this is a container, the host knows a file that a socket was bound to by a path of its
 * own: how the program called it. The oldest is forgotten.
 */
#define HOST_PATH "/proc/self/fd/"
enum { BOUND_MAX = 32 };
static struct bound {
	char host[UNIX_BYTES + 1], own[UNIX_BYTES + 1];
} bound[BOUND_MAX];
static uint32_t bound_next;

static bool is_host_path(const struct mote_sockaddr *a)
{
	return names_file(a) && a->len > FAMILY_BYTES + sizeof(HOST_PATH) &&
	       memcmp(a->data + FAMILY_BYTES, HOST_PATH, sizeof(HOST_PATH) - 1) == 0;
}

static void note_bound(int32_t fd, const struct mote_sockaddr *own)
{
	struct mote_sockaddr host;
	if (mote_sock_name(mote_area(), fd, 0, &host) < 0 || !is_host_path(&host))
		return;
	struct bound *b = &bound[bound_next++ % BOUND_MAX];
	copy_path(b->host, &host);
	copy_path(b->own, own);
}

/* Of a file that another process has bound, the name in its directory. */
static const char *own_path(const char *host)
{
	for (uint32_t i = 1; i <= BOUND_MAX; i++) { /* the newest first: numbers are used again */
		const struct bound *b = &bound[(bound_next - i) % BOUND_MAX];
		if (strcmp(b->host, host) == 0)
			return b->own;
	}
	return last_component(host);
}

void address_from_host(struct mote_sockaddr *a)
{
	char host[UNIX_BYTES + 1];
	if (!is_host_path(a))
		return;
	copy_path(host, a);
	const char *own = own_path(host);
	size_t bytes = strlen(own) + 1;
	memcpy(a->data + FAMILY_BYTES, own, bytes);
	a->len = (uint32_t)(FAMILY_BYTES + bytes);
}

int64_t address_put(const struct mote_sockaddr *a, uint64_t to, uint64_t len_at)
{
	struct mote_sockaddr own = *a;
	uint32_t capacity;
	if (!to)
		return 0;
	address_from_host(&own);
	if (get_user(&capacity, len_at, sizeof(capacity)) < 0)
		return -EFAULT;
	if (capacity > INT32_MAX)
		return -EINVAL;
	if (put_user(to, own.data, min_u64(own.len, capacity)) < 0)
		return -EFAULT;
	return put_user(len_at, &own.len, sizeof(own.len));
}

/* --- the calls --- */

/* An abstract name that nobody has: Linux's are five digits, too. */
static int64_t bind_any(int32_t fd)
{
	static uint32_t next;
	struct mote_sockaddr a = {.len = FAMILY_BYTES + 6, .data = {AF_UNIX}};
	for (uint32_t tries = 0; tries < 1U << 20; tries++) {
		uint32_t n = next++;
		for (int i = 0; i < 5; i++, n >>= 4)
			a.data[FAMILY_BYTES + 5 - i] = (uint8_t) "0123456789abcdef"[n & 15];
		int64_t rc = mote_bind(mote_area(), fd, &a);
		if (rc != -EADDRINUSE)
			return rc;
	}
	return -ENOSPC;
}

/* None of the runtime's own files is a socket, nor can one be made there. */
static int64_t bind_here(int32_t fd, const struct resolved_path *p, const struct mote_sockaddr *a)
{
	if (p->own >= 0)
		return -EADDRINUSE;
	if (p->proc[0])
		return -EACCES;
	return mote_bind_file(mote_area(), fd, p->base, p->rest, rest_len(p), p->resolve,
			      0777 & ~process.umask, a);
}

static int64_t bind_file(int32_t fd, const struct mote_sockaddr *a)
{
	struct resolved_path p;
	int64_t rc = find_file(&p, a, LOOKUP_NAME);
	if (rc < 0)
		return rc;
	do
		rc = bind_here(fd, &p, a);
	while (lookup_retry(&p, rc));
	if (rc == 0)
		note_bound(fd, a);
	if (rc == -EEXIST)
		return -EADDRINUSE;
	return lookup_result(&p, rc);
}

int64_t sys_bind(int fd, uint64_t address, uint64_t len)
{
	struct mote_sockaddr a;
	if (netlink_of(fd))
		return netlink_bind(netlink_of(fd), address, len);
	int64_t rc = get_address(&a, address, len);
	if (rc < 0)
		return rc;
	if (names_file(&a))
		return bind_file(fd, &a);
	if (is_unix(&a) && a.len == FAMILY_BYTES)
		return bind_any(fd);
	return mote_bind(mote_area(), fd, &a);
}

static int64_t connect_here(int32_t fd, const struct resolved_path *p)
{
	if (p->own >= 0 || p->proc[0])
		return -ECONNREFUSED;
	return mote_connect_file(mote_area(), fd, p->base, p->rest, rest_len(p), p->resolve);
}

int64_t sys_connect(int fd, uint64_t address, uint64_t len)
{
	struct mote_sockaddr a;
	struct resolved_path p;
	if (netlink_of(fd))
		return netlink_connect(address, len);
	int64_t rc = get_address(&a, address, len);
	if (rc < 0)
		return rc;
	if (!names_file(&a))
		return mote_connect(mote_area(), fd, &a);
	rc = find_file(&p, &a, LOOKUP_FILE);
	if (rc < 0)
		return rc;
	do
		rc = connect_here(fd, &p);
	while (lookup_retry(&p, rc));
	return lookup_result(&p, rc);
}

int64_t address_send(int32_t fd, const struct mote_iovec *v, uint64_t count, uint32_t flags,
		     uint64_t address, uint64_t len)
{
	struct mote_sockaddr a;
	struct resolved_path p;
	if (!address)
		return mote_send(mote_area(), fd, v, count, flags, NULL);
	int64_t rc = get_address(&a, address, len);
	if (rc < 0)
		return rc;
	if (!names_file(&a))
		return mote_send(mote_area(), fd, v, count, flags, &a);
	rc = find_file(&p, &a, LOOKUP_FILE);
	if (rc < 0)
		return rc;
	do {
		if (p.own >= 0 || p.proc[0])
			return -ECONNREFUSED;
		rc = mote_send_file(mote_area(), fd, v, count, flags, p.base, p.rest, rest_len(&p),
				    p.resolve);
	} while (lookup_retry(&p, rc));
	return lookup_result(&p, rc);
}

static int64_t name_of(int32_t fd, bool peer, uint64_t address, uint64_t len_at)
{
	struct mote_sockaddr a;
	int64_t rc = mote_sock_name(mote_area(), fd, peer, &a);
	if (rc < 0)
		return rc;
	if (netlink_of(fd))
		a = netlink_name(peer ? NULL : netlink_of(fd));
	return address_put(&a, address, len_at);
}

int64_t sys_getsockname(int fd, uint64_t address, uint64_t len_at)
{
	return name_of(fd, false, address, len_at);
}

int64_t sys_getpeername(int fd, uint64_t address, uint64_t len_at)
{
	return name_of(fd, true, address, len_at);
}
