/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals of side-cars: the OCI runtime makes the pty and sends its master over a socket. */
#include "runtime/sidecar_private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void close_console(struct process *p)
{
	loop_remove(&p->console_source);
	close_fd(&p->console);
}

/* The descriptor in a message of its own, or -errno. */
static int receive_descriptor(int socket)
{
	char bytes[PATH_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(int)), /* no room for a second one */
	};
	if (recvmsg(socket, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -errno;
	const struct cmsghdr *head = CMSG_FIRSTHDR(&m);
	int fd;
	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

static void on_console(void *arg, uint32_t events);

/* The name of the socket that listens has served. */
static void unlink_console(const struct process *p)
{
	struct sockaddr_un address = {0};
	socklen_t len = sizeof(address) - 1;
	struct err e = {0};
	if (getsockname(p->console, (struct sockaddr *)&address, &len) < 0)
		return;
	cleanup_close int dir = sidecar_open_dir(p->container, &e);
	const char *slash = strrchr(address.sun_path, '/');
	if (dir >= 0 && slash)
		unlinkat(dir, slash + 1, 0);
}

static int accept_console(struct process *p)
{
	cleanup_close int connection = accept4(p->console, NULL, NULL, SOCK_CLOEXEC);
	if (connection < 0)
		return -errno;
	unlink_console(p);
	close_console(p);
	p->console = take_fd(&connection);
	p->console_connected = true;
	return loop_add(p->supervisor.loop, &p->console_source, p->console, EPOLLIN, on_console, p);
}

void sidecar_serve_console(struct process *p)
{
	int rc = 0;
	if (p->console >= 0 && !p->console_connected)
		rc = accept_console(p);
	if (p->console >= 0 && rc == 0)
		rc = receive_descriptor(p->console);
	if (p->console < 0 || rc == -EAGAIN)
		return;
	close_console(p);
	if (rc >= 0)
		rc = terminal_attach(p->streams.terminal, rc, &p->supervisor);
	if (rc < 0)
		err_sys(&p->failure, -rc, "the terminal of %s", p->name);
}

static void on_console(void *arg, uint32_t events)
{
	struct process *p = arg;
	(void)events;
	sidecar_serve_console(p);
	p->supervisor.changed(p->supervisor.arg);
}

/* The address is relative to its directory: the bundle's path may be longer than an address's. */
int sidecar_listen_console(struct process *p, char name[SIDECAR_CONSOLE_NAME], struct err *e)
{
	static unsigned number;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int dir = sidecar_open_dir(p->container, e);
	if (dir < 0)
		return dir;
	snprintf(name, SIDECAR_CONSOLE_NAME, "console-%u", number++);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir, name);
	p->console = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc = 0;
	if (p->console < 0 ||
	    bind(p->console, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(p->console, 1) < 0)
		rc = -errno;
	if (rc == 0)
		rc = loop_add(p->supervisor.loop, &p->console_source, p->console, EPOLLIN,
			      on_console, p);
	if (rc < 0)
		return err_sys(e, -rc, "a socket for the terminal of %s", p->name);
	return 0;
}
