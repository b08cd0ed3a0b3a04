/* SPDX-License-Identifier: Apache-2.0 */
/* Programs frozen after their start-up, native and WebAssembly. Needs a KVM, of either kind. */
#include <mote/program_snapshot.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NATIVE, WASM, WIZER, REACTOR };
static const char *const kinds[] = {"snapshot_program.musl", "snapshot_program.wasm",
				    "snapshot_wizer.wasm", "snapshot_reactor.wasm"};
#define EACH_KIND(kind) for (size_t kind = NATIVE; kind <= WASM; kind++)

static char directory[32], file[64];

static void put_text(const char *text)
{
	char path[80];
	snprintf(path, sizeof(path), "%s/text", directory);
	FILE *f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void setup(void)
{
	snprintf(directory, sizeof(directory), "/tmp/mote-late-XXXXXX");
	cr_assert(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/program.snapshot", directory);
	put_text("first");
}

static void teardown(void)
{
	char command[100];
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_expect(system(command) == 0);
}

TestSuite(api_program_snapshot, .init = setup, .fini = teardown);

/* What a start or a taking is given. */
struct given {
	struct mote_options o;
	struct mote_dir dir;
	char *argv[3], *envp[2];
	int stdio[3];
};

static void give(struct given *g, const char *path, const char *argument, const char *variable,
		 const char *dir)
{
	*g = (struct given){
		.dir = {.guest_path = dir, .fd = open(directory, O_PATH | O_CLOEXEC)},
		.argv = {(char *)"program", (char *)(uintptr_t)argument},
		.envp = {(char *)(uintptr_t)variable},
		.stdio = {-1, -1, -1},
	};
	g->o = (struct mote_options){
		.size = sizeof(g->o),
		.program_fd = open(path, O_RDONLY | O_CLOEXEC),
		.program_path = "the program",
		.argv = g->argv,
		.envp = variable ? g->envp : NULL,
		.stdio = g->stdio,
		.dirs = &g->dir,
		.dir_count = dir != NULL,
		.memory_bytes = 64UL << 20,
	};
}

static void give_back(struct given *g)
{
	close(g->o.program_fd);
	close(g->dir.fd);
	for (int i = 0; i < 3; i++)
		if (g->stdio[i] >= 0)
			close(g->stdio[i]);
}

/* Takes a snapshot of the kind's program; what it printed is in `shown`, 0 or the error's code. */
static int take(size_t kind, const char *point, const char *argument, const char *dir,
		char shown[400], struct mote_error *e)
{
	char path[500];
	struct given g;
	snprintf(path, sizeof(path), "%s/%s", TEST_GUESTS, kinds[kind]);
	give(&g, path, argument, "V=then", dir);
	g.stdio[2] = memfd_create("shown", MFD_CLOEXEC);
	g.o.time_limit_ns = 20000000000;
	*e = (struct mote_error){0};
	int rc = mote_program_snapshot_take(&g.o, point, file, e);
	cr_expect(rc == -e->code);
	if (shown) {
		ssize_t n = pread(g.stdio[2], shown, 399, 0);
		shown[n < 0 ? 0 : n] = '\0';
	}
	give_back(&g);
	return rc;
}

static const char *cache; /* directory of starts, or NULL */

/* Runs a start with lines to read; its output. */
static const char *finish_with(struct given *g, const char *input, int status)
{
	static char text[4096];
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	struct mote_result r = {0};
	int out = memfd_create("out", MFD_CLOEXEC), in[2];
	cr_assert(pipe2(in, O_CLOEXEC) == 0 &&
		  write(in[1], input, strlen(input)) == (ssize_t)strlen(input));
	close(in[1]);
	const int stdio[3] = {in[0], out, 2};
	g->o.stdio = stdio;
	cr_assert(mote_program_snapshot_is(g->o.program_fd) == 1);
	cr_assert(mote_program_snapshot_start(cache, &g->o, &s, &e) == 0, "%s", e.text);
	cr_assert(mote_sandbox_run(s, &r, &e) == 0, "%s", e.text);
	cr_expect(mote_exit_status(&r) == status, "status %d", mote_exit_status(&r));
	mote_sandbox_free(s);
	ssize_t n = pread(out, text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	close(out);
	close(in[0]);
	return text;
}

static const char *finish(struct given *g, const char *input)
{
	return finish_with(g, input, 3);
}

static unsigned long number(const char *text, const char *name, int base)
{
	const char *at = strstr(text, name);
	cr_assert(at, "%s", text);
	return strtoul(at + strlen(name), NULL, base);
}

/*
 * The time that a start has printed is one since it began; the kernel's coarse clock may be a
 * second behind.
 */
static void expect_now(const char *text, time_t began)
{
	time_t seen = (time_t)number(text, "time=", 10);
	cr_expect(seen >= began - 1 && seen <= time(NULL) + 1, "%ld, and it began at %ld", seen,
		  began);
}

/* What starts from the middle say: what was drawn at first, and fresh random bytes and time. */
static void check_middle(const char *argument)
{
	unsigned long early = 0, random = 0;
	for (int i = 0; i < 3; i++) {
		struct given g;
		time_t began = time(NULL);
		char wanted[200], line[32];
		give(&g, file, NULL, NULL, "/here");
		snprintf(wanted, sizeof(wanted), "text-%d", i);
		put_text(wanted);
		snprintf(line, sizeof(line), "l%d\nsecond\n", i);
		const char *text = finish(&g, line);
		snprintf(wanted, sizeof(wanted),
			 "line=l%d\nline=second\nargument=%s variable=then text=text-%d init=none "
			 "started=1 ",
			 i, argument, i);
		cr_expect(strncmp(text, wanted, strlen(wanted)) == 0, "%s, not %s", text, wanted);
		cr_expect(!i || number(text, "early=", 16) == early);
		cr_expect(number(text, "random=", 16) != random);
		expect_now(text, began);
		early = number(text, "early=", 16);
		random = number(text, "random=", 16);
		give_back(&g);
	}
}

Test(api_program_snapshot, before_standard_input)
{
	EACH_KIND(kind)
	{
		struct mote_error e;
		char shown[400];
		cr_assert(take(kind, "stdin", "moment-stdin", "/here", shown, &e) == 0, "%s",
			  e.text);
		cr_expect(strstr(shown, "starting up\n") && strstr(shown, "on both\n"), "%s",
			  shown);
		check_middle("moment-stdin");
		cr_assert(take(kind, "stdin", "moment-poll", "/here", shown, &e) == 0, "%s",
			  e.text);
		check_middle("moment-poll");
	}
}

/* The first start notes what it touched, and later ones have it ready. */
Test(api_program_snapshot, with_recorded_working_sets)
{
	char record_dir[80], command[300];
	snprintf(record_dir, sizeof(record_dir), "%s/notes", directory);
	snprintf(command, sizeof(command), "test $(ls %s/*.touched | wc -l) -eq 1 && rm -r %s",
		 record_dir, record_dir);
	EACH_KIND(kind)
	{
		struct mote_error e;
		cr_assert(take(kind, "stdin", "moment-stdin", "/here", NULL, &e) == 0, "%s",
			  e.text);
		sleep(3); /* what has just changed is not noted */
		cache = record_dir;
		check_middle("moment-stdin");
		cr_expect(system(command) == 0, "no note");
		cache = NULL;
	}
}

Test(api_program_snapshot, before_a_file)
{
	EACH_KIND(kind)
	{
		struct mote_error e;
		cr_assert(take(kind, "open:/here/./ready", "moment-open", "/here", NULL, &e) == 0,
			  "%s", e.text);
		check_middle("moment-open");
	}
}

Test(api_program_snapshot, after_a_function)
{
	struct mote_error e;
	char shown[400], wanted[200];
	unsigned long early = 0;
	cr_assert(take(WIZER, "call:wizer.initialize", "at init", "/here", shown, &e) == 0, "%s",
		  e.text);
	cr_expect_str_eq(shown, "initialised\n");
	for (int i = 0; i < 3; i++) {
		struct given g;
		time_t began = time(NULL);
		char argument[16], variable[16];
		snprintf(argument, sizeof(argument), "arg-%d", i);
		snprintf(variable, sizeof(variable), "V=v%d", i);
		give(&g, file, argument, variable, i == 1 ? NULL : "/here");
		const char *text = finish(&g, "");
		/* Directories, too, are each start's own. wizer.resume adds ten. */
		snprintf(wanted, sizeof(wanted),
			 "argument=%s variable=v%d text=%s init=file started=12 ", argument, i,
			 i == 1 ? "none" : "first");
		cr_expect(strncmp(text, wanted, strlen(wanted)) == 0, "%s, not %s", text, wanted);
		expect_now(text, began);
		cr_expect(number(text, "random=", 16) != early);
		early = number(text, "random=", 16);
		give_back(&g);
	}
	/* Another function than wizer.resume. */
	struct given g;
	give(&g, file, "x", "V=1", NULL);
	g.o.entry = "_start";
	const char *text = finish(&g, "");
	cr_expect(strncmp(text, "argument=x variable=1 text=none init=file started=2 ", 52) == 0,
		  "%s", text);
	give_back(&g);
}

static void start_reactor(const char *entry, int status)
{
	struct given g;
	give(&g, file, NULL, NULL, NULL);
	g.o.entry = entry;
	finish_with(&g, "", status);
	give_back(&g);
}

/* A reactor's _initialize runs before the function asked for, and in no start again. */
Test(api_program_snapshot, after_the_initialization_of_a_reactor)
{
	struct mote_error e;
	char shown[400];
	cr_assert(take(REACTOR, "call:_initialize", "x", NULL, shown, &e) == 0, "%s%s", e.text,
		  shown);
	start_reactor(NULL, 3);
	start_reactor("", 3);
	start_reactor("_initialize", 0);
	cr_assert(take(REACTOR, "call:prepare", "x", NULL, shown, &e) == 0, "%s%s", e.text, shown);
	start_reactor(NULL, 5);
}

static void expect_refused(int rc, int code, const struct mote_error *e, const char *words)
{
	cr_expect(rc == code && strstr(e->text, words), "%d, \"%s\", not %d, \"%s\"", rc, e->text,
		  code, words);
	cr_expect(access(file, F_OK) < 0, "there is a file");
}

Test(api_program_snapshot, programs_without_a_snapshot_point)
{
	EACH_KIND(kind)
	{
		struct mote_error e;
		int rc = take(kind, "stdin", "moment-exit", "/here", NULL, &e);
		expect_refused(rc, -ENOEXEC, &e,
			       "ended with status 5 before it reached the snapshot point");
		rc = take(kind, "stdin", "moment-abort", "/here", NULL, &e);
		expect_refused(rc, -ENOEXEC, &e, "signal 6 terminated the program before");
		rc = take(kind, "stdin", "moment-file", "/here", NULL, &e);
		expect_refused(rc, -EBUSY, &e, "open (a file");
		rc = take(kind, "open:/here/no", "moment-exit", "/here", NULL, &e);
		expect_refused(rc, -ENOEXEC, &e, "ended with status 5");
		rc = take(kind, "open:/there/no", "moment-exit", "/here", NULL, &e);
		expect_refused(rc, -EINVAL, &e,
			       "'/there/no' is not below any of the program's directories");
		rc = take(kind, "never", "moment-exit", "/here", NULL, &e);
		expect_refused(rc, -EINVAL, &e, "invalid snapshot point 'never'");
	}
	struct mote_error e;
	expect_refused(take(NATIVE, "call:f", "x", NULL, NULL, &e), -EINVAL, &e,
		       "has no exported functions");
	char shown[400];
	expect_refused(take(WIZER, "call:none", "x", NULL, shown, &e), -ENOEXEC, &e, "status 126");
	cr_expect(strstr(shown, "it exports no function none to be called before the snapshot"),
		  "%s", shown);
	expect_refused(take(WIZER, "call:bad", "x", NULL, shown, &e), -ENOEXEC, &e, "status 126");
	expect_refused(take(WIZER, "call:trap", "x", NULL, shown, &e), -ENOEXEC, &e, "signal 6");
	cr_expect(strstr(shown, "wasm trap"), "%s", shown);
	expect_refused(take(WIZER, "call:", "x", NULL, shown, &e), -EINVAL, &e,
		       "invalid snapshot point 'call:'");
}

Test(api_program_snapshot, a_time_limit_ends_it)
{
	char path[500];
	struct given g;
	struct mote_error e = {0};
	snprintf(path, sizeof(path), "%s/%s", TEST_GUESTS, kinds[0]);
	give(&g, path, "moment-loop", NULL, NULL);
	g.o.time_limit_ns = 300000000;
	int rc = mote_program_snapshot_take(&g.o, "stdin", file, &e);
	expect_refused(rc, -ENOEXEC, &e, "within its time limit");
	give_back(&g);
}

Test(api_program_snapshot, a_full_disk)
{
	struct mote_error e;
	struct rlimit small = {.rlim_cur = 100000, .rlim_max = 100000};
	cr_assert(setrlimit(RLIMIT_FSIZE, &small) == 0);
	expect_refused(take(WASM, "stdin", "moment-stdin", "/here", NULL, &e), -EFBIG, &e,
		       "snapshot");
	char command[100];
	snprintf(command, sizeof(command), "test \"$(ls %s)\" = text", directory);
	cr_expect(system(command) == 0, "something was left");
	snprintf(file, sizeof(file), "%s/none/program.snapshot", directory);
	expect_refused(take(WASM, "stdin", "moment-stdin", "/here", NULL, &e), -ENOENT, &e,
		       "program.snapshot");
}

/* The first takes a free name at once, the second the place of what is there. */
Test(api_program_snapshot, a_file_has_its_name_when_it_is_whole)
{
	char command[100];
	snprintf(command, sizeof(command),
		 "test \"$(ls %s)\" = \"$(printf 'program.snapshot\\ntext')\"", directory);
	for (int i = 0; i < 2; i++) {
		struct mote_error e;
		struct stat st;
		cr_assert(take(NATIVE, "stdin", "moment-stdin", "/here", NULL, &e) == 0, "%s",
			  e.text);
		cr_expect(stat(file, &st) == 0 && st.st_nlink == 1 && (st.st_mode & 07777) == 0600,
			  "mode %o, %lu names", st.st_mode, st.st_nlink);
		cr_expect(system(command) == 0, "round %d: something else is there", i);
		check_middle("moment-stdin");
	}
}

/* The same file by several at once: complete, whoever was last. */
Test(api_program_snapshot, several_make_the_same)
{
	struct mote_error e;
	pid_t children[4];
	for (int i = 0; i < 4; i++) {
		children[i] = fork();
		cr_assert(children[i] >= 0);
		if (children[i] == 0)
			_exit(take(WASM, "stdin", "moment-stdin", "/here", NULL, &e) != 0);
	}
	for (int i = 0; i < 4; i++) {
		int status;
		cr_assert(waitpid(children[i], &status, 0) == children[i]);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	check_middle("moment-stdin");
	char command[100];
	/* and the text */
	snprintf(command, sizeof(command), "test $(ls %s | wc -l) -eq 2", directory);
	cr_expect(system(command) == 0, "something was left");
}

static int try_start(struct given *g, struct mote_error *e)
{
	struct mote_sandbox *s = NULL;
	const int stdio[3] = {2, 2, 2};
	g->o.stdio = stdio;
	*e = (struct mote_error){0};
	int rc = mote_program_snapshot_start(NULL, &g->o, &s, e);
	mote_sandbox_free(s);
	return rc;
}

Test(api_program_snapshot, a_start_with_other_options)
{
	struct mote_error e;
	struct given g;
	cr_assert(take(WASM, "stdin", "moment-stdin", "/here", NULL, &e) == 0, "%s", e.text);
	give(&g, file, "argument", NULL, "/here");
	cr_expect(try_start(&g, &e) == -EINVAL && strstr(e.text, "had its arguments when"), "%s",
		  e.text);
	give_back(&g);
	give(&g, file, NULL, "V=1", "/here");
	cr_expect(try_start(&g, &e) == -EINVAL && strstr(e.text, "had its environment when"), "%s",
		  e.text);
	give_back(&g);
	give(&g, file, NULL, NULL, "/there");
	cr_expect(try_start(&g, &e) == -EINVAL && strstr(e.text, "needs a directory at /here"),
		  "%s", e.text);
	give_back(&g);
	give(&g, file, NULL, NULL, NULL);
	cr_expect(try_start(&g, &e) == -EINVAL && strstr(e.text, "needs a directory at /here"),
		  "%s", e.text);
	give_back(&g);
	give(&g, file, NULL, NULL, "/here");
	g.dir.readonly = 1;
	cr_expect(try_start(&g, &e) == -EINVAL && strstr(e.text, "has /here writable"), "%s",
		  e.text);
	g.dir.readonly = 0;
	g.o.memory_bytes = 0; /* as when it was taken */
	g.o.cwd = "/here";
	cr_expect(try_start(&g, &e) == -EINVAL && strstr(e.text, "had its working directory when"),
		  "%s", e.text);
	g.o.cwd = NULL;
	g.o.entry = "f";
	cr_expect(try_start(&g, &e) == -EINVAL && strstr(e.text, "had its entry function when"),
		  "%s", e.text);
	g.o.entry = NULL;
	cr_expect(try_start(&g, &e) == 0, "%s", e.text);
	give_back(&g);
}

/*
 * Cut everywhere in its description, and every byte of that altered: refused, or no worse than
 * another program.
 */
Test(api_program_snapshot, a_damaged_file)
{
	struct mote_error e;
	struct given g;
	cr_assert(take(WASM, "stdin", "moment-stdin", "/here", NULL, &e) == 0, "%s", e.text);
	int fd = open(file, O_RDWR | O_CLOEXEC);
	off_t end = lseek(fd, 0, SEEK_END);
	cr_assert(end > 20000);
	give(&g, file, NULL, NULL, "/here");
	for (off_t at = 0; at < 304; at++) {
		char byte;
		cr_assert(pread(fd, &byte, 1, at) == 1);
		byte = (char)(byte ^ 0x20);
		cr_assert(pwrite(fd, &byte, 1, at) == 1);
		cr_expect(try_start(&g, &e) == -EINVAL &&
				  strstr(e.text, "the snapshot cannot be used"),
			  "byte %ld: %s", at, e.text);
		byte = (char)(byte ^ 0x20);
		cr_assert(pwrite(fd, &byte, 1, at) == 1);
	}
	for (off_t at = 4096; at < 4096 + 3000; at += 7) {
		char byte;
		cr_assert(pread(fd, &byte, 1, at) == 1);
		byte = (char)~byte;
		cr_assert(pwrite(fd, &byte, 1, at) == 1);
		cr_expect(try_start(&g, &e) == -EINVAL &&
				  strstr(e.text, "its description is damaged"),
			  "byte %ld: %s", at, e.text);
		byte = (char)~byte;
		cr_assert(pwrite(fd, &byte, 1, at) == 1);
	}
	cr_expect(try_start(&g, &e) == 0, "%s", e.text);
	static const off_t left[] = {0, 10, 100, 4095, 4096, 5000, 10000};
	for (size_t i = sizeof(left) / sizeof(left[0]); i-- > 0;) {
		cr_assert(ftruncate(fd, left[i]) == 0);
		cr_expect(try_start(&g, &e) == -EINVAL &&
				  strstr(e.text, "the snapshot cannot be used"),
			  "%s", e.text);
	}
	cr_expect(mote_program_snapshot_is(fd) == 0);
	give_back(&g);
	close(fd);
}
