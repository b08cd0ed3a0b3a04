/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments and results of a component's functions, as bytes for mote_sandbox_call (mote/call.h),
 * for both sides. Freestanding; nothing here allocates.
 *
 * A component's exported functions take bytes and return bytes ("y:y"). Their names are those of
 * the component's own functions, as "add", and those of its interfaces, as
 * "docs:adder/add@0.1.0#add". The bytes are values, one after the other: the arguments in order;
 * the result, or nothing if there is none. Compound ones are a head and then their parts:
 *
 *   LIST     how many elements, then each; of u8 it is BYTES
 *   RECORD   how many fields, then each in the order of the definition; tuples are records
 *   CASE     which one, and whether a value follows: of variants and enums in the order of the
 *            definition; of option 0 is none, 1 some; of result 0 is ok, 1 err
 *   FLAGS    a bit for each, the first is 1
 *
 *     uint8_t space[256];
 *     struct mote_wit_out args = {.at = space, .capacity = sizeof(space)};
 *     mote_wit_put_string(&args, "you", 3);
 *     mote_wit_put_head(&args, MOTE_WIT_LIST, 1);
 *     mote_wit_put_signed(&args, -1);                  fits if args.len <= args.capacity
 *     struct mote_value arg = mote_bytes(space, args.len), result = {0};
 *     mote_sandbox_call(sandbox, "greet", &arg, 1, &result, &error);
 *     struct mote_wit_in in = {result.of.bytes.data, result.of.bytes.len};
 *     struct mote_wit v;
 *     mote_wit_get(&in, &v);                           v.of.string.text: "hello, you"
 *
 * Bytes that are not the function's parameters are refused before it is called (EREMOTEIO; the text
 * says why), as are functions with handles, streams, futures or maps, and async ones. A result is
 * the guest's: untrusted.
 */
#ifndef MOTE_WIT_H
#define MOTE_WIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mote_wit_type {
	MOTE_WIT_BOOL = 'b',
	MOTE_WIT_SIGNED = 'i',   /* s8 to s64; also u8 to u64, if it fits */
	MOTE_WIT_UNSIGNED = 'u', /* u8 to u64; also s8 to s64, if it fits */
	MOTE_WIT_F32 = 'f',
	MOTE_WIT_F64 = 'F',
	MOTE_WIT_CHAR = 'c',
	MOTE_WIT_STRING = 's', /* UTF-8; a NUL inside is a character like others */
	MOTE_WIT_BYTES = 'y',
	MOTE_WIT_LIST = 'l',
	MOTE_WIT_RECORD = 'r',
	MOTE_WIT_CASE = 'o',
	MOTE_WIT_FLAGS = 'g',
};

/* A value, or the head of a compound one. */
struct mote_wit {
	enum mote_wit_type type;
	union {
		bool boolean;
		int64_t sint;
		uint64_t uint;
		float f32;
		double f64;
		uint32_t character, flags;
		struct {
			const char *text; /* a NUL follows the last byte */
			size_t len;       /* bytes without that */
		} string;
		struct {
			const void *data;
			size_t len;
		} bytes;
		uint32_t count; /* LIST, RECORD */
		struct {
			uint32_t number;
			bool has_value;
		} chosen; /* CASE */
	} of;
};

/*
 * Bytes being written to memory of the caller's. len counts on behind capacity: then nothing was
 * stored there, and len is what it takes.
 */
struct mote_wit_out {
	uint8_t *at;
	size_t len, capacity;
};

static inline void mote_wit_put_raw(struct mote_wit_out *o, const void *bytes, size_t n)
{
	if (n && o->len <= o->capacity && n <= o->capacity - o->len)
		memcpy(o->at + o->len, bytes, n);
	o->len = n > SIZE_MAX - o->len ? SIZE_MAX : o->len + n;
}

static inline void mote_wit_put_byte(struct mote_wit_out *o, uint8_t byte)
{
	mote_wit_put_raw(o, &byte, 1);
}

static inline void mote_wit_put_word(struct mote_wit_out *o, uint8_t type, uint64_t v, size_t bytes)
{
	mote_wit_put_byte(o, type);
	mote_wit_put_raw(o, &v, bytes);
}

static inline void mote_wit_put_bool(struct mote_wit_out *o, bool v)
{
	mote_wit_put_word(o, MOTE_WIT_BOOL, v, 1);
}

static inline void mote_wit_put_signed(struct mote_wit_out *o, int64_t v)
{
	mote_wit_put_word(o, MOTE_WIT_SIGNED, (uint64_t)v, 8);
}

static inline void mote_wit_put_unsigned(struct mote_wit_out *o, uint64_t v)
{
	mote_wit_put_word(o, MOTE_WIT_UNSIGNED, v, 8);
}

static inline void mote_wit_put_f32(struct mote_wit_out *o, float v)
{
	mote_wit_put_byte(o, MOTE_WIT_F32);
	mote_wit_put_raw(o, &v, sizeof(v));
}

