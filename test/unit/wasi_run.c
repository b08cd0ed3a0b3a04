/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WASI programs in VMs: test/guest/wasi_*.c, which check themselves and say by their exit status
 * how it went; here are their inputs and what they must print. Needs a KVM, of either kind.
 */
#include "program.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 65536

/* One run: inputs, set by the test, and what came out. */
struct run {
	const char *program; /* NAME of test/guest/NAME.c */
	const char *module;  /* a module's bytes instead */
	size_t module_bytes;
	char *argv[8];
	char *const *envp;
	const char *entry;
	int in; /* stdin, 0: empty */
	int readonly;
	const char *guest_path; /* of the directory, default /data */
	uint64_t memory_bytes;

	int status;
	char out[TEXT_MAX], err[TEXT_MAX];
};

static char tree[PATH_MAX]; /* temporary: data/ with in.txt and links, and secret next to it */

static void put_file(const char *name, const char *text)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s", tree, name);
	FILE *f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0, "%s", path);
}

static void put_link(const char *target, const char *name)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s", tree, name);
	cr_assert(symlink(target, path) == 0, "%s", path);
}

static void make_tree(void)
{
	char path[PATH_MAX + 64];
	strcpy(tree, "/tmp/mote-wasi-XXXXXX");
	cr_assert(mkdtemp(tree));
	snprintf(path, sizeof(path), "%s/data", tree);
	cr_assert(mkdir(path, 0777) == 0);
	snprintf(path, sizeof(path), "%s/data/sub", tree);
	cr_assert(mkdir(path, 0777) == 0);
	put_file("data/in.txt", "hello\n");
	put_file("secret", "secret\n");
	put_link("..", "data/out");
	put_link("/etc", "data/abs");
	put_link("/in.txt", "data/rooted");
}

/* What the program may not have touched, then all goes. */
static void remove_tree(void)
{
	char command[PATH_MAX + 64], text[16] = "";
	snprintf(command, sizeof(command), "%s/secret", tree);
	FILE *f = fopen(command, "r");
	cr_expect(f && fgets(text, sizeof(text), f) && strcmp(text, "secret\n") == 0,
		  "the file outside was changed");
	if (f)
		fclose(f);
	snprintf(command, sizeof(command), "rm -rf '%s'", tree);
	cr_expect(system(command) == 0);
}

TestSuite(wasi_run, .init = make_tree, .fini = remove_tree);

static int open_program(const struct run *r)
{
	char path[PATH_MAX], exe[PATH_MAX];
	if (r->module)
		return program_memory_file(r->module, r->module_bytes);
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	cr_assert(n > 0);
	exe[n] = '\0';
	snprintf(path, sizeof(path), "%.3000s/../guests/%s.wasm", dirname(exe), r->program);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

static void run(struct run *r)
{
	char data[PATH_MAX + 8];
	snprintf(data, sizeof(data), "%s/data", tree);
	struct mote_dir dir = {
		.guest_path = r->guest_path ? r->guest_path : "/data",
		.fd = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.readonly = r->readonly,
	};
	int stdio[3] = {r->in ? r->in : open("/dev/null", O_RDONLY), memfd_create("out", 0),
			memfd_create("err", 0)};
	struct mote_options o = {
		.size = sizeof(o),
		.memory_bytes = r->memory_bytes ? r->memory_bytes : 256UL << 20,
		.time_limit_ns = 120000000000,
		.program_fd = open_program(r),
		.program_path = "test.wasm",
		.entry = r->entry,
		.argv = r->argv,
		.envp = r->envp,
		.stdio = stdio,
		.dirs = &dir,
		.dir_count = 1,
	};
	r->argv[0] = "test.wasm";
	r->status = program_run(&o);
	close(stdio[0]);
	program_take_output(stdio[1], r->out, sizeof(r->out));
	program_take_output(stdio[2], r->err, sizeof(r->err));
}

/* Runs a case that checks itself. */
static struct run *check_case(char *program, char *name)
{
	static struct run r;
	r = (struct run){.program = program, .argv = {NULL, name}};
	run(&r);
	cr_expect(r.status == 0, "%s %s: status %d: %s", program, name, r.status, r.err);
	return &r;
}

/* --- ordinary programs --- */

Test(wasi_run, arguments_and_environment)
{
	static char *const env[] = {"A=1", "B=two words", NULL};
	static struct run r = {
		.program = "wasi_io",
		.argv = {NULL, "args", "", "x y", "\xc3\xa4"},
		.envp = env,
	};
	run(&r);
	cr_expect(r.status == 0 &&
			  strcmp(r.out, "0=\n1=x y\n2=\xc3\xa4\nA=1 B=two words C=(none)\n") == 0,
		  "%s%s", r.out, r.err);
}

Test(wasi_run, stdin_to_its_end)
{
	static struct run r = {.program = "wasi_io", .argv = {NULL, "echo"}};
	int p[2];
	cr_assert(pipe(p) == 0);
	for (int i = 0; i < 2000; i++)
		cr_assert(dprintf(p[1], "line %d\n", i) > 0);
	close(p[1]);
	r.in = p[0];
	run(&r);
	cr_expect(r.status == 0 && strncmp(r.out, "line 0\nline 1\n", 14) == 0 &&
			  strstr(r.out, "line 1999\n"),
		  "%s", r.err);
	cr_expect(strcmp(r.err, "18890 bytes\n") == 0, "%s", r.err);
}

static void expect_numbers(const struct run *r)
{
	const char *at = r->out;
	for (int i = 0; i < 3000; i++) {
		char want[16];
		int n = snprintf(want, sizeof(want), "%d\n", i);
		cr_assert(strncmp(at, want, (size_t)n) == 0, "at number %d", i);
		at += n;
	}
	cr_expect(*at == '\0' && strncmp(r->err, "0\n100\n200\n", 10) == 0);
}

Test(wasi_run, small_writes_in_order)
{
	expect_numbers(check_case("wasi_io", "output"));
}

Test(wasi_run, output_before_a_trap_is_not_lost)
{
	static struct run r = {.program = "wasi_io", .argv = {NULL, "output-then-trap"}};
	run(&r);
	cr_expect(r.status == 134);
	expect_numbers(&r);
}

Test(wasi_run, exit_status)
{
	static const char *const status[] = {"0", "1", "42", "127", "255", "300"};
	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		static struct run r;
		r = (struct run){.program = "wasi_io", .argv = {NULL, "exit", (char *)status[i]}};
		run(&r);
		cr_expect(r.status == (atoi(status[i]) & 0xff) &&
				  strcmp(r.out, "unflushed but by exit") == 0,
			  "%s: %d", status[i], r.status);
	}
}

