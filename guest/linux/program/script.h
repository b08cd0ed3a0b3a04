/* SPDX-License-Identifier: Apache-2.0 */
/* The first line of a script. */
#ifndef MOTE_GUEST_LINUX_PROGRAM_SCRIPT_H
#define MOTE_GUEST_LINUX_PROGRAM_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

enum { SCRIPT_LINE_MAX = 256 }; /* Linux's BINPRM_BUF_SIZE */

struct script {
	char line[SCRIPT_LINE_MAX + 1]; /* the file's first bytes, zeroes behind them */
	const char *interpreter;        /* into line */
	const char *argument;           /* everything behind it, NULL if there is nothing */
};

bool script_is(const struct script *s); /* the line begins with "#!" */
/* Takes the line apart: 0, or -ENOEXEC. */
int64_t script_parse(struct script *s);

#endif
