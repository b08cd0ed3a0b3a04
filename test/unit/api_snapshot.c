/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots and pools as libmote has them, with native and WebAssembly guests. Needs a KVM, of
 * either kind.
 */
#include <mote/call.h>
#include <mote/pool.h>
#include <mote/snapshot.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const char *const kinds[] = {"calls_keeper.elf", "calls_keeper.wasm"};
#define EACH_KIND(kind) for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)

enum { NUMBERS = 300000 };

static struct mote_snapshot *inside; /* what host() shall restore, if anything */

static int host(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
		struct mote_value *result, struct mote_error *error)
{
	struct mote_snapshot *none = NULL;
	(void)args, (void)count, (void)error;
	if (inside) {
		cr_expect(mote_sandbox_restore(s, inside, NULL) == -EINVAL);
		cr_expect(mote_sandbox_snapshot(s, &none, NULL) == -EINVAL);
	}
	*result = mote_i64(*(const int64_t *)arg);
	return 0;
}

static int64_t answer_one = 1, answer_two = 2;
static const struct mote_function one[] = {
	{.name = "host", .signature = ":I", .call = host, .arg = &answer_one}};
static const struct mote_function two[] = {
	{.name = "host", .signature = ":I", .call = host, .arg = &answer_two}};

static char *no_args[] = {(char *)"guest", NULL};
static int stdio[3] = {-1, 2, 2};

static struct mote_options options(const char *name)
{
	struct mote_options o = {
		.size = sizeof(o),
		.memory_bytes = 256UL << 20,
		.program_fd = -1,
		.argv = no_args,
		.stdio = stdio,
		.functions = one,
		.function_count = 1,
		.call_time_limit_ns = 100000000000,
		.isolation = getenv("MOTE_TEST_ISOLATION") ? MOTE_ISOLATION_PRIVATE
							   : MOTE_ISOLATION_SHARED,
	};
	if (name) {
		char path[500];
		snprintf(path, sizeof(path), "%s/%s", TEST_GUESTS, name);
		o.program_fd = open(path, O_RDONLY | O_CLOEXEC);
		cr_assert(o.program_fd >= 0, "%s", path);
	}
	return o;
}

static struct mote_sandbox *ready(size_t kind)
{
	struct mote_options o = options(kinds[kind]);
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	close(o.program_fd);
	cr_assert(mote_sandbox_init(s, &e) == 0, "%s", e.text);
	return s;
}

static struct mote_snapshot *snapshot(struct mote_sandbox *s)
{
	struct mote_error e = {0};
	struct mote_snapshot *snap = NULL;
	cr_assert(mote_sandbox_snapshot(s, &snap, &e) == 0, "%s", e.text);
	return snap;
}

static struct mote_sandbox *from(struct mote_snapshot *snap)
{
	struct mote_options o = options(NULL);
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	cr_assert(mote_sandbox_from(snap, &o, &s, &e) == 0, "%s", e.text);
	return s;
}

static void restore(struct mote_sandbox *s, struct mote_snapshot *snap)
{
	struct mote_error e = {0};
	cr_assert(mote_sandbox_restore(s, snap, &e) == 0, "%s", e.text);
}

static struct mote_value call(struct mote_sandbox *s, const char *name,
			      const struct mote_value *args, size_t n)
{
	struct mote_value result = {0};
	struct mote_error e = {0};
	int rc = mote_sandbox_call(s, name, args, n, &result, &e);
	cr_assert(rc == 0, "%s: %d %s", name, rc, e.text);
	return result;
}

static struct mote_value call_u32(struct mote_sandbox *s, const char *name, uint32_t v)
{
	const struct mote_value arg = mote_u32(v);
	return call(s, name, &arg, 1);
}

static int64_t count(struct mote_sandbox *s)
{
	return call(s, "count", NULL, 0).of.i64;
}

Test(api_snapshot, a_sandbox_is_set_back)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		call_u32(s, "make", NUMBERS);
		cr_expect(count(s) == 1);
		struct mote_snapshot *snap = snapshot(s);
		for (int i = 0; i < 4; i++) {
			cr_expect(count(s) == 2 && call(s, "check", NULL, 0).of.u32 == NUMBERS);
			call(s, "spoil", NULL, 0);
			cr_expect(call(s, "check", NULL, 0).of.u32 == 0);
			if (i % 2) /* the heap grows and moves */
				call_u32(s, "make", NUMBERS * 3);
			restore(s, snap);
		}
		mote_snapshot_free(snap);
		cr_expect(count(s) == 2 && call(s, "check", NULL, 0).of.u32 == NUMBERS);
		mote_sandbox_free(s);
	}
}

