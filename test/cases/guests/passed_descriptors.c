/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors and credentials in messages between the sockets of a pair. */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int pair[2];
static _Alignas(struct cmsghdr) char control[2048];

static void open_pair(int type)
{
	if (socketpair(AF_UNIX, type, 0, pair) < 0)
		printf("socketpair: %d\n", errno);
}

static void close_pair(void)
{
	close(pair[0]), close(pair[1]);
}

/* A control message after others; how many bytes there are now. */
static size_t add_control(size_t at, int level, int type, const void *data, size_t bytes)
{
	struct cmsghdr *c = (void *)(control + at);
	c->cmsg_len = CMSG_LEN(bytes);
	c->cmsg_level = level;
	c->cmsg_type = type;
	memcpy(CMSG_DATA(c), data, bytes);
	return at + CMSG_SPACE(bytes);
}

static long send_with(int fd, const char *text, size_t bytes, int flags)
{
	struct iovec v = {(void *)text, strlen(text)};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = bytes ? control : NULL,
			   .msg_controllen = bytes};
	return sendmsg(fd, &m, flags | MSG_NOSIGNAL);
}

static long send_fds(int fd, const char *text, const int *fds, int count)
{
	return send_with(fd, text, add_control(0, SOL_SOCKET, SCM_RIGHTS, fds, count * sizeof(int)),
			 0);
}

static long send_fd(int fd, const char *text, int passed)
{
	return send_fds(fd, text, &passed, 1);
}

/* Receives with capacity for so many bytes of text and control messages, and says all of it. */
static int receive(int fd, size_t bytes, size_t capacity, int flags)
{
	char text[64] = "";
	int first = -1;
	struct iovec v = {text, bytes};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = capacity ? control : NULL,
			   .msg_controllen = capacity};
	memset(control, 0, sizeof(control));
	long n = recvmsg(fd, &m, flags | MSG_DONTWAIT);
	if (n < 0) {
		printf("recvmsg: %d\n", errno);
		return -1;
	}
	printf("recvmsg: %ld '%s' flags %#x control %zu:", n, text, m.msg_flags,
	       (size_t)m.msg_controllen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		const size_t data = c->cmsg_len - CMSG_LEN(0);
		printf(" level %d type %d of %zu", c->cmsg_level, c->cmsg_type, data);
		if (c->cmsg_type == SCM_CREDENTIALS && data == sizeof(struct ucred)) {
			const struct ucred *u = (void *)CMSG_DATA(c);
			printf(" (%s, %d, %d)",
			       u->pid == getpid() ? "own"
			       : u->pid           ? "another"
						  : "none",
			       u->uid, u->gid);
		}
		for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && i < data / 4; i++) {
			int passed = ((int *)CMSG_DATA(c))[i];
			if (first < 0)
				first = passed;
			else
				close(passed);
			if (i < 4)
				printf(" %d%s", passed, fcntl(passed, F_GETFD) ? " on exec" : "");
		}
	}
	printf("\n");
	return first;
}

