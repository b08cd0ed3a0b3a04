/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules that know nothing of Mote, called by WebAssembly's own types:
 * test/guest/calls_module.wat, calls_plain.c; and a reactor with the SDK. Needs a KVM, of either
 * kind.
 */
#include "calls_harness.h"

#include <pthread.h>
#include <sys/mman.h>

static int host_floats(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
		       struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)error;
	float sum = 0;
	for (size_t i = 0; i < 10; i++)
		sum += (float)(i + 1) * (i % 2 ? a[i].of.f32 : (float)a[i].of.f64);
	*result = mote_f32(count == 11 && a[10].of.u64 == 11 ? sum : -1);
	return 0;
}

static struct mote_sandbox *module_ready(void)
{
	static struct mote_function list[sizeof(functions) / sizeof(functions[0]) + 1];
	struct mote_options o = options("calls_module.wasm", no_args);
	memcpy(list, functions, sizeof(functions));
	list[o.function_count++] = (struct mote_function){
		.name = "floats",
		.signature = "FfFfFfFfFfU:f",
		.call = host_floats,
	};
	o.functions = list;
	return start(&o);
}

static struct mote_value call_for(struct mote_sandbox *s, enum mote_type want, const char *name,
				  const struct mote_value *args, size_t count)
{
	struct mote_value result = {.type = want};
	struct mote_error e = {0};
	cr_assert(mote_sandbox_call(s, name, args, count, &result, &e) == 0, "%s: %s", name,
		  e.text);
	cr_expect(result.type == want);
	return result;
}

Test(api_calls_module, a_plain_module_is_called_with_its_own_types)
{
	struct mote_sandbox *s = module_ready();
	const char *name, *signature;
	cr_expect(must_call(s, "ready", NULL, 0).of.i32 == 7, "_initialize has run");
	cr_expect(
		CALL(s, "add", mote_i32(-1), mote_u64(2), mote_f32(0.5f), mote_f64(0.25)).of.f64 ==
		1.75);
	cr_expect(CALL(s, "half", mote_f32(3)).of.f32 == 1.5f);
	cr_expect(must_call(s, "nothing", NULL, 0).type == MOTE_VOID);
	const struct mote_value yes = mote_boolean(true), text = mote_string("some text"),
				bytes = mote_bytes("a\0b", 3);
	cr_expect(!call_for(s, MOTE_BOOL, "not", &yes, 1).of.boolean);
	cr_expect_str_eq(call_for(s, MOTE_STRING, "same", &text, 1).of.string.text, "some text");
	struct mote_value v = call_for(s, MOTE_BYTES, "same", &bytes, 1);
	cr_expect(v.of.bytes.len == 3 && memcmp(v.of.bytes.data, "a\0b", 3) == 0);
	cr_expect(must_call(s, "posted", NULL, 0).of.i32 == 16,
		  "cabi_post_same was called twice, with 8");
	cr_expect(call_for(s, MOTE_U32, "same", &text, 1).of.u32 == 8);
	v = (struct mote_value){.type = MOTE_STRING};
	cr_expect(mote_sandbox_call(s, "same", &bytes, 1, &v, NULL) == -EREMOTEIO, "a NUL inside");
	v = (struct mote_value){.type = MOTE_BYTES};
	cr_expect(mote_sandbox_call(s, "outside", NULL, 0, &v, NULL) == -EREMOTEIO);
	v = (struct mote_value){.type = MOTE_BYTES};
	cr_expect(mote_sandbox_call(s, "astray", NULL, 0, &v, NULL) == -EREMOTEIO);
	FAILS(s, EINVAL, "signature", "half", mote_f64(3));
	FAILS(s, EINVAL, "signature", "half", mote_string("x"));
	expect_error(s, EINVAL, "result of type v128", "vector", NULL, 0);
	expect_error(s, EINVAL, "of a reference type", "reference", NULL, 0);
	expect_error(s, ENOENT, "mote_alloc", "mote_alloc", NULL, 0);
	static const char large[200000];
	FAILS(s, EREMOTEIO, "no memory", "same", mote_bytes(large, sizeof(large)));
	cr_expect(mote_sandbox_export(s, 0, &name, &signature) == 0 && strcmp(name, "add") == 0 &&
		  strcmp(signature, "iIfF:F") == 0);
	mote_sandbox_free(s);
}

