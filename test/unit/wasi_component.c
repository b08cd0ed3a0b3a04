/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Components as programs in VMs: those of test/guest/components, which their text next to them
 * explains. Needs a KVM, of either kind.
 */
#include "program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 4096 };

struct run {
	const char *component;
	const char *bytes; /* instead */
	size_t size;
	char *argv[8];
	const char *in, *entry;
	int status;
	char out[TEXT_MAX], err[TEXT_MAX];
};

static void run(struct run *r)
{
	char path[PATH_MAX];
	const char *in = r->in ? r->in : "";
	int stdio[3] = {program_memory_file(in, strlen(in)), memfd_create("out", 0),
			memfd_create("err", 0)};
	snprintf(path, sizeof(path), TEST_COMPONENTS "/%s.wasm", r->component);
	struct mote_options o = {
		.size = sizeof(o),
		.memory_bytes = 256UL << 20,
		.time_limit_ns = 120000000000,
		.program_fd = r->bytes ? program_memory_file(r->bytes, r->size)
				       : open(path, O_RDONLY | O_CLOEXEC),
		.program_path = "test.wasm",
		.entry = r->entry,
		.argv = r->argv,
		.stdio = stdio,
	};
	r->argv[0] = "test.wasm";
	r->status = program_run(&o);
	close(stdio[0]);
	program_take_output(stdio[1], r->out, sizeof(r->out));
	program_take_output(stdio[2], r->err, sizeof(r->err));
}

Test(wasi_component, arguments_and_streams)
{
	static struct run r = {
		.component = "echo", .argv = {NULL}, .in = "first\nsecond, unfinished"};
	run(&r);
	cr_expect(r.status == 0 && strcmp(r.out, "test.wasm\nfirst\nsecond, unfinished") == 0,
		  "status %d: %s%s", r.status, r.out, r.err);
}

Test(wasi_component, an_error_is_status_1)
{
	static struct run r = {.component = "echo", .argv = {NULL, "a", "", "c"}};
	run(&r);
	cr_expect(r.status == 1 && strcmp(r.out, "test.wasm\na\n\nc\n") == 0, "status %d: %s%s",
		  r.status, r.out, r.err);
}

Test(wasi_component, a_handle_that_is_dropped_twice_is_a_trap)
{
	static struct run r = {.component = "echo", .argv = {NULL, "one"}, .in = "in"};
	run(&r);
	cr_expect(r.status == 134 && strstr(r.err, "wasm trap: unknown handle index 2"),
		  "status %d: %s", r.status, r.err);
	cr_expect(strcmp(r.out, "test.wasm\none\nin") == 0, "%s", r.out);
}

Test(wasi_component, calls_between_components)
{
	static struct run r = {.component = "component_call", .argv = {NULL}};
	unsigned long strings, plain;
	run(&r);
	cr_expect(r.status == 0 && sscanf(r.out, "%lu\n%lu\n", &strings, &plain) == 2,
		  "status %d: %s%s", r.status, r.out, r.err);
}

Test(wasi_component, exceptions_do_not_pass_from_one_to_another)
{
	static struct run r = {.component = "throws", .argv = {NULL}};
	run(&r);
	cr_expect(r.status == 134 && strstr(r.err, "wasm trap: uncaught exception: t\n"),
		  "status %d: %s", r.status, r.err);
	cr_expect(strstr(r.err, " - m!f\n") && strstr(r.err, " - main!run\n") &&
			  !strstr(r.err, "2: "),
		  "no frames but theirs: %s", r.err);
}

Test(wasi_component, sockets_are_denied_when_they_are_asked_for)
{
	static struct run r = {.component = "sockets", .argv = {NULL}};
	run(&r);
	cr_expect(r.status == 0, "status %d: %s%s", r.status, r.out, r.err);
}

static void refused(struct run *r, const char *words)
{
	run(r);
	cr_expect(r->status == 126, "%s: status %d", words, r->status);
	cr_expect(strncmp(r->err, "mote: test.wasm", 15) == 0 && strstr(r->err, words),
		  "not \"%s\" but %s", words, r->err);
	cr_expect(strchr(r->err, '\n') == r->err + strlen(r->err) - 1, "one sentence: %s", r->err);
	cr_expect(!r->out[0], "%s", r->out);
}

Test(wasi_component, what_cannot_be_run_is_refused_by_name)
{
	static struct run r;
	r = (struct run){.component = "missing"};
	refused(&r, "cannot import wasi:http/types@0.2.12, wasi:cli/exit@0.2.0#leave: there are "
		    "wasi:cli,");
	r = (struct run){.component = "other_version"};
	refused(&r, "cannot import wasi:cli/stdout@0.3.0: there are wasi:cli,");
	r = (struct run){.component = "other_type"};
	refused(&r, "cannot import wasi:random/random@0.2.0#get-random-u64: it is a function of "
		    "another type");
	r = (struct run){.component = "echo", .entry = "run"};
	refused(&r, "functions of components cannot be called by name yet");
	r = (struct run){.bytes = "\0asm\15\0\1\0", .size = 8};
	refused(&r, "does not export the function run of wasi:cli/run@0.2");
	r = (struct run){.bytes = "\0asm\15\0\1\0\7", .size = 9};
	refused(&r, "not a valid WebAssembly component: ");
}
