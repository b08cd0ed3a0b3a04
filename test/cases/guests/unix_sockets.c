/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AF_UNIX sockets: by files, relative, absolute, through links, in another directory, with long
 * names; by abstract names; of all types; what is refused, and what the files are.
 *
 * cases: run
 * cases: dir other:/other
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define RESULT(x)                     \
	({                            \
		errno = 0;            \
		long r_ = (x);        \
		r_ < 0 ? -errno : r_; \
	})

/* An address of `bytes` bytes of name (which may begin with NUL); without one its text's. */
static struct sockaddr_un un;
static socklen_t address(const char *name, int bytes)
{
	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	if (bytes < 0)
		bytes = (int)strlen(name) + 1;
	memcpy(un.sun_path, name, (size_t)bytes);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)bytes);
}

static long bind_to(int fd, const char *name, int bytes)
{
	socklen_t len = address(name, bytes);
	return RESULT(bind(fd, (struct sockaddr *)&un, len));
}

static long connect_to(int fd, const char *name, int bytes)
{
	socklen_t len = address(name, bytes);
	return RESULT(connect(fd, (struct sockaddr *)&un, len));
}

static long send_to(int fd, const char *text, const char *name, int bytes)
{
	socklen_t len = address(name, bytes);
	return RESULT(sendto(fd, text, strlen(text), MSG_DONTWAIT, (struct sockaddr *)&un, len));
}

static void show(const char *what, const struct sockaddr_un *a, socklen_t len)
{
	printf("  %s: family %d len %u ", what, len >= 2 ? a->sun_family : -1, len);
	for (socklen_t i = 2; i < len && i < sizeof(*a); i++) {
		char c = ((const char *)a)[i];
		if (c)
			putchar(c);
		else
			printf("\\0");
	}
	putchar('\n');
}

static void names(int fd)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	memset(&a, 0, sizeof(a));
	printf("  getsockname %ld\n", RESULT(getsockname(fd, (struct sockaddr *)&a, &len)));
	show("own", &a, len);
	len = sizeof(a);
	long rc = RESULT(getpeername(fd, (struct sockaddr *)&a, &len));
	printf("  getpeername %ld\n", rc);
	if (rc == 0)
		show("peer", &a, len);
}

/* A listener, a client and what is accepted; text both ways. */
static void conversation(const char *what, int type, const char *name, int bytes)
{
	int l = socket(AF_UNIX, type, 0), c = socket(AF_UNIX, type, 0);
	char got[20] = {0};
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	printf("%s\n", what);
	printf("  bind %ld", bind_to(l, name, bytes));
	printf(" connect before listen %ld", connect_to(c, name, bytes));
	printf(" listen %ld", RESULT(listen(l, 5)));
	printf(" connect %ld\n", connect_to(c, name, bytes));
	int s = accept(l, (struct sockaddr *)&a, &len);
	printf("  accept %d len %u\n", s >= 0, len);
	names(l);
	names(c);
	names(s);
	printf("  send %ld", RESULT(write(c, "to the server", 13)));
	printf(" recv %ld", RESULT(read(s, got, 19)));
	printf(" %s", got);
	printf(" back %ld", RESULT(send(s, "answer", 6, 0)));
	memset(got, 0, sizeof(got));
	printf(" recv %ld", RESULT(recv(c, got, 19, MSG_DONTWAIT)));
	printf(" %s\n", got);
	struct ucred cred = {0};
	len = sizeof(cred);
	printf("  peercred %ld", RESULT(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len)));
	printf(" len %u uid %d gid %d\n", len, cred.uid == geteuid(), cred.gid == getegid());
	printf("  bind again %ld", bind_to(l, "again", -1));
	printf(" other %ld", bind_to(c, name, bytes));
	printf(" connect again %ld\n", connect_to(c, name, bytes));
	close(s);
	printf("  end %ld\n", RESULT(read(c, got, 19)));
	close(c);
	close(l);
	c = socket(AF_UNIX, type, 0);
	printf("  connect when closed %ld\n", connect_to(c, name, bytes));
	close(c);
}

