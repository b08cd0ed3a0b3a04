/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that a module imports by any module name, the guest's memory, and calls that are
 * paused: test/guest/calls_imports.wat. Needs a KVM, of either kind.
 */
#include "calls_harness.h"

#include <mote/cache.h>
#include <mote/pool.h>
#include <mote/snapshot.h>

#include "api/sandbox.h"
#include "vm/internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

/* --- the host's functions --- */

static struct {
	char line[64];     /* env.log, or WASI's fd_write */
	int rc;            /* of the last access to the guest's memory */
	int waits;         /* of env.wait */
	int32_t wait_args; /* their sum */
	int none;
} seen;

static int take_line(struct mote_sandbox *s, uint32_t at, uint32_t len)
{
	struct mote_error e = {0};
	memset(seen.line, 0, sizeof(seen.line));
	if (len >= sizeof(seen.line))
		len = sizeof(seen.line) - 1;
	seen.rc = mote_sandbox_read(s, at, seen.line, len, &e);
	cr_expect(seen.rc == 0 || (e.code == EFAULT && strstr(e.text, "memory")), "%s", e.text);
	return seen.rc;
}

static int env_log(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
		   struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)error;
	cr_expect(count == 2 && a[0].type == MOTE_I32);
	*result = mote_i32(take_line(s, a[0].of.u32, a[1].of.u32) < 0 ? -1 : a[1].of.i32);
	return 0;
}

static int env_fill(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
		    struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)count, (void)error;
	const size_t bytes = a[2].of.u32;
	char *with = malloc(bytes ? bytes : 1);
	cr_assert(with);
	memset(with, a[1].of.i32, bytes);
	seen.rc = mote_sandbox_write(s, a[0].of.u32, with, bytes, NULL);
	*result = mote_i32(seen.rc);
	free(with);
	return 0;
}

/* Bytes in memory that the guest allocates: its own malloc is called meanwhile. */
static int env_give(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
		    struct mote_value *result, struct mote_error *error)
{
	const struct mote_value five = mote_i32(5);
	struct mote_value at = {0};
	const uint32_t len = 5;
	(void)arg, (void)count;
	int rc = mote_sandbox_call(s, "malloc", &five, 1, &at, error);
	if (rc == 0)
		rc = mote_sandbox_write(s, at.of.u32, "given", len, error);
	if (rc == 0)
		rc = mote_sandbox_write(s, a[0].of.u32, &at.of.u32, sizeof(uint32_t), error);
	if (rc == 0)
		rc = mote_sandbox_write(s, a[1].of.u32, &len, sizeof(len), error);
	*result = mote_i32(0);
	return rc;
}

static int clock_now(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
		     struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)error;
	cr_expect(count == 3 && a[1].of.f32 == 0.5f && a[2].of.f64 == -2);
	*result = mote_i64(a[0].of.i64 + 1);
	return 0;
}

static int clock_log(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
		     struct mote_value *result, struct mote_error *error)
{
	(void)s, (void)count, (void)error;
	*result = mote_f64(a[0].of.f64 / *(const int *)arg);
	return 0;
}

static int env_third(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
		     struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)count, (void)error;
	*result = mote_f32(a[0].of.f32 / 3);
	return 0;
}

static int env_none(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
		    struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)a, (void)result, (void)error;
	cr_expect(count == 0);
	seen.none++;
	return 0;
}

static int env_wait(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
		    struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)count, (void)result, (void)error;
	seen.waits++;
	seen.wait_args += a[0].of.i32;
	return MOTE_PAUSE;
}

static int env_fail(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
		    struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)a, (void)count, (void)result;
	snprintf(error->text, sizeof(error->text), "no such luck");
	return -EPERM;
}

static int wasi_fd_write(void *arg, struct mote_sandbox *s, const struct mote_value *a,
			 size_t count, struct mote_value *result, struct mote_error *error)
{
	uint32_t vector[2] = {0};
	(void)arg;
	cr_expect(count == 4 && a[0].of.i32 == 1 && a[2].of.i32 == 1);
	int rc = mote_sandbox_read(s, a[1].of.u32, vector, sizeof(vector), error);
	if (rc < 0)
		return rc;
	*result = mote_i32(0);
	take_line(s, vector[0], vector[1]);
	return mote_sandbox_write(s, a[3].of.u32, &vector[1], sizeof(uint32_t), error);
}

