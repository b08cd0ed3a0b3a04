/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A monitor begins with an empty address space: this binary, executed anew. Until then the child
 * runs in ours while we wait, as with vfork(2): nothing is copied, and it runs at once.
 */
#include "runtime/launch.h"

#include "runtime/monitor/monitor.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define REST_MS 1000 /* of a message that has begun to arrive */
#define FDS 6
#define STACK_BYTES 32768

struct child {
	const char *id;
	int fds[FDS], count;
};

/*
 * In the child, in the parent's memory, on a stack of its own. A failure is told over the socket.
 * It never returns, so the address sanitizer would leave its frame poisoned in the parent.
 */
static _Noreturn __attribute__((no_sanitize_address)) void become_monitor(const struct child *child)
{
	const int *fds = child->fds;
	char *argv[] = {(char[]){"containerd-shim-mote-v1"}, (char[]){RUNTIME_MONITOR_ARG},
			(char *)(uintptr_t)child->id, NULL};
	char *envp[] = {NULL};
	sigset_t none;
	sigemptyset(&none);
	int rc = 0;
	for (int i = 0; rc == 0 && i < child->count; i++)
		rc = dup2(fds[i], i) < 0 ? -1 : 0;
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
	_exit(wire_send_failure(fds[MONITOR_CONTROL_FD], &e) < 0 ? 126 : 125);
}

/*
 * The raw call: the C library's have no way into a cgroup. The child has the parent's registers but
 * for the stack pointer, and never comes back. Its number, or -errno.
 */
static long clone_into(int cgroup_fd, uint64_t flags, const struct child *child)
{
	_Alignas(16) char stack[STACK_BYTES];
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | flags,
		.exit_signal = SIGCHLD,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = sizeof(stack),
	};
	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	long rc = SYS_clone3;
	register const struct child *arg __asm__("r12") = child;
	register void (*fn)(const struct child *) __asm__("r13") = become_monitor;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %[arg], %%rdi\n\t"
			 "call *%[fn]\n\t"
			 "ud2\n"
			 "1:"
			 : "+a"(rc)
			 : "D"(&args), "S"(sizeof(args)), [arg] "r"(arg), [fn] "r"(fn)
			 : "rcx", "r11", "memory");
	return rc;
}

static bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	return poll(&p, 1, 0) > 0;
}

/*
 * The PID namespace of a child is its parent's choice: ours for children is changed and put back.
 * The latter cannot be refused; going on without it would put other containers' monitors into this
 * one's namespace.
 */
static long clone_beside(int beside, int cgroup_fd, const struct child *child)
{
	cleanup_close int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(beside, CLONE_NEWPID) < 0)
		return -errno;
	long born = clone_into(cgroup_fd, 0, child);
	if (setns(own, CLONE_NEWPID) < 0)
		abort();
	return born;
}

int launch_monitor(const char *id, const int streams[3], int kvm_fd, int userns_fd, int cgroup_fd,
		   int beside, pid_t *pid, int *control, struct err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "a socket to the monitor");
	cleanup_close int ours = pair[0], theirs = pair[1];
	int fds[FDS] = {streams[0], streams[1], streams[2], theirs, kvm_fd, userns_fd};
	/* Out of the way of the numbers they are to get: dup2 must not overwrite one still needed.
	 */
	struct child child = {.id = id, .count = userns_fd >= 0 ? FDS : FDS - 1};
	int *moved = child.fds, rc = 0;
	for (int i = 0; i < child.count; i++) {
		moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FDS);
		if (moved[i] < 0 && rc == 0)
			rc = -errno;
	}
	long born = rc;
	if (rc == 0)
		born = beside >= 0 ? clone_beside(beside, cgroup_fd, &child)
				   : clone_into(cgroup_fd, CLONE_NEWPID, &child);
	for (int i = 0; i < child.count; i++)
		if (moved[i] >= 0)
			close(moved[i]);
	if (born < 0 && beside >= 0 && has_ended(beside))
		return err_set(e, ERR_PEER, EBUSY, "the container is at its end");
	if (born < 0)
		return err_sys(e, (int)-born, "starting the monitor");
	*pid = (pid_t)born;
	*control = take_fd(&ours);
	return 0;
}

int launch_expect(int control, enum wire_type *type, struct err *e)
{
	cleanup_buf struct buf body = {.cap = 4096};
	enum wire_type due = *type, got;
	int rc = wire_receive(control, REST_MS, &got, &body);
	if (rc == -ECONNRESET || rc == -EPIPE)
		return err_set(e, ERR_HOST, ESRCH, "the monitor ended and did not say why");
	if (rc < 0)
		return err_sys(e, -rc, "waiting for the monitor");
	if (got == WIRE_FAILED)
		return wire_failure(&body, e);
	if (got != due && !(due == WIRE_READY && got == WIRE_HOOKS))
		return err_set(e, ERR_HOST, EBADMSG, "the monitor sent message %d where %d was due",
			       got, due);
	*type = got;
	return 0;
}