static int temporary(const char *text)
{
	int fd = open("temporary", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (write(fd, text, strlen(text)) < 0)
		printf("write: %d\n", errno);
	unlink("temporary");
	return fd;
}

/* It is the same open file, whatever its number was. */
static void one(int type)
{
	char text[16] = "";
	int fd = temporary("0123456789"), got;
	printf("--- type %d\n", type);
	open_pair(type);
	SHOW(lseek(fd, 3, SEEK_SET));
	SHOW(send_fd(pair[0], "a", fd));
	SHOW(close(fd));
	got = receive(pair[1], 10, sizeof(control), 0);
	SHOW(read(got, text, 4));
	printf("%s\n", text);
	SHOW(send_fd(pair[1], "back", got));
	SHOW(lseek(got, 8, SEEK_SET));
	fd = receive(pair[0], 10, sizeof(control), MSG_CMSG_CLOEXEC);
	SHOW(lseek(fd, 0, SEEK_CUR));
	SHOW(fd == got);
	close(fd), close(got);
	receive(pair[0], 10, sizeof(control), 0);
	close_pair();
}

/* Of a stream, bytes before them come with them, those behind do not. */
static void boundaries(int type)
{
	int fd = open("/dev/null", O_RDONLY);
	printf("--- boundaries, type %d\n", type);
	open_pair(type);
	SHOW(write(pair[0], "before", 6));
	SHOW(send_fd(pair[0], "with", fd));
	SHOW(write(pair[0], "behind", 6));
	close(receive(pair[1], 30, sizeof(control), 0));
	receive(pair[1], 30, sizeof(control), 0);
	receive(pair[1], 30, sizeof(control), 0);
	receive(pair[1], 30, sizeof(control), 0);
	SHOW(send_fd(pair[0], "first", fd));
	SHOW(send_fd(pair[0], "second", fd));
	close(receive(pair[1], 2, sizeof(control), 0));
	close(receive(pair[1], 30, sizeof(control), 0));
	close(receive(pair[1], 30, sizeof(control), 0));
	SHOW(write(pair[0], "12345", 5));
	SHOW(send_fd(pair[0], "with", fd));
	receive(pair[1], 3, sizeof(control), 0);
	receive(pair[1], 2, sizeof(control), 0);
	close(receive(pair[1], 2, sizeof(control), 0));
	close_pair();
	close(fd);
}

/* Two vectors, a peek, and reads that have no place for descriptors. */
static void reads(int type)
{
	char text[32] = "";
	struct pollfd p;
	struct iovec v[2] = {{text, 2}, {text + 2, 20}};
	int ends[2], fd = open("/dev/null", O_RDONLY), got;
	printf("--- reads, type %d\n", type);
	open_pair(type);
	SHOW(send_fd(pair[0], "peeked", fd));
	got = receive(pair[1], 30, sizeof(control), MSG_PEEK);
	close(got);
	got = receive(pair[1], 3, sizeof(control), MSG_PEEK);
	close(got);
	close(receive(pair[1], 30, sizeof(control), 0));
	SHOW(pipe(ends));
	SHOW(send_fd(pair[0], "dropped", ends[1]));
	SHOW(close(ends[1]));
	p = (struct pollfd){.fd = ends[0], .events = POLLIN};
	SHOW(poll(&p, 1, 0));
	SHOW(readv(pair[1], v, 2));
	printf("%s\n", text);
	SHOW(poll(&p, 1, 0)), SHOW(p.revents);
	SHOW(read(ends[0], text, 1));
	SHOW(write(pair[0], "xy", 2));
	SHOW(send_fd(pair[0], "z", fd));
	SHOW(write(pair[0], "more", 4));
	SHOW(read(pair[1], text, 30));
	SHOW(recv(pair[1], text, 30, 0));
	SHOW(recv(pair[1], text, 30, MSG_DONTWAIT));
	close(fd), close(ends[0]);
	close_pair();
}

static void too_small(void)
{
	int fds[5], got;
	printf("--- too small\n");
	for (int i = 0; i < 5; i++)
		fds[i] = open("/dev/null", O_RDONLY);
	open_pair(SOCK_SEQPACKET);
	for (size_t capacity = 0; capacity <= CMSG_SPACE(5 * sizeof(int)) + 4; capacity += 4) {
		printf("capacity %zu, ", capacity);
		SHOW(send_fds(pair[0], "five", fds, 5));
		got = receive(pair[1], 10, capacity, 0);
		close(got);
	}
	SHOW(send_fds(pair[0], "cut", fds, 2));
	close(receive(pair[1], 1, sizeof(control), 0));
	/* No number is left for some of them. */
	struct rlimit was, now;
	getrlimit(RLIMIT_NOFILE, &was);
	now = was;
	SHOW(send_fds(pair[0], "limited", fds, 5));
	const int free = dup(0);
	close(free);
	now.rlim_cur = free + 2;
	SHOW(setrlimit(RLIMIT_NOFILE, &now));
	got = receive(pair[1], 10, sizeof(control), 0);
	SHOW(setrlimit(RLIMIT_NOFILE, &was));
	close(got); /* and the others are */
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	close_pair();
}

static void several(void)
{
	int fds[260], got;
	size_t at;
	printf("--- several\n");
	int fd = open("/dev/null", O_RDONLY), other = open("/dev/zero", O_RDONLY);
	open_pair(SOCK_STREAM);
	at = add_control(0, SOL_SOCKET, SCM_RIGHTS, &fd, sizeof(fd));
	at = add_control(at, SOL_SOCKET, SCM_RIGHTS, &other, sizeof(other));
	SHOW(send_with(pair[0], "two", at, 0));
	close(receive(pair[1], 10, sizeof(control), 0));
	for (int i = 0; i < 260; i++)
		fds[i] = fd;
	SHOW(send_fds(pair[0], "all", fds, 253));
	got = receive(pair[1], 10, sizeof(control), 0);
	close(got);
	SHOW(send_fds(pair[0], "too many", fds, 254));
	SHOW(send_fds(pair[0], "none", fds, 0));
	receive(pair[1], 10, sizeof(control), 0);
	SHOW(send_fd(pair[0], "", fd));
	receive(pair[1], 10, sizeof(control), 0);
	SHOW(fcntl(pair[1], F_GETFD));
	fds[1] = 999;
	SHOW(send_fds(pair[0], "bad", fds, 2));
	SHOW(send_fd(pair[0], "bad", -1));
	receive(pair[1], 10, sizeof(control), 0);
	close(fd), close(other);
	close_pair();
}

static void malformed(void)
{
	int fd = open("/dev/null", O_RDONLY);
	struct cmsghdr *c = (void *)control;
	printf("--- malformed\n");
	open_pair(SOCK_STREAM);
	const size_t at = add_control(0, SOL_SOCKET, SCM_RIGHTS, &fd, sizeof(fd));
	c->cmsg_len = 15;
	SHOW(send_with(pair[0], "x", at, 0));
	c->cmsg_len = at + 1;
	SHOW(send_with(pair[0], "x", at, 0));
	c->cmsg_len = 0;
	SHOW(send_with(pair[0], "x", at, 0));
	SHOW(send_with(pair[0], "x", add_control(0, SOL_SOCKET, 99, &fd, sizeof(fd)), 0));
	SHOW(send_with(pair[0], "x", add_control(0, 99, SCM_RIGHTS, &fd, sizeof(fd)), 0));
	receive(pair[1], 10, sizeof(control), 0);
	SHOW(send_with(pair[0], "x", add_control(0, SOL_SOCKET, SCM_RIGHTS, &fd, 2), 0));
	receive(pair[1], 10, sizeof(control), 0);
	close(pair[1]);
	SHOW(send_fd(pair[0], "nobody", fd));
	close(pair[0]), close(fd);
}

/* What is under way goes with whom it is for, also in a circle. */
static void closed(void)
{
	char text[8];
	int ends[2], other[2];
	printf("--- closed\n");
	SHOW(pipe(ends));
	open_pair(SOCK_STREAM);
	SHOW(send_fd(pair[0], "x", ends[1]));
	SHOW(close(ends[1]));
	SHOW(close(pair[0]));
	struct pollfd p = {.fd = ends[0], .events = POLLIN};
	SHOW(poll(&p, 1, 0));
	SHOW(close(pair[1]));
	SHOW(read(ends[0], text, 1));
	close(ends[0]);
	/* A socket in a message for itself's peer, and one in one of another pair. */
	open_pair(SOCK_STREAM);
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, other));
	SHOW(send_fd(pair[0], "itself", pair[1]));
	SHOW(send_fd(other[0], "another", pair[1]));
	close(pair[1]);
	int got = receive(other[1], 10, sizeof(control), 0);
	close(receive(got, 10, sizeof(control), 0));
	close(got);
	SHOW(send_with(pair[0], "x", 0, 0));
	close_pair(), close(other[0]), close(other[1]);
	for (int i = 0; i < 400; i++) {
		open_pair(SOCK_STREAM);
		if (send_fd(pair[0], "x", pair[1]) != 1 || send_fd(pair[1], "y", pair[0]) != 1)
			printf("%d: %d\n", i, errno);
		close_pair();
	}
	open_pair(SOCK_STREAM);
	int copy = dup(pair[1]);
	SHOW(send_fd(pair[0], "to a copy", 0));
	close(pair[1]);
	close(receive(copy, 10, sizeof(control), 0));
	close(copy), close(pair[0]);
}

