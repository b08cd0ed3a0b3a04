/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Function calls between host and guest: test/guest/calls_guest.c, native and as a WebAssembly module, and
 * calls_hostile.c, which keeps to nothing. Needs a KVM, of either kind.
 */
#include <mote/call.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const kinds[] = {"calls_guest.elf", "calls_guest.wasm"};
#define EACH_KIND(kind) for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)

/* --- host functions --- */

static int host_echo(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
		     struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)count, (void)error;
	*result = args[0];
	return 0;
}

static int host_mixed32(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
			struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)error;
	char *text = mote_call_memory(s, 200);
	cr_assert(text && count == 32);
	snprintf(text, 200, "%d %u %ld %lu %g %g %d %s %.*s %d", a[0].of.i32, a[1].of.u32, a[2].of.i64, a[3].of.u64,
		 a[4].of.f32, a[5].of.f64, a[6].of.boolean, a[7].of.string.text, (int)a[8].of.bytes.len,
		 (const char *)a[8].of.bytes.data, a[31].of.i32);
	*result = mote_string(text);
	return 0;
}

static int host_fails(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
		      struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)count, (void)result;
	snprintf(error->text, sizeof(error->text), "not today, %s", args[0].of.string.text);
	return -EPERM;
}

static int host_breaks_promise(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
			       struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)count, (void)args, (void)error;
	*result = mote_i32(1);
	return 0;
}

static int host_huge(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
		     struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)count, (void)args, (void)error;
	char *bytes = mote_call_memory(s, 2 << 20);
	cr_assert(bytes);
	memset(bytes, 'h', 2 << 20);
	*result = mote_bytes(bytes, 2 << 20);
	return 0;
}

/* Back into the guest: arg names the function. */
static int host_again(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
		      struct mote_value *result, struct mote_error *error)
{
	char text[64];
	(void)count;
	snprintf(text, sizeof(text), "%d deep", args[0].of.i32);
	const struct mote_value next[2] = {mote_i32(args[0].of.i32 - 1), mote_string(text)};
	return mote_sandbox_call(s, *(const char **)arg, next, 2, result, error);
}

static int host_interrupts(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
			   struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)count, (void)args, (void)error;
	cr_expect(mote_sandbox_interrupt(s) == 0);
	*result = mote_string("");
	return 0;
}

static int host_kills(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
		      struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)count, (void)args;
	const struct mote_value n[2] = {mote_i32(0), mote_string("")};
	mote_sandbox_signal(s, SIGKILL);
	int rc = mote_sandbox_call(s, "countdown", n, 2, result, error);
	cr_expect(rc == -EIO && strstr(error->text, "signal 9"), "%s", error->text);
	*result = mote_string("goes on as if nothing had happened");
	return 0;
}

static const char *again = "countdown";

static const struct mote_function functions[] = {
	{.name = "string", .signature = "s:s", .call = host_echo},
	{.name = "bytes", .signature = "y:y", .call = host_echo},
	{.name = "u64", .signature = "U:U", .call = host_echo},
	{.name = "f64", .signature = "F:F", .call = host_echo},
	{.name = "mixed32", .signature = "iuIUfFbsyiiiiiiiiiiiiiiiiiiiiiii:s", .call = host_mixed32},
	{.name = "fails", .signature = "s:s", .call = host_fails},
	{.name = "liar", .signature = "s:s", .call = host_breaks_promise},
	{.name = "huge", .signature = "s:y", .call = host_huge},
	{.name = "again", .signature = "is:i", .call = host_again, .arg = &again},
	{.name = "kills", .signature = "s:s", .call = host_kills},
	{.name = "interrupts", .signature = "s:s", .call = host_interrupts},
};

/* --- sandboxes --- */

static char logged[4096];

static void collect(void *arg, const char *line)
{
	(void)arg;
	strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
}

