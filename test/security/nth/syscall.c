/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command of which one system call fails, the Nth that it or its children make:
 *
 * 	syscall REPORT N COMMAND [ARG]...
 *
 * REPORT gets `NAME ERRNO` of the one that failed, or `none COUNT` if the command makes fewer. The
 * exit status is the command's, 128 + n if signal n ended it, 255 if it had to be killed after
 * TIMEOUT_SECONDS. With N = 0 the command says itself which one, over and over: see syscall.h. Not
 * counted: calls that cannot fail as the C library makes them, and what the C library does before
 * main, which ends with the relocations' mprotect (its own failures there end a process).
 */
#include "syscall.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TASKS_MAX = 256, TIMEOUT_SECONDS = 200 };

/*
 * How each system call fails. CARRIED_OUT: it does what it should and then says that it failed, as
 * close(2) does.
 */
enum how { REFUSED, CARRIED_OUT };

static const struct failure {
	int nr;
	const char *name;
	int code;
	enum how how;
} failures[] = {
#define FAILS(name_, code_)                         \
	{                                           \
		SYS_##name_, #name_, code_, REFUSED \
	}
	FAILS(openat, EMFILE),
	FAILS(openat2, EMFILE),
	FAILS(open, EMFILE),
	FAILS(dup, EMFILE),
	FAILS(dup2, EMFILE),
	FAILS(dup3, EMFILE),
	FAILS(fcntl, EMFILE),
	FAILS(socket, EMFILE),
	FAILS(socketpair, EMFILE),
	FAILS(pipe2, EMFILE),
	FAILS(eventfd2, EMFILE),
	FAILS(epoll_create1, EMFILE),
	FAILS(timerfd_create, EMFILE),
	FAILS(memfd_create, EMFILE),
	FAILS(accept4, EMFILE),
	FAILS(pidfd_open, EMFILE),
	FAILS(signalfd4, EMFILE),
	FAILS(mmap, ENOMEM),
	FAILS(mremap, ENOMEM),
	FAILS(mprotect, ENOMEM),
	FAILS(brk, ENOMEM),
	FAILS(process_vm_readv, ENOMEM),
	FAILS(process_vm_writev, ENOMEM),
	FAILS(ioctl, ENOMEM),
	FAILS(clone, EAGAIN),
	FAILS(clone3, EAGAIN),
	FAILS(fork, EAGAIN),
	FAILS(vfork, EAGAIN),
	FAILS(seccomp, ENOMEM),
	FAILS(prctl, EPERM),
	FAILS(fstat, EIO),
	FAILS(newfstatat, EIO),
	FAILS(fstatfs, EIO),
	FAILS(statx, EIO),
	FAILS(lseek, EIO),
	FAILS(getdents64, EIO),
	FAILS(read, EIO),
	FAILS(readv, EIO),
	FAILS(pread64, EIO),
	FAILS(preadv, EIO),
	FAILS(write, ENOSPC),
	FAILS(writev, ENOSPC),
	FAILS(pwrite64, ENOSPC),
	FAILS(pwritev, ENOSPC),
	FAILS(ftruncate, ENOSPC),
	FAILS(fallocate, ENOSPC),
	FAILS(fsync, EIO),
	FAILS(getrandom, EAGAIN),
	FAILS(mkdir, EACCES),
	FAILS(mkdirat, EACCES),
	FAILS(unlink, EACCES),
	FAILS(unlinkat, EACCES),
	FAILS(rename, EACCES),
	FAILS(renameat, EACCES),
	FAILS(renameat2, EACCES),
	FAILS(readlinkat, EIO),
	FAILS(readlink, EIO),
	FAILS(faccessat2, EIO),
	FAILS(access, EACCES),
	FAILS(utimensat, EPERM),
	FAILS(fchmod, EPERM),
	FAILS(fchown, EPERM),
	FAILS(flock, EINTR),
	FAILS(timer_create, EAGAIN),
	FAILS(sched_getaffinity, ENOMEM),
	FAILS(sched_getscheduler, EPERM),
	FAILS(wait4, EINTR),
	FAILS(poll, EINTR),
	FAILS(ppoll, EINTR),
	FAILS(rt_sigaction, EINVAL),
	FAILS(prlimit64, EPERM),
	FAILS(getcwd, ENOENT),
	FAILS(bind, EADDRINUSE),
	FAILS(listen, EADDRINUSE),
	FAILS(connect, ECONNREFUSED),
	FAILS(setsockopt, ENOMEM),
	FAILS(getsockopt, ENOMEM),
	FAILS(sendmsg, ENOBUFS),
	FAILS(recvmsg, ENOBUFS),
	FAILS(mount, EPERM),
	FAILS(umount2, EBUSY),
	FAILS(setns, EPERM),
	FAILS(unshare, EPERM),
	FAILS(capset, EPERM),
	FAILS(landlock_create_ruleset, ENOMEM),
	FAILS(landlock_add_rule, ENOMEM),
	FAILS(landlock_restrict_self, E2BIG),
	FAILS(close_range, EINVAL),
#undef FAILS
	{SYS_close, "close", EIO, CARRIED_OUT},
	{SYS_munmap, "munmap", ENOMEM, CARRIED_OUT},
	{SYS_madvise, "madvise", ENOMEM, CARRIED_OUT},
};

struct task {
	pid_t tid;
	uint64_t nr;                   /* of the system call that it is in or was in last */
	const struct failure *failing; /* the call that it is in is the one */
	bool marks;                    /* it is in a call of syscall.h */
	long answer;                   /* of that */
};

