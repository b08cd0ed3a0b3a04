/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Components' functions called by a host program: test/guest/components, with values of all kinds;
 * snapshots, pools and the cache of compiled forms with them. Needs a KVM, of either kind.
 */
#include <mote/cache.h>
#include <mote/call.h>
#include <mote/pool.h>
#include <mote/snapshot.h>
#include <mote/wit.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *no_args[] = {(char *)"guest", NULL};
static const int stdio[3] = {-1, 2, 2};

static struct mote_options options(const char *name)
{
	struct mote_options o = {
		.size = sizeof(o),
		.memory_bytes = 256UL << 20,
		.program_fd = -1,
		.program_path = name,
		.argv = no_args,
		.stdio = stdio,
		.call_time_limit_ns = 100000000000,
		.library = 1,
	};
	if (name) {
		char path[500];
		snprintf(path, sizeof(path), TEST_COMPONENTS "/%s.wasm", name);
		o.program_fd = open(path, O_RDONLY | O_CLOEXEC);
		cr_assert(o.program_fd >= 0, "%s", path);
	}
	return o;
}

static struct mote_sandbox *start(const char *name)
{
	struct mote_options o = options(name);
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	close(o.program_fd);
	cr_assert(mote_sandbox_init(s, &e) == 0, "%s", e.text);
	return s;
}

struct args {
	uint8_t space[4096];
	struct mote_wit_out out;
};

static struct mote_wit_out *begin(struct args *a)
{
	a->out = (struct mote_wit_out){.at = a->space, .capacity = sizeof(a->space)};
	return &a->out;
}

static int call(struct mote_sandbox *s, const char *name, const struct args *a,
		struct mote_wit_in *in, struct mote_error *e)
{
	struct mote_value bytes = mote_bytes(a->space, a->out.len), result = {0};
	cr_assert(a->out.len <= a->out.capacity);
	int rc = mote_sandbox_call(s, name, &bytes, 1, &result, e);
	if (rc == 0)
		*in = (struct mote_wit_in){result.of.bytes.data, result.of.bytes.len};
	return rc;
}

static struct mote_wit_in must(struct mote_sandbox *s, const char *name, const struct args *a)
{
	struct mote_wit_in in = {0};
	struct mote_error e = {0};
	cr_assert(call(s, name, a, &in, &e) == 0, "%s: %s", name, e.text);
	return in;
}

static void refused(struct mote_sandbox *s, const char *name, const struct args *a, const char *why)
{
	struct mote_wit_in in = {0};
	struct mote_error e = {0};
	int rc = call(s, name, a, &in, &e);
	cr_expect(rc == -EREMOTEIO && strstr(e.text, why), "%d: %s, not %s", rc, e.text, why);
}

static struct mote_wit next(struct mote_wit_in *in)
{
	struct mote_wit v = {0};
	cr_assert(mote_wit_get(in, &v), "%zu bytes are left", in->left);
	return v;
}

static uint64_t number(struct mote_wit_in in)
{
	struct mote_wit v = next(&in);
	cr_assert(v.type == MOTE_WIT_UNSIGNED && in.left == 0);
	return v.of.uint;
}

/* --- values --- */

/* A record of all kinds, as wave.wat has it. */
static void put_record(struct mote_wit_out *o, const char *text)
{
	mote_wit_put_head(o, MOTE_WIT_RECORD, 16);
	mote_wit_put_bool(o, true);
	mote_wit_put_signed(o, -128);
	mote_wit_put_unsigned(o, UINT64_MAX);
	mote_wit_put_signed(o, INT64_MIN);
	mote_wit_put_f32(o, 0.5f);
	mote_wit_put_f64(o, -1e300);
	mote_wit_put_char(o, 0x1f600);
	mote_wit_put_string(o, text, strlen(text));
	mote_wit_put_case(o, 1, true); /* o: some(65535) */
	mote_wit_put_unsigned(o, 65535);
	mote_wit_put_case(o, 1, true); /* n: some(none) */
	mote_wit_put_case(o, 0, false);
	mote_wit_put_case(o, 1, true); /* r: err("no") */
	mote_wit_put_string(o, "no", 2);
	mote_wit_put_case(o, 2, true); /* v: text("") */
	mote_wit_put_string(o, "", 0);
	mote_wit_put_case(o, 1, false); /* e: green */
	mote_wit_put_flags(o, 5);
	mote_wit_put_head(o, MOTE_WIT_RECORD, 2);
	mote_wit_put_unsigned(o, 255);
	mote_wit_put_signed(o, -1);
	mote_wit_put_head(o, MOTE_WIT_LIST, 2);
	mote_wit_put_bytes(o, "a\0b", 3);
	mote_wit_put_bytes(o, "", 0);
}

