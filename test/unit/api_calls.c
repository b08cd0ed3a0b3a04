/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Function calls between host and guest: values, failures of functions, threads, wrong use. How
 * sandboxes end is in api_calls_end.c, modules without the SDK in api_calls_module.c. Needs a KVM,
 * of either kind.
 */
#include "calls_harness.h"

#include <pthread.h>
#include <sys/wait.h>

/* --- values --- */

Test(api_calls, every_type_goes_to_the_guest_and_back)
{
	static uint8_t bytes[100000];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		cr_expect(CALL(s, "echo_i32", mote_i32(INT32_MIN)).of.i32 == INT32_MIN);
		cr_expect(CALL(s, "echo_u32", mote_u32(UINT32_MAX)).of.u32 == UINT32_MAX);
		cr_expect(CALL(s, "echo_i64", mote_i64(INT64_MIN)).of.i64 == INT64_MIN);
		cr_expect(CALL(s, "echo_u64", mote_u64(UINT64_MAX)).of.u64 == UINT64_MAX);
		cr_expect(CALL(s, "echo_f32", mote_f32(-0.1f)).of.f32 == -0.1f);
		cr_expect(CALL(s, "echo_f64", mote_f64(1e300)).of.f64 == 1e300);
		cr_expect(CALL(s, "echo_bool", mote_boolean(true)).of.boolean);
		cr_expect(!CALL(s, "echo_bool", mote_boolean(false)).of.boolean);
		cr_expect_str_eq(
			CALL(s, "echo_string", mote_string("gr\xc3\xbc\xc3\x9f")).of.string.text,
			"gr\xc3\xbc\xc3\x9f");
		cr_expect(CALL(s, "echo_string", mote_string("")).of.string.len == 0);
		cr_expect(CALL(s, "echo_bytes", mote_bytes(NULL, 0)).of.bytes.len == 0);
		struct mote_value v = CALL(s, "echo_bytes", mote_bytes(bytes, sizeof(bytes)));
		cr_expect(v.of.bytes.len == sizeof(bytes) &&
			  memcmp(v.of.bytes.data, bytes, sizeof(bytes)) == 0);
		cr_expect(must_call(s, "nothing", NULL, 0).type == MOTE_VOID);
		v = CALL(s, "mixed", mote_i32(-1), mote_u32(2), mote_i64(-3), mote_u64(4),
			 mote_f32(0.5f), mote_f64(-0.25), mote_boolean(true), mote_string("text"),
			 mote_bytes("abc", 3));
		cr_expect_str_eq(v.of.string.text, "-1 2 -3 4 0.5 -0.25 1 text 3");
		mote_sandbox_free(s);
	}
}

Test(api_calls, every_type_goes_to_the_host_and_back)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		struct mote_value v =
			CALL(s, "forward_string", mote_string("string"), mote_string("hello"));
		cr_expect_str_eq(v.of.string.text, "hello");
		v = CALL(s, "forward_bytes", mote_string("bytes"), mote_bytes("a\0b", 3));
		cr_expect(v.of.bytes.len == 3 && memcmp(v.of.bytes.data, "a\0b", 3) == 0);
		cr_expect(CALL(s, "forward_u64", mote_string("u64"), mote_u64(1UL << 63)).of.u64 ==
			  1UL << 63);
		cr_expect(CALL(s, "forward_f64", mote_string("f64"), mote_f64(2.5)).of.f64 == 2.5);
		v = must_call(s, "host_mixed", NULL, 0);
		cr_expect_str_eq(v.of.string.text, "-1 2 -3 4 0.5 -0.25 1 seven eight 31");
		mote_sandbox_free(s);
	}
}

