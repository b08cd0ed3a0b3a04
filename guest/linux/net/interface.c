/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/net/interface.h"

#include "guest/linux/net/files.h"
#include "guest/linux/user.h"

enum {
	AF_UNIX = 1,
	AF_INET = 2,
	SOCK_DGRAM = 2,
	SOL_SOCKET = 1,
	SO_DOMAIN = 39
}; /* <sys/socket.h> */

/* --- questions --- */

int32_t net_ask_open(void)
{
	return (int32_t)mote_socket(mote_area(), AF_INET, SOCK_DGRAM, 0);
}

void net_ask_close(int32_t fd)
{
	if (fd >= 0)
		(void)!mote_close(mote_area(), fd);
}

static void set_word(struct mote_interface *i, uint32_t value)
{
	memcpy(i->data, &value, sizeof(value));
}

static uint32_t word_of(const struct mote_interface *i)
{
	uint32_t value;
	memcpy(&value, i->data, sizeof(value));
	return value;
}

/* What Linux says of the loopback interface that a new network namespace has. */
static int64_t ask_loopback(uint32_t request, struct mote_interface *i)
{
	static const char name[16] = "lo";
	if (request == NET_ASK_NAME && word_of(i) == 1) {
		memcpy(i->name, name, sizeof(name));
		return 0;
	}
	if (request == NET_ASK_NAME || strncmp(i->name, name, sizeof(name)) != 0)
		return -ENODEV;
	switch (request) {
	case NET_ASK_ADDRESS:
	case NET_ASK_PEER:
	case NET_ASK_BROADCAST:
	case NET_ASK_MASK:
		return -EADDRNOTAVAIL;
	default:
		break;
	}
	memset(i->data, 0, sizeof(i->data));
	if (request == NET_ASK_FLAGS)
		set_word(i, NET_LOOPBACK);
	else if (request == NET_ASK_MTU)
		set_word(i, 65536);
	else if (request == NET_ASK_INDEX)
		set_word(i, 1);
	else if (request == NET_ASK_QUEUE)
		set_word(i, 1000);
	else if (request == NET_ASK_HARDWARE)
		set_word(i, NET_IS_LOOPBACK);
	return 0;
}

int64_t net_ask(int32_t fd, uint32_t request, struct mote_interface *i)
{
	int64_t rc = -EPERM;
	if (fd >= 0)
		rc = mote_interface(mote_area(), fd, request, i, sizeof(*i), i, sizeof(*i));
	if (rc == -EPERM)
		return ask_loopback(request, i);
	return rc;
}

int64_t net_ask_list(int32_t fd, struct mote_interface *to, uint64_t bytes)
{
	int64_t rc = -EPERM;
	if (fd >= 0)
		rc = mote_interface(mote_area(), fd, NET_ASK_LIST, NULL, 0, to, bytes);
	return rc == -EPERM ? 0 : rc;
}

/* --- interfaces --- */

void net_links_open(void)
{
	net_lines_open(MOTE_NET_dev);
	(void)!net_lines_next();
	(void)!net_lines_next();
}

bool net_links_next(struct net_link *to)
{
	char *line = net_lines_next(), *at = line;
	while (at && *at && *at != ':')
		at++;
	if (!at || !*at)
		return false;
	*at++ = '\0';
	*to = (struct net_link){0};
	char *name = net_word(&line);
	if (!name)
		return false;
	memcpy(to->name, name, strnlen(name, sizeof(to->name) - 1));
	for (int i = 0; i < 16; i++)
		to->counters[i] = net_decimal(net_word(&at));
	return true;
}

/* Bytes of a hardware address, of those whose length the kernel's answer has room for. */
static uint8_t address_bytes(uint16_t type)
{
	switch (type) {
	case NET_IS_ETHERNET:
	case NET_IS_LOOPBACK:
		return 6;
	case NET_IS_TUNNEL:
	case NET_IS_SIT:
	case NET_IS_GRE:
		return 4;
	default:
		return 0;
	}
}

static bool ask_word(int32_t fd, uint32_t request, struct net_link *l, uint32_t *to)
{
	struct mote_interface i = {0};
	memcpy(i.name, l->name, sizeof(i.name));
	if (net_ask(fd, request, &i) < 0)
		return false;
	*to = word_of(&i);
	return true;
}