#define CHECKED(program, test, name)       \
	Test(wasi_run, test)               \
	{                                  \
		check_case(program, name); \
	}
CHECKED("wasi_io", files, "files")
CHECKED("wasi_io", directories, "directories")
CHECKED("wasi_io", links, "links")
CHECKED("wasi_io", times, "times")
CHECKED("wasi_io", preopens, "preopens")
CHECKED("wasi_io", nothing, "nothing")
CHECKED("wasi_io", clocks, "clocks")
CHECKED("wasi_io", random_bytes, "random")
CHECKED("wasi_io", rights, "rights")
CHECKED("wasi_hostile", paths_that_escape, "escapes")
CHECKED("wasi_hostile", paths_that_are_wrong, "paths")
CHECKED("wasi_hostile", descriptors_that_are_not_open, "descriptors")
CHECKED("wasi_hostile", addresses_outside_linear_memory, "pointers")

Test(wasi_run, polling)
{
	static struct run r = {.program = "wasi_io", .argv = {NULL, "waits"}};
	int p[2];
	cr_assert(pipe(p) == 0 && write(p[1], "12345", 5) == 5);
	r.in = p[0];
	run(&r);
	close(p[1]);
	cr_expect(r.status == 0, "%s", r.err);
}

Test(wasi_run, symlinks_below_the_root)
{
	static struct run r = {.program = "wasi_io", .argv = {NULL, "rooted"}, .guest_path = "/"};
	run(&r);
	cr_expect(r.status == 0, "%s", r.err);
}

Test(wasi_run, readonly_directory)
{
	static struct run r = {.program = "wasi_io", .argv = {NULL, "readonly"}, .readonly = 1};
	run(&r);
	cr_expect(r.status == 0, "%s", r.err);
}

Test(wasi_run, open_files_up_to_the_limit)
{
	struct rlimit limit;
	cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
	cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	cr_expect(strcmp(check_case("wasi_io", "many-files")->out, "limit\n") == 0);
	/* As many as there may be: 100,000 if the hard limit allows them. */
	limit.rlim_cur = limit.rlim_max;
	cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	const char *want = limit.rlim_max > 100100 ? "all\n" : "limit\n";
	cr_expect(strcmp(check_case("wasi_io", "many-files")->out, want) == 0);
}

Test(wasi_run, signal_to_itself)
{
	static struct run r = {.program = "wasi_io", .argv = {NULL, "raise"}};
	run(&r);
	cr_expect(r.status == 128 + 15, "%d %s", r.status, r.err);
}