static struct mote_options options(const char *name, char **argv)
{
	static _Thread_local int stdio[3];
	static _Thread_local char path[500];
	snprintf(path, sizeof(path), "%s/%s", TEST_GUESTS, name);
	stdio[0] = -1;
	stdio[1] = stdio[2] = 2;
	struct mote_options o = {
		.size = sizeof(o),
		.memory_bytes = 256UL << 20,
		.program_fd = open(path, O_RDONLY | O_CLOEXEC),
		.program_path = path,
		.argv = argv,
		.stdio = stdio,
		.log = collect,
		.functions = functions,
		.function_count = sizeof(functions) / sizeof(functions[0]),
		.call_bytes_max = 1 << 20,
		.call_time_limit_ns = 100000000000,
	};
	cr_assert(o.program_fd >= 0, "%s", path);
	return o;
}

static struct mote_sandbox *start(struct mote_options *o)
{
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	cr_assert(mote_sandbox_new(o, &s, &e) == 0, "%s", e.text);
	close(o->program_fd);
	cr_assert(mote_sandbox_init(s, &e) == 0, "%s; %s", e.text, logged);
	return s;
}

static char *no_args[] = {(char *)"guest", NULL};

static struct mote_sandbox *ready(size_t kind)
{
	struct mote_options o = options(kinds[kind], no_args);
	return start(&o);
}

static struct mote_value must_call(struct mote_sandbox *s, const char *name, const struct mote_value *args, size_t count)
{
	struct mote_value result = {0};
	struct mote_error e = {0};
	int rc = mote_sandbox_call(s, name, args, count, &result, &e);
	cr_assert(rc == 0, "%s: %d %s", name, rc, e.text);
	return result;
}

#define CALL(s, name, ...)                                                                                             \
	must_call(s, name, (const struct mote_value[]){__VA_ARGS__},                                                   \
		  sizeof((const struct mote_value[]){__VA_ARGS__}) / sizeof(struct mote_value))

static void expect_error(struct mote_sandbox *s, int code, const char *text, const char *name,
			 const struct mote_value *args, size_t count)
{
	struct mote_value result = {0};
	struct mote_error e = {0};
	int rc = mote_sandbox_call(s, name, args, count, &result, &e);
	cr_expect(rc == -code && e.code == code && strstr(e.text, text), "%s: %d %s", name, rc, e.text);
}

#define FAILS(s, code, text, name, ...)                                                                                \
	expect_error(s, code, text, name, (const struct mote_value[]){__VA_ARGS__},                                    \
		     sizeof((const struct mote_value[]){__VA_ARGS__}) / sizeof(struct mote_value))

static void expect_poisoned(struct mote_sandbox *s, const char *why)
{
	const char *text = mote_sandbox_poisoned(s);
	cr_expect(text && strstr(text, why), "%s", text);
	FAILS(s, ENOTRECOVERABLE, "poisoned", "count", mote_void());
}

/* --- values --- */

Test(api_calls, every_type_goes_to_the_guest_and_back)
{
	static uint8_t bytes[100000];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	EACH_KIND(k) {
		struct mote_sandbox *s = ready(k);
		cr_expect(CALL(s, "echo_i32", mote_i32(INT32_MIN)).of.i32 == INT32_MIN);
		cr_expect(CALL(s, "echo_u32", mote_u32(UINT32_MAX)).of.u32 == UINT32_MAX);
		cr_expect(CALL(s, "echo_i64", mote_i64(INT64_MIN)).of.i64 == INT64_MIN);
		cr_expect(CALL(s, "echo_u64", mote_u64(UINT64_MAX)).of.u64 == UINT64_MAX);
		cr_expect(CALL(s, "echo_f32", mote_f32(-0.1f)).of.f32 == -0.1f);
		cr_expect(CALL(s, "echo_f64", mote_f64(1e300)).of.f64 == 1e300);
		cr_expect(CALL(s, "echo_bool", mote_boolean(true)).of.boolean);
		cr_expect(!CALL(s, "echo_bool", mote_boolean(false)).of.boolean);
		cr_expect_str_eq(CALL(s, "echo_string", mote_string("gr\xc3\xbc\xc3\x9f")).of.string.text, "gr\xc3\xbc\xc3\x9f");
		cr_expect(CALL(s, "echo_string", mote_string("")).of.string.len == 0);
		cr_expect(CALL(s, "echo_bytes", mote_bytes(NULL, 0)).of.bytes.len == 0);
		struct mote_value v = CALL(s, "echo_bytes", mote_bytes(bytes, sizeof(bytes)));
		cr_expect(v.of.bytes.len == sizeof(bytes) && memcmp(v.of.bytes.data, bytes, sizeof(bytes)) == 0);
		cr_expect(must_call(s, "nothing", NULL, 0).type == MOTE_VOID);
		v = CALL(s, "mixed", mote_i32(-1), mote_u32(2), mote_i64(-3), mote_u64(4), mote_f32(0.5f), mote_f64(-0.25),
			 mote_boolean(true), mote_string("text"), mote_bytes("abc", 3));
		cr_expect_str_eq(v.of.string.text, "-1 2 -3 4 0.5 -0.25 1 text 3");
		mote_sandbox_free(s);
	}
}

