/* SPDX-License-Identifier: Apache-2.0 */
/* Functions with all kinds of values among their parameters, for targets that read such values. */
#ifndef MOTE_TEST_FUZZ_COMPONENT_TYPES_H
#define MOTE_TEST_FUZZ_COMPONENT_TYPES_H

#include "guest/component/layout.h"

#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NAME(text)                     \
	{                              \
		text, sizeof(text) - 1 \
	}

#define OF(kind)   (&ctype_primitive[CTYPE_##kind])
#define MEMBERS(m) .count = COUNT(m), .members = m

static const struct ctype_member case_members[] = {{NAME("none"), NULL},
						   {NAME("some"), OF(U32)},
						   {NAME("text"), OF(STRING)}},
				 label_members[] = {{NAME("red"), NULL}, {NAME("nan"), NULL}},
				 ok_text_members[] = {{{0}, OF(U8)}, {{0}, OF(STRING)}},
				 nothing_members[] = {{{0}, NULL}, {{0}, NULL}},
				 u16_members[] = {{{0}, OF(U16)}}, f64_members[] = {{{0}, OF(F64)}},
				 text_members[] = {{{0}, OF(STRING)}},
				 u8_members[] = {{{0}, OF(U8)}};
static struct ctype variant = {.kind = CTYPE_VARIANT, MEMBERS(case_members)},
		    labels = {.kind = CTYPE_ENUM, MEMBERS(label_members)},
		    flags = {.kind = CTYPE_FLAGS, MEMBERS(label_members)},
		    ok_text = {.kind = CTYPE_RESULT, MEMBERS(ok_text_members)},
		    nothing = {.kind = CTYPE_RESULT, MEMBERS(nothing_members)},
		    option = {.kind = CTYPE_OPTION, MEMBERS(u16_members)},
		    floats = {.kind = CTYPE_LIST, MEMBERS(f64_members)},
		    three = {.kind = CTYPE_FIXED_LIST, .length = 3, MEMBERS(u16_members)},
		    texts = {.kind = CTYPE_LIST, MEMBERS(text_members)},
		    bytes_type = {.kind = CTYPE_LIST, MEMBERS(u8_members)},
		    handle = {.kind = CTYPE_OWN, .align = 4, .bytes = 4};
static const struct ctype_member option_members[] = {{{0}, &option}},
				 nested_members[] = {{{0}, &texts}},
				 handle_members[] = {{{0}, &handle}};
static struct ctype option_option = {.kind = CTYPE_OPTION, MEMBERS(option_members)},
		    nested = {.kind = CTYPE_LIST, MEMBERS(nested_members)};
static const struct ctype_member record_members[] = {
	{NAME("b"), OF(BOOL)},       {NAME("s"), OF(S8)},     {NAME("f"), OF(F32)},
	{NAME("c"), OF(CHAR)},       {NAME("t"), OF(STRING)}, {NAME("o"), &option},
	{NAME("n"), &option_option}, {NAME("v"), &variant},   {NAME("inf"), &flags}};
static struct ctype record = {.kind = CTYPE_RECORD, MEMBERS(record_members)};
static const struct ctype_member records_members[] = {{{0}, &record}},
				 number_members[] = {{{0}, OF(U8)},  {{0}, OF(S8)},  {{0}, OF(U16)},
						     {{0}, OF(S16)}, {{0}, OF(U32)}, {{0}, OF(S32)},
						     {{0}, OF(U64)}, {{0}, OF(S64)}};
static struct ctype records = {.kind = CTYPE_LIST, MEMBERS(records_members)},
		    numbers = {.kind = CTYPE_TUPLE, MEMBERS(number_members)};
static const struct ctype_member choice_members[] = {{{0}, &variant}, {{0}, &labels},
						     {{0}, &flags},   {{0}, &option_option},
						     {{0}, &ok_text}, {{0}, &nothing}},
				 float_members[] = {{{0}, OF(F32)}, {{0}, &floats}},
				 list_members[] = {{{0}, &nested}, {{0}, &three}},
				 letter_members[] = {{{0}, OF(CHAR)}, {{0}, OF(STRING)}},
				 numbers_members[] = {{{0}, &numbers}},
				 bytes_members[] = {{{0}, &bytes_type}};

static const struct function {
	const char *name;
	struct ctype params;
} functions[] = {
	{"records", {.kind = CTYPE_TUPLE, MEMBERS(records_members)}},
	{"choices", {.kind = CTYPE_TUPLE, MEMBERS(choice_members)}},
	{"floats", {.kind = CTYPE_TUPLE, MEMBERS(float_members)}},
	{"lists", {.kind = CTYPE_TUPLE, MEMBERS(list_members)}},
	{"letters", {.kind = CTYPE_TUPLE, MEMBERS(letter_members)}},
	{"numbers", {.kind = CTYPE_TUPLE, MEMBERS(numbers_members)}},
	{"handle", {.kind = CTYPE_TUPLE, MEMBERS(handle_members)}},
	{"bytes", {.kind = CTYPE_TUPLE, MEMBERS(bytes_members)}},
	{"nothing", {.kind = CTYPE_TUPLE}},
};

/* Parts before what they are part of. */
static inline void complete_types(void)
{
	static struct ctype *const list[] = {&variant, &labels, &flags,   &ok_text, &nothing,
					     &option,  &floats, &three,   &texts,   &option_option,
					     &nested,  &record, &records, &numbers, &bytes_type};
	for (size_t i = 0; i < COUNT(list); i++)
		if (!list[i]->bytes && !ctype_complete(list[i]))
			abort();
}

#endif
