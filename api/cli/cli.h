/* SPDX-License-Identifier: Apache-2.0 */
/* The mote command: one function for each subcommand. */
#ifndef MOTE_API_CLI_CLI_H
#define MOTE_API_CLI_CLI_H

/* Exit statuses of Mote itself; a program's own pass through. */
enum {
	CLI_HOST = 125,	     /* the machine, or wrong usage of the command */
	CLI_CANNOT_RUN = 126, /* the file is there but cannot be run */
	CLI_NOT_FOUND = 127,
};

/* argv[0] is the subcommand. Each returns the process's exit status. */
int cli_run(int argc, char **argv);
int cli_snapshot(int argc, char **argv);
int cli_help(int argc, char **argv);

extern const char cli_run_help[], cli_snapshot_help[];

/* Notes the settings of the terminals among descriptors 0, 1 and 2, and sets them again if they have changed. */
void cli_terminals_note(void);
void cli_terminals_restore(void);

/* One line on stderr, "mote: " in front. */
void cli_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