Test(api_snapshot, sandboxes_are_made_from_it)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *first = ready(k), *s[3];
		call_u32(first, "make", NUMBERS);
		count(first);
		struct mote_snapshot *snap = snapshot(first);
		mote_sandbox_free(first);
		for (int i = 0; i < 3; i++)
			s[i] = from(snap);
		for (int i = 0; i < 3; i++) {
			cr_expect(count(s[i]) == 2 &&
				  call(s[i], "check", NULL, 0).of.u32 == NUMBERS);
			call(s[i], "spoil", NULL, 0);
		}
		const char *name, *signature;
		cr_expect(mote_sandbox_export(s[0], 0, &name, &signature) == 0 &&
			  strcmp(name, "ask") == 0);
		restore(s[1], snap);
		cr_expect(count(s[1]) == 2 && count(s[0]) == 3);
		mote_snapshot_free(snap);
		for (int i = 0; i < 3; i++)
			mote_sandbox_free(s[i]);
	}
}

/* What is the host's: functions, limits, output. */
Test(api_snapshot, each_has_its_own_hosts_side)
{
	EACH_KIND(k)
	{
		int ends[2], mine[3] = {-1, -1, 2};
		char text[8] = {0};
		cr_assert(pipe(ends) == 0);
		struct mote_sandbox *first = ready(k), *s = NULL;
		struct mote_snapshot *snap = snapshot(first);
		struct mote_options o = options(NULL);
		struct mote_error e = {0};
		mine[1] = ends[1];
		o.functions = two;
		o.stdio = mine;
		cr_assert(mote_sandbox_from(snap, &o, &s, &e) == 0, "%s", e.text);
		cr_expect(call(s, "ask", NULL, 0).of.i64 == 2 &&
			  call(first, "ask", NULL, 0).of.i64 == 1);
		const struct mote_value arg = mote_string("out");
		call(s, "say", &arg, 1);
		cr_expect(read(ends[0], text, 8) == 3 && strcmp(text, "out") == 0);
		inside = snap;
		cr_expect(call(s, "ask", NULL, 0).of.i64 == 2);
		mote_snapshot_free(snap);
		mote_sandbox_free(first);
		mote_sandbox_free(s);
		close(ends[0]);
		close(ends[1]);
		inside = NULL;
	}
}

Test(api_snapshot, a_poisoned_sandbox_is_restored)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		struct mote_snapshot *snap = snapshot(s), *none = NULL;
		struct mote_error e = {0};
		for (int i = 0; i < 3; i++) {
			cr_expect(mote_sandbox_call(s, "trap", NULL, 0, NULL, &e) == -EIO &&
				  mote_sandbox_poisoned(s));
			cr_expect(mote_sandbox_snapshot(s, &none, &e) == -ENOTRECOVERABLE);
			restore(s, snap);
			cr_expect(!mote_sandbox_poisoned(s) && count(s) == 1);
		}
		mote_sandbox_free(s);
		struct mote_options o = options(NULL);
		o.call_time_limit_ns = 30000000;
		cr_assert(mote_sandbox_from(snap, &o, &s, &e) == 0, "%s", e.text);
		for (int i = 0; i < 3; i++) {
			cr_expect(mote_sandbox_call(s, "loop", NULL, 0, NULL, &e) == -ETIMEDOUT);
			restore(s, snap);
			cr_expect(count(s) == 1);
		}
		mote_snapshot_free(snap);
		mote_sandbox_free(s);
	}
}

static int64_t host_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void expect_now(struct mote_sandbox *s)
{
	for (uint32_t monotonic = 0; monotonic < 2; monotonic++) {
		clockid_t clock = monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME;
		int64_t before = host_ns(clock),
			guest = (int64_t)call_u32(s, "now", monotonic).of.u64;
		cr_expect(guest >= before - 1000000 && guest <= host_ns(clock) + 1000000,
			  "%ld us off", (guest - before) / 1000);
	}
}

Test(api_snapshot, random_and_clocks_are_fresh)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k), *other;
		uint64_t generation = call(s, "generation", NULL, 0).of.u64, seen[6];
		struct mote_snapshot *snap = snapshot(s);
		expect_now(s);
		for (int i = 0; i < 6; i++) {
			usleep(20000);
			restore(s, snap);
			other = i % 2 ? from(snap) : NULL;
			struct mote_sandbox *which = other ? other : s;
			expect_now(which);
			seen[i] = call(which, "random_number", NULL, 0).of.u64;
			for (int n = 0; n < i; n++)
				cr_expect(seen[n] != seen[i]);
			cr_expect(call(which, "generation", NULL, 0).of.u64 != generation);
			mote_sandbox_free(other);
		}
		mote_snapshot_free(snap);
		mote_sandbox_free(s);
	}
}

