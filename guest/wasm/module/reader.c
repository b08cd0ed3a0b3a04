/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of a module's bytes, which are untrusted (WebAssembly specification, chapter 5.2:
 * values of the binary format).
 */
#include "guest/wasm/module/reader.h"

#include "guest/wasm/module/features.h"
#include "guest/wasm/module/module.h"
#include "guest/wasm/module/types.h"

_Noreturn void reader_fail(const struct reader *r, enum wasm_error_kind kind, const char *what)
{
	wasm_fail(r->fail, kind, reader_offset(r), "%s", what);
}

void reader_ended(const struct reader *r)
{
	reader_fail(r, WASM_ERROR_MALFORMED, "unexpected end");
}

/*
 * LEB128 of at most `bits` bits; the unused bits of the last byte must be a sign extension or zero.
 */
static uint64_t read_leb(struct reader *r, unsigned bits, bool is_signed)
{
	uint64_t v = 0;
	for (unsigned shift = 0;; shift += 7) {
		uint8_t b = read_u8(r);
		v |= (uint64_t)(b & 0x7f) << shift;
		if (shift + 7 < bits) {
			if (b & LEB_MORE)
				continue;
			if (is_signed && (b & 0x40))
				v |= ~0ull << (shift + 7);
			return v;
		}
		r->p--;
		if (b & LEB_MORE)
			reader_fail(r, WASM_ERROR_MALFORMED, "integer representation too long");
		unsigned used = bits - shift; /* bits of this byte that count */
		uint8_t rest = (uint8_t)(b >> (used - is_signed));
		uint8_t ones = (uint8_t)(0x7f >> (used - is_signed));
		if (rest != 0 && !(is_signed && rest == ones))
			reader_fail(r, WASM_ERROR_MALFORMED, "integer too large");
		r->p++;
		if (is_signed && rest && shift + 7 < 64)
			v |= ~0ull << (shift + 7);
		return v;
	}
}

/*
 * Numbers of at most 28 bits, and positive ones of 5 bytes, as linkers write addresses: none of
 * their bits can be one too many. Returns how many bits there are, or 0 for other numbers.
 */
static inline unsigned read_short_leb(struct reader *r, uint32_t *v)
{
	const uint8_t *p = r->p;
	uint32_t bits = 0;
	if (r->end - p < 5)
		return 0;
	for (unsigned i = 0; i < 4; i++) {
		bits |= (p[i] & 0x7fu) << 7 * i;
		if (p[i] < LEB_MORE) {
			r->p = p + i + 1;
			*v = bits;
			return 7 * (i + 1);
		}
	}
	if (p[4] >= 8) /* more bits, or a sign */
		return 0;
	r->p = p + 5;
	*v = bits | (uint32_t)p[4] << 28;
	return 32;
}

uint32_t read_long_u32(struct reader *r)
{
	uint32_t v;
	if (read_short_leb(r, &v))
		return v;
	return (uint32_t)read_leb(r, 32, false);
}

int32_t read_long_s32(struct reader *r)
{
	uint32_t v;
	unsigned bits = read_short_leb(r, &v);
	if (bits)
		return (int32_t)(v << (32 - bits)) >> (32 - bits);
	return (int32_t)read_leb(r, 32, true);
}

uint64_t read_u64(struct reader *r)
{
	uint32_t v;
	if (read_short_leb(r, &v))
		return v;
	return read_leb(r, 64, false);
}

int64_t read_s33(struct reader *r)
{
	return (int64_t)read_leb(r, 33, true);
}

int64_t read_s64(struct reader *r)
{
	uint32_t v;
	unsigned bits = read_short_leb(r, &v);
	if (bits)
		return (int32_t)(v << (32 - bits)) >> (32 - bits);
	return (int64_t)read_leb(r, 64, true);
}

const uint8_t *read_bytes(struct reader *r, uint32_t bytes)
{
	if (bytes > (uint64_t)(r->end - r->p))
		reader_fail(r, WASM_ERROR_MALFORMED, "unexpected end");
	const uint8_t *p = r->p;
	r->p += bytes;
	return p;
}

/* Of the sequence that begins with it. */
static unsigned utf8_bytes(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return 2u + (first >= 0xe0) + (first >= 0xf0);
}

/* Bytes of the UTF-8 sequence at p, 0 if it is malformed (Unicode 15, table 3-7). */
static unsigned utf8_sequence(const uint8_t *p, uint64_t left)
{
	uint8_t b = p[0], low = 0x80, high = 0xbf;
	unsigned n = utf8_bytes(b);
	if (n > left)
		return 0;
	if (b == 0xe0)
		low = 0xa0;
	else if (b == 0xed)
		high = 0x9f;
	else if (b == 0xf0)
		low = 0x90;
	else if (b == 0xf4)
		high = 0x8f;
	for (unsigned i = 1; i < n; i++, low = 0x80, high = 0xbf)
		if (p[i] < low || p[i] > high)
			return 0;
	return n;
}

