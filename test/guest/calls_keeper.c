/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function guest with state of every kind, for tests and benchmarks of snapshots; native and
 * WebAssembly.
 */
#include <mote_guest.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t counter;
static uint64_t *table;
static size_t table_len;

static int hello(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	(void)result;
	return 0;
}
MOTE_EXPORT(hello, ":")

static int count(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	*result = mote_i64(++counter);
	return 0;
}
MOTE_EXPORT(count, ":I")

/* A table of n numbers on the heap; each as its index says. */
static int make(const struct mote_value *args, struct mote_value *result)
{
	(void)result;
	size_t n = args[0].of.u32;
	uint64_t *t = realloc(table, n * sizeof(*t));
	if (!t)
		return mote_fail("no memory");
	table = t;
	table_len = n;
	for (size_t i = 0; i < n; i++)
		table[i] = i * 3 + 1;
	return 0;
}
MOTE_EXPORT(make, "u:")

/* How many of the table's numbers are as they were made. */
static int check(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	uint32_t n = 0;
	for (size_t i = 0; i < table_len; i++)
		n += table[i] == i * 3 + 1;
	*result = mote_u32(n);
	return 0;
}
MOTE_EXPORT(check, ":u")

static int spoil(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	(void)result;
	for (size_t i = 0; i < table_len; i++)
		table[i] = 0;
	return 0;
}
MOTE_EXPORT(spoil, ":")

static int random_number(const struct mote_value *args, struct mote_value *result)
{
	uint64_t v = 0;
	(void)args;
	if (getentropy(&v, sizeof(v)) < 0)
		return mote_fail("no random bytes");
	*result = mote_u64(v);
	return 0;
}
MOTE_EXPORT(random_number, ":U")

static int generation(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	*result = mote_u64(mote_guest_generation());
	return 0;
}
MOTE_EXPORT(generation, ":U")

static int now(const struct mote_value *args, struct mote_value *result)
{
	struct timespec t;
	clock_gettime(args[0].of.u32 ? CLOCK_MONOTONIC : CLOCK_REALTIME, &t);
	*result = mote_u64((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec);
	return 0;
}
MOTE_EXPORT(now, "u:U")

static int open_file(const struct mote_value *args, struct mote_value *result)
{
	(void)result;
	return open(args[0].of.string.text, O_RDONLY) < 0 ? mote_fail("it cannot be opened") : 0;
}
MOTE_EXPORT(open_file, "s:")

static int say(const struct mote_value *args, struct mote_value *result)
{
	(void)result;
	return write(1, args[0].of.string.text, strlen(args[0].of.string.text)) < 0
		       ? mote_fail("write")
		       : 0;
}
MOTE_EXPORT(say, "s:")

static int loop(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	(void)result;
	for (volatile int i = 0;;)
		i++;
	return 0;
}
MOTE_EXPORT(loop, ":")

static int trap(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	(void)result;
	__builtin_trap();
	return 0;
}
MOTE_EXPORT(trap, ":")

static int ask(const struct mote_value *args, struct mote_value *result)
{
	(void)args;
	result->type = MOTE_I64;
	return mote_call_host("host", NULL, 0, result) < 0 ? mote_fail(mote_host_error()) : 0;
}
MOTE_EXPORT_AS("ask", ask, ":I", MOTE_REENTRANT)
