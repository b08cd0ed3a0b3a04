/* SPDX-License-Identifier: Apache-2.0 */
/* mote run: one program in a micro-VM, on the current terminal. */
#include "cli.h"
#include "options.h"

#include <mote/cache.h>
#include <mote/mote.h>
#include <mote/program_snapshot.h>

#include <errno.h>
#include <fcntl.h>
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
	"usage: mote run [OPTION...] FILE [ARG...]\n"
	"\n"
	"Runs FILE, a WebAssembly module (WASI preview 1) or a static Linux x86-64 program, in a\n"
	"micro-VM of its own, with this terminal as its standard input and output.\n"
	"\n"
	"  --dir HOST::GUEST   give the program the directory HOST at the path GUEST (HOST alone: "
	"the\n"
	"                      same path on both sides); it can reach no other directory\n"
	"  --dir-ro HOST::GUEST  the same, and nothing below it can be changed\n"
	"  --env K=V           set an environment variable (K alone: pass on this process's)\n"
	"  --memory SIZE       most memory it may use: bytes, or with K, M, G (default 1G)\n"
	"  --timeout TIME      terminate it after TIME: seconds, or with ms, s, m (default: "
	"never)\n"
	"  --cwd PATH          working directory of a native program, a guest path (default: the "
	"first\n"
	"                      --dir, else /); modules have none\n"
	"  --entry NAME        run this exported function (WebAssembly only; default: that of the\n"
	"                      empty name, else _start)\n"
	"  --no-polling        answer every host call by a VM exit; else a thread polls for them "
	"on another\n"
	"                      CPU while they come in quick succession\n"
	"  --stats             when it has ended, say on stderr how many VM exits and host calls "
	"it took\n"
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
	"  --net               let a native program use the network as this process may\n"
	"\n"
	"Exit status: the program's own; 128+n when signal n ended it; 134 for a WebAssembly trap; "
	"137\n"
	"when the time ran out; 125 for a failure of the machine or wrong usage, 126 when FILE "
	"cannot be\n"
	"run, 127 when it does not exist.\n";

enum { LISTENERS_MAX = 16 };

struct run {
	struct cli_program program;
	int no_cache;
	int listeners[LISTENERS_MAX];
	const char *sockets[LISTENERS_MAX]; /* paths to remove at the end, else NULL */
	int remover[2];                     /* pipes to and from the process that does so, or -1 */
	int stats, verbose;
};

static struct mote_sandbox *running; /* for the signal handler */

static void on_signal(int signo)
{
	mote_sandbox_signal(running, signo);
}

static int add_listener(struct run *r, const char *spec)
{
	struct mote_error error;
	size_t n = r->program.options.listener_count;
	if (n == LISTENERS_MAX) {
		cli_complain("too many --listen options; at most %d are possible", LISTENERS_MAX);
		return -1;
	}
	if (mote_listen(spec, &r->listeners[n], &error) < 0) {
		cli_complain("--listen: %s", error.text);
		return -1;
	}
	if (strncmp(spec, "unix:", 5) == 0)
		r->sockets[n] = spec + 5;
	r->program.options.listener_count++;
	return 0;
}

static void remove_now(const struct run *r)
{
	for (size_t i = 0; i < r->program.options.listener_count; i++)
		if (r->sockets[i] && unlinkat(AT_FDCWD, r->sockets[i], 0) < 0 && errno != ENOENT)
			cli_complain("%s: %s", r->sockets[i], strerror(errno));
}

/* Waits for the end of the process that runs the program, whatever that is. */
static _Noreturn void be_remover(const struct run *r, int from, int to)
{
	char none;
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN); /* those of a terminal come to all of its processes */
	dup2(from, 0);
	dup2(to, 1);
	close_range(3, ~0U, 0);
	while (read(0, &none, 1) < 0 && errno == EINTR)
		;
	remove_now(r);
	_exit(0);
}

/*
 * The process that runs the program can remove nothing outside of its directories; another one does
 * that.
 */
