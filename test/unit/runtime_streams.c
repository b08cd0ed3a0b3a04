/* SPDX-License-Identifier: Apache-2.0 */
/* A container's standard streams: FIFOs, files, log processes, terminals. */
#include "runtime_harness.h"

#include "runtime/io/streams.h"
#include "runtime/process.h"

#include <sys/mman.h>
#include <sys/prctl.h>

TestSuite(runtime_streams, .init = setup, .fini = teardown);

Test(runtime_streams, output_goes_to_the_fifos)
{
	program("echo");
	struct client k = start();
	cr_expect(finish(&k) == 0);
	cr_expect_str_eq(text_of(k.out), "/prog arg\n");
	cr_expect_str_eq(text_of(k.err), "to stderr\n");
	delete (&k);
}

/* containerd's restart is that: a client that goes, and comes back. */
Test(runtime_streams, stdin_outlives_its_clients)
{
	program("cat");
	struct client k = start();
	for (int i = 0; i < 3; i++) {
		cr_assert(write(k.in, "some text", 9) == 9);
		wait_text(k.out, "some text");
		close(k.in);
		serve();
		cr_assert(runs(&k, 20), "it ended with client %d", i);
		k.in = open(at("in"), O_WRONLY | O_NONBLOCK);
		cr_assert(k.in >= 0, "client %d: %s", i + 1, strerror(errno));
	}
	close(k.in);
	process_close_stdin(k.p);
	cr_expect(finish(&k) == 0);
	delete (&k);
	/* One that says something and goes before the start has said all: ctr forgets CloseIO. */
	k = create();
	cr_assert(write(k.in, "early", 5) == 5);
	close(k.in);
	struct err e;
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	wait_text(k.out, "early");
	cr_expect(finish(&k) == 0);
	delete (&k);
}

/* One that was not there at Create may come at any time. */
Test(runtime_streams, stdin_without_a_client)
{
	program("cat");
	struct client k;
	struct err e;
	cr_assert(create_rc(&k, &e, false) == 0, "%s", e.text);
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	for (int i = 0; i < 10; i++) {
		serve();
		cr_assert(runs(&k, 50), "it ended after %d ms", i * 50);
	}
	k.in = open(at("in"), O_WRONLY | O_NONBLOCK);
	cr_assert(k.in >= 0 && write(k.in, "late", 4) == 4);
	close(k.in);
	process_close_stdin(k.p);
	cr_expect(finish(&k) == 0);
	cr_expect_str_eq(text_of(k.out), "late");
	delete (&k);
	/* CloseIO before the start, and no client: the end. */
	cr_assert(create_rc(&k, &e, false) == 0, "%s", e.text);
	process_close_stdin(k.p);
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 0);
	delete (&k);
}

Test(runtime_streams, stdin_ends_after_close_io)
{
	program("cat");
	struct client k = start();
	process_close_stdin(k.p);
	/* What the client has still to say arrives. */
	cr_assert(runs(&k, 20) && write(k.in, "rest", 4) == 4);
	close(k.in);
	cr_expect(finish(&k) == 0);
	cr_expect_str_eq(text_of(k.out), "rest");
	delete (&k);
}

/* Until the terminal's output is there, which the loop passes on. */
static void wait_served(const struct client *k, const char *want)
{
	char text[256] = "";
	size_t n = 0;
	while (!strstr(text, want)) {
		serve();
		ssize_t got = read(k->out, text + n, sizeof(text) - 1 - n);
		if (got > 0)
			n += (size_t)got;
		else
			poll(NULL, 0, 1);
	}
}

Test(runtime_streams, terminal)
{
	program("cat");
	struct client k;
	struct err e;
	cr_assert(create_rc(&k, &e, true) == 0, "%s", e.text);
	k.in = open(at("in"), O_WRONLY | O_NONBLOCK);
	cr_assert(process_resize(k.p, 100, 30, &e) == 0, "%s", e.text);
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	cr_assert(write(k.in, "line\n\4", 6) == 6);
	cr_expect(finish(&k) == 0);
	process_close_stdin(k.p);
	char *text = text_of(k.out);
	cr_expect(strstr(text, "line\r\n"), "%s", text);
	delete (&k);
	/* ^C on it is SIGINT for the guest. */
	program("wait");
	cr_assert(create_rc(&k, &e, true) == 0, "%s", e.text);
	k.in = open(at("in"), O_WRONLY | O_NONBLOCK);
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	wait_served(&k, "waiting");
	cr_assert(write(k.in, "\3", 1) == 1);
	cr_expect(finish(&k) == 130);
	delete (&k);
}

