/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to values. Types direct it and nest 100 deep, which bounds the recursion. A list is
 * read twice: its elements are counted, then stored where the callee has allocated for them.
 */
#include "guest/component/decimal.h"
#include "guest/component/layout.h"
#include "guest/component/wave.h"

enum { TEXT_BYTES = 65536, FIELDS_MAX = 64 };

_Noreturn static void fail(const struct wave_reader *r, const char *why)
{
	r->fail(r->context, r, why);
	__builtin_trap(); /* it does not return */
}

/* --- tokens --- */

/* Spaces, and comments from two slashes to the line's end. */
static void skip_space(struct wave_reader *r)
{
	for (; r->at < r->end; r->at++) {
		if (*r->at == '/' && r->end - r->at > 1 && r->at[1] == '/')
			while (r->at + 1 < r->end && *r->at != '\n')
				r->at++;
		else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\n' && *r->at != '\r')
			return;
	}
}

static bool take(struct wave_reader *r, char c)
{
	skip_space(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static void need(struct wave_reader *r, char c, const char *why)
{
	if (!take(r, c))
		fail(r, why);
}

static bool is_label(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-';
}

/* Of a case, field or flag; one that would be a keyword has a % in front. Empty: none is there. */
static struct wasm_name take_label(struct wave_reader *r)
{
	skip_space(r);
	if (r->at < r->end && *r->at == '%')
		r->at++;
	struct wasm_name label = {r->at, 0};
	while (r->at < r->end && is_label(*r->at)) {
		r->at++;
		label.bytes++;
	}
	return label;
}

static bool name_is(struct wasm_name name, const char *text)
{
	return name.bytes == strlen(text) && memcmp(name.text, text, name.bytes) == 0;
}

/* Takes a word if it is the next. */
static bool take_word(struct wave_reader *r, const char *word)
{
	struct wave_reader ahead = *r;
	skip_space(&ahead);
	if (ahead.at < ahead.end && *ahead.at == '%')
		return false;
	if (!name_is(take_label(&ahead), word))
		return false;
	r->at = ahead.at;
	return true;
}

/* --- numbers --- */

struct range {
	uint64_t least, most; /* least is what is below zero */
};

static struct range range_of(const struct ctype *t)
{
	const unsigned bits = 8 * t->bytes;
	const uint64_t all = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;
	switch (t->kind) {
	case CTYPE_S8:
	case CTYPE_S16:
	case CTYPE_S32:
	case CTYPE_S64:
		return (struct range){all / 2 + 1, all / 2};
	default:
		return (struct range){0, all};
	}
}

static uint64_t read_integer(struct wave_reader *r, const struct ctype *t)
{
	const struct range range = range_of(t);
	const bool negative = take(r, '-');
	const uint64_t most = negative ? range.least : range.most;
	const char *begin = r->at;
	uint64_t v = 0;
	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
		const uint64_t digit = (uint64_t)(*r->at - '0');
		if (v > (most - digit) / 10 || digit > most)
			fail(r, "the number is outside of its type");
		v = 10 * v + digit;
	}
	if (r->at == begin || (r->at < r->end && is_label(*r->at)))
		fail(r, "there is no number");
	return negative ? -v : v;
}

static uint64_t read_float(struct wave_reader *r, const struct decimal_format *f)
{
	const bool negative = take(r, '-');
	const uint64_t sign = f->fraction_bits == 52 ? 1ull << 63 : 1ull << 31;
	const char *begin = r->at;
	uint64_t bits = 0;
	if (!negative && take_word(r, "nan"))
		return (f->largest + 1) | 1ull << (f->fraction_bits - 1);
	if (take_word(r, "inf")) {
		bits = f->largest + 1;
	} else {
		while (r->at < r->end &&
		       (is_label(*r->at) || *r->at == '.' || (*r->at == '+' && r->at > begin)))
			r->at++;
		if (!decimal_parse(f, begin, (uint32_t)(r->at - begin), &bits))
			fail(r, "there is no number");
	}
	return negative ? bits | sign : bits;
}

/* --- characters --- */

static uint32_t read_escape_number(struct wave_reader *r)
{
	uint32_t v = 0, digits = 0;
	need(r, '{', "\\u needs digits in braces");
	for (; r->at < r->end && *r->at != '}' && digits < 7; r->at++, digits++) {
		const char c = (char)(*r->at | 0x20);
		if (*r->at >= '0' && *r->at <= '9')
			v = 16 * v + (uint32_t)(*r->at - '0');
		else if (c >= 'a' && c <= 'f')
			v = 16 * v + (uint32_t)(c - 'a') + 10;
		else
			fail(r, "\\u needs digits in braces");
	}
	if (!digits || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		fail(r, "there is no such character");
	need(r, '}', "\\u needs digits in braces");
	return v;
}

static uint32_t read_escape(struct wave_reader *r)
{
	if (r->at == r->end)
		fail(r, "the text does not end");
	switch (*r->at++) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case '\\':
	case '\'':
	case '"':
		return (uint8_t)r->at[-1];
	case 'u':
		return read_escape_number(r);
	}
	r->at--;
	fail(r, "there is no such escape");
}

/* One of the text, which is to be UTF-8. */
static uint32_t read_point(struct wave_reader *r)
{
	const uint8_t first = (uint8_t)*r->at++;
	if (first == '\\')
		return read_escape(r);
	if (first < 0x80)
		return first;
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const uint32_t bytes = (first >= 0xc2) + (first >= 0xe0) + (first >= 0xf0);
	uint32_t v = first & (0x3fu >> bytes), more = bytes;
	for (; more && r->at < r->end && ((uint8_t)*r->at & 0xc0) == 0x80; more--)
		v = v << 6 | ((uint8_t)*r->at++ & 0x3f);
	if (more || !bytes || first > 0xf4 || v < least[bytes] || v > 0x10ffff ||
	    (v >= 0xd800 && v <= 0xdfff))
		fail(r, "the text is not UTF-8");
	return v;
}

static uint32_t put_point(uint8_t *to, uint32_t v)
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	const uint32_t bytes = 1u + (v >= 0x80) + (v >= 0x800) + (v >= 0x10000);
	for (uint32_t i = bytes; --i; v >>= 6)
		to[i] = (uint8_t)(0x80 | (v & 0x3f));
	to[0] = (uint8_t)(lead[bytes] | v);
	return bytes;
}