static struct task tasks[TASKS_MAX];
static size_t task_count;
static unsigned long wanted, seen; /* wanted 0: none */
static bool in_main;               /* the command's start-up is over */
static const struct failure *fired;
static long heap_end; /* as the last brk(2) said */
static const char *report_path;
/* $NTH_SYSCALL_KILLS: the command is killed there instead, and its children end by themselves */
static bool kills;
static pid_t command;
static volatile sig_atomic_t over; /* the time is */

static struct task *task_of(pid_t tid)
{
	for (size_t i = 0; i < task_count; i++)
		if (tasks[i].tid == tid)
			return &tasks[i];
	if (task_count == TASKS_MAX) {
		fprintf(stderr, "syscall: more than %d threads\n", TASKS_MAX);
		exit(2);
	}
	tasks[task_count] = (struct task){.tid = tid};
	return &tasks[task_count++];
}

static void forget(pid_t tid)
{
	struct task *t = task_of(tid);
	*t = tasks[--task_count];
}

static const struct failure *failure_of(const struct __ptrace_syscall_info *info)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].nr == (int)info->entry.nr)
			return &failures[i];
	return NULL;
}

static void set_register(pid_t tid, size_t offset, long value)
{
	ptrace(PTRACE_POKEUSER, tid, offset, value);
}

/* The command's own word: it arms the next failure, or asks what became of it. */
static void take_mark(struct task *t, const struct __ptrace_syscall_info *info)
{
	t->marks = true;
	t->answer = fired ? fired->nr + 1 : 0;
	seen = 0;
	fired = NULL;
	wanted = info->entry.args[0] == NTH_SYSCALL_ARM ? info->entry.args[1] : 0;
}

static void enter(struct task *t, const struct __ptrace_syscall_info *info)
{
	t->nr = info->entry.nr;
	if (info->entry.nr == NTH_SYSCALL_CARRIER &&
	    (info->entry.args[0] == NTH_SYSCALL_ARM || info->entry.args[0] == NTH_SYSCALL_DISARM)) {
		take_mark(t, info);
		return;
	}
	const struct failure *f = failure_of(info);
	bool begins = !in_main && info->entry.nr == SYS_mprotect;
	in_main |= begins;
	if (!f || fired || begins || !in_main)
		return;
	seen++;
	if (wanted == 0 || seen != wanted)
		return;
	fired = f;
	if (kills) {
		kill(command, SIGKILL);
		return;
	}
	t->failing = f;
	if (f->how == REFUSED) /* something harmless, which every filter allows, in its place */
		set_register(t->tid, offsetof(struct user_regs_struct, orig_rax),
			     NTH_SYSCALL_CARRIER);
}

/* brk(2) has no errors: it answers the end of the heap, which has then stayed as it was. */
static long answer_of(const struct failure *f)
{
	return f->nr == SYS_brk ? heap_end : -f->code;
}

static void leave(struct task *t, const struct __ptrace_syscall_info *info)
{
	if (t->failing)
		set_register(t->tid, offsetof(struct user_regs_struct, rax), answer_of(t->failing));
	else if (t->nr == SYS_brk)
		heap_end = (long)info->exit.rval;
	if (t->marks)
		set_register(t->tid, offsetof(struct user_regs_struct, rax), t->answer);
	t->failing = NULL;
	t->marks = false;
}

static void at_syscall(pid_t tid)
{
	struct __ptrace_syscall_info info;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter(task_of(tid), &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		leave(task_of(tid), &info);
}

static void report(void)
{
	FILE *f = fopen(report_path, "w");
	if (!f ||
	    (fired ? fprintf(f, "%s %d\n", fired->name, fired->code)
		   : fprintf(f, "none %lu\n", seen)) < 0 ||
	    fclose(f) != 0) {
		perror(report_path);
		exit(2);
	}
}

/* One stop of a task; the signal that it is to get. */
static int at_stop(pid_t tid, int status)
{
	int signo = WSTOPSIG(status);
	if (signo == (SIGTRAP | 0x80)) {
		at_syscall(tid);
		return 0;
	}
	if (status >> 16) /* fork, clone, exec, and a new task's first stop */
		return 0;
	/* A new task begins with a SIGSTOP of ptrace's. */
	return signo == SIGSTOP ? 0 : signo;
}

/* Until all of the command's processes have ended. Its wait status. */
static int trace(void)
{
	int status, result = 0;
	for (;;) {
		pid_t tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == EINTR && !over)
			continue;
		if (tid < 0)
			return result;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			forget(tid);
			if (tid == command)
				result = status;
			continue;
		}
		ptrace(PTRACE_SYSCALL, tid, NULL, (long)at_stop(tid, status));
	}
}

static void on_alarm(int signo)
{
	(void)signo;
	over = 1;
	for (size_t i = 0; i < task_count; i++)
		kill(tasks[i].tid, SIGKILL);
}

static int start(char **argv)
{
	command = fork();
	if (command == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	int status;
	if (command < 0 || waitpid(command, &status, 0) < 0)
		return -errno;
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		       PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	if (ptrace(PTRACE_SETOPTIONS, command, NULL, options) < 0 ||
	    ptrace(PTRACE_SYSCALL, command, NULL, NULL) < 0)
		return -errno;
	task_of(command);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: nth_syscall REPORT N COMMAND [ARG]...\n");
		return 2;
	}
	report_path = argv[1];
	wanted = strtoul(argv[2], NULL, 10);
	const char *seconds = getenv("NTH_SYSCALL_SECONDS");
	kills = getenv("NTH_SYSCALL_KILLS");
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
	int rc = start(argv + 3);
	if (rc < 0) {
		fprintf(stderr, "syscall: %s\n", strerror(-rc));
		return 2;
	}
	alarm(seconds ? (unsigned)atoi(seconds) : TIMEOUT_SECONDS);
	int status = trace();
	report();
	if (over)
		return 255;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