bool net_link_describe(int32_t fd, struct net_link *to)
{
	struct mote_interface i = {0};
	uint32_t index, flags;
	memcpy(i.name, to->name, sizeof(i.name));
	if (!ask_word(fd, NET_ASK_INDEX, to, &index) || !ask_word(fd, NET_ASK_FLAGS, to, &flags) ||
	    !ask_word(fd, NET_ASK_MTU, to, &to->mtu) ||
	    !ask_word(fd, NET_ASK_QUEUE, to, &to->queue) || net_ask(fd, NET_ASK_HARDWARE, &i) < 0)
		return false;
	to->index = (int32_t)index;
	to->flags = flags & 0xffff;
	if ((to->flags & NET_UP) && (to->flags & NET_RUNNING))
		to->flags |= NET_LOWER_UP;
	memcpy(&to->type, i.data, sizeof(to->type));
	memcpy(to->address, i.data + sizeof(to->type), sizeof(to->address));
	to->address_len = address_bytes(to->type);
	return true;
}

/* --- ioctl --- */

/* The kernel's struct ifconf. */
struct list_request {
	int32_t bytes, pad;
	uint64_t at;
};

static int64_t list_for(int32_t fd, uint64_t arg)
{
	struct list_request r;
	if (get_user(&r, arg, sizeof(r)) < 0)
		return -EFAULT;
	int64_t rc = 0; /* none fits */
	if (!r.at)
		rc = net_ask_list(fd, NULL, 0);
	else if (r.bytes >= (int32_t)sizeof(struct mote_interface))
		rc = net_ask_list(fd, (void *)r.at, (uint64_t)r.bytes);
	if (rc < 0)
		return rc;
	r.bytes = (int32_t)rc;
	return put_user(arg, &r, sizeof(r));
}

static bool is_in(const uint16_t *list, size_t count, uint32_t request)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == request)
			return true;
	return false;
}
#define IN(list, request) is_in(list, sizeof(list) / sizeof((list)[0]), request)

static int32_t family_of(int32_t fd)
{
	int32_t family = 0;
	(void)!mote_sock_getopt(mote_area(), fd, SOL_SOCKET, SO_DOMAIN, &family, sizeof(family));
	return family;
}

static int64_t ask_for(int32_t fd, uint32_t request, uint64_t arg)
{
	static const uint16_t addresses[] = {NET_ASK_ADDRESS, NET_ASK_PEER, NET_ASK_BROADCAST,
					     NET_ASK_MASK};
	struct mote_interface i;
	if (IN(addresses, request) && family_of(fd) == AF_UNIX)
		return -ENOTTY;
	if (get_user(&i, arg, sizeof(i)) < 0)
		return -EFAULT;
	i.name[sizeof(i.name) - 1] = '\0';
	int64_t rc = net_ask(fd, request, &i);
	if (rc < 0)
		return rc;
	return put_user(arg, &i, sizeof(i));
}

/*
 * Those that set something of an interface are for CAP_NET_ADMIN, which no guest has; so are, on
 * sockets of IPv4 and IPv6, those of addresses and routes, and of IPv4 those of neighbours.
 */
static int64_t refuse(int32_t fd, uint32_t request)
{
	static const uint16_t of_any[] = {0x8911, 0x8914, 0x891e, 0x8922, 0x8923,
					  0x8924, 0x8930, 0x8931, 0x8932, 0x8936,
					  0x8937, 0x8943, 0x8971, 0x89a0, 0x89a1};
	static const uint16_t of_ip[] = {0x890b, 0x890c, 0x8916, 0x8918, 0x891a, 0x891c};
	static const uint16_t of_ipv4[] = {0x8953, 0x8955};
	const int32_t family = family_of(fd);
	if (IN(of_any, request) || (IN(of_ip, request) && family != AF_UNIX) ||
	    (IN(of_ipv4, request) && family == AF_INET))
		return -EPERM;
	return -ENOTTY;
}

static bool is_socket(int32_t fd)
{
	struct mote_stat st;
	return mote_fstat(mote_area(), fd, &st) == 0 && (st.mode & 0170000) == 0140000;
}

int64_t net_ioctl(int32_t fd, uint32_t request, uint64_t arg)
{
	if (request >> 8 != 0x89 || !is_socket(fd))
		return -ENOTTY;
	switch (request) {
	case NET_ASK_LIST:
		return list_for(fd, arg);
	case NET_ASK_NAME:
	case NET_ASK_FLAGS:
	case NET_ASK_ADDRESS:
	case NET_ASK_PEER:
	case NET_ASK_BROADCAST:
	case NET_ASK_MASK:
	case NET_ASK_METRIC:
	case NET_ASK_MTU:
	case NET_ASK_HARDWARE:
	case NET_ASK_INDEX:
	case NET_ASK_QUEUE:
	case NET_ASK_MAP:
		return ask_for(fd, request, arg);
	default:
		return refuse(fd, request);
	}
}
