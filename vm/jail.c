/* SPDX-License-Identifier: Apache-2.0 */
/* Deny by default; what is allowed, and why, stands in jail_syscalls.def and jail_poller_syscalls.def. */
#include "vm/jail.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

static _Thread_local const char *thread_name = "the vCPU thread";

/* Runs in the signal's handler: write(2) and _exit(2) are on the list. */
static void on_denied(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	char line[160];
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, info->si_syscall);
	int n = snprintf(line, sizeof(line),
			 "mote: %s made system call %d (%s), which its filter does not allow\n",
			 thread_name, info->si_syscall, name ? name : "unknown");
	if (n > 0 && write(2, line, (size_t)n) < 0)
		_exit(128 + SIGSYS);
	_exit(128 + SIGSYS);
}

#define ALLOW(call, reason) rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 0);
#define ALLOW_ARG(call, arg, value, reason)                                                                            \
	rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 1, SCMP_CMP(arg, SCMP_CMP_EQ, value));
#define ALLOW_WITHOUT(call, arg, bits, reason)                                                                         \
	rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 1, SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, bits, 0));

/* Copies from and to the mapped program file, which may have been truncated (memory.c). */
static int add_own_copies(scmp_filter_ctx ctx)
{
	scmp_datum_t self = (scmp_datum_t)getpid();
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(process_vm_readv), 1, SCMP_CMP(0, SCMP_CMP_EQ, self));
	return rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(process_vm_writev), 1, SCMP_CMP(0, SCMP_CMP_EQ, self));
}

/* What the C library's thread is made of; clone3 takes its flags by pointer, and is as if it were not there. */
enum { THREAD_FLAGS = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS |
		      CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID };

static int add_vcpu_rules(scmp_filter_ctx ctx)
{
	int rc = add_own_copies(ctx);
#include "vm/jail_syscalls.def"
	return rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int add_poller_rules(scmp_filter_ctx ctx)
{
	int rc = add_own_copies(ctx);
#include "vm/jail_poller_syscalls.def"
	return rc;
}

static int load(int (*add_rules)(scmp_filter_ctx ctx), struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	if (!ctx)
		return err_sys(e, ENOMEM, "a seccomp filter");
	int rc = add_rules(ctx);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* binary tree */
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc < 0 ? err_sys(e, -rc, "loading a seccomp filter for %s", thread_name) : 0;
}

int jail_enter(struct err *e)
{
	struct sigaction sa = {.sa_sigaction = on_denied, .sa_flags = SA_SIGINFO};
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGSYS, &sa, NULL) < 0)
		return err_sys(e, errno, "handler for SIGSYS");
	return load(add_vcpu_rules, e);
}

int jail_enter_poller(struct err *e)
{
	thread_name = "the poller";
	return load(add_poller_rules, e);
}
