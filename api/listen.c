/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets by address, as --listen and a container's annotation have them. */
#include "api/listen.h"

#include "api/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static int invalid(const char *spec, struct err *e)
{
	return err_set(
		e, ERR_CONFIG, EINVAL,
		"invalid address '%.200s': must be tcp:ADDRESS:PORT, tcp:[ADDRESS]:PORT for IPv6, "
		"or unix:PATH",
		spec);
}

static int port_of(const char *text, uint16_t *port)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || v > UINT16_MAX)
		return -EINVAL;
	*port = htons((uint16_t)v);
	return 0;
}

static int fill_ipv4(const char *host, uint16_t port, union address *a)
{
	*a = (union address){.in = {.sin_family = AF_INET, .sin_port = port}};
	if (inet_pton(AF_INET, host, &a->in.sin_addr) != 1)
		return -EINVAL;
	return (int)sizeof(a->in);
}

static int fill_ipv6(const char *host, uint16_t port, union address *a)
{
	*a = (union address){.in6 = {.sin6_family = AF_INET6, .sin6_port = port}};
	if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) != 1)
		return -EINVAL;
	return (int)sizeof(a->in6);
}

/*
 * "ADDRESS:PORT"; addresses only, a name would need a resolver. Length of the address, or -errno.
 */
static int parse_tcp(const char *text, union address *a)
{
	char host[64];
	uint16_t port;
	const char *colon = strrchr(text, ':');
	if (!colon || port_of(colon + 1, &port) < 0)
		return -EINVAL;
	size_t len = (size_t)(colon - text);
	if (len == 0 || len >= sizeof(host))
		return -EINVAL;
	bool bracketed = text[0] == '[' && text[len - 1] == ']' && len > 2;
	if (bracketed) {
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	if (bracketed)
		return fill_ipv6(host, port, a);
	return fill_ipv4(host, port, a);
}

static int parse(const char *spec, union address *a)
{
	if (strncmp(spec, "tcp:", 4) == 0)
		return parse_tcp(spec + 4, a);
	if (strncmp(spec, "unix:", 5) != 0 || spec[5] == '\0')
		return -EINVAL;
	*a = (union address){.any.sa_family = AF_UNIX};
	if (strlen(spec + 5) >= sizeof(a->un.sun_path))
		return -ENAMETOOLONG;
	strcpy(a->un.sun_path, spec + 5);
	return (int)sizeof(a->un);
}

static int open_listener(const char *spec, struct err *e)
{
	union address a;
	int len = parse(spec, &a), on = 1;
	if (len < 0)
		return invalid(spec, e);
	cleanup_close int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, errno, "%s", spec);
	if (a.any.sa_family != AF_UNIX &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return err_sys(e, errno, "%s", spec);
	if (bind(fd, &a.any, (socklen_t)len) == 0 && listen(fd, BACKLOG) == 0)
		return take_fd(&fd);
	const char *advice =
		errno == EADDRNOTAVAIL ? "; 0.0.0.0 stands for all addresses of the network" : "";
	return err_set(e, ERR_CONFIG, errno, "listening on %s: %s%s", spec, strerror(errno),
		       advice);
}

int mote_listen(const char *spec, int *fd, struct mote_error *error)
{
	struct err e = {0};
	int made = open_listener(spec, &e);
	if (made < 0)
		return error_report(&e, error);
	*fd = made;
	return 0;
}

/* --- what a program finds of them --- */

static bool is_listen_variable(const char *v)
{
	return strncmp(v, "LISTEN_FDS=", 11) == 0 || strncmp(v, "LISTEN_PID=", 11) == 0;
}

int listen_environment(struct sandbox_config *c, struct err *e)
{
	size_t count = 0, kept = 0;
	while (c->vm.envp && c->vm.envp[count])
		count++;
	char **env = calloc(count + 3, sizeof(*env));
	if (!env)
		return err_sys(e, ENOMEM, "the environment");
	for (size_t i = 0; i < count; i++)
		if (!is_listen_variable(c->vm.envp[i]))
			env[kept++] = c->vm.envp[i];
	snprintf(c->listen_fds, sizeof(c->listen_fds), "LISTEN_FDS=%zu", c->listeners);
	snprintf(c->listen_pid, sizeof(c->listen_pid), "LISTEN_PID=%u", c->vm.pid);
	env[kept++] = c->listen_fds;
	env[kept] = c->listen_pid;
	c->env = env;
	c->vm.envp = env;
	return 0;
}

void listen_first(struct sandbox_config *c)
{
	struct vm_preopen dirs[PREOPENS_MAX];
	size_t dir_count = c->vm.preopen_count - c->listeners;
	memcpy(dirs, c->preopens, dir_count * sizeof(dirs[0]));
	memmove(c->preopens, c->preopens + dir_count, c->listeners * sizeof(dirs[0]));
	memcpy(c->preopens + c->listeners, dirs, dir_count * sizeof(dirs[0]));
}
