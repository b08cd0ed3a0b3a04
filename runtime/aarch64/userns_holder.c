/* SPDX-License-Identifier: Apache-2.0 */
/* A process in a copy of the parent's memory, in C alone. */
#include "runtime/userns.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

pid_t userns_clone_holder(struct userns_holder *holder)
{
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	holder->parent = getpid();
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == holder->parent)
		pause();
	_exit(0);
}
