/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deny by default; what is allowed, and why, stands in jail_syscalls.def and jail_poller_syscalls.def.
 * The filters are made by the build (vm/generate/jail.c).
 */
#include "vm/jail.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail_filters.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static _Thread_local const char *thread_name = "the vCPU thread";
static _Thread_local bool entered;

/* Runs in the signal's handler: write(2) and _exit(2) are on the list. */
static void on_denied(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	char line[160];
	size_t call = (size_t)info->si_syscall;
	const char *name = call < COUNT(jail_names) ? jail_names[call] : NULL;
	int n = snprintf(line, sizeof(line),
			 "mote: %s made system call %d (%s), which its filter does not allow\n",
			 thread_name, info->si_syscall, name ? name : "unknown");
	if (n > 0 && write(2, line, (size_t)n) < 0)
		_exit(128 + SIGSYS);
	_exit(128 + SIGSYS);
}

/* What the process may do to itself alone is compared with its own number. */
static int load(const struct sock_filter *filter, size_t count, struct err *e)
{
	struct sock_filter own[COUNT(jail_vcpu) > COUNT(jail_poller) ? COUNT(jail_vcpu) : COUNT(jail_poller)];
	struct sock_fprog program = {.len = (unsigned short)count, .filter = own};
	for (size_t i = 0; i < count; i++) {
		own[i] = filter[i];
		if (own[i].k == JAIL_OWN_PID)
			own[i].k = (uint32_t)getpid();
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return err_sys(e, errno, "loading a seccomp filter for %s", thread_name);
	entered = true;
	return 0;
}

bool jail_entered(void)
{
	return entered;
}

int jail_enter(struct err *e)
{
	struct sigaction sa = {.sa_sigaction = on_denied, .sa_flags = SA_SIGINFO};
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGSYS, &sa, NULL) < 0)
		return err_sys(e, errno, "handler for SIGSYS");
	return load(jail_vcpu, COUNT(jail_vcpu), e);
}

int jail_enter_poller(struct err *e)
{
	thread_name = "the poller";
	return load(jail_poller, COUNT(jail_poller), e);
}
