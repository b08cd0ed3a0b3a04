/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What resolvers and servers ask of sockets: options, several messages a call, cut messages,
 * MSG_MORE.
 *
 * cases: mote --net
 */
#define _GNU_SOURCE
#include "show.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void option(const char *name, int fd, int level, int option, int value)
{
	int now = -1;
	socklen_t len = sizeof(now);
	long set = RESULT(setsockopt(fd, level, option, &value, sizeof(value)));
	long get = RESULT(getsockopt(fd, level, option, &now, &len));
	printf("%s: set %ld get %ld len %u value %d\n", name, set, get, len, now);
}
#define OPTION(fd, level, name, value) option(#name, fd, level, name, value)

static void options(void)
{
	int udp = socket(AF_INET, SOCK_DGRAM, 0), udp6 = socket(AF_INET6, SOCK_DGRAM, 0);
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	OPTION(udp, IPPROTO_IP, IP_RECVERR, 1);
	OPTION(udp6, IPPROTO_IPV6, IPV6_RECVERR, 1);
	OPTION(udp, IPPROTO_IP, IP_TOS, 0x10);
	OPTION(udp, IPPROTO_IP, IP_TTL, 5);
	OPTION(udp, IPPROTO_IP, IP_MTU_DISCOVER, 2);
	OPTION(udp, IPPROTO_IP, IP_MULTICAST_TTL, 3);
	OPTION(udp, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	OPTION(tcp, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	OPTION(tcp, IPPROTO_IP, IP_FREEBIND, 1);
	OPTION(udp6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 7);
	OPTION(udp6, IPPROTO_IPV6, IPV6_TCLASS, 4);
	OPTION(udp6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 2);
	OPTION(udp6, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	OPTION(tcp, IPPROTO_TCP, TCP_SYNCNT, 3);
	OPTION(tcp, IPPROTO_TCP, TCP_LINGER2, 9);
	OPTION(tcp, IPPROTO_TCP, TCP_FASTOPEN, 16);
	OPTION(tcp, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16384);
	OPTION(tcp, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
	OPTION(tcp, SOL_SOCKET, SO_OOBINLINE, 1);
	OPTION(tcp, SOL_SOCKET, SO_RCVLOWAT, 10);
	OPTION(tcp, SOL_SOCKET, SO_PRIORITY, 3);
	OPTION(tcp, SOL_SOCKET, SO_REUSEPORT, 1);
	OPTION(tcp, SOL_SOCKET, SO_TYPE, 1);
	struct tcp_info info;
	socklen_t len = 100; /* what every kernel has */
	printf("TCP_INFO %ld", RESULT(getsockopt(tcp, IPPROTO_TCP, TCP_INFO, &info, &len)));
	printf(" len %u state %d\n", len, info.tcpi_state);
	printf("TCP_CONGESTION %ld\n",
	       RESULT(setsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, "reno", 4)));
	char name[16] = "";
	len = sizeof(name);
	printf("get %ld", RESULT(getsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, name, &len)));
	printf(" %s %u\n", name, len);
	struct ip_mreq group = {.imr_multiaddr.s_addr = htonl(0xefff2a2a),
				.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
	printf("join %ld\n",
	       RESULT(setsockopt(udp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group))));
	printf("again %ld\n",
	       RESULT(setsockopt(udp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group))));
	printf("leave %ld\n",
	       RESULT(setsockopt(udp, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group))));
	printf("no option %ld\n", RESULT(setsockopt(tcp, IPPROTO_TCP, 9999, &len, sizeof(len))));
	close(udp), close(udp6), close(tcp);
}