/* CloseIO is the end of the line once the client has gone, too: the guest finds it closed. */
Test(runtime_streams, terminal_hangs_up)
{
	struct client k;
	struct err e;
	program("cat");
	cr_assert(create_rc(&k, &e, true) == 0, "%s", e.text);
	k.in = open(at("in"), O_WRONLY | O_NONBLOCK);
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	close(k.in);
	for (int i = 0; i < 10; i++) {
		serve();
		cr_assert(runs(&k, 10), "it ended without CloseIO");
	}
	k.in = open(at("in"), O_WRONLY | O_NONBLOCK);
	process_close_stdin(k.p);
	for (int i = 0; i < 10; i++) {
		serve();
		cr_assert(runs(&k, 10), "it ended while its client is there");
	}
	close(k.in);
	uint32_t status = finish(&k);
	/* by the end of its input, or by EIO */
	cr_expect(status <= 1, "status %u", status);
	delete (&k);
}

/* As many lines as the terminal takes, and the bytes that they are on its other side. */
static size_t fill(int slave)
{
	static const char line[] = "a line that becomes longer by a carriage return\n";
	size_t bytes = 0;
	cr_assert(fcntl(slave, F_SETFL, O_NONBLOCK) == 0);
	for (ssize_t n; (n = write(slave, line, sizeof(line) - 1)) > 0;)
		bytes += (size_t)n + (n == sizeof(line) - 1);
	cr_assert(errno == EAGAIN);
	return bytes;
}

/*
 * What the guest has written before the hang-up is passed on, also to a client that is slow, and
 * if the kernel has not moved all of it to the terminal's other side: it does so by itself, later.
 */
Test(runtime_streams, output_before_the_hang_up)
{
	struct terminal *t;
	struct err e = {0};
	int slave, in[2], out[2];
	char got[65536] = "";
	size_t n = 0;
	cr_assert(pipe2(in, O_CLOEXEC | O_NONBLOCK) == 0 &&
		  pipe2(out, O_CLOEXEC | O_NONBLOCK) == 0);
	cr_assert(fcntl(out[1], F_SETPIPE_SZ, 4096) == 4096);
	cr_assert(terminal_open(in[0], out[1], &t, &slave, &e) == 0, "%s", e.text);
	size_t wanted = fill(slave);
	cr_assert(wanted > 8192, "%zu bytes: no more than a copy has at once", wanted);
	close(in[1]);
	for (int i = 0; i < 1000 && !terminal_drained(t); i++) {
		terminal_pump(t);
		ssize_t r = read(out[0], got + n, sizeof(got) - n);
		if (r > 0)
			n += (size_t)r;
	}
	cr_expect(terminal_drained(t));
	while (n < sizeof(got) && read(out[0], got + n, 1) == 1)
		n++;
	cr_expect(n == wanted, "%zu bytes, not %zu", n, wanted);
	cr_expect(write(slave, "x", 1) < 0 && errno == EIO, "it is not hung up");
	terminal_free(t);
	close(slave);
	close(out[0]);
}