static int mote_named(void *arg, struct mote_sandbox *s, const struct mote_value *a, size_t count,
		      struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)s, (void)count, (void)error;
	*result = mote_u32(a[0].of.u32 * 2);
	return 0;
}

static const int two = 2;
static const struct mote_function named[] = {
	{.name = "named", .signature = "u:u", .call = mote_named},
	{.name = "log", .signature = "s:", .call = env_none}, /* not env.log */
};
static const struct mote_import imports[] = {
	{"env", "log", "ii:i", env_log, NULL},
	{"env", "fill", "iii:i", env_fill, NULL},
	{"env", "give", "ii:i", env_give, NULL},
	{"host.clock/1.0", "now", "IfF:I", clock_now, NULL},
	{"host.clock/1.0", "log", "F:F", clock_log, (void *)(uintptr_t)&two},
	{"env", "third", "f:f", env_third, NULL},
	{"env", "none", ":", env_none, NULL},
	{"env", "wait", "i:i", env_wait, NULL},
	{"env", "fail", ":", env_fail, NULL},
	{"wasi_snapshot_preview1", "fd_write", "iiii:i", wasi_fd_write, NULL},
	{"env", "never_imported", "i:", env_none, NULL},
};
enum { IMPORTS = sizeof(imports) / sizeof(imports[0]) };

static struct mote_options with_imports(void)
{
	struct mote_options o = options("calls_imports.wasm", no_args);
	o.functions = named;
	o.function_count = sizeof(named) / sizeof(named[0]);
	o.imports = imports;
	o.import_count = IMPORTS;
	memset(&seen, 0, sizeof(seen));
	return o;
}

static struct mote_sandbox *module_ready(void)
{
	struct mote_options o = with_imports();
	return start(&o);
}

/* --- imports --- */

static void use_all(struct mote_sandbox *s)
{
	cr_expect(must_call(s, "say", NULL, 0).of.i32 == 22);
	cr_expect_str_eq(seen.line, "a line of the module's");
	cr_expect(CALL(s, "now", mote_i64(1L << 40)).of.i64 == (1L << 40) + 1);
	cr_expect(CALL(s, "half", mote_f64(3)).of.f64 == 1.5);
	cr_expect(CALL(s, "third", mote_f32(1.5f)).of.f32 == 0.5f);
	const int before = seen.none;
	must_call(s, "none", NULL, 0);
	cr_expect(seen.none == before + 1);
	cr_expect(CALL(s, "named", mote_i32(21)).of.i32 == 42);
	memset(seen.line, 0, sizeof(seen.line));
	cr_expect(must_call(s, "write", NULL, 0).of.i32 == 0, "the host's fd_write");
	cr_expect_str_eq(seen.line, "a line of the module's");
	cr_expect(must_call(s, "yield", NULL, 0).of.i32 == 0, "WASI's own function");
}

Test(api_imports, functions_of_any_module_are_called_with_core_types)
{
	struct mote_sandbox *s = module_ready();
	use_all(s);
	expect_error(s, EIO, "env.fail: no such luck", "fail", NULL, 0);
	expect_poisoned(s, "no such luck");
	mote_sandbox_free(s);
}

Test(api_imports, snapshots_have_the_functions_of_the_new_sandbox)
{
	struct mote_sandbox *s = module_ready(), *other;
	struct mote_snapshot *snapshot;
	struct mote_error e = {0};
	cr_assert(mote_sandbox_snapshot(s, &snapshot, &e) == 0, "%s", e.text);
	use_all(s);
	cr_assert(mote_sandbox_restore(s, snapshot, &e) == 0, "%s", e.text);
	use_all(s);
	struct mote_options o = with_imports();
	cr_assert(mote_sandbox_from(snapshot, &o, &other, &e) == 0, "%s", e.text);
	use_all(other);
	mote_sandbox_free(other);
	/* One is not there any more, another has another type. */
	struct mote_import fewer[IMPORTS];
	memcpy(fewer, imports, sizeof(imports));
	fewer[0].name = "logs";
	fewer[1].signature = "iiI:i";
	o.imports = fewer;
	cr_assert(mote_sandbox_from(snapshot, &o, &other, &e) == 0, "%s", e.text);
	cr_expect(CALL(other, "third", mote_f32(3)).of.f32 == 1);
	expect_error(other, EIO, "env.log: the host has no such function", "say", NULL, 0);
	cr_assert(mote_sandbox_restore(other, snapshot, &e) == 0, "%s", e.text);
	FAILS(other, EIO, "env.fill: iiI:i", "fill_at", mote_i32(0), mote_i32(0), mote_i32(0));
	close(o.program_fd);
	mote_sandbox_free(other);
	mote_sandbox_free(s);
	mote_snapshot_free(snapshot);
}

