/* SPDX-License-Identifier: Apache-2.0 */
/* A monitor begins with an empty address space: this binary is executed again. */
#include "runtime/launch.h"

#include "runtime/monitor/monitor.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define FDS 6

struct child {
	const char *id;
	int fds[FDS], count;
};

/*
 * The child: see launch_clone. A failure is reported over the socket. It never returns, so the
 * address sanitizer would leave its frame poisoned in the parent.
 */
static __attribute__((no_sanitize_address)) void become_monitor(const void *arg)
{
	const struct child *child = arg;
	char *argv[] = {(char[]){"containerd-shim-mote-v1"}, (char[]){RUNTIME_MONITOR_ARG},
			(char *)(uintptr_t)child->id, NULL};
	char *envp[] = {NULL};
	sigset_t none;
	sigemptyset(&none);
	int rc = 0;
	for (int i = 0; rc == 0 && i < child->count; i++)
		if (dup2(child->fds[i], i) < 0)
			rc = -1;
	if (rc == 0)
		rc = close_range((unsigned)child->count, ~0U, 0);
	if (rc == 0 && setsid() < 0)
		rc = -1;
	if (rc == 0)
		rc = sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL); /* all that the shim ignores */
	if (rc == 0)
		execve("/proc/self/exe", argv, envp);
	struct err e = {0};
	err_sys(&e, errno, "executing the monitor");
	/* Nothing else can be done about it; the parent sees the end of the process. */
	(void)!wire_send_failure(child->fds[MONITOR_CONTROL_FD], &e);
	_exit(WIRE_STATUS_HOST);
}

/*
 * The PID namespace of a child is its parent's choice: ours for children is changed and changed
 * back. The latter cannot be refused; going on without it would put other containers' monitors into
 * this one's namespace.
 */
static long clone_into_namespace(int pidfd, const struct clone_args *args,
				 const struct child *child)
{
	cleanup_close int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(pidfd, CLONE_NEWPID) < 0)
		return -errno;
	long born = launch_clone(args, become_monitor, child);
	if (setns(own, CLONE_NEWPID) < 0)
		abort();
	return born;
}

static long clone_child(const struct launch *launch, const struct child *child, int *pidfd)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};
	if (launch->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)launch->cgroup_fd;
	}
	if (launch->namespace_of >= 0)
		return clone_into_namespace(launch->namespace_of, &args, child);
	args.flags |= CLONE_NEWPID;
	return launch_clone(&args, become_monitor, child);
}

/* Above the numbers that the child gives them: dup2 must not overwrite one that is still needed. */
static int duplicate(const int *fds, struct child *child)
{
	int rc = 0;
	for (int i = 0; i < child->count; i++) {
		child->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FDS);
		if (child->fds[i] < 0 && rc == 0)
			rc = -errno;
	}
	return rc;
}

int launch_monitor(const struct launch *launch, struct launched *out, struct err *e)
{
	int pair[2], pidfd = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "a socket to the monitor");
	cleanup_close int ours = pair[0], theirs = pair[1];
	const int fds[FDS] = {launch->streams[0], launch->streams[1], launch->streams[2], theirs,
			      launch->kvm_fd,     launch->userns_fd};
	struct child child = {.id = launch->id, .count = launch->userns_fd >= 0 ? FDS : FDS - 1};
	long born = duplicate(fds, &child);
	if (born == 0)
		born = clone_child(launch, &child, &pidfd);
	for (int i = 0; i < child.count; i++)
		close_fd(&child.fds[i]);
	if (born < 0)
		return err_sys(e, (int)-born, "starting the monitor");
	*out = (struct launched){.pid = (pid_t)born, .pidfd = pidfd, .control = take_fd(&ours)};
	return 0;
}

int launch_expect(int control, int timeout_ms, enum wire_type *type, struct err *e)
{
	cleanup_buf struct buf body = {.cap = 4096};
	enum wire_type due = *type, got;
	int rc = wire_receive(control, timeout_ms, &got, &body);
	if (rc == -ECONNRESET || rc == -EPIPE)
		return err_set(e, ERR_HOST, ESRCH, "the monitor ended without giving a reason");
	if (rc < 0)
		return err_sys(e, -rc, "waiting for the monitor");
	if (got == WIRE_FAILED)
		return wire_failure(&body, e);
	if (got != due && !(due == WIRE_READY && got == WIRE_HOOKS))
		return err_set(e, ERR_HOST, EBADMSG, "the monitor sent message %d instead of %d",
			       got, due);
	*type = got;
	return 0;
}
