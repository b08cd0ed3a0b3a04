/* SPDX-License-Identifier: Apache-2.0 */
/* The mote command: one function for each subcommand. */
#ifndef MOTE_API_CLI_CLI_H
#define MOTE_API_CLI_CLI_H

#include <getopt.h>
#include <mote/mote.h>
#include <sys/resource.h>

/* Exit statuses of Mote itself; a program's own pass through. */
enum {
	CLI_HOST = 125,       /* the machine failed, or the command line is wrong */
	CLI_CANNOT_RUN = 126, /* the file is there but cannot be run */
	CLI_NOT_FOUND = 127,
};

/* argv[0] is the subcommand. Each returns the process's exit status. */
int cli_run(int argc, char **argv);
int cli_snapshot(int argc, char **argv);
int cli_inspect(int argc, char **argv);

/* What a native program begins with, filled by cli_credentials. */
struct cli_credentials {
	struct mote_credentials own;
	uint32_t *groups;
	struct mote_limit limits[RLIM_NLIMITS];
};
/* Those of this process into the options, which borrow them. 0, or -1 after a complaint. */
int cli_credentials(struct mote_options *o, struct cli_credentials *to);

extern const char cli_run_help[], cli_snapshot_help[], cli_inspect_help[];

/*
 * Saves the settings of the terminals among descriptors 0, 1 and 2, and restores them if they have
 * changed.
 */
void cli_terminals_note(void);
void cli_terminals_restore(void);

/* One line on stderr, after "mote: ". */
void cli_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* getopt_long(3), which notes the argument that it looks at; without messages of its own. */
int cli_next_option(int argc, char **argv, const char *shorts, const struct option *longs);
/*
 * Complains about the option that was looked at: it is unknown, has a value and takes none, or
 * lacks one (c is ':'). Returns -1.
 */
int cli_wrong_option(int c, const char *command);
/* The exit status for an error of libmote. */
int cli_status_of(const struct mote_error *error);

/*
 * Writes out what was printed: the status, or CLI_HOST after a complaint if it is lost, as on a
 * full disk.
 */
int cli_finish_output(int status);
/*
 * SIGINT, SIGTERM or SIGHUP was passed on to the program and ended it: main is to die of it too, so
 * that who started the command can tell (a shell's loop ends by Ctrl-C). Without effect for others,
 * which would write this process's memory to a core file.
 */
void cli_die_of(int signo);
/* main's part of it: at its begin, and at its end; returns if nothing is to be died of. */
void cli_note_main_thread(void);
void cli_die(void);

#endif
