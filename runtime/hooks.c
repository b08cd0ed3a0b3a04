/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks. Their programs are the operator's, as config.json is: they run on the host, with the
 * rights of the shim, before a monitor gives up its own.
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

/* The state that the specification describes, in a file to be read from its beginning. -errno. */
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

/* In the child. Its output is kept for the error; nothing else of ours stays open. */
static _Noreturn void exec_hook(const struct oci_hook *h, int in, int out)
{
	static char *none[] = {NULL};
	char *just_path[] = {(char *)(uintptr_t)h->path, NULL};
	char **args = just_path, **env = none;
	if (h->args && h->args[0])
		args = (char **)(uintptr_t)h->args;
	if (h->env)
		env = (char **)(uintptr_t)h->env;
	sigset_t empty;
	sigemptyset(&empty);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 &&
	    close_range(3, ~0U, 0) == 0 && sigprocmask(SIG_SETMASK, &empty, NULL) == 0)
		execve(h->path, args, env);
	dprintf(2, "%s", strerror(errno));
	_exit(127);
}

/* Its wait status, or -errno: -ETIMEDOUT after it was killed. */
static int wait_child(pid_t pid, int64_t timeout_s, int *status)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int n, timeout_ms = timeout_s > 0 ? (int)timeout_s * 1000 : -1;
	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (n == 0)
		return -ETIMEDOUT;
	return 0;
}

static int hook_failed(const struct oci_hook *h, int wait_status, int output, struct err *e)
{
	char text[200];
	ssize_t n = pread(output, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	const char *line = *text ? text : "no output";
	if (WIFEXITED(wait_status))
		return err_set(e, ERR_CONFIG, ECANCELED, "hook %s: exit status %d: %s", h->path,
			       WEXITSTATUS(wait_status), line);
	return err_set(e, ERR_CONFIG, ECANCELED, "hook %s: ended by signal %d: %s", h->path,
		       WTERMSIG(wait_status), line);
}

static int run_one(const struct oci_hook *h, int state, struct err *e)
{
	cleanup_close int output = memfd_new("mote-hook-output");
	if (output < 0)
		return err_sys(e, -output, "hook %s", h->path);
	if (lseek(state, 0, SEEK_SET) < 0)
		return err_sys(e, errno, "hook %s", h->path);
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(e, errno, "hook %s", h->path);
	if (pid == 0)
		exec_hook(h, state, output);
	int status = 0, rc = wait_child(pid, h->timeout_s, &status);
	if (rc == -ETIMEDOUT)
		return err_set(e, ERR_CONFIG, ETIMEDOUT, "hook %s: took longer than %d s", h->path,
			       (int)h->timeout_s);
	if (rc < 0)
		return err_sys(e, -rc, "hook %s", h->path);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return hook_failed(h, status, output, e);
}

int hooks_run(const struct oci_hooks *hooks, enum oci_hook_kind kind, const struct oci_state *state,
	      struct err *e)
{
	if (hooks->count[kind] == 0)
		return 0;
	cleanup_close int file = state_file(hooks, state);
	if (file < 0)
		return err_sys(e, -file, "the state for hooks");
	for (size_t i = 0; i < hooks->count[kind]; i++) {
		int rc = run_one(&hooks->list[kind][i], file, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/*
 * In the child, which closes all descriptors above 2 but its end of the pipe, and then writes a
 * byte to it: a copy of one that the parent closes would keep it alive for those that poll it.
 */
static _Noreturn void hook_process(const struct oci_hooks *hooks, enum oci_hook_kind kind,
				   const struct oci_state *state, int pipe_end, bool answers)
{
	struct err e = {0};
	if ((pipe_end > 3 && close_range(3, (unsigned)pipe_end - 1, 0) < 0) ||
	    close_range((unsigned)pipe_end + 1, ~0U, 0) < 0 || io_write_all(pipe_end, "", 1) < 0)
		_exit(1);
	int rc = 0;
	if (chdir(state->bundle) < 0)
		rc = err_sys(&e, errno, "bundle %s", state->bundle);
	if (rc == 0)
		rc = hooks_run(hooks, kind, state, &e);
	if (rc == 0)
		e.code = 0;
	if (answers)
		rc = io_write_all(pipe_end, &e, sizeof(e));
	else if (rc < 0)
		dprintf(2, "mote: container %s: %s\n", state->id, e.text);
	_exit(rc < 0);
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
		hook_process(hooks, kind, state, writing, answer != NULL);
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
	struct err result = {0};
	ssize_t n = io_read_full(*answer, &result, sizeof(result));
	close(take_fd(answer));
	if (n != sizeof(result))
		return err_set(e, ERR_HOST, ESRCH, "the process for hooks has ended");
	result.text[sizeof(result.text) - 1] = '\0';
	if (result.code == 0)
		return 0;
	return err_set(e, result.blame, result.code, "%s", result.text);
}