static uint32_t read_char(struct wave_reader *r)
{
	need(r, '\'', "a character stands between single quotes");
	if (r->at == r->end || *r->at == '\'')
		fail(r, "there is no character");
	const uint32_t v = read_point(r);
	if (r->at == r->end || *r->at != '\'')
		fail(r, "a character stands between single quotes");
	r->at++;
	return v;
}

static void read_string(struct wave_reader *r, uint8_t *to)
{
	static uint8_t text[TEXT_BYTES];
	uint32_t bytes = 0, pair[2];
	need(r, '"', "a string stands between double quotes");
	while (r->at < r->end && *r->at != '"') {
		if (bytes + 4 > TEXT_BYTES)
			fail(r, "the string is longer than 64 KiB");
		bytes += put_point(text + bytes, read_point(r));
	}
	if (r->at == r->end)
		fail(r, "the string does not end");
	r->at++;
	if (!to)
		return;
	call_string(r->callee, (const char *)text, bytes, pair);
	memcpy(to, pair, sizeof(pair));
}

/* --- compound values; `to` is NULL if they are only counted --- */

static void read_value(struct wave_reader *r, const struct ctype *t, uint8_t *to);

static uint8_t *at_offset(uint8_t *to, uint64_t offset)
{
	if (!to)
		return NULL;
	return to + offset;
}

static void store(uint8_t *to, uint32_t bytes, uint64_t v)
{
	if (to)
		layout_store(to, bytes, v);
}