/* The module's words on its standard error. */
static void expect_unlinked(const struct mote_import *list, const char *why)
{
	struct mote_options o = with_imports();
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	int err = memfd_create("err", MFD_CLOEXEC), stdio[3] = {-1, -1, err};
	char text[400] = "";
	o.stdio = stdio;
	o.imports = list;
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	cr_expect(mote_sandbox_init(s, &e) == -EIO, "%s", e.text);
	cr_expect(pread(err, text, 399, 0) > 0 && strstr(text, why), "%s; not %s", text, why);
	mote_sandbox_free(s);
	close(o.program_fd);
	close(err);
}

Test(api_imports, what_the_host_lacks_is_named)
{
	struct mote_import list[IMPORTS];
	memcpy(list, imports, sizeof(imports));
	list[2].module = "entropy";
	expect_unlinked(list, "cannot import env.give: the host has no function of that name");
	memcpy(list, imports, sizeof(imports));
	list[3].signature = "Iff:I";
	expect_unlinked(list, "host.clock/1.0.now: the host's function is of another type");
	memcpy(list, imports, sizeof(imports));
	list[9].signature = "iiii:";
	expect_unlinked(list, "fd_write: the host's function is of another type");
}

static void expect_refused(struct mote_import f, const char *why)
{
	struct mote_options o = with_imports();
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	const struct mote_import list[2] = {imports[0], f};
	o.imports = list;
	o.import_count = 2;
	int rc = mote_sandbox_new(&o, &s, &e);
	cr_expect(rc < 0 && rc == -e.code && e.blame == MOTE_BLAME_CONFIG && strstr(e.text, why),
		  "%d %s; not %s", rc, e.text, why);
	close(o.program_fd);
}

Test(api_imports, wrong_lists_are_refused)
{
	char long_name[258];
	memset(long_name, 'n', 257);
	long_name[257] = '\0';
	expect_refused((struct mote_import){NULL, "f", ":", env_none, NULL}, "without module");
	expect_refused((struct mote_import){"env", NULL, ":", env_none, NULL}, "without module");
	expect_refused((struct mote_import){"env", "f", NULL, env_none, NULL}, "signature");
	expect_refused((struct mote_import){"env", "f", ":", NULL, NULL}, "call");
	expect_refused((struct mote_import){"", "f", ":", env_none, NULL}, "1 to 255");
	expect_refused((struct mote_import){"env", "", ":", env_none, NULL}, "1 to 255");
	expect_refused((struct mote_import){"env", long_name, ":", env_none, NULL}, "1 to 255");
	expect_refused((struct mote_import){"env", "f", "s:", env_none, NULL}, "letters");
	expect_refused((struct mote_import){"env", "f", "i:y", env_none, NULL}, "letters");
	expect_refused((struct mote_import){"env", "f", "u:", env_none, NULL}, "letters");
	expect_refused((struct mote_import){"env", "f", "i:ii", env_none, NULL}, "signature");
	expect_refused((struct mote_import){"env", "f", "V:", env_none, NULL}, "signature");
	expect_refused((struct mote_import){"env", "log", ":", env_none, NULL},
		       "two host functions are called env.log");
	expect_refused((struct mote_import){"mote", "f", ":", env_none, NULL}, "options.functions");
	expect_refused((struct mote_import){"mote_guest", "f", ":", env_none, NULL}, "mote_guest");
	struct mote_options o = with_imports();
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	o.import_count = 4097;
	cr_expect(mote_sandbox_new(&o, &s, &e) == -E2BIG && strstr(e.text, "4097"), "%s", e.text);
	close(o.program_fd);
}

