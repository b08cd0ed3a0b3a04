/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that links libmote.a, has functions of the same names as libmote's own, and does what
 * programs do: embedder CASE GUEST, a guest with test/guest/calls_keeper.c's functions. Status 0 if
 * all is as it should be, else a line says what is not. Called by test/integration/embedders.
 */
#include <mote/call.h>
#include <mote/pool.h>
#include <mote/snapshot.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Names of libmote's own files: with another type, so that a call of the wrong one would show. */
double buf_free(double x);
double err_set(double x);
double memory_read(double x);
double buf_free(double x)
{
	return x + 1;
}
double err_set(double x)
{
	return x + 2;
}
double memory_read(double x)
{
	return x + 3;
}

static struct mote_error error;

#define CHECK(condition)                                                                        \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, error.text); \
			_exit(1);                                                               \
		}                                                                               \
	} while (0)

/* --- sandboxes --- */

static const char *guest;
static char *arguments[] = {(char *)"guest", NULL};
static const int streams[3] = {-1, 2, 2};

static struct mote_options options(void)
{
	return (struct mote_options){
		.size = sizeof(struct mote_options),
		.program_fd = -1,
		.argv = arguments,
		.stdio = streams,
	};
}

static int new_sandbox(struct mote_sandbox **s)
{
	struct mote_options o = options();
	o.program_fd = open(guest, O_RDONLY | O_CLOEXEC);
	CHECK(o.program_fd >= 0);
	int rc = mote_sandbox_new(&o, s, &error);
	close(o.program_fd);
	return rc;
}

static struct mote_sandbox *ready(void)
{
	struct mote_sandbox *s = NULL;
	CHECK(new_sandbox(&s) == 0 && mote_sandbox_init(s, &error) == 0);
	return s;
}

static int call(struct mote_sandbox *s, const char *name, struct mote_value *result)
{
	result->type = MOTE_ANY;
	return mote_sandbox_call(s, name, NULL, 0, result, &error);
}

static int64_t count(struct mote_sandbox *s)
{
	struct mote_value result = {0};
	CHECK(call(s, "count", &result) == 0);
	return result.of.i64;
}

/* --- names --- */

static void names(void)
{
	struct mote_sandbox *s = ready();
	CHECK(buf_free(1) == 2 && err_set(1) == 3 && memory_read(1) == 4);
	CHECK(count(s) == 1 && count(s) == 2);
	mote_sandbox_free(s);
}

/* --- fork --- */

static void expect_refused(int rc)
{
	CHECK(rc == -EINVAL && strstr(error.text, "forked"));
}

/* What a child has of its parent: nothing but the snapshot. */
static void child(struct mote_sandbox *s, struct mote_snapshot *snapshot, struct mote_pool *pool,
		  struct mote_sandbox *unused)
{
	struct mote_sandbox *own = NULL;
	struct mote_snapshot *none;
	struct mote_options o = options();
	struct mote_value result = {0};
	struct mote_result ended;
	uint8_t byte = 0;
	expect_refused(call(s, "count", &result));
	expect_refused(mote_sandbox_restore(s, snapshot, &error));
	expect_refused(mote_sandbox_snapshot(s, &none, &error));
	expect_refused(mote_sandbox_init(unused, &error));
	expect_refused(mote_sandbox_run(unused, &ended, &error));
	expect_refused(mote_sandbox_read(s, 0, &byte, 1, &error));
	expect_refused(mote_sandbox_continue(s, NULL, NULL, &result, &error));
	expect_refused(mote_sandbox_jail(s, &error));
	expect_refused(mote_pool_take(pool, &own, &error));
	CHECK(mote_sandbox_interrupt(s) == -ESRCH && mote_pool_ready(pool) == 0);
	mote_pool_give(pool, s);
	mote_sandbox_free(unused);
	mote_pool_free(pool);
	for (int i = 0; i < 3; i++) {
		CHECK(mote_sandbox_from(snapshot, &o, &own, &error) == 0);
		CHECK(count(own) == 2 && count(own) == 3);
		mote_sandbox_free(own);
	}
	own = ready();
	CHECK(count(own) == 1);
	struct mote_pool_options p = {
		.size = sizeof(p), .snapshot = snapshot, .sandbox = &o, .ready = 1};
	CHECK(mote_keep_vms(1, &error) == 0 && mote_pool_new(&p, &pool, &error) == 0);
	CHECK(mote_pool_take(pool, &s, &error) == 0 && count(s) == 2);
	mote_pool_give(pool, s);
	mote_pool_free(pool);
	mote_sandbox_free(own);
	mote_snapshot_free(snapshot);
	_exit(0);
}

