/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed values of function calls between host and guest, for both sides. Freestanding.
 *
 * A signature is one letter for each parameter, a colon, and one letter for the result if there is
 * one: "sI:y" takes a string and an int64_t and returns bytes.
 */
#ifndef MOTE_VALUE_H
#define MOTE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mote_type {
	MOTE_ANY = 0,    /* for a wanted result: the type that the function returns */
	MOTE_VOID = 'v', /* no value; not in signatures */
	MOTE_I32 = 'i',
	MOTE_U32 = 'u',
	MOTE_I64 = 'I',
	MOTE_U64 = 'U',
	MOTE_F32 = 'f',
	MOTE_F64 = 'F',
	MOTE_BOOL = 'b',
	MOTE_STRING = 's', /* bytes without NUL, and a NUL after them; no encoding is checked */
	MOTE_BYTES = 'y',  /* any bytes, at no particular alignment */
};

#define MOTE_ARGS_MAX    32  /* parameters of a function */
#define MOTE_RESULTS_MAX 32  /* results; more than one only of WebAssembly functions */
#define MOTE_NAME_MAX    255 /* bytes of its name */

struct mote_value {
	enum mote_type type;
	union {
		int32_t i32;
		uint32_t u32;
		int64_t i64;
		uint64_t u64;
		float f32;
		double f64;
		bool boolean;
		struct {
			const char *text; /* NUL-terminated */
			size_t len;       /* bytes without the NUL */
		} string;
		struct {
			const void *data;
			size_t len;
		} bytes;
	} of;
};

static inline struct mote_value mote_void(void)
{
	struct mote_value v;
	v.type = MOTE_VOID;
	v.of.u64 = 0;
	return v;
}

#define MOTE_VALUE_OF(name, T, tag)                          \
	static inline struct mote_value mote_##name(T value) \
	{                                                    \
		struct mote_value v;                         \
		v.type = tag;                                \
		v.of.name = value;                           \
		return v;                                    \
	}
MOTE_VALUE_OF(i32, int32_t, MOTE_I32)
MOTE_VALUE_OF(u32, uint32_t, MOTE_U32)
MOTE_VALUE_OF(i64, int64_t, MOTE_I64)
MOTE_VALUE_OF(u64, uint64_t, MOTE_U64)
MOTE_VALUE_OF(f32, float, MOTE_F32)
MOTE_VALUE_OF(f64, double, MOTE_F64)
MOTE_VALUE_OF(boolean, bool, MOTE_BOOL)
#undef MOTE_VALUE_OF

/* The text, which may not be NULL, is borrowed for as long as the value is used. */
static inline struct mote_value mote_string(const char *text)
{
	struct mote_value v;
	v.type = MOTE_STRING;
	v.of.string.text = text;
	v.of.string.len = 0;
	while (text[v.of.string.len])
		v.of.string.len++;
	return v;
}

/* The bytes are borrowed for as long as the value is used. */
static inline struct mote_value mote_bytes(const void *data, size_t len)
{
	struct mote_value v;
	v.type = MOTE_BYTES;
	v.of.bytes.data = data;
	v.of.bytes.len = len;
	return v;
}

#ifdef __cplusplus
}
#endif
#endif
