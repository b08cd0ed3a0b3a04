/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a container apart, step by step: what has to be waited for (its process, a terminal's
 * output, the log process) the event loop waits for, so that one that is stuck holds up no other.
 */
#include "runtime/container.h"

#include "base/time.h"
#include "runtime/mounts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESS_MS 10000
#define TERMINAL_MS 10000    /* of its output, all in all */
#define LOGGER_END_MS 1000   /* it sees the end of its input, and ends if it is any good */
#define LOGGER_TERM_MS 12000 /* after SIGTERM, as containerd has it */

void container_set_deadline(struct container *c, int64_t ms)
{
	/* One millisecond later, so that it has passed when the timer says so. */
	struct itimerspec when = {.it_value = {.tv_sec = (ms + 1) / 1000,
					       .tv_nsec = (ms + 1) % 1000 * 1000000}};
	c->deadline_ms = time_monotonic_ms() + ms;
	if (c->timer >= 0)
		timerfd_settime(c->timer, 0, &when, NULL);
}

bool container_is_late(const struct container *c)
{
	return time_monotonic_ms() >= c->deadline_ms;
}

/* True once the step that is under way is over, in one way or another. */
static bool is_over(struct container *c)
{
	struct streams *s = &c->streams;
	switch (c->ending) {
	case ENDING_NOT:
		return true;
	case ENDING_PROCESS:
		return c->pid <= 0 || c->reaped || container_is_late(c);
	case ENDING_TERMINAL:
		if (s->terminal)
			terminal_pump(s->terminal);
		return !s->terminal || c->failure.code || terminal_drained(s->terminal) ||
		       container_is_late(c);
	case ENDING_LOGGER:
	case ENDING_LOGGER_TERM:
		return s->logger <= 0 || container_is_late(c);
	case ENDING_DONE:
		break;
	}
	return false;
}

static void begin_next(struct container *c)
{
	struct streams *s = &c->streams;
	switch (c->ending++) {
	case ENDING_NOT:
		container_set_deadline(c, PROCESS_MS);
		return;
	case ENDING_PROCESS:
		streams_launched(s);
		if (s->terminal)
			terminal_end_input(s->terminal);
		container_set_deadline(c, TERMINAL_MS);
		return;
	case ENDING_TERMINAL:
		/* One that never got ready has nothing to write. */
		if (s->logger > 0 && s->logger_ready >= 0)
			kill(s->logger, SIGKILL);
		container_set_deadline(c, LOGGER_END_MS);
		return;
	case ENDING_LOGGER:
		if (s->logger > 0)
			kill(s->logger, SIGTERM);
		container_set_deadline(c, s->logger > 0 ? LOGGER_TERM_MS : 0);
		return;
	case ENDING_LOGGER_TERM:
		if (s->logger > 0)
			kill(s->logger, SIGKILL);
		return;
	case ENDING_DONE:
		break;
	}
}

int container_end(struct container *c, struct err *e)
{
	while (c->ending != ENDING_DONE) {
		if (!is_over(c))
			return -EINPROGRESS;
		if (c->ending == ENDING_PROCESS && c->pid > 0 && !c->reaped) {
			c->ending = ENDING_NOT;
			return err_set(e, ERR_HOST, EBUSY,
				       "process %d of container %s does not end", c->pid, c->id);
		}
		begin_next(c);
	}
	return 0;
}

int container_delete(struct container *c, struct err *e)
{
	bool never_was = c->beside && c->pid == 0 && c->state == CONTAINER_CREATED;
	if (c->state != CONTAINER_STOPPED && !never_was)
		return err_set(e, ERR_PEER, EBUSY, "container %s has not ended", c->id);
	if (c->drain_ns) /* its end has not been told of yet */
		return -EINPROGRESS;
	int rc = container_end(c, e);
	if (rc < 0)
		return rc;
	if (c->beside) { /* what it lived in is not its own */
		container_free(c);
		return 0;
	}
	rc = c->rootfs_mounted ? mounts_detach(c->rootfs, e) : 0;
	c->rootfs_mounted &= rc < 0;
	if (rc == 0)
		rc = cgroup_remove(c->cgroup, e);
	if (rc < 0)
		return rc;
	container_run_poststop(c);
	if (c->hook > 0)
		return -EINPROGRESS;
	state_remove(c->bundle_fd);
	container_free(c);
	return 0;
}
