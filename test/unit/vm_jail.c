/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filters of a monitor's threads, entered for real by a process of each test's own. */
#include "vm/jail.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(vm_jail, .timeout = 30);

static char said[512]; /* what the process wrote to descriptor 2 */

/* Runs `act` behind the filter; its exit status, or what it returns. */
static int jailed(int (*enter)(struct err *e), int (*act)(void))
{
	int ends[2], status;
	cr_assert(pipe(ends) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e = {0};
		dup2(ends[1], 2);
		if (enter(&e) < 0)
			_exit(99);
		_exit(act());
	}
	close(ends[1]);
	ssize_t n = read(ends[0], said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	cr_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The poller is started by a thread that is jailed already. */
static int enter_poller(struct err *e)
{
	int rc = jail_enter(e);
	return rc < 0 ? rc : jail_enter_poller(e);
}

static char from[4] = "abc", to[4];

static int copy_own(void)
{
	struct iovec a = {to, 4}, b = {from, 4};
	return process_vm_readv(getpid(), &a, 1, &b, 1, 0) == 4 && process_vm_writev(getpid(), &b, 1, &a, 1, 0) == 4 &&
			       strcmp(to, "abc") == 0
		       ? 0
		       : 1;
}

static int copy_others(void)
{
	struct iovec a = {to, 4}, b = {from, 4};
	return process_vm_readv(getpid() ^ 1, &a, 1, &b, 1, 0) == 4;
}

static int write_others(void)
{
	struct iovec a = {to, 4}, b = {from, 4};
	return process_vm_writev(1, &a, 1, &b, 1, 0) == 4;
}

static int make_executable(void)
{
	return mprotect(from - (uintptr_t)from % 4096, 4096, PROT_READ | PROT_EXEC) == 0;
}

static int execute(void)
{
	return execl("/bin/true", "true", NULL);
}

static int open_by_path(void)
{
	return (int)syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static int start_thread_by_pointer(void)
{
	return syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS ? 0 : 1;
}

static int ask_kvm_for_much(void)
{
	return ioctl(2, 0xae01, 0); /* KVM_CREATE_VM */
}

Test(vm_jail, what_is_allowed)
{
	cr_expect(jailed(jail_enter, copy_own) == 0, "%s", said);
	cr_expect(jailed(jail_enter, start_thread_by_pointer) == 0, "%s", said);
	cr_expect(jailed(enter_poller, copy_own) == 0, "%s", said);
}

Test(vm_jail, what_is_not_is_named)
{
	static const struct {
		int (*act)(void);
		const char *name;
	} denied[] = {
		{copy_others, "process_vm_readv"}, {write_others, "process_vm_writev"}, {make_executable, "mprotect"},
		{execute, "execve"},		   {open_by_path, "openat"},		{ask_kvm_for_much, "ioctl"},
	};
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		char want[64];
		snprintf(want, sizeof(want), "(%s)", denied[i].name);
		cr_expect(jailed(jail_enter, denied[i].act) == 159 && strstr(said, want) &&
				  strstr(said, "the vCPU thread"),
			  "%s: %s", want, said);
		cr_expect(jailed(enter_poller, denied[i].act) == 159 && strstr(said, "the poller"), "%s: %s", want, said);
	}
}