static void datagrams(const char *what, const char *server, int server_bytes, const char *client,
		      int client_bytes)
{
	int s = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
	char got[20] = {0};
	struct sockaddr_un from;
	socklen_t len = sizeof(from);
	printf("%s\n", what);
	printf("  bind %ld %ld\n", bind_to(s, server, server_bytes),
	       bind_to(c, client, client_bytes));
	printf("  sendto %ld", send_to(c, "question", server, server_bytes));
	long n = RESULT(recvfrom(s, got, 19, MSG_DONTWAIT, (struct sockaddr *)&from, &len));
	printf(" recvfrom %ld %s\n", n, got);
	show("from", &from, len);
	printf("  reply %ld", RESULT(sendto(s, "yes", 3, 0, (struct sockaddr *)&from, len)));
	memset(got, 0, sizeof(got));
	printf(" recv %ld", RESULT(recv(c, got, 19, MSG_DONTWAIT)));
	printf(" %s\n", got);
	printf("  connect %ld", connect_to(c, server, server_bytes));
	printf(" send %ld", RESULT(send(c, "more", 4, 0)));
	struct iovec v = {got, 19};
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &v, .msg_iovlen = 1};
	memset(got, 0, sizeof(got));
	printf(" recvmsg %ld", RESULT(recvmsg(s, &m, MSG_DONTWAIT)));
	printf(" %s\n", got);
	show("from", &from, m.msg_namelen);
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	printf("  dissolve %ld", RESULT(connect(c, &none, sizeof(none))));
	printf(" send %ld\n", RESULT(send(c, "more", 4, MSG_NOSIGNAL)));
	close(s);
	printf("  to nobody %ld\n", send_to(c, "question", server, server_bytes));
	close(c);
}

static void refused(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	struct stat st;
	printf("refused\n");
	close(open("file", O_CREAT | O_WRONLY, 0600));
	mkdir("dir", 0755);
	symlink("nowhere", "dangling");
	symlink("loop", "loop");
	printf("  connect: nothing %ld file %ld dir %ld below a file %ld loop %ld . %ld\n",
	       connect_to(s, "nothing", -1), connect_to(s, "file", -1), connect_to(s, "dir", -1),
	       connect_to(s, "file/x", -1), connect_to(s, "loop", -1), connect_to(s, ".", -1));
	printf("  bind: file %ld dir %ld no dir %ld below a file %ld link %ld . %ld slash %ld\n",
	       bind_to(s, "file", -1), bind_to(s, "dir", -1), bind_to(s, "no/x", -1),
	       bind_to(s, "file/x", -1), bind_to(s, "dangling", -1), bind_to(s, ".", -1),
	       bind_to(s, "x/", -1));
	printf("  above: %ld %ld\n", connect_to(s, "../../../../x", -1),
	       connect_to(s, "/nowhere/x", -1));
	struct sockaddr_un long_one = {.sun_family = AF_UNIX};
	printf("  lengths: %ld %ld %ld\n", RESULT(connect(s, (struct sockaddr *)&long_one, 2)),
	       RESULT(connect(s, (struct sockaddr *)&long_one, 1)),
	       RESULT(bind(s, (struct sockaddr *)&long_one, sizeof(long_one) + 1)));
	printf("  types: %ld %ld %ld %d\n", RESULT(socket(AF_UNIX, 77, 0)),
	       RESULT(socket(AF_UNIX, SOCK_STREAM, 6)), RESULT(socket(AF_UNIX, SOCK_RDM, 0)),
	       RESULT(socket(AF_UNIX, SOCK_STREAM, 1)) > 0);
	bind_to(s, "type", -1);
	listen(s, 1);
	int d = socket(AF_UNIX, SOCK_DGRAM, 0);
	printf("  another type %ld %ld\n", connect_to(d, "type", -1), send_to(d, "x", "type", -1));
	printf("  open %ld\n", RESULT(open("type", O_RDWR)));
	stat("type", &st);
	printf("  mode %o\n", st.st_mode);
	printf("  accept on nothing %ld\n", RESULT(accept4(d, NULL, NULL, SOCK_NONBLOCK)));
	close(s);
	close(d);
}

static void files(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	struct stat st;
	printf("files\n");
	umask(027);
	printf("  bind %ld", bind_to(s, "moved", -1));
	umask(022);
	stat("moved", &st);
	printf(" mode %o", st.st_mode);
	printf(" fchmod %ld\n", RESULT(fchmod(s, 0600)));
	listen(s, 1);
	printf("  rename %ld", RESULT(rename("moved", "dir/new")));
	printf(" connect %ld", connect_to(c, "dir/new", -1));
	printf(" link %ld", RESULT(link("dir/new", "linked")));
	printf(" unlink %ld\n", RESULT(unlink("dir/new")));
	close(c);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	symlink("linked", "symlink");
	close(accept(s, NULL, NULL));
	printf("  through a link %ld", connect_to(c, "symlink", -1));
	printf(" chown %ld access %ld %ld\n", RESULT(chown("linked", -1, -1)),
	       RESULT(access("linked", R_OK | W_OK)), RESULT(access("linked", X_OK)));
	printf("  unlink %ld", RESULT(unlink("linked")));
	printf(" stat %ld\n", RESULT(stat("linked", &st)));
	printf("  bind after unlink %ld\n", bind_to(socket(AF_UNIX, SOCK_STREAM, 0), "linked", -1));
}

