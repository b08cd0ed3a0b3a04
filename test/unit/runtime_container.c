/* SPDX-License-Identifier: Apache-2.0 */
/* A container's life: its states, signals, hooks, its end, and what is left of it. */
#include "runtime_harness.h"

#include "runtime/process.h"

TestSuite(runtime_container, .init = setup, .fini = teardown);

Test(runtime_container, exit_status)
{
	static const uint32_t codes[] = {0, 1, 7, 134, 137, 255};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		char prog[32];
		snprintf(prog, sizeof(prog), "exit %u", codes[i]);
		run(prog, codes[i]);
	}
}

/* What is left when the bundle goes away under a running container can still be deleted. */
Test(runtime_container, bundle_removed_meanwhile)
{
	program("wait");
	struct client k = start();
	wait_text(k.out, "waiting");
	char cmd[100];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	cr_assert(system(cmd) == 0);
	struct container_stats s;
	struct err e;
	cr_expect(container_stats(k.c, &s, &e) == 0, "%s", e.text);
	cr_assert(process_kill(k.p, SIGTERM, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 143);
	delete (&k);
	int was;
	uint32_t status;
	cr_expect(container_cleanup(dir, "test", &was, &status, &e) == 0);
}

/* A hook of that kind, a shell script that is given a path. */
static void config_with_hook(const char *kind, const char *script, const char *path)
{
	char hooks[500];
	put(at("hook"), script, 0755);
	snprintf(hooks, sizeof(hooks),
		 ",\"hooks\":{\"%s\":[{\"path\":\"%s\",\"args\":[\"hook\",\"%s\"],"
		 "\"env\":[\"PATH=/usr/bin:/bin\"]}]}" LINUX(""),
		 kind, at("hook"), path);
	config("", hooks);
}

static struct container *begin_creation(void)
{
	struct container_config config = config_with(NULL);
	struct container *c;
	struct err e;
	config.supervisor = supervisor();
	program("wait");
	cr_assert(container_create(&config, &c, &e) == 0, "%s", e.text);
	cr_assert(container_process(c)->failure.code == 0, "%s",
		  container_process(c)->failure.text);
	return c;
}

static int end_creation(struct container *c, struct err *e)
{
	int rc;
	while ((rc = container_created(c, e)) == -EINPROGRESS)
		serve_one(c, true);
	return rc;
}

/* That its monitor cannot be ended is found before the hooks of its end are over. */
Test(runtime_container, stuck_monitor_was_not_created)
{
	config_with_hook("poststop",
			 "#!/bin/sh\nfor i in $(seq 1000); do [ -e \"$1\" ] || sleep 0.01; done\n",
			 at("go"));
	struct container *c = begin_creation();
	struct process *p = container_process(c);
	struct err e;
	err_set(&p->failure, ERR_HOST, EIO, "the host failed");
	cr_expect(container_created(c, &e) == -EINPROGRESS && p->state == PROCESS_AWAIT_MONITOR);
	p->deadline_ms = 0; /* its time is up, and it is not reaped */
	for (int i = 0; i < 2; i++)
		cr_assert(container_created(c, &e) == -EINPROGRESS, "call %d", i);
	put(at("go"), "", 0644);
	cr_expect(end_creation(c, &e) == -EIO && strcmp(e.text, "the host failed") == 0, "%s",
		  e.text);
}

/* Its request for them is read when it is reaped. */
Test(runtime_container, ended_monitor_gets_no_hooks)
{
	config_with_hook("createRuntime", "#!/bin/sh\n: >\"$1\"\n", at("ran"));
	struct container *c = begin_creation();
	const struct process *p = container_process(c);
	struct pollfd control = {.fd = p->control, .events = POLLIN};
	struct timespec now = {0};
	struct err e;
	int status;
	cr_assert(poll(&control, 1, -1) == 1);
	cr_assert(kill(p->pid, SIGKILL) == 0 && waitpid(p->pid, &status, 0) == p->pid);
	cr_assert(container_reaped(c, p->pid, status, now) && p->hooks_due);
	cr_expect(end_creation(c, &e) == -ESRCH, "%s", e.text);
	cr_expect(access(at("ran"), F_OK) < 0);
}

Test(runtime_container, kill_while_created)
{
	struct client k = create();
	struct err e;
	cr_assert(process_kill(k.p, SIGTERM, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 128 + SIGTERM);
	cr_expect(process_kill(k.p, SIGTERM, &e) == -ENOENT);
	cr_expect(start_now(&k, &e) == -EBUSY);
	delete (&k);
	k = create();
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0);
	cr_expect(finish(&k) == 137);
	delete (&k);
}

Test(runtime_container, signals_are_delivered_to_the_guest)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGSEGV, SIGABRT, SIGPIPE, 37, 64};
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		program("wait");
		struct client k = start();
		wait_text(k.out, "waiting");
		struct err e;
		cr_assert(process_kill(k.p, signals[i], &e) == 0, "%s", e.text);
		uint32_t status = finish(&k);
		cr_expect(status == 128 + (uint32_t)signals[i], "signal %d: %u", signals[i],
			  status);
		delete (&k);
	}
	program("loop");
	struct client k = start();
	struct err e;
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0);
	cr_expect(finish(&k) == 137);
	delete (&k);
	/* What only tells of something does no harm before the start. */
	program("exit 3");
	k = create();
	cr_assert(process_kill(k.p, SIGWINCH, &e) == 0 && process_kill(k.p, SIGCHLD, &e) == 0);
	poll(NULL, 0, 20);
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 3);
	delete (&k);
}

