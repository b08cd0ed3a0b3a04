/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long after a limit a guest has ended, for each case of test/guest/hang.c, each limit, in
 * `mote run` and in libmote. usage: kill_latency [--json] [--runs N] [--most MS] [--tries N] BUILD
 * [PATTERN]
 *
 * PATTERN is one over names like run-wall-urandom. Prints a line for each, or a JSON object for
 * `make bench`. A guest that ends otherwise than by its limit is a failure, as is one whose p99 is
 * over MS (default 100) in each of N tries (default 1). With more tries other work may have the
 * CPUs: MS are those of a machine of its own then. When something fails, the status is 1. Files are
 * made in /tmp.
 *
 * What is measured: run-wall: from the start of `mote run` to its end, less the limit. run-term:
 * from the signal to its end. lib-*: from the limit, the interrupt or the signal to the call's
 * return. lib-cpu: from the moment at which a sampler, which looks every 0.2 ms, sees that the
 * thread has had its CPU time.
 *
 * usage: kill_latency --end PID SIGNAL: sends the signal, and prints how many ms later the process
 * has ended.
 */
#include <mote/call.h>
#include <mote/mote.h>

#include "test/bench/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TTY = 1,   /* standard input and output are a terminal that nobody reads */
	FEED = 2,  /* on which three characters were typed */
	BURNS = 4, /* uses CPU time, so that a limit of that comes */
	RUNS_MAX = 10000,
	LATE_MS = 60000, /* a guest that runs longer does not end */
	READY_TRIES = 8,
};

static const struct kind {
	const char *name, *guest;
	unsigned how;
} kinds[] = {
	{"spin", "spin", BURNS},
	{"statspin", "statspin", BURNS},
	{"alarm1", "alarm1", 0},
	{"alarmspin", "alarmspin", BURNS},
	{"fifo_r", "fifo_r", 0},
	{"fifo_w", "fifo_w", 0},
	{"flock", "flock", 0},
	{"ofd", "ofd", 0},
	{"locks", "locks", BURNS},
	{"memfds", "memfds", BURNS},
	{"watches", "watches", 0},
	{"epollcycle", "epollcycle", 0},
	{"pollmany", "pollmany", 0},
	{"sp", "sp", 0},
	{"connectfull", "connectfull", 0},
	{"sleepbig", "sleepbig", 0},
	{"fds", "fds", BURNS},
	{"stdout", "stdout", 0},
	{"stdout1", "stdout1", 0},
	{"tty-stdout", "stdout", TTY},
	{"tty-stdout1", "stdout1", TTY},
	{"tty-lines", "stdoutlines", TTY},
	{"tty-now", "stdoutnow", TTY},
	{"ttyvtime", "ttyvtime", TTY | FEED},
	{"ttyvmin", "ttyvmin", TTY | FEED},
	{"ttydrain", "ttydrain", TTY},
	{"urandom", "urandom", BURNS},
	{"urandomat", "urandomat", BURNS},
	{"zero", "zero", BURNS},
	{"getrandom", "getrandom", BURNS},
	{"bigwrite", "bigwrite", BURNS},
	{"bigread", "bigread", BURNS},
	{"fsync", "fsync", 0},
	{"fallocate", "fallocate", BURNS},
	{"truncate", "truncate", BURNS},
	{"fadvise", "fadvise", 0},
	{"mapbig", "mapbig", BURNS},
	{"touchbig", "touchbig", BURNS},
	{"movebig", "movebig", BURNS},
	{"protbig", "protbig", BURNS},
	{"protwhole", "protwhole", BURNS},
};

enum limit { RUN_WALL, RUN_TERM, LIB_WALL, LIB_CPU, LIB_INTERRUPT, LIB_TERM, LIMITS };
static const char *const limit_names[LIMITS] = {"run-wall", "run-term",      "lib-wall",
						"lib-cpu",  "lib-interrupt", "lib-term"};

static char build[PATH_MAX], directory[] = "/tmp/mote-kill.XXXXXX";

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(2);
}

static void sleep_us(double us)
{
	struct timespec t = {
		.tv_sec = (time_t)(us / 1e6),
		.tv_nsec = (long)(us * 1e3) % 1000000000,
	};
	while (nanosleep(&t, &t) < 0)
		;
}

/* --- streams --- */

/*
 * A terminal, or /dev/null and a pipe that nobody reads. `keep` is what must stay open meanwhile.
 */
