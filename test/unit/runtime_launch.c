/* SPDX-License-Identifier: Apache-2.0 */
/* Both ways to clone a process: this architecture's, and the one in C alone that others have. */
#define launch_clone        portable_launch_clone
#define userns_clone_holder portable_userns_clone_holder
#include "runtime/aarch64/launch_clone.c"
#include "runtime/aarch64/userns_holder.c"
#undef launch_clone
#undef userns_clone_holder

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

long launch_clone(const struct clone_args *args, void (*fn)(const void *arg), const void *arg);
pid_t userns_clone_holder(struct userns_holder *holder);

/* In the child, which may have our memory. */
static void report(const void *arg)
{
	const int *pipe_end = arg;
	char pid = (char)getpid();
	_exit(write(*pipe_end, &pid, 1) == 1 ? 7 : 8);
}

static void expect_child(long (*clone_by)(const struct clone_args *, void (*)(const void *),
					  const void *))
{
	int ends[2], pidfd = -1, status;
	char pid_inside = 0;
	cr_assert(pipe2(ends, O_CLOEXEC) == 0);
	const struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_NEWPID,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid = clone_by(&args, report, &ends[1]);
	cr_assert(pid > 0 && pidfd >= 0, "%ld", pid);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	cr_expect(poll(&p, 1, -1) == 1, "the pidfd is the child's");
	cr_expect(waitpid((pid_t)pid, &status, 0) == pid && WIFEXITED(status) &&
		  WEXITSTATUS(status) == 7);
	cr_expect(read(ends[0], &pid_inside, 1) == 1 && pid_inside == 1,
		  "the first of a PID namespace");
	/* CLONE_THREAD without CLONE_SIGHAND. */
	const struct clone_args bad = {.flags = CLONE_THREAD};
	cr_expect(clone_by(&bad, report, &ends[1]) == -EINVAL);
	close(pidfd);
	close(ends[0]);
	close(ends[1]);
}

Test(runtime_launch, clones_a_monitor)
{
	expect_child(launch_clone);
	expect_child(portable_launch_clone);
}

static ino_t user_namespace(pid_t pid)
{
	char path[40];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	cr_assert(stat(path, &st) == 0, "%s", path);
	return st.st_ino;
}

static void expect_holder(pid_t (*clone_by)(struct userns_holder *))
{
	struct userns_holder holder;
	pid_t pid = clone_by(&holder);
	cr_assert(pid > 0, "%s", strerror(errno));
	cr_expect(user_namespace(pid) != user_namespace(getpid()));
	cr_expect(waitpid(pid, NULL, WNOHANG) == 0, "it waits");
	cr_expect(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	/* Its parent's end is its own. */
	int ends[2];
	cr_assert(pipe(ends) == 0);
	pid_t parent = fork();
	if (parent == 0) {
		static struct userns_holder own;
		_exit(clone_by(&own) < 0);
	}
	close(ends[1]);
	char byte;
	cr_expect(waitpid(parent, NULL, 0) == parent);
	cr_expect(read(ends[0], &byte, 1) == 0, "nobody has the other end");
	close(ends[0]);
}

Test(runtime_launch, clones_the_holder_of_a_user_namespace)
{
	expect_holder(userns_clone_holder);
	expect_holder(portable_userns_clone_holder);
}