Test(api_calls, every_type_goes_to_the_host_and_back)
{
	EACH_KIND(k) {
		struct mote_sandbox *s = ready(k);
		struct mote_value v = CALL(s, "forward_string", mote_string("string"), mote_string("hello"));
		cr_expect_str_eq(v.of.string.text, "hello");
		v = CALL(s, "forward_bytes", mote_string("bytes"), mote_bytes("a\0b", 3));
		cr_expect(v.of.bytes.len == 3 && memcmp(v.of.bytes.data, "a\0b", 3) == 0);
		cr_expect(CALL(s, "forward_u64", mote_string("u64"), mote_u64(1UL << 63)).of.u64 == 1UL << 63);
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
	EACH_KIND(k) {
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
	EACH_KIND(k) {
		struct mote_sandbox *s = ready(k);
		struct mote_error e = {0};
		struct mote_value want = {.type = MOTE_STRING};
		FAILS(s, ENOENT, "no function nobody", "nobody", mote_i32(1));
		FAILS(s, EINVAL, "signature", "echo_i32", mote_u32(1));
		FAILS(s, EINVAL, "signature", "echo_i32", mote_i32(1), mote_i32(2));
		expect_error(s, EINVAL, "signature", "echo_i32", NULL, 0);
		cr_expect(mote_sandbox_call(s, "count", NULL, 0, &want, &e) == -EINVAL && strstr(e.text, "result"), "%s",
			  e.text);
		const struct mote_value holed = {.type = MOTE_STRING, .of.string = {"a\0b", 3}};
		FAILS(s, EINVAL, "NUL", "echo_string", holed);
		cr_expect(mote_sandbox_poisoned(s) == NULL);
		cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1, "it ran before");
		cr_expect(mote_sandbox_call(s, "count", NULL, 0, NULL, NULL) == 0);
		cr_expect(must_call(s, "count", NULL, 0).of.i32 == 3);
		mote_sandbox_free(s);
	}
}

Test(api_calls, failures_of_functions_reach_the_other_side)
{
	enum { FINE, UNKNOWN, SIGNATURE, FAILED, TOO_LARGE };
	EACH_KIND(k) {
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
	const size_t room = 1 << 20;
	char *bytes = calloc(1, room + 1);
	EACH_KIND(k) {
		struct mote_sandbox *s = ready(k);
		/* The message around them: kind, name and its length and NUL, wanted type, count, type, length. */
		size_t most = room - (1 + 4 + strlen("echo_bytes") + 1 + 1 + 1 + 1 + 4);
		struct mote_value v = CALL(s, "echo_bytes", mote_bytes(bytes, most));
		cr_expect(v.of.bytes.len == most);
		FAILS(s, EMSGSIZE, "call_bytes_max", "echo_bytes", mote_bytes(bytes, most + 1));
		FAILS(s, EMSGSIZE, "call_bytes_max", "echo_bytes", mote_bytes(bytes, (size_t)8 << 30));
		cr_expect(CALL(s, "big", mote_u32(room - 6)).of.bytes.len == room - 6);
		FAILS(s, EMSGSIZE, "larger than the host allows", "big", mote_u32(room - 5));
		FAILS(s, EREMOTEIO, "no memory", "big", mote_u32(UINT32_MAX - 4096));
		cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1);
		mote_sandbox_free(s);
	}
	free(bytes);
}

Test(api_calls, host_functions_may_call_back_where_the_guest_allows_it)
{
	EACH_KIND(k) {
		struct mote_sandbox *s = ready(k);
		again = "countdown";
		cr_expect(CALL(s, "countdown", mote_i32(10), mote_string("top")).of.i32 == 55);
		FAILS(s, EREMOTEIO, "16 deep", "countdown", mote_i32(16), mote_string("top"));
		again = "closed";
		FAILS(s, EREMOTEIO, "may not be called", "countdown", mote_i32(2), mote_string("top"));
		cr_expect(CALL(s, "closed", mote_i32(0), mote_string("top")).of.i32 == 0);
		cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1);
		mote_sandbox_free(s);
	}
}