/* A compiled form is made without the host: its imports are bound in each start. */
Test(api_imports, modules_from_the_cache_have_them_too)
{
	char directory[] = "/tmp/mote-imports-XXXXXX", command[200];
	cr_assert(mkdtemp(directory));
	for (int replaces = 0; replaces < 2; replaces++)
		for (int round = 0; round < 2; round++) {
			struct mote_options o = with_imports();
			struct mote_sandbox *s = NULL;
			struct mote_error e = {0};
			if (!replaces) { /* WASI's fd_write */
				struct mote_import list[IMPORTS];
				memcpy(list, imports, sizeof(imports));
				list[9].module = "another";
				o.imports = list;
				cr_assert(mote_sandbox_new_cached(directory, 0, &o, &s, &e) == 0,
					  "%s", e.text);
			} else {
				cr_assert(mote_sandbox_new_cached(directory, 0, &o, &s, &e) == 0,
					  "%s", e.text);
			}
			cr_assert(mote_sandbox_init(s, &e) == 0, "%s", e.text);
			if (replaces)
				use_all(s);
			cr_expect(CALL(s, "third", mote_f32(3)).of.f32 == 1);
			cr_expect(must_call(s, "say", NULL, 0).of.i32 == 22);
			mote_sandbox_free(s);
			close(o.program_fd);
		}
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_expect(system(command) == 0);
}

/* --- memory --- */

Test(api_imports, memory_is_read_and_written_by_checked_spans)
{
	enum { PAGE = 65536 };
	struct mote_sandbox *s = module_ready();
	struct mote_error e = {0};
	char text[32] = "";
	uint8_t byte = 7;
	cr_expect(mote_sandbox_memory_bytes(s) == PAGE);
	/* between two calls */
	cr_expect(mote_sandbox_read(s, 18, text, 4, &e) == 0 && strcmp(text, "line") == 0);
	cr_expect(mote_sandbox_write(s, PAGE - 1, &byte, 1, &e) == 0);
	cr_expect(CALL(s, "load8", mote_i32(PAGE - 1)).of.i32 == 7);
	/* nothing, at the end */
	cr_expect(mote_sandbox_read(s, PAGE, text, 0, &e) == 0);
	cr_expect(mote_sandbox_write(s, PAGE, text, 0, &e) == 0);
	static const struct {
		uint64_t at;
		size_t bytes;
	} outside[] = {
		{PAGE, 1},       {PAGE - 1, 2},        {PAGE + 1, 0},   {0, PAGE + 1},
		{UINT64_MAX, 1}, {1, SIZE_MAX},        {UINT64_MAX, 2}, {UINT32_MAX, 1},
		{1UL << 63, 1},  {PAGE, SIZE_MAX / 2}, {0, SIZE_MAX},
	};
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		e = (struct mote_error){0};
		cr_expect(mote_sandbox_read(s, outside[i].at, text, outside[i].bytes, &e) ==
					  -EFAULT &&
				  e.code == EFAULT && strstr(e.text, "0x10000"),
			  "%zu: %s", i, e.text);
		cr_expect(mote_sandbox_write(s, outside[i].at, text, outside[i].bytes, &e) ==
				  -EFAULT,
			  "%zu", i);
	}
	/* in a host function, at addresses of the guest's */
	cr_expect(CALL(s, "log_at", mote_i32(PAGE - 4), mote_i32(4)).of.i32 == 4);
	cr_expect(CALL(s, "log_at", mote_i32(PAGE - 4), mote_i32(5)).of.i32 == -1);
	cr_expect(CALL(s, "log_at", mote_i32(-1), mote_i32(5)).of.i32 == -1);
	cr_expect(CALL(s, "fill_at", mote_i32(100), mote_i32(9), mote_i32(400)).of.i32 == 0);
	cr_expect(CALL(s, "load8", mote_i32(499)).of.i32 == 9 &&
		  CALL(s, "load8", mote_i32(500)).of.i32 == 0);
	cr_expect(CALL(s, "fill_at", mote_i32(PAGE - 10), mote_i32(9), mote_i32(11)).of.i32 ==
		  -EFAULT);
	cr_expect(CALL(s, "load8", mote_i32(PAGE - 10)).of.i32 == 0, "nothing was written");
	/* what has grown */
	cr_expect(CALL(s, "grow", mote_i32(1)).of.i32 == 1);
	cr_expect(mote_sandbox_memory_bytes(s) == 2 * PAGE);
	cr_expect(CALL(s, "fill_at", mote_i32(PAGE - 10), mote_i32(8), mote_i32(100)).of.i32 == 0);
	cr_expect(CALL(s, "load8", mote_i32(PAGE + 89)).of.i32 == 8);
	FAILS(s, EIO, "memory", "load8", mote_i32(2 * PAGE));
	cr_expect(mote_sandbox_read(s, 0, text, 1, &e) == -ENOTRECOVERABLE);
	mote_sandbox_free(s);
}