struct wasm_name read_name(struct reader *r)
{
	uint32_t bytes = read_u32(r);
	const uint8_t *p = read_bytes(r, bytes);
	for (uint32_t i = 0; i < bytes;) {
		unsigned n = utf8_sequence(p + i, bytes - i);
		if (!n) {
			r->p = p + i;
			reader_fail(r, WASM_ERROR_MALFORMED, "malformed UTF-8 encoding");
		}
		i += n;
	}
	return (struct wasm_name){(const char *)p, bytes};
}

/* At a type that is not enabled. */
_Noreturn static void refuse_type(struct reader *r, uint8_t byte)
{
	const char *what = " (types)";
	if (byte == TYPE_V128)
		what = " (v128)";
	else if (wasm_types[byte].feature != FEATURE_GC)
		what = "";
	feature_refuse(r, wasm_types[byte].feature, what);
}

/* The type of an index, which may be one of the recursion group that is being decoded. */
static uint32_t type_at(const struct reader *r, const struct wasm_module *m, int64_t index)
{
	if (index >= 0 && index < m->type_count)
		return WASM_TYPE_DEFINED | m->types[index]->func.id;
	if (index < 0 || index - m->type_count >= m->open_types)
		reader_fail(r, WASM_ERROR_INVALID, "unknown type");
	return WASM_TYPE_DEFINED | TYPE_IN_GROUP | (uint32_t)(index - m->type_count);
}

static bool is_heap_byte(uint8_t b)
{
	return wasm_types[b].kind == TYPE_KIND_REFERENCE && b != TYPE_REF && b != TYPE_REF_NULL;
}

uint32_t read_heaptype(struct reader *r, struct wasm_module *m)
{
	const uint8_t *at = r->p;
	uint8_t b = r->p < r->end ? *r->p : 0;
	if (is_heap_byte(b) && feature_enabled(m, wasm_types[b].feature)) {
		r->p++;
		return b;
	}
	if (is_heap_byte(b) || wasm_types[b].kind == TYPE_KIND_HEAP)
		refuse_type(r, b);
	int64_t index = read_s33(r);
	if (index < 0) {
		r->p = at;
		reader_fail(r, WASM_ERROR_MALFORMED, "malformed heap type");
	}
	feature_need(r, m, FEATURE_FUNCTION_REFERENCES);
	return type_at(r, m, index);
}

uint32_t read_reftype(struct reader *r, struct wasm_module *m)
{
	uint8_t b = read_u8(r);
	if (b == WASM_FUNCREF || b == WASM_EXTERNREF)
		return b;
	bool known = wasm_types[b].kind == TYPE_KIND_REFERENCE;
	if (!known || !feature_enabled(m, wasm_types[b].feature)) {
		r->p--;
		if (known)
			refuse_type(r, b);
		reader_fail(r, WASM_ERROR_MALFORMED, "malformed reference type");
	}
	if (b != TYPE_REF && b != TYPE_REF_NULL)
		return b;
	m->long_types = true;
	uint32_t nullable = read_heaptype(r, m);
	return b == TYPE_REF ? nullable | WASM_TYPE_NON_NULL : nullable;
}

uint32_t read_valtype(struct reader *r, struct wasm_module *m)
{
	uint8_t b = read_u8(r);
	if (b >= WASM_F64 && b <= WASM_I32)
		return b;
	if (b == WASM_V128 && feature_enabled(m, FEATURE_SIMD))
		return b;
	r->p--;
	if (wasm_types[b].kind == TYPE_KIND_VECTOR)
		refuse_type(r, b);
	if (b < TYPE_FORM_FUNC || b > TYPE_I32)
		reader_fail(r, WASM_ERROR_MALFORMED, "malformed value type");
	return read_reftype(r, m);
}

uint32_t read_count(struct reader *r, uint32_t max, const char *what)
{
	uint64_t at = reader_offset(r);
	uint32_t n = read_u32(r);
	if (n > max)
		wasm_fail(r->fail, WASM_ERROR_LIMIT, at, "too many %s: %u, at most %u", what, n,
			  max);
	/* So a count cannot make us allocate more than the module is large. */
	if (n > (uint64_t)(r->end - r->p))
		reader_fail(r, WASM_ERROR_MALFORMED, "unexpected end: count exceeds the section");
	return n;
}
