/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's standard streams, from what Create named: "" (nothing), a FIFO's or file's path,
 * file://, binary://. Without a terminal the monitor gets the ends themselves and nothing is
 * copied.
 */
#ifndef MOTE_RUNTIME_STREAMS_H
#define MOTE_RUNTIME_STREAMS_H

#include "base/cleanup.h"
#include "base/err.h"
#include "runtime/runtime.h"

#include <stdbool.h>
#include <sys/types.h>

struct terminal;

struct streams {
	int ends[3];	 /* owned; for the monitor, closed by streams_launched */
	int stdin_hold;	 /* owned: a writer on stdin's FIFO until the client has come */
	int stdin_timer; /* owned: readable when it has had time enough, see streams_started; -1:
			    none */
	int out_hold[2]; /* owned: readers on the outputs' FIFOs, so that a client may come back */
	struct terminal *terminal; /* owned; NULL without one */
	pid_t logger;		   /* binary://'s process, a child; 0: none, or gone */
	int logger_ready; /* owned: readable when it listens; -1: it does, or there is none */
};

#define STREAMS_EMPTY                                                                              \
	{                                                                                          \
		.ends = {-1, -1, -1}, .stdin_hold = -1, .stdin_timer = -1, .out_hold = { -1, -1 }, \
		.logger_ready = -1                                                                 \
	}

/* width, height: 0 where not known. Starts the log process. On an error nothing is left. */
int streams_open(const struct container_config *c, uint16_t width, uint16_t height,
		 struct streams *out, struct err *e) must_check;
void streams_launched(struct streams *s);
/*
 * The container runs. A client whose own stdin ended before Create has come and gone, and `ctr run`
 * then forgets CloseIO: without a terminal, stdin ends (streams_close_stdin) once stdin_timer is
 * readable.
 */
void streams_started(struct streams *s);
void streams_close_stdin(struct streams *s);
/* True while an output's FIFO holds bytes that nobody has read. */
bool streams_unread(const struct streams *s);
/* The log process listens: logger_ready is readable. */
void streams_logger_is_ready(struct streams *s);
/* The log process is not ended by it. */
void streams_close(struct streams *s);

/* --- terminal: a pty whose master is copied from and to two descriptors (non-blocking, taken) ---
 */

/* *slave: the caller's, for the monitor. in, out: -1 where there is none. */
int terminal_open(int in, int out, struct terminal **t, int *slave, struct err *e) must_check;
void terminal_free(struct terminal *t); /* accepts NULL */
int terminal_resize(struct terminal *t, uint16_t width, uint16_t height) must_check;
/* No more input: nothing is read from `in` again. */
void terminal_end_input(struct terminal *t);
size_t terminal_watches(const struct terminal *t, struct container_watch *out, size_t room);
/* Copies what can be copied without waiting. */
void terminal_pump(struct terminal *t);
/* True once all output of a slave that nobody has open any more has been handed on. */
bool terminal_drained(const struct terminal *t);

/* --- log processes --- */

/* True for a URI that names one. */
bool logger_is_uri(const char *uri);
/*
 * Starts it. ends: what the monitor writes to (stdout, stderr); ready: readable when it listens; all
 * of them the caller's, and the process is his child.
 */
int logger_start(const char *uri, const struct container_config *c, int ends[2], pid_t *pid,
		 int *ready, struct err *e) must_check;

#endif
