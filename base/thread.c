/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that take no signals of their process. */
#include "base/thread.h"

#include <signal.h>

static sigset_t asynchronous_signals(void)
{
	static const int synchronous[] = {SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGSYS, SIGTRAP};
	sigset_t set;
	sigfillset(&set);
	for (size_t i = 0; i < sizeof(synchronous) / sizeof(synchronous[0]); i++)
		sigdelset(&set, synchronous[i]);
	return set;
}

/* The new thread inherits the mask; this one has it only until the other exists. */
int thread_start(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *arg), void *arg)
{
	const sigset_t blocked = asynchronous_signals();
	sigset_t saved;
	pthread_sigmask(SIG_SETMASK, &blocked, &saved);
	int rc = pthread_create(thread, attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return -rc;
}

int thread_start_with_stack(pthread_t *thread, size_t stack_bytes, void *(*run)(void *arg),
			    void *arg)
{
	pthread_attr_t attr;
	pthread_t detached;
	int rc = -pthread_attr_init(&attr);
	if (rc < 0)
		return rc;
	rc = -pthread_attr_setstacksize(&attr, stack_bytes);
	if (rc == 0 && !thread)
		rc = -pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (rc == 0)
		rc = thread_start(thread ? thread : &detached, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return rc;
}
