/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tenant never ends the process that runs it: every test here is that process, with
 * test/guest/tenant.c in a sandbox. Needs a KVM, of either kind.
 */
#include <mote/call.h>
#include <mote/mote.h>
#include <mote/program_snapshot.h>
#include <mote/snapshot.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL = 32768, LIMIT = 65536, PAGE = 4096 };

static char top[] = "/tmp/mote-tenant-XXXXXX";
static char logged[4096];
static unsigned lines;

static void collect(void *arg, const char *line)
{
	(void)arg;
	lines++;
	strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
}

/* The program's file, which the guest may write: a page's end, and TAIL bytes more. */
static void copy_program(const char *name)
{
	static char bytes[1 << 20];
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", TEST_GUESTS, name);
	int from = open(path, O_RDONLY), to = open("program", O_RDWR | O_CREAT | O_TRUNC, 0755);
	ssize_t n = read(from, bytes, sizeof(bytes));
	cr_assert(from >= 0 && to >= 0 && n > 0 && n < (ssize_t)sizeof(bytes), "%s: is it there?",
		  path);
	cr_assert(write(to, bytes, (size_t)n) == n &&
		  ftruncate(to, (n + PAGE - 1) / PAGE * PAGE + TAIL) == 0);
	close(from);
	close(to);
}

static void setup(void)
{
	cr_assert(mkdtemp(top) && chdir(top) == 0);
	copy_program("tenant.musl");
}

static void teardown(void)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", top);
	cr_assert(system(command) == 0);
}

TestSuite(api_tenant, .init = setup, .fini = teardown);

static uint64_t call_bytes_max;