/* --- ends --- */

static void *interrupt_soon(void *s)
{
	usleep(100000);
	cr_expect(mote_sandbox_interrupt(s) == 0);
	return NULL;
}

static void expect_interrupted(size_t kind, const char *name)
{
	struct mote_sandbox *s = ready(kind);
	pthread_t thread;
	cr_expect(mote_sandbox_interrupt(s) == -ESRCH);
	cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1, "it was not under way");
	cr_assert(pthread_create(&thread, NULL, interrupt_soon, s) == 0);
	expect_error(s, ECANCELED, "interrupted", name, NULL, 0);
	pthread_join(thread, NULL);
	expect_poisoned(s, "interrupted");
	mote_sandbox_free(s);
}

Test(api_calls, interrupt_from_another_thread)
{
	EACH_KIND(k) {
		expect_interrupted(k, "loop");
		expect_interrupted(k, "wait_long");
	}
}

Test(api_calls, interrupt_from_a_host_function)
{
	EACH_KIND(k) {
		struct mote_sandbox *s = ready(k);
		FAILS(s, ECANCELED, "interrupted", "host_rc", mote_string("interrupts"), mote_string(""));
		expect_poisoned(s, "interrupted");
		mote_sandbox_free(s);
	}
}

Test(api_calls, limits_of_wall_clock_and_cpu_time)
{
	EACH_KIND(k) {
		for (int cpu = 0; cpu < 2; cpu++) {
			struct mote_options o = options(kinds[k], no_args);
			struct mote_sandbox *s;
			struct mote_error e = {0};
			/* Making it ready has the limit too: enough for a slow machine. */
			o.call_time_limit_ns = cpu ? 0 : 5000000000;
			o.call_cpu_limit_ns = cpu ? 5000000000 : 0;
			s = start(&o);
			cr_expect(must_call(s, "count", NULL, 0).of.i32 == 1);
			cr_expect(mote_sandbox_call(s, cpu ? "loop" : "wait_long", NULL, 0, NULL, &e) == -ETIMEDOUT &&
					  strstr(e.text, cpu ? "CPU" : "wall"),
				  "%s", e.text);
			expect_poisoned(s, "limit");
			mote_sandbox_free(s);
		}
	}
}

Test(api_calls, crash_and_exit_poison_the_sandbox)
{
	EACH_KIND(k) {
		struct mote_sandbox *s = ready(k);
		expect_error(s, EIO, "signal", "crash", NULL, 0);
		expect_poisoned(s, "signal");
		mote_sandbox_free(s);
		s = ready(k);
		FAILS(s, EIO, "exited with status 3", "leave", mote_i32(3));
		expect_poisoned(s, "status 3");
		mote_sandbox_free(s);
	}
}

Test(api_calls, output_of_a_call_is_there_when_it_returns)
{
	EACH_KIND(k) {
		struct mote_options o = options(kinds[k], no_args);
		int out = memfd_create("out", MFD_CLOEXEC), stdio[3] = {-1, out, 2};
		o.stdio = stdio;
		struct mote_sandbox *s = start(&o);
		char text[16] = "";
		CALL(s, "print", mote_string("one,"));
		cr_expect(pread(out, text, 15, 0) == 4 && strcmp(text, "one,") == 0, "%s", text);
		CALL(s, "print", mote_string("two"));
		cr_expect(pread(out, text, 15, 0) == 7 && strcmp(text, "one,two") == 0, "%s", text);
		mote_sandbox_free(s);
		close(out);
	}
}