Test(api_calls_module, several_results)
{
	struct mote_sandbox *s = module_ready();
	struct mote_value results[MOTE_RESULTS_MAX], string = {.type = MOTE_STRING};
	const char *name, *signature;
	size_t count;
	cr_assert(mote_sandbox_call_all(s, "two", NULL, 0, results, &count, NULL) == 0);
	cr_expect(count == 2 && results[0].of.i32 == 1 && results[1].of.i32 == 2);
	cr_expect(must_call(s, "two", NULL, 0).of.i32 == 1, "the first");
	cr_expect(mote_sandbox_call(s, "two", NULL, 0, &string, NULL) < 0);
	cr_assert(mote_sandbox_call_all(s, "nothing", NULL, 0, results, &count, NULL) == 0);
	cr_expect(count == 0);
	for (size_t i = 0; mote_sandbox_export(s, i, &name, &signature) == 0; i++)
		cr_expect(strspn(signature, "iIfF:") == strlen(signature), "%s %s", name,
			  signature);
	mote_sandbox_free(s);
}

Test(api_calls_module, a_plain_module_imports_host_functions)
{
	struct mote_sandbox *s = module_ready();
	const struct mote_value text = mote_string("to the host and back"),
				twice[] = {mote_u64(40), mote_f64(0.5)};
	cr_expect_str_eq(call_for(s, MOTE_STRING, "to_host", &text, 1).of.string.text,
			 "to the host and back");
	cr_expect(must_call(s, "numbers", twice, 2).of.f64 == 40.5);
	cr_expect_str_eq(call_for(s, MOTE_STRING, "mixed", NULL, 0).of.string.text,
			 "-1 2 -3 4 0.5 -0.25 1 seven eight 31");
	cr_expect(must_call(s, "floats", NULL, 0).of.f32 == 385);
	again = "countdown";
	cr_expect(CALL(s, "countdown", mote_i32(10), mote_string("top")).of.i32 == 55);
	expect_error(s, EIO, "host function fails: not today, seven", "fail", NULL, 0);
	expect_poisoned(s, "not today");
	mote_sandbox_free(s);
}

Test(api_calls_module, memory_of_a_plain_module_comes_from_cabi_realloc)
{
	struct mote_options o = options("calls_plain.wasm", no_args);
	struct mote_sandbox *s = start(&o);
	const size_t half = 400000;
	char *large = malloc(half + 1);
	memset(large, 'l', half);
	large[half] = '\0';
	const struct mote_value empty[2] = {mote_string(""), mote_bytes("", 0)},
				both[2] = {mote_string(large), mote_bytes(large, half)},
				text = mote_string("twice");
	cr_expect(call_for(s, MOTE_STRING, "join", empty, 2).of.string.len == 0);
	/*
	 * More than the module's memory has at first, and again and again: it owns and frees what
	 * it gets.
	 */
	for (int i = 0; i < 200; i++) {
		struct mote_value v = call_for(s, MOTE_STRING, "join", both, 2);
		cr_assert(v.of.string.len == 2 * half && v.of.string.text[0] == 'l' &&
			  v.of.string.text[2 * half - 1] == 'l');
	}
	cr_expect_str_eq(call_for(s, MOTE_STRING, "host_twice", &text, 1).of.string.text, "twice");
	cr_expect(must_call(s, "balance", NULL, 0).of.i64 == (405L << 32 | 201));
	cr_expect(must_call(s, "hello", NULL, 0).type == MOTE_VOID);
	mote_sandbox_free(s);
	free(large);
}

Test(api_calls_module, traps_of_a_plain_module_poison_the_sandbox)
{
	struct mote_sandbox *s = module_ready();
	expect_error(s, EIO, "unreachable", "trap", NULL, 0);
	expect_poisoned(s, "wasm trap: unreachable");
	mote_sandbox_free(s);
	s = module_ready();
	pthread_t thread;
	cr_assert(pthread_create(&thread, NULL, interrupt_soon, s) == 0);
	expect_error(s, ECANCELED, "interrupted", "loop", NULL, 0);
	pthread_join(thread, NULL);
	mote_sandbox_free(s);
}

Test(api_calls_module, imports_that_the_host_lacks_are_named)
{
	struct mote_options o = options("calls_module.wasm", no_args);
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	int err = memfd_create("err", MFD_CLOEXEC), stdio[3] = {-1, -1, err};
	o.stdio = stdio;
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	cr_expect(mote_sandbox_init(s, &e) == -EIO && strstr(e.text, "status 126"), "%s", e.text);
	char text[300] = "";
	cr_expect(pread(err, text, 299, 0) > 0 &&
			  strstr(text, "mote.floats: the host has no function of that name"),
		  "%s", text);
	mote_sandbox_free(s);
	close(o.program_fd);
	close(err);
}

Test(api_calls_module, a_reactor_with_the_sdk_serves_by_itself)
{
	struct mote_options o = options("calls_reactor.wasm", no_args);
	struct mote_sandbox *s = start(&o);
	cr_expect_str_eq(CALL(s, "echo_string", mote_string("text")).of.string.text, "text");
	mote_sandbox_free(s);
}
