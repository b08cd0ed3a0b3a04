/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RLIMIT_CPU: a signal at the soft limit and each second after it, the end at the hard one. It
 * counts CPU time, of which the program has the same on any machine.
 */
#include "show.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int seen;

static void on_limit(int signo, siginfo_t *info, void *context)
{
	struct rlimit now;
	getrlimit(RLIMIT_CPU, &now);
	seen++;
	printf("%d: signal %d code %d, limits %ld %ld\n", seen, signo, info->si_code,
	       (long)now.rlim_cur, (long)now.rlim_max);
	fflush(stdout);
}

int main(void)
{
	struct rlimit limit = {.rlim_cur = 1, .rlim_max = 2};
	struct sigaction act = {.sa_sigaction = on_limit, .sa_flags = SA_SIGINFO};
	struct rlimit above = {.rlim_cur = 3, .rlim_max = 2};
	SHOW(setrlimit(RLIMIT_CPU, &above));
	SHOW(sigaction(SIGXCPU, &act, NULL));
	SHOW(setrlimit(RLIMIT_CPU, &limit));
	fflush(stdout);
	for (volatile unsigned long turns = 0;; turns++)
		;
}
