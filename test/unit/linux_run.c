/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native programs in VMs: test/guest/linux_checks.c, built against musl and glibc, and Debian's
 * unmodified busybox, whose output must equal the host's. Needs a KVM, of either kind.
 */
#include "program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX (4 << 20)
#define BUSYBOX  "/bin/busybox"

static char tree[] = "/tmp/mote-linux-XXXXXX";

struct outcome {
	int status;
	char *out, *err; /* leaked: a test's process ends soon */
};

static void fill_tree(void)
{
	FILE *f = fopen("fruit.txt", "w");
	cr_assert(f);
	for (int i = 0; i < 2000; i++)
		fprintf(f, "%d %s\n", i * 7919 % 2003, i % 3 ? "pear" : "fig");
	fclose(f);
	cr_assert(mkdir("sub", 0755) == 0 && symlink("../fruit.txt", "sub/link") == 0);
	f = fopen("sub/small", "w");
	cr_assert(f && fputs("a b c\n", f) >= 0 && fclose(f) == 0);
	/* The clock's finest digits and directory sizes are the host's affair. */
	struct timespec then[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
	static const char *const names[] = {"fruit.txt", "sub/small", "sub", "."};
	for (size_t i = 0; i < 4; i++)
		cr_assert(utimensat(AT_FDCWD, names[i], then, 0) == 0);
}

/* What programs printed, until the test is over. */
static char *texts[256];
static size_t text_count;

static void make_tree(void)
{
	cr_assert(mkdtemp(tree) && chdir(tree) == 0);
	fill_tree();
}

/* As it was, for the next program. */
static void renew_tree(void)
{
	cr_assert(system("rm -rf ./*") == 0);
	fill_tree();
}

static void remove_tree(void)
{
	while (text_count > 0)
		free(texts[--text_count]);
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", tree);
	cr_assert(system(command) == 0);
}

TestSuite(linux_run, .init = make_tree, .fini = remove_tree);

static char *new_text(void)
{
	char *text = calloc(1, TEXT_MAX + 1);
	cr_assert(text && text_count < sizeof(texts) / sizeof(texts[0]));
	texts[text_count++] = text;
	return text;
}

static char *text_of(int fd)
{
	char *text = new_text();
	cr_assert(pread(fd, text, TEXT_MAX, 0) >= 0);
	close(fd);
	return text;
}

static int scratch_file(void)
{
	char name[] = "/tmp/mote-out-XXXXXX";
	int fd = mkstemp(name);
	cr_assert(fd >= 0);
	unlink(name);
	return fd;
}

/* Runs a program with the tree as /w, its working directory. */
static struct outcome run(const char *program, char *const *argv, int in, uint64_t limit_ms)
{
	int fd = open(program, O_RDONLY | O_CLOEXEC), out = scratch_file(), err = scratch_file();
	int stdio[3] = {in >= 0 ? in : open("/dev/null", O_RDONLY | O_CLOEXEC), out, err};
	struct mote_dir dir = {
		.guest_path = "/w",
		.fd = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	cr_assert(fd >= 0 && dir.fd >= 0, "%s", program);
	char *envp[] = {(char *)"TZ=UTC", NULL};
	struct mote_options o = {
		.size = sizeof(o),
		.program_fd = fd,
		.program_path = program,
		.argv = argv,
		.envp = envp,
		.cwd = "/w",
		.stdio = stdio,
		.dirs = &dir,
		.dir_count = 1,
		.time_limit_ns = limit_ms * 1000000,
		.memory_bytes = 64 << 20,
	};
	int status = program_run(&o);
	return (struct outcome){status, text_of(out), text_of(err)};
}

static void write_locked(void)
{
	FILE *f = fopen("locked", "w");
	cr_assert(f && fputs("0123456789012345678901234567890123456789", f) >= 0 && fclose(f) == 0);
}

static const char *const libraries[] = {"glibc", "musl"};

static void expect_program(const char *program, const char *what, int status, const char *message)
{
	for (size_t i = 0; i < 2; i++) {
		char path[512];
		snprintf(path, sizeof(path), "%s/%s.%s", TEST_GUESTS, program, libraries[i]);
		char *argv[] = {path, (char *)what, NULL};
		struct outcome o = run(path, argv, -1, 120000);
		cr_expect(o.status == status, "%s.%s %s: status %d, not %d; %s", program,
			  libraries[i], what, o.status, status, o.err);
		cr_expect(!message || strstr(o.err, message), "%s.%s %s: %s", program, libraries[i],
			  what, o.err);
		if (i == 0)
			renew_tree();
	}
}

static void expect_check(const char *what, int status, const char *message)
{
	expect_program("linux_checks", what, status, message);
}

Test(linux_run, signals)
{
	expect_check("signals", 0, NULL);
}

Test(linux_run, faults_are_delivered_to_handlers)
{
	expect_check("fault-handlers", 0, NULL);
}

Test(linux_run, floats_survive_handlers)
{
	expect_check("floats", 0, NULL);
}

Test(linux_run, signal_frames_are_laid_out_as_linux_does)
{
	expect_check("signal-frames", 0, NULL);
}

Test(linux_run, memory)
{
	expect_check("memory", 0, NULL);
}

Test(linux_run, the_stack_grows)
{
	expect_check("stack", 0, NULL);
}

Test(linux_run, interrupted_calls_go_on_as_on_linux)
{
	expect_check("restart", 0, NULL);
}

Test(linux_run, a_signal_at_the_end_of_a_call_is_not_left_waiting)
{
	expect_check("end-of-call", 0, NULL);
}

Test(linux_run, timers_tell_what_is_left)
{
	expect_check("timers", 0, NULL);
}

Test(linux_run, nobody_reads_a_pipe)
{
	signal(SIGPIPE, SIG_IGN); /* as the command and the monitor do: the host's writes on the
				     guest's behalf raise it */
	expect_check("broken-pipe", 128 + 13, NULL);
}

Test(linux_run, addresses_are_used_again)
{
	expect_check("churn", 0, NULL);
}

Test(linux_run, small_writes_arrive_once_and_whole)
{
	for (size_t i = 0; i < 2; i++) {
		char path[512], line[16];
		snprintf(path, sizeof(path), "%s/linux_checks.%s", TEST_GUESTS, libraries[i]);
		char *argv[] = {path, (char *)"output", NULL};
		struct outcome o = run(path, argv, -1, 120000);
		const char *at = o.out;
		cr_expect(o.status == 0);
		for (int k = 0; k < 400000; k++) {
			int n = snprintf(line, sizeof(line), "%d\n", k);
			cr_assert(strncmp(at, line, (size_t)n) == 0,
				  "%s: line %d is not as written", libraries[i], k);
			at += n;
		}
		cr_expect(*at == '\0');
	}
}

Test(linux_run, files)
{
	expect_check("files", 0, NULL);
}

Test(linux_run, paths_above_a_descriptor_begin_at_the_root)
{
	expect_program("linux_paths", "above-descriptors", 0, NULL);
}

Test(linux_run, the_working_directory_is_where_links_lead)
{
	expect_program("linux_paths", "working-directory", 0, NULL);
}

Test(linux_run, newer_calls_on_paths_and_descriptors)
{
	expect_program("linux_paths", "newer-calls", 0, NULL);
}

/* glibc asks for /proc/self/exe at its start and ends a program whose name is not absolute. */
Test(linux_run, a_program_with_a_relative_name)
{
	char command[512], *argv[] = {(char *)"./program", (char *)"identity", NULL};
	snprintf(command, sizeof(command), "cp %s/linux_checks.glibc program", TEST_GUESTS);
	cr_assert(system(command) == 0);
	struct outcome o = run("./program", argv, -1, 60000);
	cr_expect(o.status == 0, "status %d; %s", o.status, o.err);
}

Test(linux_run, names_of_own_descriptors)
{
	expect_program("linux_paths", "own-descriptors", 0, "to stderr");
}

Test(linux_run, descriptors_of_events)
{
	expect_program("linux_events", "eventfd", 0, NULL);
	expect_program("linux_events", "epoll", 0, NULL);
	expect_program("linux_events", "timerfd", 0, NULL);
}

/*
 * Holds bytes 10 to 29 of the file until the guest has a lock of bytes 0 to 9, and a little longer,
 * so that it waits for these meanwhile.
 */
static _Noreturn void hold_lock(int ready)
{
	struct flock own = {.l_type = F_WRLCK, .l_start = 10, .l_len = 20}, guests;
	int fd = open("locked", O_RDWR);
	if (fcntl(fd, F_SETLK, &own) < 0 || write(ready, "x", 1) != 1)
		_exit(1);
	do {
		usleep(1000);
		guests = (struct flock){.l_type = F_WRLCK, .l_len = 10};
	} while (fcntl(fd, F_GETLK, &guests) == 0 && guests.l_type == F_UNLCK);
	usleep(100000);
	_exit(0);
}

/* A lock by another process, which the guest must see and wait for. */
Test(linux_run, record_locks_are_the_files)
{
	for (size_t i = 0; i < 2; i++) {
		int ready[2];
		cr_assert(pipe(ready) == 0);
		write_locked();
		pid_t holder = fork();
		cr_assert(holder >= 0);
		if (holder == 0)
			hold_lock(ready[1]);
		char byte, path[512];
		cr_assert(read(ready[0], &byte, 1) == 1);
		snprintf(path, sizeof(path), "%s/linux_events.%s", TEST_GUESTS, libraries[i]);
		char *argv[] = {path, (char *)"locks", NULL};
		struct outcome o = run(path, argv, -1, 60000);
		cr_expect(o.status == 0, "%s: status %d; %s", libraries[i], o.status, o.err);
		kill(holder, SIGKILL);
		cr_expect(waitpid(holder, NULL, 0) == holder);
		close(ready[0]);
		close(ready[1]);
	}
}

Test(linux_run, limits_and_identity_of_a_process)
{
	expect_program("linux_events", "process", 0, NULL);
}

Test(linux_run, what_is_not_there_is_refused_by_name)
{
	expect_check("refusals", 0, "fork is not implemented");
}

Test(linux_run, identity_and_clocks)
{
	expect_check("identity", 0, NULL);
}

Test(linux_run, endings)
{
	expect_check("exit", 300 & 0xff, NULL);
	expect_check("abort", 134, NULL);
	expect_check("recurse", 139, "segmentation fault");
	expect_check("wild-write", 139, "segmentation fault writing 0x10");
	expect_check("run-data", 139, "segmentation fault executing");
	expect_check("divide", 136, "integer divide by zero");
}

Test(linux_run, a_time_limit_ends_a_loop)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/linux_checks.musl", TEST_GUESTS);
	char *argv[] = {path, (char *)"loop", NULL};
	cr_expect(run(path, argv, -1, 100).status == 137);
}

static void expect_refused(const char *bytes, size_t len, const char *why)
{
	int fd = open("program", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	cr_assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	close(fd);
	char *argv[] = {(char *)"program", NULL};
	struct outcome o = run("program", argv, -1, 60000);
	cr_expect(o.status == 126 && strstr(o.err, why), "status %d, %s", o.status, o.err);
}

Test(linux_run, bad_programs_are_refused_with_a_reason)
{
	static char image[4 << 20];
	int fd = open(BUSYBOX, O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, image, sizeof(image));
	cr_assert(len > 4096);
	close(fd);
	expect_refused(image, 20, "not an ELF file");
	expect_refused(image, 100, "truncated");
	expect_refused(image, 4096, "truncated");
	char machine = image[18];
	image[18] = (char)0xb7;
	expect_refused(image, (size_t)len, "another machine");
	image[18] = machine;
	image[56] = (char)0xff; /* number of program headers */
	expect_refused(image, (size_t)len, "damaged");
	fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
	len = read(fd, image, sizeof(image));
	cr_assert(len > 4096);
	close(fd);
	expect_refused(image, (size_t)len, "dynamically linked");
}

/* The same words to busybox here and in a VM, in the same directory. */
static void expect_same(const char *input, char *const *words)
{
	char command[1024] = "TZ=UTC exec " BUSYBOX;
	char *argv[16] = {(char *)"busybox"};
	for (int i = 0; words[i]; i++) {
		argv[i + 1] = words[i];
		snprintf(command + strlen(command), sizeof(command) - strlen(command), " '%s'",
			 words[i]);
	}
	if (input)
		snprintf(command + strlen(command), sizeof(command) - strlen(command), " <%s",
			 input);
	FILE *p = popen(command, "r");
	char *host = new_text();
	cr_assert(p);
	size_t n = fread(host, 1, TEXT_MAX, p);
	int status = pclose(p);
	int in = input ? open(input, O_RDONLY | O_CLOEXEC) : -1;
	struct outcome o = run(BUSYBOX, argv, in, 120000);
	cr_expect(o.status == WEXITSTATUS(status), "%s: %d here, %d in the VM; %s", command,
		  WEXITSTATUS(status), o.status, o.err);
	cr_expect(strlen(o.out) == n && memcmp(o.out, host, n) == 0, "%s: here\n%s\nin the VM\n%s",
		  command, host, o.out);
}

#define SAME(...) expect_same(NULL, (char *[]){__VA_ARGS__, NULL})

Test(linux_run, busybox_reads_as_on_the_host)
{
	SAME("echo", "a", "b  c");
	SAME("cat", "fruit.txt");
	SAME("cat", "sub/link");
	SAME("cat", "not-there");
	SAME("ls", "-ln", ".");
	SAME("ls", "-lnR", "sub");
	SAME("find", ".", "-type", "f");
	SAME("find", ".", "-name", "s*");
	SAME("sha256sum", "fruit.txt", "sub/small");
	SAME("md5sum", "fruit.txt");
	SAME("wc", "fruit.txt");
	SAME("stat", "-c", "%n %s %a %Y %F", "fruit.txt", "sub", "sub/link");
	SAME("od", "-c", "sub/small");
	SAME("du", "-a", "sub");
	SAME("false");
}

Test(linux_run, busybox_computes_as_on_the_host)
{
	SAME("sort", "-n", "fruit.txt");
	SAME("sort", "-u", "-k2", "fruit.txt");
	SAME("awk", "{ s[$2] += $1 } END { print s[\"fig\"], s[\"pear\"], sqrt(2), sin(1) }",
	     "fruit.txt");
	SAME("sed", "-n", "s/pear/plum/p", "fruit.txt");
	SAME("grep", "-c", "fig", "fruit.txt");
	SAME("sh", "-c", "i=0; while [ $i -lt 100 ]; do i=$((i + 1)); echo $i; done; exit 7");
	expect_same("fruit.txt", (char *[]){"tr", "a-z", "A-Z", NULL});
	expect_same("fruit.txt", (char *[]){"head", "-n", "3", NULL});
}

Test(linux_run, busybox_writes_what_the_host_reads)
{
	char *gzip[] = {"busybox", "gzip", "-k", "fruit.txt", NULL};
	char *tar[] = {"busybox", "tar", "-cf", "all.tar", "fruit.txt", "sub", NULL};
	char *copy[] = {"busybox", "cp", "-a", "sub", "copy", NULL};
	char *move[] = {"busybox", "mv", "copy", "moved", NULL};
	cr_expect(run(BUSYBOX, gzip, -1, 60000).status == 0);
	cr_expect(system("gzip -dc fruit.txt.gz | cmp - fruit.txt") == 0);
	cr_expect(run(BUSYBOX, tar, -1, 60000).status == 0);
	cr_expect(system("mkdir x && tar -xf all.tar -C x && diff -r sub x/sub && cmp fruit.txt "
			 "x/fruit.txt") == 0);
	cr_expect(run(BUSYBOX, copy, -1, 60000).status == 0 &&
		  run(BUSYBOX, move, -1, 60000).status == 0);
	cr_expect(system("diff -r sub moved") == 0);
}
