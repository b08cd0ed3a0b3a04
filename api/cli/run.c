/* SPDX-License-Identifier: Apache-2.0 */
/* mote run: one program in a micro-VM, on the current terminal. */
#include "cli.h"
#include "invoke.h"
#include "listeners.h"
#include "options.h"

#include <mote/cache.h>
#include <mote/mote.h>
#include <mote/program_snapshot.h>

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char cli_run_help[] =
	"usage: mote [run] [OPTION...] FILE [ARG...]\n"
	"\n"
	"Runs FILE, a WebAssembly module (WASI preview 1) or a static Linux x86-64 program, in a\n"
	"micro-VM of its own, with this terminal as its standard input and output. FILE may be a "
	"pipe; -\n"
	"is the standard input.\n"
	"\n"
	"  --dir HOST::GUEST   give the program the directory HOST at the path GUEST (HOST alone: "
	"the\n"
	"                      same path on both sides); it can reach no other directory\n"
	"  --dir-ro HOST::GUEST  the same, and nothing below it can be changed\n"
	"  --env K=V           set an environment variable (K alone: pass on this process's)\n"
	"  --memory SIZE       memory limit: bytes, or with K, M, G, T (default 1G)\n"
	"  --timeout TIME      terminate it after TIME: seconds, or with ms, s, m, h, d (default: "
	"never)\n"
	"  --cwd PATH          working directory, a guest path (default: /; of a native program "
	"the first\n"
	"                      --dir if that is absolute)\n"
	"  --entry NAME        run this exported function (WebAssembly only; default: that of the\n"
	"                      empty name, else _start)\n"
	"  --invoke CALL       call an exported function, as in 'f(\"x\", [1])', and print what\n"
	"                      it returns; values are WAVE's (WebAssembly only)\n"
	"  --invoke NAME       call this exported function with the ARGs as its arguments, and "
	"print what it\n"
	"                      returns, numbers, a line for each (WebAssembly only)\n"
	"  --no-polling        answer every host call by a VM exit; else a thread polls for them "
	"on another\n"
	"                      CPU while they come in quick succession\n"
	"  --stats             when it has ended, say on stderr how many VM exits and host calls "
	"it took, and\n"
	"                      how many calls of each kind\n"
	"  --verbose           say on stderr what this kernel offers to confine the program with\n"
	"  --isolation private copy program and compiled module instead of sharing their pages "
	"with other\n"
	"                      processes, which could tell which of them are read (default: "
	"shared)\n"
	"  --no-cache          compile a WebAssembly module again, and do not keep what was "
	"compiled\n"
	"  --listen SPEC       a socket that the program may accept connections on: "
	"tcp:ADDRESS:PORT, or\n"
	"                      unix:PATH; native programs find them from descriptor 3 on "
	"(LISTEN_FDS),\n"
	"                      modules after their directories\n"
	"  --net               let a native program or a component use the network as this "
	"process may\n"
	"\n"
	"Exit status: the program's own; 128+n when signal n ended it (of SIGINT, SIGTERM and "
	"SIGHUP that mote\n"
	"itself received and passed on, it dies as the program did); 134 for a WebAssembly trap; "
	"137\n"
	"when the time ran out; 125 for a failure of the machine or wrong usage, 126 when FILE "
	"cannot be\n"
	"run, 127 when it does not exist.\n";

struct run {
	struct cli_program program;
	struct cli_listeners listeners;
	const char *invoke; /* function to call, else NULL */
	int no_cache, stats, verbose;
	uint32_t umask; /* this process's, before it gave it to the program */
	struct cli_credentials credentials;
};

static struct mote_sandbox *running; /* for the signal handler */

static volatile sig_atomic_t received[NSIG];

static void on_signal(int signo)
{
	received[signo] = 1;
	mote_sandbox_signal(running, signo);
}

static int set_isolation(struct run *r, const char *text)
{
	if (strcmp(text, "private") == 0) {
		r->program.options.isolation = MOTE_ISOLATION_PRIVATE;
	} else if (strcmp(text, "shared") == 0) {
		r->program.options.isolation = MOTE_ISOLATION_SHARED;
	} else {
		cli_complain("invalid --isolation value '%s': must be private or shared", text);
		return -1;
	}
	return 0;
}