static int receiver(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	*at = (struct sockaddr_in){.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (bind(fd, (void *)at, len) || getsockname(fd, (void *)at, &len))
		perror("receiver");
	return fd;
}

static void messages(void)
{
	struct sockaddr_in at;
	int in = receiver(&at), out = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	printf("connect %d\n", connect(out, (void *)&at, sizeof(at)));
	char text[4][8] = {"one", "second", "3", "fourth"}, got[4][4] = {""};
	struct iovec from[4], to[4];
	struct mmsghdr m[4] = {0}, n[4] = {0};
	struct sockaddr_in peer[4];
	for (int i = 0; i < 4; i++) {
		from[i] = (struct iovec){text[i], strlen(text[i])};
		to[i] = (struct iovec){got[i], sizeof(got[i])};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &from[i], .msg_iovlen = 1};
		n[i].msg_hdr = (struct msghdr){.msg_iov = &to[i],
					       .msg_iovlen = 1,
					       .msg_name = &peer[i],
					       .msg_namelen = sizeof(peer[i])};
	}
	printf("sendmmsg %ld:", RESULT(sendmmsg(out, m, 4, MSG_NOSIGNAL)));
	for (int i = 0; i < 4; i++)
		printf(" %u", m[i].msg_len);
	/* Waits for all three: each may arrive after sendmmsg has returned. */
	printf("\nrecvmmsg %ld:", RESULT(recvmmsg(in, n, 3, 0, NULL)));
	for (int i = 0; i < 3; i++)
		printf(" %u%s(%.*s)%d", n[i].msg_len, n[i].msg_hdr.msg_flags & MSG_TRUNC ? "+" : "",
		       (int)n[i].msg_len, got[i], n[i].msg_hdr.msg_namelen);
	struct timespec zero = {0, 1};
	printf("\nwith a limit %ld\n", RESULT(recvmmsg(in, n, 4, 0, &zero)));
	printf("nothing there %ld\n", RESULT(recvmmsg(in, n, 4, MSG_DONTWAIT, NULL)));
	send(out, "5", 1, 0);
	printf("one there %ld\n", RESULT(recvmmsg(in, n, 4, MSG_WAITFORONE, NULL)));
	printf("bad limit %ld\n", RESULT(recvmmsg(in, n, 1, 0, &(struct timespec){0, 1000000000})));
	printf("none %ld %ld\n", RESULT(sendmmsg(out, m, 0, 0)),
	       RESULT(recvmmsg(in, n, 0, 0, NULL)));
	printf("bad address %ld\n", RESULT(sendmmsg(out, (void *)8, 2, 0)));
	/* MSG_TRUNC asks for the whole length. */
	send(out, "longer than four", 16, 0);
	printf("MSG_TRUNC %ld", RESULT(recvmsg(in, &n[0].msg_hdr, MSG_TRUNC)));
	printf(" flags %x\n", n[0].msg_hdr.msg_flags);
	send(out, "a", 1, MSG_MORE);
	send(out, "b", 1, MSG_MORE);
	printf("corked %ld", RESULT(recv(in, got[0], 4, MSG_DONTWAIT)));
	send(out, "c", 1, MSG_CONFIRM);
	printf(" then %ld (%.3s)\n", RESULT(recv(in, got[0], 4, 0)), got[0]);
	close(in), close(out);
}

/* A datagram to where nobody is: the error comes back, and the queue can be emptied. */
static void refused(void)
{
	struct sockaddr_in at;
	int one = 1, nobody = receiver(&at), fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	char buffer[8];
	close(nobody);
	setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	connect(fd, (void *)&at, sizeof(at));
	send(fd, "hello", 5, 0);
	struct pollfd p = {fd, POLLIN};
	printf("poll %d", poll(&p, 1, 1000));
	printf(" %x\n", p.revents & POLLERR);
	printf("recv %ld\n", RESULT(recv(fd, buffer, sizeof(buffer), 0)));
	struct iovec v = {buffer, sizeof(buffer)};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	printf("error queue %ld", RESULT(recvmsg(fd, &m, MSG_ERRQUEUE)));
	printf(" flags %x\n", m.msg_flags);
	printf("empty %ld\n", RESULT(recvmsg(fd, &m, MSG_ERRQUEUE)));
	p.revents = 0;
	printf("poll %d\n", poll(&p, 1, 0));
	close(fd);
}

/* Flags that change nothing are accepted. */
static void flags(void)
{
	int pair[2];
	char buffer[16];
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	printf("MSG_EOR %ld\n", RESULT(send(pair[0], "x", 1, MSG_NOSIGNAL)));
	printf("MSG_MORE %ld\n", RESULT(send(pair[0], "yz", 2, MSG_MORE | MSG_DONTWAIT)));
	struct iovec v[2] = {{buffer, 1}, {buffer + 1, 15}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
	printf("recvmsg %ld", RESULT(recvmsg(pair[1], &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT)));
	printf(" %.3s flags %x\n", buffer, m.msg_flags & ~MSG_CMSG_CLOEXEC);
}

int main(void)
{
	options();
	messages();
	refused();
	flags();
	return 0;
}
