/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd's log processes: binary://PATH?KEY=VALUE&... runs PATH with KEY VALUE ... as arguments
 * and the container's output on descriptors 3 and 4; it closes descriptor 5 (or writes to it) once
 * it listens.
 */
#include "runtime/io/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>

#define ARGS_MAX 64

static const char *const schemes[] = {"binary://", "binary-v2://"};

bool logger_is_uri(const char *uri)
{
	for (size_t i = 0; i < 2; i++)
		if (strncmp(uri, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* %XX, and in a query '+', in place. */
static void decode(char *text, bool query)
{
	char *to = text;
	for (const char *c = text; *c; c++) {
		if (*c == '%' && hex(c[1]) >= 0 && hex(c[2]) >= 0) {
			*to++ = (char)(hex(c[1]) * 16 + hex(c[2]));
			c += 2;
		} else if (query && *c == '+') {
			*to++ = ' ';
		} else {
			*to++ = *c;
		}
	}
	*to = '\0';
}

/* Splits copy (changed) into path and arguments. -E2BIG. */
static int split_uri(char *copy, char **argv)
{
	size_t n = 0;
	char *query = strchr(copy, '?');
	if (query)
		*query++ = '\0';
	decode(copy, false);
	argv[n++] = copy;
	for (char *pair; (pair = strsep(&query, "&"));) {
		char *value = strchr(pair, '=');
		if (value)
			*value++ = '\0';
		if (!*pair)
			continue;
		if (n + 3 > ARGS_MAX)
			return -E2BIG;
		decode(pair, true);
		argv[n++] = pair;
		if (value) {
			decode(value, true);
			argv[n++] = value;
		}
	}
	argv[n] = NULL;
	return 0;
}

/* A pipe whose ends are above 5, out of the way of where the process wants them. */
static int make_pipe(int *reader, int *writer)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*reader = fcntl(ends[0], F_DUPFD_CLOEXEC, 6);
	*writer = fcntl(ends[1], F_DUPFD_CLOEXEC, 6);
	int rc = 0;
	if (*reader < 0 || *writer < 0)
		rc = -errno;
	close(ends[0]);
	close(ends[1]);
	return rc;
}

static int spawn(char *const *argv, char *const *envp, const int fds[3], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, pipe_only;
	sigemptyset(&none);
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE); /* all that the shim ignores */
	int rc = posix_spawn_file_actions_init(&actions);
	if (rc == 0)
		rc = posix_spawnattr_init(&attr);
	for (int i = 0; rc == 0 && i < 3; i++)
		rc = posix_spawn_file_actions_adddup2(&actions, fds[i], 3 + i);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(&attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(&attr, &pipe_only);
	if (rc == 0)
		rc = posix_spawnattr_setflags(
			&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	if (rc == 0)
		rc = posix_spawn(pid, argv[0], &actions, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

int logger_start(const char *uri, const struct streams_config *c, int ends[2], pid_t *pid,
		 int *ready, struct err *e)
{
	cleanup_free char *copy = strdup(strstr(uri, "://") + 3), *id = NULL, *namespace = NULL;
	cleanup_close int out_r = -1, out_w = -1, err_r = -1, err_w = -1, ready_r = -1,
			  ready_w = -1;
	if (asprintf(&id, "CONTAINER_ID=%s", c->container_id) < 0)
		id = NULL;
	if (asprintf(&namespace, "CONTAINER_NAMESPACE=%s", c->containerd_namespace) < 0)
	namespace = NULL;
	if (!copy || !id || !namespace)
		return err_sys(e, ENOMEM, "the log process");
	char *argv[ARGS_MAX + 1], *envp[] = {id, namespace, NULL};
	int rc = split_uri(copy, argv);
	if (rc < 0)
		return err_set(e, ERR_CONFIG, -rc, "%.200s: more than %d arguments", uri, ARGS_MAX);
	rc = make_pipe(&out_r, &out_w);
	if (rc == 0)
		rc = make_pipe(&err_r, &err_w);
	if (rc == 0)
		rc = make_pipe(&ready_r, &ready_w);
	if (rc < 0)
		return err_sys(e, -rc, "pipes for the log process");
	const int fds[3] = {out_r, err_r, ready_w};
	pid_t child;
	rc = spawn(argv, envp, fds, &child);
	if (rc < 0)
		return err_set(e, ERR_CONFIG, -rc, "log process %.200s: %s", argv[0],
			       strerror(-rc));
	ends[0] = take_fd(&out_w);
	ends[1] = take_fd(&err_w);
	*ready = take_fd(&ready_r);
	*pid = child;
	return 0;
}