/* Takes an option of `run` alone: 0, or -1 after a complaint. */
static int take_option(struct run *r, int c)
{
	switch (c) {
	case 'f':
		r->program.options.entry = optarg;
		return 0;
	case 'I':
		r->invoke = optarg;
		return 0;
	case 'l':
		return cli_listeners_add(&r->listeners, optarg);
	case 'i':
		return set_isolation(r, optarg);
	case 'p':
		r->program.options.no_polling = 1;
		return 0;
	case 'C':
		r->no_cache = 1;
		return 0;
	case 's':
		r->stats = 1;
		return 0;
	case 'v':
		r->verbose = 1;
		return 0;
	}
	return cli_wrong_option(c, "run");
}

/* Index of FILE in argv, 0 for --help, or -1 after a complaint. */
static int parse(struct run *r, int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_PROGRAM_OPTIONS,
		{"entry", required_argument, NULL, 'f'},
		{"invoke", required_argument, NULL, 'I'},
		{"stats", no_argument, NULL, 's'},
		{"verbose", no_argument, NULL, 'v'},
		{"isolation", required_argument, NULL, 'i'},
		{"no-polling", no_argument, NULL, 'p'},
		{"no-cache", no_argument, NULL, 'C'},
		{"listen", required_argument, NULL, 'l'},
		{NULL, 0, NULL, 0},
	};
	opterr = 0;
	for (int c; (c = cli_next_option(argc, argv, "+:h", longs)) != -1;) {
		if (c == 'h') {
			fputs(cli_run_help, stdout);
			return 0;
		}
		int rc = cli_program_option(&r->program, c);
		if (rc == 0)
			rc = take_option(r, c);
		if (rc < 0)
			return -1;
	}
	if (optind == argc) {
		cli_complain("run: missing FILE; usage: mote run [OPTION...] FILE [ARG...]");
		return -1;
	}
	if (r->invoke && strchr(r->invoke, '(') && !r->program.options.entry) {
		r->program.options.entry = r->invoke; /* the guest reads the values */
		r->invoke = NULL;
	}
	if (r->invoke && r->program.options.entry) {
		cli_complain("run: only one of --invoke and --entry is possible");
		return -1;
	}
	r->program.options.library = r->invoke != NULL;
	r->program.options.call_time_limit_ns = r->program.options.time_limit_ns;
	return optind;
}

static void print_counters(const struct mote_sandbox *sandbox)
{
	struct mote_counters c = {.size = sizeof(c)};
	mote_sandbox_count(sandbox, &c);
	cli_complain("%lu VM exits, %lu host calls, %lu of them polled", c.vm_exits, c.host_calls,
		     c.polled_calls);
	struct mote_call_counters call = {.size = sizeof(call)};
	for (size_t i = 0; mote_sandbox_count_calls(sandbox, i, &call) == 0; i++)
		if (call.by_exit || call.polled)
			cli_complain("%s: %lu by exit, %lu polled", call.name, call.by_exit,
				     call.polled);
}

/*
 * $XDG_CACHE_HOME/mote or ~/.cache/mote; its parent is made if it is missing. False if neither
 * variable is set.
 */
static bool find_cache(char dir[PATH_MAX])
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char parent[PATH_MAX - 8];
	int n;
	if (base && base[0] == '/')
		n = snprintf(parent, sizeof(parent), "%s", base);
	else if (home && home[0] == '/')
		n = snprintf(parent, sizeof(parent), "%s/.cache", home);
	else
		return false;
	if (n < 0 || (size_t)n >= sizeof(parent))
		return false;
	mkdir(parent, 0700); /* if it cannot be made, the cache cannot either, and is not used */
	snprintf(dir, PATH_MAX, "%s/mote", parent);
	return true;
}

static void print_confinement(const struct mote_confined *c)
{
	if (c->landlock_abi)
		cli_complain("files are confined by Landlock, version %d", c->landlock_abi);
	else
		cli_complain("files are not confined: this kernel offers no Landlock, or only its "
			     "version 1");
	const char *store_bypass = c->store_bypass_off ? "off" : "decided by the kernel";
	const char *indirect_branch = c->indirect_branch_off ? "off" : "decided by the kernel";
	cli_complain(
		"speculative store bypass is %s, indirect branch prediction by other threads is %s",
		store_bypass, indirect_branch);
}

