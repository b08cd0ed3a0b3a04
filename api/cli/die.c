/* SPDX-License-Identifier: Apache-2.0 */
/* Dying of the signal that has ended the program. */
#include "cli.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static int dying_of;    /* a signal, or 0 */
static int main_thread; /* what raise() asks for is in no filter */

void cli_note_main_thread(void)
{
	main_thread = (int)syscall(SYS_gettid);
}

void cli_die_of(int signo)
{
	if (signo == SIGINT || signo == SIGTERM || signo == SIGHUP)
		dying_of = signo;
}

void cli_die(void)
{
	if (!dying_of)
		return;
	signal(dying_of, SIG_DFL);
	syscall(SYS_tgkill, getpid(), main_thread, dying_of);
}
