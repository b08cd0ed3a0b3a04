/* SPDX-License-Identifier: Apache-2.0 */
/* Which process a sandbox belongs to: not to the children of fork(). */
#include "api/sandbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static _Atomic unsigned forks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void in_child(void)
{
	atomic_fetch_add(&forks, 1);
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, in_child);
}

unsigned process_number(void)
{
	return atomic_load(&forks);
}

struct mote_sandbox *sandbox_alloc(void)
{
	struct mote_sandbox *s = calloc(1, sizeof(*s));
	pthread_once(&once, watch_forks);
	if (s)
		s->process = process_number();
	return s;
}

int sandbox_check_process(const struct mote_sandbox *s, struct err *e)
{
	if (s->process == process_number())
		return 0;
	return err_set(e, ERR_CONFIG, EINVAL,
		       "the sandbox belongs to the process that this one was forked from; a child "
		       "makes its own");
}
