/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/run/kick_signal.h"

#include "vm/memory/guest_copy.h"
#include "vm/vm.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by lock until `installed`, and then they do not change. */
static int kick_signo = VM_KICK_SIGNAL;
static bool chosen;
static sigset_t blocked_set;
static _Atomic bool installed;

int kick_signal(void)
{
	return kick_signo;
}

/* A handler of the embedding program's for a signal that it did not choose would be lost. */
static int check_free(struct err *e)
{
	struct sigaction before;
	if (chosen || sigaction(kick_signo, NULL, &before) < 0)
		return 0;
	if (!(before.sa_flags & SA_SIGINFO) &&
	    (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN))
		return 0;
	return err_set(e, ERR_CONFIG, EBUSY,
		       "the program has a handler for SIGUSR1, which Mote would replace; "
		       "mote_use_signal() makes it use another signal");
}

static int install(kick_handler handler, struct err *e)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	int rc = check_free(e);
	if (rc < 0)
		return rc;
	sigemptyset(&sa.sa_mask);
	sigemptyset(&blocked_set);
	sigaddset(&blocked_set, kick_signo);
	sigaddset(&blocked_set, SIGPIPE);
	sigaddset(&blocked_set, SIGXFSZ);
	if (sigaction(kick_signo, &sa, NULL) < 0)
		rc = -errno;
	else
		rc = guest_copy_prepare();
	if (rc < 0)
		return err_sys(e, -rc, "handlers of the vCPU thread's signals");
	atomic_store(&installed, true);
	return 0;
}

const sigset_t *kick_blocked(void)
{
	return &blocked_set;
}

int kick_signal_prepare(kick_handler handler, struct err *e)
{
	if (atomic_load(&installed))
		return 0;
	pthread_mutex_lock(&lock);
	int rc = 0;
	if (!atomic_load(&installed))
		rc = install(handler, e);
	pthread_mutex_unlock(&lock);
	return rc;
}

int vm_use_signal(int signo, struct err *e)
{
	int rc = 0;
	if (signo != SIGUSR1 && signo != SIGUSR2 && (signo < SIGRTMIN || signo > SIGRTMAX))
		return err_set(e, ERR_CONFIG, EINVAL,
			       "signal %d: it is neither SIGUSR1, SIGUSR2 nor a real-time signal",
			       signo);
	pthread_mutex_lock(&lock);
	if (atomic_load(&installed) && signo != kick_signo)
		rc = err_set(e, ERR_CONFIG, EBUSY, "signal %d is already in use", kick_signo);
	else
		kick_signo = signo;
	chosen |= rc == 0;
	pthread_mutex_unlock(&lock);
	return rc;
}

void vm_use_default_signal(void)
{
	pthread_mutex_init(&lock, NULL); /* a thread of the parent may have held it */
	kick_signo = VM_KICK_SIGNAL;
	chosen = true;
	atomic_store(&installed, false);
}
