/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking apart what a process leaves, step by step: the event loop waits for its monitor, for a
 * terminal's output and for the log process, so that one that is stuck holds up no other container.
 */
#include "runtime/process.h"

#include <errno.h>
#include <signal.h>

#define MONITOR_MS     10000
#define TERMINAL_MS    10000 /* for all of its output */
#define LOGGER_END_MS  1000  /* a log process that works ends at the end of its input */
#define LOGGER_TERM_MS 12000 /* after SIGTERM, as containerd has it */

static void end_logger(const struct process *p, int signo)
{
	if (p->streams.logger > 0)
		kill(p->streams.logger, signo);
}

static void begin_step(struct process *p)
{
	struct streams *s = &p->streams;
	switch (p->state) {
	case PROCESS_AWAIT_MONITOR:
		process_set_deadline(p, MONITOR_MS);
		break;
	case PROCESS_AWAIT_TERMINAL:
		streams_launched(s);
		if (s->terminal)
			terminal_end_input(s->terminal);
		process_set_deadline(p, TERMINAL_MS);
		break;
	case PROCESS_AWAIT_LOGGER:
		/* One that was never ready has nothing to write. */
		if (s->logger_ready >= 0)
			end_logger(p, SIGKILL);
		process_set_deadline(p, LOGGER_END_MS);
		break;
	case PROCESS_TERM_LOGGER:
		end_logger(p, SIGTERM);
		process_set_deadline(p, LOGGER_TERM_MS);
		break;
	case PROCESS_TORN_DOWN:
		end_logger(p, SIGKILL);
		break;
	case PROCESS_NEW:
	case PROCESS_SETTING_UP:
	case PROCESS_BUILDING:
	case PROCESS_BUILT:
	case PROCESS_RUNNING:
	case PROCESS_DRAINING:
	case PROCESS_EXITED:
	case PROCESS_REPORTED:
		break;
	}
}

/* True once what the step waits for is done. */
static bool is_done(const struct process *p)
{
	struct terminal *terminal = p->streams.terminal;
	if (p->state == PROCESS_AWAIT_MONITOR)
		return p->pidfd < 0 && !p->command.pid;
	if (p->state != PROCESS_AWAIT_TERMINAL)
		return p->streams.logger <= 0;
	if (!terminal || p->failure.code)
		return true;
	terminal_pump(terminal);
	return terminal_drained(terminal);
}

int process_teardown(struct process *p, struct err *e)
{
	if (process_event(p, EV_TEARDOWN))
		begin_step(p);
	while (p->state != PROCESS_TORN_DOWN) {
		bool done = p->state >= PROCESS_AWAIT_MONITOR && is_done(p);
		if (!done && (p->state < PROCESS_AWAIT_MONITOR || !process_is_late(p)))
			return -EINPROGRESS;
		if (!done && p->state == PROCESS_AWAIT_MONITOR) {
			process_event(p, EV_STUCK);
			return err_set(e, ERR_HOST, EBUSY, "process %d of %s does not end", p->pid,
				       p->name);
		}
		process_event(p, EV_STEP);
		begin_step(p);
	}
	return 0;
}