static struct mote_sandbox *make(const char *what, int out)
{
	char *argv[] = {(char *)"tenant", (char *)(uintptr_t)what, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC),
	    error = memfd_create("stderr", MFD_CLOEXEC);
	int stdio[3] = {null, out >= 0 ? out : null, error};
	struct mote_dir dir = {
		.guest_path = "/",
		.fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	struct mote_options o = {
		.size = sizeof(o),
		.program_fd = open("program", O_RDONLY | O_CLOEXEC),
		.argv = argv,
		.stdio = stdio,
		.dirs = &dir,
		.dir_count = 1,
		.time_limit_ns = 30000000000,
		.call_time_limit_ns = 30000000000,
		.memory_bytes = 64 << 20,
		.call_bytes_max = call_bytes_max,
		.log = collect,
	};
	struct mote_sandbox *s;
	struct mote_error e;
	logged[0] = '\0';
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	close(null);
	close(dir.fd);
	close(o.program_fd);
	close(error);
	return s;
}

static void expect_end(const char *what, int out, enum mote_end end, int code)
{
	struct mote_sandbox *s = make(what, out);
	struct mote_result result;
	struct mote_error e;
	cr_assert(mote_sandbox_run(s, &result, &e) == 0, "%s: %s", what, e.text);
	cr_expect(result.end == end && result.code == code, "%s: end %d, code %d; %s", what,
		  result.end, result.code, logged);
	mote_sandbox_free(s);
}

/* --- SIGBUS --- */

Test(api_tenant, a_truncated_file_under_host_calls_is_an_errno)
{
	expect_end("host-access", -1, MOTE_EXITED, 0);
}

Test(api_tenant, a_truncated_file_that_the_host_zeroes_harms_nobody)
{
	expect_end("zero", -1, MOTE_EXITED, 0);
}

Test(api_tenant, a_truncated_file_that_the_guest_touches_is_its_end)
{
	expect_end("touch", -1, MOTE_FAULTED, 8);
	cr_expect(strstr(logged, "guest memory is gone (was the program's file truncated?)") !=
			  NULL,
		  "%s", logged);
}

Test(api_tenant, a_truncated_file_under_a_snapshot_is_an_error)
{
	struct mote_sandbox *s = make("offer", -1);
	struct mote_snapshot *snapshot;
	struct mote_error e;
	cr_assert(mote_sandbox_init(s, &e) == 0, "%s", e.text);
	cr_expect(mote_sandbox_snapshot(s, &snapshot, &e) < 0 &&
			  strstr(e.text, "has become shorter"),
		  "%s", e.text);
	mote_sandbox_free(s);
}

/* The guest runs in the mapped file of a program's snapshot, area and boot information included. */
Test(api_tenant, a_program_that_truncates_its_snapshot_ends_alone)
{
	char *argv[] = {(char *)"tenant", (char *)"cut-snapshot", NULL},
	     *none[] = {(char *)"tenant", NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), stdio[3] = {null, null, null};
	struct mote_dir dir = {
		.guest_path = "/",
		.fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	struct mote_options o = {
		.size = sizeof(o),
		.program_fd = open("program", O_RDONLY | O_CLOEXEC),
		.argv = argv,
		.stdio = stdio,
		.dirs = &dir,
		.dir_count = 1,
		.time_limit_ns = 30000000000,
		.memory_bytes = 64 << 20,
		.log = collect,
	};
	struct mote_error e;
	struct mote_sandbox *s;
	struct mote_result result;
	cr_assert(mote_program_snapshot_take(&o, "stdin", "snapshot", &e) == 0, "%s", e.text);
	close(o.program_fd);
	o.program_fd = open("snapshot", O_RDONLY | O_CLOEXEC);
	o.argv = none;
	cr_assert(mote_program_snapshot_start(NULL, &o, &s, &e) == 0, "%s", e.text);
	cr_assert(mote_sandbox_run(s, &result, &e) == 0, "%s", e.text);
	cr_expect(result.end == MOTE_FAULTED && strstr(logged, "guest memory is gone"),
		  "end %d, code %d; %s", result.end, result.code, logged);
	mote_sandbox_free(s);
	close(o.program_fd);
	close(dir.fd);
	close(null);
}

static void expect_reply_fails(void)
{
	struct mote_sandbox *s = make("reply", -1);
	struct mote_error e;
	cr_assert(mote_sandbox_init(s, &e) == 0, "%s", e.text);
	cr_expect(mote_sandbox_call(s, "f", NULL, 0, NULL, &e) == -EFAULT &&
			  e.blame == MOTE_BLAME_GUEST,
		  "%s", e.text);
	cr_expect(mote_sandbox_poisoned(s) != NULL);
	mote_sandbox_free(s);
}

Test(api_tenant, a_truncated_file_under_a_message_poisons_the_sandbox)
{
	expect_reply_fails();
}

/* A thread of a server's that takes no signals. */
static void *all_blocked(void *arg)
{
	sigset_t all;
	(void)arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	expect_end("host-access", -1, MOTE_EXITED, 0);
	copy_program("tenant.musl");
	expect_reply_fails();
	return NULL;
}

Test(api_tenant, a_thread_that_blocks_all_signals_lives_on)
{
	pthread_t thread;
	cr_assert(pthread_create(&thread, NULL, all_blocked, NULL) == 0);
	cr_assert(pthread_join(thread, NULL) == 0);
}

/* --- SIGXFSZ --- */

static void limit_files(void)
{
	const struct rlimit limit = {LIMIT, LIMIT};
	cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void expect_no_signal(void)
{
	sigset_t pending, mask;
	sigpending(&pending);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	cr_expect(!sigismember(&pending, SIGXFSZ) && !sigismember(&mask, SIGXFSZ));
}

Test(api_tenant, a_file_that_would_be_too_large_is_an_errno)
{
	limit_files();
	expect_end("grow", -1, MOTE_EXITED, 0);
	expect_no_signal();
	int out = open("out", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	expect_end("print", out, MOTE_EXITED, 0);
	cr_expect(lseek(out, 0, SEEK_END) == LIMIT);
	expect_no_signal();
	close(out);
}

/* How much of it there is is the guest's choice. */
Test(api_tenant, a_snapshot_that_would_be_too_large_is_an_error)
{
	copy_program("calls_guest.elf");
	struct mote_sandbox *s = make("calls", -1);
	struct mote_snapshot *snapshot;
	struct mote_error e;
	cr_assert(mote_sandbox_init(s, &e) == 0, "%s", e.text);
	cr_assert(mote_sandbox_snapshot(s, &snapshot, &e) == 0, "%s", e.text);
	limit_files();
	cr_expect(mote_snapshot_save(snapshot, "saved", &e) < 0);
	cr_expect(access("saved", F_OK) < 0);
	expect_no_signal();
	mote_snapshot_free(snapshot);
	cr_expect(mote_sandbox_snapshot(s, &snapshot, &e) < 0);
	expect_no_signal();
	mote_sandbox_free(s);
}

/* --- what it may take --- */

Test(api_tenant, descriptors_are_left_for_others)
{
	const struct rlimit plenty = {4096, 4096};
	cr_assert(setrlimit(RLIMIT_NOFILE, &plenty) == 0);
	expect_end("descriptors", -1, MOTE_EXITED, 0);
	int fd = dup(0);
	cr_expect(fd >= 0 && fd < 20, "descriptor %d", fd);
	close(fd);
}

/* A snapshot from a sandbox that may say more brings its limit along, and it does not count. */
Test(api_tenant, the_size_of_messages_is_the_sandboxs_own)
{
	struct mote_snapshot *snapshot;
	struct mote_error e;
	call_bytes_max = 4 << 20;
	struct mote_sandbox *s = make("large-message", -1);
	cr_assert(mote_sandbox_init(s, &e) == 0 && mote_sandbox_snapshot(s, &snapshot, &e) == 0,
		  "%s", e.text);
	mote_sandbox_free(s);
	call_bytes_max = 65536;
	s = make("large-message", -1);
	cr_assert(mote_sandbox_restore(s, snapshot, &e) == 0, "%s", e.text);
	cr_expect(mote_sandbox_call(s, "f", NULL, 0, NULL, &e) == -EIO &&
			  strstr(e.text, "status 0"),
		  "%s", e.text);
	mote_sandbox_free(s);
	mote_snapshot_free(snapshot);
}

/* The next guest of the same sandbox has a log of its own. */
Test(api_tenant, log_lines_are_counted_for_each_guest)
{
	struct mote_snapshot *snapshot;
	struct mote_error e;
	struct mote_sandbox *s = make("chatter", -1);
	cr_assert(mote_sandbox_init(s, &e) == 0 && mote_sandbox_snapshot(s, &snapshot, &e) == 0,
		  "%s", e.text);
	for (int i = 0; i < 3; i++) {
		lines = 0;
		cr_expect(mote_sandbox_call(s, "f", NULL, 0, NULL, &e) == -EIO);
		/* the last one says that no more follow */
		cr_expect(lines == 1001, "%u lines", lines);
		cr_assert(mote_sandbox_restore(s, snapshot, &e) == 0, "%s", e.text);
	}
	mote_snapshot_free(snapshot);
	mote_sandbox_free(s);
}