Test(api_imports, the_guest_allocates_while_a_host_function_runs)
{
	struct mote_sandbox *s = module_ready();
	for (int i = 0; i < 100; i++)
		cr_expect(must_call(s, "take", NULL, 0).of.i32 == 'g' + 5);
	struct mote_value at = CALL(s, "malloc", mote_i32(8));
	cr_expect(mote_sandbox_write(s, at.of.u32, "between", 8, NULL) == 0);
	cr_expect(CALL(s, "load8", at).of.i32 == 'b');
	CALL(s, "free", at);
	cr_expect(must_call(s, "freed", NULL, 0).of.i32 == 1);
	mote_sandbox_free(s);
}

/* What the host writes is the guest's state: a snapshot has it, and a restore undoes it. */
Test(api_imports, writes_are_undone_by_a_restore)
{
	struct mote_sandbox *s = module_ready();
	struct mote_snapshot *snapshot;
	struct mote_error e = {0};
	cr_assert(mote_sandbox_write(s, 300, "kept", 4, &e) == 0, "%s", e.text);
	cr_assert(mote_sandbox_snapshot(s, &snapshot, &e) == 0, "%s", e.text);
	for (int round = 0; round < 40; round++) {
		char text[5] = "";
		const uint64_t at = 300 + (uint64_t)round * 1531;
		if (round % 3 == 0) /* the thread makes pages its own elsewhere, too */
			free(memset(malloc(1 << 20), 1, 1 << 20));
		cr_assert(mote_sandbox_write(s, at, "gone", 4, &e) == 0, "%s", e.text);
		if (round % 2)
			must_call(s, "say", NULL, 0);
		cr_assert(mote_sandbox_restore(s, snapshot, &e) == 0, "%s", e.text);
		cr_assert(mote_sandbox_read(s, at, text, 4, &e) == 0, "%s", e.text);
		cr_expect_str_eq(text, round ? "" : "kept", "round %d", round);
	}
	mote_sandbox_free(s);
	mote_snapshot_free(snapshot);
}

Test(api_imports, native_programs_have_their_addresses)
{
	struct mote_options o = options("calls_guest.elf", no_args);
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	char bytes[16];
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	cr_expect(mote_sandbox_read(s, 0, bytes, 1, &e) == -EINVAL && strstr(e.text, "init"), "%s",
		  e.text);
	mote_sandbox_free(s);
	s = start(&o);
	close(o.program_fd);
	cr_expect(mote_sandbox_memory_bytes(s) > 1UL << 46);
	cr_expect(mote_sandbox_read(s, 0, bytes, 1, &e) == -EFAULT);
	cr_expect(mote_sandbox_read(s, UINT64_MAX, bytes, 16, &e) == -EFAULT);
	cr_expect(mote_sandbox_read(s, mote_sandbox_memory_bytes(s), bytes, 1, &e) == -EFAULT);
	mote_sandbox_free(s);
}

/* --- paused calls --- */

static int go_on(struct mote_sandbox *s, int32_t answer, struct mote_value *result,
		 struct mote_error *e)
{
	const struct mote_value v = mote_i32(answer);
	return mote_sandbox_continue(s, &v, NULL, result, e);
}

static int begin(struct mote_sandbox *s, int32_t times, struct mote_value *result,
		 struct mote_error *e)
{
	const struct mote_value v = mote_i32(times);
	return mote_sandbox_call(s, "waits", &v, 1, result, e);
}