static int full_listener;

static void accept_one(int signo)
{
	(void)signo;
	int saved = errno, fd = accept(full_listener, NULL, NULL);
	close(fd);
	errno = saved;
}

/* One that waits to be accepted is all that there may be: others wait for it. */
static void full_queue(void)
{
	const struct timeval brief = {.tv_usec = 20000}, none = {0};
	const struct itimerval soon = {.it_value = {.tv_usec = 50000}};
	struct sigaction sa = {.sa_handler = accept_one, .sa_flags = SA_RESTART};
	int first = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	full_listener = socket(AF_UNIX, SOCK_STREAM, 0);
	printf("full queue: bind %ld listen %ld", bind_to(full_listener, "\0full", 5),
	       RESULT(listen(full_listener, 0)));
	printf(" connect %ld", connect_to(first, "\0full", 5));
	fcntl(c, F_SETFL, O_NONBLOCK);
	printf(" without waiting %ld", connect_to(c, "\0full", 5));
	fcntl(c, F_SETFL, 0);
	setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
	printf(" for a while %ld", connect_to(c, "\0full", 5));
	setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	printf(" until it is accepted %ld\n", connect_to(c, "\0full", 5));
	sa.sa_handler = SIG_DFL;
	sigaction(SIGALRM, &sa, NULL);
	alarm(60);
	close(first);
	close(c);
	close(full_listener);
}

static int full_server;
static void take_one(int signal)
{
	char byte;
	(void)signal;
	(void)!recv(full_server, &byte, 1, MSG_DONTWAIT);
}

/* The same of datagrams: to a name, and to a file. */
static void full_datagrams(const char *name, int bytes)
{
	const struct timeval brief = {.tv_usec = 20000}, none = {0};
	const struct itimerval soon = {.it_value = {.tv_usec = 50000}};
	struct sigaction sa = {.sa_handler = take_one, .sa_flags = SA_RESTART};
	int c = socket(AF_UNIX, SOCK_DGRAM, 0);
	full_server = socket(AF_UNIX, SOCK_DGRAM, 0);
	printf("full of datagrams: bind %ld", bind_to(full_server, name, bytes));
	const socklen_t len = address(name, bytes);
	const struct sockaddr *to = (const struct sockaddr *)&un;
	while (sendto(c, "x", 1, MSG_DONTWAIT, to, len) == 1)
		;
	printf(" without waiting %ld", RESULT(sendto(c, "x", 1, MSG_DONTWAIT, to, len)));
	setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
	printf(" for a while %ld", RESULT(sendto(c, "x", 1, 0, to, len)));
	setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	printf(" until one is taken %ld\n", RESULT(sendto(c, "x", 1, 0, to, len)));
	sa.sa_handler = SIG_DFL;
	sigaction(SIGALRM, &sa, NULL);
	alarm(60);
	close(c);
	close(full_server);
}

int main(void)
{
	char longest[108];
	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(60);
	memset(longest, 'n', sizeof(longest));
	conversation("stream, relative", SOCK_STREAM, "stream", -1);
	conversation("stream, absolute", SOCK_STREAM, "/data/absolute", -1);
	mkdir("deep", 0755);
	conversation("seqpacket, with dots", SOCK_SEQPACKET, "deep/../seq", -1);
	conversation("another directory", SOCK_STREAM, "/other/stream", -1);
	conversation("the longest name", SOCK_STREAM, longest, sizeof(longest));
	conversation("abstract", SOCK_STREAM, "\0name", 5);
	conversation("abstract seqpacket", SOCK_SEQPACKET, "\0name", 5);
	conversation("abstract, padded with NULs", SOCK_STREAM, "\0padded\0\0\0\0\0\0", 14);
	datagrams("datagrams", "server", -1, "client", -1);
	datagrams("datagrams, absolute", "/data/s2", -1, "/data/c2", -1);
	datagrams("abstract datagrams", "\0s", 2, "\0c", 2);
	full_queue();
	full_datagrams("\0datagrams", 10);
	full_datagrams("full", -1);
	refused();
	files();
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);
	un.sun_family = AF_UNIX;
	printf("any name %ld\n", RESULT(bind(s, (struct sockaddr *)&un, sizeof(un.sun_family))));
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	getsockname(s, (struct sockaddr *)&a, &len);
	printf("of %u bytes, abstract: %d\n", len, !a.sun_path[0]);
	return 0;
}
