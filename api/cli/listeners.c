/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets of the command line; the files of those that have one go with the program. */
#include "listeners.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

int cli_listeners_add(struct cli_listeners *l, const char *spec)
{
	struct mote_error error;
	size_t n = l->count;
	if (n == LISTENERS_MAX) {
		cli_complain("too many --listen options; at most %d are possible", LISTENERS_MAX);
		return -1;
	}
	if (mote_listen(spec, &l->fds[n], &error) < 0) {
		cli_complain("--listen: %s", error.text);
		return -1;
	}
	if (strncmp(spec, "unix:", 5) == 0)
		l->sockets[n] = spec + 5;
	l->count++;
	return 0;
}

static void remove_now(const struct cli_listeners *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->sockets[i] && unlinkat(AT_FDCWD, l->sockets[i], 0) < 0 && errno != ENOENT)
			cli_complain("%s: %s", l->sockets[i], strerror(errno));
}

/* Waits for the end of the process that runs the program, whatever that is. */
static _Noreturn void be_remover(const struct cli_listeners *l, int from, int to)
{
	char none;
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN); /* those of a terminal come to all of its processes */
	dup2(from, 0);
	dup2(to, 1);
	close_range(3, ~0U, 0);
	while (read(0, &none, 1) < 0 && errno == EINTR)
		;
	remove_now(l);
	_exit(0);
}

int cli_listeners_guard(struct cli_listeners *l)
{
	int to[2] = {-1, -1}, from[2] = {-1, -1}, wanted = 0;
	for (size_t i = 0; i < l->count; i++)
		wanted |= l->sockets[i] != NULL;
	if (!wanted)
		return 0;
	pid_t pid = -1;
	if (pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0)
		pid = fork();
	if (pid == 0) {
		close(to[1]);
		close(from[0]);
		be_remover(l, to[0], from[1]);
	}
	if (pid < 0) {
		cli_complain("a process to remove sockets: %s", strerror(errno));
		return -1;
	}
	close(to[0]);
	close(from[1]);
	l->remover[0] = to[1];
	l->remover[1] = from[0];
	return 0;
}

void cli_listeners_remove(const struct cli_listeners *l)
{
	char none;
	if (l->remover[0] < 0) {
		remove_now(l);
		return;
	}
	close(l->remover[0]);
	while (read(l->remover[1], &none, 1) < 0 && errno == EINTR)
		;
}