Test(api_imports, a_call_is_paused_and_continued)
{
	struct mote_sandbox *s = module_ready();
	struct mote_value result = {0};
	struct mote_error e = {0};
	cr_expect(go_on(s, 1, &result, &e) == -EAGAIN && strstr(e.text, "paused"), "%s", e.text);
	cr_expect(begin(s, 0, &result, &e) == 0 && result.of.i32 == 0);
	cr_expect(begin(s, 3, &result, &e) == -EINPROGRESS && strstr(e.text, "env.wait"), "%s",
		  e.text);
	const struct mote_value wrong = mote_i64(1), none = mote_void();
	cr_expect(mote_sandbox_continue(s, &wrong, NULL, &result, &e) == -EINVAL, "%s", e.text);
	cr_expect(mote_sandbox_continue(s, &none, NULL, &result, &e) == -EINVAL, "%s", e.text);
	cr_expect(go_on(s, 10, &result, &e) == -EINPROGRESS);
	cr_expect(go_on(s, 20, &result, &e) == -EINPROGRESS);
	cr_expect(go_on(s, 12, &result, &e) == 0 && result.of.i32 == 42, "%s", e.text);
	cr_expect(seen.waits == 3 && seen.wait_args == 6);
	cr_expect(go_on(s, 1, &result, &e) == -EAGAIN);
	cr_expect(begin(s, 1, &result, &e) == -EINPROGRESS);
	cr_expect(mote_sandbox_continue(s, NULL, "gave up", &result, &e) == -EIO &&
			  strstr(e.text, "env.wait: gave up"),
		  "%s", e.text);
	expect_poisoned(s, "gave up");
	mote_sandbox_free(s);
}

Test(api_imports, a_paused_sandbox_is_used_as_in_the_host_function)
{
	struct mote_sandbox *s = module_ready();
	struct mote_snapshot *snapshot;
	struct mote_value result = {0};
	struct mote_error e = {0};
	cr_assert(mote_sandbox_snapshot(s, &snapshot, &e) == 0);
	cr_assert(begin(s, 2, &result, &e) == -EINPROGRESS);
	struct mote_snapshot *none = NULL;
	cr_expect(mote_sandbox_snapshot(s, &none, &e) == -EINVAL);
	struct mote_value at = CALL(s, "malloc", mote_i32(8));
	cr_expect(mote_sandbox_write(s, at.of.u32, "paused", 7, &e) == 0);
	cr_expect(CALL(s, "load8", at).of.i32 == 'p');
	cr_expect(must_call(s, "take", NULL, 0).of.i32 == 'g' + 5);
	cr_expect(go_on(s, 1, &result, &e) == -EINPROGRESS);
	use_all(s);
	cr_expect(go_on(s, 2, &result, &e) == 0 && result.of.i32 == 3, "%s", e.text);
	/* A call that is nested cannot pause: its guest traps. */
	cr_assert(begin(s, 1, &result, &e) == -EINPROGRESS);
	cr_expect(begin(s, 1, &result, &e) == -EIO && strstr(e.text, "nested"), "%s", e.text);
	cr_expect(go_on(s, 2, &result, &e) == -ENOTRECOVERABLE);
	cr_expect(go_on(s, 2, &result, &e) == -EAGAIN);
	/* A restore gives a paused call up, and so does the end of the sandbox. */
	for (int i = 0; i < 3; i++) {
		cr_assert(mote_sandbox_restore(s, snapshot, &e) == 0, "%s", e.text);
		cr_expect(go_on(s, 1, &result, &e) == -EAGAIN);
		cr_expect(mote_sandbox_interrupt(s) == -ESRCH);
		use_all(s);
		cr_assert(begin(s, 2, &result, &e) == -EINPROGRESS);
	}
	mote_sandbox_free(s);
	mote_snapshot_free(snapshot);
}

