/* SPDX-License-Identifier: Apache-2.0 */
/* Deny by default; what is allowed, and why, stands in jail_syscalls.def. */
#include "vm/jail.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

/* Runs in the signal's handler: write(2) and _exit(2) are on the list. */
static void on_denied(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	char line[160];
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, info->si_syscall);
	int n = snprintf(line, sizeof(line),
			 "mote: the vCPU thread made system call %d (%s), which its filter does not allow\n",
			 info->si_syscall, name ? name : "unknown");
	if (n > 0 && write(2, line, (size_t)n) < 0)
		_exit(128 + SIGSYS);
	_exit(128 + SIGSYS);
}

static int add_rules(scmp_filter_ctx ctx)
{
	int rc = 0;
#define ALLOW(call, reason) rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 0);
#define ALLOW_ARG(call, arg, value, reason)                                                                            \
	rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 1, SCMP_CMP(arg, SCMP_CMP_EQ, value));
#define ALLOW_WITHOUT(call, arg, bits, reason)                                                                         \
	rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 1, SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, bits, 0));
#include "vm/jail_syscalls.def"
	/* Copies from and to the mapped program file, which may have been truncated (memory.c). */
	scmp_datum_t self = (scmp_datum_t)getpid();
	rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(process_vm_readv), 1, SCMP_CMP(0, SCMP_CMP_EQ, self));
	rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(process_vm_writev), 1, SCMP_CMP(0, SCMP_CMP_EQ, self));
#undef ALLOW
#undef ALLOW_ARG
#undef ALLOW_WITHOUT
	return rc;
}

int jail_enter(struct err *e)
{
	struct sigaction sa = {.sa_sigaction = on_denied, .sa_flags = SA_SIGINFO};
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGSYS, &sa, NULL) < 0)
		return err_sys(e, errno, "handler for SIGSYS");
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	if (!ctx)
		return err_sys(e, ENOMEM, "a seccomp filter");
	int rc = add_rules(ctx);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* binary tree */
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc < 0 ? err_sys(e, -rc, "loading the vCPU thread's seccomp filter") : 0;
}
