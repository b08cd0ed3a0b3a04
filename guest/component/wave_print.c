/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From values to text. What lies in the component's memory may say anything: lengths and pointers
 * are checked by the functions for hosts, cases here.
 */
#include "guest/component/decimal.h"
#include "guest/component/layout.h"
#include "guest/component/wave.h"
#include "guest/wasm/format.h"

enum { TEXT_BYTES = 65536 };

static void put(const struct wave_writer *w, const char *text)
{
	w->write(w->context, text, strlen(text));
}

static void put_name(const struct wave_writer *w, struct wasm_name name)
{
	static const char *const keywords[] = {"true", "false", "inf", "nan",
					       "some", "none",  "ok",  "err"};
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (name.bytes == strlen(keywords[i]) &&
		    memcmp(name.text, keywords[i], name.bytes) == 0)
			put(w, "%");
	w->write(w->context, name.text, name.bytes);
}

/* --- numbers and characters --- */

static void put_unsigned(const struct wave_writer *w, uint64_t v)
{
	char text[24];
	wasm_format(text, sizeof(text), "%U", v);
	put(w, text);
}

static void put_signed(const struct wave_writer *w, uint64_t v, uint32_t bytes)
{
	const unsigned unused = 64 - 8 * bytes;
	const int64_t number = (int64_t)(v << unused) >> unused;
	if (number < 0)
		put(w, "-");
	put_unsigned(w, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

static void put_float(const struct wave_writer *w, const struct decimal_format *f, uint64_t bits)
{
	const uint64_t sign = f->fraction_bits == 52 ? 1ull << 63 : 1ull << 31;
	char text[DECIMAL_TEXT_BYTES];
	const uint64_t number = bits & ~sign;
	if (number > f->largest + 1) {
		put(w, "nan");
		return;
	}
	if (bits & sign)
		put(w, "-");
	if (number > f->largest)
		put(w, "inf");
	else
		w->write(w->context, text, decimal_text(f, number, text));
}

/* A byte of text between quotes of that kind. */
static void put_byte(const struct wave_writer *w, char c, char quote)
{
	char text[16] = {c};
	if (c == '\n')
		put(w, "\\n");
	else if (c == '\t')
		put(w, "\\t");
	else if (c == '\r')
		put(w, "\\r");
	else if (c == '\\' || c == quote)
		put(w, (char[]){'\\', c, 0});
	else if ((uint8_t)c < 0x20 || c == 0x7f) {
		wasm_format(text, sizeof(text), "\\u{%x}", (uint32_t)(uint8_t)c);
		put(w, text);
	} else {
		w->write(w->context, &c, 1);
	}
}

static void put_char(const struct wave_writer *w, uint32_t v)
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	const uint32_t bytes = 1u + (v >= 0x80) + (v >= 0x800) + (v >= 0x10000);
	char text[4];
	if (v >= 0x110000 || (v >= 0xd800 && v <= 0xdfff))
		call_trap(w->callee, "invalid `char` bit pattern");
	for (uint32_t i = bytes; --i; v >>= 6)
		text[i] = (char)(0x80 | (v & 0x3f));
	text[0] = (char)(lead[bytes] | v);
	put(w, "'");
	for (uint32_t i = 0; i < bytes; i++)
		put_byte(w, text[i], '\'');
	put(w, "'");
}

static void put_string(const struct wave_writer *w, const uint8_t *from)
{
	static char text[TEXT_BYTES];
	uint32_t pair[2];
	memcpy(pair, from, sizeof(pair));
	const int64_t bytes = call_text(w->callee, pair, text, sizeof(text));
	if (bytes < 0)
		call_trap(w->callee, "a string of the result is longer than 64 KiB");
	put(w, "\"");
	for (int64_t i = 0; i < bytes; i++)
		put_byte(w, text[i], '"');
	put(w, "\"");
}

/* --- compound values --- */

static void put_parts(const struct wave_writer *w, const struct ctype *t, const uint8_t *from)
{
	uint64_t at = 0;
	const bool is_record = t->kind == CTYPE_RECORD;
	put(w, is_record ? "{" : "(");
	for (uint32_t i = 0; i < t->count; i++) {
		const struct ctype *part = t->members[i].type;
		if (i)
			put(w, ", ");
		if (is_record) {
			put_name(w, t->members[i].name);
			put(w, ": ");
		}
		at = layout_align(at, part->align);
		wave_print(w, part, from + at);
		at += part->bytes;
	}
	put(w, is_record ? "}" : ")");
}

static void put_case_name(const struct wave_writer *w, const struct ctype *t, uint32_t n)
{
	if (t->kind == CTYPE_OPTION)
		put(w, n ? "some" : "none");
	else if (t->kind == CTYPE_RESULT)
		put(w, n ? "err" : "ok");
	else
		put_name(w, t->members[n].name);
}

static void put_choice(const struct wave_writer *w, const struct ctype *t, const uint8_t *from)
{
	const uint32_t cases = layout_cases(t);
	const uint32_t n = (uint32_t)layout_load(from, layout_number_bytes(cases));
	if (n >= cases)
		call_trap(w->callee, "invalid variant discriminant");
	put_case_name(w, t, n);
	const struct ctype *payload = layout_case(t, n);
	if (!payload)
		return;
	put(w, "(");
	wave_print(w, payload, from + layout_payload(t));
	put(w, ")");
}

static void put_flags(const struct wave_writer *w, const struct ctype *t, const uint8_t *from)
{
	const uint32_t flags = (uint32_t)layout_load(from, t->bytes);
	bool first = true;
	put(w, "{");
	for (uint32_t i = 0; i < t->count; i++) {
		if (!(flags & 1u << i))
			continue;
		if (!first)
			put(w, ", ");
		first = false;
		put_name(w, t->members[i].name);
	}
	put(w, "}");
}

static void put_elements(const struct wave_writer *w, const struct ctype *element,
			 const uint8_t *from, uint32_t count)
{
	put(w, "[");
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			put(w, ", ");
		wave_print(w, element, from + (uint64_t)i * element->bytes);
	}
	put(w, "]");
}