Test(api_component, values_of_all_kinds_go_both_ways)
{
	static struct args a;
	struct mote_sandbox *s = start("wave");
	struct mote_wit_out *o = begin(&a);
	mote_wit_put_head(o, MOTE_WIT_LIST, 2);
	put_record(o, "text \xc3\xa9");
	put_record(o, "");
	struct mote_wit_in in = must(s, "all", &a);
	cr_expect(in.left == o->len && memcmp(in.at, a.space, o->len) == 0, "%zu of %zu bytes",
		  in.left, o->len);
	/* A list of u8 may come as a list, too. */
	o = begin(&a);
	mote_wit_put_head(o, MOTE_WIT_LIST, 0);
	cr_expect(must(s, "all", &a).left == 5);
	mote_sandbox_free(s);
}

Test(api_component, strings_of_another_encoding)
{
	static struct args a;
	struct mote_sandbox *s = start("wave");
	static const char text[] = "\xc3\xa9\0\xf0\x9f\x98\x80z";
	mote_wit_put_string(begin(&a), text, sizeof(text) - 1);
	struct mote_wit_in in = must(s, "test:test/one@0.1.0#text", &a);
	struct mote_wit v = next(&in);
	cr_expect(v.type == MOTE_WIT_STRING && v.of.string.len == sizeof(text) - 1 &&
		  memcmp(v.of.string.text, text, sizeof(text)) == 0 && in.left == 0);
	/* More than the guest's first buffer of messages. */
	static uint8_t space[30000];
	struct mote_wit_out big = {.at = space, .capacity = sizeof(space)};
	char *many = malloc(20000);
	memset(many, 'm', 20000);
	mote_wit_put_string(&big, many, 20000);
	struct mote_value bytes = mote_bytes(space, big.len), result = {0};
	struct mote_error e = {0};
	cr_assert(mote_sandbox_call(s, "test:test/one@0.1.0#text", &bytes, 1, &result, &e) == 0,
		  "%s", e.text);
	cr_expect(result.of.bytes.len == big.len &&
		  memcmp(result.of.bytes.data, space, big.len) == 0);
	free(many);
	mote_sandbox_free(s);
}

Test(api_component, exports_have_their_interfaces_names)
{
	static const char *const names[] = {"all",
					    "floats",
					    "test:test/one@0.1.0#add",
					    "test:test/one@0.1.0#text",
					    "test:test/two@0.1.0#add",
					    "test:test/two@0.1.0#fail"};
	struct mote_sandbox *s = start("wave");
	const char *name, *signature;
	size_t i = 0;
	for (; mote_sandbox_export(s, i, &name, &signature) == 0; i++)
		cr_expect(i < 6 && strcmp(name, names[i]) == 0 && strcmp(signature, "y:y") == 0,
			  "%s %s", name, signature);
	cr_expect(i == 6);
	static struct args a;
	mote_wit_put_unsigned(begin(&a), 40);
	mote_wit_put_signed(&a.out, 2);
	cr_expect(number(must(s, "test:test/two@0.1.0#add", &a)) == 42);
	mote_sandbox_free(s);
}

Test(api_component, what_are_no_parameters_is_refused)
{
	static struct args a;
	struct mote_sandbox *s = start("wave");
	const char *add = "test:test/one@0.1.0#add", *text = "test:test/one@0.1.0#text";
	(void)begin(&a);
	refused(s, add, &a, "too few arguments");
	mote_wit_put_unsigned(&a.out, 1);
	mote_wit_put_signed(&a.out, -1);
	refused(s, add, &a, "outside of its type");
	(void)begin(&a);
	mote_wit_put_unsigned(&a.out, 1);
	mote_wit_put_unsigned(&a.out, 1UL << 32);
	refused(s, add, &a, "outside of its type");
	(void)begin(&a);
	mote_wit_put_unsigned(&a.out, 1);
	mote_wit_put_string(&a.out, "1", 1);
	refused(s, add, &a, "not an integer");
	(void)begin(&a);
	for (int i = 0; i < 3; i++)
		mote_wit_put_unsigned(&a.out, 1);
	refused(s, add, &a, "too many arguments");
	mote_wit_put_string(begin(&a), "\xed\xa0\x80", 3);
	refused(s, text, &a, "not UTF-8");
	mote_wit_put_string(begin(&a), "cut", 3);
	a.out.len--;
	refused(s, text, &a, "damaged");
	mote_wit_put_head(begin(&a), MOTE_WIT_LIST, UINT32_MAX);
	refused(s, "all", &a, "too few arguments");
	mote_wit_put_head(begin(&a), MOTE_WIT_LIST, 1);
	mote_wit_put_head(&a.out, MOTE_WIT_RECORD, 15);
	refused(s, "all", &a, "another number of fields");
	/* Every beginning of good parameters is none. */
	mote_wit_put_head(begin(&a), MOTE_WIT_LIST, 1);
	put_record(&a.out, "t");
	const size_t all = a.out.len;
	for (a.out.len = 0; a.out.len < all; a.out.len++)
		refused(s, "all", &a, "");
	cr_expect(must(s, "all", &a).left == all, "and the component is as it was");
	mote_sandbox_free(s);
}

