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
	int network, status;
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
		.network = r->network,
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

static void trapped(const char *component, const char *call, const char *why)
{
	static struct run r;
	r = (struct run){.component = component, .entry = call};
	run(&r);
	cr_expect(r.status == 134 && strstr(r.err, why), "%s %s: status %d: %s", component, call,
		  r.status, r.err);
}

/* The callee lies deeper than the caller of another call that is alike but for that. */
Test(wasi_component, a_callee_that_lies_deep)
{
	static struct run r = {.component = "deep", .entry = "shallow()"};
	trapped("deep", "run()", "wasm trap: cannot enter component instance\n");
	run(&r);
	cr_expect(r.status == 0, "status %d: %s", r.status, r.err);
}

Test(wasi_component, parameters_beyond_any_memory)
{
	trapped("large", "run()", "wasm trap: parameters out-of-bounds\n");
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

/* The same functions where there is a network, on loopback; each step traps if it is not right. */
Test(wasi_component, sockets_of_loopback)
{
	static struct run r = {.component = "loopback", .argv = {NULL}, .network = 1};
	run(&r);
	cr_expect(r.status == 0, "status %d: %s%s", r.status, r.out, r.err);
	r.network = 0;
	run(&r);
	cr_expect(r.status == 134 && strstr(r.err, "unreachable"), "status %d: %s", r.status,
		  r.err);
}

/* --- calls by text --- */

#define FIRST                                                                                     \
	"{b: true, s: -128, u: 18446744073709551615, i: -9223372036854775808, f: 0.1, d: -1000, " \
	"c: '\\'', t: \"a\\\"\\n\\u{1}\xc3\xa9\", o: some(3), n: some(none), r: ok(1), "          \
	"v: none-of-them, e: green, fl: {read, %true}, tu: (1, -2), l: [[1, 2], []]}"
#define SECOND                                                                              \
	"{b: false, s: 127, u: 0, i: 1, f: nan, d: -inf, c: '\xc3\xa9', t: \"\", o: none, " \
	"n: none, r: err(\"no\"), v: text(\"x\"), e: red, fl: {}, tu: (255, 0), l: []}"

static const struct {
	const char *call, *printed;
} invoked[] = {
	{"all([])", "[]\n"},
	{"all([" FIRST "])", "[" FIRST "]\n"},
	{" all ( [" FIRST ", // the first\n " SECOND " , ] , )", "[" FIRST ", " SECOND "]\n"},
	/* Options that are none may be left out, as may some and ok. */
	{"all([{tu: (255, 0), b: false, s: 127, u: 0, i: 1, f: nan, d: -inf, c: '\\u{E9}', "
	 "t: \"\", r: err(\"no\"), v: text(\"x\"), e: %red, fl: {}, l: []}])",
	 "[" SECOND "]\n"},
	{"floats([1, 1.5e-3, 25E+1, 0.1, -0, inf, 9007199254740993, 1e400])",
	 "[1, 0.0015, 250, 0.1, -0, inf, 9007199254740992, inf]\n"},
	{"text(\"\xf0\x9f\x98\x80 x\")", "\"\xf0\x9f\x98\x80 x\"\n"},
	{"test:test/one@0.1.0#add(4294967295, 2)", "1\n"},
};

Test(wasi_component, calls_by_text)
{
	for (size_t i = 0; i < sizeof(invoked) / sizeof(invoked[0]); i++) {
		static struct run r;
		r = (struct run){.component = "wave", .entry = invoked[i].call};
		run(&r);
		cr_expect(r.status == 0 && strcmp(r.out, invoked[i].printed) == 0,
			  "%s: status %d: %s%s", invoked[i].call, r.status, r.out, r.err);
	}
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
	refused(&r, "a function of a component is called with its arguments");
	r = (struct run){.bytes = "\0asm\15\0\1\0", .size = 8};
	refused(&r, "does not export the function run of wasi:cli/run@0.2");
	r = (struct run){.bytes = "\0asm\15\0\1\0\7", .size = 9};
	refused(&r, "not a valid WebAssembly component: ");
}

static const struct {
	const char *call, *why;
} refused_calls[] = {
	{"nothing()", "it exports no function nothing"},
	{"add(1, 2)", "or several interfaces do (then: INTERFACE#add)"},
	{"all([1])", "a record stands in braces, at '1])'"},
	{"all([{b: true, b: true}])", "the field is there twice"},
	{"all([{b: true}])", "a field is missing, at '])'"},
	{"all([{x: 1}])", "the record has no field of that name"},
	{"floats([1", "a comma is missing, at the end of the call"},
	{"floats([1..2])", "there is no number"},
	{"floats([1e])", "there is no number"},
	{"floats([1]) x", "there is something behind the call, at 'x'"},
	{"text()", "there are too few values"},
	{"text(\"a\", \"b\")", "there are too many values"},
	{"text(\"a)", "the string does not end, at the end of the call"},
	{"text(\"\xff\xbf\xbf\xbf\")", "the text is not UTF-8"},
	{"text(\"\xbf\xbf\")", "the text is not UTF-8"},
	{"text(\"\xc1\xbf\")", "the text is not UTF-8"},
	{"text(\"\xe0\x82\x80\")", "the text is not UTF-8"},
	{"text(\"\xed\xa0\x80\")", "the text is not UTF-8"},
	{"text(\"\xf0\x8f\xbf\xbf\")", "the text is not UTF-8"},
	{"text(\"\xf4\x90\x80\x80\")", "the text is not UTF-8"},
	{"text(\"\xc3\")", "the text is not UTF-8"},
	{"text(\"\\q\")", "there is no such escape"},
	{"text(\"\\u{d800}\")", "there is no such character"},
	{"test:test/one@0.1.0#add(4294967296, 0)", "the number is outside of its type"},
	{"test:test/one@0.1.0#add(-1, 0)", "the number is outside of its type"},
	{"test:test/one@0.1.0#add(1x, 0)", "there is no number"},
};

Test(wasi_component, calls_that_cannot_be_made_are_refused)
{
	for (size_t i = 0; i < sizeof(refused_calls) / sizeof(refused_calls[0]); i++) {
		static struct run r;
		r = (struct run){.component = "wave", .entry = refused_calls[i].call};
		refused(&r, refused_calls[i].why);
	}
}
