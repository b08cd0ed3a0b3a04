/* SPDX-License-Identifier: Apache-2.0 */
/* Values of components as text: into a callee's memory, and from there. */
#include "component_values.h"

#include "guest/component/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES = 1 << 16 };

_Noreturn static void fail(const char *what, const char *word)
{
	fprintf(stderr, "component_check: %s: '%s'\n", what, word);
	exit(2);
}

/* --- from text --- */

struct reading {
	const char *at;
	struct component_call *callee;
};

static const char *next_word(struct reading *r)
{
	static char word[WORD_BYTES];
	size_t n = strcspn(r->at, " ");
	if (n >= sizeof(word))
		fail("a value is too long", "");
	memcpy(word, r->at, n);
	word[n] = '\0';
	r->at += n + (r->at[n] == ' ');
	return word;
}

static uint64_t next_number(struct reading *r)
{
	char *end;
	const char *word = next_word(r);
	uint64_t v = word[0] == '-' ? (uint64_t)strtoll(word, &end, 10) : strtoull(word, &end, 10);
	if (*end || end == word)
		fail("not a number", word);
	return v;
}

static void read_value(struct reading *r, const struct ctype *t, uint8_t *to);

static void read_tuple(struct reading *r, const struct ctype *t, uint8_t *to)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < t->count; i++) {
		at = layout_align(at, t->members[i].type->align);
		read_value(r, t->members[i].type, to + at);
		at += t->members[i].type->bytes;
	}
}

static uint32_t named_member(const struct ctype *t, const char *name)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (t->members[i].name.bytes == strlen(name) &&
		    memcmp(t->members[i].name.text, name, strlen(name)) == 0)
			return i;
	fail("the type has no part of that name", name);
}

static void read_choice(struct reading *r, const struct ctype *t, uint8_t *to)
{
	uint32_t n;
	if (t->kind == CTYPE_VARIANT || t->kind == CTYPE_ENUM)
		n = named_member(t, next_word(r) + 1);
	else
		n = (uint32_t)next_number(r);
	layout_store(to, layout_number_bytes(layout_cases(t)), n);
	if (layout_case(t, n))
		read_value(r, layout_case(t, n), to + layout_payload(t));
}

static void read_flags(struct reading *r, const struct ctype *t, uint8_t *to)
{
	uint64_t bits = 0;
	for (uint64_t n = next_number(r); n; n--)
		bits |= 1ull << named_member(t, next_word(r));
	layout_store(to, t->bytes, bits);
}

static void read_string(struct reading *r, uint8_t *to)
{
	static char text[WORD_BYTES];
	const char *word = next_word(r);
	uint32_t n = 0, pair[2];
	unsigned byte;
	for (word++; sscanf(word, "%2x", &byte) == 1; word += 2)
		text[n++] = (char)byte;
	call_string(r->callee, text, n, pair);
	memcpy(to, pair, sizeof(pair));
}

static void read_list(struct reading *r, const struct ctype *t, uint8_t *to)
{
	const struct layout_tuple each = layout_tuple(t);
	uint32_t n = (uint32_t)next_number(r), at;
	uint8_t *items = call_allocate(r->callee, each.align, n * each.bytes, &at);
	layout_store(to, 4, at);
	layout_store(to + 4, 4, n);
	for (uint32_t i = 0; i < n; i++)
		read_tuple(r, t, items + i * each.bytes);
}

static void read_value(struct reading *r, const struct ctype *t, uint8_t *to)
{
	switch (t->kind) {
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
		read_tuple(r, t, to);
		return;
	case CTYPE_VARIANT:
	case CTYPE_ENUM:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		read_choice(r, t, to);
		return;
	case CTYPE_FLAGS:
		read_flags(r, t, to);
		return;
	case CTYPE_STRING:
		read_string(r, to);
		return;
	case CTYPE_LIST:
	case CTYPE_MAP:
		read_list(r, t, to);
		return;
	case CTYPE_FIXED_LIST:
		for (uint32_t i = 0; i < t->length; i++)
			read_tuple(r, t, to + i * t->members[0].type->bytes);
		return;
	default:
		if (t->kind >= CTYPE_PRIMITIVES || t->kind == CTYPE_ERROR_CONTEXT)
			fail("values of this type have no text", ctype_name(t));
		layout_store(to, t->bytes, next_number(r));
	}
}

void values_lower(void *context, struct component_call *callee, void *params)
{
	const struct values *v = context;
	struct reading r = {v->in, callee};
	read_tuple(&r, v->type, params);
	if (*r.at)
		fail("too many arguments", r.at);
}

/* --- to text --- */

struct writing {
	FILE *out;
	struct component_call *callee;
};

static void write_value(struct writing *w, const struct ctype *t, const uint8_t *from);

