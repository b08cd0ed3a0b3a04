/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of a component's functions as a host program hands them over (mote/wit.h): the first
 * byte chooses a function, and whether its strings are in another encoding than UTF-8. What is
 * accepted is stored in memory that stands for the component's and encoded again, which means the
 * same values.
 */
#include "guest/component/encode.h"
#include "guest/component/call.h"

#include "component_types.h"

#include <setjmp.h>

/* --- the component's side --- */

enum { MEMORY_BYTES = 1 << 20, BYTES_MAX = 1 << 20 };

static struct {
	jmp_buf stop;
	_Alignas(16) uint8_t memory[MEMORY_BYTES];
	uint64_t used;
	enum simple_encoding encoding;
} side;

void call_trap(struct component_call *call, const char *message)
{
	(void)call;
	(void)message;
	abort(); /* what was stored is right */
}

uint8_t *side_span(const struct component_call *call, uint32_t at, uint64_t bytes, uint32_t align,
		   const char *what)
{
	(void)call;
	(void)what;
	if (at > MEMORY_BYTES || bytes > MEMORY_BYTES - at || at % align)
		abort();
	return side.memory + at;
}

void *call_allocate(struct component_call *call, uint32_t align, uint64_t bytes, uint32_t *at)
{
	(void)call;
	const uint64_t from = layout_align(side.used, align);
	if (from > MEMORY_BYTES || bytes > MEMORY_BYTES - from)
		longjmp(side.stop, 1);
	*at = (uint32_t)from;
	side.used = from + bytes;
	return side.memory + from;
}

void call_string(struct component_call *call, const char *text, uint32_t bytes, uint32_t out[2])
{
	memcpy(call_allocate(call, 1, bytes, &out[0]), text, bytes);
	out[1] = bytes;
}

struct text text_lift(const struct component_call *call, uint32_t at, uint32_t units)
{
	return (struct text){side_span(call, at, units, 1, "string"), units, side.encoding, false};
}

int64_t text_to_utf8(struct component *c, const struct text *text, uint8_t *to, uint64_t size)
{
	(void)c;
	if (text->units > size)
		return -1;
	memcpy(to, text->at, text->units);
	return text->units;
}

/* --- there and back --- */

static void encode(const struct ctype *func, struct component_call *callee, const uint8_t *params,
		   struct mote_wit_out *o)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < func->count; i++) {
		const struct ctype *part = func->members[i].type;
		at = layout_align(at, part->align);
		encode_value(o, part, callee, params + at);
		at += part->bytes;
	}
}

/* False: they are not parameters, or there is no memory for them. */
static bool store_and_encode(struct mote_wit_in in, const struct ctype *func,
			     struct mote_wit_out *to)
{
	static struct component component;
	static struct component_instance instance = {.of = &component};
	static uint8_t params[4096] __attribute__((aligned(16)));
	struct component_call callee = {.inst = &instance};
	struct mote_wit_out none = {0};
	if (encode_refuses(func))
		return false;
	const char *why = encode_check(in, func);
	if (why && !*why)
		abort();
	side.used = 0;
	if (why || setjmp(side.stop))
		return false;
	memset(params, 0, sizeof(params));
	encode_params(in, func, &callee, params);
	encode(func, &callee, params, &none);
	encode(func, &callee, params, to);
	if (to->len > to->capacity || to->len > none.len)
		abort();
	return true;
}

/* What a host program does with a result. */
static void read_all(struct mote_wit_in in)
{
	struct mote_wit v;
	while (mote_wit_get(&in, &v))
		if (v.type == MOTE_WIT_STRING && v.of.string.text[v.of.string.len])
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t first[BYTES_MAX], second[BYTES_MAX];
	struct mote_wit_out once = {.at = first, .capacity = BYTES_MAX},
			    twice = {.at = second, .capacity = BYTES_MAX};
	if (!size)
		return 0;
	complete_types();
	const struct ctype *func = &functions[data[0] % COUNT(functions)].params;
	side.encoding = data[0] & 0x80 ? TEXT_LATIN1 : TEXT_UTF8;
	uint8_t *input = malloc(size); /* its end is watched */
	if (!input)
		return 0;
	memcpy(input, data, size);
	const struct mote_wit_in in = {input + 1, size - 1};
	read_all(in);
	const bool good = store_and_encode(in, func, &once);
	free(input);
	if (!good)
		return 0;
	read_all((struct mote_wit_in){first, once.len});
	if (!store_and_encode((struct mote_wit_in){first, once.len}, func, &twice) ||
	    once.len != twice.len || memcmp(first, second, once.len) != 0)
		abort();
	return 0;
}