/* Gives up all that is not needed to run the program. */
static int confine(const struct run *r, struct mote_sandbox *sandbox, struct mote_error *error)
{
	struct mote_confined c = {.size = sizeof(c)};
	int rc = mote_confine(sandbox, &r->program.options, r->listeners.remover, 2, &c, error);
	if (rc == 0 && r->verbose)
		print_confinement(&c);
	if (rc < 0)
		return rc;
	return mote_sandbox_jail(sandbox, error);
}

static void pass_signals_on(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGUSR2};
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaction(passed_on[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The exit status of a program that ended. */
static int report_end(const struct mote_result *result, const char *file)
{
	if (result->end == MOTE_TIMED_OUT)
		cli_complain("%s: terminated: time limit exceeded", file);
	if (result->end == MOTE_SIGNALLED && received[result->code])
		cli_die_of(result->code);
	return mote_exit_status(result);
}

static int run_sandbox(const struct run *r, struct mote_sandbox *sandbox, const char *file)
{
	struct mote_error error;
	struct mote_result result;
	int rc = 0;
	running = sandbox;
	pass_signals_on();
	if (confine(r, sandbox, &error) < 0) {
		cli_complain("%s: %s", file, error.text);
		return cli_status_of(&error);
	}
	if (r->invoke) {
		rc = cli_invoke(sandbox, r->invoke, r->program.options.argv + 1, &result);
	} else if (mote_sandbox_run(sandbox, &result, &error) < 0) {
		cli_complain("%s: %s", file, error.text);
		rc = cli_status_of(&error);
	}
	if (rc != 0)
		return rc;
	return report_end(&result, file);
}

/* From a snapshot of the program, from the module's compiled form, or from the file itself. */
static int make_sandbox(struct run *r, struct mote_sandbox **sandbox, struct mote_error *error)
{
	struct mote_options *o = &r->program.options;
	char dir[PATH_MAX];
	/* The program's own mask is in force alone; what this process makes has its own modes. */
	r->umask = umask(0);
	o->umask = &r->umask;
	bool cached = !r->no_cache && find_cache(dir);
	if (mote_program_snapshot_is(o->program_fd))
		return mote_program_snapshot_start(cached ? dir : NULL, o, sandbox, error);
	cli_program_default_cwd(&r->program);
	if (cached)
		return mote_sandbox_new_cached(dir, 0, o, sandbox, error);
	return mote_sandbox_new(o, sandbox, error);
}

static int run_file(struct run *r, char **argv)
{
	const char *file = argv[0];
	struct mote_sandbox *sandbox;
	struct mote_error error;
	int rc = cli_program_open(&r->program, argv);
	if (rc == 0)
		rc = cli_program_check(&r->program);
	if (rc)
		return rc;
	if (r->no_cache && r->program.kind == CLI_NATIVE) {
		cli_complain("--no-cache: a native program is not compiled");
		return CLI_HOST;
	}
	if (cli_credentials(&r->program.options, &r->credentials) < 0)
		return CLI_HOST;
	if (make_sandbox(r, &sandbox, &error) < 0) {
		cli_complain("%s", error.text);
		return cli_status_of(&error);
	}
	int status = run_sandbox(r, sandbox, file);
	if (r->stats)
		print_counters(sandbox);
	mote_sandbox_free(sandbox);
	return status;
}

static int run(struct run *r, int argc, char **argv)
{
	int at = parse(r, argc, argv);
	if (at == 0)
		return 0;
	if (at < 0 || cli_listeners_guard(&r->listeners) < 0)
		return CLI_HOST;
	r->program.options.listener_count = r->listeners.count;
	return run_file(r, argv + at);
}

int cli_run(int argc, char **argv)
{
	static struct run r; /* large, and used once */
	cli_program_init(&r.program);
	r.program.options.listeners = r.listeners.fds;
	r.listeners.remover[0] = r.listeners.remover[1] = -1;
	int status = run(&r, argc, argv);
	cli_listeners_remove(&r.listeners);
	return status;
}