Test(api_component, a_trap_poisons)
{
	static struct args a;
	struct mote_sandbox *s = start("wave");
	struct mote_wit_in in;
	struct mote_error e = {0};
	(void)begin(&a);
	cr_expect(call(s, "test:test/two@0.1.0#none", &a, &in, &e) == -ENOENT);
	cr_expect(call(s, "test:test/two@0.1.0#fail", &a, &in, &e) == -EIO, "%s", e.text);
	cr_expect(mote_sandbox_poisoned(s) && strstr(e.text, "unreachable"), "%s", e.text);
	cr_expect(call(s, "test:test/two@0.1.0#add", &a, &in, &e) == -ENOTRECOVERABLE);
	mote_sandbox_free(s);
}

/* --- snapshots, pools, the cache --- */

Test(api_component, a_snapshot_holds_a_component)
{
	static struct args none;
	(void)begin(&none);
	struct mote_sandbox *s = start("counter"), *copy = NULL;
	struct mote_snapshot *snapshot = NULL;
	struct mote_error e = {0};
	cr_expect(number(must(s, "next", &none)) == 1);
	cr_assert(mote_sandbox_snapshot(s, &snapshot, &e) == 0, "%s", e.text);
	cr_expect(number(must(s, "next", &none)) == 2 && number(must(s, "next", &none)) == 3);
	struct mote_options o = options(NULL);
	cr_assert(mote_sandbox_from(snapshot, &o, &copy, &e) == 0, "%s", e.text);
	cr_expect(number(must(copy, "next", &none)) == 2);
	cr_assert(mote_sandbox_restore(s, snapshot, &e) == 0, "%s", e.text);
	cr_expect(number(must(s, "next", &none)) == 2);
	mote_snapshot_free(snapshot);
	mote_sandbox_free(copy);
	mote_sandbox_free(s);
}

Test(api_component, a_pool_of_components)
{
	static struct args none;
	(void)begin(&none);
	struct mote_sandbox *s = start("counter");
	struct mote_snapshot *snapshot = NULL;
	struct mote_error e = {0};
	cr_assert(mote_sandbox_snapshot(s, &snapshot, &e) == 0, "%s", e.text);
	struct mote_options o = options(NULL);
	const struct mote_pool_options p = {
		.size = sizeof(p), .snapshot = snapshot, .sandbox = &o, .ready = 2};
	struct mote_pool *pool = NULL;
	cr_assert(mote_pool_new(&p, &pool, &e) == 0, "%s", e.text);
	for (int i = 0; i < 5; i++) {
		struct mote_sandbox *taken = NULL;
		cr_assert(mote_pool_take(pool, &taken, &e) == 0, "%s", e.text);
		cr_expect(number(must(taken, "next", &none)) == 1);
		mote_pool_give(pool, taken);
	}
	mote_pool_free(pool);
	mote_snapshot_free(snapshot);
	mote_sandbox_free(s);
}

Test(api_component, a_compiled_component_is_called)
{
	static struct args none;
	char dir[] = "/tmp/mote-component-XXXXXX", command[100];
	struct mote_error e = {0};
	(void)begin(&none);
	cr_assert(mkdtemp(dir));
	for (int i = 0; i < 3; i++) {
		struct mote_options o = options("counter");
		struct mote_sandbox *s = NULL;
		cr_assert(mote_sandbox_new_cached(dir, 0, &o, &s, &e) == 0, "%s", e.text);
		close(o.program_fd);
		cr_assert(mote_sandbox_init(s, &e) == 0, "%s", e.text);
		cr_expect(number(must(s, "next", &none)) == 1);
		mote_sandbox_free(s);
	}
	snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_expect(system(command) == 0);
}

/* A command that is not to be a library is run, as modules are. */
Test(api_component, a_command_is_run)
{
	struct mote_options o = options("counter");
	struct mote_sandbox *s = NULL;
	struct mote_result result;
	struct mote_error e = {0};
	o.library = 0;
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
	close(o.program_fd);
	cr_expect(mote_sandbox_init(s, &e) == -EIO, "%s", e.text);
	cr_expect(mote_sandbox_result(s, &result) == 0 && result.end == MOTE_EXITED &&
		  result.code == 1);
	mote_sandbox_free(s);
}
