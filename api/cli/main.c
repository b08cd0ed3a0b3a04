/* SPDX-License-Identifier: Apache-2.0 */
/* mote: the command line. */
#include "base/io.h"
#include "cli.h"

#include <mote/mote.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int help(int argc, char **argv);
static int version(int argc, char **argv);

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
	const char *help;
};

static const struct command commands[] = {
	{"run", cli_run, "run a WebAssembly module or a native program in a micro-VM",
	 cli_run_help},
	{"snapshot", cli_snapshot,
	 "run a program until it has started up, and save it for `mote run`", cli_snapshot_help},
	{"inspect", cli_inspect,
	 "say what a WebAssembly module or component is, without running it", cli_inspect_help},
	{"version", version, "say which version this is", "usage: mote version\n"},
	{"help", help, "explain a command", "usage: mote help [COMMAND]\n"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *to)
{
	fputs("usage: mote COMMAND [ARG...]\n"
	      "       mote [OPTION...] FILE [ARG...]    as `mote run`\n"
	      "       mote --version\n\ncommands:\n",
	      to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static bool is_help(const char *text)
{
	return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

/* For the commands without options. 0, or CLI_HOST after a complaint. */
static int check_arguments(int argc, char **argv, int most)
{
	for (int i = 1; i < argc; i++)
		if (i > most || argv[i][0] == '-') {
			cli_complain("%s: unknown argument '%s'; see `mote help %s`", argv[0],
				     argv[i], argv[0]);
			return CLI_HOST;
		}
	return 0;
}

static int help(int argc, char **argv)
{
	if (argc >= 2 && is_help(argv[1]))
		argv[1] = argv[0];
	int rc = check_arguments(argc, argv, 1);
	if (rc)
		return rc;
	if (argc < 2) {
		print_usage(stdout);
		return 0;
	}
	const struct command *command = find_command(argv[1]);
	if (command) {
		fputs(command->help, stdout);
		return 0;
	}
	cli_complain("unknown command '%s'; `mote help` lists them", argv[1]);
	return CLI_HOST;
}

static int version(int argc, char **argv)
{
	if (argc >= 2 && is_help(argv[1])) {
		fputs(find_command("version")->help, stdout);
		return 0;
	}
	int rc = check_arguments(argc, argv, 0);
	if (rc == 0)
		printf("mote %s\n", mote_version());
	return rc;
}

/* --- the end --- */

/* The subcommand's exit status. The operator's terminal is left as it was. */
static int run_command(const struct command *command, int argc, char **argv)
{
	cli_note_main_thread();
	cli_terminals_note();
	int status = command->run(argc, argv);
	cli_terminals_restore();
	cli_die();
	return cli_finish_output(status);
}

/* Not a command: a program, or options of `run` before it. */
static int run_file(int argc, char **argv)
{
	static const struct command command = {"run", cli_run, NULL, NULL};
	const char *first = argv[1];
	if (first[0] == '-' || strchr(first, '/') || access(first, F_OK) == 0)
		return run_command(&command, argc, argv);
	cli_complain("'%s' is neither a command, which `mote help` lists, nor a file", first);
	return CLI_HOST;
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
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		argv[1] = "version";
	if (is_help(argv[1]))
		argv[1] = "help";
	const struct command *command = find_command(argv[1]);
	if (command)
		return run_command(command, argc - 1, argv + 1);
	return run_file(argc, argv);
}