Test(api_calls, thirty_two_arguments_and_no_more)
{
	struct mote_value args[33];
	int64_t sum = 0;
	for (int i = 0; i < 33; i++)
		args[i] = mote_i32(i * 1000);
	for (int i = 0; i < 32; i++)
		sum += (int64_t)i * 1000 * (i + 1);
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		cr_expect(must_call(s, "sum32", args, 32).of.i64 == sum);
		expect_error(s, EINVAL, "signature", "sum32", args, 31);
		expect_error(s, E2BIG, "33", "sum32", args, 33);
		cr_expect(must_call(s, "sum32", args, 32).of.i64 == sum);
		mote_sandbox_free(s);
	}
}

Test(api_calls, wrong_calls_are_refused_before_anything_runs)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		struct mote_error e = {0};
		struct mote_value want = {.type = MOTE_STRING};
		FAILS(s, ENOENT, "no function nobody", "nobody", mote_i32(1));
		FAILS(s, EINVAL, "signature", "echo_i32", mote_u32(1));
		FAILS(s, EINVAL, "signature", "echo_i32", mote_i32(1), mote_i32(2));
		expect_error(s, EINVAL, "signature", "echo_i32", NULL, 0);
		cr_expect(mote_sandbox_call(s, "count", NULL, 0, &want, &e) == -EINVAL &&
				  strstr(e.text, "result"),
			  "%s", e.text);
		const struct mote_value holed = {.type = MOTE_STRING, .of.string = {"a\0b", 3}};
		FAILS(s, EINVAL, "NUL", "echo_string", holed);
		cr_expect(mote_sandbox_poisoned(s) == NULL);
		cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1, "it ran before");
		cr_expect(mote_sandbox_call(s, "count", NULL, 0, NULL, NULL) == 0);
		cr_expect(must_call(s, "count", NULL, 0).of.i32 == 3);
		mote_sandbox_free(s);
	}
}

Test(api_calls, failures_of_functions_are_reported_to_the_caller)
{
	enum { FINE, UNKNOWN, SIGNATURE, FAILED, TOO_LARGE };
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		FAILS(s, EREMOTEIO, "no luck", "fail", mote_string("no luck"));
		expect_error(s, EREMOTEIO, "not of the type", "wrong_result", NULL, 0);
		struct mote_value text = mote_string("x");
		cr_expect(CALL(s, "host_rc", mote_string("string"), text).of.i32 == FINE);
		cr_expect(CALL(s, "host_rc", mote_string("unlisted"), text).of.i32 == UNKNOWN);
		cr_expect(CALL(s, "host_rc", mote_string("bytes"), text).of.i32 == SIGNATURE);
		cr_expect(CALL(s, "host_rc", mote_string("fails"), text).of.i32 == FAILED);
		cr_expect(CALL(s, "host_rc", mote_string("liar"), text).of.i32 == FAILED);
		cr_expect(CALL(s, "host_rc", mote_string("huge"), text).of.i32 == TOO_LARGE);
		FAILS(s, EREMOTEIO, "not today, x", "forward_string", mote_string("fails"), text);
		cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1);
		mote_sandbox_free(s);
	}
}

Test(api_calls, messages_have_the_size_that_is_configured)
{
	const size_t message_bytes = 1 << 20;
	char *bytes = calloc(1, message_bytes + 1);
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		/*
		 * The message around them: kind, name and its length and NUL, wanted type, count,
		 * type, length.
		 */
		size_t most = message_bytes - (1 + 4 + strlen("echo_bytes") + 1 + 1 + 1 + 1 + 4);
		struct mote_value v = CALL(s, "echo_bytes", mote_bytes(bytes, most));
		cr_expect(v.of.bytes.len == most);
		FAILS(s, EMSGSIZE, "call_bytes_max", "echo_bytes", mote_bytes(bytes, most + 1));
		FAILS(s, EMSGSIZE, "call_bytes_max", "echo_bytes",
		      mote_bytes(bytes, (size_t)8 << 30));
		cr_expect(CALL(s, "big", mote_u32(message_bytes - 6)).of.bytes.len ==
			  message_bytes - 6);
		FAILS(s, EMSGSIZE, "larger than the host allows", "big",
		      mote_u32(message_bytes - 5));
		cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1);
		mote_sandbox_free(s);
	}
	free(bytes);
}

