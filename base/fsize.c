/* SPDX-License-Identifier: Apache-2.0 */
/* A file that would become too large is an error, not the end. */
#include "base/fsize.h"

#include <errno.h>
#include <time.h>

static sigset_t the_signal(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	return set;
}

sigset_t fsize_begin(void)
{
	sigset_t set = the_signal(), saved;
	pthread_sigmask(SIG_BLOCK, &set, &saved);
	return saved;
}

void fsize_end(const sigset_t *saved)
{
	sigset_t set = the_signal();
	const struct timespec now = {0};
	int before = errno;
	while (sigtimedwait(&set, NULL, &now) == SIGXFSZ || errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, saved, NULL);
	errno = before;
}
