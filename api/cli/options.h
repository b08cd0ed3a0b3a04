/* SPDX-License-Identifier: Apache-2.0 */
/* What a program gets, as the command line says it. */
#ifndef MOTE_API_CLI_OPTIONS_H
#define MOTE_API_CLI_OPTIONS_H

#include <mote/mote.h>

enum {
	DIRS_MAX = 63, /* one of 64 is the devices' */
	ENV_MAX = 4096
};

enum cli_kind { CLI_NATIVE, CLI_MODULE, CLI_SNAPSHOT };

struct cli_program {
	struct mote_options options; /* points into this structure */
	struct mote_dir dirs[DIRS_MAX];
	char *env[ENV_MAX + 1];
	size_t env_count;
	enum cli_kind kind; /* set by cli_program_open() */
};

/* For a `struct option` array: --dir, --dir-ro, --env, --memory, --timeout, --cwd, --net. */
#define CLI_PROGRAM_OPTIONS                                                                       \
	{"dir", required_argument, NULL, 'd'}, {"dir-ro", required_argument, NULL, 'r'},          \
		{"env", required_argument, NULL, 'e'}, {"memory", required_argument, NULL, 'm'},  \
		{"timeout", required_argument, NULL, 't'}, {"cwd", required_argument, NULL, 'c'}, \
		{"net", no_argument, NULL, 'n'},                                                  \
	{                                                                                         \
		"help", no_argument, NULL, 'h'                                                    \
	}

void cli_program_init(struct cli_program *p);
/* Takes what getopt_long has found: 1, 0 if it is not one of those above, -1 after a complaint. */
int cli_program_option(struct cli_program *p, int c);
/*
 * Opens the program's file, argv[0], for options.program_fd and makes argv its arguments; "-" is
 * the standard input. What is read from a pipe is copied. 0, or an exit status after a complaint.
 */
int cli_program_open(struct cli_program *p, char **argv);
/* Checks the options that depend on the program and on each other: the same. */
int cli_program_check(const struct cli_program *p);

/*
 * The working directory of a program that is given none: its first directory, or "/", to which that
 * is relative.
 */
void cli_program_default_cwd(struct cli_program *p);

#endif
