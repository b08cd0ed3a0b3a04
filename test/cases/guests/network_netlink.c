/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What C libraries and tools ask of NETLINK_ROUTE, by a user without capabilities: the addresses
 * and interfaces there are, and what the socket itself says.
 *
 * cases: mote --net
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "show.h"

/* --- lists, sorted: the kernel has orders of its own --- */

static char lines[200][200];
static int count;

static int order(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void print_lines(void)
{
	qsort(lines, (size_t)count, sizeof(lines[0]), order);
	for (int i = 0; i < count; i++)
		printf("%s\n", lines[i]);
	count = 0;
}

static const char *shown(const struct sockaddr *a, char to[100])
{
	const struct sockaddr_ll *l = (const void *)a;
	strcpy(to, "none");
	if (a && a->sa_family == AF_PACKET)
		sprintf(to, "index %d type %d bytes %d %02x..%02x", l->sll_ifindex, l->sll_hatype,
			l->sll_halen, l->sll_addr[0], l->sll_addr[5]);
	else if (a)
		getnameinfo(a,
			    a->sa_family == AF_INET ? sizeof(struct sockaddr_in)
						    : sizeof(struct sockaddr_in6),
			    to, 100, NULL, 0, NI_NUMERICHOST);
	return to;
}

static void interfaces(void)
{
	struct ifaddrs *all = NULL;
	char address[100], mask[100], other[100];
	SAY(getifaddrs(&all));
	for (struct ifaddrs *p = all; p; p = p->ifa_next)
		sprintf(lines[count++], "%s %x %s %s %s", p->ifa_name, p->ifa_flags,
			shown(p->ifa_addr, address), shown(p->ifa_netmask, mask),
			shown(p->ifa_broadaddr, other));
	print_lines();
	struct if_nameindex *names = if_nameindex();
	char name[IF_NAMESIZE];
	for (int i = 0; names && names[i].if_name; i++)
		printf("%u %s %u %s\n", names[i].if_index, names[i].if_name,
		       if_nametoindex(names[i].if_name), if_indextoname(names[i].if_index, name));
	const struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG | AI_NUMERICHOST,
				       .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	SAY(getaddrinfo("127.0.0.1", "80", &hints, &found));
	SAY(getaddrinfo("::1", "80", &hints, &found));
}

/* --- messages --- */

struct request {
	struct nlmsghdr h;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
		uint8_t family;
	};
	uint8_t more[32];
};

static void ask(int fd, uint16_t type, uint16_t flags, struct request *r)
{
	static uint32_t seq = 100;
	r->h.nlmsg_type = type;
	r->h.nlmsg_flags = flags;
	r->h.nlmsg_seq = ++seq;
	printf("type %d flags %x: ", type, flags);
	SAY(send(fd, r, r->h.nlmsg_len, 0) == r->h.nlmsg_len);
}

/* What comes to a request, as far as it has to be equal; the messages of a list are counted. */
static void answers(int fd, const struct request *r)
{
	static char bytes[65536];
	int messages = 0, right = 1;
	for (;;) {
		struct sockaddr_nl from = {0};
		struct iovec v = {bytes, sizeof(bytes)};
		struct msghdr m = {.msg_name = &from,
				   .msg_namelen = sizeof(from),
				   .msg_iov = &v,
				   .msg_iovlen = 1};
		ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
		if (n < 0)
			break;
		right &= m.msg_namelen == sizeof(from) && from.nl_family == AF_NETLINK &&
			 from.nl_pid == 0;
		for (struct nlmsghdr *h = (void *)bytes; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			right &= h->nlmsg_seq == r->h.nlmsg_seq;
			if (h->nlmsg_flags & NLM_F_MULTI)
				messages++;
			if (h->nlmsg_type == NLMSG_ERROR) {
				const struct nlmsgerr *e = NLMSG_DATA(h);
				printf("error %d, flags %x, %u bytes, of type %d\n", e->error,
				       h->nlmsg_flags, h->nlmsg_len, e->msg.nlmsg_type);
			} else if (h->nlmsg_type == NLMSG_DONE) {
				printf("done: %d\n", *(int *)NLMSG_DATA(h));
			} else if (!(h->nlmsg_flags & NLM_F_MULTI)) {
				const struct ifinfomsg *link = NLMSG_DATA(h);
				printf("a link: %d type %d index %d flags %x\n", h->nlmsg_type,
				       link->ifi_type, link->ifi_index, link->ifi_flags);
			}
		}
	}
	printf("%d messages of a list, right: %d\n", messages, right);
}

static void put_name(struct request *r, const char *name)
{
	const struct rtattr a = {.rta_len = (uint16_t)(sizeof(a) + strlen(name) + 1),
				 .rta_type = IFLA_IFNAME};
	memcpy(r->more, &a, sizeof(a));
	strcpy((char *)r->more + sizeof(a), name);
	r->h.nlmsg_len = offsetof(struct request, more) + a.rta_len;
}

#define LINK_BYTES (NLMSG_LENGTH(sizeof(struct ifinfomsg)))
#define WITH(...)  ((struct request){.h = {.nlmsg_len = LINK_BYTES}, __VA_ARGS__})