static void credentials(void)
{
	int on = 1, fd = open("/dev/null", O_RDONLY);
	socklen_t len = sizeof(on);
	struct ucred u = {getpid(), getuid(), getgid()};
	printf("--- credentials\n");
	open_pair(SOCK_STREAM);
	SHOW(getsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, &len)), SHOW(on);
	on = 1;
	SHOW(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, 2));
	SHOW(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	on = 5, len = 2;
	SHOW(getsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, &len)), SHOW(on), SHOW(len);
	SHOW(write(pair[0], "plain", 5));
	receive(pair[1], 10, sizeof(control), 0);
	SHOW(send_with(pair[0], "said", add_control(0, SOL_SOCKET, SCM_CREDENTIALS, &u, sizeof(u)),
		       0));
	receive(pair[1], 10, sizeof(control), 0);
	size_t at = add_control(0, SOL_SOCKET, SCM_CREDENTIALS, &u, sizeof(u));
	at = add_control(at, SOL_SOCKET, SCM_RIGHTS, &fd, sizeof(fd));
	SHOW(send_with(pair[0], "both", at, 0));
	close(receive(pair[1], 10, sizeof(control), 0));
	SHOW(send_fd(pair[0], "no capacity", fd));
	receive(pair[1], 10, CMSG_SPACE(sizeof(u)), 0);
	SHOW(write(pair[0], "cut", 3));
	receive(pair[1], 10, CMSG_LEN(4), 0);
	SHOW(send_with(pair[0], "x", add_control(0, SOL_SOCKET, SCM_CREDENTIALS, &u, sizeof(u) - 4),
		       0));
	len = sizeof(u);
	memset(&u, 0, sizeof(u));
	SHOW(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &u, &len));
	printf("%s %d %d %u\n", u.pid == getpid() ? "own" : "another", u.uid, u.gid, len);
	close_pair(), close(fd);
}

