/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A monitor begins with an empty address space: this binary, executed anew. posix_spawn(3) does not copy
 * the shim's page tables for that, and returns when the new program is loaded.
 */
#include "runtime/launch.h"

#include "runtime/monitor.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define ANSWER_MS 120000 /* a mount may be slow; a monitor that says nothing so long is stuck */
#define FDS 5

static int spawn(const char *id, const int fds[FDS], pid_t *pid)
{
	char *argv[] = {(char[]){"containerd-shim-mote-v1"}, (char[]){RUNTIME_MONITOR_ARG}, (char *)(uintptr_t)id, NULL};
	char *envp[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, pipe_only;
	sigemptyset(&none);
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE); /* all that the shim ignores */
	int rc = posix_spawn_file_actions_init(&actions);
	if (rc == 0)
		rc = posix_spawnattr_init(&attr);
	for (int i = 0; rc == 0 && i < FDS; i++)
		rc = posix_spawn_file_actions_adddup2(&actions, fds[i], i);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(&actions, FDS);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(&attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(&attr, &pipe_only);
	if (rc == 0)
		rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	if (rc == 0)
		rc = posix_spawn(pid, "/proc/self/exe", &actions, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

int launch_monitor(const char *id, const int streams[3], int kvm_fd, pid_t *pid, int *control, struct err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "a socket to the monitor");
	cleanup_close int ours = pair[0], theirs = pair[1];
	int fds[FDS] = {streams[0], streams[1], streams[2], theirs, kvm_fd};
	/* Out of the way of the numbers they are to get: dup2 must not overwrite one still needed. */
	int moved[FDS], rc = 0;
	for (int i = 0; i < FDS; i++) {
		moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FDS);
		if (moved[i] < 0 && rc == 0)
			rc = -errno;
	}
	if (rc == 0)
		rc = spawn(id, moved, pid);
	for (int i = 0; i < FDS; i++)
		if (moved[i] >= 0)
			close(moved[i]);
	if (rc < 0)
		return err_sys(e, -rc, "starting the monitor");
	*control = take_fd(&ours);
	return 0;
}

int launch_expect(int control, enum wire_type type, struct err *e)
{
	cleanup_buf struct buf body = {.cap = 4096};
	enum wire_type got;
	int rc = wire_receive(control, ANSWER_MS, &got, &body);
	if (rc == -ECONNRESET || rc == -EPIPE)
		return err_set(e, ERR_HOST, ESRCH, "the monitor ended and did not say why");
	if (rc < 0)
		return err_sys(e, -rc, "waiting for the monitor");
	if (got == WIRE_FAILED)
		return wire_failure(&body, e);
	if (got != type)
		return err_set(e, ERR_HOST, EBADMSG, "the monitor sent message %d where %d was due", got, type);
	return 0;
}

void launch_abort(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
