/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that are put into a running container. */
#include "runtime_harness.h"

TestSuite(runtime_exec, .init = setup, .fini = teardown);

static int add(struct client *k, const char *process, struct process **out, struct err *e)
{
	const struct exec_config config = exec_of(process);
	*e = (struct err){0};
	return container_exec(k->c, &config, out, e);
}

static int start_both(struct client *k, struct process *x, struct err *e)
{
	int rc;
	while ((rc = process_start(x, e)) == -EINPROGRESS)
		serve_one(k->c, true);
	return rc;
}

static uint32_t finish_both(struct client *k, struct process *x)
{
	while (process_status(x) != PROCESS_STATUS_STOPPED)
		serve_one(k->c, true);
	return process_exit_status(x);
}

static void delete_both(struct client *k, struct process *x)
{
	struct err e;
	int rc;
	while ((rc = process_delete(x, &e)) == -EINPROGRESS)
		serve_one(k->c, true);
	cr_expect(rc == 0, "%s", e.text);
}

/* What the second one printed. */
static const char *said(void)
{
	static char text[4096];
	int fd = open(at("out2"), O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

static struct client start_waiting(void)
{
	program("wait");
	struct client k = start();
	wait_text(k.out, "waiting");
	return k;
}

static void end(struct client *k)
{
	struct err e;
	cr_expect(process_kill(k->p, SIGTERM, &e) == 0);
	cr_expect(finish(k) == 143);
	delete (k);
}

Test(runtime_exec, is_in_its_container)
{
	config("",
	       ",\"hostname\":\"room\"" LINUX(",\"resources\":{\"memory\":{\"limit\":67108864}}"));
	struct client k = start_waiting();
	struct process *x;
	struct err e;
	program_at("rootfs/second", "self");
	cr_assert(add(&k,
		      "{\"args\":[\"second\"],\"env\":[\"PATH=/\"],\"cwd\":\"/not/"
		      "there\",\"user\":{\"uid\":1000,\"gid\":1001,"
		      "\"additionalGids\":[5,6],\"umask\":63},"
		      "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":100,\"hard\":200}]}",
		      &x, &e) == 0,
		  "%s", e.text);
	cr_expect(process_pid(x) == 0 && process_status(x) == PROCESS_STATUS_CREATED);
	cr_expect_str_eq(process_exec_id(x), "second");
	cr_assert(start_both(&k, x, &e) == 0, "%s", e.text);
	cr_expect(finish_both(&k, x) == 0);
	cr_expect(strstr(said(), "uid 1000/1000 gid 1001/1001 groups 2 caps 000 nnp 1 bound 0 dump "
				 "0 death 9 nofile 264 uts "
				 "room host room memory "),
		  "%s", said());
	cr_expect(strstr(said(), " cwd /not/there umask 77"), "%s", said());
	delete_both(&k, x);
	end(&k);
}

/* What its own process says nothing of is as config.json has it for the container's. */
Test(runtime_exec, inherits_what_it_does_not_name)
{
	static const struct {
		const char *process, *expected;
	} cases[] = {
		{"", " caps 4004000 nnp 1 bound 0 dump 0 death 9 nofile 564 "},
		{",\"user\":{\"uid\":7}", " caps 000 nnp 1 bound 0 dump 0 death 9 nofile 564 "},
		{",\"capabilities\":{},\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1,"
		 "\"hard\":20}]",
		 " caps 000 nnp 1 bound 0 dump 0 death 9 nofile 84 "},
	};
	config(",\"user\":{\"umask\":7},\"capabilities\":{\"bounding\":[\"CAP_NET_BIND_SERVICE\"]},"
	       "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":400,\"hard\":500}]",
	       LINUX(""));
	struct client k = start_waiting();
	program_at("rootfs/second", "self");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct process *x;
		struct err e;
		char process[256];
		snprintf(process, sizeof(process), "{\"args\":[\"/second\"],\"cwd\":\"/\"%s}",
			 cases[i].process);
		unlink(at("out2"));
		cr_assert(add(&k, process, &x, &e) == 0, "%zu: %s", i, e.text);
		cr_assert(start_both(&k, x, &e) == 0, "%zu: %s", i, e.text);
		cr_expect(finish_both(&k, x) == 0);
		cr_expect(strstr(said(), cases[i].expected), "%zu: %s", i, said());
		cr_expect(strstr(said(), " umask 7"), "%zu: %s", i, said());
		delete_both(&k, x);
	}
	end(&k);
}

/* They see each other's files, and each hears its own signals. */
Test(runtime_exec, files_and_signals)
{
	struct client k = start_waiting();
	struct process *x;
	struct err e;
	program_at("rootfs/second", "write /made");
	cr_assert(add(&k, "{\"args\":[\"/second\"],\"cwd\":\"/\"}", &x, &e) == 0, "%s", e.text);
	cr_assert(start_both(&k, x, &e) == 0, "%s", e.text);
	cr_expect(finish_both(&k, x) == 0 && access(at("rootfs/made"), F_OK) == 0, "%s", said());
	delete_both(&k, x);
	program_at("rootfs/second", "loop");
	cr_assert(add(&k, "{\"args\":[\"/second\"],\"cwd\":\"/\"}", &x, &e) == 0, "%s", e.text);
	cr_assert(start_both(&k, x, &e) == 0, "%s", e.text);
	cr_expect(process_pid(x) > 0 && process_pid(x) != process_pid(k.p));
	struct container_stats s;
	cr_expect(container_stats(k.c, &s, &e) == 0 && s.pids == 2, "%lu", s.pids);
	cr_expect(process_delete(x, &e) == -EBUSY);
	cr_expect(process_kill(x, SIGTERM, &e) == 0);
	cr_expect(finish_both(&k, x) == 143);
	cr_expect(process_status(k.p) == PROCESS_STATUS_RUNNING);
	delete_both(&k, x);
	end(&k);
}

/* Kill comes while it starts: it is said, whatever its monitor was at. */
Test(runtime_exec, killed_while_it_starts)
{
	static const int signals[] = {SIGKILL, SIGTERM};
	signal(SIGPIPE, SIG_IGN); /* as the shim does */
	program("wait");
	struct client k = start();
	program_at("rootfs/second", "exit 3");
	for (int i = 0; i < 40; i++) {
		int signo = signals[i % 2];
		struct process *x;
		struct err e = {0};
		cr_assert(add(&k, "{\"args\":[\"/second\"],\"cwd\":\"/\"}", &x, &e) == 0, "%s",
			  e.text);
		int rc = process_start(x, &e);
		cr_assert(rc == -EINPROGRESS, "%s", e.text);
		poll(NULL, 0, i / 4);
		cr_assert(process_kill(x, signo, &e) == 0, "%s", e.text);
		rc = start_both(&k, x, &e);
		cr_expect(rc == -EBUSY || rc == 0, "round %d: %d %s", i, rc, e.text);
		uint32_t status = finish_both(&k, x);
		cr_expect(status == 128 + (uint32_t)signo || status == 3, "round %d: status %u", i,
			  status);
		delete_both(&k, x);
	}
	end(&k);
}

Test(runtime_exec, wrong_states)
{
	static const char good[] = "{\"args\":[\"/prog\"],\"cwd\":\"/\"}";
	static const char *const bad[] = {"", "[]", "{}", "{\"args\":[],\"cwd\":\"/\"}",
					  "{\"args\":[\"/prog\"]}"};
	program("wait");
	struct client k = create();
	struct process *x;
	struct err e;
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect(add(&k, bad[i], &x, &e) == -EINVAL, "%s: %s", bad[i], e.text);
	cr_assert(add(&k, good, &x, &e) == 0);
	cr_expect(process_kill(x, SIGKILL, &e) == -EBUSY,
		  "no process: nothing, and nobody else, is signalled");
	cr_expect(process_delete(x, &e) == 0, "%s", e.text);
	cr_assert(add(&k, good, &x, &e) == 0);
	cr_expect(process_kill(k.p, SIGKILL, &e) == 0);
	cr_expect(finish(&k) == 137);
	cr_expect(start_both(&k, x, &e) == -EBUSY && strstr(e.text, "has ended"), "%s", e.text);
	cr_expect(process_status(x) == PROCESS_STATUS_STOPPED);
	delete_both(&k, x);
	cr_expect(add(&k, good, &x, &e) == -EBUSY && strstr(e.text, "has ended"), "%s", e.text);
	delete (&k);
}

Test(runtime_exec, what_cannot_be_started)
{
	struct client k = start_waiting();
	struct process *x;
	struct err e;
	put(at("rootfs/text"), "words", 0755);
	cr_assert(add(&k, "{\"args\":[\"/none\"],\"cwd\":\"/\"}", &x, &e) == 0);
	cr_expect(start_both(&k, x, &e) == -ENOENT && strstr(e.text, "/none"), "%s", e.text);
	cr_expect(process_status(x) == PROCESS_STATUS_STOPPED && process_exit_status(x) == 127);
	cr_expect(process_kill(x, SIGKILL, &e) == -ENOENT);
	delete_both(&k, x);
	cr_assert(add(&k, "{\"args\":[\"/text\"],\"cwd\":\"/\"}", &x, &e) == 0);
	cr_expect(start_both(&k, x, &e) == -ENOEXEC && strstr(e.text, "text file"), "%s", e.text);
	cr_expect(process_exit_status(x) == 126);
	delete_both(&k, x);
	cr_expect(runs(&k, 0), "the container goes on");
	end(&k);
}

/*
 * Starts x to its end, whatever that is, in a container that has been killed; the container stays
 * to be deleted.
 */
static int start_in_the_killed(struct client *k, struct process *x, struct err *e)
{
	int rc = start_both(k, x, e);
	if (rc == 0)
		cr_expect(finish_both(k, x) == 137);
	delete_both(k, x);
	while (process_status(k->p) != PROCESS_STATUS_STOPPED)
		serve_one(k->c, true);
	cr_expect(process_exit_status(k->p) == 137);
	return rc;
}

/* The kernel kills it with its container, before the shim can know of that one's end. */
Test(runtime_exec, killed_with_its_container_while_it_is_set_up)
{
	static const char process[] = "{\"args\":[\"/prog\"],\"cwd\":\"/\"}";
	int refused = 0;
	signal(SIGPIPE, SIG_IGN); /* as the shim does */
	for (int i = 0; i < 20 && refused < 3; i++) {
		struct client k = start_waiting();
		struct process *x;
		struct err e;
		cr_assert(add(&k, process, &x, &e) == 0, "%s", e.text);
		cr_assert(process_start(x, &e) == -EINPROGRESS);
		/* It rarely has got as far as its start. */
		cr_assert(kill(process_pid(x), SIGSTOP) == 0 &&
			  kill(process_pid(k.p), SIGKILL) == 0);
		int rc = start_in_the_killed(&k, x, &e);
		cr_expect(rc == 0 || (rc == -EBUSY && e.blame == ERR_PEER &&
				      strstr(e.text, "has ended")),
			  "%d %s", rc, e.text);
		refused += rc < 0;
		delete (&k);
	}
	cr_expect(refused == 3);
}

/* At any moment of the container's end. */
Test(runtime_exec, started_while_its_container_ends)
{
	static const char process[] = "{\"args\":[\"/prog\"],\"cwd\":\"/\"}";
	signal(SIGPIPE, SIG_IGN); /* as the shim does */
	for (int i = 0; i < 20; i++) {
		struct client k = start_waiting();
		struct process *x;
		struct err e;
		cr_assert(add(&k, process, &x, &e) == 0, "%s", e.text);
		cr_assert(kill(process_pid(k.p), SIGKILL) == 0);
		usleep((useconds_t)i * 100);
		int rc = start_in_the_killed(&k, x, &e);
		cr_expect(rc == 0 || (rc == -EBUSY && e.blame == ERR_PEER &&
				      strstr(e.text, "has ended")),
			  "%d %s", rc, e.text);
		delete (&k);
	}
}