static void forks(void)
{
	struct mote_sandbox *s, *unused;
	struct mote_snapshot *snapshot;
	struct mote_pool *pool;
	struct mote_options o = options();
	CHECK(mote_keep_vms(2, &error) == 0);
	mote_sandbox_free(ready()); /* to be recycled */
	s = ready();
	o.call_time_limit_ns = 100000000000; /* a thread of libmote's */
	CHECK(count(s) == 1 && mote_sandbox_snapshot(s, &snapshot, &error) == 0);
	CHECK(new_sandbox(&unused) == 0);
	struct mote_pool_options p = {
		.size = sizeof(p), .snapshot = snapshot, .sandbox = &o, .ready = 2};
	CHECK(mote_pool_new(&p, &pool, &error) == 0);
	struct mote_sandbox *limited;
	CHECK(mote_pool_take(pool, &limited, &error) == 0 && count(limited) == 2);
	for (int i = 0; i < 4; i++) {
		int status = -1;
		pid_t pid = fork();
		CHECK(pid >= 0);
		if (pid == 0)
			child(s, snapshot, pool, unused);
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
		CHECK(count(s) == 2 + i && count(limited) == 3 + i);
	}
	CHECK(mote_sandbox_init(unused, &error) == 0 && count(unused) == 1);
	mote_pool_give(pool, limited);
	mote_pool_free(pool);
	mote_sandbox_free(unused);
	mote_sandbox_free(s);
	mote_snapshot_free(snapshot);
}

/* --- signals --- */

static _Atomic int signals;

static void on_signal(int signo)
{
	(void)signo;
	signals++;
}

static _Atomic bool ended;

/* Sends what the program uses itself, and in the end stops the guest. */
static void *disturb(void *s)
{
	for (int i = 0; i < 20; i++) {
		kill(getpid(), SIGUSR1);
		usleep(1000);
	}
	while (!ended) {
		mote_sandbox_interrupt(s);
		usleep(1000);
	}
	return NULL;
}

static void own_signal(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, now;
	struct mote_sandbox *s = NULL;
	struct mote_value result = {0};
	pthread_t thread;
	sigemptyset(&sa.sa_mask);
	CHECK(sigaction(SIGUSR1, &sa, NULL) == 0);
	CHECK(new_sandbox(&s) == -EBUSY && strstr(error.text, "mote_use_signal"));
	CHECK(mote_use_signal(SIGTERM, &error) == -EINVAL &&
	      mote_use_signal(65, &error) == -EINVAL);
	CHECK(mote_use_signal(SIGUSR2, &error) == 0 && mote_use_signal(SIGRTMIN + 3, &error) == 0);
	s = ready();
	CHECK(mote_use_signal(SIGUSR2, &error) == -EBUSY);
	CHECK(mote_use_signal(SIGRTMIN + 3, &error) == 0);
	CHECK(mote_sandbox_jail(s, &error) == -EINVAL && strstr(error.text, "SIGUSR1"));
	CHECK(mote_jail(&error) == -EINVAL);
	CHECK(pthread_create(&thread, NULL, disturb, s) == 0);
	CHECK(call(s, "loop", &result) == -ECANCELED);
	ended = true;
	pthread_join(thread, NULL);
	CHECK(signals > 0);
	CHECK(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == on_signal);
	mote_sandbox_free(s);
}

/* --- threads --- */

enum { THREADS = 16, ROUNDS = 25 };

static void *use(void *snapshot)
{
	struct mote_options o = options();
	o.call_cpu_limit_ns = 100000000000;
	for (int i = 0; i < ROUNDS; i++) {
		struct mote_sandbox *s;
		struct mote_error e = {0};
		struct mote_value result = {0};
		if (mote_sandbox_from(snapshot, &o, &s, &e) < 0)
			return strdup(e.text);
		for (int k = 0; k < 4; k++) {
			result.type = MOTE_ANY;
			if (mote_sandbox_call(s, "count", NULL, 0, &result, &e) < 0 ||
			    (k % 2 && mote_sandbox_restore(s, snapshot, &e) < 0))
				return strdup(e.text);
			if (result.of.i64 != 2 + k % 2)
				return strdup("a wrong count");
		}
		mote_sandbox_free(s);
	}
	return NULL;
}

static void threads(void)
{
	struct mote_sandbox *s = ready();
	struct mote_snapshot *snapshot;
	pthread_t thread[THREADS];
	CHECK(count(s) == 1 && mote_sandbox_snapshot(s, &snapshot, &error) == 0);
	CHECK(mote_keep_vms(4, &error) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, use, snapshot) == 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong = NULL;
		pthread_join(thread[i], &wrong);
		if (wrong)
			snprintf(error.text, sizeof(error.text), "%s", (char *)wrong);
		CHECK(!wrong);
	}
	CHECK(mote_keep_vms(0, &error) == 0);
	mote_sandbox_free(s);
	mote_snapshot_free(snapshot);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{"names", names}, {"fork", forks}, {"signal", own_signal}, {"threads", threads}};
	if (argc != 3)
		return 2;
	guest = argv[2];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	return 2;
}
