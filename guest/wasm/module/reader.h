/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded reader over a module's bytes; whatever is wrong ends in wasm_fail. */
#ifndef MOTE_GUEST_WASM_MODULE_READER_H
#define MOTE_GUEST_WASM_MODULE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "guest/wasm/format.h"

struct wasm_module;

struct reader {
	const uint8_t *p, *end;
	const uint8_t *base; /* of the module, for offsets */
	struct failure *fail;
};
static inline uint64_t reader_offset(const struct reader *r)
{
	return (uint64_t)(r->p - r->base);
}
_Noreturn void reader_fail(const struct reader *r, enum wasm_error_kind kind, const char *what);
_Noreturn void reader_ended(const struct reader *r);
uint32_t read_long_u32(struct reader *r); /* of whatever length */
int32_t read_long_s32(struct reader *r);

/* In a byte of a number in LEB128: another one follows. */
enum { LEB_MORE = 0x80 };

/* A signed number of one byte. */
static inline int32_t leb_s7(uint8_t byte)
{
	return (int8_t)(byte << 1) >> 1;
}

static inline uint8_t read_u8(struct reader *r)
{
	if (__builtin_expect(r->p == r->end, 0))
		reader_ended(r);
	return *r->p++;
}

/* Of one byte nearly always. */
static inline uint32_t read_u32(struct reader *r)
{
	if (__builtin_expect(r->p < r->end && *r->p < LEB_MORE, 1))
		return *r->p++;
	return read_long_u32(r);
}

static inline int32_t read_s32(struct reader *r)
{
	if (__builtin_expect(r->p < r->end && *r->p < LEB_MORE, 1))
		return leb_s7(*r->p++);
	return read_long_s32(r);
}

uint64_t read_u64(struct reader *r);
int64_t read_s33(struct reader *r);
int64_t read_s64(struct reader *r);
const uint8_t *read_bytes(struct reader *r, uint32_t bytes);
struct wasm_name read_name(struct reader *r);
/* Of things that take a byte each at least: no more than `max`, nor than there are bytes. */
uint32_t read_count(struct reader *r, uint32_t max, const char *what);
uint32_t read_valtype(struct reader *r, struct wasm_module *m);
uint32_t read_reftype(struct reader *r, struct wasm_module *m);
/* As the type of references to it that may be null. */
uint32_t read_heaptype(struct reader *r, struct wasm_module *m);

#endif