Test(wasi_run, tail_calls_keep_the_stack)
{
	static struct run r = {.program = "tail_calls", .argv = {NULL}};
	run(&r);
	cr_expect(r.status == 0, "%d %s", r.status, r.err);
}

Test(wasi_run, memory_grows_to_the_limit)
{
	static struct run r = {
		.program = "wasi_io",
		.argv = {NULL, "grow"},
		.memory_bytes = 64UL << 20,
	};
	run(&r);
	int mib = atoi(r.out);
	cr_expect(r.status == 0 && mib >= 32 && mib < 64, "%d: %s%s", r.status, r.out, r.err);
}

Test(wasi_run, reactor)
{
	static struct run r = {.program = "wasi_reactor", .entry = "report"};
	run(&r);
	cr_expect(r.status == 0 && strcmp(r.out, "constructed 42\n") == 0, "%s%s", r.out, r.err);
	static struct run leave = {.program = "wasi_reactor", .entry = "leave"};
	run(&leave);
	cr_expect(leave.status == 7);
	static struct run initialize = {.program = "wasi_reactor"};
	run(&initialize);
	cr_expect(initialize.status == 0 && initialize.out[0] == '\0', "%s", initialize.err);
}

Test(wasi_run, divisions_by_constants)
{
	static struct run r = {.program = "wasi_divide"};
	run(&r);
	cr_expect(r.status == 0 && strcmp(r.out, "0 wrong\n") == 0, "%s%s", r.out, r.err);
}

Test(wasi_run, loops_with_register_locals_of_their_own)
{
	static struct run r = {.program = "wasi_loops"};
	run(&r);
	cr_expect(r.status == 0 && strcmp(r.out, "0 wrong\n") == 0, "%s%s", r.out, r.err);
}

/* --- traps --- */

static void expect_trap(char *name, const char *text)
{
	static struct run r;
	r = (struct run){.program = "wasi_trap", .argv = {NULL, name}};
	run(&r);
	char want[128];
	snprintf(want, sizeof(want), "mote: test.wasm: wasm trap: %s\n", text);
	cr_expect(r.status == 134, "%s: status %d: %s", name, r.status, r.err);
	cr_expect(strcmp(r.out, "before\n") == 0, "%s: %s", name, r.out);
	cr_expect(strncmp(r.err, want, strlen(want)) == 0, "%s: %s", name, r.err);
	cr_expect(strstr(r.err, "     0: 0x"), "%s: no backtrace: %s", name, r.err);
}

/* A module whose _start, at 0x37, calls a function that does what `body` says from 0x29 on. */
static void expect_places(const char *body, const char *inner)
{
	static char module[] = "\0asm\1\0\0\0"
			       "\1\4\1\x60\0\0"
			       "\3\3\2\0\0"
			       "\5\3\1\0\1"
			       "\7\x0a\1\6_start\0\1"
			       "\x0a\x14\2\x0a\0BODY....\x0b\7\0\x41\1\x1a\x10\0\x0b";
	memcpy(module + 0x29, body, 8);
	static struct run r;
	r = (struct run){.module = module, .module_bytes = sizeof(module) - 1};
	run(&r);
	cr_expect(r.status == 134, "status %d: %s", r.status, r.err);
	cr_expect(strstr(r.err, inner), "no %s: %s", inner, r.err);
	cr_expect(strstr(r.err, "     1: 0x37 - ") || strstr(r.err, "   ...\n"),
		  "no call at 0x37: %s", r.err);
}

/*
 * Frames name the instruction itself: the one that faulted, the one whose trap code is elsewhere,
 * the call.
 */
Test(wasi_run, backtraces_are_exact)
{
	expect_places("\x41\x7f\x28\2\0\x1a\1\1",
		      "     0: 0x2b - "); /* i32.load beyond the memory */
	/* the same, taken by i32.eqz in one instruction of the machine */
	expect_places("\x41\x7f\x28\2\0\x45\x1a\1", "     0: 0x2b - ");
	expect_places("\x41\1\x41\0\x6d\x1a\1\1", "     0: 0x2d - "); /* i32.div_s by 0 */
	expect_places("\1\1\1\0\1\1\1\1", "     0: 0x2c - ");         /* unreachable */
	expect_places("\1\1\1\x10\0\1\1\1", "     1: 0x2c - "); /* itself: until the stack ends */
}

