/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function guest for test/unit/api_calls*.c; the same source is built native and for WebAssembly.
 */
#include <mote_guest.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int echo(const struct mote_value *args, struct mote_value *result)
{
	*result = args[0];
	return 0;
}
MOTE_EXPORT_AS("echo_i32", echo, "i:i", 0)
static int echo_u32(const struct mote_value *a, struct mote_value *r)
{
	return echo(a, r);
}
MOTE_EXPORT(echo_u32, "u:u")
static int echo_i64(const struct mote_value *a, struct mote_value *r)
{
	return echo(a, r);
}
MOTE_EXPORT(echo_i64, "I:I")
static int echo_u64(const struct mote_value *a, struct mote_value *r)
{
	return echo(a, r);
}
MOTE_EXPORT(echo_u64, "U:U")
static int echo_f32(const struct mote_value *a, struct mote_value *r)
{
	return echo(a, r);
}
MOTE_EXPORT(echo_f32, "f:f")
static int echo_f64(const struct mote_value *a, struct mote_value *r)
{
	return echo(a, r);
}
MOTE_EXPORT(echo_f64, "F:F")
static int echo_bool(const struct mote_value *a, struct mote_value *r)
{
	return echo(a, r);
}
MOTE_EXPORT(echo_bool, "b:b")
static int echo_string(const struct mote_value *a, struct mote_value *r)
{
	return echo(a, r);
}
MOTE_EXPORT(echo_string, "s:s")
static int echo_bytes(const struct mote_value *a, struct mote_value *r)
{
	return echo(a, r);
}
MOTE_EXPORT(echo_bytes, "y:y")

static int nothing(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	(void)result;
	return 0;
}
MOTE_EXPORT(nothing, ":")

static int sum32(const struct mote_value *args, struct mote_value *result)
{
	int64_t sum = 0;
	for (int i = 0; i < 32; i++)
		sum += args[i].of.i32 * (int64_t)(i + 1);
	*result = mote_i64(sum);
	return 0;
}
MOTE_EXPORT(sum32, "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii:I")

static int mixed(const struct mote_value *a, struct mote_value *result)
{
	static char text[256];
	snprintf(text, sizeof(text), "%d %u %lld %llu %g %g %d %s %d", a[0].of.i32, a[1].of.u32,
		 (long long)a[2].of.i64, (unsigned long long)a[3].of.u64, (double)a[4].of.f32,
		 a[5].of.f64, a[6].of.boolean, a[7].of.string.text, (int)a[8].of.bytes.len);
	*result = mote_string(text);
	return 0;
}
MOTE_EXPORT(mixed, "iuIUfFbsy:s")

/* Calls the host function of that name with the given arguments, and says how it went. */
static int forward(const struct mote_value *args, struct mote_value *result)
{
	if (mote_call_host(args[0].of.string.text, args + 1, 1, result) < 0)
		return mote_fail(mote_host_error());
	return 0;
}
MOTE_EXPORT_AS("forward_string", forward, "ss:s", 0)
static int forward_bytes(const struct mote_value *a, struct mote_value *r)
{
	return forward(a, r);
}
MOTE_EXPORT(forward_bytes, "sy:y")
static int forward_u64(const struct mote_value *a, struct mote_value *r)
{
	return forward(a, r);
}
MOTE_EXPORT(forward_u64, "sU:U")
static int forward_f64(const struct mote_value *a, struct mote_value *r)
{
	return forward(a, r);
}
MOTE_EXPORT(forward_f64, "sF:F")

/* The errno of a call of the host. */
static int host_rc(const struct mote_value *args, struct mote_value *result)
{
	struct mote_value unused = {0};
	int rc = mote_call_host(args[0].of.string.text, args + 1, 1, &unused);
	*result = mote_i32(rc == 0         ? 0
			   : rc == -ENOENT ? 1
			   : rc == -EINVAL ? 2
			   : rc == -EIO    ? 3
			   : rc == -E2BIG  ? 4
					   : 5);
	return 0;
}
MOTE_EXPORT(host_rc, "ss:i")

static int host_mixed(const struct mote_value *args, struct mote_value *result)
{
	/* clang-format off */
	const struct mote_value all[32] = {
		mote_i32(-1), mote_u32(2), mote_i64(-3), mote_u64(4), mote_f32(0.5f),
		mote_f64(-0.25), mote_boolean(true), mote_string("seven"), mote_bytes("eight", 5),
		mote_i32(9), mote_i32(10), mote_i32(11), mote_i32(12), mote_i32(13), mote_i32(14),
		mote_i32(15), mote_i32(16), mote_i32(17), mote_i32(18), mote_i32(19), mote_i32(20),
		mote_i32(21), mote_i32(22), mote_i32(23), mote_i32(24), mote_i32(25), mote_i32(26),
		mote_i32(27), mote_i32(28), mote_i32(29), mote_i32(30), mote_i32(31),
	};
	/* clang-format on */
	(void)args;
	result->type = MOTE_STRING;
	return mote_call_host("mixed32", all, 32, result) < 0 ? mote_fail(mote_host_error()) : 0;
}
MOTE_EXPORT(host_mixed, ":s")

/* Down to 0 by turns with the host; its argument must be there still when the host has answered. */
static int countdown(const struct mote_value *args, struct mote_value *result)
{
	char before[64];
	snprintf(before, sizeof(before), "%s", args[1].of.string.text);
	struct mote_value sum = {0};
	if (args[0].of.i32 > 0 && mote_call_host("again", args, 2, &sum) < 0)
		return mote_fail(mote_host_error());
	if (strcmp(before, args[1].of.string.text) != 0)
		return mote_fail("the argument has changed");
	*result = mote_i32(args[0].of.i32 + (args[0].of.i32 > 0 ? sum.of.i32 : 0));
	return 0;
}
MOTE_EXPORT_AS("countdown", countdown, "is:i", MOTE_REENTRANT)
static int closed(const struct mote_value *a, struct mote_value *r)
{
	return countdown(a, r);
}
MOTE_EXPORT(closed, "is:i")

static int fail(const struct mote_value *args, struct mote_value *result)
{
	(void)result;
	return mote_fail(args[0].of.string.text);
}
MOTE_EXPORT(fail, "s:")

static int wrong_result(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	*result = mote_string("not a number");
	return 0;
}
MOTE_EXPORT(wrong_result, ":i")

static int big(const struct mote_value *args, struct mote_value *result)
{
	char *bytes = malloc(args[0].of.u32 + 1);
	if (!bytes)
		return mote_fail("no memory");
	memset(bytes, 'b', args[0].of.u32);
	*result = mote_bytes(bytes, args[0].of.u32); /* lost afterwards: a test */
	return 0;
}
MOTE_EXPORT(big, "u:y")

static int loop(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	(void)result;
	for (volatile unsigned n = 0; n < 2; n = 1 - n)
		;
	return 0;
}
MOTE_EXPORT(loop, ":")

static int wait_long(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	(void)result;
	sleep(1000);
	return 0;
}
MOTE_EXPORT(wait_long, ":")

static int crash(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	(void)result;
	__builtin_trap();
}
MOTE_EXPORT(crash, ":")

static int leave(const struct mote_value *args, struct mote_value *result)
{
	(void)result;
	exit(args[0].of.i32);
}
MOTE_EXPORT(leave, "i:")

static int counter;
static int count(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	*result = mote_i32(++counter);
	return 0;
}
MOTE_EXPORT(count, ":i")

static int print(const struct mote_value *args, struct mote_value *result)
{
	(void)result;
	printf("%s", args[0].of.string.text);
	return 0;
}
MOTE_EXPORT(print, "s:")
