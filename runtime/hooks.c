/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks. Their programs are the operator's, as config.json is: they run on the host, with the rights
 * of the shim, before a monitor gives up its own.
 */
#include "runtime/hooks.h"

#include "base/io.h"
#include "base/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The state as the specification has it, in a file to be read from its beginning. -errno. */
static int state_file(const struct oci_hooks *h, const struct oci_state *s)
{
	cleanup_free char *text = NULL;
	int rc = oci_state_text(h, s, &text);
	if (rc < 0)
		return rc;
	cleanup_close int fd = memfd_new("mote-hook-state");
	if (fd < 0)
		return fd;
	rc = io_write_all(fd, text, strlen(text));
	if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
		rc = -errno;
	if (rc < 0)
		return rc;
	return take_fd(&fd);
}

/* In the child. What it says is kept for the error; nothing else of ours stays open. */
static _Noreturn void become(const struct oci_hook *h, int in, int out)
{
	static char *none[] = {NULL};
	char *just_path[] = {(char *)(uintptr_t)h->path, NULL};
	sigset_t empty;
	sigemptyset(&empty);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 &&
	    close_range(3, ~0U, 0) == 0 && sigprocmask(SIG_SETMASK, &empty, NULL) == 0)
		execve(h->path, h->args && h->args[0] ? (char **)(uintptr_t)h->args : just_path,
		       h->env ? (char **)(uintptr_t)h->env : none);
	dprintf(2, "%s", strerror(errno));
	_exit(127);
}

/* Its wait status, or -errno: -ETIMEDOUT after it was killed. */
static int await(pid_t pid, int64_t timeout_s, int *status)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int n;
	do
		n = poll(&p, 1, timeout_s > 0 ? (int)timeout_s * 1000 : -1);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

static int run_one(const struct oci_hook *h, int state, struct err *e)
{
	cleanup_close int said = memfd_new("mote-hook-output");
	if (said < 0)
		return err_sys(e, -said, "hook %s", h->path);
	if (lseek(state, 0, SEEK_SET) < 0)
		return err_sys(e, errno, "hook %s", h->path);
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(e, errno, "hook %s", h->path);
	if (pid == 0)
		become(h, state, said);
	int status = 0, rc = await(pid, h->timeout_s, &status);
	if (rc == -ETIMEDOUT)
		return err_set(e, ERR_CONFIG, ETIMEDOUT, "hook %s: it takes longer than %d s",
			       h->path, (int)h->timeout_s);
	if (rc < 0)
		return err_sys(e, -rc, "hook %s", h->path);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	char text[200];
	ssize_t n = pread(said, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return err_set(e, ERR_CONFIG, ECANCELED, "hook %s: it ended with %s %d: %s", h->path,
		       WIFEXITED(status) ? "status" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
		       *text ? text : "it said nothing");
}

int hooks_run(const struct oci_hooks *hooks, enum oci_hook_kind kind,
	      const struct oci_state *state, struct err *e)
{
	if (hooks->count[kind] == 0)
		return 0;
	cleanup_close int file = state_file(hooks, state);
	int rc = file < 0 ? err_sys(e, -file, "the state for hooks") : 0;
	for (size_t i = 0; rc == 0 && i < hooks->count[kind]; i++)
		rc = run_one(&hooks->list[kind][i], file, e);
	return rc;
}

/*
 * In the child, whose pipe's writing end is the only descriptor beyond 2 that it keeps. A byte says
 * so: a copy of the parent's would keep one that it closes alive for those who watch it.
 */
static _Noreturn void run_apart(const struct oci_hooks *hooks, enum oci_hook_kind kind,
				const struct oci_state *state, int pipe_end, bool answers)
{
	struct err e = {0};
	if ((pipe_end > 3 && close_range(3, (unsigned)pipe_end - 1, 0) < 0) ||
	    close_range((unsigned)pipe_end + 1, ~0U, 0) < 0 || io_write_all(pipe_end, "", 1) < 0)
		_exit(1);
	int rc = chdir(state->bundle) < 0 ? err_sys(&e, errno, "bundle %s", state->bundle)
					  : hooks_run(hooks, kind, state, &e);
	if (rc == 0)
		e.code = 0;
	if (answers)
		_exit(io_write_all(pipe_end, &e, sizeof(e)) < 0 ? 1 : 0);
	if (rc < 0)
		dprintf(2, "mote: container %s: %s\n", state->id, e.text);
	_exit(rc < 0 ? 1 : 0);
}

int hooks_start(const struct oci_hooks *hooks, enum oci_hook_kind kind,
		const struct oci_state *state, pid_t *pid, int *answer, struct err *e)
{
	*pid = 0;
	if (hooks->count[kind] == 0)
		return 0;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, errno, "a process for hooks");
	cleanup_close int reading = ends[0], writing = ends[1];
	pid_t child = fork();
	if (child == 0)
		run_apart(hooks, kind, state, writing, answer != NULL);
	if (child < 0)
		return err_sys(e, errno, "a process for hooks");
	close(take_fd(&writing));
	*pid = child;
	char byte;
	if (io_read_full(reading, &byte, 1) != 1)
		return err_set(e, ERR_HOST, ESRCH, "the process for hooks has ended");
	if (answer)
		*answer = take_fd(&reading);
	return 0;
}

int hooks_answer(int *answer, struct err *e)
{
	struct err said = {0};
	ssize_t n = io_read_full(*answer, &said, sizeof(said));
	close(take_fd(answer));
	if (n != sizeof(said))
		return err_set(e, ERR_HOST, ESRCH, "the process for hooks has ended");
	said.text[sizeof(said.text) - 1] = '\0';
	return said.code ? err_set(e, said.blame, said.code, "%s", said.text) : 0;
}
