/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters from the host's bytes, and results to them. Types direct both and nest 100 deep, which
 * bounds the recursion. Parameters are read twice: before the call, when they may be refused, and
 * when they are stored.
 */
#include "guest/component/encode.h"

#include "guest/component/call.h"

/* --- which functions --- */

const char *encode_refuses(const struct ctype *func)
{
	if (func->is_async)
		return "async functions are not supported";
	if (func->has_handle)
		return "handles cannot be passed";
	if (func->has_stream)
		return "streams and futures cannot be passed";
	if (func->has_map)
		return "maps cannot be passed";
	return NULL;
}

/* --- reading; `to` is NULL while it is only checked, and nothing fails later --- */

#define TOO_FEW "there are too few arguments, or they are damaged"

struct decoder {
	struct mote_wit_in in;
	struct component_call *callee;
	const char *why; /* the first reason */
};

static bool refuse(struct decoder *d, const char *why)
{
	d->why = why;
	return false;
}

static bool next(struct decoder *d, enum mote_wit_type type, struct mote_wit *v)
{
	if (!mote_wit_get(&d->in, v))
		return refuse(d, TOO_FEW);
	return v->type == type || refuse(d, "an argument is of another type");
}

static void store(uint8_t *to, uint32_t bytes, uint64_t v)
{
	if (to)
		layout_store(to, bytes, v);
}

static uint8_t *at_offset(uint8_t *to, uint64_t offset)
{
	return to ? to + offset : NULL;
}

static bool is_signed(const struct ctype *t)
{
	return t->kind == CTYPE_S8 || t->kind == CTYPE_S16 || t->kind == CTYPE_S32 ||
	       t->kind == CTYPE_S64;
}

static bool read_integer(struct decoder *d, const struct ctype *t, uint8_t *to)
{
	struct mote_wit v;
	if (!mote_wit_get(&d->in, &v))
		return refuse(d, TOO_FEW);
	if (v.type != MOTE_WIT_SIGNED && v.type != MOTE_WIT_UNSIGNED)
		return refuse(d, "an argument is not an integer");
	const unsigned bits = 8 * t->bytes - is_signed(t);
	const uint64_t most = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;
	const bool negative = v.type == MOTE_WIT_SIGNED && v.of.sint < 0;
	if (negative ? !is_signed(t) || ~v.of.uint > most : v.of.uint > most)
		return refuse(d, "an integer is outside of its type");
	store(to, t->bytes, v.of.uint);
	return true;
}

static bool read_char(struct decoder *d, uint8_t *to)
{
	struct mote_wit v;
	if (!next(d, MOTE_WIT_CHAR, &v))
		return false;
	if (v.of.character > 0x10ffff || (v.of.character >= 0xd800 && v.of.character <= 0xdfff))
		return refuse(d, "there is no such character");
	store(to, 4, v.of.character);
	return true;
}

/* Whether bytes are UTF-8 from first to last. */
static bool is_utf8(const uint8_t *at, size_t len)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	while (len) {
		const uint8_t first = *at++;
		const uint32_t more = (first >= 0xc2) + (first >= 0xe0) + (first >= 0xf0);
		uint32_t v = first & (more ? 0x3fu >> more : 0x7f);
		len--;
		if ((first >= 0x80 && !more) || first > 0xf4 || more > len)
			return false;
		for (uint32_t i = 0; i < more; i++, at++, len--) {
			if ((*at & 0xc0) != 0x80)
				return false;
			v = v << 6 | (*at & 0x3f);
		}
		if (v < least[more] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
			return false;
	}
	return true;
}

static bool read_string(struct decoder *d, uint8_t *to)
{
	struct mote_wit v;
	uint32_t pair[2];
	if (!next(d, MOTE_WIT_STRING, &v))
		return false;
	if (!to)
		return is_utf8((const uint8_t *)v.of.string.text, v.of.string.len) ||
		       refuse(d, "a string is not UTF-8");
	call_string(d->callee, v.of.string.text, (uint32_t)v.of.string.len, pair);
	memcpy(to, pair, sizeof(pair));
	return true;
}

static bool read_value(struct decoder *d, const struct ctype *t, uint8_t *to);

static bool read_members(struct decoder *d, const struct ctype *t, uint8_t *to)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < t->count; i++) {
		const struct ctype *part = t->members[i].type;
		at = layout_align(at, part->align);
		if (!read_value(d, part, at_offset(to, at)))
			return false;
		at += part->bytes;
	}
	return true;
}

static bool read_record(struct decoder *d, const struct ctype *t, uint8_t *to)
{
	struct mote_wit v;
	if (!next(d, MOTE_WIT_RECORD, &v))
		return false;
	if (v.of.count != t->count)
		return refuse(d, "a record has another number of fields");
	return read_members(d, t, to);
}

