/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process's standard streams. Without a terminal the monitor gets the FIFOs and files themselves
 * and nothing is copied.
 */
#ifndef MOTE_RUNTIME_STREAMS_H
#define MOTE_RUNTIME_STREAMS_H

#include "base/cleanup.h"
#include "base/err.h"
#include "runtime/types.h"

#include <stdbool.h>
#include <sys/types.h>

struct terminal;

struct streams {
	int ends[3];     /* owned; for the monitor, closed by streams_launched */
	int stdin_hold;  /* owned: a writer on stdin's FIFO until CloseIO */
	int stdin_watch; /* owned: inotify of that FIFO until streams_starting; -1: none */
	/* owned: readers of the outputs' FIFOs: clients may reconnect; on offer, writers */
	int out_hold[2];
	bool client_to_come;       /* no client had an output's FIFO open when it was opened here */
	struct terminal *terminal; /* owned; NULL without one */
	pid_t logger;              /* the log process of binary://, a child; 0: none, or gone */
	int logger_ready; /* owned: readable when it is ready; -1: it is, or there is none */
	struct loop_source logger_source;
	struct supervisor supervisor; /* by streams_watch */
};

#define STREAMS_EMPTY                                                                            \
	{                                                                                        \
		.ends = {-1, -1, -1}, .stdin_hold = -1, .stdin_watch = -1, .out_hold = {-1, -1}, \
		.logger_ready = -1                                                               \
	}

struct streams_config {
	const char *container_id, *containerd_namespace;
	const struct stdio_config *stdio;
	bool own_pty; /* the process makes its terminal: terminal_attach gets the master */
	uint16_t width, height; /* of a terminal; 0: not known */
};
/* Starts the log process. On an error nothing is left. */
int streams_open(const struct streams_config *c, struct streams *out, struct err *e) must_check;
/* Has the supervisor's loop serve them. s stays where it is from now on. 0 or -errno. */
int streams_watch(struct streams *s, const struct supervisor *supervisor) must_check;
void streams_launched(struct streams *s);
/*
 * Before the start: a client that has already been and gone has sent all that there will be. (ctr
 * forgets CloseIO if its own stdin ends before Create has answered.)
 */
void streams_starting(struct streams *s);
/* CloseIO: the input ends when no client has its FIFO open any more. */
void streams_close_stdin(struct streams *s);
/* True while an output's FIFO holds bytes that nobody has read. */
bool streams_unread(const struct streams *s);
/*
 * After the process's end, while it is waited for that its output is read: a client that opens a
 * FIFO only now would wait for a writer without end, and is given one. Not for a terminal, which
 * writes on itself.
 */
void streams_offer(struct streams *s);
/*
 * Of outputs on offer: whether a client has one of them open, or had none when they were opened
 * here, and is thought to be slow.
 */
bool streams_expect_reader(const struct streams *s);
/* The outputs are at their end for clients, but what is unread stays. */
void streams_end_offer(struct streams *s);
/* The log process is not ended by it. */
void streams_close(struct streams *s);

/*
 * --- terminal: a pty whose master is copied from and to two descriptors (non-blocking, taken) ---
 */

/* *slave: the caller's, for the monitor. in, out: -1 if there is none. */
int terminal_open(int in, int out, struct terminal **t, int *slave, struct err *e) must_check;
/* The same without a pty: nothing is copied until terminal_attach. */
int terminal_open_without(int in, int out, struct terminal **t, struct err *e) must_check;
/* master: taken. Watches the terminal, too. 0 or -errno. */
int terminal_attach(struct terminal *t, int master, const struct supervisor *supervisor) must_check;
/* Has the loop copy what can be copied, and calls `changed` afterwards. 0 or -errno. */
int terminal_watch(struct terminal *t, const struct supervisor *supervisor) must_check;
void terminal_free(struct terminal *t); /* accepts NULL */
int terminal_resize(const struct terminal *t, uint16_t width, uint16_t height) must_check;
/* No more input: nothing is read from `in` again. */
void terminal_end_input(struct terminal *t);
/*
 * Copies what can be copied without waiting. At the end of `in` the terminal hangs up: its program
 * gets SIGHUP, and finds it closed.
 */
void terminal_pump(struct terminal *t);
/* True once the slave is closed everywhere, or it hung up, and its output has been passed on. */
bool terminal_drained(const struct terminal *t);

/* --- log processes --- */

/* True for a URI that names one. */
bool logger_is_uri(const char *uri);
/*
 * Starts it. ends: what the monitor writes to (stdout, stderr); ready: readable when the process is
 * ready; all of them the caller's, whose child the process is.
 */
int logger_start(const char *uri, const struct streams_config *c, int ends[2], pid_t *pid,
		 int *ready, struct err *e) must_check;

#endif