Test(api_calls, a_guest_that_ends_under_a_host_function_ends_the_whole_call)
{
	EACH_KIND(k) {
		struct mote_sandbox *s = ready(k);
		FAILS(s, EIO, "signal 9", "forward_string", mote_string("kills"), mote_string(""));
		expect_poisoned(s, "signal 9");
		mote_sandbox_free(s);
	}
}

/* Neither a guest's broken pipe nor one of before a call reaches the program that embeds it. */
Test(api_calls, a_broken_pipe_is_the_guests_own_affair)
{
	EACH_KIND(k) {
		struct mote_options o = options(kinds[k], no_args);
		int ends[2], stdio[3];
		cr_assert(pipe(ends) == 0 && signal(SIGPIPE, SIG_DFL) != SIG_ERR);
		stdio[0] = stdio[2] = -1;
		stdio[1] = ends[1];
		o.stdio = stdio;
		struct mote_sandbox *s = start(&o);
		struct mote_error e = {0};
		const struct mote_value text = mote_string("nobody reads this");
		close(ends[0]);
		close(ends[1]);
		int rc = mote_sandbox_call(s, "print", &text, 1, NULL, &e);
		if (k == 0) /* as Linux has it, a native program dies of the signal */
			cr_expect(rc == -EIO && strstr(e.text, "signal 13"), "%d %s", rc, e.text);
		else
			cr_expect(rc == 0, "%s", e.text);
		sigset_t pending, blocked;
		sigpending(&pending);
		pthread_sigmask(SIG_SETMASK, NULL, &blocked);
		cr_expect(!sigismember(&pending, SIGPIPE) && !sigismember(&blocked, SIGPIPE));
		mote_sandbox_free(s);
	}
}

Test(api_calls, interrupt_ends_output_that_nobody_takes)
{
	char *text = malloc(200001);
	memset(text, 't', 200000);
	text[200000] = '\0';
	EACH_KIND(k) {
		struct mote_options o = options(kinds[k], no_args);
		int ends[2], stdio[3] = {-1, -1, 2};
		pthread_t thread;
		cr_assert(pipe(ends) == 0);
		stdio[1] = ends[1];
		o.stdio = stdio;
		struct mote_sandbox *s = start(&o);
		cr_assert(pthread_create(&thread, NULL, interrupt_soon, s) == 0);
		FAILS(s, ECANCELED, "interrupted", "print", mote_string(text));
		pthread_join(thread, NULL);
		mote_sandbox_free(s);
		close(ends[0]);
		close(ends[1]);
	}
	free(text);
}

Test(api_calls, init_can_be_interrupted_and_is_limited)
{
	char *argv[] = {(char *)"hostile", (char *)"silent", NULL};
	for (int limit = 0; limit < 2; limit++) {
		struct mote_options o = options("calls_hostile.elf", argv);
		struct mote_sandbox *s = NULL;
		struct mote_error e = {0};
		pthread_t thread;
		o.call_time_limit_ns = limit ? 100000000 : 0;
		cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
		close(o.program_fd);
		if (!limit)
			cr_assert(pthread_create(&thread, NULL, interrupt_soon, s) == 0);
		cr_expect(mote_sandbox_init(s, &e) == (limit ? -ETIMEDOUT : -ECANCELED), "%s", e.text);
		if (!limit)
			pthread_join(thread, NULL);
		expect_poisoned(s, limit ? "limit" : "interrupted");
		mote_sandbox_free(s);
	}
}

