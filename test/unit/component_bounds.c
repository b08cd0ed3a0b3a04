/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Components that describe more than fits: each is refused by a limit, or taken, within a bounded
 * number of steps, whatever its types would be if they were written out.
 */
#include "guest/component/component.h"
#include "guest/component/encode.h"
#include "guest/component/limits.h"
#include "guest/component/types.h"
#include "guest/wasm/store.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct {
	uint8_t p[4 << 20];
	size_t n;
} out;

static void put(const void *bytes, size_t n)
{
	cr_assert(n <= sizeof(out.p) - out.n, "the test's component is too large");
	memcpy(out.p + out.n, bytes, n);
	out.n += n;
}

static void byte(unsigned b)
{
	const uint8_t one = (uint8_t)b;
	put(&one, 1);
}

/* Of five bytes, so that it can be written before the number is known. */
static void number(size_t at, uint32_t v)
{
	for (unsigned i = 0; i < 5; i++)
		out.p[at + i] = (uint8_t)((v >> 7 * i & 0x7f) | (i < 4 ? 0x80 : 0));
}

static void put_number(uint32_t v)
{
	put("\0\0\0\0\0", 5);
	number(out.n - 5, v);
}

static void begin(void)
{
	out.n = 0;
	put("\0asm\x0d\0\1\0", 8);
}

static size_t begin_section(unsigned id, uint32_t count)
{
	byte(id);
	size_t at = out.n;
	put_number(0);
	put_number(count);
	return at;
}

static void end_section(size_t at)
{
	number(at, (uint32_t)(out.n - at - 5));
}

static void expect(enum wasm_error_kind kind, const char *message)
{
	struct wasm_error error;
	int rc = component_validate(out.p, out.n, NULL, &error);
	if (!message) {
		cr_assert(rc == 0, "%s at %lu", error.message, error.offset);
		return;
	}
	cr_assert(rc < 0 && error.kind == kind && strstr(error.message, message), "%d: %s", rc,
		  error.message);
}

enum form { PAIR_TUPLE = 0x6f, PAIR_RESULT = 0x6a };

/* So many types, each of two of the one before: written out, the last is 2^n numbers. */
static void put_pairs(unsigned n, enum form form)
{
	size_t at = begin_section(7, n + 1);
	byte(0x79);
	for (uint32_t i = 0; i < n; i++) {
		byte(form);
		if (form == PAIR_TUPLE)
			byte(2);
		for (unsigned k = 0; k < 2; k++) {
			if (form == PAIR_RESULT) /* it has one */
				byte(1);
			put_number(i);
		}
	}
	end_section(at);
}

Test(component_bounds, types_that_double)
{
	/* 4 bytes doubled 25 times are 2^27; once more is more than a value may have. */
	begin();
	put_pairs(25, PAIR_TUPLE);
	expect(0, NULL);
	begin();
	put_pairs(26, PAIR_TUPLE);
	expect(WASM_ERROR_INVALID, "exceeds maximum byte size");
	/* Of a result only one is there: the depth bounds it. */
	begin();
	put_pairs(COMPONENT_MAX_TYPE_DEPTH, PAIR_RESULT);
	expect(0, NULL);
	begin();
	put_pairs(COMPONENT_MAX_TYPE_DEPTH + 1, PAIR_RESULT);
	expect(WASM_ERROR_LIMIT, "nested too deeply");
}

/* Validation stops at a type's name; whether a value can be passed is asked of each call. */
Test(component_bounds, passing_types_that_double)
{
	static struct ctype nested[90];
	struct ctype_member members[90][2];
	struct ctype borrowed = {.kind = CTYPE_BORROW}, func = {.kind = CTYPE_FUNC};
	const struct ctype *part = &ctype_primitive[CTYPE_U8];
	ctype_gather(&borrowed);
	for (unsigned i = 0; i < 90; i++) {
		for (unsigned k = 0; k < 2; k++)
			members[i][k] = (struct ctype_member){.type = part};
		nested[i] = (struct ctype){.kind = CTYPE_RESULT, .count = 2, .members = members[i]};
		ctype_gather(&nested[i]);
		part = &nested[i];
	}
	func.of = part;
	ctype_gather(&func);
	cr_expect(!encode_refuses(&func));
	members[0][1].type = &borrowed;
	for (unsigned i = 0; i < 90; i++)
		ctype_gather(&nested[i]);
	ctype_gather(&func);
	const char *why = encode_refuses(&func);
	cr_expect(why && strstr(why, "handles"));
}