static void make_streams(unsigned how, int stdio[3], int keep[2])
{
	stdio[2] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (how & TTY) {
		keep[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		must(keep[0] >= 0 && grantpt(keep[0]) == 0 && unlockpt(keep[0]) == 0, "a terminal");
		stdio[0] = stdio[1] = open(ptsname(keep[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
		keep[1] = -1;
		return;
	}
	must(pipe2(keep, O_CLOEXEC) == 0, "pipe");
	stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	stdio[1] = keep[1];
}

static void close_streams(unsigned how, const int stdio[3], const int keep[2])
{
	close(stdio[0]);
	if (!(how & TTY))
		close(keep[1]);
	close(stdio[2]);
	close(keep[0]);
}

/* Once the terminal is raw, or else as a line that has not ended. */
static void feed(unsigned how, int terminal)
{
	if (!(how & FEED))
		return;
	sleep_us(50000);
	must(write(terminal, "abc", 3) == 3, "the terminal");
}

/* --- mote run --- */

static pid_t start_run(const struct kind *k, bool ignores, const char *timeout, const int stdio[3])
{
	char mote[PATH_MAX + 16], guest[PATH_MAX + 32], dir[sizeof(directory) + 8];
	snprintf(mote, sizeof(mote), "%s/mote", build);
	snprintf(guest, sizeof(guest), "%s/test/guests/hang.elf", build);
	snprintf(dir, sizeof(dir), "%s::/d", directory);
	char *argv[] = {mote,
			"run",
			"--dir",
			dir,
			"--dir",
			"/dev::/dev",
			"--timeout",
			(char *)(uintptr_t)timeout,
			guest,
			(char *)(uintptr_t)k->guest,
			ignores ? NULL : "default",
			NULL};
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid > 0)
		return pid;
	setsid();
	for (int i = 0; i < 3; i++)
		dup2(stdio[i], i);
	execv(mote, argv);
	_exit(125);
}

/* Whether it has ended in time: a child, or another process. */
static bool ends(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	return poll(&p, 1, LATE_MS) == 1;
}

static int open_process(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	must(fd >= 0, "pidfd_open");
	return fd;
}

/* A child's status; -1 when it has not ended in time: it is killed then. */
static int wait_for(pid_t pid)
{
	int status, fd = open_process(pid);
	bool ended = ends(fd);
	close(fd);
	if (!ended)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (!ended)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static double measure_run(const struct kind *k, enum limit limit, double after_us, char *why,
			  size_t capacity)
{
	int stdio[3], keep[2];
	char timeout[32];
	bool wall = limit == RUN_WALL;
	make_streams(k->how, stdio, keep);
	snprintf(timeout, sizeof(timeout), "%.0fms", wall ? after_us / 1e3 : 60000.0);
	double since = now_us();
	pid_t pid = start_run(k, wall, timeout, stdio);
	feed(k->how, keep[0]);
	if (!wall) {
		sleep_us(since + after_us - now_us());
		since = now_us() - after_us;
		kill(pid, SIGTERM);
	}
	int status = wait_for(pid), wanted = wall ? 137 : 143;
	double took = now_us() - since - after_us;
	close_streams(k->how, stdio, keep);
	if (status == wanted)
		return took;
	snprintf(why, capacity, status < 0 ? "not ended after %d s" : "status %d",
		 status < 0 ? LATE_MS / 1000 : status);
	return -1;
}

/* --- libmote --- */

/* One call in a child process, which says what it measured. */
struct call {
	struct mote_sandbox *sandbox;
	pthread_t caller;
	enum limit limit;
	double after_us, cpu_before_us;
	int terminal;
	unsigned how;
	_Atomic bool over;
	double limit_at; /* valid once the call has returned and its helper was joined */
};

static double cpu_us(pthread_t thread)
{
	struct timespec t = {0};
	clockid_t clock;
	if (pthread_getcpuclockid(thread, &clock) == 0)
		clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void *strike(void *arg)
{
	struct call *c = arg;
	double since = now_us();
	feed(c->how, c->terminal);
	if (c->limit == LIB_CPU) {
		while (!c->over && cpu_us(c->caller) - c->cpu_before_us < c->after_us)
			sleep_us(200);
	} else {
		sleep_us(since + c->after_us - now_us());
	}
	c->limit_at = now_us();
	/* On a busy machine the call may begin later than this thread was to strike. */
	while (c->limit == LIB_INTERRUPT && !c->over &&
	       mote_sandbox_interrupt(c->sandbox) == -ESRCH) {
		sleep_us(100);
		c->limit_at = now_us();
	}
	if (c->limit == LIB_TERM)
		mote_sandbox_signal(c->sandbox, SIGTERM);
	return NULL;
}

static void open_sandbox(struct call *c, const struct kind *k, const int stdio[3])
{
	char guest[PATH_MAX + 32];
	char *argv[] = {"hang", NULL};
	struct mote_error e = {0};
	snprintf(guest, sizeof(guest), "%s/test/guests/calls_hang.elf", build);
	const struct mote_dir dirs[] = {
		{.guest_path = "/d", .fd = open(directory, O_RDONLY | O_DIRECTORY)},
		{.guest_path = "/dev", .fd = open("/dev", O_RDONLY | O_DIRECTORY)}};
	struct mote_options o = {
		.size = sizeof(o),
		.program_fd = open(guest, O_RDONLY),
		.argv = argv,
		.dirs = dirs,
		.dir_count = 2,
		.stdio = stdio,
	};
	c->how = k->how;
	/*
	 * Making it ready is under the same limit, and takes longer on a busy machine: then the
	 * limit is a longer one.
	 */
	for (int tries = 0; tries < READY_TRIES; tries++, c->after_us *= 2) {
		o.call_time_limit_ns = c->limit == LIB_WALL ? (uint64_t)(c->after_us * 1e3) : 0;
		o.call_cpu_limit_ns = c->limit == LIB_CPU ? (uint64_t)(c->after_us * 1e3) : 0;
		if (mote_sandbox_new(&o, &c->sandbox, &e) == 0 &&
		    mote_sandbox_init(c->sandbox, &e) == 0)
			return;
		if (e.code != ETIMEDOUT)
			break;
		mote_sandbox_free(c->sandbox);
		c->sandbox = NULL;
	}
	fprintf(stderr, "%s: %s\n", guest, e.text);
	exit(2);
}

static _Noreturn void call_and_tell(const struct kind *k, enum limit limit, double after_us, int to)
{
	static const int wanted[LIMITS] = {[LIB_WALL] = -ETIMEDOUT,
					   [LIB_CPU] = -ETIMEDOUT,
					   [LIB_INTERRUPT] = -ECANCELED,
					   [LIB_TERM] = -EIO};
	struct call c = {.limit = limit, .after_us = after_us, .caller = pthread_self()};
	int stdio[3], keep[2];
	pthread_t helper;
	setsid();
	make_streams(k->how, stdio, keep);
	open_sandbox(&c, k, stdio);
	c.terminal = keep[0];
	const struct mote_value args[] = {mote_string(k->guest), mote_boolean(limit != LIB_TERM)};
	struct mote_error e = {0};
	c.cpu_before_us = cpu_us(c.caller);
	double since = now_us();
	must(pthread_create(&helper, NULL, strike, &c) == 0, "a thread");
	int rc = mote_sandbox_call(c.sandbox, "hang", args, 2, NULL, &e);
	double returned = now_us();
	c.over = true;
	pthread_join(helper, NULL);
	double at = limit == LIB_WALL       ? since + c.after_us
		    : c.limit_at < returned ? c.limit_at
					    : returned;
	char line[256];
	int n = rc == wanted[limit] ? snprintf(line, sizeof(line), "%f", returned - at)
				    : snprintf(line, sizeof(line), "-1 %.200s", e.text);
	_exit(write(to, line, (size_t)n) != n);
}

static double measure_call(const struct kind *k, enum limit limit, double after_us, char *why,
			   size_t capacity)
{
	int p[2];
	char line[256] = "";
	must(pipe2(p, O_CLOEXEC) == 0, "pipe");
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0)
		call_and_tell(k, limit, after_us, p[1]);
	close(p[1]);
	int status = wait_for(pid);
	ssize_t n = status == 0 ? read(p[0], line, sizeof(line) - 1) : 0;
	close(p[0]);
	double took = n > 0 ? atof(line) : -1;
	if (took < 0)
		snprintf(why, capacity, status < 0 ? "not ended after %d s" : "status %d: %s",
			 status < 0 ? LATE_MS / 1000 : status, line);
	return took;
}

/* --- reports --- */

struct settings {
	bool json;
	int runs, tries;
	double most_ms;
	const char *pattern;
};

/* A moment somewhere in what the guest repeats. */
static double random_delay(void)
{
	return 150000 + (double)(rand() % 100) * 1000;
}

/*
 * What the last run wrote. ext4 writes a file back when it is closed after it was truncated and
 * written again (auto_da_alloc): a process with such a file open ends that much later.
 */
static void remove_big_file(void)
{
	char path[sizeof(directory) + 8];
	snprintf(path, sizeof(path), "%s/big", directory);
	unlink(path);
}

/* How many times longer a process that runs takes since others want the CPUs, too. */
static double slowdown(void)
{
	FILE *f = fopen("/proc/loadavg", "re");
	int running = 1;
	must(f && fscanf(f, "%*s %*s %*s %d", &running) == 1, "/proc/loadavg");
	fclose(f);
	double each = running / (double)sysconf(_SC_NPROCESSORS_ONLN);
	return each > 1 ? each : 1;
}

struct figures {
	double median, p99, max; /* ms */
	double slowdown;         /* at most, after a run */
};

/* False, and why it is, if a guest did not end by its limit. */
static bool measure(const struct kind *k, enum limit limit, int runs, struct figures *f, char *why,
		    size_t capacity)
{
	static double took[RUNS_MAX];
	for (int i = 0; i < runs; i++) {
		double after = random_delay();
		why[0] = '\0';
		remove_big_file();
		took[i] = limit <= RUN_TERM ? measure_run(k, limit, after, why, capacity)
					    : measure_call(k, limit, after, why, capacity);
		if (why[0])
			return false;
		took[i] /= 1e3;
		double now = slowdown();
		if (now > f->slowdown)
			f->slowdown = now;
	}
	f->median = quantile(took, runs, 0.5);
	f->p99 = took[(runs * 99 + 99) / 100 - 1];
	f->max = took[runs - 1];
	return true;
}

static bool series(const char *name, const struct kind *k, enum limit limit,
		   const struct settings *s)
{
	struct figures f = {0};
	char why[300];
	bool in_time = false;
	for (int i = 0; i < s->tries && !in_time; i++) {
		f = (struct figures){0};
		if (!measure(k, limit, s->runs, &f, why, sizeof(why))) {
			fprintf(s->json ? stderr : stdout, "FAIL %-26s %s\n", name, why);
			return false;
		}
		in_time = f.p99 <= s->most_ms * (s->tries > 1 ? f.slowdown : 1);
	}
	if (s->json)
		printf("{\"name\":\"kill-latency-%s\",\"unit\":\"ms\",\"median\":%.2f,\"p99\":%.2f,"
		       "\"max\":%.2f,\"runs\":%d}\n",
		       name, f.median, f.p99, f.max, s->runs);
	else
		printf("%s %-26s median %6.2f ms, p99 %6.2f, max %6.2f (%d runs)\n",
		       in_time ? "ok  " : "FAIL", name, f.median, f.p99, f.max, s->runs);
	fflush(stdout);
	return in_time;
}

static int all(const struct settings *s)
{
	int passed = 0, failed = 0;
	for (enum limit l = 0; l < LIMITS; l++)
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			char name[64];
			snprintf(name, sizeof(name), "%s-%s", limit_names[l], kinds[i].name);
			if (fnmatch(s->pattern, name, 0) != 0 ||
			    (l == LIB_CPU && !(kinds[i].how & BURNS)))
				continue;
			if (series(name, &kinds[i], l, s))
				passed++;
			else
				failed++;
		}
	if (!s->json)
		printf("%d passed, %d failed\n", passed, failed);
	return failed || passed == 0;
}

/* The FIFO of the guest's directory, which nobody else opens. */
static void make_fifo(void)
{
	char path[sizeof(directory) + 8];
	snprintf(path, sizeof(path), "%s/f", directory);
	must(mkfifo(path, 0600) == 0, path);
}

static void remove_directory(void)
{
	static const char *const names[] = {"big", "f", "l"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[sizeof(directory) + 8];
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	rmdir(directory);
}

/* A process that need not be this one's child. */
static int end_process(pid_t pid, int signo)
{
	int fd = open_process(pid);
	double since = now_us();
	must(syscall(SYS_pidfd_send_signal, fd, signo, NULL, 0) == 0, "pidfd_send_signal");
	bool ended = ends(fd);
	printf("%.2f\n", (now_us() - since) / 1e3);
	return !ended;
}

int main(int argc, char **argv)
{
	struct settings s = {.runs = 20, .tries = 1, .most_ms = 100, .pattern = "*"};
	if (argc == 4 && strcmp(argv[1], "--end") == 0)
		return end_process(atoi(argv[2]), atoi(argv[3]));
	int at = 1;
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--json") == 0)
			s.json = true;
		else if (strcmp(argv[at], "--runs") == 0 && at + 1 < argc)
			s.runs = atoi(argv[++at]);
		else if (strcmp(argv[at], "--tries") == 0 && at + 1 < argc)
			s.tries = atoi(argv[++at]);
		else if (strcmp(argv[at], "--most") == 0 && at + 1 < argc)
			s.most_ms = atof(argv[++at]);
		else
			break;
	}
	if (at >= argc || argc > at + 2 || s.runs < 1 || s.runs > RUNS_MAX ||
	    !realpath(argv[at], build)) {
		fprintf(stderr,
			"usage: kill_latency [--json] [--runs N] [--most MS] [--tries N] BUILD "
			"[PATTERN]\n"
			"       kill_latency --end PID SIGNAL\n");
		return 2;
	}
	if (argc > at + 1)
		s.pattern = argv[at + 1];
	must(mkdtemp(directory) != NULL, directory);
	make_fifo();
	signal(SIGPIPE, SIG_IGN);
	int rc = all(&s);
	remove_directory();
	return rc;
}