/* A process that has locked itself down can still make calls, with limits and all. Sanitizers make calls of their own. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
Test(api_calls, calls_work_in_the_jail)
{
	EACH_KIND(k) {
		struct mote_options o = options(kinds[k], no_args);
		struct mote_sandbox *s = NULL;
		struct mote_error e = {0};
		o.call_cpu_limit_ns = 60000000000;
		pid_t child = fork();
		cr_assert(child >= 0);
		if (child == 0) {
			const struct mote_value n[2] = {mote_i32(4), mote_string("top")}, big = mote_u32(1000000);
			struct mote_value result = {0}, bytes = {0};
			bool ok = mote_sandbox_new(&o, &s, &e) == 0 && mote_jail(&e) == 0 && mote_sandbox_init(s, &e) == 0 &&
				  mote_sandbox_call(s, "countdown", n, 2, &result, &e) == 0 && result.of.i32 == 10 &&
				  mote_sandbox_call(s, "big", &big, 1, &bytes, &e) == 0;
			_exit(ok ? 0 : 1);
		}
		int status = 0;
		cr_expect(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", status);
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
	EACH_KIND(k) {
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
static int host_pass_on(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
			struct mote_value *result, struct mote_error *error)
{
	(void)s;
	return mote_sandbox_call(arg, "echo_string", args, count, result, error);
}

static void *use_two(void *kind)
{
	struct mote_options o = options(kinds[*(size_t *)kind], no_args);
	struct mote_sandbox *inner = start(&o), *outer;
	const struct mote_function pass_on = {.name = "pass_on", .signature = "s:s", .call = host_pass_on, .arg = inner};
	o = options(kinds[*(size_t *)kind], no_args);
	o.functions = &pass_on;
	o.function_count = 1;
	outer = start(&o);
	for (int i = 0; i < 50; i++) {
		char text[32];
		snprintf(text, sizeof(text), "%d of %p", i, (void *)inner);
		struct mote_value v = CALL(outer, "forward_string", mote_string("pass_on"), mote_string(text));
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
	EACH_KIND(k) {
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

/* --- modules that know nothing of Mote --- */

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
	list[o.function_count++] = (struct mote_function){.name = "floats", .signature = "FfFfFfFfFfU:f", .call = host_floats};
	o.functions = list;
	return start(&o);
}

static struct mote_value call_for(struct mote_sandbox *s, enum mote_type want, const char *name,
				  const struct mote_value *args, size_t count)
{
	struct mote_value result = {.type = want};
	struct mote_error e = {0};
	cr_assert(mote_sandbox_call(s, name, args, count, &result, &e) == 0, "%s: %s", name, e.text);
	cr_expect(result.type == want);
	return result;
}

Test(api_calls, a_plain_module_is_called_with_its_own_types)
{
	struct mote_sandbox *s = module_ready();
	const char *name, *signature;
	cr_expect(must_call(s, "ready", NULL, 0).of.i32 == 7, "_initialize has run");
	cr_expect(CALL(s, "add", mote_i32(-1), mote_u64(2), mote_f32(0.5f), mote_f64(0.25)).of.f64 == 1.75);
	cr_expect(CALL(s, "half", mote_f32(3)).of.f32 == 1.5f);
	cr_expect(must_call(s, "nothing", NULL, 0).type == MOTE_VOID);
	const struct mote_value yes = mote_boolean(true), text = mote_string("some text"), bytes = mote_bytes("a\0b", 3);
	cr_expect(!call_for(s, MOTE_BOOL, "not", &yes, 1).of.boolean);
	cr_expect_str_eq(call_for(s, MOTE_STRING, "same", &text, 1).of.string.text, "some text");
	struct mote_value v = call_for(s, MOTE_BYTES, "same", &bytes, 1);
	cr_expect(v.of.bytes.len == 3 && memcmp(v.of.bytes.data, "a\0b", 3) == 0);
	cr_expect(must_call(s, "posted", NULL, 0).of.i32 == 16, "cabi_post_same was called twice, with 8");
	cr_expect(call_for(s, MOTE_U32, "same", &text, 1).of.u32 == 8);
	v = (struct mote_value){.type = MOTE_STRING};
	cr_expect(mote_sandbox_call(s, "same", &bytes, 1, &v, NULL) == -EREMOTEIO, "a NUL inside");
	v = (struct mote_value){.type = MOTE_BYTES};
	cr_expect(mote_sandbox_call(s, "outside", NULL, 0, &v, NULL) == -EREMOTEIO);
	v = (struct mote_value){.type = MOTE_BYTES};
	cr_expect(mote_sandbox_call(s, "astray", NULL, 0, &v, NULL) == -EREMOTEIO);
	FAILS(s, EINVAL, "signature", "half", mote_f64(3));
	FAILS(s, EINVAL, "signature", "half", mote_string("x"));
	expect_error(s, ENOENT, "two", "two", NULL, 0);
	expect_error(s, ENOENT, "mote_alloc", "mote_alloc", NULL, 0);
	static const char large[200000];
	FAILS(s, EREMOTEIO, "no memory", "same", mote_bytes(large, sizeof(large)));
	cr_expect(mote_sandbox_export(s, 0, &name, &signature) == 0 && strcmp(name, "add") == 0 &&
		  strcmp(signature, "iIfF:F") == 0);
	mote_sandbox_free(s);
}