static bool read_case(struct decoder *d, const struct ctype *t, uint8_t *to)
{
	struct mote_wit v;
	if (!next(d, MOTE_WIT_CASE, &v))
		return false;
	const uint32_t cases = layout_cases(t);
	if (v.of.chosen.number >= cases)
		return refuse(d, "there is no case of that number");
	const struct ctype *payload = layout_case(t, v.of.chosen.number);
	if (v.of.chosen.has_value != (payload != NULL))
		return refuse(d, "a case has a value, or none, unlike its definition");
	store(to, layout_number_bytes(cases), v.of.chosen.number);
	return !payload || read_value(d, payload, at_offset(to, layout_payload(t)));
}

static bool read_flags(struct decoder *d, const struct ctype *t, uint8_t *to)
{
	struct mote_wit v;
	if (!next(d, MOTE_WIT_FLAGS, &v))
		return false;
	if (t->count < 32 && v.of.flags >> t->count)
		return refuse(d, "there is no such flag");
	store(to, t->bytes, v.of.flags);
	return true;
}

/* Where a list's elements go, and its address and length; NULL while it is only checked. */
static uint8_t *begin_list(const struct decoder *d, const struct ctype *element, uint32_t count,
			   uint8_t *to)
{
	uint32_t pair[2] = {0, count};
	if (!to)
		return NULL;
	uint8_t *at = call_allocate(d->callee, element->align, (uint64_t)count * element->bytes,
				    &pair[0]);
	memcpy(to, pair, sizeof(pair));
	return at;
}

static bool read_list(struct decoder *d, const struct ctype *t, uint8_t *to)
{
	const struct ctype *element = t->members[0].type;
	struct mote_wit v;
	struct mote_wit_in ahead = d->in;
	const bool is_fixed = t->kind == CTYPE_FIXED_LIST;
	if (element->kind == CTYPE_U8 && !is_fixed && mote_wit_get(&ahead, &v) &&
	    v.type == MOTE_WIT_BYTES) {
		d->in = ahead;
		uint8_t *at = begin_list(d, element, (uint32_t)v.of.bytes.len, to);
		if (at)
			memcpy(at, v.of.bytes.data, v.of.bytes.len);
		return true;
	}
	if (!next(d, MOTE_WIT_LIST, &v))
		return false;
	if (is_fixed && v.of.count != t->length)
		return refuse(d, "a list is not of its length");
	uint8_t *at = is_fixed ? to : begin_list(d, element, v.of.count, to);
	for (uint32_t i = 0; i < v.of.count; i++)
		if (!read_value(d, element, at_offset(at, (uint64_t)i * element->bytes)))
			return false;
	return true;
}

static bool read_plain(struct decoder *d, const struct ctype *t, enum mote_wit_type type,
		       uint8_t *to)
{
	struct mote_wit v;
	if (!next(d, type, &v))
		return false;
	store(to, t->bytes, layout_load((const uint8_t *)&v.of, t->bytes));
	return true;
}

static bool read_value(struct decoder *d, const struct ctype *t, uint8_t *to)
{
	switch (t->kind) {
	case CTYPE_BOOL:
		return read_plain(d, t, MOTE_WIT_BOOL, to);
	case CTYPE_F32:
		return read_plain(d, t, MOTE_WIT_F32, to);
	case CTYPE_F64:
		return read_plain(d, t, MOTE_WIT_F64, to);
	case CTYPE_CHAR:
		return read_char(d, to);
	case CTYPE_STRING:
		return read_string(d, to);
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
		return read_record(d, t, to);
	case CTYPE_LIST:
	case CTYPE_FIXED_LIST:
		return read_list(d, t, to);
	case CTYPE_FLAGS:
		return read_flags(d, t, to);
	case CTYPE_VARIANT:
	case CTYPE_ENUM:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		return read_case(d, t, to);
	default:
		return read_integer(d, t, to);
	}
}

const char *encode_check(struct mote_wit_in in, const struct ctype *func)
{
	struct decoder d = {.in = in};
	if (!read_members(&d, func, NULL))
		return d.why;
	return d.in.left ? "there are too many arguments" : NULL;
}

void encode_params(struct mote_wit_in in, const struct ctype *func, struct component_call *callee,
		   uint8_t *to)
{
	struct decoder d = {.in = in, .callee = callee};
	(void)read_members(&d, func, to);
}

/* --- writing --- */

