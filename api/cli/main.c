/* SPDX-License-Identifier: Apache-2.0 */
/* mote: the command line. */
#include "base/io.h"
#include "cli.h"

#include <mote/mote.h>

#include <stdio.h>
#include <string.h>

static int help(int argc, char **argv);

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
	const char *help;
} commands[] = {
	{"run", cli_run, "run a WebAssembly module or a native program in a micro-VM",
	 cli_run_help},
	{"snapshot", cli_snapshot,
	 "run a program until it has started up, and save it for `mote run`", cli_snapshot_help},
	{"help", help, "explain a command", "usage: mote help [COMMAND]\n"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *to)
{
	fputs("usage: mote COMMAND [ARG...]\n       mote --version\n\ncommands:\n", to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
}

static int help(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stdout);
		return 0;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, argv[1]) == 0) {
			fputs(commands[i].help, stdout);
			return 0;
		}
	cli_complain("unknown command '%s'; `mote help` lists them", argv[1]);
	return CLI_HOST;
}

/* The subcommand's exit status. The operator's terminal is left as it was. */
static int run_command(size_t i, int argc, char **argv)
{
	cli_terminals_note();
	int status = commands[i].run(argc, argv);
	cli_terminals_restore();
	return status;
}

int main(int argc, char **argv)
{
	int rc = io_open_standard();
	if (rc < 0) {
		cli_complain("/dev/null, for a standard descriptor that is closed: %s",
			     strerror(-rc));
		return CLI_HOST;
	}
	if (argc < 2) {
		print_usage(stderr);
		return CLI_HOST;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("mote %s\n", mote_version());
		return 0;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(1, argv + 1);
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return run_command(i, argc - 1, argv + 1);
	cli_complain("unknown command '%s'; `mote help` lists them", argv[1]);
	return CLI_HOST;
}
