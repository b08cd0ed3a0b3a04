/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that a program may accept connections on. */
#ifndef MOTE_API_CLI_LISTENERS_H
#define MOTE_API_CLI_LISTENERS_H

#include <stddef.h>

enum { LISTENERS_MAX = 16 };

struct cli_listeners {
	int fds[LISTENERS_MAX];
	const char *sockets[LISTENERS_MAX]; /* paths to remove at the end, else NULL */
	size_t count;
	int remover[2]; /* pipes to and from the process that does so, or -1 */
};

/* Opens the socket of a --listen option: 0, or -1 after a complaint. */
int cli_listeners_add(struct cli_listeners *l, const char *spec);
/*
 * The process that runs the program can remove nothing outside of its directories; another one does
 * that, which this starts if there is anything to remove. 0, or -1 after a complaint.
 */
int cli_listeners_guard(struct cli_listeners *l);
/* Removes the sockets' files. */
void cli_listeners_remove(const struct cli_listeners *l);

#endif
