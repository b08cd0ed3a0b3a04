/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that are put into a running container. */
#include "runtime_harness.h"

TestSuite(runtime_exec, .init = setup, .fini = teardown, .timeout = 60);

static int add(struct client *k, const char *process, struct container **out, struct err *e)
{
	static char path[128];
	snprintf(path, sizeof(path), "file://%s/out2", dir);
	const struct container_exec_config config = {
		.exec_id = "second",
		.containerd_namespace = "n",
		.stdin_path = "",
		.stdout_path = path,
		.stderr_path = path,
		.process = process,
		.process_len = strlen(process),
	};
	*e = (struct err){0};
	return container_exec(k->c, &config, out, e);
}

/* One round of a loop that has both. */
static void serve_both(struct client *k, struct container *x)
{
	struct container_watch w[16];
	size_t n = container_watches(x, w, 16);
	for (size_t i = 0; i < n; i++) {
		struct pollfd p = {.fd = w[i].fd, .events = (short)w[i].events};
		if (poll(&p, 1, 0) > 0)
			container_ready(x, w[i].fd, (uint32_t)p.revents);
	}
	serve(k);
	int status;
	pid_t pid = waitpid(-1, &status, WNOHANG);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (pid > 0)
		cr_expect(container_reaped(x, pid, status, now) ||
			  container_reaped(k->c, pid, status, now));
	else
		poll(NULL, 0, 1);
}

static int start_both(struct client *k, struct container *x, struct err *e)
{
	int rc;
	while ((rc = container_start(x, e)) == -EINPROGRESS)
		serve_both(k, x);
	return rc;
}

static uint32_t finish_both(struct client *k, struct container *x)
{
	while (container_state(x) != CONTAINER_STOPPED)
		serve_both(k, x);
	return container_exit_status(x);
}

static void delete_both(struct client *k, struct container *x)
{
	struct err e;
	int rc;
	while ((rc = container_delete(x, &e)) == -EINPROGRESS)
		serve_both(k, x);
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
	cr_expect(container_kill(k->c, SIGTERM, &e) == 0);
	cr_expect(finish(k) == 143);
	delete (k);
}

Test(runtime_exec, is_in_its_container)
{
	config("",
	       ",\"hostname\":\"room\"" LINUX(",\"resources\":{\"memory\":{\"limit\":67108864}}"));
	struct client k = start_waiting();
	struct container *x;
	struct err e;
	program_at("rootfs/second", "self");
	cr_assert(add(&k,
		      "{\"args\":[\"second\"],\"env\":[\"PATH=/\"],\"cwd\":\"/not/"
		      "there\",\"user\":{\"uid\":1000,\"gid\":1001,"
		      "\"additionalGids\":[5,6],\"umask\":63},"
		      "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":100,\"hard\":200}]}",
		      &x, &e) == 0,
		  "%s", e.text);
	cr_expect(container_pid(x) == 0 && container_state(x) == CONTAINER_CREATED);
	cr_expect_str_eq(container_exec_id(x), "second");
	cr_expect_str_eq(container_id(x), "test");
	cr_assert(start_both(&k, x, &e) == 0, "%s", e.text);
	cr_expect(finish_both(&k, x) == 0);
	cr_expect(strstr(said(), "uid 1000/1000 gid 1001/1001 groups 2 caps 000 nnp 1 bound 0 dump "
				 "0 death 9 nofile 100 uts "
				 "room host room memory 67108864 cwd /not/there umask 77"),
		  "%s", said());
	delete_both(&k, x);
	end(&k);
}

/* They see each other's files, and each hears its own signals. */
Test(runtime_exec, files_and_signals)
{
	struct client k = start_waiting();
	struct container *x;
	struct err e;
	program_at("rootfs/second", "write /made");
	cr_assert(add(&k, "{\"args\":[\"/second\"],\"cwd\":\"/\"}", &x, &e) == 0, "%s", e.text);
	cr_assert(start_both(&k, x, &e) == 0, "%s", e.text);
	cr_expect(finish_both(&k, x) == 0 && access(at("rootfs/made"), F_OK) == 0, "%s", said());
	delete_both(&k, x);
	program_at("rootfs/second", "loop");
	cr_assert(add(&k, "{\"args\":[\"/second\"],\"cwd\":\"/\"}", &x, &e) == 0, "%s", e.text);
	cr_assert(start_both(&k, x, &e) == 0, "%s", e.text);
	cr_expect(container_pid(x) > 0 && container_pid(x) != container_pid(k.c));
	struct container_stats s;
	cr_expect(container_stats(k.c, &s, &e) == 0 && s.pids == 2, "%lu", s.pids);
	cr_expect(container_delete(x, &e) == -EBUSY);
	cr_expect(container_kill(x, SIGTERM, &e) == 0);
	cr_expect(finish_both(&k, x) == 143);
	cr_expect(container_state(k.c) == CONTAINER_RUNNING);
	delete_both(&k, x);
	end(&k);
}

Test(runtime_exec, wrong_states)
{
	static const char good[] = "{\"args\":[\"/prog\"],\"cwd\":\"/\"}";
	static const char *const bad[] = {"", "[]", "{}", "{\"args\":[],\"cwd\":\"/\"}",
					  "{\"args\":[\"/prog\"]}"};
	program("wait");
	struct client k = create();
	struct container *x;
	struct err e;
	cr_expect(add(&k, good, &x, &e) == -EBUSY && strstr(e.text, "not running yet"), "%s",
		  e.text);
	cr_assert(start_now(k.c, &e) == 0, "%s", e.text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect(add(&k, bad[i], &x, &e) == -EINVAL, "%s: %s", bad[i], e.text);
	cr_assert(add(&k, good, &x, &e) == 0);
	cr_expect(container_kill(x, SIGKILL, &e) == -EBUSY,
		  "no process: nothing, and nobody else, is signalled");
	cr_expect(container_delete(x, &e) == 0, "%s", e.text);
	cr_assert(add(&k, good, &x, &e) == 0);
	cr_expect(container_kill(k.c, SIGKILL, &e) == 0);
	cr_expect(finish(&k) == 137);
	cr_expect(start_both(&k, x, &e) == -EBUSY && strstr(e.text, "at its end"), "%s", e.text);
	cr_expect(container_state(x) == CONTAINER_STOPPED);
	delete_both(&k, x);
	cr_expect(add(&k, good, &x, &e) == -EBUSY && strstr(e.text, "at its end"), "%s", e.text);
	delete (&k);
}

Test(runtime_exec, what_cannot_be_started)
{
	struct client k = start_waiting();
	struct container *x;
	struct err e;
	put(at("rootfs/text"), "words", 0755);
	cr_assert(add(&k, "{\"args\":[\"/none\"],\"cwd\":\"/\"}", &x, &e) == 0);
	cr_expect(start_both(&k, x, &e) == -ENOENT && strstr(e.text, "/none"), "%s", e.text);
	cr_expect(container_state(x) == CONTAINER_STOPPED && container_exit_status(x) == 127);
	cr_expect(container_kill(x, SIGKILL, &e) == -ENOENT);
	delete_both(&k, x);
	cr_assert(add(&k, "{\"args\":[\"/text\"],\"cwd\":\"/\"}", &x, &e) == 0);
	cr_expect(start_both(&k, x, &e) == -ENOEXEC && strstr(e.text, "text file"), "%s", e.text);
	cr_expect(container_exit_status(x) == 126);
	delete_both(&k, x);
	cr_expect(runs(&k, 0), "the container goes on");
	end(&k);
}