Test(api_calls, a_plain_module_imports_host_functions)
{
	struct mote_sandbox *s = module_ready();
	const struct mote_value text = mote_string("to the host and back"), twice[] = {mote_u64(40), mote_f64(0.5)};
	cr_expect_str_eq(call_for(s, MOTE_STRING, "to_host", &text, 1).of.string.text, "to the host and back");
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

Test(api_calls, memory_of_a_plain_module_comes_from_cabi_realloc)
{
	struct mote_options o = options("calls_plain.wasm", no_args);
	struct mote_sandbox *s = start(&o);
	const size_t half = 400000;
	char *large = malloc(half + 1);
	memset(large, 'l', half);
	large[half] = '\0';
	const struct mote_value empty[2] = {mote_string(""), mote_bytes("", 0)},
				both[2] = {mote_string(large), mote_bytes(large, half)}, text = mote_string("twice");
	cr_expect(call_for(s, MOTE_STRING, "join", empty, 2).of.string.len == 0);
	/* More than the module's memory has at first, and again and again: it owns and frees what it gets. */
	for (int i = 0; i < 200; i++) {
		struct mote_value v = call_for(s, MOTE_STRING, "join", both, 2);
		cr_assert(v.of.string.len == 2 * half && v.of.string.text[0] == 'l' && v.of.string.text[2 * half - 1] == 'l');
	}
	cr_expect_str_eq(call_for(s, MOTE_STRING, "host_twice", &text, 1).of.string.text, "twice");
	cr_expect(must_call(s, "balance", NULL, 0).of.i64 == (405L << 32 | 201));
	cr_expect(must_call(s, "hello", NULL, 0).type == MOTE_VOID);
	mote_sandbox_free(s);
	free(large);
}

Test(api_calls, traps_of_a_plain_module_poison_the_sandbox)
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

Test(api_calls, imports_that_the_host_lacks_are_named)
{
	struct mote_options o = options("calls_module.wasm", no_args);
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	int err = memfd_create("err", MFD_CLOEXEC), stdio[3] = {-1, -1, err};
	o.stdio = stdio;
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	cr_expect(mote_sandbox_init(s, &e) == -EIO && strstr(e.text, "status 126"), "%s", e.text);
	char text[300] = "";
	cr_expect(pread(err, text, 299, 0) > 0 && strstr(text, "mote.floats: the host has no function of that name"), "%s",
		  text);
	mote_sandbox_free(s);
	close(o.program_fd);
	close(err);
}

Test(api_calls, a_reactor_with_the_sdk_serves_by_itself)
{
	struct mote_options o = options("calls_reactor.wasm", no_args);
	struct mote_sandbox *s = start(&o);
	cr_expect_str_eq(CALL(s, "echo_string", mote_string("text")).of.string.text, "text");
	mote_sandbox_free(s);
}

/* --- wrong use --- */

static void expect_refused(const struct mote_function *list, size_t count, int code)
{
	struct mote_options o = options(kinds[0], no_args);
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	o.functions = list;
	o.function_count = count;
	cr_expect(mote_sandbox_new(&o, &s, &e) == -code && e.blame == MOTE_BLAME_CONFIG && !s, "%s", e.text);
	close(o.program_fd);
}

Test(api_calls, wrong_options_are_refused)
{
	const struct mote_function good = functions[0], unnamed = {.name = "", .signature = ":", .call = host_echo},
				   unsigned_ = {.name = "f", .signature = "q:", .call = host_echo},
				   endless = {.name = "f", .signature = "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii:", .call = host_echo},
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
	cr_expect(mote_sandbox_init(s, &e) == -EIO && strstr(e.text, "exited with status 0") && strstr(e.text, "ready"),
		  "%s", e.text);
	cr_expect(mote_sandbox_poisoned(s) && mote_sandbox_run(s, &r, &e) == -EINVAL);
	mote_sandbox_free(s);
	close(o.program_fd);
	EACH_KIND(k) {
		o = options(kinds[k], no_args);
		cr_assert(mote_sandbox_new(&o, &s, &e) == 0);
		cr_expect(mote_sandbox_run(s, &r, &e) == 0 && r.end == MOTE_EXITED && r.code == 1, "%d", r.code);
		cr_expect(mote_sandbox_init(s, &e) == -EINVAL);
		mote_sandbox_free(s);
		close(o.program_fd);
	}
}

Test(api_calls, a_run_can_be_interrupted)
{
	char *argv[] = {(char *)"hostile", (char *)"silent", NULL};
	struct mote_options o = options("calls_hostile.elf", argv);
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	struct mote_result r = {0};
	pthread_t thread;
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	cr_expect(mote_sandbox_interrupt(s) == -ESRCH);
	cr_assert(pthread_create(&thread, NULL, interrupt_soon, s) == 0);
	cr_expect(mote_sandbox_run(s, &r, &e) == 0 && r.end == MOTE_INTERRUPTED && mote_exit_status(&r) == 137);
	pthread_join(thread, NULL);
	cr_expect(mote_sandbox_interrupt(s) == -ESRCH);
	mote_sandbox_free(s);
	close(o.program_fd);
}

/* --- a guest that keeps to nothing --- */

static void misbehave(char *what, int code)
{
	char *argv[] = {(char *)"hostile", what, NULL};
	struct mote_options o = options("calls_hostile.elf", argv);
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	struct mote_value result = {.type = MOTE_I32};
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	close(o.program_fd);
	int rc = mote_sandbox_init(s, &e);
	if (strncmp(what, "call-", 5) == 0 && rc == 0)
		rc = mote_sandbox_call(s, "f", NULL, 0, &result, &e);
	else if (strcmp(what, "reply-nowhere") == 0 && rc == 0)
		rc = mote_sandbox_call(s, "f", NULL, 0, &result, &e);
	cr_expect(rc == -code && e.blame == MOTE_BLAME_GUEST, "%s: %d %s", what, rc, e.text);
	expect_poisoned(s, "");
	mote_sandbox_free(s);
}

Test(api_calls, a_hostile_guest_poisons_its_sandbox_only)
{
	static const char *const misdeeds[] = {
		"kind-0", "kind-99", "return-first", "error-first", "ready-empty", "ready-version", "ready-many",
		"ready-more-than-there", "ready-rest", "ready-name-empty", "ready-name-no-nul", "ready-name-nul-inside",
		"ready-name-huge", "ready-signature", "ready-wasm-signature", "ready-flags", "ready-twice-the-name",
		"damaged-call", "call-arguments", "call-void-argument", "call-want", "call-rest", "list-rest", "functions",
		"call-kind-0", "call-ready", "call-return-nothing", "call-return-void", "call-return-other-type",
		"call-return-short", "call-return-rest", "call-return-no-type", "call-return-string", "call-return-bytes",
		"call-return-bool", "call-error-short",  "call-error-text",
	};
	for (size_t i = 0; i < sizeof(misdeeds) / sizeof(misdeeds[0]); i++)
		misbehave((char *)misdeeds[i], EPROTO);
	misbehave((char *)"reply-nowhere", EFAULT);
	misbehave((char *)"message-nowhere", EIO);
	misbehave((char *)"message-huge", EIO);
}