/* A native guest gets what it asks for if the machine has it, and ends if it uses it all. */
Test(api_calls, memory_that_is_not_there)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		struct mote_value result = {0}, bytes = mote_u32(UINT32_MAX - 4096);
		struct mote_error e = {0};
		int rc = mote_sandbox_call(s, "big", &bytes, 1, &result, &e);
		if (rc == -EREMOTEIO) {
			cr_expect(strstr(e.text, "no memory"), "%s: %s", kinds[k], e.text);
			cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1);
		} else {
			cr_expect(strstr(kinds[k], ".elf") && rc == -EIO &&
					  strstr(e.text, "Killed"),
				  "%s: %d %s", kinds[k], rc, e.text);
			expect_poisoned(s, "Killed");
		}
		mote_sandbox_free(s);
	}
}

Test(api_calls, host_functions_may_call_back_where_the_guest_allows_it)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		again = "countdown";
		cr_expect(CALL(s, "countdown", mote_i32(10), mote_string("top")).of.i32 == 55);
		FAILS(s, EREMOTEIO, "16 deep", "countdown", mote_i32(16), mote_string("top"));
		again = "closed";
		FAILS(s, EREMOTEIO, "may not be called", "countdown", mote_i32(2),
		      mote_string("top"));
		cr_expect(CALL(s, "closed", mote_i32(0), mote_string("top")).of.i32 == 0);
		cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1);
		mote_sandbox_free(s);
	}
}

/* --- processes, threads, several sandboxes --- */

/*
 * A process that has locked itself down can still make calls, with limits and all. Sanitizers make
 * calls of their own.
 */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
Test(api_calls, calls_work_in_the_jail)
{
	EACH_KIND(k)
	{
		struct mote_options o = options(kinds[k], no_args);
		struct mote_sandbox *s = NULL;
		struct mote_error e = {0};
		o.call_cpu_limit_ns = 60000000000;
		pid_t child = fork();
		cr_assert(child >= 0);
		if (child == 0) {
			const struct mote_value n[2] = {mote_i32(4), mote_string("top")},
						big = mote_u32(1000000);
			struct mote_value result = {0}, bytes = {0};
			bool ok = mote_sandbox_new(&o, &s, &e) == 0 && mote_jail(&e) == 0 &&
				  mote_sandbox_init(s, &e) == 0 &&
				  mote_sandbox_call(s, "countdown", n, 2, &result, &e) == 0 &&
				  result.of.i32 == 10 &&
				  mote_sandbox_call(s, "big", &big, 1, &bytes, &e) == 0;
			_exit(ok ? 0 : 1);
		}
		int status = 0;
		cr_expect(waitpid(child, &status, 0) == child && WIFEXITED(status) &&
				  WEXITSTATUS(status) == 0,
			  "%x", status);
		close(o.program_fd);
	}
}
#endif

static void *call_elsewhere(void *s)
{
	must_call(s, "count", NULL, 0);
	return NULL;
}

Test(api_calls, calls_may_come_from_several_threads_in_turn)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		for (int i = 0; i < 5; i++) {
			pthread_t thread;
			cr_assert(pthread_create(&thread, NULL, call_elsewhere, s) == 0);
			pthread_join(thread, NULL);
		}
		cr_expect(must_call(s, "count", NULL, 0).of.i32 == 6);
		mote_sandbox_free(s);
	}
}

/* One sandbox calls the host, which passes the call on to another sandbox of the same thread. */
static int host_pass_on(void *arg, struct mote_sandbox *s, const struct mote_value *args,
			size_t count, struct mote_value *result, struct mote_error *error)
{
	(void)s;
	return mote_sandbox_call(arg, "echo_string", args, count, result, error);
}