static int start_remover(struct run *r)
{
	int to[2] = {-1, -1}, from[2] = {-1, -1}, wanted = 0;
	for (size_t i = 0; i < r->program.options.listener_count; i++)
		wanted |= r->sockets[i] != NULL;
	if (!wanted)
		return 0;
	pid_t pid = -1;
	if (pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0)
		pid = fork();
	if (pid == 0) {
		close(to[1]);
		close(from[0]);
		be_remover(r, to[0], from[1]);
	}
	if (pid < 0) {
		cli_complain("a process to remove sockets: %s", strerror(errno));
		return -1;
	}
	close(to[0]);
	close(from[1]);
	r->remover[0] = to[1];
	r->remover[1] = from[0];
	return 0;
}

static void remove_sockets(const struct run *r)
{
	char none;
	if (r->remover[0] < 0) {
		remove_now(r);
		return;
	}
	close(r->remover[0]);
	while (read(r->remover[1], &none, 1) < 0 && errno == EINTR)
		;
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
static int take_option(struct run *r, int c, char *const *argv)
{
	switch (c) {
	case 'f':
		r->program.options.entry = optarg;
		return 0;
	case 'l':
		return add_listener(r, optarg);
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
	return cli_wrong_option(c, "run", argv);
}

/* Index of FILE in argv, 0 for --help, or -1 after a complaint. */
static int parse(struct run *r, int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_PROGRAM_OPTIONS,
		{"entry", required_argument, NULL, 'f'},
		{"stats", no_argument, NULL, 's'},
		{"verbose", no_argument, NULL, 'v'},
		{"isolation", required_argument, NULL, 'i'},
		{"no-polling", no_argument, NULL, 'p'},
		{"no-cache", no_argument, NULL, 'C'},
		{"listen", required_argument, NULL, 'l'},
		{NULL, 0, NULL, 0},
	};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "+:h", longs, NULL)) != -1;) {
		if (c == 'h') {
			fputs(cli_run_help, stdout);
			return 0;
		}
		int rc = cli_program_option(&r->program, c);
		if (rc == 0)
			rc = take_option(r, c, argv);
		if (rc < 0)
			return -1;
	}
	if (optind == argc) {
		cli_complain("run: missing FILE; usage: mote run [OPTION...] FILE [ARG...]");
		return -1;
	}
	return optind;
}

static void print_counters(const struct mote_sandbox *sandbox)
{
	struct mote_counters c = {.size = sizeof(c)};
	mote_sandbox_count(sandbox, &c);
	cli_complain("%lu VM exits, %lu host calls", c.vm_exits, c.host_calls);
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
	int rc = mote_confine(sandbox, &r->program.options, r->remover, 2, &c, error);
	if (rc == 0 && r->verbose)
		print_confinement(&c);
	if (rc < 0)
		return rc;
	return mote_sandbox_jail(sandbox, error);
}

static int run_sandbox(const struct run *r, struct mote_sandbox *sandbox, const char *file)
{
	struct mote_error error;
	struct mote_result result;
	running = sandbox;
	struct sigaction sa = {.sa_handler = on_signal};
	static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGUSR2};
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaction(passed_on[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (confine(r, sandbox, &error) < 0 || mote_sandbox_run(sandbox, &result, &error) < 0) {
		cli_complain("%s: %s", file, error.text);
		return cli_status_of(&error);
	}
	if (result.end == MOTE_TIMED_OUT)
		cli_complain("%s: terminated: time limit exceeded", file);
	return mote_exit_status(&result);
}

/* From a snapshot of the program, from the module's compiled form, or from the file itself. */
static int make_sandbox(struct run *r, struct mote_sandbox **sandbox, struct mote_error *error)
{
	struct mote_options *o = &r->program.options;
	char dir[PATH_MAX];
	bool cached = !r->no_cache && find_cache(dir);
	if (mote_program_snapshot_is(o->program_fd))
		return mote_program_snapshot_start(cached ? dir : NULL, o, sandbox, error);
	if (!o->cwd && o->dir_count)
		o->cwd = o->dirs[0].guest_path;
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
	if (rc)
		return rc;
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

int cli_run(int argc, char **argv)
{
	static struct run r; /* large, and used once */
	cli_program_init(&r.program);
	r.program.options.listeners = r.listeners;
	r.remover[0] = r.remover[1] = -1;
	int at = parse(&r, argc, argv), status = 0;
	if (at < 0 || (at > 0 && start_remover(&r) < 0)) {
		status = CLI_HOST;
	} else if (at > 0) {
		status = run_file(&r, argv + at);
	}
	remove_sockets(&r);
	return status;
}
