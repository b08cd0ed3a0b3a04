/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sandboxes with test/guest/calls_guest.c, native and as a WebAssembly module, and the host
 * functions that it calls: for tests of function calls. Included by one file of a program.
 */
#ifndef MOTE_TEST_CALLS_HARNESS_H
#define MOTE_TEST_CALLS_HARNESS_H

#include <mote/call.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kinds[] = {"calls_guest.elf", "calls_guest.wasm"};
#define EACH_KIND(kind) for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)

/* --- host functions --- */

static inline int host_echo(void *arg, struct mote_sandbox *s, const struct mote_value *args,
			    size_t count, struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)count, (void)error;
	*result = args[0];
	return 0;
}

static inline int host_mixed32(void *arg, struct mote_sandbox *s, const struct mote_value *a,
			       size_t count, struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)error;
	char *text = mote_call_memory(s, 200);
	cr_assert(text && count == 32);
	snprintf(text, 200, "%d %u %ld %lu %g %g %d %s %.*s %d", a[0].of.i32, a[1].of.u32,
		 a[2].of.i64, a[3].of.u64, a[4].of.f32, a[5].of.f64, a[6].of.boolean,
		 a[7].of.string.text, (int)a[8].of.bytes.len, (const char *)a[8].of.bytes.data,
		 a[31].of.i32);
	*result = mote_string(text);
	return 0;
}

static inline int host_fails(void *arg, struct mote_sandbox *s, const struct mote_value *args,
			     size_t count, struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)count, (void)result;
	snprintf(error->text, sizeof(error->text), "not today, %s", args[0].of.string.text);
	return -EPERM;
}

static inline int host_breaks_promise(void *arg, struct mote_sandbox *s,
				      const struct mote_value *args, size_t count,
				      struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)count, (void)args, (void)error;
	*result = mote_i32(1);
	return 0;
}

static inline int host_huge(void *arg, struct mote_sandbox *s, const struct mote_value *args,
			    size_t count, struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)count, (void)args, (void)error;
	char *bytes = mote_call_memory(s, 2 << 20);
	cr_assert(bytes);
	memset(bytes, 'h', 2 << 20);
	*result = mote_bytes(bytes, 2 << 20);
	return 0;
}

/* Back into the guest: arg names the function. */
static inline int host_again(void *arg, struct mote_sandbox *s, const struct mote_value *args,
			     size_t count, struct mote_value *result, struct mote_error *error)
{
	char text[64];
	(void)count;
	snprintf(text, sizeof(text), "%d deep", args[0].of.i32);
	const struct mote_value next[2] = {mote_i32(args[0].of.i32 - 1), mote_string(text)};
	return mote_sandbox_call(s, *(const char **)arg, next, 2, result, error);
}

static inline int host_interrupts(void *arg, struct mote_sandbox *s, const struct mote_value *args,
				  size_t count, struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)count, (void)args, (void)error;
	cr_expect(mote_sandbox_interrupt(s) == 0);
	*result = mote_string("");
	return 0;
}

static inline int host_kills(void *arg, struct mote_sandbox *s, const struct mote_value *args,
			     size_t count, struct mote_value *result, struct mote_error *error)
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
	{
		.name = "mixed32",
		.signature = "iuIUfFbsyiiiiiiiiiiiiiiiiiiiiiii:s",
		.call = host_mixed32,
	},
	{.name = "fails", .signature = "s:s", .call = host_fails},
	{.name = "liar", .signature = "s:s", .call = host_breaks_promise},
	{.name = "huge", .signature = "s:y", .call = host_huge},
	{.name = "again", .signature = "is:i", .call = host_again, .arg = &again},
	{.name = "kills", .signature = "s:s", .call = host_kills},
	{.name = "interrupts", .signature = "s:s", .call = host_interrupts},
};

/* --- sandboxes --- */

static char logged[4096];

static inline void collect(void *arg, const char *line)
{
	(void)arg;
	strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
}

static inline struct mote_options options(const char *name, char **argv)
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

static inline struct mote_sandbox *start(struct mote_options *o)
{
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	cr_assert(mote_sandbox_new(o, &s, &e) == 0, "%s", e.text);
	close(o->program_fd);
	cr_assert(mote_sandbox_init(s, &e) == 0, "%s; %s", e.text, logged);
	return s;
}

static char *no_args[] = {(char *)"guest", NULL};

static inline struct mote_sandbox *ready(size_t kind)
{
	struct mote_options o = options(kinds[kind], no_args);
	return start(&o);
}

static inline struct mote_value must_call(struct mote_sandbox *s, const char *name,
					  const struct mote_value *args, size_t count)
{
	struct mote_value result = {0};
	struct mote_error e = {0};
	int rc = mote_sandbox_call(s, name, args, count, &result, &e);
	cr_assert(rc == 0, "%s: %d %s", name, rc, e.text);
	return result;
}

#define CALL(s, name, ...)                                           \
	must_call(s, name, (const struct mote_value[]){__VA_ARGS__}, \
		  sizeof((const struct mote_value[]){__VA_ARGS__}) / sizeof(struct mote_value))

static inline void expect_error(struct mote_sandbox *s, int code, const char *text,
				const char *name, const struct mote_value *args, size_t count)
{
	struct mote_value result = {0};
	struct mote_error e = {0};
	int rc = mote_sandbox_call(s, name, args, count, &result, &e);
	cr_expect(rc == -code && e.code == code && strstr(e.text, text), "%s: %d %s", name, rc,
		  e.text);
}

#define FAILS(s, code, text, name, ...)                                             \
	expect_error(s, code, text, name, (const struct mote_value[]){__VA_ARGS__}, \
		     sizeof((const struct mote_value[]){__VA_ARGS__}) / sizeof(struct mote_value))

static inline void expect_poisoned(struct mote_sandbox *s, const char *why)
{
	const char *text = mote_sandbox_poisoned(s);
	cr_expect(text && strstr(text, why), "%s", text ? text : "not poisoned");
	FAILS(s, ENOTRECOVERABLE, "poisoned", "count", mote_void());
}

static inline void *interrupt_soon(void *s)
{
	usleep(100000);
	/* On a busy machine the call may not have begun. */
	int tries = 0;
	while (mote_sandbox_interrupt(s) != 0 && tries++ < 100000)
		usleep(1000);
	cr_expect(tries < 100000);
	return NULL;
}

#endif