/* Sockets by their number, of descriptors that have been handed on. */
static void kept(void)
{
	struct stat a, b;
	int fd = temporary("x"), got;
	printf("--- kept\n");
	open_pair(SOCK_DGRAM);
	SHOW(fcntl(fd, F_SETFD, FD_CLOEXEC));
	SHOW(fcntl(fd, F_SETFL, O_APPEND));
	SHOW(send_fd(pair[0], "", fd));
	got = receive(pair[1], 10, sizeof(control), 0);
	SHOW(fcntl(got, F_GETFD)), SHOW(fcntl(got, F_GETFL) & O_APPEND);
	SHOW(fstat(fd, &a)), SHOW(fstat(got, &b)), SHOW(a.st_ino == b.st_ino);
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 7, pair));
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, PF_UNIX, pair));
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	close_range(3, ~0U, 0); /* the reference's shell may have left one */
	one(SOCK_STREAM), one(SOCK_SEQPACKET), one(SOCK_DGRAM);
	boundaries(SOCK_STREAM), boundaries(SOCK_SEQPACKET), boundaries(SOCK_DGRAM);
	reads(SOCK_STREAM), reads(SOCK_SEQPACKET);
	too_small();
	several();
	malformed();
	closed();
	credentials();
	kept();
	return 0;
}