/* The values of a tuple or parameters up to the bracket, which is after the last. */
static void read_parts(struct wave_reader *r, const struct ctype *t, uint8_t *to)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < t->count; i++) {
		const struct ctype *part = t->members[i].type;
		skip_space(r);
		if (r->at < r->end && *r->at == ')')
			fail(r, "there are too few values");
		if (i)
			need(r, ',', "a comma is missing");
		skip_space(r);
		if (r->at < r->end && *r->at == ')')
			fail(r, "there are too few values");
		at = layout_align(at, part->align);
		read_value(r, part, at_offset(to, at));
		at += part->bytes;
	}
	if (t->count)
		(void)take(r, ',');
	need(r, ')', "there are too many values, or the bracket is missing");
}

static uint32_t member_of(const struct wave_reader *r, const struct ctype *t,
			  struct wasm_name label, const char *why)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (t->members[i].name.bytes == label.bytes &&
		    memcmp(t->members[i].name.text, label.text, label.bytes) == 0)
			return i;
	fail(r, why);
}

static uint64_t field_offset(const struct ctype *t, uint32_t field)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < field; i++)
		at = layout_align(at, t->members[i].type->align) + t->members[i].type->bytes;
	return layout_align(at, t->members[field].type->align);
}

/* Fields in any order; options that are none may be left out. */
static void read_record(struct wave_reader *r, const struct ctype *t, uint8_t *to)
{
	uint64_t seen = 0;
	if (t->count > FIELDS_MAX)
		fail(r, "records of more than 64 fields cannot be written");
	need(r, '{', "a record stands in braces");
	if (take(r, ':')) {
		need(r, '}', "a brace is missing");
	} else {
		while (!take(r, '}')) {
			if (seen)
				need(r, ',', "a comma is missing");
			if (take(r, '}'))
				break;
			const uint32_t n = member_of(r, t, take_label(r),
						     "the record has no field of that name");
			if (seen & 1ull << n)
				fail(r, "the field is there twice");
			seen |= 1ull << n;
			need(r, ':', "a colon is missing");
			read_value(r, t->members[n].type, at_offset(to, field_offset(t, n)));
		}
	}
	for (uint32_t n = 0; n < t->count; n++) {
		if (seen & 1ull << n)
			continue;
		if (t->members[n].type->kind != CTYPE_OPTION)
			fail(r, "a field is missing");
		store(at_offset(to, field_offset(t, n)), 1, 0);
	}
}

static void read_payload(struct wave_reader *r, const struct ctype *t, uint32_t n, uint8_t *to)
{
	const struct ctype *payload = layout_case(t, n);
	store(to, layout_number_bytes(layout_cases(t)), n);
	if (!payload)
		return;
	need(r, '(', "the case has a value in brackets");
	read_value(r, payload, at_offset(to, layout_payload(t)));
	need(r, ')', "a bracket is missing");
}

static void read_option(struct wave_reader *r, const struct ctype *t, uint8_t *to)
{
	if (take_word(r, "none")) {
		store(to, 1, 0);
	} else if (take_word(r, "some")) {
		read_payload(r, t, 1, to);
	} else { /* what it has may stand alone */
		store(to, 1, 1);
		read_value(r, t->members[0].type, at_offset(to, layout_payload(t)));
	}
}

static void read_result(struct wave_reader *r, const struct ctype *t, uint8_t *to)
{
	if (take_word(r, "ok")) {
		read_payload(r, t, 0, to);
	} else if (take_word(r, "err")) {
		read_payload(r, t, 1, to);
	} else {
		if (!t->members[0].type)
			fail(r, "there is neither ok nor err");
		store(to, 1, 0);
		read_value(r, t->members[0].type, at_offset(to, layout_payload(t)));
	}
}

static void read_case(struct wave_reader *r, const struct ctype *t, uint8_t *to)
{
	read_payload(r, t, member_of(r, t, take_label(r), "there is no case of that name"), to);
}

static void read_flags(struct wave_reader *r, const struct ctype *t, uint8_t *to)
{
	uint32_t flags = 0;
	need(r, '{', "flags stand in braces");
	for (bool first = true; !take(r, '}'); first = false) {
		if (!first)
			need(r, ',', "a comma is missing");
		if (take(r, '}'))
			break;
		flags |= 1u << member_of(r, t, take_label(r), "there is no flag of that name");
	}
	store(to, t->bytes, flags);
}

