/* SPDX-License-Identifier: Apache-2.0 */
/* Errors on stderr, output that is lost, and the exit statuses that go with them. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void cli_complain(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "mote: %s\n", line);
}

/* getopt moves on to the next argument behind the last letter of several in one alone. */
static const char *argument;

int cli_next_option(int argc, char **argv, const char *shorts, const struct option *longs)
{
	argument = optind < argc ? argv[optind] : "";
	return getopt_long(argc, argv, shorts, longs, NULL);
}

int cli_wrong_option(int c, const char *command)
{
	const bool is_long = strncmp(argument, "--", 2) == 0;
	const char letter[] = {'-', (char)optopt, '\0'}, *option = is_long ? argument : letter;
	if (c == ':')
		cli_complain("option '%s' needs a value; see `mote help %s`", option, command);
	else if (is_long && optopt)
		cli_complain("option '%.*s' takes no value; see `mote help %s`",
			     (int)strcspn(option, "="), option, command);
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

int cli_finish_output(int status)
{
	static bool lost;
	errno = 0;
	if (lost || (fflush(stdout) == 0 && !ferror(stdout)))
		return status;
	lost = true;
	cli_complain("standard output: %s", strerror(errno ? errno : EIO));
	return CLI_HOST;
}
