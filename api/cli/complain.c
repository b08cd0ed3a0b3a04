/* SPDX-License-Identifier: Apache-2.0 */
/* Errors on stderr, and the exit statuses that go with them. */
#include "cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

void cli_complain(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "mote: %s\n", line);
}

int cli_wrong_option(int c, const char *command, char *const *argv)
{
	const char *option = argv[optind - 1];
	if (c == ':')
		cli_complain("option '%s' needs a value; see `mote help %s`", option, command);
	else
		cli_complain("unknown option '%s'; see `mote help %s`", option, command);
	return -1;
}

int cli_status_of(const struct mote_error *error)
{
	if (error->blame == MOTE_BLAME_CONFIG)
		return CLI_CANNOT_RUN;
	return CLI_HOST;
}
