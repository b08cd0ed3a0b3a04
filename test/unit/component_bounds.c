/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Components that describe more than fits: each is refused by a limit, or taken, within a bounded
 * number of steps, whatever its types would be if they were written out.
 */
#include "guest/component/component.h"
#include "guest/component/limits.h"
#include "guest/component/types.h"

#include <criterion/criterion.h>

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