static void put_list(const struct wave_writer *w, const struct ctype *t, const uint8_t *from)
{
	const struct ctype *element = t->members[0].type;
	uint32_t pair[2];
	memcpy(pair, from, sizeof(pair));
	put_elements(w, element, call_span(w->callee, pair[0], (uint64_t)pair[1] * element->bytes),
		     pair[1]);
}

void wave_print(const struct wave_writer *w, const struct ctype *t, const uint8_t *from)
{
	switch (t->kind) {
	case CTYPE_BOOL:
		put(w, *from ? "true" : "false");
		return;
	case CTYPE_S8:
	case CTYPE_S16:
	case CTYPE_S32:
	case CTYPE_S64:
		put_signed(w, layout_load(from, t->bytes), t->bytes);
		return;
	case CTYPE_U8:
	case CTYPE_U16:
	case CTYPE_U32:
	case CTYPE_U64:
		put_unsigned(w, layout_load(from, t->bytes));
		return;
	case CTYPE_F32:
		put_float(w, &decimal_f32, layout_load(from, 4));
		return;
	case CTYPE_F64:
		put_float(w, &decimal_f64, layout_load(from, 8));
		return;
	case CTYPE_CHAR:
		put_char(w, (uint32_t)layout_load(from, 4));
		return;
	case CTYPE_STRING:
		put_string(w, from);
		return;
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
		put_parts(w, t, from);
		return;
	case CTYPE_LIST:
		put_list(w, t, from);
		return;
	case CTYPE_FIXED_LIST:
		put_elements(w, t->members[0].type, from, t->length);
		return;
	case CTYPE_FLAGS:
		put_flags(w, t, from);
		return;
	case CTYPE_VARIANT:
	case CTYPE_ENUM:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		put_choice(w, t, from);
		return;
	default:
		call_trap(w->callee,
			  "results of this type (a handle, map or stream) cannot be shown");
	}
}
