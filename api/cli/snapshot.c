/* SPDX-License-Identifier: Apache-2.0 */
/* mote snapshot: a program that has started up, in a file that `mote run` goes on from. */
#include "cli.h"
#include "options.h"

#include <mote/program_snapshot.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

const char cli_snapshot_help[] =
	"usage: mote snapshot [OPTION...] -o OUT FILE [ARG...]\n"
	"\n"
	"Runs FILE, a WebAssembly module or a static Linux x86-64 program, until it has started "
	"up, and\n"
	"writes its state to OUT. `mote run OUT` continues from there.\n"
	"\n"
	"  -o, --output OUT    the file to write; an existing one is replaced\n"
	"  --after-init NAME   the snapshot point is after a call of this exported function, "
	"without parameters;\n"
	"                      each run then begins with wizer.resume, if it is exported, or "
	"_start, and has\n"
	"                      its own arguments, variables and directories (default: "
	"wizer.initialize)\n"
	"  --at stdin          the snapshot point is before it first reads its standard input or "
	"waits for it\n"
	"  --at open:PATH      the snapshot point is before it first opens PATH, a guest path, "
	"which need not\n"
	"                      exist\n"
	"  --dir HOST::GUEST   give it the directory HOST at the path GUEST while it starts up; "
	"with --at, each\n"
	"                      run must have directories at the same guest paths\n"
	"  --dir-ro HOST::GUEST  the same, and nothing below it can be changed\n"
	"  --env K=V           set an environment variable (K alone: pass on this process's)\n"
	"  --memory SIZE       memory limit, in each run too: bytes, or with K, M, G, T "
	"(default 1G)\n"
	"  --timeout TIME      how long it may take: seconds, or with ms, s, m, h, d (default: "
	"5m)\n"
	"  --cwd PATH          working directory, a guest path (default: /; of a native program "
	"the first\n"
	"                      --dir if that is absolute); not of a module with --at\n"
	"  --net               let a native program or a component use the network as this "
	"process may\n"
	"\n"
	"With --at, arguments, variables and working directory are those given here. What the "
	"program has\n"
	"drawn at random before the snapshot point (keys, seeds of hash tables) is the same in "
	"every run. What it prints\n"
	"is shown on stderr.\n"
	"\n"
	"Exit status: 0; 125 for a failure of the machine or wrong usage, 126 when there is no "
	"snapshot because\n"
	"FILE cannot be run or did not reach the snapshot point, 127 when it does not exist.\n";

struct snapshot {
	struct cli_program program;
	const char *output;
	const char *point;
	char call[256];
};

static int set_call(struct snapshot *s, const char *name)
{
	if (snprintf(s->call, sizeof(s->call), "call:%s", name) >= (int)sizeof(s->call)) {
		cli_complain("invalid --after-init value: the name is too long");
		return -1;
	}
	s->point = s->call;
	return 0;
}

static int set_point(struct snapshot *s, const char *text)
{
	s->point = text;
	if (strcmp(text, "stdin") == 0 || strncmp(text, "open:/", 6) == 0)
		return 0;
	cli_complain("invalid --at value '%s': must be stdin, or open:PATH with an absolute path",
		     text);
	return -1;
}

/* Takes an option of `snapshot` alone: 0, or -1 after a complaint. */
static int take_option(struct snapshot *s, int c)
{
	if ((c == 'i' || c == 'a') && s->point) {
		cli_complain("snapshot: only one --at or --after-init is possible");
		return -1;
	}
	switch (c) {
	case 'o':
		s->output = optarg;
		return 0;
	case 'i':
		return set_call(s, optarg);
	case 'a':
		return set_point(s, optarg);
	}
	return cli_wrong_option(c, "snapshot");
}

/* Index of FILE in argv, 0 for --help, or -1 after a complaint. */
static int parse(struct snapshot *s, int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_PROGRAM_OPTIONS,
		{"output", required_argument, NULL, 'o'},
		{"after-init", required_argument, NULL, 'i'},
		{"at", required_argument, NULL, 'a'},
		{NULL, 0, NULL, 0},
	};
	opterr = 0;
	for (int c; (c = cli_next_option(argc, argv, "+:ho:", longs)) != -1;) {
		if (c == 'h') {
			fputs(cli_snapshot_help, stdout);
			return 0;
		}
		int rc = cli_program_option(&s->program, c);
		if (rc == 0)
			rc = take_option(s, c);
		if (rc < 0)
			return -1;
	}
	if (optind == argc || !s->output) {
		const char *missing = s->output ? "FILE" : "--output";
		cli_complain("snapshot: missing %s; usage: mote snapshot [OPTION...] -o OUT FILE "
			     "[ARG...]",
			     missing);
		return -1;
	}
	return optind;
}

int cli_snapshot(int argc, char **argv)
{
	static struct snapshot s; /* large, and used once */
	struct mote_error error;
	struct mote_options *o = &s.program.options;
	cli_program_init(&s.program);
	int at = parse(&s, argc, argv);
	if (at < 0)
		return CLI_HOST;
	if (at == 0)
		return 0;
	const char *file = argv[at];
	int rc = cli_program_open(&s.program, argv + at);
	if (rc == 0)
		rc = cli_program_check(&s.program);
	if (rc)
		return rc;
	cli_program_default_cwd(&s.program);
	if (!s.point)
		s.point = "call:wizer.initialize";
	if (mote_program_snapshot_take(o, s.point, s.output, &error) < 0) {
		cli_complain("%s: %s", file, error.text);
		if (error.code == EINVAL || error.blame == MOTE_BLAME_HOST)
			return CLI_HOST;
		return CLI_CANNOT_RUN;
	}
	return 0;
}