static void requests(int fd)
{
	struct request r;
	static const int indices[] = {1, 9999, 0, -1};
	for (size_t i = 0; i < 4; i++) {
		r = WITH(.link = {.ifi_index = indices[i]});
		ask(fd, RTM_GETLINK, NLM_F_REQUEST, &r);
		answers(fd, &r);
	}
	static const char *const names[] = {"lo", "none0"};
	for (size_t i = 0; i < 2; i++) {
		r = WITH(.family = 0);
		put_name(&r, names[i]);
		ask(fd, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, &r);
		answers(fd, &r);
	}
	static const struct {
		uint16_t type, flags;
	} others[] = {
		{RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE},
		{RTM_DELLINK, NLM_F_REQUEST},
		{RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK},
		{RTM_DELROUTE, NLM_F_REQUEST},
		{RTM_MAX + 50, NLM_F_REQUEST},
		{NLMSG_NOOP, NLM_F_REQUEST},
		{NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK},
		{RTM_NEWLINK, NLM_F_ACK},
		{RTM_GETLINK, 0},
		{RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP},
		{RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP},
		{RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP | NLM_F_ACK},
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		r = WITH(.family = 0);
		ask(fd, others[i].type, others[i].flags, &r);
		answers(fd, &r);
	}
	static const uint8_t families[] = {AF_INET, AF_INET6};
	for (size_t i = 0; i < 2; i++) {
		r = WITH(.family = families[i]);
		ask(fd, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, &r);
		answers(fd, &r);
	}
	r = WITH(.family = 0);
	r.h.nlmsg_len = sizeof(r.h);
	ask(fd, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, &r);
	answers(fd, &r);
	r.h.nlmsg_len = 8;
	SAY(send(fd, &r, 8, 0));
	answers(fd, &r);
}

/* --- the socket --- */

static uint32_t port(int fd)
{
	struct sockaddr_nl a = {0};
	socklen_t len = sizeof(a);
	SAY(getsockname(fd, (void *)&a, &len));
	printf("%u bytes, family %d, groups %x\n", len, a.nl_family, a.nl_groups);
	return a.nl_pid;
}

static void addresses(void)
{
	int a = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
	    b = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	SAY(port(a));
	SAY(bind(a, (void *)&to, 4));
	SAY(bind(a, (void *)&to, sizeof(to)));
	SAY(port(a) == (uint32_t)getpid());
	to.nl_groups = RTMGRP_LINK;
	SAY(bind(b, (void *)&to, sizeof(to)));
	SAY(port(b) > 0x80000000);
	to.nl_pid = 77;
	SAY(bind(b, (void *)&to, sizeof(to)));
	to.nl_pid = (uint32_t)getpid();
	close(b);
	b = socket(AF_NETLINK, SOCK_RAW, 0);
	SAY(bind(b, (void *)&to, sizeof(to)));
	to.nl_family = AF_INET;
	SAY(bind(b, (void *)&to, sizeof(to)));
	to = (struct sockaddr_nl){.nl_family = AF_NETLINK, .nl_pid = 12345};
	SAY(sendto(b, "", 1, 0, (void *)&to, sizeof(to)));
	SAY(connect(b, (void *)&to, sizeof(to)));
	to.nl_pid = 0;
	SAY(sendto(b, "", 1, 0, (void *)&to, sizeof(to)));
	SAY(connect(b, (void *)&to, sizeof(to)));
	SAY(port(b) > 0x80000000);
	close(a);
	close(b);
}

static void options(int fd)
{
	static const struct {
		int level, option;
	} all[] = {{SOL_SOCKET, SO_TYPE},
		   {SOL_SOCKET, SO_DOMAIN},
		   {SOL_SOCKET, SO_PROTOCOL},
		   {SOL_NETLINK, NETLINK_CAP_ACK},
		   {SOL_NETLINK, 99}};
	int value, one = 1;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		socklen_t len = sizeof(value);
		value = -1;
		SAY(getsockopt(fd, all[i].level, all[i].option, &value, &len));
		printf("%d %u\n", value, len);
	}
	static const int set[] = {NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP, NETLINK_PKTINFO,
				  NETLINK_EXT_ACK,        NETLINK_CAP_ACK,         99};
	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		SAY(setsockopt(fd, SOL_NETLINK, set[i], &one, sizeof(one)));
	SAY(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, 1));
}

/* Waiting, peeking and lengths, on an acknowledgement. */
static void reading(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE),
	    epoll = epoll_create1(0);
	struct request r = WITH(.family = 0);
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
	struct epoll_event event = {.events = EPOLLIN};
	char bytes[100];
	SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	SAY(poll(&p, 1, 0));
	printf("%x\n", p.revents);
	SAY(epoll_wait(epoll, &event, 1, 0));
	SAY(recv(fd, bytes, sizeof(bytes), 0));
	r.h.nlmsg_type = NLMSG_NOOP;
	r.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	SAY(write(fd, &r, r.h.nlmsg_len));
	struct iovec v[2] = {{&r, 10}, {(char *)&r + 10, r.h.nlmsg_len - 10}};
	SAY(writev(fd, v, 2));
	SAY(poll(&p, 1, 0));
	printf("%x\n", p.revents);
	SAY(epoll_wait(epoll, &event, 1, 0));
	SAY(recv(fd, bytes, 10, MSG_PEEK));
	SAY(recv(fd, bytes, 10, MSG_PEEK | MSG_TRUNC));
	SAY(recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC));
	int other = dup(fd);
	SAY(close(fd));
	SAY(recv(other, bytes, 20, 0));
	SAY(read(other, bytes, sizeof(bytes)));
	SAY(recv(other, bytes, sizeof(bytes), 0));
	SAY(shutdown(other, SHUT_RD));
	SAY(listen(other, 1));
	SAY(close(other));
}

int main(void)
{
	SAY(setresuid(1000, 1000, 1000));
	interfaces();
	SAY(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
	SAY(socket(AF_NETLINK, SOCK_RAW, 31));
	SAY(socket(AF_NETLINK, SOCK_RAW, -1));
	addresses();
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	requests(fd);
	options(fd);
	requests(fd);
	reading();
	/* As many as there can be, over and over. */
	for (int i = 0; i < 100; i++)
		close(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	SAY(dup(fd) - fd);
	return 0;
}
