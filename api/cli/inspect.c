/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mote inspect: what a module or component is. A guest reads it and says so; what it says is text
 * from anybody, so it goes to memory of a fixed size, and of that only printable characters are
 * shown.
 */
#include "base/cleanup.h"
#include "base/memfd.h"
#include "cli.h"
#include "options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

const char cli_inspect_help[] =
	"usage: mote inspect [OPTION...] FILE\n"
	"\n"
	"Says what FILE is, a WebAssembly module or component: its size, the features that it "
	"uses, what\n"
	"`mote run` would do with it, the imports that are not there, and imports and exports "
	"with their\n"
	"types. It is read in a micro-VM, and none of its code is run. FILE may be a pipe; - is "
	"the\n"
	"standard input.\n"
	"\n"
	"  --memory SIZE       memory limit of reading it: bytes, or with K, M, G, T "
	"(default 1G)\n"
	"  --timeout TIME      how long it may take: seconds, or with ms, s, m, h, d (default: "
	"1m)\n"
	"\n"
	"Exit status: 0; 125 for a failure of the machine or wrong usage, 126 when FILE is not a "
	"valid module or\n"
	"component, 127 when it does not exist.\n";

enum { TEXT_BYTES = 1 << 20 };
#define DEFAULT_TIMEOUT_NS (60 * 1000000000UL)

/* Index of FILE in argv, 0 for --help, or -1 after a complaint. */
static int parse(struct cli_program *p, int argc, char **argv)
{
	static const struct option longs[] = {
		{"memory", required_argument, NULL, 'm'},
		{"timeout", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	opterr = 0;
	for (int c; (c = cli_next_option(argc, argv, "+:h", longs)) != -1;) {
		if (c == 'h') {
			fputs(cli_inspect_help, stdout);
			return 0;
		}
		int rc = cli_program_option(p, c);
		if (rc == 0)
			rc = cli_wrong_option(c, "inspect");
		if (rc < 0)
			return -1;
	}
	if (argc - optind == 1)
		return optind;
	if (optind == argc)
		cli_complain("inspect: missing FILE; usage: mote inspect [OPTION...] FILE");
	else
		cli_complain("inspect: unexpected argument '%s' after FILE", argv[optind + 1]);
	return -1;
}

/* --- what the guest says --- */

/* Memory that descriptor *fd writes to, all zeroes; NULL after a complaint. */
static char *new_text(int *fd)
{
	cleanup_close int made = memfd_new("description");
	int rc = made;
	if (rc >= 0)
		rc = memfd_fix_size(made, TEXT_BYTES);
	if (rc < 0) {
		cli_complain("memory for the description: %s", strerror(-rc));
		return NULL;
	}
	void *text = mmap(NULL, TEXT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, made, 0);
	if (text == MAP_FAILED) {
		cli_complain("memory for the description: out of memory");
		return NULL;
	}
	*fd = take_fd(&made);
	return text;
}

/* The guest has ended. */
static void show(char *text, FILE *to)
{
	size_t bytes = strnlen(text, TEXT_BYTES);
	for (size_t i = 0; i < bytes; i++)
		if ((text[i] < ' ' && text[i] != '\n') || text[i] > '~')
			text[i] = '?';
	fwrite(text, 1, bytes, to);
}

static int run(struct cli_program *p, char *text)
{
	static char buffer[4096];
	struct mote_sandbox *sandbox;
	struct mote_error error;
	struct mote_result result;
	/* the C library asks about no descriptor then */
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	int rc = mote_sandbox_new(&p->options, &sandbox, &error);
	if (rc == 0)
		rc = mote_confine(sandbox, &p->options, NULL, 0, NULL, &error);
	if (rc == 0)
		rc = mote_sandbox_jail(sandbox, &error);
	if (rc == 0)
		rc = mote_sandbox_run(sandbox, &result, &error);
	if (rc < 0) {
		cli_complain("%s", error.text);
		return cli_status_of(&error);
	}
	bool said = result.end == MOTE_EXITED && result.code == 0;
	show(text, said ? stdout : stderr);
	if (said)
		return 0;
	if (result.end == MOTE_TIMED_OUT)
		cli_complain("%s: time limit exceeded", p->options.program_path);
	else if (result.end != MOTE_EXITED)
		cli_complain("%s: reading it failed", p->options.program_path);
	return CLI_CANNOT_RUN;
}

int cli_inspect(int argc, char **argv)
{
	static struct cli_program p; /* large, and used once */
	cleanup_close int to = -1;
	cli_program_init(&p);
	int at = parse(&p, argc, argv);
	if (at < 0)
		return CLI_HOST;
	if (at == 0)
		return 0;
	int rc = cli_program_open(&p, argv + at);
	if (rc)
		return rc;
	if (p.kind != CLI_MODULE) {
		cli_complain("%s: neither a WebAssembly module nor a component",
			     p.options.program_path);
		return CLI_CANNOT_RUN;
	}
	char *text = new_text(&to);
	if (!text)
		return CLI_HOST;
	const int stdio[3] = {-1, to, to};
	p.options.stdio = stdio;
	p.options.inspect = 1;
	p.options.no_polling = 1;
	p.options.devices = 0;
	if (!p.options.time_limit_ns)
		p.options.time_limit_ns = DEFAULT_TIMEOUT_NS;
	return run(&p, text);
}