/* All of it is the log process's stdout. */
Test(runtime_streams, terminal_with_a_log_process)
{
	static const char *const errors[] = {"", "binary:///not/used"};
	for (int i = 0; i < 2; i++) {
		char out[300];
		struct client k = {.in = -1, .out = -1, .err = -1};
		struct err e = {0};
		put(at("logger"), "#!/bin/sh\nexec 5>&-\ncat <&4 >\"$2.err\"\ncat <&3 >\"$2\"\n",
		    0755);
		snprintf(out, sizeof(out), "binary://%s?to=%s%d", at("logger"), at("log"), i);
		const struct container_config config = {
			.id = "t",
			.bundle = dir,
			.containerd_namespace = "n",
			.stdio = {.stdin_path = "",
				  .stdout_path = out,
				  .stderr_path = errors[i],
				  .terminal = true},
		};
		program("echo");
		cr_assert(create_now(&config, &k, &e) == 0, "%s", e.text);
		cr_assert(start_now(&k, &e) == 0, "%s", e.text);
		cr_expect(finish(&k) == 0);
		delete (&k);
		int fd = open(at("log%d", i), O_RDONLY);
		cr_expect_str_eq(text_of(fd), "/prog arg\r\nto stderr\r\n");
		close(fd);
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
}

/* Writers that never stop: each look at the terminal is short all the same. */
Test(runtime_streams, flooded_terminal)
{
	enum { WRITERS = 2, MOST = 512 << 10 };
	static char bytes[65536];
	struct terminal *t;
	struct stat st = {0};
	struct err e = {0};
	pid_t writers[WRITERS];
	int slave, out = memfd_create("out", MFD_CLOEXEC), copy = dup(out);
	cr_assert(out >= 0 && copy >= 0 && terminal_open(-1, out, &t, &slave, &e) == 0, "%s",
		  e.text);
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = fork();
		if (writers[i] == 0)
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (writers[i] == 0)
			if (write(slave, bytes, sizeof(bytes)) < 0)
				_exit(0);
	}
	for (int i = 0; i < 1000 && st.st_size < 256 << 20; i++) {
		off_t before = st.st_size;
		terminal_pump(t);
		cr_assert(fstat(copy, &st) == 0);
		cr_assert(st.st_size - before <= MOST, "%ld bytes at once",
			  (long)(st.st_size - before));
		usleep(100);
	}
	cr_expect(st.st_size > MOST && !terminal_drained(t));
	for (int i = 0; i < WRITERS; i++)
		cr_expect(kill(writers[i], SIGKILL) == 0 &&
			  waitpid(writers[i], NULL, 0) == writers[i]);
	terminal_free(t);
	close(slave);
	close(copy);
}

Test(runtime_streams, files_and_log_processes)
{
	char out[300];
	snprintf(out, sizeof(out), "file://%s", at("logs/both"));
	struct container_config config = {
		.id = "t",
		.bundle = dir,
		.containerd_namespace = "n",
		.stdio = {.stdin_path = "", .stdout_path = out, .stderr_path = out},
	};
	program("echo");
	struct client k = {.in = -1, .out = -1, .err = -1};
	struct err e;
	for (int i = 0; i < 2; i++) {
		cr_assert(create_now(&config, &k, &e) == 0, "%s", e.text);
		cr_assert(start_now(&k, &e) == 0, "%s", e.text);
		cr_expect(finish(&k) == 0);
		delete (&k);
	}
	int fd = open(at("logs/both"), O_RDONLY);
	cr_expect_str_eq(text_of(fd), "/prog arg\nto stderr\n/prog arg\nto stderr\n");
	close(fd);
	put(at("logger"),
	    "#!/bin/sh\necho \"$@ $CONTAINER_ID $CONTAINER_NAMESPACE\" >\"$2\"\nexec 5>&-\ncat <&3 "
	    ">>\"$2\"\ncat <&4 >>\"$2\"\n",
	    0755);
	snprintf(out, sizeof(out), "binary://%s?to=%s&x=a%%20b", at("logger"), at("log"));
	config.stdio.stderr_path = "";
	cr_assert(create_now(&config, &k, &e) == 0, "%s", e.text);
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 0);
	delete (&k);
	fd = open(at("log"), O_RDONLY);
	char want[600];
	snprintf(want, sizeof(want), "to %s x a b t n\n/prog arg\nto stderr\n", at("log"));
	cr_expect_str_eq(text_of(fd), want);
	close(fd);
	while (waitpid(-1, NULL, 0) > 0)
		;
	snprintf(out, sizeof(out), "binary:///not/there");
	cr_expect(create_now(&config, &k, &e) == -ENOENT && strstr(e.text, "/not/there"), "%s",
		  e.text);
}

/* How long the report waits for a client that may have gone, and for one that is there. */
#define DRAIN_NS        512000000UL
#define DRAIN_NS_CLIENT 5000000000UL

