/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How sandboxes that are called come to their end: interrupts, limits, crashes, exits, and
 * calls_hostile.c, which keeps to nothing. Needs a KVM, of either kind.
 */
#include "calls_harness.h"

#include <mote/snapshot.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

static void expect_interrupted(size_t kind, const char *name)
{
	struct mote_sandbox *s = ready(kind);
	pthread_t thread;
	cr_expect(mote_sandbox_interrupt(s) == -ESRCH);
	cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1, "it was not under way");
	cr_assert(pthread_create(&thread, NULL, interrupt_soon, s) == 0);
	expect_error(s, ECANCELED, "interrupted", name, NULL, 0);
	pthread_join(thread, NULL);
	expect_poisoned(s, "interrupted");
	mote_sandbox_free(s);
}

Test(api_calls_end, interrupt_from_another_thread)
{
	EACH_KIND(k)
	{
		expect_interrupted(k, "loop");
		expect_interrupted(k, "wait_long");
	}
}

Test(api_calls_end, interrupt_from_a_host_function)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		FAILS(s, ECANCELED, "interrupted", "host_rc", mote_string("interrupts"),
		      mote_string(""));
		expect_poisoned(s, "interrupted");
		mote_sandbox_free(s);
	}
}

/* Made ready without limits, which are of the calls alone then. */
static struct mote_sandbox *with_limits(size_t kind, uint64_t wall_ns, uint64_t cpu_ns)
{
	struct mote_options o = options(kinds[kind], no_args);
	struct mote_sandbox *first = start(&o), *s = NULL;
	struct mote_snapshot *snapshot = NULL;
	struct mote_error e = {0};
	o.call_time_limit_ns = wall_ns;
	o.call_cpu_limit_ns = cpu_ns;
	cr_assert(mote_sandbox_snapshot(first, &snapshot, &e) == 0 &&
			  mote_sandbox_from(snapshot, &o, &s, &e) == 0,
		  "%s", e.text);
	mote_snapshot_free(snapshot);
	mote_sandbox_free(first);
	return s;
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#define LIMIT_NS 600000000UL

Test(api_calls_end, limits_of_wall_clock_and_cpu_time)
{
	EACH_KIND(k)
	{
		for (int cpu = 0; cpu < 2; cpu++) {
			struct mote_sandbox *s =
				with_limits(k, cpu ? 0 : LIMIT_NS, cpu ? LIMIT_NS : 0);
			expect_error(s, ETIMEDOUT, cpu ? "CPU" : "wall", cpu ? "loop" : "wait_long",
				     NULL, 0);
			expect_poisoned(s, "limit");
			mote_sandbox_free(s);
		}
	}
}

/*
 * Calls that together take longer than one may. False if one took longer by itself and was ended
 * for it, as on a machine that has stalled.
 */
static bool call_for_long(struct mote_sandbox *s, clockid_t clock)
{
	int calls = 0;
	for (uint64_t since = now_ns(clock); now_ns(clock) - since < LIMIT_NS + LIMIT_NS / 2;) {
		struct mote_value result = {0};
		struct mote_error e = {0};
		uint64_t began = now_ns(clock);
		int rc = mote_sandbox_call(s, "count", NULL, 0, &result, &e);
		if (rc == -ETIMEDOUT && now_ns(clock) - began >= LIMIT_NS)
			return false;
		cr_assert(rc == 0 && result.of.i32 == ++calls, "%d %s", rc, e.text);
		if (calls % 1000 == 0)
			usleep(1000);
	}
	return true;
}

/* Many calls, then one that does not end: by that clock it ends when its time is over. */
static void expect_limit(size_t kind, clockid_t clock, uint64_t wall_ns, uint64_t cpu_ns)
{
	struct mote_sandbox *s = with_limits(kind, wall_ns, cpu_ns);
	while (!call_for_long(s, clock)) {
		mote_sandbox_free(s);
		s = with_limits(kind, wall_ns, cpu_ns);
	}
	uint64_t since = now_ns(clock), cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
	expect_error(s, ETIMEDOUT, cpu_ns ? "CPU" : "wall", "loop", NULL, 0);
	cr_expect(now_ns(clock) - since >= LIMIT_NS);
	cpu = now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	cr_expect(cpu < 5 * LIMIT_NS, "it ended after %lu ns of CPU time", cpu);
	expect_poisoned(s, "limit");
	mote_sandbox_free(s);
}

Test(api_calls_end, limits_are_those_of_one_call)
{
	EACH_KIND(k)
	{
		expect_limit(k, CLOCK_MONOTONIC, LIMIT_NS, 0);
		expect_limit(k, CLOCK_THREAD_CPUTIME_ID, 0, LIMIT_NS);
	}
}

static void *loop_long(void *sandbox)
{
	expect_error(sandbox, ECANCELED, "interrupt", "loop", NULL, 0);
	return NULL;
}

static void *loop_until_late(void *sandbox)
{
	uint64_t since = now_ns(CLOCK_MONOTONIC);
	expect_error(sandbox, ETIMEDOUT, "wall", "loop", NULL, 0);
	cr_expect(now_ns(CLOCK_MONOTONIC) - since >= 2 * LIMIT_NS);
	return NULL;
}

/* The deadline thread goes on with the longer one when the other is over. */
Test(api_calls_end, a_limit_behind_a_shorter_one)
{
	struct mote_sandbox *slow = with_limits(0, 2 * LIMIT_NS, 0),
			    *quick = with_limits(1, LIMIT_NS, 0);
	pthread_t thread;
	cr_assert(pthread_create(&thread, NULL, loop_until_late, slow) == 0);
	uint64_t since = now_ns(CLOCK_MONOTONIC);
	expect_error(quick, ETIMEDOUT, "wall", "loop", NULL, 0);
	cr_expect(now_ns(CLOCK_MONOTONIC) - since >= LIMIT_NS);
	pthread_join(thread, NULL);
	mote_sandbox_free(quick);
	mote_sandbox_free(slow);
}

/*
 * The deadline thread sleeps for the first one's limit when the second's, which is over earlier,
 * begins. The first one is over in an hour.
 */
Test(api_calls_end, a_limit_next_to_a_longer_one)
{
	struct mote_sandbox *slow = with_limits(0, 6000 * LIMIT_NS, 0),
			    *quick = with_limits(1, LIMIT_NS, 0);
	pthread_t thread;
	cr_assert(pthread_create(&thread, NULL, loop_long, slow) == 0);
	usleep(LIMIT_NS / 3000);
	expect_error(quick, ETIMEDOUT, "wall", "loop", NULL, 0);
	while (mote_sandbox_interrupt(slow) != 0)
		usleep(1000); /* on a busy machine it may not have begun */
	pthread_join(thread, NULL);
	mote_sandbox_free(quick);
	mote_sandbox_free(slow);
}

/* A child of fork has no watch of its own yet. */
Test(api_calls_end, limits_after_a_fork)
{
	struct mote_sandbox *s = with_limits(1, LIMIT_NS, 0);
	cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1);
	pid_t child = fork();
	cr_assert(child >= 0);
	if (child == 0) {
		struct mote_sandbox *own = with_limits(1, LIMIT_NS, 0);
		struct mote_error e = {0};
		_exit(mote_sandbox_call(own, "loop", NULL, 0, NULL, &e) == -ETIMEDOUT ? 0 : 1);
	}
	int status = 0;
	cr_expect(waitpid(child, &status, 0) == child && WIFEXITED(status) &&
			  WEXITSTATUS(status) == 0,
		  "%x", status);
	expect_error(s, ETIMEDOUT, "wall", "loop", NULL, 0);
	mote_sandbox_free(s);
}

