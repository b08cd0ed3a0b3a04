/* SPDX-License-Identifier: Apache-2.0 */
/* The shim's loop, an event at a time. Included by one file of a program. */
#ifndef MOTE_TEST_LOOP_STEP_H
#define MOTE_TEST_LOOP_STEP_H

#include "base/loop.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

static inline void loop_step_stop(void *arg, uint32_t what)
{
	(void)what;
	((struct loop *)arg)->stop = true;
}

/* What the loop has to do, if there is anything within that time. */
static inline bool loop_step(struct loop *loop, int ms)
{
	struct pollfd p = {.fd = loop->epoll, .events = POLLIN};
	if (poll(&p, 1, ms) == 0)
		return false;
	int ends[2];
	cr_assert(pipe(ends) == 0 && write(ends[1], "", 1) == 1);
	struct loop_source s = {0};
	cr_assert(loop_add(loop, &s, ends[0], EPOLLIN, loop_step_stop, loop) == 0);
	loop->stop = false;
	cr_assert(loop_run(loop) == 0);
	loop_remove(&s);
	close(ends[0]);
	close(ends[1]);
	return true;
}

#endif