static void write_tuple(struct writing *w, const struct ctype *t, const uint8_t *from)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < t->count; i++) {
		at = layout_align(at, t->members[i].type->align);
		write_value(w, t->members[i].type, from + at);
		at += t->members[i].type->bytes;
	}
}

static void write_choice(struct writing *w, const struct ctype *t, const uint8_t *from)
{
	const uint32_t n = (uint32_t)layout_load(from, layout_number_bytes(layout_cases(t)));
	if (n >= layout_cases(t))
		call_trap(w->callee, "invalid variant discriminant");
	if (t->kind == CTYPE_VARIANT || t->kind == CTYPE_ENUM)
		fprintf(w->out, "c%.*s ", (int)t->members[n].name.bytes, t->members[n].name.text);
	else
		fprintf(w->out, "%u ", n);
	if (layout_case(t, n))
		write_value(w, layout_case(t, n), from + layout_payload(t));
}

static void write_flags(struct writing *w, const struct ctype *t, const uint8_t *from)
{
	const uint64_t bits = layout_load(from, t->bytes) & ((1ull << t->count) - 1);
	fprintf(w->out, "%d ", __builtin_popcountll(bits));
	for (uint32_t i = 0; i < t->count; i++)
		if (bits >> i & 1)
			fprintf(w->out, "%.*s ", (int)t->members[i].name.bytes,
				t->members[i].name.text);
}

static void write_string(struct writing *w, const uint8_t *from)
{
	static char text[WORD_BYTES];
	uint32_t pair[2];
	memcpy(pair, from, sizeof(pair));
	int64_t n = call_text(w->callee, pair, text, sizeof(text));
	if (n < 0)
		fail("a string is too long", "");
	fputc('x', w->out);
	for (int64_t i = 0; i < n; i++)
		fprintf(w->out, "%02x", (unsigned char)text[i]);
	fputc(' ', w->out);
}

static void write_list(struct writing *w, const struct ctype *t, const uint8_t *from)
{
	const struct layout_tuple each = layout_tuple(t);
	uint32_t pair[2];
	memcpy(pair, from, sizeof(pair));
	const uint8_t *items = call_span(w->callee, pair[0], pair[1] * each.bytes);
	fprintf(w->out, "%u ", pair[1]);
	for (uint32_t i = 0; i < pair[1]; i++)
		write_tuple(w, t, items + i * each.bytes);
}

static void write_number(struct writing *w, const struct ctype *t, const uint8_t *from)
{
	const unsigned unused = 64 - 8 * t->bytes;
	const uint64_t v = layout_load(from, t->bytes);
	if (t->kind == CTYPE_S8 || t->kind == CTYPE_S16 || t->kind == CTYPE_S32 ||
	    t->kind == CTYPE_S64)
		fprintf(w->out, "%ld ", (long)(v << unused) >> unused);
	else if (t->kind == CTYPE_BOOL)
		fprintf(w->out, "%d ", v != 0);
	else
		fprintf(w->out, "%lu ", (unsigned long)v);
	if (t->kind == CTYPE_CHAR && (v >= 0x110000 || (v >= 0xd800 && v <= 0xdfff)))
		call_trap(w->callee, "invalid `char` bit pattern");
}

/* An own that is returned is the host's, which forgets it. */
static void write_own(struct writing *w, const struct ctype *t, const uint8_t *from)
{
	const struct resource_type *type = resource_at(w->callee->inst, t->of->resource);
	fprintf(w->out, "%u ", own_lift(w->callee, type, (uint32_t)layout_load(from, 4)));
}

static void write_value(struct writing *w, const struct ctype *t, const uint8_t *from)
{
	switch (t->kind) {
	case CTYPE_OWN:
		write_own(w, t, from);
		return;
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
		write_tuple(w, t, from);
		return;
	case CTYPE_VARIANT:
	case CTYPE_ENUM:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		write_choice(w, t, from);
		return;
	case CTYPE_FLAGS:
		write_flags(w, t, from);
		return;
	case CTYPE_STRING:
		write_string(w, from);
		return;
	case CTYPE_LIST:
	case CTYPE_MAP:
		write_list(w, t, from);
		return;
	case CTYPE_FIXED_LIST:
		for (uint32_t i = 0; i < t->length; i++)
			write_tuple(w, t, from + i * t->members[0].type->bytes);
		return;
	default:
		if (t->kind >= CTYPE_PRIMITIVES || t->kind == CTYPE_ERROR_CONTEXT)
			fail("values of this type have no text", ctype_name(t));
		write_number(w, t, from);
	}
}

void values_lift(void *context, struct component_call *callee, const void *result)
{
	const struct values *v = context;
	struct writing w = {v->out, callee};
	write_value(&w, v->type->of, result);
}
