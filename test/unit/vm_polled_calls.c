/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls by the polled call slot, and the guest's clock, with real programs: right results,
 * declined calls, signals, limits, hostile guests, under the filters of `mote run`. Needs a KVM of
 * either kind. Whether there is a CPU to poll on depends on the machine's other work, so the tests
 * that need one try for a while.
 */
#include <mote/mote.h>

#include <cpuid.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUEST TEST_GUESTS "/polled_checks.musl"

enum { TRIES = 20 };

static char tree[] = "/tmp/mote-calls-XXXXXX";

static void make_tree(void)
{
	/*
	 * Ahead of the machine's other work, where that is allowed: polling is for CPUs that are
	 * free.
	 */
	const struct sched_param first = {.sched_priority = 1};
	if (sched_setscheduler(0, SCHED_FIFO, &first) < 0)
		fprintf(stderr, "no real-time priority: other work on this machine counts\n");
	cr_assert(mkdtemp(tree));
}

static void remove_tree(void)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", tree);
	cr_assert(system(command) == 0);
}

TestSuite(vm_polled_calls, .init = make_tree, .fini = remove_tree);

struct given {
	const char *what, *seconds;
	uint64_t limit_ms;
	int no_polling;
};

static struct mote_sandbox *make(const struct given *g)
{
	int fd = open(GUEST, O_RDONLY | O_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int stdio[3] = {null, null, 2};
	struct mote_dir dir = {
		.guest_path = "/w",
		.fd = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	char *argv[] = {(char *)"polled_checks", (char *)(uintptr_t)g->what,
			(char *)(uintptr_t)g->seconds, NULL};
	cr_assert(fd >= 0 && null >= 0 && dir.fd >= 0);
	struct mote_options o = {
		.size = sizeof(o),
		.program_fd = fd,
		.argv = argv,
		.cwd = "/w",
		.stdio = stdio,
		.dirs = &dir,
		.dir_count = 1,
		.time_limit_ns = g->limit_ms * 1000000,
		.memory_bytes = 64 << 20,
		.no_polling = g->no_polling,
	};
	struct mote_sandbox *sandbox;
	struct mote_error e;
	int rc = mote_sandbox_new(&o, &sandbox, &e);
	cr_assert(rc == 0, "%s", e.text);
	close(fd);
	close(null);
	close(dir.fd);
	return sandbox;
}

/* The kinds of calls add up to all of them. */
static void expect_sums(const struct mote_sandbox *sandbox, const struct mote_counters *all)
{
	struct mote_call_counters c = {.size = sizeof(c)};
	uint64_t by_exit = 0, polled = 0;
	size_t kinds = 0;
	for (; mote_sandbox_count_calls(sandbox, kinds, &c) == 0; kinds++) {
		by_exit += c.by_exit;
		polled += c.polled;
	}
	cr_expect(kinds > 50, "%zu kinds of calls", kinds);
	cr_expect(polled == all->polled_calls && by_exit + polled == all->host_calls,
		  "%lu and %lu, but %lu of %lu", by_exit, polled, all->polled_calls,
		  all->host_calls);
}

static int run(const struct given *g, struct mote_counters *c)
{
	struct mote_sandbox *sandbox = make(g);
	struct mote_result result;
	struct mote_error e;
	int rc = mote_sandbox_run(sandbox, &result, &e);
	cr_assert(rc == 0, "%s", e.text);
	c->size = sizeof(*c);
	mote_sandbox_count(sandbox, c);
	expect_sums(sandbox, c);
	mote_sandbox_free(sandbox);
	return mote_exit_status(&result);
}

static bool other_cpu(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

/*
 * Before other work on a busy machine, where there would be no CPU free to poll on. Without the
 * right to it the test depends on how busy that is.
 */
static void run_before_others(void)
{
	const struct sched_param first = {.sched_priority = 1};
	(void)!sched_setscheduler(0, SCHED_RR, &first);
}

Test(vm_polled_calls, calls_go_by_the_slot_and_are_right)
{
	const struct given g = {.what = "stream", .seconds = "0.5"};
	struct mote_counters c;
	run_before_others();
	for (int i = 0; i < TRIES; i++) {
		cr_assert(run(&g, &c) == 0);
		if (c.host_calls > c.vm_exits + c.vm_exits / 4)
			return;
	}
	cr_assert(!other_cpu(), "never polled: %lu exits, %lu calls", c.vm_exits, c.host_calls);
}

Test(vm_polled_calls, without_polling_each_call_is_an_exit)
{
	const struct given g = {.what = "stream", .seconds = "0.3", .no_polling = 1};
	struct mote_counters c;
	cr_assert(run(&g, &c) == 0);
	cr_expect(c.vm_exits >= c.host_calls && c.polled_calls == 0,
		  "%lu exits, %lu calls, %lu of them polled", c.vm_exits, c.host_calls,
		  c.polled_calls);
}

Test(vm_polled_calls, declined_calls_come_by_the_doorbell)
{
	const struct given g = {.what = "mixed", .seconds = "1"};
	struct mote_counters c;
	cr_assert(run(&g, &c) == 0);
}

Test(vm_polled_calls, signals_arrive)
{
	const struct given g = {.what = "signals", .seconds = "2"};
	struct mote_counters c;
	cr_assert(run(&g, &c) == 0);
}

Test(vm_polled_calls, a_time_limit_ends_a_stream)
{
	const struct given g = {.what = "endless", .seconds = "0", .limit_ms = 700};
	struct mote_counters c;
	cr_assert(run(&g, &c) == 137);
}

static struct mote_sandbox *running;

static void end_it(int signo)
{
	(void)signo;
	mote_sandbox_signal(running, SIGTERM);
}

Test(vm_polled_calls, a_signal_ends_a_stream)
{
	const struct given g = {.what = "endless", .seconds = "0"};
	struct mote_result result;
	struct mote_error e;
	running = make(&g);
	signal(SIGALRM, end_it);
	alarm(1);
	cr_assert(mote_sandbox_run(running, &result, &e) == 0);
	cr_expect(mote_exit_status(&result) == 128 + SIGTERM);
	mote_sandbox_free(running);
}

Test(vm_polled_calls, hostile_guests_harm_nobody)
{
	const struct given g = {.what = "hostile", .seconds = "3"};
	struct mote_counters c;
	int status = run(&g, &c);
	/* Its own descriptors may be gone, its own calls fail: that is its affair. */
	cr_expect(status == 0 || status == 1, "status %d", status);
}

/* In a child, which is locked down for good. */
Test(vm_polled_calls, works_within_the_filters)
{
	for (int i = 0; i < TRIES; i++) {
		pid_t child = fork();
		cr_assert(child >= 0);
		if (child == 0) {
			const struct given g = {
				.what = i % 2 ? "mixed" : "stream",
				.seconds = "0.5",
			};
			struct mote_sandbox *sandbox = make(&g);
			struct mote_result result;
			struct mote_error e;
			if (mote_jail(&e) < 0 || mote_sandbox_run(sandbox, &result, &e) < 0)
				_exit(99);
			struct mote_counters c = {.size = sizeof(c)};
			mote_sandbox_count(sandbox, &c);
			if (mote_exit_status(&result) != 0)
				_exit(98);
			_exit(c.host_calls > c.vm_exits ? 10 : 11);
		}
		int status;
		cr_assert(waitpid(child, &status, 0) == child);
		cr_assert(WIFEXITED(status) &&
				  (WEXITSTATUS(status) == 10 || WEXITSTATUS(status) == 11),
			  "status %#x", status);
		if (WEXITSTATUS(status) == 10 && i >= 2)
			return;
	}
	cr_assert(!other_cpu(), "never polled");
}

Test(vm_polled_calls, the_guests_clock_is_the_hosts)
{
	const struct given g = {.what = "clocks", .seconds = "2"};
	struct mote_counters c;
	cr_assert(run(&g, &c) == 0);
}

/* Where the kernel goes by the TSC, as vm/arch/x86_64/tsc_clock.c looks at it. */
static bool tsc_is_good(void)
{
	unsigned eax, ebx, ecx, edx;
	char name[64] = "";
	if (!__get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) || !(edx & 1u << 8))
		return false;
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");
	if (!f)
		return false;
	bool read = fgets(name, sizeof(name), f) != NULL;
	fclose(f);
	return read && strcmp(name, "tsc\n") == 0;
}

Test(vm_polled_calls, clocks_are_read_without_exits)
{
	const struct given g = {.what = "clock_stream", .seconds = "0", .no_polling = 1};
	struct mote_counters c;
	cr_assert(run(&g, &c) == 0);
	if (tsc_is_good())
		cr_expect(c.host_calls < 50000, "%lu host calls for 100,000 readings",
			  c.host_calls);
	else
		cr_expect(c.host_calls >= 100000, "%lu host calls", c.host_calls);
}