/* The monitor reports its exit before its process is gone, for which Delete waits. */
Test(runtime_container, exit_is_reported_first)
{
	program("exit 9");
	struct client k = start();
	while (!process_take_exit(k.p)) {
		serve();
	}
	struct err e;
	cr_expect(process_status(k.p) == PROCESS_STATUS_STOPPED && process_exit_status(k.p) == 9);
	cr_expect(process_kill(k.p, SIGKILL, &e) == -ENOENT);
	delete (&k);
	cr_expect(waitpid(-1, NULL, WNOHANG) < 0, "a child is left");
	/* Reaped behind delete's back, by a loop that reaps all. */
	k = start();
	cr_expect(finish(&k) == 9);
	delete (&k);
}

Test(runtime_container, states_are_checked)
{
	program("wait");
	struct client k = create();
	struct err e;
	cr_expect(delete_now(&k, &e) == -EBUSY);
	cr_expect(container_pause(k.c, &e) == -EBUSY && container_resume(k.c, &e) == -EBUSY);
	cr_assert(start_now(&k, &e) == 0);
	cr_expect(start_now(&k, &e) == -EBUSY);
	cr_expect(delete_now(&k, &e) == -EBUSY);
	cr_expect(process_kill(k.p, -1, &e) == -EINVAL && process_kill(k.p, 65, &e) == -EINVAL);
	cr_expect(process_kill(k.p, 0, &e) == 0 && runs(&k, 20), "signal 0 only asks");
	cr_expect(process_resize(k.p, 80, 24, &e) == 0);
	cr_expect(!container_reaped(k.c, 1, 0, (struct timespec){0}));
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0);
	finish(&k);
	delete (&k);
}

Test(runtime_container, pause_and_resume)
{
	program("wait vm");
	struct client k = start();
	wait_text(k.out, "waiting with a VM");
	struct err e;
	cr_assert(container_pause(k.c, &e) == 0, "%s", e.text);
	cr_expect(process_status(k.p) == PROCESS_STATUS_PAUSED);
	cr_assert(process_kill(k.p, SIGTERM, &e) == 0);
	poll(NULL, 0, 50);
	cr_expect(waitpid(process_pid(k.p), NULL, WNOHANG) == 0, "it runs while paused");
	cr_assert(container_resume(k.c, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 143);
	delete (&k);
	k = start();
	cr_assert(container_pause(k.c, &e) == 0, "%s", e.text);
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 137);
	delete (&k);
}

/* A shim of its own process, which is killed; what it leaves is found by the bundle. */
Test(runtime_container, shim_killed)
{
	program("loop");
	int pipefd[2];
	cr_assert(pipe(pipefd) == 0);
	pid_t shim = fork();
	if (shim == 0) {
		struct client k = start();
		int pid = process_pid(k.p);
		if (write(pipefd[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		pause();
	}
	int pid;
	cr_assert(read(pipefd[0], &pid, sizeof(pid)) == sizeof(pid));
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	cr_assert(pidfd >= 0);
	kill(shim, SIGKILL);
	waitpid(shim, NULL, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	cr_expect(poll(&p, 1, -1) == 1); /* forever, if the container outlived its shim */
	close(pidfd);
	int was;
	uint32_t status;
	struct err e;
	for (int i = 0; i < 2; i++) {
		cr_expect(container_cleanup(dir, "test", &was, &status, &e) == 0, "%s", e.text);
		cr_expect(status == 137 && was == (i ? 0 : pid));
	}
	cr_expect(container_cleanup("/not/there", "test", &was, &status, &e) == 0);
}

Test(runtime_container, cleanup_ends_only_its_own)
{
	program("loop");
	struct client k = start();
	int was;
	uint32_t status;
	struct err e;
	/* Another start time: the number is somebody else's now. */
	char text[200];
	snprintf(text, sizeof(text), "mote 1 %d 12345 /mote-test-other\n", process_pid(k.p));
	rename(at("mote-state"), at("kept"));
	put(at("mote-state"), text, 0600);
	cr_expect(container_cleanup(dir, "test", &was, &status, &e) == 0, "%s", e.text);
	cr_expect(waitpid(process_pid(k.p), NULL, WNOHANG) == 0, "it has been ended");
	static const char *const damaged[] = {"",
					      "x",
					      "mote 1 1 2 /c\n",
					      "mote 1 -5 2 /c\n",
					      "mote 1 99 2 c\n",
					      "mote 2 99 2 /c\n",
					      "mote 1 99 2 /c"};
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		put(at("mote-state"), damaged[i], 0600);
		cr_expect(container_cleanup(dir, "test", &was, &status, &e) == -EBADMSG, "%zu: %s",
			  i, e.text);
	}
	rename(at("kept"), at("mote-state"));
	cr_expect(container_cleanup(dir, "test", &was, &status, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 137);
	delete (&k);
}