Test(component_bounds, what_cannot_be_passed_is_named)
{
	static const struct {
		enum ctype_kind kind;
		const char *why;
	} cases[] = {
		{CTYPE_OWN, "handles"},    {CTYPE_BORROW, "handles"}, {CTYPE_STREAM, "streams"},
		{CTYPE_FUTURE, "streams"}, {CTYPE_MAP, "maps"},       {CTYPE_LIST, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctype part = {.kind = (uint8_t)cases[i].kind};
		const struct ctype_member param = {.type = &part};
		struct ctype func = {.kind = CTYPE_FUNC, .count = 1, .members = &param};
		ctype_gather(&part);
		ctype_gather(&func);
		const char *why = encode_refuses(&func);
		cr_expect(cases[i].why ? why && strstr(why, cases[i].why) : !why, "%s", why);
	}
	struct ctype func = {.kind = CTYPE_FUNC, .of = &ctype_primitive[CTYPE_ERROR_CONTEXT]};
	ctype_gather(&func);
	cr_expect(encode_refuses(&func));
	func = (struct ctype){.kind = CTYPE_FUNC, .is_async = true};
	cr_expect(encode_refuses(&func));
}

/* (instance (export "x" (type (eq n)))): it is looked at when it is used. */
static void put_instance_type(unsigned n)
{
	size_t at = begin_section(7, 1);
	put("\x42\2\2\3\2\1", 6); /* (alias outer 1 n (type)) */
	put_number(n);
	put("\4\0\1x\3\0\0", 7);
	end_section(at);
}

/* Whether such types have names, and whether two of them are one, are questions of 2^90 steps. */
Test(component_bounds, asking_of_types_that_double)
{
	begin();
	put_pairs(90, PAIR_RESULT);
	size_t at = begin_section(10, 1); /* (import "x" (type (eq 90))) */
	put("\0\1x\3\0", 5);
	put_number(90);
	end_section(at);
	expect(WASM_ERROR_LIMIT, "too large to be compared");

	/* An instance's type that has one: nothing is asked before it is used. */
	begin();
	put_pairs(90, PAIR_RESULT);
	put_instance_type(90);
	expect(0, NULL);
}

static void put_nested(unsigned depth)
{
	size_t at[COMPONENT_MAX_DEPTH + 1];
	begin();
	for (unsigned i = 0; i < depth; i++) {
		byte(4);
		at[i] = out.n;
		put_number(0);
		put("\0asm\x0d\0\1\0", 8);
	}
	for (unsigned i = depth; i-- > 0;)
		number(at[i], (uint32_t)(out.n - at[i] - 5));
}

Test(component_bounds, components_within_each_other)
{
	put_nested(COMPONENT_MAX_DEPTH - 1);
	expect(0, NULL);
	put_nested(COMPONENT_MAX_DEPTH);
	expect(WASM_ERROR_LIMIT, "nested too deeply");
}

/* Instance types, each with two of the one before: every use of one has resources of its own. */
Test(component_bounds, resources_that_double)
{
	enum { LEVELS = 30 };
	begin();
	size_t at = begin_section(7, LEVELS);
	for (uint32_t level = 0; level < LEVELS; level++) {
		byte(0x42);
		if (!level) {
			put("\1\4\0\1r\3\1", 7); /* (export "r" (type (sub resource))) */
			continue;
		}
		byte(3);
		put("\2\3\2\1", 4); /* (alias outer 1 level-1 (type)) */
		put_number(level - 1);
		put("\4\0\1a\5\0\4\0\1b\5\0", 12); /* (export "a" (instance (type 0))), "b" */
	}
	end_section(at);
	expect(WASM_ERROR_LIMIT, "");
}

/* A count says what is to come, not what is there. */
Test(component_bounds, counts_beyond_the_file)
{
	static const uint8_t sections[] = {2, 3, 5, 6, 7, 8, 10, 11};
	for (size_t i = 0; i < sizeof(sections); i++) {
		begin();
		end_section(begin_section(sections[i], UINT32_MAX));
		expect(WASM_ERROR_MALFORMED, "unexpected end");
	}
}

/* --- names, and parts without a type --- */

static void put_name(const char *text, size_t n)
{
	put_number((uint32_t)n);
	put(text, n);
}

/* Type 0 and 1: two enums of 2,000 cases; 2 and 3: a tuple of 1,000 of one of them. */
static void put_enums(void)
{
	char text[8];
	size_t at = begin_section(7, 4);
	for (unsigned k = 0; k < 2; k++) {
		byte(0x6d);
		put_number(2000);
		for (unsigned i = 0; i < 2000; i++)
			put_name(text, (size_t)snprintf(text, sizeof(text), "c%u", i));
	}
	for (unsigned k = 0; k < 2; k++) {
		byte(0x6f);
		put_number(1000);
		for (unsigned i = 0; i < 1000; i++)
			put_number(k);
	}
	end_section(at);
}

/* Cases have no types of their own, and are compared all the same. */
Test(component_bounds, cases_are_steps)
{
	begin();
	put_enums();
	size_t at = begin_section(7, 2); /* 4 and 5: tuples of 20 of those, 40 million cases */
	for (uint32_t k = 2; k < 4; k++) {
		put("\x6f\x14", 2);
		for (unsigned i = 0; i < 20; i++)
			put_number(k);
	}
	end_section(at);
	at = begin_section(11, 1); /* (export "x" (type 4) (type (eq 5))) */
	put("\0\1x\3\4\1\3\0\5", 9);
	end_section(at);
	expect(WASM_ERROR_LIMIT, "too large to be compared");
}

/* A module's long name is looked up each time that the module is instantiated. */
Test(component_bounds, long_names_are_steps)
{
	enum { NAME = 500000, INSTANCES = 1000 };
	static char name[NAME];
	memset(name, 'x', sizeof(name));
	begin();
	size_t at = begin_section(3, 2);
	put("\x50\1\0\1m", 5); /* (module (import "m" NAME (memory 0))) */
	put_name(name, NAME);
	put("\2\0\0\x50\1\3", 6); /* (module (export NAME (memory 0))) */
	put_name(name, NAME);
	put("\2\0\0", 3);
	end_section(at);
	at = begin_section(10, 2); /* modules 0 and 1 of these types */
	put("\0\1a\0\x11\0", 6);
	put("\0\1b\0\x11\1", 6);
	end_section(at);
	at = begin_section(2, 1 + INSTANCES);
	put("\0\1\0", 3);
	for (unsigned i = 0; i < INSTANCES; i++)
		put("\0\0\1\1m\x12\0", 7); /* (instantiate 0 (with "m" (instance 0))) */
	end_section(at);
	expect(WASM_ERROR_LIMIT, "too large to be compared");
	/* With fewer it is a component. */
	out.n = at - 1;
	at = begin_section(2, 11);
	put("\0\1\0", 3);
	for (unsigned i = 0; i < 10; i++)
		put("\0\0\1\1m\x12\0", 7);
	end_section(at);
	expect(0, NULL);
}

/* --- types that are not the same --- */

/* A core type of eight parameters, another one for each k. */
static void put_core_type(unsigned k)
{
	put("\x60\x8", 2);
	for (unsigned bit = 0; bit < 8; bit++)
		byte(k >> bit & 1 ? 0x7f : 0x7e);
	byte(0);
}

/* Functions of a module that is imported: f of 0 -> i32, p of a reference to type k of 256. */
static void put_post_return(unsigned k)
{
	begin();
	size_t at = begin_section(3, 1);
	put("\x50", 1);
	put_number(256 + 2 + 2);
	for (unsigned i = 0; i < 256; i++) {
		byte(1);
		put_core_type(i);
	}
	put("\1\x60\0\1\x7f\1\x60\1\x63", 9);
	byte(0x80 | (k & 0x7f)); /* a signed number, of two bytes */
	byte(k >> 7);
	put("\0\3\1f\0\x80\2\3\1p\0\x81\2", 13);
	end_section(at);
	at = begin_section(10, 1);
	put("\0\1m\0\x11\0", 6);
	end_section(at);
	at = begin_section(2, 1);
	put("\0\0\0", 3);
	end_section(at);
	at = begin_section(6, 2); /* (alias core export 0 "f" (core func)), "p" */
	put("\0\0\1\0\1f\0\0\1\0\1p", 12);
	end_section(at);
	at = begin_section(7, 1); /* (func (result u32)) */
	put("\x40\0\0\x79", 4);
	end_section(at);
	at = begin_section(8, 1); /* (canon lift (core func 0) (post-return 1)) */
	put("\0\0\0\1\5\1\0", 7);
	end_section(at);
}

/* Types of references have any numbers, of which no byte alone says what type it is. */
Test(component_bounds, a_reference_is_no_number)
{
	for (unsigned k = 0; k < 256; k++) {
		put_post_return(k);
		expect(WASM_ERROR_INVALID, "incorrect signature");
	}
}

/* --- instances of components --- */

static void expect_one_instance(bool compiled, enum wasm_error_kind kind, const char *message)
{
	struct wasm_store store = {0};
	struct wasm_error error;
	struct wasm_stop stop;
	struct component *component;
	struct component_instance *instance;
	int rc = component_load(&store, out.p, out.n, NULL, &component, &error);
	cr_assert(rc == 0, "%s at %lu", error.message, error.offset);
	if (compiled)
		rc = component_prepare(component, &error);
	if (rc == 0)
		rc = component_instantiate(component, NULL, &instance, &error, &stop);
	if (message)
		cr_expect(rc < 0 && error.kind == kind && strstr(error.message, message),
			  "compiled %d: %d: %s", compiled, rc,
			  rc < 0 ? error.message : "an instance");
	else
		cr_expect(rc == 0, "compiled %d: %s", compiled, error.message);
	component_free(component);
	wasm_store_close(&store);
}

static void expect_instance(enum wasm_error_kind kind, const char *message)
{
	expect_one_instance(false, kind, message);
	expect_one_instance(true, kind, message);
}

static void put_instances(uint32_t component, unsigned count)
{
	size_t at = begin_section(5, count);
	for (unsigned i = 0; i < count; i++) {
		byte(0);
		put_number(component);
		byte(0);
	}
	end_section(at);
}

/*
 * So many components: the first has nothing, each next one has `count` instances of the one before,
 * by an alias; and an instance of the last one.
 */
static void put_tower(unsigned levels, unsigned count)
{
	begin();
	for (uint32_t level = 0; level < levels; level++) {
		byte(4);
		size_t nested = out.n;
		put_number(0);
		put("\0asm\x0d\0\1\0", 8);
		if (level) {
			size_t at = begin_section(6, 1); /* (alias outer 1 level-1 (component)) */
			put("\4\2\1", 3);
			put_number(level - 1);
			end_section(at);
			put_instances(0, count);
		}
		end_section(nested);
	}
	put_instances(levels - 1, 1);
}

Test(component_bounds, instances_that_multiply)
{
	put_tower(3, 90); /* 1 + 90 + 8100 */
	expect_instance(0, NULL);
	put_tower(4, 30); /* 1 + 30 + 900 + 27000 */
	expect_instance(WASM_ERROR_LIMIT, "too many instances of components");
	put_tower(90, 1);
	expect_instance(0, NULL);
	put_tower(150, 1);
	expect_instance(WASM_ERROR_LIMIT, "components instantiate others too deeply");
}

/* --- adapters --- */

static void put_one(unsigned id, const char *bytes, size_t size)
{
	size_t at = begin_section(id, 1);
	put(bytes, size);
	end_section(at);
}

/* A component that lowers a function of its own so often. */
static void put_lowers(unsigned count)
{
	static const uint8_t module[] = {0,    'a', 's', 'm', 1, 0, 0, 0, 1,   4, 1,
					 0x60, 0,   0,   3,   2, 1, 0, 7, 5,   1, 1,
					 'f',  0,   0,   10,  4, 1, 2, 0, 0x0b};
	begin();
	byte(1);
	put_number(sizeof(module));
	put(module, sizeof(module));
	put_one(2, "\0\0\0", 3);      /* (core instance (instantiate 0)) */
	put_one(6, "\0\0\1\0\1f", 6); /* (alias core export 0 "f" (core func)) */
	put_one(7, "\x40\0\1\0", 4);  /* (type (func)) */
	put_one(8, "\0\0\0\0\0", 5);  /* (canon lift 0) */
	size_t at = begin_section(8, count);
	for (unsigned i = 0; i < count; i++)
		put("\1\0\0\0", 4);
	end_section(at);
}

Test(component_bounds, more_lowers_than_adapters)
{
	put_lowers(COMPONENT_MAX_ADAPTERS + 1);
	expect_instance(0, NULL);
}

/* --- long names, each time that something is instantiated --- */

enum { LONG_NAME = 500000 };

static void put_long_name(void)
{
	static char name[LONG_NAME];
	memset(name, 'x', sizeof(name));
	put_name(name, sizeof(name));
}

/* A section whose contents follow, up to end_section(). */
static size_t begin_bytes(unsigned id)
{
	byte(id);
	put_number(0);
	return out.n - 5;
}

/* A component with a module's instance whose only import has a long name, so often. */
static void put_long_names(unsigned count)
{
	begin();
	size_t component = begin_bytes(4);
	put("\0asm\x0d\0\1\0", 8);
	size_t module = begin_bytes(1);
	put("\0asm\1\0\0\0\6\6\1\x7f\0\x41\0\x0b", 16); /* (global i32 (i32.const 0)) */
	size_t section = begin_bytes(7);
	byte(1);
	put_long_name();
	put("\3\0", 2); /* (export NAME (global 0)) */
	end_section(section);
	end_section(module);
	module = begin_bytes(1);
	put("\0asm\1\0\0\0", 8);
	section = begin_bytes(2);
	put("\1\1m", 3);
	put_long_name();
	put("\3\x7f\0", 3); /* (import "m" NAME (global i32)) */
	end_section(section);
	end_section(module);
	section = begin_section(2, 2);
	put("\0\0\0", 3);
	put("\0\1\1\1m\x12\0", 7); /* (instantiate 1 (with "m" (instance 0))) */
	end_section(section);
	end_section(component);
	put_instances(0, count);
}

Test(component_bounds, long_names_are_steps_of_each_instance)
{
	put_long_names(100);
	expect_instance(0, NULL);
	put_long_names(500);
	expect_instance(WASM_ERROR_LIMIT, "too many definitions");
}