Test(api_snapshot, open_files_are_refused)
{
	struct mote_dir dir = {
		.guest_path = "/",
		.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
		.readonly = 1,
	};
	EACH_KIND(k)
	{
		struct mote_options o = options(kinds[k]);
		struct mote_error e = {0};
		struct mote_sandbox *s = NULL, *other = NULL;
		struct mote_snapshot *snap = NULL;
		o.dirs = &dir;
		o.dir_count = 1;
		cr_assert(mote_sandbox_new(&o, &s, &e) == 0 && mote_sandbox_init(s, &e) == 0, "%s",
			  e.text);
		close(o.program_fd);
		struct mote_snapshot *good = snapshot(s);
		const struct mote_value arg = mote_string("/etc/passwd");
		call(s, "open_file", &arg, 1);
		cr_expect(mote_sandbox_snapshot(s, &snap, &e) == -EBUSY &&
				  e.blame == MOTE_BLAME_GUEST && strstr(e.text, "open (a file"),
			  "%s", e.text);
		restore(s, good);
		snap = snapshot(s);
		mote_snapshot_free(snap);
		/* Other descriptors than the guest knows. */
		o = options(NULL);
		cr_expect(mote_sandbox_from(good, &o, &other, &e) == -EBADF &&
				  strstr(e.text, "descriptor 3"),
			  "%s", e.text);
		o.dirs = &dir;
		o.dir_count = 1;
		cr_assert(mote_sandbox_from(good, &o, &other, &e) == 0, "%s", e.text);
		call(other, "open_file", &arg, 1);
		mote_snapshot_free(good);
		mote_sandbox_free(s);
		mote_sandbox_free(other);
	}
	close(dir.fd);
}

Test(api_snapshot, states_that_have_none)
{
	struct mote_options o = options(kinds[0]);
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	struct mote_snapshot *snap = NULL;
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0);
	cr_expect(mote_sandbox_snapshot(s, &snap, &e) == -EINVAL &&
		  strstr(e.text, "not initialised"));
	mote_sandbox_free(s);
	close(o.program_fd);
	mote_snapshot_free(NULL);
}

/* --- pools --- */

static void *use_pool(void *arg)
{
	struct mote_pool *pool = arg;
	for (int i = 0; i < 30; i++) {
		struct mote_error e = {0};
		struct mote_sandbox *s = NULL;
		cr_assert(mote_pool_take(pool, &s, &e) == 0, "%s", e.text);
		cr_expect(count(s) == 1, "a sandbox that was used before");
		if (i % 7 == 0)
			cr_expect(mote_sandbox_call(s, "trap", NULL, 0, NULL, &e) == -EIO);
		if (i % 5)
			mote_pool_give(pool, s);
		else
			mote_sandbox_free(s);
	}
	return NULL;
}

Test(api_snapshot, a_pool_has_fresh_sandboxes)
{
	EACH_KIND(k)
	{
		struct mote_sandbox *s = ready(k);
		struct mote_snapshot *snap = snapshot(s);
		struct mote_options o = options(NULL);
		struct mote_pool_options p = {
			.size = sizeof(p),
			.snapshot = snap,
			.sandbox = &o,
			.ready = 3,
		};
		struct mote_pool *pool = NULL;
		struct mote_error e = {0};
		pthread_t threads[3];
		cr_assert(mote_keep_vms(2, &e) == 0 && mote_pool_new(&p, &pool, &e) == 0, "%s",
			  e.text);
		mote_snapshot_free(snap);
		for (int i = 0; i < 1000 && mote_pool_ready(pool) < 3; i++)
			usleep(5000);
		cr_expect(mote_pool_ready(pool) == 3);
		for (int i = 0; i < 3; i++)
			cr_assert(pthread_create(&threads[i], NULL, use_pool, pool) == 0);
		for (int i = 0; i < 3; i++)
			pthread_join(threads[i], NULL);
		mote_pool_free(pool);
		cr_assert(mote_keep_vms(0, &e) == 0);
		mote_sandbox_free(s);
	}
}

Test(api_snapshot, a_pool_that_can_make_none_says_why)
{
	struct mote_sandbox *s = ready(0), *taken = NULL;
	struct mote_snapshot *snap = snapshot(s);
	struct mote_options o = options(NULL);
	struct mote_pool_options p = {.size = sizeof(p), .snapshot = snap, .sandbox = &o};
	struct mote_pool *pool = NULL;
	struct mote_error e = {0};
	int closed[3] = {-1, -1, -1};
	o.stdio = closed;
	cr_assert(mote_pool_new(&p, &pool, &e) == 0);
	cr_expect(mote_pool_take(pool, &taken, &e) == -EBADF && strstr(e.text, "descriptor 1"),
		  "%s", e.text);
	mote_pool_free(pool);
	p.size = 0;
	cr_expect(mote_pool_new(&p, &pool, &e) == -EINVAL);
	mote_snapshot_free(snap);
	mote_sandbox_free(s);
}