Test(api_imports, limits_and_interrupts_of_paused_calls)
{
	enum { PAUSE_NS = 300000000 };
	struct mote_options o = with_imports();
	struct mote_sandbox *s = start(&o);
	struct mote_value result = {0};
	struct mote_error e = {0};
	cr_assert(begin(s, 2, &result, &e) == -EINPROGRESS, "%s", e.text);
	const uint64_t deadline_ns = s->vm->deadline_ns;
	usleep(PAUSE_NS / 2000);
	cr_expect(CALL(s, "load8", mote_i32(16)).of.i32 == 'a');
	usleep(PAUSE_NS / 2000);
	cr_expect(go_on(s, 1, &result, &e) == -EINPROGRESS, "%s", e.text);
	cr_expect(s->vm->deadline_ns >= deadline_ns + PAUSE_NS, "%lu",
		  s->vm->deadline_ns - deadline_ns);
	cr_expect(mote_sandbox_interrupt(s) == 0);
	cr_expect(go_on(s, 1, &result, &e) == -ECANCELED, "%s", e.text);
	expect_poisoned(s, "interrupted");
	mote_sandbox_free(s);
	o = with_imports();
	o.call_cpu_limit_ns = 100000000;
	s = start(&o);
	cr_assert(begin(s, 1, &result, &e) == -EINPROGRESS, "%s", e.text);
	expect_error(s, ETIMEDOUT, "CPU time", "loop", NULL, 0);
	cr_expect(go_on(s, 1, &result, &e) == -ENOTRECOVERABLE);
	mote_sandbox_free(s);
}

/* --- paused calls go on from other threads --- */

enum { THREADS = 4, SANDBOXES = 8, ROUNDS = 60 };

/* Sandboxes with paused calls go round: whoever takes one continues it and hands it on. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct mote_sandbox *queue[SANDBOXES];
	int len, done;
} passed_on = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static struct mote_sandbox *take(void)
{
	struct mote_sandbox *s = NULL;
	pthread_mutex_lock(&passed_on.lock);
	while (!passed_on.len && passed_on.done < SANDBOXES)
		pthread_cond_wait(&passed_on.more, &passed_on.lock);
	if (passed_on.len) {
		s = passed_on.queue[0];
		memmove(passed_on.queue, passed_on.queue + 1, sizeof(s) * (size_t)--passed_on.len);
	}
	pthread_mutex_unlock(&passed_on.lock);
	return s;
}

static void hand_on(struct mote_sandbox *s)
{
	pthread_mutex_lock(&passed_on.lock);
	if (s)
		passed_on.queue[passed_on.len++] = s;
	else
		passed_on.done++;
	pthread_cond_broadcast(&passed_on.more);
	pthread_mutex_unlock(&passed_on.lock);
}

static void *worker(void *wrong)
{
	for (struct mote_sandbox *s; (s = take());) {
		struct mote_value result = {0};
		struct mote_error e = {0};
		int rc = go_on(s, 1, &result, &e);
		if (rc == -EINPROGRESS) {
			hand_on(s);
			continue;
		}
		if (rc != 0 || result.of.i32 != ROUNDS)
			atomic_fetch_add((_Atomic int *)wrong, 1);
		mote_sandbox_free(s);
		hand_on(NULL);
	}
	return NULL;
}

Test(api_imports, paused_calls_go_on_from_any_thread)
{
	pthread_t threads[THREADS];
	_Atomic int wrong = 0;
	for (int i = 0; i < SANDBOXES; i++) {
		struct mote_sandbox *s = module_ready();
		struct mote_value result = {0};
		cr_assert(begin(s, ROUNDS, &result, NULL) == -EINPROGRESS);
		passed_on.queue[passed_on.len++] = s;
	}
	for (int i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, worker, &wrong) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_expect(wrong == 0 && passed_on.done == SANDBOXES);
}

/* One that is returned to its pool while it is paused is as good as new. */
Test(api_imports, a_pool_takes_paused_sandboxes)
{
	struct mote_sandbox *s = module_ready();
	struct mote_snapshot *snapshot;
	struct mote_pool *pool;
	struct mote_value result = {0};
	struct mote_error e = {0};
	cr_assert(mote_sandbox_snapshot(s, &snapshot, &e) == 0);
	mote_sandbox_free(s);
	struct mote_options o = with_imports();
	struct mote_pool_options p = {
		.size = sizeof(p), .snapshot = snapshot, .sandbox = &o, .ready = 2};
	cr_assert(mote_pool_new(&p, &pool, &e) == 0, "%s", e.text);
	for (int i = 0; i < 20; i++) {
		cr_assert(mote_pool_take(pool, &s, &e) == 0, "%s", e.text);
		cr_expect(begin(s, 2, &result, &e) == -EINPROGRESS);
		if (i % 2)
			cr_expect(go_on(s, 5, &result, &e) == -EINPROGRESS);
		mote_pool_give(pool, s);
	}
	mote_pool_free(pool);
	mote_snapshot_free(snapshot);
	close(o.program_fd);
}