Test(api_calls_end, crash_and_exit_poison_the_sandbox)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		expect_error(s, EIO, "signal", "crash", NULL, 0);
		expect_poisoned(s, "signal");
		mote_sandbox_free(s);
		s = ready(k);
		FAILS(s, EIO, "exited with status 3", "leave", mote_i32(3));
		expect_poisoned(s, "status 3");
		mote_sandbox_free(s);
	}
}

Test(api_calls_end, output_of_a_call_is_there_when_it_returns)
{
	EACH_KIND(k)
	{
		struct mote_options o = options(kinds[k], no_args);
		int out = memfd_create("out", MFD_CLOEXEC), stdio[3] = {-1, out, 2};
		o.stdio = stdio;
		struct mote_sandbox *s = start(&o);
		char text[16] = "";
		CALL(s, "print", mote_string("one,"));
		cr_expect(pread(out, text, 15, 0) == 4 && strcmp(text, "one,") == 0, "%s", text);
		CALL(s, "print", mote_string("two"));
		cr_expect(pread(out, text, 15, 0) == 7 && strcmp(text, "one,two") == 0, "%s", text);
		mote_sandbox_free(s);
		close(out);
	}
}

Test(api_calls_end, a_guest_that_ends_under_a_host_function_ends_the_whole_call)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		FAILS(s, EIO, "signal 9", "forward_string", mote_string("kills"), mote_string(""));
		expect_poisoned(s, "signal 9");
		mote_sandbox_free(s);
	}
}

/* Neither a guest's broken pipe nor one of before a call reaches the program that embeds it. */
Test(api_calls_end, a_broken_pipe_is_the_guests_own_affair)
{
	EACH_KIND(k)
	{
		struct mote_options o = options(kinds[k], no_args);
		int ends[2], stdio[3];
		cr_assert(pipe(ends) == 0 && signal(SIGPIPE, SIG_DFL) != SIG_ERR);
		stdio[0] = stdio[2] = -1;
		stdio[1] = ends[1];
		o.stdio = stdio;
		struct mote_sandbox *s = start(&o);
		struct mote_error e = {0};
		const struct mote_value text = mote_string("nobody reads this");
		close(ends[0]);
		close(ends[1]);
		int rc = mote_sandbox_call(s, "print", &text, 1, NULL, &e);
		if (k == 0) /* as Linux has it, a native program dies of the signal */
			cr_expect(rc == -EIO && strstr(e.text, "signal 13"), "%d %s", rc, e.text);
		else
			cr_expect(rc == 0, "%s", e.text);
		sigset_t pending, blocked;
		sigpending(&pending);
		pthread_sigmask(SIG_SETMASK, NULL, &blocked);
		cr_expect(!sigismember(&pending, SIGPIPE) && !sigismember(&blocked, SIGPIPE));
		mote_sandbox_free(s);
	}
}