/* Elements up to the bracket, of which there are so many. */
static uint32_t read_elements(struct wave_reader *r, const struct ctype *element, uint8_t *to)
{
	uint32_t count = 0;
	while (!take(r, ']')) {
		if (count)
			need(r, ',', "a comma is missing");
		if (count && take(r, ']'))
			break;
		read_value(r, element, at_offset(to, (uint64_t)count * element->bytes));
		count++;
	}
	return count;
}

static void read_list(struct wave_reader *r, const struct ctype *t, uint8_t *to)
{
	const struct ctype *element = t->members[0].type;
	uint32_t pair[2];
	need(r, '[', "a list stands in square brackets");
	struct wave_reader ahead = *r;
	pair[1] = read_elements(&ahead, element, NULL);
	if (t->kind == CTYPE_FIXED_LIST && pair[1] != t->length)
		fail(r, "the list is not of its length");
	if (!to) {
		r->at = ahead.at;
		return;
	}
	if (t->kind == CTYPE_FIXED_LIST) {
		(void)read_elements(r, element, to);
		return;
	}
	uint8_t *in = call_allocate(r->callee, element->align, (uint64_t)pair[1] * element->bytes,
				    &pair[0]);
	(void)read_elements(r, element, in);
	memcpy(to, pair, sizeof(pair));
}

static void read_bool(struct wave_reader *r, uint8_t *to)
{
	const bool is_true = take_word(r, "true");
	if (!is_true && !take_word(r, "false"))
		fail(r, "there is neither true nor false");
	store(to, 1, is_true);
}

static void read_value(struct wave_reader *r, const struct ctype *t, uint8_t *to)
{
	switch (t->kind) {
	case CTYPE_BOOL:
		read_bool(r, to);
		return;
	case CTYPE_S8:
	case CTYPE_U8:
	case CTYPE_S16:
	case CTYPE_U16:
	case CTYPE_S32:
	case CTYPE_U32:
	case CTYPE_S64:
	case CTYPE_U64:
		store(to, t->bytes, read_integer(r, t));
		return;
	case CTYPE_F32:
		store(to, 4, read_float(r, &decimal_f32));
		return;
	case CTYPE_F64:
		store(to, 8, read_float(r, &decimal_f64));
		return;
	case CTYPE_CHAR:
		store(to, 4, read_char(r));
		return;
	case CTYPE_STRING:
		read_string(r, to);
		return;
	case CTYPE_RECORD:
		read_record(r, t, to);
		return;
	case CTYPE_TUPLE:
		need(r, '(', "a tuple stands in brackets");
		read_parts(r, t, to);
		return;
	case CTYPE_LIST:
	case CTYPE_FIXED_LIST:
		read_list(r, t, to);
		return;
	case CTYPE_FLAGS:
		read_flags(r, t, to);
		return;
	case CTYPE_VARIANT:
	case CTYPE_ENUM:
		read_case(r, t, to);
		return;
	case CTYPE_OPTION:
		read_option(r, t, to);
		return;
	case CTYPE_RESULT:
		read_result(r, t, to);
		return;
	default:
		fail(r, "values of this type (a handle, map or stream) cannot be written");
	}
}

/* --- a call --- */

struct wasm_name wave_function(struct wave_reader *r)
{
	skip_space(r);
	struct wasm_name name = {r->at, 0};
	while (r->at < r->end && *r->at != '(') {
		r->at++;
		name.bytes++;
	}
	while (name.bytes && name.text[name.bytes - 1] == ' ')
		name.bytes--;
	need(r, '(', "a call has its arguments in brackets");
	return name;
}

void wave_arguments(struct wave_reader *r, const struct ctype *func, uint8_t *to)
{
	read_parts(r, func, to);
	skip_space(r);
	if (r->at != r->end)
		fail(r, "there is something behind the call");
}