/* With file, line and column where the module has DWARF, whose versions differ in how. */
Test(wasi_run, backtraces_have_source_lines)
{
	static const char *const programs[] = {"wasi_lines", "wasi_lines_dwarf4"};
	static const char *const places[] = {"test/guest/wasi_lines.c:7:11\n",
					     "test/guest/wasi_lines.c:12:9\n",
					     "test/guest/wasi_lines.c:17:9\n"};
	for (size_t i = 0; i < 2; i++) {
		static struct run r;
		r = (struct run){.program = programs[i]};
		run(&r);
		const char *at = r.err;
		for (size_t k = 0; k < 3 && at; k++) {
			at = strstr(at, places[k]);
			cr_expect(at, "%s: no %s: %s", programs[i], places[k], r.err);
		}
		cr_expect(r.status == 134, "%s: status %d", programs[i], r.status);
	}
}

Test(wasi_run, traps_are_named)
{
	expect_trap("read", "out of bounds memory access");
	expect_trap("write", "out of bounds memory access");
	expect_trap("unreachable", "unreachable");
	expect_trap("divide", "integer divide by zero");
	expect_trap("overflow", "integer overflow");
	expect_trap("convert", "integer overflow");
	expect_trap("recurse", "call stack exhausted");
	expect_trap("call-wrong-type", "indirect call type mismatch");
	expect_trap("call-null", "uninitialized element");
	expect_trap("call-outside", "undefined element");
}

/* --- modules that cannot be run --- */

static void refused(const char *module, size_t bytes, const char *entry, const char *words)
{
	static struct run r;
	r = (struct run){.module = module, .module_bytes = bytes, .entry = entry};
	run(&r);
	cr_expect(r.status == 126, "%s: status %d", words, r.status);
	cr_expect(strncmp(r.err, "mote: test.wasm", 15) == 0 && strstr(r.err, words),
		  "not \"%s\" but %s", words, r.err);
	cr_expect(strchr(r.err, '\n') == r.err + strlen(r.err) - 1, "one sentence: %s", r.err);
}
#define REFUSED(module, words) refused(module, sizeof(module) - 1, NULL, words)

Test(wasi_run, modules_that_cannot_be_run_are_refused)
{
	REFUSED("\0asm", "not a valid WebAssembly module");
	REFUSED("\0asm\1\0\0\0\1", "not a valid WebAssembly module");
	REFUSED("\0asm\1\0\0\0",
		"has no start function and exports neither _start nor _initialize");
	/* (import "env" "f" (func)) */
	REFUSED("\0asm\1\0\0\0\1\4\1\x60\0\0\2\x09\1\3"
		"env\1"
		"f\0\0",
		"cannot import env.f");
	/* (import "wasi_snapshot_preview1" "fd_foo" (func)) */
	REFUSED("\0asm\1\0\0\0\1\4\1\x60\0\0\2\x21\1\x16"
		"wasi_snapshot_preview1\6"
		"fd_foo\0\0",
		"cannot import wasi_snapshot_preview1.fd_foo: WASI preview 1 has no such function");
	/* the same with a function that is there, but of another type */
	REFUSED("\0asm\1\0\0\0\1\4\1\x60\0\0\2\x22\1\x16"
		"wasi_snapshot_preview1\7"
		"fd_sync\0\0",
		"cannot import wasi_snapshot_preview1.fd_sync: it is a function of another type");
	/* (import "wasi_unstable" "fd_synk" (func (param i32) (result i32))) */
	REFUSED("\0asm\1\0\0\0\1\6\1\x60\1\x7f\1\x7f\2\x19\1\x0d"
		"wasi_unstable\7"
		"fd_synk\0\0",
		"WASI from before preview 1 has no such function");
	/* (import "wasi_unstable" "sock_accept" (func)): newer than that */
	REFUSED("\0asm\1\0\0\0\1\4\1\x60\0\0\2\x1d\1\x0d"
		"wasi_unstable\x0b"
		"sock_accept\0\0",
		"WASI from before preview 1 has no such function");
	refused("\0asm\1\0\0\0", 8, "go", "exports no function go");
}

Test(wasi_run, entry_with_parameters_is_refused)
{
	static struct run r = {.program = "wasi_reactor", .entry = "add"};
	run(&r);
	cr_expect(r.status == 126 &&
			  strstr(r.err, "its export add is not a function without parameters"),
		  "%d %s", r.status, r.err);
}

/* (memory 2000): 125 MiB. */
Test(wasi_run, memory_beyond_the_limit_is_refused)
{
	static const char module[] = "\0asm\1\0\0\0\5\4\1\0\xd0\x0f";
	static struct run r = {
		.module = module,
		.module_bytes = sizeof(module) - 1,
		.memory_bytes = 32UL << 20,
	};
	run(&r);
	cr_expect(r.status == 126 && strstr(r.err, "the memory limit of 32768 KiB is too small"),
		  "%d %s", r.status, r.err);
}