static void *use_two(void *kind)
{
	struct mote_options o = options(kinds[*(size_t *)kind], no_args);
	struct mote_sandbox *inner = start(&o), *outer;
	const struct mote_function pass_on = {
		.name = "pass_on",
		.signature = "s:s",
		.call = host_pass_on,
		.arg = inner,
	};
	o = options(kinds[*(size_t *)kind], no_args);
	o.functions = &pass_on;
	o.function_count = 1;
	outer = start(&o);
	for (int i = 0; i < 50; i++) {
		char text[32];
		snprintf(text, sizeof(text), "%d of %p", i, (void *)inner);
		struct mote_value v =
			CALL(outer, "forward_string", mote_string("pass_on"), mote_string(text));
		cr_expect_str_eq(v.of.string.text, text);
	}
	mote_sandbox_free(outer);
	mote_sandbox_free(inner);
	return NULL;
}

Test(api_calls, sandboxes_are_independent)
{
	pthread_t threads[4];
	size_t kind[4] = {0, 1, 0, 1};
	for (int i = 0; i < 4; i++)
		cr_assert(pthread_create(&threads[i], NULL, use_two, &kind[i]) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

Test(api_calls, the_guest_tells_what_it_exports)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		const char *name, *signature, *last = "";
		size_t n = 0;
		bool seen = false;
		for (; mote_sandbox_export(s, n, &name, &signature) == 0; n++) {
			cr_expect(strcmp(last, name) < 0);
			last = name;
			seen |= strcmp(name, "mixed") == 0 && strcmp(signature, "iuIUfFbsy:s") == 0;
		}
		cr_expect(seen && n == 29, "%zu", n);
		mote_sandbox_free(s);
	}
}

/* --- wrong use --- */

static void expect_refused(const struct mote_function *list, size_t count, int code)
{
	struct mote_options o = options(kinds[0], no_args);
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	o.functions = list;
	o.function_count = count;
	cr_expect(mote_sandbox_new(&o, &s, &e) == -code && e.blame == MOTE_BLAME_CONFIG && !s, "%s",
		  e.text);
	close(o.program_fd);
}

Test(api_calls, wrong_options_are_refused)
{
	const struct mote_function good = functions[0],
				   unnamed = {.name = "", .signature = ":", .call = host_echo},
				   unsigned_ = {.name = "f", .signature = "q:", .call = host_echo},
				   endless = {.name = "f",
					      .signature = "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii:",
					      .call = host_echo},
				   idle = {.name = "f", .signature = ":"};
	expect_refused((const struct mote_function[]){good, good}, 2, EEXIST);
	expect_refused(&unnamed, 1, EINVAL);
	expect_refused(&unsigned_, 1, EINVAL);
	expect_refused(&endless, 1, EINVAL);
	expect_refused(&idle, 1, EINVAL);
	expect_refused(&good, 5000, E2BIG);
}

Test(api_calls, a_sandbox_is_run_or_called)
{
	struct mote_options o = options("hello.elf", no_args);
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	struct mote_result r;
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0);
	FAILS(s, EINVAL, "not initialised", "f", mote_i32(1));
	cr_expect(mote_sandbox_init(s, &e) == -EIO && strstr(e.text, "exited with status 0") &&
			  strstr(e.text, "ready"),
		  "%s", e.text);
	cr_expect(mote_sandbox_poisoned(s) && mote_sandbox_run(s, &r, &e) == -EINVAL);
	mote_sandbox_free(s);
	close(o.program_fd);
	EACH_KIND(k)
	{
		o = options(kinds[k], no_args);
		cr_assert(mote_sandbox_new(&o, &s, &e) == 0);
		cr_expect(mote_sandbox_run(s, &r, &e) == 0 && r.end == MOTE_EXITED && r.code == 1,
			  "%d", r.code);
		cr_expect(mote_sandbox_init(s, &e) == -EINVAL);
		mote_sandbox_free(s);
		close(o.program_fd);
	}
}