/* Other encodings: if it does not fit, at most how much it takes. */
static void put_string(struct mote_wit_out *o, const struct component_call *callee,
		       const uint8_t *from)
{
	uint32_t pair[2];
	memcpy(pair, from, sizeof(pair));
	const struct text t = text_lift(callee, pair[0], pair[1]);
	if (t.encoding == TEXT_UTF8) {
		mote_wit_put_string(o, (const char *)t.at, t.units);
		return;
	}
	const size_t begin = o->len;
	int64_t bytes = -1;
	mote_wit_put_word(o, MOTE_WIT_STRING, 0, 4);
	if (o->len <= o->capacity)
		bytes = text_to_utf8(callee->inst->of, &t, o->at + o->len, o->capacity - o->len);
	if (bytes < 0) {
		o->len = begin + 6 + 3 * (size_t)t.units;
		if (o->len <= o->capacity) /* it does not fit, whatever is said above */
			o->len = o->capacity + 1;
		return;
	}
	const uint32_t len = (uint32_t)bytes;
	memcpy(o->at + begin + 1, &len, sizeof(len));
	o->len += len;
	mote_wit_put_byte(o, 0);
}

static void put_members(struct mote_wit_out *o, const struct ctype *t,
			struct component_call *callee, const uint8_t *from)
{
	uint64_t at = 0;
	mote_wit_put_head(o, MOTE_WIT_RECORD, t->count);
	for (uint32_t i = 0; i < t->count; i++) {
		const struct ctype *part = t->members[i].type;
		at = layout_align(at, part->align);
		encode_value(o, part, callee, from + at);
		at += part->bytes;
	}
}

static void put_case(struct mote_wit_out *o, const struct ctype *t, struct component_call *callee,
		     const uint8_t *from)
{
	const uint32_t cases = layout_cases(t);
	const uint32_t n = (uint32_t)layout_load(from, layout_number_bytes(cases));
	if (n >= cases)
		call_trap(callee, "invalid variant discriminant");
	const struct ctype *payload = layout_case(t, n);
	mote_wit_put_case(o, n, payload != NULL);
	if (payload)
		encode_value(o, payload, callee, from + layout_payload(t));
}

static void put_list(struct mote_wit_out *o, const struct ctype *t, struct component_call *callee,
		     const uint8_t *from)
{
	const struct ctype *element = t->members[0].type;
	uint32_t pair[2] = {0, t->length};
	if (t->kind == CTYPE_LIST) {
		memcpy(pair, from, sizeof(pair));
		from = side_span(callee, pair[0], (uint64_t)pair[1] * element->bytes,
				 element->align, "list");
	}
	if (element->kind == CTYPE_U8 && t->kind == CTYPE_LIST) {
		mote_wit_put_bytes(o, from, pair[1]);
		return;
	}
	mote_wit_put_head(o, MOTE_WIT_LIST, pair[1]);
	for (uint32_t i = 0; i < pair[1]; i++)
		encode_value(o, element, callee, from + (uint64_t)i * element->bytes);
}

static void put_char(struct mote_wit_out *o, struct component_call *callee, uint32_t v)
{
	if (v >= 0x110000 || (v >= 0xd800 && v <= 0xdfff))
		call_trap(callee, "invalid `char` bit pattern");
	mote_wit_put_char(o, v);
}

static void put_integer(struct mote_wit_out *o, const struct ctype *t, uint64_t v)
{
	const unsigned unused = 64 - 8 * t->bytes;
	if (is_signed(t))
		mote_wit_put_signed(o, (int64_t)(v << unused) >> unused);
	else
		mote_wit_put_unsigned(o, v);
}

void encode_value(struct mote_wit_out *o, const struct ctype *t, struct component_call *callee,
		  const uint8_t *from)
{
	switch (t->kind) {
	case CTYPE_BOOL:
		mote_wit_put_bool(o, *from != 0);
		return;
	case CTYPE_F32:
		mote_wit_put_word(o, MOTE_WIT_F32, layout_load(from, 4), 4);
		return;
	case CTYPE_F64:
		mote_wit_put_word(o, MOTE_WIT_F64, layout_load(from, 8), 8);
		return;
	case CTYPE_CHAR:
		put_char(o, callee, (uint32_t)layout_load(from, 4));
		return;
	case CTYPE_STRING:
		put_string(o, callee, from);
		return;
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
		put_members(o, t, callee, from);
		return;
	case CTYPE_LIST:
	case CTYPE_FIXED_LIST:
		put_list(o, t, callee, from);
		return;
	case CTYPE_FLAGS:
		mote_wit_put_flags(o, (uint32_t)layout_load(from, t->bytes) &
					      (uint32_t)((1ull << t->count) - 1));
		return;
	case CTYPE_VARIANT:
	case CTYPE_ENUM:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		put_case(o, t, callee, from);
		return;
	default:
		put_integer(o, t, layout_load(from, t->bytes));
	}
}
