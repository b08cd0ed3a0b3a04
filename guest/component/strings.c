/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings in the three encodings of the Canonical ABI ("Loading" and "Storing", strings). What is
 * read is checked as a whole before any of it is stored; the calls of realloc and their sizes are
 * those that the specification has, because callees can see them. No write goes by what is read
 * again: each is within what was allocated.
 */
#include "guest/component/call.h"

enum { UTF16_TAG_SHIFT = 31, UTF16_MAX = 0xffff };
#define UTF16_TAG (1u << UTF16_TAG_SHIFT)

/* --- one code point after the other --- */

struct scan {
	const uint8_t *at;
	uint32_t units, next; /* there are, and have been read */
	enum simple_encoding encoding;
};

static uint32_t unit16(const struct scan *s, uint32_t n)
{
	return (uint32_t)layout_load(s->at + 2ull * n, 2);
}

/* How many bytes a sequence has that begins so; 0: none begins so. */
static uint32_t sequence_bytes(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

/* -1: it is not UTF-8. */
static int32_t next_utf8(struct scan *s)
{
	static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t first = s->at[s->next];
	const uint32_t bytes = sequence_bytes(first);
	if (!bytes || bytes > s->units - s->next)
		return -1;
	uint32_t v = first & mask[bytes];
	for (uint32_t i = 1; i < bytes; i++) {
		const uint8_t more = s->at[s->next + i];
		if ((more & 0xc0) != 0x80)
			return -1;
		v = v << 6 | (more & 0x3f);
	}
	s->next += bytes;
	if (v < least[bytes] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return -1;
	return (int32_t)v;
}

/* -1: half of a pair alone. */
static int32_t next_utf16(struct scan *s)
{
	const uint32_t first = unit16(s, s->next++);
	if (first < 0xd800 || first > 0xdfff)
		return (int32_t)first;
	if (first > 0xdbff || s->next == s->units)
		return -1;
	const uint32_t second = unit16(s, s->next++);
	if (second < 0xdc00 || second > 0xdfff)
		return -1;
	return (int32_t)(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
}

static int32_t next_point(struct scan *s)
{
	switch (s->encoding) {
	case TEXT_UTF8:
		return next_utf8(s);
	case TEXT_UTF16:
		return next_utf16(s);
	case TEXT_LATIN1:
		break;
	}
	return s->at[s->next++];
}

static struct scan scan_of(const struct text *text)
{
	return (struct scan){text->at, text->units, 0, text->encoding};
}

/* What is in it once it is written out; its largest code point. */
struct measure {
	uint64_t utf8, utf16; /* bytes, units */
	uint32_t largest;
};

static uint32_t utf8_bytes(uint32_t point)
{
	if (point < 0x80)
		return 1;
	if (point < 0x800)
		return 2;
	return point < 0x10000 ? 3 : 4;
}

/* How many bytes of UTF-8 are ASCII from here on, by eights: most text is. */
static uint32_t ascii_bytes(const struct scan *s)
{
	uint32_t n = s->next;
	if (s->encoding != TEXT_UTF8)
		return 0;
	while (s->units - n >= 8 && !(layout_load(s->at + n, 8) & 0x8080808080808080ull))
		n += 8;
	return n - s->next;
}

static bool measure_text(const struct text *text, struct measure *m)
{
	*m = (struct measure){0};
	for (struct scan s = scan_of(text); s.next < s.units;) {
		const uint32_t ascii = ascii_bytes(&s);
		s.next += ascii;
		m->utf8 += ascii;
		m->utf16 += ascii;
		if (s.next == s.units)
			break;
		const int32_t point = next_point(&s);
		if (point < 0)
			return false;
		m->utf8 += utf8_bytes((uint32_t)point);
		m->utf16 += 1 + (point > UTF16_MAX);
		if ((uint32_t)point > m->largest)
			m->largest = (uint32_t)point;
	}
	return true;
}

struct text text_lift(const struct component_call *side, uint32_t at, uint32_t tagged_units)
{
	struct text t = {.units = tagged_units, .encoding = TEXT_UTF8};
	uint32_t align = 2, bytes_each = 2;
	struct measure unused;
	t.was_compact = side->options->encoding == STRING_LATIN1_UTF16;
	if (side->options->encoding == STRING_UTF8) {
		align = bytes_each = 1;
	} else if (!t.was_compact || tagged_units & UTF16_TAG) {
		t.encoding = TEXT_UTF16;
	} else {
		t.encoding = TEXT_LATIN1;
		bytes_each = 1;
	}
	if (t.was_compact)
		t.units &= ~UTF16_TAG;
	const uint64_t bytes = (uint64_t)t.units * bytes_each;
	if (bytes > COMPONENT_MAX_PASSED_BYTES)
		component_trap(side->inst->of, "string content out-of-bounds");
	t.at = side_span(side, at, bytes, align, "string content");
	if (t.encoding != TEXT_LATIN1 && !measure_text(&t, &unused))
		component_trap(side->inst->of, "invalid utf-%s",
			       t.encoding == TEXT_UTF8 ? "8" : "16");
	return t;
}

/* --- writing; the ends are bounds --- */

static uint64_t put_utf8(const struct text *text, uint8_t *to, uint64_t size)
{
	uint64_t n = 0;
	for (struct scan s = scan_of(text); s.next < s.units;) {
		const int32_t point = next_point(&s);
		const uint32_t v = (uint32_t)point, bytes = utf8_bytes(v);
		static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
		if (point < 0 || bytes > size - n)
			break;
		for (uint32_t i = 1; i < bytes; i++)
			to[n + bytes - i] = (uint8_t)(0x80 | (v >> 6 * (i - 1) & 0x3f));
		to[n] = (uint8_t)(lead[bytes] | v >> 6 * (bytes - 1));
		n += bytes;
	}
	return n;
}

static void put_utf16(const struct text *text, uint8_t *to, uint64_t units)
{
	uint64_t n = 0;
	for (struct scan s = scan_of(text); s.next < s.units;) {
		const int32_t point = next_point(&s);
		if (point < 0 || n + (point > UTF16_MAX) >= units)
			break;
		if (point > UTF16_MAX) {
			const uint32_t v = (uint32_t)point - 0x10000;
			layout_store(to + 2 * n++, 2, 0xd800 + (v >> 10));
			layout_store(to + 2 * n++, 2, 0xdc00 + (v & 0x3ff));
		} else {
			layout_store(to + 2 * n++, 2, (uint32_t)point);
		}
	}
}

static void put_latin1(const struct text *text, uint8_t *to, uint64_t size)
{
	uint64_t n = 0;
	for (struct scan s = scan_of(text); s.next < s.units && n < size;)
		to[n++] = (uint8_t)next_point(&s);
}

/* --- allocating, as the specification does for each pair of encodings --- */

/* From UTF-16 or Latin-1. */
static void to_utf8(const struct component_call *side, const struct text *t,
		    const struct measure *m, uint32_t out[2])
{
	uint8_t *to = side_realloc(side, 0, 0, 1, t->units, &out[0]);
	if (m->largest >= 0x80) {
		const uint64_t worst = (uint64_t)t->units * (t->encoding == TEXT_UTF16 ? 3 : 2);
		to = side_realloc(side, out[0], t->units, 1, worst, &out[0]);
		if (m->utf8 < worst)
			to = side_realloc(side, out[0], (uint32_t)worst, 1, m->utf8, &out[0]);
	}
	out[1] = (uint32_t)put_utf8(t, to, m->utf8);
}

static void to_utf16(const struct component_call *side, const struct text *t,
		     const struct measure *m, uint32_t out[2])
{
	const uint64_t worst = 2ull * t->units;
	uint8_t *to = side_realloc(side, 0, 0, 2, worst, &out[0]);
	if (2 * m->utf16 < worst)
		to = side_realloc(side, out[0], (uint32_t)worst, 2, 2 * m->utf16, &out[0]);
	put_utf16(t, to, m->utf16);
	out[1] = (uint32_t)m->utf16;
}

/* From UTF-8 or UTF-16: one byte each as long as that is enough. */
static void to_compact(const struct component_call *side, const struct text *t,
		       const struct measure *m, uint32_t out[2])
{
	uint8_t *to = side_realloc(side, 0, 0, 2, t->units, &out[0]);
	if (m->largest < 0x100) {
		if (m->utf16 < t->units)
			to = side_realloc(side, out[0], t->units, 2, m->utf16, &out[0]);
		put_latin1(t, to, m->utf16);
		out[1] = (uint32_t)m->utf16;
		return;
	}
	const uint64_t worst = 2ull * t->units, bytes = 2 * m->utf16;
	to = side_realloc(side, out[0], t->units, 2, worst, &out[0]);
	if (bytes < worst)
		to = side_realloc(side, out[0], (uint32_t)worst, 2, bytes, &out[0]);
	put_utf16(t, to, m->utf16);
	out[1] = (uint32_t)m->utf16 | UTF16_TAG;
}

/* From another compact string: what was UTF-16 may have become Latin-1. */
static void compact_to_compact(const struct component_call *side, const struct text *t,
			       const struct measure *m, uint32_t out[2])
{
	const bool is_utf16 = t->encoding == TEXT_UTF16;
	const uint64_t bytes = (uint64_t)t->units << is_utf16;
	uint8_t *to = side_realloc(side, 0, 0, 2, bytes, &out[0]);
	out[1] = t->units;
	if (is_utf16 && m->largest >= 0x100) {
		put_utf16(t, to, t->units);
		out[1] |= UTF16_TAG;
		return;
	}
	if (is_utf16)
		to = side_realloc(side, out[0], (uint32_t)bytes, 1, t->units, &out[0]);
	put_latin1(t, to, t->units);
}

static void copy_utf8(const struct component_call *side, const struct text *text, uint32_t out[2])
{
	uint8_t *to = side_realloc(side, 0, 0, 1, text->units, &out[0]);
	memcpy(to, text->at, text->units);
	out[1] = text->units;
}

void text_lower(const struct component_call *side, const struct text *text, uint32_t out[2])
{
	struct measure m;
	if (text->encoding == TEXT_UTF8 && side->options->encoding == STRING_UTF8) {
		copy_utf8(side, text, out);
		return;
	}
	(void)measure_text(text, &m);
	switch ((enum string_encoding)side->options->encoding) {
	case STRING_UTF8:
		to_utf8(side, text, &m, out);
		return;
	case STRING_UTF16:
		to_utf16(side, text, &m, out);
		return;
	case STRING_LATIN1_UTF16:
		if (text->was_compact)
			compact_to_compact(side, text, &m, out);
		else
			to_compact(side, text, &m, out);
		return;
	}
}

int64_t text_to_utf8(struct component *c, const struct text *text, uint8_t *to, uint64_t size)
{
	struct measure m;
	if (!measure_text(text, &m))
		component_trap(c, "a string is not Unicode");
	if (m.utf8 > size)
		return -1;
	return (int64_t)put_utf8(text, to, size);
}
