/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the tests that a program's source registers, each in a process of its own, and reports as
 * Criterion does, which is what hack/criterion reads. The sanitizers say what they find on stderr
 * and by the process's exit status; leaks are looked for when a test's process exits.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * Asked for by the runtime libraries, which find what is not hidden. Tests make children of
 * processes with threads, which make threads again.
 */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}

__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=1:exitcode=66";
}

static struct runner_suite *suites;
static struct runner_test *tests;
static const char *filter = "*";

/* A test's process. */
static volatile unsigned failures;
static pid_t test_process;
static sigjmp_buf leave_test;

void runner_add_suite(struct runner_suite *suite)
{
	suite->next = suites;
	suites = suite;
}

/* In the order of their names, as Criterion runs them. */
void runner_add_test(struct runner_test *test)
{
	struct runner_test **at = &tests;
	for (; *at; at = &(*at)->next) {
		int order = strcmp((*at)->suite, test->suite);
		if (order > 0 || (order == 0 && strcmp((*at)->name, test->name) > 0))
			break;
	}
	test->next = *at;
	*at = test;
}

static void tell(const struct runner_place *place, const char *format, va_list ap)
{
	char text[2048];
	vsnprintf(text, sizeof(text), format, ap);
	fprintf(stderr, "[----] %s:%d: Assertion Failed\n[----]   %s:%s\n", place->file,
		place->line, place->condition, text);
	failures++;
}

void runner_failed(const struct runner_place *place, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	tell(place, format, ap);
	va_end(ap);
}

/* A child or another thread of the test's cannot return to the runner. */
void runner_ended(const struct runner_place *place, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	tell(place, format, ap);
	va_end(ap);
	if (gettid() != test_process)
		_exit(1);
	siglongjmp(leave_test, 1);
}

static struct runner_settings settings_of(const struct runner_test *test)
{
	struct runner_settings s = test->settings;
	for (const struct runner_suite *suite = suites; suite; suite = suite->next) {
		if (strcmp(suite->name, test->suite) != 0)
			continue;
		s.init = s.init ? s.init : suite->settings.init;
		s.fini = s.fini ? s.fini : suite->settings.fini;
	}
	return s;
}

/* In the test's own process, whose exit looks for leaks. */
static void run_here(const struct runner_test *test)
{
	const struct runner_settings s = settings_of(test);
	test_process = getpid();
	if (sigsetjmp(leave_test, 1) == 0) {
		if (s.init)
			s.init();
		test->run();
	}
	if (sigsetjmp(leave_test, 1) == 0 && s.fini)
		s.fini();
	exit(failures ? 1 : 0);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(const struct runner_test *test, const char *mark, const char *why,
		   double seconds)
{
	fprintf(stderr, "[%s] %s::%s: (%.2fs)%s%s\n", mark, test->suite, test->name, seconds,
		*why ? " " : "", why);
}

/* Whether the test passed. */
static bool run_test(const struct runner_test *test)
{
	double begin = now();
	int status;
	char why[64] = "";
	fprintf(stderr, "[RUN ] %s::%s\n", test->suite, test->name);
	fflush(NULL);
	pid_t child = fork();
	if (child < 0) {
		report(test, "FAIL", strerror(errno), 0);
		return false;
	}
	if (child == 0)
		run_here(test);
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) > 1)
		snprintf(why, sizeof(why), "status %d: a sanitizer's finding", WEXITSTATUS(status));
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	report(test, good ? "PASS" : "FAIL", why, now() - begin);
	return good;
}

static bool wanted(const struct runner_test *test)
{
	char name[256];
	snprintf(name, sizeof(name), "%s/%s", test->suite, test->name);
	return fnmatch(filter, name, 0) == 0;
}

static int parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{"filter", required_argument, NULL, 'f'},
		{"verbose", optional_argument, NULL, 'v'},
		{"color", required_argument, NULL, 'v'},
		{"jobs", required_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	for (int c; (c = getopt_long(argc, argv, "j:", longs, NULL)) != -1;)
		switch (c) {
		case 'f':
			filter = optarg;
			break;
		case 'v':
		case 'j':
			break; /* one test at a time, and always the same words */
		default:
			return -1;
		}
	return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, tested = 0;
	if (parse(argc, argv) < 0) {
		fprintf(stderr, "usage: %s [--filter SUITE/TEST]\n", argv[0]);
		return 2;
	}
	for (const struct runner_test *test = tests; test; test = test->next) {
		if (!wanted(test))
			continue;
		tested++;
		passed += run_test(test);
	}
	fprintf(stderr, "[====] Synthesis: Tested: %u | Passing: %u | Failing: %u\n", tested,
		passed, tested - passed);
	return passed == tested ? 0 : 1;
}