Test(api_calls_end, interrupt_ends_output_that_nobody_takes)
{
	char *text = malloc(200001);
	memset(text, 't', 200000);
	text[200000] = '\0';
	EACH_KIND(k)
	{
		struct mote_options o = options(kinds[k], no_args);
		int ends[2], stdio[3] = {-1, -1, 2};
		pthread_t thread;
		cr_assert(pipe(ends) == 0);
		stdio[1] = ends[1];
		o.stdio = stdio;
		struct mote_sandbox *s = start(&o);
		cr_assert(pthread_create(&thread, NULL, interrupt_soon, s) == 0);
		FAILS(s, ECANCELED, "interrupted", "print", mote_string(text));
		pthread_join(thread, NULL);
		mote_sandbox_free(s);
		close(ends[0]);
		close(ends[1]);
	}
	free(text);
}

Test(api_calls_end, init_can_be_interrupted_and_is_limited)
{
	char *argv[] = {(char *)"hostile", (char *)"silent", NULL};
	for (int limit = 0; limit < 2; limit++) {
		struct mote_options o = options("calls_hostile.elf", argv);
		struct mote_sandbox *s = NULL;
		struct mote_error e = {0};
		pthread_t thread;
		o.call_time_limit_ns = limit ? 100000000 : 0;
		cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
		close(o.program_fd);
		if (!limit)
			cr_assert(pthread_create(&thread, NULL, interrupt_soon, s) == 0);
		cr_expect(mote_sandbox_init(s, &e) == (limit ? -ETIMEDOUT : -ECANCELED), "%s",
			  e.text);
		if (!limit)
			pthread_join(thread, NULL);
		expect_poisoned(s, limit ? "limit" : "interrupted");
		mote_sandbox_free(s);
	}
}

Test(api_calls_end, a_run_can_be_interrupted)
{
	char *argv[] = {(char *)"hostile", (char *)"silent", NULL};
	struct mote_options o = options("calls_hostile.elf", argv);
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	struct mote_result r = {0};
	pthread_t thread;
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	cr_expect(mote_sandbox_interrupt(s) == -ESRCH);
	cr_assert(pthread_create(&thread, NULL, interrupt_soon, s) == 0);
	cr_expect(mote_sandbox_run(s, &r, &e) == 0 && r.end == MOTE_INTERRUPTED &&
		  mote_exit_status(&r) == 137);
	pthread_join(thread, NULL);
	cr_expect(mote_sandbox_interrupt(s) == -ESRCH);
	mote_sandbox_free(s);
	close(o.program_fd);
}

/* --- a guest that keeps to nothing --- */

static void misbehave(char *what, int code)
{
	char *argv[] = {(char *)"hostile", what, NULL};
	struct mote_options o = options("calls_hostile.elf", argv);
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	struct mote_value result = {.type = MOTE_I32};
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	close(o.program_fd);
	int rc = mote_sandbox_init(s, &e);
	if (strncmp(what, "call-", 5) == 0 && rc == 0)
		rc = mote_sandbox_call(s, "f", NULL, 0, &result, &e);
	else if (strcmp(what, "reply-nowhere") == 0 && rc == 0)
		rc = mote_sandbox_call(s, "f", NULL, 0, &result, &e);
	cr_expect(rc == -code && e.blame == MOTE_BLAME_GUEST, "%s: %d %s", what, rc, e.text);
	expect_poisoned(s, "");
	mote_sandbox_free(s);
}

Test(api_calls_end, a_hostile_guest_poisons_its_sandbox_only)
{
	/* clang-format off */
	static const char *const misdeeds[] = {
		"kind-0", "kind-99", "return-first", "error-first", "ready-empty", "ready-version",
		"ready-many", "ready-more-than-there", "ready-rest", "ready-name-empty",
		"ready-name-no-nul", "ready-name-nul-inside", "ready-name-huge", "ready-signature",
		"ready-wasm-signature", "ready-flags", "ready-twice-the-name", "damaged-call",
		"call-arguments", "call-void-argument", "call-want", "call-rest", "list-rest",
		"functions", "call-kind-0", "call-ready", "call-return-nothing", "call-return-void",
		"call-return-other-type", "call-return-short", "call-return-rest",
		"call-return-no-type", "call-return-string", "call-return-bytes",
		"call-return-bool", "call-error-short", "call-error-text",
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof(misdeeds) / sizeof(misdeeds[0]); i++)
		misbehave((char *)misdeeds[i], EPROTO);
	misbehave((char *)"reply-nowhere", EFAULT);
	misbehave((char *)"message-nowhere", EIO);
	misbehave((char *)"message-huge", EIO);
}