static bool is_reported(struct client *k)
{
	serve();
	bool reported = process_take_exit(k->p);
	if (!reported)
		poll(NULL, 0, 1);
	return reported;
}

/* The exit is not reported in so many rounds. */
static void not_reported(struct client *k, int rounds)
{
	for (int i = 0; i < rounds; i++)
		cr_assert(!is_reported(k), "it is reported after %lu ns", k->p->drained_ns);
}

static void until_reported(struct client *k)
{
	while (!is_reported(k))
		;
}

Test(runtime_streams, exit_is_reported_when_the_output_is_read)
{
	program("echo");
	struct client k = start();
	cr_expect(finish(&k) == 0);
	not_reported(&k, 20);
	cr_expect_str_eq(text_of(k.out), "/prog arg\n");
	not_reported(&k, 10);
	text_of(k.err);
	until_reported(&k);
	cr_expect(k.p->drained_ns < DRAIN_NS_CLIENT, "it is reported by the time alone");
	cr_expect(!process_take_exit(k.p));
	delete (&k);
	/* Nothing to read: at once. */
	program("exit 4");
	k = start();
	cr_expect(finish(&k) == 4 && process_take_exit(k.p));
	delete (&k);
}

/* A client that has the FIFOs open gets longer than one that has gone. */
Test(runtime_streams, exit_is_reported_though_nobody_reads)
{
	program("echo");
	struct client k = start();
	cr_expect(finish(&k) == 0);
	while (k.p->drained_ns <= DRAIN_NS)
		not_reported(&k, 1);
	close_fd(&k.out);
	not_reported(&k, 1);
	close_fd(&k.err);
	until_reported(&k);
	cr_expect(k.p->drained_ns < DRAIN_NS_CLIENT, "it is reported by the time alone");
	/* What it has not read is there for the next. */
	k.out = open(at("out"), O_RDONLY | O_NONBLOCK);
	k.err = open(at("err"), O_RDONLY | O_NONBLOCK);
	cr_expect_str_eq(text_of(k.out), "/prog arg\n");
	cr_expect_str_eq(text_of(k.err), "to stderr\n");
	delete (&k);
	k = start();
	close_fd(&k.out);
	close_fd(&k.err);
	cr_expect(finish(&k) == 0);
	until_reported(&k);
	cr_expect(k.p->drained_ns == DRAIN_NS, "%lu ns", k.p->drained_ns);
	delete (&k);
}

/* Its open(2) would wait for a writer, as those of ctr's threads do on a busy machine. */
Test(runtime_streams, a_client_that_opens_after_the_end_gets_the_output)
{
	char byte;
	program("echo");
	struct client k = start();
	close_fd(&k.out);
	cr_expect(finish(&k) == 0);
	k.out = open(at("out"), O_RDONLY | O_NONBLOCK);
	cr_expect_str_eq(text_of(k.out), "/prog arg\n");
	cr_expect(read(k.out, &byte, 1) < 0 && errno == EAGAIN, "there is no writer");
	not_reported(&k, 10);
	text_of(k.err);
	until_reported(&k);
	cr_expect(read(k.out, &byte, 1) == 0, "no end of the output");
	cr_expect(read(k.err, &byte, 1) == 0, "no end of the errors");
	delete (&k);
}

/* It had not come when the process was made: it is waited for as one that is there. */
Test(runtime_streams, a_client_that_is_slow_to_open_is_waited_for)
{
	program("echo");
	struct client k = {.in = -1, .out = -1, .err = -1};
	struct err e;
	const struct container_config c = {
		.id = "test",
		.bundle = dir,
		.containerd_namespace = "n",
		.stdio = {.stdin_path = "", .stdout_path = at("out"), .stderr_path = ""},
	};
	cr_assert(create_now(&c, &k, &e) == 0, "%s", e.text);
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 0);
	while (k.p->drained_ns <= DRAIN_NS)
		not_reported(&k, 1);
	k.out = open(at("out"), O_RDONLY | O_NONBLOCK);
	cr_expect_str_eq(text_of(k.out), "/prog arg\n");
	until_reported(&k);
	cr_expect(k.p->drained_ns < DRAIN_NS_CLIENT, "it is reported by the time alone");
	delete (&k);
}