static inline void mote_wit_put_f64(struct mote_wit_out *o, double v)
{
	mote_wit_put_byte(o, MOTE_WIT_F64);
	mote_wit_put_raw(o, &v, sizeof(v));
}

static inline void mote_wit_put_char(struct mote_wit_out *o, uint32_t v)
{
	mote_wit_put_word(o, MOTE_WIT_CHAR, v, 4);
}

/* Text that is too long for the encoding makes it too long for any memory. */
static inline void mote_wit_put_string(struct mote_wit_out *o, const char *text, size_t len)
{
	mote_wit_put_word(o, MOTE_WIT_STRING, len, 4);
	mote_wit_put_raw(o, text, len);
	mote_wit_put_byte(o, 0);
	if (len > UINT32_MAX)
		o->len = SIZE_MAX;
}

static inline void mote_wit_put_bytes(struct mote_wit_out *o, const void *data, size_t len)
{
	mote_wit_put_word(o, MOTE_WIT_BYTES, len, 4);
	mote_wit_put_raw(o, data, len);
	if (len > UINT32_MAX)
		o->len = SIZE_MAX;
}

/* Of a LIST or RECORD, whose parts are put next. */
static inline void mote_wit_put_head(struct mote_wit_out *o, enum mote_wit_type type,
				     uint32_t count)
{
	mote_wit_put_word(o, (uint8_t)type, count, 4);
}

/* If it has a value, that is put next. */
static inline void mote_wit_put_case(struct mote_wit_out *o, uint32_t number, bool has_value)
{
	mote_wit_put_word(o, MOTE_WIT_CASE, number, 4);
	mote_wit_put_byte(o, has_value);
}

static inline void mote_wit_put_flags(struct mote_wit_out *o, uint32_t flags)
{
	mote_wit_put_word(o, MOTE_WIT_FLAGS, flags, 4);
}

/* Bytes being read: borrowed. */
struct mote_wit_in {
	const void *at;
	size_t left;
};

static inline bool mote_wit_take(struct mote_wit_in *in, void *to, size_t n)
{
	if (n > in->left)
		return false;
	memcpy(to, in->at, n);
	in->at = (const uint8_t *)in->at + n;
	in->left -= n;
	return true;
}

/* So many bytes in place, NULL if they are not there. */
static inline const void *mote_wit_span(struct mote_wit_in *in, size_t n)
{
	const void *at = in->at;
	if (n > in->left)
		return NULL;
	in->at = (const uint8_t *)at + n;
	in->left -= n;
	return at;
}

static inline bool mote_wit_get_text(struct mote_wit_in *in, struct mote_wit *v, bool is_string)
{
	uint32_t len;
	if (!mote_wit_take(in, &len, sizeof(len)))
		return false;
	const void *at = mote_wit_span(in, len);
	uint8_t end = 1;
	v->of.bytes.data = at;
	v->of.bytes.len = len;
	if (!at || !is_string)
		return at != NULL;
	v->of.string.text = (const char *)at;
	v->of.string.len = len;
	return mote_wit_take(in, &end, 1) && end == 0;
}

static inline bool mote_wit_get_truth(struct mote_wit_in *in, bool *to)
{
	uint8_t byte;
	if (!mote_wit_take(in, &byte, 1) || byte > 1)
		return false;
	*to = byte;
	return true;
}

/*
 * The next value or head: false at the end and if the bytes are none. Strings and bytes point into
 * what is read. How many parts follow is what the head says, which need not be true: count them.
 */
static inline bool mote_wit_get(struct mote_wit_in *in, struct mote_wit *v)
{
	uint8_t type;
	memset(v, 0, sizeof(*v));
	if (!mote_wit_take(in, &type, 1) || type > 'z') /* C++ has no enum of any byte */
		return false;
	v->type = (enum mote_wit_type)type;
	switch (type) {
	case MOTE_WIT_BOOL:
		return mote_wit_get_truth(in, &v->of.boolean);
	case MOTE_WIT_SIGNED:
	case MOTE_WIT_UNSIGNED:
	case MOTE_WIT_F64:
		return mote_wit_take(in, &v->of, 8);
	case MOTE_WIT_F32:
	case MOTE_WIT_CHAR:
	case MOTE_WIT_LIST:
	case MOTE_WIT_RECORD:
	case MOTE_WIT_FLAGS:
		return mote_wit_take(in, &v->of, 4);
	case MOTE_WIT_STRING:
	case MOTE_WIT_BYTES:
		return mote_wit_get_text(in, v, type == MOTE_WIT_STRING);
	case MOTE_WIT_CASE:
		return mote_wit_take(in, &v->of.chosen.number, 4) &&
		       mote_wit_get_truth(in, &v->of.chosen.has_value);
	default:
		return false;
	}
}

#ifdef __cplusplus
}
#endif
#endif
